from datetime import date
from fractions import Fraction

import pytest

from finance.dates import MONTHLY, DateError, DueCalendar, Frequency, Unit
from finance.daycount import DayCount, year_fraction

D = date.fromisoformat


@pytest.mark.parametrize(
    ("day_count", "start", "end", "expected"),
    [
        ("actual/365", "2024-02-01", "2024-03-01", Fraction(29, 365)),
        ("actual/360", "2024-02-01", "2024-03-01", Fraction(29, 360)),
        ("actual/364", "2024-01-01", "2024-01-15", Fraction(1, 26)),
        # 19 days up to 31 December weigh 1/365 each, the 12 after it 1/366.
        ("actual/actual", "2023-12-12", "2024-01-12", Fraction(19, 365) + Fraction(12, 366)),
        ("actual/actual", "2023-12-12", "2023-12-31", Fraction(19, 365)),
        ("actual/actual", "2023-12-31", "2024-01-12", Fraction(12, 366)),
        ("actual/actual", "2024-01-12", "2024-02-12", Fraction(31, 366)),
        ("actual/actual", "2023-03-05", "2026-03-05", Fraction(3)),
        ("30/360", "2024-01-01", "2024-02-01", Fraction(30, 360)),
        ("30/360", "2024-01-31", "2024-02-29", Fraction(29, 360)),
        ("30/360", "2024-01-15", "2024-05-31", Fraction(135, 360)),
    ],
)
def test_parts_of_a_year(day_count: str, start: str, end: str, expected: Fraction) -> None:
    assert year_fraction(DayCount(day_count), D(start), D(end)) == expected


@pytest.mark.parametrize("lent", ["2023-01-28", "2023-01-29", "2023-01-30", "2023-01-31", "2024-01-31"])
def test_in_30_360_every_month_of_a_schedule_is_30_days(lent: str) -> None:
    calendar = DueCalendar.of(D(lent), MONTHLY)
    for n in range(14):
        start, end = calendar.due_on(n), calendar.due_on(n + 1)
        assert year_fraction(DayCount.THIRTY_360, start, end, calendar=calendar) == Fraction(1, 12)


def test_a_period_is_an_equal_part_of_a_year_and_days_inside_it_share_it() -> None:
    calendar = DueCalendar.of(D("2024-01-01"), MONTHLY)
    assert year_fraction(DayCount.PERIOD, D("2024-02-01"), D("2024-03-01"), calendar=calendar) == Fraction(
        1, 12
    )
    inside = year_fraction(DayCount.PERIOD, D("2024-02-01"), D("2024-02-15"), calendar=calendar)
    assert inside == Fraction(14, 29) / 12


def test_a_fortnight_is_a_26th_of_a_year() -> None:
    calendar = DueCalendar.of(D("2024-01-01"), Frequency(Unit.WEEKS, 2))
    assert year_fraction(DayCount.PERIOD, D("2024-01-01"), D("2024-01-15"), calendar=calendar) == Fraction(
        1, 26
    )


def test_periods_need_a_calendar() -> None:
    with pytest.raises(DateError):
        year_fraction(DayCount.PERIOD, D("2024-01-01"), D("2024-02-01"))


@pytest.mark.parametrize("day_count", list(DayCount))
def test_no_day_count_runs_backwards(day_count: DayCount) -> None:
    with pytest.raises(DateError):
        year_fraction(day_count, D("2024-02-01"), D("2024-01-01"))
