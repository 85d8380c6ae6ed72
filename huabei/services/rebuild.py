"""
Making a line what its replay says it is: only the differences are posted, in one entry, and what is open follows.

Every amount goes through the lender's account of corrections, which the entry leaves at nothing: what the debts, the
customer's credit, the charges and the outside world are changed by adds up, or the entry is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from finance.money import round_fen
from huabei import selectors
from huabei.models import Due, Line, Segment, SegmentKind
from huabei.replay import Life
from huabei.selectors import LinePosition
from huabei.services.excess import absorb_excess, cover_excess
from huabei.services.lifecycle import thaw_paid
from huabei.turning import move_buckets
from ledger.chart import COMMITMENT_CONTROL, CORRECTIONS, FEE_INCOME, INTEREST_ACCRUED, PENALTY_ACCRUED
from ledger.services import Draft, Leg, post
from ledger.sql import fetch_one

THROUGH = CORRECTIONS.control_id
CONTROL = COMMITMENT_CONTROL.control_id


class BooksDisagree(RuntimeError):
    """The books differ from the replay by more than the late fact explains: something wrote past the services."""


@dataclass(frozen=True, slots=True)
class Event:
    """What the entry says: why the line is rebuilt, from when the fact counts, and its reference."""

    reference: str
    name: str
    value_on: date
    request_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The entry that was posted, and the charges in fen by which it changed what was posted before."""

    entry_id: int
    interest_fen: int
    penalty_fen: int
    fee_fen: int


def rebuild(
    *, line: Line, life: Life, on: date, event: Event, received: Sequence[tuple[int, int]]
) -> Rebuilt:
    """
    Posts the difference between a line's books and its replay, and rewrites its dues, open segments and lateness.

    `received` says what comes from outside, (account, fen): cash received, a merchant's payable taken back; negative where it
    is given. The line is locked by the caller, and the close of the day before `on`, the business date, is done.
    Error: BooksDisagree.
    """
    position = selectors.line_position(line, on)
    charges = _charges(line, life)
    legs = [_leg(account_id, fen) for account_id, fen in received]
    legs += [_leg(account_id, fen) for account_id, fen in _debts(line, life, position)]
    legs += [
        _leg(account_id, -fen)
        for account_id, fen in zip(
            (INTEREST_ACCRUED.control_id, PENALTY_ACCRUED.control_id, FEE_INCOME.control_id),
            charges,
            strict=True,
        )
    ]
    left = sum(_through(leg) for leg in legs if leg.amount_fen)
    if left:
        raise BooksDisagree(f"line {line.pk}: {left} fen are in neither the books nor the replay on {on}")
    drawn_more_fen = life.drawn_fen - position.drawn_fen
    if drawn_more_fen > 0:
        cover_excess(line=line, needed_fen=drawn_more_fen, on=on)
    legs.append(_moved(line.commitment_account_id, CONTROL, drawn_more_fen))
    entry = post(
        draft=Draft(
            reference=event.reference,
            event=event.name,
            booked_on=on,
            value_on=event.value_on,
            request_hash=event.request_hash,
            legs=tuple(leg for leg in legs if leg.amount_fen),
        )
    )
    _rewrite_dues(line, life)
    _rewrite_segments(line, life, on)
    _rewrite_lateness(line, life, on)
    return Rebuilt(entry.entry_id, *charges)


def _moved(debit_account_id: int, credit_account_id: int, fen: int) -> Leg:
    """A leg, turned round where the amount is negative."""
    if fen < 0:
        return Leg(credit_account_id, debit_account_id, -fen)
    return Leg(debit_account_id, credit_account_id, fen)


def _leg(account_id: int, fen: int) -> Leg:
    """Adds `fen` to the debit side of an account, or takes it off, through the account of corrections."""
    return _moved(account_id, THROUGH, fen)


def _through(leg: Leg) -> int:
    return leg.amount_fen if leg.debit_account_id == THROUGH else -leg.amount_fen


def _debts(line: Line, life: Life, position: LinePosition) -> list[tuple[int, int]]:
    """By how much the debit side of each of the line's accounts has to change."""
    return [
        (line.unbilled_account_id, life.unbilled_fen - position.unbilled_fen),
        (line.billed_account_id, life.billed_fen - position.billed_fen),
        (line.instalment_account_id, life.instalment_fen - position.instalment_fen),
        (line.interest_account_id, life.interest_fen - position.interest_fen),
        (line.fee_account_id, life.fee_fen - position.fee_fen),
        (line.penalty_account_id, life.penalty_fen - position.penalty_fen),
        (line.credit_account_id, position.credit_fen - life.credit_fen),
    ]


