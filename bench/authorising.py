"""Authorisations against pgbench: the product's own statement driven by pgbench, and the service called from Python."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import median

from bench.callers import Called, Callers, callers
from bench.figures import Figure, percentile, ratio_of, say
from bench.server import CLIENTS, BenchServer, Run, use
from huabei.models import Purchase
from huabei.services.purchases import _AUTHORISE, CONTROL
from ledger.audit import verify

DAY = date(2026, 6, 5)
FLOOR = "bench_floor"


def authorise_script() -> str:
    """
    The statement that `huabei.services.purchases.authorise` runs, as a pgbench script.

    Its parameters become pgbench's variables, typed as psycopg sends them. pgbench takes a colon and a word for a variable
    even inside a literal, so such literals are cut in two. References ascend per client, as orders are numbered.
    """
    values = {
        "line": ":line::bigint",
        "merchant": "lpad(to_hex(:merchant::int), 32, '0')::uuid",
        "amount": ":amount::bigint",
        "control": str(CONTROL),
        "on": f"date '{DAY}'",
        "reference": "(:run::text || '-' || :client_id::text || '-' || :n::text)",
        "hash": "'\\x" + "5a" * 32 + "'::bytea",
    }
    sql = re.sub(r"':(\w+)'", r"':' || '\1'", _AUTHORISE)
    sql = re.sub(r"%\((\w+)\)s", lambda found: values[found[1]], sql)
    return (
        "\\set line random(1, :lines)\n\\set merchant random(1, :shops)\n\\set amount random(1, 100)\n"
        "\\set n :n + 1\n" + " ".join(sql.split()) + ";\n"
    )


class Rounds:
    """The same few loads, one after the other, again and again: what is compared is always of one round."""

    def __init__(self, server: BenchServer, *, database: str, lines: int, shops: int, seed: int) -> None:
        self._server = server
        self._database = database
        self._sizes = {"lines": lines, "shops": shops}
        self._seed = seed
        self._folder = tempfile.TemporaryDirectory()
        self._script = Path(self._folder.name, "authorise.sql")
        self._script.write_text(authorise_script())
        self.runs: dict[str, list[Run | Called]] = defaultdict(list)

    def floor(self, name: str, builtin: str, mode: str, seconds: float) -> None:
        self._seed += 1
        self.runs[name].append(
            self._server.pgbench(
                "-b", builtin, "-M", mode, database=FLOOR, role="owner", seconds=seconds, seed=self._seed
            )
        )

    def statement(self, name: str, seconds: float, *, shops: int | None = None) -> None:
        self._seed += 1
        sizes = self._sizes | ({} if shops is None else {"shops": shops}) | {"run": self._seed, "n": 0}
        variables = [part for key, value in sizes.items() for part in ("-D", f"{key}={value}")]
        self.runs[name].append(
            self._server.pgbench(
                *("-f", str(self._script), "-M", "prepared", *variables),
                database=self._database,
                role="app",
                seconds=seconds,
                seed=self._seed,
            )
        )

    def rates(self, name: str) -> list[float]:
        return [run.per_second for run in self.runs[name]]

    def figure(
        self, name: str, what: str, run: str, floor: str, floor_run: str, target: float | None = None
    ) -> Figure:
        """The figure of one load against another."""
        runs = self.runs[run]
        latencies = sorted(each for one in runs for each in one.latencies_ms)
        return Figure(
            name=name,
            what=what,
            unit="/s",
            value=median(self.rates(run)),
            floor=floor,
            floor_value=median(self.rates(floor_run)),
            ratio=ratio_of(self.rates(run), self.rates(floor_run)),
            target=target,
            p50_ms=percentile(latencies, 0.5),
            p99_ms=percentile(latencies, 0.99),
            errors=sum(one.failed if isinstance(one, Run) else one.refused for one in runs),
            detail={
                "clients": CLIENTS,
                "rounds": [list(pair) for pair in zip(self.rates(run), self.rates(floor_run), strict=True)],
                "floor_p99_ms": median(one.percentile_ms(0.99) for one in self.runs[floor_run]),
                **self._cpu(run, floor_run),
            },
        )

    def _cpu(self, run: str, floor_run: str) -> dict[str, float]:
        """CPU time per transaction of both, where both are pgbench's."""
        pairs = zip(self.runs[run], self.runs[floor_run], strict=True)
        times = [
            (one.cpu_us, floor.cpu_us)
            for one, floor in pairs
            if isinstance(one, Run) and isinstance(floor, Run)
        ]
        if not times or not all(one for one, _ in times):
            return {}
        return {
            "cpu_us": median(one for one, _ in times),
            "floor_cpu_us": median(floor for _, floor in times),
            "cpu_ratio": median(floor / one for one, floor in times),
        }


