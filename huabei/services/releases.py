"""
Holds that end without a capture: voided by the merchant, or expired. What was captured of them before stays.

What is paid and waits for its receipt is no mere reservation: it does not expire, and giving it up is a refund.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from huabei.errors import NotAuthorised, PurchaseNotFound
from huabei.models import Purchase, PurchaseState
from huabei.services.campaigns import give_back_budget
from huabei.services.excess import absorb_excess
from huabei.services.repayments import give_up_paid
from huabei.services.share_months import GIVE_BACK
from ledger.chart import COMMITMENT_CONTROL
from ledger.models import Entry
from ledger.sql import fetch_all

CONTROL = COMMITMENT_CONTROL.control_id

# Releases holds and says so on the purchases. {which} picks the purchases; {state} is what becomes of those of which nothing
# was captured. The line, which the excess may need, and the campaign are locked before any counter moves: everybody who
# locks them takes them before the accounts.
_RELEASE = """
WITH held AS (
    SELECT id, line_id FROM huabei_purchase
    WHERE state = 'authorised' AND NOT posts_on_receipt AND {which} ORDER BY id FOR NO KEY UPDATE
), line AS (
    SELECT id, commitment_account_id FROM huabei_line WHERE id IN (SELECT line_id FROM held)
    ORDER BY id FOR NO KEY UPDATE
), campaign AS (
    SELECT id FROM huabei_campaign
    WHERE id IN (SELECT campaign_id FROM huabei_planchoice WHERE purchase_id IN (SELECT id FROM held))
    ORDER BY id FOR NO KEY UPDATE
), released AS (
    UPDATE huabei_purchase AS purchase
    SET state = CASE WHEN captured_fen > 0 THEN 'captured' ELSE %(state)s END
    FROM held JOIN line ON line.id = held.line_id CROSS JOIN (SELECT count(*) FROM campaign) AS locked
    WHERE purchase.id = held.id
    RETURNING purchase.id, purchase.line_id, line.commitment_account_id, hold_transfer_id,
              amount_fen - captured_fen - cancelled_fen AS left_fen
), given_back AS (
    /* give back */
), entry AS (
    INSERT INTO ledger_entry (reference, event, booked_on, value_on)
    SELECT 'purchase:' || id || ':' || %(state)s, 'purchase.' || %(state)s, %(on)s, %(on)s FROM released
    RETURNING id, reference
), moved AS (
    INSERT INTO ledger_transfer
        (entry_id, kind, debit_account_id, credit_account_id, amount_fen, pending_id, booked_on)
    SELECT entry.id, 3, released.commitment_account_id, %(control)s, released.left_fen, released.hold_transfer_id, %(on)s
    FROM released
    JOIN entry ON entry.reference = 'purchase:' || released.id || ':' || %(state)s
)
SELECT id, line_id FROM released
""".replace("/* give back */", GIVE_BACK.format(freed="released"))
_VOID = _RELEASE.format(which="id = %(purchase)s")
_EXPIRE = _RELEASE.format(which="expires_on <= %(last)s")
_EXPIRE_OF_LINES = _RELEASE.format(which="expires_on <= %(last)s AND line_id = ANY(%(lines)s)")


def void(*, purchase_id: int, on: date) -> None:
    """
    Releases an authorisation, or what no capture took of it; what is paid and not received is given back, as a refund.
    Voiding it again changes nothing.

    Errors: NotAuthorised when it was captured, received, taken back or expired; PurchaseNotFound.
    """
    parameters = {"purchase": purchase_id, "state": PurchaseState.VOIDED.value, "on": on, "control": CONTROL}
    if _released(_VOID, parameters):
        return
    purchase = Purchase.objects.filter(pk=purchase_id).values_list("state", "posts_on_receipt").first()
    if purchase is None:
        raise PurchaseNotFound(_("there is no purchase %(id)s") % {"id": purchase_id})
    state, posts_on_receipt = purchase
    if posts_on_receipt:
        give_up_paid(purchase_id=purchase_id, on=on)
    elif not Entry.objects.filter(reference=f"purchase:{purchase_id}:{PurchaseState.VOIDED}").exists():
        raise NotAuthorised(_("the purchase is %(state)s") % {"state": PurchaseState(state).label})


def expire_holds(*, last_day: date, on: date, line_ids: Sequence[int] | None = None) -> int:
    """
    Releases every hold whose last day is `last_day` or earlier, booked on `on`, of these lines or of all; returns how many.
    What is paid and waits for its receipt stays held.
    """
    parameters = {
        "last": last_day,
        "state": PurchaseState.EXPIRED.value,
        "on": on,
        "control": CONTROL,
        "lines": line_ids,
    }
    return _released(_EXPIRE if line_ids is None else _EXPIRE_OF_LINES, parameters)


def _released(sql: str, parameters: dict[str, Any]) -> int:
    with transaction.atomic():
        released = fetch_all(sql, parameters)
        if released:
            absorb_excess(line_ids=[line_id for _id, line_id in released], on=parameters["on"])
            give_back_budget(
                purchase_ids=[purchase_id for purchase_id, _line in released], on=parameters["on"]
            )
        return len(released)
