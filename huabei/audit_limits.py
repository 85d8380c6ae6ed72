"""The proof of what was done to lines themselves: limits, freezes and ends, against the lines and the ledger."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from huabei.models import BulkFreeze, BulkThaw
from ledger.audit import Check, guards

# Each change follows from the one before, the first from what was granted; and the last one is what stands.
_CHANGES = """
WITH change AS (
    SELECT change.*, lag(after_fen) OVER (PARTITION BY line_id ORDER BY change.id) AS left_fen,
           lead(after_fen) OVER (PARTITION BY line_id ORDER BY change.id) IS NULL AS is_last
    FROM huabei_limitchange AS change
)
SELECT 'huabei_limitchange', change.id::text,
       format('before=%%s stands=%%s granted=%%s taken=%%s', coalesce(left_fen, opened.fen), after_fen,
              greatest(after_fen - before_fen, 0), greatest(before_fen - after_fen, 0)),
       format('before=%%s stands=%%s granted=%%s taken=%%s', before_fen,
              CASE WHEN is_last THEN line.limit_fen ELSE after_fen END, moved.granted - moved.taken, moved.taken)
FROM change
JOIN huabei_line AS line ON line.id = change.line_id
LEFT JOIN LATERAL (
    SELECT transfer.amount_fen AS fen
    FROM ledger_entry AS entry JOIN ledger_transfer AS transfer ON transfer.entry_id = entry.id
    WHERE entry.reference = 'line:' || line.id || ':granted'
) AS opened ON left_fen IS NULL
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_fen) FILTER (WHERE credit_account_id = line.commitment_account_id), 0) AS granted,
           coalesce(sum(amount_fen) FILTER (WHERE debit_account_id = line.commitment_account_id), 0) AS taken
    FROM ledger_transfer AS transfer WHERE transfer.entry_id = change.entry_id
) AS moved
WHERE before_fen IS DISTINCT FROM coalesce(left_fen, opened.fen) OR is_last AND line.limit_fen <> after_fen
   OR moved.granted <> abs(after_fen - before_fen) OR moved.taken <> greatest(before_fen - after_fen, 0)
"""

_TEMPORARY = """
SELECT 'huabei_line', line.id::text, format('lent for a time=%%s', coalesce(open.fen, 0)),
       format('lent for a time=%%s', line.temporary_fen)
FROM huabei_line AS line
LEFT JOIN (SELECT line_id, sum(amount_fen) AS fen FROM huabei_temporarylimit WHERE ended_on IS NULL GROUP BY line_id) AS open
    ON open.line_id = line.id
WHERE line.temporary_fen <> coalesce(open.fen, 0)
"""

_FROZEN = """
SELECT 'huabei_line', line.id::text, coalesce('frozen for ' || open.cause, 'not frozen'),
       format('%%s %%s', line.status, line.frozen_cause)
FROM huabei_line AS line
LEFT JOIN (SELECT DISTINCT ON (line_id) line_id, cause FROM huabei_freeze WHERE thawed_on IS NULL
           ORDER BY line_id, cause <> 'overdue', id) AS open ON open.line_id = line.id
WHERE line.status <> 'closed'
  AND (line.status, line.frozen_cause)
      <> (CASE WHEN open.cause IS NULL THEN 'active' ELSE 'frozen' END, coalesce(open.cause, ''))
"""

_CLOSED = """
SELECT 'huabei_line', line.id::text,
       CASE WHEN closure.line_id IS NULL THEN 'not closed' ELSE 'closed, without a limit' END,
       format('%%s, limit %%s', line.status, line.limit_fen)
FROM huabei_line AS line LEFT JOIN huabei_closure AS closure ON closure.line_id = line.id
WHERE (line.status = 'closed') <> (closure.line_id IS NOT NULL) OR line.status = 'closed' AND line.limit_fen > 0
"""

LIMITS: tuple[Check, ...] = (
    Check(
        "line_limit_changes",
        _(
            "Changes of a limit follow each other from what was granted to what stands, as their entries posted."
        ),
        "huabei_limitchange",
        _CHANGES,
    ),
    Check(
        "line_temporary",
        _("What of a limit is for a time is what its temporary limits add up to."),
        "huabei_temporarylimit",
        _TEMPORARY,
    ),
    Check(
        "line_frozen",
        _("A line is frozen exactly while one of its freezes is open."),
        "huabei_freeze",
        _FROZEN,
    ),
    Check(
        "line_closed", _("A closed line has no limit, and a fact that says why."), "huabei_closure", _CLOSED
    ),
    guards(
        "bulk_freeze_guards",
        models=(BulkFreeze, BulkThaw),
        facts=(BulkFreeze, BulkThaw),
        triggers=(
            "huabei_bulkthaw_is_append_only",
            "huabei_bulkthaw_is_not_truncated",
            "huabei_bulkfreeze_is_append_only",
            "huabei_bulkfreeze_is_not_truncated",
            "huabei_bulkfreeze_undoes_its_like",
            "huabei_freeze_keeps_its_bulk",
        ),
    ),
)
