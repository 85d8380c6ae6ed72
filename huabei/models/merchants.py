"""
What merchants are: suspended or not, when their purchases post, which categories may be bought at all; and what they are
paid: the terms they settle on, what was settled with each on a day, and its payment.
"""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from huabei.models.limits import Changed
from huabei.models.purchases import Merchant


class Posting(models.TextChoices):
    """When a merchant's purchases post: become the customer's debt and what the merchant is owed."""

    PAYMENT = "payment", _("at payment")
    RECEIPT = "receipt", _("on confirmed receipt")


class MerchantChangeKind(models.TextChoices):
    SUSPENDED = "suspended", _("suspended")
    REINSTATED = "reinstated", _("reinstated")
    POSTING = "posting", _("posting changed")


class MerchantChange(Changed):
    """
    A merchant was suspended or reinstated, or its purchases post otherwise from a day on. Never changed.

    A merchant of whom no posting is said posts at payment. `Merchant.is_accepting` is what the last suspension or
    reinstatement says.
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, db_index=False, related_name="changes")
    kind = models.CharField(_("kind"), max_length=10, choices=MerchantChangeKind.choices)
    changed_on = models.DateField(_("changed on"))
    effective_from = models.DateField(_("effective from"))
    posting = models.CharField(_("posts"), max_length=8, choices=Posting.choices, blank=True)

    class Meta:
        verbose_name = _("change of a merchant")
        verbose_name_plural = _("changes of merchants")
        constraints = [
            models.UniqueConstraint(
                name="merchant_change_once_per_reference", fields=["merchant", "reference"]
            ),
            # Also how the authorising statement finds the posting of a day.
            models.UniqueConstraint(
                name="merchant_posting_once_per_day",
                fields=["merchant", "effective_from"],
                condition=Q(kind="posting"),
            ),
            models.CheckConstraint(
                name="merchant_change_sensible",
                condition=Q(kind="posting", posting__in=Posting.values, effective_from__gte=F("changed_on"))
                | Q(kind__in=["suspended", "reinstated"], posting="", effective_from=F("changed_on")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.changed_on}"


class CategoryRule(Changed):
    """Whether shops of a category may be paid by line, from a day on until the next rule's. Without one they may."""

    category = models.CharField(_("category"), max_length=40)
    name = models.CharField(_("name in English"), max_length=60)
    name_zh = models.CharField(_("name in Chinese"), max_length=60)
    effective_from = models.DateField(_("effective from"))
    is_allowed = models.BooleanField(_("may be paid by line"))

    class Meta:
        verbose_name = _("rule of a category")
        verbose_name_plural = _("rules of categories")
        permissions = [("rule_category", "Can say which categories may be paid by line")]
        ordering = ["category", "-effective_from"]
        constraints = [
            models.UniqueConstraint(name="category_rule_once_per_day", fields=["category", "effective_from"]),
            models.UniqueConstraint(
                name="category_rule_once_per_reference", fields=["category", "reference"]
            ),
        ]

    def __str__(self) -> str:
        return self.name_zh if (get_language() or "").startswith("zh") else self.name


class MerchantTerms(models.Model):
    """What merchants pay, from a date on until the next row's. A version is never changed once it is in force."""

    effective_from = models.DateField(_("effective from"), unique=True)
    discount_rate = models.DecimalField(
        _("merchants' discount"), max_digits=7, decimal_places=6, default=Decimal(0)
    )
    receipt_days = models.SmallIntegerField(
        _("days after which a purchase is taken as received"), default=15, db_default=15
    )
    receipt_reminder_days = models.SmallIntegerField(
        _("days before that on which its buyer is reminded"), default=3, db_default=3
    )

    class Meta:
        verbose_name = _("terms of merchants")
        verbose_name_plural = _("terms of merchants")
        ordering = ["-effective_from"]
        constraints = [
            models.CheckConstraint(
                name="merchant_terms_discount_sensible", condition=Q(discount_rate__range=(0, Decimal("0.1")))
            ),
            models.CheckConstraint(
                name="merchant_terms_receipt_sensible", condition=Q(receipt_days__range=(1, 90))
            ),
            models.CheckConstraint(
                name="merchant_terms_reminder_sensible", condition=Q(receipt_reminder_days__range=(0, 30))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.effective_from}"


class HoldBack(models.Model):
    """
    From which day on what is settled with a suspended merchant is held back; payments asked for earlier are not judged by it.
    Never changed. A bank that paid merchants before it held anything back has a row, which its upgrade wrote.
    """

    since = models.DateField(_("since"), unique=True)

    class Meta:
        verbose_name = _("beginning of holding back")
        verbose_name_plural = _("beginnings of holding back")

    def __str__(self) -> str:
        return f"{self.since}"


class Settlement(models.Model):
    """
    What a day's close settled with one merchant: all that moved on its account since the settlement before. Never changed.

    `amount_fen` is to be paid out where it is positive; otherwise nothing is, and the next settlement carries it.
    """

    # Whether its payment waits for the merchant to be reinstated; said by `merchant_history.with_holds`.
    is_held_back: bool = False

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
