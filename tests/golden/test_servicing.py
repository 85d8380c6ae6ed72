"""What happens during a loan, as far as the pure functions say it: allocation, lateness, accrual, and schedules cut
anew from what is outstanding after a payment, a draw or a change of rate.
"""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from finance.allocation import Due, allocate, allocate_evenly
from finance.dates import MONTHLY, DueCalendar
from finance.daycount import DayCount
from finance.delinquency import buckets_from, days_past_due, oldest_unpaid_due_on, unpaid_by_bucket
from finance.interest import Segment, close, owed, owed_over, to_post
from finance.money import format_yuan, parse_yuan, round_fen
from finance.rates import AnnualRate, DailyRate
from finance.schedule import Method, Terms, build
from tests.golden.lending import annual_rate_of, expected_rows, golden_case, shown, terms_of

D = date.fromisoformat
CALENDAR_OF_2024 = DueCalendar.of(D("2024-01-01"), MONTHLY)


def principal_dues(case: dict[str, Any]) -> list[Due]:
    rows = case["terms"]["installments"]
    return [Due(r["due_date"], D(r["due_date"]), {"principal": parse_yuan(r["principal"])}) for r in rows]


@pytest.mark.parametrize(
    ("name", "pay"), [("fin-alloc-next", allocate), ("fin-alloc-reamortize-on-due", allocate_evenly)]
)
def test_more_than_is_due_pays_ahead(name: str, pay: Any) -> None:
    case = golden_case(name)
    dues = principal_dues(case)
    due, ahead = [d for d in dues if d.key == "2023-09-16"], [d for d in dues if d.key != "2023-09-16"]
    now = allocate(parse_yuan(case["transactions"][0]["amount"]), due)
    later = pay(now.unapplied_fen, ahead)
    paid = now.by_due() | later.by_due()
    for expected in case["expected"]["paid_per_installment"]:
        assert format_yuan(paid.get(expected["due_date"], 0)) == expected["paid"]
    left = sum(d.total_fen for d in dues) - sum(paid.values())
    assert format_yuan(left) == case["expected"]["outstanding"]


def test_penalty_and_fee_before_principal() -> None:
    case = golden_case("fin-alloc-penalty-fee-principal")
    charges = {charge["type"]: parse_yuan(charge["amount"]) for charge in case["terms"]["charges"]}
    due = Due(1, D("2023-02-01"), {**charges, "interest": 0, "principal": 100_000})
    paid = allocate(50_000, [due], components=("penalty", "fee", "interest", "principal")).by_component()
    expected = case["expected"]["allocation"]
    assert {name: format_yuan(paid.get(name, 0)) for name in expected} == expected
    assert format_yuan(300_000 - paid["principal"]) == case["expected"]["principal_outstanding"]


def test_late_instalments_by_bucket() -> None:
    case = golden_case("fin-delinquency-installment-buckets")
    unpaid = [(due.due_on, due.total_fen) for due in principal_dues(case)]
    limits: dict[str, tuple[int, int | None]] = {}
    for name in case["terms"]["buckets_days"]:
        first, last = name.split("-")
        limits[name] = (int(first), int(last))
    for key, expected in case["expected"].items():
        on = D(key.removeprefix("on_").replace("_", "-"))
        ours = unpaid_by_bucket(unpaid, on, buckets_from(limits))
        assert {name: format_yuan(amount) for name, amount in ours.items()} == expected


# Where we differ: the case counts the due date itself as day 1 at its end. We count the day after it as day 1, as
# the five-category rules ("overdue") and our penalties do, so a debt paid on its due date was never late.
#   case                       on                    theirs   ours
#   frp-dpd-counts-due-date    any day it is late    n        n - 1
def test_days_past_due_are_one_less_than_where_the_due_date_counts() -> None:
    case = golden_case("frp-dpd-counts-due-date")
    paid_on = [D(payment["date"]) for payment in case["transactions"]]
    dues = [(D(row["due_date"]), parse_yuan(row["amount"])) for row in case["terms"]["installments"]]
    for day, theirs in case["expected"]["days_past_due"].items():
        on = D(day)
        unpaid = [
            (due, 0 if paid <= on else amount) for (due, amount), paid in zip(dues, paid_on, strict=True)
        ]
        assert days_past_due(oldest_unpaid_due_on(unpaid), on) == max(0, theirs - 1), day


