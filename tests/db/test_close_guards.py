"""PostgreSQL refuses to turn the business date back and to forget what was closed. Each guard is broken here on purpose."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction

from operations.models import BusinessDay, CloseStep
from operations.services import closing

pytestmark = pytest.mark.django_db

DAY = date(2026, 6, 1)


@pytest.fixture(autouse=True)
def _a_closed_day() -> None:
    closing.set_business_date(on=DAY)
    assert all(not result.done_before for result in closing.close_day(closed_on=DAY))


def execute(statement: str, *, as_owner: bool = False) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        if as_owner:
            cursor.execute("RESET ROLE")
        cursor.execute(statement)


@pytest.mark.parametrize("table", ["operations_businessday", "operations_closestep"])
@pytest.mark.parametrize("verb", ["DELETE FROM", "TRUNCATE"])
def test_nobody_forgets_what_was_closed(table: str, verb: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(f"{verb} {table}")
    with pytest.raises(DatabaseError, match="what is closed stays closed"):
        execute(f"{verb} {table}", as_owner=True)


@pytest.mark.parametrize(
    "change", ["business_on = business_on - 1", "business_on = business_on + 2", "first_on = '2020-01-01'"]
)
def test_the_business_date_moves_by_one_day_and_only_on(change: str) -> None:
    with pytest.raises(DatabaseError, match="moves on by the close of a day"):
        execute(f"UPDATE operations_businessday SET {change}")
    assert BusinessDay.objects.get().business_on == DAY + timedelta(days=1)


@pytest.mark.parametrize(
    "change", ["finished_at = NULL", "rows = rows + 1", "closed_on = closed_on - 1", "step = 'other'"]
)
def test_a_step_that_is_done_stays_as_it_was(change: str) -> None:
    with pytest.raises(DatabaseError, match="what is closed stays closed"):
        execute(f"UPDATE operations_closestep SET {change}")
    assert CloseStep.objects.filter(closed_on=DAY, finished_at__isnull=False).count() == len(closing.STEPS)


def test_the_application_does_not_say_which_migrations_were_applied() -> None:
    for statement in ("DELETE FROM django_migrations", "UPDATE django_migrations SET app = 'x'"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            execute(statement)
