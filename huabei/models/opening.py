"""Who is granted a line: the policy and the law's rules by date, and every decision that was made by them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from huabei.models.lines import Line
from huabei.models.publishing import Published, published
from huabei.policy import Refusal, Ruled, RuleOutcome, ruled_of

# What no policy may ask for or grant, whatever its rows say.
LARGEST_FEN = 10**12


class LenderType(models.TextChoices):
    MICROLENDER = "microlender", _("microlender")
    BANK = "bank", _("bank")


class ConsumerRule(Published):
    """
    What the law lets a type of lender do for one consumer, from a day on until the next row's. Never changed.

    Source: DOMAIN, rules by lender type. Loans have the same rules (`lending.LenderRule`); the books' proof compares them.
    """

    lender_type = models.CharField(_("lender"), max_length=12, choices=LenderType.choices)
    effective_from = models.DateField(_("effective from"))
    consumer_cap_fen = models.BigIntegerField(_("most to one consumer"))
    students_admitted = models.BooleanField(_("students admitted"))

    class Meta:
        verbose_name = _("rule on consumer credit")
        verbose_name_plural = _("rules on consumer credit")
        ordering = ["lender_type", "-effective_from"]
        constraints = [
            models.UniqueConstraint(
                name="consumer_rule_once_per_day", fields=["lender_type", "effective_from"]
            ),
            models.CheckConstraint(
                name="consumer_rule_sensible",
                condition=Q(lender_type__in=LenderType.values, consumer_cap_fen__range=(1, LARGEST_FEN)),
            ),
            *published("consumer_rule"),
        ]

    def __str__(self) -> str:
        return f"{self.lender_type} {self.effective_from}"


class OpeningPolicy(Published):
    """
    By what lines are opened and their limits reviewed, from a day on until the next version's. Never changed; its bands are
    written with it, and the database looks at them together when the transaction ends.
    """

    effective_from = models.DateField(_("effective from"), unique=True)
    lender_type = models.CharField(
        _("lender"), max_length=12, choices=LenderType.choices, default=LenderType.MICROLENDER
    )
    minimum_age = models.SmallIntegerField(_("minimum age"), default=18)
    minimum_score = models.SmallIntegerField(_("minimum score"), default=600)
    score_days = models.SmallIntegerField(_("days a score counts"), default=35)
    minimum_limit_fen = models.BigIntegerField(_("smallest limit"), default=500_00)
    maximum_limit_fen = models.BigIntegerField(_("largest limit"), default=50_000_00)
    maximum_exposure_fen = models.BigIntegerField(_("largest exposure to one person"), default=200_000_00)

    class Meta:
        verbose_name = _("opening policy")
        verbose_name_plural = _("opening policies")
        ordering = ["-effective_from"]
        constraints = [
            models.CheckConstraint(
                name="opening_policy_lender_known", condition=Q(lender_type__in=LenderType.values)
            ),
            models.CheckConstraint(
                name="opening_policy_person_sensible",
                condition=Q(
                    minimum_age__range=(18, 120),
                    minimum_score__range=(350, 950),
                    score_days__range=(1, 366),
                ),
            ),
            models.CheckConstraint(
                name="opening_policy_amounts_in_order",
                condition=Q(
                    minimum_limit_fen__gt=0,
                    maximum_limit_fen__gte=F("minimum_limit_fen"),
                    maximum_exposure_fen__gte=F("maximum_limit_fen"),
                    maximum_exposure_fen__lte=LARGEST_FEN,
                ),
            ),
            *published("opening_policy"),
        ]

    def __str__(self) -> str:
        return f"{self.effective_from}"


class LimitBand(models.Model):
    """The limit that a score earns under a policy: from this score up to the next band's. Never changed."""

    policy = models.ForeignKey(OpeningPolicy, on_delete=models.PROTECT, related_name="bands")
    score_from = models.SmallIntegerField(_("score from"))
    limit_fen = models.BigIntegerField(_("limit"))

    class Meta:
        verbose_name = _("limit band")
        verbose_name_plural = _("limit bands")
        ordering = ["score_from"]
        constraints = [
            models.UniqueConstraint(name="limit_band_once_per_score", fields=["policy", "score_from"]),
            models.CheckConstraint(
                name="limit_band_positive", condition=Q(limit_fen__gt=0, score_from__range=(350, 950))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.score_from}+"


class OpeningOutcome(models.TextChoices):
    GRANTED = "granted", _("granted")
    REFUSED = "refused", _("refused")


class OpeningDecision(models.Model):
    """
    One application for a line, what was decided and what it went by, each rule with its outcome, every reason. Never changed.

    `rules` are {"rule", "outcome", "found", "needed"} in the policy's order (see `huabei.policy.Ruled`). The database admits
    a grant only within the figures of the policy and the law that the row names, and those must be the ones in force.
    """

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, db_index=False, related_name="+", verbose_name=_("customer")
    )
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    decided_on = models.DateField(_("decided on"))
    statement_day = models.SmallIntegerField(_("statement day"))
    outcome = models.CharField(_("outcome"), max_length=8, choices=OpeningOutcome.choices)
    reasons = ArrayField(models.CharField(max_length=16), verbose_name=_("reasons"))
    rules = models.JSONField(_("rules"))
    score = models.SmallIntegerField(_("score"), null=True)
    scored_on = models.DateField(_("score published on"), null=True)
    # The published score and the model that made it; neither is ever deleted.
    score_id = models.BigIntegerField(_("published score"), null=True)
    model_id = models.BigIntegerField(_("model"), null=True)
    policy = models.ForeignKey(
        OpeningPolicy, on_delete=models.PROTECT, related_name="decisions", verbose_name=_("opening policy")
    )
    consumer_rule = models.ForeignKey(
        ConsumerRule, on_delete=models.PROTECT, related_name="+", verbose_name=_("rule on consumer credit")
    )
    exposure_fen = models.BigIntegerField(_("exposure"))
    consumer_exposure_fen = models.BigIntegerField(_("of it to a consumer"))
    overdue_fen = models.BigIntegerField(_("overdue"))
    earned_fen = models.BigIntegerField(_("limit that the score earns"))
    limit_fen = models.BigIntegerField(_("limit offered"))
    line = models.OneToOneField(
        Line, on_delete=models.PROTECT, null=True, related_name="decision", verbose_name=_("credit line")
    )
    # By what a person decided otherwise than the policy did, if one did: the refusal that they looked at.
    overturns = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="overturned_by",
        verbose_name=_("overturns the decision"),
    )
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    # Whether this answers a request that was answered before; not kept.
    repeated = False

    class Meta:
        verbose_name = _("decision on a line")
        verbose_name_plural = _("decisions on lines")
        constraints = [
            models.UniqueConstraint(
                name="opening_decision_once_per_reference", fields=["customer", "reference"]
            ),
            models.CheckConstraint(
                name="opening_decision_granted_or_says_why",
                condition=Q(outcome="granted", reasons__len=0, limit_fen__gt=0, line__isnull=False)
                | Q(outcome="refused", reasons__len__gt=0, limit_fen=0, line__isnull=True),
            ),
            models.CheckConstraint(
                name="opening_decision_reasons_known",
                condition=Q(reasons__contained_by=[each.value for each in Refusal]),
            ),
            models.CheckConstraint(
                name="opening_decision_score_is_a_published_one",
                condition=Q(score_id__isnull=True, model_id__isnull=True, scored_on__isnull=True)
                & Q(score__isnull=True)
                | Q(score_id__isnull=False, model_id__isnull=False, scored_on__isnull=False)
                & Q(scored_on__lte=F("decided_on")),
            ),
            models.CheckConstraint(
                name="opening_decision_figures_sensible",
                condition=Q(
                    exposure_fen__gte=F("consumer_exposure_fen"), overdue_fen__gte=0, earned_fen__gte=0
                ),
            ),
        ]
        indexes = [
            models.Index(name="opening_decision_by_day", fields=["decided_on", "outcome"]),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.decided_on}"

    @property
    def is_granted(self) -> bool:
        """Whether a line was opened by it."""
        return self.outcome == OpeningOutcome.GRANTED

    @property
    def ruled(self) -> tuple[Ruled, ...]:
        """Every rule with its outcome, in the order in which they were asked."""
        return ruled_of(self.rules)

    @property
    def against(self) -> tuple[Ruled, ...]:
        """The rules that failed: why, and what would be right."""
        return tuple(each for each in self.ruled if each.outcome is RuleOutcome.FAILED)
