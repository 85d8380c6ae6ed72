"""The proof of what is bought: holds, captures, refunds and what merchants are owed, against the ledger."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from huabei.models import CategoryRule, MerchantChange, Receipt
from ledger.audit import Check, guards

# The last hold of a purchase is settled by its last capture, released when it was voided or expired, and open until then. It
# reserves what the captures before it left, and what was given back before receipt, unless that was the last of it.
_PURCHASES = """
SELECT 'huabei_purchase', purchase.id::text,
       format('state=%%s captured=%%s refunded=%%s of captures=%%s cancelled=%%s hold=%%s', known.state, captures.fen,
              refunds.fen, captures.refunded, refunds.cancelled, expected.hold_fen),
       format('state=%%s captured=%%s refunded=%%s of captures=%%s cancelled=%%s hold=%%s', said.state, captured_fen,
              refunded_fen, refunded_fen, cancelled_fen, hold.amount_fen)
FROM huabei_purchase AS purchase
LEFT JOIN ledger_transfer AS resolution ON resolution.pending_id = purchase.hold_transfer_id
LEFT JOIN ledger_transfer AS hold ON hold.id = purchase.hold_transfer_id AND hold.kind = 1
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen), 0) AS fen, coalesce(sum(refunded_fen), 0) AS refunded,
           coalesce(sum(amount_fen) FILTER (WHERE capture.hold_transfer_id = purchase.hold_transfer_id), 0) AS last
    FROM huabei_capture AS capture WHERE capture.purchase_id = purchase.id
) AS captures
CROSS JOIN LATERAL (SELECT CASE WHEN purchase.state IN ('voided', 'expired') THEN 'released'
                                WHEN purchase.state = 'reversed' THEN 'captured' ELSE purchase.state END AS state) AS said
CROSS JOIN LATERAL (SELECT CASE WHEN resolution.kind IS NULL THEN 'authorised'
                                WHEN captures.fen > 0 THEN 'captured' ELSE 'released' END AS state) AS known
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen - to_hold_fen), 0) AS fen, coalesce(sum(to_hold_fen), 0) AS cancelled,
           coalesce((array_agg(to_hold_fen ORDER BY refund.id DESC))[1], 0) AS last
    FROM huabei_refund AS refund WHERE refund.purchase_id = purchase.id
) AS refunds
CROSS JOIN LATERAL (
    SELECT purchase.amount_fen - captures.fen + captures.last - refunds.cancelled
           + CASE WHEN refunds.cancelled = purchase.amount_fen THEN refunds.last ELSE 0 END AS hold_fen
) AS expected
WHERE hold.amount_fen IS DISTINCT FROM expected.hold_fen
   OR (known.state, captures.fen, refunds.fen, captures.refunded, refunds.cancelled)
      <> (said.state, captured_fen, refunded_fen, refunded_fen, cancelled_fen)
"""

_CAPTURES = """
SELECT 'huabei_capture', capture.id::text,
       format('settled=%%s to the merchant=%%s refunded=%%s reserves the rest=%%s', moved.settled, moved.merchant, shares.fen,
              moved.reserves),
       format('settled=%%s to the merchant=%%s refunded=%%s reserves the rest=%%s', capture.amount_fen, capture.amount_fen,
              capture.refunded_fen, NOT is_final)
FROM huabei_capture AS capture
LEFT JOIN huabei_purchase AS purchase ON purchase.id = capture.purchase_id AND purchase.line_id = capture.line_id
LEFT JOIN huabei_merchant AS merchant ON merchant.shop_id = purchase.merchant_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen) FILTER (WHERE kind = 2 AND pending_id = capture.hold_transfer_id), 0) AS settled,
           coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = merchant.payable_account_id), 0) AS merchant,
           coalesce(bool_or(kind = 1), false) AS reserves
    FROM ledger_transfer AS transfer WHERE transfer.entry_id = capture.entry_id
) AS moved
CROSS JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0) AS fen FROM huabei_refundshare AS share
                    WHERE share.capture_id = capture.id) AS shares
WHERE (moved.settled, moved.merchant, shares.fen, moved.reserves)
      <> (capture.amount_fen, capture.amount_fen, capture.refunded_fen, NOT is_final)
"""

_MERCHANTS = """
SELECT 'huabei_merchant', shop_id::text,
       format('captured less refunded, fees and settled=%%s', owed.fen - fees.fen - settled.fen),
       format('payable=%%s', payable.fen)
