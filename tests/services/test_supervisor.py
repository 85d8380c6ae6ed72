"""The supervisor, with real children: what it does when they crash, when it is told to end, and when it is killed."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.embedded import daemons
from config.single_run import AlreadyRunning, only_run, stop_run
from config.supervisor import CrashPolicy

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 15

SUPERVISE = """
import json, pathlib, sys
from config.supervisor import CrashPolicy, Part, Supervisor, Watched
spec = json.loads(sys.argv[1])
watched = [
    Watched(name=name, is_up=pathlib.Path(file).exists, restart=pathlib.Path(file).touch)
    for name, file in spec.get("watched", {}).items()
]
parts = [
    Part(name=name, command=["/bin/sh", "-c", script], grace_seconds=spec.get("grace", 5))
    for name, script in spec["parts"].items()
]
policy = CrashPolicy(first_pause_seconds=0.05, longest_pause_seconds=0.1)
sys.exit(Supervisor(parts, watched=watched, policy=policy).run())
"""
HOLD_THE_RUN = """
import pathlib, sys, time
from config.single_run import only_run
with only_run(pathlib.Path(sys.argv[1])) as run:
    run.announce("http://localhost:8000/")
    print("held", flush=True)
    time.sleep(60)
"""


def hear_interrupts() -> None:
    """Let a child hear SIGINT and SIGHUP, which a shell's background and nohup have their programs ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Supervised:
    """A supervisor in a process of its own, and what it has written so far."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, json.dumps(spec)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=hear_interrupts,
        )
        self.output = ""

    def read_until(self, wanted: str) -> re.Match[str]:
        assert self.process.stdout
        while not (found := re.search(wanted, self.output)):
            line = self.process.stdout.readline()
            assert line, f"ended without {wanted!r}:\n{self.output}"
            self.output += line
        return found

    def end(self, *signals: signal.Signals) -> int:
        for number in signals:
            self.process.send_signal(number)
            time.sleep(0.1)
        self.output += self.process.communicate(timeout=PATIENCE_SECONDS)[0]
        return self.process.returncode


Start = Callable[..., Supervised]


@pytest.fixture
def supervise() -> Iterator[Start]:
    started: list[Supervised] = []

    def start(parts: dict[str, str], **more: Any) -> Supervised:
        started.append(Supervised({"parts": parts, **more}))
        return started[-1]

    yield start
    for supervised in started:
        supervised.process.kill()
        supervised.process.wait()
        supervised.process.stdout.close()  # type: ignore[union-attr]


def wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while daemons.birth_mark(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    return daemons.birth_mark(pid) is None


def test_each_line_carries_its_part_and_no_colour_outside_a_terminal(supervise: Start) -> None:
    run = supervise({"web": "echo one; echo two >&2; printf half; sleep 60", "beat": "echo three; sleep 60"})

    for line in ("web  | one", "web  | two", "beat | three"):
        run.read_until(f"(?m)^{re.escape(line)}$")
    assert run.end(signal.SIGTERM) == 0
    assert "web  | half\n" in run.output
    assert "\x1b" not in run.output


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_gets_colours_unless_it_is_told_not_to(
    environment: dict[str, str], coloured: bool
) -> None:
    terminal, inside = pty.openpty()
    spec = {"parts": {"web": "echo ready; sleep 60"}}
    run = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, json.dumps(spec)],
        cwd=PROJECT,
        stdout=inside,
        env={**{name: value for name, value in os.environ.items() if name != "NO_COLOR"}, **environment},
    )
    os.close(inside)
    written = b""
    while b"ready" not in written:
        written += os.read(terminal, 1024)
    run.terminate()
    run.wait()
    os.close(terminal)

    assert (b"\x1b[36mweb |\x1b[0m ready" in written) is coloured
    assert (b"\x1b" in written) is coloured


def test_a_part_that_crashes_is_named_and_started_again(supervise: Start, tmp_path: Path) -> None:
    once = tmp_path / "once"
    run = supervise({"worker": f"[ -e {once} ] && echo second life && sleep 60; touch {once}; exit 3"})

    run.read_until(r"run +\| worker ended with exit code 3; starting it again")
    run.read_until(r"worker \| second life")
    assert run.end(signal.SIGTERM) == 0


def test_a_part_that_keeps_crashing_ends_everything_with_its_last_lines(supervise: Start) -> None:
    run = supervise({"web": "echo web $$; sleep 60", "worker": "sleep 0.1; echo no such table; exit 1"})
    web = int(run.read_until(r"web (\d+)")[1])

    assert run.end() == 1
    assert "worker ended with exit code 1, 5 times within 60 s: stopping everything." in run.output
    assert "The last lines of worker:\nrun    |   no such table" in run.output
    assert wait_until_gone(web)


def test_a_command_that_does_not_exist_ends_everything_and_is_named() -> None:
    program = (
        "import sys\n"
        "from config.supervisor import Part, Supervisor\n"
        "parts = [Part(name='web', command=['/no/such/program'])]\n"
        "sys.exit(Supervisor(parts).run())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "web cannot be started" in done.stdout
    assert "/no/such/program" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_part_with_its_children(supervise: Start, number: signal.Signals) -> None:
    run = supervise(
        {
            "web": "sleep 60 & echo child $!; wait",
            "beat": "trap 'echo bye; exit 0' TERM; echo set; sleep 60 & wait",
        }
    )
    run.read_until("beat . set")
    child = int(run.read_until(r"child (\d+)")[1])

    assert run.end(number) == 0
    assert "beat | bye" in run.output
    assert wait_until_gone(child)


def test_a_part_that_will_not_end_is_killed_after_its_grace(supervise: Start) -> None:
    run = supervise({"worker": "trap '' TERM; echo $$ deaf; while :; do sleep 1; done"}, grace=0.3)
    deaf = int(run.read_until(r"(\d+) deaf")[1])

    assert run.end(signal.SIGTERM) == 0
    assert "worker did not end within 0 s: killing it" in run.output
    assert wait_until_gone(deaf)


def test_a_second_signal_kills_at_once(supervise: Start) -> None:
    run = supervise({"worker": "trap '' TERM; echo $$ deaf; while :; do sleep 1; done"}, grace=600)
    deaf = int(run.read_until(r"(\d+) deaf")[1])

    assert run.end(signal.SIGINT, signal.SIGINT) == 0
    assert wait_until_gone(deaf)


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells children of their parent's death"
)
def test_kill_9_of_the_supervisor_leaves_no_part_behind(supervise: Start) -> None:
    run = supervise({"web": "echo web $$; exec sleep 60", "worker": "echo worker $$; exec sleep 60"})
    pids = [int(run.read_until(rf"{name} (\d+)")[1]) for name in ("web", "worker")]

    run.end(signal.SIGKILL)

    assert all(wait_until_gone(pid) for pid in pids)


def test_parts_end_in_order_when_the_reader_of_their_output_leaves(supervise: Start) -> None:
    run = supervise({"web": "echo web $$; while sleep 0.05; do echo more; done"})
    web = int(run.read_until(r"web (\d+)")[1])
    assert run.process.stdout
    run.process.stdout.close()

    run.process.wait(timeout=PATIENCE_SECONDS)
    assert wait_until_gone(web)


def test_a_watched_server_that_went_down_is_started_again(supervise: Start, tmp_path: Path) -> None:
    up = tmp_path / "up"
    up.touch()
    run = supervise({"web": "echo ready; sleep 60"}, watched={"postgres": str(up)})
    run.read_until("ready")
    up.unlink()

    run.read_until("postgres went down; starting it again")
    run.read_until("postgres is up again")
    assert up.exists()
    assert run.end(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    ("crashes", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 10.0), (50, 10.0)]
)
def test_pauses_between_restarts_double_up_to_a_limit(crashes: int, seconds: float) -> None:
    assert CrashPolicy().pause_after(crashes) == seconds


# ------------------------------------------------------------------------------------------- one run at a time


@pytest.fixture
def held_run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_RUN, str(tmp_path)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    yield holder
    holder.kill()
    holder.communicate()


def test_a_second_run_is_told_where_the_first_serves(held_run: subprocess.Popen[str], tmp_path: Path) -> None:
    with pytest.raises(AlreadyRunning) as refused, only_run(tmp_path):
        pass

    assert str(refused.value) == f"Already running at http://localhost:8000/ (process {held_run.pid})."


def test_a_killed_run_does_not_block_the_next(held_run: subprocess.Popen[str], tmp_path: Path) -> None:
    held_run.kill()
    held_run.wait()

    assert stop_run(tmp_path) is False
    with only_run(tmp_path):
        pass


def test_a_run_can_be_stopped_from_outside(held_run: subprocess.Popen[str], tmp_path: Path) -> None:
    assert stop_run(tmp_path) is True

    assert held_run.wait(timeout=1) == -signal.SIGTERM
    assert stop_run(tmp_path) is False
