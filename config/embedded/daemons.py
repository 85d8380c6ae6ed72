"""What the embedded servers share: locks, state files, free ports, detached children and their identity.

Standard library only, and no Django: the servers must come up before anything else can.
"""

import contextlib
import errno
import fcntl
import json
import os
import pwd
import signal
import socket
import subprocess
import tempfile
import time
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Profile = Literal["default", "test"]

LOCALHOST = "127.0.0.1"
SHELL = "/bin/sh"

# Below the range from which the kernel serves outgoing connections (32768 up), so that a port stays ours while
# the server is stopped.
FIRST_PORT, LAST_PORT = 20_000, 32_000

_HAS_PROC = Path("/proc/self/stat").exists()
_EXITING = 0x4  # PF_EXITING among a process's flags: killed, and taking leave

LOG_ROTATES_AT_BYTES = 10 * 1024 * 1024


class EmbeddedServerError(RuntimeError):
    """A server that ships with the project could not be found, started or stopped; the text says what to do."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """The operating system account that a server runs under."""

    name: str
    uid: int
    gid: int

    @classmethod
    def current(cls) -> "Account":
        """The account of this program; its number stands for its name where it has no passwd entry."""
        uid = os.geteuid()
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = str(uid)
        return cls(name=name, uid=uid, gid=os.getegid())

    @classmethod
    def named(cls, *names: str) -> "Account":
        """The first of these accounts that exists on this machine."""
        for name in names:
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return cls(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
        raise EmbeddedServerError(
            f"PostgreSQL refuses to run as root, and this machine has none of the accounts {', '.join(names)} "
            "to run it as. Start the project as an ordinary user, or add an account named postgres."
        )

    @property
    def is_current(self) -> bool:
        return self.uid == os.geteuid()

    def switch(self) -> dict[str, Any]:
        """Keyword arguments that make `subprocess` run its child under this account."""
        if self.is_current:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


# --------------------------------------------------------------------------------------- where a server lives


def home_of(server: str, root: Path, profile: Profile) -> Path:
    """The folder of a server ("postgres", "valkey") of a checkout; the tests' own lies apart."""
    return root / "var" / server if profile == "default" else root / "var" / "test" / server


def log_of(server: str, root: Path, profile: Profile) -> Path:
    """Where a server writes its log."""
    return root / "var" / "log" / (f"{server}.log" if profile == "default" else f"{server}-test.log")


# ---------------------------------------------------------------------------------------------- locks and state


@contextlib.contextmanager
def locked(path: Path, *, timeout_seconds: float = 180.0) -> Iterator[None]:
    """Hold an exclusive lock on a file: one start or stop of a server at a time, whoever asks.

    The lock belongs to the open file, so the kernel lets go of it when its holder dies.
    """
    try:
        make_directory(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedServerError(
            f"Cannot write to {path.parent} ({error.strerror}). The servers keep their data there: make it "
            "writable for this account, or set DATABASE_URL and BROKER_URL to servers of your own."
        ) from error
    try:
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"Another program has held {path} for over {timeout_seconds:.0f} s while starting or stopping "
                    "the server. End that program and try again."
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def make_directory(path: Path, *, mode: int = 0o755) -> None:
    """Create a directory and its missing parents, whatever the umask: a server's account must get through."""
    for missing in reversed([path, *path.parents]):
        if not missing.exists():
            with contextlib.suppress(FileExistsError):
                missing.mkdir()
                missing.chmod(mode)


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a JSON file in one step; only its owner can read it."""
    descriptor, temporary = tempfile.mkstemp(prefix=path.name + ".", dir=path.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(dict(content), file, indent=1)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def read_private(path: Path) -> dict[str, Any]:
    """Read what `write_private` wrote; an absent or damaged file reads as empty and is made anew by its writer."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise EmbeddedServerError(
            f"{path} belongs to another account ({_owner_name(path)}), which started the servers first. "
            "Run as that account, or stop the servers there and give it the var/ folder."
        ) from error
    except (ValueError, NotADirectoryError):
        return {}
    return content if isinstance(content, dict) else {}


def _owner_name(path: Path) -> str:
    try:
        uid = path.stat().st_uid
    except OSError:
        return "unknown"
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


# ------------------------------------------------------------------------------------------ children, detached


