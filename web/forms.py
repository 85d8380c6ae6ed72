"""What people send from pages, read strictly: amounts as `finance.money` reads them, in every language alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from finance.money import MoneyError, format_yuan, parse_yuan
from finance.prose import as_written, is_prose
from web.api.reading import LARGEST_AMOUNT_FEN

OTHER = "other"

_SHORT_NUMBER = re.compile(r"[0-9]{1,4}")


@dataclass(frozen=True, slots=True)
class Choice:
    """One amount to repay that a form offers. What is sent is the amount that was shown, whatever interest ran since."""

    label: Any
    hint: Any
    amount_fen: int

    @property
    def value(self) -> str:
        """What the form sends."""
        return format_yuan(self.amount_fen)


def read_amount(text: str) -> int:
    """The fen in an amount that was typed. ValidationError says what would be right."""
    try:
        amount_fen = parse_yuan(text.strip())
    except MoneyError as error:
        raise forms.ValidationError(
            _("Write the amount in yuan with digits and a point, such as 1234.50.")
        ) from error
    if amount_fen <= 0:
        raise forms.ValidationError(_("The amount must be at least 0.01."))
    if amount_fen > LARGEST_AMOUNT_FEN:
        raise forms.ValidationError(_("This is more than can be booked at once."))
    return amount_fen


class ProseField(forms.CharField):
    """What somebody writes in their own words, of several lines if they like; its length is measured as it is kept."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.Textarea({"rows": 2}), **options)

    def to_python(self, value: Any) -> str:
        """The text as it is kept."""
        return as_written(str(super().to_python(value) or ""))

    def validate(self, value: Any) -> None:
        """ValidationError for what cannot be shown."""
        super().validate(value)
        if not is_prose(value):
            raise forms.ValidationError(_("Write it without control characters."))


class YuanField(forms.CharField):
    """An amount in yuan; its value is fen."""

    def __init__(self, **options: Any) -> None:
        attributes = {"inputmode": "decimal", "autocomplete": "off"}
        super().__init__(max_length=24, widget=forms.TextInput(attributes), **options)

    def clean(self, value: Any) -> Any:
        """Fen; None for an empty one that may be."""
        text = super().clean(value)
        return read_amount(text) if text else None


class RepayForm(forms.Form):
    """
    How much to repay: an amount that was offered, or another one that is typed.

    `key` was made with the form: however often it is sent, it pays once.
    """

    pay = forms.CharField(
        max_length=24, error_messages={"required": _("Choose how much to pay.")}, label=_("How much")
    )
    amount = forms.CharField(max_length=24, required=False, label=_("Amount in yuan"))
    key = forms.UUIDField(widget=forms.HiddenInput)

    amount_fen: int = 0

    def __init__(self, *args: Any, offered: Sequence[Choice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = offered
        if not self.is_bound:
            first = offered[0].value if offered else ""
            self.initial = {"key": uuid4(), "pay": first or OTHER, "amount": first}

    def clean(self) -> dict[str, Any]:
        """Finds the amount, and says beside the field what is wrong with it."""
        cleaned = super().clean() or {}
        pay = cleaned.get("pay", "")
        text = cleaned.get("amount", "") if pay == OTHER else pay
        if pay and "amount" not in self.errors:
            try:
                self.amount_fen = read_amount(text)
            except forms.ValidationError as error:
                self.add_error(self.amount_field, error)
        return cleaned

    @property
    def amount_field(self) -> str:
        """The field that says how much."""
        return "amount" if self["pay"].value() == OTHER else "pay"

    @property
    def chosen(self) -> str:
        """The choice that stands ticked: one that is offered, else the other amount."""
        value = self["pay"].value()
        return value if value in {choice.value for choice in self.offered} else OTHER

    def used_up(self) -> None:
        """Says that this form paid already, and takes a new key for another payment."""
        self.data = {**{name: self.data[name] for name in self.data}, "key": str(uuid4())}
        self.add_error(
            None,
            _("This form has paid another amount already. Send it again only if you want to pay once more."),
        )


class PairsField(forms.CharField):
    """
    Several numbers with what belongs to each, one after another: `3:0.025 6:0.045`. Its value is pairs, in the order written.

    `read` makes a value of the second part and says with a ValueError or ValidationError that it is none; `example` is shown.
    """

    def __init__(self, *, read: Callable[[str], Any], example: str, **options: Any) -> None:
        attributes = {"rows": 5, "spellcheck": "false", "autocomplete": "off"}
        super().__init__(max_length=2_000, widget=forms.Textarea(attributes), **options)
        self.read, self.example = read, example

    def clean(self, value: Any) -> Any:
        """The pairs. ValidationError names the first that is none."""
        pairs = []
        for written in super().clean(value).split():
            number, _colon, rest = written.partition(":")
            try:
                if not _SHORT_NUMBER.fullmatch(number):
                    raise ValueError(number)
                pairs.append((int(number), self.read(rest)))
            except (ValueError, ArithmeticError, forms.ValidationError) as error:
                raise forms.ValidationError(
                    _("%(written)s is not understood: write pairs such as %(example)s, with a space between.")
                    % {"written": written, "example": self.example}
                ) from error
        return pairs
