"""
Purchases that post on receipt: paid when they are authorised, held until the buyer confirms, posted on that day.

The hold is the payment: it does not expire. Whoever bought confirms, or on the last day the purchase is taken as received;
until then what the merchant gives back comes off the hold, since nothing is posted that could be refunded.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from huabei.errors import AmountRefused, NotAuthorised, PurchaseNotFound
from huabei.models import Purchase, PurchaseState, Receipt
from huabei.services.campaigns import give_back_budget
from huabei.services.captures import capture_many
from huabei.services.excess import absorb_excess
from ledger.chart import COMMITMENT_CONTROL
from ledger.sql import fetch_all, value


def confirm_receipt(*, purchase_id: int, customer_id: UUID, on: date) -> Receipt:
    """
    The buyer says that a purchase came: it is captured whole, posted on this day. Confirming again changes nothing.

    The buyer is the owner of the line, or who bought through a share of it; for anybody else there is no such purchase.
    Errors: NotAuthorised when it posts at payment or was cancelled, PurchaseNotFound.
    """
    with transaction.atomic():
        bought = Q(line__customer_id=customer_id) | Q(shared__share__beneficiary_id=customer_id)
        purchase = (
            Purchase.objects.select_for_update(no_key=True, of=("self",))
            .filter(bought, pk=purchase_id)
            .first()
        )
        if purchase is None:
            raise PurchaseNotFound(_("there is no such purchase"))
        first = Receipt.objects.filter(purchase=purchase).first()
        if first is not None:
            first.repeated = True
            return first
        if not purchase.posts_on_receipt:
            raise NotAuthorised(_("this shop is paid at once: there is no receipt to confirm"))
        if purchase.state != PurchaseState.AUTHORISED:
            raise NotAuthorised(
                _("the purchase is %(state)s") % {"state": PurchaseState(purchase.state).label}
            )
        _receive([(purchase.pk, purchase.left_fen)], by=customer_id, on=on)
        return Receipt.objects.get(purchase=purchase)


# The rows are read as they are once they are held: one that was given back in part meanwhile is received for the rest.
_OVER = """
SELECT id, amount_fen - captured_fen - cancelled_fen FROM huabei_purchase
WHERE state = 'authorised' AND posts_on_receipt AND expires_on <= %(on)s
  AND (%(lines)s::bigint[] IS NULL OR line_id = ANY(%(lines)s))
ORDER BY id FOR NO KEY UPDATE
"""


def receive_over(*, on: date, line_ids: Sequence[int] | None = None) -> int:
    """
    Takes as received, on their day, the purchases that nobody confirmed in time, of these lines or of all; returns how many.
    """
    with transaction.atomic():
        waiting = fetch_all(_OVER, {"on": on, "lines": None if line_ids is None else list(line_ids)})
        if waiting:
            _receive(waiting, by=None, on=on)
        return len(waiting)


def _receive(
    waiting: Sequence[tuple[int, int]] | list[tuple[int, ...]], *, by: UUID | None, on: date
) -> None:
    """Captures purchases, locked by the caller, each for all that it holds, and says who received them."""
    captured = capture_many(captures=[(row[0], row[1]) for row in waiting], on=on, received=True)
    Receipt.objects.bulk_create(
        Receipt(purchase_id=purchase_id, confirmed_on=on, confirmed_by=by) for purchase_id in sorted(captured)
    )


# Releases the hold and holds the rest anew; given back whole, the purchase is voided. The campaign is locked before any
# counter moves, as everybody does who moves both.
_CANCEL = """
WITH campaign AS (
    SELECT id FROM huabei_campaign
    WHERE id IN (SELECT campaign_id FROM huabei_planchoice WHERE purchase_id = %(purchase)s) FOR NO KEY UPDATE
), waiting AS (
    SELECT purchase.id, hold_transfer_id, line.commitment_account_id, held.fen AS held_fen,
           nextval('ledger_entry_id_seq') AS entry_id,
           CASE WHEN held.fen > %(amount)s THEN nextval('ledger_transfer_id_seq') END AS next_hold_id
    FROM huabei_purchase AS purchase JOIN huabei_line AS line ON line.id = purchase.line_id
    CROSS JOIN LATERAL (SELECT amount_fen - captured_fen - cancelled_fen AS fen) AS held
    CROSS JOIN (SELECT count(*) FROM campaign) AS locked
    WHERE purchase.id = %(purchase)s
), cancelled AS (
    UPDATE huabei_purchase AS purchase
    SET cancelled_fen = cancelled_fen + %(amount)s,
        hold_transfer_id = coalesce(next_hold_id, purchase.hold_transfer_id),
        state = CASE WHEN next_hold_id IS NULL THEN 'voided' ELSE state END
    FROM waiting WHERE purchase.id = waiting.id
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'purchase:' || id || ':refunded:' || %(reference)s, 'purchase.cancelled', %(on)s, %(on)s FROM waiting
), moved AS (
    INSERT INTO ledger_transfer
        (id, entry_id, kind, debit_account_id, credit_account_id, amount_fen, pending_id, booked_on)
    SELECT coalesce(leg.transfer_id, nextval('ledger_transfer_id_seq')), entry_id, leg.kind, commitment_account_id,
           %(control)s, leg.amount_fen, leg.pending_id, %(on)s
    FROM waiting CROSS JOIN LATERAL (VALUES
        (3, held_fen, hold_transfer_id, NULL::bigint),
        (1, held_fen - %(amount)s, NULL, next_hold_id)) AS leg (kind, amount_fen, pending_id, transfer_id)
    WHERE leg.amount_fen > 0
)
SELECT entry_id FROM waiting
"""


def cancel(*, purchase: Purchase, amount_fen: int, reference: str, on: date) -> int:
    """
    Gives back part or all of what a purchase, locked with its line by the caller, holds until its receipt; returns the entry.
    It is part of `repayments.refund`. Error: AmountRefused beyond what is held.
    """
    if amount_fen > purchase.left_fen:
        raise AmountRefused(_("more than was paid and not given back yet"), field="amount")
    entry_id = int(
        value(
            _CANCEL,
            {
                "purchase": purchase.pk,
                "amount": amount_fen,
                "reference": reference,
                "on": on,
                "control": COMMITMENT_CONTROL.control_id,
            },
        )
    )
    absorb_excess(line_ids=[purchase.line_id], on=on)
    give_back_budget(purchase_ids=[purchase.pk], on=on)
    return entry_id
