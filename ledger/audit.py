"""
The proof of the books: what must hold of them, each as one SELECT that returns the rows at fault.

Each check states its rule anew instead of trusting what keeps it: counters are recomputed from the transfers, references
are followed because no foreign key does, and the database's own guards are looked for. `./manage.py verify_books` runs
them together with the checks that the products register in `operations.audit`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import CheckConstraint, Model, UniqueConstraint
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ledger.chart import CHART
from ledger.constraints import CheckOnInsert
from ledger.models import Account, Entry, Transfer
from ledger.sql import fetch_all, value

FAULTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Check:
    """
    One rule of the books.

    `sentence` says what holds when it is kept. `sql` selects four columns of every row at fault: its table, its id, what
    was expected and what was found, as text or NULL for nothing. `examines` is the table, with a WHERE clause where the
    rule is about some rows only, whose rows were examined. A rule that no SELECT can say has `find` instead, which yields
    the faults.
    """

    name: str
    sentence: str | Promise
    examines: str
    sql: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    find: Callable[[], Iterable[Fault]] | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One row that breaks a rule."""

    table: str
    id: str
    expected: str | None
    found: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: the first faults, up to FAULTS_SHOWN, and whether there are more."""

    check: Check
    rows_examined: int
    seconds: float
    faults: tuple[Fault, ...]
    more: bool

    @property
    def holds(self) -> bool:
        return not self.faults


# Debits and credits posted over all accounts: counted accounts by their counters, control accounts by their transfers.
_TRIAL_BALANCE = """
SELECT 'ledger_account', '*', format('debits_posted_fen=%%s', debits), format('credits_posted_fen=%%s', credits)
FROM (
    SELECT coalesce(sum(debits), 0) AS debits, coalesce(sum(credits), 0) AS credits
    FROM (
        SELECT sum(debits_posted_fen) AS debits, sum(credits_posted_fen) AS credits FROM ledger_account WHERE counted
        UNION ALL
        SELECT sum(amount_fen), 0 FROM ledger_transfer AS transfer
        JOIN ledger_account AS account ON account.id = transfer.debit_account_id AND NOT account.counted
        WHERE kind IN (0, 2)
        UNION ALL
        SELECT 0, sum(amount_fen) FROM ledger_transfer AS transfer
        JOIN ledger_account AS account ON account.id = transfer.credit_account_id AND NOT account.counted
        WHERE kind IN (0, 2)
    ) AS part
) AS total
WHERE debits <> credits
"""

# Recomputed otherwise than the trigger counts: pending is what no settlement or release names, not a running difference.
_COUNTERS = """
WITH standing AS NOT MATERIALIZED (
    SELECT debit_account_id, credit_account_id, 0::bigint AS pending, amount_fen AS posted
    FROM ledger_transfer WHERE kind IN (0, 2)
    UNION ALL
    SELECT debit_account_id, credit_account_id, amount_fen, 0
    FROM ledger_transfer AS reservation
    WHERE kind = 1
      AND NOT EXISTS (SELECT FROM ledger_transfer AS resolution WHERE resolution.pending_id = reservation.id)
), debits AS (
    SELECT debit_account_id AS id, sum(pending) AS pending, sum(posted) AS posted FROM standing GROUP BY 1
), credits AS (
    SELECT credit_account_id AS id, sum(pending) AS pending, sum(posted) AS posted FROM standing GROUP BY 1
), compared AS (
    SELECT account.id, coalesce(debits.pending, 0) AS debits_pending, coalesce(debits.posted, 0) AS debits_posted,
           coalesce(credits.pending, 0) AS credits_pending, coalesce(credits.posted, 0) AS credits_posted,
           debits_pending_fen, debits_posted_fen, credits_pending_fen, credits_posted_fen
    FROM ledger_account AS account LEFT JOIN debits USING (id) LEFT JOIN credits USING (id)
    WHERE counted
)
SELECT 'ledger_account', id::text,
       format('debits_pending_fen=%%s debits_posted_fen=%%s credits_pending_fen=%%s credits_posted_fen=%%s',
              debits_pending, debits_posted, credits_pending, credits_posted),
       format('debits_pending_fen=%%s debits_posted_fen=%%s credits_pending_fen=%%s credits_posted_fen=%%s',
              debits_pending_fen, debits_posted_fen, credits_pending_fen, credits_posted_fen)
FROM compared
WHERE (debits_pending, debits_posted, credits_pending, credits_posted)
      <> (debits_pending_fen, debits_posted_fen, credits_pending_fen, credits_posted_fen)
