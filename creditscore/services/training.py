"""
Training a score model on the database: the features as of a date, the outcomes of the month that followed.

1. Outcomes of the month of `as_of`, in the order of their sources and rows, so that the same facts give the same model.
2. Features as of the date by the SQL that scores people; who has too little history to be scored is left out.
3. Rows whose last digit is 0, 1 or 2 are held out: they measure the model and are never fitted.
4. Only then are the protected attributes of the held-out people read, to measure fairness.
5. The model is stored with its measurements, and becomes the champion or a challenger.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.utils.translation import gettext as _

from creditscore.engine import metrics
from creditscore.engine.calibration import probability_of
from creditscore.engine.features import CATALOGUE, FloatArray, IntArray
from creditscore.engine.points import ThinFilePolicy
from creditscore.engine.scoring import ScoreModel, train
from creditscore.feature_rows import feature_batches
from creditscore.models import ModelVersion, Outcome, ProtectedAttributes
from creditscore.selectors import months_with_outcomes, publication_as_of
from creditscore.services.registry import register_model
from finance.errors import DomainError

HELD_OUT_DIGITS = (0, 1, 2)
# Where the perks begin; the review of fairness asks who would pass it.
APPROVAL_POINTS = 600
_AGE_CLASSES = ((25, "under 25"), (35, "25-34"), (45, "35-44"), (60, "45-59"), (200, "60 and over"))


class NoOutcomes(DomainError):
    """There is nothing to learn from as of this date."""

    code = "no_outcomes"


@dataclass(frozen=True, slots=True)
class Training:
    """A trained model as it was stored, and what was measured on it."""

    version: ModelVersion
    metrics: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Cases:
    """People with features and an outcome, in the order of their rows."""

    customer_ids: list[UUID]
    features: FloatArray
    bad: IntArray
    held_out: npt.NDArray[np.bool_]
    without_history: int


def train_score(*, as_of: date, at: datetime, promote: bool | None = None) -> Training:
    """
    Trains, measures and stores a model from what was known at the end of `as_of` and the outcomes of that month.

    `at` is when (recorded only); `promote`: make it the champion, or do not, or (None) if there is none yet. The same facts
    give the same model, byte for byte. 30,000 people take some 10 seconds on one core. Errors: NoOutcomes;
    TrainingDataInvalid, CalibrationFailed or MetricsUndefined (from the engine) when there is too little of one outcome.
    """
    cases = _cases(as_of)
    fitted = ~cases.held_out
    model = train(cases.features[fitted], cases.bad[fitted])
    measured = _measured(model, cases, as_of)
    version = register_model(model=model, metrics=measured, as_of=as_of, trained_at=at, promote=promote)
    return Training(version, measured)


def default_as_of() -> date:
    """As the publication of the newest month with outcomes would see it. Error: NoOutcomes."""
    months = months_with_outcomes()
    if not months:
        raise _no_outcomes(None, months)
    return publication_as_of(months[-1])


def _cases(as_of: date) -> _Cases:
    month = as_of.replace(day=1)
    outcomes = list(
        Outcome.objects.filter(month=month)
        .order_by("source", "row_number", "id")
        .values_list("customer_id", "defaulted", "row_number")
    )
    if not outcomes:
        raise _no_outcomes(month, months_with_outcomes())
    people, defaulted, rows = zip(*outcomes, strict=True)
    features = np.full((len(people), len(CATALOGUE.names)), np.nan)
    known = np.zeros(len(people), dtype=np.int64)
    position = {customer_id: n for n, customer_id in enumerate(people)}
    for _batch, found in feature_batches(as_of=as_of, customer_ids=people):
        at = [position[customer_id] for customer_id in found.customer_ids]
        features[at] = found.values
        known[at] = found.months_known
    usable = ThinFilePolicy().scorable(known)
    if not usable.any():
        raise NoOutcomes(
            _("None of the %(people)d people with an outcome in %(month)s had enough history on %(as_of)s.")
            % {"people": len(people), "month": f"{month:%Y-%m}", "as_of": as_of},
            field="as_of",
        )
    return _Cases(
        customer_ids=[people[n] for n in np.flatnonzero(usable)],
        features=features[usable],
        bad=np.array(defaulted, dtype=np.int64)[usable],
        held_out=np.isin(np.array(rows)[usable] % 10, HELD_OUT_DIGITS),
        without_history=int((~usable).sum()),
    )


def _no_outcomes(month: date | None, known: Sequence[date]) -> NoOutcomes:
    if not known:
        return NoOutcomes(
            _("No outcomes are known: import histories first, with ./manage.py import_card_histories."),
            field="as_of",
        )
    return NoOutcomes(
        _("No outcomes are known for %(month)s; choose a date within one of %(known)s.")
        % {"month": month and f"{month:%Y-%m}", "known": ", ".join(f"{each:%Y-%m}" for each in known)},
        field="as_of",
    )


def _measured(model: ScoreModel, cases: _Cases, as_of: date) -> dict[str, Any]:
    """What is measured on the held-out people, with what the model was trained on: plain JSON, no clock."""
    held = cases.held_out
    bad = cases.bad[held]
    probability = model.estimator.predict_proba(cases.features[held])[:, 1]
    return {
        "people": len(cases.bad),
        "fitted": int((~held).sum()),
        "held_out": int(held.sum()),
        "without_history": cases.without_history,
        "bad_rate": float(cases.bad.mean()),
        "features": len(CATALOGUE.names),
        **asdict(metrics.quality(bad, probability)),
        "calibration": [asdict(bin_) for bin_ in metrics.calibration_table(bad, probability)],
        "fairness": _fairness(
            model, bad, probability, [c for c, h in zip(cases.customer_ids, held, strict=True) if h], as_of
        ),
        "importance": _importance(model),
    }


def _fairness(
    model: ScoreModel, bad: IntArray, probability: FloatArray, customer_ids: Sequence[UUID], as_of: date
) -> dict[str, Any]:
    """By sex, marital status and age class: who would pass the score at which the perks begin."""
    attributes = {
        customer_id: (sex, marital_status, _age_class(as_of.year - birth_year))
        for customer_id, sex, marital_status, birth_year in ProtectedAttributes.objects.values_list(
            "customer_id", "sex", "marital_status", "birth_year"
        )
    }
    unknown = ("unknown", "unknown", "unknown")
    known = [attributes.get(customer_id, unknown) for customer_id in customer_ids]
    approve_below = float(probability_of(np.array([model.scale.log_odds_at(APPROVAL_POINTS)]))[0])
    report: dict[str, Any] = {"approval_points": APPROVAL_POINTS}
    for column, name in enumerate(("sex", "marital_status", "age")):
        groups: list[Hashable] = [row[column] for row in known]
        report[name] = [
            asdict(group)
            for group in metrics.group_fairness(bad, probability, groups, approve_below=approve_below)
        ]
    return report


def _age_class(age: int) -> str:
    return next(label for below, label in _AGE_CLASSES if age < below)


def _importance(model: ScoreModel) -> dict[str, float]:
    """Each feature's share of the gain of all splits, largest first; what the trees never ask is 0."""
    split_gain: Mapping[str, Any] = model.estimator.booster_.get_score(importance_type="total_gain")
    gains = [float(split_gain.get(f"f{n}", 0.0)) for n in range(len(CATALOGUE.names))]
    total = sum(gains) or 1.0
    shares = {name: round(gain / total, 5) for name, gain in zip(CATALOGUE.names, gains, strict=True)}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
