"""Reading the books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q

from ledger.models import Transfer, TransferKind
from ledger.sql import fetch_all


@dataclass(frozen=True, slots=True)
class Position:
    """What stands on one account, in fen: posted and pending, on both sides."""

    account_id: int
    type_code: str
    debits_pending_fen: int
    debits_posted_fen: int
    credits_pending_fen: int
    credits_posted_fen: int

    @property
    def debit_fen(self) -> int:
        """Debits less credits posted."""
        return self.debits_posted_fen - self.credits_posted_fen

    @property
    def credit_fen(self) -> int:
        """Credits less debits posted."""
        return -self.debit_fen

    @property
    def available_fen(self) -> int:
        """What a debit-capped account still covers."""
        return self.credits_posted_fen - self.debits_posted_fen - self.debits_pending_fen


# Counted accounts answer from their counters, control accounts are summed.
_POSITIONS = """
SELECT account.id, account.type_code,
       CASE WHEN counted THEN debits_pending_fen ELSE coalesce(debits.pending, 0) END,
       CASE WHEN counted THEN debits_posted_fen ELSE coalesce(debits.posted, 0) END,
       CASE WHEN counted THEN credits_pending_fen ELSE coalesce(credits.pending, 0) END,
       CASE WHEN counted THEN credits_posted_fen ELSE coalesce(credits.posted, 0) END
FROM ledger_account AS account
LEFT JOIN LATERAL (
    SELECT sum(CASE kind WHEN 1 THEN amount_fen WHEN 0 THEN 0 ELSE -(SELECT p.amount_fen FROM ledger_transfer p
                                                                     WHERE p.id = t.pending_id) END)::bigint AS pending,
           sum(amount_fen) FILTER (WHERE kind IN (0, 2))::bigint AS posted
    FROM ledger_transfer t WHERE NOT counted AND t.debit_account_id = account.id
) AS debits ON true
LEFT JOIN LATERAL (
    SELECT sum(CASE kind WHEN 1 THEN amount_fen WHEN 0 THEN 0 ELSE -(SELECT p.amount_fen FROM ledger_transfer p
                                                                     WHERE p.id = t.pending_id) END)::bigint AS pending,
           sum(amount_fen) FILTER (WHERE kind IN (0, 2))::bigint AS posted
    FROM ledger_transfer t WHERE NOT counted AND t.credit_account_id = account.id
) AS credits ON true
"""


def positions(account_ids: list[int]) -> dict[int, Position]:
    """The positions of these accounts by id, in one query; unknown ids are left out."""
    rows = fetch_all(f"{_POSITIONS} WHERE account.id = ANY(%s)", [account_ids])
    return {row[0]: Position(*row) for row in rows}


def position(account_id: int) -> Position:
    """The position of one account. KeyError when there is no such account."""
    return positions([account_id])[account_id]


_EXPOSURES = """
SELECT owner, sum(CASE WHEN cap = 'credits' THEN debits_posted_fen - credits_posted_fen
                       ELSE credits_posted_fen - debits_posted_fen END)::bigint
FROM ledger_account
WHERE owner = ANY(%s) AND (cap = 'credits' OR type_code = 'commitment')
GROUP BY owner
"""


def exposures(owners: Sequence[UUID]) -> dict[UUID, int]:
    """
    Total exposure to each owner in fen, over all products: what is owed, and what is granted and may still be drawn.

    Owners without accounts are left out.
    """
    return dict(fetch_all(_EXPOSURES, [list(owners)]))


def latest_postings(account_id: int, *, most: int) -> list[Transfer]:
    """The `most` latest transfers on either side of an account, newest first; walks one index a side."""
    sides = [
        Transfer.objects.filter(**{side: account_id}).order_by("-booked_on", "-pk")[:most]
        for side in ("debit_account_id", "credit_account_id")
    ]
    found = [transfer for side in sides for transfer in side]
    return sorted(found, key=lambda t: (t.booked_on, t.pk), reverse=True)[:most]


def postings_of_entry(entry_id: int) -> list[Transfer]:
    """The transfers of an entry, in the order they were posted."""
    return list(Transfer.objects.filter(entry_id=entry_id).order_by("pk"))


def postings_on(
    account_id: int, *, since: date | None = None, until: date | None = None, last_id: int | None = None
) -> list[Transfer]:
    """
    What was posted on an account, on either side, oldest first: booked on or after `since`, before `until`, and no later than
    the transfer `last_id`.
    """
    found = Transfer.objects.filter(
        Q(debit_account_id=account_id) | Q(credit_account_id=account_id),
        kind__in=(TransferKind.POSTED, TransferKind.SETTLED),
    )
    if since is not None:
        found = found.filter(booked_on__gte=since)
    if until is not None:
        found = found.filter(booked_on__lt=until)
    if last_id is not None:
        found = found.filter(pk__lte=last_id)
    return list(found.order_by("pk"))
