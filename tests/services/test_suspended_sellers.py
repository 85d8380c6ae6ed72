"""What a seller's suspension stops of lending, and who may end it."""

from __future__ import annotations

from typing import Any

import pytest

from lending import paying as loans
from lending.errors import LoanNotRunning
from lending.models import Pledge, Seller
from lending.order_history import suspension
from lending.services.sellers import (
    SellerNotSuspended,
    SellerSuspended,
    may_suspend,
    reinstate_seller,
    suspend_seller,
)
from operations.services import closing, paying
from payments import simulator
from tests.loan_world import SIGNED_ON, a_seller, shipped, signed
from tests.order_world import a_wish_for, holds
from tests.payment_world import a_source, taken_at_the_gateway, unpark

pytestmark = pytest.mark.django_db


def test_a_signed_loan_is_not_paid_out_while_its_seller_is_suspended() -> None:
    closing.set_business_date(on=SIGNED_ON)
    seller = a_seller()
    shipped(seller, 1_000_00)
    source = a_source(seller, 0)
    loan = signed(a_wish_for(800_00), customer_id=seller)
    simulator.script(token=source.token, behaviours=["fails"])
    loans.disburse(loan_id=loan.pk, source=source.uuid, on=SIGNED_ON)
    unpark()
    paying.sweep()
    suspend_seller(seller_id=seller, cause="fake_shipment", reference="s", by="staff:1", on=SIGNED_ON)
    with pytest.raises(LoanNotRunning, match="shop is suspended"):
        loans.disburse(loan_id=loan.pk, source=source.uuid, on=SIGNED_ON)
    assert Pledge.objects.get().loan.status == "signed"
    # A loan against no orders is none of it.
    other = signed(customer_id=seller)
    loans.disburse(loan_id=other.pk, source=source.uuid, on=SIGNED_ON)
    reinstate_seller(seller_id=seller, cause="cleared", reference="r", by="staff:1", on=SIGNED_ON)
    loans.disburse(loan_id=loan.pk, source=source.uuid, on=SIGNED_ON)
    unpark()
    paying.sweep()
    assert taken_at_the_gateway() == -12_000_00 - 800_00
    assert holds()


def test_whom_the_lender_suspended_the_platform_does_not_reinstate() -> None:
    closing.set_business_date(on=SIGNED_ON)
    seller = a_seller()
    platform: dict[str, Any] = {"by": "platform", "on": SIGNED_ON}
    staff: dict[str, Any] = {"by": "staff:1", "on": SIGNED_ON}
    suspend_seller(seller_id=seller, cause="complaints", reference="p", **platform)
    with pytest.raises(SellerSuspended):
        suspend_seller(seller_id=seller, cause="platform", reference="p2", **platform)
    assert may_suspend(Seller.objects.get(), "staff:1")
    # The lender has reasons of its own, which outlast the platform's.
    suspend_seller(seller_id=seller, cause="authority", reference="s", **staff)
    with pytest.raises(SellerSuspended):
        suspend_seller(seller_id=seller, cause="authority", reference="s2", **staff)
    with pytest.raises(SellerNotSuspended, match="its staff end that"):
        reinstate_seller(seller_id=seller, cause="cleared", reference="r", **platform)
    last = suspension(seller)
    assert last is not None
    assert (last.by, last.cause, Seller.objects.get().is_suspended) == ("staff:1", "authority", True)
    reinstate_seller(seller_id=seller, cause="cleared", reference="r2", **staff)
    assert not Seller.objects.get().is_suspended
    # What the platform suspended it ends itself.
    suspend_seller(seller_id=seller, cause="complaints", reference="p3", **platform)
    reinstate_seller(seller_id=seller, cause="cleared", reference="r3", **platform)
    assert not Seller.objects.get().is_suspended
    assert holds()
