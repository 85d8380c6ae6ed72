"""The commands that score, train and publish."""

from __future__ import annotations

import json
from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from creditscore.models import ModelState, ModelVersion, Score
from creditscore.scoring import score_people
from creditscore.services import registry
from customers.identity import synthetic_national_id
from tests.services.scores.world import AS_OF, PEOPLE, World

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    with translation.override("en"):
        call_command(*arguments, stdout=out)
    return out.getvalue()


def test_the_command_scores_and_explains_a_person_in_both_languages(world: World) -> None:
    national_id = world.national_id(0)
    answer = json.loads(run("score", national_id, "--json"))
    computed = score_people(
        customer_ids=[world.customer(0)], as_of=AS_OF, model=registry.load(registry.champion())
    )[0]
    assert answer["as_of"] == AS_OF.isoformat()  # before the publication after the newest observations
    assert (answer["points"], answer["band"]) == (computed.points, computed.band)
    assert answer["model"]["sha256"] == world.trained.version.sha256
    assert set(answer["explanation"]) == {"zh-hans", "en"}
    assert national_id not in json.dumps(answer)
    text = run("score", national_id)
    assert f"{computed.points} points" in text
    assert answer["explanation"]["en"]["dimensions"][0]["label"] in text


def test_the_command_says_why_somebody_is_not_scored(world: World) -> None:
    answer = json.loads(run("score", world.national_id(0), "--as-of", "2026-09-01", "--json"))
    assert (answer["points"], answer["not_scored"]) == (None, "stale_history")
    assert "more than three months old" in run("score", world.national_id(0), "--as-of", "2026-09-01")


def test_the_command_scores_everybody_and_publishes_nothing(world: World) -> None:
    answer = json.loads(run("score", "--all", "--json"))
    assert (answer["people"], sum(band["people"] for band in answer["bands"])) == (PEOPLE, PEOPLE)
    assert not Score.objects.exists()
    assert f"{PEOPLE:,} people as of 2026-06-05" in run("score", "--all")


def test_the_command_publishes(world: World) -> None:
    assert f"{PEOPLE:,} scores published on 2026-06-06" in run("publish_scores", "--on", "2026-06-06")
    assert "0 scores published" in run("publish_scores", "--on", "2026-06-06")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("score", synthetic_national_id(date(1990, 1, 1), 9)), "No customer has this national ID"),
        (("score", "123"), "must have 18 characters"),
        (("score",), "one of the arguments national_id --all is required"),
        (("score", "--all", "--as-of", "yesterday"), "'yesterday' is not a date, such as"),
        (("score", "--all", "--as-of", "2001-01-01"), "Nobody was registered by 2001-01-01"),
        (("train_score", "--as-of", "2001-01-01"), "No outcomes are known for 2001-01; choose a date within one of 2026-06"),
        (("publish_scores", "--on", "2026-06-07"), "published on day 6 of the month, not on 2026-06-07"),
    ],
)  # fmt: skip
def test_a_command_that_cannot_do_it_says_why(world: World, arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run(*arguments)


def test_without_a_model_the_command_says_how_to_get_one(world: World) -> None:
    ModelVersion.objects.update(state=ModelState.RETIRED)
    with pytest.raises(CommandError, match=r"train one with \./manage\.py train_score"):
        run("score", "--all")
