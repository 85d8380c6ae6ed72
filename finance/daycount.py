"""Day counts: what part of a year lies between two dates, as an exact Fraction.

Every convention here is additive: the fraction of `[a, c)` is that of `[a, b)` plus that of `[b, c)`, so
interest does not depend on where a stretch of days is cut.
"""

from calendar import isleap
from datetime import date
from enum import StrEnum
from fractions import Fraction

from finance.dates import DateError, DueCalendar, days_in_month


class DayCount(StrEnum):
    """The conventions, under the names the quote request uses."""

    ACTUAL_ACTUAL = "actual/actual"
    """Actual days over the length of the year, split at 31 December: the days up to it over that year's
    length, the rest over the next year's. From 12 December to 12 January are 19 and 12 days."""
    ACTUAL_365 = "actual/365"
    ACTUAL_360 = "actual/360"
    ACTUAL_364 = "actual/364"
    """52 whole weeks a year."""
    THIRTY_360 = "30/360"
    """Every month 30 days: 360 y + 30 m + min(d, 30), where a due date that a short month cut off counts as
    its anchor day, so that each whole month of a schedule is 30 days."""
    PERIOD = "period"
    """Each period of the loan's calendar is an equal part of a year; inside a period, actual days over its
    length."""


def year_fraction(
    day_count: DayCount, start: date, end: date, *, calendar: DueCalendar | None = None
) -> Fraction:
    """The part of a year in `[start, end)`.

    `calendar` is the loan's due dates: PERIOD cannot be counted without it, THIRTY_360 takes the anchor day
    from it. DateError when the range runs backwards. Sources: golden `schedule` and `rate_factor` cases
    (actual/actual split at 31 December, 30/360 with actual days inside a period); ISDA 2006 4.16 for 30E/360.
    """
    if end < start:
        raise DateError(f"the range from {start} to {end} runs backwards")
    days = (end - start).days
    match day_count:
        case DayCount.ACTUAL_365:
            return Fraction(days, 365)
        case DayCount.ACTUAL_360:
            return Fraction(days, 360)
        case DayCount.ACTUAL_364:
            return Fraction(days, 364)
        case DayCount.ACTUAL_ACTUAL:
            return _actual_years(end) - _actual_years(start)
        case DayCount.THIRTY_360:
            anchor_day = calendar.anchor_day if calendar else None
            return Fraction(_day_number_360(end, anchor_day) - _day_number_360(start, anchor_day), 360)
        case DayCount.PERIOD:
            if calendar is None:
                raise DateError("the day count 'period' needs the loan's calendar of due dates")
            periods = calendar.position(end) - calendar.position(start)
            return periods / calendar.frequency.periods_per_year


def _actual_years(day: date) -> Fraction:
    """Years up to the end of `day`, so that a range splits at the end of 31 December."""
    return day.year + Fraction(day.timetuple().tm_yday, 366 if isleap(day.year) else 365)


def _day_number_360(day: date, anchor_day: int | None) -> int:
    of_month = day.day
    if anchor_day is not None and of_month < anchor_day and of_month == days_in_month(day.year, day.month):
        of_month = anchor_day
    return 360 * day.year + 30 * day.month + min(of_month, 30)
