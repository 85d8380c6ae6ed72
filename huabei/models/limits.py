"""What happens to a line itself: its limit, its freezes, its end. Each is a fact with its cause, who did it, and when."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from huabei.models.lines import Line
from huabei.models.opening import ConsumerRule, OpeningPolicy

# Whom such a cause concerns is not told of it while it is looked into.
SUSPICIONS = frozenset({"cash_out", "fraud"})


class Concern(models.TextChoices):
    """What a cause may be given for."""

    LIMIT = "limit", _("the limit")
    TEMPORARY = "temporary", _("a temporary limit")
    FREEZE = "freeze", _("a freeze")
    THAW = "thaw", _("the end of a freeze")
    CLOSE = "close", _("the end of a line")
    SUSPEND = "suspend", _("the suspension of a merchant")
    REINSTATE = "reinstate", _("the end of a merchant's suspension")
    POSTING = "posting", _("when a merchant's purchases post")
    CATEGORY = "category", _("what shops of a category sell")


class Cause(models.Model):
    """
    A cause that may be given for a change, from a date on and until another. What neither staff nor customers give is the
    policy's own.
    """

    concern = models.CharField(_("concerns"), max_length=10, choices=Concern.choices)
    code = models.CharField(_("code"), max_length=24)
    name = models.CharField(_("name in English"), max_length=60)
    name_zh = models.CharField(_("name in Chinese"), max_length=60)
    by_staff = models.BooleanField(_("given by staff"), default=True)
    by_customer = models.BooleanField(_("given by customers"), default=False)
    effective_from = models.DateField(_("effective from"))
    effective_to = models.DateField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("cause")
        verbose_name_plural = _("causes")
        ordering = ["concern", "code", "-effective_from"]
        constraints = [
            models.UniqueConstraint(name="cause_once_per_day", fields=["concern", "code", "effective_from"]),
            models.CheckConstraint(name="cause_concern_known", condition=Q(concern__in=Concern.values)),
            models.CheckConstraint(
                name="cause_not_backwards",
                condition=Q(effective_to__isnull=True) | Q(effective_to__gt=F("effective_from")),
            ),
        ]

    def __str__(self) -> str:
        return self.name_zh if (get_language() or "").startswith("zh") else self.name

    @property
    def as_told(self) -> str:
        """How it is called to whom it concerns: a suspicion is being looked into, and no more is said of it."""
        return gettext("under review") if self.code in SUSPICIONS else str(self)


class Changed(models.Model):
    """What every change of a line or a merchant says: why, who, when, and under which reference it happened once."""

    id = models.BigAutoField(primary_key=True)
    cause = models.CharField(_("cause"), max_length=24)
    # "staff:" and the number of a login, "policy", or "customer".
    by = models.CharField(_("by"), max_length=24)
    note = models.CharField(_("note"), max_length=200, blank=True)
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    # Whether this answers a request that was answered before; not kept.
    repeated = False

    class Meta:
        abstract = True


class TemporaryLimit(models.Model):
    """What a limit was raised by until a last day, that day included. `ended_on` is the first day without it."""

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="temporary_limits")
    amount_fen = models.BigIntegerField(_("amount"))
    granted_on = models.DateField(_("granted on"))
    last_day = models.DateField(_("last day"))
    ended_on = models.DateField(_("ended on"), null=True)

    class Meta:
        verbose_name = _("temporary limit")
        verbose_name_plural = _("temporary limits")
        constraints = [
            models.CheckConstraint(
                name="temporary_limit_sensible",
                condition=Q(amount_fen__gt=0, last_day__gte=F("granted_on"))
                & (Q(ended_on__isnull=True) | Q(ended_on__gte=F("granted_on"))),
            )
        ]
        indexes = [
            models.Index(name="temporary_limit_open", fields=["last_day"], condition=Q(ended_on__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.granted_on} → {self.last_day}"


class LimitChangeKind(models.TextChoices):
    SET = "set", _("limit set")
    TEMPORARY = "temporary", _("raised for a time")
    TEMPORARY_ENDED = "temporary_ended", _("temporary limit ended")
    CLOSED = "closed", _("taken away as the line was closed")


class LimitChange(Changed):
    """A limit was changed; both figures hold what was lent for a time. Never changed."""

    line = models.ForeignKey(Line, on_delete=models.PROTECT, db_index=False, related_name="limit_changes")
    kind = models.CharField(_("kind"), max_length=16, choices=LimitChangeKind.choices)
    changed_on = models.DateField(_("changed on"))
    before_fen = models.BigIntegerField(_("before"))
    after_fen = models.BigIntegerField(_("after"))
    temporary = models.ForeignKey(TemporaryLimit, on_delete=models.PROTECT, null=True, related_name="changes")
    entry_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("change of a limit")
        verbose_name_plural = _("changes of limits")
        constraints = [
            models.UniqueConstraint(name="limit_change_once_per_reference", fields=["line", "reference"]),
            models.CheckConstraint(
                name="limit_change_kind_known", condition=Q(kind__in=LimitChangeKind.values)
            ),
            models.CheckConstraint(
                name="limit_change_changes",
                condition=Q(before_fen__gte=0, after_fen__gte=0) & ~Q(before_fen=F("after_fen")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.changed_on}"

    @property
    def is_cut(self) -> bool:
        """Whether the lender lowered it for good, other than the customer wished: a person looks at that again if asked."""
        return self.kind == LimitChangeKind.SET and self.after_fen < self.before_fen and self.by != "customer"


class BulkFreeze(Changed):
    """Many lines were frozen at once, for one cause: an act of staff that is undone as one. Never changed."""

    asked = models.IntegerField(_("lines asked for"))
    frozen_on = models.DateField(_("frozen on"))
    # The end of many freezes that it undoes, if it does: those of its lines that are still as it left them.
    undoes = models.OneToOneField(
        "BulkThaw", on_delete=models.PROTECT, null=True, related_name="undone_by", verbose_name=_("undoes")
    )

    class Meta:
        verbose_name = _("freeze of many lines")
        verbose_name_plural = _("freezes of many lines")
        constraints = [
            models.UniqueConstraint(name="bulk_freeze_once_per_reference", fields=["reference"]),
            models.CheckConstraint(name="bulk_freeze_asks_for_lines", condition=Q(asked__gte=1)),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.frozen_on}"


class BulkThaw(Changed):
    """Freezes of many lines for one cause were ended at once: an act of staff. Never changed."""

    freeze_cause = models.CharField(_("cause of the freezes"), max_length=24)
    asked = models.IntegerField(_("lines asked for"))
    thawed_on = models.DateField(_("ended on"))

    class Meta:
        verbose_name = _("end of many freezes")
        verbose_name_plural = _("ends of many freezes")
        constraints = [
            models.UniqueConstraint(name="bulk_thaw_once_per_reference", fields=["reference"]),
            models.CheckConstraint(name="bulk_thaw_asks_for_lines", condition=Q(asked__gte=1)),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.thawed_on}"


class Freeze(Changed):
    """A line could not be used, for one cause, from a day on; it is active when no freeze of it is open."""

    line = models.ForeignKey(Line, on_delete=models.PROTECT, db_index=False, related_name="freezes")
    # The act that froze it together with others, if one did.
    bulk = models.ForeignKey(
        BulkFreeze,
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        related_name="freezes",
        verbose_name=_("frozen together with others by"),
    )
    # The act that ended it together with others, if one did.
    bulk_thaw = models.ForeignKey(
        BulkThaw,
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        related_name="freezes",
        verbose_name=_("ended together with others by"),
    )
    frozen_on = models.DateField(_("frozen on"))
    thawed_on = models.DateField(_("ended on"), null=True)
    thaw_cause = models.CharField(_("cause of its end"), max_length=24, blank=True, default="")
    thawed_by = models.CharField(_("ended by"), max_length=24, blank=True, default="")
    thaw_note = models.CharField(_("note on its end"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("freeze")
        verbose_name_plural = _("freezes")
        constraints = [
            models.UniqueConstraint(name="freeze_once_per_reference", fields=["line", "reference"]),
            models.UniqueConstraint(
                name="freeze_one_open_per_cause",
                fields=["line", "cause"],
                condition=Q(thawed_on__isnull=True),
            ),
            models.CheckConstraint(
                name="freeze_ends_for_a_cause",
                condition=Q(thawed_on__isnull=True, thaw_cause="", thawed_by="")
                | Q(thawed_on__gte=F("frozen_on")) & ~Q(thaw_cause="") & ~Q(thawed_by=""),
            ),
            models.CheckConstraint(
                name="freeze_ended_by_an_act_has_ended",
                condition=Q(bulk_thaw__isnull=True) | Q(thawed_on__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="freeze_of_bulk", fields=["bulk"], condition=Q(bulk__isnull=False)),
            models.Index(
                name="freeze_of_bulk_thaw", fields=["bulk_thaw"], condition=Q(bulk_thaw__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cause} {self.frozen_on}"


class Closure(Changed):
    """A line was closed, for good. What it owed then goes on being billed. Never changed."""

    line = models.OneToOneField(Line, on_delete=models.PROTECT, related_name="closure")
    closed_on = models.DateField(_("closed on"))
    limit_fen = models.BigIntegerField(_("limit before"))
    drawn_fen = models.BigIntegerField(_("drawn then"))

    class Meta:
        verbose_name = _("end of a line")
        verbose_name_plural = _("ends of lines")

    def __str__(self) -> str:
        return f"{self.closed_on}"


class ReviewTerms(models.Model):
    """How limits are reviewed, from a date on until the next row's."""

    effective_from = models.DateField(_("effective from"), unique=True)
    months_between = models.SmallIntegerField(_("months between reviews"), default=6)
    fresh_score_days = models.SmallIntegerField(_("days a score is fresh"), default=35)
    months_on_book = models.SmallIntegerField(_("months on book before an increase"), default=6)
    largest_raise = models.DecimalField(
        _("largest increase as a share of the limit"), max_digits=5, decimal_places=4, default=Decimal("0.5")
    )
    freeze_below_score = models.SmallIntegerField(_("freeze below this score"), default=550)
    close_overdue_months = models.SmallIntegerField(
        _("months overdue after which a line is closed"), default=2
    )

    class Meta:
        verbose_name = _("terms of reviews")
        verbose_name_plural = _("terms of reviews")
        ordering = ["-effective_from"]
        constraints = [
            models.CheckConstraint(
                name="review_terms_sensible",
                condition=Q(months_between__gte=1, fresh_score_days__gte=1, months_on_book__gte=0)
                & Q(largest_raise__range=(0, 9), freeze_below_score__range=(350, 950))
                & Q(close_overdue_months__gte=1),
            )
        ]

    def __str__(self) -> str:
        return f"{self.effective_from}"


