"""The form of a new version of a product: the latest version's figures, to be changed."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from finance.dates import Unit
from finance.errors import DomainError
from lending.models import Offer, ProductVersion
from lending.models.products import HIGHEST_DAILY_RATE, HIGHEST_FEE
from lending.words import FEES, METHODS
from web.acts import DayField
from web.forms import YuanField
from web.templatetags.money import yuan_input

_WORDS = ("rate_unit", "ahead", "prepaid", "allocation", "allocation_order", "rounding")
_YUAN = ("minimum_fen", "maximum_fen", "instalment_multiple_fen")
_PLAIN = (
    "penalty_daily_rate",
    "grace_days",
    "minimum_score",
    "minimum_age",
    "maximum_age",
    "students_admitted",
)


def _name(field: str) -> Any:
    return ProductVersion._meta.get_field(field).verbose_name  # type: ignore[union-attr]


def _words(field: str) -> list[tuple[Any, Any]]:
    choices: Any = ProductVersion._meta.get_field(field)
    return list(choices.choices)


class VersionForm(forms.Form):
    """The figures, and from which day they count."""

    effective_from = DayField(label=_name("effective_from"))
    minimum_fen = YuanField(label=_name("minimum_fen"))
    maximum_fen = YuanField(label=_name("maximum_fen"))
    instalment_multiple_fen = YuanField(label=_name("instalment_multiple_fen"))
    penalty_daily_rate = forms.DecimalField(
        label=_name("penalty_daily_rate"),
        min_value=0,
        max_value=HIGHEST_DAILY_RATE,
        max_digits=9,
        decimal_places=8,
    )
    grace_days = forms.IntegerField(label=_name("grace_days"), min_value=0, max_value=31)
    minimum_score = forms.IntegerField(label=_name("minimum_score"), min_value=350, max_value=950)
    minimum_age = forms.IntegerField(label=_name("minimum_age"), min_value=18, max_value=120)
    maximum_age = forms.IntegerField(label=_name("maximum_age"), min_value=18, max_value=120)
    students_admitted = forms.BooleanField(label=_name("students_admitted"), required=False)

    def __init__(self, *args: Any, latest: ProductVersion, **kwargs: Any) -> None:
        given = {name: getattr(latest, name) for name in (*_WORDS, *_PLAIN)}
        given |= {name: yuan_input(getattr(latest, name)) for name in _YUAN}
        super().__init__(*args, **{**kwargs, "initial": given})
        for name in _WORDS:
            self.fields[name] = forms.ChoiceField(label=_name(name), choices=_words(name))

    def clean(self) -> dict[str, Any]:
        """Largest and smallest are in order."""
        cleaned = super().clean() or {}
        for least, most, said in (
            ("minimum_fen", "maximum_fen", _("It must not be less than the smallest amount.")),
            ("minimum_age", "maximum_age", _("It must not be less than the minimum age.")),
        ):
            if least in cleaned and most in cleaned and cleaned[most] < cleaned[least]:
                self.add_error(most, said)
        return cleaned

    @property
    def figures(self) -> dict[str, Any]:
        """The version's columns."""
        return {name: value for name, value in self.cleaned_data.items() if name != "effective_from"}


def _pairs(text: str) -> list[tuple[str, Decimal]]:
    """`3:0.02 9:0.01` → [("3", 0.02), ("9", 0.01)]. ValidationError for anything else."""
    found = []
    for pair in text.split():
        name, colon, number = pair.partition(":")
        try:
            found.append((name, Decimal(number)))
        except InvalidOperation:
            colon = ""
        if not colon or not 0 <= found[-1][1] <= HIGHEST_FEE:
            raise forms.ValidationError(_("Write pairs such as 3:0.02, with a space between them."))
    return found


class OfferForm(forms.Form):
    """One way of repaying. An empty method leaves it out."""

    method = forms.ChoiceField(label=_("method"), required=False, choices=[("", "–"), *METHODS.items()])
    periods = forms.IntegerField(label=_("periods"), min_value=1, max_value=360)
    every = forms.IntegerField(label=_("every"), initial=1, min_value=1, max_value=366)
    unit = forms.ChoiceField(label=_("period"), choices=[(each.value, each.value) for each in Unit])
    rate_from = forms.DecimalField(label=_("lowest rate"), min_value=0, max_digits=12, decimal_places=10)
    rate_to = forms.DecimalField(label=_("highest rate"), min_value=0, max_digits=12, decimal_places=10)
    prepayment_fees = forms.CharField(label=_("prepayment fees, last period:rate"), required=False)
    fees = forms.CharField(label=_("fees, kind:rate"), required=False)

    def clean_prepayment_fees(self) -> list[tuple[int, Decimal]]:
        """Periods, rising, with rates."""
        pairs = _pairs(self.cleaned_data["prepayment_fees"])
        if not all(last.isdecimal() for last, _rate in pairs):
            raise forms.ValidationError(_("Write pairs such as 3:0.02, with a space between them."))
        found = [(int(last), rate) for last, rate in pairs]
        if [last for last, _rate in found] != sorted({last for last, _rate in found}):
            raise forms.ValidationError(_("The periods must rise."))
        return found

    def clean_fees(self) -> list[tuple[str, Decimal]]:
        """Kinds with rates."""
        found = _pairs(self.cleaned_data["fees"])
        if unknown := [kind for kind, _rate in found if kind not in FEES]:
            raise forms.ValidationError(
                _("%(kind)s is no kind of fee; there are: %(known)s.")
                % {"kind": unknown[0], "known": ", ".join(FEES)}
            )
        return found

    def clean(self) -> dict[str, Any]:
        """The band of the rate is in order."""
        cleaned = super().clean() or {}
        lowest, highest = cleaned.get("rate_from"), cleaned.get("rate_to")
        if lowest is not None and highest is not None and highest < lowest:
            self.add_error("rate_to", _("It must not be less than the lowest rate."))
        return cleaned

    def full_clean(self) -> None:
        """Nothing is asked of an offer that is left out."""
        super().full_clean()
        if self.is_bound and not self["method"].value():
            self._errors = forms.utils.ErrorDict()
            self.cleaned_data = {}


OfferForms = forms.formset_factory(OfferForm, extra=2, max_num=40, absolute_max=40)


def given_of(offer: Offer) -> dict[str, Any]:
    """An offer as its form shows it."""
    plain = ("method", "periods", "every", "unit")
    given: dict[str, Any] = {name: getattr(offer, name) for name in plain}
    given |= {name: f"{getattr(offer, name).normalize():f}" for name in ("rate_from", "rate_to")}
    given["prepayment_fees"] = " ".join(
        f"{fee.last_period}:{fee.rate.normalize():f}" for fee in offer.prepayment_fees.all()
    )
    given["fees"] = " ".join(f"{fee.kind}:{fee.rate.normalize():f}" for fee in offer.fees.all())
    return given


def refuse(form: VersionForm, error: DomainError) -> None:
    """Says beside the field that it names what the service refused; what is of an offer, above all."""
    form.add_error(error.field if error.field in form.fields else None, error.message)
