"""Money received for a line, what bounced of it, and what the past is corrected by."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from huabei.models.lines import Line
from huabei.models.purchases import Purchase


class Repayment(models.Model):
    """Money received for a line and how it was allocated. Never changed."""

    # Whether a service answers with it once more, for a request that was made before.
    repeated: bool = False

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="repayments")
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    amount_fen = models.BigIntegerField(_("amount"))
    received_on = models.DateField(_("received on"))
    # The day from which it counts: an earlier one when the money was on its way, or was booked late.
    value_on = models.DateField(_("counts from"))
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
                name="repayment_counts_from_the_past", condition=Q(value_on__lte=F("received_on"))
            ),
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


class CorrectionCause(models.TextChoices):
    BACKDATED = "backdated", _("a repayment that counts from an earlier day")
    BOUNCED = "bounced", _("a repayment that was taken back")
    PURCHASE_REVERSED = "purchase_reversed", _("a purchase that was taken back")


class Correction(models.Model):
    """
    The past of a line, corrected: what a late fact changed of the charges that were posted. Never changed.

    The figures are differences in fen, negative where less is owed. The statement that comes next shows them; what was issued
    stays as it is.
    """

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(Line, on_delete=models.PROTECT, db_index=False, related_name="corrections")
    cause = models.CharField(_("cause"), max_length=20, choices=CorrectionCause.choices)
    repayment = models.ForeignKey(Repayment, on_delete=models.PROTECT, null=True, related_name="corrections")
    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, null=True, related_name="corrections")
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    amount_fen = models.BigIntegerField(_("amount"))
    value_on = models.DateField(_("counts from"))
    corrected_on = models.DateField(_("corrected on"))
    interest_fen = models.BigIntegerField(_("interest"))
    penalty_fen = models.BigIntegerField(_("penalty"))
    fee_fen = models.BigIntegerField(_("fees"))
    entry_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        constraints = [
            models.CheckConstraint(
                name="correction_cause_known", condition=Q(cause__in=CorrectionCause.values)
            ),
            models.CheckConstraint(
                name="correction_is_of_one_fact",
                condition=Q(cause="purchase_reversed", purchase__isnull=False, repayment__isnull=True)
                | Q(cause__in=["backdated", "bounced"], purchase__isnull=True, repayment__isnull=False),
            ),
            models.CheckConstraint(
                name="correction_of_the_past",
                condition=Q(amount_fen__gt=0) & Q(value_on__lte=F("corrected_on")),
            ),
            # A repayment bounces once, a purchase is taken back once.
            models.UniqueConstraint(
                name="correction_once_per_repayment",
                fields=["repayment", "cause"],
                condition=Q(repayment__isnull=False),
            ),
            models.UniqueConstraint(
                name="correction_once_per_purchase", fields=["purchase"], condition=Q(purchase__isnull=False)
            ),
        ]
        indexes = [models.Index(name="correction_by_line", fields=["line", "corrected_on"])]

    def __str__(self) -> str:
        return f"{self.cause} {self.value_on}"

    @property
    def charges_fen(self) -> int:
        """What it changed of the charges that were posted: negative where less is owed."""
        return self.interest_fen + self.penalty_fen + self.fee_fen
