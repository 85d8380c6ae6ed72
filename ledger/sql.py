"""Running one SQL statement on the default database; the set-based rules of the products go through here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

Parameters = Mapping[str, Any] | Sequence[Any]


def fetch_all(sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    """Every row that the statement returns."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def fetch_one(sql: str, parameters: Parameters = ()) -> tuple[Any, ...] | None:
    """The first row that the statement returns, None when it returns no row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def affected(sql: str, parameters: Parameters = ()) -> int:
    """How many rows the statement wrote."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def value(sql: str, parameters: Parameters = ()) -> Any:
    """The first column of the one row that the statement returns. LookupError when there is none."""
    row = fetch_one(sql, parameters)
    if row is None:
        raise LookupError("the statement returned no row")
    return row[0]
