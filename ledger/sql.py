"""Running one SQL statement on the default database; the set-based rules of the products go through here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Model
from psycopg import Cursor
from psycopg.types.numeric import Int8

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


def fetch_one_prepared(sql: str, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """
    The first row that the statement returns, for a statement that runs all the time: PostgreSQL parses and plans it once per
    connection and then is sent only the values.

    Django's own cursor puts the values into the text, so every call is a new statement to plan. Whole numbers are sent as
    bigint whatever their size, so that one plan serves them all; what PostgreSQL cannot infer the type of needs a cast in
    the SQL. A connection with prepare_threshold None (some poolers want that) plans every time.
    """
    database = connections[DEFAULT_DB_ALIAS]  # itself, not the proxy, which looks for it at every word
    database.validate_no_broken_transaction()
    database.close_if_health_check_failed()
    database.ensure_connection()
    values = {name: Int8(value) if type(value) is int else value for name, value in parameters.items()}
    with database.wrap_database_errors, Cursor(database.connection) as cursor:
        cursor.execute(sql, values, prepare=True)
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


def one_at_a_time(what: str) -> None:
    """Until the transaction ends, whoever else asks for the same waits here."""
    value("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [what])


def rewrite(rows: Sequence[Model]) -> int:
    """
    Brings the stored rows of one model to what these say, found by primary key, and says how many there were: one statement.

    Where Django's bulk_update writes a CASE for every field of every row, the rows travel as one JSON document here.
    """
    if not rows:
        return 0
    meta = rows[0]._meta
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    quoted = connection.ops.quote_name
    table, key = quoted(meta.db_table), str(meta.pk.column)
    names = [quoted(str(field.column)) for field in fields]
    said = [{field.column: getattr(row, field.attname) for field in fields} | {key: row.pk} for row in rows]
    return affected(
        f"UPDATE {table} AS had SET {', '.join(f'{name} = new.{name}' for name in names)} "  # noqa: S608
        f"FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb) AS new WHERE had.{quoted(key)} = new.{quoted(key)}",
        [json.dumps(said, cls=DjangoJSONEncoder)],
    )
