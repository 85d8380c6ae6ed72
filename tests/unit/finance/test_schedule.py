from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from finance.dates import MONTHLY, DateError, Frequency, Unit
from finance.daycount import DayCount
from finance.money import Rounding, format_yuan
from finance.rates import AnnualRate, DailyRate
from finance.schedule import (
    LONGEST_SCHEDULE,
    Fee,
    FeeKind,
    Method,
    OddFirstPeriod,
    Schedule,
    ScheduleError,
    Terms,
    build,
    level_instalment,
    periods_to_repay,
)

ONE_PER_CENT_A_MONTH = AnnualRate(Decimal("0.12"), DayCount.PERIOD)
SIX_PER_TEN_THOUSAND = DailyRate(Decimal("0.0006"))


def loan(**changed: Any) -> Terms:
    terms: dict[str, Any] = {
        "principal_fen": 1_200_000,
        "rate": ONE_PER_CENT_A_MONTH,
        "method": Method.EQUAL_INSTALMENT,
        "periods": 4,
        "frequency": MONTHLY,
        "disbursed_on": date(2024, 1, 31),
    }
    return Terms(**(terms | changed))


def table(schedule: Schedule) -> list[tuple[str, str, str, str]]:
    """Principal, interest, fee and outstanding per row."""
    return [
        (
            format_yuan(row.principal_fen),
            format_yuan(row.interest_fen),
            format_yuan(row.fee_fen),
            format_yuan(row.outstanding_fen),
        )
        for row in schedule.rows
    ]


def test_equal_principal_shrinks_its_interest() -> None:
    assert table(build(loan(method=Method.EQUAL_PRINCIPAL))) == [
        ("3000.00", "120.00", "0.00", "9000.00"),
        ("3000.00", "90.00", "0.00", "6000.00"),
        ("3000.00", "60.00", "0.00", "3000.00"),
        ("3000.00", "30.00", "0.00", "0.00"),
    ]


def test_the_last_share_of_principal_takes_the_remainder() -> None:
    shares = [row.principal_fen for row in build(loan(method=Method.EQUAL_PRINCIPAL, periods=7)).rows]
    assert shares == [171_429] * 6 + [171_426]
    rounded = build(loan(method=Method.EQUAL_PRINCIPAL, periods=7, instalment_multiple_fen=10_000)).rows
    assert [row.principal_fen for row in rounded] == [170_000] * 6 + [180_000]


def test_equal_instalments_are_equal_but_for_the_last() -> None:
    dues = [row.due_fen for row in build(loan()).rows]
    assert dues == [307_537, 307_537, 307_537, 307_539]


def test_interest_first_pays_principal_in_the_last_row() -> None:
    assert table(build(loan(method=Method.INTEREST_FIRST, rate=SIX_PER_TEN_THOUSAND, periods=3))) == [
        ("0.00", "208.80", "0.00", "12000.00"),
        ("0.00", "223.20", "0.00", "12000.00"),
        ("12000.00", "216.00", "0.00", "0.00"),
    ]


@pytest.mark.parametrize(
    "method", [Method.INTEREST_FIRST, Method.ONE_OFF, Method.EQUAL_INSTALMENT, Method.FLAT]
)
def test_10_000_for_15_days_at_6_per_10_000_costs_90(method: Method) -> None:
    schedule = build(
        loan(
            principal_fen=1_000_000,
            rate=SIX_PER_TEN_THOUSAND,
            method=method,
            periods=1,
            frequency=Frequency(Unit.DAYS, 15),
        )
    )
    assert table(schedule) == [("10000.00", "90.00", "0.00", "0.00")]


def test_one_off_rounds_the_interest_of_all_its_periods_once() -> None:
    schedule = build(loan(principal_fen=33, method=Method.ONE_OFF, periods=3))
    assert table(schedule)[:2] == [("0.00", "0.00", "0.00", "0.33")] * 2
    assert [row.interest_fen for row in schedule.rows] == [0, 0, 1]


def test_flat_interest_is_on_the_first_principal_throughout() -> None:
    assert table(build(loan(method=Method.FLAT, periods=3))) == [
        ("4000.00", "120.00", "0.00", "8000.00"),
        ("4000.00", "120.00", "0.00", "4000.00"),
        ("4000.00", "120.00", "0.00", "0.00"),
    ]


