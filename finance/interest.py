"""Interest is a function of a segment and a date, not a chore done every night.

A segment says: from `since` on, this principal bears this rate, and `carried_fen` is what was owed when it
began. What is owed on any later date is `carried + principal x factor(since, date)`, exact until it is
posted. Posting books `round(owed so far) - already posted`, so however often and whenever it is posted, the
sum of the postings is the rounded whole: it never drifts by a fen. Days are half-open: the day of lending
counts, the day of repayment does not. Source: DESIGN, idea 3.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction

from finance.dates import DateError, DueCalendar
from finance.money import Rounding, exact, round_fen
from finance.rates import Rate


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of days with one principal and one rate.

    `carried_fen` is the exact interest accrued by earlier segments of the same debt, posted or not.
    `calendar` is needed only by rates counted in periods or in months of 30 days.
    """

    principal_fen: int
    rate: Rate
    since: date
    carried_fen: Fraction = field(default=Fraction(0))
    calendar: DueCalendar | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "carried_fen", exact(self.carried_fen))


def owed(segment: Segment, on: date) -> Fraction:
    """Exact interest in fen accrued up to `on`, its first day of life counted and `on` itself not.

    DateError when `on` is before the segment: ask the segment that was open then.
    """
    if on < segment.since:
        raise DateError(f"interest on {on} belongs to a segment before the one that starts {segment.since}")
    factor = segment.rate.factor(segment.since, on, calendar=segment.calendar)
    return segment.carried_fen + segment.principal_fen * factor


def to_post(segment: Segment, on: date, *, posted_fen: int, rounding: Rounding = Rounding.HALF_EVEN) -> int:
    """Fen to book on `on`: what is owed, rounded, less what was booked before.

    Negative when a backdated fact lowered what is owed; the difference is then to be booked back.
    """
    return round_fen(owed(segment, on), rounding) - posted_fen


def close(
    segment: Segment, on: date, *, principal_fen: int | None = None, rate: Rate | None = None
) -> Segment:
    """The segment that follows a change of principal or rate on `on`. It carries the exact interest owed so
    far.

    The change counts from `on`: that day already bears interest on the new principal.
    """
    return replace(
        segment,
        since=on,
        carried_fen=owed(segment, on),
        principal_fen=segment.principal_fen if principal_fen is None else principal_fen,
        rate=segment.rate if rate is None else rate,
    )


def owed_over(opened: Segment, principals: Iterable[tuple[date, int]], on: date) -> Fraction:
    """Exact interest up to `on` when the principal changes to the given amounts on the given dates.

    `principals` in order of date; changes on or after `on` do not matter. This is the replay that any past
    day can be recomputed with.
    """
    segment = opened
    for changed_on, principal_fen in principals:
        if changed_on >= on:
            break
        segment = close(segment, changed_on, principal_fen=principal_fen)
    return owed(segment, on)


def same_day_interest(repaid_fen: int, rate: Rate, *, lent_on: date, repaid_on: date) -> Fraction:
    """The one day of interest that principal repaid on the very day it was lent still costs, else nothing.

    Interest counts the loan day, not the repayment day; repaid the same day counts one day. Source: DOMAIN 3.
    """
    if repaid_on != lent_on:
        return Fraction(0)
    return repaid_fen * rate.factor(lent_on, lent_on + timedelta(days=1))
