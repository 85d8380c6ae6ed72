"""Payment orders, which are the outbox, and the attempts made for them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from payments.models.sources import FundingSource
from payments.states import OPEN_STATES, AttemptState, OrderState

# Before every instant at which somebody may look.
AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)


class Direction(models.TextChoices):
    COLLECT = "collect", _("money in")
    PAY_OUT = "pay_out", _("money out")


class PaymentOrder(models.Model):
    """
    Money to be collected or paid out, written in the transaction of whoever wants it and sent afterwards.

    `purpose` says which product it is for and `subject` what of it, both opaque here. The row is the outbox: until it has
    ended, it is looked at again and again, whatever happened to the task that was to send it.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    direction = models.CharField(_("direction"), max_length=8, choices=Direction.choices)
    owner = models.UUIDField(_("owner"))
    purpose = models.CharField(_("purpose"), max_length=32)
    subject = models.CharField(_("subject"), max_length=64)
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    amount_fen = models.BigIntegerField(_("amount"))
    confirmed_fen = models.BigIntegerField(_("confirmed"), default=0, db_default=0)
    state = models.CharField(
        _("state"), max_length=10, choices=OrderState.choices, default=OrderState.CREATED
    )
    # The one source it is for; without one, the owner's own that allow autopay, in their order.
    source = models.ForeignKey(FundingSource, null=True, on_delete=models.PROTECT, related_name="orders")
    ordered_on = models.DateField(_("ordered on"))
    ended_on = models.DateField(_("ended on"), null=True)
    # Nobody looks at it before this instant: claimed by somebody, or parked after a try that told nothing.
    look_again_at = models.DateTimeField(_("looked at again at"), default=AT_ONCE, db_default=AT_ONCE)
    looks = models.IntegerField(_("times looked at"), default=0, db_default=0)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("payment order")
        verbose_name_plural = _("payment orders")
        permissions = [("look_again", "Can have parked payment orders looked at again")]
        constraints = [
            models.UniqueConstraint(name="payment_once_per_reference", fields=["reference"]),
            models.UniqueConstraint(
                name="payment_one_collection_at_a_time",
                fields=["purpose", "subject"],
                condition=Q(direction="collect", state__in=OPEN_STATES),
            ),
            models.CheckConstraint(name="payment_state_known", condition=Q(state__in=OrderState.values)),
            models.CheckConstraint(
                name="payment_direction_known", condition=Q(direction__in=Direction.values)
            ),
            models.CheckConstraint(
                name="payment_confirmed_within_amount",
                condition=Q(amount_fen__gt=0, confirmed_fen__gte=0, confirmed_fen__lte=F("amount_fen")),
            ),
            models.CheckConstraint(
                name="payment_ends_as_it_went",
                condition=Q(state="confirmed", confirmed_fen__gt=0, ended_on__isnull=False)
                | Q(state__in=["failed", "cancelled"], confirmed_fen=0, ended_on__isnull=False)
                | Q(state="created", confirmed_fen=0, ended_on__isnull=True)
                | Q(state="sent", ended_on__isnull=True),
            ),
            # What is paid out goes to one source, whole or not at all.
            models.CheckConstraint(
                name="payment_out_to_one_source_whole",
                condition=~Q(direction="pay_out")
                | Q(source__isnull=False) & (Q(confirmed_fen=0) | Q(confirmed_fen=F("amount_fen"))),
            ),
        ]
        indexes = [
            models.Index(
                name="payment_to_look_at", fields=["look_again_at"], condition=Q(state__in=OPEN_STATES)
            ),
            models.Index(name="payment_by_subject", fields=["purpose", "subject", "id"]),
            models.Index(name="payment_by_owner", fields=["owner", "id"]),
            models.Index(name="payment_by_end", fields=["ended_on", "purpose"]),
        ]

    def __str__(self) -> str:
        return self.reference


class PaymentAttempt(models.Model):
    """One try of an order on one source, asked of the gateway under a reference of its own. It closes once."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(PaymentOrder, on_delete=models.PROTECT, related_name="attempts")
    source = models.ForeignKey(FundingSource, on_delete=models.PROTECT, related_name="attempts")
    # The gateway's idempotency key: asked any number of times under it, the gateway moves money once.
    reference = models.CharField(_("reference"), max_length=64)
    amount_fen = models.BigIntegerField(_("asked for"))
    state = models.CharField(
        _("state"), max_length=8, choices=AttemptState.choices, default=AttemptState.ASKED
    )
    moved_fen = models.BigIntegerField(_("moved"), default=0, db_default=0)
    # The day on which the gateway moved the money, which may be days before its answer came.
    moved_on = models.DateField(_("moved on"), null=True)
    reason = models.CharField(_("reason"), max_length=64, blank=True, default="", db_default="")
    asked_on = models.DateField(_("asked on"))
    answered_on = models.DateField(_("answered on"), null=True)
    # The day on which its product was told, in the transaction that booked it there.
    settled_on = models.DateField(_("settled on"), null=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("payment attempt")
        verbose_name_plural = _("payment attempts")
        constraints = [
            models.UniqueConstraint(name="attempt_once_per_reference", fields=["reference"]),
            models.UniqueConstraint(name="attempt_once_per_source", fields=["order", "source"]),
            models.UniqueConstraint(
                name="attempt_one_at_a_time", fields=["order"], condition=Q(state="asked")
            ),
            models.CheckConstraint(
                name="attempt_answered_as_it_went",
                condition=Q(
                    state="asked",
                    moved_fen=0,
                    moved_on__isnull=True,
                    answered_on__isnull=True,
                    settled_on__isnull=True,
                )
                | Q(
                    state="moved",
                    moved_fen__gt=0,
                    moved_fen__lte=F("amount_fen"),
                    moved_on__isnull=False,
                    answered_on__isnull=False,
                )
                | Q(state="failed", moved_fen=0, moved_on__isnull=True, answered_on__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                name="attempt_to_settle",
                fields=["id"],
                condition=Q(settled_on__isnull=True) & ~Q(state="asked"),
            )
        ]

    def __str__(self) -> str:
        return self.reference