def birth_mark(pid: int) -> str | None:
    """Something that tells this holder of a process number from a later one, or None if it is gone."""
    if not _HAS_PROC:
        return _birth_mark_by_ps(pid)
    fields = _stat_fields(pid)
    return None if not fields or fields[0] in "ZX" else fields[19]  # its state; its start in ticks since boot


def is_running(pid: int | None, mark: str | None) -> bool:
    """Whether the very process that was noted down is still there, if only to die."""
    return pid is not None and mark is not None and birth_mark(pid) == mark


def is_serving(pid: int | None, mark: str | None) -> bool:
    """Whether the very process that was noted down is there and not about to be gone."""
    if not _HAS_PROC or pid is None:
        return is_running(pid, mark)
    fields = _stat_fields(pid)
    return bool(fields) and fields[0] not in "ZX" and fields[19] == mark and not int(fields[6]) & _EXITING


def _stat_fields(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _birth_mark_by_ps(pid: int) -> str | None:
    listing = subprocess.run(
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return None if not listing or listing.startswith("Z") else listing.partition(" ")[2].strip()


def running_in(directory: Path, *, programs: Collection[str]) -> list[int]:
    """Servers that work in a directory, also one that was deleted under them; oldest first.

    A data directory has one server, so all of these are it, its children, or what a crash left of them.
    """
    wanted = {str(directory), f"{directory} (deleted)"}
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            if os.readlink(entry / "cwd") in wanted and (entry / "comm").read_text().strip() in programs:
                found.append(int(entry.name))
    return found


def end(pids: Sequence[int], *, ladder: Sequence[tuple[signal.Signals, float]]) -> None:
    """End processes: send each signal in turn and wait so many seconds for them to be gone.

    Raises:
        EmbeddedServerError: they outlived the last signal, or belong to another account.
    """
    marks = {pid: birth_mark(pid) for pid in pids}
    for number, seconds in ladder:
        for pid, mark in marks.items():
            if is_running(pid, mark):
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
                except PermissionError as error:
                    raise EmbeddedServerError(
                        f"The server (process {pid}) runs under another account: stop it as the one who started it."
                    ) from error
        deadline = time.monotonic() + seconds
        while any(is_running(pid, mark) for pid, mark in marks.items()):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        else:
            return
    raise EmbeddedServerError(f"Processes {', '.join(map(str, pids))} cannot be ended.")


def bare_environment(**more: str) -> dict[str, str]:
    """A small environment, so that the caller's locale, library paths and home cannot change what a server does."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/", **more}


def start_detached(
    command: Sequence[str | Path],
    *,
    log: Path,
    account: Account | None = None,
    environment: Mapping[str, str],
) -> int:
    """Start a server in a session of its own, out of reach of the caller's Ctrl-C, and return its process number.

    A shell starts it and leaves, so that the server is nobody's child here: it neither dies with the caller nor
    stays behind as a zombie of a long-lived one.
    """
    account = account or Account.current()
    with open_log(log) as output:
        shell = subprocess.run(
            [SHELL, "-c", 'exec "$@" >&2 & echo $!', SHELL, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd="/",
            env=dict(environment),
            umask=0o077,
            start_new_session=True,
            check=True,
            text=True,
            **account.switch(),
        )
    return int(shell.stdout)


@contextlib.contextmanager
def open_log(log: Path) -> Iterator[int]:
    """Open a log file to append to; one that has grown large is set aside first."""
    make_directory(log.parent)
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_ROTATES_AT_BYTES:
            os.replace(log, log.with_name(log.name + ".1"))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def says(log: Path, words: bytes, *, start: int) -> bool:
    """Whether a log holds these words behind a position; one set aside since is read from its beginning."""
    with log.open("rb") as file:
        file.seek(start if start <= log.stat().st_size else 0)
        return words in file.read()


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log file, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])


# ------------------------------------------------------------------------------------------------------- ports


def port_is_free(port: int, host: str = LOCALHOST) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
    return True


def choose_port(*, last: int | None, seed: str) -> int:
    """The port of the last start if it is still free, else a free one that depends on the seed (a path)."""
    if last and 1024 <= last <= 65535 and port_is_free(last):
        return last
    span = LAST_PORT - FIRST_PORT
    first = zlib.crc32(seed.encode("utf-8", "surrogateescape")) % span
    for step in range(0, span, 7):
        port = FIRST_PORT + (first + step) % span
        if port_is_free(port):
            return port
    raise EmbeddedServerError(f"No free port between {FIRST_PORT} and {LAST_PORT} on {LOCALHOST}.")
