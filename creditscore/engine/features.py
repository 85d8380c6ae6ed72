"""The catalogue of score features: what a model may look at, in which direction, and how it is explained.

The values themselves have one definition, `creditscore/sql/features.sql`, for one person and for everybody, for
training and for serving. The catalogue fixes their order and meaning. Every feature looks at the newest six calendar
months of a person's credit accounts that were known on the as-of date. Aggregates are means, extremes and shares,
hardly ever sums, so that a shorter history does not read as a better or a worse one.

Sex, marriage and age are protected and can never be features: the catalogue cannot be constructed with them.
Education was measured (+0.0002 AUC in cross-validation, far inside the noise, and "unknown" would have been
rewarded, so that hiding it pays) and left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from finance.errors import DomainError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
# Feature values, one row a person in catalogue order; None, as a database gives it, or NaN stands for NULL.
Rows = npt.ArrayLike | Sequence[Sequence[float | None]]


def gettext_noop(message: str) -> str:
    """Mark a text for translation; whoever shows it translates it. (The engine imports no framework.)"""
    return message


class Dimension(StrEnum):
    """The five dimensions of the score, in the order in which they are shown."""

    CREDIT_HISTORY = "credit_history"
    CAPACITY = "capacity"
    BEHAVIOUR = "behaviour"
    IDENTITY = "identity"
    NETWORK = "network"


DIMENSION_LABELS = {
    Dimension.CREDIT_HISTORY: gettext_noop("Credit history"),
    Dimension.CAPACITY: gettext_noop("Ability to repay"),
    Dimension.BEHAVIOUR: gettext_noop("Spending behaviour"),
    Dimension.IDENTITY: gettext_noop("Identity"),
    Dimension.NETWORK: gettext_noop("Network"),
}

# As whole words of a name. The first line is protected by fair-lending practice, the second may not be collected.
# fmt: off
PROTECTED_WORDS = frozenset((
    "sex", "gender", "male", "female", "marriage", "marital", "married", "spouse", "age", "birth", "birthday",
    "ethnic", "ethnicity", "race", "nationality", "religion", "gene", "genes", "genetic", "fingerprint",
    "fingerprints", "blood", "illness", "health", "disability",
))
# fmt: on


class Missing(StrEnum):
    """What NULL means in a feature's column."""

    NEVER = "never"  # the SQL always gives a number; NULL is refused
    LEARNED = "learned"  # "does not apply to this person"; the trees learn on which side that belongs


@dataclass(frozen=True, slots=True)
class Claim:
    """A condition on one feature that must hold for a reason's text to be true of a person."""

    feature: str
    at_least: float = -np.inf
    at_most: float = np.inf


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """
    One reason a person can be given, standing for a group of features that say nearly the same.

    `adverse` and `favourable` are message ids for translation. The claims, where given, are checked against the
    person's own figures, so that nobody is told of a late payment they never made.
    """

    code: str
    adverse: str
    favourable: str
    adverse_if: Claim | None = None
    favourable_if: Claim | None = None


@dataclass(frozen=True, slots=True)
class Feature:
    """
    One column of `features.sql`.

    `direction`: +1 if a larger value can only raise the risk, -1 if it can only lower it, 0 if the model may decide.
    The model is constrained to it, so that no one is ever marked down for paying more or being late less.
    """

    name: str
    dimension: Dimension
    direction: Literal[-1, 0, 1]
    reason: str
    meaning: str
    missing: Missing = Missing.NEVER


class ProtectedAttribute(DomainError):
    """A feature is named after an attribute that must not influence a score."""

    code = "protected_attribute"


class CatalogueInvalid(DomainError):
    """The catalogue contradicts itself."""

    code = "catalogue_invalid"


