"""Order loans: what orders cover today, what signing pledges, proceeds that repay the loan first, refunds that call it in."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from customers import sealing
from customers.models import Customer
from customers.sealing import Sealed
from finance.errors import DomainError
from ledger.sql import fetch_all
from lending.errors import LoanAmountRefused, LoanNotRunning, LoanRequestConflict
from lending.models import OrderEvent, Product, Seller
from lending.pledging import Excluded
from lending.selectors import loan_on
from lending.services import servicing
from lending.services.orders import OrderEnded, OrderNotFound, Told, confirm_order, settle_order
from lending.services.pledging import OrdersDoNotCover, order_base, order_rule
from lending.services.signing import cancel_loan
from operations.services import closing, paying
from payments import simulator
from payments.models import PaymentOrder
from tests.loan_world import SIGNED_ON, a_seller, at_noon, end_days, shipped, signed
from tests.order_world import LATER, a_wish_for, confirm, held, holds, lent_against, payable, refund, settle
from tests.payment_world import a_source, unpark

pytestmark = pytest.mark.django_db


def base(seller: UUID, on: date = SIGNED_ON) -> tuple[int, dict[int, Excluded]]:
    rule = order_rule(Product.objects.get(code="order-loan").pk, on)
    assert rule is not None
    found = order_base(customer_id=seller, rule=rule, on=on)
    return found.amount_fen, {order.id: reason for order, reason in found.excluded}


# Today's amount: 80 % of what was shipped and is not confirmed.


def test_nothing_shipped_is_nothing_to_lend() -> None:
    assert base(a_seller()) == (0, {})
    with pytest.raises(OrdersDoNotCover):
        signed(a_wish_for(100_00), customer_id=a_seller())


def test_what_is_shipped_and_not_confirmed_counts_at_the_rate() -> None:
    seller = a_seller()
    first, second, third = (shipped(seller, fen) for fen in (1_000_00, 333_33, 200_00))
    assert base(seller) == (800_00 + 266_66 + 160_00, {})
    confirm(first, SIGNED_ON + timedelta(days=1))
    refund(second, 33_33)
    assert base(seller, LATER) == (240_00 + 160_00, {})
    refund(third, 200_00)
    assert base(seller, LATER) == (240_00, {})


def test_a_shop_that_is_new_may_borrow_nothing() -> None:
    seller = a_seller()
    Seller.objects.filter(pk=seller).update(trading_since=date(2026, 4, 11))
    order = shipped(seller, 1_000_00)
    assert base(seller) == (0, {order.pk: Excluded.SHOP_TOO_NEW})
    assert base(seller, date(2026, 6, 11)) == (800_00, {})


def test_orders_that_the_seller_bought_count_for_nothing() -> None:
    seller = a_seller()
    phone, number = "13800138000", "11010519491231002X"
    Customer.objects.filter(pk=seller).update(
        phone_index=sealing.blind_index(phone, field=Sealed.PHONE),
        national_id_index=sealing.blind_index(number, field=Sealed.NATIONAL_ID),
    )
    own = [shipped(seller, 100_00, buyer_phone=phone), shipped(seller, 100_00, buyer_national_id=number)]
    shipped(seller, 100_00, buyer_phone="13900139000")
    assert base(seller) == (80_00, {order.pk: Excluded.RELATED_BUYER for order in own})


def test_several_orders_of_one_buyer_that_are_too_much_count_for_nothing() -> None:
    seller = a_seller()
    many = [shipped(seller, 200_00, buyer="one"), shipped(seller, 101_00, buyer="one")]
    shipped(seller, 699_00)
    assert base(seller) == (559_20, {order.pk: Excluded.BUYER_SHARE for order in many})
    shipped(seller, 4_00)
    assert base(seller)[1] == {}


def test_what_nobody_confirms_is_no_pledge() -> None:
    seller = a_seller()
    order = shipped(seller, 100_00)
    assert base(seller, SIGNED_ON + timedelta(days=30)) == (80_00, {})
    assert base(seller, SIGNED_ON + timedelta(days=31)) == (0, {order.pk: Excluded.STALE})


def test_a_buyer_who_confirms_within_minutes_is_not_believed() -> None:
    seller = a_seller()
    quick = shipped(seller, 100_00, buyer="quick")
    at = at_noon(SIGNED_ON) + timedelta(minutes=29)
    confirm_order(
        seller_id=seller, told=Told(order=quick.reference, reference="c", happened_at=at), on=SIGNED_ON
    )
    order = shipped(seller, 100_00, buyer="quick")
    shipped(seller, 900_00)
    assert base(seller) == (720_00, {order.pk: Excluded.FAST_CONFIRMATION})


def test_a_shop_that_gives_back_too_much_may_borrow_nothing() -> None:
    seller = a_seller()
    orders = [shipped(seller, 100_00) for _n in range(5)]
    refund(orders[0], 100_00)
    assert base(seller, LATER) == (320_00, {})
    refund(orders[1], 1)
    assert set(base(seller, LATER)[1].values()) == {Excluded.REFUND_RATE}


# Signing pledges.


def test_signing_pledges_the_oldest_orders_that_are_needed() -> None:
    loan, _orders = lent_against(1_000_00, 1_000_00, 1_000_00, principal_fen=1_000_00)
    assert held(loan) == [800_00, 200_00]
    # What is pledged counts for no other loan, whole as it is.
    assert base(loan.customer_id) == (800_00, {})
    with pytest.raises(OrdersDoNotCover):
        signed(a_wish_for(800_01), customer_id=loan.customer_id)
    assert holds()


def test_a_loan_that_is_cancelled_gives_its_orders_back() -> None:
    seller = a_seller()
    shipped(seller, 1_000_00)
    loan = signed(a_wish_for(800_00), customer_id=seller)
    assert base(seller) == (0, {})
    cancel_loan(loan_id=loan.pk, on=SIGNED_ON)
    assert base(seller) == (800_00, {})
    signed(a_wish_for(800_00), customer_id=seller)
    assert holds()


# Proceeds: principal 800.00 for ten days at 0.05 % is 804.00.


@pytest.mark.parametrize(
    ("proceeds", "to_loan", "to_seller", "left"),
    [
        (300_00, 300_00, 0, 504_00),
        (804_00, 804_00, 0, 0),
        (1_000_00, 804_00, 196_00, 0),
    ],
)
def test_proceeds_repay_the_loan_first_and_the_rest_is_the_sellers(
    proceeds: int, to_loan: int, to_seller: int, left: int
) -> None:
    loan, (order,) = lent_against(1_000_00, principal_fen=800_00)
    end_days(SIGNED_ON, LATER - timedelta(days=1))
    event = settle(order, proceeds)
    assert (event.to_loan_fen, event.to_seller_fen, payable(order)) == (to_loan, to_seller, to_seller)
    assert loan_on(loan, LATER).payoff.total_fen == left
    assert held(loan) == []
    # One entry has all of it.
    legs = fetch_all("SELECT sum(amount_fen) FROM ledger_transfer WHERE entry_id = %s AND debit_account_id = 1001",
                     [event.entry_id])  # fmt: skip
    assert legs == [(proceeds,)]
    assert settle(order, proceeds) == event
    assert payable(order) == to_seller
    assert holds()


def test_an_order_settles_once_and_for_no_more_than_it_is_worth() -> None:
    _loan, (order,) = lent_against(1_000_00, principal_fen=800_00)
    with pytest.raises(LoanAmountRefused):
        settle(order, 1_000_01)
    settle(order, 1_000_00)
    with pytest.raises(LoanRequestConflict):
        settle(order, 999_00)
    with pytest.raises(OrderEnded):
        settle(order, 1_000_00, reference="again")
    with pytest.raises(OrderNotFound):
        settle_order(
            seller_id=order.seller_id, told=Told(order="?", reference="x", happened_at=at_noon(LATER), amount_fen=1),
            on=LATER,
        )  # fmt: skip


def test_proceeds_after_the_loan_has_ended_are_all_the_sellers() -> None:
    loan, (first, second) = lent_against(1_000_00, 1_000_00, principal_fen=1_600_00)
    end_days(SIGNED_ON, LATER - timedelta(days=1))
    servicing.pay_off(loan_id=loan.pk, reference="p", on=LATER)
    assert settle(first, 1_000_00).to_seller_fen == 1_000_00
    end_days(LATER, LATER)
    assert held(loan) == []
    assert settle(second, 1_000_00, LATER + timedelta(days=1)).to_seller_fen == 1_000_00
    assert payable(first) == 2_000_00
    assert holds()


def test_proceeds_of_a_loan_given_up_are_recovered() -> None:
    loan, (order,) = lent_against(1_000_00, principal_fen=800_00)
    end_days(SIGNED_ON, LATER - timedelta(days=1))
    servicing.charge_off(loan_id=loan.pk, reference="c", on=LATER)
    event = settle(order, 1_000_00)
    assert (event.to_loan_fen, event.to_seller_fen) == (804_00, 196_00)
    assert holds()


def test_proceeds_wait_while_the_loans_money_is_on_its_way() -> None:
    seller = a_seller()
    order = shipped(seller, 1_000_00)
    loan = signed(a_wish_for(800_00), customer_id=seller)
    servicing.begin_disbursement(loan_id=loan.pk)
    with pytest.raises(LoanNotRunning):
        settle(order, 1_000_00)
    assert not OrderEvent.objects.exists()


@pytest.mark.parametrize("tell", [settle, refund])
def test_a_loan_whose_money_was_not_sent_ends_with_its_security(tell: Any) -> None:
    seller = a_seller()
    order = shipped(seller, 1_000_00)
    loan = signed(a_wish_for(800_00), customer_id=seller)
    tell(order, 1_000_00)
    loan.refresh_from_db()
    assert (loan.status, payable(order), held(loan)) == ("cancelled", 0, [])
    assert holds()


# Refunds.


def test_a_refund_calls_in_the_part_that_the_order_stood_for() -> None:
    closing.set_business_date(on=SIGNED_ON)
    loan, (first, second) = lent_against(1_000_00, 1_000_00, principal_fen=1_600_00)
    source = a_source(loan.customer_id, 100_00)
    list(closing.close_until(on=LATER))
    assert refund(first, 250_00).recalled_fen == 200_00
    assert held(loan) == [800_00, 800_00]
    unpark()
    paying.sweep()
    assert loan_on(loan, LATER).outstanding.principal_fen == 1_500_00
    # What the source did not have is asked for again, with what else is called in.
    assert refund(first, 750_00, reference="the rest").recalled_fen == 600_00
    assert held(loan) == [800_00]
    simulator.fund(token=source.token, balance_fen=5_000_00)
    paying.collect_dues()
    unpark()
    paying.sweep()
    assert loan_on(loan, LATER).outstanding.principal_fen == 800_00
    orders = PaymentOrder.objects.filter(reference__startswith="loan-called-in:").count()
    paying.collect_dues()
    assert PaymentOrder.objects.filter(reference__startswith="loan-called-in:").count() == orders
    with pytest.raises(DomainError):
        refund(first, 1, reference="more")
    assert settle(second, 1_000_00).to_loan_fen == 808_00
    assert holds()


def test_what_was_repaid_meanwhile_is_not_called_in() -> None:
    closing.set_business_date(on=SIGNED_ON)
    loan, (first, _second) = lent_against(1_000_00, 1_000_00, principal_fen=1_600_00)
    a_source(loan.customer_id, 5_000_00)
    servicing.repay(loan_id=loan.pk, amount_fen=900_00, reference="r", on=SIGNED_ON)
    refund(first, 1_000_00, SIGNED_ON)
    assert not PaymentOrder.objects.filter(reference__startswith="loan-called-in:").exists()
    assert holds()
