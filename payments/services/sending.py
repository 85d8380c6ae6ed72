"""
Taking an order to the gateway, step by step. Each step is one transaction or one call; whoever is killed between two of them
leaves an order that the next look takes up where it was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from ledger.sql import fetch_all, fetch_one
from payments.errors import OrderNotFound
from payments.gateway import Answer, GatewayUnavailable, Instruction, Told, gateway
from payments.models import Direction, FundingSource, PaymentAttempt, PaymentOrder
from payments.states import OPEN_STATES, AttemptState, OrderState

log = logging.getLogger(__name__)

# How much of an order its product still wants on a date, in fen; it holds what makes that true until the transaction ends.
StillAsked = Callable[[PaymentOrder, date], int]

# The instants here are the database's own, one clock for however many workers. The first to look has four minutes before the
# next one does, then eight, up to an hour.
_CLAIM = """
UPDATE payments_paymentorder
SET looks = looks + 1, look_again_at = clock_timestamp() + least(power(2, least(looks, 10) + 1), 60) * interval '1 minute'
WHERE id = %(order)s AND state = ANY(%(open)s) AND (%(parked)s OR look_again_at <= clock_timestamp())
RETURNING id
"""


def claim(*, order_id: int, parked: bool = False) -> bool:
    """
    Whether this caller is to look at the order now: it has not ended and nobody else has it. `parked` looks all the same,
    which is safe and may only ask the gateway twice.
    """
    parameters = {"order": order_id, "open": list(OPEN_STATES), "parked": parked}
    return fetch_one(_CLAIM, parameters) is not None


_TO_LOOK_AT = """
SELECT id FROM payments_paymentorder
WHERE state = ANY(%(open)s) AND (%(parked)s OR look_again_at <= clock_timestamp())
ORDER BY look_again_at, id LIMIT %(most)s
"""


def to_look_at(*, most: int, parked: bool = False) -> list[int]:
    """The orders that have not ended and nobody is looking at, those waiting longest first; with `parked`, all of them."""
    parameters = {"open": list(OPEN_STATES), "parked": parked, "most": most}
    return [order_id for (order_id,) in fetch_all(_TO_LOOK_AT, parameters)]


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt to be asked of the gateway, and whether it may have been asked before."""

    attempt: PaymentAttempt
    again: bool


def next_try(*, order_id: int, on: date, still_asked: StillAsked | None = None) -> Try | None:
    """
    The order's attempt that is not answered yet, or a new one on the owner's next source; None when the order has ended, or
    ends here since no source is left or nothing is wanted any more.

    A new attempt asks for what is left of the order, and for no more than its product still wants. Error: OrderNotFound.
    """
    with transaction.atomic():
        order = PaymentOrder.objects.filter(pk=order_id).first()
        if order is None:
            raise OrderNotFound(_("there is no payment order %(id)s") % {"id": order_id})
        # Before the order is locked: the product locks its own row first, as it does when it writes an order.
        asked_fen = still_asked(order, on) if still_asked else order.amount_fen
        order = PaymentOrder.objects.select_for_update().get(pk=order_id)
        if order.state not in OPEN_STATES:
            return None
        if unanswered := order.attempts.filter(state=AttemptState.ASKED).first():
            return Try(unanswered, again=True)
        amount_fen = min(order.amount_fen - order.confirmed_fen, asked_fen - _not_settled(order))
        source = _next_source(order)
        if amount_fen <= 0 or source is None:
            _end(order, on, OrderState.CANCELLED if amount_fen <= 0 else OrderState.FAILED)
            return None
        return Try(_asked(order, source, amount_fen, on), again=False)


def _not_settled(order: PaymentOrder) -> int:
    """What attempts have moved that the product has not heard of, and so still asks for."""
    found = order.attempts.filter(settled_on__isnull=True).aggregate(moved=Sum("moved_fen"))
    return found["moved"] or 0


def _next_source(order: PaymentOrder) -> FundingSource | None:
    tried = order.attempts.values("source_id")
    sources = FundingSource.objects.exclude(pk__in=tried).order_by("position")
    if order.direction == Direction.COLLECT:
        # A payout goes there also when it was removed since: its product hears of it by what became of its attempt.
        sources = sources.filter(owner=order.owner, removed_on__isnull=True)
    return (
        sources.filter(autopay=True) if order.source is None else sources.filter(pk=order.source.pk)
    ).first()


def _end(order: PaymentOrder, on: date, otherwise: OrderState) -> None:
    order.state = OrderState.CONFIRMED if order.confirmed_fen else otherwise
    order.ended_on = on
    order.save(update_fields=["state", "ended_on", "confirmed_fen"])


def _asked(order: PaymentOrder, source: FundingSource, amount_fen: int, on: date) -> PaymentAttempt:
    attempt = PaymentAttempt.objects.create(
        order=order,
        source=source,
        reference=f"{order.uuid.hex}-{order.attempts.count() + 1}",
        amount_fen=amount_fen,
        asked_on=on,
    )
    if order.state == OrderState.CREATED:
        order.state = OrderState.SENT
        order.save(update_fields=["state"])
    return attempt


def instruction(attempt: PaymentAttempt) -> Instruction:
    """An attempt as a gateway is told of it."""
    return Instruction(
        reference=attempt.reference,
        direction=attempt.order.direction,
        token=attempt.source.token,
        amount_fen=attempt.amount_fen,
        on=attempt.asked_on,
    )


def ask(*, tried: Try) -> Answer | None:
    """
    Asks the gateway, outside of any transaction: what became of an attempt that it may know already, else to make it.

    None while nothing is known for good. The attempt's reference makes the gateway move money once however often it is asked.
    """
    attempt = tried.attempt
    try:
        answer = gateway().query(attempt.reference) if tried.again else None
        if answer is None:
            answer = gateway().request(instruction(attempt))
    except GatewayUnavailable as error:
        log.warning("payment attempt %s: %s", attempt.reference, error)
        return None
    return None if answer.told is Told.PENDING else answer
