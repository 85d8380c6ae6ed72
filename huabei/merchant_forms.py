"""What a shop may send from its pages."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from finance.errors import DomainError
from finance.money import format_yuan
from huabei.models import PurchaseState
from web.forms import YuanField


class OrdersFilter(forms.Form):
    """Which orders to show."""

    state = forms.ChoiceField(
        choices=[("", _("all")), *PurchaseState.choices], required=False, label=_("State")
    )
    since = forms.DateField(
        required=False,
        input_formats=["%Y-%m-%d"],
        label=_("From"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        required=False,
        input_formats=["%Y-%m-%d"],
        label=_("Until"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


class OnceForm(forms.Form):
    """A form that does its work once, however often it is sent: `key` was made with it."""

    key = forms.UUIDField(widget=forms.HiddenInput)

    @property
    def reference(self) -> str:
        """The reference under which it is done."""
        return f"page:{self.cleaned_data['key']}"

    def refuse(self, error: DomainError) -> None:
        """Says beside the field, or above all, why it was not done."""
        message = str(error)
        where = error.field if error.field in self.fields else None
        if error.code == "request_conflict":
            message = str(_("This form was sent before with another amount. Check, then send it again."))
            self.data = {**{name: self.data[name] for name in self.data}, "key": str(uuid4())}
            where = None
        self.add_error(where, message[:1].upper() + message[1:])


class RefundForm(OnceForm):
    """How much to give back."""

    amount = YuanField(label=_("Amount in yuan"))

    @classmethod
    def fresh(cls, most_fen: int) -> RefundForm:
        """The form that offers all that is left."""
        return cls(initial={"key": uuid4(), "amount": format_yuan(most_fen)}, auto_id="refund_%s")


class CaptureForm(OnceForm):
    """How much to charge, and whether what is left is released."""

    amount = YuanField(label=_("Amount in yuan"))
    more = forms.BooleanField(required=False, label=_("More will be charged: keep the rest reserved"))

    @classmethod
    def fresh(cls, most_fen: int) -> CaptureForm:
        """The form that offers all that is left."""
        return cls(initial={"key": uuid4(), "amount": format_yuan(most_fen)}, auto_id="capture_%s")


class AccountForm(forms.Form):
    """The bank account to which a shop is paid."""

    account = forms.CharField(
        max_length=32,
        label=_("Account number"),
        help_text=_("12 to 19 digits. Only the last four are shown from then on."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


def sent(form: type[Any], data: Any) -> Any:
    """A form as it was sent."""
    return form(data, auto_id=f"{form.__name__.removesuffix('Form').lower()}_%s")
