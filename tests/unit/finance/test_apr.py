from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from finance.apr import (
    NoAnnualRateError,
    annual_rates_of,
    annual_rates_on_dates,
    effective_interest,
    periodic_rate,
    present_value,
    regulation_z_rate,
)

Flows = list[tuple[int | Fraction, int]]


def rounded(rate: Decimal, places: int = 8) -> str:
    return f"{rate:.{places}f}"


@pytest.mark.parametrize(
    ("flows", "rate"),
    [
        ([(0, -100), (1, 110)], "0.10000000"),
        ([(0, -100), (1, 100)], "0.00000000"),
        ([(0, -100), (1, 50)], "-0.50000000"),
        ([(0, -100), (2, 121)], "0.10000000"),
        ([(0, -100), (Fraction(1, 2), 110)], "0.21000000"),
        ([(5, 110), (4, -100)], "0.10000000"),
        ([(0, 100), (1, -110)], "0.10000000"),
        ([(0, -100), (0, -100), (1, 220)], "0.10000000"),
        ([(0, -1), (1, 10**12)], "999999999999.00000000"),
        ([(0, -(10**12)), (1, 1)], "-1.00000000"),
        # Drawn twice with a payment between: the running sum turns once, so the rate is still the only one.
        ([(0, -1000), (1, 200), (2, -500), (3, 1500)], "0.06107362"),
    ],
)
def test_the_rate_of_cash_flows(flows: Flows, rate: str) -> None:
    assert rounded(periodic_rate(flows)) == rate


@pytest.mark.parametrize(
    ("flows", "why"),
    [
        ([], "one way"),
        ([(0, 0)], "one way"),
        ([(0, -100)], "one way"),
        ([(0, 100), (1, 5)], "one way"),
        ([(0, -100), (0, 100)], "one way"),
        # 10 % and 20 % both fit.
        ([(0, -1000), (1, 2300), (2, -1320)], "too often"),
        # No rate fits: -100 + 100 v - 100 v² is negative everywhere.
        ([(0, -100), (1, 100), (2, -100)], "too often"),
        ([(0, -100), (1, 200), (2, -100)], "too often"),
    ],
)
def test_where_there_is_no_single_rate_the_error_says_why(flows: Flows, why: str) -> None:
    with pytest.raises(NoAnnualRateError, match=why):
        periodic_rate(flows)


def test_simple_and_effective_rate_of_a_monthly_loan() -> None:
    rates = annual_rates_of([(0, -10_000), (1, 10_100)], 12)
    assert (rounded(rates.simple), rounded(rates.effective)) == ("0.12000000", "0.12682503")


def test_a_period_need_not_divide_the_year() -> None:
    rates = annual_rates_of([(0, -1_000_000), (1, 1_009_000)], Fraction(365, 15))
    assert (rounded(rates.simple), rounded(rates.effective)) == ("0.21900000", "0.24361240")


def test_dated_flows_count_365_days_to_the_year() -> None:
    lent = date(2024, 1, 1)
    rates = annual_rates_on_dates([(lent, -10_000), (lent + timedelta(days=365), 11_000)])
    assert rounded(rates.effective) == "0.10000000"
    assert rounded(rates.simple) == "0.09532262"
    with pytest.raises(NoAnnualRateError):
        annual_rates_on_dates([])


@pytest.mark.parametrize(
    ("financed", "payments"), [(0, [1]), (-5, [1]), (100, [99]), (100, []), (100, [150, -10])]
)
def test_regulation_z_needs_payments_that_return_the_amount(financed: int, payments: list[int]) -> None:
    with pytest.raises(NoAnnualRateError):
        regulation_z_rate(
            financed, payments, first_after_periods=1, odd_fraction=Fraction(0), periods_per_year=12
        )


def test_regulation_z_of_an_interest_free_loan_is_zero() -> None:
    rate = regulation_z_rate(
        100, [50, 50], first_after_periods=1, odd_fraction=Fraction(0), periods_per_year=12
    )
    assert rate == 0


def test_effective_interest_earns_exactly_the_discount() -> None:
    rows = effective_interest(45_000, [5_000] * 10)
    assert abs(sum((row.income_fen for row in rows), Decimal(-5_000))) < Decimal("1e-20")
    assert abs(rows[-1].outstanding_fen) < Decimal("1e-20")


def test_present_value_undoes_the_rate() -> None:
    flows: Flows = [(0, -100), (1, 60), (Fraction(5, 2), 60)]
    assert abs(present_value(flows, periodic_rate(flows))) < Decimal("1e-20")


def test_the_longest_and_the_oddest_flows_converge() -> None:
    for payment in (1, 10**6, 10**13):
        flows: Flows = [(0, -(10**8)), *((Fraction(1, 31) + n, payment) for n in range(1_200))]
        assert abs(present_value(flows, periodic_rate(flows))) < Decimal("1e-6")
