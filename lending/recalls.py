"""
What a refund of a pledged order calls in: the principal that no pledge covers any more, collected from the borrower.

It is asked for on the day of the refund and on every day after it until it is paid; the loan's own due date stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db.models import Exists, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from ledger.sql import fetch_all
from lending.models import Loan, LoanStatus, OrderEvent, OrderEventKind, Pledge, Release
from lending.proceeds import UNDONE, called_in, settlements
from lending.selectors import loan_on
from payments.gateway import is_configured
from payments.models import PaymentOrder
from payments.services.orders import Wanted, order_payments

PURPOSE = "lending.loan"
# How the references of collections begin: of what falls due, and of what is ordered here.
AUTOPAY = "loan-autopay:"
CALLED_IN = "loan-called-in:"

# Running loans of which a refund called something in, or of which an order that stands for them was refunded since it was
# pledged: then what it calls in was not known when it was told, the loan having ended. What was refunded before it was
# pledged, or after its proceeds came in, has nothing collected.
_CALLED = """
SELECT loan.id FROM lending_loan AS loan
WHERE loan.status = 'active' AND EXISTS (
    SELECT FROM lending_pledge AS pledge JOIN lending_orderevent AS event ON event.order_id = pledge.order_id
    WHERE pledge.loan_id = loan.id AND pledge.release <> 'cancelled' AND (event.recalled_fen > 0 OR (
        event.kind = 'refunded'
        AND pledge.refunded_before_fen < (SELECT sum(amount_fen) FROM lending_orderevent AS refund
                                          WHERE refund.order_id = pledge.order_id AND refund.kind = 'refunded')
        AND NOT EXISTS (SELECT FROM lending_orderevent AS event
                        WHERE event.order_id = pledge.order_id AND event.kind = 'settled' AND NOT /* undone */))))
  AND (%(loans)s::bigint[] IS NULL OR loan.id = ANY(%(loans)s))
ORDER BY loan.id FOR NO KEY UPDATE
""".replace("/* undone */", UNDONE)


def uncovered(loan: Loan, on: date) -> int:
    """
    What of a running loan's principal no pledge covers, in fen.

    An order covers its share, less what refunds took of it, until its proceeds came in, whatever it was let go for: where a
    settlement was undone it covers it again, and so do the orders that were let go because that settlement ended the loan.
    """
    if loan.status != LoanStatus.ACTIVE:
        return 0
    refunds = OrderEvent.objects.filter(order=OuterRef("order"), kind=OrderEventKind.REFUNDED)
    settled = Exists(settlements().filter(order=OuterRef("order")))
    standing = Pledge.objects.exclude(release=Release.CANCELLED).filter(~settled, loan=loan)
    refunded = Coalesce(
        Subquery(refunds.order_by().values("order").annotate(fen=Sum("amount_fen")).values("fen")), 0
    )
    covered = sum(
        pledge.share_fen - called_in(pledge, pledge.refunded_fen)
        for pledge in standing.select_related("order").annotate(refunded_fen=refunded)
    )
    return max(0, loan_on(loan, on).outstanding.principal_fen - covered)


def order_recalls(*, on: date, loan_ids: Sequence[int] | None = None, hint: bool = True) -> list[int]:
    """
    Orders what is called in to be collected, of these loans or of all; returns the orders' ids. Repeating it while a
    collection is under way orders nothing. Called in a transaction.
    """
    if not is_configured():
        return []
    wanted = []
    for (loan_id,) in fetch_all(_CALLED, {"loans": None if loan_ids is None else list(loan_ids)}):
        loan = Loan.objects.select_related("terms").get(pk=loan_id)
        earlier = PaymentOrder.objects.filter(purpose=PURPOSE, subject=str(loan.uuid))
        fen = uncovered(loan, on)
        if fen:
            reference = f"{CALLED_IN}{loan.pk}:{on}:{earlier.filter(ordered_on=on).count() + 1}"
            wanted.append(Wanted(loan.customer_id, fen, PURPOSE, str(loan.uuid), reference))
    return order_payments(wanted=wanted, on=on, hint=hint) if wanted else []
