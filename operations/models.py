"""The business date, and which steps of which day's close are done."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class BusinessDay(models.Model):
    """The one row that says which date the bank is on. Edges read it once; all below takes the date as an argument."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    business_on = models.DateField(_("business date"))
    first_on = models.DateField(_("first business date"))

    class Meta:
        verbose_name = _("business date")
        verbose_name_plural = _("business date")
        constraints = [models.CheckConstraint(name="business_day_is_one_row", condition=Q(id=1))]

    def __str__(self) -> str:
        return self.business_on.isoformat()


class CloseStep(models.Model):
    """One step of the close of one day, in one shard: done once, kept by a unique key."""

    closed_on = models.DateField(_("day closed"))
    step = models.CharField(_("step"), max_length=48)
    shard = models.SmallIntegerField(_("shard"), default=0)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    rows = models.BigIntegerField(_("rows"), default=0)

    class Meta:
        verbose_name = _("step of a close")
        verbose_name_plural = _("steps of closes")
        constraints = [models.UniqueConstraint(name="close_step_once", fields=["closed_on", "step", "shard"])]

    def __str__(self) -> str:
        return f"{self.closed_on} {self.step}/{self.shard}"


class Proof(models.Model):
    """That the books were proved on a business date, by how many rules, and the rows at fault where one was broken."""

    proved_on = models.DateField(_("business date"), unique=True)
    started_at = models.DateTimeField(_("started at"))
    seconds = models.DecimalField(_("seconds"), max_digits=9, decimal_places=2)
    rules = models.IntegerField(_("rules"))
    rows = models.BigIntegerField(_("rows examined"))
    broken_rules = models.IntegerField(_("rules broken"))
    # The first faults of each broken rule: rule, table, id, expected, found.
    faults = models.JSONField(_("faults"), default=list)

    class Meta:
        verbose_name = _("proof of the books")
        verbose_name_plural = _("proofs of the books")
        constraints = [
            models.CheckConstraint(
                name="proof_counts_in_order",
                condition=Q(rules__gt=0, broken_rules__gte=0, broken_rules__lte=F("rules"), rows__gte=0),
            )
        ]

    def __str__(self) -> str:
        return self.proved_on.isoformat()


class DemoWorld(models.Model):
    """That this installation's world is a demonstration, what it was built from, and when it was finished."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    source = models.CharField(_("built from"), max_length=200)
    seed = models.IntegerField(_("seed"))
    begun_on = models.DateField(_("first business date"))
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("demo world")
        constraints = [models.CheckConstraint(name="demo_world_is_one_row", condition=Q(id=1))]

    def __str__(self) -> str:
        return self.source