def test_a_day_accrues() -> None:
    case = golden_case("fin-accrual-1-day")
    terms = case["terms"]
    loan = Segment(parse_yuan(terms["principal"]), annual_rate_of(terms), D(terms["disbursement_date"]))
    accrual = case["expected"]["accrual"]
    assert format_yuan(to_post(loan, D(accrual["date"]), posted_fen=0)) == accrual["amount"]


def test_accrual_stops_at_charge_off_with_the_interest_of_the_whole_loan_claimed() -> None:
    case = golden_case("fin-accrual-stops-at-charge-off")
    terms = case["terms"]
    loan = Segment(parse_yuan(terms["principal"]), annual_rate_of(terms), D(terms["disbursement_date"]))
    posted = 0
    for accrual in case["expected"]["accruals"]:
        booked = to_post(loan, D(accrual["date"]), posted_fen=posted)
        assert format_yuan(booked) == accrual["amount"]
        posted += booked
    charge_off = case["expected"]["charge_off"]
    assert format_yuan(round_fen(owed(loan, D(terms["due_date"])))) == charge_off["interest"]
    stopped = close(loan, D(charge_off["date"]), rate=DailyRate(Decimal(0)))
    assert owed(stopped, D("2024-01-05")) == owed(loan, D(charge_off["date"]))


# Schedules cut anew: (case, first row of the new schedule, what then is outstanding, from when, changed terms).
RECUT = [
    ("fin-ut-30360_reschedule_interest_on0201_4per", 2, "83.57", "2024-02-01", {"annual": "0.04"}),
    (
        "fin-ut-multi_disbursedAmt200_2ndOnDueDate_dayInYears360_daysInMonth30_repayEvery1Month",
        3,
        "167.19",
        "2024-03-01",
        {},
    ),
    (
        "fin-ut-multiDisbursedAmt200InDifferentPeriod_dayInYears360_daysInMonth30_repayEvery1Month",
        3,
        "147.20",
        "2024-03-01",
        {"instalment": "37.53"},
    ),
    ("fin-rp16-multi-disbursement", 5, "3259.13", "2023-03-01", {}),
    ("fin-rp02-ontime-863", 2, "4186.32", "2022-12-01", {}),
    ("fin-rp06-early-partial", 2, "4187.05", "2022-12-01", {}),
    ("fin-rp09-early-excess-reduce-emi", 2, "3500.00", "2022-12-01", {"instalment": "721"}),
    ("fin-rp12-prepay-reduce-emi", 3, "2090.59", "2023-01-01", {"instalment": "536"}),
    ("fin-late-1-overdue", 4, "50.46", "2024-04-01", {}),
    ("fin-rp10-late-excess", 3, "3363.41", "2023-01-01", {}),
    ("fin-pause-one-period", 3, "66.95", "2024-03-01", {}),
]


@pytest.mark.parametrize(
    ("name", "first", "outstanding", "since", "changed"), RECUT, ids=[recut[0] for recut in RECUT]
)
def test_a_schedule_cut_anew_from_what_is_outstanding(
    name: str, first: int, outstanding: str, since: str, changed: dict[str, str]
) -> None:
    case = golden_case(name)
    expected = expected_rows(case)[first - 1 :]
    terms = terms_of(
        case, principal_fen=parse_yuan(outstanding), disbursed_on=D(since), periods=len(expected)
    )
    if "annual" in changed:
        terms = replaced(terms, rate=AnnualRate(Decimal(changed["annual"]), terms.rate.day_count))  # type: ignore[union-attr]
    if "instalment" in changed:
        terms = replaced(terms, instalment_fen=parse_yuan(changed["instalment"]))
    rows = [shown(row) | {"n": row.n + first - 1} for row in build(terms).rows]
    assert rows == expected


def replaced(terms: Terms, **changed: Any) -> Terms:
    return Terms(**({name: getattr(terms, name) for name in Terms.__slots__} | changed))


def test_a_reaged_loan_starts_over_in_equal_parts() -> None:
    case = golden_case("fin-reage-6-months")
    reage = case["terms"]["reage"]
    rows = build(
        Terms(
            principal_fen=parse_yuan(case["expected"]["transaction"]["amount"]),
            rate=DailyRate(Decimal(0)),
            method=Method.EQUAL_PRINCIPAL,
            periods=reage["installments"],
            frequency=MONTHLY,
            disbursed_on=D("2024-02-15"),
            first_due_on=D(reage["start"]),
        )
    ).rows
    expected = [row for row in case["expected"]["rows"] if row["due_date"] >= reage["start"]]
    ours = [
        (str(row.due_on), row.days, format_yuan(row.due_fen), format_yuan(row.outstanding_fen))
        for row in rows
    ]
    assert ours == [(row["due_date"], row["days"], row["due"], row["outstanding"]) for row in expected]


