"""
Shared lines (亲密付): an owner lets somebody spend up to a monthly cap; the owner owes, the other sees the cap, not the debt.

A purchase counts towards the cap of the month in which it was authorised, also of a share that is offered to the same person
again. What no capture takes, and what is refunded, is given back to that month. The cap is a CHECK on the row of the month
and the person, which the authorising statement moves together with the reservation.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from customers.models import Customer
from finance.errors import Kind
from huabei.errors import InstalmentsNotOffered, LineError, LineNotActive, LineNotFound
from huabei.models import (
    LineStatus,
    ShareChange,
    ShareChangeKind,
    SharedLine,
    ShareInvitation,
    ShareStatus,
    ShareTerms,
)
from huabei.services.lines import locked_line
from huabei.services.purchases import Authorisation, authorise_through
from ledger.services import constraint_name
from ledger.sql import affected

OWNER = "owner"
BENEFICIARY = "beneficiary"


class ShareRefused(LineError):
    """A share that cannot be: with oneself, with somebody unknown or not verified, or a second one with the same person."""

    code = "share_refused"


class ShareNotFound(LineError):
    """There is no such share, or it is somebody else's."""

    code = "share_not_found"
    kind = Kind.NOT_FOUND


class ShareNotActive(LineError):
    """The share was not accepted yet, or has ended."""

    code = "share_not_active"


class ShareCapExceeded(LineError):
    """What is left of the month's cap does not cover the amount."""

    code = "share_cap_exceeded"


class CapRefused(LineError):
    """A monthly cap outside what the terms allow."""

    code = "cap_refused"


def require_cap(cap_fen: int, on: date) -> None:
    """Error: CapRefused."""
    terms = ShareTerms.objects.filter(effective_from__lte=on).latest("effective_from")
    if not terms.smallest_cap_fen <= cap_fen <= terms.largest_cap_fen:
        raise CapRefused(_("the monthly cap is outside what is allowed"), field="cap")


def _record(share: SharedLine, kind: ShareChangeKind, by: str, on: date) -> None:
    ShareChange.objects.create(share=share, kind=kind, by=by, changed_on=on, cap_fen=share.monthly_cap_fen)


def _locked(share_id: int, **whose: UUID) -> SharedLine:
    """The share, locked until the transaction ends, if it is this person's. Error: ShareNotFound."""
    share = SharedLine.objects.select_for_update().filter(pk=share_id, **whose).first()
    if share is None:
        raise ShareNotFound(_("there is no such shared line"))
    return share


def invite(*, line_id: int, beneficiary_id: UUID, monthly_cap_fen: int, on: date) -> SharedLine:
    """
    Invites somebody to spend with a line, up to a monthly cap. Nothing can be spent before they accept. Of a month's cap is
    spent what they spent of it before, where the line was shared with them earlier.

    Errors: CapRefused, LineNotActive, LineNotFound, ShareRefused.
    """
    require_cap(monthly_cap_fen, on)
    with transaction.atomic():
        line = locked_line(line_id)
        if line.status != LineStatus.ACTIVE:
            raise LineNotActive(_("the line is %(status)s") % {"status": LineStatus(line.status).label})
        known = Customer.objects.filter(pk=beneficiary_id, identity_verified_on__lte=on).exists()
        if not known or beneficiary_id == line.customer_id:
            raise ShareRefused(_("a line is shared with another customer whose identity is verified"))
        shared = SharedLine.objects.filter(line=line, beneficiary_id=beneficiary_id)
        if shared.exclude(status=ShareStatus.CLOSED).exists():
            raise ShareRefused(_("the line is shared with this person already"))
        share = SharedLine.objects.create(
            line=line,
            beneficiary_id=beneficiary_id,
            status=ShareStatus.INVITED,
            monthly_cap_fen=monthly_cap_fen,
            invited_on=on,
        )
        _record(share, ShareChangeKind.INVITED, OWNER, on)
        return share


def accept(*, share_id: int, beneficiary_id: UUID, on: date) -> SharedLine:
    """The invited person accepts; repeating it changes nothing. Errors: ShareNotActive when it has ended, ShareNotFound."""
    with transaction.atomic():
        share = _locked(share_id, beneficiary_id=beneficiary_id)
        if share.status == ShareStatus.CLOSED:
            raise ShareNotActive(_("the invitation has ended"))
        if share.status == ShareStatus.INVITED:
            share.status = ShareStatus.ACTIVE
            share.save(update_fields=["status"])
            ShareInvitation.objects.filter(share=share, ended_on__isnull=True).update(ended_on=on)
            _hold_to_cap(share, on)
            _record(share, ShareChangeKind.ACCEPTED, BENEFICIARY, on)
        return share


