"""
Campaigns: a merchant pays the fee of its customers' instalments, within a budget that is never overspent.

The budget is a capped account. What a customer is promised is taken off it when the purchase is authorised, in the same
statement; a capture charges the merchant for what it is of; and what no capture needed comes back when the purchase is no
longer waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from customers.services.notices import mail_shop
from finance.errors import Kind
from finance.money import format_yuan
from finance.prose import as_written, is_prose_of
from huabei.campaigning import standings
from huabei.errors import LineError, require_amount, require_reference, require_same_request
from huabei.instalments import fee_of
from huabei.models import (
    Campaign,
    CampaignAlert,
    CampaignChange,
    CampaignEnd,
    InstalmentTerms,
    Merchant,
    Plan,
    PlanChoice,
    Purchase,
    PurchaseState,
)
from huabei.notices import CampaignNearlySpent
from ledger.chart import CAMPAIGN_BUDGET, CAMPAIGN_CONTROL, FEE_INCOME
from ledger.selectors import position
from ledger.services import Draft, Leg, open_account, post, request_hash

CONTROL = CAMPAIGN_CONTROL.control_id
LONGEST_REASON = 200


class CampaignRefused(LineError):
    """A campaign that makes no sense; `field` names what is wrong."""

    code = "campaign_refused"


class CampaignEnded(LineError):
    """The campaign has ended: what it promised stands."""

    code = "campaign_ended"
    kind = Kind.CONFLICT


class CampaignNotFound(LineError):
    """There is no such campaign."""

    code = "campaign_not_found"
    kind = Kind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Promise:
    """What a merchant promises. `alert_fen` is how much of the budget may be used before somebody is told."""

    merchant_id: UUID
    name: str
    starts_on: date
    ends_on: date
    smallest_fen: int
    largest_fen: int
    periods: tuple[int, ...]
    budget_fen: int
    alert_fen: int


def create_campaign(*, promise: Promise, reference: str, on: date) -> Campaign:
    """
    Grants a campaign its budget. The reference happens once per merchant.

    Errors: AmountRefused, CampaignRefused, ReferenceRefused, RequestConflict.
    """
    require_reference(reference)
    for amount_fen in (promise.smallest_fen, promise.largest_fen, promise.budget_fen, promise.alert_fen):
        require_amount(amount_fen)
    _require_sense(promise, on)
    asked = request_hash({name: getattr(promise, name) for name in Promise.__dataclass_fields__})
    with transaction.atomic():
        merchant = Merchant.objects.select_for_update().filter(pk=promise.merchant_id).first()
        if merchant is None:
            raise CampaignRefused(_("this shop does not accept credit lines"), field="merchant")
        first = Campaign.objects.filter(merchant=merchant, reference=reference).first()
        if first is not None:
            require_same_request(first.request_hash, asked)
            first.repeated = True
            return first
        budget = open_account(account_type=CAMPAIGN_BUDGET, owner=merchant.pk)
        campaign = Campaign.objects.create(
            merchant=merchant,
            name=promise.name,
            starts_on=promise.starts_on,
            ends_on=promise.ends_on,
            smallest_fen=promise.smallest_fen,
            largest_fen=promise.largest_fen,
            periods=sorted(promise.periods),
            budget_fen=promise.budget_fen,
            alert_fen=promise.alert_fen,
            budget_account_id=budget,
            reference=reference,
            request_hash=asked,
            made_on=on,
        )
        post(
            draft=Draft(
                reference=f"campaign:{campaign.pk}:granted",
                event="campaign.granted",
                booked_on=on,
                legs=(Leg(CONTROL, budget, promise.budget_fen),),
            )
        )
    return campaign


def _require_sense(promise: Promise, on: date) -> None:
    if not promise.name.strip() or not promise.name.isprintable():
        raise CampaignRefused(_("a name is needed"), field="name")
    _require_figures(promise, on)
    terms = InstalmentTerms.objects.filter(effective_from__lte=on).latest("effective_from")
    offered = set(terms.options.values_list("periods", flat=True))
    if not promise.periods or not set(promise.periods) <= offered:
        raise CampaignRefused(
            _("choose from %(periods)s") % {"periods": ", ".join(map(str, sorted(offered)))}, field="periods"
        )


def _require_figures(given: Promise | Figures, on: date) -> None:
    if given.ends_on < max(given.starts_on, on):
        raise CampaignRefused(_("the last day is over before it begins"), field="ends_on")
    if given.largest_fen < given.smallest_fen:
        raise CampaignRefused(_("must not be below the smallest purchase"), field="largest")
    if given.alert_fen > given.budget_fen:
        raise CampaignRefused(_("must not be beyond the budget"), field="alert")


@dataclass(frozen=True, slots=True)
class Figures:
    """What of a campaign may be changed."""

    starts_on: date
    ends_on: date
    smallest_fen: int
    largest_fen: int
    budget_fen: int
    alert_fen: int


def change_campaign(
    *, campaign_id: int, figures: Figures, by: str, reason: str, reference: str, on: date
) -> CampaignChange:
    """
    Has a running campaign promise something else from this day on; what was promised for purchases stays promised.

    The first day may move while it has not come; the budget may fall to what is promised and paid of it. The reference
    happens once per campaign. Errors: AmountRefused, CampaignEnded, CampaignNotFound, CampaignRefused, ReferenceRefused,
    RequestConflict.
    """
    require_reference(reference)
    reason = as_written(reason)
    given = asdict(figures)
    for name, value in given.items():
        if name.endswith("_fen"):
            require_amount(value)
    asked = request_hash({**given, "by": by, "reason": reason})
    with transaction.atomic():
        campaign = _locked(campaign_id)
        first = CampaignChange.objects.filter(campaign=campaign, reference=reference).first()
        if first is not None:
            require_same_request(first.request_hash, asked)
            first.repeated = True
            return first
        if campaign.ended_on is not None:
            raise CampaignEnded(_("the campaign has ended"))
        _require_change(campaign, figures, reason, on)
        more_fen = figures.budget_fen - campaign.budget_fen
        change = CampaignChange(
            campaign=campaign,
            changed_on=on,
            **given,
            by=by,
            reason=reason,
            reference=reference,
            request_hash=asked,
            entry_id=_grant(campaign, more_fen, reference, on),
        )
        change.save(force_insert=True)
        for name, value in given.items():
            setattr(campaign, name, value)
        campaign.save(update_fields=list(given))
        _alert(campaign, on)
    return change


def _locked(campaign_id: int) -> Campaign:
    campaign = Campaign.objects.select_for_update(no_key=True).filter(pk=campaign_id).first()
    if campaign is None:
        raise CampaignNotFound(_("there is no campaign %(id)s") % {"id": campaign_id})
    return campaign


def _require_change(campaign: Campaign, figures: Figures, reason: str, on: date) -> None:
    if not is_prose_of(reason, least=1, most=LONGEST_REASON):
        raise CampaignRefused(_("a reason of at most 200 characters is needed"), field="reason")
    stands = {name: getattr(campaign, name) for name in Figures.__dataclass_fields__}
    if asdict(figures) == stands:
        raise CampaignRefused(_("this is what the campaign promises already"))
    moves = figures.starts_on != campaign.starts_on
    if moves and (campaign.starts_on <= on or figures.starts_on < on):
        raise CampaignRefused(_("it has begun: its first day stays"), field="starts_on")
    _require_figures(figures, on)
    left_fen = position(campaign.budget_account_id).available_fen
    used_fen = campaign.budget_fen - left_fen
    if figures.budget_fen < used_fen:
        raise CampaignRefused(
            _("%(amount)s of it are promised or paid already") % {"amount": format_yuan(used_fen)},
            field="budget",
        )


def _grant(campaign: Campaign, more_fen: int, reference: str, on: date) -> int | None:
    """Adds to a budget, or takes off it what is below nothing; the entry, None where nothing moves."""
    if more_fen == 0:
        return None
    budget = campaign.budget_account_id
    leg = Leg(CONTROL, budget, more_fen) if more_fen > 0 else Leg(budget, CONTROL, -more_fen)
    draft = Draft(
        reference=f"campaign:{campaign.pk}:changed:{reference}",
        event="campaign.changed",
        booked_on=on,
        legs=(leg,),
    )
    return post(draft=draft).entry_id


def end_campaign(*, campaign_id: int, reason: str, on: date) -> Campaign:
    """
    Stops a campaign: no further purchase is authorised under it. Ending it again changes nothing. Error: CampaignNotFound.
    """
    with transaction.atomic():
        campaign = _locked(campaign_id)
        if campaign.ended_on is None:
            _end(campaign, CampaignEnd.STOPPED, on, as_written(reason))
    return campaign


def _end(campaign: Campaign, cause: CampaignEnd, on: date, reason: str = "") -> None:
    campaign.ended_on, campaign.end, campaign.end_reason = on, cause, reason
    campaign.save(update_fields=["ended_on", "end", "end_reason"])


def end_over(*, closed_on: date, campaign_ids: Sequence[int] | None = None) -> int:
    """
    Ends campaigns whose last day was `closed_on` or earlier, or whose budget covers no fee any more, of these or of all;
    returns how many.
    """
    terms = InstalmentTerms.objects.filter(effective_from__lte=closed_on).latest("effective_from")
    rates = dict(terms.options.values_list("periods", "fee_rate"))
    ended = 0
    running = Campaign.objects.select_for_update().filter(ended_on__isnull=True)
    if campaign_ids is not None:
        running = running.filter(pk__in=campaign_ids)
    # They are locked once the list is read, so that what is left of their budgets is what they end with.
    for standing in standings(list(running.order_by("pk"))):
        campaign = standing.campaign
        fees = [
            fee_of(campaign.smallest_fen, rates[periods]) for periods in campaign.periods if periods in rates
        ]
        if campaign.ends_on <= closed_on:
            _end(campaign, CampaignEnd.DATES, closed_on)
        elif fees and standing.left_fen < min(fees):
            _end(campaign, CampaignEnd.BUDGET, closed_on)
        ended += campaign.ended_on is not None
    return ended


@dataclass(frozen=True, slots=True)
class Subsidy:
    """What a merchant was charged of a plan's fee, and the entry that did."""

    fen: int
    entry_id: int | None


