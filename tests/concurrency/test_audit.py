"""The audit while other work goes on."""

from __future__ import annotations

from datetime import date

import psycopg
from django.db import connection

from ledger import services
from ledger.audit import verify
from ledger.chart import COMMITMENT, COMMITMENT_CONTROL
from ledger.services import Draft, Leg

DAY = date(2026, 6, 1)


def test_all_checks_see_the_books_as_they_were_when_the_first_began(committed_db: str) -> None:
    line = services.open_account(account_type=COMMITMENT)
    leg = Leg(COMMITMENT_CONTROL.control_id, line, 10_000)
    services.post(draft=Draft(reference="grant", event="test", booked_on=DAY, legs=(leg,)))

    running = verify()
    first = next(running)
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as elsewhere:
        elsewhere.execute(
            "INSERT INTO ledger_entry (reference, event, booked_on, value_on) VALUES ('empty', 'test', %s, %s)",
            [DAY, DAY],
        )
    assert all(finding.holds for finding in (first, *running))
    assert [finding.check.name for finding in verify() if not finding.holds] == ["transfers_of_entry"]


def test_the_audit_can_write_nothing_and_leaves_the_connection_as_it_was(committed_db: str) -> None:
    def read_only() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            return str(cursor.fetchone()[0])

    running = verify()
    next(running)
    assert read_only() == "on"
    running.close()
    assert read_only() == "off"
