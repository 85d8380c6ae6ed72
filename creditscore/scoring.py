"""
Computing scores, without storing them: features as of a date, the model, points, sub-scores and reasons.

One person and a million take the same way. Nothing here writes; publishing does (`creditscore.services.publishing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from creditscore.engine.features import FloatArray
from creditscore.engine.points import band_of
from creditscore.feature_rows import FeatureRows, ever_known, feature_rows
from creditscore.models import NotScored, Score

if TYPE_CHECKING:  # XGBoost takes a second to import, which who only reads scores does not need
    from creditscore.engine.scoring import ScoreModel


@dataclass(frozen=True, slots=True)
class PersonScore:
    """
    One person's score, or why there is none.

    `points` is None for N/A, and then `not_scored` says why. `sub_scores`: the five dimensions in order, 0 to 100, None where
    the model has no evidence. `reasons`: (code, points), from the most harmful to the most helpful. `features`: the inputs in
    the catalogue's order, None where the value does not apply; None altogether where nothing is known.
    """

    customer_id: UUID
    points: int | None
    not_scored: str = ""
    band: str = ""
    default_probability: float | None = None
    sub_scores: tuple[int | None, ...] | None = None
    reasons: tuple[tuple[str, float], ...] = ()
    months_known: int = 0
    features: tuple[float | None, ...] | None = None


def score_people(*, customer_ids: Sequence[UUID], as_of: date, model: ScoreModel) -> list[PersonScore]:
    """The scores of these people from what was known at the end of `as_of`, in the order given."""
    return score_features(
        customer_ids=customer_ids,
        rows=feature_rows(as_of=as_of, customer_ids=customer_ids),
        as_of=as_of,
        model=model,
    )


def score_features(
    *, customer_ids: Sequence[UUID], rows: FeatureRows, as_of: date, model: ScoreModel
) -> list[PersonScore]:
    """The same, for people whose features were read already."""
    found = _scored(rows, model)
    without = [customer_id for customer_id in customer_ids if customer_id not in found]
    known_once = ever_known(as_of=as_of, customer_ids=without)
    for customer_id in without:
        why = NotScored.STALE_HISTORY if customer_id in known_once else NotScored.NO_HISTORY
        found[customer_id] = PersonScore(customer_id, None, not_scored=why.value)
    return [found[customer_id] for customer_id in customer_ids]


def scored_again(*, score: Score, model: ScoreModel) -> PersonScore:
    """A published score computed once more from the inputs that it was published with: the same, or the record is false."""
    if score.features is None:
        return PersonScore(score.customer_id, None, not_scored=score.not_scored)
    rows = FeatureRows(
        [score.customer_id], np.array([score.months_known]), np.array([score.features], dtype=np.float64)
    )
    return _scored(rows, model)[score.customer_id]


def as_published(score: Score) -> PersonScore:
    """What a published score says, in the form in which it was computed."""
    return PersonScore(
        customer_id=score.customer_id,
        points=score.points,
        not_scored=score.not_scored,
        band=score.band,
        default_probability=score.default_probability,
        sub_scores=None if score.sub_scores is None else tuple(score.sub_scores),
        reasons=tuple((code, points) for code, points in score.reasons),
        months_known=score.months_known,
        features=None if score.features is None else tuple(score.features),
    )


def _scored(rows: FeatureRows, model: ScoreModel) -> dict[UUID, PersonScore]:
    """The people of some rows by their ids: scored, or N/A for too little history."""
    scored = model.score(rows.values, rows.months_known)
    inputs = _with_none(rows.values)
    sub_scores = _with_none(scored.sub_scores)
    found = {
        customer_id: PersonScore(
            customer_id,
            None,
            not_scored=NotScored.THIN_HISTORY.value,
            months_known=int(rows.months_known[row]),
            features=inputs[row],
        )
        for row, customer_id in enumerate(rows.customer_ids)
    }
    for n, row in enumerate(scored.people.tolist()):
        why = scored.explanations[n]
        customer_id = rows.customer_ids[row]
        points = int(scored.points[n])
        found[customer_id] = PersonScore(
            customer_id=customer_id,
            points=points,
            band=band_of(points).code,
            default_probability=float(scored.probability[n]),
            sub_scores=tuple(None if value is None else int(value) for value in sub_scores[n]),
            reasons=tuple(
                (reason.code, round(reason.points, 2)) for reason in (*why.adverse, *reversed(why.favourable))
            ),
            months_known=int(rows.months_known[row]),
            features=inputs[row],
        )
    return found


def _with_none(values: FloatArray) -> list[tuple[float | None, ...]]:
    """The rows of a matrix with None for NaN, as the database and JSON have it."""
    table = values.astype(object)
    table[np.isnan(values)] = None
    return [tuple(row) for row in table.tolist()]
