"""Training on the database, and the registry of models."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import numpy as np
import pytest
from django.db import connection
from django.utils import translation

from creditscore.engine.artifact import ArtifactRefused, digest
from creditscore.feature_rows import feature_rows
from creditscore.models import ModelState, ModelVersion
from creditscore.services import registry
from creditscore.services.import_histories import import_histories
from creditscore.services.observations import (
    ObservedMonth,
    ObservedOutcome,
    record_account_months,
    record_outcomes,
)
from creditscore.services.training import NoOutcomes, train_score
from customers.selectors import registered_ids
from tests.services.scores.world import AS_OF, NOW, ON, PEOPLE, World, newcomer, rewritten

pytestmark = pytest.mark.django_db


def test_a_model_is_stored_with_its_measurements_and_the_first_is_champion(world: World) -> None:
    version = ModelVersion.objects.get()
    assert version.state == ModelState.CHAMPION
    assert version.as_of == AS_OF
    assert version.sha256 == digest(bytes(version.booster), bytes(version.document))
    found = world.trained.metrics
    assert (found["people"], found["fitted"], found["held_out"]) == (2_000, 1_400, 600)
    assert 0.65 < found["auc"] < 0.9
    assert len(found["calibration"]) == 10
    assert {group["group"] for group in found["fairness"]["sex"]} == {"male", "female"}
    assert sum(group["people"] for group in found["fairness"]["age"]) == 600
    assert sum(found["importance"].values()) == pytest.approx(1, abs=1e-3)
    assert json.loads(bytes(version.document))["facts"]["metrics"] == version.metrics == found


def test_the_same_facts_give_the_same_model(world: World) -> None:
    again = train_score(as_of=AS_OF, at=NOW + timedelta(days=1))
    assert again.version.id == world.trained.version.id
    assert ModelVersion.objects.count() == 1


def test_what_is_held_out_is_never_fitted(world: World) -> None:
    """The held-out people's outcomes are turned round, and other customers carry the figures: the trees stay the same."""

    def flip(number: int, row: dict[str, str]) -> None:
        if number % 10 in (0, 1, 2):
            label = "default.payment.next.month"
            row[label] = str(1 - int(row[label]))

    file = rewritten(world.file, flip, "flipped.csv")
    import_histories(file=file, source="flipped", newest_month=date(2016, 5, 1))
    flipped = train_score(as_of=date(2016, 6, 5), at=NOW)
    trees = dict(ModelVersion.objects.values_list("id", "booster"))
    assert bytes(trees[flipped.version.id]) == bytes(trees[world.trained.version.id])
    assert flipped.metrics["auc"] == pytest.approx(1 - world.trained.metrics["auc"])


@pytest.mark.parametrize(
    ("as_of", "words"),
    [
        (date(2026, 5, 31), "No outcomes are known for 2026-05; choose a date within one of 2026-06"),
        (date(2026, 7, 1), "No outcomes are known for 2026-07"),
    ],
)
def test_a_date_without_outcomes_is_refused_with_those_that_have_some(
    world: World, as_of: date, words: str
) -> None:
    with translation.override("en"), pytest.raises(NoOutcomes, match=words):
        train_score(as_of=as_of, at=NOW)


def test_people_with_too_little_history_are_not_fitted(world: World) -> None:
    """Outcomes of June for 30 newcomers: two without history, the rest with two months of it."""
    for n in range(30):
        person = newcomer(n, date(2026, 6, 1))
        record_outcomes(
            outcomes=[ObservedOutcome(person, "shop", f"shop:{n}", date(2026, 6, 1), False, n, NOW, NOW)]
        )
        if n > 1:
            record_account_months(
                months=[
                    ObservedMonth(
                        person, "shop", "card", f"shop:{n}:{m}", date(2026, m, 1), 1, 1, 1, 0, NOW, NOW
                    )
                    for m in (4, 5)
                ]
            )
    found = train_score(as_of=AS_OF, at=NOW).metrics
    assert (found["people"], found["without_history"]) == (PEOPLE, 30)


def test_a_later_model_is_a_challenger_until_it_is_promoted(world: World) -> None:
    first = world.trained.version.id
    other = train_score(as_of=date(2026, 6, 4), at=NOW)  # another date, another document, another hash
    assert other.version.state == ModelState.CHALLENGER
    assert registry.champion().id == first
    registry.promote(model_id=other.version.id)
    registry.promote(model_id=other.version.id)
    assert registry.champion().id == other.version.id
    assert ModelVersion.objects.get(id=first).state == ModelState.RETIRED
    registry.promote(model_id=first)  # the way back
    assert registry.champion().id == first
    with pytest.raises(registry.ModelNotFound):
        registry.promote(model_id=-1)


# The registry


def test_a_model_is_loaded_once_in_a_process_and_again_in_a_child(world: World) -> None:
    version = registry.champion()
    assert registry.load(version) is registry.load(version)
    child = os.fork()
    if not child:
        os._exit(len(registry._loaded.models))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_bytes_that_were_tampered_with_are_refused(world: World) -> None:
    registry._loaded.forget()
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE; ALTER TABLE creditscore_modelversion DISABLE TRIGGER USER")
        cursor.execute("UPDATE creditscore_modelversion SET booster = booster || '\\x00'::bytea")
    with pytest.raises(ArtifactRefused):
        registry.load(registry.champion())


def test_threads_score_alike(world: World) -> None:
    model = registry.load(registry.champion())
    rows = feature_rows(as_of=AS_OF, customer_ids=registered_ids(on=ON)[:100])
    alone = model.score(rows.values, rows.months_known)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: model.score(rows.values, rows.months_known), range(8)))
    assert all(
        np.array_equal(answer.points, alone.points) and answer.explanations == alone.explanations
        for answer in answers
    )
