"""
The simulated gateway's own books: what it would keep elsewhere, and nothing of ours reads but through the gateway's port.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class SimulatedAccount(models.Model):
    """The money behind one token."""

    token = models.CharField(primary_key=True, max_length=64)
    balance_fen = models.BigIntegerField(_("balance"))

    class Meta:
        verbose_name = _("simulated account")
        verbose_name_plural = _("simulated accounts")
        constraints = [
            models.CheckConstraint(name="simulated_balance_not_negative", condition=Q(balance_fen__gte=0))
        ]

    def __str__(self) -> str:
        return self.token


class Behaviour(models.TextChoices):
    """How the simulated gateway treats a request; each is used up by one request to its token."""

    WORKS = "works", "works"
    FAILS = "fails", "fails"
    TIMES_OUT_BEFORE = "times_out_before", "times out before it does anything"
    TIMES_OUT_AFTER = "times_out_after", "times out after it has moved the money"
    ANSWERS_LATER = "answers_later", "moves the money and says so only when it is told to"


class SimulatedScript(models.Model):
    """What the gateway is to do with the next request to a token, in the order of the rows."""

    id = models.BigAutoField(primary_key=True)
    token = models.CharField(max_length=64, db_index=True)
    behaviour = models.CharField(max_length=20, choices=Behaviour.choices)

    def __str__(self) -> str:
        return f"{self.token}: {self.behaviour}"


class SimulatedRequest(models.Model):
    """A request that arrived, under its idempotency key, what became of it, and whether anybody may be told yet."""

    reference = models.CharField(primary_key=True, max_length=64)
    token = models.CharField(max_length=64)
    direction = models.CharField(max_length=8)
    amount_fen = models.BigIntegerField()
    asked_on = models.DateField()
    moved_fen = models.BigIntegerField(default=0)
    declined = models.CharField(max_length=24, blank=True, default="")
    told = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.reference
