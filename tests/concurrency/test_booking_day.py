"""The business date does not move under somebody who is writing to the books, and nobody writes on a day that is over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.test import Client

from huabei.models import Line, Repayment
from ledger.audit import verify
from operations.audit import CHECKS
from operations.services import closing
from tests.borrowers import borrower, buys, lived_until, login_of, opened_line, repays, shop
from tests.concurrency.waiting import wait_until_somebody_waits

MOVE = "UPDATE operations_businessday SET business_on = business_on + 1"
DAY = date(2026, 7, 20)


def test_the_date_stands_still_while_somebody_books_on_it(committed_db: str) -> None:
    closing.set_business_date(on=DAY)
    other = connection.copy()
    try:
        with closing.booking_day() as on, other.cursor() as cursor:
            assert on == DAY
            cursor.execute("SELECT business_on FROM operations_businessday FOR SHARE")  # another books too
            cursor.execute("SET lock_timeout = '100ms'")
            with pytest.raises(OperationalError, match="lock timeout"):
                cursor.execute(MOVE)
    finally:
        other.close()


def _repays(line: Line) -> int:
    client = Client()
    client.force_login(login_of(line.customer))
    try:
        sent = {"pay": "950.00", "key": str(uuid4())}
        return client.post(f"/line/{line.uuid}/repay/", sent).status_code
    finally:
        connection.close()


def test_a_page_sent_while_the_date_moves_pays_on_the_new_day(committed_db: str) -> None:
    line = opened_line(borrower())
    lived_until(date(2026, 6, 5))
    buys(line, shop(), "1000.00", on=date(2026, 6, 5))
    lived_until(date(2026, 7, 10))
    repays(line, "100.00", on=date(2026, 7, 10))
    lived_until(DAY)
    other = connection.copy()
    with ThreadPoolExecutor(1) as borrowers:
        try:
            other.set_autocommit(False)
            with other.cursor() as cursor:
                cursor.execute(MOVE)
            paying = borrowers.submit(_repays, line)
            wait_until_somebody_waits()
            other.commit()
        finally:
            other.close()  # whatever happened, the thread need not wait for it
        assert paying.result(timeout=30) == 302

    assert Repayment.objects.get(amount_fen=950_00).received_on == DAY + timedelta(days=1)
    assert all(not result.done_before for result in closing.close_day(closed_on=DAY))
    lived_until(DAY + timedelta(days=3))
    assert [finding.check.name for finding in verify(CHECKS) if not finding.holds] == []
