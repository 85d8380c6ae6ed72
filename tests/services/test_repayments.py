"""What a repayment pays, in which order, and what follows for the minimum, the interest, the freeze and the limit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from huabei.errors import AmountRefused, LineError, LineNotFound, ReferenceRefused, RequestConflict
from huabei.facts import disagreements
from huabei.models import Due, Line, Repayment, Segment, Terms
from huabei.selectors import delinquency, minimum_outstanding
from huabei.services.calendars import change_calendar
from huabei.services.corrections import repay_from
from huabei.services.lines import Opening, open_line
from huabei.services.repayments import repay
from ledger.models import Entry, Transfer
from tests.line_world import OPENED_ON, a_customer, a_line, a_merchant, bought, end_day, stands

pytestmark = pytest.mark.django_db

AUGUST_21 = date(2026, 8, 21)


@pytest.fixture
def late() -> Line:
    """
    A line of 8,000 on which everything is owed that a repayment can pay; it stands on 21 August.

    July: 1,000.00 billed, 100.00 of it paid in time. August: 1,200.00 principal and 9.45 interest billed, the
    minimum of 129.45 missed. Runs since: interest 4.50 (900.00 from 1 to 10 August), penalty 6.05 (1,209.45 from 11 to 20
    August). Unbilled: 50.00.
    """
    line, shop = a_line(), a_merchant()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    repay(line_id=line.pk, amount_fen=100_00, reference="July", on=date(2026, 7, 10))
    end_day(date(2026, 7, 10))
    bought(line, shop, 300_00, date(2026, 7, 20))
    end_day(date(2026, 7, 31))
    bought(line, shop, 50_00, date(2026, 8, 5))
    end_day(date(2026, 8, 10))
    return Line.objects.get(pk=line.pk)


def pay(line: Line, amount_fen: int, on: date = AUGUST_21, reference: str = "r") -> Repayment:
    return repay(line_id=line.pk, amount_fen=amount_fen, reference=reference, on=on)


def test_the_line_stands_as_described(late: Line) -> None:
    position = stands(late, AUGUST_21)
    assert (position.accrued_penalty_fen, position.interest_fen, position.billed_fen) == (
        6_05,
        9_45,
        1_200_00,
    )
    assert (position.accrued_interest_fen, position.unbilled_fen, position.credit_fen) == (4_50, 50_00, 0)
    assert (position.available_fen, position.owed_fen, late.status) == (6_750_00, 1_270_00, "frozen")
    assert delinquency(late.pk, AUGUST_21).overdue_fen == 129_45


# What is paid, then what of it goes to penalty, interest, billed principal, unbilled purchases and credit; then what is owed,
# what of the minimum is unpaid, and whether the line may be used again.
# fmt: off
ALLOCATIONS = [
    (     1,     1,     0,        0,     0,     0,  1_269_99, 129_45, "frozen"),
    (  6_05,  6_05,     0,        0,     0,     0,  1_263_95, 129_45, "frozen"),  # penalty run up is no part of the minimum
    ( 10_00,  6_05,  3_95,        0,     0,     0,  1_260_00, 125_50, "frozen"),
    ( 15_50,  6_05,  9_45,        0,     0,     0,  1_254_50, 120_00, "frozen"),
    (135_49,  6_05,  9_45,   119_99,     0,     0,  1_134_51,      1, "frozen"),
    (135_50,  6_05,  9_45,   120_00,     0,     0,  1_134_50,      0, "active"),  # the minimum, late
    (1_215_50, 6_05, 9_45, 1_200_00,     0,     0,     54_50,      0, "active"),  # all that is billed
    (1_218_00, 6_05, 11_95, 1_200_00,    0,     0,     52_00,      0, "active"),  # interest not billed comes after it
    (1_220_00, 6_05, 13_95, 1_200_00,    0,     0,     50_00,      0, "active"),
    (1_230_01, 6_05, 13_95, 1_200_00, 10_01,    0,     39_99,      0, "active"),
    (1_270_00, 6_05, 13_95, 1_200_00, 50_00,    0,         0,      0, "active"),
    (1_300_00, 6_05, 13_95, 1_200_00, 50_00, 30_00,        0,      0, "active"),  # the rest is the customer's
]
# fmt: on


@pytest.mark.parametrize(
    ("amount", "penalty", "interest", "billed", "unbilled", "credit", "owed", "minimum", "status"),
    ALLOCATIONS,
)
def test_a_repayment_pays_in_order(
    late: Line,
    amount: int,
    penalty: int,
    interest: int,
    billed: int,
    unbilled: int,
    credit: int,
    owed: int,
    minimum: int,
    status: str,
) -> None:
    paid = pay(late, amount)
    assert (paid.to_penalty_fen, paid.to_interest_fen, paid.to_billed_fen) == (penalty, interest, billed)
    assert (paid.to_unbilled_fen, paid.to_credit_fen, paid.to_fee_fen) == (unbilled, credit, 0)
    position = stands(late, AUGUST_21)
    assert (position.owed_fen, minimum_outstanding(late.pk)) == (owed, minimum)
    assert (position.available_fen, position.credit_fen) == (6_750_00 + billed + unbilled, credit)
    late.refresh_from_db()
    assert (late.status, late.bucket) == (status, 1 if status == "frozen" else 0)


def test_the_order_of_payment_is_that_of_the_day(late: Line) -> None:
    Terms.objects.create(effective_from=AUGUST_21, allocation="interest principal fee penalty")
    paid = pay(late, 1_000_00)
    assert (paid.to_interest_fen, paid.to_billed_fen, paid.to_penalty_fen) == (9_45, 990_55, 0)
    rest = pay(late, 220_00, reference="rest")
    # 209.45 principal, 6.05 penalty that runs; then interest that runs.
    assert (rest.to_billed_fen, rest.to_penalty_fen, rest.to_interest_fen) == (209_45, 6_05, 4_50)
    assert stands(late, AUGUST_21).owed_fen == 50_00


def test_money_that_counts_from_an_earlier_day_pays_in_the_order_of_that_day(late: Line) -> None:
    Terms.objects.create(effective_from=AUGUST_21, allocation="interest principal fee penalty")
    early = repay_from(
        line_id=late.pk, amount_fen=10_00, reference="r", value_on=date(2026, 8, 20), on=AUGUST_21
    )
    # Nine days of penalty, 5.44, and of the interest what is left.
    assert (early.to_penalty_fen, early.to_interest_fen, early.to_billed_fen) == (5_44, 4_56, 0)


def test_penalty_on_a_statement_is_paid_before_its_interest_and_after_what_ran_since(late: Line) -> None:
    end_day(date(2026, 8, 31))
    # September: 1,250.00 principal, 13.95 interest, 12.70 penalty (21 days on 1,209.45). On the 5th 2.42 more have run.
    position = stands(late, date(2026, 9, 5))
    assert (position.penalty_fen, position.interest_fen, position.billed_fen) == (12_70, 13_95, 1_250_00)
    paid = pay(late, 20_00, date(2026, 9, 5))
    assert (paid.to_penalty_fen, paid.to_interest_fen, paid.to_billed_fen) == (2_42 + 12_70, 4_88, 0)


def test_what_ran_and_was_not_paid_is_on_the_next_statement_and_its_minimum(late: Line) -> None:
    pay(late, 1)
    end_day(date(2026, 8, 31))
    september = late.statements.get(issued_on=date(2026, 9, 1))
    assert (september.new_penalty_fen, september.new_interest_fen) == (12_69, 4_50)
    # A tenth of 1,250.00, the interest and penalty billed anew, and August's minimum.
    assert september.minimum_fen == 125_00 + 4_50 + 12_69 + 129_45


def test_the_minimum_met_late_ends_the_penalty_and_the_rest_revolves_from_that_day(late: Line) -> None:
    pay(late, 135_50)
    # What ran before waits for the statement; a fraction of a fen of penalty is nobody's.
    (interest,) = Segment.objects.filter(line=late, until__isnull=True)
    assert (interest.kind, interest.principal_fen, interest.since) == ("revolving", 1_080_00, AUGUST_21)
    assert int(interest.carried_fen) == 450


def test_a_part_of_the_minimum_leaves_the_penalty_running_on_less(late: Line) -> None:
    pay(late, 106_05)
    penalty = Segment.objects.get(line=late, kind="penalty", until__isnull=True)
    # 6.04725 had run, 6.05 are paid: a fraction below zero is carried.
    assert (penalty.principal_fen, str(penalty.carried_fen)) == (1_109_45, "-0.27500000")


def test_interest_runs_on_principal_whatever_was_paid_of_interest() -> None:
    line = a_line()
    bought(line, a_merchant(), 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    pay(line, 100_00, date(2026, 7, 10), "July")
    end_day(date(2026, 7, 10))
    end_day(date(2026, 7, 31))
    # August asks for 900.00 and 9.45; the minimum of 99.45 pays 9.45 interest and 90.00 principal.
    pay(line, 99_45, date(2026, 8, 5), "August")
    end_day(date(2026, 8, 10))
    end_day(date(2026, 8, 31))
    september = line.statements.get(issued_on=date(2026, 9, 1))
    # 900.00 for 4 days and 810.00 for 27.
    assert (september.principal_fen, september.new_interest_fen) == (810_00, 1_80 + 10_94)


def test_the_oldest_minimum_is_paid_first() -> None:
    line = a_line()
    bought(line, a_merchant(), 1_000_00, date(2026, 6, 5))
    for day in ((6, 30), (7, 10), (7, 31), (8, 10)):
        end_day(date(2026, *day))
    # July asks for 100.00, August for 110.50 more; 5.00 penalty have run since 1 August and are paid first.
    pay(line, 5_00 + 150_00, date(2026, 8, 11))
    assert list(Due.objects.order_by("due_on").values_list("outstanding_fen", flat=True)) == [0, 60_50]


def test_of_two_statements_due_on_one_day_the_earlier_is_paid_first() -> None:
    """As after a change of calendar."""
    opening = Opening(a_customer().pk, 8_000_00, statement_day=25, due_day=10)
    line, shop = Line.objects.get(pk=open_line(opening=opening, on=OPENED_ON)), a_merchant()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 24))
    bought(line, shop, 500_00, date(2026, 6, 26))
    change_calendar(line_id=line.pk, statement_day=1, on=date(2026, 6, 26))
    end_day(date(2026, 6, 30))
    # The first payment makes the earlier due the row that was written last.
    for reference in ("a", "b"):
        pay(line, 30_00, date(2026, 7, 2), reference)
    dues = Due.objects.order_by("issued_on").values_list("due_on", "outstanding_fen")
    assert list(dues) == [(date(2026, 7, 10), 40_00), (date(2026, 7, 10), 150_00)]
    assert disagreements(Line.objects.get(pk=line.pk), date(2026, 7, 2)) == []


def test_all_that_is_billed_paid_asks_for_no_minimum_any_more(late: Line) -> None:
    pay(late, 1_215_50)
    assert not Due.objects.filter(outstanding_fen__gt=0).exists()


def test_a_repayment_before_the_statement_pays_purchases_and_frees_the_limit() -> None:
    line = a_line(1_000_00)
    bought(line, a_merchant(), 400_00, date(2026, 6, 5))
    paid = pay(line, 150_00, date(2026, 6, 6))
    assert (paid.to_unbilled_fen, stands(line, date(2026, 6, 6)).available_fen) == (150_00, 750_00)


@pytest.mark.parametrize(("days", "still_owed"), [(3, 0), (4, 1), (9, 1)])
def test_half_a_fen_and_more_is_still_owed_and_less_is_not(days: int, still_owed: int) -> None:
    """3.30 revolve at 0.165 fen a day; whoever pays what is billed still owes what rounds to a fen."""
    line = a_line()
    bought(line, a_merchant(), 3_67, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    pay(line, 37, date(2026, 7, 10))
    end_day(date(2026, 7, 10))
    on = date(2026, 7, 11 + days)
    assert stands(line, on).owed_fen == 3_30 + still_owed
    pay(line, 3_30, on, "all")
    assert stands(line, on).owed_fen == still_owed


# fmt: off
REFUSED = [
    ({"amount_fen": 0},       AmountRefused,    "amount_refused"),
    ({"amount_fen": -1},      AmountRefused,    "amount_refused"),
    ({"amount_fen": 2**63},   AmountRefused,    "amount_refused"),
    ({"reference": ""},       ReferenceRefused, "reference_refused"),
    ({"reference": "x" * 65}, ReferenceRefused, "reference_refused"),
    ({"line_id": 999_999},    LineNotFound,     "line_not_found"),
]
# fmt: on


@pytest.mark.parametrize(("change", "refusal", "code"), REFUSED)
def test_a_repayment_that_is_refused_changes_nothing(
    late: Line, change: dict[str, object], refusal: type[LineError], code: str
) -> None:
    before = Entry.objects.count(), Transfer.objects.count(), stands(late, AUGUST_21)
    asked: dict[str, object] = {"line_id": late.pk, "amount_fen": 1, "reference": "r", "on": AUGUST_21}
    with pytest.raises(refusal) as refused:
        repay(**{**asked, **change})  # type: ignore[arg-type]
    assert refused.value.code == code
    assert (Entry.objects.count(), Transfer.objects.count(), stands(late, AUGUST_21)) == before


def test_the_same_repayment_again_is_answered_as_the_first_and_has_no_effect(late: Line) -> None:
    first = pay(late, 100_00)
    before = Entry.objects.count(), stands(late, AUGUST_21)
    # Its day is not part of the request: a notice may come again a day later.
    assert pay(late, 100_00, date(2026, 8, 22)) == first
    assert (Entry.objects.count(), stands(late, AUGUST_21)) == before
    with pytest.raises(RequestConflict):
        pay(late, 100_01)
    assert Repayment.objects.filter(reference="r").count() == 1


def test_a_reference_is_its_lines_own(late: Line) -> None:
    assert pay(late, 1).pk != pay(a_line(), 1).pk


@pytest.mark.parametrize("history", [1, 12])
def test_a_repayment_takes_the_same_few_queries_however_long_the_history(
    late: Line, history: int, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    for n in range(history):
        pay(late, 1, reference=f"r{n}")
    with django_assert_max_num_queries(22):  # type: ignore[attr-defined]
        pay(late, 1_300_00, reference="all")


def test_a_repayment_of_a_line_that_was_not_late_does_not_write_the_line() -> None:
    line = a_line()
    bought(line, a_merchant(), 400_00, date(2026, 6, 5))
    with CaptureQueriesContext(connection) as queries:
        pay(line, 150_00, date(2026, 6, 6))
    assert [query["sql"] for query in queries if query["sql"].startswith('UPDATE "huabei_line"')] == []


def test_a_lines_position_takes_three_queries(
    late: Line, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    with django_assert_max_num_queries(3):  # type: ignore[attr-defined]
        stands(late, AUGUST_21)
