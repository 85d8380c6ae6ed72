"""What lines tell the other products of a customer: what is late. A closed line is asked as well."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from ledger.sql import fetch_all

_LATE = """
SELECT line.customer_id, sum(due.outstanding_fen)::bigint, min(due.due_on)
FROM huabei_line AS line JOIN huabei_due AS due ON due.line_id = line.id
WHERE line.customer_id = ANY(%(customers)s) AND due.outstanding_fen > 0 AND due.due_on < %(on)s
GROUP BY line.customer_id
"""


def late(customers: Sequence[UUID], on: date) -> list[tuple[UUID, int, date]]:
    """Of these customers, who is late with a line on a date: how much of minimum dues, in fen, and since which day."""
    return fetch_all(_LATE, {"customers": list(customers), "on": on})
