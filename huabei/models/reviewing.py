"""A person looks at a decision again: what an applicant asked for, and what a member of staff made of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from huabei.models.limits import LimitChange
from huabei.models.opening import OpeningDecision


class DecisionReview(models.Model):
    """
    Somebody who was refused a line, or whose limit was cut, asks that a person decide, once for each. Never changed.

    Source: DOMAIN 1, PIPL art. 24: whoever was decided on by a machine alone may refuse that.
    """

    id = models.BigAutoField(primary_key=True)
    decision = models.OneToOneField(
        OpeningDecision,
        on_delete=models.PROTECT,
        null=True,
        related_name="review",
        verbose_name=_("decision"),
    )
    limit_change = models.OneToOneField(
        LimitChange,
        on_delete=models.PROTECT,
        null=True,
        related_name="review",
        verbose_name=_("change of a limit"),
    )
    asked_on = models.DateField(_("asked on"))
    statement = models.CharField(_("what the applicant says"), max_length=1000, blank=True)
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    # Whether this answers a request that was answered before; not kept.
    repeated = False

    class Meta:
        verbose_name = _("review by a person")
        verbose_name_plural = _("reviews by a person")
        permissions = [("decide_review", _("Can decide reviews of decisions on lines"))]
        constraints = [
            models.CheckConstraint(
                name="decision_review_of_one_thing",
                condition=Q(decision__isnull=False, limit_change__isnull=True)
                | Q(decision__isnull=True, limit_change__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.asked_on}"

    @property
    def customer(self) -> Customer:
        """Who asked."""
        if self.decision is not None:
            return self.decision.customer
        assert self.limit_change is not None
        return self.limit_change.line.customer

    @property
    def state(self) -> str:
        """Open, or what was decided."""
        verdict = getattr(self, "verdict", None)
        return verdict.outcome if verdict else OPEN


OPEN = "open"


class VerdictOutcome(models.TextChoices):
    UPHELD = "upheld", _("upheld")
    OVERTURNED = "overturned", _("overturned")


class ReviewVerdict(models.Model):
    """
    What a member of staff decided on a review, once: the refusal or the cut stands, or a line was opened or its limit given
    back. Never changed.
    """

    id = models.BigAutoField(primary_key=True)
    review = models.OneToOneField(
        DecisionReview, on_delete=models.PROTECT, related_name="verdict", verbose_name=_("review")
    )
    outcome = models.CharField(_("outcome"), max_length=10, choices=VerdictOutcome.choices)
    decided_on = models.DateField(_("decided on"))
    by = models.CharField(_("by"), max_length=24)
    reason = models.CharField(_("reason"), max_length=500)
    # The decision that opened the line.
    opened_by = models.OneToOneField(
        OpeningDecision,
        on_delete=models.PROTECT,
        null=True,
        related_name="verdict",
        verbose_name=_("new decision"),
    )
    # The change that gave back what was cut, all or some of it.
    restored_by = models.OneToOneField(
        LimitChange,
        on_delete=models.PROTECT,
        null=True,
        related_name="verdict",
        verbose_name=_("limit given back by"),
    )
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("verdict on a review")
        verbose_name_plural = _("verdicts on reviews")
        constraints = [
            models.CheckConstraint(
                name="review_verdict_opens_or_upholds",
                condition=Q(outcome="upheld", opened_by__isnull=True, restored_by__isnull=True)
                | Q(outcome="overturned", opened_by__isnull=False, restored_by__isnull=True)
                | Q(outcome="overturned", opened_by__isnull=True, restored_by__isnull=False),
            ),
            models.CheckConstraint(
                name="review_verdict_says_who_and_why", condition=~Q(by="") & ~Q(reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.decided_on}"
