"""A customer's credit through `payments`, to one of the customer's sources. `operations` tells what became of it."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import transaction

from customers.services.notices import notify
from huabei.credit_history import PURPOSE
from huabei.models import CreditPayout, Line
from huabei.notices import CreditPayoutEnded
from huabei.services.causes import CUSTOMER
from huabei.services.credit import end_payout, reserve_payout
from payments.services.answers import Settled
from payments.services.orders import request_payout

__all__ = ["PURPOSE", "book_payout", "request_payout_of_credit"]


def request_payout_of_credit(
    *, line_id: int, amount_fen: int, source: UUID, reference: str, on: date
) -> CreditPayout:
    """
    Sends some of the customer's credit to one of their sources. It is no credit from now on; if it does not arrive, it is
    again. The reference happens once per line.

    Errors: AmountRefused beyond the credit, GatewayNotConfigured, LineNotFound, ReferenceRefused, RequestConflict (the line's
    or, for another source, the payments'), SourceNotFound.
    """
    with transaction.atomic():
        payout = reserve_payout(
            line_id=line_id, amount_fen=amount_fen, reference=reference, by=CUSTOMER, on=on
        )
        owner = Line.objects.values_list("customer_id", flat=True).get(pk=line_id)
        request_payout(
            owner=owner,
            amount_fen=amount_fen,
            purpose=PURPOSE,
            subject=str(payout.pk),
            reference=f"line-credit:{payout.pk}",
            source=source,
            on=on,
        )
    return payout


def book_payout(settled: Settled, on: date) -> None:
    """The money arrived, or it did not and is the customer's credit again. The customer is told either."""
    payout = CreditPayout.objects.select_related("line").get(pk=int(settled.subject))
    ended = end_payout(payout_id=payout.pk, arrived=settled.moved_fen > 0, on=on)
    notify(
        customer_id=payout.line.customer_id,
        message=CreditPayoutEnded(
            payout.amount_fen, "arrived" if ended.arrived else "given_back", ended.ended_on
        ),
        reference=f"credit-payout:{payout.pk}",
        on=on,
    )