# There is such a row from here on, so that whoever buys at this moment adds to it and writes no other cap.
_HOLD_TO_CAP = """
INSERT INTO huabei_sharemonth AS month (line_id, beneficiary_id, month, cap_fen, wanted_cap_fen, spent_fen)
VALUES (%(line)s, %(beneficiary)s, %(month)s, %(cap)s, %(cap)s, 0)
ON CONFLICT (line_id, beneficiary_id, month) DO UPDATE
SET wanted_cap_fen = excluded.wanted_cap_fen, cap_fen = greatest(excluded.wanted_cap_fen, month.spent_fen)
"""


def _hold_to_cap(share: SharedLine, on: date) -> None:
    """The month of a date has the share's cap, or what the person spent of it already, through an earlier share too."""
    parameters = {
        "line": share.line_id,
        "beneficiary": share.beneficiary_id,
        "month": on.replace(day=1),
        "cap": share.monthly_cap_fen,
    }
    affected(_HOLD_TO_CAP, parameters)


def change_cap(*, share_id: int, owner_id: UUID, monthly_cap_fen: int, on: date) -> SharedLine:
    """
    Changes the monthly cap, of this month too; what is spent of it already stays, and is not spent again once it comes back.

    Errors: CapRefused, ShareNotActive when it has ended, ShareNotFound.
    """
    require_cap(monthly_cap_fen, on)
    with transaction.atomic():
        share = _locked(share_id, line__customer_id=owner_id)
        if share.status == ShareStatus.CLOSED:
            raise ShareNotActive(_("the shared line has ended"))
        if share.monthly_cap_fen != monthly_cap_fen:
            share.monthly_cap_fen = monthly_cap_fen
            share.save(update_fields=["monthly_cap_fen"])
            if share.status == ShareStatus.ACTIVE:
                _hold_to_cap(share, on)
            _record(share, ShareChangeKind.CAP, OWNER, on)
        return share


def end(*, share_id: int, customer_id: UUID, on: date) -> SharedLine:
    """
    The owner ends a share, or the other person leaves it, at once: nothing more is authorised, what was authorised may be
    captured. Repeating it changes nothing. Error: ShareNotFound.
    """
    with transaction.atomic():
        share = (
            SharedLine.objects.select_for_update(of=("self",))
            .select_related("line")
            .filter(pk=share_id)
            .first()
        )
        if share is None or customer_id not in (share.beneficiary_id, share.line.customer_id):
            raise ShareNotFound(_("there is no such shared line"))
        if share.status != ShareStatus.CLOSED:
            share.status = ShareStatus.CLOSED
            share.save(update_fields=["status"])
            by = BENEFICIARY if customer_id == share.beneficiary_id else OWNER
            _record(share, ShareChangeKind.CLOSED, by, on)
        return share


def authorise_shared(
    *, share_uuid: UUID, merchant_id: UUID, amount_fen: int, reference: str, on: date
) -> Authorisation:
    """
    Reserves `amount_fen` on the owner's line and of the month's cap, in one SQL statement; see `purchases.authorise`.

    Errors: as there, ShareCapExceeded, ShareNotActive, ShareNotFound.
    """
    try:
        return authorise_through(
            share_uuid=share_uuid, merchant_id=merchant_id, amount_fen=amount_fen, reference=reference, on=on
        )
    except IntegrityError as error:
        if constraint_name(error) != "share_month_within_cap":
            raise
        raise ShareCapExceeded(_("this month's cap does not cover this amount"), field="amount") from error
    except (InstalmentsNotOffered, LineNotActive, LineNotFound) as error:
        status = SharedLine.objects.filter(uuid=share_uuid).values_list("status", flat=True).first()
        if status is None:
            raise ShareNotFound(_("there is no such shared line")) from error
        if status != ShareStatus.ACTIVE:
            raise ShareNotActive(
                _("the shared line is %(status)s") % {"status": ShareStatus(status).label}
            ) from error
        raise
