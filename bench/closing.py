"""The close of a day against COPYing the rows that it writes into the same tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

import psycopg

from bench import population
from bench.figures import Figure, ratio_of, say
from bench.server import BenchServer, use
from ledger.audit import verify
from operations.models import BusinessDay
from operations.services.closing import close_day, set_business_date

OPENED, FIRST_BILL, DUE = date(2026, 5, 20), date(2026, 6, 30), date(2026, 7, 10)
ORDINARY, BILL = date(2026, 7, 20), date(2026, 7, 31)
TRIGGER = "ledger_transfer_counts"


def open_book(server: BenchServer, name: str, *, lines: int, shops: int) -> list[int]:
    """A database of lines and merchants on which nothing has happened yet."""
    server.migrated(name)
    population.merchants(shops, on=OPENED)
    ids = population.lines(lines, on=OPENED)
    server.run_sql("VACUUM ANALYZE", database=name)
    return ids


def live_until_july(server: BenchServer, name: str, ids: list[int], *, shops: int) -> None:
    """
    Two months of the lines: seven tenths pay their first bill whole, two the minimum, one nothing, which is late.

    Before the second statement day every line that is not late bought something, and some holds expire every day.
    """
    use(name)
    whole = [line for line in ids if line % 10 < 7]
    minimum = [line for line in ids if line % 10 in (7, 8)]
    set_business_date(on=OPENED)
    may_skip(server, name)
    population.buy_each(ids, on=date(2026, 6, 5), shops=shops)
    close_skipping_to(FIRST_BILL)
    population.repay_each(whole, issued_on=date(2026, 7, 1), on=date(2026, 7, 5), whole=True)
    population.repay_each(minimum, issued_on=date(2026, 7, 1), on=date(2026, 7, 6), whole=False)
    close_skipping_to(DUE)
    server.run_sql("VACUUM ANALYZE", database=name)
    use(name)
    population.buy_each(whole + minimum, on=date(2026, 7, 12), shops=shops, round_=1)
    for n in range(2):
        population.authorise_each(
            [line for line in whole if line % 100 == n], on=date(2026, 7, 13), shops=shops, round_=2 + n
        )
    close_skipping_to(ORDINARY - _DAY)
    server.run_sql("VACUUM ANALYZE", database=name)
    use(name)
    broken = [finding.check.name for finding in verify() if not finding.holds]
    assert not broken, f"the books do not hold: {broken}"


_DAY = date(2026, 1, 2) - date(2026, 1, 1)


def may_skip(server: BenchServer, name: str) -> None:
    """The bench skips to the days that it measures; the guard that has the date move a day at a time would refuse."""
    server.run_sql(
        "ALTER TABLE operations_businessday DISABLE TRIGGER operations_businessday_moves_by_a_day",
        database=name,
    )


def close_skipping_to(on: date) -> float:
    """Closes one day, skipping to it; seconds, commits included."""
    BusinessDay.objects.update(business_on=on)
    started = time.perf_counter()
    for _step in close_day(closed_on=on):
        pass
    return time.perf_counter() - started


def eve_of(server: BenchServer, template: str, on: date) -> str:
    """
    A copy of a database in which the day before one is closed, and the bank is on that one; its name.

    A close finishes the day before first, which a skipped day would have it do within the measurement.
    """
    name = f"{template}_eve"
    server.create(name, template=template)
    use(name)
    close_skipping_to(on - _DAY)
    server.run_sql("VACUUM ANALYZE", database=name)
    use(name)
    return name


@dataclass(frozen=True, slots=True)
class Written:
    """What a close wrote: rows inserted and updated by table, and the rows themselves as COPY has them."""

    inserted: dict[str, int]
    updated: dict[str, int]
    new_rows: dict[str, bytes]
    new_versions: dict[str, bytes]

    @property
    def rows(self) -> int:
        return sum(self.inserted.values()) + sum(self.updated.values())


_COUNTS = """
SELECT relname, n_tup_ins, n_tup_upd FROM pg_stat_user_tables WHERE n_tup_ins + n_tup_upd > 0 ORDER BY relname
"""
_KEY = """
SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
WHERE indrelid = %s::regclass AND indisprimary
"""


def _written(server: BenchServer, name: str, since: int) -> Written:
    """The rows in this database written by transactions from number `since` on."""
    inserted, updated = {}, {}
    new_rows, new_versions = {}, {}
    with server.admin(name) as admin:
        for table, inserts, updates in admin.execute(_COUNTS).fetchall():
            if table in ("operations_businessday", "operations_closestep"):
                continue
            ((key,),) = admin.execute(_KEY, [table]).fetchall()
            recent = f"SELECT * FROM {table} WHERE xmin::text::bigint >= {since}"
            # Numbers ascend, so what was inserted has the highest ones.
            first_new = f"(SELECT {key} FROM {table} ORDER BY {key} DESC OFFSET {inserts} LIMIT 1)"
            if inserts:
                inserted[table] = inserts
                new_rows[table] = _copied_out(
                    admin, f"{recent} AND {key} > coalesce({first_new}, 0) ORDER BY {key}"
                )
            if updates:
                updated[table] = updates
                new_versions[table] = _copied_out(
                    admin, f"{recent} AND {key} <= coalesce({first_new}, 0) ORDER BY {key}"
                )
    return Written(inserted, updated, new_rows, new_versions)


def _copied_out(admin: psycopg.Connection[tuple[Any, ...]], query: str) -> bytes:
    with admin.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT binary)") as copy:
        return b"".join(copy)


def _copy_seconds(
    server: BenchServer, name: str, rows: dict[str, bytes], *, counting: bool, suffix: str = ""
) -> float:
    """Seconds to COPY the rows into their tables in one transaction, with their indexes and checks."""
    with server.admin(name) as admin:
        if not counting:
            admin.execute(f"ALTER TABLE ledger_transfer DISABLE TRIGGER {TRIGGER}")
        if "huabei_segment" in rows and not suffix:
            # The close ends the open segments before it opens the next; here that is done before the clock starts.
            admin.execute("UPDATE huabei_segment SET until = since WHERE until IS NULL")
        started = time.perf_counter()
        with admin.transaction():
            for table, content in rows.items():
                with admin.cursor().copy(f"COPY {table}{suffix} FROM STDIN (FORMAT binary)") as copy:
                    copy.write(content)
        return time.perf_counter() - started


def _versions_seconds(server: BenchServer, name: str, versions: dict[str, bytes]) -> float:
    """The same for new versions of old rows: into empty tables with the same columns, indexes and checks."""
    with server.admin(name) as admin:
        for table in versions:
            admin.execute(f"CREATE TABLE {table}_versions (LIKE {table} INCLUDING ALL)")
    return _copy_seconds(server, name, versions, counting=True, suffix="_versions")


@dataclass(frozen=True, slots=True)
class Day:
    """Seconds of one close of a day, and of COPYing what it wrote."""

    close: float
    copy_new: float
    copy_versions: float
    copy_counting: float
    written: Written

    @property
    def copy(self) -> float:
        return self.copy_new + self.copy_versions


def measured(server: BenchServer, template: str, on: date, *, counting: bool) -> Day:
    """Closes the day on one copy of the book, and COPYs what that wrote into others."""
    with server.copy_of(template) as name:
        with server.admin(name) as admin:
            since = int(admin.execute("SELECT pg_current_xact_id()::text").fetchone()[0])  # type: ignore[index]
        seconds = close_skipping_to(on)
        use(name)
        written = _written(server, name, since)
    with server.copy_of(template) as name:
        copy_new = _copy_seconds(server, name, written.new_rows, counting=False)
        copy_versions = _versions_seconds(server, name, written.new_versions)
    copy_counting = 0.0
    if counting:
        with server.copy_of(template) as name:
            copy_counting = _copy_seconds(server, name, written.new_rows, counting=True)
    return Day(seconds, copy_new, copy_versions, copy_counting, written)


def closing(
    server: BenchServer, *, book: str, twice: str | None, lines: int, rounds: int
) -> Iterator[Figure]:
    """The close of an ordinary day and of a statement day, and of the latter with as many quiet lines again."""
    bill, ordinary, doubled = [], [], []
    eve, eve_twice = eve_of(server, book, BILL), twice and eve_of(server, twice, BILL)
    for number in range(1, rounds + 1):
        say(f"close: round {number} of {rounds}")
        bill.append(measured(server, eve, BILL, counting=number == 1))
        ordinary.append(measured(server, book, ORDINARY, counting=False))
        if twice is not None and eve_twice is not None:
            doubled.append((_closed(server, eve_twice, BILL), _closed(server, twice, ORDINARY)))
    yield figure("close_statement_day", f"close, statement day of {lines:,} lines", bill, target=0.4)
    yield _new_rows_figure(bill)
    yield figure("close_ordinary_day", f"close, ordinary day of {lines:,} lines", ordinary, target=None)
    if twice is not None:
        yield doubled_figure(
            "close_twice_the_lines", "close, statement day, twice the lines", bill, [d[0] for d in doubled]
        )
        yield doubled_figure(
            "close_twice_the_lines_ordinary",
            "close, ordinary day, twice the lines",
            ordinary,
            [d[1] for d in doubled],
        )


def _closed(server: BenchServer, template: str, on: date) -> float:
    """Seconds of one close of a day."""
    with server.copy_of(template):
        return close_skipping_to(on)


def figure(name: str, what: str, days: list[Day], *, target: float | None) -> Figure:
    """A close against COPYing the rows that it wrote."""
    written = days[0].written
    detail: dict[str, Any] = {
        "rows": written.rows,
        "inserted": written.inserted,
        "updated": written.updated,
        "rounds": [[day.close, day.copy] for day in days],
    }
    if days[0].copy_counting:
        detail["copy_with_counters_trigger_seconds"] = days[0].copy_counting + days[0].copy_versions
    return Figure(
        name=name,
        what=what,
        unit="s",
        value=median(day.close for day in days),
        floor=f"COPY of the {written.rows:,} rows written",
        floor_value=median(day.copy for day in days),
        ratio=ratio_of([day.copy for day in days], [day.close for day in days]),
        target=target,
        detail=detail,
    )


def _new_rows_figure(days: list[Day]) -> Figure:
    """The strictest reading: only new rows are COPYed, and what the close updates is not counted at all."""
    return Figure(
        name="close_statement_day_new_rows",
        what="the same, new versions of old rows not counted",
        unit="s",
        value=median(day.close for day in days),
        floor=f"COPY of the {sum(days[0].written.inserted.values()):,} new rows",
        floor_value=median(day.copy_new for day in days),
        ratio=ratio_of([day.copy_new for day in days], [day.close for day in days]),
    )


def doubled_figure(name: str, what: str, days: list[Day], doubled: list[float]) -> Figure:
    """A close of twice as many accounts against the same events alone."""
    return Figure(
        name=name,
        what=what,
        unit="s",
        value=median(doubled),
        floor="the same events",
        floor_value=median(day.close for day in days),
        ratio=ratio_of(doubled, [day.close for day in days]),
        target=1.2,
        at_most=True,
        detail={"rounds": [[twice, day.close] for twice, day in zip(doubled, days, strict=True)]},
    )