def authorising(
    server: BenchServer,
    *,
    template: str,
    lines: int,
    shops: int,
    seed: int,
    rounds: int,
    seconds: float,
    scale: int,
) -> Iterator[Figure]:
    """The four figures of an authorisation, and the proof that the books hold after all of them."""
    say(f"authorise: pgbench's tables at scale {scale}, a copy of {lines:,} lines")
    server.fill_floor(FLOOR, scale=scale)
    with server.copy_of(template) as database:
        measured = Rounds(server, database=database, lines=lines, shops=shops, seed=seed)
        server.run_sql("VACUUM ANALYZE", database=database)
        use(database)
        with callers(count=CLIENTS, database=database, lines=lines, shops=shops, on=DAY, seed=seed) as group:
            _warm_up(measured, group, seconds)
            before = Purchase.objects.count()
            for number in range(1, rounds + 1):
                say(f"authorise: round {number} of {rounds}")
                loads = [
                    lambda: measured.floor("-N prepared", "simple-update", "prepared", seconds / 2),
                    lambda: measured.floor("-N", "simple-update", "simple", seconds),
                    lambda: measured.statement("uniform", seconds),
                    lambda: measured.statement("hot", seconds, shops=1),
                    lambda: measured.floor("tpcb", "tpcb-like", "simple", seconds),
                    lambda: measured.runs["service"].append(group.call(seconds=seconds)),
                ]
                # There and back, so that what comes first is not always the same.
                for load in loads if number % 2 else reversed(loads):
                    load()
        _prove(measured, before)
        yield measured.figure(
            "authorise_in_database", "authorise, in the database", "uniform", "pgbench -N", "-N", 1.0
        )
        yield measured.figure(
            "authorise_in_database_prepared", "the same, both prepared", "uniform", "pgbench -N -M prepared", "-N prepared"
        )  # fmt: skip
        yield measured.figure(
            "authorise_through_service",
            "authorise, through the service",
            "service",
            "pgbench TPC-B",
            "tpcb",
            0.6,
        )
        yield measured.figure(
            "authorise_hot_merchant", "authorise, one hot merchant", "hot", "many merchants", "uniform", 0.9
        )
    server.drop(FLOOR)


def _warm_up(measured: Rounds, group: Callers, seconds: float) -> None:
    """Every load once, after the checkpoint: the first change of a page writes all of it to the log."""
    say("authorise: warming up")
    measured.floor("warm", "simple-update", "simple", seconds)
    measured.statement("warm", seconds)
    measured.floor("warm", "tpcb-like", "simple", seconds / 2)
    group.call(seconds=seconds / 2)
    measured.runs.clear()


def _prove(measured: Rounds, before: int) -> None:
    """Every authorisation that was counted stands in the books, and the books hold. AssertionError otherwise."""
    counted = sum(
        run.transactions for name in ("uniform", "hot") for run in measured.runs[name] if isinstance(run, Run)
    )
    counted += sum(run.authorised for run in measured.runs["service"] if isinstance(run, Called))
    stored = Purchase.objects.count() - before
    assert stored == counted, f"{counted} authorisations were measured, {stored} are stored"
    broken = [finding.check.name for finding in verify() if not finding.holds]
    assert not broken, f"the books do not hold: {broken}"
    say(f"authorise: {stored:,} authorisations measured and stored, and the books prove")
