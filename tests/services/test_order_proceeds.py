"""What a loan leaves of an order's proceeds goes to the seller; a settlement that was wrong is undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from customers.notices import Message
from customers.selectors import notices_of
from ledger.sql import fetch_all
from lending import proceeds
from lending.errors import LoanRequestConflict
from lending.models import (
    HELD,
    Loan,
    LoanTransaction,
    OrderEvent,
    Pledge,
    ProceedsPayment,
    SellerChange,
    SellerOrder,
)
from lending.notices import LoanCalledIn, ProceedsPayoutEnded
from lending.order_history import amounts_today, orders_of, pledged_orders, proceeds_of, suspension
from lending.proceeds import ProceedsWentOn
from lending.recalls import uncovered
from lending.replaying import loans_replayed
from lending.selectors import loan_on
from lending.services import servicing
from lending.services.orders import NothingToUndo, OrderEnded, SellerNotFound, undo_settlement
from lending.services.pledging import OrdersDoNotCover
from lending.services.sellers import (
    SellerCauseRefused,
    SellerNotSuspended,
    SellerSuspended,
    reinstate_seller,
    suspend_seller,
)
from operations.services import closing, paying
from payments import simulator
from payments.models import FundingSource, PaymentOrder
from payments.services.sources import remove_source
from tests.loan_world import SIGNED_ON, a_seller, end_days, shipped, signed
from tests.order_world import LATER, a_wish_for, held, holds, lent_against, refund, settle
from tests.payment_world import LosesReplies, a_source, balance, collect, unpark

pytestmark = pytest.mark.django_db


NEXT = LATER + timedelta(days=1)

# What the loan leaves of proceeds goes to the seller, through payments.


def sent() -> None:
    """A run of the job that pays sellers, and of the workers that send it."""
    paying.pay_merchants()
    unpark()
    paying.sweep()


def left_over() -> tuple[OrderEvent, FundingSource]:
    """804.00 ends the loan, 1,000.00 came in: 196.00 is the seller's."""
    closing.set_business_date(on=SIGNED_ON)
    _loan, (order,) = lent_against(1_000_00, principal_fen=800_00)
    list(closing.close_until(on=LATER))
    return settle(order, 1_000_00), a_source(order.seller_id, 0)


def told_of_payouts(source: FundingSource) -> list[Message]:
    found = [each.message for each in notices_of(source.owner, most=100)]
    return [message for message in found if isinstance(message, ProceedsPayoutEnded)]


def test_what_is_left_is_paid_to_the_seller_once() -> None:
    event, source = left_over()
    sent()
    sent()
    paid = ProceedsPayment.objects.get()
    assert (paid.event, paid.amount_fen, paid.paid_on) == (event, 196_00, LATER)
    assert told_of_payouts(source) == [ProceedsPayoutEnded(event.order.reference, 196_00, True, LATER)]
    assert balance(source) == 196_00
    list(closing.close_until(on=LATER + timedelta(days=2)))
    assert balance(source) == 196_00
    assert holds()


def test_a_seller_without_a_source_is_owed_it_until_there_is_one() -> None:
    event, source = left_over()
    remove_source(owner=source.owner, source=source.uuid, on=LATER)
    sent()
    assert not PaymentOrder.objects.filter(purpose=proceeds.PURPOSE).exists()
    again = a_source(event.order.seller_id, 0)
    sent()
    assert balance(again) == 196_00
    assert holds()


def test_a_payout_that_failed_is_ordered_again_on_the_next_day() -> None:
    event, source = left_over()
    simulator.script(token=source.token, behaviours=["fails"])
    sent()
    sent()
    failed = ProceedsPayoutEnded(event.order.reference, 196_00, False, None)
    assert told_of_payouts(source) == [failed]
    assert "could not be paid out" in failed.title()
    assert [order.state for order in PaymentOrder.objects.filter(purpose=proceeds.PURPOSE)] == ["failed"]
    assert not ProceedsPayment.objects.exists()
    assert holds()
    list(closing.close_until(on=LATER + timedelta(days=1)))
    sent()
    assert balance(source) == 196_00
    assert holds()


