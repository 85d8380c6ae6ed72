"""
Writing the books: opening accounts, posting entries, reversing them.

What a product does to many accounts at once it writes in statements of its own, under the same guards of the database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from finance.errors import DomainError, Kind
from ledger.chart import AccountType
from ledger.models import TransferKind
from ledger.sql import affected, fetch_all, value


class LedgerError(DomainError):
    """A movement that the books refuse."""

    code = "refused_by_ledger"


class CapExceeded(LedgerError):
    """More than the account covers: a limit overdrawn, or a debt repaid beyond what is owed."""

    code = "cap_exceeded"


class AlreadyResolved(LedgerError):
    """The reservation was settled or released before, or does not cover the movement."""

    code = "already_resolved"
    kind = Kind.CONFLICT


class DuplicateReference(LedgerError):
    """An entry with this reference exists."""

    code = "duplicate_reference"
    kind = Kind.CONFLICT


class EntryNotFound(LedgerError):
    """No entry to reverse."""

    code = "entry_not_found"
    kind = Kind.NOT_FOUND


_REFUSALS: dict[str, tuple[type[LedgerError], str]] = {
    "account_debits_within_credits": (CapExceeded, "the account does not cover this amount"),
    "account_credits_within_debits": (CapExceeded, "more than is owed on the account"),
    "transfer_pending_resolved_once": (AlreadyResolved, "the reservation was already settled or released"),
    "transfer_resolves_its_pending": (AlreadyResolved, "the reservation does not cover this movement"),
    "entry_once_per_reference": (DuplicateReference, "an entry with this reference exists"),
    "entry_reversed_once": (DuplicateReference, "the entry was already reversed"),
}


def constraint_name(error: BaseException) -> str:
    """The name of the constraint that PostgreSQL says was violated; empty where it names none."""
    diagnosis = getattr(error.__cause__ or error, "diag", None)
    return getattr(diagnosis, "constraint_name", None) or ""


@contextmanager
def ledger_refusals() -> Iterator[None]:
    """
    Turns the database's refusals of a posting into this module's errors.

    The transaction, or the innermost savepoint, is broken when one is raised: callers that go on must have opened one.
    """
    try:
        yield
    except IntegrityError as error:
        name = constraint_name(error)
        if name in _REFUSALS:
            refusal, message = _REFUSALS[name]
            raise refusal(message) from error
        raise


def request_hash(request: Mapping[str, Any]) -> bytes:
    """SHA-256 of a request in canonical JSON: tells a repeat under a reference from a different request."""
    canonical = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    # Half a character is refused by whoever reads the text, which may be after this.
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Leg:
    """One transfer of an entry to come: `amount_fen` > 0 from the credit account to the debit account."""

    debit_account_id: int
    credit_account_id: int
    amount_fen: int
    kind: TransferKind = TransferKind.POSTED
    pending_id: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """One entry to come, booked on the business date; `value_on` is the date from which it counts (default: the same)."""

    reference: str
    event: str
    booked_on: date
    legs: tuple[Leg, ...]
    value_on: date | None = None
    request_hash: bytes | None = None
    reverses_id: int | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """An entry as it now stands in the journal, with its transfers in the order of the draft's legs."""

    entry_id: int
    transfer_ids: tuple[int, ...]


_POST = """
WITH draft AS (
    SELECT nextval('ledger_entry_id_seq') AS entry_id, given.*
    FROM unnest(%s::int[], %s::text[], %s::text[], %s::date[], %s::date[], %s::bytea[], %s::bigint[])
        AS given (n, reference, event, booked_on, value_on, request_hash, reverses_id)
), journal AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on, request_hash, reverses_id)
    SELECT entry_id, reference, event, booked_on, value_on, request_hash, reverses_id FROM draft
), moved AS (
    INSERT INTO ledger_transfer
        (id, entry_id, kind, debit_account_id, credit_account_id, amount_fen, pending_id, booked_on)
    SELECT nextval('ledger_transfer_id_seq'), draft.entry_id, leg.kind, leg.debit_account_id,
           leg.credit_account_id, leg.amount_fen, leg.pending_id, draft.booked_on
    FROM unnest(%s::int[], %s::smallint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
        WITH ORDINALITY
        AS leg (n, kind, debit_account_id, credit_account_id, amount_fen, pending_id, position)
    JOIN draft USING (n)
    ORDER BY leg.position
    RETURNING id, entry_id
)
SELECT draft.n, draft.entry_id, moved.id
FROM draft LEFT JOIN moved USING (entry_id)
ORDER BY draft.n, moved.id
"""


