"""
Which lines a step of the close concerns, and how it holds them.

A step takes the ids of the lines that it is for, None for all. Of all, those are left out that have lived through this close
already, since something happened to them on the next day (`huabei.services.mornings`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from ledger.sql import value

Lines = Sequence[int] | None

_NOT_MADE_UP = (
    "AND NOT EXISTS (SELECT FROM huabei_madeup WHERE line_id = {column} AND closed_on = %(closed)s)"
)


def scoped(sql: str, column: str, lines: Lines) -> str:
    """The statement for these lines only, or for all that are not through this close; its `closed` is the day closed."""
    made = _NOT_MADE_UP.format(column=column) if lines is None else f"AND {column} = ANY(%(lines)s)"
    return sql.replace("/* scope */", made)


_HOLD = """
SELECT coalesce(array_agg(id), '{}')
FROM (SELECT id FROM huabei_line AS line WHERE /* concerned */ ORDER BY id FOR NO KEY UPDATE) AS held
"""

_NOT_THROUGH = """
SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM unnest(%(held)s::bigint[]) AS line (id) WHERE true /* scope */
"""


def held(concerned: str, column: str, parameters: Mapping[str, Any]) -> list[int]:
    """
    Locks the lines that a step concerns until the step's transaction ends, in the order of their ids; returns these.

    Repayments, refunds and captures lock their line too. A statement of SQL sees what was committed before it began, so the
    figures must be read by the statement after the one that waited for the locks: one that locks and reads would bill or
    charge what a repayment it waited for had just paid. So are the lines left out that lived through this close while they
    were waited for. Outside a transaction nothing would be held: RuntimeError.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a step of the close runs in a transaction")
    sql = scoped(_HOLD.replace("/* concerned */", concerned), column, parameters["lines"])
    ids: list[int] = value(sql, parameters)
    if ids and parameters["lines"] is None:
        ids = value(scoped(_NOT_THROUGH, "line.id", None), {**parameters, "held": ids})
    return ids