def test_a_payout_that_fails_is_told_once_for_each_source() -> None:
    event, source = left_over()
    simulator.script(token=source.token, behaviours=["fails"] * 3)
    for late in range(3):
        sent()
        list(closing.close_until(on=LATER + timedelta(days=late + 1)))
    failed = ProceedsPayoutEnded(event.order.reference, 196_00, False, None)
    assert [order.state for order in PaymentOrder.objects.filter(purpose=proceeds.PURPOSE)] == ["failed"] * 3
    assert told_of_payouts(source) == [failed]
    again = a_source(source.owner, 0)
    simulator.script(token=again.token, behaviours=["fails"])
    remove_source(owner=source.owner, source=source.uuid, on=LATER + timedelta(days=3))
    sent()
    assert told_of_payouts(source) == [failed] * 2
    assert holds()


def test_a_reply_that_is_lost_pays_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    _event, source = left_over()
    with monkeypatch.context() as lost:
        lost.setattr("payments.services.sending.gateway", LosesReplies)
        sent()
    assert not ProceedsPayment.objects.exists()
    sent()
    assert ProceedsPayment.objects.get().amount_fen == balance(source) == 196_00
    assert holds()


# Nothing is paid to a seller who is suspended.


def say(verb: Callable[..., SellerChange], seller: UUID, on: date = LATER, **more: str) -> SellerChange:
    cause = "fake_shipment" if verb is suspend_seller else "cleared"
    given = {"cause": cause, "reference": f"{verb.__name__} {on}", "by": "staff:1", **more}
    return verb(seller_id=seller, on=on, **given)


def test_proceeds_of_a_suspended_seller_are_held_back_and_paid_once_afterwards() -> None:
    event, source = left_over()
    say(suspend_seller, source.owner)
    list(closing.close_until(on=NEXT))
    sent()
    assert not PaymentOrder.objects.filter(purpose=proceeds.PURPOSE).exists()
    [shown] = proceeds_of(source.owner)
    assert shown.payout == "held_back"
    last = suspension(source.owner)
    assert last is not None
    assert (last.changed_on, last.cause_as_told) == (LATER, "under review")
    assert holds()
    say(reinstate_seller, source.owner, NEXT)
    assert suspension(source.owner) is None
    sent()
    sent()
    assert balance(source) == 196_00
    list(closing.close_until(on=NEXT + timedelta(days=2)))
    assert balance(source) == 196_00
    assert ProceedsPayment.objects.get().event == event
    assert holds()


def test_what_was_ordered_for_a_seller_and_not_asked_for_is_held_back_too() -> None:
    _event, source = left_over()
    paying.pay_merchants()
    say(suspend_seller, source.owner)
    unpark()
    paying.sweep()
    assert [order.state for order in PaymentOrder.objects.filter(purpose=proceeds.PURPOSE)] == ["cancelled"]
    assert balance(source) == 0
    # Reinstated on the same day they are paid on it.
    say(reinstate_seller, source.owner)
    sent()
    assert balance(source) == 196_00
    assert holds()


def test_what_the_gateway_was_asked_for_before_goes_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    _event, source = left_over()
    with monkeypatch.context() as lost:
        lost.setattr("payments.services.sending.gateway", LosesReplies)
        sent()
    say(suspend_seller, source.owner)
    [shown] = proceeds_of(source.owner)
    assert shown.payout == "under_way"
    sent()
    assert ProceedsPayment.objects.get().amount_fen == balance(source) == 196_00
    assert holds()


def test_a_held_back_settlement_can_be_undone() -> None:
    event, source = left_over()
    paying.pay_merchants()
    say(suspend_seller, source.owner)
    unpark()
    paying.sweep()
    undo(event)
    say(reinstate_seller, source.owner)
    sent()
    assert balance(source) == 0
    assert holds()


def test_nothing_is_lent_against_the_orders_of_a_suspended_seller() -> None:
    closing.set_business_date(on=LATER)
    seller = a_seller()
    order = shipped(seller, 1_000_00, on=LATER)
    say(suspend_seller, seller)
    [today] = amounts_today(seller, LATER)
    assert (today.most_fen, [(each.id, why) for each, why in today.base.excluded]) == (
        0,
        [(order.pk, "shop_suspended")],
    )
    with pytest.raises(OrdersDoNotCover):
        signed(a_wish_for(800_00), on=LATER, customer_id=seller)


