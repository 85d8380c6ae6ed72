"""
How the people of the demo world spend and repay. Pure: the same seed, line and day give the same acts, so that a build that
was interrupted can be repeated without doing anything twice.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Payer(StrEnum):
    """What somebody does when a statement is due."""

    FULL = "full"
    MINIMUM = "minimum"
    PART = "part"
    LATE = "late"
    NEVER = "never"


# Shares of payers, by whether the history's own next month was a default.
_MIX = {
    False: {Payer.FULL: 0.72, Payer.MINIMUM: 0.12, Payer.PART: 0.08, Payer.LATE: 0.07, Payer.NEVER: 0.01},
    True: {Payer.FULL: 0.22, Payer.MINIMUM: 0.18, Payer.PART: 0.10, Payer.LATE: 0.25, Payer.NEVER: 0.25},
}


class Outcome(StrEnum):
    """What becomes of an authorisation."""

    CAPTURED = "captured"
    PARTLY_CAPTURED = "partly_captured"
    VOIDED = "voided"
    LEFT_TO_EXPIRE = "left_to_expire"
    REFUNDED = "refunded"


_OUTCOMES = {
    Outcome.CAPTURED: 0.93,
    Outcome.PARTLY_CAPTURED: 0.02,
    Outcome.VOIDED: 0.02,
    Outcome.LEFT_TO_EXPIRE: 0.01,
    Outcome.REFUNDED: 0.02,
}


@dataclass(frozen=True, slots=True)
class Spend:
    """One purchase that somebody makes on a day."""

    line_id: int
    shop: int
    amount_fen: int
    outcome: Outcome
    reference: str


def _drawn(rng: random.Random, shares: dict[Outcome, float] | dict[Payer, float]) -> str:
    return str(rng.choices(list(shares), weights=list(shares.values()))[0])


def payer_of(line_id: int, *, seed: int, defaulted: bool) -> Payer:
    """How the person behind a line repays, statement after statement."""
    return Payer(_drawn(random.Random(f"{seed}:payer:{line_id}"), _MIX[defaulted]))


# Of those who pay in full or the minimum in time, how many leave it to autopay.
_AUTOPAY = 0.12


def autopays(payer: Payer, line_id: int, *, seed: int) -> bool:
    """Whether the person behind a line has what is due collected instead of paying it by hand."""
    return (
        payer in (Payer.FULL, Payer.MINIMUM)
        and random.Random(f"{seed}:autopay:{line_id}").random() < _AUTOPAY
    )


def spends(line_id: int, on: date, *, seed: int, limit_fen: int, shops: int) -> list[Spend]:
    """What is bought on a line on a day: on one day in nine something, seldom two things; a few percent of the limit each."""
    rng = random.Random(f"{seed}:spend:{line_id}:{on}")
    count = rng.choices((0, 1, 2), weights=(88, 11, 1))[0]
    found = []
    for n in range(count):
        share = min(rng.lognormvariate(-3.4, 0.8), 0.4)
        found.append(
            Spend(
                line_id,
                rng.randrange(shops),
                max(int(limit_fen * share), 100),
                Outcome(_drawn(rng, _OUTCOMES)),
                f"demo-{line_id}-{on:%Y%m%d}-{n}",
            )
        )
    return found


def pays_on(payer: Payer, line_id: int, due_on: date, *, seed: int) -> date | None:
    """The day on which somebody pays a statement: most on the due day, some before it, the late ones days after it."""
    rng = random.Random(f"{seed}:pay:{line_id}:{due_on}")
    if payer is Payer.NEVER:
        return None
    if payer is Payer.LATE:
        return due_on + timedelta(days=rng.randrange(2, 18))
    return due_on - timedelta(days=rng.choices((0, 1, 2, 5), weights=(70, 12, 10, 8))[0])


def pays_fen(
    payer: Payer,
    line_id: int,
    due_on: date,
    *,
    seed: int,
    billed_fen: int,
    minimum_fen: int,
    accrued_fen: int,
) -> int:
    """How much of what is billed they pay then, in fen: everything, the minimum, or some of it."""
    if payer in (Payer.FULL, Payer.LATE):
        return billed_fen + (accrued_fen if payer is Payer.LATE else 0)
    share = random.Random(f"{seed}:share:{line_id}:{due_on}").uniform(0.2, 0.9)
    return minimum_fen if payer is Payer.MINIMUM else max(int(billed_fen * share), minimum_fen)
