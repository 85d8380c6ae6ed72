"""The story of a line that the simulator is told: a JSON text, read strictly."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from finance.errors import DomainError, Kind
from finance.money import format_yuan, parse_yuan
from huabei.errors import LARGEST_AMOUNT_FEN
from huabei.models import Posting
from huabei.services.lines import CALENDARS
from payments.models import AutopayAmount

# The fields that events of each type have beside their day, type and ref: those they need, and those they may have.
EVENT_TYPES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "purchase": (frozenset({"amount"}), frozenset({"instalments", "escrow", "share", "campaign"})),
    "capture": (frozenset(), frozenset({"amount", "final"})),
    "receipt": (frozenset(), frozenset()),
    "void": (frozenset(), frozenset({"amount"})),
    "refund": (frozenset(), frozenset({"amount"})),
    "repayment": (frozenset({"amount"}), frozenset({"value_date"})),
    "statement_plan": (frozenset({"amount", "instalments"}), frozenset()),
    "payoff": (frozenset(), frozenset()),
    "reversal": (frozenset(), frozenset()),
    "calendar_change": (frozenset({"statement_day"}), frozenset()),
    "limit": (frozenset({"amount"}), frozenset()),
    "temporary_limit": (frozenset({"amount", "last_day"}), frozenset()),
    "freeze": (frozenset({"cause"}), frozenset()),
    "thaw": (frozenset(), frozenset()),
    "close": (frozenset(), frozenset()),
    "credit_payout": (frozenset({"amount"}), frozenset()),
    "source": (frozenset({"amount"}), frozenset()),
    "autopay": (frozenset({"choice"}), frozenset()),
    # With the person that the ref names: invited up to a monthly cap, accepted, given another cap, ended, or left by them.
    "share": (frozenset({"amount"}), frozenset()),
    "share_accepted": (frozenset(), frozenset()),
    "share_cap": (frozenset({"amount"}), frozenset()),
    "share_ended": (frozenset(), frozenset()),
    "share_left": (frozenset(), frozenset()),
    # The shop pays the fee of instalments of this number, from now or a first day until a last day or its budget is spent.
    "campaign": (
        frozenset({"amount", "last_day", "instalments"}),
        frozenset({"first_day", "smallest", "largest"}),
    ),
    # It promises something else from now on; what is not named stays.
    "campaign_changed": (
        frozenset(),
        frozenset({"amount", "first_day", "last_day", "smallest", "largest"}),
    ),
    "campaign_ended": (frozenset(), frozenset()),
    # Purchases at the shop, or with `escrow` at the one that was in escrow at first, post otherwise from a day on.
    "posting": (frozenset({"posting"}), frozenset({"first_day", "escrow"})),
}
FIELDS = frozenset().union(*(needed | allowed for needed, allowed in EVENT_TYPES.values()))
MOST_EVENTS = 10_000
LONGEST_DAYS = 3_660
LONGEST_REF = 48
MOST_INSTALMENTS = 60
# The product's first terms are of the first of these days.
FIRST_OPENING, LAST_OPENING = date(2000, 1, 1), date(2100, 1, 1)

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class BadStory(DomainError):
    """The story cannot be told: `field` names what is wrong, the message says what would be right."""

    code = "bad_story"
    kind = Kind.MALFORMED


@dataclass(frozen=True, slots=True)
class Event:
    """
    One thing that happens to the line. `amount_fen` is None where the whole purchase is meant; `value_on` is the day from
    which a repayment counts; `statement_day` is the new one of a change.
    """

    position: int
    on: date
    type: str
    ref: str
    amount_fen: int | None
    value_on: date
    statement_day: int
    # Of a capture: whether what it leaves is released.
    final: bool = True
    instalments: int | None = None
    # Of a temporary limit.
    last_day: date | None = None
    # Of a freeze.
    cause: str = ""
    # Of autopay: what is collected on due days.
    choice: str = ""
    # Of a purchase: whether it is made at the shop where it is paid at once and posts when its receipt is confirmed, or the
    # time to do so is over; unless that shop posts otherwise since.
    escrow: bool = False
    # Of a posting: when purchases post. From which day on, as of a campaign; today where none is given.
    posting: str = ""
    first_day: date | None = None
    # Of a purchase: the person who makes it, by the ref of the share; empty for the owner.
    share: str = ""
    # Of a purchase: the campaign that is to pay its fee, by ref; of a campaign, between what its purchases must be.
    campaign: str = ""
    smallest_fen: int | None = None
    largest_fen: int | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A line and what happens to it until a date; what comes later has not happened yet."""

    limit_fen: int
    statement_day: int
    due_day: int
    opened_on: date
    events: tuple[Event, ...]
    until: date


