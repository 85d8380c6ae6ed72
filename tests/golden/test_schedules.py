"""Every golden schedule comes out of `finance.schedule`, and out of a quote where a quote can ask for it."""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest

from finance.money import format_yuan, parse_yuan
from finance.quote import quote
from finance.schedule import build, periods_to_repay
from tests.golden.lending import (
    MISSING,
    Case,
    all_cases,
    annual_rate_of,
    expected_rows,
    golden,
    golden_case,
    quote_request_of,
    shown,
    terms_of,
)

NOT_A_QUOTE = {
    "fin-rp05-ontime-partial": "gives the instalment, 862; the computed 862.57 rounds to 863",
    "frp-280000-fixed-14000": "gives the instalment and asks for the number of periods",
}


def schedules() -> list[Any]:
    return [p for p in golden("schedule") if p.marks or "rows" in p.values[0]["expected"]]


@pytest.mark.parametrize("case", schedules())
def test_a_golden_schedule_to_the_fen(case: Case) -> None:
    schedule = build(terms_of(case))
    assert [shown(row) for row in schedule.rows] == expected_rows(case)
    assert {
        "principal": format_yuan(schedule.principal_fen),
        "interest": format_yuan(schedule.interest_fen),
        "fee": format_yuan(schedule.fee_fen),
        "due": format_yuan(schedule.due_fen),
    } == case["expected"]["totals"]


@pytest.mark.parametrize("case", schedules())
def test_a_golden_schedule_comes_out_of_a_quote(case: Case) -> None:
    request = quote_request_of(case)
    if request is None:
        assert case["id"] in NOT_A_QUOTE
        return
    answer = quote(request)
    rows = [{"due_date": row.pop("due_on"), **row} for row in answer["rows"]]
    assert rows == expected_rows(case)
    assert answer["totals"] == case["expected"]["totals"]


def test_a_fixed_amount_per_period_until_the_loan_is_repaid() -> None:
    case = golden_case("frp-280000-fixed-14000")
    loan = terms_of(case, periods=1)
    factor = annual_rate_of(case["terms"]).factor(
        loan.disbursed_on, loan.calendar.due_on(1), calendar=loan.calendar
    )
    assert loan.instalment_fen is not None
    periods = periods_to_repay(loan.principal_fen, loan.instalment_fen, factor)
    assert periods == case["expected"]["periods"]
    schedule = build(terms_of(case, periods=periods))
    # The source states whole currency units.
    assert whole(schedule.interest_fen) == case["expected"]["total_interest"]
    assert whole(schedule.due_fen) == case["expected"]["total_payment"]


def whole(amount_fen: int) -> str:
    return str((Decimal(amount_fen) / 100).quantize(Decimal(1), ROUND_HALF_EVEN))


def test_broken_period_interest_is_added_to_the_first_instalment() -> None:
    case = golden_case("frp-bpi-first-emi")
    terms, expected = case["terms"], case["expected"]
    first, second, *_ = build(terms_of(case)).rows
    assert format_yuan(first.interest_fen) == expected["row1_interest"]
    assert format_yuan(second.due_fen) == f"{terms['instalment']}.00"
    assert first.due_fen - second.due_fen == parse_yuan(expected["bpi"])
    request = quote_request_of(case)
    assert request is not None
    assert quote(request)["rows"][0]["interest"] == expected["row1_interest"]


@pytest.mark.parametrize("case", golden("rate_factor"))
def test_golden_rate_factors(case: Case) -> None:
    rate = annual_rate_of(case["terms"])
    start = date(2024, 1, 1)
    factors = []
    for days in case["terms"]["period_days"]:
        end = date.fromordinal(start.toordinal() + days)
        factor = rate.factor(start, end)
        exact = Decimal(factor.numerator) / factor.denominator
        factors.append(f"{exact.quantize(Decimal('1e-12'), ROUND_HALF_EVEN):f}")
        start = end
    assert factors == case["expected"]["rate_factors"]


@pytest.mark.skipif(not all_cases(), reason=str(MISSING.kwargs["reason"]))
def test_no_golden_schedule_is_left_out() -> None:
    without_rows = {p.values[0]["id"] for p in golden("schedule")} - {p.values[0]["id"] for p in schedules()}
    assert without_rows == {"frp-280000-fixed-14000", "frp-bpi-first-emi"}
