"""The product's figures, by date."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from finance.allocation import ALLOCATIONS
from huabei.models.publishing import Published, published


class Terms(Published):
    """The product's figures from a date on, until the next row's date. Never changed."""

    effective_from = models.DateField(_("effective from"), unique=True)
    minimum_due_share = models.DecimalField(
        _("share of the principal in the minimum due"), max_digits=5, decimal_places=4, default=Decimal("0.1")
    )
    revolving_daily_rate = models.DecimalField(
        _("revolving rate a day"), max_digits=9, decimal_places=8, default=Decimal("0.0005")
    )
    penalty_daily_rate = models.DecimalField(
        _("penalty rate a day"), max_digits=9, decimal_places=8, default=Decimal("0.0005")
    )
    hold_days = models.SmallIntegerField(_("days a hold lasts"), default=7)
    # In which order money pays what is owed. What runs and is not billed yet: penalty with the billed penalty, before it;
    # interest after all that is billed.
    allocation = models.CharField(
        _("order of payment"),
        max_length=40,
        choices=[(each, each) for each in ALLOCATIONS],
        default=ALLOCATIONS[0],
        db_default=ALLOCATIONS[0],
    )

    class Meta:
        verbose_name = _("line terms")
        verbose_name_plural = _("line terms")
        ordering = ["-effective_from"]
        constraints = [
            models.CheckConstraint(
                name="terms_rates_sensible",
                condition=Q(revolving_daily_rate__range=(0, Decimal("0.001")))
                & Q(penalty_daily_rate__range=(0, Decimal("0.001"))),
            ),
            models.CheckConstraint(
                name="terms_minimum_due_is_share", condition=Q(minimum_due_share__range=(0, 1))
            ),
            models.CheckConstraint(
                name="terms_allocation_ranks_each_component_once", condition=Q(allocation__in=ALLOCATIONS)
            ),
            models.CheckConstraint(name="terms_hold_days_positive", condition=Q(hold_days__gte=1)),
            *published("terms"),
        ]

    def __str__(self) -> str:
        return f"{self.effective_from}"

    @property
    def components(self) -> tuple[str, ...]:
        """The order of payment, one component after the other."""
        return tuple(self.allocation.split())
