"""Campaigns: the lender begins, changes and ends them; a shop sees its own and what is left of each budget."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ListField

from huabei.campaigning import standings
from huabei.errors import AmountRefused, RequestConflict
from huabei.models import Campaign, CampaignEnd
from huabei.services.campaigns import (
    CampaignEnded,
    CampaignRefused,
    Figures,
    Promise,
    change_campaign,
    create_campaign,
    end_campaign,
)
from huabei.services.causes import LENDER
from web.api.callers import Allowed, Scope, Who
from web.api.day import booking_day
from web.api.reading import Choice, Day, Fields, Identifier, Prose, Text, Whole, Yuan
from web.api.schema import operation
from web.api.views import Endpoint

CAMPAIGN = "campaign"
RUN = Allowed(Who.LENDER, Scope.CAMPAIGNS_RUN)
READ = Allowed(Who.SHOP, Scope.CAMPAIGNS_READ)


class FiguresIn(Fields):
    """When, for which purchases, and how much."""

    starts_on = Day()
    ends_on = Day(help_text="The last day.")
    smallest = Yuan(source="smallest_fen", help_text="The smallest purchase it is for.")
    largest = Yuan(source="largest_fen")
    budget = Yuan(source="budget_fen", help_text="The most that the shop pays under it.")
    alert = Yuan(source="alert_fen", help_text="Once so much of the budget is used, it is said.")


class CampaignIn(FiguresIn):
    """A campaign to begin."""

    shop = Identifier()
    name = Text(most=80)
    instalments = ListField(child=Whole(least=2, most=60), help_text="In which numbers of instalments.")


class CampaignChangeIn(FiguresIn):
    """What a campaign promises from today on, all of it, and why."""

    reason = Prose()


class EndIn(Fields):
    """Why a campaign ends before its last day."""

    reason = Prose()


class CampaignOut(FiguresIn):
    """A campaign, and what is left of its budget."""

    id = Identifier(CAMPAIGN, source="pk")
    shop = Identifier(source="merchant_id")
    name = Text()
    instalments = ListField(source="periods", child=Whole(least=2, most=60))
    left = Yuan(source="left_fen", help_text="What may still be promised of the budget.")
    alerted_on = Day(allow_null=True, help_text="When its budget first neared its end.")
    ended_on = Day(allow_null=True)
    end = Choice(CampaignEnd.values, source="why_ended", allow_null=True, help_text="Why it ended.")


A_CAMPAIGN = "7d0c6a5e-2f4b-4b19-8a37-5c1e9d2f6b08"
A_SHOP = "b4d0f1c2-8e3a-4d57-9f10-7a6b5c4d3e07"
_FIGURES = {
    "starts_on": "2026-07-05",
    "ends_on": "2026-08-03",
    "smallest": "100.00",
    "largest": "5000.00",
    "budget": "1000.00",
    "alert": "800.00",
}
EXAMPLE = {
    **_FIGURES,
    "id": A_CAMPAIGN,
    "shop": A_SHOP,
    "name": "Summer",
    "instalments": [3, 6],
    "left": "1000.00",
    "alerted_on": None,
    "ended_on": None,
    "end": None,
}
# What the service calls otherwise than the body.
SENT_AS = {"merchant": "shop", "periods": "instalments"}
STATES = ("running", "ended")
STATUS = Choice(STATES, help_text="Those that run, or those that have ended.")


class CampaignEndpoint(Endpoint):
    """An endpoint about campaigns: all of them for the lender, a shop's own for it."""

    def known(self) -> QuerySet[Campaign]:
        """Those that the caller may know of."""
        found = Campaign.objects.all()
        return found.filter(merchant_id=self.owner) if self.caller.who == Who.SHOP else found

    def one(self, campaign_id: UUID) -> Campaign:
        """The campaign. Error: NotFound."""
        found = self.known().filter(pk=self.number(CAMPAIGN, campaign_id)).first()
        if found is None:
            raise NotFound
        return found

    def said(self, campaign: Campaign, **more: Any) -> Response:
        """A campaign as it is answered."""
        return self.answer(CampaignOut, _with_budgets([campaign])[0], **more)

    def listed(self) -> Response:
        """A page of those asked for."""
        found = self.known()
        if status := self.query.get("status"):
            found = found.filter(ended_on__isnull=status == "running")
        if shop := self.query.get("shop"):
            found = found.filter(merchant_id=shop)
        return self.page(CampaignOut, found, complete=_with_budgets)


def _with_budgets(campaigns: list[Campaign]) -> list[Campaign]:
    for each in standings(campaigns):
        each.campaign.left_fen = each.left_fen  # type: ignore[attr-defined]
        each.campaign.why_ended = each.campaign.end or None  # type: ignore[attr-defined]
    return campaigns


