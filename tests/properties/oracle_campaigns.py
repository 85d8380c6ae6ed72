"""Campaigns of the shop, told a second time for the oracle: whose fee it pays, within which budget, and until when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from tests.properties.oracle_rules import Refused, Rules, to_fen


@dataclass
class Campaign:
    """The shop pays the fee of purchases from `smallest` to `largest` in so many instalments, until its budget is spent."""

    ref: str
    budget: int
    starts_on: date
    last_day: date
    periods: int
    smallest: int
    largest: int
    # What is promised, and of it what was paid.
    promised: int = 0
    paid: int = 0
    ended_on: date | None = None

    @property
    def left(self) -> int:
        return self.budget - self.promised


@dataclass
class Promise:
    """What a campaign pays of one purchase: the fee of all of it is promised, that of what is charged is paid."""

    campaign: Campaign
    fen: int
    paid: int = 0

    def pay(self, fee: int) -> None:
        paid = min(fee, self.fen - self.paid)
        self.paid += paid
        self.campaign.paid += paid

    def end(self) -> None:
        """Nothing more of the purchase is charged: what was not needed may be promised anew."""
        self.campaign.promised -= self.fen - self.paid
        self.fen = self.paid

    def take_back(self) -> None:
        self.campaign.promised -= self.paid
        self.campaign.paid -= self.paid
        self.fen = self.paid = 0


@dataclass
class Campaigns:
    """All campaigns of the shop, by their ref."""

    by_ref: dict[str, Campaign] = field(default_factory=dict)

    def begin(self, campaign: Campaign, rules: Rules) -> None:
        ends_before = campaign.last_day < campaign.starts_on
        if ends_before or campaign.largest < campaign.smallest or campaign.periods not in rules.fees:
            raise Refused("campaign_refused")
        self.by_ref[campaign.ref] = campaign

    def end(self, on: date, ref: str) -> None:
        if ref not in self.by_ref:
            raise Refused("campaign_not_found")
        self.by_ref[ref].ended_on = self.by_ref[ref].ended_on or on

    def for_purchase(self, on: date, ref: str, fen: int, periods: int, *, escrow: bool) -> Campaign:
        """The campaign that is to pay for a purchase, if it covers it; whether its budget does is asked later."""
        campaign = self.by_ref.get(ref)
        covers = (
            campaign
            and not escrow
            and campaign.ended_on is None
            and on <= campaign.last_day
            and campaign.smallest <= fen <= campaign.largest
            and campaign.periods == periods
        )
        if campaign is None or not covers:
            raise Refused("campaign_over")
        return campaign

    def end_day(self, day: date, rules: Rules) -> None:
        """Campaigns end after their last day, and once the budget does not cover the smallest fee."""
        for campaign in self.by_ref.values():
            fee = rules.fees.get(campaign.periods)
            spent = fee is not None and campaign.left < to_fen(fee * campaign.smallest)
            if campaign.ended_on is None and (campaign.last_day <= day or spent):
                campaign.ended_on = day
