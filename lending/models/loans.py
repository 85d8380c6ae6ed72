"""Loans: what was signed, what happened, and the instalments that follow from both."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from finance.loan import Kind
from lending.models.products import CapMethod, Offer, Product


class LoanStatus(models.TextChoices):
    SIGNED = "signed", _("signed")
    DISBURSING = "disbursing", _("being disbursed")
    CANCELLED = "cancelled", _("cancelled")
    ACTIVE = "active", _("active")
    CLOSED = "closed", _("closed")
    OVERPAID = "overpaid", _("overpaid")
    CHARGED_OFF = "charged_off", _("charged off")
    WRITTEN_OFF = "written_off", _("written off")


LIVE = (LoanStatus.SIGNED, LoanStatus.DISBURSING, LoanStatus.ACTIVE)
# Of these something is owed still, or claimed.
OWED = (LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF, LoanStatus.WRITTEN_OFF)


class Classification(models.IntegerChoices):
    """The five categories of loans. Source: DOMAIN, rules by lender type."""

    NORMAL = 1, _("normal")
    SPECIAL_MENTION = 2, _("special mention")
    SUBSTANDARD = 3, _("substandard")
    DOUBTFUL = 4, _("doubtful")
    LOSS = 5, _("loss")


class Loan(models.Model):
    """One loan. Its money stands on seven ledger accounts of its own."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    # Found by the unique key of its references.
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, db_index=False, related_name="+")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="loans")
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    status = models.CharField(
        _("status"), max_length=12, choices=LoanStatus.choices, default=LoanStatus.SIGNED
    )
    # Days past due stand in the category; only a change of it is written.
    classification = models.SmallIntegerField(
        _("classification"), choices=Classification.choices, default=Classification.NORMAL, db_default=1
    )
    signed_on = models.DateField(_("signed on"))
    disbursed_on = models.DateField(_("disbursed on"), null=True)

    commitment_account_id = models.BigIntegerField()
    principal_account_id = models.BigIntegerField()
    interest_account_id = models.BigIntegerField()
    fee_account_id = models.BigIntegerField()
    penalty_account_id = models.BigIntegerField()
    credit_account_id = models.BigIntegerField()
    claim_account_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("loan")
        verbose_name_plural = _("loans")
        permissions = [
            ("service_loan", "Can charge, pause, reprice and reschedule loans"),
            ("give_up_loan", "Can charge off and write off loans"),
            ("receive_for_loan", "Can record money received for loans, and pay credit out"),
            ("undo_fact", "Can undo facts of loans"),
        ]
        constraints = [
            models.UniqueConstraint(name="loan_once_per_reference", fields=["customer", "reference"]),
            models.UniqueConstraint(name="loan_principal_account", fields=["principal_account_id"]),
            models.CheckConstraint(
                name="loan_classification_known", condition=Q(classification__in=Classification.values)
            ),
            models.CheckConstraint(
                name="loan_disbursed_once_it_runs",
                condition=Q(status__in=["signed", "disbursing", "cancelled"], disbursed_on__isnull=True)
                | Q(
                    status__in=["active", "closed", "overpaid", "charged_off", "written_off"],
                    disbursed_on__isnull=False,
                    disbursed_on__gte=F("signed_on"),
                ),
            ),
        ]
        indexes = [
            models.Index(name="loan_by_signing", fields=["signed_on"]),
            models.Index(name="loan_late", fields=["classification"], condition=Q(classification__gt=1)),
        ]

    def __str__(self) -> str:
        return f"{self.uuid}"


