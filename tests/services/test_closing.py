"""The close of a day: what it bills and charges, and that it happens once, goes on where it stopped, and in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest

from huabei.models import Accrual, Line, Merchant, Segment, Statement
from huabei.services.repayments import repay
from ledger.audit import verify
from ledger.models import Entry
from operations import audit
from operations.models import BusinessDay, CloseStep
from operations.services import closing
from operations.services.closing import CloseError, business_date, close_day, close_until, set_business_date
from tests.line_world import a_line, a_merchant, bought, end_day, stands

FIRST = date(2026, 6, 30)


@pytest.fixture
def shop(db: None) -> Merchant:
    return a_merchant()


# --- statements ---

# Statement day, when a purchase was posted, when the first statement is issued and when it is due.
# fmt: off
CALENDARS = [
    (1,  date(2026, 6, 5),   date(2026, 7, 1),   date(2026, 7, 10)),
    (1,  date(2026, 6, 30),  date(2026, 7, 1),   date(2026, 7, 10)),
    (1,  date(2026, 7, 1),   date(2026, 8, 1),   date(2026, 8, 10)),   # a purchase on statement day is on the next
    (5,  date(2026, 6, 5),   date(2026, 7, 5),   date(2026, 7, 15)),
    (10, date(2026, 12, 31), date(2027, 1, 10),  date(2027, 1, 20)),
    (15, date(2028, 2, 14),  date(2028, 2, 15),  date(2028, 2, 25)),
    (15, date(2028, 2, 29),  date(2028, 3, 15),  date(2028, 3, 25)),
]
# fmt: on


@pytest.mark.parametrize(("statement_day", "posted_on", "issued_on", "due_on"), CALENDARS)
def test_a_purchase_is_billed_on_the_next_statement_day(
    shop: Merchant, statement_day: int, posted_on: date, issued_on: date, due_on: date
) -> None:
    line = a_line(statement_day=statement_day)
    bought(line, shop, 100_00, posted_on)
    day = posted_on
    while not Statement.objects.exists():
        end_day(day)
        day += timedelta(days=1)
    statement = Statement.objects.get()
    assert (statement.issued_on, statement.due_on, statement.principal_fen) == (issued_on, due_on, 100_00)


# Purchases before the statement and what was paid of them; then the statement's total and minimum, None for no statement.
# fmt: off
MINIMUMS = [
    ([1_000_00],          0,         1_000_00, 100_00),
    ([1],                 0,         1,        0),        # a tenth of a fen is none
    ([5],                 0,         5,        0),        # half a fen goes to the even one
    ([15],                0,         15,       2),
    ([333_33, 333_34],    0,         666_67,   66_67),
    ([1_000_00],          999_99,    1,        0),
    ([1_000_00],          1_000_00,  0,        0),        # spent and paid: a statement says so
    ([],                  0,         None,     None),
    ([],                  50_00,     None,     None),
]
# fmt: on


@pytest.mark.parametrize(("purchases", "paid", "total", "minimum"), MINIMUMS)
def test_a_statement_asks_for_a_tenth_of_what_was_bought(
    shop: Merchant, purchases: list[int], paid: int, total: int | None, minimum: int | None
) -> None:
    line = a_line()
    for fen in purchases:
        bought(line, shop, fen, date(2026, 6, 5))
    if paid:
        repay(line_id=line.pk, amount_fen=paid, reference="early", on=date(2026, 6, 6))
    end_day(FIRST)
    statement = Statement.objects.first()
    assert (statement and statement.total_fen, statement and statement.minimum_fen) == (total, minimum)
    line.refresh_from_db()
    assert line.billable == bool(total)


def test_a_line_that_owes_nothing_is_not_looked_at_until_it_is_used_again(shop: Merchant) -> None:
    line = a_line()
    bought(line, shop, 100_00, date(2026, 6, 5))
    end_day(FIRST)
    repay(line_id=line.pk, amount_fen=100_00, reference="July", on=date(2026, 7, 10))
    end_day(date(2026, 7, 31))
    line.refresh_from_db()
    assert not line.billable
    bought(line, shop, 1_00, date(2026, 8, 1))
    line.refresh_from_db()
    assert line.billable
    end_day(date(2026, 8, 31))
    assert list(line.statements.order_by("issued_on").values_list("total_fen", flat=True)) == [100_00, 1_00]


# --- due day ---

# Paid by the due day of 1,000.00 (minimum 100.00); then what runs from the day after, on what, and the status of the line.
# fmt: off
DUE_DAY = [
    (0,        "penalty",   1_000_00, "frozen"),
    (99_99,    "penalty",   900_01,   "frozen"),
    (100_00,   "revolving", 900_00,   "active"),
    (999_99,   "revolving", 1,        "active"),
    (1_000_00, None,        None,     "active"),
]
# fmt: on


@pytest.mark.parametrize(("paid", "kind", "principal", "status"), DUE_DAY)
def test_what_the_due_day_starts(
    shop: Merchant, paid: int, kind: str | None, principal: int | None, status: str
) -> None:
    line = a_line()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(FIRST)
    if paid:
        repay(line_id=line.pk, amount_fen=paid, reference="July", on=date(2026, 7, 10))
    assert not Segment.objects.exists()
    end_day(date(2026, 7, 10))
    segment = Segment.objects.first()
    assert (segment and segment.kind, segment and segment.principal_fen) == (kind, principal)
    assert segment is None or segment.since == date(2026, 7, 11)
    line.refresh_from_db()
    assert (line.status, line.bucket) == (status, int(status == "frozen"))


@pytest.mark.parametrize(
    ("days_past_due", "bucket"), [(1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4), (200, 4)]
)
def test_days_past_due_stand_in_buckets_of_thirty(shop: Merchant, days_past_due: int, bucket: int) -> None:
    line = a_line()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(FIRST)
    end_day(date(2026, 7, 10))
    if days_past_due > 1:
        end_day(date(2026, 7, 10) + timedelta(days=days_past_due - 1))
    line.refresh_from_db()
    assert line.bucket == bucket


def test_the_bucket_falls_with_the_oldest_minimum_paid(shop: Merchant) -> None:
    line = a_line()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    for day in (FIRST, date(2026, 7, 10), date(2026, 7, 31), date(2026, 8, 10), date(2026, 8, 11)):
        end_day(day)
    line.refresh_from_db()
    assert line.bucket == 2
    repay(line_id=line.pk, amount_fen=5_51 + 100_00, reference="July's", on=date(2026, 8, 12))
    end_day(date(2026, 8, 12))
    line.refresh_from_db()
    assert (line.status, line.bucket) == ("frozen", 1)


# --- income ---


def test_income_is_booked_once_a_day_for_all_lines_and_rounded_once(shop: Merchant) -> None:
    """Three lines owe a third of a fen a day each: rounded line by line they would never earn anything."""
    for _ in range(3):
        line = a_line()
        bought(line, shop, 7_40, date(2026, 6, 5))
    end_day(FIRST)
    for line in Line.objects.all():
        repay(line_id=line.pk, amount_fen=74, reference="July", on=date(2026, 7, 10))
    for day in range(10, 14):
        end_day(date(2026, 7, day))
    # 3 × 6.66 × 0.05 % = 0.999 fen a day.
    rows = (
        Accrual.objects.filter(kind="revolving")
        .order_by("closed_on")
        .values_list("accrued_fen", "income_fen")
    )
    assert list(rows) == [(1, 1), (2, 1), (3, 1)]
    assert Entry.objects.filter(event="lines.income").count() == 3


# --- the business day ---


@pytest.fixture
def open_bank(shop: Merchant) -> Line:
    """A bank on 30 June with one line that is billed on the next day."""
    line = a_line()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    set_business_date(on=FIRST)
    return line


def run(results: Iterator[closing.StepResult]) -> list[tuple[str, int, bool]]:
    return [(result.step.removeprefix("lines."), result.rows, result.done_before) for result in results]


NAMES = [name.removeprefix("lines.") for name, _step in closing.STEPS]


def test_a_close_moves_the_date_and_does_every_step_once(open_bank: Line) -> None:
    results = run(close_day(closed_on=FIRST))
    assert [name for name, _rows, _done in results] == NAMES
    assert ("issue_statements", 1, False) in results
    assert business_date() == date(2026, 7, 1)
    assert CloseStep.objects.filter(closed_on=FIRST, finished_at__isnull=False).count() == len(NAMES)


def test_a_close_repeated_does_nothing(open_bank: Line) -> None:
    list(close_day(closed_on=FIRST))
    before = Entry.objects.count(), Statement.objects.count()
    assert run(close_day(closed_on=FIRST)) == [(name, 0, True) for name in NAMES]
    list(close_until(on=date(2026, 7, 20)))
    after = Entry.objects.count(), Statement.objects.count()
    assert run(close_day(closed_on=FIRST)) == [(name, 0, True) for name in NAMES]
    assert run(close_until(on=date(2026, 7, 20))) == []
    assert (Entry.objects.count(), Statement.objects.count()) == after
    assert (before[1], after[1], business_date()) == (1, 1, date(2026, 7, 20))


@pytest.mark.parametrize("day", [date(2026, 6, 29), date(2026, 7, 1), date(2027, 1, 1)])
def test_a_day_on_which_the_bank_was_not_open_is_not_closed(open_bank: Line, day: date) -> None:
    with pytest.raises(CloseError) as refused:
        list(close_day(closed_on=day))
    assert (refused.value.code, business_date()) == ("close_refused", FIRST)


@pytest.mark.django_db
def test_there_is_one_business_date_and_only_a_close_moves_it() -> None:
    with pytest.raises(CloseError, match="no business date yet"):
        business_date()
    set_business_date(on=FIRST)
    set_business_date(on=FIRST)
    with pytest.raises(CloseError, match="only a close moves it"):
        set_business_date(on=date(2026, 7, 1))
    assert BusinessDay.objects.count() == 1


class Crash(Exception):
    pass


@pytest.mark.parametrize("broken", range(len(closing.STEPS)))
def test_a_close_that_failed_in_a_step_goes_on_with_that_step(
    open_bank: Line, monkeypatch: pytest.MonkeyPatch, broken: int
) -> None:
    name, step = closing.STEPS[broken]

    def half_done(closed_on: date) -> int:
        step(closed_on)
        raise Crash

    steps = (*closing.STEPS[:broken], (name, half_done), *closing.STEPS[broken + 1 :])
    with monkeypatch.context() as patched:
        patched.setattr(closing, "STEPS", steps)
        with pytest.raises(Crash):
            list(close_day(closed_on=FIRST))
    assert business_date() == date(2026, 7, 1)
    assert Statement.objects.count() == int(broken > NAMES.index("issue_statements"))
    results = run(close_until(on=date(2026, 7, 2)))
    assert [done for _name, _rows, done in results] == [True] * broken + [False] * (2 * len(NAMES) - broken)
    assert (Statement.objects.count(), business_date()) == (1, date(2026, 7, 2))


@pytest.mark.parametrize(
    "start_next", [close_day, lambda closed_on: close_until(on=closed_on + timedelta(days=1))]
)
def test_a_day_whose_close_was_interrupted_is_finished_before_the_next_is_closed(
    open_bank: Line, start_next: Callable[..., Iterator[closing.StepResult]]
) -> None:
    interrupted = close_day(closed_on=FIRST)
    next(interrupted)
    interrupted.close()  # type: ignore[attr-defined]
    results = list(start_next(closed_on=date(2026, 7, 1)))
    assert [(result.closed_on, result.done_before) for result in results] == [
        *((FIRST, n == 0) for n in range(len(NAMES))),
        *((date(2026, 7, 1), False) for _ in NAMES),
    ]


# A process of its own closes the day, and stops where it is told to: it says so and waits to be killed.
KILLED = """
import sys, time, django
from datetime import date
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from operations.services import closing

