"""Everything that happens during a loan, told by the engine that serves loans (`finance.replay`), to the fen.

Each case is its terms and transactions; what is compared is every column that the case states, row by row.
"""

from datetime import date, timedelta
from typing import Any

import pytest

from finance.delinquency import buckets_from, unpaid_by_bucket
from finance.loan import Ahead, Allocated, Kind, Loan, Reschedule, Rules, Status, Transaction
from finance.money import format_yuan, parse_yuan, round_fen
from finance.replay import replay
from tests.golden.lending import MISSING, Case, all_cases, expected_rows, golden, golden_case
from tests.golden.loans import differences, fact, facts_of, lent, loan_terms, paid, shown_rows, told

D = date.fromisoformat
REDUCE, SHORTEN = Rules(ahead=Ahead.REDUCE), Rules(ahead=Ahead.SHORTEN)


# Schedules: a loan lent and nothing else.


def plain_schedules() -> list[Any]:
    """All but flat interest, which is quoted and not serviced, and the two cases that state no rows."""
    cases = [p for p in golden("schedule") if not p.marks]
    wanted = [p for p in cases if "rows" in p.values[0]["expected"] and p.values[0]["id"] != "fin-rs01-flat"]
    return wanted or [pytest.param({}, marks=MISSING)]


@pytest.mark.parametrize("case", plain_schedules())
def test_a_loan_that_was_lent_has_the_golden_schedule(case: Case) -> None:
    terms = loan_terms(case)
    loan = replay(terms, [lent(terms, terms.schedule.disbursed_on)], terms.schedule.disbursed_on)
    columns = ("principal", "interest", "due", "days", "outstanding", "due_date")
    ours = [{column: row[column] for column in columns} for row in shown_rows(loan)]
    assert ours == [{column: row[column] for column in columns} for row in expected_rows(case)]


@pytest.mark.parametrize("case", plain_schedules())
def test_and_keeps_it_when_every_row_is_paid_on_its_day(case: Case) -> None:
    terms = loan_terms(case)
    facts = [lent(terms, terms.schedule.disbursed_on)]
    for n, row in enumerate(expected_rows(case), start=1):
        if due_fen := parse_yuan(row["due"]):
            facts.append(paid(n, D(row["due_date"]), due_fen))
    loan = replay(terms, facts, facts[-1].on)
    assert loan.status is Status.CLOSED
    assert [row["interest"] for row in shown_rows(loan)] == [r["interest"] for r in expected_rows(case)]
    assert all(row.settled_on == row.due_on for row in loan.rows)


# Payments early, late, too small and too large; draws, rate changes and pauses:
#   case, the day it is looked at, the product's rule, fields of its nth transaction.
LIVES: list[tuple[str, str, Rules, dict[int, dict[str, Any]]]] = [
    ("fin-rp02-ontime-863", "2022-12-01", SHORTEN, {}),
    ("fin-rp06-early-partial", "2022-11-27", Rules(), {}),
    ("fin-rp06-early-partial", "2022-11-27", REDUCE, {}),
    ("fin-rp09-early-excess-reduce-emi", "2022-11-27", REDUCE, {0: {"instalment_fen": 721_00}}),
    ("fin-rp12-prepay-reduce-emi", "2023-01-01", REDUCE, {1: {"instalment_fen": 536_00}}),
    ("fin-late-all-unpaid", "2024-07-15", Rules(), {}),
    ("fin-late-1-overdue", "2024-03-10", Rules(), {}),
    ("fin-pause-one-period", "2024-02-10", Rules(), {}),
    ("fin-ut-30360_reschedule_interest_on0201_4per", "2024-02-01", Rules(), {}),
]


