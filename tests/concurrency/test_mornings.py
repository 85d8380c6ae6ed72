"""People pay, get refunds and buy while the day before is closed: nobody waits for that, and every line is right."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

import huabei.closing
from huabei.facts import disagreements
from huabei.models import Line, MadeUp, Statement, StepAhead
from huabei.services.repayments import repay
from operations.services.closing import business_date, close_day, set_business_date
from tests.concurrency.crowd import SIZE, Crowd
from tests.concurrency.test_line import broken_rules, capture_each, do, refund_each, repay_each
from tests.concurrency.waiting import wait_until_somebody_waits
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


DUE_DAY = date(2026, 7, 10)


def _closes_due_day() -> None:
    try:
        list(close_day(closed_on=DUE_DAY))
    finally:
        connection.close()


@pytest.mark.parametrize(
    "step",
    ["lines.start_interest_after_due_day", "lines.move_buckets", "lines.follow_arrears", "lines.classify"],
)
def test_what_was_paid_while_a_step_waited_for_the_line_is_left_as_it_is(
    committed_db: str, step: str
) -> None:
    """The step has found the line and waits for it; by the time that it has it, the line has lived through the close."""
    line, shop = a_line(), a_merchant()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    set_business_date(on=DUE_DAY)
    names = [name for name, _step in huabei.closing.STEPS]
    for result in close_day(closed_on=DUE_DAY):
        if result.step == names[names.index(step) - 1]:
            break
    with ThreadPoolExecutor(1) as closing:
        with transaction.atomic():
            repay(line_id=line.pk, amount_fen=2_000_00, reference="all", on=DUE_DAY + timedelta(days=1))
            closed = closing.submit(_closes_due_day)
            wait_until_somebody_waits()
        closed.result(timeout=60)
    assert disagreements(Line.objects.get(pk=line.pk), DUE_DAY + timedelta(days=1)) == []
    assert broken_rules() == []
