"""An owner's sources: adding, ordering and removing them, and what may be collected from them by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ledger.services import constraint_name
from ledger.sql import affected, one_at_a_time
from payments.errors import GatewayNotConfigured, SourceNotFound, SourceRefused, require_text
from payments.gateway import is_configured
from payments.models import AutopayAmount, AutopayChoice, FundingSource, SourceEvent, SourceKind
from payments.selectors import autopay_amount

MOST_SOURCES = 20


def add_source(
    *, owner: UUID, kind: str, token: str, name: str = "", autopay: bool = True, on: date
) -> FundingSource:
    """
    Adds a wallet or card as the last in the owner's order. One that the owner has already is answered as it is.

    Errors: GatewayNotConfigured, SourceRefused when the token is another owner's, the kind is unknown or the owner has too
    many.
    """
    if not is_configured():
        raise GatewayNotConfigured(_("no payment gateway is configured: set PAYMENT_GATEWAY"))
    require_text(token, field="token")
    if kind not in SourceKind.values:
        raise SourceRefused(_("a source is a wallet, a money-market wallet or a card"), field="kind")
    with transaction.atomic():
        sources = _locked(owner)
        if known := [source for source in sources if source.token == token]:
            return known[0]
        if len(sources) >= MOST_SOURCES:
            raise SourceRefused(_("at most %(most)d sources") % {"most": MOST_SOURCES}, field="token")
        try:
            with transaction.atomic():
                source = FundingSource.objects.create(
                    owner=owner,
                    kind=kind,
                    name=name,
                    token=token,
                    position=len(sources) + 1,
                    autopay=autopay,
                    added_on=on,
                )
        except IntegrityError as error:
            if constraint_name(error) == "source_token_used_once":
                raise SourceRefused(_("this source is somebody else's already"), field="token") from error
            raise
        _note(source, "added", on)
    return source


def _locked(owner: UUID) -> list[FundingSource]:
    """The owner's sources in their order; nobody else changes them until the transaction ends."""
    one_at_a_time(f"payments.sources:{owner}")
    return list(
        FundingSource.objects.select_for_update()
        .filter(owner=owner, removed_on__isnull=True)
        .order_by("position")
    )


def _note(source: FundingSource, what: str, on: date) -> None:
    SourceEvent.objects.create(source=source, what=what, position=source.position, done_on=on)


_REORDER = """
UPDATE payments_fundingsource AS source SET position = given.position
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS given (id, position)
WHERE source.id = given.id AND source.position <> given.position
"""


def reorder_sources(*, owner: UUID, order: Sequence[UUID], on: date) -> None:
    """
    Puts the owner's sources into this order, all of them named once. The same order again changes nothing.

    Error: SourceRefused unless these are exactly the owner's sources.
    """
    with transaction.atomic():
        sources = {source.uuid: source for source in _locked(owner)}
        if sorted(order) != sorted(sources):
            raise SourceRefused(_("the order must name each source once"), field="order")
        ordered = [sources[uuid] for uuid in order]
        affected(_REORDER, {"ids": [source.pk for source in ordered]})
        for position, source in enumerate(ordered, start=1):
            if source.position != position:
                source.position = position
                _note(source, "moved", on)


def move_source(*, owner: UUID, source: UUID, up: bool, on: date) -> None:
    """Swaps a source with the one before it, or after it; the first goes no further up. Error: SourceNotFound."""
    with transaction.atomic():
        order = [each.uuid for each in _locked(owner)]
        if source not in order:
            raise SourceNotFound(_("there is no source %(id)s") % {"id": source})
        at = order.index(source)
        to = max(at - 1, 0) if up else min(at + 1, len(order) - 1)
        order[at], order[to] = order[to], order[at]
        reorder_sources(owner=owner, order=order, on=on)


def set_autopay(*, owner: UUID, source: UUID, allowed: bool, on: date) -> None:
    """Lets what is due be collected from a source, or takes that back. Error: SourceNotFound."""
    with transaction.atomic():
        found = _own(owner, source)
        if found.autopay != allowed:
            found.autopay = allowed
            found.save(update_fields=["autopay"])
            _note(found, "autopay_on" if allowed else "autopay_off", on)


def _own(owner: UUID, source: UUID) -> FundingSource:
    for found in _locked(owner):
        if found.uuid == source:
            return found
    raise SourceNotFound(_("there is no source %(id)s") % {"id": source})


_CLOSE_UP = """
UPDATE payments_fundingsource SET position = position - 1
WHERE owner = %s AND removed_on IS NULL AND position > %s
"""


def remove_source(*, owner: UUID, source: UUID, on: date) -> None:
    """
    Removes a source; those after it move up. Removing it again changes nothing. Error: SourceNotFound.

    What is being collected from it already goes on: the gateway may have moved the money.
    """
    with transaction.atomic():
        try:
            found = _own(owner, source)
        except SourceNotFound:
            if FundingSource.objects.filter(owner=owner, uuid=source).exists():
                return
            raise
        position = found.position
        found.position, found.autopay, found.removed_on = None, False, on
        found.save(update_fields=["position", "autopay", "removed_on"])
        affected(_CLOSE_UP, [owner, position])
        _note(found, "removed", on)


def choose_autopay(*, owner: UUID, purpose: str, amount: str, on: date) -> None:
    """How much is to be collected by itself for a purpose: the full bill, the minimum, or nothing. Error: SourceRefused."""
    require_text(purpose, field="purpose")
    if amount not in AutopayAmount.values:
        raise SourceRefused(_("choose the full bill, the minimum, or nothing"), field="amount")
    with transaction.atomic():
        _locked(owner)
        if autopay_amount(owner=owner, purpose=purpose) != amount:
            AutopayChoice.objects.create(owner=owner, purpose=purpose, amount=amount, chosen_on=on)
