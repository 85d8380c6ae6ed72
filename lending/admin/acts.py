"""What staff may do about a loan: for each its form, the permission it needs, and the one service call that it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from finance.loan import Reschedule
from lending.models import Loan, LoanStatus, LoanTransaction
from lending.services import servicing
from web.acts import Act, ActForm, DatedForm, DayField
from web.forms import ProseField, YuanField

SERVICE, GIVE_UP, RECEIVE, UNDO = (
    f"lending.{name}" for name in ("service_loan", "give_up_loan", "receive_for_loan", "undo_fact")
)
GIVEN_UP = (LoanStatus.CHARGED_OFF, LoanStatus.WRITTEN_OFF)


class LoanForm(DatedForm):
    """An act on a loan."""

    named: ClassVar[dict[str, str]] = {
        "date": "value_on",
        "until": "last_day",
        "due_on": "first_due_on",
        "amount": "amount_fen",
    }

    @property
    def given(self) -> dict[str, Any]:
        """The service's arguments, without those left out."""
        given = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        given.pop("key")
        return given | {"loan_id": self.record.pk, "reference": self.reference}


class CausedForm(LoanForm):
    """An act that says why."""

    cause = ProseField(label=_("cause"), max_length=200)


class AmountForm(LoanForm):
    """Money received, or paid out."""

    amount_fen = YuanField(label=_("amount in yuan"))
    field_order = ("amount_fen", "value_on")


class ChargeForm(CausedForm):
    """A fee or a penalty."""

    named: ClassVar[dict[str, str]] = {"date": "value_on", "amount": "amount_fen"}
    amount_fen = YuanField(label=_("amount in yuan"))
    component = forms.ChoiceField(label=_("as"), choices=[("fee", _("fee")), ("penalty", _("penalty"))])
    due_on = DayField(label=_("due date"), required=False, help_text=_("Empty: due at once."))
    field_order = ("amount_fen", "component", "due_on", "value_on", "cause")


class PauseForm(CausedForm):
    """Days without interest."""

    last_day = DayField(label=_("last day without interest"))
    field_order = ("value_on", "last_day", "cause")


class RateForm(CausedForm):
    """A lower rate."""

    rate = forms.DecimalField(
        label=_("new rate"),
        max_digits=12,
        decimal_places=10,
        min_value=0,
        help_text=_("A fraction in the unit of the signed rate, such as 0.0003 a day."),
    )
    field_order = ("rate", "value_on", "cause")


class DueDayForm(CausedForm):
    """Another due day."""

    due_day = forms.IntegerField(label=_("due day of the month"), min_value=1, max_value=31)
    field_order = ("due_day", "value_on", "cause")


class RescheduleForm(CausedForm):
    """Coming instalments anew."""

    mode = forms.TypedChoiceField(
        label=_("how"),
        coerce=Reschedule,
        choices=[
            (Reschedule.REAMORTISE.value, _("what is overdue goes onto the coming instalments")),
            (Reschedule.REAGE.value, _("all that is owed starts over in new instalments")),
            (Reschedule.EXTEND.value, _("more instalments at the end")),
        ],
    )
    periods = forms.IntegerField(
        label=_("instalments"),
        required=False,
        min_value=1,
        max_value=360,
        help_text=_("How many anew, or more."),
    )
    first_due_on = DayField(label=_("first new due date"), required=False, help_text=_("For starting over."))
    field_order = ("mode", "periods", "first_due_on", "value_on", "cause")


class UndoForm(CausedForm):
    """Which fact never happened: it counts from that fact's day."""

    undoes = forms.CharField(widget=forms.HiddenInput, max_length=64)
    value_on = None  # type: ignore[assignment]


def _act(
    name: str,
    title: Any,
    form: type[ActForm],
    permission: str,
    service: Callable[..., LoanTransaction],
    done: Any,
    offered: Callable[[Loan], bool],
    **more: Any,
) -> Act:
    def run(given: Any, on: date) -> LoanTransaction:
        return service(on=on, **given.given)

    return Act(name, title, permission, form, run, done, offered, **more)


def _ran(loan: Loan) -> bool:
    return loan.disbursed_on is not None


def _runs(loan: Loan) -> bool:
    return loan.status == LoanStatus.ACTIVE


def _is_given_up(loan: Loan) -> bool:
    return loan.status in GIVEN_UP


ACTS = (
    _act("receive", _("Record a repayment"), AmountForm, RECEIVE, servicing.repay, _("The repayment is booked."),
         lambda loan: _ran(loan) and not _is_given_up(loan)),
    _act("charge", _("Charge"), ChargeForm, SERVICE, servicing.charge, _("It is charged."), _runs),
    _act("pause", _("Pause interest"), PauseForm, SERVICE, servicing.pause, _("Interest is paused."), _runs),
    _act("rate", _("Lower the rate"), RateForm, SERVICE, servicing.change_rate, _("The rate is lower."), _runs),
    _act("due-day", _("Change the due day"), DueDayForm, SERVICE, servicing.change_due_day,
         _("Instalments fall due on another day."), _runs),
    _act("reschedule", _("New schedule"), RescheduleForm, SERVICE, servicing.reschedule,
         _("The loan has a new schedule."), _runs),
    _act("refund", _("Pay the credit out"), AmountForm, RECEIVE, servicing.refund_credit,
         _("The credit is paid out."), _ran),
    _act("charge-off", _("Charge off"), CausedForm, GIVE_UP, servicing.charge_off, _("The loan is charged off."),
         _runs, warning=_("All that is owed becomes a loss; the claim on the borrower remains.")),
    _act("write-off", _("Write off"), CausedForm, GIVE_UP, servicing.write_off, _("The loan is written off."),
         lambda loan: _runs(loan) or loan.status == LoanStatus.CHARGED_OFF,
         warning=_("Nothing more is expected of this loan. What was charged off before is no second loss.")),
    _act("recover", _("Record a recovery"), AmountForm, RECEIVE, servicing.recover, _("The recovery is booked."),
         _is_given_up),
    # Reached from the fact that it undoes.
    _act("undo", _("Undo"), UndoForm, UNDO, servicing.reverse, _("It is undone."), lambda _loan: False, corrects=True,
         warning=_("The loan is told anew as if this had never happened, and the difference is posted.")),
)  # fmt: skip
