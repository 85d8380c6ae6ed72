"""Instalments as tables: what they cost, what is billed when, what a refund and an early payoff leave."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from finance.errors import DomainError
from huabei import plans
from huabei.instalments import Row, offer, rows_of, shrunk, statement_days
from huabei.models import Due, InstalmentOption, InstalmentTerms, Line, Merchant, Plan, PlanChoice, Statement
from huabei.services import purchases
from huabei.services.instalments import pay_off, spread_statement
from huabei.services.repayments import refund, repay
from ledger.audit import verify
from operations import audit
from tests.line_world import a_line, a_merchant, authorised, bought, end_day, stands

pytestmark = pytest.mark.django_db

# What 10,000.00 costs: number of instalments, fee, both annual rates in per cent, first and last row.
# fmt: off
PRICES = [
    (3,  250_00, "14.94", "16.00", (3_333_33, 83_33), (3_333_34, 83_34)),
    (6,  450_00, "15.27", "16.38", (1_666_67, 75_00), (1_666_65, 75_00)),
    (9,  650_00, "15.34", "16.47", (1_111_11, 72_22), (1_111_12, 72_24)),
    (12, 880_00, "15.86", "17.07", (833_33,   73_33), (833_37,   73_37)),
]
# fmt: on


@pytest.mark.parametrize(("periods", "fee", "simple", "effective", "first", "last"), PRICES)
def test_what_is_offered_on_the_first_terms(
    periods: int, fee: int, simple: str, effective: str, first: tuple[int, int], last: tuple[int, int]
) -> None:
    offered = {each.periods: each for each in plans.offers_on(10_000_00, date(2026, 6, 5))}
    assert list(offered) == [row[0] for row in PRICES]
    it = offered[periods]
    per_cent = [f"{rate * 100:.2f}" for rate in (it.rates.simple, it.rates.effective)]
    assert (it.fee_fen, it.total_fen, per_cent) == (fee, 10_000_00 + fee, [simple, effective])
    assert (it.rows[0].principal_fen, it.rows[0].fee_fen) == first
    assert (it.rows[-1].principal_fen, it.rows[-1].fee_fen) == last
    assert sum(row.principal_fen for row in it.rows) == 10_000_00


def test_an_amount_too_small_to_split_still_adds_up() -> None:
    tiny = offer(15, 12, Decimal("0.088"))
    assert [row.principal_fen for row in tiny.rows] == [1] * 11 + [4]
    assert [row.fee_fen for row in tiny.rows] == [0] * 11 + [1]


# Rows to come of 1,000.00 in three with 25.00 of fee, how much a refund takes, and what follows.
# fmt: off
SHRINKING = [
    (1,        [(333_33, 8_33), (333_33, 8_33), (333_33, 8_34)]),
    (100_00,   [(300_00, 7_50), (300_00, 7_50), (300_00, 7_50)]),
    (999_99,   [(0, 0), (0, 0), (1, 0)]),
    (1_000_00, []),
]
# fmt: on


@pytest.mark.parametrize(("taken", "left"), SHRINKING)
def test_a_refund_shrinks_what_is_to_come(taken: int, left: list[tuple[int, int]]) -> None:
    rows = shrunk(rows_of(1_000_00, 25_00, [1, 2, 3]), taken)
    assert [(row.principal_fen, row.fee_fen) for row in rows] == left


def test_rows_after_a_refund_keep_their_numbers() -> None:
    assert shrunk([Row(4, 10, 2), Row(5, 11, 3)], 1) == (Row(4, 10, 2), Row(5, 10, 3))


# fmt: off
DAYS = [
    (1,  date(2026, 6, 5),   [date(2026, 7, 1),  date(2026, 8, 1)]),
    (5,  date(2026, 6, 5),   [date(2026, 7, 5),  date(2026, 8, 5)]),    # a purchase on statement day is on the next
    (10, date(2026, 6, 5),   [date(2026, 6, 10), date(2026, 7, 10)]),
    (15, date(2026, 11, 20), [date(2026, 12, 15), date(2027, 1, 15)]),
]
# fmt: on


@pytest.mark.parametrize(("statement_day", "after", "days"), DAYS)
def test_rows_are_billed_on_the_statement_days_after(
    statement_day: int, after: date, days: list[date]
) -> None:
    assert statement_days(statement_day, after, 2) == days


@pytest.fixture
def shop() -> Merchant:
    return a_merchant()


@pytest.fixture
def line() -> Line:
    return a_line()


def months(line: Line, first: date, count: int, *, pay: bool = True) -> list[Statement]:
    """Closes the days that turn, from a statement day on; what is asked for is paid on the due day where `pay`."""
    for month in range(count):
        issued_on = date(first.year, first.month + month, 1)
        end_day(issued_on - timedelta(days=1))
        due_on = issued_on.replace(day=10)
        if pay and (owed := stands(line, due_on).billed_total_fen):
            repay(line_id=line.pk, amount_fen=owed, reference=f"{issued_on}", on=due_on)
        end_day(due_on)
    return list(line.statements.order_by("issued_on"))


def rows_to_come(plan: Plan) -> list[tuple[int, int, int]]:
    return [(row.number, row.principal_fen, row.fee_fen) for row in plans.rows_to_come(plan.pk)]


def refused(code: str) -> pytest.RaisesExc[DomainError]:
    return pytest.raises(DomainError, check=lambda error: error.code == code)


def the_books_prove() -> None:
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


# --- at checkout ---


def test_a_purchase_in_three_instalments_is_billed_row_by_row(line: Line, shop: Merchant) -> None:
    bought(line, shop, 1_000_00, date(2026, 6, 5), instalments=3)
    position = stands(line, date(2026, 6, 5))
    assert (position.unbilled_fen, position.instalment_fen, position.available_fen) == (0, 1_000_00, 7_000_00)
    issued = months(line, date(2026, 7, 1), 4)
    # Statement day, newly billed principal, of it instalments, fee, total, minimum: all of an instalment is due.
    assert [
        (s.issued_on, s.new_principal_fen, s.new_instalment_fen, s.new_fee_fen, s.total_fen, s.minimum_fen)
        for s in issued
    ] == [
        (date(2026, 7, 1), 333_33, 333_33, 8_33, 341_66, 341_66),
        (date(2026, 8, 1), 333_33, 333_33, 8_33, 341_66, 341_66),
        (date(2026, 9, 1), 333_34, 333_34, 8_34, 341_68, 341_68),
    ]
    line.refresh_from_db()
    assert (line.billable, stands(line, date(2026, 10, 11)).available_fen) == (False, 8_000_00)
    the_books_prove()


def test_the_minimum_asks_for_a_share_of_purchases_and_all_of_an_instalment(
    line: Line, shop: Merchant
) -> None:
    bought(line, shop, 1_000_00, date(2026, 6, 5), instalments=3)
    bought(line, shop, 500_00, date(2026, 6, 6))
    end_day(date(2026, 6, 30))
    statement = Statement.objects.get()
    assert (statement.purchases_fen, statement.principal_fen, statement.fee_fen) == (500_00, 833_33, 8_33)
    assert statement.minimum_fen == 50_00 + 333_33 + 8_33


def test_what_was_agreed_at_checkout_holds_at_capture(line: Line, shop: Merchant) -> None:
    purchase = authorised(line, shop, 1_000_00, date(2026, 6, 5), instalments=3)
    dearer = InstalmentTerms.objects.create(effective_from=date(2026, 6, 6), early_payoff="fees_waived")
    InstalmentOption.objects.create(terms=dearer, periods=3, fee_rate=Decimal("0.03"))
    purchases.capture(purchase_id=purchase.pk, amount_fen=600_00, on=date(2026, 6, 7))
    plan = Plan.objects.get()
    assert (plan.principal_fen, plan.fee_fen, plan.payoff_rule) == (600_00, 15_00, "fees_stay_due")
    assert plan.made_on == date(2026, 6, 7)


def test_a_purchase_without_instalments_writes_no_choice(line: Line, shop: Merchant) -> None:
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    assert not PlanChoice.objects.exists()
    assert not Plan.objects.exists()


def test_a_repeat_in_other_instalments_is_another_request(line: Line, shop: Merchant) -> None:
    asked: dict[str, Any] = {
        "line_id": line.pk,
        "merchant_id": shop.pk,
        "amount_fen": 100_00,
        "on": date(2026, 6, 5),
    }
    first = purchases.authorise(**asked, reference="r", instalments=3)
    again = purchases.authorise(**asked, reference="r", instalments=3)
    assert (again.purchase_id, again.repeated) == (first.purchase_id, True)
    for other in (6, None):
        with refused("request_conflict"):
            purchases.authorise(**asked, reference="r", instalments=other)
    with refused("instalments_not_offered"):
        purchases.authorise(**asked, reference="s", instalments=4)
    assert PlanChoice.objects.count() == 1


def test_credit_pays_no_purchase_in_instalments_but_its_rows_as_they_are_billed(
    line: Line, shop: Merchant
) -> None:
    repay(line_id=line.pk, amount_fen=400_00, reference="early", on=date(2026, 6, 4))
    bought(line, shop, 1_000_00, date(2026, 6, 5), instalments=3)
    assert stands(line, date(2026, 6, 5)).credit_fen == 400_00
    issued = months(line, date(2026, 7, 1), 2, pay=False)
    # 341.66 of the credit pays the first row and its fee, 58.34 of the second's principal.
    assert [(s.total_fen, s.credit_used_fen) for s in issued] == [(0, 341_66), (283_32, 58_34)]
    the_books_prove()


def test_a_missed_instalment_is_late_with_its_fee(line: Line, shop: Merchant) -> None:
    bought(line, shop, 1_000_00, date(2026, 6, 5), instalments=3)
    months(line, date(2026, 7, 1), 1, pay=False)
    penalty = line.segments.get()
    assert (penalty.kind, penalty.principal_fen) == ("penalty", 341_66)


def test_a_repayment_never_pays_instalments_to_come(line: Line, shop: Merchant) -> None:
    bought(line, shop, 1_000_00, date(2026, 6, 5), instalments=3)
    end_day(date(2026, 6, 30))
    repay(line_id=line.pk, amount_fen=500_00, reference="more", on=date(2026, 7, 2))
    position = stands(line, date(2026, 7, 2))
    assert (position.billed_total_fen, position.instalment_fen, position.credit_fen) == (0, 666_67, 158_34)


# --- of a statement ---

# 1,000.00 billed on 1 July; paid before, put into instalments on a day; then the due's minimum and what is outstanding.
# fmt: off
SPREADING = [
    (0,      500_00,   date(2026, 7, 1),  50_00, 50_00),
    (0,      1_000_00, date(2026, 7, 10), 0,     0),
    (60_00,  500_00,   date(2026, 7, 5),  50_00, 0),
    (30_00,  500_00,   date(2026, 7, 5),  50_00, 20_00),
    (0,      100_05,   date(2026, 7, 5),  90_00, 90_00),      # a tenth of 899.95 is rounded to the even fen
    (700_00, 300_00,   date(2026, 7, 5),  70_00, 0),
]
# fmt: on


@pytest.mark.parametrize(("paid", "amount", "on", "minimum", "outstanding"), SPREADING)
def test_a_statement_in_instalments_asks_for_less(
    line: Line, shop: Merchant, paid: int, amount: int, on: date, minimum: int, outstanding: int
) -> None:
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    if paid:
        repay(line_id=line.pk, amount_fen=paid, reference="some", on=on)
    plan = spread_statement(line_id=line.pk, amount_fen=amount, periods=6, reference="r", on=on)
    due = Due.objects.get()
    assert (due.minimum_fen, due.outstanding_fen, due.principal_fen) == (
        minimum,
        outstanding,
        1_000_00 - amount,
    )
    position = stands(line, on)
    assert (position.billed_fen, position.instalment_fen) == (1_000_00 - paid - amount, amount)
    assert position.available_fen == 7_000_00 + paid
    end_day(date(2026, 7, 31))
    assert list(plan.rows.filter(billed_on=date(2026, 8, 1)).values_list("number", flat=True)) == [1]
    the_books_prove()


def test_two_plans_of_one_statement_ask_as_one_would(line: Line, shop: Merchant) -> None:
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    for reference in "ab":
        spread_statement(
            line_id=line.pk, amount_fen=300_05, periods=3, reference=reference, on=date(2026, 7, 2)
        )
    assert Due.objects.get().minimum_fen == 39_99  # a tenth of 399.90


# What cannot be put into instalments, of 1,000.00 billed on 1 July with 200.00 of another plan's first row.
# fmt: off
REFUSALS = [
    (date(2026, 6, 30), 500_00,   6, "nothing_to_spread"),
    (date(2026, 7, 11), 500_00,   6, "nothing_to_spread"),
    (date(2026, 7, 5),  99_99,    6, "amount_refused"),
    (date(2026, 7, 5),  1_000_01, 6, "amount_refused"),
    (date(2026, 7, 5),  500_00,   5, "instalments_not_offered"),
    (date(2026, 7, 5),  0,        6, "amount_refused"),
]
# fmt: on


@pytest.mark.parametrize(("on", "amount", "periods", "code"), REFUSALS)
def test_what_of_a_statement_cannot_be_put_into_instalments(
    line: Line, shop: Merchant, on: date, amount: int, periods: int, code: str
) -> None:
    bought(line, shop, 600_00, date(2026, 6, 5), instalments=3)
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    if on >= date(2026, 7, 1):
        end_day(date(2026, 6, 30))
    with refused(code):
        spread_statement(line_id=line.pk, amount_fen=amount, periods=periods, reference="r", on=on)
    assert Plan.objects.count() == 1


def test_less_than_the_smallest_plan_is_nothing_to_put_into_instalments(line: Line, shop: Merchant) -> None:
    """It said: choose from 100.00 to 50.00."""
    bought(line, shop, 50_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    with refused("nothing_to_spread"):
        spread_statement(line_id=line.pk, amount_fen=50_00, periods=3, reference="r", on=date(2026, 7, 2))


def test_nothing_is_put_into_instalments_while_something_is_overdue(line: Line, shop: Merchant) -> None:
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    months(line, date(2026, 7, 1), 1, pay=False)
    end_day(date(2026, 7, 31))
    with refused("line_not_active"):
        spread_statement(line_id=line.pk, amount_fen=500_00, periods=3, reference="r", on=date(2026, 8, 2))


def test_a_statement_plan_happens_once_per_reference(line: Line, shop: Merchant) -> None:
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    asked: dict[str, Any] = {"line_id": line.pk, "periods": 3, "reference": "r", "on": date(2026, 7, 2)}
    first = spread_statement(**asked, amount_fen=300_00)
    assert spread_statement(**asked, amount_fen=300_00) == first
    with refused("request_conflict"):
        spread_statement(**asked, amount_fen=300_01)
    assert stands(line, date(2026, 7, 2)).instalment_fen == 300_00


# --- early payoff ---

# 1,000.00 in three since 5 June, fee 25.00: a day, then principal, fees charged and waived under each rule.
# fmt: off
PAYOFFS = [
    ("fees_stay_due", date(2026, 6, 30), 1_000_00, 25_00, 0),
    ("fees_stay_due", date(2026, 7, 1),  666_67,   16_67, 0),
    ("fees_stay_due", date(2026, 8, 9),  333_34,   8_34,  0),
    ("fees_waived",   date(2026, 6, 30), 1_000_00, 0,     25_00),
    ("fees_waived",   date(2026, 8, 9),  333_34,   0,     8_34),
]
# fmt: on


@pytest.mark.parametrize(("rule", "on", "principal", "fee", "waived"), PAYOFFS)
def test_what_an_early_payoff_costs_is_what_was_quoted_for_its_day(
    line: Line, shop: Merchant, rule: str, on: date, principal: int, fee: int, waived: int
) -> None:
    InstalmentOption.objects.create(
        terms=InstalmentTerms.objects.create(effective_from=date(2026, 6, 1), early_payoff=rule),
        periods=3,
        fee_rate=Decimal("0.025"),
    )
    plan = bought(line, shop, 1_000_00, date(2026, 6, 5), instalments=3).plans.get()
    quoted = plans.payoff_quote_on(plan, today=date(2026, 6, 5), on=on)
    assert (quoted.principal_fen, quoted.fee_fen, quoted.waived_fen) == (principal, fee, waived)
    for last_day in (date(2026, 6, 30), date(2026, 7, 31)):
        if last_day < on:
            end_day(last_day)
    with refused("amount_refused"):
        pay_off(plan_id=plan.pk, reference="r", on=on, amount_fen=quoted.amount_fen + 1)
    paid = pay_off(plan_id=plan.pk, reference="r", on=on, amount_fen=quoted.amount_fen)
    assert (paid.principal_fen, paid.fee_fen, paid.waived_fen) == (principal, fee, waived)
    assert pay_off(plan_id=plan.pk, reference="r", on=on) == paid
    with refused("plan_ended"):
        pay_off(plan_id=plan.pk, reference="again", on=on)
    position = stands(line, on)
    assert (position.instalment_fen, position.available_fen) == (0, 7_000_00 + principal)
    the_books_prove()


def test_there_is_no_plan_to_pay_off() -> None:
    with refused("plan_not_found"):
        pay_off(plan_id=7, reference="r", on=date(2026, 7, 1))


# --- refunds ---

# 1,000.00 in three, the first row of 333.33 and 8.33 billed on 1 July and paid or not; then a refund of 5 July: what it took
# off instalments to come, off the statement and into credit, and the rows that are to come after it.
# fmt: off
REFUNDS = [
    (False, 100_00,   (100_00, 0, 0),           [(2, 283_34, 7_08), (3, 283_33, 7_09)]),
    (False, 666_67,   (666_67, 0, 0),           []),
    (False, 900_00,   (666_67, 233_33, 0),      []),
    (False, 1_000_00, (666_67, 333_33, 0),      []),
    (True,  100_00,   (100_00, 0, 0),           [(2, 283_34, 7_08), (3, 283_33, 7_09)]),
    (True,  1_000_00, (666_67, 0, 333_33),      []),
]
# fmt: on


@pytest.mark.parametrize(("is_paid", "amount", "went", "left"), REFUNDS)
def test_a_refund_takes_instalments_to_come_first(
    line: Line,
    shop: Merchant,
    is_paid: bool,
    amount: int,
    went: tuple[int, int, int],
    left: list[tuple[int, int, int]],
) -> None:
    purchase = bought(line, shop, 1_000_00, date(2026, 6, 5), instalments=3)
    end_day(date(2026, 6, 30))
    if is_paid:
        repay(line_id=line.pk, amount_fen=341_66, reference="July", on=date(2026, 7, 2))
    back = refund(purchase_id=purchase.pk, amount_fen=amount, reference="r", on=date(2026, 7, 5))
    assert (back.to_instalment_fen, back.to_billed_fen, back.to_credit_fen) == went
    assert rows_to_come(purchase.plans.get()) == left
    end_day(date(2026, 7, 31))
    the_books_prove()


def test_a_refund_after_an_early_payoff_is_the_customers_credit(line: Line, shop: Merchant) -> None:
    purchase = bought(line, shop, 1_000_00, date(2026, 6, 5), instalments=3)
    pay_off(plan_id=purchase.plans.get().pk, reference="r", on=date(2026, 6, 10))
    refund(purchase_id=purchase.pk, amount_fen=1_000_00, reference="r", on=date(2026, 6, 11))
    position = stands(line, date(2026, 6, 11))
    assert (position.credit_fen, position.available_fen) == (1_000_00, 8_000_00)
    the_books_prove()


def test_what_is_drawn_in_instalments_beyond_a_lowered_limit_is_absorbed_by_their_payoff(
    line: Line, shop: Merchant
) -> None:
    purchase = bought(line, shop, 1_000_00, date(2026, 6, 5), instalments=3)
    Line.objects.filter(pk=line.pk).update(limit_fen=0, excess_fen=8_000_00)
    pay_off(plan_id=purchase.plans.get().pk, reference="r", on=date(2026, 6, 10))
    line.refresh_from_db()
    assert (line.excess_fen, stands(line, date(2026, 6, 10)).available_fen) == (0, 0)
