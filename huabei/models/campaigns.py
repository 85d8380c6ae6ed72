"""Campaigns: a merchant pays the fees of its customers' instalments, within a budget."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from huabei.models.purchases import Merchant


class CampaignEnd(models.TextChoices):
    DATES = "dates", _("its last day is over")
    BUDGET = "budget", _("its budget is spent")
    STOPPED = "stopped", _("stopped")


class Campaign(models.Model):
    """
    What a merchant promised: from a day to a day, for purchases of some size in some numbers of instalments, it pays all of
    their fee. What is left of its budget stands on a capped account, so that it is never overspent. Once ended it stays so.
    """

    # Whether the service that was asked for it had made it before.
    repeated: bool = False

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="campaigns")
    name = models.CharField(_("name"), max_length=80)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    smallest_fen = models.BigIntegerField(_("smallest purchase"))
    largest_fen = models.BigIntegerField(_("largest purchase"))
    periods = ArrayField(models.SmallIntegerField(), verbose_name=_("numbers of instalments"))
    budget_fen = models.BigIntegerField(_("budget"))
    alert_fen = models.BigIntegerField(_("alert once this much is used"))
    budget_account_id = models.BigIntegerField(unique=True)
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    made_on = models.DateField(_("made on"))
    alerted_on = models.DateField(_("alerted on"), null=True)
    ended_on = models.DateField(_("ended on"), null=True)
    end = models.CharField(_("why it ended"), max_length=8, choices=CampaignEnd.choices, blank=True)
    end_reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("instalment campaign")
        verbose_name_plural = _("instalment campaigns")
        permissions = [("run_campaign", "Can begin and end campaigns")]
        constraints = [
            models.UniqueConstraint(name="campaign_once_per_reference", fields=["merchant", "reference"]),
            models.CheckConstraint(
                name="campaign_sensible",
                condition=Q(ends_on__gte=F("starts_on"))
                & Q(smallest_fen__gte=1, largest_fen__gte=F("smallest_fen"))
                & Q(budget_fen__gte=1, alert_fen__gte=1, alert_fen__lte=F("budget_fen"))
                & Q(periods__len__gte=1),
            ),
            models.CheckConstraint(
                name="campaign_ends_for_a_cause",
                condition=Q(ended_on__isnull=True, end="", end_reason="")
                | Q(ended_on__isnull=False, end__in=CampaignEnd.values),
            ),
        ]
        indexes = [
            models.Index(name="campaign_running", fields=["merchant"], condition=Q(ended_on__isnull=True))
        ]

    def __str__(self) -> str:
        return self.name


class CampaignChange(models.Model):
    """From a day on a campaign promises something else: until when, for which purchases, how much. Never changed."""

    repeated: bool = False

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, db_index=False, related_name="changes")
    changed_on = models.DateField(_("changed on"))
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    smallest_fen = models.BigIntegerField(_("smallest purchase"))
    largest_fen = models.BigIntegerField(_("largest purchase"))
    budget_fen = models.BigIntegerField(_("budget"))
    alert_fen = models.BigIntegerField(_("alert once this much is used"))
    by = models.CharField(_("by"), max_length=24)
    reason = models.CharField(_("reason"), max_length=200)
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    # What was added to the budget or taken off it, if anything.
    entry_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("change of a campaign")
        verbose_name_plural = _("changes of campaigns")
        constraints = [
            models.UniqueConstraint(
                name="campaign_change_once_per_reference", fields=["campaign", "reference"]
            ),
            models.CheckConstraint(name="campaign_change_has_a_reason", condition=~Q(reason="") & ~Q(by="")),
        ]

    def __str__(self) -> str:
        return f"{self.changed_on}"


class CampaignAlert(models.Model):
    """So much of a campaign's budget was used that somebody is told: once for each budget and threshold. Never changed."""

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, db_index=False, related_name="alerts")
    raised_on = models.DateField(_("alerted on"))
    used_fen = models.BigIntegerField(_("used of the budget"))
    budget_fen = models.BigIntegerField(_("budget"))
    alert_fen = models.BigIntegerField(_("alert once this much is used"))

    class Meta:
        verbose_name = _("alert of a campaign")
        verbose_name_plural = _("alerts of campaigns")
        constraints = [
            models.UniqueConstraint(
                name="campaign_alert_once_per_budget", fields=["campaign", "budget_fen", "alert_fen"]
            ),
            models.CheckConstraint(
                name="campaign_alert_has_a_cause",
                condition=Q(alert_fen__gte=1, used_fen__gte=F("alert_fen"), used_fen__lte=F("budget_fen")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.raised_on}"