def wait():
    print("here", flush=True)
    time.sleep(60)

stop_after, inside = int(sys.argv[2]), sys.argv[3] == "inside"
if inside:
    name, step = closing.STEPS[stop_after]
    steps = list(closing.STEPS)
    steps[stop_after] = (name, lambda closed_on: step(closed_on) and 0 or wait())
    closing.STEPS = tuple(steps)
for n, result in enumerate(closing.close_day(closed_on=date(2026, 7, 10)), 1):
    if n == stop_after:
        wait()
"""


@pytest.mark.parametrize(
    ("stop_after", "where"), [(1, "between"), (1, "inside"), (3, "inside"), (4, "between")]
)
def test_a_close_killed_with_kill_9_goes_on_where_it_stopped(
    committed_db: str, stop_after: int, where: str
) -> None:
    line, shop = a_line(), a_merchant()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    set_business_date(on=FIRST)
    list(close_until(on=date(2026, 7, 10)))
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.test"}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, committed_db, str(stop_after), where],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert business_date() == date(2026, 7, 11)
    results = run(close_until(on=date(2026, 7, 20)))
    assert [done for _name, _rows, done in results[: len(NAMES)]] == [
        n < stop_after for n in range(len(NAMES))
    ]
    # Nine days at 0.50, once.
    assert stands(line, date(2026, 7, 20)).accrued_penalty_fen == 4_50
    assert Segment.objects.count() == 1
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []
