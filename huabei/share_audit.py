"""The proof of shared lines and of credit paid out; and that the guards of both are in place."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from huabei.models import (
    CreditPayout,
    ShareChange,
    SharedLine,
    SharedPurchase,
    ShareInvitation,
    ShareMonth,
    ShareTerms,
)
from ledger.audit import Check, guards
from ledger.chart import CASH_CLEARING

# What is reserved, and what was captured and neither refunded nor taken back, of the purchases authorised in the month
# through the share.
_MONTHS = """
SELECT 'huabei_sharemonth', month.id::text, format('spent=%%s', used.fen), format('spent=%%s', month.spent_fen)
FROM huabei_sharemonth AS month
CROSS JOIN LATERAL (
    SELECT coalesce(sum(CASE state WHEN 'authorised' THEN amount_fen WHEN 'reversed' THEN 0 ELSE captured_fen END
                        - refunded_fen), 0) AS fen
    FROM huabei_sharedpurchase AS shared
    JOIN huabei_purchase AS purchase ON purchase.id = shared.purchase_id
    JOIN huabei_sharedline AS share ON share.id = shared.share_id AND share.line_id = purchase.line_id
    WHERE shared.share_id = month.share_id AND shared.month = month.month
      AND date_trunc('month', purchase.authorised_on) = month.month
) AS used
WHERE used.fen <> month.spent_fen
"""

_PAYOUTS = """
SELECT 'huabei_creditpayout', payout.id::text, format('paid=%%s', moved.fen), format('paid=%%s', payout.amount_fen)
FROM huabei_creditpayout AS payout
JOIN huabei_line AS line ON line.id = payout.line_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen), 0) AS fen FROM ledger_transfer AS transfer
    WHERE transfer.entry_id = payout.entry_id AND debit_account_id = line.credit_account_id AND credit_account_id = %(cash)s
) AS moved
WHERE moved.fen <> payout.amount_fen
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "line_share_months",
        _(
            "What is spent of a month's cap is what the purchases of the month through the share hold or took."
        ),
        "huabei_sharemonth",
        _MONTHS,
    ),
    Check(
        "line_credit_payouts",
        _("Credit that was paid out is what its entry posted."),
        "huabei_creditpayout",
        _PAYOUTS,
        {"cash": CASH_CLEARING.control_id},
    ),
    guards(
        "line_share_guards",
        models=(
            CreditPayout,
            ShareChange,
            ShareInvitation,
            ShareMonth,
            ShareTerms,
            SharedLine,
            SharedPurchase,
        ),
        facts=(CreditPayout, ShareChange, SharedPurchase),
        triggers=(
            "huabei_creditpayout_is_append_only",
            "huabei_creditpayout_is_not_truncated",
            "huabei_sharechange_is_append_only",
            "huabei_sharechange_is_not_truncated",
            "huabei_shareinvitation_keeps_its_nature",
            "huabei_shareinvitation_stays_ended",
            "huabei_sharedline_keeps_its_nature",
            "huabei_sharedline_stays_closed",
            "huabei_sharedpurchase_is_append_only",
            "huabei_sharedpurchase_is_not_truncated",
        ),
    ),
)
