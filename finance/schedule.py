"""Repayment schedules: terms in, exactly one row per period out, the last row taking the remainder.

The five methods share one skeleton. A row's interest is `round(outstanding x factor of its period)`; the
methods differ in how much principal a row asks for:

- equal_instalment (等额本息): a level instalment less the row's interest;
- equal_principal (等额本金): a level share of the principal;
- interest_first (先息后本): nothing until the last row;
- one_off: nothing until the last row, and the interest too is due only there, rounded once;
- flat: a level instalment whose interest is an equal share of `principal x rate x whole term`.

Principal never falls due before the grace on principal ends; interest that falls in the grace on interest is
due with the first row after it, without compounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from math import lcm

from finance.dates import DateError, DueCalendar, Frequency
from finance.errors import DomainError
from finance.money import Rounding, exact, format_yuan, round_fen, round_to_multiple, split_evenly
from finance.rates import Rate

LONGEST_SCHEDULE = 1_200
"""Periods: a hundred years of months. More is a typing error, not a loan."""
REBALANCING_ROUNDS = 3


class ScheduleError(DomainError):
    """Terms that no schedule can follow. `field` is the name of the term."""

    code = "bad_terms"


class Method(StrEnum):
    EQUAL_INSTALMENT = "equal_instalment"
    EQUAL_PRINCIPAL = "equal_principal"
    INTEREST_FIRST = "interest_first"
    FLAT = "flat"
    ONE_OFF = "one_off"


class FeeKind(StrEnum):
    UPFRONT = "upfront"
    """Kept back from the disbursement."""
    PER_PERIOD = "per_period"
    """The whole rate again with every row."""
    TOTAL_SPREAD = "total_spread"
    """Once for the whole term, in equal shares over the rows."""


@dataclass(frozen=True, slots=True)
class Fee:
    """`rate` is a fraction of the principal lent, whatever is still outstanding."""

    kind: FeeKind
    rate: Decimal


class OddFirstPeriod(StrEnum):
    """Where the interest of a first period longer or shorter than the others goes."""

    LEVELLED = "levelled"
    """Into the level instalment, so that the first row is like the others."""
    ADDED_TO_FIRST = "added_to_first"
    """On top of the first row (broken period interest), the level being that of a regular first period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a schedule is made from. ScheduleError names the term that is out of range.

    `instalment_fen` gives the level instalment instead of computing it; it is then never re-balanced.
    `instalment_multiple_fen` rounds the level: the instalment, or the share of principal under
    equal_principal.
    """

    principal_fen: int
    rate: Rate
    method: Method
    periods: int
    frequency: Frequency
    disbursed_on: date
    first_due_on: date | None = None
    instalment_fen: int | None = None
    instalment_multiple_fen: int = 1
    principal_grace_periods: int = 0
    interest_grace_periods: int = 0
    fees: tuple[Fee, ...] = ()
    odd_first_period: OddFirstPeriod = OddFirstPeriod.LEVELLED
    rounding: Rounding = Rounding.HALF_EVEN

    def __post_init__(self) -> None:
        if self.principal_fen < 1:
            raise ScheduleError("the principal must be more than zero", field="principal")
        if not 1 <= self.periods <= LONGEST_SCHEDULE:
            raise ScheduleError(f"{self.periods} periods: give 1 to {LONGEST_SCHEDULE}", field="periods")
        if self.instalment_multiple_fen < 1:
            raise ScheduleError("the multiple must be more than zero", field="instalment_multiple_of")
        if self.instalment_fen is not None and self.method not in (Method.EQUAL_INSTALMENT, Method.FLAT):
            raise ScheduleError(f"{self.method} has no level instalment to give", field="instalment")
        for name, grace in (
            ("principal_periods", self.principal_grace_periods),
            ("interest_periods", self.interest_grace_periods),
        ):
            if not 0 <= grace < self.periods:
                message = f"a grace of {grace} must leave one of the {self.periods} periods to pay in"
                raise ScheduleError(message, field=f"grace.{name}")
        for position, fee in enumerate(self.fees):
            if not fee.rate.is_finite() or fee.rate < 0:
                message = f"a fee of {fee.rate} is not a fraction of the principal from zero up"
                raise ScheduleError(message, field=f"fees[{position}].rate")

    @property
    def calendar(self) -> DueCalendar:
        """The due dates, the first instalment being due date 1. DateError as `DueCalendar.for_loan`."""
        return DueCalendar.for_loan(self.disbursed_on, self.first_due_on, self.frequency)


@dataclass(frozen=True, slots=True)
class Row:
    """One instalment. `days` are actual days since the due date before; `outstanding_fen` is after this row."""

    n: int
    due_on: date
    days: int
    principal_fen: int
    interest_fen: int
    fee_fen: int
    outstanding_fen: int

    @property
    def due_fen(self) -> int:
        return self.principal_fen + self.interest_fen + self.fee_fen


@dataclass(frozen=True, slots=True)
class Schedule:
    """The rows, and the fees kept back from the disbursement, which no row holds."""

    principal_fen: int
    upfront_fee_fen: int
    rows: tuple[Row, ...]

    @property
    def net_disbursed_fen(self) -> int:
        return self.principal_fen - self.upfront_fee_fen

    @property
    def interest_fen(self) -> int:
        return sum(row.interest_fen for row in self.rows)

    @property
    def fee_fen(self) -> int:
        """All fees, those kept back from the disbursement included."""
        return self.upfront_fee_fen + sum(row.fee_fen for row in self.rows)

    @property
    def due_fen(self) -> int:
        """All the borrower pays: principal, interest and every fee."""
        return self.principal_fen + self.interest_fen + self.fee_fen


def build(terms: Terms) -> Schedule:
    """The schedule of these terms: `terms.periods` rows, whose principal adds up to the principal to the fen.

    No amount is negative and nothing is outstanding after the last row. A row whose interest alone exceeds
    the level instalment asks for its interest and no principal. ScheduleError and DateError name the term at
    fault.
    """
    calendar = terms.calendar
    dates = [terms.disbursed_on, *_due_dates(terms, calendar)]
    factors = [terms.rate.factor(start, end, calendar=calendar) for start, end in pairwise(dates)]
    if terms.method is Method.FLAT:
        principals, interests = _flat(terms, factors)
    else:
        principals = _principals(terms, factors, calendar)
        interests = _interests(terms, principals, factors)
    fees, upfront_fee_fen = _fees(terms)
    rows = []
    outstanding = terms.principal_fen
    for i in range(terms.periods):
        outstanding -= principals[i]
        days = (dates[i + 1] - dates[i]).days
        rows.append(Row(i + 1, dates[i + 1], days, principals[i], interests[i], fees[i], outstanding))
    return Schedule(terms.principal_fen, upfront_fee_fen, tuple(rows))


def periods_to_repay(principal_fen: int, instalment_fen: int, periodic_factor: Fraction) -> int:
    """How many instalments of a fixed amount repay the principal, the last being what is left.

    `periodic_factor` is the interest on one fen per period, the same each period. ScheduleError when the
    instalment never repays the loan, or not within LONGEST_SCHEDULE periods. Source: golden
    `frp-280000-fixed-14000`.
    """
    outstanding = principal_fen
    for n in range(1, LONGEST_SCHEDULE + 1):
        outstanding += round_fen(outstanding * periodic_factor)
        if outstanding <= instalment_fen:
            return n
        outstanding -= instalment_fen
        if outstanding >= principal_fen:
            break
    raise ScheduleError(
        f"instalments of {format_yuan(instalment_fen)} do not repay {format_yuan(principal_fen)}"
        f" within {LONGEST_SCHEDULE} periods",
        field="instalment",
    )


def level_instalment(
    principal_fen: int, factors: Sequence[Fraction], *, carried_fen: Fraction = Fraction(0)
) -> Fraction:
    """The exact instalment that repays the principal when row k bears interest at `factors[k]`.

    `(principal x (1 + f1) + carried) x product(1 + f) / F` over the rows after the first, where `F = 1` for the
    first row and then `1 + F x (1 + f)`. `carried_fen` is interest that the first row asks for besides its own. Whole
    numbers over one common denominator, so the result is exact however long the schedule. Source: golden
    `fin-emi-*`; `fin-ut-multiDisbursedAmt200InDifferentPeriod` for what is carried.
    """
    denominator = lcm(*(factor.denominator for factor in factors))
    growths = [denominator + factor.numerator * (denominator // factor.denominator) for factor in factors]
    product, annuity, scale = 1, 1, 1
    for growth in growths[1:]:
        product *= growth
        scale *= denominator
        annuity = scale + annuity * growth
    first = principal_fen * growths[0] + carried_fen * denominator
    return first * product / Fraction(annuity * denominator)


@dataclass(frozen=True, slots=True)
class Level:
    """A level instalment, the first row (from 0) that repays principal under it, and the principal of every row."""

    instalment_fen: int
    first: int
    principals: tuple[int, ...]


def cut_level(
    principal_fen: int,
    factors: Sequence[Fraction],
    *,
    carried_fen: Fraction = Fraction(0),
    first: int = 0,
    multiple_fen: int = 1,
    rounding: Rounding = Rounding.HALF_EVEN,
) -> Level:
    """The level of rows that bear interest at `factors`, re-balanced when the last row would stand out.

    Rows before `first`, and those whose interest alone exceeds the level, ask for interest only. The last row's
    difference from the level is spread over the rows when it exceeds half a fen per row (floor), and the new level
    is kept only if it leaves a smaller difference; at most three times. Source: golden `iterate`. ScheduleError
    when the multiple leaves nothing.
    """
    interests = _FirstRows(principal_fen, factors, carried_fen, rounding)
    level = interests.level_from(first)
    while level <= interests.exact(first):
        first += 1
        level = interests.level_from(first)
    _refuse_empty_level(multiple_fen, level, rounding)
    instalment = round_to_multiple(level, multiple_fen, rounding)
    principals, last = interests.repay(instalment, first)
    rows = len(factors) - first
    for _ in range(REBALANCING_ROUNDS):
        difference = last - instalment
        if rows == 1 or abs(difference) <= rows // 2:
            break
        shift = round_fen(Fraction(difference, rows), rounding)
        shifted = round_to_multiple(instalment + shift, multiple_fen, rounding)
        trial, trial_last = interests.repay(shifted, first)
        if abs(trial_last - shifted) >= abs(difference):
            break
        instalment, principals, last = shifted, trial, trial_last
    return Level(instalment, first, tuple(principals))


@dataclass(frozen=True, slots=True)
class _FirstRows:
    """Rows to put a level under: a principal, each row's factor, and interest carried into the first row."""

    principal_fen: int
    factors: Sequence[Fraction]
    carried_fen: Fraction
    rounding: Rounding

    def exact(self, row: int) -> Fraction:
        """Interest of a row while nothing of the principal is repaid."""
        return self.principal_fen * self.factors[row] + (0 if row else self.carried_fen)

    def level_from(self, first: int) -> Fraction:
        """The level that repays the principal from row `first` on."""
        carried = Fraction(0) if first else self.carried_fen
        return level_instalment(self.principal_fen, self.factors[first:], carried_fen=carried)

    def repay(self, instalment_fen: int, first: int) -> tuple[list[int], int]:
        """Principal per row when row `first` and those after it pay the instalment, and what the last row pays in
        all.
        """
        principals = []
        outstanding = self.principal_fen
        carried = self.carried_fen
        for i, factor in enumerate(self.factors[:-1]):
            interest = round_fen(outstanding * factor + carried, self.rounding)
            principals.append(min(max(0, instalment_fen - interest), outstanding) if i >= first else 0)
            outstanding -= principals[-1]
            carried = Fraction(0)
        last_interest = round_fen(outstanding * self.factors[-1] + carried, self.rounding)
        return [*principals, outstanding], outstanding + last_interest