# What was posted of each charge: from the line's life as it was lived, and by corrections since.
_POSTED = """
SELECT coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = %(interest_accrued)s), 0)::bigint,
       coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = %(penalty_accrued)s), 0)::bigint,
       coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = %(fee_income)s), 0)::bigint,
       (SELECT coalesce(sum(interest_fen), 0)::bigint FROM huabei_correction WHERE line_id = %(line)s),
       (SELECT coalesce(sum(penalty_fen), 0)::bigint FROM huabei_correction WHERE line_id = %(line)s),
       (SELECT coalesce(sum(fee_fen), 0)::bigint FROM huabei_correction WHERE line_id = %(line)s)
FROM ledger_transfer WHERE debit_account_id = ANY(%(accounts)s)
"""


def _charges(line: Line, life: Life) -> tuple[int, int, int]:
    """By how much the interest, penalty and fees that were posted have to change."""
    row = fetch_one(
        _POSTED,
        {
            "interest_accrued": INTEREST_ACCRUED.control_id,
            "penalty_accrued": PENALTY_ACCRUED.control_id,
            "fee_income": FEE_INCOME.control_id,
            "line": line.pk,
            "accounts": [line.interest_account_id, line.penalty_account_id, line.fee_account_id],
        },
    )
    assert row is not None
    return (
        life.posted_interest_fen - row[0] - row[3],
        life.posted_penalty_fen - row[1] - row[4],
        life.posted_fee_fen - row[2] - row[5],
    )


# What of a due follows a correction.
_DUE_FIGURES = ("principal_fen", "instalment_fen", "share_base_fen", "minimum_fen", "outstanding_fen")


def _rewrite_dues(line: Line, life: Life) -> None:
    asked_by_day = {asked.issued_on: asked for asked in life.asked}
    for due in Due.objects.filter(line=line):
        asked = asked_by_day.pop(due.issued_on, None)
        wanted = {name: getattr(asked, name) if asked else 0 for name in _DUE_FIGURES}
        wanted["is_asked"] = asked.is_asked if asked else False
        if any(getattr(due, name) != stands for name, stands in wanted.items()):
            Due.objects.filter(pk=due.pk).update(**wanted)
    # Owed, as it turns out, on a day on which nothing seemed to be.
    Due.objects.bulk_create(
        Due(
            line=line,
            issued_on=asked.issued_on,
            due_on=asked.due_on,
            is_asked=asked.is_asked,
            **{name: getattr(asked, name) for name in _DUE_FIGURES},
        )
        for asked in asked_by_day.values()
    )


def _rewrite_segments(line: Line, life: Life, on: date) -> None:
    wanted = {
        SegmentKind.REVOLVING.value: (life.revolving_fen, life.revolving_rate, life.running_interest),
        SegmentKind.PENALTY.value: (life.late_fen, life.penalty_rate, life.running_penalty),
    }
    for kind, segment in selectors.open_segments(line.pk).items():
        principal_fen, rate, running = wanted[kind]
        owed = selectors.owed_on(segment, on)
        if (segment.principal_fen, Fraction(segment.daily_rate), owed) == (principal_fen, rate, running):
            del wanted[kind]
            continue
        segment.until = on
        segment.save(update_fields=["until"])
    Segment.objects.bulk_create(
        Segment(
            line=line,
            kind=kind,
            principal_fen=principal_fen,
            daily_rate=_decimal(rate),
            since=on,
            carried_fen=_decimal(running),
        )
        for kind, (principal_fen, rate, running) in wanted.items()
        if principal_fen or round_fen(abs(running))
    )


def _decimal(fraction: Fraction) -> Decimal:
    # Exact: a whole number of fen times a rate of at most eight places.
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


def _rewrite_lateness(line: Line, life: Life, on: date) -> None:
    line.billable = line.billable or life.drawn_fen + life.billed_total_fen > 0
    if life.overdue_since is None:
        line.bucket = 0
        thaw_paid(line=line, on=on)
    line.save(update_fields=["billable", "bucket"])
    if life.overdue_since is not None:
        move_buckets(on - timedelta(days=1), [line.pk])
    if line.excess_fen:
        absorb_excess(line_ids=[line.pk], on=on)
    line.refresh_from_db()
