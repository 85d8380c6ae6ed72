"""Authorise, capture, void, and the expiry of holds."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from customers.models import Shop
from huabei.errors import (
    AmountRefused,
    LineError,
    LineNotActive,
    LineNotFound,
    require_amount,
    require_reference,
    require_same_request,
)
from huabei.models import Line, LineStatus, Merchant, Purchase, PurchaseState
from huabei.services.excess import absorb_excess
from ledger.chart import COMMITMENT_CONTROL, MERCHANT_PAYABLE
from ledger.services import CapExceeded, constraint_name, ledger_refusals, open_account, request_hash
from ledger.sql import fetch_all, fetch_one_prepared

CONTROL = COMMITMENT_CONTROL.control_id


class LimitExceeded(LineError):
    """The line does not cover the amount."""

    code = "limit_exceeded"


class MerchantNotAccepting(LineError):
    """The shop does not accept lines."""

    code = "merchant_not_accepting"


class PurchaseNotFound(LineError):
    """There is no such purchase."""

    code = "purchase_not_found"


class NotAuthorised(LineError):
    """The purchase is no longer waiting for its capture."""

    code = "purchase_not_authorised"


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A reservation of `amount_fen` on the line, and its state now. `repeated` when the reference was used before."""

    purchase_id: int
    line_id: int
    amount_fen: int
    state: str
    repeated: bool = False


def accept_merchant(*, shop: Shop) -> Merchant:
    """Lets a shop take payments by line; its payable is a control account of its own. Repeating changes nothing."""
    with transaction.atomic():
        payable = open_account(account_type=MERCHANT_PAYABLE, owner=shop.pk)
        merchant, _created = Merchant.objects.get_or_create(
            shop=shop, defaults={"payable_account_id": payable}
        )
    return merchant


# One statement: the reservation on the capped account, its entry and the purchase, or none of them. The trigger on transfers
# moves the counter, and the account's CHECK refuses what the limit does not cover. No ON CONFLICT: a repeated reference must
# undo the reservation, which the unique violation does. Numbers are drawn first, so that no insert waits for another's;
# sequences by name, since asking the catalogue for it costs as much as an insert.
_AUTHORISE = """
WITH line AS (
    SELECT id, commitment_account_id, nextval('huabei_purchase_id_seq') AS purchase_id,
           nextval('ledger_entry_id_seq') AS entry_id, nextval('ledger_transfer_id_seq') AS hold_id
    FROM huabei_line WHERE id = %(line)s AND status = 'active'
      AND EXISTS (SELECT FROM huabei_merchant WHERE shop_id = %(merchant)s AND is_accepting)
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'purchase:' || purchase_id || ':authorised', 'purchase.authorised', %(on)s, %(on)s FROM line
), hold AS (
    INSERT INTO ledger_transfer (id, entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    SELECT hold_id, entry_id, 1, commitment_account_id, %(control)s, %(amount)s, %(on)s FROM line
)
INSERT INTO huabei_purchase (id, line_id, merchant_id, reference, request_hash, amount_fen, state, hold_transfer_id,
                             authorised_on, expires_on)
SELECT purchase_id, id, %(merchant)s, %(reference)s, %(hash)s, %(amount)s, 'authorised', hold_id, %(on)s,
       %(on)s + (SELECT hold_days FROM huabei_terms WHERE effective_from <= %(on)s ORDER BY effective_from DESC LIMIT 1)
FROM line
RETURNING id
"""


def authorise(*, line_id: int, merchant_id: UUID, amount_fen: int, reference: str, on: date) -> Authorisation:
    """
    Reserves `amount_fen` on the line for a merchant, in one SQL statement.

    `reference` is the merchant's own and happens once: the same request again answers with the first authorisation, another
    request under it is refused. Errors: AmountRefused, LimitExceeded, LineNotFound, LineNotActive, MerchantNotAccepting,
    ReferenceRefused, RequestConflict; each leaves everything as it was.
    """
    require_amount(amount_fen)
    require_reference(reference)
    asked = request_hash({"line": line_id, "amount": amount_fen})
    parameters = {
        "line": line_id,
        "merchant": merchant_id,
        "amount": amount_fen,
        "reference": reference,
        "hash": asked,
        "on": on,
        "control": CONTROL,
    }
    try:
        row = _one_statement(_AUTHORISE, parameters)
    except CapExceeded as error:
        raise LimitExceeded("the available limit does not cover this amount", field="amount") from error
    except IntegrityError as error:
        if constraint_name(error) != "purchase_once_per_reference":
            raise
        row = None
    if row is not None:
        return Authorisation(row[0], line_id, amount_fen, PurchaseState.AUTHORISED)
    # A repeat is answered as before, also when the line was frozen or the shop left since.
    first = Purchase.objects.filter(merchant_id=merchant_id, reference=reference).first()
    if first is None:
        raise _why_not(line_id)
    require_same_request(first.request_hash, asked)
    return Authorisation(first.pk, first.line_id, first.amount_fen, first.state, repeated=True)


