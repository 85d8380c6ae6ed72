"""Random lives of loans, for the properties of the engine that serves them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from finance.dates import MONTHLY, Frequency, Unit
from finance.daycount import DayCount
from finance.loan import Ahead, Kind, LoanError, LoanTerms, Reschedule, Rules, Transaction
from finance.rates import AnnualRate, DailyRate, Rate
from finance.replay import replay
from finance.schedule import Fee, FeeKind, Method, Terms

FIRST_DAY = date(2027, 11, 20)
METHODS = (Method.EQUAL_INSTALMENT, Method.EQUAL_PRINCIPAL, Method.INTEREST_FIRST, Method.ONE_OFF)
RATES: tuple[Rate, ...] = (
    DailyRate(Decimal("0.0006")),
    DailyRate(Decimal("0.00045")),
    AnnualRate(Decimal("0.12"), DayCount.ACTUAL_365),
    AnnualRate(Decimal("0.0725"), DayCount.PERIOD),
    AnnualRate(Decimal("0.18"), DayCount.THIRTY_360),
    AnnualRate(Decimal(0), DayCount.ACTUAL_360),
)
FREQUENCIES = (MONTHLY, MONTHLY, Frequency(Unit.DAYS, 15), Frequency(Unit.WEEKS, 2))
KINDS = (
    *[Kind.REPAYMENT] * 6,
    *[Kind.PREPAYMENT] * 3,
    Kind.PAYOFF,
    Kind.DISBURSEMENT,
    Kind.CHARGE,
    Kind.RATE_CHANGE,
    Kind.DUE_DAY_CHANGE,
    Kind.PAUSE,
    Kind.RESCHEDULE,
    Kind.CREDIT_REFUND,
    Kind.CHARGE_OFF,
    Kind.WRITE_OFF,
    Kind.RECOVERY,
)


@st.composite
def terms(draw: st.DrawFn) -> LoanTerms:
    frequency = draw(st.sampled_from(FREQUENCIES))
    periods = draw(st.integers(1, 14))
    rate = draw(st.sampled_from(RATES))
    if isinstance(rate, AnnualRate) and rate.day_count is DayCount.THIRTY_360 and frequency != MONTHLY:
        rate = DailyRate(Decimal("0.0005"))
    schedule = Terms(
        principal_fen=draw(st.integers(1, 5_000_00)) * draw(st.sampled_from((1, 1, 10_000))),
        rate=rate,
        method=draw(st.sampled_from(METHODS)),
        periods=periods,
        frequency=frequency,
        disbursed_on=FIRST_DAY,
        principal_grace_periods=draw(st.integers(0, min(2, periods - 1))),
        interest_grace_periods=draw(st.integers(0, min(1, periods - 1))),
        fees=draw(
            st.sampled_from(
                ((), (Fee(FeeKind.UPFRONT, Decimal("0.01")),), (Fee(FeeKind.PER_PERIOD, Decimal("0.002")),))
            )
        ),
    )
    return LoanTerms(
        schedule,
        Rules(
            ahead=draw(st.sampled_from(tuple(Ahead))),
            prepaid=draw(st.sampled_from((Ahead.REDUCE, Ahead.SHORTEN))),
            prepayment_fees=draw(st.sampled_from(((), ((3, Decimal("0.02")), (9, Decimal("0.01")))))),
            penalty=draw(st.sampled_from((None, DailyRate(Decimal("0.0009"))))),
            grace_days=draw(st.sampled_from((0, 0, 3))),
        ),
    )


def _fields(draw: st.DrawFn, kind: Kind, on: date, principal_fen: int) -> dict[str, Any]:
    amount_fen = draw(st.sampled_from((1, principal_fen // 7 + 1, principal_fen // 2 + 1, 2 * principal_fen)))
    match kind:
        case Kind.CHARGE:
            return {
                "amount_fen": amount_fen // 20 + 1,
                "component": draw(st.sampled_from(("fee", "penalty"))),
                "due_on": on + timedelta(days=draw(st.integers(-20, 60))),
            }
        case Kind.RATE_CHANGE:
            return {"rate": draw(st.sampled_from(RATES[:3]))}
        case Kind.DUE_DAY_CHANGE:
            return {"due_day": draw(st.integers(1, 31))}
        case Kind.PAUSE:
            return {"due_on": on + timedelta(days=draw(st.integers(0, 40)))}
        case Kind.RESCHEDULE:
            mode = draw(st.sampled_from(tuple(Reschedule)))
            return {
                "mode": mode,
                "periods": draw(st.integers(1, 4)),
                "due_on": on + timedelta(days=draw(st.integers(1, 30))),
            }
        case _:
            return {"amount_fen": amount_fen}


@st.composite
def lives(draw: st.DrawFn) -> tuple[LoanTerms, list[Transaction], date]:
    """Terms, facts that can have happened, in the order of their recording, and a day to look at it."""
    given = draw(terms())
    principal_fen = given.schedule.principal_fen
    first = Transaction(ref="0", kind=Kind.DISBURSEMENT, on=FIRST_DAY, recorded=0, amount_fen=principal_fen)
    facts, end = [first], FIRST_DAY + timedelta(days=draw(st.integers(0, 500)))
    for n in range(1, draw(st.integers(0, 14)) + 1):
        kind, on = draw(st.sampled_from(KINDS)), FIRST_DAY + timedelta(days=draw(st.integers(0, 420)))
        made = Transaction(ref=str(n), kind=kind, on=on, recorded=n, **_fields(draw, kind, on, principal_fen))
        try:
            replay(given, [*facts, made], end)
            replay(given, [*facts, made], FIRST_DAY + timedelta(days=600))
        except LoanError:
            continue
        facts.append(made)
    return given, facts, end
