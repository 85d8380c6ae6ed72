"""
Money between the gateway and the products: sending what was ordered, asking again, and telling each product what moved.

Every step is a transaction of its own or a call to the gateway, and begins by looking at what is there. So it does not matter
who is killed where, or how often any of it is repeated.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from django.conf import settings

import huabei.autopay
import huabei.paying_out
import lending.paying
import lending.proceeds
import lending.recalls
from huabei.services import settlements
from operations.services.business_day import booking_day, require_no_close
from payments.gateway import Answer, is_configured
from payments.models import PaymentOrder
from payments.services import answers, sending
from payments.services.answers import Settled
from payments.services.sending import StillAsked

log = logging.getLogger(__name__)

# What one sweep looks at; the last one of a day, which has its time limited, looks at everything.
MOST_AT_ONCE, ALL = 1_000, 1_000_000_000


@dataclass(frozen=True, slots=True)
class Route:
    """
    How a product hears of its payments. `book` writes what moved, or failed, on the business date and in the transaction that
    marks it as told; `still_asked` says how much of an order is still wanted before the next source is asked.
    """

    book: Callable[[Settled, date], None]
    still_asked: StillAsked | None = None


# By the purpose of the order.
ROUTES: Mapping[str, Route] = {
    huabei.autopay.PURPOSE: Route(huabei.autopay.book_collection, huabei.autopay.still_asked),
    huabei.paying_out.PURPOSE: Route(huabei.paying_out.book_payout),
    lending.paying.COLLECTION: Route(lending.paying.book_collection, lending.paying.still_asked),
    lending.paying.DISBURSEMENT: Route(lending.paying.book_disbursement),
    lending.proceeds.PURPOSE: Route(lending.proceeds.book_payout, lending.proceeds.still_asked),
    settlements.PURPOSE: Route(settlements.book_payout, settlements.still_asked),
}


def _still_asked(order: PaymentOrder, on: date) -> int:
    route = ROUTES[order.purpose]
    return route.still_asked(order, on) if route.still_asked else order.amount_fen


def advance(*, order_id: int, parked: bool = False) -> None:
    """
    Takes an order as far as it goes now: source after source, until it is paid, nothing is left to try, or an answer is owed.

    Nothing happens when it has ended, nor while somebody else has it or it is parked, unless `parked` says to look all the
    same.
    """
    if not sending.claim(order_id=order_id, parked=parked):
        return
    while True:
        with booking_day() as on:
            tried = sending.next_try(order_id=order_id, on=on, still_asked=_still_asked)
        if tried is None:
            return
        answer = sending.ask(tried=tried)
        if answer is None:
            return
        hear(reference=tried.attempt.reference, answer=answer)


def hear(*, reference: str, answer: Answer) -> int:
    """
    Records what a gateway answered, by whatever way it came, and tells the product; returns the order's id. Repeating it
    changes nothing.
    """
    with booking_day() as on:
        attempt = answers.record_answer(reference=reference, answer=answer, on=on)
    settle(attempt_id=attempt.pk)
    return attempt.order_id


def called_back(*, reference: str, answer: Answer) -> None:
    """Hears an answer that the gateway brings by itself, and goes on with the order, which may have waited for it."""
    advance(order_id=hear(reference=reference, answer=answer), parked=True)


def settle(*, attempt_id: int) -> None:
    """Tells the product of an answered attempt, once, and what it books is in the same transaction."""
    with booking_day() as on:
        settled = answers.settle(attempt_id=attempt_id, on=on)
        if settled is None:
            return
        if settled.moved_on and settled.moved_on < on:
            # It corrects the past: not while a close is under way, but when the next sweep comes.
            require_no_close(on)
        ROUTES[settled.purpose].book(settled, on)


def _each(what: str, found: list[int], act: Callable[[int], None], until: float | None = None) -> int:
    """Does it to each; one that fails is logged and stays where it was for the next time. Returns how many went well."""
    done = 0
    for each in found:
        if until is not None and time.monotonic() > until:
            log.warning("%s: out of time with %d of %d done", what, done, len(found))
            break
        try:
            act(each)
            done += 1
        except Exception:  # whatever it is, the others are not kept waiting
            log.exception("%s %s is left for the next time", what, each)
    return done


def sweep(*, parked: bool = False, seconds: float | None = None) -> int:
    """
    Looks at every order that has not ended and whose time has come, then tells products what they have not heard. Returns
    how many it looked at. With `parked` it looks at those too that wait after a try that told nothing.
    """
    if not is_configured():
        return 0
    until = None if seconds is None else time.monotonic() + seconds
    waiting = sending.to_look_at(most=MOST_AT_ONCE if seconds is None else ALL, parked=parked)
    looked = _each(
        "payment order", waiting, lambda order_id: advance(order_id=order_id, parked=parked), until=until
    )
    told = answers.not_settled(most=MOST_AT_ONCE if seconds is None else ALL)
    return looked + _each("payment attempt", told, lambda attempt_id: settle(attempt_id=attempt_id))


def collect_dues(*, hint: bool = True) -> int:
    """
    Orders what is due today to be collected, wherever nothing is under way; returns how many orders. Workers are told of
    them, unless the caller sends them (`hint`).
    """
    if not is_configured():
        return 0
    with booking_day() as on:
        lines = huabei.autopay.order_dues(on=on, hint=hint)
        dues = lending.paying.order_dues(on=on, hint=hint)
        return len(lines) + len(dues) + len(lending.recalls.order_recalls(on=on, hint=hint))


def pay_merchants(*, hint: bool = True) -> int:
    """
    Orders what was settled with merchants, and what loans left of their orders' proceeds, to be paid where it is neither paid
    nor under way; returns how many orders.
    """
    if not is_configured():
        return 0
    with booking_day() as on:
        settled = settlements.order_payouts(on=on, hint=hint)
        return len(settled) + len(lending.proceeds.order_payouts(on=on, hint=hint))


def collect_for_the_last_time() -> None:
    """
    Before a day is closed: asks again about everything that is not known yet, then collects once more what is due, and pays
    merchants what was not ordered to be paid before.

    A gateway that is slow holds the close up for so long and no longer; what it answers later counts from the day it moved.
    """
    if not is_configured():
        return
    sweep(parked=True, seconds=settings.PAYMENT_SECONDS_BEFORE_CLOSE)
    if collect_dues(hint=False) + pay_merchants(hint=False):
        sweep(seconds=settings.PAYMENT_SECONDS_BEFORE_CLOSE)
