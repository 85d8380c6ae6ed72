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
