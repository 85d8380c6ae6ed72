"""Late facts: repayments that count from an earlier day, bounced ones, purchases taken back. In tables, to the fen."""

from __future__ import annotations

from datetime import date

import pytest

from huabei import selectors
from huabei.errors import DateRefused, RequestConflict
from huabei.merchant_history import settlement_detail
from huabei.models import (
    Correction,
    Due,
    Line,
    Merchant,
    PlanRow,
    Purchase,
    Repayment,
    Segment,
    Statement,
)
from huabei.services import corrections, instalments, purchases, repayments
from ledger.audit import verify
from ledger.models import Transfer
from ledger.selectors import position as ledger_position
from operations import audit
from operations.services.closing import close_day, correcting_day, set_business_date
from tests.line_world import (
    a_campaign,
    a_line,
    a_merchant,
    authorised,
    bought,
    end_day,
    end_days,
    settled,
    stands,
)
from web.api.day import CloseUnderWay

pytestmark = pytest.mark.django_db


def june_and_july(line: Line, shop: Merchant, *, until: date = date(2026, 7, 10)) -> Purchase:
    """1,000.00 bought on 5 June, billed on 1 July with a minimum of 100.00 due on 10 July; days end up to `until`."""
    purchase = bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    if until >= date(2026, 7, 10):
        end_days(date(2026, 7, 10), until)
    return purchase


def pays(line: Line, fen: int, on: date, *, value_on: date | None = None, reference: str = "r") -> Repayment:
    return corrections.repay_from(
        line_id=line.pk, amount_fen=fen, reference=reference, on=on, value_on=value_on or on
    )


def proved() -> None:
    assert [found.check.name for found in verify(audit.CHECKS) if not found.holds] == []


def test_a_repayment_that_was_on_its_way_ends_the_penalty_it_ran_into() -> None:
    """Nothing came by the 10th; on the 16th it turns out that the whole was paid on the 9th: nothing is owed, nothing ran."""
    line, shop = a_line(), a_merchant()
    june_and_july(line, shop, until=date(2026, 7, 15))
    line.refresh_from_db()
    assert (stands(line, date(2026, 7, 16)).accrued_penalty_fen, line.status) == (2_50, "frozen")
    repayment = pays(line, 1_000_00, date(2026, 7, 16), value_on=date(2026, 7, 9))
    position = stands(line, date(2026, 7, 16))
    assert (position.owed_fen, position.available_fen) == (0, 8_000_00)
    assert (repayment.to_billed_fen, repayment.to_penalty_fen) == (1_000_00, 0)
    line.refresh_from_db()
    assert (line.status, line.bucket) == ("active", 0)
    assert not Segment.objects.filter(line=line, until__isnull=True).exists()
    proved()


def test_the_issued_statement_stays_and_the_next_shows_the_correction() -> None:
    """
    The minimum was paid on 10 July, and 900.00 revolved for 21 days: 9.45 on the August statement. On 5 August it turns out
    that 500.00 more had come on 20 July: 900.00 revolved for 9 days (4.05), 400.00 for 12 (2.40), so 3.00 less.
    """
    line, shop = a_line(), a_merchant()
    june_and_july(line, shop, until=date(2026, 7, 9))
    pays(line, 100_00, date(2026, 7, 10))
    end_days(date(2026, 7, 10), date(2026, 8, 4))
    august = Statement.objects.get(line=line, issued_on=date(2026, 8, 1))
    assert (august.new_interest_fen, august.total_fen) == (9_45, 909_45)
    pays(line, 500_00, date(2026, 8, 5), value_on=date(2026, 7, 20), reference="late")
    correction = Correction.objects.get(line=line)
    assert (correction.cause, correction.interest_fen, correction.penalty_fen) == ("backdated", -3_00, 0)
    due = Due.objects.get(line=line, issued_on=date(2026, 8, 1))
    assert (due.minimum_fen, due.outstanding_fen) == (46_45, 46_45)
    assert Statement.objects.get(pk=august.pk).total_fen == 909_45
    assert stands(line, date(2026, 8, 5)).billed_total_fen == 406_45
    end_days(date(2026, 8, 5), date(2026, 8, 31))
    september = Statement.objects.get(line=line, issued_on=date(2026, 9, 1))
    assert september.correction_fen == -3_00
    proved()


