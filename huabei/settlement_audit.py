"""The proof of what was settled with merchants and paid to them; and that its guards are in place."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from huabei.models import HoldBack, MerchantTerms, Settlement, SettlementPayment
from huabei.services.settlements import PURPOSE
from ledger.audit import Check, guards
from ledger.chart import CASH_CLEARING, DISCOUNT_INCOME

# Every settlement says what the facts between it and the one before say, and carries what that one could not pay.
_SETTLEMENTS = """
SELECT 'huabei_settlement', settlement.id::text,
       format('captured=%%s refunded=%%s taken back=%%s fees=%%s carried=%%s', captures.fen, refunds.fen, reversed.fen,
              fees.fen, least(earlier_fen, 0)),
       format('captured=%%s refunded=%%s taken back=%%s fees=%%s carried=%%s', captured_fen, refunded_fen, reversed_fen,
              subsidy_fen, carried_fen)
FROM (SELECT *, lag(settled_on, 1, '-infinity'::date) OVER by_day AS since,
             lag(amount_fen, 1, 0::bigint) OVER by_day AS earlier_fen
      FROM huabei_settlement WINDOW by_day AS (PARTITION BY merchant_id ORDER BY settled_on)) AS settlement
CROSS JOIN LATERAL (
    SELECT coalesce(sum(capture.amount_fen), 0) AS fen
    FROM huabei_capture AS capture JOIN huabei_purchase AS purchase ON purchase.id = capture.purchase_id
    WHERE purchase.merchant_id = settlement.merchant_id AND capture.posted_on > since AND capture.posted_on <= settled_on
) AS captures
CROSS JOIN LATERAL (
    SELECT coalesce(sum(refund.amount_fen - to_hold_fen), 0) AS fen
    FROM huabei_refund AS refund JOIN huabei_purchase AS purchase ON purchase.id = refund.purchase_id
    WHERE purchase.merchant_id = settlement.merchant_id AND refunded_on > since AND refunded_on <= settled_on
) AS refunds
CROSS JOIN LATERAL (
    SELECT coalesce(sum(correction.amount_fen), 0) AS fen
    FROM huabei_correction AS correction JOIN huabei_purchase AS purchase ON purchase.id = correction.purchase_id
    WHERE purchase.merchant_id = settlement.merchant_id AND corrected_on > since AND corrected_on <= settled_on
) AS reversed
CROSS JOIN LATERAL (
    SELECT coalesce(sum(plan.subsidy_fen) FILTER (WHERE plan.made_on > since AND plan.made_on <= settled_on), 0)
         - coalesce(sum(plan.subsidy_fen) FILTER (WHERE corrected_on > since AND corrected_on <= settled_on), 0) AS fen
    FROM huabei_plan AS plan JOIN huabei_purchase AS purchase ON purchase.id = plan.purchase_id
    LEFT JOIN huabei_correction AS correction ON correction.purchase_id = purchase.id
    WHERE plan.subsidy_fen > 0 AND purchase.merchant_id = settlement.merchant_id
) AS fees
WHERE (captures.fen, refunds.fen, reversed.fen, fees.fen, least(earlier_fen, 0))
      <> (captured_fen, refunded_fen, reversed_fen, subsidy_fen, carried_fen)
"""

_POSTED = """
SELECT 'huabei_settlement', settlement.id::text,
       format('to pay out=%%s discount=%%s', moved.fen, moved.discount_fen),
       format('to pay out=%%s discount=%%s', greatest(settlement.amount_fen, 0), settlement.discount_fen)
FROM huabei_settlement AS settlement
JOIN huabei_merchant AS merchant ON merchant.shop_id = settlement.merchant_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen) FILTER (WHERE debit_account_id = payable_account_id
                                            AND credit_account_id = settlement_account_id), 0) AS fen,
           coalesce(sum(CASE WHEN credit_account_id = %(income)s THEN amount_fen
                             WHEN debit_account_id = %(income)s THEN -amount_fen END), 0) AS discount_fen
    FROM ledger_transfer AS transfer
    WHERE transfer.entry_id = settlement.entry_id AND payable_account_id IN (debit_account_id, credit_account_id)
) AS moved
WHERE (moved.fen, moved.discount_fen) <> (greatest(settlement.amount_fen, 0), settlement.discount_fen)
"""

# What stands on the settlement account is what was settled and not paid.
_OWED = """
SELECT 'huabei_merchant', merchant.shop_id::text, format('settled less paid=%%s', settled.fen - paid.fen),
       format('to be paid out=%%s', stands.fen)
FROM huabei_merchant AS merchant
CROSS JOIN LATERAL (SELECT coalesce(sum(greatest(amount_fen, 0)), 0) AS fen FROM huabei_settlement AS settlement
                    WHERE settlement.merchant_id = merchant.shop_id) AS settled
