"""The risk model: fitted once, monotone, calibrated, explained exactly, and never used across a fork."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from creditscore.engine import estimator as estimator_module
from creditscore.engine.calibration import CalibrationFailed, fit_platt, probability_of
from creditscore.engine.estimator import (
    LoadedBeforeFork,
    NotFitted,
    RiskEstimator,
    TrainingDataInvalid,
    stratified_folds,
)
from creditscore.engine.features import CATALOGUE, FeaturesInvalid, FloatArray, IntArray
from creditscore.engine.scoring import ScoreModel
from tests.unit.creditscore_engine.conftest import SMALL, made_up_people

People = tuple[FloatArray, IntArray]


def test_probabilities_are_a_pair_that_adds_up_to_one(model: ScoreModel, people: People) -> None:
    probability = model.estimator.predict_proba(people[0][:50])
    assert probability.shape == (50, 2)
    assert np.allclose(probability.sum(axis=1), 1)
    assert np.allclose(probability[:, 1], probability_of(model.estimator.predict_log_odds(people[0][:50])))


def test_contributions_add_up_to_the_log_odds_also_across_batches(
    model: ScoreModel, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = model.estimator.contributions(people[0])
    assert np.allclose(
        whole.baseline + whole.values.sum(axis=1), model.estimator.predict_log_odds(people[0]), atol=1e-4
    )
    monkeypatch.setattr(estimator_module, "CONTRIBUTION_BATCH", 7)
    batched = model.estimator.contributions(people[0][:20])
    assert np.array_equal(batched.values, whole.values[:20])
    assert batched.baseline == whole.baseline


@pytest.mark.parametrize("feature", CATALOGUE.features, ids=lambda f: f.name)
def test_risk_never_moves_against_a_features_direction(model: ScoreModel, people: People, feature) -> None:  # type: ignore[no-untyped-def]
    column = CATALOGUE.column(feature.name)
    grid = np.unique(people[0][:, column][~np.isnan(people[0][:, column])])[::50]
    rows = np.repeat(people[0][:40], len(grid), axis=0)
    rows[:, column] = np.tile(grid, 40)
    steps = np.diff(model.estimator.predict_log_odds(rows).reshape(40, len(grid)), axis=1)
    assert (steps * feature.direction >= -1e-6).all()


def test_the_same_input_gives_the_same_model_whatever_the_threads(people: People) -> None:
    few_rounds = replace(SMALL, rounds=10)
    one, two = (RiskEstimator(settings=few_rounds, threads=n).fit(*people) for n in (1, 2))
    assert np.array_equal(one.predict_log_odds(people[0]), two.predict_log_odds(people[0]))
    again = RiskEstimator(settings=few_rounds).fit(*people)
    assert again.booster_bytes() == one.booster_bytes()


def test_predicted_risk_is_calibrated_on_people_the_model_never_saw(model: ScoreModel) -> None:
    features, bad = made_up_people(4_000, seed=9)
    assert model.estimator.predict_proba(features)[:, 1].mean() == pytest.approx(bad.mean(), abs=0.02)


def test_no_row_calibrates_a_model_that_learned_from_it(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calibrator sees margins of models trained without the row: their spread is that of unseen people."""
    seen: list[FloatArray] = []

    def recording(margin: FloatArray, bad: IntArray):  # type: ignore[no-untyped-def]
        seen.append(margin)
        return fit_platt(margin, bad)

    monkeypatch.setattr(estimator_module, "fit_platt", recording)
    fitted = RiskEstimator(settings=SMALL).fit(*people)
    learned = fitted.booster_.inplace_predict(people[0], predict_type="margin")
    (unseen,) = seen
    fold = stratified_folds(people[1], folds=5, seed=2005)
    held = fold == 3
    without = fitted._trained(people[0][~held], people[1][~held]).inplace_predict(
        people[0], predict_type="margin"
    )
    assert np.allclose(unseen[held], without[held])
    assert not np.allclose(unseen, learned)


def test_folds_are_even_and_stratified() -> None:
    bad = np.array([1] * 23 + [0] * 100)
    fold = stratified_folds(bad, folds=5, seed=1)
    assert sorted(np.bincount(fold[bad == 1])) == [4, 4, 5, 5, 5]
    assert (np.bincount(fold[bad == 0]) == 20).all()


def test_an_estimator_that_has_not_learned_refuses_to_answer() -> None:
    with pytest.raises(NotFitted):
        RiskEstimator().predict_proba([[0.0] * len(CATALOGUE.names)])


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [([0, 1], "one for each row"), ([2] * 3_000, "0 or 1"), ([0] * 2_999 + [1], "at least 50")],
)
def test_outcomes_that_do_not_fit_are_refused(people: People, outcomes: list[int], message: str) -> None:
    with pytest.raises(TrainingDataInvalid, match=message):
        RiskEstimator(settings=SMALL).fit(people[0], outcomes)


def test_prediction_refuses_what_the_catalogue_excludes(model: ScoreModel, people: People) -> None:
    rows = people[0][:3].copy()
    rows[2, CATALOGUE.column("late_latest")] = np.nan
    for ask in (model.estimator.predict_proba, model.estimator.contributions):
        with pytest.raises(FeaturesInvalid, match="row 2: late_latest"):
            ask(rows)


def test_nobody_gets_no_prediction(model: ScoreModel) -> None:
    assert model.estimator.predict_proba([]).shape == (0, 2)
    assert model.estimator.contributions([]).values.shape == (0, len(CATALOGUE.names))


def test_a_model_loaded_before_a_fork_refuses_instead_of_hanging(model: ScoreModel, people: People) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            model.estimator.predict_proba(people[0][:1])
        except LoadedBeforeFork as refusal:
            os.write(write, refusal.code.encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"loaded_before_fork"
    os.close(read)


def test_platt_agrees_with_scikit_learn() -> None:
    generator = np.random.default_rng(4)
    margin = generator.normal(-1, 1.2, 5_000)
    bad = (generator.random(5_000) < probability_of(0.8 * margin - 0.3)).astype(np.int64)
    found = fit_platt(margin, bad)
    library = LogisticRegression(C=1e12, tol=1e-10).fit(margin[:, None], bad)
    assert found.slope == pytest.approx(library.coef_[0, 0], rel=1e-4)
    assert found.intercept == pytest.approx(library.intercept_[0], rel=1e-4)


@pytest.mark.parametrize(
    ("margin", "bad", "message"),
    [
        ([2.0, 1.0, 1.5, -1.0, -2.0, -1.5], [0, 1, 0, 1, 1, 0], "ranks backwards"),
        ([1.0] * 6, [0, 1, 0, 1, 0, 1], "all equal"),
        ([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0], [0, 0, 0, 1, 1, 1], "separa"),
    ],
)
def test_margins_without_usable_information_are_refused(
    margin: list[float], bad: list[int], message: str
) -> None:
    with pytest.raises(CalibrationFailed, match=message):
        fit_platt(np.array(margin), np.array(bad))
