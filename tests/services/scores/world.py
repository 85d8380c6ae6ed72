"""A world of 2,000 generated people with six months of history each, and what its tests need."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from contextlib import closing as closing_file
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

from creditscore.card_histories import HistoryFile
from creditscore.services.import_histories import imported_national_id
from creditscore.services.training import Training
from customers.identity import synthetic_national_id
from customers.selectors import find_by_national_id
from customers.services import Registration, register_customers

PEOPLE = 2_000
NEWEST = date(2026, 5, 1)
AS_OF = date(2026, 6, 5)
ON = date(2026, 6, 6)
NOW = datetime(2026, 6, 5, 4, tzinfo=UTC)


class World:
    """The people's file and the model that was trained on them."""

    def __init__(self, file: Path, trained: Training) -> None:
        self.file = file
        self.trained = trained
        with closing_file(HistoryFile(file).rows()) as rows:
            self.rows = list(rows)

    def national_id(self, n: int) -> str:
        return imported_national_id(self.rows[n], source="synthetic", newest_month=NEWEST)

    def customer(self, n: int) -> UUID:
        customer = find_by_national_id(self.national_id(n))
        assert customer is not None
        return customer.id


def rewritten(file: Path, change: Callable[[int, dict[str, str]], None], name: str) -> Path:
    """A copy of a file of histories with something changed in each row."""
    target = file.parent / name
    with gzip.open(file, "rt", newline="") as source, target.open("w", newline="") as text:
        reader = csv.DictReader(source)
        writer = csv.DictWriter(text, reader.fieldnames or ())
        writer.writeheader()
        for number, row in enumerate(reader):
            change(number, row)
            writer.writerow(row)
    return target


def newcomer(sequence: int, registered_on: date = ON) -> UUID:
    """Somebody of whom nothing is known."""
    national_id = synthetic_national_id(date(1990, 1, 1), sequence)
    return register_customers(registrations=[Registration("客户", national_id, None, False, registered_on)])[
        0
    ]
