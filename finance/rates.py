"""Rates with their unit in the type, so that a daily rate cannot be used where an annual one is meant."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from finance.dates import DateError, DueCalendar
from finance.daycount import DayCount, year_fraction
from finance.errors import DomainError

DAYS_PER_YEAR = 365
"""For stating a daily rate as a simple annual one: 0.06 % a day is 21.90 % a year."""


class RateError(DomainError):
    """A number that is not an interest rate."""

    code = "bad_rate"


def _checked(rate: Decimal) -> None:
    if not isinstance(rate, Decimal):
        raise TypeError(f"a rate is a Decimal, made from a string, not {type(rate).__name__}")
    if not rate.is_finite() or rate < 0:
        raise RateError(f"{rate} is not a rate: give zero or a positive fraction such as 0.12")


@dataclass(frozen=True, slots=True)
class DailyRate:
    """A fraction of the principal per calendar day: `DailyRate(Decimal("0.0005"))` is 0.05 % a day."""

    per_day: Decimal

    def __post_init__(self) -> None:
        _checked(self.per_day)

    def factor(self, start: date, end: date, *, calendar: DueCalendar | None = None) -> Fraction:
        """Interest on one fen over `[start, end)`. DateError when the range runs backwards."""
        if end < start:
            raise DateError(f"the range from {start} to {end} runs backwards")
        return Fraction(self.per_day) * (end - start).days

    @property
    def simple_annual(self) -> Decimal:
        """Times 365, without compounding."""
        return self.per_day * DAYS_PER_YEAR


@dataclass(frozen=True, slots=True)
class AnnualRate:
    """A fraction of the principal per year and the way a year is counted."""

    per_year: Decimal
    day_count: DayCount

    def __post_init__(self) -> None:
        _checked(self.per_year)

    def factor(self, start: date, end: date, *, calendar: DueCalendar | None = None) -> Fraction:
        """Interest on one fen over `[start, end)`. `calendar` as for `year_fraction`."""
        return Fraction(self.per_year) * year_fraction(self.day_count, start, end, calendar=calendar)


Rate = DailyRate | AnnualRate
