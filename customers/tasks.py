"""Sending e-mails. The database is the truth and a task only a hint: the beat sends what a lost hint did not."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.utils import timezone

from customers.services import mail

log = logging.getLogger(__name__)


@shared_task(name="customers.send_waiting_emails", acks_late=True)
def send_waiting_emails() -> int:
    """Sends the e-mails that wait and may be sent now; returns how many. This is the edge where the clock is read."""
    return mail.send_waiting_emails(at=timezone.now()).sent


def send_soon() -> None:
    """Asks a worker to send now what waits. Nothing is lost without one: the beat asks every minute."""
    task: Any = send_waiting_emails
    try:
        task.apply_async(retry=False)
    except Exception as error:
        # Whatever the broker's trouble is, it is not that of whoever gave an address.
        log.warning("no worker was asked to send e-mails: %s", error)
