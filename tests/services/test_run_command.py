"""`./manage.py run` in a checkout of its own: everything up, everything down, and what happens in between."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import daemons, stop_servers
from config.embedded.postgres import running_postgres
from config.embedded.valkey import running_valkey
from config.management.commands.run import host_from_environment
from tests.services.test_embedded_servers import PROJECT, kill_9, make_checkout, remove_checkout

NOT_COPIED = shutil.ignore_patterns(".venv", "var", ".git", "__pycache__", ".*_cache", "node_modules")


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    folder = make_checkout()
    shutil.copytree(PROJECT, folder, ignore=NOT_COPIED, dirs_exist_ok=True)
    yield folder
    remove_checkout(folder)


def manage(checkout: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    return subprocess.Popen(
        [sys.executable, str(checkout / "manage.py"), *arguments],
        cwd="/",
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(run: subprocess.Popen[str], *wanted: str) -> str:
    """Read lines until each of the patterns was seen, in any order."""
    assert run.stdout
    output = ""
    while not all(re.search(pattern, output) for pattern in wanted):
        line = run.stdout.readline()
        assert line, f"ended without {wanted}:\n{output}"
        output += line
    return output


def test_run_serves_survives_a_crash_refuses_a_second_and_leaves_nothing(checkout: Path) -> None:
    port = daemons.choose_port(last=None, seed="a run of the tests")
    with manage(checkout, "run", "--no-demo", PORT=str(port)) as run:
        try:
            read_until(
                run, f"CreditBox is at http://localhost:{port}/", r"worker \|.* ready", "beat: Starting"
            )
            assert status_of(port) == 200

            second = manage(checkout, "run")
            said = second.communicate(timeout=30)[0]
            assert second.returncode == 1
            assert f"Already running at http://localhost:{port}/ (process {run.pid})" in said

            postgres = running_postgres(checkout)
            assert postgres
            kill_9(postgres.pid)
            assert another_postgres(checkout, postgres.pid)
            assert status_of(port) == 200

            run.send_signal(signal.SIGTERM)
            rest = read_until(run, "stopping web, beat, worker") + run.communicate(timeout=60)[0]
        finally:
            run.kill()

    assert run.returncode == 0
    assert "Traceback" not in rest
    assert running_postgres(checkout) is None
    assert running_valkey(checkout) is None
    assert daemons.port_is_free(port)


def another_postgres(checkout: Path, before: int) -> bool:
    """Whether a new server runs within half a minute, whoever noticed that the one before is gone."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        server = running_postgres(checkout)
        if server and server.pid != before:
            return True
        time.sleep(0.1)
    return False


def status_of(port: int) -> int:
    """What the console's first page answers: it asks the database."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/console/login/", timeout=30) as answer:
        return int(answer.status)


def test_servers_tells_starts_and_stops(checkout: Path) -> None:
    stop_servers(root=checkout)

    def said(*arguments: str) -> list[str]:
        return manage(checkout, *arguments).communicate(timeout=30)[0].split("\n")

    assert [line.split() for line in said("servers", "status")] == [
        ["postgres", "stopped"],
        ["valkey", "stopped"],
        [],
    ]
    started = said("servers", "start")
    assert [line.split()[:2] for line in started[:2]] == [["postgres", "running"], ["valkey", "running"]]
    assert said("dbshell", "--", "-Atc", "SELECT current_user") == ["credit_app", ""]
    assert said("servers", "stop") == ["valkey    stopped", "postgres  stopped", ""]
    assert running_postgres(checkout) is None


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"PORT": "0"}, "PORT=0 is no port: it must lie between 1 and 65535"),
        ({"PORT": "70000"}, "PORT=70000 is no port"),
        ({"PORT": "many"}, "invalid int value: 'many'"),
        ({"HOST": "192.0.2.1"}, "HOST=192.0.2.1 is no address of this machine"),
    ],
)
def test_a_host_or_port_that_cannot_be_is_refused_before_anything_starts(
    checkout: Path, environment: dict[str, str], complaint: str
) -> None:
    run = manage(checkout, "run", **environment)

    said = run.communicate(timeout=30)[0]
    assert complaint in said
    assert run.returncode != 0
    assert running_postgres(checkout) is None


def test_a_host_in_the_environment_that_is_no_address_is_somebody_elses_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for kept, host in [
        ("x86_64-conda-linux-gnu", "127.0.0.1"),
        ("my-laptop", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
    ]:
        monkeypatch.setenv("HOST", kept)
        assert host_from_environment() == host


def test_a_port_that_is_taken_is_refused_with_its_number(checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = manage(checkout, "run", PORT=str(port))
        assert f"PORT={port} is taken by another program" in run.communicate(timeout=30)[0]
    assert run.returncode == 1
