"""The annual rate of a credit: the rate at which what the borrower pays is worth what the borrower got.

Cash flows are the lender's, in fen: negative when money goes out to the borrower, positive when it comes
back. The rate is given both ways: simple (periodic rate x periods in a year) and effective (compounded over a
year).

Arithmetic is Decimal with 50 digits. The root is bracketed and then halved or better at every step, so it is
always found where it exists; where none or more than one may exist, NoAnnualRateError says why.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction
from itertools import accumulate, pairwise

from finance.errors import DomainError

DAYS_PER_YEAR = 365
PLACES = 30
"""Decimal places to which the logarithm of the discount factor is found."""


class NoAnnualRateError(DomainError):
    """The cash flows have no rate, or more than one."""

    code = "no_annual_rate"


@dataclass(frozen=True, slots=True)
class AnnualRates:
    """One rate in its three forms, as fractions: per period, times the periods of a year, and compounded."""

    periodic: Decimal
    simple: Decimal
    effective: Decimal


def periodic_rate(flows: Iterable[tuple[int | Fraction, int]]) -> Decimal:
    """The internal rate of return per period of `(time in periods, fen)`.

    Times need be neither whole nor in order. NoAnnualRateError when money flows only one way, or when it
    changes direction so often that several rates may fit (Descartes' rule of signs, then Norstrøm's on the
    running sum).
    """
    times, amounts = _merged(flows)
    _refuse_ambiguous(amounts)
    with _precise():
        logarithm = _log_discount(times, amounts)
        return (-logarithm).exp() - 1


def annual_rates(periodic: Decimal, periods_per_year: int | Fraction) -> AnnualRates:
    """A periodic rate stated for a year: 0.06 % a day is 21.90 % simple and 24.47 % effective."""
    with _precise():
        per_year = _decimal(Fraction(periods_per_year))
        return AnnualRates(periodic, periodic * per_year, (1 + periodic) ** per_year - 1)


def annual_rates_of(
    flows: Iterable[tuple[int | Fraction, int]], periods_per_year: int | Fraction
) -> AnnualRates:
    """Both annual rates of cash flows on a regular calendar. Errors as `periodic_rate`."""
    return annual_rates(periodic_rate(flows), periods_per_year)


def annual_rates_on_dates(flows: Iterable[tuple[date, int]]) -> AnnualRates:
    """Both annual rates of dated cash flows: the rate per day, x 365, and compounded over 365 days.

    The effective one is what spreadsheets call XIRR and the EU directive the annual percentage rate of
    charge.
    """
    dated = list(flows)
    start = min((day for day, _ in dated), default=date.min)
    return annual_rates_of([((day - start).days, amount) for day, amount in dated], DAYS_PER_YEAR)


def eu_annual_percentage_rate(flows: Iterable[tuple[date, int]]) -> Decimal:
    """The EU annual percentage rate of charge in per cent, to one place, a following 5 rounding up.

    Source: Directive 2008/48/EC, Annex I, remark (d).
    """
    return (annual_rates_on_dates(flows).effective * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)


def regulation_z_rate(
    amount_financed_fen: int,
    payments_fen: Sequence[int],
    *,
    first_after_periods: int,
    odd_fraction: Fraction,
    periods_per_year: int,
) -> Decimal:
    """The annual percentage rate of US Regulation Z, actuarial method, as a fraction.

    One advance, then payments one unit period apart, the first after `first_after_periods` whole unit periods
    and `odd_fraction` of one. Solves `A = sum P / ((1 + f i)(1 + i)^t)`; the odd fraction bears simple
    interest, which is where it differs from `periodic_rate`. Source: 12 CFR 1026, Appendix J (b)(8).
    """
    if not 0 < amount_financed_fen <= sum(payments_fen) or min(payments_fen) < 0:
        raise NoAnnualRateError("the payments do not return a positive amount financed")
    with _precise():
        odd = _decimal(odd_fraction)

        def shortfall(rate: Decimal) -> Decimal:
            discount = 1 / (1 + rate)
            worth = Decimal(0)
            for payment in reversed(payments_fen):
                worth = worth * discount + payment
            return amount_financed_fen - worth * discount**first_after_periods / (1 + odd * rate)

        if shortfall(Decimal(0)) == 0:
            return Decimal(0)
        high = Decimal("0.01")
        while shortfall(high) < 0:
            high *= 2
        return _root(shortfall, Decimal(0), high) * periods_per_year


@dataclass(frozen=True, slots=True)
class EffectiveInterest:
    """One payment's share of income under the effective rate: exact fen, to be rounded by whoever books it."""

    income_fen: Decimal
    outstanding_fen: Decimal
    discount_factor: Decimal


