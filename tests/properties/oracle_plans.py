"""Instalments, told a second time for the oracle: rows to come, and what a refund leaves of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from tests.properties.oracle_rules import to_fen


@dataclass(frozen=True)
class Chosen:
    """What a customer agreed to: how many instalments, their fee in all, whether a payoff waives what is to come of it."""

    periods: int
    fee: Fraction
    fees_waived: bool


@dataclass
class Instalment:
    """One row of a plan that is to come: its number, principal and fee."""

    number: int
    principal: int
    fee: int


@dataclass
class Plan:
    """Principal in instalments. What is to come is taken from the front as it is billed."""

    ref: str
    made_on: date
    principal: int
    fee: int
    periods: int
    fees_waived: bool
    of_purchase: bool
    to_come: list[Instalment] = field(default_factory=list)
    billed: list[tuple[date, Instalment]] = field(default_factory=list)
    paid_off_on: date | None = None

    def shrink(self, fen: int) -> int:
        """A refund takes principal off what is to come, and the fee in proportion; returns how much."""
        before = sum(row.principal for row in self.to_come)
        taken = min(fen, before)
        if taken and taken == before:
            self.to_come = []
        elif taken:
            fee = to_fen(Fraction(sum(row.fee for row in self.to_come) * (before - taken), before))
            self.to_come = in_rows(before - taken, fee, [row.number for row in self.to_come])
        return taken


def begun(ref: str, on: date, fen: int, chosen: Chosen, *, of_purchase: bool) -> Plan:
    """A plan as it begins."""
    fee = to_fen(chosen.fee * fen)
    rows = in_rows(fen, fee, list(range(1, chosen.periods + 1)))
    return Plan(ref, on, fen, fee, chosen.periods, chosen.fees_waived, of_purchase, rows)


def in_rows(principal: int, fee: int, numbers: list[int]) -> list[Instalment]:
    """Equal shares; the last row has what is left over, and none takes more than there is."""
    rows = []
    each, each_fee = to_fen(Fraction(principal, len(numbers))), to_fen(Fraction(fee, len(numbers)))
    for number in numbers[:-1]:
        rows.append(Instalment(number, min(each, principal), min(each_fee, fee)))
        principal -= rows[-1].principal
        fee -= rows[-1].fee
    return [*rows, Instalment(numbers[-1], principal, fee)]
