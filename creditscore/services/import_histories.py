"""Importing what another lender knows about people: customers, months of their accounts, outcomes, all or nothing."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from creditscore.card_histories import LARGEST_ID, MONTHS, CardHistory, HistoryFile
from creditscore.models import MaritalStatus, Outcome, ProtectedAttributes, Sex
from creditscore.services.locks import Lock, hold
from creditscore.services.observations import (
    ObservationConflict,
    ObservedMonth,
    ObservedOutcome,
    record_account_months,
    record_outcomes,
)
from customers.identity import SYNTHETIC_PER_BIRTH_DATE, synthetic_national_id
from customers.services import Registration, register_customers
from finance.dates import add_months
from finance.errors import DomainError

UCI = "uci"
UCI_NEWEST_MONTH = date(2005, 9, 1)
FEN_PER_UNIT = 100

_SHANGHAI = ZoneInfo("Asia/Shanghai")
_CHUNK = 5_000
_SEX = {1: Sex.MALE, 2: Sex.FEMALE}
_MARRIAGE = {
    0: MaritalStatus.UNKNOWN,
    1: MaritalStatus.MARRIED,
    2: MaritalStatus.SINGLE,
    3: MaritalStatus.OTHER,
}


class ImportRefused(DomainError):
    """The file contradicts what was imported from the same source before."""

    code = "import_refused"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import found in the file, and how much of it was new."""

    source: str
    newest_month: date
    people: int
    new_people: int
    account_months: int
    new_account_months: int
    defaulted: int
    first_national_id: str

    @property
    def nothing_new(self) -> bool:
        return not (self.new_people or self.new_account_months)


def import_histories(
    *,
    file: Path,
    source: str = UCI,
    newest_month: date | None = None,
    on_progress: Callable[[int, float], None] | None = None,
) -> Imported:
    """
    Imports a file of card histories (see `creditscore.card_histories`) in one transaction: all, or on any error nothing.

    Each row becomes a customer with a national ID that nobody real has, the same one whenever the row is imported; six
    observations of an account at `source`, each known from the first instant after its month; an outcome for the month after
    the newest; and the protected attributes. Amounts are whole units of currency, taken as yuan. `newest_month` (a first of
    month) places the newest of the six; None means where this source's people were placed before, else September 2005.
    Importing again records nothing new; a second import at the same time waits for the first. `on_progress` is told the
    people so far and the share of the file that was read. Errors: BadHistoryFile; ImportRefused when a row was imported
    before with other figures or another newest month.
    """
    with transaction.atomic():
        hold(Lock.IMPORT)
        newest = _placement(source, newest_month)
        chunk_import = _ChunkImport(source, newest)
        histories = HistoryFile(file)
        with closing(histories.rows()) as rows:
            while chunk := list(islice(rows, _CHUNK)):
                chunk_import.record(chunk)
                if on_progress:
                    on_progress(chunk_import.people, histories.position / max(histories.size, 1))
    return chunk_import.imported()


def _placement(source: str, wanted: date | None) -> date:
    """The newest month of this source's histories. Error: ImportRefused when they stand elsewhere already."""
    block = _block(source)
    for other in Outcome.objects.exclude(source=source).values_list("source", flat=True).distinct():
        if _block(other) == block:
            raise ImportRefused(
                _("the national IDs for source %(source)s are in use for %(other)s: choose another name")
                % {"source": source, "other": other},
                field="source",
            )
    first = Outcome.objects.filter(source=source).order_by("month").first()
    if first is None:
        return wanted or UCI_NEWEST_MONTH
    placed = add_months(first.month, -1)
    if wanted is not None and wanted != placed:
        raise ImportRefused(
            _(
                "source %(source)s was imported with %(placed)s as its newest month, not %(wanted)s: leave the month "
                "out, or import other people under another source name"
            )
            % {"source": source, "placed": f"{placed:%Y-%m}", "wanted": f"{wanted:%Y-%m}"},
            field="last-month",
        )
    return placed


