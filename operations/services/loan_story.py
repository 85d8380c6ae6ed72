"""
The story of a loan as JSON, read strictly: the terms of a quote, the product's rules, what happens, and when to look at it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from finance.allocation import COMPONENTS, Order
from finance.dates import Frequency
from finance.loan import Ahead, LoanTerms, Reschedule, Rules
from finance.quote import OPTIONAL, REQUIRED, parse_frequency, parse_rate, parse_terms
from finance.rates import DailyRate, Rate
from finance.reading import QuoteError, amount, choice, count, day, fraction, given, read, read_object, refuse
from finance.schedule import Terms
from lending.errors import LARGEST_AMOUNT_FEN, LONGEST_REFERENCE

LARGEST_STORY_BYTES = 2_000_000
MOST_TRANSACTIONS = 10_000
LONGEST_TERM = 360
# Products have figures from the first of these days on.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2200, 1, 1)

Reader = Callable[[object, str], Any]


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happens: on its `value_on`, recorded on `recorded_on`; `given` is what its service is given besides."""

    position: int
    type: str
    ref: str
    value_on: date
    recorded_on: date
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoanStory:
    """A loan and what happens to it until a day; what comes later has not happened yet."""

    terms: LoanTerms
    happenings: tuple[Happening, ...]
    as_of: date


def _amount(value: object, path: str) -> int:
    return amount(value, path, at_most_fen=LARGEST_AMOUNT_FEN)


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_REFERENCE or not value.isprintable():
        refuse(path, value, f"a text of 1 to {LONGEST_REFERENCE} printable characters")
    return value


def _one_of(names: list[str]) -> Reader:
    return lambda value, path: choice(value, path, names)


def _strategy(value: object, path: str) -> Ahead:
    return Ahead(choice(value, path, [Ahead.REDUCE.value, Ahead.SHORTEN.value]))


def _mode(value: object, path: str) -> Reschedule:
    return Reschedule(choice(value, path, [each.value for each in Reschedule]))


def _whole(least: int, most: int) -> Reader:
    return lambda value, path: count(value, path, least, most)


def _frequency(value: object, path: str) -> Frequency:
    return parse_frequency(value, path)


# By type: the fields that it must have and those that it may have, with how each is read and what its service calls it.
Fields = Mapping[str, tuple[str, Reader]]
_MONEY: Fields = {"amount": ("amount_fen", _amount)}
_RATE: Fields = {"rate": ("rate", lambda value, path: value)}
TYPES: Mapping[str, tuple[Fields, Fields]] = {
    "disbursement": (_MONEY, {}),
    "repayment": (_MONEY, {}),
    "prepayment": (_MONEY, {"strategy": ("strategy", _strategy), "instalment": ("instalment_fen", _amount)}),
    "payoff": ({}, _MONEY),
    "charge": (
        _MONEY,
        {"component": ("component", _one_of(["fee", "penalty"])), "due_on": ("due_on", day)},
    ),
    "rate_change": (_RATE, {"instalment": ("instalment_fen", _amount)}),
    "due_day_change": ({"due_day": ("due_day", _whole(1, 31))}, {}),
    "pause": ({"until": ("last_day", day)}, {}),
    "reschedule": (
        {"mode": ("mode", _mode)},
        {
            "periods": ("periods", _whole(1, LONGEST_TERM)),
            "first_due_on": ("first_due_on", day),
            "frequency": ("frequency", _frequency),
        },
    ),
    "credit_refund": (_MONEY, {}),
    "charge_off": ({}, {}),
    "write_off": ({}, {}),
    "recovery": (_MONEY, {}),
    "reversal": ({"of": ("undoes", _text)}, {}),
}
_COMMON = ("ref", "recorded_on")


def read_story(request: bytes) -> LoanStory:
    """The story in a JSON request. Error: QuoteError (or what `parse_terms` raises), which names the field."""
    return parse_story(read(request, at_most=LARGEST_STORY_BYTES))


def parse_story(request: object) -> LoanStory:
    """The story in parsed JSON; errors as `read_story`."""
    fields = read_object(
        request, "", required=[*REQUIRED, "transactions", "as_of"], optional=[*OPTIONAL, "rules"]
    )
    terms = parse_terms({name: fields[name] for name in (*REQUIRED, *OPTIONAL) if name in fields})
    _require_servable(terms)
    as_of = day(fields["as_of"], "as_of")
    if not terms.disbursed_on <= as_of <= LAST_DAY:
        refuse("as_of", fields["as_of"], f"from {terms.disbursed_on} to {LAST_DAY}")
    told = fields["transactions"]
    if not isinstance(told, list) or len(told) > MOST_TRANSACTIONS:
        refuse("transactions", told, f"a list of at most {MOST_TRANSACTIONS} transactions")
    happenings = [_happening(each, n, terms) for n, each in enumerate(told)]
    refs = [each.ref for each in happenings]
    for each in happenings:
        if refs.count(each.ref) > 1:
            path = f"transactions[{each.position}].ref"
            raise QuoteError(f"{path}: {each.ref!r} is the ref of more than one transaction", field=path)
    in_order = sorted(happenings, key=lambda each: each.recorded_on)
    return LoanStory(LoanTerms(terms, given(fields, "rules", _rules, Rules())), tuple(in_order), as_of)


