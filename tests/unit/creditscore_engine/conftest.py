"""A small model of made-up people, for tests of how the engine behaves rather than how well it predicts."""

from __future__ import annotations

import numpy as np
import pytest

from creditscore.engine.estimator import BoosterSettings
from creditscore.engine.features import CATALOGUE, FloatArray, IntArray, Missing
from creditscore.engine.scoring import ScoreModel, train

SMALL = BoosterSettings(rounds=40, learning_rate=0.1, max_depth=3)


def made_up_people(count: int = 3_000, seed: int = 1) -> tuple[FloatArray, IntArray]:
    """Features and outcomes: being late and paying little make bad; some figures are NULL where they may be."""
    generator = np.random.default_rng(seed)
    features = generator.random((count, len(CATALOGUE.features)))
    for name in ("late_latest", "late_worst"):
        features[:, CATALOGUE.column(name)] = generator.integers(0, 4, count)
    for name in ("months_on_file", "source_count"):
        features[:, CATALOGUE.column(name)] = 6
    learned = [CATALOGUE.column(f.name) for f in CATALOGUE.features if f.missing is Missing.LEARNED]
    features[np.ix_(np.flatnonzero(generator.random(count) < 0.2), np.array(learned))] = np.nan
    log_odds = (
        -2.0
        + 0.9 * features[:, CATALOGUE.column("late_latest")]
        - 1.5 * features[:, CATALOGUE.column("paid_mean_fen")]
        + 0.8 * features[:, CATALOGUE.column("utilisation_mean")]
    )
    return features, (generator.random(count) < 1 / (1 + np.exp(-log_odds))).astype(np.int64)


@pytest.fixture(scope="session")
def people() -> tuple[FloatArray, IntArray]:
    return made_up_people()


@pytest.fixture(scope="session")
def model(people: tuple[FloatArray, IntArray]) -> ScoreModel:
    return train(*people, settings=SMALL)
