"""Half-open ranges of days, month arithmetic that remembers its anchor day, and calendars of due dates.

A range `[start, end)` holds its first day and not its last: `[5 June, 8 June)` is three days. Interest for a
range is interest for its days, so the day money is lent counts and the day it comes back does not.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, timedelta
from enum import StrEnum
from fractions import Fraction

from finance.errors import DomainError


class DateError(DomainError):
    """A date, range or calendar that does not exist."""

    code = "bad_date"


@dataclass(frozen=True, slots=True)
class DateRange:
    """The days from `start` up to, not including, `end`. May be empty, never backwards."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise DateError(f"the range from {self.start} to {self.end} runs backwards")

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def __iter__(self) -> Iterator[date]:
        return (self.start + timedelta(days=n) for n in range(self.days))

    def overlap(self, other: "DateRange") -> "DateRange | None":
        """The days both ranges hold, or None when they share none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return DateRange(start, end) if start < end else None

    def split_at(self, day: date) -> "tuple[DateRange, DateRange]":
        """The days before `day` and the days from it on. `day` must lie within the range or on its end."""
        return DateRange(self.start, day), DateRange(day, self.end)


def days_in_month(year: int, month: int) -> int:
    return monthrange(year, month)[1]


def add_months(day: date, months: int, *, anchor_day: int | None = None) -> date:
    """The same day of the month `months` later (or earlier), or the month's last day where there is no such
    day.

    `anchor_day` (1-31) is the day the calendar aims for; by default the day of `day`. A chain that steps from
    28 February must pass 31 to come back to 31 March. DateError beyond the years 1-9999.
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    if not MINYEAR <= year <= MAXYEAR:
        raise DateError(f"{months} months from {day} lies outside the years 1 to 9999")
    return date(year, month + 1, min(anchor_day or day.day, days_in_month(year, month + 1)))


def next_on_day(day_of_month: int, *, after: date) -> date:
    """The first date later than `after` on this day of the month, or on the month's last day where there is none."""
    here = after.replace(day=min(day_of_month, days_in_month(after.year, after.month)))
    return here if here > after else add_months(here, 1, anchor_day=day_of_month)


class Unit(StrEnum):
    MONTHS = "months"
    WEEKS = "weeks"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class Frequency:
    """A due date every so many months, weeks or days."""

    unit: Unit
    every: int

    def __post_init__(self) -> None:
        if self.every < 1:
            message = f"every {self.every} {self.unit} is no frequency: give 1 or more"
            raise DateError(message, field="frequency")

    @property
    def periods_per_year(self) -> Fraction:
        """12, 52 or 365 over the length of the period: monthly 12, fortnightly 26, every 15 days 73/3."""
        year = {Unit.MONTHS: 12, Unit.WEEKS: 52, Unit.DAYS: 365}[self.unit]
        return Fraction(year, self.every)


MONTHLY = Frequency(Unit.MONTHS, 1)


@dataclass(frozen=True, slots=True)
class DueCalendar:
    """Due dates 0, 1, 2, ... from `origin` on, and backwards from it as -1, -2, ...

    Every date is computed from the origin, never from its neighbour, so month ends do not creep: a calendar
    anchored on the 31st runs 31 January, 28 February, 31 March. `anchor_day` is the day of the month it aims
    for and may be later than the origin's own day when the origin lies in a short month.
    """

    origin: date
    frequency: Frequency
    anchor_day: int

    @classmethod
    def of(cls, origin: date, frequency: Frequency, *, anchor_day: int | None = None) -> "DueCalendar":
        return cls(origin, frequency, anchor_day or origin.day)

    @classmethod
    def for_loan(cls, disbursed_on: date, first_due_on: date | None, frequency: Frequency) -> "DueCalendar":
        """The calendar of a loan, in which due date 1 is the first instalment.

        Without a given first due date it starts on the disbursement. A given one sets the anchor day, unless
        it is the very date the disbursement's own calendar has: 28 February given for a loan of 31 January
        keeps the 31st. DateError when the given date is not after the disbursement.
        """
        natural = cls.of(disbursed_on, frequency)
        if first_due_on is None or first_due_on == natural.due_on(1):
            return natural
        if first_due_on <= disbursed_on:
            raise DateError(
                f"the first due date {first_due_on} must be after the disbursement on {disbursed_on}",
                field="first_due_on",
            )
        return cls.of(first_due_on, frequency).shifted(-1)

    def shifted(self, periods: int) -> "DueCalendar":
        """The same calendar with its count started `periods` later."""
        return DueCalendar(self.due_on(periods), self.frequency, self.anchor_day)

    def due_on(self, n: int) -> date:
        """Due date `n`. DateError beyond the years 1-9999."""
        every = n * self.frequency.every
        if self.frequency.unit is Unit.MONTHS:
            return add_months(self.origin, every, anchor_day=self.anchor_day)
        try:
            return self.origin + timedelta(days=every * (7 if self.frequency.unit is Unit.WEEKS else 1))
        except OverflowError as error:
            raise DateError(f"due date {n} lies outside the years 1 to 9999") from error

    def position(self, day: date) -> Fraction:
        """Where `day` stands in this calendar: due date n is n, a day between two of them a fraction by
        actual days.

        10 days into the 31 days after due date 2 is 2 + 10/31. Differences of positions are additive.
        """
        n = self._estimate(day)
        while self.due_on(n) > day:
            n -= 1
        while self.due_on(n + 1) <= day:
            n += 1
        start = self.due_on(n)
        return n + Fraction((day - start).days, (self.due_on(n + 1) - start).days)

    def _estimate(self, day: date) -> int:
        if self.frequency.unit is Unit.MONTHS:
            months = (day.year - self.origin.year) * 12 + day.month - self.origin.month
            return months // self.frequency.every
        length = self.frequency.every * (7 if self.frequency.unit is Unit.WEEKS else 1)
        return (day - self.origin).days // length
