"""Why a score is what it is: contributions grouped by reason code, in points, largest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from creditscore.engine.features import Catalogue, Claim, FloatArray
from creditscore.engine.points import PointsScale, grouped_sums

if TYPE_CHECKING:  # XGBoost takes a second to import, which reading scores does not need
    from creditscore.engine.estimator import Contributions

# A reason that moves the score by less is noise to the person who reads it.
LEAST_POINTS = 1.0


@dataclass(frozen=True, slots=True)
class Reason:
    """
    One reason: its code, its text (a message id to translate) and its effect in points on this person's score.

    The effect is measured from the average of the population the model learned from: negative lowers the score.
    """

    code: str
    text: str
    points: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Reasons of one person: `adverse` from the most harmful, `favourable` from the most helpful."""

    adverse: tuple[Reason, ...]
    favourable: tuple[Reason, ...]


def explain(
    contributions: Contributions,
    features: FloatArray,
    *,
    catalogue: Catalogue,
    scale: PointsScale,
    most_adverse: int = 4,
    most_favourable: int = 4,
) -> list[Explanation]:
    """
    Explanations in the order of the rows. Equal effects are ordered by their place in the catalogue, so that the same
    figures always give the same reasons. A reason whose claim does not hold for the person's own figures is left out.
    """
    effects = -scale.per_log_odds * grouped_sums(contributions.values, catalogue.reason_membership())
    adverse_true = np.column_stack([_holds(r.adverse_if, features, catalogue) for r in catalogue.reasons])
    favourable_true = np.column_stack(
        [_holds(r.favourable_if, features, catalogue) for r in catalogue.reasons]
    )
    harm = np.where(adverse_true, -effects, 0.0)
    gain = np.where(favourable_true, effects, 0.0)
    worst = np.argsort(-harm, axis=1, kind="stable")[:, :most_adverse]
    best = np.argsort(-gain, axis=1, kind="stable")[:, :most_favourable]
    return [
        Explanation(
            adverse=tuple(
                Reason(catalogue.reasons[c].code, catalogue.reasons[c].adverse, -float(harm[row, c]))
                for c in worst[row]
                if harm[row, c] >= LEAST_POINTS
            ),
            favourable=tuple(
                Reason(catalogue.reasons[c].code, catalogue.reasons[c].favourable, float(gain[row, c]))
                for c in best[row]
                if gain[row, c] >= LEAST_POINTS
            ),
        )
        for row in range(len(features))
    ]


def _holds(claim: Claim | None, features: FloatArray, catalogue: Catalogue) -> npt.NDArray[np.bool_]:
    """For each row, whether the claim is true of it; NULL makes no claim true."""
    if claim is None:
        return np.ones(len(features), dtype=np.bool_)
    values = features[:, catalogue.column(claim.feature)]
    return np.asarray((values >= claim.at_least) & (values <= claim.at_most))
