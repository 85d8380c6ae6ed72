"""One order stands for one loan, and settles once, whatever is told at the same moment."""

from __future__ import annotations

from datetime import UTC, datetime, time
from uuid import UUID

from ledger.audit import verify
from ledger.sql import value
from lending.models import OrderEvent, Pledge
from lending.services import servicing
from lending.services.orders import Told, settle_order
from lending.services.pledging import OrdersDoNotCover
from lending.services.quoting import Wish
from lending.services.signing import sign_loan
from operations import audit
from tests.concurrency.crowd import SIZE, Crowd
from tests.loan_world import SIGNED_ON, a_seller, a_wish, at_noon, shipped, signed


def _wish() -> Wish:
    return a_wish(800_00, product="order-loan", method="one_off", periods=1, unit="days", every=30)


def _sign(seller: UUID, reference: str) -> bool:
    at = datetime.combine(SIGNED_ON, time(4), UTC)
    try:
        sign_loan(customer_id=seller, wish=_wish(), score=700, reference=reference, on=SIGNED_ON, at=at)
    except OrdersDoNotCover:
        return False
    return True


def _settle(seller: UUID, order: str) -> int:
    told = Told(order=order, reference="settled", happened_at=at_noon(SIGNED_ON), amount_fen=1_000_00)
    return settle_order(seller_id=seller, told=told, on=SIGNED_ON).pk


def test_one_order_is_pledged_to_one_of_eight_loans(crowd: Crowd, committed_db: str) -> None:
    seller = a_seller()
    shipped(seller, 1_000_00)
    done = crowd.at_once(_sign, committed_db, *((seller, f"s{n}") for n in range(SIZE)))
    assert done.count(True) == 1
    assert Pledge.objects.count() == 1


def test_an_order_told_to_settle_eight_times_settles_once(crowd: Crowd, committed_db: str) -> None:
    seller = a_seller()
    order = shipped(seller, 1_000_00)
    loan = signed(_wish(), customer_id=seller)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=SIGNED_ON)
    made = crowd.at_once(_settle, committed_db, *((seller, order.reference) for _n in range(SIZE)))
    assert len(set(made)) == 1
    account = order.seller.payable_account_id
    paid = value("SELECT sum(amount_fen) FROM ledger_transfer WHERE credit_account_id = %s", [account])
    event = OrderEvent.objects.get()
    assert (event.to_loan_fen + event.to_seller_fen, paid) == (1_000_00, event.to_seller_fen)
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


def test_two_orders_of_one_loan_settled_at_once_repay_it_together(crowd: Crowd, committed_db: str) -> None:
    seller = a_seller()
    orders = [shipped(seller, 100_00) for _n in range(SIZE)]
    loan = signed(
        a_wish(640_00, product="order-loan", method="one_off", periods=1, unit="days", every=30),
        customer_id=seller,
    )
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=SIGNED_ON)
    crowd.at_once(_settle_100, committed_db, *((seller, order.reference) for order in orders))
    events = list(OrderEvent.objects.all())
    # 640.00 and one day of interest, 0.32.
    assert sum(event.to_loan_fen for event in events) == 640_32
    assert sum(event.to_seller_fen for event in events) == 800_00 - 640_32
    loan.refresh_from_db()
    assert loan.status == "closed"


def _settle_100(seller: UUID, order: str) -> int:
    told = Told(order=order, reference="settled", happened_at=at_noon(SIGNED_ON), amount_fen=100_00)
    return settle_order(seller_id=seller, told=told, on=SIGNED_ON).pk
