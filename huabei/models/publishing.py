"""What every published version of some figures says of itself."""

from __future__ import annotations

from django.db import models
from django.db.models import BaseConstraint, F, Q
from django.utils.translation import gettext_lazy as _


class Published(models.Model):
    """
    Who published a version, when, why, and under which reference, which happens once. The versions that the product came
    with say nothing of it. A version is never changed.
    """

    published_on = models.DateField(_("published on"), null=True)
    by = models.CharField(_("by"), max_length=24, default="", db_default="")
    reason = models.CharField(_("reason"), max_length=200, default="", db_default="")
    reference = models.CharField(_("reference"), max_length=64, default="", db_default="")
    request_hash = models.BinaryField(max_length=32, null=True)

    # Whether this answers a request that was answered before; not kept.
    repeated = False

    class Meta:
        abstract = True


def published(name: str) -> list[BaseConstraint]:
    """The constraints of a kind of version: by whom, why, before it counts, and once per reference."""
    return [
        models.UniqueConstraint(
            name=f"{name}_once_per_reference", fields=["reference"], condition=~Q(reference="")
        ),
        models.CheckConstraint(
            name=f"{name}_published_before_it_counts",
            condition=Q(published_on__isnull=True, by="", reason="", reference="", request_hash__isnull=True)
            | Q(published_on__isnull=False, published_on__lt=F("effective_from"), request_hash__isnull=False)
            & ~Q(by="")
            & ~Q(reason="")
            & ~Q(reference=""),
        ),
    ]
