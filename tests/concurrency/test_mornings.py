"""People pay, get refunds and buy while the day before is closed: nobody waits for that, and every line is right."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Any

from huabei.facts import disagreements
from huabei.models import Line, MadeUp, Statement, StepAhead
from operations.services.closing import business_date, close_day, set_business_date
from tests.concurrency.crowd import SIZE, Crowd
from tests.concurrency.test_line import broken_rules, capture_each, do, refund_each, repay_each
from tests.line_world import a_line, a_merchant, authorised, bought, end_day

EVE, MORNING = date(2026, 7, 31), date(2026, 8, 1)
LINES = 24


def closes(closed_on: date) -> None:
    for _result in close_day(closed_on=closed_on):
        time.sleep(0.05)  # whoever comes between two steps has the time to


def lives_on(acts: list[tuple[Callable[..., None], tuple[Any, ...]]]) -> None:
    """In a process of the crowd, one thing after the other, once the date has moved."""
    while business_date() != MORNING:
        time.sleep(0.01)
    for act, arguments in acts:
        act(*arguments)
        time.sleep(0.02)


def test_lines_to_which_something_happens_while_they_are_closed_are_what_their_facts_say(
    committed_db: str, crowd: Crowd
) -> None:
    shop, lines = a_merchant(), [a_line() for _ in range(LINES)]
    bills = [bought(line, shop, 1_000_00, date(2026, 6, 5)).pk for line in lines]
    end_day(date(2026, 6, 30))
    for line in lines[::2]:
        repay_each(line.pk, "before", [3_000_00], date(2026, 7, 2))
    end_day(date(2026, 7, 10))  # the others miss their minimum; statements come on the morning of the crowd
    held = {line.pk: authorised(line, shop, 10_00, date(2026, 7, 28)).pk for line in lines[::2]}
    set_business_date(on=EVE)
    acts: list[list[tuple[Callable[..., None], tuple[Any, ...]]]] = [[] for _ in range(SIZE - 1)]
    for n, line in enumerate(lines):
        mine, other = acts[n % (SIZE - 1)], acts[(n + 3) % (SIZE - 1)]
        mine.append((repay_each, (line.pk, "mine", [40_00, 90_00], MORNING)))
        other.append((refund_each, (bills[n], "other", 1, 30_00, MORNING)))
        if line.pk in held:
            mine.append((capture_each, ([held[line.pk]], 10_00, MORNING)))
    crowd.at_once(do, committed_db, (closes, (EVE,)), *((lives_on, (act,)) for act in acts))
    assert not StepAhead.objects.exists()
    assert MadeUp.objects.exists()
    assert Statement.objects.filter(issued_on=MORNING).count() == LINES // 2
    for line in Line.objects.filter(pk__in=[line.pk for line in lines]):
        assert disagreements(line, MORNING) == [], line.pk
    assert broken_rules() == []
