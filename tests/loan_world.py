"""A small world of loans for tests: signed, disbursed, and days that end."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

import lending.closing
from customers.models import Customer
from lending.models import Loan, Seller, SellerOrder
from lending.services import servicing
from lending.services.orders import Shipped, accept_seller, ship_order
from lending.services.quoting import Wish
from lending.services.signing import sign_loan
from tests.line_world import a_customer

SIGNED_ON = date(2026, 6, 10)
_references = itertools.count(1)


def ref() -> str:
    """A new reference."""
    return f"ref-{next(_references)}"


def a_wish(amount_fen: int = 12_000_00, **given: Any) -> Wish:
    """借呗 over twelve months in equal instalments unless said otherwise."""
    wish: dict[str, Any] = {"product": "jiebei", "method": "equal_instalment", "periods": 12}
    return Wish(amount_fen=amount_fen, **(wish | given))


def signed(wish: Wish | None = None, *, on: date = SIGNED_ON, customer_id: Any = None) -> Loan:
    """A loan that somebody signed; an order loan against one order that is just enough."""
    customer_id, wish = customer_id or a_customer().pk, wish or a_wish()
    if wish.product == "order-loan" and not Seller.objects.filter(pk=customer_id).exists():
        shipped(a_seller(customer_id), -(-wish.amount_fen * 5 // 4), on=on)
    return sign_loan(
        customer_id=customer_id,
        wish=wish,
        score=700,
        reference=ref(),
        on=on,
        at=datetime.combine(on, time(4), UTC),
    )


def a_seller(customer_id: Any = None) -> UUID:
    """Somebody who has sold for long enough."""
    seller_id: UUID = customer_id or a_customer().pk
    # Sellers are lent to up to 65: the people of the tests are older by their numbers.
    Customer.objects.filter(pk=seller_id).update(born_on=date(1990, 1, 1))
    accept_seller(customer_id=seller_id, trading_since=SIGNED_ON - timedelta(days=365), on=SIGNED_ON)
    return seller_id


def shipped(seller_id: UUID, amount_fen: int, *, on: date = SIGNED_ON, **given: Any) -> SellerOrder:
    """An order of a buyer of its own, shipped on a day at noon."""
    reference = ref()
    told: dict[str, Any] = {"buyer": f"buyer of {reference}", "shipped_at": at_noon(on)}
    told |= {"reference": reference} | given
    return ship_order(seller_id=seller_id, shipped=Shipped(amount_fen=amount_fen, **told), on=on)


def at_noon(on: date) -> datetime:
    """Noon in China."""
    return datetime.combine(on, time(4), UTC)


def lent(wish: Wish | None = None, *, on: date = SIGNED_ON, customer_id: Any = None) -> Loan:
    """A loan signed and disbursed on one day."""
    loan = signed(wish, on=on, customer_id=customer_id)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=on)
    loan.refresh_from_db()
    return loan


def end_day(day: date, loans: list[int] | None = None) -> None:
    """The loans' steps of one day's close."""
    for _name, step in lending.closing.STEPS:
        with transaction.atomic():
            step(day, loans)


def end_days(first: date, last: date) -> None:
    """The close of every day from the first to the last."""
    while first <= last:
        end_day(first)
        first += timedelta(days=1)
