"""A loan is changed by one at a time: what comes at the same moment is replayed one after the other."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from uuid import UUID

from lending.models import LoanTransaction
from lending.replaying import loans_replayed
from lending.selectors import loan_on
from lending.services import servicing
from lending.services.signing import LoanRefused, sign_loan
from tests.concurrency.crowd import SIZE, Crowd
from tests.line_world import a_customer
from tests.loan_world import SIGNED_ON, a_wish, lent

LATER = date(2026, 6, 20)


def _repay(loan_id: int, reference: str) -> int:
    return servicing.repay(loan_id=loan_id, amount_fen=100_00, reference=reference, on=LATER).pk


def _sign(customer_id: UUID, reference: str) -> bool:
    at = datetime.combine(SIGNED_ON, time(4), UTC)
    wish = a_wish(80_000_00)
    try:
        sign_loan(customer_id=customer_id, wish=wish, score=700, reference=reference, on=SIGNED_ON, at=at)
    except LoanRefused:
        return False
    return True


def test_repayments_at_the_same_moment_all_count(crowd: Crowd, committed_db: str) -> None:
    loan = lent()
    crowd.at_once(_repay, committed_db, *((loan.pk, f"r{n}") for n in range(SIZE)))
    told = loan_on(loan, LATER)
    assert told.outstanding.principal_fen == 12_000_00 - SIZE * 100_00
    assert list(loans_replayed(LATER)) == []


def test_one_repayment_sent_eight_times_counts_once(crowd: Crowd, committed_db: str) -> None:
    loan = lent()
    made = crowd.at_once(_repay, committed_db, *((loan.pk, "once") for _n in range(SIZE)))
    assert len(set(made)) == 1
    assert LoanTransaction.objects.filter(loan=loan).count() == 2


def test_signing_at_the_same_moment_keeps_within_what_one_person_may_owe(
    crowd: Crowd, committed_db: str
) -> None:
    customer = a_customer()
    # 200,000.00 for a consumer: two of these and no third.
    done = crowd.at_once(_sign, committed_db, *((customer.pk, f"s{n}") for n in range(SIZE)))
    assert done.count(True) == 2
