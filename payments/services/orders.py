"""Ordering money to be collected or paid out, in the transaction of whoever wants it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from ledger.services import request_hash
from ledger.sql import fetch_all
from payments.errors import (
    GatewayNotConfigured,
    SourceNotFound,
    UnderWay,
    require_amount,
    require_same_request,
    require_text,
)
from payments.gateway import is_configured
from payments.models import Direction, FundingSource, PaymentOrder
from payments.outbox import hint_on_commit


@dataclass(frozen=True, slots=True)
class Wanted:
    """Money that somebody wants collected or paid out. Without a source it is collected from those that allow autopay."""

    owner: UUID
    amount_fen: int
    purpose: str
    subject: str
    reference: str
    source_id: int | None = None
    direction: str = Direction.COLLECT.value

    @property
    def request_hash(self) -> bytes:
        """What tells the same request again from another one under its reference."""
        asked: dict[str, Any] = {
            "owner": self.owner,
            "amount": self.amount_fen,
            "purpose": self.purpose,
            "subject": self.subject,
            "source": self.source_id,
            "direction": self.direction,
        }
        return request_hash(asked)


_ORDER = """
INSERT INTO payments_paymentorder (uuid, direction, owner, purpose, subject, reference, request_hash, amount_fen, state,
                                   source_id, ordered_on)
SELECT gen_random_uuid(), given.direction, given.owner, given.purpose, given.subject, given.reference, given.request_hash,
       given.amount_fen, 'created', given.source_id, %(on)s
FROM unnest(%(directions)s::text[], %(owners)s::uuid[], %(purposes)s::text[], %(subjects)s::text[], %(references)s::text[],
            %(hashes)s::bytea[], %(amounts)s::bigint[], %(sources)s::bigint[])
    AS given (direction, owner, purpose, subject, reference, request_hash, amount_fen, source_id)
ON CONFLICT DO NOTHING
RETURNING id
"""


def order_payments(*, wanted: Sequence[Wanted], on: date, hint: bool = True) -> list[int]:
    """
    Writes payment orders in one statement, to be sent once the caller's transaction has committed; returns the new ones' ids.
    Without `hint` no worker is told of them: the caller sends them.

    Left out are those whose reference was used before, and collections for a subject for which one is under way. Errors, each
    leaving everything as it was: AmountRefused, GatewayNotConfigured, ReferenceRefused.
    """
    if not is_configured():
        raise GatewayNotConfigured(_("no payment gateway is configured: set PAYMENT_GATEWAY"))
    for each in wanted:
        require_amount(each.amount_fen)
        require_text(each.reference, field="reference")
        require_text(each.subject, field="subject")
        require_text(each.purpose, field="purpose")
    parameters = {
        "directions": [each.direction for each in wanted],
        "owners": [each.owner for each in wanted],
        "purposes": [each.purpose for each in wanted],
        "subjects": [each.subject for each in wanted],
        "references": [each.reference for each in wanted],
        "hashes": [each.request_hash for each in wanted],
        "amounts": [each.amount_fen for each in wanted],
        "sources": [each.source_id for each in wanted],
        "on": on,
    }
    with transaction.atomic():
        ids = [order_id for (order_id,) in fetch_all(_ORDER, parameters)]
        for order_id in ids if hint else ():
            hint_on_commit(order_id)
    return ids


def request_collection(
    *,
    owner: UUID,
    amount_fen: int,
    purpose: str,
    subject: str,
    reference: str,
    source: UUID | None = None,
    on: date,
) -> PaymentOrder:
    """
    Orders money to be collected from one of the owner's sources, or from those that allow autopay in their order.

    The reference happens once: the same request again is answered with the first order. What is collected reaches the
    product that `purpose` names. Errors: AmountRefused, GatewayNotConfigured, ReferenceRefused, RequestConflict,
    SourceNotFound, and UnderWay while another collection for the subject has not ended.
    """
    found = _own_source(owner, source) if source else None
    wanted = Wanted(owner, amount_fen, purpose, subject, reference, found)
    return _one(wanted, on)


def request_payout(
    *, owner: UUID, amount_fen: int, purpose: str, subject: str, reference: str, source: UUID, on: date
) -> PaymentOrder:
    """
    Orders money to be paid out to one of the owner's sources, whole or not at all.

    The product that `purpose` names hears either that it was paid or that it was not; what it owes until then is its own to
    book, in this transaction. Errors: AmountRefused, GatewayNotConfigured, ReferenceRefused, RequestConflict, SourceNotFound.
    """
    found = _own_source(owner, source)
    wanted = Wanted(owner, amount_fen, purpose, subject, reference, found, Direction.PAY_OUT.value)
    return _one(wanted, on)


def _own_source(owner: UUID, source: UUID) -> int:
    found = FundingSource.objects.filter(owner=owner, uuid=source, removed_on__isnull=True).first()
    if found is None:
        raise SourceNotFound(_("there is no source %(id)s") % {"id": source}, field="source")
    return found.pk


def _one(wanted: Wanted, on: date) -> PaymentOrder:
    order_payments(wanted=[wanted], on=on)
    order = PaymentOrder.objects.filter(reference=wanted.reference).first()
    if order is None:
        raise UnderWay(_("money is being collected for this already"), field="subject")
    require_same_request(order.request_hash, wanted.request_hash)
    return order