@pytest.mark.parametrize("method", list(Method))
def test_without_interest_only_principal_is_due(method: Method) -> None:
    schedule = build(loan(rate=DailyRate(Decimal(0)), method=method, periods=7))
    assert schedule.interest_fen == 0
    assert schedule.due_fen == 1_200_000


@pytest.mark.parametrize("method", [Method.EQUAL_PRINCIPAL, Method.EQUAL_INSTALMENT, Method.FLAT])
def test_no_principal_falls_due_during_its_grace(method: Method) -> None:
    rows = build(loan(method=method, principal_grace_periods=2)).rows
    assert [row.principal_fen for row in rows[:2]] == [0, 0]
    assert [row.interest_fen for row in rows[:2]] == [12_000, 12_000]
    assert rows[2].principal_fen > 0


@pytest.mark.parametrize("method", [Method.EQUAL_PRINCIPAL, Method.INTEREST_FIRST, Method.FLAT])
def test_interest_of_the_grace_is_due_after_it_without_compounding(method: Method) -> None:
    rows = build(loan(method=method, principal_grace_periods=3, interest_grace_periods=2)).rows
    assert [row.interest_fen for row in rows] == [0, 0, 36_000, 12_000]


def test_interest_may_wait_while_principal_is_paid() -> None:
    rows = build(loan(method=Method.EQUAL_INSTALMENT, interest_grace_periods=1)).rows
    undeferred = build(loan()).rows
    assert [row.principal_fen for row in rows] == [row.principal_fen for row in undeferred]
    assert rows[0].interest_fen == 0
    assert rows[1].interest_fen == undeferred[0].interest_fen + undeferred[1].interest_fen


def test_fees_upfront_per_period_and_spread() -> None:
    fees = (
        Fee(FeeKind.UPFRONT, Decimal("0.01")),
        Fee(FeeKind.PER_PERIOD, Decimal("0.001")),
        Fee(FeeKind.TOTAL_SPREAD, Decimal("0.0000025")),
    )
    schedule = build(loan(method=Method.INTEREST_FIRST, fees=fees))
    # 3 fen in four parts: 0.75 each rounds to 1, 1, 1, and nothing is left.
    assert [row.fee_fen for row in schedule.rows] == [1_201, 1_201, 1_201, 1_200]
    assert schedule.upfront_fee_fen == 12_000
    assert schedule.net_disbursed_fen == 1_188_000
    assert schedule.fee_fen == 12_000 + 4_803
    assert schedule.due_fen == 1_200_000 + 48_000 + 16_803


def test_a_long_first_period_is_levelled_or_added() -> None:
    odd = {"rate": SIX_PER_TEN_THOUSAND, "first_due_on": date(2024, 3, 15)}
    levelled = build(loan(**odd)).rows
    assert levelled[0].days == 44
    assert {row.due_fen for row in levelled[:-1]} == {levelled[0].due_fen}
    added = build(loan(**odd, odd_first_period=OddFirstPeriod.ADDED_TO_FIRST)).rows
    assert added[0].interest_fen == levelled[0].interest_fen
    # 15 February to 15 March is the regular period; the 15 days before it are on top.
    assert added[0].due_fen - added[1].due_fen == 1_200_000 * 15 * 6 // 10_000


def test_a_short_first_period_lowers_the_first_instalment_when_added() -> None:
    rows = build(
        loan(
            rate=SIX_PER_TEN_THOUSAND,
            first_due_on=date(2024, 2, 10),
            odd_first_period=OddFirstPeriod.ADDED_TO_FIRST,
        )
    ).rows
    assert rows[1].due_fen - rows[0].due_fen == 1_200_000 * 21 * 6 // 10_000


def test_a_row_whose_interest_exceeds_the_level_asks_for_no_principal() -> None:
    rows = build(loan(periods=120, first_due_on=date(2029, 1, 31))).rows
    assert rows[0].principal_fen == 0
    assert rows[0].interest_fen == 720_000
    assert all(row.principal_fen > 0 for row in rows[1:])
    assert abs(rows[-1].due_fen - rows[1].due_fen) < 119, "a last row within a fen per row of the level"