@pytest.mark.parametrize(("name", "as_of", "rules", "extra"), LIVES)
def test_a_golden_life(name: str, as_of: str, rules: Rules, extra: dict[int, dict[str, Any]]) -> None:
    case = golden_case(name)
    loan = told(case, as_of, rules, extra)
    theirs = differences(loan, case)
    if name == "fin-pause-one-period":
        # The case lists what is to be paid, not what was; the first row of it was.
        theirs = {where: what for where, what in theirs.items() if where[1] != "paid_date"}
    assert theirs == {}
    totals = case["expected"]["totals"]
    assert format_yuan(sum(row.asked.interest_fen for row in loan.rows)) == totals["interest"]
    assert format_yuan(sum(row.due_fen for row in loan.rows)) == totals["due"]


# The source's unit tests see a schedule alone, in which every row is deemed paid; a loan says so.
DRAWS = [
    (
        "fin-ut-multi_disbursedAmt200_2ndOnDueDate_dayInYears360_daysInMonth30_repayEvery1Month",
        [("2024-02-01", "17.13"), ("2024-03-01", "17.13")],
    ),
    (
        "fin-ut-multiDisbursedAmt200InDifferentPeriod_dayInYears360_daysInMonth30_repayEvery1Month",
        [("2024-02-01", "17.13")],
    ),
]


@pytest.mark.parametrize(("name", "payments"), DRAWS)
def test_a_second_draw(name: str, payments: list[tuple[str, str]]) -> None:
    case = golden_case(name)
    terms = loan_terms(case)
    facts = facts_of(case, terms)
    facts += [paid(10 + n, D(day), parse_yuan(amount)) for n, (day, amount) in enumerate(payments)]
    loan = replay(terms, facts, D("2024-03-01"))
    assert differences(loan, case) == {}


# Where we differ: what is outstanding after a row is before what is lent on its due date, which is the next period's.
#   case                          row   theirs                     ours
#   fin-rp16-multi-disbursement    2    1,633.25 + 3,000 lent      1,633.25
#   fin-rp16-multi-disbursement    4    1,259.13 + 2,000 lent      1,259.13
def test_draws_on_due_dates_under_a_given_instalment() -> None:
    case = golden_case("fin-rp16-multi-disbursement")
    loan = told(case, "2023-03-01")
    assert differences(loan, case) == {
        (2, "outstanding"): ("4633.25", "1633.25"),
        (4, "outstanding"): ("3259.13", "1259.13"),
    }


# Where we differ: the source rounds every stretch of constant principal to the fen; we carry the exact amount and
# round once, when the row falls due.
#   case                   row   theirs                 ours
#   fin-rp10-late-excess    2    6.58 + 31.51 = 38.09   38.0816 -> 38.08, and a fen more of principal
def test_a_late_payment_in_the_middle_of_a_period_rounds_once() -> None:
    case = golden_case("fin-rp10-late-excess")
    found = differences(told(case, "2022-12-05"), case)
    assert {(row, column) for row, column in found if row == 2} == {
        (2, "principal"),
        (2, "interest"),
        (2, "outstanding"),
    }
    assert found.pop((2, "interest")) == ("38.09", "38.08")
    assert {column for _, column in found} == {"principal", "outstanding", "due", "remaining"}
    assert all(abs(parse_yuan(theirs) - parse_yuan(ours)) == 1 for theirs, ours in found.values())


def test_a_payoff_between_due_dates_costs_interest_up_to_it() -> None:
    case = golden_case("fin-payoff-till-preclose")
    terms = loan_terms(case)
    facts = facts_of(case, terms)
    quoted = replay(terms, facts[:-1], D("2024-02-15")).payoff
    assert format_yuan(quoted.total_fen) == case["transactions"][-1]["amount"]
    loan = replay(terms, facts, D("2024-02-15"))
    ours = [
        {
            "date": each.on.isoformat(),
            "amount": format_yuan(each.amount_fen),
            "principal": format_yuan(each.parts.principal_fen),
            "interest": format_yuan(each.parts.interest_fen),
            "outstanding": format_yuan(each.principal_left_fen),
        }
        for each in loan.allocations[1:]
    ]
    assert ours == case["expected"]["allocation"]
    assert loan.status is Status.CLOSED


