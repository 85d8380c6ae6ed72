"""Campaigns of the shop, told a second time for the oracle: whose fee it pays, within which budget, and until when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from tests.properties.oracle_rules import Refused, Rules, to_fen


@dataclass(frozen=True)
class Figures:
    """What of a campaign may change: its budget, its days, and from which purchases to which."""

    budget: int
    starts_on: date
    last_day: date
    smallest: int
    largest: int

    def make_sense(self, on: date) -> bool:
        return max(self.starts_on, on) <= self.last_day and self.smallest <= self.largest


@dataclass
class Campaign:
    """The shop pays the fee of purchases of these figures in so many instalments, until its budget is spent."""

    ref: str
    periods: int
    figures: Figures
    # What is promised, and of it what was paid.
    promised: int = 0
    paid: int = 0
    ended_on: date | None = None

    @property
    def left(self) -> int:
        return self.figures.budget - self.promised


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

    def begin(self, on: date, campaign: Campaign, rules: Rules) -> None:
        if not campaign.figures.make_sense(on) or campaign.periods not in rules.fees:
            raise Refused("campaign_refused")
        self.by_ref[campaign.ref] = campaign

    def change(self, on: date, ref: str, **changes: Any) -> None:
        """It promises something else from today; what it has promised stays, and so does its first day once it has come."""
        campaign = self._known(ref)
        if campaign.ended_on is not None:
            raise Refused("campaign_ended")
        before, after = campaign.figures, replace(campaign.figures, **changes)
        moved = after.starts_on != before.starts_on
        has_come = before.starts_on <= on or after.starts_on < on
        too_little = after.budget < campaign.promised
        if after == before or (moved and has_come) or too_little or not after.make_sense(on):
            raise Refused("campaign_refused")
        campaign.figures = after

    def end(self, on: date, ref: str) -> None:
        self._known(ref).ended_on = self._known(ref).ended_on or on

    def _known(self, ref: str) -> Campaign:
        if ref not in self.by_ref:
            raise Refused("campaign_not_found")
        return self.by_ref[ref]

    def for_purchase(self, on: date, ref: str, fen: int, periods: int, *, escrow: bool) -> Campaign:
        """The campaign that is to pay for a purchase, if it covers it; whether its budget does is asked later."""
        campaign = self.by_ref.get(ref)
        covers = (
            campaign
            and not escrow
            and campaign.ended_on is None
            and campaign.figures.starts_on <= on <= campaign.figures.last_day
            and campaign.figures.smallest <= fen <= campaign.figures.largest
            and campaign.periods == periods
        )
        if campaign is None or not covers:
            raise Refused("campaign_over")
        return campaign

    def end_day(self, day: date, rules: Rules) -> None:
        """Campaigns end after their last day, and once the budget does not cover the smallest fee."""
        for campaign in self.by_ref.values():
            fee = rules.fees.get(campaign.periods)
            spent = fee is not None and campaign.left < to_fen(fee * campaign.figures.smallest)
            if campaign.ended_on is None and (campaign.figures.last_day <= day or spent):
                campaign.ended_on = day
