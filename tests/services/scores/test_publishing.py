"""Publishing scores, what stands on a date, and why."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from django.utils import translation

from creditscore import selectors
from creditscore.closing import publish_scores_if_day
from creditscore.engine.features import CATALOGUE
from creditscore.models import ModelState, ModelVersion, PublicationCalendar, Score
from creditscore.scoring import as_published, score_people, scored_again
from creditscore.services import registry
from creditscore.services.publishing import NotPublicationDay, publish_scores
from operations.services import closing
from tests.services.scores.world import AS_OF, ON, PEOPLE, World, newcomer

pytestmark = pytest.mark.django_db


def test_everybody_registered_is_published_scored_or_not(world: World) -> None:
    unknown, later = newcomer(1), newcomer(2, ON + timedelta(days=1))
    assert publish_scores(on=ON) == PEOPLE + 1
    assert selectors.published_score(customer_id=unknown, on=ON).not_scored == "no_history"  # type: ignore[union-attr]
    assert selectors.published_score(customer_id=later, on=ON) is None
    score = Score.objects.get(customer_id=world.customer(0))
    assert (score.published_on, score.as_of, score.model_id) == (ON, AS_OF, world.trained.version.id)
    assert 350 <= (score.points or 0) <= 950
    assert len(score.sub_scores or ()) == 5
    assert len(score.features or ()) == len(CATALOGUE.names)


def test_old_and_short_histories_are_not_scored_and_say_why(world: World) -> None:
    model = registry.load(registry.champion())
    person = world.customer(0)
    # (as of, months that are known by then) → why not
    table = [
        (date(2026, 1, 1), 1, "thin_history"),
        (date(2026, 2, 28), 2, "thin_history"),
        (date(2026, 3, 1), 3, ""),
        (AS_OF, 6, ""),
        (date(2026, 8, 31), 6, ""),
        (date(2026, 9, 1), 0, "stale_history"),
        (date(2025, 12, 31), 0, "no_history"),
    ]
    for as_of, months_known, why in table:
        score = score_people(customer_ids=[person], as_of=as_of, model=model)[0]
        assert (score.months_known, score.not_scored) == (months_known, why), as_of
        assert (score.points is None) == bool(why)


def test_a_published_score_stands_until_the_next_publication(world: World) -> None:
    publish_scores(on=ON)
    person = world.customer(5)
    first = selectors.published_score(customer_id=person, on=ON)
    assert first is not None
    assert selectors.published_score(customer_id=person, on=ON - timedelta(days=1)) is None
    assert selectors.published_scores(ON - timedelta(days=1)) == {}
    publish_scores(on=date(2026, 10, 6))  # by then the histories are old
    eve = date(2026, 10, 5)
    assert selectors.published_score(customer_id=person, on=eve) == first
    assert selectors.published_scores(eve)[person] == first.points
    assert selectors.published_scores(date(2026, 10, 6))[person] is None
    assert len(selectors.published_scores(eve)) == PEOPLE


def test_publishing_again_publishes_only_who_is_not_there_yet(world: World) -> None:
    publish_scores(on=ON)
    assert publish_scores(on=ON) == 0
    newcomer(1)
    assert publish_scores(on=ON) == 1


def test_only_publication_days_and_only_with_a_model(world: World) -> None:
    for on in (date(2026, 6, 5), date(2026, 6, 7)):
        with pytest.raises(NotPublicationDay):
            publish_scores(on=on)
    PublicationCalendar.objects.create(effective_from=date(2026, 7, 1), day_of_month=8)
    assert publish_scores(on=ON) == PEOPLE
    with pytest.raises(NotPublicationDay):
        publish_scores(on=date(2026, 7, 6))
    assert publish_scores(on=date(2026, 7, 8)) == PEOPLE
    ModelVersion.objects.update(state=ModelState.RETIRED)
    with pytest.raises(registry.NoChampion):
        publish_scores(on=date(2026, 8, 8))


def test_every_published_score_can_be_computed_again_from_its_own_row(world: World) -> None:
    for n in range(20):
        newcomer(n)
    publish_scores(on=ON)
    published = Score.objects.select_related("model").order_by("-customer_id")[:600]
    assert {score.points is None for score in published} == {True, False}
    for score in published:
        assert scored_again(score=score, model=registry.load(score.model)) == as_published(score)


def test_the_close_publishes_when_the_publication_day_begins(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    assert ("scores.publish", publish_scores_if_day) in closing.STEPS
    assert publish_scores_if_day(date(2026, 6, 4)) == 0
    assert publish_scores_if_day(ON) == 0
    closing.close_lines(closed_on=AS_OF, line_ids=[1])
    assert not Score.objects.exists()  # for everybody, so not for some lines
    assert not Score.objects.exists()
    assert publish_scores_if_day(AS_OF) == PEOPLE
    assert publish_scores_if_day(AS_OF) == 0
    ModelVersion.objects.update(state=ModelState.RETIRED)
    assert publish_scores_if_day(date(2026, 7, 5)) == 0
    assert "no model was trained yet" in caplog.text


# Reading


def test_the_spread_counts_everybody_best_band_first(world: World) -> None:
    newcomer(1)
    publish_scores(on=ON)
    spread = selectors.distribution_by_band(ON)
    assert [band.code for band in spread] == ["excellent", "very_good", "good", "fair", "poor", ""]
    assert sum(band.people for band in spread) == PEOPLE + 1
    assert spread[-1].people == 1
    points = [p for p in selectors.published_scores(ON).values() if p is not None]
    assert spread[0].people == sum(p >= 700 for p in points)
    assert spread[4].people == sum(p < 550 for p in points)
    assert selectors.distribution_by_band(date(2026, 1, 1)) == []


def test_a_score_is_explained_in_words(world: World) -> None:
    publish_scores(on=ON)
    late = next(n for n, row in enumerate(world.rows) if row.months_late[0] >= 2)
    on_time = next(n for n, row in enumerate(world.rows) if max(row.months_late) < 0)
    with translation.override("en"):
        worse = selectors.explanation(customer_id=world.customer(late), on=ON)
        better = selectors.explanation(customer_id=world.customer(on_time), on=ON)
    assert worse is not None
    assert better is not None
    assert "Payments were late in recent months" in {reason.text for reason in worse.lowering}
    assert worse.lowering[0].points < -1
    assert [reason.points for reason in worse.lowering] == sorted(reason.points for reason in worse.lowering)
    assert "No payment was late in recent months" in {reason.text for reason in better.raising}
    assert [dimension.label for dimension in better.dimensions][:2] == ["Credit history", "Ability to repay"]
    assert (better.points or 0) > (worse.points or 0)


def test_not_scored_is_explained_too(world: World) -> None:
    person = newcomer(1)
    publish_scores(on=ON)
    with translation.override("en"):
        words = selectors.explanation(customer_id=person, on=ON)
    assert words is not None
    assert (words.points, words.why_not, words.dimensions) == (None, "no credit history is known", ())
    assert selectors.explanation(customer_id=UUID(int=0), on=ON) is None


def test_what_became_of_each_person(world: World) -> None:
    outcomes = selectors.defaulted_next_month()
    assert len(outcomes) == PEOPLE
    assert [outcomes[world.customer(n)] for n in range(30)] == [row.defaulted for row in world.rows[:30]]
