"""
A credit line and its life: purchases, statements, dues, repayments, interest segments.

Debts are not stored here: what a line owes stands on its ledger accounts, whose ids the line carries. Lifecycle (`status`),
delinquency (`bucket`) and a purchase's `state` are separate axes.
"""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now
from django.db.models.lookups import Exact, GreaterThan, IsNull
from django.utils.translation import gettext_lazy as _

from customers.models import Customer, Shop


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


class LineStatus(models.TextChoices):
    ACTIVE = "active", _("active")
    FROZEN = "frozen", _("frozen")
    CLOSED = "closed", _("closed")


class Line(models.Model):
    """One credit line. Its money stands on seven ledger accounts of its own."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(
        _("status"), max_length=8, choices=LineStatus.choices, default=LineStatus.ACTIVE
    )
    frozen_cause = models.CharField(_("cause of the freeze"), max_length=24, blank=True, default="")
    limit_fen = models.BigIntegerField(_("limit"))
    statement_day = models.SmallIntegerField(_("statement day"))
    due_day = models.SmallIntegerField(_("due day"))
    opened_on = models.DateField(_("opened on"))
    score = models.SmallIntegerField(_("score at opening"), null=True)
    # Days past due stand in buckets; only a change of bucket is written (0: nothing overdue).
    bucket = models.SmallIntegerField(_("delinquency bucket"), default=0, db_default=0)
    # Whether the next statement day has anything to look at: set by a capture, cleared by the close when nothing is owed.
    billable = models.BooleanField(default=False, db_default=False)

    commitment_account_id = models.BigIntegerField()
    unbilled_account_id = models.BigIntegerField()
    billed_account_id = models.BigIntegerField()
    interest_account_id = models.BigIntegerField()
    fee_account_id = models.BigIntegerField()
    penalty_account_id = models.BigIntegerField()
    credit_account_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("credit line")
        verbose_name_plural = _("credit lines")
        constraints = [
            models.UniqueConstraint(
                name="line_one_live_per_customer", fields=["customer"], condition=~Q(status="closed")
            ),
            models.UniqueConstraint(name="line_commitment_account", fields=["commitment_account_id"]),
            models.CheckConstraint(name="line_status_known", condition=Q(status__in=LineStatus.values)),
            models.CheckConstraint(
                name="line_frozen_for_a_cause",
                condition=Q(status="frozen") & ~Q(frozen_cause="") | ~Q(status="frozen") & Q(frozen_cause=""),
            ),
            models.CheckConstraint(name="line_limit_not_negative", condition=Q(limit_fen__gte=0)),
            models.CheckConstraint(
                name="line_days_in_every_month",
                condition=Q(statement_day__range=(1, 28))
                & Q(due_day__range=(1, 28))
                & ~Q(due_day=F("statement_day")),
            ),
        ]
        indexes = [
            models.Index(name="line_to_bill", fields=["statement_day"], condition=Q(billable=True)),
            models.Index(name="line_delinquent", fields=["bucket"], condition=Q(bucket__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.uuid}"


class Merchant(models.Model):
    """A shop that accepts lines, with the control account on which its payable is summed."""

    shop = models.OneToOneField(Shop, on_delete=models.PROTECT, primary_key=True, related_name="+")
    payable_account_id = models.BigIntegerField(unique=True)
    is_accepting = models.BooleanField(_("accepting"), default=True)

    class Meta:
        verbose_name = _("merchant")
        verbose_name_plural = _("merchants")

    def __str__(self) -> str:
        return f"{self.shop_id}"


class PurchaseState(models.TextChoices):
    AUTHORISED = "authorised", _("authorised")
    CAPTURED = "captured", _("captured")
    VOIDED = "voided", _("voided")
    EXPIRED = "expired", _("expired")


class Purchase(models.Model):
    """One authorisation and what became of it. The merchant's reference makes it happen once."""

    id = models.BigAutoField(primary_key=True)
    # No foreign keys on the hot path: they would lock a popular merchant's row. The authorising statement reads both.
    line = models.ForeignKey(
        Line, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="purchases"
    )
    merchant = models.ForeignKey(
        Merchant, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="purchases"
    )
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    amount_fen = models.BigIntegerField(_("amount"))
    captured_fen = models.BigIntegerField(_("captured"), default=0, db_default=0)
    refunded_fen = models.BigIntegerField(_("refunded"), default=0, db_default=0)
    state = models.CharField(_("state"), max_length=10, choices=PurchaseState.choices)
    hold_transfer_id = models.BigIntegerField()
    authorised_on = models.DateField(_("authorised on"))
    expires_on = models.DateField(_("hold lasts until"))
    posted_on = models.DateField(_("posted on"), null=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        constraints = [
            models.UniqueConstraint(name="purchase_once_per_reference", fields=["merchant", "reference"]),
            models.CheckConstraint(name="purchase_state_known", condition=Q(state__in=PurchaseState.values)),
            models.CheckConstraint(
                name="purchase_amounts_in_order",
                condition=Q(amount_fen__gt=0)
                & Q(captured_fen__lte=F("amount_fen"))
                & Q(refunded_fen__gte=0)
                & Q(refunded_fen__lte=F("captured_fen")),
            ),
            # Two equal answers rather than two cases: every authorisation parses this anew.
            models.CheckConstraint(
                name="purchase_captured_is_posted",
                condition=Q(Exact(Exact(F("state"), Value("captured")), GreaterThan(F("captured_fen"), 0)))
                & Q(Exact(GreaterThan(F("captured_fen"), 0), IsNull(F("posted_on"), False))),
            ),
        ]
        indexes = [
            models.Index(name="purchase_by_line", fields=["line", "id"]),
            models.Index(name="purchase_holds", fields=["expires_on"], condition=Q(state="authorised")),
        ]

    def __str__(self) -> str:
        return self.reference


class Refund(models.Model):
    """Money a merchant gave back, and where it went: off the debt, or to the customer's credit. Never changed."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="refunds")
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    amount_fen = models.BigIntegerField(_("amount"))
    to_unbilled_fen = models.BigIntegerField(_("off unbilled purchases"))
    to_billed_fen = models.BigIntegerField(_("off the statement"))
    to_credit_fen = models.BigIntegerField(_("to the customer's credit"))
    refunded_on = models.DateField(_("refunded on"))
    entry_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.UniqueConstraint(name="refund_once_per_reference", fields=["purchase", "reference"]),
            models.CheckConstraint(
                name="refund_goes_somewhere",
                condition=Q(amount_fen__gt=0)
                & Q(amount_fen=F("to_unbilled_fen") + F("to_billed_fen") + F("to_credit_fen"))
                & Q(to_unbilled_fen__gte=0, to_billed_fen__gte=0, to_credit_fen__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class Statement(models.Model):
    """
    What a line owes on its statement day, frozen once issued (PostgreSQL refuses a change).

    `principal_fen` is all principal billed and unpaid, what was carried over from earlier statements included;
    interest, penalty and fee likewise. The part that is new with this statement is in the `new_…` columns.
    """

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(
        Line, on_delete=models.DO_NOTHING, db_constraint=False, related_name="statements"
    )
    issued_on = models.DateField(_("statement date"))
    due_on = models.DateField(_("due date"))
    principal_fen = models.BigIntegerField(_("principal"))
    interest_fen = models.BigIntegerField(_("interest"))
    penalty_fen = models.BigIntegerField(_("penalty"))
    fee_fen = models.BigIntegerField(_("fees"))
    total_fen = models.BigIntegerField(_("total due"))
    minimum_fen = models.BigIntegerField(_("minimum due"))
    purchases_fen = models.BigIntegerField(_("purchases of the period"))
    new_principal_fen = models.BigIntegerField(_("newly billed principal"))
    new_interest_fen = models.BigIntegerField(_("newly billed interest"))
    new_penalty_fen = models.BigIntegerField(_("newly billed penalty"))
    credit_used_fen = models.BigIntegerField(_("credit used"))
    entry_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        constraints = [
            models.UniqueConstraint(name="statement_once_per_line_and_day", fields=["line", "issued_on"]),
            models.CheckConstraint(
                name="statement_adds_up",
                condition=Q(
                    total_fen=F("principal_fen") + F("interest_fen") + F("penalty_fen") + F("fee_fen")
                ),
            ),
            models.CheckConstraint(name="statement_due_after_issue", condition=Q(due_on__gt=F("issued_on"))),
            models.CheckConstraint(
                name="statement_minimum_within_total",
                condition=Q(minimum_fen__gte=0, minimum_fen__lte=F("total_fen")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.issued_on}"


class Due(models.Model):
    """The minimum that one statement asks for by its due date, without what earlier statements already ask for."""

    statement = models.OneToOneField(
        Statement, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="due"
    )
    line = models.ForeignKey(
        Line, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="dues"
    )
    due_on = models.DateField(_("due date"), db_index=True)
    minimum_fen = models.BigIntegerField(_("minimum"))
    outstanding_fen = models.BigIntegerField(_("of it outstanding"))

    class Meta:
        verbose_name = _("due")
        verbose_name_plural = _("dues")
        constraints = [
            models.CheckConstraint(
                name="due_outstanding_within_minimum",
                condition=Q(outstanding_fen__gte=0, outstanding_fen__lte=F("minimum_fen")),
            )
        ]
        indexes = [
            models.Index(name="due_unpaid", fields=["line", "due_on"], condition=Q(outstanding_fen__gt=0))
        ]

    def __str__(self) -> str:
        return f"{self.due_on}"


class Repayment(models.Model):
    """Money received for a line and how it was allocated. Never changed."""

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="repayments")
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    amount_fen = models.BigIntegerField(_("amount"))
    received_on = models.DateField(_("received on"))
    to_penalty_fen = models.BigIntegerField(_("to penalty"))
    to_interest_fen = models.BigIntegerField(_("to interest"))
    to_fee_fen = models.BigIntegerField(_("to fees"))
    to_billed_fen = models.BigIntegerField(_("to billed principal"))
    to_unbilled_fen = models.BigIntegerField(_("to unbilled principal"))
    to_credit_fen = models.BigIntegerField(_("to the customer's credit"))
    entry_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("repayment")
        verbose_name_plural = _("repayments")
        constraints = [
            models.UniqueConstraint(name="repayment_once_per_reference", fields=["line", "reference"]),
            models.CheckConstraint(
                name="repayment_fully_allocated",
                condition=Q(amount_fen__gt=0)
                & Q(
                    amount_fen=F("to_penalty_fen")
                    + F("to_interest_fen")
                    + F("to_fee_fen")
                    + F("to_billed_fen")
                    + F("to_unbilled_fen")
                    + F("to_credit_fen")
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


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