# Allocation.


@pytest.mark.parametrize(
    ("name", "ahead"), [("fin-alloc-next", Ahead.NEXT), ("fin-alloc-reamortize-on-due", Ahead.SPREAD)]
)
def test_more_than_is_due_pays_ahead(name: str, ahead: Ahead) -> None:
    case = golden_case(name)
    loan = told(case, "2023-09-16", Rules(ahead=ahead))
    expected = [row["paid"] for row in case["expected"]["paid_per_installment"]]
    # A row to come shows what was paid ahead of it, once it is asked what it will be.
    assert [row["paid"] for row in shown_rows(loan)[1:]] == expected
    assert format_yuan(loan.outstanding.principal_fen) == case["expected"]["outstanding"]


def test_penalty_and_fee_before_principal() -> None:
    case = golden_case("fin-alloc-penalty-fee-principal")
    terms = loan_terms(case, Rules(components=("penalty", "fee", "interest", "principal")))
    facts = [lent(terms, terms.schedule.disbursed_on)]
    for n, charge in enumerate(case["terms"]["charges"], start=1):
        facts.append(charged(n, charge["amount"], charge["type"], on="2023-01-01", due_on=charge["due_date"]))
    facts.append(fact(9, case["transactions"][0], terms))
    loan = replay(terms, facts, D("2023-02-01"))
    parts = loan.allocations[-1].parts
    assert case["expected"]["allocation"] == {
        "principal": format_yuan(parts.principal_fen),
        "interest": format_yuan(parts.interest_fen),
        "fee": format_yuan(parts.fee_fen),
        "penalty": format_yuan(parts.penalty_fen),
    }
    assert format_yuan(loan.outstanding.principal_fen) == case["expected"]["principal_outstanding"]
    assert format_yuan(loan.outstanding.total_fen) == case["expected"]["total_outstanding"]


def charged(recorded: int, amount: str, component: str, *, on: str, due_on: str) -> Transaction:
    return Transaction(
        ref=f"charge {recorded}",
        kind=Kind.CHARGE,
        on=D(on),
        recorded=recorded,
        amount_fen=parse_yuan(amount),
        component=component,
        due_on=D(due_on),
    )


# Lateness.


def test_late_instalments_by_bucket() -> None:
    case = golden_case("fin-delinquency-installment-buckets")
    limits: dict[str, tuple[int, int | None]] = {}
    for name in case["terms"]["buckets_days"]:
        first, last = name.split("-")
        limits[name] = (int(first), int(last))
    for key, expected in case["expected"].items():
        on = D(key.removeprefix("on_").replace("_", "-"))
        loan = told(case, on.isoformat())
        unpaid = [(row.due_on, row.unpaid.total_fen) for row in loan.rows if row.billed]
        ours = unpaid_by_bucket(unpaid, on, buckets_from(limits))
        assert {name: format_yuan(amount) for name, amount in ours.items()} == expected


# Where we differ: the case counts the due date itself as day 1 at its end. We count the day after it as day 1, as
# the five-category rules ("overdue") and our penalties do, so a debt paid on its due date was never late.
#   case                       on                    theirs   ours
#   frp-dpd-counts-due-date    any day it is late    n        n - 1
def test_days_past_due_are_one_less_than_where_the_due_date_counts() -> None:
    case = golden_case("frp-dpd-counts-due-date")
    for day, theirs in case["expected"]["days_past_due"].items():
        assert told(case, day).days_past_due == max(0, theirs - 1), day


# Accrual.


def test_a_day_accrues() -> None:
    case = golden_case("fin-accrual-1-day")
    case["terms"]["periods"] = 12
    accrual = case["expected"]["accrual"]
    loan = told(case, accrual["date"])
    assert format_yuan(round_fen(loan.accrued_interest_fen)) == accrual["amount"]


