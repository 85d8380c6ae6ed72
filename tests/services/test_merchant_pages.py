"""What a shop sees and does on its pages: its own orders and settlements, and each form once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import ShopRole
from customers.services import LoginRefused
from customers.services.shop_logins import create_shop_login
from huabei.models import Line, Merchant, Purchase, PurchaseState, Refund
from huabei.services.causes import Why
from huabei.services.merchants import reinstate, suspend
from huabei.services.receipts import confirm_receipt
from huabei.services.repayments import refund
from operations.services import closing, paying
from payments.selectors import sources_of
from tests.borrowers import PASSWORD
from tests.line_world import a_campaign, a_line, a_merchant, an_escrow_merchant, authorised, bought, settled
from tests.payment_world import a_source, unpark
from tests.services.test_borrower_pages import text

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)
AT = datetime(2026, 6, 5, 2, 0, tzinfo=UTC)


@pytest.fixture
def shop() -> Merchant:
    closing.set_business_date(on=ON)
    return a_merchant()


@pytest.fixture
def line() -> Line:
    return a_line()


@pytest.fixture
def page(client: Client, shop: Merchant) -> Client:
    """The browser of somebody who signs in for the shop, in English."""
    return signed_in(client, shop)


def signed_in(client: Client, shop: Merchant, role: str = "manager", language: str = "en") -> Client:
    made = create_shop_login(shop_id=shop.pk, username=role, password=PASSWORD, role=role, at=AT)
    client.force_login(made.login)
    client.cookies["django_language"] = language
    return client


def at(name: str, purchase: Purchase) -> str:
    return reverse(f"merchant_{name}", args=[purchase.pk])


def amount(fen: str, **more: Any) -> dict[str, Any]:
    return {"amount": fen, "key": str(uuid4()), **more}


def test_whoever_signs_in_for_a_shop_comes_to_its_orders(client: Client, shop: Merchant) -> None:
    create_shop_login(shop_id=shop.pk, username="till", password=PASSWORD, at=AT)
    answer = client.post("/login/", {"username": "till", "password": PASSWORD})
    assert answer["Location"] == "/shop/"
    shown = client.get("/", headers={"accept-language": "en"})
    assert shown.status_code == 403
    assert "acts for a shop" in text(shown)


def test_a_shop_without_orders_is_told_so(page: Client) -> None:
    assert "Nobody has bought here with a line yet." in text(page.get("/shop/"))
    assert "Nothing was settled yet." in text(page.get("/shop/settlements/"))


def test_only_the_shops_own_orders_are_shown_newest_first(page: Client, shop: Merchant, line: Line) -> None:
    first, second = bought(line, shop, 120_00, ON), authorised(line, shop, 80_00, ON)
    other = bought(line, a_merchant(), 70_00, ON)
    shown = text(page.get("/shop/"))
    assert shown.index(second.reference) < shown.index(first.reference)
    assert other.reference not in shown
    assert "¥120.00" in shown
    for name in ("order", "capture", "void", "refund"):
        send = page.get if name == "order" else page.post
        assert send(at(name, other)).status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=captured", {"captured"}),
        ("state=authorised", {"held", "later"}),
        ("since=2026-06-06", {"later"}),
        ("until=2026-06-05", {"captured", "held"}),
        ("state=authorised&since=2026-06-05&until=2026-06-05", {"held"}),
        ("state=voided", set()),
        ("since=nonsense", {"captured", "held", "later"}),
    ],
)
def test_orders_are_narrowed_by_state_and_day(
    page: Client, shop: Merchant, line: Line, query: str, found: set[str]
) -> None:
    orders = {
        "captured": bought(line, shop, 120_00, ON),
        "held": authorised(line, shop, 80_00, ON),
        "later": authorised(line, shop, 70_00, ON + timedelta(days=1)),
    }
    shown = text(page.get(f"/shop/?{query}"))
    assert {name for name, order in orders.items() if f"{order.reference} " in shown} == found
    assert ("No order is like this." in shown) == (not found)


def test_older_orders_are_on_the_next_page(page: Client, shop: Merchant, line: Line) -> None:
    orders = [authorised(line, shop, 1_00, ON) for _n in range(31)]
    first = page.get("/shop/?state=authorised")
    assert f"{orders[0].reference} " not in text(first)
    assert f"state=authorised&amp;before={orders[1].pk}" in first.content.decode()
    assert f"{orders[0].reference} " in text(page.get(f"/shop/?before={orders[1].pk}"))


def test_an_order_is_charged_in_parts_and_once_per_form(page: Client, shop: Merchant, line: Line) -> None:
    order = authorised(line, shop, 100_00, ON)
    sent = amount("40.00", more="on")
    for _again in range(2):
        assert page.post(at("capture", order), sent).status_code == 302
    order.refresh_from_db()
    assert (order.captured_fen, order.state) == (40_00, PurchaseState.AUTHORISED)
    assert "used" not in text(page.get(at("order", order)))
    assert page.post(at("capture", order), amount("60.00")).status_code == 302
    order.refresh_from_db()
    assert (order.captured_fen, order.state) == (100_00, PurchaseState.CAPTURED)


def test_what_is_reserved_is_released(page: Client, shop: Merchant, line: Line) -> None:
    order = authorised(line, shop, 100_00, ON)
    shown = text(page.post(at("void", order), follow=True))
    assert "What was reserved is released." in shown
    order.refresh_from_db()
    assert order.state == PurchaseState.VOIDED
    again = bought(line, shop, 5_00, ON)
    assert "the purchase is" in text(page.post(at("void", again), follow=True))


def test_an_order_is_refunded_once_per_form(page: Client, shop: Merchant, line: Line) -> None:
    order = bought(line, shop, 100_00, ON)
    sent = amount("30.00")
    for _again in range(2):
        assert page.post(at("refund", order), sent).status_code == 302
    assert Refund.objects.get().amount_fen == 30_00
    changed = page.post(at("refund", order), {**sent, "amount": "31.00"})
    assert "This form was sent before with another amount." in text(changed)
    assert str(sent["key"]) not in changed.content.decode()
    assert Refund.objects.count() == 1


@pytest.mark.parametrize("given", ["", "70.01", "0", "-1", "1,5", "a"])
def test_an_amount_that_cannot_be_is_refused_beside_its_field(
    page: Client, shop: Merchant, line: Line, given: str
) -> None:
    order = bought(line, shop, 70_00, ON)
    answer = page.post(at("refund", order), amount(given))
    assert answer.status_code == 200
    assert answer.context["refund_form"].errors.keys() == {"amount"}
    held = authorised(line, shop, 70_00, ON)
    answer = page.post(at("capture", held), amount(given))
    assert answer.context["capture_form"].errors.keys() == {"amount"}
    assert not Refund.objects.exists()


def test_who_may_only_look_is_shown_no_form(client: Client, shop: Merchant, line: Line) -> None:
    order = authorised(line, shop, 70_00, ON)
    page = signed_in(client, shop, role=ShopRole.VIEWER)
    assert '<form method="post" action="/shop/' not in page.get(at("order", order)).content.decode()
    assert page.post(at("void", order)).status_code == 403


def test_a_settlement_shows_what_is_in_it_and_its_payment(page: Client, shop: Merchant, line: Line) -> None:
    campaign = a_campaign(shop, on=ON)
    spread = bought(line, shop, 1_000_00, ON, instalments=3, campaign_id=campaign.pk)
    order = bought(line, shop, 120_00, ON)
    refund(purchase_id=order.pk, amount_fen=20_00, reference="back", on=ON)
    assert "¥1,075.00" in text(page.get("/shop/settlements/"))
    a_source(shop.pk, 0)
    list(closing.close_until(on=ON + timedelta(days=1)))
    (settlement,) = settled(shop)
    address = reverse("merchant_settlement", args=[settlement.pk])
    assert "Not ordered yet." in text(page.get(address))
    paying.pay_merchants()
    unpark()
    paying.sweep()
    shown = text(page.get(address))
    for each in (spread.reference, order.reference, "−¥20.00", "−¥25.00", "¥1,075.00", "confirmed"):
        assert each in shown
    assert f"Entry {settlement.entry_id}" in shown
    assert "paid on June 6, 2026" in text(page.get("/shop/settlements/"))


def test_another_shops_settlement_is_not_found(client: Client, shop: Merchant, line: Line) -> None:
    bought(line, shop, 120_00, ON)
    list(closing.close_until(on=ON + timedelta(days=1)))
    page = signed_in(client, a_merchant())
    assert page.get(reverse("merchant_settlement", args=[settled(shop)[0].pk])).status_code == 404


def test_a_shop_names_the_account_to_which_it_is_paid(page: Client, shop: Merchant) -> None:
    refused = page.post("/shop/settlements/", {"account": "12"})
    assert "12 to 19 digits" in text(refused)
    shown = text(page.post("/shop/settlements/", {"account": "6222000000001234"}, follow=True))
    assert "···· 1234" in shown
    assert sources_of(shop.pk).count() == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"role": "owner"}, "role"),
        ({"shop_id": uuid4()}, "shop_id"),
        ({"username": "a b"}, "username"),
        ({"password": "short"}, "password"),
        ({"username": "taken"}, "username"),
    ],
)
def test_a_login_that_cannot_be_is_refused(shop: Merchant, given: dict[str, Any], field: str) -> None:
    create_shop_login(shop_id=a_merchant().pk, username="taken", password=PASSWORD, at=AT)
    asked = {"shop_id": shop.pk, "username": "till", "password": PASSWORD, "at": AT}
    with pytest.raises(LoginRefused) as refused:
        create_shop_login(**{**asked, **given})
    assert refused.value.field == field


def test_the_pages_are_chinese_too(client: Client, shop: Merchant, line: Line) -> None:
    order = bought(line, shop, 120_00, ON)
    page = signed_in(client, shop, language="zh-hans")
    for address in ("/shop/", at("order", order), "/shop/settlements/"):
        shown = text(page.get(address))
        assert not any(word in shown for word in ("Charge", "Refund", "Settle", "Order", "Show"))


def test_an_order_in_escrow_is_shown_as_paid_then_received(client: Client, line: Line) -> None:
    closing.set_business_date(on=ON)
    shop = an_escrow_merchant()
    order = authorised(line, shop, 100_00, ON)
    page = signed_in(client, shop)
    assert "paid, not received yet" in text(page.get("/shop/"))
    assert "You are paid once they confirm receipt." in text(page.get("/shop/"))
    shown = text(page.get(at("order", order)))
    for each in ("Paid on June 5, 2026", "Taken as received on June 20, 2026", "Cancel the order"):
        assert each in shown
    assert "Release what is reserved" not in shown
    assert page.post(at("capture", order), amount("100.00")).status_code == 200
    assert page.post(at("refund", order), amount("30.00")).status_code == 302
    confirm_receipt(purchase_id=order.pk, customer_id=line.customer_id, on=ON)
    shown = text(page.get(at("order", order)))
    for each in (
        "Received",
        "Receipt confirmed on June 5, 2026",
        "Charged ¥70.00",
        "Refunded ¥30.00",
        "Yours ¥70.00",
    ):
        assert each in shown


def test_an_order_in_escrow_is_cancelled_once_and_shown_as_taken_back(client: Client, line: Line) -> None:
    closing.set_business_date(on=ON)
    shop = an_escrow_merchant()
    order = authorised(line, shop, 100_00, ON)
    page = signed_in(client, shop)
    for _again in range(2):
        shown = text(page.post(at("void", order), follow=True))
        assert "The order is cancelled, and its buyer has the money back." in shown
    assert shown.count("Taken back −¥100.00") == shown.count("Taken back") == 1
    assert Refund.objects.get().to_hold_fen == 100_00
    order.refresh_from_db()
    assert order.state == PurchaseState.VOIDED


def test_a_shop_that_is_suspended_is_told_since_when_and_why(
    page: Client, shop: Merchant, line: Line
) -> None:
    order = bought(line, shop, 10_00, ON)
    suspend(merchant_id=shop.pk, why=Why("complaints", "staff:1", "stop", "not for the shop"), on=ON)
    for address in ("/shop/", "/shop/settlements/"):
        shown = text(page.get(address))
        assert "Your shop is suspended since June 5, 2026. The cause: too many complaints." in shown
        assert "not for the shop" not in shown
    assert page.post(at("refund", order), amount("10.00")).status_code == 302
    reinstate(merchant_id=shop.pk, why=Why("cleared", "staff:1", "go on"), on=ON)
    assert "suspended" not in text(page.get("/shop/"))


def test_a_shop_sees_what_is_held_back_while_it_is_suspended_and_why(
    page: Client, shop: Merchant, line: Line
) -> None:
    bought(line, shop, 120_00, ON)
    suspend(merchant_id=shop.pk, why=Why("complaints", "staff:1", "stop"), on=ON)
    list(closing.close_until(on=ON + timedelta(days=1)))
    address = reverse("merchant_settlement", args=[settled(shop)[0].pk])
    shown = text(page.get("/shop/settlements/"))
    assert "Of it, held back until your shop is reinstated ¥120.00" in shown
    assert "¥120.00 held back" in shown
    shown = text(page.get(address))
    assert "Held back: nothing is paid out while your shop is suspended." in shown
    assert "The cause: too many complaints." in shown
    reinstate(merchant_id=shop.pk, why=Why("cleared", "staff:1", "go on"), on=ON + timedelta(days=1))
    assert "eld back" not in text(page.get("/shop/settlements/")) + text(page.get(address))


@pytest.mark.parametrize("suspicion", ["cash_out", "fraud"])
def test_a_shop_is_not_told_of_a_suspicion(page: Client, shop: Merchant, suspicion: str) -> None:
    suspend(merchant_id=shop.pk, why=Why(suspicion, "staff:1", "stop"), on=ON)
    shown = text(page.get("/shop/"))
    assert "The cause: under review." in shown
    assert "suspected" not in shown
