"""Interest and penalty of loans: the segments in which they run, and each day's income of a product."""

from __future__ import annotations

from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from finance.loan import Accrues
from lending.models.loans import Loan
from lending.models.products import Product


class AccrualKind(models.TextChoices):
    INTEREST = Accrues.INTEREST.value, _("interest")
    PENALTY = Accrues.PENALTY.value, _("penalty")


class Segment(models.Model):
    """
    Days over which interest is a function: owed(on) = (carried + principal × rate × days(since, on)) / year_days.

    Those of days to come are written too, as they will be if nothing happens; the next fact rewrites what it changes. Days
    are half-open. `year_days` is 1 for a rate by the day: dividing last keeps `carried` exact.
    """

    id = models.BigAutoField(primary_key=True)
    loan = models.ForeignKey(
        Loan, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="segments"
    )
    product = models.ForeignKey(
        Product, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.CharField(_("kind"), max_length=8, choices=AccrualKind.choices)
    since = models.DateField(_("from"))
    until = models.DateField(_("until"), null=True)
    principal_fen = models.BigIntegerField(_("on"))
    rate = models.DecimalField(_("rate"), max_digits=12, decimal_places=10)
    year_days = models.SmallIntegerField(_("days of its year"))
    carried = models.DecimalField(_("carried"), max_digits=40, decimal_places=10)

    class Meta:
        verbose_name = _("loan interest segment")
        verbose_name_plural = _("loan interest segments")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(name="loan_segment_once", fields=["loan", "kind", "since"]),
            models.CheckConstraint(
                name="loan_segment_not_backwards", condition=Q(until__isnull=True) | Q(until__gt=F("since"))
            ),
            models.CheckConstraint(
                name="loan_segment_sensible",
                condition=Q(
                    kind__in=AccrualKind.values,
                    principal_fen__gte=0,
                    rate__gte=0,
                    year_days__in=(1, 360, 365),
                ),
            ),
        ]
        # A day's income is read from this alone, and only where days lie within the segment: neither what has ended nor
        # what is to come is looked at, and no row of the table is.
        indexes = [
            GistIndex(
                Func(F("since"), F("until"), function="daterange"),
                name="loan_segment_running",
                include=[
                    "product",
                    "kind",
                    "since",
                    "until",
                    "principal_fen",
                    "rate",
                    "year_days",
                    "carried",
                ],
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.since}"


class Accrual(models.Model):
    """One day's income of one kind over all loans of a product, and what stands accrued after it."""

    closed_on = models.DateField(_("day closed"))
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(_("kind"), max_length=8, choices=AccrualKind.choices)
    accrued_fen = models.BigIntegerField(_("accrued and not billed"))
    income_fen = models.BigIntegerField(_("income of the day"))
    entry_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("daily income of loans")
        verbose_name_plural = _("daily income of loans")
        constraints = [
            models.UniqueConstraint(
                name="loan_accrual_once_per_day", fields=["closed_on", "product", "kind"]
            ),
            models.CheckConstraint(name="loan_accrual_kind_known", condition=Q(kind__in=AccrualKind.values)),
        ]

    def __str__(self) -> str:
        return f"{self.closed_on} {self.kind}"
