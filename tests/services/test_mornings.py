"""What happens while the day before is being closed: the line lives through that close first, whatever has run of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, ProgrammingError, transaction

import huabei.closing
from customers.models import Notice
from huabei import selectors
from huabei.facts import disagreements
from huabei.models import Arrears, Classification, Due, Freeze, Line, MadeUp, Merchant, Statement, StepAhead
from huabei.notices import Overdue
from huabei.services import calendars, corrections, credit, instalments, mornings, purchases, repayments
from huabei.turning import TURNS
from ledger.audit import verify
from ledger.sql import affected
from operations import audit
from operations.services.closing import close_day, set_business_date
from tests.line_world import a_line, a_merchant, authorised, bought, end_day

pytestmark = pytest.mark.django_db

DUE_DAY, EVE = date(2026, 7, 10), date(2026, 7, 31)
DAY = timedelta(days=1)

Act = Callable[[Line, Merchant, date], object]


def repays(fen: int) -> Act:
    return lambda line, _shop, on: repayments.repay(line_id=line.pk, amount_fen=fen, reference="r", on=on)


def refunds(line: Line, _shop: Merchant, on: date) -> None:
    purchase = line.purchases.earliest("pk")
    repayments.refund(purchase_id=purchase.pk, amount_fen=700_00, reference="r", on=on)


def captures(line: Line, _shop: Merchant, on: date) -> None:
    held = line.purchases.get(state="authorised")
    purchases.capture(purchase_id=held.pk, amount_fen=held.amount_fen, on=on)


def pays_off(line: Line, _shop: Merchant, on: date) -> None:
    instalments.pay_off(plan_id=line.plans.earliest("pk").pk, reference="p", on=on)


def has_credit_paid_out(line: Line, _shop: Merchant, on: date) -> None:
    credit.pay_out_credit(line_id=line.pk, amount_fen=1_000_00, reference="c", by="customer", on=on)


def spreads(line: Line, _shop: Merchant, on: date) -> None:
    instalments.spread_statement(line_id=line.pk, amount_fen=300_00, periods=3, reference="s", on=on)


def moves(line: Line, _shop: Merchant, on: date) -> None:
    calendars.change_calendar(line_id=line.pk, statement_day=10, on=on)


def backdates(line: Line, _shop: Merchant, on: date) -> None:
    corrections.repay_from(
        line_id=line.pk, amount_fen=80_00, reference="l", on=on, value_on=on - timedelta(days=15)
    )


def lines_of(shop: Merchant, many: int, *, paid_fen: int, also: Act | None = None) -> list[Line]:
    """
    Lines with 1,000.00 billed on 1 July and 600.00 in instalments; `paid_fen` came on 2 July. 150.00 are on hold where they
    will be captured, and 900.00 more were bought where a statement will be spread.
    """
    lines = [a_line() for _ in range(many)]
    for line in lines:
        bought(line, shop, 1_000_00, date(2026, 6, 5))
        bought(line, shop, 600_00, date(2026, 6, 5), instalments=6)
    end_day(date(2026, 6, 30))
    for line in lines:
        if paid_fen:
            repayments.repay(line_id=line.pk, amount_fen=paid_fen, reference="before", on=date(2026, 7, 2))
        if also is captures:
            authorised(line, shop, 150_00, date(2026, 7, 25))
        if also is spreads:
            bought(line, shop, 900_00, date(2026, 7, 2))
    return lines


def everything_of(line: Line, on: date) -> dict[str, Any]:
    """All that is known of a line in the course of a day, but for when and in which order it was written."""
    line.refresh_from_db()
    return {
        "stands": selectors.line_position(line, on),
        "line": (line.status, line.frozen_cause, line.bucket, line.billable, line.statement_day),
        "statements": list(
            Statement.objects.filter(line=line)
            .order_by("issued_on")
            .values_list("issued_on", "total_fen", "minimum_fen")
        ),
        "dues": list(
            Due.objects.filter(line=line)
            .order_by("due_on")
            .values_list("due_on", "minimum_fen", "outstanding_fen")
        ),
        "running": {
            kind: (segment.principal_fen, selectors.owed_on(segment, on))
            for kind, segment in selectors.open_segments(line.pk).items()
        },
        "late": list(
            Arrears.objects.filter(line=line).order_by("since").values_list("since", "until", "overdue_fen")
        ),
        "category": list(Classification.objects.filter(line=line).values_list("category", "since", "until")),
        "frozen": list(Freeze.objects.filter(line=line).values_list("cause", "frozen_on", "thawed_on")),
        "replay": disagreements(line, on),
    }


# Steps that are done before something happens: before any turns, after interest, after the statements, and after them all.
AFTER = [1, 3, 5, len(huabei.closing.STEPS)]

# The day that is closed, what was paid before, and what happens on the morning after it.
# fmt: off
ACTS: list[tuple[date, int, Act]] = [
    (DUE_DAY, 0,        repays(50_00)),
    (DUE_DAY, 0,        repays(2_000_00)),
    (DUE_DAY, 0,        refunds),
    (EVE,     0,        repays(200_00)),
    (EVE,     0,        repays(1_500_00)),
    (EVE,     210_00,   repays(900_00)),
    (EVE,     210_00,   pays_off),
    (EVE,     210_00,   moves),
    (EVE,     0,        backdates),
    (EVE,     3_000_00, captures),
    (EVE,     3_000_00, has_credit_paid_out),
    (EVE,     1_115_00, spreads),
]
# fmt: on


@pytest.mark.parametrize(("closed_on", "paid_fen", "act"), ACTS)
def test_whatever_has_run_of_a_close_what_happens_meanwhile_finds_the_line_after_it(
    closed_on: date, paid_fen: int, act: Act
) -> None:
    """The same line once more, whose close is done before anything happens to it, ends as the one that did not wait."""
    shop, on = a_merchant(), closed_on + DAY
    last, *others = lines_of(shop, 1 + len(AFTER), paid_fen=paid_fen, also=act)
    for day in (d for d in (DUE_DAY, EVE) if d < closed_on):
        end_day(day)
    set_business_date(on=closed_on)
    waiting = dict(zip(AFTER, others, strict=True))
    for done, _step in enumerate(close_day(closed_on=closed_on), 1):
        if done in waiting:
            act(waiting[done], shop, on)
    act(last, shop, on)
    turning = (
        EVE,
        date(2026, 8, 9),
        date(2026, 8, 10),
        date(2026, 8, 19),
        date(2026, 8, 20),
        date(2026, 8, 31),
    )
    for day in (on, *(day + DAY for day in turning if day > on)):
        if day != on:
            end_day(day - DAY)
        expected = everything_of(last, day)
        assert expected["replay"] == []
        for done, other in waiting.items():
            assert everything_of(other, day) == expected, f"on {day}, after {done} steps"
    assert [found.check.name for found in verify(audit.CHECKS) if not found.holds] == []


def test_a_line_that_went_ahead_is_left_out_until_the_close_is_done() -> None:
    line, *_ = lines_of(a_merchant(), 1, paid_fen=0)
    set_business_date(on=DUE_DAY)
    steps = close_day(closed_on=DUE_DAY)
    next(steps)
    assert set(StepAhead.objects.values_list("step", flat=True)) == {step for step, _turn in TURNS}
    for reference in ("a", "b"):
        repayments.repay(line_id=line.pk, amount_fen=1_00, reference=reference, on=DUE_DAY + DAY)
    assert list(MadeUp.objects.values_list("line_id", "closed_on")) == [(line.pk, DUE_DAY)]
    list(steps)
    assert not StepAhead.objects.exists()
    assert disagreements(Line.objects.get(pk=line.pk), DUE_DAY + DAY) == []


def test_of_steps_in_which_no_line_turns_nothing_is_looked_for(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        mornings.step_done(closed_on=DUE_DAY, step="lines.book_income")


def test_who_pays_what_was_missed_before_the_close_tells_of_it_is_not_told() -> None:
    paying, late = lines_of(a_merchant(), 2, paid_fen=0)
    set_business_date(on=DUE_DAY)
    steps = close_day(closed_on=DUE_DAY)
    next(steps)
    repays(500_00)(paying, a_merchant(), DUE_DAY + DAY)
    list(steps)
    told = Notice.objects.filter(kind=Overdue.kind).values_list("customer_id", flat=True)
    assert list(told) == [late.customer_id]
    # It was late in the morning of the day, as it would have been, had the close come to it first.
    assert Arrears.objects.filter(line=paying, since=DUE_DAY + DAY).exists()


@pytest.mark.parametrize("statement", ["UPDATE huabei_madeup SET line_id = 0", "DELETE FROM huabei_madeup"])
def test_that_a_line_went_ahead_is_neither_changed_nor_forgotten(statement: str) -> None:
    MadeUp.objects.create(line=a_line(), closed_on=DUE_DAY)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        affected(statement, [])
    with pytest.raises(DatabaseError, match="refused"), transaction.atomic():
        affected(f"RESET ROLE; {statement}", [])


def test_outside_of_a_close_nothing_is_made_up() -> None:
    line, *_ = lines_of(a_merchant(), 1, paid_fen=0)
    repayments.repay(line_id=line.pk, amount_fen=1_00, reference="a", on=date(2026, 7, 2))
    mornings.live_through(line_ids=[line.pk], on=date(2026, 7, 2))
    assert not MadeUp.objects.exists()
