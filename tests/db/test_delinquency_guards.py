"""PostgreSQL keeps how late lines were, how they were classified and by which rules. Each guard is broken here on purpose."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from huabei.models import Arrears, Classification, ClassificationBand, Line, ReminderDay
from ledger.audit import verify
from operations import audit
from tests.line_world import a_line

pytestmark = pytest.mark.django_db

DAY = date(2026, 7, 11)


@pytest.fixture
def line() -> Line:
    """A line that is late since 11 July."""
    line = a_line()
    Arrears.objects.create(line=line, began_on=DAY, since=DAY, oldest_due_on=date(2026, 7, 10), overdue_fen=1)
    Classification.objects.create(
        line=line, category="attention", since=DAY, days_past_due=1, rule_from=date(2000, 1, 1)
    )
    return line


def execute(statement: str, *, as_owner: bool = False) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        if as_owner:
            cursor.execute("RESET ROLE")
        cursor.execute(statement)


TABLES = ["huabei_arrears", "huabei_classification", "huabei_classificationband", "huabei_reminderday"]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("verb", ["DELETE FROM", "TRUNCATE"])
def test_nothing_is_forgotten(table: str, verb: str, line: Line) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(f"{verb} {table}")
    with pytest.raises(DatabaseError, match="refused"):
        execute(f"{verb} {table}", as_owner=True)


@pytest.mark.parametrize(
    "change", ["huabei_classificationband SET first_day = 2", "huabei_reminderday SET days = 2"]
)
def test_rules_do_not_change(change: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(f"UPDATE {change}")
    with pytest.raises(DatabaseError, match="refused"):
        execute(f"UPDATE {change}", as_owner=True)


@pytest.mark.parametrize("table", TABLES[:2])
def test_a_stretch_only_ends_and_once(table: str, line: Line) -> None:
    columns = {"huabei_arrears": "overdue_fen = 2", "huabei_classification": "category = 'loss'"}
    for change in (columns[table], "since = since - 1", f"{columns[table]}, until = '2026-07-12'"):
        with pytest.raises(DatabaseError, match="refused"):
            execute(f"UPDATE {table} SET {change}")
    execute(f"UPDATE {table} SET until = '2026-07-12'")
    for change in ("until = NULL", "until = '2026-07-13'"):
        with pytest.raises(DatabaseError, match="refused"):
            execute(f"UPDATE {table} SET {change}")


def refused(constraint: str, model: type, **given: object) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        model.objects.create(**given)  # type: ignore[attr-defined]


def test_stretches_of_lateness_are_in_order(line: Line) -> None:
    late = {"began_on": DAY, "since": DAY, "oldest_due_on": date(2026, 7, 10), "overdue_fen": 1}
    refused("arrears_one_open_per_line|arrears_once", Arrears, line=line, **late)
    refused("arrears_one_open_per_line", Arrears, line=line, **{**late, "since": date(2026, 7, 12)})
    refused("arrears_once_per_line_and_day", Arrears, line=line, **late, until=date(2026, 7, 12))
    other = a_line()
    for wrong in (
        {"began_on": date(2026, 7, 12)},
        {"oldest_due_on": DAY},
        {"overdue_fen": 0},
    ):
        refused("arrears_are_late", Arrears, line=other, **{**late, **wrong})
    refused("arrears_not_backwards", Arrears, line=other, **late, until=DAY)


def test_classifications_are_in_order(line: Line) -> None:
    given = {"category": "loss", "since": DAY, "days_past_due": 1, "rule_from": date(2000, 1, 1)}
    refused("classification_once_per_day", Classification, line=line, **given, until=date(2026, 7, 12))
    refused("classification_one_open", Classification, line=line, **{**given, "since": date(2026, 7, 12)})
    other = a_line()
    refused("classification_category_known", Classification, line=other, **{**given, "category": "x"})
    refused("classification_not_backwards", Classification, line=other, **given, until=DAY)
    for wrong in ({"days_past_due": 0}, {"rule_from": date(2026, 7, 12)}):
        refused("classification_rule_in_force", Classification, line=other, **{**given, **wrong})


def test_rules_are_in_order() -> None:
    first = {"effective_from": date(2000, 1, 1)}
    refused("band_once_per_category", ClassificationBand, **first, category="loss", first_day=500)
    ClassificationBand.objects.create(effective_from=DAY, category="loss", first_day=5)
    refused("band_once_per_day", ClassificationBand, effective_from=DAY, category="doubtful", first_day=5)
    refused("band_category_known", ClassificationBand, effective_from=DAY, category="x", first_day=6)
    refused("band_days_positive", ClassificationBand, effective_from=DAY, category="doubtful", first_day=0)
    refused("reminder_once_per_day", ReminderDay, **first, days=1)
    refused("reminder_is_not_on_the_day", ReminderDay, **first, days=0)
    refused("reminder_is_not_on_the_day", ReminderDay, **first, days=-21)


def faults() -> set[str]:
    return {result.check.name for result in verify(audit.CHECKS) if result.faults}


def test_the_proof_finds_a_gap_and_a_classification_of_what_is_not_late(line: Line) -> None:
    assert "line_arrears" not in faults()
    other = a_line()
    gap = Arrears.objects.create(
        line=other,
        began_on=DAY,
        since=date(2026, 7, 20),
        oldest_due_on=date(2026, 7, 10),
        overdue_fen=1,
    )
    assert "line_arrears" in faults()
    Arrears.objects.create(
        line=other,
        began_on=DAY,
        since=DAY,
        until=gap.since,
        oldest_due_on=date(2026, 7, 10),
        overdue_fen=1,
    )
    assert "line_arrears" not in faults()
    execute("UPDATE huabei_arrears SET until = '2026-07-25' WHERE until IS NULL")
    assert "line_arrears" in faults()
