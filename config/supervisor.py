"""Runs the parts of an installation under one roof: their output, their crashes, and an end that leaves nothing.

A part is a command that should never end. One that does is said and started again after a growing pause; one that
keeps ending stops everything, with its last lines, rather than hide its trouble in a loop. Servers that run on their
own (PostgreSQL, Valkey) are watched by the same rule.

    SIGINT, SIGTERM, SIGHUP   every part is asked to end, and killed after its grace; a second signal kills at once
    kill -9 of this program   the kernel asks every part to end (Linux)
"""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TextIO

from config.embedded import daemons

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
COLOURS = (36, 33, 35, 32, 34, 31)
LONGEST_LINE = 64 * 1024
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True)
class Part:
    """A command that runs as long as the installation does."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    directory: Path | None = None
    grace_seconds: float = 15.0
    is_ready: Callable[[], bool] | None = None  # where it is given, the parts after this one wait for it
    when_ready: str = ""  # said once, the first time it is ready


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A server that is not a child: `restart` is called when `is_up` says that it is gone."""

    name: str
    is_up: Callable[[], bool]
    restart: Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class CrashPolicy:
    """How long to wait before a restart, and when to give up."""

    most_crashes: int = 5
    window_seconds: float = 60.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 10.0

    def pause_after(self, crashes: int) -> float:
        """Seconds to wait before the restart that follows so many crashes in a row."""
        return min(self.first_pause_seconds * 2.0 ** (crashes - 1), self.longest_pause_seconds)


@dataclass(kw_only=True)
class _Running:
    """A part, and what is known of the process that carries it at the moment."""

    part: Part
    child: subprocess.Popen[bytes] | None = None
    pipe: IO[bytes] | None = None
    unfinished_line: bytes = b""
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    crashes: deque[float] = field(default_factory=deque)
    restart_at: float | None = None
    started: bool = False
    announced: bool = False


