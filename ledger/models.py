"""
Transfers, entries and accounts.

A transfer moves a positive number of fen from a credit account to a debit account, so a row out of balance cannot be
written. PostgreSQL (migration 0002) refuses UPDATE, DELETE and TRUNCATE on entries and transfers, keeps the counters
itself, and checks what a settlement or release resolves; the application role cannot write a counter at all.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least, Now
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, IsNull, LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from ledger.chart import CHART, LAST_CONTROL_NUMBER, Cap
from ledger.constraints import CheckOnInsert

COUNTERS = ("debits_pending_fen", "debits_posted_fen", "credits_pending_fen", "credits_posted_fen")


class Account(models.Model):
    """One account. Its owner is an opaque UUID: the ledger knows neither products nor customers."""

    id = models.BigAutoField(primary_key=True)
    type_code = models.CharField(max_length=32)
    owner = models.UUIDField(_("owner"), null=True)
    counted = models.BooleanField()
    cap = models.CharField(_("cap"), max_length=8, blank=True, default="")
    debits_pending_fen = models.BigIntegerField(default=0, db_default=0)
    debits_posted_fen = models.BigIntegerField(default=0, db_default=0)
    credits_pending_fen = models.BigIntegerField(default=0, db_default=0)
    credits_posted_fen = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            # What an account is never changes, so counting need not check it again.
            CheckOnInsert(name="account_type_is_in_chart", condition=Q(type_code__in=sorted(CHART))),
            CheckOnInsert(name="account_cap_is_known", condition=Q(cap__in=[c.value for c in Cap])),
            CheckOnInsert(name="account_capped_is_counted", condition=Q(cap="") | Q(counted=True)),
            CheckOnInsert(
                name="account_counted_has_an_owners_number",
                condition=Q(id__gt=LAST_CONTROL_NUMBER) | Q(counted=False),
            ),
            # Said as shortly as can be: each statement that counts parses these anew.
            models.CheckConstraint(
                name="account_counters_not_negative",
                condition=Q(GreaterThanOrEqual(Least(*COUNTERS), 0)),
            ),
            models.CheckConstraint(
                name="account_control_has_no_counters",
                condition=Q(counted=True) | Q(LessThanOrEqual(Greatest(*COUNTERS), 0)),
            ),
            models.CheckConstraint(
                name="account_debits_within_credits",
                condition=~Q(cap="debits")
                | Q(credits_posted_fen__gte=F("debits_pending_fen") + F("debits_posted_fen")),
            ),
            models.CheckConstraint(
                name="account_credits_within_debits",
                condition=~Q(cap="credits")
                | Q(debits_posted_fen__gte=F("credits_pending_fen") + F("credits_posted_fen")),
            ),
            models.UniqueConstraint(
                name="account_one_control_per_type_and_owner",
                fields=["type_code", "owner"],
                condition=Q(counted=False),
                nulls_distinct=False,
            ),
        ]
        indexes = [models.Index(name="account_by_owner", fields=["owner"], condition=Q(owner__isnull=False))]

    def __str__(self) -> str:
        return f"{self.type_code} #{self.pk}"


class Entry(models.Model):
    """One business event in the journal: its unique reference makes it happen once, its hash says what was asked."""

    id = models.BigAutoField(primary_key=True)
    reference = models.CharField(_("reference"), max_length=160)
    request_hash = models.BinaryField(max_length=32, null=True)
    event = models.CharField(_("event"), max_length=48)
    booked_on = models.DateField(_("booked on"))
    value_on = models.DateField(_("value on"))
    reverses_id = models.BigIntegerField(null=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        constraints = [
            # Not unique=True, which would add a second index for LIKE.
            models.UniqueConstraint(name="entry_once_per_reference", fields=["reference"]),
            models.UniqueConstraint(
                name="entry_reversed_once", fields=["reverses_id"], condition=Q(reverses_id__isnull=False)
            ),
            models.CheckConstraint(
                name="entry_value_not_after_booking", condition=Q(value_on__lte=F("booked_on"))
            ),
            models.CheckConstraint(name="entry_reference_not_empty", condition=~Q(reference="")),
        ]

    def __str__(self) -> str:
        return self.reference


class TransferKind(models.IntegerChoices):
    """Two-phase transfers: a pending one reserves; a settlement posts it, whole or in part; a release undoes it."""

    POSTED = 0, "posted"
    PENDING = 1, "pending"
    SETTLED = 2, "settled"
    RELEASED = 3, "released"


class Transfer(models.Model):
    """One movement: `amount_fen` from the credit account to the debit account. Never changed, never deleted."""

    id = models.BigAutoField(primary_key=True)
    # No foreign keys: they would lock the hot control accounts and halve the close. `verify_books` proves them.
    entry_id = models.BigIntegerField(db_index=True)
    kind = models.SmallIntegerField(choices=TransferKind.choices)
    debit_account_id = models.BigIntegerField()
    credit_account_id = models.BigIntegerField()
    amount_fen = models.BigIntegerField()
    pending_id = models.BigIntegerField(null=True)
    booked_on = models.DateField(_("booked on"))

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        constraints = [
            models.CheckConstraint(name="transfer_amount_positive", condition=Q(amount_fen__gt=0)),
            models.CheckConstraint(
                name="transfer_between_two_accounts", condition=~Q(debit_account_id=F("credit_account_id"))
            ),
            models.CheckConstraint(
                name="transfer_kind_says_if_it_resolves",
                condition=Q(kind__range=(0, 3))
                & Q(Exact(GreaterThan(F("kind"), 1), IsNull(F("pending_id"), False))),
            ),
            models.UniqueConstraint(
                name="transfer_pending_resolved_once",
                fields=["pending_id"],
                condition=Q(pending_id__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="transfer_by_debit", fields=["debit_account_id", "booked_on"]),
            models.Index(name="transfer_by_credit", fields=["credit_account_id", "booked_on"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount_fen} fen"