class _ChunkImport:
    """Records chunk after chunk of one source's rows and counts them."""

    def __init__(self, source: str, newest: date) -> None:
        self.source = source
        self.newest = newest
        self.people = self.new_people = self.new_account_months = self.defaulted = 0
        self.first_national_id = ""
        self._months = [add_months(newest, -age) for age in range(MONTHS)]
        # The lender reports a month when it is over.
        self._ends = [_first_instant_after(month) for month in self._months]

    def record(self, rows: Sequence[CardHistory]) -> None:
        """Customers, observations, outcomes and protected attributes of some rows, by one statement each."""
        registrations = [self._registration(row) for row in rows]
        customer_ids = register_customers(registrations=registrations)
        try:
            self.new_account_months += record_account_months(months=self._account_months(rows, customer_ids))
            self.new_people += record_outcomes(outcomes=self._outcomes(rows, customer_ids))
        except ObservationConflict as conflict:
            raise ImportRefused(
                _(
                    "%(conflict)s. If these are other people than those imported from source %(source)s, import them "
                    "under a source name of their own"
                )
                % {"conflict": conflict.message, "source": self.source},
                field=conflict.field,
            ) from conflict
        ProtectedAttributes.objects.bulk_create(
            [
                ProtectedAttributes(
                    customer_id=customer_id,
                    sex=_SEX[row.sex],
                    marital_status=_MARRIAGE[row.marriage],
                    birth_year=born_on(row, self.newest).year,
                )
                for row, customer_id in zip(rows, customer_ids, strict=True)
            ],
            ignore_conflicts=True,
        )
        self.first_national_id = self.first_national_id or registrations[0].national_id
        self.people += len(rows)
        self.defaulted += sum(row.defaulted for row in rows)

    def imported(self) -> Imported:
        return Imported(
            source=self.source,
            newest_month=self.newest,
            people=self.people,
            new_people=self.new_people,
            account_months=self.people * MONTHS,
            new_account_months=self.new_account_months,
            defaulted=self.defaulted,
            first_national_id=self.first_national_id,
        )

    def _registration(self, row: CardHistory) -> Registration:
        after = add_months(self.newest, 1)
        return Registration(
            full_name=f"客户 {row.id:06d}",
            national_id=imported_national_id(row, source=self.source, newest_month=self.newest),
            phone=None,
            is_student=False,
            registered_on=after,
            identity_verified_on=after,
        )

    def _account_months(
        self, rows: Sequence[CardHistory], customer_ids: Sequence[UUID]
    ) -> Iterator[ObservedMonth]:
        labels = [f":{month:%Y-%m}" for month in self._months]
        for row, customer_id in zip(rows, customer_ids, strict=True):
            account = f"{self.source}:{row.id}"
            limit_fen = row.limit * FEN_PER_UNIT
            for age, (month, end) in enumerate(zip(self._months, self._ends, strict=True)):
                yield ObservedMonth(
                    customer_id,
                    self.source,
                    "card",
                    account + labels[age],
                    month,
                    limit_fen,
                    row.statements[age] * FEN_PER_UNIT,
                    row.paid[age] * FEN_PER_UNIT,
                    row.months_late[age],
                    end,
                    end,
                )

    def _outcomes(
        self, rows: Sequence[CardHistory], customer_ids: Sequence[UUID]
    ) -> Iterator[ObservedOutcome]:
        month = add_months(self.newest, 1)
        end = _first_instant_after(month)
        for row, customer_id in zip(rows, customer_ids, strict=True):
            reference = f"{self.source}:{row.id}"
            yield ObservedOutcome(
                customer_id, self.source, reference, month, row.defaulted, row.row_number, end, end
            )


def imported_national_id(row: CardHistory, *, source: str, newest_month: date) -> str:
    """The national ID under which a row is imported: the same for the same row, source and newest month."""
    return synthetic_national_id(born_on(row, newest_month), _block(source) * (LARGEST_ID + 1) + row.id)


def born_on(row: CardHistory, newest_month: date) -> date:
    """A birthday by which the person is `row.age` years old when the newest month ends; birthdays spread over the year."""
    end = add_months(newest_month, 1) - timedelta(days=1)
    first = add_months(end, -12 * (row.age + 1)) + timedelta(days=1)
    return first + timedelta(days=row.id * 97 % 365)


def _block(source: str) -> int:
    """Which of the hundred blocks of synthetic sequences a source's people are in; UCI's is the first."""
    blocks = SYNTHETIC_PER_BIRTH_DATE // (LARGEST_ID + 1)
    return 0 if source == UCI else zlib.crc32(source.encode()) % (blocks - 1) + 1


def _first_instant_after(month: date) -> datetime:
    return datetime.combine(add_months(month, 1), time(), _SHANGHAI)