def _due_dates(terms: Terms, calendar: DueCalendar) -> list[date]:
    try:
        return [calendar.due_on(n) for n in range(1, terms.periods + 1)]
    except DateError as error:
        raise DateError(f"the last due date does not exist: {error.message}", field="periods") from error


def _principals(terms: Terms, factors: Sequence[Fraction], calendar: DueCalendar) -> list[int]:
    match terms.method:
        case Method.EQUAL_PRINCIPAL:
            grace = terms.principal_grace_periods
            multiple, parts = terms.instalment_multiple_fen, terms.periods - grace
            _refuse_empty_level(multiple, Fraction(terms.principal_fen, parts), terms.rounding)
            shares = split_evenly(terms.principal_fen, parts, multiple_fen=multiple, mode=terms.rounding)
            return [0] * grace + shares
        case Method.EQUAL_INSTALMENT:
            return _equal_instalments(terms, factors, calendar)
        case _:
            return [0] * (terms.periods - 1) + [terms.principal_fen]


def _equal_instalments(terms: Terms, factors: Sequence[Fraction], calendar: DueCalendar) -> list[int]:
    """Principal per row under a level instalment, given or cut."""
    levels = list(factors)
    if terms.odd_first_period is OddFirstPeriod.ADDED_TO_FIRST:
        levels[0] = terms.rate.factor(calendar.due_on(0), calendar.due_on(1), calendar=calendar)
    first = terms.principal_grace_periods
    if terms.instalment_fen is None:
        level = cut_level(
            terms.principal_fen,
            levels,
            first=first,
            multiple_fen=terms.instalment_multiple_fen,
            rounding=terms.rounding,
        )
        return list(level.principals)
    if terms.periods - first > 1 and terms.instalment_fen <= terms.principal_fen * levels[first]:
        message = f"an instalment of {format_yuan(terms.instalment_fen)} does not cover the interest"
        raise ScheduleError(message, field="instalment")
    rows = _FirstRows(terms.principal_fen, levels, Fraction(0), terms.rounding)
    return rows.repay(terms.instalment_fen, first)[0]


