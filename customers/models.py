"""People and shops, who they are, and what they allowed."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Login(AbstractUser):
    """Who may sign in: staff, or a borrower through the customer that points here."""

    class Meta(AbstractUser.Meta):
        verbose_name = _("login")  # type: ignore[assignment]
        verbose_name_plural = _("logins")  # type: ignore[assignment]


class Customer(models.Model):
    """
    A person. National ID and phone are stored encrypted; each has a keyed blind index to be found by.

    One customer per national ID, kept by the database.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    login = models.OneToOneField(
        Login, null=True, blank=True, on_delete=models.SET_NULL, related_name="customer"
    )
    full_name = models.CharField(_("name"), max_length=80)
    born_on = models.DateField(_("born on"))
    is_student = models.BooleanField(_("student"), default=False)
    national_id_encrypted = models.BinaryField()
    national_id_index = models.BinaryField(max_length=32)
    phone_encrypted = models.BinaryField(null=True)
    phone_index = models.BinaryField(max_length=32, null=True)
    identity_verified_on = models.DateField(_("identity verified on"), null=True, blank=True)
    registered_on = models.DateField(_("registered on"))

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.UniqueConstraint(name="customer_one_per_national_id", fields=["national_id_index"]),
            models.CheckConstraint(
                name="customer_born_before_registered", condition=Q(born_on__lt=F("registered_on"))
            ),
        ]
        indexes = [models.Index(name="customer_by_phone", fields=["phone_index"])]

    def __str__(self) -> str:
        return self.full_name


class Shop(models.Model):
    """A shop that customers buy in. Whether it accepts a product, that product knows."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=80)
    category = models.CharField(_("category"), max_length=40)
    registered_on = models.DateField(_("registered on"))

    class Meta:
        verbose_name = _("shop")
        verbose_name_plural = _("shops")

    def __str__(self) -> str:
        return self.name


class Consent(models.Model):
    """What a customer allowed, from when until when. Withdrawing is as easy as granting; both leave their instant."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="consents")
    purpose = models.CharField(_("purpose"), max_length=40)
    granted_at = models.DateTimeField(_("granted at"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            models.UniqueConstraint(
                name="consent_one_live_per_purpose",
                fields=["customer", "purpose"],
                condition=Q(withdrawn_at__isnull=True),
            ),
            models.CheckConstraint(
                name="consent_withdrawn_after_granted",
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("granted_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} ({self.customer_id})"
