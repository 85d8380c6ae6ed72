"""What loans tell the other products of a customer: what is late, and what is lent to a business."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from ledger.sql import fetch_all

# Instalments past their due date, and what was given up and did not come back: that is owed all the same.
_LATE = """
SELECT customer_id, sum(fen)::bigint, min(since)
FROM (
    SELECT loan.customer_id, row.unpaid_fen AS fen, row.due_on AS since
    FROM lending_loan AS loan JOIN lending_instalment AS row ON row.loan_id = loan.id
    WHERE loan.customer_id = ANY(%(customers)s) AND row.billed AND row.unpaid_fen > 0 AND row.due_on < %(on)s
    UNION ALL
    SELECT loan.customer_id, account.debits_posted_fen - account.credits_posted_fen, loan.disbursed_on
    FROM lending_loan AS loan JOIN ledger_account AS account ON account.id = loan.claim_account_id
    WHERE loan.customer_id = ANY(%(customers)s) AND account.debits_posted_fen > account.credits_posted_fen
) AS late
GROUP BY customer_id
"""

# As `ledger.selectors.exposures` counts: what is owed, and what is granted and may still be drawn.
_BUSINESS = """
SELECT loan.customer_id, sum(CASE WHEN account.cap = 'credits' THEN debits_posted_fen - credits_posted_fen
                                  ELSE credits_posted_fen - debits_posted_fen END)::bigint
FROM lending_loan AS loan
JOIN lending_product AS product ON product.id = loan.product_id AND product.is_business
JOIN ledger_account AS account ON account.id IN (loan.commitment_account_id, loan.principal_account_id,
    loan.interest_account_id, loan.fee_account_id, loan.penalty_account_id, loan.claim_account_id)
WHERE loan.customer_id = ANY(%(customers)s)
GROUP BY loan.customer_id
"""


def late(customers: Sequence[UUID], on: date) -> list[tuple[UUID, int, date]]:
    """Of these customers, who is late with loans on a date: how much, in fen, and since which day."""
    return fetch_all(_LATE, {"customers": list(customers), "on": on})


def business_exposures(customers: Sequence[UUID]) -> dict[UUID, int]:
    """What these customers owe and may draw of loans to businesses, in fen."""
    return dict(fetch_all(_BUSINESS, {"customers": list(customers)}))
