"""One capped account, many processes: the limit holds to the fen, nothing is lost, nothing happens twice."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date
from random import Random

import pytest
from django.conf import settings
from django.db import connection

from ledger import selectors, services
from ledger.audit import verify
from ledger.chart import COMMITMENT, COMMITMENT_CONTROL
from ledger.models import TransferKind
from ledger.services import AlreadyResolved, CapExceeded, Draft, DuplicateReference, Leg, Posted
from tests.concurrency.crowd import SIZE, Crowd

DAY = date(2026, 6, 1)
CONTROL = COMMITMENT_CONTROL.control_id
LIMIT_FEN = 1_000_000
# Of each process. RESERVATIONS=2500 makes it twenty thousand in all.
ATTEMPTS = int(os.environ.get("RESERVATIONS", "500"))


def post(reference: str, *legs: Leg) -> Posted:
    return services.post(draft=Draft(reference=reference, event="test", booked_on=DAY, legs=legs))


@pytest.fixture
def line(committed_db: str) -> int:
    """A commitment of 10,000.00, really committed."""
    line = services.open_account(account_type=COMMITMENT)
    post("grant", Leg(CONTROL, line, LIMIT_FEN))
    return line


@dataclass
class Tally:
    """What one process did, by its own count: how often it tried, and fen that it moved."""

    attempts: int = 0
    refused: int = 0
    reserved_fen: int = 0
    settled_fen: int = 0
    # Reserved fen that are pending no more: of settlements, whole or in part, and of releases.
    resolved_fen: int = 0
    restored_fen: int = 0


def spend(line: int, seed: int, attempts: int) -> Tally:
    """
    Reserves random amounts, as often as asked; in between settles, in part or whole, releases and repays at random.

    It holds back little, so that the line is full most of the time and refuses about as often as it grants.
    """
    random, tally = Random(seed), Tally()
    pending: list[tuple[int, int]] = []
    owed_fen = 0
    for n in range(attempts):
        amount_fen = random.randint(1, 40_000)
        tally.attempts += 1
        try:
            posted = post(f"{seed}:reserve:{n}", Leg(line, CONTROL, amount_fen, TransferKind.PENDING))
        except CapExceeded:
            tally.refused += 1
        else:
            pending.append((posted.transfer_ids[0], amount_fen))
            tally.reserved_fen += amount_fen
        if pending and random.random() < 0.4:
            reservation, reserved_fen = pending.pop(random.randrange(len(pending)))
            tally.resolved_fen += reserved_fen
            if random.random() < 0.5:
                post(
                    f"{seed}:release:{n}",
                    Leg(line, CONTROL, reserved_fen, TransferKind.RELEASED, reservation),
                )
            else:
                settled_fen = random.choice([reserved_fen, random.randint(1, reserved_fen)])
                post(f"{seed}:settle:{n}", Leg(line, CONTROL, settled_fen, TransferKind.SETTLED, reservation))
                tally.settled_fen += settled_fen
                owed_fen += settled_fen
        if owed_fen and random.random() < 0.1:
            post(f"{seed}:repay:{n}", Leg(CONTROL, line, owed_fen))
            tally.restored_fen += owed_fen
            owed_fen = 0
    return tally


def broken_rules() -> list[str]:
    return [finding.check.name for finding in verify() if not finding.holds]


def test_thousands_of_reservations_from_eight_processes_stay_within_the_limit_and_none_is_lost(
    committed_db: str, line: int, crowd: Crowd
) -> None:
    spending = crowd.start(spend, committed_db, *[(line, seed, ATTEMPTS) for seed in range(SIZE)])
    # Meanwhile the audit sees, again and again, one state of the books: no cap exceeded, every counter the sum of its
    # transfers.
    looks = 0
    while wait(spending, timeout=0.3).not_done:
        assert broken_rules() == []
        looks += 1
    tallies = [future.result() for future in spending]
    assert broken_rules() == []
    assert looks >= 1

    attempts, refused = sum(t.attempts for t in tallies), sum(t.refused for t in tallies)
    assert attempts == SIZE * ATTEMPTS
    assert 0.1 < refused / attempts < 0.9, "the line was full much of the time, and not always"

    reserved, settled = sum(t.reserved_fen for t in tallies), sum(t.settled_fen for t in tallies)
    resolved, restored = sum(t.resolved_fen for t in tallies), sum(t.restored_fen for t in tallies)
    stands = selectors.position(line)
    assert stands.debits_pending_fen == reserved - resolved
    assert stands.debits_posted_fen == settled
    assert stands.credits_posted_fen == LIMIT_FEN + restored
    assert stands.available_fen >= 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, count(*), sum(amount_fen)::bigint FROM ledger_transfer GROUP BY kind")
        moved = {kind: (count, fen) for kind, count, fen in cursor.fetchall()}
    assert moved[TransferKind.PENDING] == (attempts - refused, reserved)
    assert moved[TransferKind.SETTLED][1] == settled
    assert moved[TransferKind.POSTED][1] == LIMIT_FEN + restored


def test_without_the_constraint_the_same_crowd_overdraws_the_line_and_the_audit_says_so(
    committed_db: str, line: int, crowd: Crowd
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("ALTER TABLE ledger_account DROP CONSTRAINT account_debits_within_credits")
        cursor.execute(f"SET ROLE {settings.DATABASE_ROLE}")
    crowd.at_once(spend, committed_db, *[(line, seed, 50) for seed in range(SIZE)])
    assert selectors.position(line).available_fen < 0
    assert broken_rules() == ["caps", "guards"]


THREADS = 6
"""Connections of each process: 48 in all do the same thing at the same moment."""


def all_try(attempt: Callable[[str], object], names: list[str]) -> Counter[str]:
    """Every thread tries every name in turn; how often that went well, or which refusal it met."""

    def try_all(_thread: int) -> Counter[str]:
        outcomes: Counter[str] = Counter()
        try:
            for name in names:
                try:
                    attempt(name)
                    outcomes[f"{name} done"] += 1
                except (DuplicateReference, AlreadyResolved) as refusal:
                    outcomes[f"{name} {refusal.code}"] += 1
        finally:
            connection.close()
        return outcomes

    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(try_all, range(THREADS)), Counter())


def draw_all(line: int, references: list[str]) -> Counter[str]:
    """Draws 1.00 under each reference."""
    return all_try(lambda reference: post(reference, Leg(line, CONTROL, 100)), references)


def resolve_all(line: int, reservations: dict[str, int], process: int) -> Counter[str]:
    """Settles or releases each reservation, every attempt under its own reference."""
    random = Random(process)

    def resolve(name: str) -> None:
        kind = random.choice([TransferKind.SETTLED, TransferKind.RELEASED])
        post(f"{random.random()}", Leg(line, CONTROL, 100, kind, reservations[name]))

    return all_try(resolve, list(reservations))


def reverse_all(entries: dict[str, int], process: int) -> Counter[str]:
    """Reverses each entry, every attempt under its own reference."""
    random = Random(process)
    return all_try(
        lambda name: services.reverse(entry_id=entries[name], reference=f"{random.random()}", booked_on=DAY),
        list(entries),
    )


NAMES = [f"n{n}" for n in range(20)]
TRIES = SIZE * THREADS


def once_each(refusal: str) -> dict[str, int]:
    """Each name once done, and refused to all others."""
    return {f"{name} done": 1 for name in NAMES} | {f"{name} {refusal}": TRIES - 1 for name in NAMES}


def test_a_reference_posted_by_48_connections_at_once_happens_once(
    committed_db: str, line: int, crowd: Crowd
) -> None:
    outcomes = crowd.at_once(draw_all, committed_db, *[(line, NAMES)] * SIZE)
    assert dict(sum(outcomes, Counter())) == once_each("duplicate_reference")
    assert selectors.position(line).debits_posted_fen == 100 * len(NAMES)
    assert broken_rules() == []


def test_a_reservation_resolved_by_48_connections_at_once_is_settled_or_released_once(
    committed_db: str, line: int, crowd: Crowd
) -> None:
    reservations = {
        name: post(name, Leg(line, CONTROL, 100, TransferKind.PENDING)).transfer_ids[0] for name in NAMES
    }
    outcomes = crowd.at_once(resolve_all, committed_db, *[(line, reservations, seed) for seed in range(SIZE)])
    assert dict(sum(outcomes, Counter())) == once_each("already_resolved")
    assert selectors.position(line).debits_pending_fen == 0
    assert broken_rules() == []


def test_an_entry_reversed_by_48_connections_at_once_is_reversed_once(
    committed_db: str, line: int, crowd: Crowd
) -> None:
    entries = {name: post(name, Leg(line, CONTROL, 100)).entry_id for name in NAMES}
    outcomes = crowd.at_once(reverse_all, committed_db, *[(entries, seed) for seed in range(SIZE)])
    assert dict(sum(outcomes, Counter())) == once_each("duplicate_reference")
    assert selectors.position(line).available_fen == LIMIT_FEN
    assert broken_rules() == []
