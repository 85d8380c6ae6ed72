"""The proof of shared lines and of credit paid out; and that the guards of both are in place."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from huabei.models import (
    CreditPayout,
    CreditPayoutEnd,
    ShareChange,
    SharedLine,
    SharedPurchase,
    ShareInvitation,
    ShareMonth,
    ShareTerms,
)
from ledger.audit import Check, guards
from ledger.chart import CASH_CLEARING, PAYOUTS_UNDER_WAY

# What is reserved, and what was captured and neither refunded nor taken back, of the purchases authorised in the month
# through any share of the line with this person.
_MONTHS = """
SELECT 'huabei_sharemonth', month.id::text, format('spent=%%s', used.fen), format('spent=%%s', month.spent_fen)
FROM huabei_sharemonth AS month
CROSS JOIN LATERAL (
    SELECT coalesce(sum(CASE state WHEN 'authorised' THEN amount_fen - cancelled_fen WHEN 'reversed' THEN 0
                                   ELSE captured_fen END - refunded_fen), 0) AS fen
    FROM huabei_sharedpurchase AS shared
    JOIN huabei_purchase AS purchase ON purchase.id = shared.purchase_id
    JOIN huabei_sharedline AS share ON share.id = shared.share_id AND share.line_id = purchase.line_id
    WHERE share.line_id = month.line_id AND share.beneficiary_id = month.beneficiary_id AND shared.month = month.month
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
    WHERE transfer.entry_id = payout.entry_id AND debit_account_id = line.credit_account_id
      AND credit_account_id IN (%(cash)s, %(under_way)s)
) AS moved
WHERE moved.fen <> payout.amount_fen
"""

_PAYOUT_ENDS = """
SELECT 'huabei_creditpayoutend', payout.id::text, format('moved=%%s', moved.fen), format('moved=%%s', payout.amount_fen)
FROM huabei_creditpayoutend AS ended
JOIN huabei_creditpayout AS payout ON payout.id = ended.payout_id
JOIN huabei_line AS line ON line.id = payout.line_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen), 0) AS fen FROM ledger_transfer AS transfer
    WHERE transfer.entry_id = ended.entry_id AND debit_account_id = %(under_way)s
      AND credit_account_id = CASE WHEN ended.arrived THEN %(cash)s ELSE line.credit_account_id END
) AS moved
WHERE moved.fen <> payout.amount_fen
"""

_UNDER_WAY = """
SELECT 'ledger_account', %(under_way)s::text, format('under way=%%s', stands.fen), format('under way=%%s', open.fen)
FROM (SELECT coalesce(sum(CASE WHEN credit_account_id = %(under_way)s THEN amount_fen ELSE -amount_fen END), 0) AS fen
      FROM ledger_transfer WHERE %(under_way)s IN (credit_account_id, debit_account_id)) AS stands,
     (SELECT coalesce(sum(amount_fen), 0) AS fen FROM huabei_creditpayout AS payout
      WHERE EXISTS (SELECT FROM ledger_transfer AS transfer
                    WHERE transfer.entry_id = payout.entry_id AND credit_account_id = %(under_way)s)
        AND NOT EXISTS (SELECT FROM huabei_creditpayoutend AS ended WHERE ended.payout_id = payout.id)) AS open
WHERE stands.fen <> open.fen
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "line_share_months",
        _(
            "What is spent of a month's cap is what the purchases of the month through shares with this person hold or took."
        ),
        "huabei_sharemonth",
        _MONTHS,
    ),
    Check(
        "line_credit_payouts",
        _("Credit that was paid out is what its entry posted."),
        "huabei_creditpayout",
        _PAYOUTS,
        {"cash": CASH_CLEARING.control_id, "under_way": PAYOUTS_UNDER_WAY.control_id},
    ),
    Check(
        "line_credit_payout_ends",
        _("Credit that is being paid out arrives or comes back, whole, once."),
        "huabei_creditpayoutend",
        _PAYOUT_ENDS,
        {"cash": CASH_CLEARING.control_id, "under_way": PAYOUTS_UNDER_WAY.control_id},
    ),
    Check(
        "line_credit_payouts_under_way",
        _("What stands on the account of payouts under way is the payouts that have not ended."),
        "huabei_creditpayout",
        _UNDER_WAY,
        {"under_way": PAYOUTS_UNDER_WAY.control_id},
    ),
    guards(
        "line_share_guards",
        models=(
            CreditPayout,
            CreditPayoutEnd,
            ShareChange,
            ShareInvitation,
            ShareMonth,
            ShareTerms,
            SharedLine,
            SharedPurchase,
        ),
        facts=(CreditPayout, CreditPayoutEnd, ShareChange, SharedPurchase),
        triggers=(
            "huabei_creditpayout_is_append_only",
            "huabei_creditpayout_is_not_truncated",
            "huabei_creditpayoutend_is_append_only",
            "huabei_creditpayoutend_is_not_truncated",
            "huabei_sharechange_is_append_only",
            "huabei_sharechange_is_not_truncated",
            "huabei_shareinvitation_keeps_its_nature",
            "huabei_shareinvitation_stays_ended",
            "huabei_sharedline_keeps_its_nature",
            "huabei_sharedline_stays_closed",
            "huabei_sharemonth_keeps_its_nature",
            "huabei_sharedpurchase_is_append_only",
            "huabei_sharedpurchase_is_not_truncated",
        ),
    ),
)
