"""Instalments: what they cost by date, plans and their rows, and what ended rows before they were billed."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from huabei.models.campaigns import Campaign
from huabei.models.lines import Line
from huabei.models.publishing import Published, published
from huabei.models.purchases import Purchase, Refund
from huabei.models.statements import Due


class PayoffRule(models.TextChoices):
    FEES_STAY_DUE = "fees_stay_due", _("remaining fees stay due")
    FEES_WAIVED = "fees_waived", _("remaining fees are waived")


class InstalmentTerms(Published):
    """What instalments cost from a date on, until the next row's date. Never changed, nor are its options."""

    effective_from = models.DateField(_("effective from"), unique=True)
    early_payoff = models.CharField(
        _("early payoff"), max_length=16, choices=PayoffRule.choices, default=PayoffRule.FEES_STAY_DUE
    )
    smallest_statement_plan_fen = models.BigIntegerField(
        _("smallest amount of a statement in instalments"), default=100_00
    )

    class Meta:
        verbose_name = _("instalment terms")
        verbose_name_plural = _("instalment terms")
        ordering = ["-effective_from"]
        constraints = [
            models.CheckConstraint(
                name="instalment_terms_payoff_known", condition=Q(early_payoff__in=PayoffRule.values)
            ),
            models.CheckConstraint(
                name="instalment_terms_smallest_positive", condition=Q(smallest_statement_plan_fen__gte=1)
            ),
            *published("instalment_terms"),
        ]

    def __str__(self) -> str:
        return f"{self.effective_from}"


