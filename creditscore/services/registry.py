"""
The registry of models: storing what was trained, choosing the champion, loading a model to score with.

A model is loaded when a process first scores with it, so after any fork, and kept by its hash. Bytes that do not hash to
what is on record are refused.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from creditscore.models import ModelState, ModelVersion
from creditscore.services.locks import Lock, hold
from finance.errors import DomainError, Kind

if TYPE_CHECKING:  # XGBoost takes a second to import: whoever scores or trains pays for it, nobody else
    from creditscore.engine.scoring import ScoreModel

_LOADED_AT_ONCE = 4


class NoChampion(DomainError):
    """No model scores yet."""

    code = "no_champion"


class ModelNotFound(DomainError):
    """The registry has no such model."""

    code = "model_not_found"
    kind = Kind.NOT_FOUND


def register_model(
    *,
    model: ScoreModel,
    metrics: Mapping[str, Any],
    as_of: date,
    trained_at: datetime,
    promote: bool | None,
) -> ModelVersion:
    """
    Stores a trained model for good and returns its version; the same model again is the version it has already.

    It becomes the champion if `promote`, or with None if there is no champion yet; else a challenger. The metrics become part
    of what the hash covers.
    """
    from creditscore.engine.artifact import pack

    artifact = pack(model, facts={"as_of": as_of.isoformat(), "metrics": dict(metrics)})
    with transaction.atomic():
        # One change of champions at a time: the unique constraint would refuse a second, not let it wait.
        hold(Lock.CHAMPION)
        version, _created = ModelVersion.objects.defer("booster", "document").get_or_create(
            sha256=artifact.sha256,
            defaults={
                "booster": artifact.booster,
                "document": artifact.document,
                "metrics": dict(metrics),
                "as_of": as_of,
                "trained_at": trained_at,
                "state": ModelState.CHALLENGER,
            },
        )
        if promote is None:
            promote = not ModelVersion.objects.filter(state=ModelState.CHAMPION).exists()
        return _promoted(version) if promote else version


def promote(*, model_id: int) -> ModelVersion:
    """Makes a model the champion; the one before is retired. Repeating it changes nothing. Error: ModelNotFound."""
    with transaction.atomic():
        hold(Lock.CHAMPION)
        version = ModelVersion.objects.defer("booster", "document").filter(id=model_id).first()
        if version is None:
            raise ModelNotFound(_("There is no model %(id)s.") % {"id": model_id}, field="model_id")
        return _promoted(version)


def champion() -> ModelVersion:
    """The model that scores, without its bytes. Error: NoChampion."""
    version = (
        ModelVersion.objects.defer("booster", "document", "metrics").filter(state=ModelState.CHAMPION).first()
    )
    if version is None:
        raise NoChampion(_("No model scores yet: train one with ./manage.py train_score."))
    return version


def _promoted(version: ModelVersion) -> ModelVersion:
    if version.state != ModelState.CHAMPION:
        ModelVersion.objects.filter(state=ModelState.CHAMPION).update(state=ModelState.RETIRED)
        ModelVersion.objects.filter(id=version.id).update(state=ModelState.CHAMPION)
        version.state = ModelState.CHAMPION
    return version


class _Loaded:
    """The models that this process has loaded, by hash, the latest used last."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.models: OrderedDict[str, ScoreModel] = OrderedDict()
        # Held while loading, so that many threads that start to score load a model once.
        self.lock = threading.RLock()


_loaded = _Loaded()
# A child of a fork starts without models: XGBoost's threads do not survive it, and the lock may be held by nobody.
os.register_at_fork(after_in_child=_loaded.forget)


def load(version: ModelVersion) -> ScoreModel:
    """
    The model, ready to score in this process, in any number of its threads, each score on one core.

    More OpenMP threads spin while they wait: on a busy machine two take longer than one. The first call in a process reads
    and checks the bytes; later ones find it. Error: ArtifactRefused when the bytes do not hash to what is on record, or were
    trained on other features than this code reads.
    """
    with _loaded.lock:
        model = _loaded.models.get(version.sha256)
        if model is None:
            model = _loaded.models[version.sha256] = _unpacked(version)
            if len(_loaded.models) > _LOADED_AT_ONCE:
                _loaded.models.popitem(last=False)
        _loaded.models.move_to_end(version.sha256)
    return model


def _unpacked(version: ModelVersion) -> ScoreModel:
    from creditscore.engine.artifact import Artifact, unpack

    booster, document = ModelVersion.objects.values_list("booster", "document").get(id=version.id)
    return unpack(
        Artifact(booster=bytes(booster), document=bytes(document), sha256=version.sha256), threads=1
    )