"""

_CONTROL_ACCOUNTS = """
SELECT 'ledger_account', id::text,
       'debits_pending_fen=0 debits_posted_fen=0 credits_pending_fen=0 credits_posted_fen=0',
       format('debits_pending_fen=%%s debits_posted_fen=%%s credits_pending_fen=%%s credits_posted_fen=%%s',
              debits_pending_fen, debits_posted_fen, credits_pending_fen, credits_posted_fen)
FROM ledger_account
WHERE NOT counted AND (debits_pending_fen, debits_posted_fen, credits_pending_fen, credits_posted_fen) <> (0, 0, 0, 0)
"""

_CAPS = """
SELECT 'ledger_account', id::text, format('%%s <= %%s', cap, room), format('%%s = %%s', cap, used)
FROM (
    SELECT id, cap, CASE cap WHEN 'debits' THEN credits_posted_fen ELSE debits_posted_fen END AS room,
           CASE cap WHEN 'debits' THEN debits_pending_fen + debits_posted_fen
                    ELSE credits_pending_fen + credits_posted_fen END AS used
    FROM ledger_account WHERE cap <> ''
) AS capped
WHERE used > room
"""

_CHART = """
SELECT 'ledger_account', account.id::text,
       format('type_code=%%s counted=%%s cap=%%s', chart.code, chart.counted, chart.cap),
       format('type_code=%%s counted=%%s cap=%%s', account.type_code, account.counted, account.cap)
FROM ledger_account AS account
LEFT JOIN unnest(%(codes)s::text[], %(counted)s::bool[], %(caps)s::text[]) AS chart (code, counted, cap)
    ON chart.code = account.type_code
WHERE (account.counted, account.cap) IS DISTINCT FROM (chart.counted, chart.cap)
UNION ALL
SELECT 'ledger_account', own.number::text, format('type_code=%%s owner=', own.code),
       CASE WHEN account.id IS NOT NULL THEN format('type_code=%%s owner=%%s', account.type_code, account.owner) END
FROM unnest(%(own_codes)s::text[], %(own_numbers)s::bigint[]) AS own (code, number)
LEFT JOIN ledger_account AS account ON account.id = own.number
WHERE account.type_code IS DISTINCT FROM own.code OR account.owner IS NOT NULL
"""

_ENTRY_OF_TRANSFER = """
SELECT 'ledger_transfer', transfer.id::text, format('ledger_entry %%s', transfer.entry_id), NULL
FROM ledger_transfer AS transfer
WHERE NOT EXISTS (SELECT FROM ledger_entry AS entry WHERE entry.id = transfer.entry_id)
"""

_ACCOUNTS_OF_TRANSFER = """
SELECT 'ledger_transfer', transfer.id::text, format('ledger_account %%s', transfer.debit_account_id), NULL
FROM ledger_transfer AS transfer
WHERE NOT EXISTS (SELECT FROM ledger_account AS account WHERE account.id = transfer.debit_account_id)
UNION ALL
SELECT 'ledger_transfer', transfer.id::text, format('ledger_account %%s', transfer.credit_account_id), NULL
FROM ledger_transfer AS transfer
WHERE NOT EXISTS (SELECT FROM ledger_account AS account WHERE account.id = transfer.credit_account_id)
"""

_TRANSFERS_OF_ENTRY = """
SELECT 'ledger_entry', entry.id::text, 'ledger_transfer', NULL
FROM ledger_entry AS entry
WHERE NOT EXISTS (SELECT FROM ledger_transfer AS transfer WHERE transfer.entry_id = entry.id)
"""

_RESOLVED_ONCE = """
SELECT 'ledger_transfer', pending_id::text, 'resolutions=1', format('resolutions=%%s', count(*))
FROM ledger_transfer WHERE pending_id IS NOT NULL
GROUP BY pending_id HAVING count(*) > 1
"""

_RESOLVED_WITHIN = """
SELECT 'ledger_transfer', resolution.id::text,
       format('pending_id=%%s debit_account_id=%%s credit_account_id=%%s amount_fen%%s%%s', resolution.pending_id,
              reservation.debit_account_id, reservation.credit_account_id,
              CASE resolution.kind WHEN 3 THEN '=' ELSE '<=' END, reservation.amount_fen),
       format('pending_id=%%s debit_account_id=%%s credit_account_id=%%s amount_fen=%%s', resolution.pending_id,
              resolution.debit_account_id, resolution.credit_account_id, resolution.amount_fen)
FROM ledger_transfer AS resolution
LEFT JOIN ledger_transfer AS reservation ON reservation.id = resolution.pending_id AND reservation.kind = 1
WHERE resolution.kind IN (2, 3)
  AND (reservation.id IS NULL
       OR (resolution.debit_account_id, resolution.credit_account_id)
          <> (reservation.debit_account_id, reservation.credit_account_id)
       OR resolution.amount_fen > reservation.amount_fen
       OR (resolution.kind = 3 AND resolution.amount_fen <> reservation.amount_fen))
