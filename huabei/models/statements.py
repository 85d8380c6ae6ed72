"""What a line is asked for: statements, and the minimum each of them makes due."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from huabei.models.lines import Line


class Statement(models.Model):
    """
    What a line owes on its statement day, frozen once issued (PostgreSQL refuses a change).

    `principal_fen` is all principal billed and unpaid, what was carried over from earlier statements included;
    interest, penalty and fee likewise. The part that is new with this statement is in the `new_…` columns.
    """

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(
        Line, on_delete=models.DO_NOTHING, db_constraint=False, related_name="statements"
    )
    issued_on = models.DateField(_("statement date"))
    due_on = models.DateField(_("due date"))
    principal_fen = models.BigIntegerField(_("principal"))
    interest_fen = models.BigIntegerField(_("interest"))
    penalty_fen = models.BigIntegerField(_("penalty"))
    fee_fen = models.BigIntegerField(_("fees"))
    total_fen = models.BigIntegerField(_("total due"))
    minimum_fen = models.BigIntegerField(_("minimum due"))
    purchases_fen = models.BigIntegerField(_("purchases of the period"))
    new_principal_fen = models.BigIntegerField(_("newly billed principal"))
    new_interest_fen = models.BigIntegerField(_("newly billed interest"))
    new_penalty_fen = models.BigIntegerField(_("newly billed penalty"))
    # Of the newly billed principal, what instalments brought; and their fees, which no earlier statement asked for.
    new_instalment_fen = models.BigIntegerField(_("newly billed instalments"), default=0, db_default=0)
    new_fee_fen = models.BigIntegerField(_("newly billed fees"), default=0, db_default=0)
    credit_used_fen = models.BigIntegerField(_("credit used"))
    # What corrections since the statement before changed of the interest, penalty and fees that were billed.
    correction_fen = models.BigIntegerField(_("corrections"), default=0, db_default=0)
    entry_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        constraints = [
            models.UniqueConstraint(name="statement_once_per_line_and_day", fields=["line", "issued_on"]),
            models.CheckConstraint(
                name="statement_adds_up",
                condition=Q(
                    total_fen=F("principal_fen") + F("interest_fen") + F("penalty_fen") + F("fee_fen")
                ),
            ),
            models.CheckConstraint(name="statement_due_after_issue", condition=Q(due_on__gt=F("issued_on"))),
            models.CheckConstraint(
                name="statement_minimum_within_total",
                condition=Q(minimum_fen__gte=0, minimum_fen__lte=F("total_fen")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.issued_on}"


class Due(models.Model):
    """
    What one statement day asks for by its due date: the minimum, without what earlier ones already ask for, and the principal
    that it billed anew. A statement is frozen; its due follows what is corrected or put into instalments afterwards. A
    correction may find a debt on a statement day on which nothing was owed: such a due has no statement. Where there was
    nothing to pay, as it was issued or as it turns out, nothing is asked for, and its date is no due day.
    """

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(
        Line, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="dues"
    )
    statement = models.OneToOneField(
        Statement, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="due"
    )
    issued_on = models.DateField(_("statement date"))
    due_on = models.DateField(_("due date"), db_index=True)
    principal_fen = models.BigIntegerField(_("newly billed principal"))
    # Of it, what instalments brought: it cannot be put into instalments again.
    instalment_fen = models.BigIntegerField(_("of it instalments"), default=0, db_default=0)
    # All principal of which the minimum asks for a share: what was billed by then without these instalments.
    share_base_fen = models.BigIntegerField(_("principal asked for in part"), default=0, db_default=0)
    minimum_fen = models.BigIntegerField(_("minimum"))
    outstanding_fen = models.BigIntegerField(_("of it outstanding"))
    # Figures of nothing do not say it: a due of earlier debts alone has them too.
    is_asked = models.BooleanField(_("asked for"), default=True, db_default=True)

    class Meta:
        verbose_name = _("due")
        verbose_name_plural = _("dues")
        constraints = [
            models.UniqueConstraint(name="due_once_per_line_and_day", fields=["line", "issued_on"]),
            models.CheckConstraint(
                name="due_outstanding_within_minimum",
                condition=Q(outstanding_fen__gte=0, outstanding_fen__lte=F("minimum_fen")),
            ),
            models.CheckConstraint(name="due_principal_not_negative", condition=Q(principal_fen__gte=0)),
            models.CheckConstraint(
                name="due_not_asked_is_nothing",
                condition=Q(is_asked=True) | Q(principal_fen=0, share_base_fen=0, minimum_fen=0),
            ),
            models.CheckConstraint(
                name="due_instalments_within_principal",
                condition=Q(
                    instalment_fen__gte=0, instalment_fen__lte=F("principal_fen"), share_base_fen__gte=0
                ),
            ),
        ]
        indexes = [
            models.Index(name="due_unpaid", fields=["line", "due_on"], condition=Q(outstanding_fen__gt=0)),
            # What is late, without looking at what is not due yet or was paid.
            models.Index(name="due_late", fields=["due_on"], condition=Q(outstanding_fen__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.due_on}"