FROM huabei_merchant AS merchant
CROSS JOIN LATERAL (SELECT coalesce(sum(captured_fen - refunded_fen), 0) AS fen FROM huabei_purchase AS purchase
                    WHERE purchase.merchant_id = merchant.shop_id AND purchase.state <> 'reversed') AS owed
CROSS JOIN LATERAL (
    SELECT coalesce((SELECT sum(amount_fen) FROM ledger_transfer AS t
                     WHERE t.credit_account_id = merchant.payable_account_id AND kind IN (0, 2)), 0)
         - coalesce((SELECT sum(amount_fen) FROM ledger_transfer AS t
                     WHERE t.debit_account_id = merchant.payable_account_id AND kind IN (0, 2)), 0) AS fen
) AS payable
CROSS JOIN LATERAL (SELECT coalesce(sum(plan.subsidy_fen), 0) AS fen FROM huabei_plan AS plan
                    JOIN huabei_purchase AS purchase ON purchase.id = plan.purchase_id
                    WHERE plan.subsidy_fen > 0 AND purchase.merchant_id = merchant.shop_id
                      AND purchase.state <> 'reversed') AS fees
CROSS JOIN LATERAL (SELECT coalesce(sum(greatest(amount_fen, 0) + discount_fen), 0) AS fen
                    FROM huabei_settlement AS settlement WHERE settlement.merchant_id = merchant.shop_id) AS settled
WHERE owed.fen - fees.fen - settled.fen <> payable.fen
"""

# What posts on receipt is captured whole, once, on the day of its receipt; nothing else has one.
_RECEIPTS = """
SELECT 'huabei_purchase', coalesce(purchase.id, receipt.purchase_id)::text,
       format('captured=%%s on %%s', purchase.amount_fen - cancelled_fen, receipt.confirmed_on),
       format('captured=%%s on %%s', captures.fen, captures.last_on)
FROM (SELECT * FROM huabei_purchase WHERE posts_on_receipt) AS purchase
FULL JOIN huabei_receipt AS receipt ON receipt.purchase_id = purchase.id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen), 0) AS fen, max(posted_on) AS last_on, min(posted_on) AS first_on
    FROM huabei_capture AS capture WHERE capture.purchase_id = purchase.id
) AS captures
WHERE purchase.id IS NULL
   OR (receipt.confirmed_on, receipt.confirmed_on) IS DISTINCT FROM (captures.first_on, captures.last_on)
   OR receipt.confirmed_on IS NOT NULL AND captures.fen <> purchase.amount_fen - cancelled_fen
"""

_SUSPENSIONS = """
SELECT 'huabei_merchant', shop_id::text, format('accepting=%%s', known.accepting), format('accepting=%%s', is_accepting)
FROM huabei_merchant AS merchant
CROSS JOIN LATERAL (
    SELECT coalesce((SELECT kind = 'reinstated' FROM huabei_merchantchange AS change
                     WHERE change.merchant_id = merchant.shop_id AND kind <> 'posting' ORDER BY id DESC LIMIT 1), true)
        AS accepting
) AS known
WHERE known.accepting <> is_accepting
"""

SPENDING: tuple[Check, ...] = (
    Check(
        "line_purchases",
        _("A purchase's hold was settled for what was captured, or released, and its refunds add up."),
        "huabei_purchase",
        _PURCHASES,
    ),
    Check(
        "line_captures",
        _("A capture drew and owes to the merchant what its entry posted, and its refunds add up."),
        "huabei_capture",
        _CAPTURES,
    ),
    Check(
        "line_merchants",
        _(
            "A merchant is owed what was captured less what was refunded, what it paid of fees and what was settled."
        ),
        "huabei_merchant",
        _MERCHANTS,
    ),
    Check(
        "line_receipts",
        _("What posts on receipt was captured whole on the day of its receipt, and nothing else has one."),
        "huabei_purchase",
        _RECEIPTS,
    ),
    Check(
        "merchant_suspensions",
        _("A merchant accepts lines unless the last that is said of it is that it is suspended."),
        "huabei_merchant",
        _SUSPENSIONS,
    ),
    guards(
        "merchant_guards",
        models=(MerchantChange, CategoryRule, Receipt),
        facts=(MerchantChange, CategoryRule, Receipt),
        triggers=(
            "huabei_categoryrule_is_append_only",
            "huabei_categoryrule_is_not_truncated",
            "huabei_merchantchange_is_append_only",
            "huabei_merchantchange_is_not_truncated",
            "huabei_purchase_cancels_while_it_waits",
            "huabei_receipt_is_append_only",
            "huabei_receipt_is_not_truncated",
        ),
    ),
)
