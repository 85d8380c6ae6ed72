"""The demo world's people: the same whenever they are asked, and believable as a crowd."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from operations.demo.behaviour import Payer, autopays, payer_of, pays_fen, pays_on, spends
from operations.demo.world import timeline

DUE = date(2026, 10, 10)


def test_the_same_seed_line_and_day_give_the_same_purchases() -> None:
    first = [spends(7, DUE + timedelta(days=n), seed=1, limit_fen=800_000, shops=8) for n in range(60)]
    again = [spends(7, DUE + timedelta(days=n), seed=1, limit_fen=800_000, shops=8) for n in range(60)]
    assert first == again
    assert any(first)
    assert first != [
        spends(8, DUE + timedelta(days=n), seed=1, limit_fen=800_000, shops=8) for n in range(60)
    ]


def test_no_purchase_is_larger_than_two_fifths_of_the_limit_or_less_than_a_yuan() -> None:
    amounts = [s.amount_fen for n in range(2_000) for s in spends(n, DUE, seed=1, limit_fen=50_000, shops=8)]
    assert amounts
    assert max(amounts) <= 20_000
    assert min(amounts) >= 100


@pytest.mark.parametrize(("defaulted", "least_full", "most_full"), [(False, 0.68, 0.76), (True, 0.18, 0.26)])
def test_people_whose_history_ends_in_default_repay_worse(
    defaulted: bool, least_full: float, most_full: float
) -> None:
    payers = Counter(payer_of(n, seed=1, defaulted=defaulted) for n in range(3_000))
    assert least_full < payers[Payer.FULL] / 3_000 < most_full
    assert payers[Payer.NEVER] > 0


def test_each_payer_pays_when_and_what_they_do() -> None:
    assert pays_on(Payer.NEVER, 1, DUE, seed=1) is None
    for n in range(200):
        on_time = pays_on(Payer.FULL, n, DUE, seed=1)
        late = pays_on(Payer.LATE, n, DUE, seed=1)
        assert on_time is not None
        assert DUE - timedelta(days=5) <= on_time <= DUE
        assert late is not None
        assert DUE < late < DUE + timedelta(days=18)
    bill = {"seed": 1, "billed_fen": 100_000, "minimum_fen": 10_000, "accrued_fen": 250}
    assert pays_fen(Payer.FULL, 1, DUE, **bill) == 100_000
    assert pays_fen(Payer.MINIMUM, 1, DUE, **bill) == 10_000
    assert pays_fen(Payer.LATE, 1, DUE, **bill) == 100_250
    assert 10_000 <= pays_fen(Payer.PART, 1, DUE, **bill) <= 90_000


@pytest.mark.parametrize("offset", range(0, 400, 13))
def test_the_timeline_sees_two_due_days_and_ends_today(offset: int) -> None:
    today = date(2026, 1, 1) + timedelta(days=offset)
    when = timeline(today)
    assert when.until == today
    assert when.begins_on.day == 6
    assert when.as_of == when.begins_on.replace(day=1)
    assert when.last_month < when.as_of <= when.last_month + timedelta(days=31)
    dues = [when.begins_on + timedelta(days=n) for n in range((today - when.begins_on).days)]
    # The first statement comes with the next month, so the due day of the month of opening has nothing due.
    assert sum(day.day == 10 for day in dues) >= 3
    assert len(dues) <= 105


def test_some_of_those_who_pay_in_time_leave_it_to_autopay_and_nobody_else() -> None:
    lines = range(1, 2_001)
    for payer in Payer:
        share = sum(autopays(payer, line, seed=7) for line in lines) / len(lines)
        assert 0.09 < share < 0.15 if payer in (Payer.FULL, Payer.MINIMUM) else share == 0
    assert [autopays(Payer.FULL, line, seed=7) for line in lines] == [
        autopays(Payer.FULL, line, seed=7) for line in lines
    ]
