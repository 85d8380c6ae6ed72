"""`./manage.py run`: sets up what is missing, then serves pages, API and tasks until it is told to end."""

import contextlib
import ipaddress
import os
import signal
import socket
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from config.embedded import ROOT, EmbeddedServerError, Servers, ensure_servers
from config.embedded.daemons import make_directory, port_is_free
from config.embedded.postgres import ensure_postgres, running_postgres, stop_postgres
from config.embedded.valkey import ensure_valkey, running_valkey, stop_valkey
from config.single_run import AlreadyRunning, Run, only_run
from config.supervisor import SIGNALS, Part, Supervisor, Watched, die_with_parent
from operations import demo

FIRST_PORT, LAST_PORT = 8000, 65_535
PORTS_TRIED = 100
LOCAL = ("127.0.0.1", "0.0.0.0")  # noqa: S104 - reached as localhost, by whoever sits here
DEMO_COMMAND = "build_demo_world"


class Command(BaseCommand):
    help = "Starts the servers, migrates, builds the demo world if it is not there, and serves until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=host_from_environment())
        parser.add_argument("--port", type=int, default=os.environ.get("PORT") or None)
        parser.add_argument("--data", help="card histories (.csv or .csv.gz) to build the demo world from")
        parser.add_argument("--no-demo", action="store_true", help="serve the database as it is")

    def handle(self, *args: Any, host: str, port: int | None, data: str | None, **options: Any) -> None:
        try:
            with only_run(ROOT) as run, leaving_on_signals():
                status = self._run(run, host, choose_web_port(host, port), data, demo=not options["no_demo"])
        except AlreadyRunning as error:
            raise CommandError(f"{error} `make stop` ends it.") from error
        except EmbeddedServerError as error:
            raise CommandError(str(error)) from error
        sys.exit(status)

    def _run(self, run: Run, host: str, port: int, data: str | None, *, demo: bool) -> int:
        self._say("Starting PostgreSQL and Valkey …")
        with servers_of_this_run() as servers:
            self._say("Bringing the database up to date …")
            if not servers.postgres:
                call("migrate", "--no-input", "--verbosity", "1" if sys.stdout.isatty() else "0")
            # Our own server is migrated by the first connection, where it lacks something.
            call_command("staff_roles", verbosity=0)
            if demo:
                self._build_demo_world(data)
            address = f"http://{'localhost' if host in LOCAL else host}:{port}/"
            run.announce(address)
            return Supervisor(parts(host, port, address), watched=watched(servers)).run()

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()  # before what other programs write

    def _build_demo_world(self, data: str | None) -> None:
        """Build the demo world once; a database that has one is served as it is."""
        is_built, source = demo.is_built(), demo.source()
        connections.close_all()
        if not is_built:
            call(DEMO_COMMAND, *(["--data", data] if data else []))
        elif data and source != demo.source_of(data):
            raise CommandError(
                f"A world built from {source or 'elsewhere'} is there: `make clean` first, to build another."
            )
        for name, password in demo.passwords().items():
            self._say(f"Demo login: {name:<14} password: {password}")


def parts(host: str, port: int, address: str) -> list[Part]:
    """What serves, in the order in which it is asked to end: requests first, then what makes tasks, then tasks."""
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",  # several of them score at once; each with all cores would only get in the way
        # Root is who one is in a container, and no pickle is accepted.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
    }
    schedule = ROOT / "var" / "celery" / "schedule"
    for directory in (schedule.parent, Path(settings.STATIC_ROOT)):
        make_directory(directory)
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery"]
    commands = {
        "web": [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port)),
            *("--workers", "2", "--blocking-threads", "4", "--no-ws", "config.wsgi:application"),
        ],
        "beat": [*celery, "beat", "--loglevel", "INFO", "--schedule", str(schedule), "--pidfile="],
        # Threads, not forks: XGBoost's OpenMP hangs in a child forked after it was used, one copy of the model serves
        # all of them, and a task's time is spent in PostgreSQL, where threads wait as well as processes do.
        "worker": [
            *(*celery, "worker", "--loglevel", "INFO", "--pool", "threads", "--concurrency", "4"),
            *("--without-gossip", "--without-mingle"),
        ],
    }
    return [
        Part(
            name=name,
            command=command,
            environment=environment,
            directory=ROOT,
            is_ready=(lambda: takes_connections(host, port)) if name == "web" else None,
            when_ready=f"CreditBox is at {address} (console: {address}console/). Ctrl-C ends it."
            if name == "web"
            else "",
        )
        for name, command in commands.items()
    ]


