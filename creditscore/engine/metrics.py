"""How good and how fair a model is. For training and review; scoring does not import this module."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

from creditscore.engine.features import FloatArray, IntArray
from finance.errors import DomainError


class MetricsUndefined(DomainError):
    """The outcomes hold only one class or do not fit the predictions."""

    code = "metrics_undefined"


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """People of similar predicted risk: how many, the mean prediction and the share that did default."""

    people: int
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class Quality:
    """Discrimination (AUC, KS) and calibration (Brier, expected calibration error over ten equal bins)."""

    auc: float
    ks: float
    brier: float
    calibration_error: float


@dataclass(frozen=True, slots=True)
class GroupFairness:
    """
    How a group fares when people below a threshold of risk are selected (approved).

    `selection_ratio` compares its selection rate with that of the best-placed group (under 0.8 calls for a look);
    `good_selection_rate` is the share selected of those who did not default. `auc` is None if all had one outcome.
    """

    group: Hashable
    people: int
    bad_rate: float
    mean_probability: float
    selection_rate: float
    selection_ratio: float
    good_selection_rate: float | None
    auc: float | None


@dataclass(frozen=True, slots=True)
class AucDifference:
    """AUC of the second model less that of the first, with a 95 % interval; a win only if `low` > 0."""

    difference: float
    low: float
    high: float
    standard_error: float


def quality(bad: npt.ArrayLike, probability: npt.ArrayLike) -> Quality:
    """Headline figures of predicted probabilities of default; raises `MetricsUndefined`."""
    outcomes, predicted = _paired(bad, probability)
    false_alarm, caught, _ = roc_curve(outcomes, predicted)
    return Quality(
        auc=float(roc_auc_score(outcomes, predicted)),
        ks=float(np.max(caught - false_alarm)),
        brier=float(brier_score_loss(outcomes, predicted)),
        calibration_error=expected_calibration_error(outcomes, predicted),
    )


def calibration_table(
    bad: npt.ArrayLike, probability: npt.ArrayLike, *, bins: int = 10
) -> list[CalibrationBin]:
    """Equally populated bins from the least to the most risky."""
    outcomes, predicted = _paired(bad, probability)
    order = np.argsort(predicted, kind="stable")
    return [
        CalibrationBin(len(rows), float(predicted[rows].mean()), float(outcomes[rows].mean()))
        for rows in np.array_split(order, bins)
        if len(rows)
    ]


def expected_calibration_error(bad: npt.ArrayLike, probability: npt.ArrayLike, *, bins: int = 10) -> float:
    """Mean gap between predicted and observed default rate over equally populated bins, weighted by people."""
    table = calibration_table(bad, probability, bins=bins)
    total = sum(bin_.people for bin_ in table)
    return sum(bin_.people * abs(bin_.predicted - bin_.observed) for bin_ in table) / total


def group_fairness(
    bad: npt.ArrayLike, probability: npt.ArrayLike, groups: Sequence[Hashable], *, approve_below: float
) -> list[GroupFairness]:
    """
    Fairness by group, ordered by the group's name; people with a probability under `approve_below` are selected.

    `groups` (such as sex or an age class) serve this review only and are never features.
    """
    outcomes, predicted = _paired(bad, probability)
    if len(groups) != len(outcomes):
        raise MetricsUndefined("groups must name one group for each prediction", field="groups")
    members = {g: np.array([h == g for h in groups]) for g in sorted(set(groups), key=str)}
    selected = predicted < approve_below
    best = max(float(selected[rows].mean()) for rows in members.values())
    report = []
    for group, rows in members.items():
        mixed = 0 < outcomes[rows].sum() < rows.sum()
        good = rows & (outcomes == 0)
        rate = float(selected[rows].mean())
        report.append(
            GroupFairness(
                group=group,
                people=int(rows.sum()),
                bad_rate=float(outcomes[rows].mean()),
                mean_probability=float(predicted[rows].mean()),
                selection_rate=rate,
                selection_ratio=rate / best if best else 1.0,
                good_selection_rate=float(selected[good].mean()) if good.any() else None,
                auc=float(roc_auc_score(outcomes[rows], predicted[rows])) if mixed else None,
            )
        )
    return report


def paired_bootstrap_auc(
    bad: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> AucDifference:
    """
    Whether `second` ranks better than `first` on the same people: both are measured on the same resamples.

    A resample is a weight per person, so each model is sorted once and a resample costs one pass.
    """
    outcomes, one = _paired(bad, first)
    _, two = _paired(bad, second)
    generator = np.random.default_rng(seed)
    good, poor = np.flatnonzero(outcomes == 0), np.flatnonzero(outcomes == 1)
    rankings = [_Ranking(outcomes, one), _Ranking(outcomes, two)]
    weights = np.ones(len(outcomes))
    observed = rankings[1].auc(weights) - rankings[0].auc(weights)
    differences = np.empty(resamples)
    for resample in range(resamples):
        for rows in (good, poor):
            drawn = generator.integers(0, len(rows), len(rows))
            weights[rows] = np.bincount(drawn, minlength=len(rows))
        differences[resample] = rankings[1].auc(weights) - rankings[0].auc(weights)
    low, high = np.quantile(differences, [0.025, 0.975])
    return AucDifference(observed, float(low), float(high), float(differences.std(ddof=1)))


class _Ranking:
    """One model's order of the people, sorted once, to compute weighted AUC with ties in linear time."""

    def __init__(self, outcomes: IntArray, predicted: FloatArray) -> None:
        self._order = np.argsort(predicted, kind="stable")
        ranked = predicted[self._order]
        self._starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._bad = outcomes[self._order] == 1

    def auc(self, weights: FloatArray) -> float:
        ranked = weights[self._order]
        bad = np.add.reduceat(np.where(self._bad, ranked, 0.0), self._starts)
        good = np.add.reduceat(np.where(self._bad, 0.0, ranked), self._starts)
        good_below = np.cumsum(good) - good
        return float((bad * (good_below + 0.5 * good)).sum() / (bad.sum() * good.sum()))


def _paired(bad: npt.ArrayLike, probability: npt.ArrayLike) -> tuple[IntArray, FloatArray]:
    outcomes = np.asarray(bad)
    predicted = np.asarray(probability, dtype=np.float64)
    if outcomes.ndim != 1 or outcomes.shape != predicted.shape:
        raise MetricsUndefined(
            "outcomes and predictions must be two lists of the same length", field="probability"
        )
    if (
        not np.isin(outcomes, (0, 1)).all()
        or len(np.unique(outcomes)) < 2
        or not np.isfinite(predicted).all()
    ):
        raise MetricsUndefined(
            "outcomes must be 0 and 1, with both present, and predictions finite", field="bad"
        )
    return outcomes.astype(np.int64), predicted