def _one_statement(sql: str, parameters: dict[str, Any]) -> tuple[Any, ...] | None:
    """
    Runs one statement that is its own transaction, or a savepoint of the caller's, and returns its first row.

    Outside a transaction there is no BEGIN and COMMIT around it, which would be two more round trips.
    """
    savepoint = transaction.atomic() if connection.in_atomic_block else nullcontext()
    with savepoint, ledger_refusals():
        return fetch_one_prepared(sql, parameters)


def _why_not(line_id: int) -> LineError:
    """The reason for which an authorisation found nothing to reserve on."""
    status = Line.objects.filter(pk=line_id).values_list("status", flat=True).first()
    if status is None:
        return LineNotFound(f"there is no line {line_id}")
    if status != LineStatus.ACTIVE:
        return LineNotActive(f"the line is {status}")
    return MerchantNotAccepting("this shop does not accept credit lines", field="merchant")


# Settles each hold for what is captured, draws it on the line, and uses up the customer's credit first (once per line and
# batch; what is left then is used by the next capture or statement). The line is locked, so that a statement issued at the
# same time either has billed before, or leaves the line to be looked at next time.
_CAPTURE = """
WITH captured AS (
    UPDATE huabei_purchase AS purchase
    SET state = 'captured', captured_fen = given.amount_fen, posted_on = %(on)s
    FROM unnest(%(purchases)s::bigint[], %(amounts)s::bigint[]) AS given (purchase_id, amount_fen)
    WHERE purchase.id = given.purchase_id AND purchase.state = 'authorised'
      AND given.amount_fen BETWEEN 1 AND purchase.amount_fen AND purchase.expires_on >= %(on)s
    RETURNING purchase.id, purchase.line_id, purchase.merchant_id, purchase.captured_fen, purchase.hold_transfer_id
), line AS (
    SELECT * FROM huabei_line WHERE id IN (SELECT line_id FROM captured) ORDER BY id FOR NO KEY UPDATE
), drawn AS (
    SELECT captured.*, line.billable, line.excess_fen > 0 AS in_excess, line.commitment_account_id,
           line.unbilled_account_id, line.credit_account_id,
           merchant.payable_account_id, nextval('ledger_entry_id_seq') AS entry_id,
           CASE WHEN row_number() OVER (PARTITION BY captured.line_id ORDER BY captured.id) = 1
                THEN least(captured.captured_fen, credit.credits_posted_fen - credit.debits_posted_fen)
                ELSE 0 END AS credit_used_fen
    FROM captured
    JOIN line ON line.id = captured.line_id
    JOIN huabei_merchant AS merchant ON merchant.shop_id = captured.merchant_id
    JOIN ledger_account AS credit ON credit.id = line.credit_account_id
), marked AS (
    UPDATE huabei_line SET billable = true FROM drawn WHERE huabei_line.id = drawn.line_id AND NOT drawn.billable
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'purchase:' || id || ':captured', 'purchase.captured', %(on)s, %(on)s FROM drawn
), moved AS (
    INSERT INTO ledger_transfer
        (entry_id, kind, debit_account_id, credit_account_id, amount_fen, pending_id, booked_on)
    SELECT entry_id, leg.kind, leg.debit, leg.credit, leg.amount_fen, leg.pending_id, %(on)s
    FROM drawn CROSS JOIN LATERAL (VALUES
        (2, commitment_account_id, %(control)s, captured_fen, hold_transfer_id),
        (0, unbilled_account_id, payable_account_id, captured_fen, NULL),
        (0, credit_account_id, unbilled_account_id, credit_used_fen, NULL),
        (0, %(control)s, commitment_account_id, credit_used_fen, NULL)) AS leg (kind, debit, credit, amount_fen, pending_id)
    WHERE leg.amount_fen > 0
)
SELECT id, line_id, in_excess FROM drawn
"""


def capture_many(*, captures: Sequence[tuple[int, int]], on: date) -> set[int]:
    """
    Captures (purchase id, fen) pairs, set-based; returns the ids captured.

    Left out are purchases that are no longer authorised, whose hold lasted until a day before `on`, and amounts beyond the
    authorisation; `capture` says why for one.
    What was authorised beyond the capture is released.
    """
    parameters = {
        "purchases": [purchase_id for purchase_id, _ in captures],
        "amounts": [amount_fen for _, amount_fen in captures],
        "on": on,
        "control": CONTROL,
    }
    try:
        return _captured(parameters, on)
    except CapExceeded:
        # What this one waited for had used the credit that it saw. Holding the lines, it sees what is left.
        with transaction.atomic():
            fetch_all(_LOCK_PURCHASES, parameters)
            fetch_all(_LOCK_LINES, parameters)
            return _captured(parameters, on)


