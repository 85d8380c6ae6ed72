"""Campaigns in the console: begun for a shop, changed, ended; what is left of each budget, and what was said of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from huabei.admin.links import entry_link, line_link
from huabei.campaigning import standings
from huabei.models import Campaign
from huabei.plans import instalment_terms_on
from huabei.services.campaigns import (
    LONGEST_REASON,
    Figures,
    Promise,
    change_campaign,
    create_campaign,
    end_campaign,
)
from huabei.services.causes import staff
from ledger.selectors import position
from web.acts import Act, ActForm, ActingAdmin, DayField
from web.acts import Figures as Shown
from web.console import Table, link_to, money, money_column
from web.forms import ProseField, YuanField
from web.templatetags.money import yuan_input

RUN = "huabei.run_campaign"
SHOWN = 20


class FiguresForm(ActForm):
    """When, for which purchases, and how much: what may be changed later."""

    named: ClassVar[dict[str, str]] = {
        "smallest": "smallest_fen",
        "largest": "largest_fen",
        "budget": "budget_fen",
        "alert": "alert_fen",
    }
    starts_on = DayField(label=_("first day"))
    ends_on = DayField(label=_("last day"))
    smallest_fen = YuanField(label=_("smallest purchase, in yuan"))
    largest_fen = YuanField(label=_("largest purchase, in yuan"))
    budget_fen = YuanField(label=_("budget, in yuan"))
    alert_fen = YuanField(
        label=_("alert once so much is used, in yuan"),
        help_text=_("The shop and the lender's staff are then told."),
    )

    @property
    def figures(self) -> dict[str, Any]:
        """The fields that say so."""
        return {name: self.cleaned_data[name] for name in Figures.__dataclass_fields__}


class NewCampaignForm(FiguresForm):
    """What a shop promises its customers."""

    name = forms.CharField(label=_("name"), max_length=80)
    periods = forms.TypedMultipleChoiceField(
        label=_("numbers of instalments"), coerce=int, widget=forms.CheckboxSelectMultiple
    )
    field_order = ("name", "periods")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial.setdefault("starts_on", self.on)
        field = self.fields["periods"]
        assert isinstance(field, forms.TypedMultipleChoiceField)
        offered = instalment_terms_on(self.on).options.order_by("periods")
        field.choices = [(each.periods, str(each.periods)) for each in offered]


class ChangedCampaignForm(FiguresForm):
    """What a campaign promises from now on, and why."""

    reason = ProseField(label=_("reason"), max_length=LONGEST_REASON)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in Figures.__dataclass_fields__:
            stands = getattr(self.record, name)
            self.initial.setdefault(name, yuan_input(stands) if name.endswith("_fen") else stands)


class EndedForm(ActForm):
    """Why a campaign ends before its last day."""

    reason = ProseField(label=_("reason"), max_length=LONGEST_REASON)


def _begin(form: Any, on: date) -> None:
    given = form.cleaned_data
    promise = Promise(
        merchant_id=form.record.pk, name=given["name"], periods=tuple(given["periods"]), **form.figures
    )
    create_campaign(promise=promise, reference=form.reference, on=on)


def _change(form: Any, on: date) -> None:
    change_campaign(
        campaign_id=form.record.pk,
        figures=Figures(**form.figures),
        by=staff(form.by),
        reason=form.cleaned_data["reason"],
        reference=form.reference,
        on=on,
    )


BEGIN_CAMPAIGN = (
    Act(
        "campaign",
        _("Begin a campaign"),
        RUN,
        NewCampaignForm,
        _begin,
        _("The campaign is begun. To undo it, open it and end it."),
        lambda merchant: merchant.is_accepting,
        warning=_("Under it the shop pays the fees of its customers’ instalments, up to the budget."),
    ),
)


def _runs(campaign: Campaign) -> bool:
    return campaign.ended_on is None


CAMPAIGN_ACTS = (
    Act(
        "change",
        _("Change the campaign"),
        RUN,
        ChangedCampaignForm,
        _change,
        _("The campaign is changed."),
        _runs,
        warning=_("What was promised for purchases so far stays promised."),
    ),
    Act(
        "end",
        _("End the campaign"),
        RUN,
        EndedForm,
        lambda form, on: end_campaign(campaign_id=form.record.pk, reason=form.cleaned_data["reason"], on=on),
        _("The campaign has ended."),
        _runs,
        warning=_("A campaign that has ended does not begin again; what it promised is kept."),
    ),
)


def merchant_stands(merchant_id: Any) -> Shown:
    """What beginning a campaign changes of a merchant."""
    running = standings(list(Campaign.objects.filter(merchant_id=merchant_id, ended_on__isnull=True)))
    return [
        (_("campaigns that run"), len(running)),
        (_("their budgets together"), money(sum(each.campaign.budget_fen for each in running))),
        (_("left of the budgets"), money(sum(each.left_fen for each in running))),
    ]


class AlertFilter(admin.SimpleListFilter):
    """Narrows campaigns to those that run and whose budget nears its end."""

    title = _("budget")
    parameter_name = "budget"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("alert", _("nears its end"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() != "alert":
            return queryset
        return queryset.filter(
            ended_on__isnull=True, alerts__budget_fen=F("budget_fen"), alerts__alert_fen=F("alert_fen")
        )


@admin.register(Campaign)
class CampaignAdmin(ActingAdmin):
    """Campaigns, newest first, with what is left of each budget."""

    acts = CAMPAIGN_ACTS
    list_display = (
        "name",
        "of_merchant",
        "starts_on",
        "ends_on",
        money_column("budget_fen", _("budget")),
        "left",
        "alerted_on",
        "ended_on",
    )
    list_filter: ClassVar[Any] = (AlertFilter, "end")
    list_select_related: ClassVar[Any] = ("merchant__shop",)
    ordering: ClassVar[Any] = ("-pk",)
    fields = (
        *list_display,
        "end",
        "end_reason",
        "made_on",
        "periods",
        money_column("smallest_fen", _("smallest purchase")),
        money_column("largest_fen", _("largest purchase")),
        money_column("alert_fen", _("alert once this much is used")),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields

    def prepare(self, records: list[Campaign]) -> None:
        """What is left of the budgets, read together."""
        for each in standings(records):
            each.campaign.left_fen = each.left_fen  # type: ignore[attr-defined]

    def stands(self, record: Campaign, on: date) -> Shown:
        """What it promises, and what is left of it."""
        campaign = Campaign.objects.get(pk=record.pk)
        return [
            (_("first day"), campaign.starts_on),
            (_("last day"), campaign.ends_on),
            (_("smallest purchase"), money(campaign.smallest_fen)),
            (_("largest purchase"), money(campaign.largest_fen)),
            (_("budget"), money(campaign.budget_fen)),
            (_("left of the budget"), money(position(campaign.budget_account_id).available_fen)),
            (_("alert once this much is used"), money(campaign.alert_fen)),
            (_("ended on"), campaign.ended_on or "–"),
        ]

    @admin.display(description=_("left of the budget"))
    def left(self, record: Campaign) -> SafeString:
        """What may still be promised."""
        if not hasattr(record, "left_fen"):
            self.prepare([record])
        return money(record.left_fen)  # type: ignore[attr-defined]

    @admin.display(description=_("merchant"))
    def of_merchant(self, record: Campaign) -> SafeString:
        """Whose it is."""
        return link_to("huabei_merchant", record.merchant_id, record.merchant.shop)

    def tables(self, record: Campaign) -> Iterable[Table]:
        """The latest plans under it, how it was changed, and when its budget neared its end."""
        rows = record.plans.select_related("line__customer").order_by("-pk")[:SHOWN]
        yield Table(
            _("instalment plans"),
            (_("made on"), _("credit line"), _("principal"), _("instalments"), _("fee paid by the merchant")),
            [
                (
                    link_to("huabei_plan", row.pk, row.made_on),
                    line_link(row.line),
                    money(row.principal_fen),
                    row.periods,
                    money(row.subsidy_fen),
                )
                for row in rows
            ],
        )
        yield Table(
            _("Changes"),
            (
                _("changed on"),
                _("last day"),
                _("smallest"),
                _("largest"),
                _("budget"),
                _("reason"),
                _("by"),
                _("entry"),
            ),
            [
                (
                    row.changed_on,
                    row.ends_on,
                    money(row.smallest_fen),
                    money(row.largest_fen),
                    money(row.budget_fen),
                    row.reason,
                    row.by,
                    entry_link(row.entry_id),
                )
                for row in record.changes.order_by("-pk")[:SHOWN]
            ],
        )
        yield Table(
            _("Alerts"),
            (_("alerted on"), _("used of the budget"), _("budget")),
            [
                (row.raised_on, money(row.used_fen), money(row.budget_fen))
                for row in record.alerts.order_by("-pk")[:SHOWN]
            ],
        )
