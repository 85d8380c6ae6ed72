"""Order loans for tests: orders that a loan is lent against, and what is told of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from ledger.audit import verify
from ledger.sql import value
from lending.models import Loan, OrderEvent, Pledge, Seller, SellerOrder
from lending.services import servicing
from lending.services.orders import Told, confirm_order, refund_order, settle_order
from operations import audit
from tests.loan_world import SIGNED_ON, a_seller, a_wish, at_noon, shipped, signed

LATER = SIGNED_ON + timedelta(days=10)


def a_wish_for(amount_fen: int, days: int = 30) -> Any:
    return a_wish(amount_fen, product="order-loan", method="one_off", periods=1, unit="days", every=days)


def told(order: SellerOrder, amount_fen: int = 0, on: date = LATER, reference: str = "told") -> Told:
    return Told(order=order.reference, reference=reference, happened_at=at_noon(on), amount_fen=amount_fen)


def confirm(order: SellerOrder, on: date = LATER) -> OrderEvent:
    return confirm_order(seller_id=order.seller_id, told=told(order, on=on, reference="confirmed"), on=on)


def settle(order: SellerOrder, amount_fen: int, on: date = LATER, reference: str = "settled") -> OrderEvent:
    return settle_order(
        seller_id=order.seller_id, told=told(order, amount_fen, on, reference=reference), on=on
    )


def refund(order: SellerOrder, amount_fen: int, on: date = LATER, reference: str = "refunded") -> OrderEvent:
    return refund_order(
        seller_id=order.seller_id, told=told(order, amount_fen, on, reference=reference), on=on
    )


def lent_against(*amounts: int, principal_fen: int) -> tuple[Loan, list[SellerOrder]]:
    """An order loan that runs, against orders of these amounts."""
    seller = a_seller()
    orders = [shipped(seller, fen) for fen in amounts]
    loan = signed(a_wish_for(principal_fen), customer_id=seller)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=SIGNED_ON)
    loan.refresh_from_db()
    return loan, orders


def payable(order: SellerOrder) -> int:
    account = Seller.objects.get(pk=order.seller_id).payable_account_id
    return int(
        value(
            "SELECT coalesce(sum(amount_fen), 0) FROM ledger_transfer WHERE credit_account_id = %s", [account]
        )
    )


def held(loan: Loan) -> list[int]:
    return list(Pledge.objects.filter(loan=loan, release="").values_list("share_fen", flat=True))


def holds() -> bool:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []
