"""
The official simulator of a line: a story in, its statements and standing out.

It drives the services that serve customers and the steps that close a day, in a transaction that it rolls back, so what it
prints is what the product would do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from customers.models import Customer, Shop
from finance.errors import DomainError, Kind
from finance.money import format_yuan, parse_yuan
from huabei import selectors
from huabei.errors import LARGEST_AMOUNT_FEN
from huabei.models import Line, Plan, Purchase, Repayment
from huabei.services import corrections, credit, instalments, lifecycle, limits, purchases, repayments
from huabei.services.calendars import change_calendar
from huabei.services.causes import CUSTOMER, Why, staff
from huabei.services.lines import CALENDARS, Opening, open_line
from operations.services.closing import close_lines

# The fields that events of each type have beside their day, type and ref: those they need, and those they may have.
EVENT_TYPES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "purchase": (frozenset({"amount"}), frozenset({"instalments"})),
    "capture": (frozenset(), frozenset({"amount", "final"})),
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
}
FIELDS = frozenset({"amount", "final", "instalments", "last_day", "cause", "value_date", "statement_day"})
# Who the simulated member of staff is that changes the line.
STAFF = staff(1)
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


def _instalments(number: Any, type_: str, where: str) -> int | None:
    if number is None and type_ != "statement_plan":
        return None
    if number is None:
        raise BadStory("is missing", field=where)
    if type_ not in ("purchase", "statement_plan"):
        raise BadStory("only a purchase or a statement_plan has them", field=where)
    if isinstance(number, bool) or not isinstance(number, int) or not 2 <= number <= MOST_INSTALMENTS:
        raise BadStory(f"must be a whole number from 2 to {MOST_INSTALMENTS}", field=where)
    return number


def _event(given: Any, position: int) -> Event:
    where = f"events[{position}]"
    read = _fields(given, where, {"on", "type", "ref"}, FIELDS)
    if not isinstance(read["type"], str) or read["type"] not in EVENT_TYPES:
        raise BadStory(f"must be one of {', '.join(EVENT_TYPES)}", field=f"{where}.type")
    on = _date(read["on"], f"{where}.on")
    value_on = _date(read["value_date"], f"{where}.value_date") if "value_date" in read else on
    if read["type"] == "calendar_change" and read.get("statement_day") not in CALENDARS:
        raise BadStory(f"must be one of {', '.join(map(str, CALENDARS))}", field=f"{where}.statement_day")
    ref = read["ref"]
    if not isinstance(ref, str) or not 1 <= len(ref) <= LONGEST_REF or not ref.isprintable():
        raise BadStory(f"must be a text of 1 to {LONGEST_REF} printable characters", field=f"{where}.ref")
    needed, allowed = EVENT_TYPES[read["type"]]
    given_fields = {name for name in FIELDS if read.get(name) is not None}
    for name in sorted(needed - given_fields):
        raise BadStory("is missing", field=f"{where}.{name}")
    for name in sorted(given_fields - needed - allowed):
        raise BadStory(f"is not known of a {read['type']}", field=f"{where}.{name}")
    if not isinstance(read.get("final", True), bool):
        raise BadStory("must be true or false", field=f"{where}.final")
    if not isinstance(read.get("cause", ""), str):
        raise BadStory("must be the code of a cause", field=f"{where}.cause")
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
    events = tuple(_event(event, position) for position, event in enumerate(read["events"]))
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


@dataclass(slots=True)
class _Told:
    """The story as it is being told: the line, the shop, the purchases by their ref, and what was refused."""

    line_id: int
    merchant_id: UUID
    # Purchases that a capture or void names later wait for it; all others are captured at once.
    waiting: frozenset[str]
    purchase_ids: dict[str, int] = field(default_factory=dict)
    plan_ids: dict[str, int] = field(default_factory=dict)
    freeze_ids: dict[str, int] = field(default_factory=dict)
    refused: list[dict[str, Any]] = field(default_factory=list)

    def purchase(self, event: Event) -> None:
        assert event.amount_fen is not None
        self._refuse_used(event)
        authorised = purchases.authorise(
            line_id=self.line_id,
            merchant_id=self.merchant_id,
            amount_fen=event.amount_fen,
            reference=event.ref,
            on=event.on,
            instalments=event.instalments,
        )
        self.purchase_ids[event.ref] = authorised.purchase_id
        if event.ref not in self.waiting:
            purchases.capture(purchase_id=authorised.purchase_id, amount_fen=event.amount_fen, on=event.on)

    def capture(self, event: Event) -> None:
        purchase = self._of(event)
        purchases.capture(
            purchase_id=purchase.pk,
            amount_fen=event.amount_fen or purchase.amount_fen - purchase.captured_fen or purchase.amount_fen,
            on=event.on,
            reference=f"capture-{event.position}",
            final=event.final,
        )

    def void(self, event: Event) -> None:
        purchases.void(purchase_id=self._of(event).pk, on=event.on)

    def refund(self, event: Event) -> None:
        purchase = self._of(event)
        repayments.refund(
            purchase_id=purchase.pk,
            amount_fen=event.amount_fen
            or purchase.captured_fen - purchase.refunded_fen
            or purchase.amount_fen,
            reference=f"refund-{event.position}",
            on=event.on,
        )

    def repayment(self, event: Event) -> None:
        assert event.amount_fen is not None
        corrections.repay_from(
            line_id=self.line_id,
            amount_fen=event.amount_fen,
            reference=event.ref,
            on=event.on,
            value_on=event.value_on,
        )

    def reversal(self, event: Event) -> None:
        """A repayment bounces, or a purchase is taken back, whichever has this ref."""
        repayment = Repayment.objects.filter(line_id=self.line_id, reference=event.ref).first()
        if repayment is not None:
            corrections.reverse_repayment(repayment_id=repayment.pk, reason="", on=event.on)
        else:
            corrections.reverse_purchase(purchase_id=self._of(event).pk, reason="", on=event.on)

    def calendar_change(self, event: Event) -> None:
        change_calendar(line_id=self.line_id, statement_day=event.statement_day, on=event.on)

    def statement_plan(self, event: Event) -> None:
        assert event.amount_fen is not None
        assert event.instalments is not None
        self._refuse_used(event)
        plan = instalments.spread_statement(
            line_id=self.line_id,
            amount_fen=event.amount_fen,
            periods=event.instalments,
            reference=event.ref,
            on=event.on,
        )
        self.plan_ids[event.ref] = plan.pk

    def payoff(self, event: Event) -> None:
        plan_id = self.plan_ids.get(event.ref)
        if plan_id is None and event.ref in self.purchase_ids:
            of_purchase = Plan.objects.filter(purchase_id=self.purchase_ids[event.ref]).order_by("pk")
            plan_id = of_purchase.values_list("pk", flat=True).first()
        if plan_id is None:
            raise instalments.PlanNotFound(f"no plan {event.ref!r} was made before")
        instalments.pay_off(plan_id=plan_id, reference=f"payoff-{event.position}", on=event.on)

    def _refuse_used(self, event: Event) -> None:
        if event.ref in self.purchase_ids or event.ref in self.plan_ids:
            raise BadStory(
                "this ref is used by an earlier purchase or plan", field=f"events[{event.position}].ref"
            )

    def limit(self, event: Event) -> None:
        assert event.amount_fen is not None
        why = Why("risk", STAFF, f"limit-{event.position}")
        limits.change_limit(line_id=self.line_id, limit_fen=event.amount_fen, why=why, on=event.on)

    def temporary_limit(self, event: Event) -> None:
        assert event.amount_fen is not None
        assert event.last_day is not None
        limits.raise_temporarily(
            line_id=self.line_id,
            amount_fen=event.amount_fen,
            last_day=event.last_day,
            why=Why("travel", STAFF, f"limit-{event.position}"),
            on=event.on,
        )

    def freeze(self, event: Event) -> None:
        why = Why(event.cause, STAFF, event.ref)
        self.freeze_ids[event.ref] = lifecycle.freeze(line_id=self.line_id, why=why, on=event.on).pk

    def thaw(self, event: Event) -> None:
        why = Why("cleared", STAFF, event.ref)
        lifecycle.thaw(freeze_id=self.freeze_ids.get(event.ref, 0), why=why, on=event.on)

    def close(self, event: Event) -> None:
        why = Why("customer_wish", CUSTOMER, f"close-{event.position}")
        lifecycle.close(line_id=self.line_id, why=why, on=event.on)

    def credit_payout(self, event: Event) -> None:
        assert event.amount_fen is not None
        credit.pay_out_credit(
            line_id=self.line_id, amount_fen=event.amount_fen, reference=event.ref, by=CUSTOMER, on=event.on
        )

    def _of(self, event: Event) -> Purchase:
        if event.ref not in self.purchase_ids:
            raise purchases.PurchaseNotFound(f"no purchase {event.ref!r} was authorised before")
        return Purchase.objects.get(pk=self.purchase_ids[event.ref])

    def happen(self, event: Event) -> None:
        """One event; what the services refuse is noted, and the story goes on."""
        act: Callable[[Event], None] = getattr(self, event.type)
        try:
            with transaction.atomic():
                act(event)
        except BadStory:
            raise
        except DomainError as refusal:
            self.refused.append(
                {"event": event.position, "ref": event.ref, "code": refusal.code, "message": str(refusal)}
            )


def _begin(story: Story) -> _Told:
    customer = Customer.objects.create(
        full_name="Simulated",
        born_on=date(1990, 1, 1),
        registered_on=story.opened_on,
        identity_verified_on=story.opened_on,
        national_id_encrypted=b"",
        national_id_index=uuid4().bytes,
    )
    shop = Shop.objects.create(name="Simulated", category="simulated", registered_on=story.opened_on)
    merchant = purchases.accept_merchant(shop=shop)
    opening = Opening(customer.pk, story.limit_fen, statement_day=story.statement_day, due_day=story.due_day)
    waiting = frozenset(event.ref for event in story.events if event.type in ("capture", "void"))
    return _Told(open_line(opening=opening, on=story.opened_on), merchant.pk, waiting)


def _plans(line_id: int) -> list[dict[str, Any]]:
    """The line's plans with the rows that were billed and those to come, in yuan."""
    plans = Plan.objects.filter(line_id=line_id).select_related("purchase", "payoff").order_by("pk")
    return [
        {
            "ref": plan.purchase.reference if plan.purchase else plan.reference,
            "made_on": plan.made_on.isoformat(),
            "principal": format_yuan(plan.principal_fen),
            "fee": format_yuan(plan.fee_fen),
            "periods": plan.periods,
            "rows": [
                {
                    "n": row.number,
                    "principal": format_yuan(row.principal_fen),
                    "fee": format_yuan(row.fee_fen),
                    "billed_on": row.billed_on.isoformat() if row.billed_on else None,
                }
                for row in plan.rows.filter(ended_on__isnull=True).order_by("number")
            ],
            "paid_off_on": plan.payoff.paid_on.isoformat() if hasattr(plan, "payoff") else None,
        }
        for plan in plans
    ]


