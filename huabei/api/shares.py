"""Shared lines of whoever is signed in: as an owner, and as the person who spends, who is told nothing of the debt."""

from __future__ import annotations

from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from customers.identity import InvalidIdentity
from huabei import sharing
from huabei.api.borrower import BORROWER, OwnEndpoint
from huabei.api.shapes import PURCHASE, NothingIn
from huabei.errors import LineNotActive
from huabei.models import PurchaseState, SharedLine, ShareStatus
from huabei.services.invitations import (
    InvitationNotFound,
    TooManyInvitations,
    invite_by_phone,
    withdraw_invitation,
)
from huabei.services.shares import CapRefused, ShareNotActive, ShareRefused, accept, change_cap, end
from web.api.day import booking_day, business_date
from web.api.reading import Choice, Day, Fields, Identifier, Text, Yuan
from web.api.schema import operation
from web.api.views import Endpoint

TAG = "Borrower"


class InvitationIn(Fields):
    """Whom to invite, as the owner knows them, and up to how much a month they may spend."""

    name = Text(most=64)
    phone = Text(most=24, help_text="A mobile number of mainland China.")
    monthly_cap = Yuan()


class InvitationOut(Fields):
    """An invitation. It looks the same whether it reached anybody or not."""

    id = Identifier(source="uuid")
    name = Text(most=64, source="full_name")
    phone = Text(most=16, source="masked_phone")
    monthly_cap = Yuan(source="monthly_cap_fen")
    invited_on = Day()
    ended_on = Day(allow_null=True)


class ShareOut(Fields):
    """A shared line and the month of the business date. `person` is the other one."""

    id = Identifier(source="uuid")
    person = Text(most=64)
    status = Choice(ShareStatus.values)
    monthly_cap = Yuan(source="monthly_cap_fen")
    spent_this_month = Yuan(source="spent_fen")
    left_this_month = Yuan(source="left_fen")
    invited_on = Day()


class EndedOut(Fields):
    """A shared line that has ended."""

    id = Identifier(source="uuid")
    status = Choice(ShareStatus.values)


class CapIn(Fields):
    """Another monthly cap."""

    monthly_cap = Yuan()


class PurchaseThroughOut(Fields):
    """What was bought through a shared line."""

    id = Identifier(PURCHASE, source="pk")
    shop = Text(source="merchant.shop.name")
    amount = Yuan(source="amount_fen")
    captured = Yuan(source="captured_fen")
    refunded = Yuan(source="refunded_fen")
    state = Choice(PurchaseState.values)
    authorised_on = Day()


AN_INVITATION, A_SHARE = "2f1d7c55-90a8-4c0e-9f5e-3b0d6d1c8a11", "6b0c4d7e-1f22-4c39-8e0a-7d5b9a3f2c12"
EXAMPLE_INVITATION = {
    "id": AN_INVITATION,
    "name": "王强",
    "phone": "139****9000",
    "monthly_cap": "500.00",
    "invited_on": "2026-07-05",
    "ended_on": None,
}
EXAMPLE_SHARE = {
    "id": A_SHARE,
    "person": "王强",
    "status": "active",
    "monthly_cap": "500.00",
    "spent_this_month": "0.00",
    "left_this_month": "500.00",
    "invited_on": "2026-07-05",
}
EXAMPLE_ENDED = {"id": A_SHARE, "status": "closed"}


