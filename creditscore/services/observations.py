"""
Recording facts about people: months of their credit accounts, and whether they defaulted.

Set-based: a list of one and a list of a million take the same way, COPY into a temporary table and one INSERT. Each fact is
recorded once, by its reference; the same reference with other figures is refused, and nothing of the list is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from finance.errors import DomainError, Kind


class ObservationConflict(DomainError):
    """A reference was recorded before with other figures; `field` names the first figure that differs."""

    code = "observation_conflict"
    kind = Kind.CONFLICT

    def __init__(self, message: str, *, reference: str, field: str) -> None:
        super().__init__(message, field=field)
        self.reference = reference


class ObservedMonth(NamedTuple):
    """
    One month of one credit account as `source` reports it; see `AccountMonth`. Amounts in fen, `month` its first day.

    `occurred_at` is when the month's statement stood, `known_at` from when on a score may use it; both carry a time zone.
    """

    customer_id: UUID
    source: str
    account: str
    reference: str
    month: date
    limit_fen: int
    statement_fen: int
    paid_fen: int
    months_late: int
    occurred_at: datetime
    known_at: datetime


class ObservedOutcome(NamedTuple):
    """Whether a customer defaulted in `month` (its first day); see `Outcome`."""

    customer_id: UUID
    source: str
    reference: str
    month: date
    defaulted: bool
    row_number: int
    occurred_at: datetime
    known_at: datetime


def record_account_months(*, months: Iterable[ObservedMonth]) -> int:
    """
    Records months of accounts, all or none; returns how many were not known before. Some 60,000 a second.

    Repeating it records nothing. A correction is a month with a reference of its own and a later `known_at`. Errors:
    ObservationConflict when a reference was recorded with other figures; IntegrityError from the database for figures that
    cannot be (a month's date not the first, a negative limit, known before it happened).
    """
    return _record("creditscore_accountmonth", ObservedMonth._fields, months)


def record_outcomes(*, outcomes: Iterable[ObservedOutcome]) -> int:
    """Records outcomes, all or none; returns how many were not known before. Errors: as `record_account_months`."""
    return _record("creditscore_outcome", ObservedOutcome._fields, outcomes)


def _record(table: str, columns: Sequence[str], facts: Iterable[Sequence[object]]) -> int:
    """One COPY and one INSERT. In the order of the references, so that two lists wait for each other, not deadlock."""
    names = ", ".join(columns)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA"  # noqa: S608
        )
        given = 0
        with cursor.copy(f"COPY incoming ({names}) FROM STDIN") as copy:
            for given, fact in enumerate(facts, start=1):  # noqa: B007 - counted here, used below
                copy.write_row(fact)
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM incoming ORDER BY reference "  # noqa: S608
            "ON CONFLICT (reference) DO NOTHING"
        )
        recorded = int(cursor.rowcount)
        if recorded < given:
            _refuse_other_figures(cursor, table, columns)
        cursor.execute("DROP TABLE incoming")
    return recorded


def _refuse_other_figures(cursor: object, table: str, columns: Sequence[str]) -> None:
    """ObservationConflict for the first fact whose reference is on record with other figures."""
    given, known, given_of_other, known_of_other = (
        ", ".join(f"{side}.{column}" for column in columns)
        for side in ("incoming", "known", "(incoming)", "(known)")
    )
    # Materialised, so that the limit does not talk the planner into walking all that is known in order.
    cursor.execute(  # type: ignore[attr-defined]
        f"WITH other AS MATERIALIZED (SELECT incoming, known FROM incoming JOIN {table} AS known USING (reference) "  # noqa: S608
        f"WHERE ({given}) IS DISTINCT FROM ({known})) "
        f"SELECT {given_of_other}, {known_of_other} FROM other ORDER BY (known).reference LIMIT 1"
    )
    row = cursor.fetchone()  # type: ignore[attr-defined]
    if row is None:
        return
    new, old = (
        dict(zip(columns, row[: len(columns)], strict=True)),
        dict(zip(columns, row[len(columns) :], strict=True)),
    )
    field = next(column for column in columns if new[column] != old[column])
    raise ObservationConflict(
        _(
            "%(reference)s is on record with %(field)s %(known)s, and is given again with %(given)s: facts are corrected "
            "by a new observation with a reference of its own, never changed"
        )
        % {"reference": new["reference"], "field": field, "known": old[field], "given": new[field]},
        reference=str(new["reference"]),
        field=field,
    )
