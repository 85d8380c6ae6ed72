"""The product and the oracle tell the same life of a line, to the fen, whatever happens to it."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from huabei.models import Terms
from operations.services.simulation import parse_story, simulate
from tests.properties.line_stories import NEW_RULES, NEW_TERMS_FROM, Story, stories, told_by_oracle

pytestmark = pytest.mark.django_db

# STORIES=10000 tells that many, and other ones each time.
STORIES = int(os.environ.get("STORIES", "0"))

telling = settings(
    max_examples=STORIES or 150,
    derandomize=not STORIES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


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


def told_by_product(story: Story) -> dict[str, Any]:
    ending = simulate(parse_story(json.dumps(story)))
    return ending | {"refused": [(refusal["event"], refusal["code"]) for refusal in ending["refused"]]}


@telling
@given(stories())
def test_a_line_lives_as_the_oracle_says(story: Story) -> None:
    product, oracle = told_by_product(story), told_by_oracle(story)
    assert product == oracle, f"echo '{json.dumps(story)}' | ./manage.py simulate_line\n{oracle}"