def test_a_bounced_repayment_leaves_the_line_overdue_as_if_it_had_never_come() -> None:
    line, shop = a_line(), a_merchant()
    june_and_july(line, shop, until=date(2026, 7, 9))
    repayment = pays(line, 1_000_00, date(2026, 7, 10))
    end_days(date(2026, 7, 10), date(2026, 7, 14))
    correction = corrections.reverse_repayment(
        repayment_id=repayment.pk, reason="account closed", on=date(2026, 7, 15)
    )
    position = stands(line, date(2026, 7, 15))
    # Penalty on 1,000.00 from 11 to 14 July.
    assert (position.billed_fen, position.accrued_penalty_fen) == (1_000_00, 2_00)
    line.refresh_from_db()
    assert (line.status, line.frozen_cause, line.bucket) == ("frozen", "overdue", 1)
    assert selectors.delinquency(line.pk, date(2026, 7, 15)).overdue_fen == 100_00
    again = corrections.reverse_repayment(repayment_id=repayment.pk, reason="twice", on=date(2026, 7, 16))
    assert again.pk == correction.pk
    proved()


def test_what_was_drawn_on_a_limit_that_a_bounced_payment_had_freed_exceeds_the_limit() -> None:
    line, shop = a_line(), a_merchant()
    bought(line, shop, 8_000_00, date(2026, 6, 5))
    repayment = pays(line, 3_000_00, date(2026, 6, 10))
    bought(line, shop, 3_000_00, date(2026, 6, 11))
    corrections.reverse_repayment(repayment_id=repayment.pk, reason="", on=date(2026, 6, 12))
    line.refresh_from_db()
    position = stands(line, date(2026, 6, 12))
    assert (position.drawn_fen, position.available_fen, line.excess_fen) == (11_000_00, 0, 3_000_00)
    proved()


def test_credit_that_a_bounced_payment_had_given_and_a_purchase_used_is_owed_again() -> None:
    line, shop = a_line(), a_merchant()
    overpaid = pays(line, 300_00, date(2026, 6, 1))
    bought(line, shop, 200_00, date(2026, 6, 5))
    assert stands(line, date(2026, 6, 6)).credit_fen == 100_00
    corrections.reverse_repayment(repayment_id=overpaid.pk, reason="", on=date(2026, 6, 6))
    position = stands(line, date(2026, 6, 6))
    assert (position.unbilled_fen, position.credit_fen) == (200_00, 0)
    proved()


def test_credit_that_a_bounced_payment_takes_back_is_not_credit_used_on_the_statement() -> None:
    """300.00 came on 1 June, 200.00 was bought and used of it; on 6 June the money bounced: the 100.00 left were not used."""
    line, shop = a_line(), a_merchant()
    overpaid = pays(line, 300_00, date(2026, 6, 1))
    bought(line, shop, 200_00, date(2026, 6, 5))
    corrections.reverse_repayment(repayment_id=overpaid.pk, reason="", on=date(2026, 6, 6))
    end_day(date(2026, 6, 30))
    july = Statement.objects.get(line=line)
    assert (july.total_fen, july.purchases_fen, july.credit_used_fen) == (200_00, 200_00, 200_00)
    proved()


def test_a_purchase_taken_back_after_it_was_billed_takes_its_interest_with_it() -> None:
    line, shop = a_line(), a_merchant()
    purchase = june_and_july(line, shop, until=date(2026, 7, 9))
    pays(line, 100_00, date(2026, 7, 10))
    end_days(date(2026, 7, 10), date(2026, 8, 4))
    corrections.reverse_purchase(purchase_id=purchase.pk, reason="charged twice", on=date(2026, 8, 5))
    position = stands(line, date(2026, 8, 5))
    assert (position.owed_fen, position.credit_fen, position.available_fen) == (0, 100_00, 8_000_00)
    purchase.refresh_from_db()
    assert purchase.state == "reversed"
    with pytest.raises(purchases.NotAuthorised):
        repayments.refund(purchase_id=purchase.pk, amount_fen=1, reference="x", on=date(2026, 8, 5))
    proved()


