"""What refunds of pledged orders call in, and what they do not."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest

from customers.selectors import notices_of
from lending.errors import LoanRequestConflict
from lending.models import Loan, OrderEvent, Pledge, SellerOrder
from lending.notices import LoanCalledIn
from lending.recalls import uncovered
from lending.services import servicing
from lending.services.orders import undo_settlement
from operations.services import closing
from payments.models import PaymentOrder
from tests.db.test_line_guards import execute
from tests.loan_world import SIGNED_ON, a_seller, at_noon, shipped, signed
from tests.order_world import LATER, a_wish_for, holds, lent_against, refund, settle
from tests.payment_world import a_source, balance, collect

pytestmark = pytest.mark.django_db


def partly_refunded(*amounts: int, principal_fen: int) -> tuple[Loan, list[SellerOrder]]:
    """A loan against orders of which half of the last was refunded before it was pledged."""
    closing.set_business_date(on=SIGNED_ON)
    seller = a_seller()
    orders = [shipped(seller, fen) for fen in amounts]
    refund(orders[-1], amounts[-1] // 2, SIGNED_ON, "before")
    loan = signed(a_wish_for(principal_fen), customer_id=seller)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=SIGNED_ON)
    loan.refresh_from_db()
    return loan, orders


def test_what_was_refunded_before_it_was_pledged_has_nothing_collected() -> None:
    loan, (first, _second) = partly_refunded(1_000_00, 1_000_00, principal_fen=1_200_00)
    source = a_source(loan.customer_id, 5_000_00)
    # Less comes in than the order stood for: that is owed on the due day, as nobody got anything back for a pledged order.
    settle(first, 500_00, SIGNED_ON)
    assert uncovered(loan, SIGNED_ON) > 0
    collect()
    assert not PaymentOrder.objects.exists()
    # After the settlement it is between the buyer and the seller.
    assert refund(first, 100_00, SIGNED_ON).recalled_fen == 0
    collect()
    assert (PaymentOrder.objects.count(), balance(source)) == (0, 5_000_00)
    assert holds()


def test_a_refund_while_the_loan_had_ended_is_collected_once_it_is_owed_again() -> None:
    closing.set_business_date(on=SIGNED_ON)
    loan, (order,) = lent_against(1_000_00, principal_fen=800_00)
    source = a_source(loan.customer_id, 5_000_00)
    servicing.pay_off(loan_id=loan.pk, reference="p", on=SIGNED_ON)
    list(closing.close_until(on=LATER))
    assert refund(order, 250_00).recalled_fen == 0
    collect()
    assert balance(source) == 5_000_00
    servicing.reverse(loan_id=loan.pk, undoes="p", reference="u", on=LATER)
    collect()
    assert balance(source) == 4_800_00
    assert holds()


@pytest.mark.parametrize("by_undoing", [False, True])
def test_what_was_called_in_too_much_before_is_not_called_in_again(by_undoing: bool) -> None:
    """As it stands in a database of a version for which a refund from before the pledge counted too."""
    _loan, (order,) = partly_refunded(1_000_00, principal_fen=400_00)
    OrderEvent.objects.create(
        order=order,
        kind="refunded",
        reference="earlier version",
        request_hash=b"x" * 32,
        amount_fen=100_00,
        happened_at=at_noon(SIGNED_ON),
        booked_on=SIGNED_ON,
        recalled_fen=240_00,
    )
    if by_undoing:
        event = settle(order, 100_00)
        undone = undo_settlement(order_id=order.pk, reference="u", on=LATER)
        assert (undone.undoes, undone.recalled_fen) == (event, 0)
    assert refund(order, 100_00).recalled_fen == 0
    assert refund(order, 300_00, reference="the rest").recalled_fen == 400_00 - 240_00
    assert holds()


def test_what_is_refunded_on_the_day_of_the_pledge_was_not_refunded_before_it() -> None:
    """As a database is upgraded that does not know what was refunded before."""
    _loan, (first, second) = partly_refunded(1_000_00, 1_000_00, principal_fen=1_200_00)
    event = settle(first, 300_00, SIGNED_ON)
    refund(first, 1_000_00, SIGNED_ON)
    refund(second, 100_00, SIGNED_ON)
    before = dict(Pledge.objects.values_list("order", "refunded_before_fen"))
    assert before == {first.pk: 0, second.pk: 500_00}
    migrated = import_module("lending.migrations.0013_settlements_undone").BEFORE
    execute("SET CONSTRAINTS ALL IMMEDIATE; " + migrated, as_owner=True)
    assert dict(Pledge.objects.values_list("order", "refunded_before_fen")) == before
    undone = undo_settlement(order_id=first.pk, reference="u", on=SIGNED_ON)
    assert (undone.undoes, undone.recalled_fen) == (event, Pledge.objects.get(order=first).share_fen)
    assert holds()


def test_of_what_is_called_in_by_undoing_a_settlement_what_was_refunded_before_the_pledge_is_no_part() -> (
    None
):
    loan, (order,) = partly_refunded(1_000_00, principal_fen=400_00)
    settle(order, 200_00, SIGNED_ON)
    refund(order, 100_00, SIGNED_ON)
    assert undo_settlement(order_id=order.pk, reference="u", on=SIGNED_ON).recalled_fen == 80_00
    list(closing.close_until(on=SIGNED_ON + timedelta(days=1)))
    said = [each.message for each in notices_of(loan.customer_id, most=100)]
    assert [message for message in said if isinstance(message, LoanCalledIn)] == [
        LoanCalledIn(str(loan.uuid), order.reference, 100_00, 80_00)
    ]


def test_undoing_for_another_cause_under_the_same_reference_is_another_request() -> None:
    closing.set_business_date(on=LATER)
    _loan, (order,) = lent_against(1_000_00, principal_fen=800_00)
    settle(order, 500_00)
    first = undo_settlement(order_id=order.pk, reference="u", on=LATER, cause="told wrongly")
    assert undo_settlement(order_id=order.pk, reference="u", on=LATER, cause="told wrongly") == first
    with pytest.raises(LoanRequestConflict):
        undo_settlement(order_id=order.pk, reference="u", on=LATER, cause="fraud")
