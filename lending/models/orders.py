"""Orders that order loans are lent against: what the shop's platform told of them, and which of them are pledged."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.models import Customer
from lending.models.loans import Loan
from lending.models.products import Product


class OrderRule(models.Model):
    """From a day on, how much orders are worth as a pledge of a product, and which count for nothing."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="order_rules")
    effective_from = models.DateField(_("from"))
    advance_rate = models.DecimalField(_("lent of an order"), max_digits=6, decimal_places=5)
    minimum_shop_months = models.SmallIntegerField(_("months that a shop must have traded"))
    largest_buyer_share = models.DecimalField(
        _("largest share of a buyer of several orders"), max_digits=6, decimal_places=5
    )
    fastest_minutes = models.SmallIntegerField(_("minutes from shipping to confirming that are too few"))
    longest_shipped_days = models.SmallIntegerField(_("days after shipping for which an order counts"))
    highest_refund_rate = models.DecimalField(_("highest share refunded"), max_digits=6, decimal_places=5)
    observed_days = models.SmallIntegerField(_("days over which it is counted"))
    observed_orders = models.SmallIntegerField(_("orders from which on it is counted"))

    class Meta:
        verbose_name = _("rule of order loans")
        verbose_name_plural = _("rules of order loans")
        constraints = [
            models.UniqueConstraint(name="order_rule_once_per_day", fields=["product", "effective_from"]),
            models.CheckConstraint(
                name="order_rule_sensible",
                condition=Q(
                    advance_rate__gt=0,
                    advance_rate__lte=1,
                    largest_buyer_share__range=(0, 1),
                    highest_refund_rate__range=(0, 1),
                    minimum_shop_months__gte=0,
                    fastest_minutes__gte=0,
                    longest_shipped_days__gte=1,
                    observed_days__gte=1,
                    observed_orders__gte=1,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_id} {self.effective_from}"


class Seller(models.Model):
    """A customer who sells on a platform that tells of their orders. What is left of proceeds is owed to them."""

    customer = models.OneToOneField(
        Customer, on_delete=models.PROTECT, primary_key=True, related_name="seller"
    )
    trading_since = models.DateField(_("trading since"))
    payable_account_id = models.BigIntegerField(unique=True)
    is_suspended = models.BooleanField(_("suspended"), default=False)

    class Meta:
        verbose_name = _("seller")
        verbose_name_plural = _("sellers")

    def __str__(self) -> str:
        return str(self.customer)


class SellerOrder(models.Model):
    """An order that was shipped, as the platform told it. Of who bought it only blind indexes are kept."""

    id = models.BigAutoField(primary_key=True)
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="orders")
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    amount_fen = models.BigIntegerField(_("amount"))
    buyer = models.CharField(_("buyer"), max_length=64)
    buyer_phone_index = models.BinaryField(max_length=32, null=True)
    buyer_national_id_index = models.BinaryField(max_length=32, null=True)
    shipped_at = models.DateTimeField(_("shipped at"))
    shipped_on = models.DateField(_("shipped on"))
    told_on = models.DateField(_("told on"))

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["shipped_at", "id"]
        constraints = [
            models.UniqueConstraint(name="seller_order_once_per_reference", fields=["seller", "reference"]),
            models.CheckConstraint(name="seller_order_amount_positive", condition=Q(amount_fen__gt=0)),
            models.CheckConstraint(
                name="seller_order_told_after_shipping", condition=Q(told_on__gte=F("shipped_on"))
            ),
        ]
        indexes = [models.Index(name="seller_order_by_day", fields=["seller", "shipped_on"])]

    def __str__(self) -> str:
        return self.reference


class OrderEventKind(models.TextChoices):
    CONFIRMED = "confirmed", _("confirmed")
    SETTLED = "settled", pgettext_lazy("order", "settled")
    REFUNDED = "refunded", _("refunded")
    UNDONE = "undone", _("settlement taken back")


class OrderEvent(models.Model):
    """
    What became of an order. It is confirmed once and settled once, and refunded once per reference. What was settled and came
    to the books may be undone once, by the lender.
    """

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(SellerOrder, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(_("kind"), max_length=9, choices=OrderEventKind.choices)
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    amount_fen = models.BigIntegerField(_("amount"))
    happened_at = models.DateTimeField(_("happened at"))
    booked_on = models.DateField(_("booked on"))
    # Of a settlement: what went to the loan and what to the seller. Of a refund: what is collected because of it; so it is of
    # the undoing of a settlement, for what was refunded while that stood.
    to_loan_fen = models.BigIntegerField(_("to the loan"), default=0)
    to_seller_fen = models.BigIntegerField(_("to the seller"), default=0)
    recalled_fen = models.BigIntegerField(_("called in"), default=0)
    entry_id = models.BigIntegerField(null=True)
    # The settlement that this undoes, and why.
    undoes = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="undone_by")
    cause = models.CharField(_("cause"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("event of an order")
        verbose_name_plural = _("events of orders")
        ordering = ["id"]
        constraints = [
            # The platform's references; an undoing has the lender's.
            models.UniqueConstraint(
                name="order_event_once_per_reference",
                fields=["order", "reference"],
                condition=~Q(kind="undone"),
            ),
            models.UniqueConstraint(
                name="order_event_confirmed_once", fields=["order"], condition=Q(kind="confirmed")
            ),
            models.UniqueConstraint(
                name="order_event_settled_once", fields=["order"], condition=Q(kind="settled")
            ),
            models.CheckConstraint(
                name="order_event_as_its_kind",
                condition=Q(kind="confirmed", amount_fen=0, to_loan_fen=0, to_seller_fen=0, recalled_fen=0)
                | Q(
                    kind="settled",
                    amount_fen__gt=0,
                    to_loan_fen__gte=0,
                    to_seller_fen__gte=0,
                    recalled_fen=0,
                    entry_id__isnull=False,
                    amount_fen=F("to_loan_fen") + F("to_seller_fen"),
                )
                | Q(kind="settled", amount_fen__gt=0, to_loan_fen=0, to_seller_fen=0, entry_id__isnull=True)
                | Q(
                    kind="refunded",
                    amount_fen__gt=0,
                    to_loan_fen=0,
                    to_seller_fen=0,
                    recalled_fen__gte=0,
                )
                | Q(
                    kind="undone",
                    amount_fen__gt=0,
                    to_loan_fen=0,
                    to_seller_fen=0,
                    recalled_fen__gte=0,
                    entry_id__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="order_event_undoes_a_settlement",
                condition=Q(kind="undone", undoes__isnull=False)
                | (~Q(kind="undone") & Q(undoes__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(name="order_event_calling_in", fields=["booked_on"], condition=Q(recalled_fen__gt=0))
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class Release(models.TextChoices):
    SETTLED = "settled", pgettext_lazy("order", "settled")
    REFUNDED = "refunded", _("refunded")
    ENDED = "ended", _("the loan ended")
    CANCELLED = "cancelled", _("the loan was cancelled")


# How a pledge stands that stands for its loan.
HELD = "held"


class Pledge(models.Model):
    """
    An order that stands for a part of a loan's principal, from signing until it is released.

    An order is pledged once; only a loan that never ran gives it back.
    """

    id = models.BigAutoField(primary_key=True)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="pledges")
    order = models.ForeignKey(SellerOrder, on_delete=models.PROTECT, related_name="pledges")
    amount_fen = models.BigIntegerField(_("worth"))
    share_fen = models.BigIntegerField(_("of the principal"))
    # What was refunded of the order before: the share stands for the rest of it.
    refunded_before_fen = models.BigIntegerField(_("refunded before"), default=0)
    pledged_on = models.DateField(_("pledged on"))
    released_on = models.DateField(_("released on"), null=True)
    release = models.CharField(_("released because"), max_length=9, choices=Release.choices, default="")

    class Meta:
        verbose_name = _("pledged order")
        verbose_name_plural = _("pledged orders")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                name="pledge_once_per_order", fields=["order"], condition=~Q(release="cancelled")
            ),
            models.CheckConstraint(
                name="pledge_share_within_worth",
                condition=Q(share_fen__gt=0, share_fen__lte=F("amount_fen")),
            ),
            models.CheckConstraint(
                name="pledge_refunded_before_sensible", condition=Q(refunded_before_fen__gte=0)
            ),
            models.CheckConstraint(
                name="pledge_released_for_a_reason",
                condition=Q(release="", released_on__isnull=True)
                | Q(release__in=Release.values, released_on__isnull=False, released_on__gte=F("pledged_on")),
            ),
        ]
        indexes = [models.Index(name="pledge_held", fields=["loan"], condition=Q(release=""))]

    def __str__(self) -> str:
        return f"{self.loan_id} {self.order_id}"


class ProceedsPayment(models.Model):
    """The payment that brought a seller what the loan left of an order's proceeds. Never changed."""

    event = models.OneToOneField(
        OrderEvent, on_delete=models.PROTECT, primary_key=True, related_name="payment"
    )
    reference = models.CharField(_("reference"), max_length=80, unique=True)
    amount_fen = models.BigIntegerField(_("amount"))
    paid_on = models.DateField(_("paid on"))
    entry_id = models.BigIntegerField(unique=True)

    class Meta:
        verbose_name = _("payment of proceeds")
        verbose_name_plural = _("payments of proceeds")
        constraints = [
            models.CheckConstraint(name="proceeds_payment_positive", condition=Q(amount_fen__gt=0))
        ]

    def __str__(self) -> str:
        return self.reference