def _interests(terms: Terms, principals: Sequence[int], factors: Sequence[Fraction]) -> list[int]:
    """Interest per row: each row's own, rounded; that of a grace rounded once, on the row that ends the
    grace.
    """
    grace = terms.periods - 1 if terms.method is Method.ONE_OFF else terms.interest_grace_periods
    interests = []
    outstanding = terms.principal_fen
    deferred = Fraction(0)
    for i, (principal, factor) in enumerate(zip(principals, factors, strict=True)):
        deferred += outstanding * factor
        if i < grace:
            interests.append(0)
        else:
            interests.append(round_fen(deferred, terms.rounding))
            deferred = Fraction(0)
        outstanding -= principal
    return interests


def _flat(terms: Terms, factors: Sequence[Fraction]) -> tuple[list[int], list[int]]:
    """Principal and interest per row when interest is on the first principal throughout."""
    total = terms.principal_fen * sum(factors, Fraction(0))
    interests = split_evenly(round_fen(total, terms.rounding), terms.periods, mode=terms.rounding)
    grace = terms.principal_grace_periods
    if terms.instalment_fen is None:
        level = Fraction(terms.principal_fen, terms.periods - grace) + total / terms.periods
        _refuse_empty_level(terms.instalment_multiple_fen, level, terms.rounding)
        instalment = round_to_multiple(level, terms.instalment_multiple_fen, terms.rounding)
    else:
        instalment = terms.instalment_fen
    principals = []
    left = terms.principal_fen
    for i in range(terms.periods - 1):
        principals.append(min(max(0, instalment - interests[i]), left) if i >= grace else 0)
        left -= principals[-1]
    waiting = terms.interest_grace_periods
    interests[: waiting + 1] = [0] * waiting + [sum(interests[: waiting + 1])]
    return [*principals, left], interests


