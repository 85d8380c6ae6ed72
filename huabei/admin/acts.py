"""What staff may do about a line, a repayment and a purchase: for each its form and the one service call that it is."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from huabei import selectors
from huabei.delinquency import days_past_due
from huabei.models import (
    Cause,
    Concern,
    Correction,
    Freeze,
    Line,
    LineStatus,
    PurchaseState,
    TemporaryLimit,
)
from huabei.services import calendars, corrections, credit, lifecycle, limits
from huabei.services.causes import LONGEST_NOTE, Why, causes_for, staff
from huabei.services.lines import CALENDARS
from ledger.selectors import position
from web.acts import Act, ActForm, DayField, Figures
from web.console import money
from web.forms import ProseField, YuanField
from web.templatetags.money import yuan

SET_LIMIT, FREEZE, CLOSE, RECEIVE, CORRECT, MOVE_DAY = (
    f"huabei.{name}"
    for name in (
        "set_limit",
        "freeze_line",
        "close_line",
        "receive_for_line",
        "correct_line",
        "move_statement_day",
    )
)


def cause_name(concern: Concern, code: str) -> str:
    """What a cause is called; its code where it is not listed any more."""
    found = Cause.objects.filter(concern=concern, code=code).first()
    return str(found or code)


class CausedForm(ActForm):
    """An act on a line that is done for a cause of the dated list."""

    concern: ClassVar[Concern]
    cause = forms.ChoiceField(label=_("cause"))
    note = ProseField(label=_("note"), max_length=LONGEST_NOTE, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        causes = causes_for(self.concern, self.on, by=staff(self.by))
        field = self.fields["cause"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "–"), *((cause.code, str(cause)) for cause in causes)]

    @property
    def why(self) -> Why:
        """Why, by whom, and under which reference."""
        given = self.cleaned_data
        return Why(given["cause"], staff(self.by), self.reference, given["note"])


class LimitForm(CausedForm):
    """Another limit."""

    concern = Concern.LIMIT
    named: ClassVar[dict[str, str]] = {"limit": "limit_fen"}
    limit_fen = YuanField(label=_("new limit in yuan"), help_text=_("Without what is lent for a time."))
    field_order = ("limit_fen", "cause", "note")


class TemporaryForm(CausedForm):
    """More for a time."""

    concern = Concern.TEMPORARY
    named: ClassVar[dict[str, str]] = {"amount": "amount_fen", "limit": "amount_fen"}
    amount_fen = YuanField(label=_("raise by, in yuan"))
    last_day = DayField(label=_("last day"))
    field_order = ("amount_fen", "last_day", "cause", "note")


class EndTemporaryForm(CausedForm):
    """Which temporary limit ends."""

    concern = Concern.LIMIT
    temporary_id = forms.TypedChoiceField(label=_("temporary limit"), coerce=int)
    field_order = ("temporary_id", "cause", "note")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["temporary_id"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [
            (row.pk, f"{yuan(row.amount_fen)} · {row.granted_on} → {row.last_day}")
            for row in TemporaryLimit.objects.filter(line=self.record).order_by("pk")
            if row.ended_on is None or self.is_bound
        ]


class FreezeForm(CausedForm):
    """Why it is frozen."""

    concern = Concern.FREEZE


class ThawForm(CausedForm):
    """Which freeze ends."""

    concern = Concern.THAW
    freeze_id = forms.TypedChoiceField(label=_("freeze"), coerce=int)
    field_order = ("freeze_id", "cause", "note")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["freeze_id"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [
            (row.pk, f"{cause_name(Concern.FREEZE, row.cause)} · {row.frozen_on}")
            for row in Freeze.objects.filter(line=self.record).order_by("pk")
            if row.thawed_on is None or self.is_bound
        ]


class CloseForm(CausedForm):
    """Why it is closed."""

    concern = Concern.CLOSE


class ReceivedForm(ActForm):
    """Money received, and the day from which it counts."""

    named: ClassVar[dict[str, str]] = {"amount": "amount_fen"}
    amount_fen = YuanField(label=_("amount in yuan"))
    value_on = DayField(
        label=_("counts from"),
        help_text=_("An earlier day is replayed: the line becomes what it would be had the money come then."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial.setdefault("value_on", self.on)


class CreditForm(ActForm):
    """How much of the credit."""

    named: ClassVar[dict[str, str]] = {"amount": "amount_fen"}
    amount_fen = YuanField(label=_("amount in yuan"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        stands = position(self.record.credit_account_id).credit_fen
        self.fields["amount_fen"].help_text = _("The customer's credit is %(amount)s.") % {
            "amount": yuan(stands)
        }


class CalendarForm(ActForm):
    """The day of the month."""

    statement_day = forms.TypedChoiceField(
        label=_("statement day and due day"),
        coerce=int,
        choices=[(first, f"{first} → {due}") for first, due in CALENDARS.items()],
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial.setdefault("statement_day", self.record.statement_day)


class ReasonForm(ActForm):
    """Why something is taken back, in words."""

    reason = ProseField(label=_("reason"), max_length=200)


def _move_day(form: Any, on: date) -> None:
    day = form.cleaned_data["statement_day"]
    calendars.change_calendar(line_id=form.record.pk, statement_day=day, on=on)


def _pay_credit(form: Any, on: date) -> None:
    credit.pay_out_credit(
        line_id=form.record.pk,
        amount_fen=form.cleaned_data["amount_fen"],
        reference=form.reference,
        by=staff(form.by),
        on=on,
    )


def _receive(form: Any, on: date) -> None:
    corrections.repay_from(
        line_id=form.record.pk,
        amount_fen=form.cleaned_data["amount_fen"],
        reference=form.reference,
        value_on=form.cleaned_data["value_on"],
        on=on,
    )


def _raise(form: Any, on: date) -> None:
    limits.raise_temporarily(
        line_id=form.record.pk,
        amount_fen=form.cleaned_data["amount_fen"],
        last_day=form.cleaned_data["last_day"],
        why=form.why,
        on=on,
    )


def _is_open(line: Line) -> bool:
    return line.status != LineStatus.CLOSED


def _has_temporary(line: Line) -> bool:
    return line.temporary_fen > 0


def _is_frozen(line: Line) -> bool:
    return line.status == LineStatus.FROZEN


def _has_credit(line: Line) -> bool:
    return position(line.credit_account_id).credit_fen > 0


LINE_ACTS = (
    Act(
        "limit",
        _("Change the limit"),
        SET_LIMIT,
        LimitForm,
        lambda form, on: limits.change_limit(
            line_id=form.record.pk, limit_fen=form.cleaned_data["limit_fen"], why=form.why, on=on
        ),
        _("The limit is changed."),
        _is_open,
    ),
    Act(
        "temporary-limit",
        _("Raise for a time"),
        SET_LIMIT,
        TemporaryForm,
        _raise,
        _("The limit is raised for a time."),
        _is_open,
    ),
    Act(
        "end-temporary-limit",
        _("End a temporary limit"),
        SET_LIMIT,
        EndTemporaryForm,
        lambda form, on: limits.end_temporary(
            temporary_id=form.cleaned_data["temporary_id"], why=form.why, on=on
        ),
        _("The temporary limit has ended."),
        _has_temporary,
    ),
    Act(
        "freeze",
        _("Freeze"),
        FREEZE,
        FreezeForm,
        lambda form, on: lifecycle.freeze(line_id=form.record.pk, why=form.why, on=on),
        _("The line is frozen. To undo it, end the freeze."),
        _is_open,
        warning=_("Nothing can be bought with a frozen line; what was authorised may still be captured."),
    ),
    Act(
        "thaw",
        _("End a freeze"),
        FREEZE,
        ThawForm,
        lambda form, on: lifecycle.thaw(freeze_id=form.cleaned_data["freeze_id"], why=form.why, on=on),
        _("The freeze has ended."),
        _is_frozen,
    ),
    Act(
        "repayment",
        _("Record a repayment"),
        RECEIVE,
        ReceivedForm,
        _receive,
        _("The repayment is recorded. To undo it, open it and say that it bounced."),
        corrects=True,
    ),
    Act("credit", _("Pay the credit out"), RECEIVE, CreditForm, _pay_credit, _("Paid out."), _has_credit),
    Act(
        "statement-day",
        _("Move the statement day"),
        MOVE_DAY,
        CalendarForm,
        _move_day,
        _("The statement day is moved, from the next statement on."),
        _is_open,
    ),
    Act(
        "close",
        _("Close for good"),
        CLOSE,
        CloseForm,
        lambda form, on: lifecycle.close(line_id=form.record.pk, why=form.why, on=on),
        _("The line is closed."),
        _is_open,
        warning=_("A closed line is not opened again. What it owes goes on being billed."),
    ),
)


def _not_bounced(repayment: Any) -> bool:
    return not Correction.objects.filter(repayment=repayment, cause="bounced").exists()


REPAYMENT_ACTS = (
    Act(
        "bounced",
        _("It bounced"),
        CORRECT,
        ReasonForm,
        lambda form, on: corrections.reverse_repayment(
            repayment_id=form.record.pk, reason=form.cleaned_data["reason"], on=on
        ),
        _("The repayment is taken back. To undo it, record it again from its first day."),
        _not_bounced,
        corrects=True,
        warning=_("The line becomes what it would be had the money never come."),
    ),
)

PURCHASE_ACTS = (
    Act(
        "take-back",
        _("Take it back"),
        CORRECT,
        ReasonForm,
        lambda form, on: corrections.reverse_purchase(
            purchase_id=form.record.pk, reason=form.cleaned_data["reason"], on=on
        ),
        _("The purchase is taken back."),
        lambda purchase: purchase.state == PurchaseState.CAPTURED,
        corrects=True,
        warning=_("The line becomes what it would be had it never been bought. This cannot be undone."),
    ),
)


def line_stands(line_id: int, on: date) -> Figures:
    """What a preview compares of a line, read anew."""
    line = Line.objects.get(pk=line_id)
    stands = selectors.line_position(line, on)
    frozen = Freeze.objects.filter(line=line, thawed_on__isnull=True).order_by("pk")
    causes = ", ".join(cause_name(Concern.FREEZE, row.cause) for row in frozen)
    return [
        (_("status"), f"{line.get_status_display()} ({causes})" if causes else line.get_status_display()),
        (_("limit"), money(line.limit_fen)),
        (_("of it for a time"), money(line.temporary_fen)),
        (_("available"), money(stands.available_fen)),
        (_("held"), money(stands.held_fen)),
        (_("drawn"), money(stands.drawn_fen)),
        (_("drawn beyond the limit"), money(line.excess_fen)),
        (_("owed, without instalments to come"), money(stands.owed_fen)),
        (_("of it interest"), money(stands.interest_fen + stands.accrued_interest_fen)),
        (_("of it penalty"), money(stands.penalty_fen + stands.accrued_penalty_fen)),
        (_("of it fees"), money(stands.fee_fen)),
        (_("customer's credit"), money(stands.credit_fen)),
        (_("overdue"), money(selectors.delinquency(line.pk, on).overdue_fen)),
        (_("days past due"), days_past_due(line_ids=[line.pk], on=on)[line.pk]),
        (_("statement day and due day"), f"{line.statement_day} → {line.due_day}"),
    ]
