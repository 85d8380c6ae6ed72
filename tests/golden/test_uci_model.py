"""How good the score model is on the UCI credit card data, under the hold-out rule row % 10 in {0, 1, 2}.

Features, settings and points constants were chosen by cross-validation on the other rows; the held-out people are
looked at here only. The features are those of the plain-Python oracle, which the SQL is proven equal to elsewhere.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from creditscore.engine import metrics
from creditscore.engine.artifact import pack, unpack
from creditscore.engine.calibration import probability_of
from creditscore.engine.features import CATALOGUE, FloatArray, IntArray
from creditscore.engine.points import BANDS
from creditscore.engine.scoring import ScoredBatch, ScoreModel, train
from tests.unit.creditscore_engine.account_months import UCI_AS_OF, UciPerson, features_as_of, uci_people


@dataclass
class Experiment:
    people: list[UciPerson]
    features: FloatArray
    bad: IntArray
    held_out: np.ndarray
    model: ScoreModel
    scored: ScoredBatch
    training_seconds: float
    scoring_seconds: float


@pytest.fixture(scope="module")
def experiment(shared_dir: Path) -> Experiment:
    people = list(uci_people(shared_dir / "data" / "uci_credit_card_default.csv.gz"))
    rows = [features_as_of(person.months, UCI_AS_OF) for person in people]
    features = np.array([[row[name] for name in CATALOGUE.names] for row in rows if row], dtype=np.float64)
    bad = np.array([person.bad for person in people])
    held_out = np.isin(np.arange(len(people)) % 10, (0, 1, 2))
    started = time.process_time()
    model = train(features[~held_out], bad[~held_out])
    trained = time.process_time()
    scored = model.score(features, np.full(len(people), 6))
    return Experiment(
        people, features, bad, held_out, model, scored, trained - started, time.process_time() - trained
    )


def test_the_model_ranks_and_calibrates_as_well_as_the_best_known(experiment: Experiment) -> None:
    found = metrics.quality(
        experiment.bad[experiment.held_out], experiment.scored.probability[experiment.held_out]
    )
    assert found.auc >= 0.788
    assert found.ks >= 0.435
    assert found.brier <= 0.1332
    assert found.calibration_error <= 0.0125


def test_a_model_of_late_payments_alone_is_beaten_beyond_chance(experiment: Experiment) -> None:
    late = experiment.features[:, CATALOGUE.column("late_mean")]
    held = experiment.held_out
    difference = metrics.paired_bootstrap_auc(
        experiment.bad[held], late[held], experiment.scored.probability[held], resamples=200
    )
    assert difference.low > 0.03


def test_every_band_is_populated_riskier_bands_are_worse_and_nobody_piles_up_at_an_end(
    experiment: Experiment,
) -> None:
    points = experiment.scored.points[experiment.held_out]
    bad = experiment.bad[experiment.held_out]
    members = [(points >= band.lower) & (points < band.upper) for band in BANDS]
    shares = [m.mean() for m in members]
    bad_rates = [bad[m].mean() for m in members]
    assert min(shares) > 0.10
    assert bad_rates == sorted(bad_rates, reverse=True)
    assert bad_rates[0] > 0.5
    promised = probability_of(np.array([experiment.model.scale.log_odds_at(BANDS[-1].lower)]))[0]
    assert bad_rates[-1] < promised < 0.07
    assert ((points == 350) | (points == 950)).mean() < 0.005
    assert np.ptp(points) > 400


def test_who_scores_low_is_told_why_and_nobody_is_told_what_is_not_so(experiment: Experiment) -> None:
    ever_late = experiment.features[:, CATALOGUE.column("late_worst")] > 0
    for points, late, explanation in zip(
        experiment.scored.points, ever_late, experiment.scored.explanations, strict=True
    ):
        assert points >= 600 or explanation.adverse
        assert late or not {"H1", "H2"} & {reason.code for reason in explanation.adverse}


def test_sub_scores_speak_of_history_capacity_and_behaviour_only(experiment: Experiment) -> None:
    scores = experiment.scored.sub_scores
    assert np.isnan(scores[:, 3:]).all()
    assert np.allclose(scores[:, :3].mean(axis=0), 50, atol=1.5)
    assert (scores[:, :3].std(axis=0) > 20).all()


def test_neither_sex_is_ranked_at_random_or_selected_far_less(experiment: Experiment) -> None:
    held = experiment.held_out
    groups = [person.sex for person, test in zip(experiment.people, held, strict=True) if test]
    report = metrics.group_fairness(
        experiment.bad[held], experiment.scored.probability[held], groups, approve_below=0.2
    )
    assert len(report) == 2
    for group in report:
        assert group.auc is not None
        assert group.auc > 0.77
        assert group.selection_ratio >= 0.8
        assert group.mean_probability == pytest.approx(group.bad_rate, abs=0.02)


def test_training_and_scoring_are_fast_enough_to_run_at_set_up(experiment: Experiment) -> None:
    """Processor seconds on one thread, so that neighbours on the machine do not decide the outcome."""
    assert experiment.training_seconds < 60
    assert experiment.scoring_seconds < 30


def test_the_stored_model_gives_the_same_points(experiment: Experiment) -> None:
    loaded = unpack(pack(experiment.model))
    assert np.array_equal(loaded.points(experiment.features), experiment.scored.points)
