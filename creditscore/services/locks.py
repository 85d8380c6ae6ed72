"""What happens one at a time in the whole installation: each has a number among PostgreSQL's advisory locks."""

from __future__ import annotations

from enum import IntEnum

from django.db import connection


class Lock(IntEnum):
    """The advisory locks of this app."""

    IMPORT = 7_301_001
    CHAMPION = 7_301_002
    PUBLICATION = 7_301_003


def hold(lock: Lock) -> None:
    """Waits for a lock and holds it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock.value])
