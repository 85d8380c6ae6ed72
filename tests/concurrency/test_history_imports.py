"""Two imports of the same file at the same time, on a database in which transactions really commit."""

from __future__ import annotations

import threading
from pathlib import Path

from django.db import connection

from creditscore.models import AccountMonth, Outcome
from creditscore.services.import_histories import import_histories
from customers.models import Customer
from tests.services.test_import_histories import GOOD


def test_two_imports_at_once_record_everything_once(committed_db: str, tmp_path: Path) -> None:
    path = tmp_path / "histories.csv"
    path.write_text(GOOD)
    new: list[int] = []
    start = threading.Barrier(2)

    def run() -> None:
        try:
            start.wait(timeout=10)
            new.append(import_histories(file=path).new_people)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new) == [0, 2]
    assert (Customer.objects.count(), AccountMonth.objects.count(), Outcome.objects.count()) == (2, 12, 2)