def test_a_seller_is_suspended_once_for_a_known_cause_and_reinstated_once() -> None:
    closing.set_business_date(on=LATER)
    seller = a_seller()
    with pytest.raises(SellerNotSuspended):
        say(reinstate_seller, seller)
    for wrong in ("cleared", "nonsense", ""):
        with pytest.raises(SellerCauseRefused):
            say(suspend_seller, seller, cause=wrong)
    first = say(suspend_seller, seller, cause="complaints")
    assert say(suspend_seller, seller, cause="complaints") == first
    with pytest.raises(LoanRequestConflict):
        say(suspend_seller, seller, cause="platform")
    with pytest.raises(SellerSuspended):
        say(suspend_seller, seller, reference="again")
    with pytest.raises(SellerNotFound):
        say(suspend_seller, uuid4())
    say(reinstate_seller, seller)
    assert [change.kind for change in SellerChange.objects.order_by("pk")] == ["suspended", "reinstated"]
    assert holds()


# A settlement that was wrong is undone by undoing the loan's fact of it.


def undo(event: OrderEvent, on: date = LATER) -> LoanTransaction:
    fact = LoanTransaction.objects.get(entry_id=event.entry_id)
    return servicing.reverse(
        loan_id=fact.loan_id, undoes=fact.reference, reference="undo", on=on, cause="told wrongly"
    )


def test_a_settlement_is_undone_whole_in_one_entry() -> None:
    event, _source = left_over()
    loan = Pledge.objects.get().loan
    undone = undo(event)
    assert undo(event) == undone
    assert loan_on(loan, LATER).payoff.total_fen == 804_00
    # All of what came in goes back, the seller's part with it.
    legs = fetch_all("SELECT sum(amount_fen) FROM ledger_transfer WHERE entry_id = %s AND credit_account_id = 1001",
                     [undone.entry_id])  # fmt: skip
    assert legs == [(1_000_00,)]
    sent()
    assert not PaymentOrder.objects.filter(purpose=proceeds.PURPOSE).exists()
    [shown] = proceeds_of(event.order.seller_id)
    assert (shown.payout, orders_of(event.order.seller_id).get().settled_fen) == ("undone", 0)
    # The order has ended all the same: what comes in for it after all is a repayment.
    with pytest.raises(OrderEnded):
        settle(event.order, 1_000_00, reference="again")
    assert holds()
    assert list(loans_replayed(LATER)) == []


@pytest.mark.parametrize("is_there", [False, True])
def test_a_settlement_of_which_the_seller_was_paid_is_not_undone(is_there: bool) -> None:
    event, _source = left_over()
    sent() if is_there else paying.pay_merchants()
    with pytest.raises(ProceedsWentOn, match=r"196\.00 of these proceeds went on to the seller"):
        undo(event)
    assert loan_on(Pledge.objects.get().loan, LATER).payoff.total_fen == 0
    assert holds()


def test_a_settlement_whose_payout_failed_is_undone() -> None:
    event, source = left_over()
    simulator.script(token=source.token, behaviours=["fails"])
    sent()
    undo(event)
    list(closing.close_until(on=LATER + timedelta(days=1)))
    sent()
    assert balance(source) == 0
    assert holds()


def owed_again() -> tuple[Loan, SellerOrder]:
    """A loan of 1,800.00 that the first order's settlement ended, until it was undone a day later; and its second order."""
    loan, (first, second) = lent_against(2_000_00, 1_000_00, principal_fen=1_800_00)
    end_days(SIGNED_ON, LATER - timedelta(days=1))
    event = settle(first, 2_000_00)
    end_days(LATER, LATER)
    assert held(loan) == []
    assert {pledge.state for pledge in pledged_orders(loan)} == {"settled", "ended"}
    undo(event, NEXT)
    loan.refresh_from_db()
    assert {pledge.state for pledge in pledged_orders(loan)} == {HELD}
    return loan, second