class Supervisor:
    """Starts the parts, forwards their lines, and restarts or ends them. One `run` per object."""

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        watched: Sequence[Watched] = (),
        policy: CrashPolicy | None = None,
        output: TextIO | None = None,
    ) -> None:
        self._running = [_Running(part=part) for part in parts]
        self._watched = watched
        self._watched_crashes: dict[str, deque[float]] = {server.name: deque() for server in watched}
        self._policy = policy or CrashPolicy()
        self._output = output or sys.stdout
        self._colour = self._output.isatty() and not os.environ.get("NO_COLOR")
        self._width = max(len(name) for name in ["run", *(part.name for part in parts)])
        self._selector = selectors.DefaultSelector()
        self._signals_seen = 0
        self._gave_up = False
        self._look_at_watched_at = 0.0

    def run(self) -> int:
        """Run until a signal or a crash loop; 0 for the first, 1 for the second. Every part is gone after it."""
        with self._listening():
            try:
                while not self._signals_seen and not self._gave_up:
                    self._start_in_turn()
                    self._turn()
            finally:
                self._end_all()
        return 1 if self._gave_up else 0

    def say(self, text: str) -> None:
        """Write a line of the supervisor's own."""
        self._write("run", 1, text)

    # ------------------------------------------------------------------------------------------------- signals

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Note signals, and wake the loop for them and for children that end."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(reader, selectors.EVENT_READ, None)
        # What the caller has us ignore (nohup, a shell's background) stays ignored.
        heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._on_signal) for number in heard}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup_before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup_before)
            for number, action in before.items():
                signal.signal(number, action)
            self._selector.close()
            os.close(reader)
            os.close(writer)

    def _on_signal(self, number: int, frame: object) -> None:
        self._signals_seen += 1
        if self._signals_seen > 1:
            for running in self._running:
                self._signal_group(running, signal.SIGKILL)

    # ---------------------------------------------------------------------------------------------------- loop

    def _start_in_turn(self) -> None:
        """Starts the parts in order; those after one that says when it is ready wait for it, and leave it the cores."""
        for running in self._running:
            if not running.started:
                running.started = True
                self._start(running)
            if running.part.is_ready and not running.announced:
                return

    def _turn(self, longest_wait: float = 0.2) -> None:
        """Wait a little for something to happen, and see to it."""
        due = [running.restart_at for running in self._running if running.restart_at is not None]
        self._forward_output(min([longest_wait, *(max(0.0, at - time.monotonic()) for at in due)]))
        now = time.monotonic()
        for running in self._running:
            if running.child:
                if _has_ended(running.child):
                    self._note_crash(running, self._bury(running, running.child), now)
                else:
                    self._announce(running)
            elif running.restart_at is not None and now >= running.restart_at:
                self._start(running)
        if now >= self._look_at_watched_at and not self._signals_seen:
            self._look_at_watched(now)
            self._look_at_watched_at = now + 1.0

    def _forward_output(self, longest_wait: float) -> None:
        for key, _ in self._selector.select(longest_wait):
            if key.data is None:
                os.read(key.fd, 4096)
            else:
                self._forward(key.data)

    def _announce(self, running: _Running) -> None:
        if not running.announced and running.part.is_ready and running.part.is_ready():
            running.announced = True
            self.say(running.part.when_ready)

    def _note_crash(self, running: _Running, ended: str, now: float) -> None:
        crashes = self._counted(running.crashes, now)
        if crashes >= self._policy.most_crashes:
            self._give_up(running.part.name, ended, running.last_lines)
            return
        pause = self._policy.pause_after(crashes)
        running.restart_at = now + pause
        self.say(f"{running.part.name} {ended}; starting it again in {pause:.1f} s")

    def _look_at_watched(self, now: float) -> None:
        for server in self._watched:
            if server.is_up():
                continue
            crashes = self._counted(self._watched_crashes[server.name], now)
            if crashes >= self._policy.most_crashes:
                self._give_up(server.name, "went down", ())
                return
            self.say(f"{server.name} went down; starting it again")
            try:
                server.restart()
            except daemons.EmbeddedServerError as error:
                self.say(str(error))
            else:
                self.say(f"{server.name} is up again")

    def _counted(self, crashes: deque[float], now: float) -> int:
        """Add a crash and return how many there were within the window."""
        crashes.append(now)
        while crashes[0] < now - self._policy.window_seconds:
            crashes.popleft()
        return len(crashes)

    def _give_up(self, name: str, ended: str, last_lines: Sequence[str]) -> None:
        self._gave_up = True
        count, window = self._policy.most_crashes, self._policy.window_seconds
        self.say(f"{name} {ended}, {count} times within {window:.0f} s: stopping everything.")
        if last_lines:
            self.say(f"The last lines of {name}:")
            for line in last_lines:
                self.say(f"  {line}")

    # ------------------------------------------------------------------------------------------------ children

    def _start(self, running: _Running) -> None:
        running.restart_at = None
        running.unfinished_line = b""
        try:
            child = subprocess.Popen(  # noqa: S603 - the caller's own commands, as argument lists
                list(running.part.command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=running.part.environment,
                cwd=running.part.directory,
                # Its own session: Ctrl-C comes to us, who end the parts in order, and its group can be killed whole.
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        except OSError as error:
            self._give_up(running.part.name, f"cannot be started ({error})", ())
            return
        assert child.stdout
        os.set_blocking(child.stdout.fileno(), False)
        running.child, running.pipe = child, child.stdout
        self._selector.register(child.stdout, selectors.EVENT_READ, running)

    def _bury(self, running: _Running, child: subprocess.Popen[bytes]) -> str:
        """Collect a child that ended, with what it still said and whatever it left behind; tells how it ended."""
        self._signal_group(
            running, signal.SIGKILL
        )  # before it is collected: until then the number is its own
        child.wait()
        running.child = None
        if running.pipe:
            self._forward(running)
        if running.pipe:
            self._selector.unregister(running.pipe)
            running.pipe.close()
            running.pipe = None
        if running.unfinished_line:
            self._write_part(running, running.unfinished_line)
        return _ending(child.returncode)

    def _end_all(self) -> None:
        alive = [running for running in self._running if running.child]
        if alive and not self._gave_up:
            self.say(f"stopping {', '.join(running.part.name for running in alive)} (again to kill)")
        for running in alive:
            self._signal_group(
                running, signal.SIGKILL if self._signals_seen > 1 else signal.SIGTERM, whole=False
            )
        started = time.monotonic()
        while alive := [running for running in alive if running.child]:
            self._forward_output(0.1)
            for running in alive:
                if running.child is None:
                    continue
                if time.monotonic() > started + running.part.grace_seconds:
                    self.say(
                        f"{running.part.name} did not end within {running.part.grace_seconds:.0f} s: killing it"
                    )
                    self._signal_group(running, signal.SIGKILL)
                    self._bury(running, running.child)
                elif _has_ended(running.child):
                    self._bury(running, running.child)

    def _signal_group(self, running: _Running, number: signal.Signals, *, whole: bool = True) -> None:
        """Signal a part; asked to end, its first process sees to the others, killed, they all go."""
        if running.child and running.child.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                (os.killpg if whole else os.kill)(running.child.pid, number)

    # -------------------------------------------------------------------------------------------------- output

    def _forward(self, running: _Running) -> None:
        """Read what a part said, up to the end of what there is."""
        pipe = running.pipe
        while pipe:
            try:
                received = os.read(pipe.fileno(), 65536)
            except BlockingIOError:
                return
            if not received:
                self._selector.unregister(pipe)
                pipe.close()
                running.pipe = None
                return
            *lines, rest = (running.unfinished_line + received).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            running.unfinished_line = rest
            for line in lines:
                self._write_part(running, line)

    def _write_part(self, running: _Running, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        running.last_lines.append(text)
        self._write(running.part.name, COLOURS[self._running.index(running) % len(COLOURS)], text)

    def _write(self, name: str, colour: int, text: str) -> None:
        prefix = f"{name:<{self._width}} |"
        if self._colour:
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        try:
            self._output.write("".join(f"{prefix} {line}\n" for line in text.split("\n")))
            self._output.flush()
        except (OSError, ValueError):  # the reader of a pipe left, or the terminal was closed: end in order
            self._output = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for what is still to come
            self._signals_seen = max(self._signals_seen, 1)


def die_with_parent() -> Callable[[], None] | None:
    """A `preexec_fn` that lets the kernel end a child whose parent dies, kill -9 included; None outside Linux."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    parent = os.getpid()

    def ask_for_it() -> None:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask_for_it


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether a child ended, without collecting it: its number, and its group's, stay its own until then."""
    if child.returncode is not None:
        return True
    try:
        return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _ending(returncode: int) -> str:
    if returncode < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-returncode).name}"
    return f"ended with exit code {returncode}"
