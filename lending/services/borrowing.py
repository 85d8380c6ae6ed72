"""What a borrower does in one step: sign, and have the money sent."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from lending.errors import other_request
from lending.models import Loan
from lending.paying import disburse, first_payout
from lending.services.contracts import make_contracts
from lending.services.quoting import Wish
from lending.services.signing import sign_loan
from lending.telling import tell_signed


def borrow(
    *,
    customer_id: UUID,
    wish: Wish,
    score: int | None,
    source: UUID,
    reference: str,
    on: date,
    at: datetime,
) -> Loan:
    """
    Signs a loan, keeps its contract in every language, tells the borrower, and orders its money to be paid out to one of the
    borrower's sources: all or nothing. Repeated under its reference, it answers the loan as it then stands; the money is
    ordered once, and the source belongs to the request.

    Errors: those of `sign_loan` and of `disburse`.
    """
    with transaction.atomic():
        loan = sign_loan(customer_id=customer_id, wish=wish, score=score, reference=reference, on=on, at=at)
        ordered = first_payout(loan)
        if ordered is None:
            make_contracts(loan=loan)
            tell_signed(loan_id=loan.pk, on=on)
            disburse(loan_id=loan.pk, source=source, on=on)
        elif ordered.source is None or ordered.source.uuid != source:
            raise other_request("source")
        loan.refresh_from_db()
    return loan
