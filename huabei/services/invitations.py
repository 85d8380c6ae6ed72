"""
Inviting somebody to a shared line by the name and the phone that the owner knows.

Whether there is such a customer is never said: an invitation that reached nobody is kept, shown, counted and taken back as
one that did, and one that is declined goes on waiting for its owner. Only acceptance tells.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from customers import identity, sealing
from customers.models import Customer
from customers.sealing import Sealed
from customers.selectors import find_by_phone
from customers.services.notices import notify
from finance.errors import Kind
from huabei.errors import LineError, LineNotActive
from huabei.models import LineStatus, SharedLine, ShareInvitation, ShareStatus
from huabei.notices import ShareInvited
from huabei.services.lines import locked_line
from huabei.services.shares import ShareRefused, end, invite, require_cap

# Of one line, so that nobody is pestered.
MOST_WAITING, MOST_A_DAY = 10, 5


class InvitationNotFound(LineError):
    """There is no such invitation, or it is somebody else's."""

    code = "invitation_not_found"
    kind = Kind.NOT_FOUND


class TooManyInvitations(LineError):
    """More invitations than a line may have waiting, or make in a day."""

    code = "too_many_invitations"


def invite_by_phone(
    *, line_id: int, full_name: str, phone: str, monthly_cap_fen: int, on: date
) -> ShareInvitation:
    """
    Invites whoever has this name and phone to spend with a line. They are told, if they are a customer who is verified.

    Errors: CapRefused, InvalidIdentity, LineNotActive, LineNotFound, ShareRefused for oneself and for somebody who is
    invited or shares the line already, TooManyInvitations.
    """
    require_cap(monthly_cap_fen, on)
    full_name, number = identity.parse_name(full_name), identity.parse_phone(phone)
    index = sealing.blind_index(number, field=Sealed.PHONE)
    with transaction.atomic():
        line = locked_line(line_id)
        if line.status != LineStatus.ACTIVE:
            raise LineNotActive(_("the line is %(status)s") % {"status": LineStatus(line.status).label})
        mine = ShareInvitation.objects.filter(line=line)
        waiting = mine.filter(ended_on__isnull=True)
        if waiting.filter(phone_index=index, full_name=full_name).exists():
            raise ShareRefused(_("this person is invited already"), field="phone")
        if waiting.count() >= MOST_WAITING or mine.filter(invited_on=on).count() >= MOST_A_DAY:
            raise TooManyInvitations(_("too many invitations: take one back, or try again tomorrow"))
        return ShareInvitation.objects.create(
            line=line,
            full_name=full_name,
            phone_index=index,
            masked_phone=identity.mask_phone(number),
            monthly_cap_fen=monthly_cap_fen,
            invited_on=on,
            share=_reach(line.pk, line.customer, full_name, number, monthly_cap_fen, on),
        )


def _reach(
    line_id: int, owner: Customer, full_name: str, phone: str, cap_fen: int, on: date
) -> SharedLine | None:
    """The share that waits for the invited person's answer, who is told; None where there is nobody it could reach."""
    found = find_by_phone(phone).filter(full_name=full_name, identity_verified_on__lte=on)
    if found.filter(pk=owner.pk).exists():
        raise ShareRefused(_("a line is not shared with oneself"), field="phone")
    person = found.first()
    if person is None:
        return None
    live = SharedLine.objects.filter(line_id=line_id, beneficiary=person).exclude(status=ShareStatus.CLOSED)
    status = live.values_list("status", flat=True).first()
    if status == ShareStatus.ACTIVE:
        raise ShareRefused(_("the line is shared with this person already"), field="phone")
    if status is not None:
        return None
    share = invite(line_id=line_id, beneficiary_id=person.pk, monthly_cap_fen=cap_fen, on=on)
    notify(
        customer_id=person.pk,
        message=ShareInvited(str(share.uuid), owner.full_name, cap_fen),
        reference=f"share:{share.pk}:invited",
        on=on,
    )
    return share


def withdraw_invitation(*, invitation: UUID, owner_id: UUID, on: date) -> ShareInvitation:
    """Takes an invitation back, which can then not be accepted; repeating it changes nothing. Error: InvitationNotFound."""
    with transaction.atomic():
        found = ShareInvitation.objects.filter(uuid=invitation, line__customer_id=owner_id).first()
        if found is None:
            raise InvitationNotFound(_("there is no such invitation"))
        # Accepting holds the share's row first.
        share = SharedLine.objects.select_for_update().filter(invitation=found).first()
        if share is not None and share.status == ShareStatus.INVITED:
            end(share_id=share.pk, customer_id=owner_id, on=on)
        ShareInvitation.objects.filter(pk=found.pk, ended_on__isnull=True).update(ended_on=on)
        found.refresh_from_db()
        return found
