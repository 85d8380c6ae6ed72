"""
Settling with merchants: what a day's close makes payable to each, in one statement for all of them.

A merchant's account is a control account, so what moved on it since the last settlement is summed, by the day on which it was
booked. Nothing is booked on a day once its close has begun; so nothing is settled twice, and nothing is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ledger.chart import DISCOUNT_INCOME, FEE_INCOME
from ledger.sql import affected

# A discount is charged on what was captured and given back on what was refunded or taken back, at the rate of the day. Fees
# that the merchant paid for its customers come back with purchases that are taken back.
_SETTLE = """
WITH terms AS (
    SELECT discount_rate FROM huabei_merchantterms WHERE effective_from <= %(closed)s
    ORDER BY effective_from DESC LIMIT 1
), moved AS (
    SELECT merchant.shop_id, merchant.payable_account_id, merchant.settlement_account_id,
           coalesce(last.carried_fen, 0) AS carried_fen, came.captured_fen,
           went.refunded_fen, went.reversed_fen, went.subsidy_fen - came.returned_fen AS subsidy_fen
    FROM huabei_merchant AS merchant
    LEFT JOIN LATERAL (SELECT settled_on, least(amount_fen, 0) AS carried_fen FROM huabei_settlement AS earlier
                       WHERE earlier.merchant_id = merchant.shop_id ORDER BY settled_on DESC LIMIT 1) AS last ON true
    CROSS JOIN LATERAL (SELECT coalesce(last.settled_on, '-infinity'::date) AS until) AS before
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_fen) FILTER (WHERE debit_account_id <> %(fees)s), 0)::bigint AS captured_fen,
               coalesce(sum(amount_fen) FILTER (WHERE debit_account_id = %(fees)s), 0)::bigint AS returned_fen
        FROM ledger_transfer
        WHERE credit_account_id = merchant.payable_account_id AND booked_on > before.until AND booked_on <= %(closed)s
    ) AS came
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_fen) FILTER (WHERE event = 'purchase.refunded'), 0)::bigint AS refunded_fen,
               coalesce(sum(amount_fen) FILTER (WHERE event = 'purchase.reversed'), 0)::bigint AS reversed_fen,
               coalesce(sum(amount_fen) FILTER (WHERE event = 'plan.subsidised'), 0)::bigint AS subsidy_fen
        FROM ledger_transfer AS transfer JOIN ledger_entry AS entry ON entry.id = transfer.entry_id
        WHERE debit_account_id = merchant.payable_account_id
          AND transfer.booked_on > before.until AND transfer.booked_on <= %(closed)s
    ) AS went
    WHERE came.captured_fen + came.returned_fen + went.refunded_fen + went.reversed_fen + went.subsidy_fen > 0
), settled AS (
    SELECT moved.*, discount.fen AS discount_fen, result.fen AS amount_fen,
           CASE WHEN discount.fen <> 0 OR result.fen > 0 THEN nextval('ledger_entry_id_seq') END AS entry_id
    FROM moved CROSS JOIN terms
    CROSS JOIN LATERAL (SELECT round_fen((captured_fen - refunded_fen - reversed_fen) * discount_rate) AS fen) AS discount
    CROSS JOIN LATERAL (SELECT carried_fen + captured_fen - refunded_fen - reversed_fen - subsidy_fen - discount.fen AS fen)
        AS result
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'merchant:' || shop_id || ':settled:' || %(closed)s::date, 'merchant.settled', %(closed)s, %(closed)s
    FROM settled WHERE entry_id IS NOT NULL
), posted AS (
    INSERT INTO ledger_transfer (entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    SELECT entry_id, 0, leg.debit, leg.credit, leg.amount_fen, %(closed)s
    FROM settled CROSS JOIN LATERAL (VALUES
        (payable_account_id, settlement_account_id, amount_fen),
        (payable_account_id, %(income)s, discount_fen),
        (%(income)s, payable_account_id, -discount_fen)) AS leg (debit, credit, amount_fen)
    WHERE leg.amount_fen > 0
)
INSERT INTO huabei_settlement (uuid, merchant_id, settled_on, captured_fen, refunded_fen, reversed_fen, subsidy_fen,
                               discount_fen, carried_fen, amount_fen, entry_id)
SELECT gen_random_uuid(), shop_id, %(closed)s, captured_fen, refunded_fen, reversed_fen, subsidy_fen, discount_fen,
       carried_fen, amount_fen, entry_id
FROM settled
"""


def settle_merchants(closed_on: date, lines: Sequence[int] | None = None) -> int:
    """
    One settlement for each merchant on whose account something moved. Returns how many.

    A merchant's account is everybody's who buys there, so nothing is settled for some lines.
    """
    if lines is not None:
        return 0
    return affected(
        _SETTLE, {"closed": closed_on, "income": DISCOUNT_INCOME.control_id, "fees": FEE_INCOME.control_id}
    )
