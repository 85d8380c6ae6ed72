"""Where an owner's money comes from and goes to, in the owner's own order, and what may be collected without asking again."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Deferrable, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class SourceKind(models.TextChoices):
    WALLET = "wallet", _("wallet balance")
    MONEY_MARKET = "money_market", _("money-market wallet")
    CARD = "card", _("bank card")


class FundingSource(models.Model):
    """
    One wallet or card of an owner, by the name that the gateway gave it.

    Its owner is an opaque UUID, a customer's or a shop's, as in the ledger. A source that is removed keeps its row and loses
    its place in the order.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    owner = models.UUIDField(_("owner"))
    kind = models.CharField(_("kind"), max_length=12, choices=SourceKind.choices)
    # What tells it from others of its kind, such as a card's last four digits; empty for a wallet.
    name = models.CharField(_("name"), max_length=64, blank=True)
    # What the gateway calls it; opaque, and no number of an account.
    token = models.CharField(_("token"), max_length=64)
    position = models.SmallIntegerField(_("place in the order"), null=True)
    autopay = models.BooleanField(_("autopay"))
    added_on = models.DateField(_("added on"))
    removed_on = models.DateField(_("removed on"), null=True)

    class Meta:
        verbose_name = _("funding source")
        verbose_name_plural = _("funding sources")
        constraints = [
            # Deferred, so that one statement may put all of an owner's sources into another order.
            models.UniqueConstraint(
                name="source_one_per_place", fields=["owner", "position"], deferrable=Deferrable.DEFERRED
            ),
            models.UniqueConstraint(
                name="source_token_used_once", fields=["token"], condition=Q(removed_on__isnull=True)
            ),
            models.CheckConstraint(
                name="source_removed_has_no_place",
                condition=Q(removed_on__isnull=True, position__isnull=False, position__gte=1)
                | Q(removed_on__isnull=False, position__isnull=True, autopay=False),
            ),
            models.CheckConstraint(name="source_kind_known", condition=Q(kind__in=SourceKind.values)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name}".strip()


class SourceEvent(models.Model):
    """What an owner did with a source, and when: the history of the order and of the consent. Never changed."""

    source = models.ForeignKey(FundingSource, on_delete=models.PROTECT, related_name="events")
    what = models.CharField(_("what"), max_length=12)
    position = models.SmallIntegerField(_("place in the order"), null=True)
    done_on = models.DateField(_("date"))
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("event of a source")
        verbose_name_plural = _("events of sources")
        constraints = [
            models.CheckConstraint(
                name="source_event_known",
                condition=Q(what__in=["added", "moved", "autopay_on", "autopay_off", "removed"]),
            )
        ]

    def __str__(self) -> str:
        return self.what


class AutopayAmount(models.TextChoices):
    FULL = "full", _("all that the statement asks for")
    MINIMUM = "minimum", _("the minimum")
    OFF = "off", _("no autopay")


class AutopayChoice(models.Model):
    """How much an owner lets be collected by itself for a purpose, from a date on. The latest row counts. Never changed."""

    id = models.BigAutoField(primary_key=True)
    owner = models.UUIDField(_("owner"))
    purpose = models.CharField(_("purpose"), max_length=32)
    amount = models.CharField(_("amount"), max_length=8, choices=AutopayAmount.choices)
    chosen_on = models.DateField(_("chosen on"))
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("choice of autopay")
        verbose_name_plural = _("choices of autopay")
        constraints = [
            models.CheckConstraint(name="autopay_amount_known", condition=Q(amount__in=AutopayAmount.values))
        ]
        indexes = [models.Index(name="autopay_choice_of_owner", fields=["owner", "purpose", "-id"])]

    def __str__(self) -> str:
        return self.amount
