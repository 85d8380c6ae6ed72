"""What an owner shares of a line with another person (亲密付), and credit that is paid out."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Now
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from huabei.models.lines import Line
from huabei.models.purchases import Purchase


class ShareTerms(models.Model):
    """Between what a monthly cap must be, from a date on until the next row's."""

    effective_from = models.DateField(_("effective from"), unique=True)
    smallest_cap_fen = models.BigIntegerField(_("smallest monthly cap"), default=100_00)
    largest_cap_fen = models.BigIntegerField(_("largest monthly cap"), default=20_000_00)

    class Meta:
        verbose_name = _("terms of shared lines")
        verbose_name_plural = _("terms of shared lines")
        ordering = ["-effective_from"]
        constraints = [
            models.CheckConstraint(
                name="share_terms_in_order",
                condition=Q(smallest_cap_fen__gt=0, largest_cap_fen__gte=F("smallest_cap_fen")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.effective_from}"


class ShareStatus(models.TextChoices):
    INVITED = "invited", _("invited")
    ACTIVE = "active", _("active")
    CLOSED = "closed", _("closed")


class SharedLine(models.Model):
    """The owner of a line lets somebody spend up to a monthly cap with it. The owner owes what is spent."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="shares")
    beneficiary = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(_("status"), max_length=8, choices=ShareStatus.choices)
    monthly_cap_fen = models.BigIntegerField(_("monthly cap"))
    invited_on = models.DateField(_("invited on"))

    class Meta:
        verbose_name = _("shared line")
        verbose_name_plural = _("shared lines")
        constraints = [
            models.UniqueConstraint(
                name="share_one_live_per_person",
                fields=["line", "beneficiary"],
                condition=~Q(status="closed"),
            ),
            models.CheckConstraint(name="share_status_known", condition=Q(status__in=ShareStatus.values)),
            models.CheckConstraint(name="share_cap_positive", condition=Q(monthly_cap_fen__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.uuid}"


class ShareChangeKind(models.TextChoices):
    INVITED = "invited", _("invited")
    ACCEPTED = "accepted", _("accepted")
    CAP = "cap", _("cap changed")
    CLOSED = "closed", _("closed")


class ShareChange(models.Model):
    """What happened to a share, and who did it: "owner", "beneficiary". Never changed."""

    id = models.BigAutoField(primary_key=True)
    share = models.ForeignKey(SharedLine, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(_("kind"), max_length=8, choices=ShareChangeKind.choices)
    by = models.CharField(_("by"), max_length=24)
    changed_on = models.DateField(_("changed on"))
    cap_fen = models.BigIntegerField(_("monthly cap"))
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("change of a shared line")
        verbose_name_plural = _("changes of shared lines")
        constraints = [
            models.CheckConstraint(
                name="share_change_kind_known", condition=Q(kind__in=ShareChangeKind.values)
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.changed_on}"


class ShareInvitation(models.Model):
    """
    Whom an owner wants to share a line with, as the owner knows them. It looks alike whether it reached anybody or not, so
    that nobody learns here who is a customer. It ends when the other person accepts or the owner takes it back.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    line = models.ForeignKey(Line, on_delete=models.PROTECT, db_index=False, related_name="invitations")
    full_name = models.CharField(_("name"), max_length=64)
    phone_index = models.BinaryField(max_length=32)
    masked_phone = models.CharField(_("phone"), max_length=16)
    monthly_cap_fen = models.BigIntegerField(_("monthly cap"))
    invited_on = models.DateField(_("invited on"))
    # Empty where there is nobody of this name and phone.
    share = models.OneToOneField(
        SharedLine, on_delete=models.PROTECT, null=True, blank=True, related_name="invitation"
    )
    ended_on = models.DateField(_("ended on"), null=True, blank=True)

    class Meta:
        verbose_name = _("invitation to a shared line")
        verbose_name_plural = _("invitations to shared lines")
        constraints = [
            models.UniqueConstraint(
                name="share_invitation_one_live_per_person",
                fields=["line", "phone_index", "full_name"],
                condition=Q(ended_on__isnull=True),
            ),
            models.CheckConstraint(name="share_invitation_cap_positive", condition=Q(monthly_cap_fen__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.uuid}"


class ShareMonth(models.Model):
    """
    What somebody spent or reserved with another's line of a calendar month's cap, through whichever share of it: one that
    ended and is offered again goes on where it stood. PostgreSQL refuses what the cap does not cover.
    """

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(
        Line, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    beneficiary = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    month = models.DateField(_("month"))
    cap_fen = models.BigIntegerField(_("monthly cap"))
    # What the owner set; `cap_fen` is more while more was spent already when it was lowered.
    wanted_cap_fen = models.BigIntegerField(_("monthly cap that the owner set"))
    spent_fen = models.BigIntegerField(_("spent"))

    class Meta:
        verbose_name = _("month of a shared line")
        verbose_name_plural = _("months of shared lines")
        constraints = [
            models.UniqueConstraint(name="share_month_once", fields=["line", "beneficiary", "month"]),
            models.CheckConstraint(
                name="share_month_within_cap", condition=Q(spent_fen__gte=0, spent_fen__lte=F("cap_fen"))
            ),
            # So what is given back of a month lowers a cap that was more than the owner set. What is spent beyond the cap
            # is the other one's to refuse.
            models.CheckConstraint(
                name="share_month_cap_as_wanted",
                condition=Q(cap_fen=Greatest(F("wanted_cap_fen"), F("spent_fen")))
                | Q(spent_fen__gt=F("cap_fen")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class SharedPurchase(models.Model):
    """A purchase that was made through a share, and the month whose cap it counts towards. Never changed."""

    purchase = models.OneToOneField(
        Purchase, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="shared"
    )
    share = models.ForeignKey(
        SharedLine, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="purchases"
    )
    month = models.DateField(_("month"))

    class Meta:
        verbose_name = _("purchase through a shared line")
        verbose_name_plural = _("purchases through shared lines")
        indexes = [models.Index(name="shared_purchase_by_share", fields=["share", "month"])]

    def __str__(self) -> str:
        return f"{self.purchase_id}"


class CreditPayout(models.Model):
    """
    A customer's credit that is paid to the customer: it is no credit from `paid_on` on. One that goes through payments is
    under way until it has an end. Never changed.
    """

    # Whether a service answers with it once more, for a request that was made before.
    repeated: bool = False

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(Line, on_delete=models.PROTECT, db_index=False, related_name="credit_payouts")
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    amount_fen = models.BigIntegerField(_("amount"))
    by = models.CharField(_("by"), max_length=24)
    paid_on = models.DateField(_("paid on"))
    entry_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("credit paid out")
        verbose_name_plural = _("credit paid out")
        constraints = [
            models.UniqueConstraint(name="credit_payout_once_per_reference", fields=["line", "reference"]),
            models.CheckConstraint(name="credit_payout_positive", condition=Q(amount_fen__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.paid_on}"


class CreditPayoutEnd(models.Model):
    """What became of a payout that went through payments: it arrived, or it is the customer's credit again. Never changed."""

    payout = models.OneToOneField(
        CreditPayout, on_delete=models.PROTECT, primary_key=True, related_name="end"
    )
    arrived = models.BooleanField(_("arrived"))
    ended_on = models.DateField(_("ended on"))
    entry_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("end of a payout of credit")
        verbose_name_plural = _("ends of payouts of credit")

    def __str__(self) -> str:
        return f"{self.payout_id}"
