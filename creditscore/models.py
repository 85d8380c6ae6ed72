"""
What the score is made of and what it was: observations, outcomes, models, published scores.

Facts have two times: when they happened and when they were known. Nothing here is ever changed; a correction is a new
observation that is known later. Customers are named by their uuid without a foreign key, which would cost more than half
the speed of the largest tables; their rows are written only by services that are given registered customers.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

FIRST_OF_MONTH = {"month__day": 1}


class AccountMonth(models.Model):
    """
    One month of one credit account, as a source reported it: limit, statement, what was paid in the month, and lateness.

    `months_late`: -2 no consumption, -1 paid in full, 0 revolving on time, n months late. A statement below zero is a credit
    of the customer. `reference` names the fact, so that it is recorded once however often it is sent.
    """

    id = models.BigAutoField(primary_key=True)
    customer_id = models.UUIDField(_("customer"))
    source = models.CharField(_("source"), max_length=24)
    account = models.CharField(_("account"), max_length=48)
    reference = models.CharField(_("reference"), max_length=96)
    month = models.DateField(_("month"))
    limit_fen = models.BigIntegerField(_("limit"))
    statement_fen = models.BigIntegerField(_("statement"))
    paid_fen = models.BigIntegerField(_("paid"))
    months_late = models.SmallIntegerField(_("months late"))
    occurred_at = models.DateTimeField(_("happened at"))
    known_at = models.DateTimeField(_("known at"))

    class Meta:
        verbose_name = _("account month")
        verbose_name_plural = _("account months")
        constraints = [
            models.UniqueConstraint(name="account_month_reference_once", fields=["reference"]),
            models.CheckConstraint(name="account_month_is_a_month", condition=Q(**FIRST_OF_MONTH)),
            models.CheckConstraint(
                name="account_month_amounts_sensible", condition=Q(limit_fen__gte=0) & Q(paid_fen__gte=0)
            ),
            models.CheckConstraint(
                name="account_month_lateness_sensible", condition=Q(months_late__range=(-2, 99))
            ),
            models.CheckConstraint(
                name="account_month_known_after_it_happened", condition=Q(known_at__gte=F("occurred_at"))
            ),
        ]
        indexes = [
            # The order in which the features read: one person's months, the version known last first.
            models.Index(
                name="account_month_by_person",
                fields=["customer_id", "month", "source", "account", "-known_at", "-id"],
            )
        ]

    def __str__(self) -> str:
        return self.reference


class Outcome(models.Model):
    """
    Whether a customer defaulted in a month: what a model learns to foresee from what was known before that month.

    `row_number` draws the hold-out: rows whose last digit is 0, 1 or 2 are for testing and never for fitting.
    """

    id = models.BigAutoField(primary_key=True)
    customer_id = models.UUIDField(_("customer"))
    source = models.CharField(_("source"), max_length=24)
    reference = models.CharField(_("reference"), max_length=96)
    month = models.DateField(_("month"))
    defaulted = models.BooleanField(_("defaulted"))
    row_number = models.BigIntegerField(_("row number"))
    occurred_at = models.DateTimeField(_("happened at"))
    known_at = models.DateTimeField(_("known at"))

    class Meta:
        verbose_name = _("outcome")
        verbose_name_plural = _("outcomes")
        constraints = [
            models.UniqueConstraint(name="outcome_reference_once", fields=["reference"]),
            models.UniqueConstraint(name="outcome_once_a_month", fields=["customer_id", "month", "source"]),
            models.CheckConstraint(name="outcome_is_of_a_month", condition=Q(**FIRST_OF_MONTH)),
            models.CheckConstraint(name="outcome_row_not_negative", condition=Q(row_number__gte=0)),
            models.CheckConstraint(
                name="outcome_known_after_it_happened", condition=Q(known_at__gte=F("occurred_at"))
            ),
        ]
        indexes = [models.Index(name="outcome_by_month", fields=["month"])]

    def __str__(self) -> str:
        return self.reference


class Sex(models.TextChoices):
    MALE = "male", _("male")
    FEMALE = "female", _("female")


class MaritalStatus(models.TextChoices):
    MARRIED = "married", _("married")
    SINGLE = "single", _("single")
    OTHER = "other", _("other")
    UNKNOWN = "unknown", _("unknown")


class ProtectedAttributes(models.Model):
    """
    What must not influence a score, kept apart for one use: to measure whether the score is fair to these groups.

    No feature reads this table; training reads it after the model is fitted.
    """

    customer_id = models.UUIDField(_("customer"), primary_key=True)
    sex = models.CharField(_("sex"), max_length=6, choices=Sex.choices)
    marital_status = models.CharField(_("marital status"), max_length=8, choices=MaritalStatus.choices)
    birth_year = models.SmallIntegerField(_("year of birth"))

    class Meta:
        verbose_name = _("protected attributes")
        verbose_name_plural = _("protected attributes")

    def __str__(self) -> str:
        return f"{self.customer_id}"


class ModelState(models.TextChoices):
    CHAMPION = "champion", _("champion")
    CHALLENGER = "challenger", _("challenger")
    RETIRED = "retired", _("retired")


class ModelVersion(models.Model):
    """
    One trained model, for good: its trees and its document as bytes, with the hash over both.

    `metrics` says how well it foresees on the hold-out, how it is calibrated, how it treats groups, and what it was
    trained on. Only its state changes: challenger → champion → retired, one champion at a time.
    """

    id = models.BigAutoField(primary_key=True)
    sha256 = models.CharField(_("hash"), max_length=64, unique=True)
    booster = models.BinaryField()
    document = models.BinaryField()
    metrics = models.JSONField(_("metrics"))
    as_of = models.DateField(_("trained on what was known on"))
    trained_at = models.DateTimeField(_("trained at"))
    state = models.CharField(_("state"), max_length=10, choices=ModelState.choices)

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        constraints = [
            models.UniqueConstraint(
                name="model_one_champion", fields=["state"], condition=Q(state=ModelState.CHAMPION)
            ),
            models.CheckConstraint(
                name="model_state_known", condition=Q(state__in=("champion", "challenger", "retired"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.sha256[:12]})"


class PublicationCalendar(models.Model):
    """
    The day of the month on which scores are published, from a date on until the next row's date.

    Not the 1st: the day before it, whose knowledge counts, must lie in the month that the score foresees.
    """

    effective_from = models.DateField(_("effective from"), unique=True)
    day_of_month = models.SmallIntegerField(_("day of the month"))

    class Meta:
        verbose_name = _("publication calendar")
        verbose_name_plural = _("publication calendars")
        constraints = [
            models.CheckConstraint(
                name="publication_day_within_month", condition=Q(day_of_month__range=(2, 28))
            )
        ]

    def __str__(self) -> str:
        return f"{self.effective_from}: {self.day_of_month}"


class NotScored(models.TextChoices):
    """Why somebody is N/A."""

    NO_HISTORY = "no_history", _("no credit history is known")
    STALE_HISTORY = "stale_history", _("the newest known month is more than three months old")
    THIN_HISTORY = "thin_history", _("too few months of history are known")


class Score(models.Model):
    """
    A customer's score as it was published, with everything that it can be explained again from.

    `features` are the inputs in the order of the model's document, `reasons` pairs of code and points, `sub_scores` the five
    dimensions in their order. `points` is NULL for N/A, and then `not_scored` says why.
    """

    id = models.BigAutoField(primary_key=True)
    customer_id = models.UUIDField(_("customer"))
    published_on = models.DateField(_("published on"))
    as_of = models.DateField(_("from what was known on"))
    # No foreign key in the database: it would cost half the speed of a publication, and models are never deleted.
    model = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, db_constraint=False, related_name="+", verbose_name=_("model")
    )
    points = models.SmallIntegerField(_("points"), null=True)
    not_scored = models.CharField(_("why not scored"), max_length=16, choices=NotScored.choices, blank=True)
    band = models.CharField(_("band"), max_length=12, blank=True)
    default_probability = models.FloatField(_("probability of default"), null=True)
    sub_scores = ArrayField(models.SmallIntegerField(null=True), null=True, verbose_name=_("sub-scores"))
    reasons = models.JSONField(_("reasons"), default=list)
    months_known = models.SmallIntegerField(_("months known"), default=0)
    features = ArrayField(models.FloatField(null=True), null=True, verbose_name=_("inputs"))

    class Meta:
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        constraints = [
            models.UniqueConstraint(
                name="score_once_per_publication", fields=["customer_id", "published_on"]
            ),
            models.CheckConstraint(
                name="score_in_range_or_why_not",
                condition=Q(
                    points__isnull=False, points__range=(350, 950), not_scored="", features__isnull=False
                )
                | Q(points__isnull=True, not_scored__in=NotScored.values),
            ),
            models.CheckConstraint(
                name="score_from_what_was_known_before", condition=Q(as_of__lt=F("published_on"))
            ),
        ]
        indexes = [BrinIndex(name="score_by_publication", fields=["published_on"], pages_per_range=16)]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.published_on}: {'N/A' if self.points is None else self.points}"
