"""
Lives of many lines in one database, closed together, are what each line's oracle says: a set of many is a set of one.

`LIVES=10000 pytest tests/properties/test_many_lives.py` tells that many, a thousand at a time, and says of each batch what
it was; `SEED=7` begins with that one. Without, one bank of a few lines lives through a turn of the year.
"""

from __future__ import annotations

import os
import time
from datetime import date

import pytest

from tests.properties.line_product import change_terms
from tests.properties.many_lives import Bank, Span

LIVES = int(os.environ.get("LIVES", "0"))
FIRST_SEED = int(os.environ.get("SEED", "0"))
TOGETHER = 1000
SHORT = Span(date(2026, 12, 10), date(2027, 3, 12), opened_within=20)
# A turn of the year and the change of terms; only the later terms; a leap February.
SPANS = (
    Span(date(2026, 12, 1), date(2027, 5, 20), opened_within=30),
    Span(date(2027, 9, 20), date(2028, 3, 8), opened_within=30),
    Span(date(2023, 12, 1), date(2024, 5, 20), opened_within=30),
)
SEEDS = range(FIRST_SEED, FIRST_SEED + LIVES)
# A seed lives through the same days in whichever batch it is.
BATCHES = sorted({seed // TOGETHER for seed in SEEDS})


@pytest.fixture(autouse=True)
def terms_that_change(committed_db: str) -> None:
    """The terms of the stories, in a database of the test's own."""
    change_terms()


def test_many_lines_closed_together_live_as_each_of_them_alone() -> None:
    Bank(range(20), SHORT, most_acts=20).live()


@pytest.mark.skipif(not LIVES, reason="slow: LIVES=10000 tells that many lives")
@pytest.mark.parametrize("batch", BATCHES)
def test_lives_are_what_the_oracle_says(batch: int, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    seeds = range(max(batch * TOGETHER, SEEDS.start), min((batch + 1) * TOGETHER, SEEDS.stop))
    said = Bank(seeds, SPANS[batch % len(SPANS)], most_acts=14).live()
    with capsys.disabled():
        print(f"\n{said} ({time.monotonic() - began:.0f} s)", flush=True)  # noqa: T201
