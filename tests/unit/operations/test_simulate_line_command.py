"""What `manage.py simulate_line` says of a story that cannot be told: exit code 2, and JSON that names the field."""

from __future__ import annotations

import copy
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

ROOT = Path(__file__).parents[3]
STORY: dict[str, Any] = {
    "line": {"limit": "8000.00", "statement_day": 1, "due_day": 10, "opened_on": "2026-05-20"},
    "events": [
        {"on": "2026-06-05", "type": "purchase", "amount": "1000.00", "ref": "p1"},
        {"on": "2026-07-10", "type": "repayment", "amount": "100.00", "ref": "r1"},
    ],
    "until": "2026-08-01",
}
ABSENT = object()


def tell(stdin: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[int, Any]:
    """Exit code and answer. These tests may not touch the database, so a story that is told fails them."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    out = io.StringIO()
    code = 0
    try:
        call_command("simulate_line", stdout=out)
    except SystemExit as left:
        code = int(left.code or 0)
    return code, json.loads(out.getvalue())


def changed(path: str, value: object) -> bytes:
    """The story with the field at a dotted path set to a value, or without it."""
    story: Any = copy.deepcopy(STORY)
    inside: Any = story
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in way:
        inside = inside[step]
    if value is ABSENT:
        del inside[last]
    else:
        inside[last] = value
    return json.dumps(story).encode()


AMOUNTS: list[object] = [
    None,
    "",
    "abc",
    "-5.00",
    "0.00",
    "1.234",
    "1,000.00",
    " 1.00",
    "1e3",
    "NaN",
    "١.00",
    1000,
    1000.0,
    float("nan"),
    float("inf"),
    True,
    [],
    {},
    "9" * 30,
    "10000000000.01",
]
DATES: list[object] = [
    None,
    "",
    "yesterday",
    "2026-02-30",
    "2026-13-01",
    "2026-6-5",
    "20260605",
    "2026-W23-5",
    "2026-06-05T00:00",
    "２０２６-06-05",
    20260605,
    True,
    [],
    {},
]
DAYS: list[object] = [None, 0, 29, 31, -1, 1.0, 1.5, "1", True, [], 10**30]
REFS: list[object] = [None, "", "x" * 49, 7, True, [], {}, "a\u0000b", "\ud800", "line\nbreak"]
TYPES: list[object] = [None, "", "Purchase", "pay", 1, True, [], {}]
OBJECTS: list[object] = [None, "text", 7, True, [], [[]]]

FIELDS = [
    *(("line", value) for value in (ABSENT, *OBJECTS)),
    *(("line.limit", value) for value in (ABSENT, *AMOUNTS)),
    *(("line.statement_day", value) for value in DAYS),
    *(("line.due_day", value) for value in (*DAYS, 1)),
    *(("line.opened_on", value) for value in (ABSENT, *DATES, "1999-12-31", "0001-01-01", "9999-12-31")),
    *(("until", value) for value in (ABSENT, *DATES, "2026-05-19", "2036-06-30", "9999-12-31")),
    *(("events", value) for value in (ABSENT, None, "text", 7, {}, [{}] * 10_001)),
    *((f"events.{n}", value) for n in (0, 1) for value in OBJECTS),
    *(("events.0.on", value) for value in (ABSENT, *DATES, "2026-05-19")),
    *(("events.0.type", value) for value in (ABSENT, *TYPES)),
    *(("events.0.ref", value) for value in (ABSENT, *REFS)),
    *(("events.0.amount", value) for value in (ABSENT, *AMOUNTS)),
    *(("events.1.amount", value) for value in (ABSENT, *AMOUNTS)),
    ("surplus", 1),
    ("\ud800", 1),
    ("line.surplus", 1),
    ("events.1.surplus", 1),
]


@pytest.mark.parametrize(("path", "value"), FIELDS)
def test_a_field_that_is_missing_or_wrong_is_named(
    path: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, answer = tell(changed(path, value), monkeypatch)
    named = path.replace("events.0", "events[0]").replace("events.1", "events[1]")
    assert (code, answer["error"]["field"]) == (2, named)
    assert len(answer["error"]["message"]) > 5


TEXTS = [
    (b"", ""),
    (b"   \n", ""),
    (b"not json", ""),
    (b'{"line":', ""),
    (b"null", ""),
    (b"[]", ""),
    (b"7", ""),
    (b"\xff\xfe\x00", ""),
    ("花呗".encode("gbk"), ""),
    (b"[" * 100_000, ""),
    (b'{"line": ' + b"9" * 5_000 + b"}", ""),
    (b'{"line": {}, "line": {}}', "line"),
    (b'{"line": {"limit": "1.00", "limit": "2.00"}}', "limit"),
]


@pytest.mark.parametrize(("stdin", "field"), TEXTS)
def test_a_text_that_is_no_story_is_said_so(
    stdin: bytes, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, answer = tell(stdin, monkeypatch)
    assert (code, answer["error"]["field"]) == (2, field)
    assert len(answer["error"]["message"]) > 5


@pytest.mark.django_db
def test_a_ref_of_an_earlier_purchase_is_refused_by_its_position(monkeypatch: pytest.MonkeyPatch) -> None:
    story = STORY | {"events": [STORY["events"][0], STORY["events"][0] | {"on": "2026-06-06"}]}
    code, answer = tell(json.dumps(story).encode(), monkeypatch)
    assert (code, answer["error"]["field"]) == (2, "events[1].ref")


@pytest.mark.django_db
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_story_is_told_whatever_the_order_of_its_events(
    mark: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = STORY | {"events": STORY["events"][::-1]}
    code, answer = tell(mark + json.dumps(story).encode(), monkeypatch)
    assert (code, answer["statements"][1]["interest"]) == (0, "9.45")


@pytest.mark.django_db
def test_what_the_line_refuses_is_noted_and_the_story_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [
        {"on": "2026-06-01", "type": "purchase", "amount": "8000.01", "ref": "too much"},
        {"on": "2026-06-02", "type": "refund", "ref": "too much"},
        {"on": "2026-06-03", "type": "purchase", "amount": "10000000000.00", "ref": "far too much"},
        {"on": "2026-06-04", "type": "purchase", "amount": "8000.00", "ref": "花呗 😀"},
    ]
    code, answer = tell(json.dumps(STORY | {"events": events}).encode(), monkeypatch)
    assert (code, answer["drawn"]) == (0, "8000.00")
    assert [(refused["event"], refused["ref"], refused["code"]) for refused in answer["refused"]] == [
        (0, "too much", "limit_exceeded"),
        (1, "too much", "purchase_not_found"),
        (2, "far too much", "limit_exceeded"),
    ]


def test_in_a_shell_nothing_on_stdin_is_exit_code_2_and_one_json_answer() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "simulate_line"],
        input=b"",
        capture_output=True,
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.test"},
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, b"")
    assert json.loads(done.stdout)["error"]["field"] == ""
