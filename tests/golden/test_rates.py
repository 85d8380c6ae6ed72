"""The golden annual rates: US Regulation Z, the EU directive, the effective interest method, Huabei's instalments."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from finance.apr import (
    annual_rates,
    annual_rates_on_dates,
    effective_interest,
    eu_annual_percentage_rate,
    periodic_rate,
    regulation_z_rate,
)
from finance.money import format_yuan, parse_yuan, round_fen
from finance.quote import quote
from tests.golden.lending import Case, golden, golden_case

CENT = Decimal("0.01")


def per_cent(rate: Decimal) -> str:
    return f"{(rate * 100).quantize(CENT):f}"


@pytest.mark.parametrize(
    "case", [p for p in golden("apr") if p.marks or "amount_financed" in p.values[0]["terms"]]
)
def test_regulation_z(case: Case) -> None:
    terms = case["terms"]
    payments = terms["payments"]
    if isinstance(payments, dict):
        payments = [payments["amount"]] * payments["count"]
    rate = regulation_z_rate(
        parse_yuan(terms["amount_financed"]),
        [parse_yuan(payment) for payment in payments],
        first_after_periods=terms["first_payment_full_unit_periods"],
        odd_fraction=Fraction(terms["first_payment_odd_fraction"]),
        periods_per_year=terms["unit_periods_per_year"],
    )
    assert per_cent(rate) == case["expected"]["apr_pct"]


def test_eu_first_example_one_repayment_after_546_days() -> None:
    case = golden_case("apr-eu-ex1")
    flows = [(date(1994, 1, 1), -100_000), (date(1995, 7, 1), 120_000)]
    assert str(eu_annual_percentage_rate(flows)) == case["expected"]["apr_pct_1dp"]
    assert per_cent(annual_rates_on_dates(flows).effective) == case["expected"]["apr_pct_2dp"]


def test_eu_third_example_two_repayments_a_year_apart() -> None:
    case = golden_case("apr-eu-ex3")
    lent = date(1994, 1, 1)
    flows = [(lent, -100_000), *((lent + timedelta(days=365 * years), 60_000) for years in (1, 2))]
    assert str(eu_annual_percentage_rate(flows)) == case["expected"]["apr_pct_1dp"]


@pytest.mark.parametrize("case", golden("eir"))
def test_effective_interest_when_each_day_rounds_alone(case: Case) -> None:
    terms = case["terms"]
    net_fen, fee_fen = parse_yuan(terms["net_disbursement"]), parse_yuan(terms["discount_fee"])
    payment_fen = parse_yuan(terms["daily_payment"])
    rows = effective_interest(net_fen, [payment_fen] * ((net_fen + fee_fen) // payment_fen))
    deferred_fen = fee_fen
    for row, expected in zip(rows, case["expected"]["rows"], strict=True):
        last = expected is case["expected"]["rows"][-1]
        income_fen = deferred_fen if last else round_fen(row.income_fen)
        deferred_fen -= income_fen
        assert format_yuan(income_fen) == expected["income"]
        assert format_yuan(deferred_fen) == expected["deferred_fee"]
        assert format_yuan(round_fen(row.outstanding_fen)) == expected["balance"]
        assert f"{row.discount_factor:.8f}" == expected["discount_factor"]


# Where we differ: the case rounds each day's income alone. We book every kind of interest as the rounded sum so far
# less what was booked, which never drifts; its source later came to the same rule (its rounding_rules say so).
#   case               day   theirs   ours
#   fin-wc-eir-450-50   5     5.50    5.51
#   fin-wc-eir-450-50  10     0.97    0.96
def test_effective_interest_as_we_book_it() -> None:
    booked: list[int] = []
    owed = Decimal(0)
    for row in effective_interest(45_000, [5_000] * 10):
        owed += row.income_fen
        booked.append(round_fen(owed) - sum(booked))
    assert booked == [883, 803, 720, 636, 551, 463, 374, 283, 191, 96]
    assert sum(booked) == 5_000


@pytest.mark.parametrize(
    ("instalments", "fee_rate", "simple", "effective"),
    [
        (3, "0.025", "14.94", "16.00"),
        (6, "0.045", "15.27", "16.38"),
        (9, "0.065", "15.34", "16.47"),
        (12, "0.088", "15.86", "17.07"),
    ],
)
def test_what_huabei_instalments_cost_a_year(
    instalments: int, fee_rate: str, simple: str, effective: str
) -> None:
    answer = quote(
        {
            "principal": "10000.00",
            "rate": {"annual": "0"},
            "method": "equal_principal",
            "periods": instalments,
            "frequency": {"months": 1},
            "day_count": "period",
            "disbursed_on": "2024-07-01",
            "fees": [{"kind": "total_spread", "rate": fee_rate}],
        }
    )
    assert per_cent(Decimal(answer["annual_rate"]["simple"])) == simple
    assert per_cent(Decimal(answer["annual_rate"]["effective"])) == effective
    assert answer["totals"]["fee"] == format_yuan(round_fen(1_000_000 * Decimal(fee_rate)))


def test_six_per_ten_thousand_a_day_is_21_90_simple_and_24_47_effective() -> None:
    rates = annual_rates(Decimal("0.0006"), 365)
    assert (per_cent(rates.simple), per_cent(rates.effective)) == ("21.90", "24.47")
    answer = quote(
        {
            "principal": "10000.00",
            "rate": {"daily": "0.0006"},
            "method": "one_off",
            "periods": 1,
            "frequency": {"days": 1},
            "day_count": "actual/365",
            "disbursed_on": "2024-07-01",
        }
    )
    assert answer["annual_rate"] == {"simple": "0.21900000", "effective": "0.24474953"}


def test_the_effective_rate_of_a_known_mortgage_like_loan() -> None:
    level = periodic_rate([(0, -10_000_000), *((n, 888_488) for n in range(1, 13))])
    assert f"{level:.6f}" == "0.010000"
