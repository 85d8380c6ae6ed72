"""A score model at rest: XGBoost's own bytes, one JSON document, and a SHA-256 over both.

Pickle is never used: a model file must not be able to run code. The hash is kept apart from the bytes, in the
registry's row, so it protects against a swapped file as well as against a damaged one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import xgboost as xgb

from creditscore.engine.calibration import PlattCalibration
from creditscore.engine.estimator import BoosterSettings, RiskEstimator
from creditscore.engine.features import CATALOGUE, Catalogue, Dimension
from creditscore.engine.points import PointsScale, ReferencePopulation, ThinFilePolicy
from creditscore.engine.scoring import ScoreModel
from finance.errors import DomainError

FORMAT_VERSION = 1


class ArtifactRefused(DomainError):
    """A stored model cannot be loaded; `code` says why: hash, format version, feature list or content."""

    code = "artifact_refused"


@dataclass(frozen=True, slots=True)
class Artifact:
    """`booster`: UBJSON bytes of the trees; `document`: UTF-8 JSON; `sha256`: hex digest over both."""

    booster: bytes
    document: bytes
    sha256: str


def digest(booster: bytes, document: bytes) -> str:
    """SHA-256 over document and trees; the length in front keeps the border between the two from moving."""
    return hashlib.sha256(len(document).to_bytes(8, "big") + document + booster).hexdigest()


def pack(model: ScoreModel, *, facts: Mapping[str, Any] | None = None) -> Artifact:
    """
    The model as bytes. The same model and facts give the same bytes.

    `facts`: anything JSON can hold about the training (data set, rows, metrics, dates), kept for the record only.
    """
    estimator = model.estimator
    booster = estimator.booster_bytes()
    document = {
        "format_version": FORMAT_VERSION,
        "xgboost_version": xgb.__version__,
        "booster_bytes": len(booster),
        "booster_settings": asdict(estimator.settings or BoosterSettings()),
        "seed": estimator.seed,
        "features": _feature_list(estimator.catalogue),
        "calibration": {"method": "platt", **asdict(estimator.calibration_)},
        "points": asdict(model.scale),
        "thin_file": asdict(model.thin_file),
        "reference": {str(dimension): list(table) for dimension, table in model.reference.knots.items()},
        "facts": dict(facts or {}),
    }
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    encoded = text.encode()
    return Artifact(booster=booster, document=encoded, sha256=digest(booster, encoded))


def unpack(artifact: Artifact, *, catalogue: Catalogue = CATALOGUE, threads: int = 1) -> ScoreModel:
    """
    The model, ready to score in this process: call it after the fork, in the worker.

    Raises `ArtifactRefused` with code `artifact_hash_mismatch` (before anything is parsed), `artifact_format_unknown`,
    `artifact_features_differ` (the running code computes other features, another order or other directions than the
    model was trained on) or `artifact_malformed`.
    """
    found = digest(artifact.booster, artifact.document)
    if found != artifact.sha256:
        raise ArtifactRefused(
            f"the model's bytes hash to {found}, on record is {artifact.sha256}: fetch it again or train a new one",
            code="artifact_hash_mismatch",
        )
    document = facts_of(artifact.document)
    if document.get("format_version") != FORMAT_VERSION:
        raise ArtifactRefused(
            f"format version {document.get('format_version')!r}; this code reads version {FORMAT_VERSION}",
            code="artifact_format_unknown",
        )
    _refuse_other_features(document.get("features"), catalogue)
    try:
        calibration = dict(document["calibration"])
        if calibration.pop("method") != "platt":
            raise ValueError("an unknown calibration method")
        estimator = RiskEstimator(
            catalogue=catalogue,
            settings=BoosterSettings(**document["booster_settings"]),
            seed=document["seed"],
            threads=threads,
        ).restore(artifact.booster, PlattCalibration(**calibration))
        return ScoreModel(
            estimator=estimator,
            reference=ReferencePopulation(
                knots={Dimension(name): tuple(table) for name, table in document["reference"].items()}
            ),
            scale=PointsScale(**document["points"]),
            thin_file=ThinFilePolicy(**document["thin_file"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, DomainError, xgb.core.XGBoostError) as error:
        raise ArtifactRefused(f"the model is malformed: {error}", code="artifact_malformed") from error


def facts_of(document: bytes) -> dict[str, Any]:
    """The document as a dictionary, for the registry and for reviews; raises `ArtifactRefused` if it is not JSON."""
    try:
        parsed = json.loads(document)
    except ValueError as error:
        raise ArtifactRefused(
            f"the model's document is not JSON: {error}", code="artifact_malformed"
        ) from error
    if not isinstance(parsed, dict):
        raise ArtifactRefused("the model's document is not a JSON object", code="artifact_malformed")
    return parsed


def _feature_list(catalogue: Catalogue) -> list[dict[str, Any]]:
    return [
        {"name": f.name, "dimension": str(f.dimension), "direction": f.direction, "missing": str(f.missing)}
        for f in catalogue.features
    ]


def _refuse_other_features(stored: object, catalogue: Catalogue) -> None:
    wanted = _feature_list(catalogue)
    if stored == wanted:
        return
    names = [f.get("name") for f in stored if isinstance(f, dict)] if isinstance(stored, list) else []
    added = [str(n) for n in names if n not in catalogue.names]
    lost = [n for n in catalogue.names if n not in names]
    what = "; ".join(
        part
        for part in (
            f"the model wants {', '.join(added)}" if added else "",
            f"the model does not know {', '.join(lost)}" if lost else "",
        )
        if part
    )
    raise ArtifactRefused(
        f"the model was trained on other features than this code provides ({what or 'order or directions differ'}): "
        "train a new one",
        code="artifact_features_differ",
    )
