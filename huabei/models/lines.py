"""The credit line itself."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from customers.models import Customer


class LineStatus(models.TextChoices):
    ACTIVE = "active", _("active")
    FROZEN = "frozen", _("frozen")
    CLOSED = "closed", _("closed")


class Line(models.Model):
    """One credit line. Its money stands on eight ledger accounts of its own."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(
        _("status"), max_length=8, choices=LineStatus.choices, default=LineStatus.ACTIVE
    )
    # While frozen: "overdue" where that is one of the causes, else the cause of the oldest freeze that is open.
    frozen_cause = models.CharField(_("cause of the freeze"), max_length=24, blank=True, default="")
    # The limit in force; of it, what was lent for a time.
    limit_fen = models.BigIntegerField(_("limit"))
    temporary_fen = models.BigIntegerField(_("of it for a time"), default=0, db_default=0)
    # What is drawn or held beyond the limit, after the limit was lowered or a payment bounced: covered by a commitment of its
    # own, which whatever comes back takes away before it frees any limit.
    excess_fen = models.BigIntegerField(_("drawn beyond the limit"), default=0, db_default=0)
    statement_day = models.SmallIntegerField(_("statement day"))
    due_day = models.SmallIntegerField(_("due day"))
    opened_on = models.DateField(_("opened on"))
    score = models.SmallIntegerField(_("score at opening"), null=True)
    # Days past due stand in buckets; only a change of bucket is written (0: nothing overdue).
    bucket = models.SmallIntegerField(_("delinquency bucket"), default=0, db_default=0)
    review_on = models.DateField(_("limit to be reviewed on"))
    # Whether the next statement day has anything to look at: set by a capture, cleared by the close when nothing is owed.
    billable = models.BooleanField(default=False, db_default=False)

    commitment_account_id = models.BigIntegerField()
    unbilled_account_id = models.BigIntegerField()
    billed_account_id = models.BigIntegerField()
    instalment_account_id = models.BigIntegerField()
    interest_account_id = models.BigIntegerField()
    fee_account_id = models.BigIntegerField()
    penalty_account_id = models.BigIntegerField()
    credit_account_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("credit line")
        verbose_name_plural = _("credit lines")
        permissions = [
            ("set_limit", "Can change limits, also for a time"),
            ("freeze_line", "Can freeze lines and end freezes"),
            ("close_line", "Can close lines for good"),
            ("receive_for_line", "Can record money received for lines, and pay credit out"),
            ("correct_line", "Can take back repayments and purchases"),
            ("move_statement_day", "Can move statement days"),
        ]
        constraints = [
            models.UniqueConstraint(
                name="line_one_live_per_customer", fields=["customer"], condition=~Q(status="closed")
            ),
            models.UniqueConstraint(name="line_commitment_account", fields=["commitment_account_id"]),
            models.CheckConstraint(name="line_status_known", condition=Q(status__in=LineStatus.values)),
            models.CheckConstraint(
                name="line_frozen_for_a_cause",
                condition=Q(status="frozen") & ~Q(frozen_cause="") | ~Q(status="frozen") & Q(frozen_cause=""),
            ),
            models.CheckConstraint(
                name="line_limit_not_negative", condition=Q(limit_fen__gte=0, excess_fen__gte=0)
            ),
            models.CheckConstraint(
                name="line_temporary_within_limit",
                condition=Q(temporary_fen__gte=0, temporary_fen__lte=F("limit_fen")),
            ),
            models.CheckConstraint(
                name="line_days_in_every_month",
                condition=Q(statement_day__range=(1, 28))
                & Q(due_day__range=(1, 28))
                & ~Q(due_day=F("statement_day")),
            ),
        ]
        indexes = [
            models.Index(name="line_in_excess", fields=["id"], condition=Q(excess_fen__gt=0)),
            models.Index(name="line_to_bill", fields=["statement_day"], condition=Q(billable=True)),
            models.Index(name="line_to_review", fields=["review_on"], condition=~Q(status="closed")),
            models.Index(name="line_delinquent", fields=["bucket"], condition=Q(bucket__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.uuid}"


class CalendarChange(models.Model):
    """The customer moved the statement day and due day, from the next statement on. Never changed."""

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(Line, on_delete=models.PROTECT, db_index=False, related_name="calendar_changes")
    changed_on = models.DateField(_("changed on"))
    statement_day_before = models.SmallIntegerField(_("statement day before"))
    due_day_before = models.SmallIntegerField(_("due day before"))
    statement_day = models.SmallIntegerField(_("statement day"))
    due_day = models.SmallIntegerField(_("due day"))

    class Meta:
        verbose_name = _("change of the statement day")
        verbose_name_plural = _("changes of the statement day")
        constraints = [
            models.UniqueConstraint(name="calendar_change_once_a_day", fields=["line", "changed_on"]),
            models.CheckConstraint(
                name="calendar_change_changes", condition=~Q(statement_day=F("statement_day_before"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.changed_on}"
