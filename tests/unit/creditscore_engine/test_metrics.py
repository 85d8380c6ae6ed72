"""Quality and fairness figures against hand-computed tables and the library."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from creditscore.engine.metrics import (
    MetricsUndefined,
    _Ranking,
    calibration_table,
    expected_calibration_error,
    group_fairness,
    paired_bootstrap_auc,
    quality,
)

BAD = [0, 0, 0, 1, 0, 1, 0, 1, 1, 1]
RISK = [0.1, 0.1, 0.2, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9]


def test_headline_figures_of_ten_people() -> None:
    found = quality(BAD, RISK)
    # 25 pairs of bad and good: 21 ranked rightly, one tied, three wrongly.
    assert found.auc == pytest.approx(21.5 / 25)
    assert found.ks == pytest.approx(0.6)
    assert found.brier == pytest.approx(sum((b - r) ** 2 for b, r in zip(BAD, RISK, strict=True)) / 10)


def test_calibration_bins_hold_equally_many_people_from_safe_to_risky() -> None:
    table = calibration_table(BAD, RISK, bins=2)
    assert [(b.people, round(b.predicted, 3), b.observed) for b in table] == [(5, 0.18, 0.2), (5, 0.62, 0.8)]
    assert expected_calibration_error(BAD, RISK, bins=2) == pytest.approx((0.02 + 0.18) / 2)


def test_fairness_by_group() -> None:
    groups = ["b"] * 5 + ["a"] * 5
    first, second = group_fairness(BAD, RISK, groups, approve_below=0.25)
    assert (first.group, first.people, first.bad_rate, first.selection_rate) == ("a", 5, 0.8, 0.0)
    assert (first.selection_ratio, first.good_selection_rate) == (0.0, 0.0)
    assert (second.group, second.selection_rate, second.selection_ratio) == ("b", 0.8, 1.0)
    assert second.good_selection_rate == pytest.approx(3 / 4)
    assert second.auc == pytest.approx(2.5 / 4)


def test_a_group_of_one_outcome_has_no_auc() -> None:
    (group, _) = group_fairness(BAD, RISK, [1, 1, 1] + [2] * 7, approve_below=0.5)
    assert group.auc is None
    assert group.good_selection_rate == 1


def test_weighted_auc_with_ties_agrees_with_the_library() -> None:
    generator = np.random.default_rng(3)
    bad, risk = generator.integers(0, 2, 500), generator.integers(0, 40, 500) / 40
    weights = generator.integers(0, 4, 500).astype(float)
    assert _Ranking(bad, risk).auc(weights) == pytest.approx(roc_auc_score(bad, risk, sample_weight=weights))


def test_a_better_model_wins_the_bootstrap_and_an_equal_one_does_not() -> None:
    generator = np.random.default_rng(5)
    truth = generator.normal(size=3_000)
    bad = (generator.random(3_000) < 1 / (1 + np.exp(1.5 - truth))).astype(int)
    weak = truth + generator.normal(scale=2.0, size=3_000)
    better = paired_bootstrap_auc(bad, weak, truth, resamples=200)
    assert better.low > 0
    assert better.difference == pytest.approx(roc_auc_score(bad, truth) - roc_auc_score(bad, weak))
    noise = truth + generator.normal(scale=0.01, size=3_000)
    equal = paired_bootstrap_auc(bad, truth, noise, resamples=200)
    assert equal.low < 0 < equal.high
    assert equal.standard_error < better.standard_error


@pytest.mark.parametrize(
    ("bad", "risk"),
    [([0, 0], [0.1, 0.2]), ([0, 1], [0.1]), ([0, 2], [0.1, 0.2]), ([0, 1], [0.1, np.nan]), ([], [])],
)
def test_figures_that_are_not_defined_are_refused(bad: list[int], risk: list[float]) -> None:
    with pytest.raises(MetricsUndefined):
        quality(bad, risk)
