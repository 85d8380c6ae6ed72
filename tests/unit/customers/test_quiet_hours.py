"""Quiet hours: from and until, over midnight or not, and what PostgreSQL makes of the same."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from customers.quiet_hours import keep_the_night, quiet_end

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(day: int, clock: str) -> datetime:
    return datetime.combine(datetime(2026, 7, day).date(), time.fromisoformat(clock), tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        (at(1, "21:59:59"), None),
        (at(1, "22:00"), at(2, "08:00")),
        (at(1, "23:30"), at(2, "08:00")),
        (at(2, "00:00"), at(2, "08:00")),
        (at(2, "07:59:59"), at(2, "08:00")),
        (at(2, "08:00"), None),
    ],
)
def test_the_night_is_quiet_from_22_until_8(now: datetime, ends: datetime | None) -> None:
    assert quiet_end(now, time(22), time(8)) == ends


def test_hours_of_one_day_and_no_hours_at_all() -> None:
    assert quiet_end(at(1, "13:00"), time(12), time(14)) == at(1, "14:00")
    assert quiet_end(at(1, "14:00"), time(12), time(14)) is None
    assert quiet_end(at(1, "08:00"), time(8), time(8)) is None


@pytest.mark.parametrize(
    ("quiet_from", "quiet_until", "kept"),
    [
        ("22:00", "08:00", True),
        ("20:00", "09:00", True),
        ("23:00", "08:00", False),
        ("22:00", "07:00", False),
        ("00:00", "08:00", False),
        ("08:00", "08:00", False),
        ("08:00", "22:00", False),
    ],
)
def test_what_keeps_the_night(quiet_from: str, quiet_until: str, kept: bool) -> None:
    assert keep_the_night(time.fromisoformat(quiet_from), time.fromisoformat(quiet_until)) is kept


@pytest.mark.django_db
def test_postgresql_says_the_same_of_every_half_hour_and_all_whole_hours() -> None:
    moments = [at(1, "00:00") + timedelta(minutes=30 * n) for n in range(48)]
    hours = [time(hour) for hour in range(24)]
    asked = [(now, begin, end) for now in moments for begin in hours for end in hours]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT customers_quiet_end(at, since, until) "
            "FROM unnest(%s::timestamptz[], %s::time[], %s::time[]) WITH ORDINALITY AS asked (at, since, until, n) "
            "ORDER BY n",
            [list(column) for column in zip(*asked, strict=True)],
        )
        said = [row[0] for row in cursor.fetchall()]
    assert said == [quiet_end(*question) for question in asked]
