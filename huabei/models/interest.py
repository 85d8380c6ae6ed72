"""Interest and penalty: the segments in which they run, and each day's income of all lines."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from huabei.models.lines import Line


class SegmentKind(models.TextChoices):
    REVOLVING = "revolving", _("revolving interest")
    PENALTY = "penalty", _("penalty")


class Segment(models.Model):
    """
    A stretch of days over which interest is a function: owed(on) = carried + principal × daily rate × days(since, on).

    Days are half-open, `since` counts and `until` does not. A change closes the segment and opens the next, with what was
    owed and not yet posted carried exactly; closed segments are kept, so any past day can be computed again.
    """

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(Line, on_delete=models.DO_NOTHING, db_constraint=False, related_name="segments")
    kind = models.CharField(_("kind"), max_length=10, choices=SegmentKind.choices)
    principal_fen = models.BigIntegerField(_("on"))
    daily_rate = models.DecimalField(_("rate a day"), max_digits=9, decimal_places=8)
    since = models.DateField(_("from"))
    until = models.DateField(_("until"), null=True)
    # Exact: a fen times a rate of eight places. May be a fraction below zero after posting a rounded amount.
    carried_fen = models.DecimalField(_("carried"), max_digits=26, decimal_places=8)

    class Meta:
        verbose_name = _("interest segment")
        verbose_name_plural = _("interest segments")
        constraints = [
            models.UniqueConstraint(
                name="segment_one_open_per_kind", fields=["line", "kind"], condition=Q(until__isnull=True)
            ),
            models.CheckConstraint(name="segment_kind_known", condition=Q(kind__in=SegmentKind.values)),
            models.CheckConstraint(
                name="segment_not_backwards", condition=Q(until__isnull=True) | Q(until__gte=F("since"))
            ),
            models.CheckConstraint(
                name="segment_amounts_sensible", condition=Q(principal_fen__gte=0, daily_rate__gte=0)
            ),
        ]
        indexes = [models.Index(name="segment_by_until", fields=["until"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.since}"


class Accrual(models.Model):
    """One day's income of one kind over all lines, and what stands accrued after it: one row, not one per line."""

    closed_on = models.DateField(_("day closed"))
    kind = models.CharField(_("kind"), max_length=10, choices=SegmentKind.choices)
    accrued_fen = models.BigIntegerField(_("accrued and not billed"))
    income_fen = models.BigIntegerField(_("income of the day"))
    entry_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("daily income")
        verbose_name_plural = _("daily income")
        constraints = [
            models.UniqueConstraint(name="accrual_once_per_day_and_kind", fields=["closed_on", "kind"])
        ]

    def __str__(self) -> str:
        return f"{self.closed_on} {self.kind}"
