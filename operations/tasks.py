"""The scheduled jobs. The database is the truth and a task only a hint: each may come twice, late, or not at all."""

from __future__ import annotations

from datetime import date

from celery import shared_task
from django.utils import timezone

from operations.services import closing


@shared_task(name="operations.close_day", acks_late=True)
def close_day(closed_on: str) -> int:
    """Closes one business day, given as an ISO date; returns the rows its steps wrote. Repeating it writes none."""
    return sum(result.rows for result in closing.close_day(closed_on=date.fromisoformat(closed_on)))


@shared_task(name="operations.close_elapsed_days", acks_late=True)
def close_elapsed_days() -> int:
    """
    Closes every day that has ended on the wall clock in the bank's time zone; returns the rows written.

    This is the edge where the clock is read. It also finishes a close that a crash interrupted, so it runs often.
    """
    if not closing.is_open():
        return 0
    return sum(result.rows for result in closing.close_until(on=timezone.localdate()))
