"""
Instalments. Pure: an amount and an option in; rows, fee and both annual rates out.

Principal and fee are each split evenly, the last row takes the rest. The fee of a whole plan is a fraction of its principal,
whatever was paid back in between; so the annual rate is far above it, and is what a customer is shown first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from finance.apr import AnnualRates, annual_rates_of
from finance.money import round_fen, split_evenly

MONTHS_PER_YEAR = 12
SHOWN = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Row:
    """One instalment, in fen. `number` counts from 1."""

    number: int
    principal_fen: int
    fee_fen: int

    @property
    def due_fen(self) -> int:
        """What it asks for."""
        return self.principal_fen + self.fee_fen


@dataclass(frozen=True, slots=True)
class Offer:
    """An amount in instalments: what it costs a year, then what it costs in all, then row by row."""

    periods: int
    principal_fen: int
    fee_rate: Decimal
    fee_fen: int
    rows: tuple[Row, ...]
    rates: AnnualRates
    # What a merchant pays of it under a campaign: the customer's fee is less by so much.
    subsidy_fen: int = 0

    @property
    def total_fen(self) -> int:
        """All that is paid."""
        return self.principal_fen + self.fee_fen

    @property
    def simple_annual(self) -> Decimal:
        """The simple annual rate as it is shown: to a hundredth of a per cent."""
        return self.rates.simple.quantize(SHOWN)

    @property
    def effective_annual(self) -> Decimal:
        """The compounded one, likewise."""
        return self.rates.effective.quantize(SHOWN)


def fee_of(principal_fen: int, fee_rate: Decimal) -> int:
    """The fee for a whole plan. Source: DOMAIN, Huabei, instalments."""
    return round_fen(Fraction(principal_fen) * Fraction(fee_rate))


def rows_of(principal_fen: int, fee_fen: int, numbers: Sequence[int]) -> tuple[Row, ...]:
    """Rows of these numbers that share principal and fee evenly; the last takes the rest of each."""
    shares = zip(split_evenly(principal_fen, len(numbers)), split_evenly(fee_fen, len(numbers)), strict=True)
    return tuple(
        Row(number, principal, fee) for number, (principal, fee) in zip(numbers, shares, strict=True)
    )


def offer(principal_fen: int, periods: int, fee_rate: Decimal) -> Offer:
    """What `principal_fen` costs in `periods` monthly instalments."""
    fee_fen = fee_of(principal_fen, fee_rate)
    rows = rows_of(principal_fen, fee_fen, range(1, periods + 1))
    flows = [(0, -principal_fen), *((row.number, row.due_fen) for row in rows)]
    rates = annual_rates_of(flows, MONTHS_PER_YEAR)
    return Offer(periods, principal_fen, fee_rate, fee_fen, rows, rates)


def subsidised(asked: Offer) -> Offer:
    """The same under a merchant's campaign, which pays all of the fee: the customer repays the principal, free of cost."""
    return replace(offer(asked.principal_fen, asked.periods, Decimal(0)), subsidy_fen=asked.fee_fen)


def shrunk(to_come: Sequence[Row], by_fen: int) -> tuple[Row, ...]:
    """
    The rows to come after a refund took `by_fen` of their principal: fees shrink alike, and both are split anew over the
    same numbers. None are left when no principal is.
    """
    principal_fen = sum(row.principal_fen for row in to_come)
    left_fen = principal_fen - by_fen
    if left_fen == 0:
        return ()
    fee_fen = round_fen(Fraction(sum(row.fee_fen for row in to_come) * left_fen, principal_fen))
    return rows_of(left_fen, fee_fen, [row.number for row in to_come])


def statement_days(statement_day: int, after: date, count: int) -> list[date]:
    """The next `count` statement days after a date."""
    days = []
    year, month = after.year, after.month
    if after.day >= statement_day:
        year, month = (year + month // 12, month % 12 + 1)
    for _ in range(count):
        days.append(date(year, month, statement_day))
        year, month = (year + month // 12, month % 12 + 1)
    return days


def due_date(issued_on: date, due_day: int) -> date:
    """The due date of a statement: later in its month than its day, else in the next."""
    if due_day > issued_on.day:
        return issued_on.replace(day=due_day)
    month = issued_on.month
    return date(issued_on.year + month // 12, month % 12 + 1, due_day)


@dataclass(frozen=True, slots=True)
class PayoffQuote:
    """What paying off a plan on a date costs, in fen, and what fees it saves."""

    on: date
    principal_fen: int
    fee_fen: int
    waived_fen: int

    @property
    def amount_fen(self) -> int:
        """All that is to pay."""
        return self.principal_fen + self.fee_fen


def payoff_quote(to_come: Iterable[Row], *, fees_waived: bool, on: date) -> PayoffQuote:
    """The quote for rows that are to come on a date. Source: DOMAIN, Huabei: fees stay due, or are waived, by product."""
    rows = list(to_come)
    fee_fen = sum(row.fee_fen for row in rows)
    return PayoffQuote(
        on,
        sum(row.principal_fen for row in rows),
        0 if fees_waived else fee_fen,
        fee_fen if fees_waived else 0,
    )