class OwnInvitations(OwnEndpoint):
    """The borrower's invitations."""

    allowed = {"GET": BORROWER, "POST": BORROWER}
    paged = True

    @operation(
        "listOwnInvitations",
        summary="List my invitations",
        answer=InvitationOut,
        many=True,
        example=EXAMPLE_INVITATION,
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """Those that nobody has accepted and that were not taken back, newest first."""
        return self.page(InvitationOut, sharing.invitations_of(self.owner))

    @operation(
        "inviteToOwnLine",
        summary="Invite somebody to my line",
        body=InvitationIn,
        answer=InvitationOut,
        status=201,
        refusals=(CapRefused, InvalidIdentity, LineNotActive, ShareRefused, TooManyInvitations),
        example_body={"name": "王强", "phone": "13900139000", "monthly_cap": "500.00"},
        example=EXAMPLE_INVITATION,
        tag=TAG,
    )
    def post(self, request: Request) -> Response:
        """
        Invites whoever has this name and phone to spend with the borrower's line up to a monthly cap. Whether there is such a
        customer is not said: the invitation waits until it is accepted or taken back.
        """
        given = self.body(InvitationIn)
        line = self.line()
        with booking_day() as on:
            made = invite_by_phone(
                line_id=line.pk,
                full_name=given["name"],
                phone=given["phone"],
                monthly_cap_fen=given["monthly_cap"],
                on=on,
            )
        return self.answer(InvitationOut, made, status=201)


class OwnWithdrawal(Endpoint):
    """Taking an invitation back."""

    allowed = {"POST": BORROWER}

    @operation(
        "withdrawOwnInvitation",
        summary="Take an invitation back",
        body=NothingIn,
        answer=InvitationOut,
        example_body={},
        example={**EXAMPLE_INVITATION, "ended_on": "2026-07-05"},
        tag=TAG,
    )
    def post(self, request: Request, invitation_uuid: UUID) -> Response:
        """Takes an invitation back; after that it cannot be accepted. Repeating it changes nothing."""
        self.body(NothingIn)
        try:
            with booking_day() as on:
                ended = withdraw_invitation(invitation=invitation_uuid, owner_id=self.owner, on=on)
        except InvitationNotFound as error:
            raise NotFound from error
        return self.answer(InvitationOut, ended)


class ShareEndpoint(Endpoint):
    """An endpoint about one shared line of whoever is signed in."""

    def owned(self, share_uuid: UUID) -> SharedLine:
        """One of the borrower's line that was accepted. Error: NotFound."""
        return _found(sharing.shares_of(self.owner, business_date()).filter(uuid=share_uuid).first())

    def spent_with(self, share_uuid: UUID) -> SharedLine:
        """One that somebody shares with the borrower. Error: NotFound."""
        return _found(sharing.shared_with(self.owner, business_date()).filter(uuid=share_uuid).first())

    def end(self, share: SharedLine) -> Response:
        """Ends it, for either of the two."""
        self.body(NothingIn)
        with booking_day() as on:
            ended = end(share_id=share.pk, customer_id=self.owner, on=on)
        return self.answer(EndedOut, ended)


def _found(share: SharedLine | None) -> SharedLine:
    if share is None:
        raise NotFound
    return share


class OwnShares(ShareEndpoint):
    """With whom the borrower shares their line."""

    allowed = {"GET": BORROWER}
    paged = True

    @operation(
        "listOwnShares",
        summary="List with whom I share my line",
        answer=ShareOut,
        many=True,
        example=EXAMPLE_SHARE,
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """Everybody who accepted, newest first, with what they spent this month."""
        return self.page(ShareOut, sharing.shares_of(self.owner, business_date()))


class OwnCap(ShareEndpoint):
    """The monthly cap."""

    allowed = {"POST": BORROWER}

    @operation(
        "changeOwnShareCap",
        summary="Change the monthly cap",
        body=CapIn,
        answer=ShareOut,
        refusals=(CapRefused, ShareNotActive),
        example_body={"monthly_cap": "800.00"},
        example={**EXAMPLE_SHARE, "monthly_cap": "800.00", "left_this_month": "800.00"},
        tag=TAG,
    )
    def post(self, request: Request, share_uuid: UUID) -> Response:
        """Changes the monthly cap, of this month too; what is spent already stays."""
        cap_fen = self.body(CapIn)["monthly_cap"]
        share = self.owned(share_uuid)
        with booking_day() as on:
            change_cap(share_id=share.pk, owner_id=self.owner, monthly_cap_fen=cap_fen, on=on)
        return self.answer(ShareOut, self.owned(share_uuid))


class OwnEnd(ShareEndpoint):
    """Ending a share."""

    allowed = {"POST": BORROWER}

    @operation(
        "endOwnShare",
        summary="Stop sharing my line with somebody",
        body=NothingIn,
        answer=EndedOut,
        example_body={},
        example=EXAMPLE_ENDED,
        tag=TAG,
    )
    def post(self, request: Request, share_uuid: UUID) -> Response:
        """Ends it at once: nothing more is authorised, what is reserved already may be captured."""
        return self.end(self.owned(share_uuid))


class SharedWithMe(ShareEndpoint):
    """What others share with the borrower."""

    allowed = {"GET": BORROWER}
    paged = True

    @operation(
        "listSharedWithMe",
        summary="List what others share with me",
        answer=ShareOut,
        many=True,
        example=EXAMPLE_SHARE,
        tag=TAG,
    )
    def get(self, request: Request) -> Response:
        """Shared lines and invitations to them: the cap and what is spent of it, never what the owner owes."""
        return self.page(ShareOut, sharing.shared_with(self.owner, business_date()))


class Acceptance(ShareEndpoint):
    """Accepting an invitation."""

    allowed = {"POST": BORROWER}

    @operation(
        "acceptSharedLine",
        summary="Accept an invitation",
        body=NothingIn,
        answer=ShareOut,
        refusals=(ShareNotActive,),
        example_body={},
        example=EXAMPLE_SHARE,
        tag=TAG,
    )
    def post(self, request: Request, share_uuid: UUID) -> Response:
        """Accepts an invitation; from then on purchases can be authorised. Repeating it changes nothing."""
        self.body(NothingIn)
        share = self.spent_with(share_uuid)
        with booking_day() as on:
            accept(share_id=share.pk, beneficiary_id=self.owner, on=on)
        return self.answer(ShareOut, self.spent_with(share_uuid))


class Leaving(ShareEndpoint):
    """Declining or leaving."""

    allowed = {"POST": BORROWER}

    @operation(
        "leaveSharedLine",
        summary="Decline an invitation, or leave a shared line",
        body=NothingIn,
        answer=EndedOut,
        example_body={},
        example=EXAMPLE_ENDED,
        tag=TAG,
    )
    def post(self, request: Request, share_uuid: UUID) -> Response:
        """Ends it at once. The owner of an invitation that is declined is not told."""
        return self.end(self.spent_with(share_uuid))


class PurchasesThrough(ShareEndpoint):
    """What the borrower bought through a shared line."""

    allowed = {"GET": BORROWER}
    paged = True

    @operation(
        "listPurchasesThroughShare",
        summary="List what I bought through a shared line",
        answer=PurchaseThroughOut,
        many=True,
        example={
            "id": "5a1c5b0e-9d7f-4f62-8a43-2c8f0f3e6b02",
            "shop": "晨光便利店",
            "amount": "128.50",
            "captured": "128.50",
            "refunded": "0.00",
            "state": "captured",
            "authorised_on": "2026-07-05",
        },
        tag=TAG,
    )
    def get(self, request: Request, share_uuid: UUID) -> Response:
        """The purchases made through one shared line, newest first."""
        share = self.spent_with(share_uuid)
        return self.page(PurchaseThroughOut, sharing.purchases_through(share))