"""

_BOOKED_ON = """
SELECT 'ledger_transfer', transfer.id::text, format('booked_on=%%s', entry.booked_on),
       format('booked_on=%%s', transfer.booked_on)
FROM ledger_transfer AS transfer JOIN ledger_entry AS entry ON entry.id = transfer.entry_id
WHERE transfer.booked_on <> entry.booked_on
"""

# The legs a reversal must have, less those it has: what it posted goes back, what was reserved is released.
_REVERSALS = """
WITH reversal AS (
    SELECT id, reverses_id FROM ledger_entry WHERE reverses_id IS NOT NULL
), leg AS (
    SELECT reversal.id, true AS expected, original.amount_fen,
           CASE original.kind WHEN 1 THEN 3 ELSE 0 END AS kind,
           CASE original.kind WHEN 1 THEN original.debit_account_id ELSE original.credit_account_id END AS debit,
           CASE original.kind WHEN 1 THEN original.credit_account_id ELSE original.debit_account_id END AS credit,
           CASE original.kind WHEN 1 THEN original.id END AS pending_id
    FROM reversal JOIN ledger_transfer AS original ON original.entry_id = reversal.reverses_id
    WHERE original.kind <> 3
    UNION ALL
    SELECT reversal.id, false, mirror.amount_fen, mirror.kind, mirror.debit_account_id, mirror.credit_account_id,
           mirror.pending_id
    FROM reversal JOIN ledger_transfer AS mirror ON mirror.entry_id = reversal.id
), counted AS (
    SELECT id, count(*) FILTER (WHERE expected) AS expected, count(*) FILTER (WHERE NOT expected) AS found,
           format('kind=%%s debit_account_id=%%s credit_account_id=%%s amount_fen=%%s pending_id=%%s',
                  kind, debit, credit, amount_fen, pending_id) AS leg
    FROM leg GROUP BY id, kind, debit, credit, amount_fen, pending_id
)
SELECT 'ledger_entry', id::text, format('%%s x (%%s)', expected, leg), format('%%s x (%%s)', found, leg)
FROM counted WHERE expected <> found
"""

_GUARDS = """
SELECT 'pg_trigger', expected.name, 'enabled', CASE WHEN present.tgname IS NOT NULL THEN 'disabled' END
FROM unnest(%(triggers)s::text[]) AS expected (name)
LEFT JOIN pg_trigger AS present ON present.tgname = expected.name
WHERE present.tgname IS NULL OR present.tgenabled NOT IN ('O', 'A')
UNION ALL
SELECT 'pg_constraint', expected.name, 'validated', CASE WHEN present.conname IS NOT NULL THEN 'not validated' END
FROM unnest(%(checks)s::text[]) AS expected (name)
LEFT JOIN pg_constraint AS present ON present.conname = expected.name
WHERE present.conname IS NULL OR NOT present.convalidated
UNION ALL
SELECT 'pg_index', expected.name, 'unique, valid', CASE WHEN present.relname IS NOT NULL THEN 'invalid' END
FROM unnest(%(unique)s::text[]) AS expected (name)
LEFT JOIN (pg_class AS present JOIN pg_index ON pg_index.indexrelid = present.oid) ON present.relname = expected.name
WHERE present.relname IS NULL OR NOT (pg_index.indisvalid AND pg_index.indisunique)
UNION ALL
SELECT 'pg_class', format('%%s to %%s', fact.name, %(role)s::text), format('no %%s', privilege.name), privilege.name
FROM unnest(%(facts)s::text[]) AS fact (name) CROSS JOIN (VALUES ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS privilege (name)
WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = %(role)s)
  AND CASE privilege.name WHEN 'UPDATE' THEN has_any_column_privilege(%(role)s, fact.name, privilege.name)
                          ELSE has_table_privilege(%(role)s, fact.name, privilege.name) END