def test_a_payoff_between_due_dates_costs_interest_up_to_it() -> None:
    case = golden_case("fin-payoff-till-preclose")
    _, payoff = case["expected"]["allocation"]
    loan = Segment(8_357, annual_rate_of(case["terms"]), D("2024-02-01"), calendar=CALENDAR_OF_2024)
    assert format_yuan(round_fen(owed(loan, D(payoff["date"])))) == payoff["interest"]


# (case, row, principal at the start of its period, changes of principal inside it): the row's interest.
INSIDE = [
    ("fin-rp06-early-partial", 1, "2022-11-01", "5000", [("2022-11-27", "4800")]),
    ("fin-rp09-early-excess-reduce-emi", 1, "2022-11-01", "5000", [("2022-11-27", "3500")]),
    ("fin-late-1-overdue", 3, "2024-03-01", "83.57", [("2024-03-10", "67.05")]),
    (
        "fin-ut-multiDisbursedAmt200InDifferentPeriod_dayInYears360_daysInMonth30_repayEvery1Month",
        2,
        "2024-02-01",
        "83.57",
        [("2024-02-15", "183.57")],
    ),
]


@pytest.mark.parametrize(("name", "n", "since", "principal", "changes"), INSIDE)
def test_interest_of_a_period_in_which_the_principal_changes(
    name: str, n: int, since: str, principal: str, changes: list[tuple[str, str]]
) -> None:
    case = golden_case(name)
    row = expected_rows(case)[n - 1]
    period = Segment(
        parse_yuan(principal), annual_rate_of(case["terms"]), D(since), calendar=CALENDAR_OF_2024
    )
    principals = [(D(day), parse_yuan(amount)) for day, amount in changes]
    assert format_yuan(round_fen(owed_over(period, principals, D(row["due_date"])))) == row["interest"]


# Where we differ: the source rounds every stretch of constant principal to the fen; we carry the exact amount and
# round once, when it is posted.
#   case                   row   theirs              ours
#   fin-rp10-late-excess    2    6.58 + 31.51 = 38.09   38.0816 -> 38.08
def test_a_late_payment_in_the_middle_of_a_period_rounds_once() -> None:
    case = golden_case("fin-rp10-late-excess")
    period = Segment(500_000, annual_rate_of(case["terms"]), D("2022-12-01"))
    ours = owed_over(period, [(D("2022-12-05"), 354_932)], D("2023-01-01"))
    assert round_fen(ours) == 3_808
    paid = close(period, D("2022-12-05"), principal_fen=354_932)
    stretches = [owed(period, D("2022-12-05")), owed(paid, D("2023-01-01")) - paid.carried_fen]
    theirs = sum(round_fen(stretch) for stretch in stretches)
    assert format_yuan(theirs) == expected_rows(case)[1]["interest"]


def test_a_pause_takes_its_days_out_of_the_interest() -> None:
    case = golden_case("fin-pause-one-period")
    pause = case["transactions"][1]
    loan = Segment(8_357, annual_rate_of(case["terms"]), D("2024-02-01"), calendar=CALENDAR_OF_2024)
    # From the close of the day before its start to the close of its end.
    paused = close(loan, D(pause["start"]) - timedelta(days=1), rate=AnnualRate(Decimal(0), DayCount.PERIOD))
    resumed = close(paused, D(pause["end"]), rate=loan.rate)
    row = expected_rows(case)[1]
    assert format_yuan(round_fen(owed(resumed, D(row["due_date"])))) == row["interest"]


def test_unpaid_principal_keeps_earning_until_maturity() -> None:
    case = golden_case("fin-late-all-unpaid")
    loan = Segment(10_000, annual_rate_of(case["terms"]), D("2024-01-01"), calendar=CALENDAR_OF_2024)
    rows = expected_rows(case)
    for row, start in zip(rows, ["2024-01-01", *(row["due_date"] for row in rows)], strict=False):
        period = owed(loan, D(row["due_date"])) - owed(loan, D(start))
        assert format_yuan(round_fen(period)) == row["interest"]
    # Six months rounded one by one come to 3.48; the whole is 3.50, which is what we would post.
    assert owed(loan, D("2024-07-01")) == Fraction(350)