@pytest.mark.parametrize("is_given_up", [False, True])
def test_proceeds_go_to_a_loan_that_is_owed_again(is_given_up: bool) -> None:
    loan, order = owed_again()
    if is_given_up:
        servicing.charge_off(loan_id=loan.pk, reference="c", on=NEXT)
    event = settle(order, 1_000_00, NEXT)
    assert (event.to_loan_fen, event.to_seller_fen) == (1_000_00, 0)
    # Eleven days' interest on 1,800.00 is 9.90.
    owed = loan.instalments.get().unpaid_fen if is_given_up else loan_on(loan, NEXT).payoff.total_fen
    assert owed == 809_90
    assert holds()
    assert list(loans_replayed(NEXT)) == []


@pytest.mark.parametrize(("refunded_fen", "called_fen"), [(500_00, 100_00), (1_000_00, 200_00)])
def test_a_refund_calls_a_loan_in_that_is_owed_again(refunded_fen: int, called_fen: int) -> None:
    loan, order = owed_again()
    assert uncovered(loan, NEXT) == 0
    assert refund(order, refunded_fen, NEXT).recalled_fen == called_fen
    assert uncovered(loan, NEXT) == called_fen
    assert holds()


def undone_before_its_loan_ended() -> tuple[Loan, SellerOrder]:
    """A loan of 800.00 against one order, of which 500.00 came in and were taken back on the same day."""
    closing.set_business_date(on=LATER)
    loan, (order,) = lent_against(1_000_00, principal_fen=800_00)
    undo(settle(order, 500_00))
    return loan, order


def test_an_order_whose_settlement_was_undone_stands_for_its_loan_again() -> None:
    loan, order = undone_before_its_loan_ended()
    assert pledged_orders(loan).get().state == HELD
    assert orders_of(order.seller_id).get().pledged_to == loan.uuid
    assert uncovered(loan, LATER) == 0
    assert holds()


@pytest.mark.parametrize(("refunded_fen", "called_fen"), [(250_00, 200_00), (1_000_00, 800_00)])
def test_a_refund_after_an_undone_settlement_calls_the_loan_in(refunded_fen: int, called_fen: int) -> None:
    loan, order = undone_before_its_loan_ended()
    source = a_source(order.seller_id, 5_000_00)
    assert refund(order, refunded_fen).recalled_fen == called_fen
    assert uncovered(loan, LATER) == called_fen
    collect()
    assert balance(source) == 5_000_00 - called_fen
    assert uncovered(loan, LATER) == 0
    assert holds()
    assert list(loans_replayed(LATER)) == []


def test_what_was_refunded_before_a_settlement_was_undone_is_called_in_with_it() -> None:
    closing.set_business_date(on=LATER)
    loan, (order,) = lent_against(1_000_00, principal_fen=800_00)
    event = settle(order, 500_00)
    assert refund(order, 250_00).recalled_fen == 0
    undo(event)
    assert OrderEvent.objects.get(undoes=event).recalled_fen == uncovered(loan, LATER) == 200_00
    list(closing.close_until(on=LATER + timedelta(days=1)))
    said = [each.message for each in notices_of(loan.customer_id, most=100)]
    assert [message for message in said if isinstance(message, LoanCalledIn)] == [
        LoanCalledIn(str(loan.uuid), order.reference, 250_00, 200_00)
    ]
    assert holds()


def test_what_was_refunded_before_it_was_pledged_calls_nothing_in() -> None:
    closing.set_business_date(on=SIGNED_ON)
    seller = a_seller()
    order = shipped(seller, 1_000_00)
    refund(order, 500_00, SIGNED_ON, "before")
    loan = signed(a_wish_for(400_00), customer_id=seller)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=SIGNED_ON)
    loan.refresh_from_db()
    assert uncovered(loan, SIGNED_ON) == 0
    # 400.00 stand for the 500.00 that were left: of each fen refunded now, four fifths.
    assert refund(order, 100_00, SIGNED_ON).recalled_fen == uncovered(loan, SIGNED_ON) == 80_00


