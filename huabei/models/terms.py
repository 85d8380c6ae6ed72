"""The product's figures, by date."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Terms(models.Model):
    """The product's figures from a date on, until the next row's date. A version is never changed once it is in force."""

    effective_from = models.DateField(_("effective from"), unique=True)
    minimum_score = models.SmallIntegerField(_("minimum score"), default=600)
    minimum_age = models.SmallIntegerField(_("minimum age"), default=18)
    students_admitted = models.BooleanField(_("students admitted"), default=False)
    minimum_limit_fen = models.BigIntegerField(_("smallest limit"), default=500_00)
    maximum_limit_fen = models.BigIntegerField(_("largest limit"), default=50_000_00)
    maximum_exposure_fen = models.BigIntegerField(_("largest exposure to one person"), default=200_000_00)
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

    class Meta:
        verbose_name = _("line terms")
        verbose_name_plural = _("line terms")
        ordering = ["-effective_from"]
        constraints = [
            models.CheckConstraint(
                name="terms_limits_in_order",
                condition=Q(minimum_limit_fen__gt=0) & Q(maximum_limit_fen__gte=F("minimum_limit_fen")),
            ),
            models.CheckConstraint(
                name="terms_rates_sensible",
                condition=Q(revolving_daily_rate__range=(0, Decimal("0.001")))
                & Q(penalty_daily_rate__range=(0, Decimal("0.001"))),
            ),
            models.CheckConstraint(
                name="terms_minimum_due_is_share", condition=Q(minimum_due_share__range=(0, 1))
            ),
            models.CheckConstraint(name="terms_hold_days_positive", condition=Q(hold_days__gte=1)),
            models.CheckConstraint(
                name="terms_score_in_range",
                condition=Q(minimum_score__range=(350, 950)) & Q(minimum_age__gte=18),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.effective_from}"


class LimitBand(models.Model):
    """The limit that a score earns under some terms: from this score up to the next band's."""

    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, related_name="bands")
    score_from = models.SmallIntegerField(_("score from"))
    limit_fen = models.BigIntegerField(_("limit"))

    class Meta:
        verbose_name = _("limit band")
        verbose_name_plural = _("limit bands")
        ordering = ["score_from"]
        constraints = [
            models.UniqueConstraint(name="limit_band_once_per_score", fields=["terms", "score_from"]),
            models.CheckConstraint(name="limit_band_positive", condition=Q(limit_fen__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.score_from}+"
