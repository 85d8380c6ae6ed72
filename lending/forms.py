"""What a borrower may send about loans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from finance.errors import DomainError
from finance.loan import Ahead
from lending.models import Offer, Product
from lending.plans import plan_code, wish_for
from lending.services.quoting import Wish
from lending.words import METHODS, product_name, term
from payments.models import FundingSource
from web.forms import Choice, YuanField

# Which field of a form says what a refusal names.
_FIELDS = {"amount": "amount", "principal": "amount", "source": "source"}


class WishForm(forms.Form):
    """What to borrow, and how to repay it."""

    plan = forms.ChoiceField(label=_("Loan and way of repaying"))
    amount = YuanField(label=_("Amount in yuan"))

    def __init__(self, *args: Any, plans: Mapping[Product, Iterable[Offer]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["plan"].choices = [  # type: ignore[attr-defined]
            (
                product_name(product),
                [
                    (
                        plan_code(offer),
                        f"{product_name(product)} · {term(offer.periods, offer.unit, offer.every)} · "
                        f"{METHODS[offer.method]}",
                    )
                    for offer in offers
                ],
            )
            for product, offers in plans.items()
        ]

    @property
    def wish(self) -> Wish:
        """What is wished for."""
        return wish_for(self.cleaned_data["plan"], self.cleaned_data["amount"])

    def refuse(self, error: DomainError) -> None:
        """Says beside the field that it names what a service refused."""
        field = _FIELDS.get(error.field or "", "plan")
        self.add_error(field if field in self.fields else None, error.message)


class SignForm(WishForm):
    """
    Signing: consent to the contract, and where the money is to go.

    `key` was made with the form: however often it is sent, it signs one loan.
    """

    source = forms.UUIDField(
        label=_("Where the money goes"),
        error_messages={
            "required": _("Choose where the money is to go."),
            "invalid": _("Choose where the money is to go."),
        },
    )
    consent = forms.BooleanField(
        label=_("I have read the contract and agree to it."),
        error_messages={"required": _("Without your consent no loan is signed.")},
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, sources: Iterable[FundingSource], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sources = list(sources)
        if not self.is_bound and self.sources:
            self.initial = {**self.initial, "key": uuid4(), "source": self.sources[0].uuid}

    @property
    def chosen(self) -> str:
        """The source that stands ticked."""
        return str(self["source"].value() or "")


PAYOFF = "payoff"
WAYS: Mapping[str, Any] = {
    Ahead.REDUCE.value: _("Smaller instalments"),
    Ahead.SHORTEN.value: _("Fewer instalments"),
    PAYOFF: _("End the loan"),
}


class PrepayForm(forms.Form):
    """How much to repay early."""

    amount = YuanField(label=_("Amount in yuan"))


class PrepayNowForm(PrepayForm):
    """One of the ways that were compared, carried out: once, however often the form is sent."""

    way = forms.ChoiceField(choices=list(WAYS.items()))
    key = forms.UUIDField(widget=forms.HiddenInput)


class DayForm(forms.Form):
    """A day that is asked about."""

    on = forms.DateField(
        label=_("Day"),
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, earliest: date, latest: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.earliest, self.latest = earliest, latest
        self.fields["on"].widget.attrs |= {"min": earliest.isoformat(), "max": latest.isoformat()}

    def clean_on(self) -> date:
        """A day within reach."""
        on: date = self.cleaned_data["on"]
        if not self.earliest <= on <= self.latest:
            raise forms.ValidationError(
                _("Choose a day from %(first)s to %(last)s.") % {"first": self.earliest, "last": self.latest}
            )
        return on


def repay_choices(due_fen: int, payoff_fen: int) -> list[Choice]:
    """The amounts worth offering: what is due, and what ends the loan."""
    offered = []
    if due_fen and due_fen != payoff_fen:
        offered.append(Choice(_("All that is due"), _("What is late, and what falls due today."), due_fen))
    if payoff_fen:
        offered.append(
            Choice(_("End the loan"), _("All that is owed, with the interest until today."), payoff_fen)
        )
    return offered
