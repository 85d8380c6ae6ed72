"""A quote: one JSON request in, the repayment schedule and the annual rate out. Pure; no clock, no database.

Strict, because what is misread here is a price: every field has one type and one spelling, unknown and
repeated fields are refused, and a refusal names the field. Amounts and rates are strings of decimal digits (a
JSON number is a binary float to most writers of JSON, and 10000 could be yuan or fen); counts are JSON whole
numbers. The optional fields may be left out or null.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from finance.apr import AnnualRates, NoAnnualRateError, annual_rates_of
from finance.dates import Frequency, Unit
from finance.daycount import DayCount
from finance.errors import DomainError, Kind
from finance.money import MoneyError, format_yuan, parse_yuan
from finance.rates import DAYS_PER_YEAR, AnnualRate, DailyRate, Rate
from finance.schedule import LONGEST_SCHEDULE, Fee, FeeKind, Method, Schedule, Terms, build

LARGEST_REQUEST_BYTES = 65_536
LARGEST_PRINCIPAL_FEN = 10**14
"""A million million yuan: with every fee and a thousand per cent a year the sums still fit a bigint."""
LARGEST_ANNUAL_RATE = 10
"""1,000 % a year. More is a percentage written as a fraction, not a price."""
LARGEST_STATED_RATE = 10**9
MOST_FEES = 20
LONGEST_FREQUENCY = 3_660
LONGEST_SHOWN = 60
"""Characters of refused input that an error repeats."""
RATE_PLACES = Decimal("1e-8")
DAY_COUNTS = tuple(
    day_count.value
    for day_count in (
        DayCount.ACTUAL_ACTUAL,
        DayCount.ACTUAL_365,
        DayCount.ACTUAL_360,
        DayCount.THIRTY_360,
        DayCount.PERIOD,
    )
)

T = TypeVar("T")

_REQUIRED = ("principal", "rate", "method", "periods", "frequency", "day_count", "disbursed_on")
_OPTIONAL = ("first_due_on", "fees", "instalment_multiple_of", "grace")
_RATE = re.compile(r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,18})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"-?[0-9]{1,12}")


class QuoteError(DomainError):
    """A request that cannot be quoted. `field` is the path of what is wrong, "request" when it is the whole."""

    code = "bad_quote_request"
    kind = Kind.MALFORMED


class _Object(dict[str, Any]):
    """A JSON object that remembers which keys it was given twice."""

    repeated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Number:
    """A JSON number that is no whole number of reasonable size, as it was written."""

    text: str


def quote_json(request: bytes) -> dict[str, Any]:
    """The answer to a request as it came over the wire. DomainError with a `field` when it cannot be
    answered.
    """
    return quote(_read(request))


def quote(request: object) -> dict[str, Any]:
    """Schedule, totals and annual rate of the terms in a parsed request; amounts and rates as decimal
    strings.

    `totals` is everything the borrower pays, with the upfront fees that no row holds. The annual rate is the
    internal rate of return over all of it: simple is the periodic rate times the periods in a year, effective
    is it compounded. DomainError with a `field` when the request is wrong or has no annual rate.
    """
    terms = parse_terms(request)
    schedule = build(terms)
    rates = annual_rates_of_schedule(schedule, terms)
    return {
        "rows": [
            {
                "n": row.n,
                "due_on": row.due_on.isoformat(),
                "days": row.days,
                "principal": format_yuan(row.principal_fen),
                "interest": format_yuan(row.interest_fen),
                "fee": format_yuan(row.fee_fen),
                "due": format_yuan(row.due_fen),
                "outstanding": format_yuan(row.outstanding_fen),
            }
            for row in schedule.rows
        ],
        "totals": {
            "principal": format_yuan(schedule.principal_fen),
            "interest": format_yuan(schedule.interest_fen),
            "fee": format_yuan(schedule.fee_fen),
            "due": format_yuan(schedule.due_fen),
        },
        "annual_rate": {"simple": _written(rates.simple), "effective": _written(rates.effective)},
    }


def error_answer(error: DomainError) -> dict[str, Any]:
    """A refusal as the command prints it."""
    return {"error": {"field": error.field or "request", "message": error.message}}


def annual_rates_of_schedule(schedule: Schedule, terms: Terms) -> AnnualRates:
    """The rate at which the rows are worth what the borrower was paid out, upfront fees deducted.

    Time runs in periods of the loan's calendar, so a regular schedule has its rows at 1, 2, 3, ...; an odd
    first period counts by its length. NoAnnualRateError when the upfront fees leave nothing, or the rate is
    beyond stating.
    """
    if schedule.net_disbursed_fen <= 0:
        raise NoAnnualRateError(
            f"upfront fees of {format_yuan(schedule.upfront_fee_fen)} leave nothing of the principal of"
            f" {format_yuan(schedule.principal_fen)}: no annual rate exists",
            field="fees",
        )
    calendar = terms.calendar
    start = calendar.position(terms.disbursed_on)
    flows = [(row.n - start, row.due_fen) for row in schedule.rows]
    rates = annual_rates_of([(0, -schedule.net_disbursed_fen), *flows], calendar.frequency.periods_per_year)
    if rates.effective > LARGEST_STATED_RATE:
        raise NoAnnualRateError("the annual rate of these terms is too large to state", field="fees")
    return rates


def parse_terms(request: object) -> Terms:
    """The terms a parsed request asks for. QuoteError naming the field for anything not exactly as
    documented.
    """
    fields = _object(request, "", required=_REQUIRED, optional=_OPTIONAL)
    principal_fen = _amount(fields["principal"], "principal", at_most_fen=LARGEST_PRINCIPAL_FEN)
    day_count = DayCount(_choice(fields["day_count"], "day_count", DAY_COUNTS))
    frequency = _frequency(fields["frequency"])
    grace = _given(fields, "grace", _grace, (0, 0))
    return Terms(
        principal_fen=principal_fen,
        rate=_rate(fields["rate"], day_count, frequency),
        method=Method(_choice(fields["method"], "method", [method.value for method in Method])),
        periods=_count(fields["periods"], "periods", 1, LONGEST_SCHEDULE),
        frequency=frequency,
        disbursed_on=_day(fields["disbursed_on"], "disbursed_on"),
        first_due_on=_given(fields, "first_due_on", _day, None),
        fees=_given(fields, "fees", _fees, ()),
        instalment_multiple_fen=_given(fields, "instalment_multiple_of", _multiple, 1),
        principal_grace_periods=grace[0],
        interest_grace_periods=grace[1],
    )


def _read(request: bytes) -> object:
    if not request.strip():
        raise QuoteError("nothing was given: give one JSON object", field="request")
    if len(request) > LARGEST_REQUEST_BYTES:
        raise QuoteError(f"the request is longer than {LARGEST_REQUEST_BYTES} bytes", field="request")
    try:
        text = request.decode("utf-8")
    except UnicodeDecodeError as error:
        raise QuoteError(f"byte {error.start + 1} is not UTF-8", field="request") from error
    try:
        return json.loads(
            text,
            object_pairs_hook=_pairs,
            parse_int=lambda digits: int(digits) if _WHOLE.fullmatch(digits) else _Number(digits),
            parse_float=_Number,
            parse_constant=_Number,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise QuoteError(f"this is not JSON: {error.msg} at {where}", field="request") from error
    except RecursionError as error:
        raise QuoteError("the JSON is nested too deeply", field="request") from error


def _pairs(pairs: Sequence[tuple[str, Any]]) -> _Object:
    keys = [key for key, _ in pairs]
    found = _Object(pairs)
    found.repeated = tuple(dict.fromkeys(key for key in keys if keys.count(key) > 1))
    return found


def _object(
    value: object, path: str, *, required: Sequence[str] = (), optional: Sequence[str] = ()
) -> Mapping[str, Any]:
    """`value` as an object of exactly these fields."""
    if not isinstance(value, dict):
        _refuse(path or "request", value, "a JSON object")
    known = [*required, *optional]
    for key in value:
        if key not in known:
            name = _inside(path, _shortened(key))
            raise QuoteError(f"{name} is unknown: {path or 'a request'} has {', '.join(known)}", field=name)
    for key in [*getattr(value, "repeated", ())]:
        raise QuoteError(f"{_inside(path, key)} is given more than once", field=_inside(path, key))
    for key in required:
        if key not in value:
            raise QuoteError(f"{_inside(path, key)} is missing", field=_inside(path, key))
    return value


def _one_of(value: object, path: str, names: Sequence[str]) -> tuple[str, object]:
    """The one field that an object of alternatives has, and its value."""
    fields = _object(value, path, optional=names)
    if len(fields) != 1:
        raise QuoteError(f"{path} must have exactly one of {', '.join(names)}", field=path)
    return next(iter(fields.items()))


def _given(fields: Mapping[str, Any], name: str, parse: Callable[[object, str], T], absent: T) -> T:
    """An optional field: absent and null are the same."""
    value = fields.get(name)
    return absent if value is None else parse(value, name)


def _rate(value: object, day_count: DayCount, frequency: Frequency) -> Rate:
    """The rate of interest. A daily rate is for calendar days, but in a month of 30 days where days are so
    counted.

    30 days to the month is how Chinese lenders turn a daily rate into a monthly one: monthly = daily x 30.
    """
    name, written = _one_of(value, "rate", ("annual", "daily"))
    path = f"rate.{name}"
    number = _fraction(written, path)
    annual = number if name == "annual" else number * DAYS_PER_YEAR
    if annual > LARGEST_ANNUAL_RATE:
        raise QuoteError(
            f"{path} is {annual * 100:f} % a year: give a fraction such as 0.12 for 12 %, up to"
            f" {LARGEST_ANNUAL_RATE * 100} % a year",
            field=path,
        )
    if name == "annual":
        return AnnualRate(number, day_count)
    in_months = day_count is DayCount.PERIOD and frequency.unit is Unit.MONTHS
    if day_count is DayCount.THIRTY_360 or in_months:
        return AnnualRate(number * 360, day_count)
    return DailyRate(number)


def _frequency(value: object) -> Frequency:
    name, every = _one_of(value, "frequency", [unit.value for unit in Unit])
    return Frequency(Unit(name), _count(every, f"frequency.{name}", 1, LONGEST_FREQUENCY))


def _fees(value: object, path: str) -> tuple[Fee, ...]:
    if not isinstance(value, list):
        _refuse(path, value, "a list of fees")
    if len(value) > MOST_FEES:
        raise QuoteError(f"{path} lists {len(value)} fees: give at most {MOST_FEES}", field=path)
    return tuple(_fee(fee, f"{path}[{position}]") for position, fee in enumerate(value))


def _fee(value: object, path: str) -> Fee:
    fields = _object(value, path, required=("kind", "rate"))
    kind = FeeKind(_choice(fields["kind"], f"{path}.kind", [kind.value for kind in FeeKind]))
    rate = _fraction(fields["rate"], f"{path}.rate")
    if rate > 1:
        message = f"{path}.rate is {rate * 100:f} % of the principal: give a fraction from 0 to 1"
        raise QuoteError(message, field=f"{path}.rate")
    return Fee(kind, rate)


def _grace(value: object, path: str) -> tuple[int, int]:
    """Periods without principal and without interest; one left out is none. `Terms` compares with the
    periods.
    """
    names = ("principal_periods", "interest_periods")
    fields = _object(value, path, optional=names)
    principal, interest = (
        0 if fields.get(name) is None else _count(fields[name], f"{path}.{name}", 0, LONGEST_SCHEDULE)
        for name in names
    )
    return principal, interest


def _multiple(value: object, path: str) -> int:
    return _amount(value, path, at_most_fen=LARGEST_PRINCIPAL_FEN)


def _amount(value: object, path: str, *, at_most_fen: int) -> int:
    """More than zero, as fen."""
    if not isinstance(value, str):
        _refuse(path, value, 'a string of yuan such as "10000.00"')
    try:
        amount_fen = parse_yuan(value)
    except MoneyError as error:
        raise QuoteError(f"{path}: {error.message}", field=path) from error
    if not 0 < amount_fen <= at_most_fen:
        _refuse(path, value, f"more than 0.00 and at most {format_yuan(at_most_fen)}")
    return amount_fen


def _fraction(value: object, path: str) -> Decimal:
    if not isinstance(value, str) or _RATE.fullmatch(value) is None:
        _refuse(path, value, 'a string of a fraction from zero up such as "0.12", of at most 18 places')
    return Decimal(value)


def _count(value: object, path: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        _refuse(path, value, f"a whole number from {least} to {most}")
    return value


def _choice(value: object, path: str, choices: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        _refuse(path, value, f"one of {', '.join(choices)}")
    return value


def _day(value: object, path: str) -> date:
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        _refuse(path, value, 'a date such as "2024-01-31"')
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise QuoteError(f"{path}: {value} is not a day of the calendar", field=path) from error


def _refuse(path: str, value: object, wanted: str) -> NoReturn:
    raise QuoteError(f"{path} must be {wanted}, not {_shown(value)}", field=path)


def _shown(value: object) -> str:
    if isinstance(value, _Number):
        return f"the number {_shortened(value.text)}"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return _shortened(json.dumps(value, default=repr))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _written(rate: Decimal) -> str:
    return f"{rate.quantize(RATE_PLACES):f}"