def test_a_long_month_never_adds_its_unpaid_interest_to_the_principal() -> None:
    # At 1 % a day over fifty years the level is hardly more than the interest of a short month.
    rows = build(loan(rate=DailyRate(Decimal("0.01")), periods=600, disbursed_on=date(2023, 2, 1))).rows
    assert rows[0].days == 28
    assert rows[1].days == 31
    assert rows[1].principal_fen == 0
    assert rows[1].due_fen > rows[0].due_fen
    assert rows[-1].outstanding_fen == 0


def test_a_flat_instalment_rounded_below_its_interest_asks_for_no_principal() -> None:
    rows = build(loan(method=Method.FLAT, periods=300, instalment_multiple_fen=15_000)).rows
    assert [row.principal_fen for row in rows[:2]] == [3_000, 3_000]
    rows = build(loan(method=Method.FLAT, periods=300, instalment_fen=11_000)).rows
    assert [row.principal_fen for row in rows[:2]] == [0, 0]


def test_an_instalment_may_be_given() -> None:
    rows = build(loan(instalment_fen=400_000)).rows
    assert [row.due_fen for row in rows[:-1]] == [400_000, 400_000, 400_000]
    enough = build(loan(instalment_fen=700_000)).rows
    assert [row.due_fen for row in enough] == [700_000, 517_120, 0, 0]


@pytest.mark.parametrize("instalment_fen", [11_999, 12_000])
def test_a_given_instalment_must_repay_something(instalment_fen: int) -> None:
    with pytest.raises(ScheduleError) as refused:
        build(loan(instalment_fen=instalment_fen))
    assert refused.value.field == "instalment"


def test_the_product_may_round_otherwise() -> None:
    half = loan(principal_fen=50, method=Method.INTEREST_FIRST, periods=1)
    assert build(half).interest_fen == 0
    assert (
        build(
            loan(principal_fen=50, method=Method.INTEREST_FIRST, periods=1, rounding=Rounding.HALF_UP)
        ).interest_fen
        == 1
    )


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"principal_fen": 0}, "principal"),
        ({"principal_fen": -1}, "principal"),
        ({"periods": 0}, "periods"),
        ({"periods": LONGEST_SCHEDULE + 1}, "periods"),
        ({"instalment_multiple_fen": 0}, "instalment_multiple_of"),
        ({"instalment_multiple_fen": 1_000_000}, "instalment_multiple_of"),
        ({"instalment_multiple_fen": 1_000_000, "method": Method.EQUAL_PRINCIPAL}, "instalment_multiple_of"),
        ({"instalment_multiple_fen": 1_000_000, "method": Method.FLAT}, "instalment_multiple_of"),
        ({"principal_grace_periods": 4}, "grace.principal_periods"),
        ({"principal_grace_periods": -1}, "grace.principal_periods"),
        ({"interest_grace_periods": 4}, "grace.interest_periods"),
        ({"fees": (Fee(FeeKind.UPFRONT, Decimal("-0.1")),)}, "fees[0].rate"),
        ({"fees": (Fee(FeeKind.UPFRONT, Decimal("NaN")),)}, "fees[0].rate"),
        ({"instalment_fen": 5, "method": Method.EQUAL_PRINCIPAL}, "instalment"),
    ],
)
def test_terms_out_of_range_are_named(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        build(loan(**changed))
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"first_due_on": date(2024, 1, 31)}, "first_due_on"),
        ({"disbursed_on": date(9999, 10, 1)}, "periods"),
    ],
)
def test_dates_that_cannot_be_are_named(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(DateError) as refused:
        build(loan(**changed))
    assert refused.value.field == field


def test_the_level_instalment_is_exact() -> None:
    assert level_instalment(100, [Fraction(0)] * 3) == Fraction(100, 3)
    assert level_instalment(100, [Fraction(1, 2)]) == 150
    # 100 at 10 % over two periods: 100 = x / 1.1 + x / 1.21.
    assert level_instalment(100, [Fraction(1, 10)] * 2) == Fraction(12_100, 210)


@pytest.mark.parametrize(("instalment", "periods"), [(12_120_000, 1), (6_090_000, 3), (6_100_000, 2)])
def test_how_many_instalments_repay(instalment: int, periods: int) -> None:
    assert periods_to_repay(12_000_000, instalment, Fraction(1, 100)) == periods


@pytest.mark.parametrize("instalment", [0, 119_999, 120_000])
def test_an_instalment_that_never_repays_is_refused(instalment: int) -> None:
    with pytest.raises(ScheduleError):
        periods_to_repay(12_000_000, instalment, Fraction(1, 100))