def _fields(
    given: Any, where: str, required: set[str], optional: frozenset[str] = frozenset()
) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise BadStory("must be an object", field=where)
    dot = f"{where}." if where else ""
    for name in sorted(required - given.keys()):
        raise BadStory("is missing", field=f"{dot}{name}")
    for name in sorted(given.keys() - required - optional):
        raise BadStory(
            f"is not known; known are {', '.join(sorted(required | optional))}", field=f"{dot}{name}"
        )
    return given


def _date(text: Any, where: str) -> date:
    try:
        if not isinstance(text, str) or not _DATE.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadStory('must be a date like "2026-06-05"', field=where) from error


def _fen(text: Any, where: str) -> int:
    try:
        amount_fen = parse_yuan(text) if isinstance(text, str) else 0
    except DomainError as error:
        raise BadStory(str(error), field=where) from error
    if amount_fen <= 0:
        raise BadStory('must be a positive amount in yuan, as text, like "1000.00"', field=where)
    if amount_fen > LARGEST_AMOUNT_FEN:
        raise BadStory(f"must be at most {format_yuan(LARGEST_AMOUNT_FEN)}", field=where)
    return amount_fen


def _day(number: Any, where: str) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 28:
        raise BadStory("must be a day of the month from 1 to 28", field=where)
    return number


def _ref(text: Any, where: str) -> str:
    if not isinstance(text, str) or not 1 <= len(text) <= LONGEST_REF or not text.isprintable():
        raise BadStory(f"must be a text of 1 to {LONGEST_REF} printable characters", field=where)
    return text


def _instalments(number: Any, type_: str, where: str) -> int | None:
    if number is None and type_ != "statement_plan":
        return None
    if number is None:
        raise BadStory("is missing", field=where)
    if type_ not in ("purchase", "statement_plan", "campaign"):
        raise BadStory("only a purchase or a statement_plan has them", field=where)
    if isinstance(number, bool) or not isinstance(number, int) or not 2 <= number <= MOST_INSTALMENTS:
        raise BadStory(f"must be a whole number from 2 to {MOST_INSTALMENTS}", field=where)
    return number