def _fees(terms: Terms) -> tuple[list[int], int]:
    """Fee per row, and the fees kept back from the disbursement. Each fee rounds on its own."""
    rows = [0] * terms.periods
    upfront_fee_fen = 0
    for fee in terms.fees:
        amount_fen = round_fen(terms.principal_fen * exact(fee.rate), terms.rounding)
        match fee.kind:
            case FeeKind.UPFRONT:
                upfront_fee_fen += amount_fen
            case FeeKind.PER_PERIOD:
                rows = [row + amount_fen for row in rows]
            case FeeKind.TOTAL_SPREAD:
                shares = split_evenly(amount_fen, terms.periods, mode=terms.rounding)
                rows = [row + share for row, share in zip(rows, shares, strict=True)]
    return rows, upfront_fee_fen


def _refuse_empty_level(multiple_fen: int, level_fen: Fraction, rounding: Rounding) -> None:
    """A multiple so large that the level rounds to nothing would leave the whole loan to the last row."""
    if multiple_fen > 1 and round_to_multiple(level_fen, multiple_fen, rounding) == 0:
        level = format_yuan(round_fen(level_fen))
        message = (
            f"rounding an instalment of {level} to multiples of {format_yuan(multiple_fen)} leaves nothing"
        )
        raise ScheduleError(message, field="instalment_multiple_of")
