"""
What is drawn beyond a limit: after the limit was lowered, or when a payment bounced that had freed it.

The commitment of a line never covers less than what is drawn and held (PostgreSQL refuses that), so the excess has a
commitment of its own on the same account. Whatever comes back, by repayment, refund or release, takes the excess away first;
only then is any limit free again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from huabei.models import Line
from ledger.chart import COMMITMENT_CONTROL
from ledger.selectors import position
from ledger.sql import affected

_COVER = """
WITH line AS (
    UPDATE huabei_line SET excess_fen = excess_fen + %(fen)s WHERE id = %(line)s RETURNING id, commitment_account_id
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT nextval('ledger_entry_id_seq'), 'line:' || id || ':excess:' || currval('ledger_entry_id_seq'),
           'line.excess_covered', %(on)s, %(on)s FROM line
    RETURNING id
)
INSERT INTO ledger_transfer (entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
SELECT entry.id, 0, %(control)s, commitment_account_id, %(fen)s, %(on)s FROM line, entry
"""


def cover_excess(*, line: Line, needed_fen: int, on: date) -> int:
    """
    Makes room for drawing `needed_fen` whatever the limit says; returns by how much the line now exceeds it more.

    The line is locked by the caller. What is available is used first.
    """
    missing_fen = needed_fen - position(line.commitment_account_id).available_fen
    if missing_fen <= 0:
        return 0
    affected(
        _COVER, {"line": line.pk, "fen": missing_fen, "on": on, "control": COMMITMENT_CONTROL.control_id}
    )
    line.excess_fen += missing_fen
    return missing_fen


_ABSORB = """
WITH back AS (
    SELECT line.id, line.commitment_account_id, nextval('ledger_entry_id_seq') AS entry_id,
           least(excess_fen, credits_posted_fen - debits_posted_fen - debits_pending_fen) AS fen
    FROM huabei_line AS line JOIN ledger_account AS commitment ON commitment.id = line.commitment_account_id
    WHERE excess_fen > 0 AND credits_posted_fen > debits_posted_fen + debits_pending_fen
      AND (%(lines)s::bigint[] IS NULL OR line.id = ANY(%(lines)s))
    ORDER BY line.id FOR NO KEY UPDATE OF line
), entry AS (
    INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)
    SELECT entry_id, 'line:' || id || ':excess:' || entry_id, 'line.excess_absorbed', %(on)s, %(on)s FROM back
), moved AS (
    INSERT INTO ledger_transfer (entry_id, kind, debit_account_id, credit_account_id, amount_fen, booked_on)
    SELECT entry_id, 0, commitment_account_id, %(control)s, fen, %(on)s FROM back
)
UPDATE huabei_line AS line SET excess_fen = line.excess_fen - back.fen FROM back WHERE line.id = back.id
"""


def absorb_excess(*, line_ids: Sequence[int] | None, on: date) -> int:
    """
    Takes away what these lines (None: all) are in excess, as far as something is available again; returns how many changed.

    For the transaction in which it came back: nobody else can draw on it in between.
    """
    ids = None if line_ids is None else list(line_ids)
    return affected(_ABSORB, {"lines": ids, "on": on, "control": COMMITMENT_CONTROL.control_id})
