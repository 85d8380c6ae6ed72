"""The catalogue: what may be a feature, and what a matrix of features must look like."""

from __future__ import annotations

import re

import numpy as np
import pytest

from creditscore.engine.features import (
    CATALOGUE,
    FEATURES,
    PROTECTED_WORDS,
    REASONS,
    Catalogue,
    CatalogueInvalid,
    Claim,
    Dimension,
    Feature,
    FeaturesInvalid,
    ProtectedAttribute,
    ReasonCode,
    Rows,
    column_order,
)


def feature(name: str = "paid_fen", reason: str = "X1", dimension: Dimension = Dimension.CAPACITY) -> Feature:
    return Feature(name, dimension, -1, reason, "a figure")


REASON = ReasonCode("X1", "bad", "good")


@pytest.mark.parametrize(
    "name",
    [
        "sex",
        "SEX",
        "age",
        "age_years",
        "is_married",
        "marriage",
        "gender_code",
        "mean_age",
        "birth_year",
        "race",
    ],
)
def test_a_protected_attribute_cannot_enter_a_catalogue(name: str) -> None:
    with pytest.raises(ProtectedAttribute, match=re.escape(name)):
        Catalogue(features=(feature(name),), reasons=(REASON,))


def test_words_that_only_contain_a_protected_one_are_allowed() -> None:
    assert Catalogue(features=(feature("average_usage"),), reasons=(REASON,)).names == ("average_usage",)


def test_no_feature_or_text_of_the_catalogue_names_a_protected_attribute() -> None:
    texts = [
        *CATALOGUE.names,
        *(f.meaning for f in FEATURES),
        *(t for r in REASONS for t in (r.adverse, r.favourable)),
    ]
    words = {word for text in texts for word in re.split(r"[^a-z]+", text.lower())}
    # "age" occurs in meanings as the age of a month; never in a name or in a text a person reads.
    assert words & PROTECTED_WORDS <= {"age"}
    assert "age" not in {w for r in REASONS for t in (r.adverse, r.favourable) for w in t.lower().split()}
    assert "education" not in words


@pytest.mark.parametrize(
    ("features", "reasons", "message"),
    [
        ((feature(), feature()), (REASON,), "appears twice"),
        ((feature(),), (REASON, REASON), "appears twice"),
        ((feature(reason="X9"),), (REASON,), "unknown reason X9"),
        ((feature("a"), feature("b", dimension=Dimension.NETWORK)), (REASON,), "two dimensions"),
        ((feature(),), (ReasonCode("X1", "bad", "good", adverse_if=Claim("other")),), "other"),
    ],
)
def test_a_catalogue_that_contradicts_itself_is_refused(
    features: tuple[Feature, ...], reasons: tuple[ReasonCode, ...], message: str
) -> None:
    with pytest.raises(CatalogueInvalid, match=message):
        Catalogue(features=features, reasons=reasons)


def test_every_dimension_has_features_and_every_feature_one_dimension_and_one_reason() -> None:
    assert CATALOGUE.dimension_membership().sum(axis=0).min() >= 1
    assert (CATALOGUE.dimension_membership().sum(axis=1) == 1).all()
    assert (CATALOGUE.reason_membership().sum(axis=1) == 1).all()
    assert (CATALOGUE.reason_membership().sum(axis=0) >= 1).all()


def row(**changed: float | None) -> list[float | None]:
    values: list[float | None] = [1.0] * len(CATALOGUE.names)
    for name, value in changed.items():
        values[CATALOGUE.column(name)] = value
    return values


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"late_mean": None}, "late_mean"),
        ({"limit_fen": np.inf}, "limit_fen"),
        ({"cover_all": -np.inf}, "cover_all"),
    ],
)
def test_a_value_the_catalogue_excludes_is_refused_with_row_and_column(
    bad: dict[str, float], field: str
) -> None:
    with pytest.raises(FeaturesInvalid, match=f"row 1: {field}") as refusal:
        CATALOGUE.checked([row(), row(**bad)])
    assert refusal.value.field == field


def test_null_is_nan_where_it_means_does_not_apply() -> None:
    matrix = CATALOGUE.checked([row(cover_latest=None)])
    assert np.isnan(matrix[0, CATALOGUE.column("cover_latest")])
    assert np.isnan(matrix).sum() == 1


@pytest.mark.parametrize(
    "wrong", [[[1.0, 2.0]], [row()[:-1]], [row(), row()[:-1]], [["late"] * len(CATALOGUE.names)]]
)
def test_rows_of_another_shape_or_of_text_are_refused(wrong: Rows) -> None:
    with pytest.raises(FeaturesInvalid):
        CATALOGUE.checked(wrong)


def test_nobody_is_a_matrix_without_rows() -> None:
    assert CATALOGUE.checked([]).shape == (0, len(CATALOGUE.names))


def test_columns_are_found_by_name_whatever_their_order() -> None:
    columns = ["customer_id", *reversed(CATALOGUE.names)]
    assert [columns[i] for i in column_order(CATALOGUE, columns)] == list(CATALOGUE.names)
    with pytest.raises(FeaturesInvalid, match="late_mean"):
        column_order(CATALOGUE, [name for name in columns if name != "late_mean"])
