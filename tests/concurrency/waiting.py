"""Acting while somebody waits for a lock."""

from __future__ import annotations

import pytest
from django.db import connection


def wait_until_somebody_waits() -> None:
    """Returns once some other connection waits for a lock; the test fails when none does for ten seconds."""
    for _ in range(1_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.01), (SELECT count(*) FROM pg_locks WHERE NOT granted)")
            if cursor.fetchone()[1]:
                return
    pytest.fail("nobody waits")