def test_a_purchase_in_instalments_taken_back_takes_its_plan_and_fees_with_it() -> None:
    """
    600.00 in three, at 2.5 %: 205.00 on the July statement, paid; 205.00 on the August one. On 5 August it is taken back: the
    10.00 of fees were never owed, what was paid is the customer's, and nothing is to come.
    """
    line, shop = a_line(), a_merchant()
    purchase = bought(line, shop, 600_00, date(2026, 6, 5), instalments=3)
    end_day(date(2026, 6, 30))
    pays(line, 205_00, date(2026, 7, 10))
    end_days(date(2026, 7, 10), date(2026, 8, 4))
    august = Statement.objects.get(line=line, issued_on=date(2026, 8, 1))
    assert (august.total_fen, august.new_fee_fen) == (205_00, 5_00)
    correction = corrections.reverse_purchase(purchase_id=purchase.pk, reason="", on=date(2026, 8, 5))
    assert (correction.amount_fen, correction.fee_fen) == (600_00, -10_00)
    position = stands(line, date(2026, 8, 5))
    assert (position.owed_fen, position.instalment_fen, position.credit_fen) == (0, 0, 205_00)
    assert (position.drawn_fen, position.available_fen) == (0, 8_000_00)
    assert not PlanRow.objects.filter(line=line, billed_on__isnull=True, ended_on__isnull=True).exists()
    assert Statement.objects.get(pk=august.pk).total_fen == 205_00
    with pytest.raises(instalments.PlanEnded):
        instalments.pay_off(plan_id=purchase.plans.get().pk, reference="p", on=date(2026, 8, 5))
    bought(line, shop, 300_00, date(2026, 8, 6))
    end_days(date(2026, 8, 5), date(2026, 8, 31))
    september = Statement.objects.get(line=line, issued_on=date(2026, 9, 1))
    assert (september.total_fen, september.credit_used_fen, september.correction_fen) == (
        95_00,
        205_00,
        -10_00,
    )
    proved()


def test_what_had_paid_off_a_plan_that_is_taken_back_is_money_that_came_that_day() -> None:
    """615.00 paid off a plan on 20 June and 100.00 were bought beside it: they are paid, and 515.00 are the customer's."""
    line, shop = a_line(), a_merchant()
    purchase = bought(line, shop, 600_00, date(2026, 6, 5), instalments=3)
    bought(line, shop, 100_00, date(2026, 6, 6))
    instalments.pay_off(plan_id=purchase.plans.get().pk, reference="p", on=date(2026, 6, 20))
    corrections.reverse_purchase(purchase_id=purchase.pk, reason="", on=date(2026, 6, 25))
    position = stands(line, date(2026, 6, 25))
    assert (position.owed_fen, position.credit_fen, position.available_fen) == (0, 515_00, 8_000_00)
    proved()


def test_a_campaigns_fee_returns_with_the_purchase_that_is_taken_back() -> None:
    line, shop = a_line(), a_merchant()
    campaign = a_campaign(shop, on=date(2026, 6, 5), budget_fen=100_00)
    purchase = bought(line, shop, 600_00, date(2026, 6, 5), instalments=3, campaign_id=campaign.pk)
    end_day(date(2026, 6, 5))
    assert ledger_position(campaign.budget_account_id).available_fen == 85_00
    corrections.reverse_purchase(purchase_id=purchase.pk, reason="", on=date(2026, 6, 8))
    end_day(date(2026, 6, 8))
    assert ledger_position(campaign.budget_account_id).available_fen == 100_00
    first, second = settled(shop)
    assert (first.captured_fen, first.subsidy_fen) == (600_00, 15_00)
    assert (second.captured_fen, second.reversed_fen, second.subsidy_fen) == (0, 600_00, -15_00)
    # All that the first settlement came to is owed back.
    assert second.amount_fen == -first.amount_fen
    assert [each.amount_fen for each in settlement_detail(second).behind] == [-600_00, 15_00]
    proved()


