"""The figures that the oracle goes by, and how it rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

DAY = timedelta(days=1)

# Statement days that a line may move to, and the due day of each.
OFFERED = {1: 10, 5: 15, 10: 20, 15: 25}


class Refused(Exception):
    """What the line refuses, by the product's code."""


@dataclass(frozen=True)
class Rules:
    """The figures in force on a date."""

    revolving: Fraction = Fraction(5, 10_000)
    penalty: Fraction = Fraction(5, 10_000)
    minimum_share: Fraction = Fraction(1, 10)
    hold_days: int = 7
    # After so many days a purchase in escrow is taken as received.
    receipt_days: int = 15
    # Between what the monthly cap of a share must be.
    smallest_cap: int = 100_00
    largest_cap: int = 20_000_00
    # In which order money pays.
    order: tuple[str, str, str, str] = ("penalty", "interest", "fee", "principal")
    # Number of instalments → their fee in all; whether paying off early waives what is to come of it; the smallest plan.
    fees: Mapping[int, Fraction] = field(
        default_factory=lambda: {
            3: Fraction(25, 1000),
            6: Fraction(45, 1000),
            9: Fraction(65, 1000),
            12: Fraction(88, 1000),
        }
    )
    fees_waived: bool = False
    smallest_plan: int = 100_00


def to_fen(exact: Fraction) -> int:
    """To the nearest fen, a half to the even one (Python's own rounding of fractions); never below zero."""
    return max(round(exact), 0)


def a_year_after(day: date) -> date:
    """The same day of the next year; 29 February's is 28 February."""
    return day.replace(year=day.year + 1, day=28 if (day.month, day.day) == (2, 29) else day.day)
