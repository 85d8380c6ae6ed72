"""What merchants are paid: the terms they settle on, what was settled with each on a day, and its payment."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from huabei.models.purchases import Merchant


class MerchantTerms(models.Model):
    """What merchants pay, from a date on until the next row's. A version is never changed once it is in force."""

    effective_from = models.DateField(_("effective from"), unique=True)
    discount_rate = models.DecimalField(
        _("merchants' discount"), max_digits=7, decimal_places=6, default=Decimal(0)
    )

    class Meta:
        verbose_name = _("terms of merchants")
        verbose_name_plural = _("terms of merchants")
        ordering = ["-effective_from"]
        constraints = [
            models.CheckConstraint(
                name="merchant_terms_discount_sensible", condition=Q(discount_rate__range=(0, Decimal("0.1")))
            )
        ]

    def __str__(self) -> str:
        return f"{self.effective_from}"


class Settlement(models.Model):
    """
    What a day's close settled with one merchant: all that moved on its account since the settlement before. Never changed.

    `amount_fen` is to be paid out where it is positive; otherwise nothing is, and the next settlement carries it.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    merchant = models.ForeignKey(
        Merchant, on_delete=models.PROTECT, db_index=False, related_name="settlements"
    )
    settled_on = models.DateField(_("settled on"))
    captured_fen = models.BigIntegerField(_("captured"))
    refunded_fen = models.BigIntegerField(_("refunded"))
    reversed_fen = models.BigIntegerField(_("taken back"))
    subsidy_fen = models.BigIntegerField(_("fees paid for customers"))
    discount_fen = models.BigIntegerField(_("merchants' discount"))
    carried_fen = models.BigIntegerField(_("carried over"))
    amount_fen = models.BigIntegerField(_("settled"))
    # None where neither a discount nor anything to pay out was posted.
    entry_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("settlement")
        verbose_name_plural = _("settlements")
        constraints = [
            models.UniqueConstraint(
                name="settlement_once_per_merchant_and_day", fields=["merchant", "settled_on"]
            ),
            models.CheckConstraint(
                name="settlement_adds_up",
                condition=Q(
                    amount_fen=F("carried_fen")
                    + F("captured_fen")
                    - F("refunded_fen")
                    - F("reversed_fen")
                    - F("subsidy_fen")
                    - F("discount_fen"),
                    captured_fen__gte=0,
                    refunded_fen__gte=0,
                    reversed_fen__gte=0,
                    subsidy_fen__gte=0,
                    carried_fen__lte=0,
                ),
            ),
            models.CheckConstraint(
                name="settlement_to_pay_is_posted", condition=Q(amount_fen__lte=0) | Q(entry_id__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.settled_on}"


class SettlementPayment(models.Model):
    """The payment that brought a settlement to its merchant. Never changed."""

    settlement = models.OneToOneField(
        Settlement, on_delete=models.PROTECT, primary_key=True, related_name="payment"
    )
    reference = models.CharField(_("reference"), max_length=80, unique=True)
    amount_fen = models.BigIntegerField(_("amount"))
    paid_on = models.DateField(_("paid on"))
    entry_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("payment of a settlement")
        verbose_name_plural = _("payments of settlements")
        constraints = [
            models.CheckConstraint(name="settlement_payment_positive", condition=Q(amount_fen__gt=0))
        ]

    def __str__(self) -> str:
        return self.reference
