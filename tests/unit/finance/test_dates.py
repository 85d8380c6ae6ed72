from datetime import date, timedelta
from fractions import Fraction

import pytest

from finance.dates import MONTHLY, DateError, DateRange, DueCalendar, Frequency, Unit, add_months, next_on_day

D = date.fromisoformat


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-12-12", 1, "2024-01-12"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-03-31", -1, "2024-02-29"),
        ("2024-01-15", -13, "2022-12-15"),
        ("2024-05-31", 0, "2024-05-31"),
    ],
)
def test_months_end_on_the_same_day_or_the_last_one(day: str, months: int, expected: str) -> None:
    assert add_months(D(day), months) == D(expected)


def test_the_anchor_day_brings_a_short_month_back() -> None:
    assert add_months(D("2023-02-28"), 1, anchor_day=31) == D("2023-03-31")


@pytest.mark.parametrize(
    ("after", "day", "expected"),
    [
        ("2026-07-05", 6, "2026-07-06"),
        ("2026-07-06", 6, "2026-08-06"),
        ("2026-12-31", 1, "2027-01-01"),
        ("2026-01-31", 31, "2026-02-28"),
        ("2026-02-28", 31, "2026-03-31"),
    ],
)
def test_the_next_date_on_a_day_of_the_month(after: str, day: int, expected: str) -> None:
    assert next_on_day(day, after=D(after)) == D(expected)


@pytest.mark.parametrize(("day", "months"), [("9999-12-01", 1), ("0001-01-01", -1)])
def test_months_beyond_the_calendar_are_refused(day: str, months: int) -> None:
    with pytest.raises(DateError):
        add_months(D(day), months)


@pytest.mark.parametrize(
    ("lent", "first", "frequency", "dues"),
    [
        ("2023-12-31", None, MONTHLY, ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]),
        ("2023-01-30", None, MONTHLY, ["2023-02-28", "2023-03-30", "2023-04-30"]),
        (
            "2024-02-29",
            None,
            Frequency(Unit.MONTHS, 12),
            ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"],
        ),
        ("2023-11-03", "2023-12-05", MONTHLY, ["2023-12-05", "2024-01-05"]),
        ("2023-01-31", "2023-02-28", MONTHLY, ["2023-02-28", "2023-03-31", "2023-04-30"]),
        ("2023-01-15", "2023-02-28", MONTHLY, ["2023-02-28", "2023-03-28"]),
        ("2024-01-01", None, Frequency(Unit.WEEKS, 2), ["2024-01-15", "2024-01-29", "2024-02-12"]),
        ("2024-02-20", None, Frequency(Unit.DAYS, 15), ["2024-03-06", "2024-03-21"]),
        ("2024-01-01", "2024-01-05", Frequency(Unit.WEEKS, 1), ["2024-01-05", "2024-01-12"]),
    ],
)
def test_due_dates(lent: str, first: str | None, frequency: Frequency, dues: list[str]) -> None:
    calendar = DueCalendar.for_loan(D(lent), D(first) if first else None, frequency)
    assert [calendar.due_on(n + 1) for n in range(len(dues))] == [D(due) for due in dues]


@pytest.mark.parametrize("first", ["2023-12-12", "2023-12-11"])
def test_the_first_due_date_is_after_the_disbursement(first: str) -> None:
    with pytest.raises(DateError) as refused:
        DueCalendar.for_loan(D("2023-12-12"), D(first), MONTHLY)
    assert refused.value.field == "first_due_on"


@pytest.mark.parametrize("frequency", [MONTHLY, Frequency(Unit.WEEKS, 52), Frequency(Unit.DAYS, 365)])
def test_due_dates_beyond_the_calendar_are_refused(frequency: Frequency) -> None:
    with pytest.raises(DateError):
        DueCalendar.of(D("2024-01-01"), frequency).due_on(10**6)


@pytest.mark.parametrize(
    ("frequency", "per_year"),
    [
        (MONTHLY, Fraction(12)),
        (Frequency(Unit.MONTHS, 5), Fraction(12, 5)),
        (Frequency(Unit.WEEKS, 2), Fraction(26)),
        (Frequency(Unit.DAYS, 15), Fraction(73, 3)),
    ],
)
def test_periods_per_year(frequency: Frequency, per_year: Fraction) -> None:
    assert frequency.periods_per_year == per_year


def test_a_frequency_is_at_least_one() -> None:
    with pytest.raises(DateError):
        Frequency(Unit.DAYS, 0)


@pytest.mark.parametrize(
    ("day", "position"),
    [
        ("2024-01-31", Fraction(0)),
        ("2024-02-29", Fraction(1)),
        ("2024-02-15", Fraction(15, 29)),
        ("2024-03-30", 1 + Fraction(30, 31)),
        ("2024-01-30", -Fraction(1, 31)),
        ("2023-12-31", Fraction(-1)),
    ],
)
def test_a_day_has_a_position_in_the_calendar(day: str, position: Fraction) -> None:
    assert DueCalendar.of(D("2024-01-31"), MONTHLY).position(D(day)) == position


def test_a_range_holds_its_first_day_and_not_its_last() -> None:
    june = DateRange(D("2024-06-05"), D("2024-06-08"))
    assert june.days == 3
    assert D("2024-06-05") in june
    assert D("2024-06-08") not in june
    assert list(june) == [D("2024-06-05"), D("2024-06-06"), D("2024-06-07")]


def test_ranges_overlap_on_shared_days_only() -> None:
    june = DateRange(D("2024-06-01"), D("2024-07-01"))
    assert june.overlap(DateRange(D("2024-07-01"), D("2024-08-01"))) is None
    late_june = DateRange(D("2024-06-20"), D("2024-07-01"))
    assert june.overlap(DateRange(D("2024-06-20"), D("2024-07-20"))) == late_june
    assert june.split_at(D("2024-06-20"))[1] == late_june


def test_a_range_never_runs_backwards() -> None:
    day = D("2024-06-05")
    with pytest.raises(DateError):
        DateRange(day, day - timedelta(days=1))
    with pytest.raises(DateError):
        DateRange(day, day).split_at(day + timedelta(days=1))