def charge_subsidy(*, choice: PlanChoice, captured_entry_id: int, fee_fen: int, on: date) -> Subsidy:
    """Charges the merchant the fee of what was captured, no more than was promised; nothing outside a campaign."""
    if choice.campaign_id is None:
        return Subsidy(0, None)
    charged = (
        Plan.objects.filter(purchase_id=choice.purchase_id).aggregate(fen=Sum("subsidy_fen"))["fen"] or 0
    )
    fen = min(fee_fen, choice.subsidy_fen - charged)
    if fen == 0:
        return Subsidy(0, None)
    payable = Merchant.objects.values_list("payable_account_id", flat=True).get(
        pk=Purchase.objects.values_list("merchant_id", flat=True).get(pk=choice.purchase_id)
    )
    entry = post(
        draft=Draft(
            reference=f"entry:{captured_entry_id}:subsidised",
            event="plan.subsidised",
            booked_on=on,
            legs=(Leg(payable, FEE_INCOME.control_id, fen),),
        )
    )
    return Subsidy(fen, entry.entry_id)


def hold_campaigns(*, purchase_ids: Sequence[int]) -> None:
    """Locks the campaigns of purchases, if they have any, before any counter moves: as whoever buys under one does."""
    choices = PlanChoice.objects.filter(purchase_id__in=purchase_ids)
    held = Campaign.objects.select_for_update(no_key=True).filter(pk__in=choices.values("campaign_id"))
    list(held.order_by("pk").values_list("pk"))