_LOCK_PURCHASES = "SELECT FROM huabei_purchase WHERE id = ANY(%(purchases)s) ORDER BY id FOR NO KEY UPDATE"
_LOCK_LINES = """
SELECT FROM huabei_line WHERE id IN (SELECT line_id FROM huabei_purchase WHERE id = ANY(%(purchases)s))
ORDER BY id FOR NO KEY UPDATE
"""


def _captured(parameters: dict[str, Any], on: date) -> set[int]:
    with transaction.atomic(), ledger_refusals():
        rows = fetch_all(_CAPTURE, parameters)
        if in_excess := {line_id for _id, line_id, exceeds in rows if exceeds}:
            absorb_excess(line_ids=sorted(in_excess), on=on)
        return {purchase_id for purchase_id, _line_id, _exceeds in rows}


def capture(*, purchase_id: int, amount_fen: int, on: date) -> None:
    """
    Posts an authorised purchase, whole or in part. Repeating the same capture changes nothing.

    Errors: AmountRefused beyond the authorisation, NotAuthorised when it was voided, expired or captured for another
    amount, PurchaseNotFound.
    """
    require_amount(amount_fen)
    if capture_many(captures=[(purchase_id, amount_fen)], on=on):
        return
    purchase = _purchase(purchase_id)
    if purchase.state == PurchaseState.AUTHORISED and purchase.expires_on < on:
        raise NotAuthorised(f"the hold lasted until {purchase.expires_on}")
    if purchase.state == PurchaseState.AUTHORISED:
        raise AmountRefused("more than was authorised", field="amount")
    if purchase.state == PurchaseState.CAPTURED and purchase.captured_fen == amount_fen:
        return
    raise NotAuthorised(f"the purchase is {purchase.state}")


# Releases holds and says so on the purchases. {which} picks the purchases, {state} is what becomes of them.
_RELEASE = """
WITH released AS (
    UPDATE huabei_purchase SET state = %(state)s
    WHERE state = 'authorised' AND {which}
    RETURNING id, line_id, amount_fen, hold_transfer_id
), entry AS (
    INSERT INTO ledger_entry (reference, event, booked_on, value_on)
    SELECT 'purchase:' || id || ':' || %(state)s, 'purchase.' || %(state)s, %(on)s, %(on)s FROM released
    RETURNING id, reference
), moved AS (
    INSERT INTO ledger_transfer
        (entry_id, kind, debit_account_id, credit_account_id, amount_fen, pending_id, booked_on)
    SELECT entry.id, 3, line.commitment_account_id, %(control)s, released.amount_fen, released.hold_transfer_id, %(on)s
    FROM released
    JOIN entry ON entry.reference = 'purchase:' || released.id || ':' || %(state)s
    JOIN huabei_line AS line ON line.id = released.line_id
)
SELECT line_id FROM released
"""
_VOID = _RELEASE.format(which="id = %(purchase)s")
_EXPIRE = _RELEASE.format(which="expires_on <= %(last)s")
_EXPIRE_OF_LINES = _RELEASE.format(which="expires_on <= %(last)s AND line_id = ANY(%(lines)s)")


def void(*, purchase_id: int, on: date) -> None:
    """Releases an authorisation. Voiding it again changes nothing. Errors: NotAuthorised, PurchaseNotFound."""
    parameters = {"purchase": purchase_id, "state": PurchaseState.VOIDED.value, "on": on, "control": CONTROL}
    if not _released(_VOID, parameters) and (state := _purchase(purchase_id).state) != PurchaseState.VOIDED:
        raise NotAuthorised(f"the purchase is {state}")


def expire_holds(*, last_day: date, on: date, line_ids: Sequence[int] | None = None) -> int:
    """
    Releases every hold whose last day is `last_day` or earlier, booked on `on`, of these lines or of all; returns how many.
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
        lines = [line_id for (line_id,) in fetch_all(sql, parameters)]
        if lines:
            absorb_excess(line_ids=lines, on=parameters["on"])
        return len(lines)


def _purchase(purchase_id: int) -> Purchase:
    purchase = Purchase.objects.filter(pk=purchase_id).first()
    if purchase is None:
        raise PurchaseNotFound(f"there is no purchase {purchase_id}")
    return purchase
