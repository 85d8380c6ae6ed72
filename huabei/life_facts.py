"""What may happen to a credit line, and the figures and calendars that hold meanwhile: what `huabei.replay` reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from finance.allocation import COMPONENTS
from huabei.instalments import Row


@dataclass(frozen=True, slots=True)
class Figures:
    """The terms' figures that a replay needs, in force on a date."""

    revolving_daily_rate: Fraction
    penalty_daily_rate: Fraction
    minimum_due_share: Fraction
    components: tuple[str, ...] = COMPONENTS


@dataclass(frozen=True, slots=True)
class Captured:
    """A purchase was drawn on the line: at once, or as a plan of instalments where it has one."""

    on: date
    order: int
    purchase_id: int
    amount_fen: int
    plan_id: int | None = None
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Refunded:
    """A merchant gave back part of a purchase: `parts` are (day of the capture, fen)."""

    on: date
    order: int
    purchase_id: int
    parts: tuple[tuple[date, int], ...]


@dataclass(frozen=True, slots=True)
class Repaid:
    """Money counts from `on`."""

    on: date
    order: int
    repayment_id: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class PaidOut:
    """The customer's credit was paid to the customer."""

    on: date
    order: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Credit that was to be paid out did not arrive and is the customer's credit again."""

    on: date
    order: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Planned:
    """Principal of the statement of `issued_on` was put into instalments."""

    on: date
    order: int
    plan_id: int
    issued_on: date
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class PaidOff:
    """The rows of a plan that are not billed yet were paid at once; `with_fees` says whether their fees were, too."""

    on: date
    order: int
    plan_id: int
    with_fees: bool


Fact = Captured | Refunded | Repaid | PaidOut | GivenBack | Planned | PaidOff


@dataclass(frozen=True, slots=True)
class Calendar:
    """The statement day and due day that hold for statements after `since`."""

    since: date
    statement_day: int
    due_day: int
