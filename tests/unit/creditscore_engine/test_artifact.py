"""A model at rest: the same after loading, refused when it is not what was stored or not for this code."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from creditscore.engine.artifact import Artifact, ArtifactRefused, digest, facts_of, pack, unpack
from creditscore.engine.features import CATALOGUE, FEATURES, REASONS, Catalogue, FloatArray, IntArray
from creditscore.engine.scoring import ScoreModel

People = tuple[FloatArray, IntArray]


@pytest.fixture(scope="module")
def artifact(model: ScoreModel) -> Artifact:
    return pack(model, facts={"data": "made up", "auc": 0.75})


def resealed(artifact: Artifact, **changed: Any) -> Artifact:
    """The artifact with another document and a hash that fits it: what only a careless release could make."""
    document = json.dumps({**json.loads(artifact.document), **changed}).encode()
    return Artifact(artifact.booster, document, digest(artifact.booster, document))


def test_a_loaded_model_scores_exactly_like_the_one_that_was_stored(
    artifact: Artifact, model: ScoreModel, people: People
) -> None:
    loaded = unpack(artifact)
    months = np.full(100, 6)
    stored, found = model.score(people[0][:100], months), loaded.score(people[0][:100], months)
    assert np.array_equal(stored.probability, found.probability)
    assert np.array_equal(stored.points, found.points)
    assert np.array_equal(stored.sub_scores, found.sub_scores, equal_nan=True)
    assert stored.explanations == found.explanations


def test_storing_a_loaded_model_gives_the_same_bytes(artifact: Artifact) -> None:
    assert pack(unpack(artifact), facts=facts_of(artifact.document)["facts"]) == artifact


def test_the_document_can_be_read_by_people(artifact: Artifact) -> None:
    document = facts_of(artifact.document)
    assert [feature["name"] for feature in document["features"]] == list(CATALOGUE.names)
    assert document["points"]["points_to_double"] == 55
    assert document["facts"] == {"data": "made up", "auc": 0.75}
    assert document["booster_bytes"] == len(artifact.booster)


@pytest.mark.parametrize("part", ["booster", "document"])
def test_one_changed_byte_is_refused(artifact: Artifact, part: str) -> None:
    content = bytearray(getattr(artifact, part))
    content[len(content) // 2] ^= 1
    with pytest.raises(ArtifactRefused) as refusal:
        unpack(dataclasses.replace(artifact, **{part: bytes(content)}))  # type: ignore[arg-type]
    assert refusal.value.code == "artifact_hash_mismatch"


def test_bytes_cannot_move_from_one_part_to_the_other(artifact: Artifact) -> None:
    moved = Artifact(artifact.booster[1:], artifact.document + artifact.booster[:1], artifact.sha256)
    with pytest.raises(ArtifactRefused, match="hash"):
        unpack(moved)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_an_unknown_format_is_refused(artifact: Artifact, version: object) -> None:
    with pytest.raises(ArtifactRefused) as refusal:
        unpack(resealed(artifact, format_version=version))
    assert refusal.value.code == "artifact_format_unknown"


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (FEATURES[:-1], "the model wants source_count"),
        ((*FEATURES, dataclasses.replace(FEATURES[0], name="late_ever")), "does not know late_ever"),
        ((FEATURES[1], FEATURES[0], *FEATURES[2:]), "order or directions"),
        ((dataclasses.replace(FEATURES[0], direction=0), *FEATURES[1:]), "order or directions"),
    ],
)
def test_a_model_of_other_features_is_refused(
    artifact: Artifact, features: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(ArtifactRefused, match=message) as refusal:
        unpack(artifact, catalogue=Catalogue(features=features, reasons=REASONS))
    assert refusal.value.code == "artifact_features_differ"


@pytest.mark.parametrize(
    "changed",
    [
        {"calibration": {"method": "isotonic"}},
        {"calibration": {}},
        {"points": {"base_odds": -1}},
        {"reference": {"wealth": [0, 1]}},
        {"reference": {"capacity": [1, 0]}},
        {"thin_file": None},
        {"seed": None, "points": {"colour": 1}},
    ],
)
def test_a_malformed_document_is_refused(artifact: Artifact, changed: dict[str, Any]) -> None:
    with pytest.raises(ArtifactRefused) as refusal:
        unpack(resealed(artifact, **changed))
    assert refusal.value.code == "artifact_malformed"


@pytest.mark.parametrize(("booster", "document"), [(b"no trees", None), (None, b"no json"), (None, b"[]")])
def test_bytes_of_another_kind_are_refused(
    artifact: Artifact, booster: bytes | None, document: bytes | None
) -> None:
    trees, text = booster or artifact.booster, document or artifact.document
    with pytest.raises(ArtifactRefused) as refusal:
        unpack(Artifact(trees, text, digest(trees, text)))
    assert refusal.value.code == "artifact_malformed"