def post_many(*, drafts: Sequence[Draft]) -> list[Posted]:
    """
    Posts entries with their transfers in one statement: all of them or, on any refusal, none.

    Errors: CapExceeded, AlreadyResolved, DuplicateReference. The counters follow in the same statement
    (trigger `ledger_transfer_counts`).
    """
    if not drafts:
        return []
    legs = [(n, leg) for n, draft in enumerate(drafts) for leg in draft.legs]
    with ledger_refusals():
        rows = fetch_all(
            _POST,
            [
                list(range(len(drafts))),
                [draft.reference for draft in drafts],
                [draft.event for draft in drafts],
                [draft.booked_on for draft in drafts],
                [draft.value_on or draft.booked_on for draft in drafts],
                [draft.request_hash for draft in drafts],
                [draft.reverses_id for draft in drafts],
                [n for n, _ in legs],
                [int(leg.kind) for _, leg in legs],
                [leg.debit_account_id for _, leg in legs],
                [leg.credit_account_id for _, leg in legs],
                [leg.amount_fen for _, leg in legs],
                [leg.pending_id for _, leg in legs],
            ],
        )
    entry_ids: dict[int, int] = {}
    transfer_ids: dict[int, list[int]] = {n: [] for n in range(len(drafts))}
    for n, entry_id, transfer_id in rows:
        entry_ids[n] = entry_id
        if transfer_id is not None:
            transfer_ids[n].append(transfer_id)
    return [Posted(entry_ids[n], tuple(transfer_ids[n])) for n in range(len(drafts))]


def post(*, draft: Draft) -> Posted:
    """Posts one entry; see `post_many`."""
    return post_many(drafts=[draft])[0]


def open_accounts(*, account_types: Sequence[AccountType], owner: UUID | None = None) -> list[int]:
    """The ids of new counted accounts of one owner, which lie side by side: one of each of these types, in their order."""
    assert all(each.counted for each in account_types)
    rows = fetch_all(
        "INSERT INTO ledger_account (type_code, owner, counted, cap) SELECT code, %s, true, cap"
        " FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS given (code, cap, place) ORDER BY place RETURNING id",
        [owner, [each.code for each in account_types], [each.cap for each in account_types]],
    )
    return sorted(account_id for (account_id,) in rows)


def open_account(*, account_type: AccountType, owner: UUID | None = None) -> int:
    """
    The id of a new counted account, or of the one control account of this type and owner, which is opened if need be.
    """
    if account_type.counted:
        return open_accounts(account_types=[account_type], owner=owner)[0]
    affected(
        "INSERT INTO ledger_account (type_code, owner, counted, cap) VALUES (%s, %s, false, '') "
        "ON CONFLICT (type_code, owner) WHERE NOT counted DO NOTHING",
        [account_type.code, owner],
    )
    return int(
        value(
            "SELECT id FROM ledger_account WHERE type_code = %s AND owner IS NOT DISTINCT FROM %s AND NOT counted",
            [account_type.code, owner],
        )
    )


def reverse(*, entry_id: int, reference: str, booked_on: date) -> Posted:
    """
    Posts the mirror of an entry: what it posted moves back, what it reserved and is still pending is released.

    An entry is reversed at most once (unique index). Errors: EntryNotFound, DuplicateReference, AlreadyResolved when a
    reservation of it was resolved since, CapExceeded when what it gave has been used.
    """
    rows = fetch_all(
        "SELECT entry.event, entry.value_on, transfer.id, transfer.kind, transfer.debit_account_id,"
        " transfer.credit_account_id, transfer.amount_fen"
        " FROM ledger_entry AS entry JOIN ledger_transfer AS transfer ON transfer.entry_id = entry.id"
        " WHERE entry.id = %s ORDER BY transfer.id",
        [entry_id],
    )
    if not rows:
        raise EntryNotFound(f"no entry {entry_id} with transfers to reverse")
    legs = []
    for _event, _value_on, transfer_id, kind, debit, credit, amount_fen in rows:
        if kind == TransferKind.PENDING:
            legs.append(Leg(debit, credit, amount_fen, TransferKind.RELEASED, transfer_id))
        elif kind in (TransferKind.POSTED, TransferKind.SETTLED):
            legs.append(Leg(credit, debit, amount_fen))
    return post(
        draft=Draft(
            reference=reference,
            event=f"{rows[0][0]}.reversed",
            booked_on=booked_on,
            value_on=rows[0][1],
            reverses_id=entry_id,
            legs=tuple(legs),
        )
    )
