"""`verify_books --replay` tells every line anew and names the line whose books say something else."""

from __future__ import annotations

from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from huabei.facts import disagreements_of
from huabei.models import Due
from operations.services.closing import set_business_date
from tests.line_world import a_line, a_merchant, bought, end_day

pytestmark = pytest.mark.django_db


def test_a_line_whose_books_differ_from_its_facts_is_named() -> None:
    line, shop = a_line(), a_merchant()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    set_business_date(on=date(2026, 7, 1))
    out = StringIO()
    call_command("verify_books", replay=True, stdout=out, no_color=True)
    assert "line_replay" in out.getvalue()
    # Within every rule that looks at the books alone: less is asked for than the facts say.
    Due.objects.filter(line=line).update(outstanding_fen=60_00)
    out = StringIO()
    with pytest.raises(CommandError, match="1 of"):
        call_command("verify_books", replay=True, stdout=out, no_color=True)
    (named,) = (row for row in out.getvalue().splitlines() if row.startswith(" "))
    assert f"huabei_line {line.pk}" in named
    assert "10000" in named
    assert "6000" in named


def test_many_lines_are_told_anew_with_the_queries_of_one() -> None:
    shop, lines = a_merchant(), [a_line() for _ in range(5)]
    for line in lines:
        bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    counts = []
    for some in (lines[:1], lines):
        with CaptureQueriesContext(connection) as queries:
            assert list(disagreements_of(some, date(2026, 7, 1))) == []
        counts.append(len(queries))
    assert counts[0] == counts[1] < 15