@pytest.mark.parametrize("state", ["authorised", "refunded", "voided"])
def test_what_purchases_cannot_be_taken_back(state: str) -> None:
    line, shop, on = a_line(), a_merchant(), date(2026, 6, 5)
    if state == "refunded":
        purchase = bought(line, shop, 100_00, on)
        repayments.refund(purchase_id=purchase.pk, amount_fen=1_00, reference="r", on=on)
    else:
        purchase = authorised(line, shop, 100_00, on)
        if state == "voided":
            purchases.void(purchase_id=purchase.pk, on=on)
    with pytest.raises(corrections.PurchaseNotReversible):
        corrections.reverse_purchase(purchase_id=purchase.pk, reason="", on=on)
    assert not Correction.objects.exists()


def test_a_debt_found_on_a_statement_day_without_statement_is_due_all_the_same() -> None:
    """All was paid before the second statement day, so there was no statement; the payment then bounced."""
    line, shop = a_line(), a_merchant()
    june_and_july(line, shop, until=date(2026, 7, 9))
    repayment = pays(line, 1_000_00, date(2026, 7, 9))
    end_days(date(2026, 7, 10), date(2026, 8, 4))
    assert Statement.objects.filter(line=line).count() == 1
    corrections.reverse_repayment(repayment_id=repayment.pk, reason="", on=date(2026, 8, 5))
    due = Due.objects.get(line=line, issued_on=date(2026, 8, 1))
    # Penalty of 1,000.00 from 11 to 31 July was billed that day: 10.50; the minimum asks for a tenth more.
    assert (due.statement_id, due.due_on, due.minimum_fen) == (None, date(2026, 8, 10), 110_50)
    assert stands(line, date(2026, 8, 5)).penalty_fen == 10_50
    proved()


def test_the_same_money_told_again_later_is_the_same_repayment() -> None:
    line, shop = a_line(), a_merchant()
    june_and_july(line, shop, until=date(2026, 7, 9))
    first = pays(line, 100_00, date(2026, 7, 10))
    end_day(date(2026, 7, 10))
    assert pays(line, 100_00, date(2026, 7, 11), value_on=date(2026, 7, 10)).pk == first.pk
    with pytest.raises(RequestConflict):
        pays(line, 100_00, date(2026, 7, 11), value_on=date(2026, 7, 9))
    with pytest.raises(RequestConflict):
        pays(line, 100_01, date(2026, 7, 11), value_on=date(2026, 7, 10))


@pytest.mark.parametrize("value_on", [date(2026, 5, 19), date(2026, 7, 17)])
def test_money_counts_from_the_opening_to_today(value_on: date) -> None:
    line, shop = a_line(), a_merchant()
    june_and_july(line, shop)
    with pytest.raises(DateRefused, match="must be from 2026-05-20 to 2026-07-16"):
        pays(line, 100_00, date(2026, 7, 16), value_on=value_on)


def test_only_the_difference_is_posted() -> None:
    """A late repayment that changes no charge posts what it pays and nothing else."""
    line, shop = a_line(), a_merchant()
    june_and_july(line, shop, until=date(2026, 7, 9))
    repayment = pays(line, 400_00, date(2026, 7, 9), value_on=date(2026, 7, 5))
    moved = list(Transfer.objects.filter(entry_id=repayment.entry_id).values_list("amount_fen", flat=True))
    # Cash, billed principal, and the commitment.
    assert moved == [400_00, 400_00, 400_00]
    correction = Correction.objects.get()
    assert (correction.interest_fen, correction.penalty_fen, correction.fee_fen) == (0, 0, 0)


def test_nothing_is_corrected_while_a_close_is_under_way() -> None:
    set_business_date(on=date(2026, 7, 1))
    steps = close_day(closed_on=date(2026, 7, 1))
    next(steps)
    with pytest.raises(CloseUnderWay, match="still under way"), correcting_day():
        pass
    list(steps)
    with correcting_day() as on:
        assert on == date(2026, 7, 2)
