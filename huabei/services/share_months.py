"""What a purchase through a shared line gives back, to the month that it counts towards."""

from __future__ import annotations

from ledger.sql import affected

# {freed} are rows of a purchase's `id` and `left_fen`, what comes back of it; of one through no share nothing is written. A
# cap that was lowered below what is spent goes down with that, as far as its owner wants.
GIVE_BACK = """
UPDATE huabei_sharemonth AS month
SET spent_fen = month.spent_fen - back.fen, cap_fen = greatest(wanted_cap_fen, month.spent_fen - back.fen)
FROM (SELECT share.line_id, beneficiary_id, month, sum(freed.left_fen)::bigint AS fen
      FROM {freed} AS freed JOIN huabei_sharedpurchase AS shared ON shared.purchase_id = freed.id
      JOIN huabei_sharedline AS share ON share.id = shared.share_id
      GROUP BY share.line_id, beneficiary_id, month) AS back
WHERE (month.line_id, month.beneficiary_id, month.month) = (back.line_id, back.beneficiary_id, back.month)
"""
_OF_ONE = GIVE_BACK.format(freed="(SELECT %(purchase)s::bigint AS id, %(fen)s::bigint AS left_fen)")


def give_back_to_share(*, purchase_id: int, amount_fen: int) -> None:
    """So much of one purchase comes back; where it was bought through no share, nothing happens."""
    affected(_OF_ONE, {"purchase": purchase_id, "fen": amount_fen})