class SignedTerms(models.Model):
    """
    What was agreed, frozen: PostgreSQL refuses a change. `document` is all that the engine needs, `sha256` its seal.

    The columns beside it are what people look for; the annual rates are those shown at signing, held against the cap of that
    day by the method that the rule names.
    """

    loan = models.OneToOneField(Loan, on_delete=models.PROTECT, primary_key=True, related_name="terms")
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="+")
    principal_fen = models.BigIntegerField(_("amount"))
    rate = models.DecimalField(_("rate"), max_digits=12, decimal_places=10)
    simple_rate = models.DecimalField(_("annual rate, simple"), max_digits=12, decimal_places=8)
    effective_rate = models.DecimalField(_("annual rate, effective"), max_digits=12, decimal_places=8)
    price_cap = models.DecimalField(_("highest annual rate"), max_digits=6, decimal_places=4)
    cap_method = models.CharField(_("counted"), max_length=9, choices=CapMethod.choices)
    consent = models.ForeignKey("customers.Consent", on_delete=models.PROTECT, related_name="+")
    score = models.SmallIntegerField(_("score at signing"))
    document = models.JSONField()
    sha256 = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = _("signed terms")
        verbose_name_plural = _("signed terms")
        constraints = [
            models.CheckConstraint(
                name="signed_within_price_cap",
                condition=Q(cap_method="simple", simple_rate__lte=F("price_cap"))
                | Q(cap_method="effective", effective_rate__lte=F("price_cap")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.loan_id}"


class LoanTransaction(models.Model):
    """One fact of a loan, recorded once under its reference and never changed. A reversal is a fact that names another."""

    id = models.BigAutoField(primary_key=True)
    # Found by the unique key of its references.
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, db_index=False, related_name="transactions")
    kind = models.CharField(_("kind"), max_length=16, choices=[(each.value, each.value) for each in Kind])
    reference = models.CharField(_("reference"), max_length=64)
    request_hash = models.BinaryField(max_length=32)
    value_on = models.DateField(_("value on"))
    booked_on = models.DateField(_("booked on"))
    amount_fen = models.BigIntegerField(_("amount"), default=0)
    detail = models.JSONField(default=dict)
    cause = models.CharField(_("cause"), max_length=200, blank=True, default="")
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversed_by")
    entry_id = models.BigIntegerField(null=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("loan transaction")
        verbose_name_plural = _("loan transactions")
        ordering = ["value_on", "id"]
        constraints = [
            models.UniqueConstraint(name="loan_transaction_once_per_reference", fields=["loan", "reference"]),
            models.CheckConstraint(
                name="loan_transaction_value_not_after_booking", condition=Q(value_on__lte=F("booked_on"))
            ),
            models.CheckConstraint(
                name="loan_transaction_amount_as_its_kind",
                condition=Q(
                    kind__in=[
                        "disbursement",
                        "repayment",
                        "prepayment",
                        "payoff",
                        "charge",
                        "credit_refund",
                        "recovery",
                    ],
                    amount_fen__gt=0,
                )
                | Q(
                    kind__in=[
                        "rate_change",
                        "due_day_change",
                        "pause",
                        "reschedule",
                        "reversal",
                        "charge_off",
                        "write_off",
                    ],
                    amount_fen=0,
                ),
            ),
            models.CheckConstraint(
                name="loan_transaction_reversal_names_another",
                condition=Q(kind="reversal", reverses__isnull=False)
                | ~Q(kind="reversal") & Q(reverses__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class Instalment(models.Model):
    """
    One row of the schedule. Billed: what it asked for and what of it is paid.

    Not billed yet: what it will ask for, and what will then be paid of it, if nothing happens before. What is new with it on
    that day is in the `new_…` columns, and what the borrower's credit will then pay in the `credit_…` ones: the close posts
    these and marks it billed.
    """

    id = models.BigAutoField(primary_key=True)
    loan = models.ForeignKey(
        Loan, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="instalments"
    )
    n = models.SmallIntegerField(_("n"))
    starts_on = models.DateField(_("from"))
    due_on = models.DateField(_("due date"))
    billed = models.BooleanField(_("billed"))
    principal_fen = models.BigIntegerField(_("principal"))
    interest_fen = models.BigIntegerField(_("interest"))
    fee_fen = models.BigIntegerField(_("fees"))
    penalty_fen = models.BigIntegerField(_("penalty"))
    paid_principal_fen = models.BigIntegerField(_("principal paid"))
    paid_interest_fen = models.BigIntegerField(_("interest paid"))
    paid_fee_fen = models.BigIntegerField(_("fees paid"))
    paid_penalty_fen = models.BigIntegerField(_("penalty paid"))
    unpaid_fen = models.BigIntegerField(_("unpaid"))
    prepaid_fen = models.BigIntegerField(_("repaid on top"))
    early_fen = models.BigIntegerField(_("paid early"))
    late_fen = models.BigIntegerField(_("paid late"))
    outstanding_fen = models.BigIntegerField(_("principal outstanding after it"))
    settled_on = models.DateField(_("settled on"), null=True)
    new_interest_fen = models.BigIntegerField(default=0)
    new_fee_fen = models.BigIntegerField(default=0)
    credit_principal_fen = models.BigIntegerField(default=0)
    credit_interest_fen = models.BigIntegerField(default=0)
    credit_fee_fen = models.BigIntegerField(default=0)
    credit_penalty_fen = models.BigIntegerField(default=0)
    status_then = models.CharField(max_length=12, default="active")

    class Meta:
        verbose_name = _("instalment")
        verbose_name_plural = _("instalments")
        ordering = ["n"]
        constraints = [
            models.UniqueConstraint(name="instalment_once_per_number", fields=["loan", "n"]),
            models.CheckConstraint(
                name="instalment_adds_up",
                condition=Q(
                    unpaid_fen=F("principal_fen")
                    + F("interest_fen")
                    + F("fee_fen")
                    + F("penalty_fen")
                    - F("paid_principal_fen")
                    - F("paid_interest_fen")
                    - F("paid_fee_fen")
                    - F("paid_penalty_fen")
                ),
            ),
            models.CheckConstraint(
                name="instalment_paid_within_asked",
                condition=Q(
                    paid_principal_fen__gte=0,
                    paid_interest_fen__gte=0,
                    paid_fee_fen__gte=0,
                    paid_penalty_fen__gte=0,
                    paid_principal_fen__lte=F("principal_fen"),
                    paid_interest_fen__lte=F("interest_fen"),
                    paid_fee_fen__lte=F("fee_fen"),
                    paid_penalty_fen__lte=F("penalty_fen"),
                ),
            ),
        ]
        indexes = [
            # By day, what is unpaid or will be, and what is not. Neither names a column that changes when a row falls due, so
            # that a day on which many do writes no index.
            models.Index(name="instalment_unpaid_by_day", fields=["due_on"], condition=Q(unpaid_fen__gt=0)),
            models.Index(name="instalment_paid_by_day", fields=["due_on"], condition=Q(unpaid_fen=0)),
        ]

    def __str__(self) -> str:
        return f"{self.n}"


class ReminderDay(models.Model):
    """
    On how many days before (negative), on (0) or after a due date a borrower is told of what is unpaid.

    The rows of one date hold until those of the next; none changes.
    """

    effective_from = models.DateField(_("effective from"))
    days = models.SmallIntegerField(_("days after the due date"))

    class Meta:
        verbose_name = _("reminder day of loans")
        verbose_name_plural = _("reminder days of loans")
        ordering = ["-effective_from", "days"]
        constraints = [
            models.UniqueConstraint(name="loan_reminder_once_per_day", fields=["effective_from", "days"]),
            models.CheckConstraint(name="loan_reminder_sensible", condition=Q(days__range=(-20, 400))),
        ]

    def __str__(self) -> str:
        return f"{self.days:+}"