def watched(servers: Servers) -> list[Watched]:
    """The servers of this checkout that it runs itself."""
    mine = []
    if servers.postgres:
        mine.append(
            Watched(
                name="postgres",
                is_up=lambda: running_postgres(ROOT) is not None,
                restart=lambda: ensure_postgres(ROOT),
            )
        )
    if servers.valkey:
        mine.append(
            Watched(
                name="valkey",
                is_up=lambda: running_valkey(ROOT) is not None,
                restart=lambda: ensure_valkey(ROOT),
            )
        )
    return mine


@contextlib.contextmanager
def servers_of_this_run() -> Iterator[Servers]:
    """The servers, up; those that were not before are down after it, the broker before the database."""
    stop_postgres_after = running_postgres(ROOT) is None
    stop_valkey_after = running_valkey(ROOT) is None
    try:
        yield ensure_servers()
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # the rest takes a moment, and must not be left half done
        if stop_valkey_after:
            stop_valkey(ROOT)
        if stop_postgres_after:
            stop_postgres(ROOT)


@contextlib.contextmanager
def leaving_on_signals() -> Iterator[None]:
    """Leave through every `finally` on a signal, also while the supervisor does not listen yet."""

    def leave(number: int, frame: object) -> None:
        sys.exit(128 + number)

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)
    yield


def call(command: str, *arguments: str) -> None:
    """Run another management command in a process of its own: it may need another login, and much memory.

    Raises:
        CommandError: it failed; it has said why itself.
    """
    done = subprocess.run(  # noqa: S603 - this project's own commands
        [sys.executable, str(ROOT / "manage.py"), command, *arguments],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C comes to us, and we end it
        preexec_fn=die_with_parent(),
        check=False,
    )
    if done.returncode != 0:
        raise CommandError(f"{command} failed (exit code {done.returncode}): nothing was started.")


def takes_connections(host: str, port: int) -> bool:
    """Whether somebody listens there; asked by connecting, since a trial bind could get in the listener's way."""
    try:
        socket.create_connection(("127.0.0.1" if host in LOCAL else host, port), timeout=0.2).close()
    except OSError:
        return False
    return True


def host_from_environment() -> str:
    """HOST, if it is an address: some shells and compilers keep the machine's name or kind under that name."""
    host = os.environ.get("HOST", "")
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host))
    return "127.0.0.1"


def choose_web_port(host: str, port: int | None) -> int:
    """The port that was asked for, else the first free one from 8000 on.

    Raises:
        CommandError: the host is no address of this machine, or the port is somebody else's.
    """
    try:
        socket.getaddrinfo(host, None)
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.bind((host, 0))
    except OSError as error:
        problem = f"HOST={host} is no address of this machine ({error.strerror}). Try HOST=127.0.0.1."
        raise CommandError(problem) from error
    if port is not None:
        if not 0 < port <= LAST_PORT:
            raise CommandError(f"PORT={port} is no port: it must lie between 1 and {LAST_PORT}.")
        if not port_is_free(port, host):
            raise CommandError(f"PORT={port} is taken by another program on {host}. Name another, or none.")
        return port
    for candidate in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        if port_is_free(candidate, host):
            return candidate
    raise CommandError(
        f"No free port between {FIRST_PORT} and {FIRST_PORT + PORTS_TRIED - 1}. Name one: PORT=…."
    )
