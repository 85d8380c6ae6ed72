"""Order loans over the API: the platform tells of orders once each, the seller borrows against them and is paid the rest."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from customers.models import Customer
from ledger.audit import verify
from lending.models import OrderEvent, Pledge, SellerOrder
from operations import audit
from operations.services import paying
from payments.models import FundingSource
from tests.api.test_callers import code
from tests.api.world import Api, World
from tests.payment_world import a_source, balance, unpark

PLAN = "order-loan:one_off:1:days:30"
AT = "2026-07-05T09:00:00+08:00"


@pytest.fixture
def platform(world: World) -> Api:
    """The platform, of which the borrower is a seller."""
    return sells(world)


def sells(world: World) -> Api:
    """The platform, once it has told of the borrower, who is young enough to be lent to."""
    Customer.objects.filter(pk=world.customer.pk).update(born_on=date(1990, 1, 1))
    api = world.as_lender("orders:write")
    body = {"customer": str(world.customer.pk), "trading_since": "2024-03-01"}
    assert api.post("sellers/", body).json() == body
    return api


def test_since_when_a_shop_trades_is_said_once_and_not_ahead(world: World) -> None:
    api = sells(world)
    seller = {"customer": str(world.customer.pk)}
    again = api.post("sellers/", seller | {"trading_since": "2016-03-01"})
    assert (again.status_code, again.json()["code"]) == (409, "request_conflict")
    ahead = api.post("sellers/", seller | {"trading_since": "2030-01-01"})
    assert (ahead.status_code, ahead.json()["code"]) == (422, "date_refused")


def test_an_order_is_found_by_a_reference_with_a_slash(world: World, platform: Api) -> None:
    shipped(world, platform, "2026/0001")
    settled = tell(world, platform, "2026%2F0001", "settlements", amount="1000.00")
    assert settled.status_code == 201


def shipped(world: World, api: Api, reference: str, amount: str = "1000.00", **more: str) -> Any:
    body = {
        "reference": reference,
        "amount": amount,
        "buyer": reference,
        "shipped_at": "2026-07-04T10:00:00Z",
    }
    return api.post(f"sellers/{world.customer.pk}/orders/", body | more)


def tell(world: World, api: Api, order: str, what: str, key: str | None = None, **body: str) -> Any:
    return api.post(
        f"sellers/{world.customer.pk}/orders/{order}/{what}/", {"happened_at": AT, **body}, key=key
    )


def borrows(world: World, amount: str) -> Any:
    source = a_source(world.customer.pk, 0)
    body = {"plan": PLAN, "amount": amount, "pay_to": str(source.uuid), "consent": True}
    answer = world.as_borrower().post("me/loans/", body)
    unpark()
    paying.sweep()
    return answer


def test_a_seller_borrows_against_orders_and_is_paid_what_the_loan_leaves(
    world: World, platform: Api
) -> None:
    for order in ("T1", "T2"):
        assert shipped(world, platform, order).status_code == 201
    me = world.as_borrower()
    (today,) = me.get("me/loans/orders/").json()["amounts"]
    assert (today["most"], [each["worth"] for each in today["counted"]]) == ("1600.00", ["800.00", "800.00"])
    loan = borrows(world, "900.00")
    assert loan.status_code == 201, loan.content
    pledges = me.get(f"me/loans/{loan.json()['id']}/orders/").json()["items"]
    assert [(each["order"], each["share"], each["state"]) for each in pledges] == [
        ("T2", "100.00", "held"), ("T1", "800.00", "held"),
    ]  # fmt: skip
    assert [
        each["pledged_to"] for each in platform.get(f"sellers/{world.customer.pk}/orders/").json()["items"]
    ] == [loan.json()["id"]] * 2
    # 900.45 ends the loan on the day it was paid out.
    first = tell(world, platform, "T1", "settlements", amount="1000.00").json()
    assert (first["to_loan"], first["to_seller"]) == ("900.45", "99.55")
    second = tell(world, platform, "T2", "settlements", amount="1000.00").json()
    assert (second["to_loan"], second["to_seller"]) == ("0.00", "1000.00")
    assert {each["payout"] for each in me.get("me/loans/orders/proceeds/").json()["items"]} == {"owed"}
    paying.pay_merchants()
    unpark()
    paying.sweep()
    proceeds = me.get("me/loans/orders/proceeds/").json()["items"]
    assert [(each["to_me"], each["payout"], each["paid_on"]) for each in proceeds] == [
        ("1000.00", "paid", "2026-07-05"), ("99.55", "paid", "2026-07-05"),
    ]  # fmt: skip
    assert balance(FundingSource.objects.get()) == 900_00 + 1_000_00 + 99_55
    assert me.get(f"me/loans/{loan.json()['id']}/").json()["status"] == "closed"
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


@pytest.mark.parametrize(
    ("what", "amount"),
    [("confirmations", {}), ("settlements", {"amount": "5.00"}), ("refunds", {"amount": "5.00"})],
)
def test_what_is_told_twice_under_its_key_happens_once(
    world: World, platform: Api, what: str, amount: dict[str, str]
) -> None:
    shipped(world, platform, "T1")
    first, again = (tell(world, platform, "T1", what, key="k1", **amount) for _n in range(2))
    assert (first.status_code, first.json()) == (201, again.json())
    assert again["Idempotency-Replayed"] == "true"
    other = tell(world, platform, "T1", what, key="k1", happened_at="2026-07-05T08:00:00+08:00", **amount)
    assert (other.status_code, code(other)) == (409, "request_conflict")
    assert OrderEvent.objects.count() == 1


def test_an_order_is_told_once_under_its_reference(world: World, platform: Api) -> None:
    first, again = shipped(world, platform, "T1"), shipped(world, platform, "T1")
    assert (first.json(), again["Idempotency-Replayed"]) == (again.json(), "true")
    other = shipped(world, platform, "T1", "999.00")
    assert (other.status_code, code(other)) == (409, "request_conflict")
    assert SellerOrder.objects.count() == 1


@pytest.mark.parametrize(
    ("what", "body", "status", "expected", "field"),
    [
        ("settlements", {"amount": "1000.01"}, 422, "amount_refused", "amount"),
        ("settlements", {"amount": "1.00", "happened_at": "2026-07-06T09:00:00+08:00"}, 422, "date_refused", "happened_at"),
        ("settlements", {"amount": "1.00", "happened_at": "2026-07-03T09:00:00+08:00"}, 422, "date_refused", "happened_at"),
        ("settlements", {"amount": "1.00", "happened_at": "2026-07-05"}, 400, "invalid_request", "happened_at"),
        ("settlements", {"amount": "1.00", "happened_at": "2026-07-05T09:00:00"}, 400, "invalid_request", "happened_at"),
        ("settlements", {}, 400, "invalid_request", "amount"),
        ("refunds", {"amount": "1000.01"}, 422, "amount_refused", "amount"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_says_why(
    world: World, platform: Api, what: str, body: dict[str, str], status: int, expected: str, field: str
) -> None:
    shipped(world, platform, "T1")
    answer = tell(world, platform, "T1", what, **body)
    assert (answer.status_code, code(answer)) == (status, expected), answer.content
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert not OrderEvent.objects.exists()


def test_nobody_is_lent_more_than_the_orders_cover_nor_without_being_a_seller(world: World) -> None:
    me = world.as_borrower()
    assert me.get("me/loans/orders/").json() == {"amounts": []}
    wish = {"plan": PLAN, "amount": "900.00"}
    assert code(me.post("me/loans/quote/", wish)) == "invalid_request"
    api = sells(world)
    shipped(world, api, "T1")
    refused = me.post("me/loans/quote/", wish)
    assert (refused.status_code, code(refused)) == (422, "orders_do_not_cover")
    assert code(borrows(world, "900.00")) == "orders_do_not_cover"
    assert not Pledge.objects.exists()


def test_the_orders_of_others_are_not_found(world: World, platform: Api) -> None:
    shipped(world, platform, "T1")
    missing = platform.post(
        f"sellers/{world.stranger.pk}/orders/T1/settlements/", {"happened_at": AT, "amount": "1.00"}
    )
    assert (missing.status_code, code(missing)) == (404, "order_not_found")
    loan = borrows(world, "100.00").json()["id"]
    assert world.as_stranger().get(f"me/loans/{loan}/orders/").status_code == 404
    assert world.as_stranger().get("me/loans/orders/proceeds/").json()["items"] == []


def test_a_settlement_is_taken_back_once_and_not_after_the_seller_was_paid(
    world: World, platform: Api
) -> None:
    for order in ("T1", "T2"):
        shipped(world, platform, order)
    borrows(world, "800.00")
    lender = world.as_lender("loans:service")
    address = f"sellers/{world.customer.pk}/orders/{{}}/settlements/reversal/"
    sent = {"cause": "told for another order"}
    early = lender.post(address.format("T1"), sent)
    assert (early.status_code, code(early)) == (409, "nothing_to_undo")
    assert code(lender.post(address.format("T9"), sent)) == "order_not_found"
    tell(world, platform, "T1", "settlements", amount="1000.00")
    undone = lender.post(address.format("T1"), sent, key="u")
    assert (undone.status_code, undone.json()["kind"], undone.json()["amount"]) == (201, "undone", "1000.00")
    again = lender.post(address.format("T1"), sent, key="u")
    assert (again.json(), again["Idempotency-Replayed"]) == (undone.json(), "true")
    assert code(lender.post(address.format("T1"), sent)) == "nothing_to_undo"
    me = world.as_borrower()
    assert [each["payout"] for each in me.get("me/loans/orders/proceeds/").json()["items"]] == ["undone"]
    (loan,) = me.get("me/loans/").json()["items"]
    (pledge,) = me.get(f"me/loans/{loan['id']}/orders/").json()["items"]
    assert (loan["status"], pledge["state"], pledge["to_seller"]) == ("active", "held", "0.00")
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


def test_proceeds_of_a_suspended_seller_are_held_back_and_the_seller_is_told_why(
    world: World, platform: Api
) -> None:
    shipped(world, platform, "T1")
    borrows(world, "800.00")
    seller, me = f"sellers/{world.customer.pk}/", world.as_borrower()
    tell(world, platform, "T1", "settlements", amount="1000.00")
    said = platform.post(f"{seller}suspensions/", {"cause": "complaints"}, key="s")
    assert said.status_code == 201
    again = platform.post(f"{seller}suspensions/", {"cause": "complaints"}, key="s")
    assert (again.json(), again["Idempotency-Replayed"]) == (said.json(), "true")
    assert code(platform.post(f"{seller}suspensions/", {"cause": "complaints"})) == "seller_suspended"
    wrong = platform.post(f"{seller}suspensions/", {"cause": "cleared"})
    assert (wrong.status_code, code(wrong)) == (400, "invalid_request")
    (held,) = me.get("me/loans/orders/proceeds/").json()["items"]
    assert (held["payout"], held["held_back_for"]) == ("held_back", "complaints of buyers")
    assert platform.post(f"{seller}reinstatements/", {"cause": "mistake"}).status_code == 201
    assert code(platform.post(f"{seller}reinstatements/", {"cause": "mistake"})) == "seller_not_suspended"
    (owed,) = me.get("me/loans/orders/proceeds/").json()["items"]
    assert (owed["payout"], owed["held_back_for"]) == ("owed", "")
