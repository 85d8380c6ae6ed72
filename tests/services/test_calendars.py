"""Moving the statement day: when it may be, and from when it counts."""

from __future__ import annotations

from datetime import date

import pytest

from huabei.errors import LineNotActive
from huabei.facts import disagreements
from huabei.models import CalendarChange, Line, Segment, Statement
from huabei.services.calendars import CalendarChangeRefused, change_calendar
from huabei.services.lines import CalendarRefused, Opening, open_line
from huabei.services.repayments import repay
from tests.line_world import a_customer, a_line, a_merchant, bought, end_day, end_days

pytestmark = pytest.mark.django_db


def statements(line: Line) -> list[tuple[date, date]]:
    return list(Statement.objects.filter(line=line).order_by("issued_on").values_list("issued_on", "due_on"))


def test_the_next_statement_is_on_the_new_day_and_the_issued_one_keeps_its_due_date() -> None:
    line, shop = a_line(), a_merchant()
    bought(line, shop, 100_00, date(2026, 6, 5))
    end_days(date(2026, 6, 30), date(2026, 7, 2))
    change_calendar(line_id=line.pk, statement_day=15, on=date(2026, 7, 3))
    end_days(date(2026, 7, 3), date(2026, 8, 14))
    assert statements(line) == [
        (date(2026, 7, 1), date(2026, 7, 10)),
        (date(2026, 7, 15), date(2026, 7, 25)),
        (date(2026, 8, 15), date(2026, 8, 25)),
    ]


def test_a_change_on_the_new_statement_day_itself_counts_from_the_next() -> None:
    line, shop = a_line(), a_merchant()
    bought(line, shop, 100_00, date(2026, 6, 1))
    change_calendar(line_id=line.pk, statement_day=5, on=date(2026, 6, 5))
    end_days(date(2026, 6, 5), date(2026, 7, 5))
    assert [issued_on for issued_on, _due_on in statements(line)] == [date(2026, 7, 5)]


def test_two_statements_due_on_one_day_begin_one_penalty() -> None:
    """A line of another calendar, 25 → 10, moves to 1 → 10 on a statement day: both statements are due on the 10th."""
    opening = Opening(a_customer().pk, 8_000_00, statement_day=25, due_day=10)
    line = Line.objects.get(pk=open_line(opening=opening, on=date(2026, 6, 1)))
    shop = a_merchant()
    bought(line, shop, 100_00, date(2026, 6, 20))
    end_days(date(2026, 6, 20), date(2026, 6, 24))
    change_calendar(line_id=line.pk, statement_day=1, on=date(2026, 6, 25))
    bought(line, shop, 50_00, date(2026, 6, 26))
    end_days(date(2026, 6, 25), date(2026, 7, 10))
    assert statements(line) == [
        (date(2026, 6, 25), date(2026, 7, 10)),
        (date(2026, 7, 1), date(2026, 7, 10)),
    ]
    segments = Segment.objects.filter(line=line, until__isnull=True)
    assert [(each.kind, each.principal_fen, each.since) for each in segments] == [
        ("penalty", 150_00, date(2026, 7, 11))
    ]


def test_what_a_later_statement_asks_for_in_time_bears_no_interest() -> None:
    """Moved from 10 → 20 to 15 → 25: the first is paid by its due date, when the second is issued and has five more days."""
    line, shop = a_line(statement_day=10), a_merchant()
    bought(line, shop, 300_00, date(2026, 6, 1))
    end_days(date(2026, 6, 9), date(2026, 6, 10))
    change_calendar(line_id=line.pk, statement_day=15, on=date(2026, 6, 11))
    bought(line, shop, 100_00, date(2026, 6, 12))
    end_days(date(2026, 6, 14), date(2026, 6, 15))
    repay(line_id=line.pk, amount_fen=300_00, reference="first", on=date(2026, 6, 16))
    end_day(date(2026, 6, 20))
    assert statements(line) == [
        (date(2026, 6, 10), date(2026, 6, 20)),
        (date(2026, 6, 15), date(2026, 6, 25)),
    ]
    assert not Segment.objects.filter(line=line).exists()
    assert disagreements(Line.objects.get(pk=line.pk), date(2026, 6, 21)) == []
    repay(line_id=line.pk, amount_fen=10_00, reference="minimum", on=date(2026, 6, 22))
    end_day(date(2026, 6, 25))
    segments = Segment.objects.filter(line=line, until__isnull=True)
    assert [(each.kind, each.principal_fen, each.since) for each in segments] == [
        ("revolving", 90_00, date(2026, 6, 26))
    ]


def test_not_while_something_is_overdue() -> None:
    line, shop = a_line(), a_merchant()
    bought(line, shop, 100_00, date(2026, 6, 5))
    end_days(date(2026, 6, 30), date(2026, 7, 10))
    with pytest.raises(CalendarChangeRefused, match="overdue"):
        change_calendar(line_id=line.pk, statement_day=5, on=date(2026, 7, 11))


@pytest.mark.parametrize(
    ("on", "refused"), [(date(2027, 6, 4), True), (date(2027, 6, 5), False), (date(2026, 6, 5), True)]
)
def test_once_in_twelve_months(on: date, refused: bool) -> None:
    line = a_line()
    change_calendar(line_id=line.pk, statement_day=5, on=date(2026, 6, 5))
    if refused:
        with pytest.raises(CalendarChangeRefused, match="the next change is possible on 2027-06-05"):
            change_calendar(line_id=line.pk, statement_day=10, on=on)
    else:
        change_calendar(line_id=line.pk, statement_day=10, on=on)
    line.refresh_from_db()
    assert line.statement_day == (5 if refused else 10)


def test_the_day_it_has_changes_nothing_and_other_days_are_refused() -> None:
    line = a_line()
    assert change_calendar(line_id=line.pk, statement_day=1, on=date(2026, 6, 5)) is None
    with pytest.raises(CalendarRefused, match="must be one of 1, 5, 10, 15"):
        change_calendar(line_id=line.pk, statement_day=2, on=date(2026, 6, 5))
    Line.objects.filter(pk=line.pk).update(status="closed")
    with pytest.raises(LineNotActive):
        change_calendar(line_id=line.pk, statement_day=5, on=date(2026, 6, 5))
    assert not CalendarChange.objects.exists()
