"""
Loans' money through `payments`: the amount lent goes out to one of the borrower's sources, and what falls due is collected
from those that allow autopay, in the borrower's order.

Who is due and what is asked of each is one set-based statement. `operations` tells what moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from customers.notices import Message
from customers.services.notices import notify
from finance.schedule import build
from ledger.sql import fetch_all
from lending.errors import LoanNotRunning
from lending.models import Loan, LoanStatus, Pledge, Seller
from lending.notices import DisbursementFailed, LoanDisbursed
from lending.recalls import AUTOPAY, CALLED_IN, PURPOSE, uncovered
from lending.selectors import terms_of
from lending.services import servicing
from lending.services.facts import locked_loan
from payments.models import PaymentOrder
from payments.selectors import orders_for
from payments.services.answers import Settled
from payments.services.orders import Wanted, order_payments, request_payout

DISBURSEMENT = "lending.disbursement"
COLLECTION = PURPOSE


def disburse(*, loan_id: int, source: UUID, on: date) -> PaymentOrder:
    """
    Sends a signed loan's amount, less the fees kept back, to one of the borrower's sources. The loan is being disbursed until
    the gateway has said that the money moved, or that it did not; repeated meanwhile, it is the first order.

    Errors: LoanNotFound, LoanNotRunning, also while the seller is suspended whose orders stand for the loan, and those of
    `request_payout`.
    """
    with transaction.atomic():
        # Before the loan is locked, as by whoever tells of orders: who suspends the seller waits until it is ordered.
        pledging = Pledge.objects.filter(loan=loan_id).values("order__seller")
        sellers = list(Seller.objects.select_for_update(no_key=True).filter(pk__in=pledging))
        loan = locked_loan(loan_id)
        if loan.status not in (LoanStatus.SIGNED, LoanStatus.DISBURSING):
            raise LoanNotRunning(_("Only a signed loan can be disbursed."))
        orders = PaymentOrder.objects.filter(purpose=DISBURSEMENT, subject=str(loan.uuid)).order_by("-pk")
        latest = orders.first()
        if loan.status == LoanStatus.DISBURSING and latest is not None:
            return latest
        if any(seller.is_suspended for seller in sellers):
            raise LoanNotRunning(_("The shop is suspended: nothing is lent against its orders meanwhile."))
        servicing.begin_disbursement(loan_id=loan.pk)
        return request_payout(
            owner=loan.customer_id,
            amount_fen=build(terms_of(loan).schedule).net_disbursed_fen,
            purpose=DISBURSEMENT,
            subject=str(loan.uuid),
            reference=f"loan:{loan.pk}:out:{orders.count() + 1}",
            source=source,
            on=on,
        )


def first_payout(loan: Loan) -> PaymentOrder | None:
    """The order of whoever signed; what failed may have been sent again, elsewhere too."""
    return _payouts(loan).order_by("pk").first()


def latest_payout(loan: Loan) -> PaymentOrder | None:
    """The latest order to pay the loan out."""
    return _payouts(loan).first()


def _payouts(loan: Loan) -> QuerySet[PaymentOrder]:
    return orders_for(purpose=DISBURSEMENT, subject=str(loan.uuid)).select_related("source")


def book_disbursement(settled: Settled, on: date) -> None:
    """
    The money went out, and the loan runs from the day on which it did; or it did not, and the loan is signed still. The
    borrower is told either.
    """
    loan = Loan.objects.select_related("terms").get(uuid=settled.subject)
    message: Message = DisbursementFailed(str(loan.uuid), loan.terms.principal_fen)
    if settled.moved_fen:
        message = LoanDisbursed(str(loan.uuid), settled.moved_fen, settled.moved_on or on)
        servicing.confirm_disbursement(
            loan_id=loan.pk, reference=f"payment:{settled.reference}", moved_on=settled.moved_on, on=on
        )
    else:
        servicing.fail_disbursement(loan_id=loan.pk)
    notify(customer_id=loan.customer_id, message=message, reference=f"payout:{settled.reference}", on=on)


_HOLD = """
SELECT loan.id FROM lending_loan AS loan
WHERE loan.id IN (SELECT loan_id FROM lending_instalment WHERE due_on = %(on)s AND billed AND unpaid_fen > 0)
  AND loan.status = 'active' /* scope */
