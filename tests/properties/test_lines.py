"""
The product and the oracle tell the same life of a line, to the fen, whatever happens to it.

Lives are drawn from seeds by the author of `line_stories`, and the one that fails is printed with its seed and made short, as
`./manage.py simulate_line` reads it. Hypothesis draws from the same author, act by act, as a state machine: it goes where the
seeds do not and shrinks better, but takes much longer for a life.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.properties.line_author import Author, Drawn, write_story
from tests.properties.line_product import change_terms, told_otherwise
from tests.properties.line_search import STORIES, tell_all


@pytest.fixture(autouse=True)
def terms_that_change(committed_db: str) -> None:
    """The terms of the stories, in a database of the test's own: each story is a transaction there that is rolled back."""
    change_terms()


def test_a_line_lives_as_the_oracle_says() -> None:
    tell_all(12, write_story, told_otherwise)


class Lives(RuleBasedStateMachine):
    """What may happen to a line happens in any order, on days and of amounts that Hypothesis chooses."""

    author: Author

    @initialize(data=st.data())
    def begins(self, data: st.DataObject) -> None:
        self.author = Author.of_a_new_line(Drawn(data.draw))

    @rule(data=st.data(), act=st.sampled_from(Author.ACTS))
    def lives_on(self, data: st.DataObject, act: Callable[[Author], None]) -> None:
        self.author.choose = Drawn(data.draw)
        self.author.go_to(self.author.next_day())
        act(self.author)

    def teardown(self) -> None:
        if hasattr(self, "author"):
            story = self.author.ended()
            said = told_otherwise(story)
            assert not said, f"{said}\necho '{json.dumps(story)}' | ./manage.py simulate_line"


# A few lives, always the same; STORIES=100 lets Hypothesis choose other ones each time. What fails is printed with the line
# that finds it again.
TestLives = Lives.TestCase
TestLives.settings = settings(
    max_examples=max(3, STORIES // 100),
    stateful_step_count=10 if STORIES else 5,
    derandomize=not STORIES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
