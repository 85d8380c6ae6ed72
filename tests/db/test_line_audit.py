"""Every check of the lines goes red on a world broken on purpose, by raw SQL as the owner with the guards put aside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest
from django.conf import settings
from django.db import connection

import huabei.audit
import huabei.audit_documents
import huabei.instalment_audit
import huabei.settlement_audit
import huabei.share_audit
from huabei.models import Line, Merchant, Purchase, Repayment
from huabei.services import (
    corrections,
    instalments,
    lifecycle,
    limits,
    merchants,
    purchases,
    repayments,
    shares,
)
from huabei.services.causes import Why
from huabei.services.credit import end_payout, pay_out_credit, reserve_payout
from huabei.services.receipts import confirm_receipt
from ledger.audit import verify
from ledger.chart import INTEREST_ACCRUED, INTEREST_INCOME
from operations import audit
from operations.services import closing, paying
from payments import simulator
from tests.line_world import (
    a_campaign,
    a_customer,
    a_document,
    a_line,
    a_merchant,
    an_escrow_merchant,
    authorised,
    bought,
    end_day,
)
from tests.payment_world import a_source

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class World:
    """Lines on which everything has happened that a line lives through; names to break it by."""

    late: Line
    paid: Line
    shop: Merchant
    held: Purchase
    voided: Purchase
    partly: Purchase
    refunded: Purchase
    spread: Line

    def broken_by(self, statement: str) -> str:
        """The statement with its names in braces replaced by ids."""
        return statement.format(
            late=self.late.pk,
            paid=self.paid.pk,
            held=self.held.pk,
            voided=self.voided.pk,
            partly=self.partly.pk,
            refunded=self.refunded.pk,
            spread=self.spread.pk,
            late_owner=self.late.customer_id,
            role=settings.DATABASE_ROLE,
            accrued=INTEREST_ACCRUED.control_id,
            income=INTEREST_INCOME.control_id,
            **{
                name.removesuffix("_id"): getattr(self.late, name)
                for name in vars(self.late)
                if name.endswith("_account_id")
            },
            paid_credit=self.paid.credit_account_id,
            paid_unbilled=self.paid.unbilled_account_id,
        )


def spread_over_months(line: Line, shop: Merchant) -> None:
    """Purchases in instalments, billed, refunded and paid off early; and a statement in instalments. Closes June."""
    kept = bought(line, shop, 1_200_00, date(2026, 6, 17), instalments=3)
    early = bought(line, shop, 300_00, date(2026, 6, 18), instalments=6)
    bought(line, shop, 400_00, date(2026, 6, 19))
    end_day(date(2026, 6, 30))
    instalments.spread_statement(
        line_id=line.pk, amount_fen=200_00, periods=3, reference="July", on=date(2026, 7, 3)
    )
    instalments.pay_off(plan_id=early.plans.get().pk, reference="early", on=date(2026, 7, 5))
    repayments.refund(purchase_id=kept.pk, amount_fen=250_00, reference="part", on=date(2026, 7, 6))
    repayments.repay(line_id=line.pk, amount_fen=600_00, reference="enough", on=date(2026, 7, 7))
    campaign = a_campaign(shop, on=date(2026, 7, 8))
    bought(line, shop, 900_00, date(2026, 7, 8), instalments=3, campaign_id=campaign.pk)


@pytest.fixture
def world() -> World:
    late, paid, spread, shop = a_line(), a_line(), a_line(), a_merchant()
    refunded = bought(late, shop, 1_000_00, date(2026, 6, 5))
    whole = bought(paid, shop, 500_00, date(2026, 6, 6))
    partly = authorised(paid, shop, 90_00, date(2026, 6, 7))
    purchases.capture(
        purchase_id=partly.pk, amount_fen=20_00, on=date(2026, 6, 7), reference="1", final=False
    )
    purchases.capture(purchase_id=partly.pk, amount_fen=40_01, on=date(2026, 6, 8), reference="2")
    authorised(late, shop, 10_00, date(2026, 6, 9))
    voided = authorised(late, shop, 20_00, date(2026, 6, 20))
    purchases.void(purchase_id=voided.pk, on=date(2026, 6, 21))
    end_day(date(2026, 6, 16))  # a hold expires
    spread_over_months(spread, shop)  # with the statements of July
    repayments.repay(line_id=paid.pk, amount_fen=560_01, reference="all", on=date(2026, 7, 10))
    end_day(date(2026, 7, 10))  # one line has missed its minimum
    repayments.refund(purchase_id=whole.pk, amount_fen=200_00, reference="back", on=date(2026, 7, 12))
    bought(paid, shop, 50_00, date(2026, 7, 15))
    end_day(date(2026, 7, 15))
    repayments.repay(line_id=late.pk, amount_fen=150_00, reference="part", on=date(2026, 7, 20))
    bought(late, shop, 30_00, date(2026, 7, 21))
    end_day(date(2026, 7, 31))  # statements of August
    repayments.refund(purchase_id=refunded.pk, amount_fen=100_00, reference="back", on=date(2026, 8, 5))
    repayments.repay(line_id=late.pk, amount_fen=10_00, reference="little", on=date(2026, 8, 6))
    held = authorised(late, shop, 70_00, date(2026, 8, 7))
    end_day(date(2026, 8, 7))
    corrections.repay_from(
        line_id=late.pk, amount_fen=90_00, reference="late", on=date(2026, 8, 8), value_on=date(2026, 7, 25)
    )
    little = Repayment.objects.get(line=late, reference="little")
    corrections.reverse_repayment(repayment_id=little.pk, reason="bounced", on=date(2026, 8, 8))
    mistaken = bought(paid, shop, 5_00, date(2026, 8, 8))
    corrections.reverse_purchase(purchase_id=mistaken.pk, reason="not theirs", on=date(2026, 8, 8))
    lent_to_another(late, shop)
    paid_and_not_received()
    raised_for_a_while(paid)
    lifecycle.freeze(line_id=paid.pk, why=why("fraud"), on=date(2026, 8, 8))
    gone = a_line()
    lifecycle.close(line_id=gone.pk, why=why("customer_wish"), on=date(2026, 8, 8))
    Line.objects.filter(pk=paid.pk).update(review_on=date(2026, 8, 9))
    end_day(date(2026, 8, 8))
    a_document(late)
    paid_to(shop)
    return World(late, paid, shop, held, voided, partly, refunded, spread)


def paid_and_not_received() -> None:
    """Purchases that post on receipt: received but for a part, given back whole, waiting; of a shop that is suspended."""
    on = date(2026, 8, 8)
    line, shop = a_line(), an_escrow_merchant()
    came, gone, _waits = (authorised(line, shop, 60_00, on) for _n in range(3))
    repayments.refund(purchase_id=came.pk, amount_fen=10_00, reference="part", on=on)
    repayments.refund(purchase_id=gone.pk, amount_fen=60_00, reference="all", on=on)
    confirm_receipt(purchase_id=came.pk, customer_id=line.customer_id, on=on)
    merchants.suspend(merchant_id=shop.pk, why=why("fraud"), on=on)


def paid_to(shop: Merchant) -> None:
    """All that was settled with a merchant, but for the first two: one failed, one is not answered yet."""
    closing.set_business_date(on=date(2026, 8, 9))
    source = a_source(shop.pk, 0)
    simulator.script(token=source.token, behaviours=["fails", "answers_later"])
    paying.pay_merchants()
    paying.sweep()


def why(cause: str) -> Why:
    return Why(cause, "staff:1", cause)


def lent_to_another(owed: Line, shop: Merchant) -> None:
    """A line of its own, shared and used; and credit paid out of it."""
    on = date(2026, 8, 8)
    line, friend = a_line(), a_customer()
    share = shares.invite(line_id=line.pk, beneficiary_id=friend.pk, monthly_cap_fen=500_00, on=on)
    shares.accept(share_id=share.pk, beneficiary_id=friend.pk, on=on)
    for n, fen in enumerate((100_00, 50_00)):
        made = shares.authorise_shared(
            share_uuid=share.uuid, merchant_id=shop.pk, amount_fen=fen, reference=f"shared-{n}", on=on
        )
    purchases.capture(purchase_id=made.purchase_id, amount_fen=40_00, on=on)
    repayments.refund(purchase_id=made.purchase_id, amount_fen=10_00, reference="back", on=on)
    repayments.repay(line_id=line.pk, amount_fen=80_00, reference="ahead", on=on)
    pay_out_credit(line_id=line.pk, amount_fen=20_00, reference="out", by="customer", on=on)
    for n, arrived in enumerate((True, False, None)):
        payout = reserve_payout(line_id=line.pk, amount_fen=5_00, reference=f"{n}", by="customer", on=on)
        if arrived is not None:
            end_payout(payout_id=payout.pk, arrived=arrived, on=on)


def raised_for_a_while(line: Line) -> None:
    on = date(2026, 8, 8)
    limits.change_limit(line_id=line.pk, limit_fen=9_000_00, why=why("income_proved"), on=on)
    for n, last_day in enumerate((date(2026, 8, 8), date(2026, 9, 7))):
        limits.raise_temporarily(
            line_id=line.pk, amount_fen=100_00, last_day=last_day, why=Why("travel", "staff:1", f"{n}"), on=on
        )
    limits.change_limit(line_id=line.pk, limit_fen=10_00, why=why("risk"), on=on)


def as_owner(statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("RESET ROLE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements.split(";"):
            cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute(f"SET ROLE {settings.DATABASE_ROLE}")


def broken_rules() -> set[str]:
    return {finding.check.name for finding in verify(audit.CHECKS) if not finding.holds}


# What the audits of payments, loans, sellers' orders and applications look at; each has a world of its own.
ELSEWHERE = ("payment", "loan", "order", "proceeds", "opening")


def test_a_world_in_which_everything_happened_passes_every_check(world: World) -> None:
    findings = list(verify(audit.CHECKS))
    assert [(finding.check.name, finding.faults) for finding in findings if not finding.holds] == []
    unseen = [finding.check.name for finding in findings if finding.rows_examined == 0]
    assert [name for name in unseen if not name.startswith(ELSEWHERE)] == ["reversals"]


# fmt: off
# What is done to the world, and every rule that it breaks. The rule that the case is about comes first.
BREAKAGES = [
    ("line_accounts", "UPDATE ledger_account SET owner = gen_random_uuid() WHERE id = {fee_account}", ""),
    ("line_accounts", "UPDATE ledger_account SET type_code = 'interest_receivable' WHERE id = {fee_account}", ""),
    ("line_accounts", "UPDATE huabei_line SET fee_account_id = 999999 WHERE id = {late}", ""),
    ("line_limits", "UPDATE huabei_line SET limit_fen = limit_fen + 1 WHERE id = {late}", ""),
    ("line_limit_changes", "UPDATE huabei_line SET limit_fen = limit_fen + 1 WHERE id = {paid}", "line_limits"),
    ("line_limit_changes", "UPDATE huabei_limitchange SET before_fen = before_fen + 1 WHERE reference = 'risk'", ""),
    ("line_limit_changes", "UPDATE huabei_limitchange SET after_fen = after_fen + 1 WHERE reference = 'risk'", ""),
    ("line_temporary", "UPDATE huabei_temporarylimit SET amount_fen = amount_fen + 1 WHERE ended_on IS NULL", ""),
    ("line_temporary", "UPDATE huabei_line SET temporary_fen = 0 WHERE id = {paid}", ""),
    ("line_share_months", "UPDATE huabei_sharemonth SET spent_fen = spent_fen + 1", ""),
    ("line_share_months", "DELETE FROM huabei_sharedpurchase", ""),
    ("line_credit_payouts", "UPDATE huabei_creditpayout SET amount_fen = amount_fen + 1",
     "line_credit_payout_ends line_credit_payouts_under_way"),
    ("line_credit_payout_ends", "UPDATE huabei_creditpayoutend SET arrived = NOT arrived", ""),
    ("line_credit_payouts_under_way", "DELETE FROM huabei_creditpayoutend WHERE arrived", ""),
    ("line_share_guards", "ALTER TABLE huabei_sharemonth DROP CONSTRAINT share_month_within_cap", ""),
    ("line_share_guards", "ALTER TABLE huabei_sharedline DISABLE TRIGGER huabei_sharedline_stays_closed", ""),
    ("line_frozen", "UPDATE huabei_line SET status = 'active', frozen_cause = '' WHERE id = {paid}", ""),
    ("line_frozen", "UPDATE huabei_freeze SET thawed_on = frozen_on, thaw_cause = 'x', thawed_by = 'x'"
     " WHERE line_id = {paid}", ""),
    ("line_closed", "UPDATE huabei_line SET status = 'closed', frozen_cause = '' WHERE id = {paid}", ""),
    ("line_closed", "DELETE FROM huabei_closure", ""),
    ("line_holds", "DELETE FROM huabei_purchase WHERE id = {held}", ""),
    ("line_holds", "UPDATE huabei_purchase SET state = 'voided' WHERE id = {held}", "line_purchases"),
    ("line_credit", "UPDATE huabei_line SET credit_account_id = {paid_credit} WHERE id = {late}",
     "line_accounts line_periods"),
    ("line_billable", "UPDATE huabei_line SET billable = false WHERE id = {late}", ""),
    ("line_dues", "UPDATE huabei_due SET minimum_fen = 100000, outstanding_fen = 100000 WHERE line_id = {late}", ""),
    ("line_due_dates", "DELETE FROM huabei_due WHERE line_id = {paid}", ""),
    ("line_due_dates", "UPDATE huabei_due SET due_on = due_on + 1 WHERE line_id = {late}", ""),
    ("line_running", "UPDATE huabei_segment SET principal_fen = 100000 WHERE line_id = {late} AND until IS NULL"
     " AND kind = 'revolving'", "line_accrued_exactly"),
    ("line_running", "INSERT INTO huabei_segment (line_id, kind, principal_fen, daily_rate, since, carried_fen)"
     " VALUES ({late}, 'penalty', 1, 0.0005, '2026-08-20', 0)", ""),
    ("line_segments", "UPDATE huabei_segment SET until = since + 400 WHERE id = (SELECT min(id) FROM huabei_segment"
     " WHERE kind = 'revolving')",
     "line_accrued_exactly"),
    ("line_statements", "UPDATE huabei_statement SET new_interest_fen = new_interest_fen + 1 WHERE line_id = {late}", ""),
    ("line_statements", "UPDATE huabei_statement SET new_principal_fen = 0 WHERE line_id = {late}", ""),
    ("line_totals", "UPDATE huabei_statement SET principal_fen = principal_fen - 1, interest_fen = interest_fen + 1"
     " WHERE line_id = {late} AND issued_on = '2026-08-01'", ""),
    ("line_periods", "UPDATE huabei_statement SET purchases_fen = purchases_fen + 1 WHERE line_id = {paid}", ""),
    ("line_periods", "UPDATE huabei_statement SET credit_used_fen = credit_used_fen + 1 WHERE line_id = {paid}", ""),
    ("line_repayments", "UPDATE huabei_repayment SET to_billed_fen = to_billed_fen - 1, to_interest_fen = to_interest_fen"
     " + 1 WHERE reference = 'all'", ""),
    ("line_refunds", "UPDATE huabei_refund SET to_billed_fen = to_billed_fen - 1, to_credit_fen = to_credit_fen + 1"
     " WHERE purchase_id = {refunded}", ""),
    ("line_corrections", "UPDATE huabei_correction SET interest_fen = interest_fen + 1 WHERE cause = 'backdated'", ""),
    ("line_corrections", "DELETE FROM ledger_transfer WHERE id = (SELECT max(transfer.id) FROM ledger_transfer AS transfer"
     " JOIN huabei_correction AS correction USING (entry_id) WHERE 1901 IN (debit_account_id, credit_account_id))",
     "trial_balance counters"),
    ("line_purchases", "UPDATE huabei_purchase SET captured_fen = captured_fen + 1 WHERE id = {partly}",
     "line_merchants"),
    ("line_captures", "UPDATE huabei_capture SET amount_fen = amount_fen + 1 WHERE purchase_id = {partly} AND is_final",
     "line_purchases line_periods settlements"),
    ("line_captures", "UPDATE huabei_capture SET is_final = NOT is_final WHERE purchase_id = {partly}", ""),
    ("line_captures", "UPDATE huabei_refundshare SET amount_fen = amount_fen + 1", ""),
    ("line_purchases", "UPDATE huabei_purchase SET amount_fen = amount_fen + 1 WHERE id = {partly}", ""),
    ("line_purchases", "DELETE FROM huabei_refund WHERE purchase_id = {refunded}", "settlements"),
    ("line_merchants", "UPDATE huabei_purchase SET refunded_fen = refunded_fen + 1 WHERE id = {refunded}", "line_purchases"),
    ("line_purchases", "UPDATE huabei_purchase SET cancelled_fen = cancelled_fen - 1 WHERE cancelled_fen = 1000",
     "line_receipts"),
    ("line_receipts", "DELETE FROM huabei_receipt", ""),
    ("line_receipts", "UPDATE huabei_receipt SET confirmed_on = confirmed_on + 1", ""),
    ("line_receipts", "UPDATE huabei_purchase SET posts_on_receipt = false", ""),
    ("merchant_suspensions", "UPDATE huabei_merchant SET is_accepting = NOT is_accepting", ""),
    ("merchant_suspensions", "DELETE FROM huabei_merchantchange WHERE kind = 'suspended'", ""),
    ("merchant_guards", "ALTER TABLE huabei_purchase DISABLE TRIGGER huabei_purchase_cancels_while_it_waits", ""),
    ("merchant_guards", "GRANT UPDATE (note) ON huabei_merchantchange TO {role}", ""),
    ("line_accrued", "UPDATE huabei_accrual SET accrued_fen = accrued_fen + 1 WHERE closed_on = '2026-07-15'", ""),
    ("line_accrued", "UPDATE huabei_accrual SET income_fen = income_fen + 1 WHERE closed_on = '2026-07-15'", ""),
    ("line_accrued_exactly", "UPDATE huabei_segment SET carried_fen = carried_fen + 1 WHERE until IS NULL", ""),
    ("plan_rows", "UPDATE huabei_planrow SET fee_fen = fee_fen + 1 WHERE line_id = {spread} AND number = 3", ""),
    ("plan_rows", "UPDATE huabei_planrow SET ended_on = NULL WHERE line_id = {spread} AND fee_fen = 225 AND number = 2",
     "plan_to_come"),
    ("plan_to_come", "UPDATE huabei_plan SET line_id = {paid} WHERE reference = 'July'", "plan_billed plan_entries"),
    ("plan_billed", "UPDATE huabei_planrow SET line_id = {paid} WHERE line_id = {spread} AND number = 3", ""),
    ("plan_billed", "UPDATE huabei_planrow SET billed_on = billed_on + 1 WHERE billed_on IS NOT NULL AND line_id = {spread}",
     "plan_fees"),
    ("plan_fees", "UPDATE huabei_payoff SET paid_on = paid_on + 1", ""),
    ("plan_entries", "UPDATE huabei_plan SET entry_id = 1 WHERE reference = 'July'", ""),
    ("plan_payoffs", "UPDATE huabei_payoff SET entry_id = 1", ""),
    ("plan_refunds", "UPDATE huabei_planrefund SET entry_id = 1", ""),
    ("campaign_budgets", "UPDATE huabei_campaign SET budget_fen = budget_fen + 1", ""),
    ("campaign_fees", "UPDATE huabei_plan SET subsidy_fen = subsidy_fen + 1 WHERE campaign_id IS NOT NULL",
     "campaign_budgets line_merchants settlements"),
    ("plan_guards", "ALTER TABLE huabei_planrow DISABLE TRIGGER huabei_planrow_only_bills", ""),
    ("plan_guards", "GRANT UPDATE (fee_fen) ON huabei_plan TO {role}", ""),
    ("line_statements", "UPDATE huabei_statement SET new_fee_fen = new_fee_fen + 1 WHERE line_id = {spread}", ""),
    ("line_statements", "UPDATE huabei_statement SET new_instalment_fen = 0 WHERE line_id = {spread}", ""),
    ("line_documents", "ALTER TABLE huabei_statementdocument DROP CONSTRAINT statement_document_hash_is_of_its_content;"
     "UPDATE huabei_statementdocument SET content = 'x'", "line_document_guards"),
    ("line_document_guards", "ALTER TABLE huabei_statementdocument"
     " DISABLE TRIGGER huabei_statementdocument_is_append_only", ""),
    ("settlements", "UPDATE huabei_settlement SET captured_fen = captured_fen + 1, refunded_fen = refunded_fen + 1"
     " WHERE settled_on = '2026-06-16'", ""),
    ("settlements", "UPDATE huabei_settlement SET settled_on = settled_on + 6 WHERE settled_on = '2026-07-31'", ""),
    ("settlement_entries", "UPDATE huabei_settlement SET entry_id = 1 WHERE settled_on = '2026-06-16'", ""),
    ("settlement_entries", "UPDATE huabei_settlement SET discount_fen = discount_fen + 1, captured_fen = captured_fen + 1"
     " WHERE settled_on = '2026-06-16'", "settlements line_merchants"),
    ("settlement_owed", "UPDATE huabei_merchant SET settlement_account_id = 1001 WHERE is_accepting",
     "settlement_entries settlement_payments"),
    ("settlement_payments", "UPDATE huabei_settlementpayment SET reference = reference || 'x'", ""),
    ("settlement_payments", "DELETE FROM huabei_settlementpayment", "settlement_owed"),
    ("settlement_holds", "UPDATE huabei_merchantchange SET changed_on = '2026-01-01', effective_from = '2026-01-01',"
     " merchant_id = (SELECT merchant_id FROM huabei_settlement JOIN huabei_settlementpayment ON id = settlement_id LIMIT 1)"
     " WHERE kind = 'suspended'", "merchant_suspensions"),
    ("settlement_guards", "ALTER TABLE huabei_settlement DROP CONSTRAINT settlement_once_per_merchant_and_day", ""),
    ("settlement_guards", "GRANT UPDATE (amount_fen) ON huabei_settlement TO {role}", ""),
    ("settlement_guards", "ALTER TABLE huabei_holdback DISABLE TRIGGER huabei_holdback_is_append_only", ""),
    ("line_guards", "ALTER TABLE huabei_statement DISABLE TRIGGER huabei_statement_is_append_only", ""),
    ("line_guards", "ALTER TABLE huabei_due DROP CONSTRAINT due_outstanding_within_minimum", ""),
    ("bulk_freeze_guards", "ALTER TABLE huabei_freeze DISABLE TRIGGER huabei_freeze_keeps_its_bulk", ""),
    ("line_guards", "DROP INDEX line_one_live_per_customer", ""),
    ("line_guards", "GRANT UPDATE (amount_fen) ON huabei_repayment TO {role}", ""),
]
# fmt: on


@pytest.mark.parametrize(("rule", "statements", "also"), BREAKAGES)
def test_a_check_goes_red_on_a_world_broken_on_purpose(
    world: World, rule: str, statements: str, also: str
) -> None:
    as_owner(world.broken_by(statements))
    assert broken_rules() == {rule, *also.split()}


def test_every_check_of_the_lines_is_broken_by_some_case() -> None:
    checks = (
        *huabei.audit.CHECKS,
        *huabei.audit_documents.DOCUMENTS,
        *huabei.instalment_audit.CHECKS,
        *huabei.settlement_audit.CHECKS,
        *huabei.share_audit.CHECKS,
    )
    assert {rule for rule, _statements, _also in BREAKAGES} == {check.name for check in checks}
