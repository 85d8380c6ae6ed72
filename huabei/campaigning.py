"""Reading campaigns: what is left of their budgets, and which of those near their end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from huabei.instalments import fee_of
from huabei.models import Campaign, CampaignAlert, CategoryRule, InstalmentOption, InstalmentTerms
from ledger.selectors import positions


@dataclass(frozen=True, slots=True)
class CampaignStanding:
    """A campaign, and what it may still promise."""

    campaign: Campaign
    left_fen: int

    @property
    def used_fen(self) -> int:
        """What it has promised or paid."""
        return self.campaign.budget_fen - self.left_fen

    @property
    def is_nearly_spent(self) -> bool:
        """Whether it runs and as much is used as somebody wanted to be told of."""
        return self.campaign.ended_on is None and self.used_fen >= self.campaign.alert_fen


def standings(campaigns: Sequence[Campaign]) -> list[CampaignStanding]:
    """What is left of the budgets of campaigns, in one query."""
    left = positions([campaign.budget_account_id for campaign in campaigns])
    return [
        CampaignStanding(campaign, left[campaign.budget_account_id].available_fen) for campaign in campaigns
    ]


def campaigns_of(merchant_id: UUID) -> QuerySet[Campaign]:
    """A merchant's own campaigns, newest first."""
    return Campaign.objects.filter(merchant_id=merchant_id).order_by("-pk")


def _running(on: date) -> QuerySet[Campaign]:
    """Campaigns of a date whose shops can be paid by line: not suspended, and nothing forbids what they sell."""
    rules = CategoryRule.objects.filter(category=OuterRef("merchant__shop__category"), effective_from__lte=on)
    is_allowed = Subquery(rules.order_by("-effective_from").values("is_allowed")[:1])
    return Campaign.objects.filter(
        Coalesce(is_allowed, True),
        ended_on__isnull=True,
        starts_on__lte=on,
        ends_on__gte=on,
        merchant__is_accepting=True,
    )


def shops_that_pay(on: date) -> list[tuple[str, str]]:
    """The shops with a campaign that runs on a date: identifier and name, in the order of their names."""
    found = _running(on).values_list("merchant_id", "merchant__shop__name").distinct()
    return [(str(shop_id), name) for shop_id, name in found.order_by("merchant__shop__name", "merchant_id")]


def open_alerts(merchant_id: UUID | None = None) -> QuerySet[CampaignAlert]:
    """
    Alerts that nobody has answered yet, of all merchants or of one, the latest first: the campaign runs, and its budget and
    threshold are those of which it was told.
    """
    found = CampaignAlert.objects.filter(
        campaign__ended_on__isnull=True,
        budget_fen=F("campaign__budget_fen"),
        alert_fen=F("campaign__alert_fen"),
    )
    if merchant_id is not None:
        found = found.filter(campaign__merchant_id=merchant_id)
    return found.select_related("campaign__merchant__shop").order_by("-pk")


def campaigns_for(
    *, merchant_id: UUID, amount_fen: int, options: Iterable[InstalmentOption], on: date
) -> dict[int, Campaign]:
    """
    The campaigns under which this purchase would cost its customer no fee, by number of instalments, each the oldest; those
    in which there is none are left out (two queries).
    """
    running = list(
        _running(on)
        .filter(merchant_id=merchant_id, smallest_fen__lte=amount_fen, largest_fen__gte=amount_fen)
        .order_by("pk")
    )
    standing = standings(running) if running else []
    found = {}
    for option in options:
        fee_fen = fee_of(amount_fen, option.fee_rate)
        for each in standing:
            if option.periods in each.campaign.periods and each.left_fen >= fee_fen:
                found[option.periods] = each.campaign
                break
    return found


def campaign_for(*, merchant_id: UUID, amount_fen: int, periods: int, on: date) -> Campaign | None:
    """The campaign under which this purchase would cost its customer no fee, the oldest first; None where there is none."""
    terms = InstalmentTerms.objects.filter(effective_from__lte=on).latest("effective_from")
    options = terms.options.filter(periods=periods)
    found = campaigns_for(merchant_id=merchant_id, amount_fen=amount_fen, options=options, on=on)
    return found.get(periods)
