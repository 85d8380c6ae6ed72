"""Telling many stories from seeds, and making the one that fails short enough to be read."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable

import pytest

from tests.properties.line_author import Choices, Seeded
from tests.properties.line_stories import Story

# STORIES=10000 tells that many in each test, and other ones each time; SEED=7 begins with that one.
STORIES = int(os.environ.get("STORIES", "0"))


def seeds(few: int) -> range:
    """A few seeds, always the same; or as many as were asked for."""
    given = os.environ.get("SEED")
    first = int(given) if given else random.randrange(10**9) if STORIES else 0
    return range(first, first + (STORIES or few))


def tell_all(few: int, write: Callable[[Choices], Story], fault: Callable[[Story], str]) -> None:
    """Tells stories until one has a fault; fails with its seed, and with the story made short, as the simulator reads it."""
    for seed in seeds(few):
        story = write(Seeded(seed))
        if said := fault(story):
            short = shortened(story, fault)
            pytest.fail(
                f"SEED={seed} STORIES=1 finds it again: {said}\n\nIn short: {fault(short)}\n\n"
                f"echo '{json.dumps(short)}' | ./manage.py simulate_line",
                pytrace=False,
            )


def shortened(story: Story, fault: Callable[[Story], str]) -> Story:
    """The story without whatever it can do without and still have a fault."""
    shorter = True
    while shorter:
        shorter = False
        for position in reversed(range(len(story["events"]))):
            events = story["events"][:position] + story["events"][position + 1 :]
            if fault(story | {"events": events}):
                story, shorter = story | {"events": events}, True
    return story
