"""A quote: one JSON request in, the repayment schedule and the annual rate out. Pure; no clock, no database.

Strict, because what is misread here is a price: see `finance.reading`.
"""

from decimal import Decimal
from typing import Any

from finance.apr import AnnualRates, NoAnnualRateError, annual_rates_of
from finance.dates import Frequency, Unit
from finance.daycount import DayCount
from finance.errors import DomainError
from finance.money import format_yuan
from finance.rates import DAYS_PER_YEAR, AnnualRate, DailyRate, Rate
from finance.reading import (
    QuoteError,
    amount,
    choice,
    count,
    day,
    fraction,
    given,
    one_of,
    read,
    read_object,
    refuse,
)
from finance.schedule import LONGEST_SCHEDULE, Fee, FeeKind, Method, Schedule, Terms, build

LARGEST_PRINCIPAL_FEN = 10**14
"""A million million yuan: with every fee and a thousand per cent a year the sums still fit a bigint."""
LARGEST_ANNUAL_RATE = 10
"""1,000 % a year. More is a percentage written as a fraction, not a price."""
LARGEST_STATED_RATE = 10**9
MOST_FEES = 20
LONGEST_FREQUENCY = 3_660
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

REQUIRED = ("principal", "rate", "method", "periods", "frequency", "day_count", "disbursed_on")
OPTIONAL = ("first_due_on", "fees", "instalment_multiple_of", "grace")


def quote_json(request: bytes) -> dict[str, Any]:
    """The answer to a request as it came over the wire. DomainError with a `field` when it cannot be
    answered.
    """
    return quote(read(request))


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
    fields = read_object(request, "", required=REQUIRED, optional=OPTIONAL)
    principal_fen = amount(fields["principal"], "principal", at_most_fen=LARGEST_PRINCIPAL_FEN)
    day_count = DayCount(choice(fields["day_count"], "day_count", DAY_COUNTS))
    frequency = parse_frequency(fields["frequency"], "frequency")
    grace = given(fields, "grace", _grace, (0, 0))
    return Terms(
        principal_fen=principal_fen,
        rate=parse_rate(fields["rate"], day_count, frequency, "rate"),
        method=Method(choice(fields["method"], "method", [method.value for method in Method])),
        periods=count(fields["periods"], "periods", 1, LONGEST_SCHEDULE),
        frequency=frequency,
        disbursed_on=day(fields["disbursed_on"], "disbursed_on"),
        first_due_on=given(fields, "first_due_on", day, None),
        fees=given(fields, "fees", _fees, ()),
        instalment_multiple_fen=given(fields, "instalment_multiple_of", _multiple, 1),
        principal_grace_periods=grace[0],
        interest_grace_periods=grace[1],
    )


def parse_rate(value: object, day_count: DayCount, frequency: Frequency, where: str) -> Rate:
    """The rate of interest. A daily rate is for calendar days, but in a month of 30 days where days are so
    counted.

    30 days to the month is how Chinese lenders turn a daily rate into a monthly one: monthly = daily x 30.
    """
    name, written = one_of(value, where, ("annual", "daily"))
    path = f"{where}.{name}"
    number = fraction(written, path)
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


def parse_frequency(value: object, path: str) -> Frequency:
    """How often something falls due. QuoteError names the field."""
    name, every = one_of(value, path, [unit.value for unit in Unit])
    return Frequency(Unit(name), count(every, f"{path}.{name}", 1, LONGEST_FREQUENCY))


def _fees(value: object, path: str) -> tuple[Fee, ...]:
    if not isinstance(value, list):
        refuse(path, value, "a list of fees")
    if len(value) > MOST_FEES:
        raise QuoteError(f"{path} lists {len(value)} fees: give at most {MOST_FEES}", field=path)
    return tuple(_fee(fee, f"{path}[{position}]") for position, fee in enumerate(value))


def _fee(value: object, path: str) -> Fee:
    fields = read_object(value, path, required=("kind", "rate"))
    kind = FeeKind(choice(fields["kind"], f"{path}.kind", [kind.value for kind in FeeKind]))
    rate = fraction(fields["rate"], f"{path}.rate")
    if rate > 1:
        message = f"{path}.rate is {rate * 100:f} % of the principal: give a fraction from 0 to 1"
        raise QuoteError(message, field=f"{path}.rate")
    return Fee(kind, rate)


def _grace(value: object, path: str) -> tuple[int, int]:
    """Periods without principal and without interest; one left out is none. `Terms` compares with the
    periods.
    """
    names = ("principal_periods", "interest_periods")
    fields = read_object(value, path, optional=names)
    principal, interest = (
        0 if fields.get(name) is None else count(fields[name], f"{path}.{name}", 0, LONGEST_SCHEDULE)
        for name in names
    )
    return principal, interest


def _multiple(value: object, path: str) -> int:
    return amount(value, path, at_most_fen=LARGEST_PRINCIPAL_FEN)


def _written(rate: Decimal) -> str:
    return f"{rate.quantize(RATE_PLACES):f}"