CROSS JOIN LATERAL (SELECT coalesce(sum(payment.amount_fen), 0) AS fen FROM huabei_settlementpayment AS payment
                    JOIN huabei_settlement AS settlement ON settlement.id = payment.settlement_id
                    WHERE settlement.merchant_id = merchant.shop_id) AS paid
CROSS JOIN LATERAL (
    SELECT coalesce((SELECT sum(amount_fen) FROM ledger_transfer
                     WHERE credit_account_id = merchant.settlement_account_id), 0)
         - coalesce((SELECT sum(amount_fen) FROM ledger_transfer
                     WHERE debit_account_id = merchant.settlement_account_id), 0) AS fen
) AS stands
WHERE settled.fen - paid.fen <> stands.fen
"""

# A settlement is paid whole, by the one attempt that moved its money; and whatever moved is a payment.
_PAID = """
WITH moved AS (
    SELECT attempt.id, attempt.reference, ordered.subject, attempt.moved_fen
    FROM payments_paymentattempt AS attempt JOIN payments_paymentorder AS ordered ON ordered.id = attempt.order_id
    WHERE ordered.purpose = %(purpose)s AND attempt.moved_fen > 0 AND attempt.settled_on IS NOT NULL
), paid AS (
    SELECT payment.*, settlement.uuid::text AS subject, settlement.amount_fen AS settled_fen, posted.fen AS posted_fen
    FROM huabei_settlementpayment AS payment
    JOIN huabei_settlement AS settlement ON settlement.id = payment.settlement_id
    JOIN huabei_merchant AS merchant ON merchant.shop_id = settlement.merchant_id
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0) AS fen FROM ledger_transfer AS transfer
                        WHERE transfer.entry_id = payment.entry_id AND credit_account_id = %(cash)s
                          AND debit_account_id = merchant.settlement_account_id) AS posted
)
SELECT 'huabei_settlementpayment', coalesce(paid.settlement_id::text, moved.reference),
       format('moved=%%s for %%s', moved.moved_fen, moved.subject),
       format('settled=%%s paid=%%s posted=%%s for %%s', paid.settled_fen, paid.amount_fen, paid.posted_fen, paid.subject)
FROM moved FULL JOIN paid USING (reference)
WHERE (moved.moved_fen, moved.subject, moved.moved_fen, moved.moved_fen)
      IS DISTINCT FROM (paid.amount_fen, paid.subject, paid.settled_fen, paid.posted_fen)
"""

# By days: what was asked for on the days of a suspension and of its end may have been asked for before or after. Merchants
# were paid while suspended before anything was held back.
_HELD_BACK = """
SELECT 'payments_paymentattempt', attempt.id::text, format('suspended on %%s', last.changed_on),
       format('asked on %%s', asked_on)
FROM payments_paymentattempt AS attempt
JOIN payments_paymentorder AS ordered ON ordered.id = attempt.order_id AND ordered.purpose = %(purpose)s
CROSS JOIN LATERAL (
    SELECT kind, changed_on FROM huabei_merchantchange AS change
    WHERE change.merchant_id = ordered.owner AND kind <> 'posting' AND changed_on < asked_on ORDER BY id DESC LIMIT 1
) AS last
WHERE last.kind = 'suspended' AND asked_on >= coalesce((SELECT max(since) FROM huabei_holdback), '-infinity')
  AND NOT EXISTS (SELECT FROM huabei_merchantchange AS change
                  WHERE change.merchant_id = ordered.owner AND kind = 'reinstated' AND changed_on = asked_on)
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "settlements",
        _("What was settled with a merchant is what was captured, refunded, taken back and charged since."),
        "huabei_settlement",
        _SETTLEMENTS,
    ),
    Check(
        "settlement_entries",
        _("A settlement posted what is to be paid out, and the merchant's discount."),
        "huabei_settlement",
        _POSTED,
        {"income": DISCOUNT_INCOME.control_id},
    ),
    Check(
        "settlement_owed",
        _("A merchant is still to be paid what was settled and not paid."),
        "huabei_merchant",
        _OWED,
    ),
    Check(
        "settlement_payments",
        _("A settlement is paid whole, once, by the payment that moved its money."),
        "huabei_settlementpayment",
        _PAID,
        {"purpose": PURPOSE, "cash": CASH_CLEARING.control_id},
    ),
    Check(
        "settlement_holds",
        _("While a merchant is suspended nothing is paid out to it."),
        "payments_paymentattempt",
        _HELD_BACK,
        {"purpose": PURPOSE},
    ),
    guards(
        "settlement_guards",
        models=(HoldBack, MerchantTerms, Settlement, SettlementPayment),
        facts=(HoldBack, Settlement, SettlementPayment),
        triggers=(
            "huabei_holdback_is_append_only",
            "huabei_holdback_is_not_truncated",
            "huabei_settlement_is_append_only",
            "huabei_settlement_is_not_truncated",
            "huabei_settlementpayment_is_append_only",
            "huabei_settlementpayment_is_not_truncated",
        ),
    ),
)
