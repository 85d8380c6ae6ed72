"""The forms of a new version of the policy that opens lines, and of a new rule of the law on consumer credit."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from huabei.admin.publishing import PublishForm, label
from huabei.models import ConsumerRule, LenderType, OpeningPolicy
from huabei.services.policies import RANGES
from web.forms import PairsField, YuanField, read_amount
from web.templatetags.money import yuan_input


def _whole(field: str) -> forms.IntegerField:
    least, most = RANGES[field]
    return forms.IntegerField(label=label(OpeningPolicy, field), min_value=least, max_value=most)


class PolicyForm(PublishForm):
    """The figures and bands of the policy. How they go together, the service says."""

    columns = (
        "lender_type",
        "minimum_age",
        "minimum_score",
        "score_days",
        "minimum_limit_fen",
        "maximum_limit_fen",
        "maximum_exposure_fen",
    )
    lender_type = forms.ChoiceField(label=label(OpeningPolicy, "lender_type"), choices=LenderType.choices)
    minimum_age = _whole("minimum_age")
    minimum_score = _whole("minimum_score")
    score_days = _whole("score_days")
    minimum_limit_fen = YuanField(label=label(OpeningPolicy, "minimum_limit_fen"))
    maximum_limit_fen = YuanField(label=label(OpeningPolicy, "maximum_limit_fen"))
    maximum_exposure_fen = YuanField(label=label(OpeningPolicy, "maximum_exposure_fen"))
    bands = PairsField(
        label=_("limit by score"),
        read=read_amount,
        example="600:2000.00 650:8000.00",
        help_text=_("The score from which it counts, and the limit in yuan that it earns: 600:2000.00"),
    )
    field_order = ("effective_from", *columns, "bands", "reason")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        bands = self.record.bands.order_by("score_from")
        written = "\n".join(f"{band.score_from}:{yuan_input(band.limit_fen)}" for band in bands)
        self.initial.setdefault("bands", written)


class RuleForm(PublishForm):
    """What the law says of one type of lender."""

    columns = ("consumer_cap_fen", "students_admitted")
    consumer_cap_fen = YuanField(label=label(ConsumerRule, "consumer_cap_fen"))
    students_admitted = forms.BooleanField(label=label(ConsumerRule, "students_admitted"), required=False)
    field_order = ("effective_from", *columns, "reason")
