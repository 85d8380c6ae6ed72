"""Money received for a line."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from huabei.models.lines import Line


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