def effective_interest(net_disbursed_fen: int, payments_fen: Sequence[int]) -> list[EffectiveInterest]:
    """How the fee or discount in a credit becomes income: payments one period apart, the first after one
    period.

    Each period earns the effective rate on what is outstanding. Book it like any interest, as the rounded sum
    so far less what was booked. Source: IFRS 9, effective interest method; golden `fin-wc-eir-450-50`.
    """
    rate = periodic_rate([(0, -net_disbursed_fen), *enumerate(payments_fen, start=1)])
    rows = []
    with _precise():
        outstanding, factor = Decimal(net_disbursed_fen), Decimal(1)
        for payment in payments_fen:
            income = outstanding * rate
            outstanding += income - payment
            factor /= 1 + rate
            rows.append(EffectiveInterest(income, outstanding, factor))
    return rows


def present_value(flows: Iterable[tuple[int | Fraction, int]], rate: Decimal) -> Decimal:
    """The worth at time 0 of `(time in periods, fen)` at a periodic rate above -1."""
    with _precise():
        discount = 1 / (1 + rate)
        return sum((amount * discount ** _decimal(Fraction(time)) for time, amount in flows), Decimal(0))


def _merged(flows: Iterable[tuple[int | Fraction, int]]) -> tuple[list[Fraction], list[int]]:
    """Times in order from 0 on and the sums that flow at them, without the times at which nothing flows."""
    sums: dict[Fraction, int] = {}
    for time, amount in flows:
        sums[Fraction(time)] = sums.get(Fraction(time), 0) + amount
    moments = sorted(time for time, amount in sums.items() if amount)
    return [time - moments[0] for time in moments], [sums[time] for time in moments]


def _refuse_ambiguous(amounts: Sequence[int]) -> None:
    if _sign_changes(amounts) == 0:
        raise NoAnnualRateError("no annual rate exists: money flows only one way")
    if _sign_changes(amounts) == 1:
        return
    so_far = list(accumulate(amounts))
    if _sign_changes(so_far) != 1 or so_far[-1] == 0:
        raise NoAnnualRateError("no single annual rate exists: money changes direction too often")


def _sign_changes(amounts: Iterable[int]) -> int:
    signs = [amount > 0 for amount in amounts if amount]
    return sum(before is not after for before, after in pairwise(signs))


def _log_discount(times: Sequence[Fraction], amounts: Sequence[int]) -> Decimal:
    """The x at which `sum amount x e^(x time)` is zero. One exists: the caller checked the signs.

    The flows start out against the direction in which they end, so the sum has the sign of the first flow far
    to the left and that of the total at 0.
    """
    gaps = [_decimal(later - earlier) for earlier, later in pairwise(times)]
    direction = -1 if amounts[0] > 0 else 1

    def worth(logarithm: Decimal) -> Decimal:
        factors = {gap: (logarithm * gap).exp() for gap in set(gaps)}
        value = Decimal(amounts[-1])
        for amount, gap in zip(reversed(amounts[:-1]), reversed(gaps), strict=True):
            value = value * factors[gap] + amount
        return direction * value

    total = direction * sum(amounts)
    if total == 0:
        return Decimal(0)
    step = Decimal(-1 if total > 0 else 1) / 1000
    while (worth(step) > 0) is (total > 0):
        step *= 2
    return _root(worth, min(step, Decimal(0)), max(step, Decimal(0)))


def _root(function: Callable[[Decimal], Decimal], low: Decimal, high: Decimal) -> Decimal:
    """Where a function that is negative at `low` and positive at `high` crosses zero.

    False position in which the end that stays twice loses half its weight (Illinois); whenever three such
    steps have not halved the bracket, one that does.
    """
    at_low, at_high = function(low), function(high)
    tolerance = Decimal(1).scaleb(-PLACES)
    steps, width, rose = 0, high - low, None
    while high - low > tolerance:
        steps += 1
        guess = high - at_high * (high - low) / (at_high - at_low)
        if steps % 4 == 0:
            if high - low > width / 2:
                guess = (low + high) / 2
            width = high - low
        if not low < guess < high:
            guess = (low + high) / 2
        value = function(guess)
        if value == 0:
            return guess
        if value < 0:
            low, at_low = guess, value
            at_high = at_high / 2 if rose is True else at_high
        else:
            high, at_high = guess, value
            at_low = at_low / 2 if rose is False else at_low
        rose = value < 0
    return (low + high) / 2


def _precise() -> AbstractContextManager[Context]:
    return localcontext(Context(prec=50, Emax=MAX_EMAX, Emin=MIN_EMIN))


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / number.denominator
