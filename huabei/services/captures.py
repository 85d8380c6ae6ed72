"""Captures: a merchant takes what it has authorised, at once or in several parts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from huabei.errors import (
    AmountRefused,
    AwaitsReceipt,
    NotAuthorised,
    PurchaseNotFound,
    RequestConflict,
    require_amount,
    require_reference,
)
from huabei.models import Capture, Purchase, PurchaseState
from huabei.services.campaigns import give_back_budget, hold_campaigns
from huabei.services.excess import absorb_excess
from huabei.services.mornings import live_through
from huabei.services.plans import Captured, begin_plans
from huabei.services.share_months import GIVE_BACK
from ledger.chart import COMMITMENT_CONTROL
from ledger.services import CapExceeded, DuplicateReference, constraint_name, ledger_refusals
from ledger.sql import fetch_all

# Settles each hold for what is captured and reserves anew what a later capture may take; draws it on the line, and uses up
# the customer's credit first, of several captures of a line one after the other. Where instalments were chosen the principal
# is drawn as such, and no credit is used: that pays rows as they are billed. The purchase is locked, so that two captures see
# what the other took; and the line, so that a statement issued at the same time either has billed before, or leaves the line
# to be looked at next time; and the campaign, whose budget is given back after the line's counters moved, as whoever buys
# under it locks it before either.
_CAPTURE = """
WITH held AS (
    SELECT purchase.id, purchase.line_id, purchase.merchant_id, purchase.hold_transfer_id,
           purchase.amount_fen - purchase.captured_fen - cancelled_fen - given.amount_fen AS left_fen,
           given.amount_fen, given.reference,
           given.is_final OR given.amount_fen = purchase.amount_fen - purchase.captured_fen - cancelled_fen AS is_final
    FROM unnest(%(purchases)s::bigint[], %(amounts)s::bigint[], %(references)s::text[], %(final)s::boolean[])
        AS given (purchase_id, amount_fen, reference, is_final)
    JOIN huabei_purchase AS purchase ON purchase.id = given.purchase_id
    WHERE purchase.state = 'authorised' AND purchase.posts_on_receipt = %(received)s
      AND (purchase.expires_on >= %(on)s OR %(received)s)
      AND given.amount_fen BETWEEN 1 AND purchase.amount_fen - purchase.captured_fen - cancelled_fen
      AND NOT EXISTS (SELECT FROM huabei_capture AS earlier
                      WHERE earlier.purchase_id = given.purchase_id AND earlier.reference = given.reference)
      AND (%(lived_through)s OR NOT EXISTS (SELECT FROM huabei_stepahead WHERE closed_on = %(on)s::date - 1))
    ORDER BY purchase.id FOR NO KEY UPDATE OF purchase
), line AS (
    SELECT * FROM huabei_line WHERE id IN (SELECT line_id FROM held) ORDER BY id FOR NO KEY UPDATE
), campaign AS (
    SELECT id FROM huabei_campaign
    WHERE id IN (SELECT campaign_id FROM huabei_planchoice WHERE purchase_id IN (SELECT id FROM held))
    ORDER BY id FOR NO KEY UPDATE
), drawn AS (
    SELECT held.*, line.billable, line.excess_fen > 0 AS in_excess, line.commitment_account_id,
           line.unbilled_account_id, line.credit_account_id, choice.purchase_id IS NOT NULL AS in_instalments,
           choice.campaign_id IS NOT NULL AS under_a_campaign,
           CASE WHEN choice.purchase_id IS NULL THEN line.unbilled_account_id ELSE line.instalment_account_id END
               AS drawn_account_id,
           merchant.payable_account_id, nextval('ledger_entry_id_seq') AS entry_id,
           CASE WHEN NOT held.is_final THEN nextval('ledger_transfer_id_seq') END AS next_hold_id,
           CASE WHEN choice.purchase_id IS NULL THEN least(held.amount_fen, greatest(
               credit.credits_posted_fen - credit.debits_posted_fen + held.amount_fen - sum(held.amount_fen) OVER
                   (PARTITION BY held.line_id, choice.purchase_id IS NULL ORDER BY held.id), 0))::bigint
                ELSE 0 END AS credit_used_fen
    FROM held CROSS JOIN (SELECT count(*) FROM campaign) AS locked
    JOIN line ON line.id = held.line_id
    JOIN huabei_merchant AS merchant ON merchant.shop_id = held.merchant_id
    JOIN ledger_account AS credit ON credit.id = line.credit_account_id
    LEFT JOIN huabei_planchoice AS choice ON choice.purchase_id = held.id
), taken AS (
    UPDATE huabei_purchase AS purchase
    SET state = CASE WHEN drawn.is_final THEN 'captured' ELSE purchase.state END,
        captured_fen = purchase.captured_fen + drawn.amount_fen, posted_on = coalesce(purchase.posted_on, %(on)s),
        hold_transfer_id = coalesce(drawn.next_hold_id, purchase.hold_transfer_id)
    FROM drawn WHERE purchase.id = drawn.id
), capture AS (
    INSERT INTO huabei_capture
        (purchase_id, line_id, reference, amount_fen, is_final, posted_on, hold_transfer_id, entry_id)
    SELECT id, line_id, reference, amount_fen, is_final, %(on)s, hold_transfer_id, entry_id FROM drawn
), given_back AS (
    /* give back */
), marked AS (
    UPDATE huabei_line SET billable = true FROM drawn WHERE huabei_line.id = drawn.line_id AND NOT drawn.billable
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'purchase:' || id || ':captured:' || reference, 'purchase.captured', %(on)s, %(on)s FROM drawn
), moved AS (
    INSERT INTO ledger_transfer
        (id, entry_id, kind, debit_account_id, credit_account_id, amount_fen, pending_id, booked_on)
    SELECT coalesce(leg.transfer_id, nextval('ledger_transfer_id_seq')), entry_id, leg.kind, leg.debit, leg.credit,
           leg.amount_fen, leg.pending_id, %(on)s
    FROM drawn CROSS JOIN LATERAL (VALUES
        (2, commitment_account_id, %(control)s, amount_fen, hold_transfer_id, NULL::bigint),
        (1, commitment_account_id, %(control)s, CASE WHEN is_final THEN 0 ELSE left_fen END, NULL, next_hold_id),
        (0, drawn_account_id, payable_account_id, amount_fen, NULL, NULL),
        (0, credit_account_id, unbilled_account_id, credit_used_fen, NULL, NULL),
        (0, %(control)s, commitment_account_id, credit_used_fen, NULL, NULL))
        AS leg (kind, debit, credit, amount_fen, pending_id, transfer_id)
    WHERE leg.amount_fen > 0
)
SELECT id, line_id, in_excess, in_instalments, under_a_campaign, amount_fen, entry_id FROM drawn
""".replace(
    "/* give back */", GIVE_BACK.format(freed="(SELECT * FROM drawn WHERE is_final AND left_fen > 0)")
)


def capture_many(*, captures: Sequence[tuple[int, int]], on: date, received: bool = False) -> set[int]:
    """
    Captures (purchase id, fen) pairs without references, each the last of its purchase, set-based; returns the ids captured.
    With `received`, those that post on receipt, and no other.

    Left out are purchases that are no longer authorised, whose hold lasted until a day before `on`, and amounts beyond what
    is left of the authorisation; `capture` says why for one. What was authorised beyond the capture is released.
    """
    return _capture(
        {
            "purchases": [purchase_id for purchase_id, _ in captures],
            "amounts": [amount_fen for _, amount_fen in captures],
            "references": [""] * len(captures),
            "final": [True] * len(captures),
            "on": on,
            "control": COMMITMENT_CONTROL.control_id,
            "received": received,
        }
    )


def _capture(parameters: dict[str, Any]) -> set[int]:
    try:
        if captured := _captured(parameters):
            return captured
    except (CapExceeded, DuplicateReference, IntegrityError) as error:
        if isinstance(error, IntegrityError) and constraint_name(error) != "capture_once_per_reference":
            raise
    # What this one waited for had used the credit that it saw, or had captured under the same reference: holding purchases
    # and lines, it sees what is left. Or a close is under way: the statement of this morning has a claim on the customer's
    # credit before what is bought today.
    with transaction.atomic():
        live_through(line_ids=_locked_lines(parameters), on=parameters["on"])
        return _captured(parameters, lived_through=True)


_LOCK_PURCHASES = "SELECT FROM huabei_purchase WHERE id = ANY(%(purchases)s) ORDER BY id FOR NO KEY UPDATE"
_LOCK_LINES = """
SELECT id FROM huabei_line WHERE id IN (SELECT line_id FROM huabei_purchase WHERE id = ANY(%(purchases)s))
ORDER BY id FOR NO KEY UPDATE
"""


def _locked_lines(parameters: dict[str, Any]) -> list[int]:
    """The lines of the purchases to be captured, locked after these and before their campaigns, as captures do."""
    fetch_all(_LOCK_PURCHASES, parameters)
    lines = [line_id for (line_id,) in fetch_all(_LOCK_LINES, parameters)]
    hold_campaigns(purchase_ids=parameters["purchases"])
    return lines


def _captured(parameters: dict[str, Any], *, lived_through: bool = False) -> set[int]:
    with transaction.atomic(), ledger_refusals():
        rows = fetch_all(_CAPTURE, {**parameters, "lived_through": lived_through})
        if in_excess := {line_id for _id, line_id, exceeds, *_rest in rows if exceeds}:
            absorb_excess(line_ids=sorted(in_excess), on=parameters["on"])
        spread = [
            Captured(purchase_id, line_id, fen, entry_id)
            for purchase_id, line_id, _exceeds, in_instalments, _under, fen, entry_id in rows
            if in_instalments
        ]
        if spread:
            begin_plans(captures=spread, on=parameters["on"])
        if promised := [
            purchase_id for purchase_id, _line, _exceeds, _spread, under, *_rest in rows if under
        ]:
            give_back_budget(purchase_ids=promised, on=parameters["on"])
        return {purchase_id for purchase_id, *_rest in rows}


def capture(
    *, purchase_id: int, amount_fen: int, on: date, reference: str | None = None, final: bool = True
) -> Capture:
    """
    Posts an authorised purchase, whole or in part, and returns what was captured. The last capture releases what it leaves;
    after one that is not `final` the rest stays reserved for the next.

    `reference` is the merchant's own and happens once per purchase; without one, repeating the same capture changes nothing
    either. Errors: AmountRefused beyond what is left of the authorisation, NotAuthorised when it was voided, expired or
    captured to its end, AwaitsReceipt when it posts on receipt, PurchaseNotFound, ReferenceRefused, RequestConflict.
    """
    require_amount(amount_fen)
    if reference is not None:
        require_reference(reference)
    asked = {
        "purchases": [purchase_id],
        "amounts": [amount_fen],
        "references": [reference or ""],
        "final": [final],
        "on": on,
        "control": COMMITMENT_CONTROL.control_id,
        "received": False,
    }
    if _capture(asked):
        return Capture.objects.get(purchase_id=purchase_id, reference=reference or "")
    return _captured_before(purchase_id, amount_fen, reference or "", final=final, on=on)


def _captured_before(purchase_id: int, amount_fen: int, reference: str, *, final: bool, on: date) -> Capture:
    """This very capture when it was made before; else the error that says why it was not made now."""
    purchase = Purchase.objects.filter(pk=purchase_id).first()
    if purchase is None:
        raise PurchaseNotFound(_("there is no purchase %(id)s") % {"id": purchase_id})
    if purchase.posts_on_receipt:
        raise AwaitsReceipt(_("it is paid, and posts when the buyer confirms receipt"))
    first = Capture.objects.filter(purchase_id=purchase_id, reference=reference).first()
    # A capture of all that was left is the last, whatever was asked.
    if first is not None and first.amount_fen == amount_fen and first.is_final in (final, True):
        first.repeated = True
        return first
    if first is not None and (reference or purchase.state == PurchaseState.AUTHORISED):
        raise RequestConflict(_("this reference was used before for a different request"), field="reference")
    if purchase.state != PurchaseState.AUTHORISED:
        raise NotAuthorised(_("the purchase is %(state)s") % {"state": PurchaseState(purchase.state).label})
    if purchase.expires_on < on:
        raise NotAuthorised(_("the hold lasted until %(on)s") % {"on": purchase.expires_on})
    raise AmountRefused(_("more than is left of what was authorised"), field="amount")