def _ending(told: _Told, on: date) -> dict[str, Any]:
    line = Line.objects.get(pk=told.line_id)
    position = selectors.line_position(line, on)
    statements = [
        {
            "issued_on": statement.issued_on.isoformat(),
            "due_on": statement.due_on.isoformat(),
            "principal": format_yuan(statement.principal_fen),
            "interest": format_yuan(statement.interest_fen),
            "penalty": format_yuan(statement.penalty_fen),
            "fee": format_yuan(statement.fee_fen),
            "total": format_yuan(statement.total_fen),
            "minimum": format_yuan(statement.minimum_fen),
            "credit_used": format_yuan(statement.credit_used_fen),
            "correction": format_yuan(statement.correction_fen),
        }
        for statement in selectors.statements_of(line.pk).reverse()
    ]
    late = selectors.delinquency(line.pk, on)
    return {
        "statements": statements,
        "plans": _plans(line.pk),
        "drawn": format_yuan(position.drawn_fen),
        "held": format_yuan(position.held_fen),
        "available": format_yuan(position.available_fen),
        "credit": format_yuan(position.credit_fen),
        "owed": format_yuan(position.owed_fen),
        "overdue": format_yuan(late.overdue_fen),
        "status": line.status,
        "refused": told.refused,
    }


def simulate(story: Story) -> dict[str, Any]:
    """
    Tells the story on the real services and closes every day before `until`; returns its statements and the line's standing
    on that date, in yuan. Nothing of it stays in the database.
    """
    with transaction.atomic():
        told = _begin(story)
        events = list(story.events)
        day = story.opened_on
        while True:
            while events and events[0].on == day:
                told.happen(events.pop(0))
            if day == story.until:
                break
            close_lines(closed_on=day, line_ids=[told.line_id])
            day += timedelta(days=1)
        ending = _ending(told, story.until)
        transaction.set_rollback(True)
    return ending