def return_subsidy(*, purchase_id: int, on: date) -> None:
    """
    A purchase was taken back: what its plans had charged the merchant is the merchant's again, and the campaign's to promise.
    """
    charged_fen = Plan.objects.filter(purchase_id=purchase_id).aggregate(fen=Sum("subsidy_fen"))["fen"] or 0
    if charged_fen == 0:
        return
    choice = PlanChoice.objects.select_related("campaign", "purchase__merchant").get(purchase_id=purchase_id)
    assert choice.campaign is not None
    post(
        draft=Draft(
            reference=f"purchase:{purchase_id}:subsidy_returned",
            event="plan.subsidy_returned",
            booked_on=on,
            legs=(
                Leg(FEE_INCOME.control_id, choice.purchase.merchant.payable_account_id, charged_fen),
                Leg(CONTROL, choice.campaign.budget_account_id, charged_fen),
            ),
        )
    )


def give_back_budget(*, purchase_ids: Sequence[int], on: date) -> None:
    """
    Gives campaigns back what they promised and no capture needed, of purchases that wait for none any more; and says so
    where a campaign's budget nears its end.
    """
    choices = PlanChoice.objects.filter(purchase_id__in=purchase_ids, campaign__isnull=False)
    # A campaign is locked before its budget's account, as by whoever authorises or changes it.
    locked = Campaign.objects.select_for_update(no_key=True).filter(pk__in=choices.values("campaign_id"))
    campaigns = {campaign.pk: campaign for campaign in locked.order_by("pk")}
    for choice in choices.select_related("purchase").order_by("campaign_id", "purchase_id"):
        assert choice.campaign_id is not None
        campaign = campaigns[choice.campaign_id]
        if choice.purchase.state != PurchaseState.AUTHORISED:
            charged = Plan.objects.filter(purchase_id=choice.purchase_id).aggregate(fen=Sum("subsidy_fen"))
            if back_fen := choice.subsidy_fen - (charged["fen"] or 0):
                post(
                    draft=Draft(
                        reference=f"purchase:{choice.purchase_id}:budget_back",
                        event="campaign.budget_back",
                        booked_on=on,
                        legs=(Leg(CONTROL, campaign.budget_account_id, back_fen),),
                    )
                )
        _alert(campaign, on)


def _alert(campaign: Campaign, on: date) -> None:
    """
    Says once for each budget and threshold that so much is used, and e-mails it to the shop while the campaign runs; where it
    is seen otherwise: `huabei.campaigning.open_alerts`.
    """
    used_fen = campaign.budget_fen - position(campaign.budget_account_id).available_fen
    if used_fen < campaign.alert_fen:
        return
    # Whoever calls this holds the campaign: nobody else says it meanwhile.
    alert, is_new = CampaignAlert.objects.get_or_create(
        campaign=campaign,
        budget_fen=campaign.budget_fen,
        alert_fen=campaign.alert_fen,
        defaults={"raised_on": on, "used_fen": used_fen},
    )
    if is_new and campaign.ended_on is None:
        mail_shop(
            shop_id=campaign.merchant_id,
            message=CampaignNearlySpent(campaign.name, used_fen, campaign.budget_fen),
            reference=f"campaign-alert:{alert.pk}",
        )
    Campaign.objects.filter(pk=campaign.pk, alerted_on__isnull=True).update(alerted_on=on)
