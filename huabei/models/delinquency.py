"""How late lines are and were, how they are classified for it, and on which days their owners are told."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from huabei.models.lines import Line


class Arrears(models.Model):
    """
    A stretch of days that began with the same minimums of a line overdue, the oldest of them due on the same date.

    Days are half-open. How late the line was on a day is a function of it, so nothing is written while nothing changes. An
    episode, from the first day late to the first that is not, is the stretches of one `began_on`.
    """

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(
        Line, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="arrears"
    )
    began_on = models.DateField(_("late since"))
    since = models.DateField(_("from"))
    until = models.DateField(_("until"), null=True)
    oldest_due_on = models.DateField(_("oldest unpaid due date"))
    overdue_fen = models.BigIntegerField(_("overdue"))

    class Meta:
        verbose_name = _("arrears")
        verbose_name_plural = _("arrears")
        constraints = [
            models.UniqueConstraint(
                name="arrears_one_open_per_line", fields=["line"], condition=Q(until__isnull=True)
            ),
            models.UniqueConstraint(name="arrears_once_per_line_and_day", fields=["line", "since"]),
            models.CheckConstraint(
                name="arrears_not_backwards", condition=Q(until__isnull=True) | Q(until__gt=F("since"))
            ),
            models.CheckConstraint(
                name="arrears_are_late",
                condition=Q(began_on__lte=F("since"), oldest_due_on__lt=F("since"), overdue_fen__gt=0),
            ),
        ]
        indexes = [models.Index(name="arrears_by_until", fields=["until"])]

    def __str__(self) -> str:
        return f"{self.since}"


class Category(models.TextChoices):
    """The five categories of the regulator. Normal is what is in none of the others, and is not written."""

    ATTENTION = "attention", _("special mention")
    SUBSTANDARD = "substandard", _("substandard")
    DOUBTFUL = "doubtful", _("doubtful")
    LOSS = "loss", _("loss")


class ClassificationBand(models.Model):
    """From how many days past due a line is in a category. Rows hold until those of the next date; none changes."""

    effective_from = models.DateField(_("effective from"))
    category = models.CharField(_("category"), max_length=12, choices=Category.choices)
    first_day = models.SmallIntegerField(_("from days past due"))

    class Meta:
        verbose_name = _("classification band")
        verbose_name_plural = _("classification bands")
        ordering = ["-effective_from", "first_day"]
        constraints = [
            models.UniqueConstraint(name="band_once_per_category", fields=["effective_from", "category"]),
            models.UniqueConstraint(name="band_once_per_day", fields=["effective_from", "first_day"]),
            models.CheckConstraint(name="band_category_known", condition=Q(category__in=Category.values)),
            models.CheckConstraint(name="band_days_positive", condition=Q(first_day__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.category} {self.first_day}+"


class Classification(models.Model):
    """
    A stretch of days over which a line was in a category other than normal, the rule and the lateness that put it there.

    Days are half-open. Written by the close, and only when the category changes.
    """

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(
        Line, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="classifications"
    )
    category = models.CharField(_("category"), max_length=12, choices=Category.choices)
    since = models.DateField(_("from"))
    until = models.DateField(_("until"), null=True)
    days_past_due = models.SmallIntegerField(_("days past due"))
    # The version of the bands that decided: the date from which they hold.
    rule_from = models.DateField(_("by the rule of"))
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("classification")
        verbose_name_plural = _("classifications")
        constraints = [
            models.UniqueConstraint(
                name="classification_one_open", fields=["line"], condition=Q(until__isnull=True)
            ),
            models.UniqueConstraint(name="classification_once_per_day", fields=["line", "since"]),
            models.CheckConstraint(
                name="classification_category_known", condition=Q(category__in=Category.values)
            ),
            models.CheckConstraint(
                name="classification_not_backwards",
                condition=Q(until__isnull=True) | Q(until__gt=F("since")),
            ),
            models.CheckConstraint(
                name="classification_rule_in_force",
                condition=Q(rule_from__lte=F("since"), days_past_due__gte=1),
            ),
        ]
        indexes = [
            models.Index(name="classification_open", fields=["category"], condition=Q(until__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.category} {self.since}"


class ReminderDay(models.Model):
    """
    On how many days before (negative) or after a due date the owner of a line is told that something is unpaid.

    The rows of one date hold until those of the next; none changes.
    """

    effective_from = models.DateField(_("effective from"))
    days = models.SmallIntegerField(_("days after the due date"))

    class Meta:
        verbose_name = _("reminder day")
        verbose_name_plural = _("reminder days")
        ordering = ["-effective_from", "days"]
        constraints = [
            models.UniqueConstraint(name="reminder_once_per_day", fields=["effective_from", "days"]),
            models.CheckConstraint(
                name="reminder_is_not_on_the_day", condition=~Q(days=0) & Q(days__range=(-20, 400))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.days:+}"