class FeaturesInvalid(DomainError):
    """A matrix of feature values has the wrong shape or holds values the catalogue excludes."""

    code = "features_invalid"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """
    Features in column order, with the reasons they are explained by.

    Raises `ProtectedAttribute` if a feature's name contains a protected word and `CatalogueInvalid` on duplicate
    names, unknown reason codes, a reason across two dimensions or a claim on an unknown feature.
    """

    features: tuple[Feature, ...]
    reasons: tuple[ReasonCode, ...]
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(feature.name for feature in self.features))
        for name in self.names:
            if words := PROTECTED_WORDS.intersection(re.split(r"[^a-z]+", name.lower())):
                raise ProtectedAttribute(
                    f"{name} is named after a protected attribute ({', '.join(sorted(words))}); it cannot be a feature"
                )
        codes = [reason.code for reason in self.reasons]
        for kind, values in (("feature", self.names), ("reason", codes)):
            if len(set(values)) != len(values):
                raise CatalogueInvalid(f"a {kind} appears twice")
        dimension_of: dict[str, Dimension] = {}
        for feature in self.features:
            if feature.reason not in codes:
                raise CatalogueInvalid(f"{feature.name} names the unknown reason {feature.reason}")
            if dimension_of.setdefault(feature.reason, feature.dimension) is not feature.dimension:
                raise CatalogueInvalid(f"reason {feature.reason} explains features of two dimensions")
        for reason in self.reasons:
            for claim in (reason.adverse_if, reason.favourable_if):
                if claim is not None and claim.feature not in self.names:
                    raise CatalogueInvalid(
                        f"reason {reason.code} claims something of {claim.feature}, no feature"
                    )

    @property
    def directions(self) -> tuple[int, ...]:
        return tuple(feature.direction for feature in self.features)

    def column(self, name: str) -> int:
        """Position of a feature in the matrix; ValueError if there is none of that name."""
        return self.names.index(name)

    def dimension_membership(self) -> FloatArray:
        """(features × dimensions) of 0 and 1: which column counts towards which dimension."""
        return np.array([[f.dimension is d for d in Dimension] for f in self.features], dtype=np.float64)

    def reason_membership(self) -> FloatArray:
        """(features × reasons) of 0 and 1: which column is explained by which reason."""
        return np.array([[f.reason == r.code for r in self.reasons] for f in self.features], dtype=np.float64)

    def checked(self, rows: Rows) -> FloatArray:
        """
        The matrix as float64 of shape (people, features), NULL as NaN, once it has passed inspection.

        `rows`: one sequence per person in catalogue order; None or NaN for NULL. Raises `FeaturesInvalid`, naming row
        and column, on a wrong width, an infinite value, or NULL where the catalogue says it never occurs.
        """
        try:
            matrix = np.asarray(rows, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise FeaturesInvalid(
                f"feature values must be numbers or NULL, one row a person: {error}"
            ) from error
        if matrix.size == 0:
            return matrix.reshape(0, len(self.features))
        if matrix.ndim != 2 or matrix.shape[1] != len(self.features):
            raise FeaturesInvalid(
                f"feature values of shape {matrix.shape} do not fit: {len(self.features)} columns a person are wanted"
            )
        never = np.array([feature.missing is Missing.NEVER for feature in self.features])
        wrong = np.isinf(matrix) | (np.isnan(matrix) & never)
        if wrong.any():
            row, column = (int(i) for i in np.argwhere(wrong)[0])
            raise FeaturesInvalid(
                f"row {row}: {self.names[column]} is {matrix[row, column]}; a finite number is wanted",
                field=self.names[column],
            )
        return matrix


_HISTORY, _CAPACITY, _BEHAVIOUR = Dimension.CREDIT_HISTORY, Dimension.CAPACITY, Dimension.BEHAVIOUR

REASONS: tuple[ReasonCode, ...] = (
    ReasonCode(
        "H1",
        gettext_noop("A payment was late in the latest month"),
        gettext_noop("No payment was late in the latest month"),
        adverse_if=Claim("late_latest", at_least=1),
        favourable_if=Claim("late_latest", at_most=0),
    ),
    ReasonCode(
        "H2",
        gettext_noop("Payments were late in recent months"),
        gettext_noop("No payment was late in recent months"),
        adverse_if=Claim("late_worst", at_least=1),
        favourable_if=Claim("late_worst", at_most=0),
    ),
    ReasonCode(
        "C1",
        gettext_noop("The unused part of the credit lines is small"),
        gettext_noop("The credit lines are sizeable and not used up"),
    ),
    ReasonCode(
        "C2",
        gettext_noop("Payments are small or rare"),
        gettext_noop("Payments are regular and substantial"),
        favourable_if=Claim("paid_months_share", at_least=0.5),
    ),
    ReasonCode(
        "C3",
        gettext_noop("Payments cover a small part of what is owed"),
        gettext_noop("Payments cover a good part of what is owed"),
        adverse_if=Claim("cover_worst", at_most=0.5),
        favourable_if=Claim("cover_worst", at_least=0.01),
    ),
    ReasonCode(
        "B1",
        gettext_noop("How much of the credit line is in use, and its trend"),
        gettext_noop("How much of the credit line is in use is in your favour"),
    ),
    ReasonCode(
        "B2",
        gettext_noop("How much is owed each month, and how it moves"),
        gettext_noop("What is owed each month is in your favour"),
    ),
    ReasonCode(
        "B3",
        gettext_noop("The pattern of spending"),
        gettext_noop("The pattern of spending is in your favour"),
    ),
    ReasonCode(
        "B4",
        gettext_noop("Bills are rarely paid in full, or the accounts are hardly used"),
        gettext_noop("The way bills are paid off is in your favour"),
        adverse_if=Claim("paid_in_full_share", at_most=0.5),
    ),
    ReasonCode(
        "I1", gettext_noop("The history on file is short"), gettext_noop("The history on file is long")
    ),
    ReasonCode(
        "N1",
        gettext_noop("Few institutions report on you"),
        gettext_noop("Several institutions report on you"),
    ),
)

FEATURES: tuple[Feature, ...] = (
    Feature("late_latest", _HISTORY, 1, "H1", "months late in the newest month"),
    Feature("late_worst", _HISTORY, 1, "H2", "most months late in the window"),
    Feature(
        "late_worst_earlier", _HISTORY, 1, "H2", "the same without the newest month; 0 if there is no other"
    ),
    Feature("late_mean", _HISTORY, 1, "H2", "mean months late"),
    Feature("late_share", _HISTORY, 1, "H2", "share of months with anything late"),
    Feature(
        "months_since_late", _HISTORY, -1, "H2", "age in months of the newest late month; 6 if none is late"
    ),
    Feature("late_slope", _HISTORY, 0, "H2", "least-squares slope of months late per month"),
    Feature("limit_fen", _CAPACITY, -1, "C1", "sum of credit lines in the newest month, fen"),
    Feature("headroom_fen", _CAPACITY, -1, "C1", "lines less statement amount in the newest month, fen"),
    Feature("paid_latest_fen", _CAPACITY, -1, "C2", "paid in the newest month, fen"),
    Feature("paid_previous_fen", _CAPACITY, -1, "C2", "paid in the month before; the mean if unknown, fen"),
    Feature("paid_mean_fen", _CAPACITY, -1, "C2", "mean paid a month, fen"),
    Feature("paid_least_fen", _CAPACITY, -1, "C2", "least paid in a month, fen"),
    Feature("paid_months_share", _CAPACITY, -1, "C2", "share of months with any payment"),
    Feature("paid_to_limit", _CAPACITY, -1, "C2", "mean paid a month as a share of the lines"),
    Feature(
        "paid_spread_to_limit", _CAPACITY, 0, "C2", "standard deviation of payments as a share of the lines"
    ),
    Feature(
        "cover_latest",
        _CAPACITY,
        -1,
        "C3",
        "paid in the newest month over the statement before it, at most 10; NULL if nothing was owed",
        Missing.LEARNED,
    ),
    Feature(
        "cover_all",
        _CAPACITY,
        -1,
        "C3",
        "the same over all months together; NULL if nothing was owed",
        Missing.LEARNED,
    ),
    Feature(
        "cover_worst",
        _CAPACITY,
        -1,
        "C3",
        "the least cover of any month; NULL if nothing was owed",
        Missing.LEARNED,
    ),
    Feature(
        "small_payment_share",
        _CAPACITY,
        1,
        "C3",
        "share of months in which under 5 % of the statement was paid",
    ),
    Feature("utilisation_latest", _BEHAVIOUR, 0, "B1", "statement over lines in the newest month"),
    Feature("utilisation_mean", _BEHAVIOUR, 0, "B1", "mean of statement over lines"),
    Feature(
        "utilisation_slope", _BEHAVIOUR, 0, "B1", "least-squares slope of statement over lines per month"
    ),
    Feature("statement_latest_fen", _BEHAVIOUR, 0, "B2", "statement amount of the newest month, fen"),
    Feature("statement_spread_fen", _BEHAVIOUR, 0, "B2", "standard deviation of statement amounts, fen"),
    Feature(
        "debt_growth_to_paid",
        _BEHAVIOUR,
        0,
        "B2",
        "growth of the statement from oldest to newest month over all paid, within ±10; NULL if nothing was paid",
        Missing.LEARNED,
    ),
    Feature(
        "spending_latest_to_limit", _BEHAVIOUR, 0, "B3", "newest month's spending as a share of the lines"
    ),
    Feature("spending_mean_to_limit", _BEHAVIOUR, 0, "B3", "mean spending a month as a share of the lines"),
    Feature("revolving_share", _BEHAVIOUR, 0, "B4", "share of months on time but not paid in full"),
    Feature("paid_in_full_share", _BEHAVIOUR, 0, "B4", "share of months paid in full"),
    Feature("idle_share", _BEHAVIOUR, 0, "B4", "share of months without consumption"),
    Feature(
        "months_on_file",
        Dimension.IDENTITY,
        -1,
        "I1",
        "months from the first known month to the newest, both in",
    ),
    Feature(
        "source_count", Dimension.NETWORK, -1, "N1", "institutions that report on the person in the window"
    ),
)

CATALOGUE = Catalogue(features=FEATURES, reasons=REASONS)


def column_order(catalogue: Catalogue, columns: Sequence[str]) -> list[int]:
    """
    Positions in `columns` of the catalogue's features, in catalogue order.

    Raises `FeaturesInvalid` naming the features that are missing from `columns`.
    """
    missing = [name for name in catalogue.names if name not in columns]
    if missing:
        raise FeaturesInvalid(f"the feature query lacks {', '.join(missing)}", field=missing[0])
    return [columns.index(name) for name in catalogue.names]
