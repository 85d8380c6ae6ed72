"""
A bank of loans lives for months; what its rows, its ledger and its daily income say is what the engine says.

`PORTFOLIO=10000 pytest tests/properties/test_loan_books.py` lives through that many loans, a thousand at a time, and says
of each batch what it was; `SEED=7` begins with that one.
"""

from __future__ import annotations

import os
import time
from datetime import date

import pytest

from tests.properties.loan_bank import Bank, Span

PORTFOLIO = int(os.environ.get("PORTFOLIO", "0"))
FIRST_SEED = int(os.environ.get("SEED", "0"))
TOGETHER = 1_000
SHORT = Span(date(2026, 11, 20), date(2027, 3, 1), lent_within=20, chance=0.12, compared_every=25)
# A turn of the year; a leap February; the short months of summer.
SPANS = (
    Span(date(2026, 11, 20), date(2027, 5, 20), lent_within=40, chance=0.04, compared_every=90),
    Span(date(2027, 11, 25), date(2028, 5, 25), lent_within=40, chance=0.04, compared_every=90),
    Span(date(2028, 4, 1), date(2028, 10, 1), lent_within=40, chance=0.04, compared_every=90),
)
SEEDS = range(FIRST_SEED, FIRST_SEED + PORTFOLIO)
# A seed lives through the same days in whichever batch it is.
BATCHES = sorted({seed // TOGETHER for seed in SEEDS})

pytestmark = pytest.mark.usefixtures("committed_db")


def test_a_bank_of_loans_says_what_the_engine_says() -> None:
    Bank(range(24), SHORT).live()


@pytest.mark.skipif(not PORTFOLIO, reason="slow: PORTFOLIO=10000 lives through that many loans")
@pytest.mark.parametrize("batch", BATCHES)
def test_many_loans_say_what_the_engine_says(batch: int, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    seeds = range(max(batch * TOGETHER, SEEDS.start), min((batch + 1) * TOGETHER, SEEDS.stop))
    said = Bank(seeds, SPANS[batch % len(SPANS)]).live()
    with capsys.disabled():
        print(f"\n{said} ({time.monotonic() - began:.0f} s)", flush=True)  # noqa: T201
