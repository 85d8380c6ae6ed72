"""A line told anew from its facts stands as it does in the books, and late facts leave it as if they had come in time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import transaction

from huabei import selectors
from huabei.facts import disagreements
from huabei.models import Closure, Due, Line
from ledger.audit import verify
from operations import audit
from operations.services import simulation
from operations.services.closing import close_lines
from operations.services.line_story import parse_story, read_event
from tests.properties.line_author import Choices, write_story
from tests.properties.line_product import change_terms
from tests.properties.line_search import tell_all
from tests.properties.line_stories import Event, Story, days_of, rules_on, yuan
from tests.properties.oracle_rules import DAY


@pytest.fixture(autouse=True)
def terms_that_change(committed_db: str) -> None:
    """The terms of the stories, in a database of the test's own: each story is a transaction there that is rolled back."""
    change_terms()


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


def unlike_its_facts(story: Story) -> str:
    """Where a line's books are not what a replay of its facts says, on a day on which something happened."""
    said: list[str] = []

    def look(told: simulation._Told, day: date) -> None:
        found = disagreements(Line.objects.get(pk=told.line_id), day)
        said.extend(f"{day}: {each}" for each in found if not said)

    with transaction.atomic():
        lived(story, look)
        transaction.set_rollback(True)
    return "; ".join(said)


def test_a_replay_of_the_facts_is_what_the_books_say() -> None:
    tell_all(8, write_story, unlike_its_facts)


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


def ends_otherwise(late: Story, in_time: Story) -> str:
    """
    What of the line is not as if everything had been known in time; or which rule the books of what was learned late break.

    What a line refuses, and whether the policy closes it, depends on what is known that day: where that differs, it is not
    the same story, and nothing is said.
    """
    ends, known = [], []
    for story in (late, in_time):
        on = date.fromisoformat(story["until"])
        with transaction.atomic():
            told = lived(story)
            line = Line.objects.get(pk=told.line_id)
            refused = [(each["ref"], each["code"]) for each in told.refused if each["ref"][0] != "x"]
            known.append((sorted(refused), _policy(line)))
            ends.append(standing(told, on) | {"replay": disagreements(line, on)})
            broken = (
                [each.check.name for each in verify(audit.CHECKS) if not each.holds] if story is late else []
            )
            transaction.set_rollback(True)
        if broken:
            return f"broken: {broken}"
    if known[0] != known[1]:
        return ""
    return "; ".join(
        f"{name}: {ends[0][name]}, and in time {ends[1][name]}"
        for name in ends[0]
        if ends[0][name] != ends[1][name] or (name == "replay" and ends[0][name])
    )


def _policy(line: Line) -> list[tuple[object, ...]]:
    """What was decided about a line without anybody asking for it."""
    return [
        *Closure.objects.filter(line=line).values_list("closed_on", "cause"),
        *line.limit_changes.filter(by="policy").values_list("changed_on", "after_fen"),
    ]


def _later(story: Story, days: int = 75) -> Story:
    """The story on a large line, where little is refused, with a long end: what is learned late is followed by statements."""
    story = story | {"line": story["line"] | {"limit": "50000.00"}}
    return story | {"until": (date.fromisoformat(story["until"]) + days * DAY).isoformat()}


def _counts_from(story: Story, event: Event) -> str:
    """The day from which an event counts; its own where it cannot count from the other."""
    value_on = str(event.get("value_date", event["on"]))
    return value_on if story["line"]["opened_on"] <= value_on <= event["on"] else str(event["on"])


def delayed(choose: Choices) -> Story:
    """A story with many of its repayments booked up to 50 days after the day from which they count."""
    story, events = _later(write_story(choose)), []
    for event in story["events"]:
        on = date.fromisoformat(event["on"]) + choose.integer(0, 50) * DAY
        if event["type"] == "repayment" and choose.integer(0, 3) and on.isoformat() <= story["until"]:
            event = {**event, "on": on.isoformat(), "value_date": _counts_from(story, event)}
        events.append(event)
    return story | {"events": sorted(events, key=lambda event: str(event["on"]))}


def in_time(story: Story) -> Story:
    """The same, with each repayment booked on the day from which it counts; after what was known of that day."""
    order = sorted(story["events"], key=lambda event: (_counts_from(story, event), "value_date" in event))
    events = []
    for event in order:
        on = _counts_from(story, event)
        moved = {name: given for name, given in event.items() if name != "value_date" or given != on}
        events.append({**moved, "on": on})
    return story | {"events": events}


def test_whatever_the_order_of_arrival_the_line_is_that_of_the_value_dates() -> None:
    tell_all(3, delayed, lambda story: ends_otherwise(story, in_time(story)))


def taken_back(choose: Choices) -> Story:
    """A story with repayments and purchases put in that are taken back up to 50 days later."""
    story = _later(write_story(choose))
    first, last = date.fromisoformat(story["line"]["opened_on"]), date.fromisoformat(story["until"])
    events = list(story["events"])
    for n in range(choose.integer(1, 3)):
        on = first + choose.integer(0, (last - first).days - 1) * DAY
        back = min(on + choose.integer(0, 50) * DAY, last)
        kind = choose.one_of(["repayment", "purchase"])
        amount = yuan(choose.integer(1, 600_00))
        event: Event = {"on": on.isoformat(), "type": kind, "ref": f"x{n}", "amount": amount}
        if kind == "purchase" and choose.integer(0, 1):
            event["instalments"] = choose.one_of(sorted(rules_on(on).fees))
        events.append(event)
        events.append({"on": back.isoformat(), "type": "reversal", "ref": f"x{n}"})
    return story | {"events": sorted(events, key=lambda event: str(event["on"]))}


def as_if_never(story: Story) -> Story:
    """The same without what was put in."""
    return story | {"events": [event for event in story["events"] if not event["ref"].startswith("x")]}


def test_what_was_taken_back_leaves_what_never_was() -> None:
    tell_all(3, taken_back, lambda story: ends_otherwise(story, as_if_never(story)))
