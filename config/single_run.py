"""One run of a checkout at a time, and where it serves for whoever tries to start another."""

import contextlib
import fcntl
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from config.embedded import daemons


class AlreadyRunning(RuntimeError):
    """A run of this checkout is under way; `address` tells where, as far as it has come."""

    def __init__(self, pid: int | None, address: str) -> None:
        self.pid = pid
        self.address = address
        super().__init__(f"Already running{f' at {address}' if address else ''} (process {pid}).")


class Run:
    """The only run of a checkout; obtained from `only_run`."""

    def __init__(self, root: Path) -> None:
        self._state = _state_file(root)

    def announce(self, address: str) -> None:
        """Note down where this run serves, for whoever tries to start another."""
        pid = os.getpid()
        state = {"pid": pid, "mark": daemons.birth_mark(pid), "address": address}
        daemons.write_private(self._state, state)


@contextlib.contextmanager
def only_run(root: Path) -> Iterator[Run]:
    """Hold the checkout for one run.

    Raises:
        AlreadyRunning: another holds it. The kernel lets go of it when its holder dies, however it dies.
    """
    with _lock(root) as free:
        state = daemons.read_private(_state_file(root))
        if not free:
            raise AlreadyRunning(state.get("pid"), state.get("address", ""))
        run = Run(root)
        run.announce("")
        try:
            yield run
        finally:
            _state_file(root).unlink(missing_ok=True)


def stop_run(root: Path, *, timeout_seconds: float = 45.0) -> bool:
    """End the run of a checkout as Ctrl-C would, and wait for it; True if there was one."""
    with _lock(root) as free:
        if free:
            return False
        state = daemons.read_private(_state_file(root))
    if daemons.is_running(state.get("pid"), state.get("mark")):
        daemons.end([state["pid"]], ladder=[(signal.SIGTERM, timeout_seconds), (signal.SIGKILL, 5.0)])
    return True


@contextlib.contextmanager
def _lock(root: Path) -> Iterator[bool]:
    daemons.make_directory(root / "var")
    descriptor = os.open(root / "var" / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _state_file(root: Path) -> Path:
    return root / "var" / "run.json"
