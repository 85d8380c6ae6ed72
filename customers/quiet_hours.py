"""
When nobody is contacted: 22:00 to 08:00 in the bank's time zone, unless the customer agreed to other hours.

The sender asks the same of PostgreSQL for all customers at once, `customers_quiet_end`; tests compare the two.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

NIGHT_FROM = time(22)
NIGHT_UNTIL = time(8)


def quiet_end(local: datetime, quiet_from: time, quiet_until: time) -> datetime | None:
    """
    When the quiet hours that hold at this local time end; None when none hold.

    They begin with `quiet_from` and end before `quiet_until`, over midnight where that is earlier; equal: there are none.
    """
    now = local.timetz().replace(tzinfo=None)
    over_midnight = quiet_from > quiet_until
    late, early = now >= quiet_from, now < quiet_until
    if not (late or early if over_midnight else late and early):
        return None
    days = 1 if over_midnight and late else 0
    return datetime.combine(local.date() + timedelta(days=days), quiet_until, tzinfo=local.tzinfo)


def keep_the_night(quiet_from: time, quiet_until: time) -> bool:
    """Whether these quiet hours cover 22:00 to 08:00, so that no agreement is needed. Source: DOMAIN, collections."""
    return quiet_from > quiet_until and quiet_from <= NIGHT_FROM and quiet_until >= NIGHT_UNTIL