class InstalmentOption(models.Model):
    """A number of instalments that some terms offer, and the fee for all of them as a fraction of the principal."""

    terms = models.ForeignKey(InstalmentTerms, on_delete=models.PROTECT, related_name="options")
    periods = models.SmallIntegerField(_("instalments"))
    fee_rate = models.DecimalField(_("fee rate in total"), max_digits=7, decimal_places=6)

    class Meta:
        verbose_name = _("instalment option")
        verbose_name_plural = _("instalment options")
        ordering = ["periods"]
        constraints = [
            models.UniqueConstraint(name="instalment_option_once_per_periods", fields=["terms", "periods"]),
            models.CheckConstraint(
                name="instalment_option_sensible",
                condition=Q(periods__range=(2, 60), fee_rate__range=(0, Decimal("0.5"))),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.periods}"


class PlanChoice(models.Model):
    """
    What a customer agreed to when a purchase in instalments was authorised: its capture follows this, whatever the terms
    say by then. Written by the authorising statement, only where instalments are asked for. Never changed.
    """

    # No foreign keys on the hot path, as for purchases.
    purchase = models.OneToOneField(
        Purchase, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="choice"
    )
    terms = models.ForeignKey(
        InstalmentTerms, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    periods = models.SmallIntegerField(_("instalments"))
    fee_rate = models.DecimalField(_("fee rate in total"), max_digits=7, decimal_places=6)
    payoff_rule = models.CharField(_("early payoff"), max_length=16, choices=PayoffRule.choices)
    # Under a campaign its merchant pays the fee: that of the whole amount is taken off the budget at once.
    campaign = models.ForeignKey(
        Campaign, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="choices"
    )
    subsidy_fen = models.BigIntegerField(_("fee reserved of the budget"), default=0, db_default=0)

    class Meta:
        verbose_name = _("chosen instalments")
        verbose_name_plural = _("chosen instalments")
        constraints = [
            models.CheckConstraint(
                name="plan_choice_sensible",
                condition=Q(periods__gte=2, fee_rate__gte=0, payoff_rule__in=PayoffRule.values),
            ),
            models.CheckConstraint(
                name="plan_choice_subsidy_of_a_campaign",
                condition=Q(subsidy_fen=0) | Q(subsidy_fen__gt=0, campaign__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purchase_id}: {self.periods}"


class Plan(models.Model):
    """
    Principal that is paid in instalments: of a purchase from its capture on, or of a statement. What was agreed is frozen
    here; what became of it is in its rows, payoffs and refunds. Never changed.
    """

    # Whether a service answers with it once more, for a request that was made before.
    repeated: bool = False

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="plans")
    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, null=True, related_name="plans")
    due = models.ForeignKey(Due, on_delete=models.PROTECT, null=True, related_name="plans")
    # The caller's own, of a statement plan; a capture makes its plan once by itself.
    reference = models.CharField(_("reference"), max_length=64, blank=True)
    request_hash = models.BinaryField(max_length=32, null=True)
    principal_fen = models.BigIntegerField(_("principal"))
    periods = models.SmallIntegerField(_("instalments"))
    fee_rate = models.DecimalField(_("fee rate in total"), max_digits=7, decimal_places=6)
    fee_fen = models.BigIntegerField(_("fee in total"))
    terms = models.ForeignKey(InstalmentTerms, on_delete=models.PROTECT, related_name="+")
    payoff_rule = models.CharField(_("early payoff"), max_length=16, choices=PayoffRule.choices)
    # What the merchant paid of the fee; the customer's is `fee_fen`.
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, related_name="plans")
    subsidy_fen = models.BigIntegerField(_("fee paid by the merchant"), default=0, db_default=0)
    subsidy_entry_id = models.BigIntegerField(null=True, unique=True)
    made_on = models.DateField(_("made on"))
    entry_id = models.BigIntegerField(unique=True)

    class Meta:
        verbose_name = _("instalment plan")
        verbose_name_plural = _("instalment plans")
        constraints = [
            models.CheckConstraint(
                name="plan_of_a_purchase_or_a_statement",
                condition=Q(purchase__isnull=False, due__isnull=True, reference="")
                | Q(purchase__isnull=True, due__isnull=False) & ~Q(reference=""),
            ),
            models.UniqueConstraint(
                name="plan_once_per_reference", fields=["line", "reference"], condition=~Q(reference="")
            ),
            models.CheckConstraint(
                name="plan_amounts_sensible",
                condition=Q(principal_fen__gte=1, fee_fen__gte=0, fee_rate__gte=0, periods__gte=2),
            ),
            models.CheckConstraint(
                name="plan_subsidy_of_a_campaign",
                condition=Q(subsidy_fen=0, subsidy_entry_id__isnull=True)
                | Q(subsidy_fen__gt=0, subsidy_entry_id__isnull=False, campaign__isnull=False, fee_fen=0),
            ),
            models.CheckConstraint(
                name="plan_payoff_rule_known", condition=Q(payoff_rule__in=PayoffRule.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.made_on} × {self.periods}"


class PlanRow(models.Model):
    """
    One instalment of a plan. It is billed once, on a statement day, or it ends before: paid off early, or replaced by a
    smaller row of the same number after a refund. Nothing else about it changes.
    """

    id = models.BigAutoField(primary_key=True)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="rows")
    line = models.ForeignKey(
        Line, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    number = models.SmallIntegerField(_("number"))
    principal_fen = models.BigIntegerField(_("principal"))
    fee_fen = models.BigIntegerField(_("fee"))
    billed_on = models.DateField(_("billed on"), null=True)
    ended_on = models.DateField(_("ended on"), null=True)

    class Meta:
        verbose_name = _("instalment")
        verbose_name_plural = _("instalments")
        ordering = ["plan", "number", "id"]
        constraints = [
            models.UniqueConstraint(
                name="plan_row_once_per_number", fields=["plan", "number"], condition=Q(ended_on__isnull=True)
            ),
            models.CheckConstraint(
                name="plan_row_amounts_sensible",
                condition=Q(number__gte=1, principal_fen__gte=0, fee_fen__gte=0),
            ),
            models.CheckConstraint(
                name="plan_row_billed_or_ended",
                condition=Q(billed_on__isnull=True) | Q(ended_on__isnull=True),
            ),
        ]
        indexes = [
            # What the close looks at: it costs what is to come, not what was.
            models.Index(
                name="plan_row_to_come",
                fields=["line", "plan", "number"],
                condition=Q(billed_on__isnull=True, ended_on__isnull=True),
            ),
            models.Index(
                name="plan_row_billed", fields=["line", "billed_on"], condition=Q(billed_on__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}"


class Payoff(models.Model):
    """All instalments to come of a plan, paid at once. Never changed."""

    # Whether a service answers with it once more, for a request that was made before.
    repeated: bool = False

    id = models.BigAutoField(primary_key=True)
    plan = models.OneToOneField(Plan, on_delete=models.PROTECT, related_name="payoff")
    reference = models.CharField(_("reference"), max_length=64)
    principal_fen = models.BigIntegerField(_("principal"))
    fee_fen = models.BigIntegerField(_("fees charged"))
    waived_fen = models.BigIntegerField(_("fees waived"))
    paid_on = models.DateField(_("paid on"))
    entry_id = models.BigIntegerField(unique=True)

    class Meta:
        verbose_name = _("early payoff")
        verbose_name_plural = _("early payoffs")
        constraints = [
            models.CheckConstraint(
                name="payoff_amounts_sensible",
                condition=Q(principal_fen__gte=0, fee_fen__gte=0, waived_fen__gte=0)
                & (Q(fee_fen=0) | Q(waived_fen=0)),
            )
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def amount_fen(self) -> int:
        """What was paid."""
        return self.principal_fen + self.fee_fen


class PlanRefund(models.Model):
    """What a refund took off the instalments to come of a plan. Never changed."""

    id = models.BigAutoField(primary_key=True)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="refunds")
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="off_plans")
    principal_fen = models.BigIntegerField(_("principal"))
    fee_fen = models.BigIntegerField(_("fees dropped"))
    refunded_on = models.DateField(_("refunded on"))
    entry_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("refund of instalments")
        verbose_name_plural = _("refunds of instalments")
        constraints = [
            models.UniqueConstraint(name="plan_refund_once", fields=["plan", "refund"]),
            models.CheckConstraint(
                name="plan_refund_amounts_sensible", condition=Q(principal_fen__gte=1, fee_fen__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.refunded_on}"
