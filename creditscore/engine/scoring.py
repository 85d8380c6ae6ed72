"""A trained model with everything that turns features into a published score."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from creditscore.engine.calibration import probability_of
from creditscore.engine.estimator import BoosterSettings, RiskEstimator
from creditscore.engine.features import CATALOGUE, Catalogue, FeaturesInvalid, FloatArray, IntArray, Rows
from creditscore.engine.points import (
    PointsScale,
    ReferencePopulation,
    ThinFilePolicy,
    dimension_contributions,
    reference_population,
)
from creditscore.engine.reasons import Explanation, explain


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """
    Scores of those people of a batch who could be scored; who is not in `people` is N/A.

    All arrays run parallel to `people`, the row numbers in the batch that was asked for. `probability`: of default;
    `sub_scores`: (people × five dimensions) 0 … 100, NaN where the model has no evidence in a dimension.
    """

    people: IntArray
    probability: FloatArray
    points: IntArray
    sub_scores: FloatArray
    explanations: list[Explanation]


@dataclass(frozen=True)
class ScoreModel:
    """Estimator, points scale, thin-file policy and reference population: one artifact, one score."""

    estimator: RiskEstimator
    reference: ReferencePopulation
    scale: PointsScale = field(default_factory=PointsScale)
    thin_file: ThinFilePolicy = field(default_factory=ThinFilePolicy)

    def points(self, features: Rows) -> IntArray:
        """Points alone, without sub-scores and reasons: the fast path, for people known not to be thin files."""
        return self.scale.points(self.estimator.predict_log_odds(features))

    def score(self, features: Rows, months_known: npt.ArrayLike) -> ScoredBatch:
        """
        Score and explain a batch.

        `features`: rows in catalogue order, NULL as None or NaN; `months_known`: months of history in the window, one a
        person, which decides who stays N/A. Raises `FeaturesInvalid`.
        """
        catalogue = self.estimator.catalogue
        known = np.asarray(months_known, dtype=np.int64)
        matrix = catalogue.checked(features)
        if known.shape != (len(matrix),):
            raise FeaturesInvalid(
                "months_known must hold one number for each row of features", field="months_known"
            )
        people = np.flatnonzero(self.thin_file.scorable(known))
        rows = matrix[people]
        contributions = self.estimator.contributions(rows)
        log_odds = self.estimator.predict_log_odds(rows)
        return ScoredBatch(
            people=people,
            probability=probability_of(log_odds),
            points=self.scale.points(log_odds),
            sub_scores=self.reference.sub_scores(dimension_contributions(contributions, catalogue)),
            explanations=explain(contributions, rows, catalogue=catalogue, scale=self.scale),
        )


def train(
    features: Rows,
    bad: npt.ArrayLike,
    *,
    catalogue: Catalogue = CATALOGUE,
    settings: BoosterSettings | None = None,
    scale: PointsScale | None = None,
    thin_file: ThinFilePolicy | None = None,
    seed: int = 2005,
    threads: int = 1,
) -> ScoreModel:
    """
    A model from the features and outcomes (1 = defaulted) of people who are no thin files.

    Pass the training part only: nothing in here may see the people a model is tested on. The same input gives the same
    model. Raises what `RiskEstimator.fit` raises.
    """
    estimator = RiskEstimator(catalogue=catalogue, settings=settings, seed=seed, threads=threads).fit(
        features, bad
    )
    contributions = estimator.contributions(features)
    return ScoreModel(
        estimator=estimator,
        reference=reference_population(dimension_contributions(contributions, catalogue)),
        scale=scale or PointsScale(),
        thin_file=thin_file or ThinFilePolicy(),
    )
