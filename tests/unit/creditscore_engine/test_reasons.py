"""Reasons: true of the person, in points, in a stable order."""

from __future__ import annotations

import numpy as np
import pytest

from creditscore.engine.estimator import Contributions
from creditscore.engine.features import CATALOGUE, REASONS, FloatArray, IntArray
from creditscore.engine.points import PointsScale
from creditscore.engine.reasons import Explanation, explain
from creditscore.engine.scoring import ScoreModel

People = tuple[FloatArray, IntArray]
SCALE = PointsScale()


def explained(effects_in_points: dict[str, float], **values: float) -> Explanation:
    """One person's reasons, from effects of features in points and the person's figures (1 where not given)."""
    contributions = np.zeros((1, len(CATALOGUE.names)))
    figures = np.ones((1, len(CATALOGUE.names)))
    for name, points in effects_in_points.items():
        contributions[0, CATALOGUE.column(name)] = -points / SCALE.per_log_odds
    for name, value in values.items():
        figures[0, CATALOGUE.column(name)] = value
    (explanation,) = explain(Contributions(-1.5, contributions), figures, catalogue=CATALOGUE, scale=SCALE)
    return explanation


def test_effects_of_one_reason_are_added_and_sorted_by_size() -> None:
    found = explained(
        {"late_worst": -20, "late_mean": -30, "late_latest": -40, "limit_fen": 25, "paid_mean_fen": 35}
    )
    assert [(r.code, round(r.points, 6)) for r in found.adverse] == [("H2", -50), ("H1", -40)]
    assert [(r.code, round(r.points, 6)) for r in found.favourable] == [("C2", 35), ("C1", 25)]
    assert found.adverse[0].text == "Payments were late in recent months"
    assert found.favourable[0].text == "Payments are regular and substantial"


def test_equal_effects_stay_in_the_catalogues_order() -> None:
    tied = {
        "idle_share": -10.0,
        "spending_mean_to_limit": -10.0,
        "utilisation_mean": -10.0,
        "limit_fen": -10.0,
    }
    assert [r.code for r in explained(tied, paid_in_full_share=0).adverse] == ["C1", "B1", "B3", "B4"]


def test_effects_under_a_point_are_no_reasons() -> None:
    found = explained({"limit_fen": -0.9, "paid_mean_fen": 0.9})
    assert found == Explanation((), ())


@pytest.mark.parametrize(
    ("effect", "figures", "codes"),
    [
        ({"late_latest": -30}, {"late_latest": 0}, []),
        ({"late_latest": -30}, {"late_latest": 1}, ["H1"]),
        ({"late_mean": -30}, {"late_worst": 0}, []),
        ({"cover_worst": -30}, {"cover_worst": np.nan}, []),
        ({"cover_worst": -30}, {"cover_worst": 0.2}, ["C3"]),
    ],
)
def test_nobody_is_told_what_is_not_true_of_them(
    effect: dict[str, float], figures: dict[str, float], codes: list[str]
) -> None:
    assert [reason.code for reason in explained(effect, **figures).adverse] == codes


def test_praise_too_must_be_true() -> None:
    assert explained({"late_mean": 30}, late_worst=2).favourable == ()
    assert (
        explained({"late_mean": 30}, late_worst=0).favourable[0].text
        == "No payment was late in recent months"
    )


def test_all_effects_together_are_the_way_from_the_average_to_the_score(
    model: ScoreModel, people: People
) -> None:
    rows = people[0][:200]
    contributions = model.estimator.contributions(rows)
    effects = -model.scale.per_log_odds * (contributions.values @ CATALOGUE.reason_membership())
    start = model.scale.base_points - model.scale.per_log_odds * (contributions.baseline + np.log(4.0))
    expected = np.clip(start + effects.sum(axis=1), 350, 950)
    assert np.abs(model.points(rows) - expected).max() <= 0.51


def test_at_most_four_reasons_a_side_and_none_unknown(model: ScoreModel, people: People) -> None:
    codes = {reason.code for reason in REASONS}
    explanations = model.score(people[0][:300], [6] * 300).explanations
    assert max(len(e.adverse) for e in explanations) <= 4
    assert {r.code for e in explanations for r in (*e.adverse, *e.favourable)} <= codes
    assert all(r.points < 0 for e in explanations for r in e.adverse)
    assert all(r.points > 0 for e in explanations for r in e.favourable)
