"""What the gateway answered, by whatever way it came: at once, when asked later, or called back, early, late or twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from ledger.sql import fetch_all, fetch_one
from payments.errors import AnswerRefused, OrderNotFound
from payments.gateway import Answer, Told
from payments.models import Direction, PaymentAttempt, PaymentOrder
from payments.states import AttemptState, OrderState

LONGEST_REASON = 64


def record_answer(*, reference: str, answer: Answer, on: date) -> PaymentAttempt:
    """
    Records what became of an attempt, once: the same answer again changes nothing, and `pending` says nothing.

    The money counts from the day on which it moved, as far as that lies between the asking and now. Errors: OrderNotFound for
    a reference that was never asked, AnswerRefused for an answer that cannot be to what was asked, or that contradicts
    what the gateway answered for good before.
    """
    with transaction.atomic():
        order_id = (
            PaymentAttempt.objects.filter(reference=reference).values_list("order_id", flat=True).first()
        )
        if order_id is None:
            raise OrderNotFound(_("nothing was asked under %(reference)s") % {"reference": reference})
        order = PaymentOrder.objects.select_for_update().get(pk=order_id)
        attempt = PaymentAttempt.objects.select_for_update().get(reference=reference)
        if answer.told is Told.PENDING:
            return attempt
        _require_possible(order, attempt, answer)
        if attempt.state != AttemptState.ASKED:
            if (attempt.state, attempt.moved_fen) != (answer.told.value, answer.moved_fen):
                raise AnswerRefused(
                    _("%(reference)s: answered %(now)s %(moved)s fen, but %(before)s %(first)s fen before")
                    % {
                        "reference": reference,
                        "now": answer.told.value,
                        "moved": answer.moved_fen,
                        "before": attempt.state,
                        "first": attempt.moved_fen,
                    }
                )
            return attempt
        attempt.state = AttemptState(answer.told.value)
        attempt.moved_fen = answer.moved_fen
        if answer.moved_on is not None:
            attempt.moved_on = min(max(answer.moved_on, attempt.asked_on), max(on, attempt.asked_on))
        attempt.reason = answer.reason[:LONGEST_REASON]
        attempt.answered_on = on
        attempt.save(update_fields=["state", "moved_fen", "moved_on", "reason", "answered_on"])
        order.confirmed_fen += answer.moved_fen
        if order.confirmed_fen == order.amount_fen:
            order.state, order.ended_on = OrderState.CONFIRMED, on
        order.save(update_fields=["confirmed_fen", "state", "ended_on"])
    return attempt


def _require_possible(order: PaymentOrder, attempt: PaymentAttempt, answer: Answer) -> None:
    moved = answer.told is Told.MOVED
    whole = order.direction == Direction.PAY_OUT
    least_fen = (attempt.amount_fen if whole else 1) if moved else 0
    most_fen = attempt.amount_fen if moved else 0
    if not least_fen <= answer.moved_fen <= most_fen or moved != (answer.moved_on is not None):
        raise AnswerRefused(
            _("%(reference)s: %(told)s %(moved)s fen is no answer to %(asked)s fen")
            % {
                "reference": attempt.reference,
                "told": answer.told.value,
                "moved": answer.moved_fen,
                "asked": attempt.amount_fen,
            }
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """
    What its product is to hear of an attempt, once: so much moved, or nothing where it failed (`moved_fen` is 0).

    `reference` is the attempt's own, for the product's facts to bear.
    """

    direction: str
    owner: UUID
    purpose: str
    subject: str
    order_reference: str
    reference: str
    moved_fen: int
    moved_on: date | None
    reason: str


_SETTLE = """
UPDATE payments_paymentattempt AS attempt SET settled_on = %(on)s
FROM payments_paymentorder AS ordered
WHERE attempt.id = %(attempt)s AND ordered.id = attempt.order_id
  AND attempt.state <> 'asked' AND attempt.settled_on IS NULL
RETURNING ordered.direction, ordered.owner, ordered.purpose, ordered.subject, ordered.reference, attempt.reference,
          attempt.moved_fen, attempt.moved_on, attempt.reason
"""


def settle(*, attempt_id: int, on: date) -> Settled | None:
    """
    Marks an answered attempt as told to its product, and says what to tell; None when it was told before, or is not answered.

    To be called in the transaction in which the product books it: both happen or neither.
    """
    row = fetch_one(_SETTLE, {"attempt": attempt_id, "on": on})
    return Settled(*row) if row else None


def not_settled(*, most: int) -> list[int]:
    """The answered attempts of which no product has heard yet, oldest first."""
    rows = fetch_all(
        "SELECT id FROM payments_paymentattempt WHERE settled_on IS NULL AND state <> 'asked' ORDER BY id LIMIT %s",
        [most],
    )
    return [attempt_id for (attempt_id,) in rows]