class ReviewOutcome(models.TextChoices):
    RAISED = "raised", _("raised")
    LOWERED = "lowered", _("lowered")
    KEPT = "kept", _("kept")
    FROZEN = "frozen", _("frozen")


class LimitReview(models.Model):
    """One review of a line's limit: what it went by, what it decided, and every reason. Never changed."""

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(Line, on_delete=models.PROTECT, db_index=False, related_name="limit_reviews")
    reviewed_on = models.DateField(_("reviewed on"))
    score = models.SmallIntegerField(_("score"), null=True)
    scored_on = models.DateField(_("score published on"), null=True)
    months_on_book = models.SmallIntegerField(_("months on book"))
    overdue_fen = models.BigIntegerField(_("overdue"))
    earned_fen = models.BigIntegerField(_("limit that the score earns"))
    before_fen = models.BigIntegerField(_("before"))
    after_fen = models.BigIntegerField(_("after"))
    outcome = models.CharField(_("outcome"), max_length=8, choices=ReviewOutcome.choices)
    reasons = models.JSONField(_("reasons"))
    terms = models.ForeignKey(ReviewTerms, on_delete=models.PROTECT, related_name="+")
    policy = models.ForeignKey(
        OpeningPolicy, on_delete=models.PROTECT, related_name="+", verbose_name=_("opening policy")
    )
    consumer_rule = models.ForeignKey(
        ConsumerRule, on_delete=models.PROTECT, related_name="+", verbose_name=_("rule on consumer credit")
    )
    # NULL in reviews from before these were kept.
    exposure_fen = models.BigIntegerField(_("exposure"), null=True)
    consumer_exposure_fen = models.BigIntegerField(_("of it to a consumer"), null=True)

    class Meta:
        verbose_name = _("review of a limit")
        verbose_name_plural = _("reviews of limits")
        constraints = [
            models.UniqueConstraint(name="limit_review_once_a_day", fields=["line", "reviewed_on"]),
            models.CheckConstraint(
                name="limit_review_outcome_known", condition=Q(outcome__in=ReviewOutcome.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reviewed_on}"