# Where we differ: at a charge-off the case claims the interest of the whole loan; we claim what accrued by then.
#   case                               theirs             ours
#   fin-accrual-stops-at-charge-off    1,000 + 10.19      1,000 + 1.32 (four days)
def test_accrual_stops_at_charge_off() -> None:
    case = golden_case("fin-accrual-stops-at-charge-off")
    terms = loan_terms(case)
    begun = [lent(terms, terms.schedule.disbursed_on)]
    posted = 0
    for accrual in case["expected"]["accruals"]:
        accrued_fen = round_fen(replay(terms, begun, D(accrual["date"])).accrued_interest_fen)
        assert format_yuan(accrued_fen - posted) == accrual["amount"]
        posted = accrued_fen
    on_maturity = replay(terms, begun, D(case["terms"]["due_date"]))
    assert format_yuan(on_maturity.outstanding.interest_fen) == case["expected"]["charge_off"]["interest"]
    given_up = told(case, "2023-01-05")
    assert (given_up.books.lost.principal_fen, given_up.books.lost.interest_fen) == (100_000, 132)
    later = told(case, "2024-01-05")
    assert later.books == given_up.books
    assert later.accrued_interest_fen == 0
    assert later.stretches == given_up.stretches


# Instalments made anew.


def test_a_reamortised_loan_moves_what_is_overdue_onto_the_instalments_to_come() -> None:
    case = golden_case("fin-reamortize-uc2")
    loan = told(case, "2024-02-01", extra={0: {"mode": Reschedule.REAMORTISE}})
    assert [row["due"] for row in shown_rows(loan)] == ["125.00", "0.00", "0.00", "375.00"]
    assert case["expected"]["rows"][-1]["due"] == "375.00"
    assert loan.days_past_due == 0
    assert loan.books.billed.total_fen == 0


def test_a_reaged_loan_starts_over_in_equal_parts() -> None:
    case = golden_case("fin-reage-6-months")
    reage = case["terms"]["reage"]
    begins = {"mode": Reschedule.REAGE, "due_on": D(reage["start"]), "periods": reage["installments"]}
    before = told(case, "2024-02-19", extra={0: begins})
    assert before.days_past_due > 0
    loan = told(case, "2024-02-20", extra={0: begins})
    expected = [row for row in case["expected"]["rows"] if row["due_date"] >= reage["start"]]
    ours = [row for row in shown_rows(loan) if row["due_date"] >= reage["start"]]
    columns = ("due_date", "days", "due", "outstanding")
    assert [[row[column] for column in columns] for row in ours] == [
        [row.get(column, "0.00") for column in columns] for row in expected
    ]
    assert loan.days_past_due == 0


# Reversal and replay.


def test_a_refund_is_reversed_after_its_excess_was_paid_out() -> None:
    case = golden_case("fin-reverse-replay-uc24")
    after, before = case["expected"]["after_reversal"], case["expected"]["before_reversal"]
    terms = loan_terms(case)
    facts = facts_of(case, terms)
    unreversed = facts[:-1]
    overpaid = replay(terms, unreversed, D("2023-01-16"))
    assert format_yuan(overpaid.credit_fen) == before["overpaid_on_2023_01_16"]
    assert overpaid.status is Status.OVERPAID
    assert replay(terms, unreversed, D("2023-01-18")).status.value == before["status_after_refund"]
    loan = replay(terms, facts, D("2023-01-20"))
    assert [row["paid"] for row in shown_rows(loan)] == after["paid_per_installment"]
    assert [row["due"] for row in shown_rows(loan)] == after["due_per_installment"]
    assert format_yuan(loan.outstanding.total_fen) == after["outstanding"]
    assert loan.status.value == after["status"]
    assert [
        (each.on.isoformat(), format_yuan(each.amount_fen), format_yuan(each.principal_left_fen))
        for each in loan.allocations[1:]
    ] == [(each["date"], each["amount"], each["balance"]) for each in after["replayed"]]