"""


def guards(
    name: str,
    *,
    models: Sequence[type[Model]],
    facts: Sequence[type[Model]],
    triggers: Sequence[str],
) -> Check:
    """The rule that PostgreSQL guards these models: their constraints, these triggers, and no grant to change the facts."""
    constraints = [constraint for model in models for constraint in model._meta.constraints]
    tables = ", ".join(f"'{model._meta.db_table}'::regclass" for model in models)
    return Check(
        name,
        _("The database's own guards stand: triggers, constraints, and no grant to change facts."),
        f"pg_trigger WHERE tgrelid IN ({tables})",
        _GUARDS,
        {
            "triggers": [*triggers, *(c.name for c in constraints if isinstance(c, CheckOnInsert))],
            "checks": [c.name for c in constraints if type(c) is CheckConstraint],
            "unique": [c.name for c in constraints if isinstance(c, UniqueConstraint)],
            "facts": [model._meta.db_table for model in facts],
            "role": settings.DATABASE_ROLE,
        },
    )


CHECKS: tuple[Check, ...] = (
    Check(
        "trial_balance",
        _("Over all accounts, debits equal credits."),
        "ledger_transfer",
        _TRIAL_BALANCE,
    ),
    Check(
        "counters",
        _(
            "The counters of every counted account are the sums of its transfers, posted and pending, on both sides."
        ),
        "ledger_account WHERE counted",
        _COUNTERS,
    ),
    Check(
        "control_accounts",
        _("Control accounts are summed: none has a counter."),
        "ledger_account WHERE NOT counted",
        _CONTROL_ACCOUNTS,
    ),
    Check("caps", _("No account is beyond its cap."), "ledger_account WHERE cap <> ''", _CAPS),
    Check(
        "chart",
        _(
            "Every account is counted and capped as its type in the chart of accounts, and the lender's own exist."
        ),
        "ledger_account",
        _CHART,
        {
            "codes": list(CHART),
            "counted": [account_type.counted for account_type in CHART.values()],
            "caps": [account_type.cap.value for account_type in CHART.values()],
            "own_codes": [code for code, account_type in CHART.items() if account_type.number is not None],
            "own_numbers": [a.number for a in CHART.values() if a.number is not None],
        },
    ),
    Check(
        "entry_of_transfer",
        _("Every transfer belongs to an entry that exists."),
        "ledger_transfer",
        _ENTRY_OF_TRANSFER,
    ),
    Check(
        "accounts_of_transfer",
        _("Every transfer moves between accounts that exist."),
        "ledger_transfer",
        _ACCOUNTS_OF_TRANSFER,
    ),
    Check("transfers_of_entry", _("Every entry has transfers."), "ledger_entry", _TRANSFERS_OF_ENTRY),
    Check(
        "resolved_once",
        _("No reservation is settled or released twice."),
        "ledger_transfer WHERE kind = 1",
        _RESOLVED_ONCE,
    ),
    Check(
        "resolved_within",
        _("Settlements and releases keep to the accounts and the amount of what they resolve."),
        "ledger_transfer WHERE kind IN (2, 3)",
        _RESOLVED_WITHIN,
    ),
    Check(
        "booked_on",
        _("Every transfer is booked on the day of its entry."),
        "ledger_transfer",
        _BOOKED_ON,
    ),
    Check(
        "reversals",
        _("Every reversal is the mirror of what it reverses."),
        "ledger_entry WHERE reverses_id IS NOT NULL",
        _REVERSALS,
    ),
    guards(
        "guards",
        models=(Account, Entry, Transfer),
        facts=(Account, Entry, Transfer),
        triggers=(
            "ledger_account_is_not_deleted",
            "ledger_account_is_not_truncated",
            "ledger_account_keeps_its_nature",
            "ledger_entry_is_append_only",
            "ledger_entry_is_not_truncated",
            "ledger_transfer_counts",
            "ledger_transfer_is_append_only",
            "ledger_transfer_is_not_truncated",
            "ledger_transfer_resolves_its_pending",
        ),
    ),
)


@contextmanager
def _snapshot() -> Iterator[None]:
    """One state of the books for all checks, while postings go on; inside a transaction, that transaction's."""
    outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # Sums over millions of transfers are grouped in memory.
        cursor.execute("SET LOCAL work_mem = '128MB'")
        yield


def verify(checks: Iterable[Check] = CHECKS) -> Generator[Finding, None, None]:
    """
    Runs the checks in their order on one state of the books, and yields what each found as soon as it is known.

    Reads only, and locks nothing. The transaction ends with the iteration: exhaust it, or close it.
    """
    counts: dict[str, int] = {}
    with _snapshot():
        for check in checks:
            started = time.perf_counter()
            if check.examines not in counts:
                counts[check.examines] = int(value(f"SELECT count(*) FROM {check.examines}"))  # noqa: S608
            faults = tuple(islice(check.find(), FAULTS_SHOWN + 1) if check.find else _selected(check))
            seconds = time.perf_counter() - started
            more = len(faults) > FAULTS_SHOWN
            yield Finding(check, counts[check.examines], seconds, faults[:FAULTS_SHOWN], more)


def _selected(check: Check) -> Iterator[Fault]:
    rows = fetch_all(
        f"SELECT * FROM ({check.sql}) AS fault (of, id, expected, found)"  # noqa: S608
        f" ORDER BY of, length(id), id LIMIT {FAULTS_SHOWN + 1}",
        check.parameters,
    )
    return (Fault(*row) for row in rows)
