"""Reading the features of people from the database: the one SQL definition, for one person or for many, as of a date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from uuid import UUID

import numpy as np
from django.db import connection

from creditscore.engine.features import CATALOGUE, FloatArray, IntArray, column_order
from ledger.sql import fetch_all

BATCH = 8_192


@dataclass(frozen=True, slots=True, eq=False)
class FeatureRows:
    """
    The features of those who have any history in the window, in the order of `customer_ids`.

    `values`: (people × features of the catalogue), NULL as NaN; `months_known`: months of history in the window.
    """

    customer_ids: list[UUID]
    months_known: IntArray
    values: FloatArray


@lru_cache(maxsize=1)
def features_sql() -> str:
    """`creditscore/sql/features.sql`."""
    return (Path(__file__).parent / "sql" / "features.sql").read_text()


def feature_rows(*, as_of: date, customer_ids: Sequence[UUID]) -> FeatureRows:
    """The features of these people from what was known at the end of `as_of` in Shanghai; who has none is left out."""
    with connection.cursor() as cursor:
        cursor.execute(features_sql(), {"as_of": as_of, "customer_ids": list(customer_ids)})
        columns = [column.name for column in cursor.description]
        rows = cursor.fetchall()
    if not rows:
        return FeatureRows([], np.empty(0, dtype=np.int64), np.empty((0, len(CATALOGUE.names))))
    person, months = columns.index("customer_id"), columns.index("months_known")
    wanted = itemgetter(*column_order(CATALOGUE, columns))
    return FeatureRows(
        customer_ids=[row[person] for row in rows],
        months_known=np.array([row[months] for row in rows], dtype=np.int64),
        values=np.array([wanted(row) for row in rows], dtype=np.float64),
    )


def feature_batches(
    *, as_of: date, customer_ids: Sequence[UUID], size: int = BATCH
) -> Iterator[tuple[Sequence[UUID], FeatureRows]]:
    """The people in batches of `size` in the order given, each with the features of those in it who have any."""
    for start in range(0, len(customer_ids), size):
        batch = customer_ids[start : start + size]
        yield batch, feature_rows(as_of=as_of, customer_ids=batch)


_EVER_KNOWN = """
SELECT person.id FROM unnest(%(ids)s::uuid[]) AS person (id)
WHERE EXISTS (SELECT FROM creditscore_accountmonth WHERE customer_id = person.id
              AND known_at < (%(as_of)s::date + 1)::timestamp AT TIME ZONE 'Asia/Shanghai')
"""


def ever_known(*, as_of: date, customer_ids: Sequence[UUID]) -> set[UUID]:
    """Those of whom anything at all, however old, was known on a date."""
    if not customer_ids:
        return set()
    return {
        customer_id for (customer_id,) in fetch_all(_EVER_KNOWN, {"ids": list(customer_ids), "as_of": as_of})
    }