class AllCampaigns(CampaignEndpoint):
    """The campaigns of all shops."""

    allowed = {"GET": RUN, "POST": RUN}
    paged = True
    filters = {"shop": Identifier(help_text="Campaigns of this shop."), "status": STATUS}

    @operation(
        "listCampaigns",
        summary="List instalment campaigns",
        answer=CampaignOut,
        many=True,
        example=EXAMPLE,
        tag="Campaigns",
    )
    def get(self, request: Request) -> Response:
        """Campaigns, newest first, each with what is left of its budget."""
        return self.listed()

    @operation(
        "beginCampaign",
        summary="Begin an instalment campaign",
        body=CampaignIn,
        answer=CampaignOut,
        status=201,
        keyed=True,
        refusals=(AmountRefused, CampaignRefused, RequestConflict),
        example_body={**_FIGURES, "shop": A_SHOP, "name": "Summer", "instalments": [3, 6]},
        example=EXAMPLE,
        tag="Campaigns",
    )
    def post(self, request: Request) -> Response:
        """
        Begins a campaign of a shop: for purchases of some size, in some numbers of instalments, the shop pays the fee, up to
        a budget that is never overspent.
        """
        key, asked = self.key(), self.body(CampaignIn)
        promise = Promise(
            merchant_id=asked.pop("shop"),
            name=asked.pop("name"),
            periods=tuple(sorted(set(asked.pop("instalments")))),
            **asked,
        )
        try:
            with booking_day() as on:
                made = create_campaign(promise=promise, reference=f"api:{key}", on=on)
        except CampaignRefused as refusal:
            refusal.field = SENT_AS.get(refusal.field or "", refusal.field)
            raise
        return self.said(made, status=201, replayed=made.repeated)


class OneCampaign(CampaignEndpoint):
    """One campaign of any shop."""

    allowed = {"GET": RUN}

    @operation(
        "readCampaign",
        summary="Read an instalment campaign",
        answer=CampaignOut,
        example=EXAMPLE,
        tag="Campaigns",
    )
    def get(self, request: Request, campaign_id: UUID) -> Response:
        """A campaign as it stands, with what is left of its budget."""
        return self.said(self.one(campaign_id))


class Changes(CampaignEndpoint):
    """What a campaign promises is changed."""

    allowed = {"POST": RUN}

    @operation(
        "changeCampaign",
        summary="Change an instalment campaign",
        body=CampaignChangeIn,
        answer=CampaignOut,
        keyed=True,
        refusals=(AmountRefused, CampaignEnded, CampaignRefused, RequestConflict),
        example_body={**_FIGURES, "budget": "2000.00", "reason": "agreed with the shop"},
        example={**EXAMPLE, "budget": "2000.00", "left": "2000.00"},
        tag="Campaigns",
    )
    def post(self, request: Request, campaign_id: UUID) -> Response:
        """
        Has a campaign promise something else from today on: other days, sizes of purchases, or another budget. What was
        promised for purchases so far stays promised.
        """
        key, asked = self.key(), self.body(CampaignChangeIn)
        campaign, reason = self.one(campaign_id), asked.pop("reason")
        with booking_day() as on:
            made = change_campaign(
                campaign_id=campaign.pk,
                figures=Figures(**asked),
                by=LENDER,
                reason=reason,
                reference=f"api:{key}",
                on=on,
            )
        return self.said(self.one(campaign_id), replayed=made.repeated)


class End(CampaignEndpoint):
    """A campaign is stopped."""

    allowed = {"POST": RUN}

    @operation(
        "endCampaign",
        summary="End an instalment campaign",
        body=EndIn,
        answer=CampaignOut,
        example_body={"reason": "agreed with the shop"},
        example={**EXAMPLE, "ended_on": "2026-07-05", "end": "stopped"},
        tag="Campaigns",
    )
    def post(self, request: Request, campaign_id: UUID) -> Response:
        """
        Ends a campaign before its last day: no further purchase is authorised under it, what it promised is kept. The same
        again changes nothing.
        """
        reason = self.body(EndIn)["reason"]
        campaign = self.one(campaign_id)
        with booking_day() as on:
            end_campaign(campaign_id=campaign.pk, reason=reason, on=on)
        return self.said(self.one(campaign_id))


class OwnCampaigns(CampaignEndpoint):
    """The shop's campaigns."""

    allowed = {"GET": READ}
    paged = True
    filters = {"status": STATUS}

    @operation(
        "listOwnCampaigns",
        summary="List my instalment campaigns",
        answer=CampaignOut,
        many=True,
        example=EXAMPLE,
        tag="Campaigns",
    )
    def get(self, request: Request) -> Response:
        """The shop's campaigns, newest first, each with what is left of its budget."""
        return self.listed()


class OwnCampaign(CampaignEndpoint):
    """One of the shop's campaigns."""

    allowed = {"GET": READ}

    @operation(
        "readOwnCampaign",
        summary="Read one of my instalment campaigns",
        answer=CampaignOut,
        example=EXAMPLE,
        tag="Campaigns",
    )
    def get(self, request: Request, campaign_id: UUID) -> Response:
        """One of the shop's campaigns as it stands, with what is left of its budget."""
        return self.said(self.one(campaign_id))
