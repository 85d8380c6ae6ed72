"""What a borrower may send from the pages of instalments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from web.forms import read_amount
from web.templatetags.money import rmb


class OfferForm(forms.Form):
    """An amount and a number of instalments to look at; `key` makes what is agreed to happen once."""

    amount = forms.CharField(
        max_length=24, label=_("Amount in yuan"), error_messages={"required": _("Write an amount.")}
    )
    periods = forms.TypedChoiceField(
        coerce=int,
        label=_("Instalments"),
        error_messages={
            "required": _("Choose a number of instalments."),
            "invalid_choice": _("Choose a number of instalments."),
        },
    )
    shop = forms.ChoiceField(required=False, label=_("At which shop"))
    key = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Any,
        *,
        offered: Sequence[int],
        shops: Sequence[tuple[str, str]] = (),
        smallest_fen: int = 1,
        largest_fen: int | None = None,
    ) -> None:
        super().__init__(data)
        self.offered = offered
        self.smallest_fen, self.largest_fen = smallest_fen, largest_fen
        # Shops that pay the fees of some instalments; at any other they cost the same.
        self.fields["shop"].choices = [("", _("Any other")), *shops] if shops else [("", "")]  # type: ignore[attr-defined]
        self.has_shops = bool(shops)
        self.fields["periods"].choices = [(periods, periods) for periods in offered]  # type: ignore[attr-defined]

    def clean_amount(self) -> int:
        """The amount in fen, within what may be chosen."""
        amount_fen = read_amount(self.cleaned_data["amount"])
        if amount_fen < self.smallest_fen or (self.largest_fen is not None and amount_fen > self.largest_fen):
            raise forms.ValidationError(self.bounds())
        return amount_fen

    def bounds(self) -> str:
        """What may be chosen, in words."""
        if self.largest_fen is None:
            return gettext("At least %(smallest)s.") % {"smallest": rmb(self.smallest_fen)}
        return gettext("From %(smallest)s to %(largest)s.") % {
            "smallest": rmb(self.smallest_fen),
            "largest": rmb(self.largest_fen),
        }

    @property
    def chosen(self) -> int:
        """The number of instalments that stands ticked."""
        value = str(self["periods"].value())
        return int(value) if value in {str(periods) for periods in self.offered} else self.offered[0]

    @staticmethod
    def new_key() -> str:
        """A key for what is agreed to next."""
        return str(uuid4())


class PayoffForm(forms.Form):
    """The payment of a plan: the amount that was shown, once per form."""

    amount = forms.CharField(max_length=24)
    key = forms.UUIDField()

    def clean_amount(self) -> int:
        """The amount in fen."""
        return read_amount(self.cleaned_data["amount"])


class PayoffDayForm(forms.Form):
    """The day for which a payoff is to be quoted: today, or within the plan's years to come."""

    on = forms.DateField(
        label=_("On another day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("Write a date such as 2026-07-15.")},
    )

    def __init__(self, data: Any, *, today: date) -> None:
        super().__init__(data)
        self.today = today
        self.fields["on"].widget.attrs["min"] = today.isoformat()

    def clean_on(self) -> date:
        """A day that is not past."""
        on: date = self.cleaned_data["on"]
        if on < self.today:
            raise forms.ValidationError(_("Choose today or a later day."))
        return on