def read_event(given: Any, position: int) -> Event:
    """One event of a story. Error: BadStory, which names the field."""
    where = f"events[{position}]"
    read = _fields(given, where, {"on", "type", "ref"}, FIELDS)
    if not isinstance(read["type"], str) or read["type"] not in EVENT_TYPES:
        raise BadStory(f"must be one of {', '.join(EVENT_TYPES)}", field=f"{where}.type")
    on = _date(read["on"], f"{where}.on")
    value_on = _date(read["value_date"], f"{where}.value_date") if "value_date" in read else on
    if read["type"] == "calendar_change" and read.get("statement_day") not in CALENDARS:
        raise BadStory(f"must be one of {', '.join(map(str, CALENDARS))}", field=f"{where}.statement_day")
    ref = _ref(read["ref"], f"{where}.ref")
    needed, allowed = EVENT_TYPES[read["type"]]
    given_fields = {name for name in FIELDS if read.get(name) is not None}
    for name in sorted(needed - given_fields):
        raise BadStory("is missing", field=f"{where}.{name}")
    for name in sorted(given_fields - needed - allowed):
        raise BadStory(f"is not known of a {read['type']}", field=f"{where}.{name}")
    for name in ("final", "escrow"):
        if not isinstance(read.get(name, True), bool):
            raise BadStory("must be true or false", field=f"{where}.{name}")
    if not isinstance(read.get("cause", ""), str):
        raise BadStory("must be the code of a cause", field=f"{where}.cause")
    if read["type"] == "autopay" and read["choice"] not in AutopayAmount.values:
        raise BadStory(f"must be one of {', '.join(AutopayAmount.values)}", field=f"{where}.choice")
    if "posting" in given_fields and read["posting"] not in Posting.values:
        raise BadStory(f"must be one of {', '.join(Posting.values)}", field=f"{where}.posting")
    if {"share", "instalments"} <= given_fields:
        raise BadStory("what is bought through a share is not in instalments", field=f"{where}.instalments")
    if "campaign" in given_fields and "instalments" not in given_fields:
        raise BadStory("a campaign is for instalments, which are missing", field=f"{where}.instalments")
    return Event(
        position,
        on,
        read["type"],
        ref,
        _fen(read["amount"], f"{where}.amount") if "amount" in given_fields else None,
        value_on,
        read.get("statement_day", 0),
        read.get("final", True),
        _instalments(read.get("instalments"), read["type"], f"{where}.instalments"),
        _date(read["last_day"], f"{where}.last_day") if "last_day" in given_fields else None,
        read.get("cause") or "",
        read.get("choice") or "",
        read.get("escrow", False),
        read.get("posting") or "",
        _date(read["first_day"], f"{where}.first_day") if "first_day" in given_fields else None,
        _ref(read["share"], f"{where}.share") if "share" in given_fields else "",
        _ref(read["campaign"], f"{where}.campaign") if "campaign" in given_fields else "",
        _fen(read["smallest"], f"{where}.smallest") if "smallest" in given_fields else None,
        _fen(read["largest"], f"{where}.largest") if "largest" in given_fields else None,
    )


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:
            raise BadStory("is given twice", field=name)
        read[name] = value
    return read


def parse_story(text: str) -> Story:
    """The story in a JSON text. Error: BadStory, which names the field."""
    try:
        given = json.loads(text, object_pairs_hook=_refuse_repeats)
    except (ValueError, RecursionError) as error:
        raise BadStory(f"not JSON: {error}", field="") from error
    return read_story(given)


def read_story(given: Any) -> Story:
    """The story in a parsed JSON value. Error: BadStory, which names the field."""
    read = _fields(given, "", {"line", "events", "until"})
    line = _fields(read["line"], "line", {"limit", "opened_on"}, frozenset({"statement_day", "due_day"}))
    if not isinstance(read["events"], list) or len(read["events"]) > MOST_EVENTS:
        raise BadStory(f"must be a list of at most {MOST_EVENTS} events", field="events")
    statement_day = _day(line.get("statement_day", 1), "line.statement_day")
    due_day = _day(line.get("due_day", CALENDARS.get(statement_day, 10)), "line.due_day")
    if due_day == statement_day:
        raise BadStory("must differ from line.statement_day", field="line.due_day")
    opened_on = _date(line["opened_on"], "line.opened_on")
    if not FIRST_OPENING <= opened_on <= LAST_OPENING:
        raise BadStory(f"must be from {FIRST_OPENING} to {LAST_OPENING}", field="line.opened_on")
    until = _date(read["until"], "until")
    if not opened_on <= until <= opened_on + timedelta(days=LONGEST_DAYS):
        raise BadStory("must be from line.opened_on to ten years after it", field="until")
    events = tuple(read_event(event, position) for position, event in enumerate(read["events"]))
    for event in events:
        if event.on < opened_on:
            raise BadStory("must not be before line.opened_on", field=f"events[{event.position}].on")
    return Story(
        _fen(line["limit"], "line.limit"),
        statement_day,
        due_day,
        opened_on,
        tuple(sorted(events, key=lambda event: event.on)),
        until,
    )
