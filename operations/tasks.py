"""The scheduled jobs. The database is the truth and a task only a hint: each may come twice, late, or not at all."""

from __future__ import annotations

from datetime import date

from celery import shared_task
from django.utils import timezone

from operations.services import closing, paying, proving
from payments.outbox import ADVANCE


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


@shared_task(name=ADVANCE, acks_late=True)
def advance_payment(order_id: int) -> None:
    """Sends a payment order that was just written, and tells its product what moved. Repeating it pays nothing twice."""
    paying.advance(order_id=order_id)


@shared_task(name="operations.sweep_payments", acks_late=True)
def sweep_payments() -> int:
    """Sends what was not sent, asks again about what is not known, tells products what they have not heard."""
    return paying.sweep() if closing.is_open() else 0


@shared_task(name="operations.collect_dues", acks_late=True)
def collect_dues() -> int:
    """Has what is due today collected from the customers' sources, once more where it failed; returns how many orders."""
    return paying.collect_dues() if closing.is_open() else 0


@shared_task(name="operations.prove_books", acks_late=True)
def prove_books() -> int:
    """Proves the books, once a business date; returns how many rules are broken."""
    return proving.prove_books(at=timezone.now()).broken_rules if closing.is_open() else 0


@shared_task(name="operations.pay_merchants", acks_late=True)
def pay_merchants() -> int:
    """Has what was settled with merchants paid out, once a business day where it failed; returns how many orders."""
    return paying.pay_merchants() if closing.is_open() else 0
