"""Points, bands and sub-scores: what a probability of default looks like to a person.

Points are a straight line in the calibrated log odds, so a contribution in log odds is a contribution in points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from creditscore.engine.features import Catalogue, Dimension, FloatArray, IntArray, gettext_noop
from finance.errors import DomainError

if TYPE_CHECKING:  # XGBoost takes a second to import, which reading scores does not need
    from creditscore.engine.estimator import Contributions

FLOOR = 350
CEILING = 950
# Contributions of a dimension closer to one another than this carry nothing that could be shown.
_SILENT = 1e-6


class PointsScaleInvalid(DomainError):
    """The constants of the scale do not describe a rising line within its range."""

    code = "points_scale_invalid"


class ReferenceInvalid(DomainError):
    """The table of a reference population does not rise or lacks a dimension."""

    code = "reference_invalid"


@dataclass(frozen=True, slots=True)
class PointsScale:
    """
    points = `base_points` + `points_to_double` × log2(odds / `base_odds`), odds = good : bad, cut to floor … ceiling.

    The defaults, fixed on the training part of the UCI data: 600, the threshold of the perks, stands for odds of 4 : 1
    (20 % bad, a little better than the 22 % of that population), and 55 points double the odds (79 points per
    natural log). Log odds of default there run from -4.0 to +1.8, which this scale lays over about 350 to 805: every
    band is populated, nobody piles up at the floor, and the top is left to histories that carry more proof than
    six months of card statements can.
    """

    base_points: float = 600.0
    base_odds: float = 4.0
    points_to_double: float = 55.0
    floor: int = FLOOR
    ceiling: int = CEILING

    def __post_init__(self) -> None:
        numbers = (self.base_points, self.base_odds, self.points_to_double)
        if not all(math.isfinite(n) for n in numbers) or self.base_odds <= 0 or self.points_to_double <= 0:
            raise PointsScaleInvalid(
                "base odds and points to double must be positive, and all constants finite"
            )
        if not self.floor < self.base_points < self.ceiling:
            raise PointsScaleInvalid(f"base points must lie between {self.floor} and {self.ceiling}")

    @property
    def per_log_odds(self) -> float:
        """Points that one unit of log odds of default costs."""
        return self.points_to_double / math.log(2.0)

    def points(self, log_odds: FloatArray) -> IntArray:
        """Whole points from calibrated log odds of default; never rises with the risk. Halves go to the even point."""
        exact = self.base_points - self.per_log_odds * (log_odds + math.log(self.base_odds))
        return np.clip(np.rint(exact), self.floor, self.ceiling).astype(np.int64)

    def log_odds_at(self, points: float) -> float:
        """Log odds of default at which the unrounded, uncut scale reads `points`."""
        return (self.base_points - points) / self.per_log_odds - math.log(self.base_odds)


@dataclass(frozen=True, slots=True)
class Band:
    """A named range of points; `lower` is inclusive, `upper` exclusive."""

    code: str
    label: str
    lower: int
    upper: int


# DOMAIN figures: lower bound inclusive.
BANDS: tuple[Band, ...] = (
    Band("poor", gettext_noop("Poor"), FLOOR, 550),
    Band("fair", gettext_noop("Fair"), 550, 600),
    Band("good", gettext_noop("Good"), 600, 650),
    Band("very_good", gettext_noop("Very good"), 650, 700),
    Band("excellent", gettext_noop("Excellent"), 700, CEILING + 1),
)


class PointsOutOfRange(DomainError):
    """No score has this number of points."""

    code = "points_out_of_range"


def band_of(points: int) -> Band:
    """The band that holds `points`; raises `PointsOutOfRange` outside 350 … 950."""
    for band in BANDS:
        if band.lower <= points < band.upper:
            return band
    raise PointsOutOfRange(f"{points} points: scores run from {FLOOR} to {CEILING}", field="points")


@dataclass(frozen=True, slots=True)
class ThinFilePolicy:
    """Who has too little history: with fewer than `minimum_months` known in the window there is no score, but N/A."""

    minimum_months: int = 3

    def scorable(self, months_known: IntArray) -> npt.NDArray[np.bool_]:
        return np.asarray(months_known >= self.minimum_months)


def dimension_contributions(contributions: Contributions, catalogue: Catalogue) -> FloatArray:
    """(people × five dimensions): what each dimension adds to the log odds of default."""
    return grouped_sums(contributions.values, catalogue.dimension_membership())


def grouped_sums(values: FloatArray, membership: FloatArray) -> FloatArray:
    """
    `values @ membership` for a membership of 0 and 1, added column by column.

    So a person's sums are the same alone and among others, to the last digit; those of a matrix product are not, and a
    sub-score that looks for its equals in the reference population would move.
    """
    sums = np.zeros((len(values), membership.shape[1]))
    for column, group in np.argwhere(membership):
        sums[:, group] += values[:, column]
    return sums


@dataclass(frozen=True, slots=True)
class ReferencePopulation:
    """
    How the contributions of each dimension are distributed among the people the model learned from.

    A sub-score says how many of them, in percent, this dimension speaks worse for: 80 = better than 80 of 100. `knots`
    holds quantiles (0 % … 100 %) of the log-odds contribution by dimension. A dimension in which the training data
    showed no difference between people is absent: it has no sub-score, instead of an invented one.
    """

    knots: dict[Dimension, tuple[float, ...]]

    def __post_init__(self) -> None:
        for dimension, table in self.knots.items():
            rises = all(a <= b for a, b in pairwise(table))
            if len(table) < 2 or not rises or not all(math.isfinite(knot) for knot in table):
                raise ReferenceInvalid(
                    f"the quantiles of {dimension} must be at least two finite, rising numbers"
                )

    def sub_scores(self, by_dimension: FloatArray) -> FloatArray:
        """(people × five) whole sub-scores 0 … 100, NaN for a dimension without evidence."""
        result = np.full(by_dimension.shape, np.nan)
        for column, dimension in enumerate(Dimension):
            if table := self.knots.get(dimension):
                knots = np.asarray(table)
                # Ties share the middle of their range: as many stand before them as after.
                below = np.searchsorted(knots, by_dimension[:, column], side="left")
                above = np.searchsorted(knots, by_dimension[:, column], side="right")
                interpolated = np.interp(by_dimension[:, column], knots, np.linspace(0.0, 1.0, len(knots)))
                tied = (below + above - 1) / 2 / (len(knots) - 1)
                worse = np.where(above - below > 1, tied, interpolated)
                result[:, column] = np.rint(100.0 * (1.0 - worse))
        return result


def reference_population(by_dimension: FloatArray, *, quantiles: int = 101) -> ReferencePopulation:
    """The reference table of a population given its (people × five) contributions; at least one person."""
    if by_dimension.ndim != 2 or not len(by_dimension):
        raise ReferenceInvalid("a reference population needs at least one person")
    levels = np.linspace(0.0, 1.0, quantiles)
    knots: dict[Dimension, tuple[float, ...]] = {}
    for column, dimension in enumerate(Dimension):
        values = by_dimension[:, column]
        if np.ptp(values) > _SILENT:
            knots[dimension] = tuple(float(q) for q in np.quantile(values, levels))
    return ReferencePopulation(knots=knots)
