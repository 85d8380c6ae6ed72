"""From risk to points, bands and sub-scores."""

from __future__ import annotations

import math

import numpy as np
import pytest

from creditscore.engine.features import Dimension, FeaturesInvalid, FloatArray, IntArray
from creditscore.engine.points import (
    BANDS,
    PointsOutOfRange,
    PointsScale,
    PointsScaleInvalid,
    ReferenceInvalid,
    ReferencePopulation,
    ThinFilePolicy,
    band_of,
    reference_population,
)
from creditscore.engine.scoring import ScoreModel

People = tuple[FloatArray, IntArray]


@pytest.mark.parametrize(
    ("odds", "points"),
    [(4, 600), (8, 655), (2, 545), (16, 710), (1, 490), (0.25, 380), (1e-9, 350), (1e9, 950)],
)
def test_fifty_five_points_double_the_odds_within_the_range(odds: float, points: int) -> None:
    assert PointsScale().points(np.array([-math.log(odds)])).tolist() == [points]


def test_more_risk_never_means_more_points() -> None:
    points = PointsScale().points(np.linspace(-12, 12, 5_000))
    assert (np.diff(points) <= 0).all()
    assert (points[0], points[-1]) == (950, 350)


@pytest.mark.parametrize("points", [351, 550, 600, 777, 949])
def test_the_log_odds_of_a_number_of_points_give_that_number(points: int) -> None:
    scale = PointsScale()
    assert scale.points(np.array([scale.log_odds_at(points)])).tolist() == [points]


@pytest.mark.parametrize(
    "wrong",
    [{"base_odds": 0.0}, {"points_to_double": -1.0}, {"base_points": 350.0}, {"base_points": math.nan}],
)
def test_constants_that_describe_no_rising_line_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(PointsScaleInvalid):
        PointsScale(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("points", "band"),
    [
        (350, "poor"), (549, "poor"), (550, "fair"), (599, "fair"), (600, "good"), (649, "good"),
        (650, "very_good"), (699, "very_good"), (700, "excellent"), (950, "excellent"),
    ],
)  # fmt: skip
def test_a_bands_lower_bound_belongs_to_it(points: int, band: str) -> None:
    assert band_of(points).code == band


@pytest.mark.parametrize("points", [349, 951])
def test_points_outside_the_range_have_no_band(points: int) -> None:
    with pytest.raises(PointsOutOfRange):
        band_of(points)


def test_bands_cover_the_range_without_gap_or_overlap() -> None:
    assert [band.lower for band in BANDS[1:]] == [band.upper for band in BANDS[:-1]]
    assert (BANDS[0].lower, BANDS[-1].upper) == (350, 951)


def test_too_short_a_history_is_not_scored(model: ScoreModel, people: People) -> None:
    assert ThinFilePolicy().scorable(np.array([0, 2, 3, 6])).tolist() == [False, False, True, True]
    batch = model.score(people[0][:4], [2, 3, 6, 0])
    assert batch.people.tolist() == [1, 2]
    assert (
        len(batch.points) == len(batch.probability) == len(batch.sub_scores) == len(batch.explanations) == 2
    )
    assert batch.points.tolist() == model.points(people[0][1:3]).tolist()


def test_a_batch_of_thin_files_only_has_no_scores(model: ScoreModel, people: People) -> None:
    batch = model.score(people[0][:3], [1, 1, 1])
    assert batch.people.size == batch.points.size == 0
    assert batch.explanations == []


def test_months_known_must_be_given_for_each_person(model: ScoreModel, people: People) -> None:
    with pytest.raises(FeaturesInvalid, match="months_known"):
        model.score(people[0][:3], [6, 6])


def by_dimension(*history: float) -> FloatArray:
    return np.array([[value, 0.0, 0.0, 0.0, 0.0] for value in history])


@pytest.mark.parametrize(
    ("contribution", "sub_score"), [(-3.0, 100), (0.0, 100), (25.0, 75), (50.0, 50), (90.0, 10), (400.0, 0)]
)
def test_a_sub_score_is_the_share_of_people_the_dimension_speaks_worse_for(
    contribution: float, sub_score: int
) -> None:
    reference = reference_population(by_dimension(*range(101)))
    assert reference.sub_scores(by_dimension(contribution))[0, 0] == sub_score


def test_people_tied_in_a_dimension_share_the_middle_of_their_range() -> None:
    reference = reference_population(by_dimension(*[0.0] * 80, *range(1, 21)))
    assert reference.sub_scores(by_dimension(0.0))[0, 0] == pytest.approx(60, abs=1)
    scores = reference.sub_scores(by_dimension(*np.linspace(-1, 22, 400)))[:, 0]
    assert (np.diff(scores) <= 0).all()


def test_a_dimension_without_evidence_has_no_sub_score(model: ScoreModel, people: People) -> None:
    scores = model.score(people[0][:20], [6] * 20).sub_scores
    evidence = {d: not np.isnan(scores[:, column]).all() for column, d in enumerate(Dimension)}
    assert evidence == {
        Dimension.CREDIT_HISTORY: True,
        Dimension.CAPACITY: True,
        Dimension.BEHAVIOUR: True,
        Dimension.IDENTITY: False,
        Dimension.NETWORK: False,
    }


@pytest.mark.parametrize("table", [(1.0,), (1.0, 0.5), (0.0, math.inf)])
def test_a_reference_table_must_rise(table: tuple[float, ...]) -> None:
    with pytest.raises(ReferenceInvalid):
        ReferencePopulation(knots={Dimension.CAPACITY: table})
