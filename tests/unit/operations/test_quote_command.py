"""The command as a shell runs it: its own process, no database, JSON and nothing else on stdout."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
REQUEST = {
    "principal": "10000.00",
    "rate": {"daily": "0.0006"},
    "method": "one_off",
    "periods": 1,
    "frequency": {"days": 15},
    "day_count": "actual/365",
    "disbursed_on": "2024-06-01",
}
# Nothing listens there: touching the database would fail.
WITHOUT_DATABASE = {
    **os.environ,
    "DJANGO_SETTINGS_MODULE": "config.settings.test",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/x",
}


def run_quote(stdin: bytes) -> tuple[int, Any, bytes]:
    """Exit code, parsed stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "manage.py", "quote"],
        input=stdin,
        capture_output=True,
        cwd=ROOT,
        env=WITHOUT_DATABASE,
        timeout=60,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


def test_a_request_on_stdin_is_answered_on_stdout() -> None:
    code, answer, complaints = run_quote(json.dumps(REQUEST).encode())
    assert (code, complaints) == (0, b"")
    assert answer["rows"] == [
        {
            "n": 1,
            "due_on": "2024-06-16",
            "days": 15,
            "principal": "10000.00",
            "interest": "90.00",
            "fee": "0.00",
            "due": "10090.00",
            "outstanding": "0.00",
        }
    ]
    assert answer["annual_rate"] == {"simple": "0.21900000", "effective": "0.24361240"}


@pytest.mark.parametrize(
    ("stdin", "field"),
    [
        (json.dumps({**REQUEST, "rate": {"daily": "six"}}).encode(), "rate.daily"),
        (b'{"principal": "\xff"}', "request"),
        (b"", "request"),
    ],
)
def test_a_bad_request_exits_with_2_and_names_the_field(stdin: bytes, field: str) -> None:
    code, answer, complaints = run_quote(stdin)
    assert (code, complaints) == (2, b"")
    assert list(answer) == ["error"]
    assert answer["error"]["field"] == field
    assert answer["error"]["message"]
