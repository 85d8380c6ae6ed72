"""Merchants, and what is bought from them with a line: purchases and their refunds."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now
from django.db.models.lookups import Exact, GreaterThan, In, IsNull
from django.utils.translation import gettext_lazy as _

from customers.models import Shop
from huabei.models.lines import Line


class Merchant(models.Model):
    """
    A shop that accepts lines, with the control accounts on which what it is owed is summed: until it is settled, and from
    then until it is paid out.
    """

    shop = models.OneToOneField(Shop, on_delete=models.PROTECT, primary_key=True, related_name="+")
    payable_account_id = models.BigIntegerField(unique=True)
    settlement_account_id = models.BigIntegerField(unique=True)
    is_accepting = models.BooleanField(_("accepting"), default=True)

    class Meta:
        verbose_name = _("merchant")
        verbose_name_plural = _("merchants")
        permissions = [
            ("suspend_merchant", "Can suspend merchants and reinstate them"),
            ("set_posting", "Can say when a merchant's purchases post"),
        ]

    def __str__(self) -> str:
        return f"{self.shop}"


class PurchaseState(models.TextChoices):
    AUTHORISED = "authorised", _("authorised")
    CAPTURED = "captured", _("captured")
    VOIDED = "voided", _("voided")
    EXPIRED = "expired", _("expired")
    REVERSED = "reversed", _("taken back")


class Purchase(models.Model):
    """
    One authorisation and what became of it. The merchant's reference makes it happen once.

    `authorised` while a hold waits, also when part of it was captured; `captured_fen` is the sum of its captures, `posted_on`
    the day of the first. `hold_transfer_id` is the hold that waits, or the last one.

    Where it `posts_on_receipt` the authorisation is the payment, and what is held waits for the buyer: `expires_on` is then
    the day on which it is taken as received, and `cancelled_fen` what the merchant gave back before.
    """

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
    cancelled_fen = models.BigIntegerField(_("given back before receipt"), default=0, db_default=0)
    posts_on_receipt = models.BooleanField(_("posts on receipt"), default=False, db_default=False)
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
                & Q(captured_fen__lte=F("amount_fen") - F("cancelled_fen"))
                & Q(cancelled_fen__gte=0)
                & Q(refunded_fen__gte=0)
                & Q(refunded_fen__lte=F("captured_fen")),
            ),
            # Said as shortly as can be: every authorisation parses this anew.
            models.CheckConstraint(
                name="purchase_captured_is_posted",
                condition=Q(Exact(GreaterThan(F("captured_fen"), 0), IsNull(F("posted_on"), False)))
                & (
                    Q(state="authorised")
                    | Q(
                        Exact(
                            In(F("state"), [Value("captured"), Value("reversed")]),
                            GreaterThan(F("captured_fen"), 0),
                        )
                    )
                ),
            ),
        ]
        indexes = [
            models.Index(name="purchase_by_line", fields=["line", "id"]),
            # A shop's own list, newest first, a page at a time.
            models.Index(name="purchase_by_merchant", fields=["merchant", "id"]),
            models.Index(name="purchase_holds", fields=["expires_on"], condition=Q(state="authorised")),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def left_fen(self) -> int:
        """What is neither captured nor cancelled; held while the purchase is authorised."""
        return self.amount_fen - self.captured_fen - self.cancelled_fen

    @property
    def kept_fen(self) -> int:
        """What the merchant charged and keeps, and the customer pays; nothing of a purchase that was taken back."""
        return 0 if self.state == PurchaseState.REVERSED else self.captured_fen - self.refunded_fen

    @property
    def came_back_fen(self) -> int:
        """What the merchant gave back, before receipt or after it was charged."""
        return self.refunded_fen + self.cancelled_fen

    @property
    def awaits_receipt(self) -> bool:
        """Whether it is paid and waits for the buyer to say that it came."""
        return self.posts_on_receipt and self.state == PurchaseState.AUTHORISED

    @property
    def receipt_expected_on(self) -> date | None:
        """The day on which it is taken as received, where it waits for its receipt."""
        return self.expires_on if self.awaits_receipt else None

    @property
    def paid_on(self) -> date | None:
        """The day on which it was paid: at once where it posts on receipt, else when it was posted; None before."""
        return self.authorised_on if self.posts_on_receipt else self.posted_on


class Receipt(models.Model):
    """
    That a purchase came, on which day, and who said so: the customer, or nobody when its time was over. Never changed.
    """

    # Whether a service answers with it once more, for what was confirmed before.
    repeated: bool = False

    purchase = models.OneToOneField(
        Purchase, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="receipt"
    )
    confirmed_on = models.DateField(_("confirmed on"))
    confirmed_by = models.UUIDField(_("confirmed by"), null=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")

    def __str__(self) -> str:
        return f"{self.confirmed_on}"

    @property
    def by_customer(self) -> bool:
        """Whether somebody confirmed it, rather than its time being over."""
        return self.confirmed_by is not None


class Capture(models.Model):
    """
    What a merchant took of an authorisation at once, and when it was posted; of it, what was refunded since.

    The merchant's reference makes it happen once per purchase; it is empty for one who captures without. `is_final` says that
    what was left of the authorisation was released with it.
    """

    # Whether a service answers with it once more, for a request that was made before.
    repeated: bool = False

    id = models.BigAutoField(primary_key=True)
    purchase = models.ForeignKey(
        Purchase, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="captures"
    )
    line = models.ForeignKey(
        Line, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="captures"
    )
    reference = models.CharField(_("reference"), max_length=64, blank=True)
    amount_fen = models.BigIntegerField(_("amount"))
    refunded_fen = models.BigIntegerField(_("refunded"), default=0, db_default=0)
    is_final = models.BooleanField(_("the last one"))
    posted_on = models.DateField(_("posted on"))
    hold_transfer_id = models.BigIntegerField()
    entry_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("capture")
        verbose_name_plural = _("captures")
        constraints = [
            models.UniqueConstraint(name="capture_once_per_reference", fields=["purchase", "reference"]),
            models.CheckConstraint(
                name="capture_refunded_within_amount",
                condition=Q(amount_fen__gt=0) & Q(refunded_fen__gte=0, refunded_fen__lte=F("amount_fen")),
            ),
        ]
        indexes = [models.Index(name="capture_by_line", fields=["line", "posted_on"])]

    def __str__(self) -> str:
        return f"{self.posted_on}"


class Refund(models.Model):
    """
    Money a merchant gave back, and where it went: off the debt, or to the customer's credit. Never changed.

    The merchant's reference makes it happen once per purchase; it is empty where a paid purchase was given up before receipt.
    """

    # Whether a service answers with it once more, for a request that was made before.
    repeated: bool = False

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="refunds")
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    amount_fen = models.BigIntegerField(_("amount"))
    to_unbilled_fen = models.BigIntegerField(_("off unbilled purchases"))
    to_instalment_fen = models.BigIntegerField(_("off instalments to come"), default=0, db_default=0)
    to_billed_fen = models.BigIntegerField(_("off the statement"))
    to_credit_fen = models.BigIntegerField(_("to the customer's credit"))
    # Before receipt, when nothing was posted yet: all of it is off what is reserved.
    to_hold_fen = models.BigIntegerField(_("off what was reserved"), default=0, db_default=0)
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
                & Q(
                    amount_fen=F("to_unbilled_fen")
                    + F("to_instalment_fen")
                    + F("to_billed_fen")
                    + F("to_credit_fen")
                    + F("to_hold_fen")
                )
                & Q(to_hold_fen__in=[0, F("amount_fen")])
                & Q(
                    to_unbilled_fen__gte=0,
                    to_instalment_fen__gte=0,
                    to_billed_fen__gte=0,
                    to_credit_fen__gte=0,
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.reference or f"{self.refunded_on}"


class RefundShare(models.Model):
    """The part of a refund that it takes from one capture. Never changed."""

    id = models.BigAutoField(primary_key=True)
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="shares")
    capture = models.ForeignKey(Capture, on_delete=models.PROTECT, related_name="refund_shares")
    amount_fen = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("share of a refund")
        verbose_name_plural = _("shares of refunds")
        constraints = [
            models.UniqueConstraint(name="refund_share_once_per_capture", fields=["refund", "capture"]),
            models.CheckConstraint(name="refund_share_positive", condition=Q(amount_fen__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.amount_fen} fen"