def backdated(case: Case, until: int) -> list[Transaction]:
    """The case's transactions up to and with this one. Its penalties are known from 22 August; what is reversed ends."""
    terms = loan_terms_of_backdated(case)
    facts = [lent(terms, terms.schedule.disbursed_on)]
    for n, each in enumerate(case["transactions"][:until], start=1):
        if each["type"] == "penalty":
            facts.append(charged(10 * n, each["amount"], "penalty", on="2024-08-22", due_on=each["due_date"]))
            continue
        facts.append(fact(10 * n, each, terms))
        if "reversed_on" in each:
            facts.append(
                Transaction(
                    ref=f"reversal {n}",
                    kind=Kind.REVERSAL,
                    on=D(each["reversed_on"]),
                    recorded=10 * n + 1,
                    reverses=facts[-1].ref,
                )
            )
    return facts


def loan_terms_of_backdated(case: Case) -> Any:
    return loan_terms(case, Rules(components=("penalty", "fee", "interest", "principal")))


def at(case: Case, until: int) -> Loan:
    return replay(loan_terms_of_backdated(case), backdated(case, until), D("2024-08-28"))


def last_paid(loan: Loan, day: str) -> Allocated:
    return next(
        each for each in reversed(loan.allocations) if each.on == D(day) and each.kind is Kind.REPAYMENT
    )


def test_a_backdated_payment_with_later_penalties() -> None:
    case = golden_case("fin-backdated-payment-with-later-fee")
    expected = case["expected"]
    before = at(case, 4)
    columns = ("n", "due_date", "principal", "penalty", "paid", "remaining")
    assert [{c: row[c] for c in columns} for row in shown_rows(before)] == expected[
        "before_backdated_payment"
    ]["rows"]
    assert format_yuan(before.outstanding.total_fen) == expected["before_backdated_payment"]["outstanding"]

    loan = at(case, 5)
    parts = last_paid(loan, "2024-08-22").parts
    assert format_yuan(parts.principal_fen) == expected["backdated"]["principal"]
    assert format_yuan(parts.penalty_fen) == expected["backdated"]["penalty"]
    assert (format_yuan(loan.outstanding.total_fen), loan.status.value) == ("0.00", "closed")

    overpaid = at(case, 6)
    assert last_paid(overpaid, "2024-08-23").parts.total_fen == 0
    assert (format_yuan(overpaid.credit_fen), overpaid.status.value) == ("10.00", "overpaid")

    first_fee = at(case, 7)
    assert format_yuan(last_paid(first_fee, "2024-08-23").parts.penalty_fen) == "5.00"
    assert first_fee.status.value == expected["fee_5_on_2024_08_22"]["status"]

    second_fee = at(case, 8)
    assert format_yuan(last_paid(second_fee, "2024-08-23").parts.penalty_fen) == "10.00"
    assert (format_yuan(second_fee.outstanding.total_fen), second_fee.status.value) == ("0.00", "closed")


@pytest.mark.skipif(not all_cases(), reason=str(MISSING.kwargs["reason"]))
def test_no_golden_life_is_left_out() -> None:
    kinds = {case["kind"] for case in all_cases().values()}
    elsewhere = {"apr", "eir", "rate_factor"}  # test_rates, test_schedules
    here = {
        "schedule",
        "prepay",
        "multi_disbursement",
        "late",
        "allocation",
        "reversal_replay",
        "accrual",
        "delinquency",
        "rate_change",
        "interest_pause",
        "reamortize",
        "reage",
    }
    assert kinds == here | elsewhere


def test_a_day_more_is_a_day_of_interest() -> None:
    case = golden_case("fin-rp05-ontime-partial")
    terms = loan_terms(case)
    begun = [lent(terms, terms.schedule.disbursed_on)]
    day = terms.schedule.disbursed_on + timedelta(days=3)
    accrued = replay(terms, begun, day).accrued_interest_fen
    assert accrued == 3 * replay(terms, begun, day - timedelta(days=2)).accrued_interest_fen
