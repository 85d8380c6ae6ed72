"""A line told anew from its facts stands as it does in the books, and late facts leave it as if they had come in time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import transaction
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from huabei import selectors
from huabei.facts import disagreements
from huabei.models import Due, Line, Terms
from ledger.audit import verify
from operations import audit
from operations.services import simulation
from operations.services.closing import close_lines
from operations.services.line_story import parse_story, read_event
from tests.properties.line_oracle import DAY
from tests.properties.line_stories import NEW_RULES, NEW_TERMS_FROM, Event, Story, days_of, stories
from tests.properties.test_lines import STORIES, telling

pytestmark = pytest.mark.django_db

telling_twice = settings(telling, max_examples=STORIES or 20)


@pytest.fixture(autouse=True)
def terms_that_change() -> None:
    """Other rates, another share and shorter holds from one day on."""
    Terms.objects.create(
        effective_from=NEW_TERMS_FROM,
        revolving_daily_rate="0.0004",
        penalty_daily_rate="0.00075",
        minimum_due_share="0.15",
        hold_days=NEW_RULES.hold_days,
    )


def lived(
    story: Story, look: Callable[[simulation._Told, date], None] = lambda _told, _day: None
) -> simulation._Told:
    """Tells a story on the real services; `look` is shown every day on which something happened, and the last."""
    told = simulation._begin(parse_story(json.dumps(story)))
    for day, events in days_of(story):
        for position, event in events:
            told.happen(read_event(event, position))
        if events or day.isoformat() == story["until"]:
            look(told, day)
        if day.isoformat() != story["until"]:
            close_lines(closed_on=day, line_ids=[told.line_id])
    return told


def agrees(told: simulation._Told, day: date) -> None:
    assert disagreements(Line.objects.get(pk=told.line_id), day) == [], day


@telling
@given(stories())
def test_a_replay_of_the_facts_is_what_the_books_say(story: Story) -> None:
    lived(story, agrees)


def standing(told: simulation._Told, on: date) -> dict[str, Any]:
    """All that a line is on a day, but for what its statements said when they were issued."""
    line = Line.objects.get(pk=told.line_id)
    dues = Due.objects.filter(line=line, outstanding_fen__gt=0).order_by("due_on")
    return {
        "position": selectors.line_position(line, on),
        "dues": list(dues.values_list("due_on", "outstanding_fen")),
        "running": {
            kind: (segment.principal_fen, segment.daily_rate, selectors.owed_on(segment, on))
            for kind, segment in selectors.open_segments(line.pk).items()
        },
        "status": (line.status, line.frozen_cause, line.bucket, line.excess_fen),
    }


def told_twice(in_time: Story, late: Story) -> None:
    """Both stories end with the same line, and the books of the second prove, whatever was learned late."""
    ends, refused = [], []
    for story in (late, in_time):
        with transaction.atomic():
            told = lived(story)
            agrees(told, date.fromisoformat(story["until"]))
            refused.append(sorted((refusal["ref"], refusal["code"]) for refusal in told.refused))
            ends.append(standing(told, date.fromisoformat(story["until"])))
            if story is late:
                broken = [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds]
                assert broken == [], json.dumps(story)
            transaction.set_rollback(True)
    # What a line refuses depends on what is known that day: where that differs, it is not the same story.
    assume(refused[0] == refused[1])
    assert ends[0] == ends[1], f"{json.dumps(in_time)}\n{json.dumps(late)}"


def _in_order(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: str(event["on"]))


def _later(story: Story, days: int = 75) -> Story:
    """The story on a large line, where little is refused, with a long end: what is learned late is followed by statements."""
    story = story | {"line": story["line"] | {"limit": "90000.00"}}
    return story | {"until": (date.fromisoformat(story["until"]) + days * DAY).isoformat()}


@st.composite
def delayed(draw: st.DrawFn) -> tuple[Story, Story]:
    """A story, and the same with some of its repayments booked up to 50 days after the day from which they count."""
    story = _later(draw(stories()))
    days: dict[str, int] = {}
    for event in story["events"]:
        days[event["on"]] = days.get(event["on"], 0) + 1
    events = []
    for event in story["events"]:
        # On a day on which more happens, the order of what happens would change with the day of booking.
        alone = days[event["on"]] == 1
        delay = draw(st.integers(0, 50)) if event["type"] == "repayment" and alone else 0
        booked = min(date.fromisoformat(event["on"]) + delay * DAY, date.fromisoformat(story["until"]))
        late = {"on": booked.isoformat(), "value_date": event["on"]} if delay else {}
        events.append({**event, **late})
    return story, story | {"events": _in_order(events)}


@telling_twice
@given(delayed())
def test_whatever_the_order_of_arrival_the_line_is_that_of_the_value_dates(two: tuple[Story, Story]) -> None:
    told_twice(*two)


@st.composite
def taken_back(draw: st.DrawFn) -> tuple[Story, Story]:
    """A story, and the same with repayments and purchases put in that are taken back up to 50 days later."""
    story = _later(draw(stories()))
    first, last = date.fromisoformat(story["line"]["opened_on"]), date.fromisoformat(story["until"])
    events = list(story["events"])
    for n in range(draw(st.integers(1, 3))):
        on = first + draw(st.integers(0, (last - first).days - 1)) * DAY
        back = min(on + draw(st.integers(0, 50)) * DAY, last)
        kind = draw(st.sampled_from(["repayment", "repayment", "purchase"]))
        fen = draw(st.integers(1, 600_00))
        amount = f"{fen // 100}.{fen % 100:02d}"
        events.append({"on": on.isoformat(), "type": kind, "ref": f"x{n}", "amount": amount})
        events.append({"on": back.isoformat(), "type": "reversal", "ref": f"x{n}"})
    return story, story | {"events": _in_order(events)}


@telling_twice
@given(taken_back())
def test_what_was_taken_back_leaves_what_never_was(two: tuple[Story, Story]) -> None:
    told_twice(*two)