ORDER BY loan.id FOR NO KEY UPDATE
"""

# Nothing is under way for the loan, nothing that was taken waits to be booked on it, and there is a source to take it from.
_FREE = """
  AND EXISTS (SELECT FROM payments_fundingsource AS source
              WHERE source.owner = loan.customer_id AND source.autopay AND source.removed_on IS NULL)
  AND NOT EXISTS (SELECT FROM payments_paymentorder AS ordered
                  WHERE ordered.purpose = %(purpose)s AND ordered.subject = loan.uuid::text
                    AND (ordered.state IN ('created', 'sent') OR EXISTS (
                        SELECT FROM payments_paymentattempt AS attempt
                        WHERE attempt.order_id = ordered.id AND attempt.moved_fen > 0 AND attempt.settled_on IS NULL)))
"""

# All that has fallen due, and the penalty that runs, which is paid first.
_ASKED = """
SELECT loan.id, loan.uuid, loan.customer_id,
       CASE coalesce(choice.amount, 'full') WHEN 'off' THEN 0 ELSE due.fen + penalty.fen END AS asked_fen,
       (SELECT count(*) FROM payments_paymentorder AS earlier
        WHERE earlier.purpose = %(purpose)s AND earlier.subject = loan.uuid::text AND earlier.ordered_on = %(on)s) AS tried
FROM lending_loan AS loan
LEFT JOIN LATERAL (
    SELECT amount FROM payments_autopaychoice
    WHERE owner = loan.customer_id AND purpose = %(purpose)s ORDER BY id DESC LIMIT 1
) AS choice ON true
CROSS JOIN LATERAL (
    SELECT coalesce(sum(unpaid_fen), 0)::bigint AS fen FROM lending_instalment
    WHERE loan_id = loan.id AND billed AND unpaid_fen > 0
) AS due
CROSS JOIN LATERAL (
    SELECT greatest(round_fen(coalesce(sum(carried + principal_fen * rate * (%(on)s - since)), 0)), 0) AS fen
    FROM lending_segment
    WHERE loan_id = loan.id AND kind = 'penalty' AND since < %(on)s AND (until IS NULL OR until >= %(on)s)
) AS penalty
WHERE loan.id = ANY(%(loans)s) /* free */
"""


def _asked(on: date, scope: str, parameters: dict[str, Any], free: str) -> list[tuple[Any, ...]]:
    """Of the loans in scope with something due on a date, held: id, uuid, customer, fen asked, orders of the day so far."""
    if not connection.in_atomic_block:
        raise RuntimeError("what is asked holds only in a transaction")
    parameters = {**parameters, "on": on, "purpose": COLLECTION}
    held = [loan_id for (loan_id,) in fetch_all(_HOLD.replace("/* scope */", scope), parameters)]
    # Locked by the statement before, so that this one sees what was paid meanwhile.
    return fetch_all(_ASKED.replace("/* free */", free), parameters | {"loans": held}) if held else []


def order_dues(*, on: date, loan_ids: Sequence[int] | None = None, hint: bool = True) -> list[int]:
    """
    Orders what falls due on a date to be collected, with what is overdue besides, of these loans or of all; returns the
    orders' ids.

    A loan is left out that asks for nothing, whose borrower has no source that allows autopay or chose to have nothing
    collected, or for which a collection is under way. Repeating it while nothing has ended orders nothing.
    """
    scope = "" if loan_ids is None else "AND loan.id = ANY(%(only)s)"
    rows = _asked(on, scope + _FREE, {"only": loan_ids}, _FREE)
    wanted = [
        Wanted(customer_id, asked_fen, COLLECTION, str(uuid), f"{AUTOPAY}{loan_id}:{on}:{tried + 1}")
        for loan_id, uuid, customer_id, asked_fen, tried in rows
        if asked_fen > 0
    ]
    return order_payments(wanted=wanted, on=on, hint=hint) if wanted else []


def still_asked(order: PaymentOrder, on: date) -> int:
    """
    What of an order's loan is still to be collected, in fen: nothing once the due day has passed. What somebody ordered
    themselves is wanted as it was ordered.
    """
    if order.reference.startswith(CALLED_IN):
        return min(
            order.amount_fen, uncovered(Loan.objects.select_related("terms").get(uuid=order.subject), on)
        )
    if not order.reference.startswith(AUTOPAY):
        return order.amount_fen
    if on != order.ordered_on:
        return 0
    rows = _asked(on, "AND loan.uuid = %(subject)s::uuid", {"subject": order.subject}, "")
    return int(rows[0][3]) if rows else 0


def book_collection(settled: Settled, on: date) -> None:
    """Books what was collected as a repayment of its loan, from the day on which it moved; nothing where nothing did."""
    if not settled.moved_fen:
        return
    loan = Loan.objects.only("pk").get(uuid=settled.subject)
    servicing.repay(
        loan_id=loan.pk,
        amount_fen=settled.moved_fen,
        reference=f"payment:{settled.reference}",
        value_on=settled.moved_on,
        on=on,
    )
