"""
The hint that there is a payment order to send. Orders are rows and are found without it; it only makes them go out at once.
"""

from __future__ import annotations

import logging

from celery import current_app
from django.conf import settings
from django.db import transaction

# The task that takes an order as far as it goes. It settles with the products, so it is defined above them.
ADVANCE = "payments.advance"

log = logging.getLogger(__name__)


def hint_on_commit(order_id: int) -> None:
    """Once the transaction that wrote the order has committed, tells a worker of it. Where that fails, the sweep finds it."""
    if settings.PAYMENT_HINTS:
        transaction.on_commit(lambda: _hint(order_id), robust=True)


def _hint(order_id: int) -> None:
    try:
        current_app.send_task(ADVANCE, args=[order_id], ignore_result=True)
    except Exception:  # whatever a broker may raise
        log.warning(
            "payment order %s: no hint could be sent, the sweep will find it", order_id, exc_info=True
        )
