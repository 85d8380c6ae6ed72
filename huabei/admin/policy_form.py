"""The form of a new version of the policy that opens lines: the latest version's figures and bands, to be changed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from finance.errors import DomainError
from huabei.models import LenderType, OpeningPolicy
from web.acts import DayField
from web.forms import YuanField
from web.templatetags.money import yuan_input

_YUAN = ("minimum_limit_fen", "maximum_limit_fen", "maximum_exposure_fen")
_PLAIN = ("lender_type", "minimum_age", "minimum_score", "score_days")


def _name(field: str) -> Any:
    return OpeningPolicy._meta.get_field(field).verbose_name  # type: ignore[union-attr]


class PolicyForm(forms.Form):
    """The figures, and from which day they count. How they go together, the service says."""

    effective_from = DayField(label=_name("effective_from"))
    lender_type = forms.ChoiceField(label=_name("lender_type"), choices=LenderType.choices)
    minimum_age = forms.IntegerField(label=_name("minimum_age"), min_value=18, max_value=120)
    minimum_score = forms.IntegerField(label=_name("minimum_score"), min_value=350, max_value=950)
    score_days = forms.IntegerField(label=_name("score_days"), min_value=1, max_value=366)
    minimum_limit_fen = YuanField(label=_name("minimum_limit_fen"))
    maximum_limit_fen = YuanField(label=_name("maximum_limit_fen"))
    maximum_exposure_fen = YuanField(label=_name("maximum_exposure_fen"))

    def __init__(self, *args: Any, latest: OpeningPolicy, **kwargs: Any) -> None:
        given = {name: getattr(latest, name) for name in _PLAIN}
        given |= {name: yuan_input(getattr(latest, name)) for name in _YUAN}
        super().__init__(*args, **{**kwargs, "initial": given})

    @property
    def figures(self) -> dict[str, Any]:
        """The version's columns."""
        return {name: value for name, value in self.cleaned_data.items() if name != "effective_from"}

    def refuse(self, error: DomainError) -> None:
        """Says beside the field that it names what the service refused; what is of the bands, above all."""
        self.add_error(error.field if error.field in self.fields else None, error.message)


class BandForm(forms.Form):
    """One band. An empty score leaves it out."""

    score_from = forms.IntegerField(label=_("score from"), required=False, min_value=350, max_value=950)
    limit = YuanField(label=_("limit"), required=False)

    def clean(self) -> dict[str, Any]:
        """Whoever reaches a score earns something."""
        cleaned = super().clean() or {}
        if cleaned.get("score_from") is not None and not cleaned.get("limit") and not self.errors:
            self.add_error("limit", _("Write the limit that this score earns."))
        return cleaned


BandForms = forms.formset_factory(BandForm, extra=2, max_num=40, absolute_max=40)


def bands_of(forms_: Any) -> list[tuple[int, int]]:
    """The bands that were written, as (score from, limit in fen)."""
    given = [each.cleaned_data for each in forms_ if each.cleaned_data.get("score_from") is not None]
    return [(each["score_from"], each["limit"]) for each in given]
