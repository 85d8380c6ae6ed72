"""Sellers who are suspended: nothing is paid out to them and nothing lent against their orders until they are reinstated."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lending.models.orders import Seller


class SellerChangeKind(models.TextChoices):
    SUSPENDED = "suspended", _("suspended")
    REINSTATED = "reinstated", _("reinstated")


class SellerCause(models.TextChoices):
    """Why a seller is suspended, or reinstated."""

    FAKE_SHIPMENT = "fake_shipment", _("suspected fake shipments")
    COMPLAINTS = "complaints", _("complaints of buyers")
    PLATFORM = "platform", _("suspended by the platform")
    AUTHORITY = "authority", _("an order of an authority")
    CLEARED = "cleared", _("cleared up")
    MISTAKE = "mistake", _("suspended by mistake")


REINSTATING = (SellerCause.CLEARED, SellerCause.MISTAKE)
SUSPENDING = tuple(cause for cause in SellerCause if cause not in REINSTATING)
# Whom such a cause concerns is not told of it while it is looked into.
SUSPICIONS = (SellerCause.FAKE_SHIPMENT,)


class SellerChange(models.Model):
    """A seller was suspended or reinstated. Never changed; `Seller.is_suspended` is what the last one says."""

    id = models.BigAutoField(primary_key=True)
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, db_index=False, related_name="changes")
    kind = models.CharField(_("kind"), max_length=10, choices=SellerChangeKind.choices)
    cause = models.CharField(_("cause"), max_length=16, choices=SellerCause.choices)
    note = models.CharField(_("note"), max_length=200, blank=True)
    # "staff:" and the number of a login, or "platform".
    by = models.CharField(_("by"), max_length=24)
    changed_on = models.DateField(_("changed on"))
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("change of a seller")
        verbose_name_plural = _("changes of sellers")
        permissions = [("suspend_seller", "Can suspend sellers and reinstate them")]
        constraints = [
            models.UniqueConstraint(name="seller_change_once_per_reference", fields=["seller", "reference"]),
            models.CheckConstraint(
                name="seller_change_sensible",
                condition=Q(kind="suspended", cause__in=SUSPENDING)
                | Q(kind="reinstated", cause__in=REINSTATING),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.changed_on}"

    @property
    def cause_as_told(self) -> str:
        """How the cause is called to whom it concerns: a suspicion is being looked into, and no more is said of it."""
        return gettext("under review") if self.cause in SUSPICIONS else str(SellerCause(self.cause).label)