def _require_servable(terms: Terms) -> None:
    if not FIRST_DAY <= terms.disbursed_on <= LAST_DAY:
        refuse("disbursed_on", terms.disbursed_on.isoformat(), f"from {FIRST_DAY} to {LAST_DAY}")
    if terms.principal_fen > LARGEST_AMOUNT_FEN:
        raise QuoteError("principal: more than one loan may hold", field="principal")
    if terms.periods > LONGEST_TERM:
        refuse("periods", terms.periods, f"at most {LONGEST_TERM}")
    if terms.frequency.every > 366:
        refuse("frequency", terms.frequency.every, "at most 366 of its unit")


def _happening(value: object, position: int, terms: Terms) -> Happening:
    where = f"transactions[{position}]"
    if not isinstance(value, dict):
        refuse(where, value, "a JSON object")
    if "type" not in value:
        raise QuoteError(f"{where}.type is missing", field=f"{where}.type")
    kind = choice(value["type"], f"{where}.type", list(TYPES))
    needed, allowed = TYPES[kind]
    fields = read_object(value, where, required=["type", "date", *needed], optional=[*_COMMON, *allowed])
    value_on = day(fields["date"], f"{where}.date")
    if value_on < terms.disbursed_on:
        refuse(f"{where}.date", fields["date"], f"{terms.disbursed_on} or later")
    recorded_on = value_on
    if fields.get("recorded_on") is not None:
        recorded_on = day(fields["recorded_on"], f"{where}.recorded_on")
        if recorded_on < value_on:
            refuse(f"{where}.recorded_on", fields["recorded_on"], f"{value_on} or later")
    ours = {
        name: reader(fields[theirs], f"{where}.{theirs}")
        for theirs, (name, reader) in {**needed, **allowed}.items()
        if fields.get(theirs) is not None
    }
    if kind == "rate_change":
        ours["rate"] = _new_rate(fields["rate"], f"{where}.rate", terms)
    ref = fields.get("ref")
    return Happening(
        position=position,
        type=kind,
        ref=f"t{position + 1}" if ref is None else _text(ref, f"{where}.ref"),
        value_on=value_on,
        recorded_on=recorded_on,
        given=ours,
    )


def _new_rate(value: object, path: str, terms: Terms) -> Rate:
    """A rate in the unit of the loan's own, which it must have."""
    signed = terms.rate
    if isinstance(signed, DailyRate):
        return DailyRate(fraction(read_object(value, path, required=["daily"])["daily"], f"{path}.daily"))
    return parse_rate(value, signed.day_count, terms.frequency, path)


def _rules(value: object, path: str) -> Rules:
    fields = read_object(
        value,
        path,
        optional=[
            "ahead",
            "prepaid",
            "prepayment_fees",
            "penalty_daily_rate",
            "grace_days",
            "allocation",
            "allocation_order",
        ],
    )
    ahead = choice(fields.get("ahead") or Ahead.NEXT.value, f"{path}.ahead", [each.value for each in Ahead])
    prepaid = fields.get("prepaid")
    penalty = fields.get("penalty_daily_rate")
    order = fields.get("allocation_order") or Order.DUE_THEN_COMPONENT.value
    return Rules(
        ahead=Ahead(ahead),
        prepaid=Ahead.REDUCE if prepaid is None else _strategy(prepaid, f"{path}.prepaid"),
        prepayment_fees=tuple(
            (count(last, f"{path}.prepayment_fees", 1, LONGEST_TERM), rate)
            for last, rate in _fees(fields.get("prepayment_fees") or [], f"{path}.prepayment_fees")
        ),
        penalty=None
        if penalty is None
        else DailyRate(_at_most(penalty, f"{path}.penalty_daily_rate", Decimal("0.001"))),
        grace_days=count(fields.get("grace_days") or 0, f"{path}.grace_days", 0, 31),
        components=_components(fields.get("allocation"), f"{path}.allocation"),
        order=Order(choice(order, f"{path}.allocation_order", [each.value for each in Order])),
    )


def _fees(value: object, path: str) -> list[tuple[object, Decimal]]:
    if not isinstance(value, list):
        refuse(path, value, "a list of fees")
    found = []
    for n, each in enumerate(value):
        fields = read_object(each, f"{path}[{n}]", required=["last_period", "rate"])
        found.append((fields["last_period"], _at_most(fields["rate"], f"{path}[{n}].rate", Decimal("0.1"))))
    return found


def _at_most(value: object, path: str, most: Decimal) -> Decimal:
    number = fraction(value, path)
    if number > most:
        refuse(path, value, f"at most {most}")
    return number


def _components(value: object, path: str) -> tuple[str, ...]:
    if value is None:
        return COMPONENTS
    if not isinstance(value, list) or sorted(map(str, value)) != sorted(COMPONENTS):
        refuse(path, value, f"a list of {', '.join(COMPONENTS)}, each once")
    return tuple(value)