def all_to_the_seller() -> tuple[Loan, OrderEvent]:
    """The loan was repaid before: all of 1,000.00 is the seller's."""
    closing.set_business_date(on=SIGNED_ON)
    loan, (order,) = lent_against(1_000_00, principal_fen=800_00)
    servicing.pay_off(loan_id=loan.pk, reference="p", on=SIGNED_ON)
    list(closing.close_until(on=LATER))
    event = settle(order, 1_000_00)
    assert (event.to_loan_fen, event.to_seller_fen) == (0, 1_000_00)
    return loan, event


def take_back(event: OrderEvent, reference: str = "back") -> OrderEvent:
    return undo_settlement(order_id=event.order_id, reference=reference, on=LATER, cause="told wrongly")


def test_proceeds_that_went_wholly_to_the_seller_are_undone() -> None:
    loan, event = all_to_the_seller()
    source = a_source(event.order.seller_id, 0)
    undone = take_back(event)
    assert (undone.undoes, undone.amount_fen, undone.cause) == (event, 1_000_00, "told wrongly")
    assert take_back(event) == undone
    with pytest.raises(NothingToUndo, match="taken back already"):
        take_back(event, "again")
    sent()
    assert balance(source) == 0
    [shown] = proceeds_of(event.order.seller_id)
    assert (shown.payout, orders_of(event.order.seller_id).get().state) == ("undone", "undone")
    assert pledged_orders(loan).get().state == "ended"
    assert holds()


def test_proceeds_that_went_on_to_the_seller_are_not_undone() -> None:
    _loan, event = all_to_the_seller()
    a_source(event.order.seller_id, 0)
    sent()
    with pytest.raises(ProceedsWentOn):
        take_back(event)
    assert not OrderEvent.objects.filter(undoes=event).exists()
    assert holds()


def test_a_settlement_is_undone_with_its_loans_fact_whichever_of_them_is_named() -> None:
    event, _source = left_over()
    undone = take_back(event)
    fact = LoanTransaction.objects.get(reverses__entry_id=event.entry_id)
    assert (undone.entry_id, undone.cause) == (fact.entry_id, fact.cause)
    assert take_back(event) == undone
    assert holds()
    assert list(loans_replayed(LATER)) == []


def test_what_never_came_to_the_books_is_not_undone() -> None:
    order = shipped(a_seller(), 1_000_00)
    event = settle(order, 1_000_00)
    with pytest.raises(NothingToUndo, match="No proceeds of this order"):
        take_back(event)


def test_an_order_that_settled_while_its_loan_had_ended_stands_for_nothing() -> None:
    loan, event = all_to_the_seller()
    servicing.reverse(loan_id=loan.pk, undoes="p", reference="u", on=LATER)
    loan.refresh_from_db()
    assert pledged_orders(loan).get().state == "settled"
    assert uncovered(loan, LATER) == 800_00
    # What is refunded is between the buyer and the seller, until the settlement is undone and the order stands for the loan.
    assert refund(event.order, 250_00).recalled_fen == 0
    assert (take_back(event).recalled_fen, pledged_orders(loan).get().state) == (200_00, HELD)
    assert uncovered(loan, LATER) == 200_00
    assert holds()


def test_undoing_a_settlement_calls_nothing_in() -> None:
    closing.set_business_date(on=SIGNED_ON)
    loan, (first, second) = lent_against(2_000_00, 1_000_00, principal_fen=1_800_00)
    a_source(loan.customer_id, 5_000_00)
    refund(second, 250_00, SIGNED_ON)
    collect()
    next_day = SIGNED_ON + timedelta(days=1)
    event = settle(first, loan_on(loan, SIGNED_ON).payoff.total_fen, SIGNED_ON)
    list(closing.close_until(on=next_day))
    assert held(loan) == []
    undo(event, next_day)
    loan.refresh_from_db()
    # What was called in was paid, before; both orders cover all the rest.
    assert loan_on(loan, next_day).outstanding.principal_fen == 1_750_00
    assert uncovered(loan, next_day) == 0
    collect()
    assert PaymentOrder.objects.filter(reference__startswith="loan-called-in:").count() == 1
    # What came in of an order is all that it covers.
    settle(second, 100_00, next_day)
    assert uncovered(loan, next_day) == loan_on(loan, next_day).outstanding.principal_fen - 1_600_00 > 0
    assert holds()
