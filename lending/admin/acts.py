"""What staff may do about a loan: for each act its form, the permission it needs, and the one service call that it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from finance.errors import DomainError
from finance.loan import Reschedule
from lending.models import Loan, LoanTransaction
from lending.services import servicing
from web.forms import YuanField

SERVICE, GIVE_UP, RECEIVE, UNDO = (
    f"lending.{name}" for name in ("service_loan", "give_up_loan", "receive_for_loan", "undo_fact")
)
# Which field of a form says what a refusal names.
_FIELDS = {"date": "value_on", "until": "last_day", "due_on": "first_due_on", "reverses": None}


class DayField(forms.DateField):
    """A date, written as ISO 8601."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
        super().__init__(input_formats=["%Y-%m-%d"], widget=widget, **options)


class ActForm(forms.Form):
    """What every act has: the form's key, which makes it happen once, and the day from which it counts."""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    value_on = DayField(
        label=_("counts from"), required=False, help_text=_("Empty for today; an earlier day is replayed.")
    )

    @property
    def reference(self) -> str:
        """Under which the fact is recorded."""
        return f"console:{self.cleaned_data['key']}"

    @property
    def given(self) -> dict[str, Any]:
        """The service's arguments, without those left out."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name != "key" and value not in (None, "")
        }

    def refuse(self, error: DomainError) -> None:
        """Says beside the field that it names what the service refused."""
        field = _FIELDS.get(error.field or "", error.field)
        self.add_error(field if field in self.fields else None, error.message)


class CausedForm(ActForm):
    """An act that says why."""

    cause = forms.CharField(label=_("cause"), max_length=200)


class AmountForm(ActForm):
    """Money received."""

    amount_fen = YuanField(label=_("amount in yuan"))

    def refuse(self, error: DomainError) -> None:
        if error.field == "amount":
            self.add_error("amount_fen", error.message)
        else:
            super().refuse(error)


class ChargeForm(AmountForm, CausedForm):
    """A fee or a penalty."""

    component = forms.ChoiceField(label=_("as"), choices=[("fee", _("fee")), ("penalty", _("penalty"))])
    due_on = DayField(label=_("due date"), required=False, help_text=_("Empty: due at once."))


class PauseForm(CausedForm):
    """Days without interest."""

    last_day = DayField(label=_("last day without interest"))


class RateForm(CausedForm):
    """A lower rate."""

    rate = forms.DecimalField(
        label=_("new rate"),
        max_digits=12,
        decimal_places=10,
        min_value=0,
        help_text=_("A fraction in the unit of the signed rate, such as 0.0003 a day."),
    )


class DueDayForm(CausedForm):
    """Another due day."""

    due_day = forms.IntegerField(label=_("due day of the month"), min_value=1, max_value=31)


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


class UndoForm(CausedForm):
    """Which fact never happened."""

    undoes = forms.CharField(widget=forms.HiddenInput, max_length=64)
    value_on = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that staff may do about a loan."""

    title: Any
    form: type[ActForm]
    permission: str
    service: Callable[..., LoanTransaction]

    def do(self, loan: Loan, form: ActForm, on: date) -> LoanTransaction:
        """Does it: one service call. Errors: the service's."""
        return self.service(loan_id=loan.pk, reference=form.reference, on=on, **form.given)


ACTS: Mapping[str, Act] = {
    "receive": Act(_("Record a repayment"), AmountForm, RECEIVE, servicing.repay),
    "charge": Act(_("Charge"), ChargeForm, SERVICE, servicing.charge),
    "pause": Act(_("Pause interest"), PauseForm, SERVICE, servicing.pause),
    "rate": Act(_("Lower the rate"), RateForm, SERVICE, servicing.change_rate),
    "due-day": Act(_("Change the due day"), DueDayForm, SERVICE, servicing.change_due_day),
    "reschedule": Act(_("New schedule"), RescheduleForm, SERVICE, servicing.reschedule),
    "refund": Act(_("Pay the credit out"), AmountForm, RECEIVE, servicing.refund_credit),
    "charge-off": Act(_("Charge off"), CausedForm, GIVE_UP, servicing.charge_off),
    "write-off": Act(_("Write off"), CausedForm, GIVE_UP, servicing.write_off),
    "recover": Act(_("Record a recovery"), AmountForm, RECEIVE, servicing.recover),
    # Reached from the fact that it undoes.
    "undo": Act(_("Undo"), UndoForm, UNDO, servicing.reverse),
}
