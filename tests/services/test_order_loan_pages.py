"""What a seller sees of order loans, and what staff see of pledged orders and of what speaks against them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers import sealing
from customers.models import Customer
from customers.sealing import Sealed
from lending.models import Loan, OrderEvent, Pledge, Seller, SellerOrder
from lending.services.orders import Told, confirm_order, refund_order, settle_order
from operations.services import paying
from operations.staff import SERVICER, UNDERWRITER
from tests.borrowers import borrower, lived_until, published
from tests.loan_world import a_seller, at_noon, shipped
from tests.payment_world import a_source, unpark
from tests.services.test_borrower_pages import signed_in, text
from tests.services.test_console import staff_login

pytestmark = pytest.mark.django_db

TODAY = date(2026, 6, 10)
PLAN = "order-loan:one_off:1:days:30"


@pytest.fixture
def seller() -> Customer:
    """A seller with a score of 640; the bank is on 10 June."""
    customer = borrower()
    published(customer, 640)
    a_seller(customer.pk)
    lived_until(TODAY)
    return customer


@pytest.fixture
def page(client: Client, seller: Customer) -> Client:
    return signed_in(client, seller)


@pytest.fixture
def console() -> Client:
    """An underwriter's."""
    client = Client()
    client.force_login(staff_login(UNDERWRITER))
    client.cookies["django_language"] = "en"
    return client


def borrows(page: Client, seller: Customer, amount: str) -> Loan:
    source = a_source(seller.pk, 0)
    sent = {"plan": PLAN, "amount": amount, "source": str(source.uuid), "consent": "on", "key": str(uuid4())}
    answer = page.post("/loans/sign/", sent)
    assert answer.status_code == 302, text(answer)
    at_work()
    return Loan.objects.get(customer=seller)


def at_work() -> None:
    """A run of the workers that send payments."""
    unpark()
    paying.sweep()


def told(order: SellerOrder, amount_fen: int = 0) -> dict[str, Any]:
    said = Told(
        order=order.reference, reference=str(uuid4()), happened_at=at_noon(TODAY), amount_fen=amount_fen
    )
    return {"seller_id": order.seller_id, "told": said, "on": TODAY}


def test_a_seller_sees_todays_amount_and_the_orders_behind_it(page: Client, seller: Customer) -> None:
    shipped(seller.pk, 1_000_00, reference="T1", on=TODAY)
    shipped(seller.pk, 200_00, reference="T2", on=TODAY - timedelta(days=31))
    shown = text(page.get("/loans/orders/"))
    assert "You may borrow today up to ¥800.00" in shown
    assert "80% of each order" in shown
    assert "T1 shipped on June 10, 2026 ¥1,000.00 ¥800.00" in shown
    assert "T2 Shipped long ago and never confirmed ¥200.00" in shown
    assert "/loans/orders/" in page.get("/loans/").content.decode()
    price = text(page.get("/loans/quote/", {"plan": PLAN, "amount": "800.00"}))
    assert "Read the contract" in price
    refused = page.get("/loans/quote/", {"plan": PLAN, "amount": "800.01"})
    assert "Your orders cover 800.00 today." in text(refused)
    assert "Read the contract" not in text(refused)
    sent = {"plan": PLAN, "amount": "800.01", "consent": "on", "key": str(uuid4())}
    assert "Your orders cover 800.00 today." in text(page.post("/loans/sign/", sent))
    assert not Loan.objects.exists()


def test_a_seller_without_orders_may_borrow_nothing_and_who_sells_nothing_sees_no_such_page(
    page: Client, seller: Customer, client: Client
) -> None:
    assert "There is nothing to borrow against now" in text(page.get("/loans/orders/"))
    other = signed_in(Client(), borrower("stranger"))
    assert other.get("/loans/orders/").status_code == 404
    assert "order-loan" not in other.get("/loans/quote/").content.decode()
    assert "/loans/orders/" not in other.get("/loans/").content.decode()


def test_a_loans_page_shows_what_became_of_its_orders_and_where_proceeds_went(
    page: Client, seller: Customer
) -> None:
    first, second = (shipped(seller.pk, 1_000_00, reference=name, on=TODAY) for name in ("T1", "T2"))
    loan = borrows(page, seller, "1200.00")
    address = f"/loans/{loan.uuid}/"
    assert "T1 pledged ¥800.00 T2 pledged ¥400.00" in text(page.get(address))
    refund_order(**told(second, 500_00))
    settle_order(**told(first, 1_000_00))
    shown = text(page.get(address))
    assert "T1 settled ¥1,000.00 of its proceeds repaid the loan" in shown
    assert "T2 pledged ¥500.00 refunded, ¥200.00 called in" in shown
    settle_order(**told(second, 500_00))
    assert "to be paid to the first of your wallets and cards" in text(page.get("/loans/orders/"))
    paying.pay_merchants()
    assert "on its way" in text(page.get("/loans/orders/"))
    at_work()
    assert "T2 ¥200.60 repaid the loan ¥299.40 is yours, paid on June 10, 2026" in text(
        page.get("/loans/orders/")
    )


def test_the_console_lists_pledges_and_what_speaks_against_them(
    page: Client, console: Client, seller: Customer
) -> None:
    related = shipped(seller.pk, 1_000_00, reference="T1", on=TODAY, buyer_phone="13900139000")
    stale = shipped(seller.pk, 1_000_00, reference="T2", on=TODAY - timedelta(days=29))
    fast = shipped(seller.pk, 1_000_00, reference="T3", on=TODAY)
    fine = shipped(seller.pk, 1_000_00, reference="T4", on=TODAY)
    borrows(page, seller, "3200.00")
    assert Pledge.objects.count() == 4
    index = sealing.blind_index("13900139000", field=Sealed.PHONE)
    Customer.objects.filter(pk=seller.pk).update(phone_index=index)
    confirm_order(**told(fast))
    lived_until(TODAY + timedelta(days=2))
    for order, reason in (
        (related, "the buyer is the seller"),
        (stale, "shipped long ago and never confirmed"),
        (fast, "this buyer confirmed an order within minutes of its shipping"),
        (fine, "–"),
    ):
        found = text(console.get("/console/lending/pledge/", {"q": order.reference}))
        assert f"pledged {reason} June 10, 2026" in found
    signalled = text(console.get("/console/lending/pledge/", {"signal": "any"}))
    assert "3 pledged orders" in signalled
    assert "1 pledged order" in text(console.get("/console/lending/pledge/", {"signal": "is_fast"}))


def test_staff_open_a_seller_an_order_and_a_loan_with_what_is_pledged(
    page: Client, console: Client, seller: Customer
) -> None:
    order = shipped(seller.pk, 1_000_00, reference="T1", on=TODAY)
    shipped(seller.pk, 50_00, reference="T2", on=TODAY - timedelta(days=40))
    loan = borrows(page, seller, "400.00")
    settle_order(**told(order, 1_000_00))
    shown = text(console.get(f"/console/lending/seller/{seller.pk}/change/"))
    assert "Order loan today: 0.00, 80% of what counts" in shown
    assert "Risk signals" in shown
    assert "shipped long ago and never confirmed" in shown
    assert "T1" in shown
    what = text(console.get(f"/console/lending/sellerorder/{order.pk}/change/"))
    assert "settled 1,000.00 400.20 599.80" in what
    assert "T1" in text(console.get(f"/console/lending/loan/{loan.pk}/change/"))
    assert console.get(f"/console/lending/pledge/{Pledge.objects.get().pk}/change/").status_code == 200
    assert "T1" in text(console.get("/console/lending/sellerorder/"))
    assert str(seller) in text(console.get("/console/lending/seller/"))


def test_lists_take_the_same_queries_however_many(page: Client, console: Client, seller: Customer) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert console.get(address).status_code == 200
        return len(found)

    for n in range(2):
        shipped(seller.pk, 1_000_00, reference=f"A{n}", on=TODAY)
    addresses = ["/console/lending/pledge/", "/console/lending/sellerorder/", "/loans/orders/"]
    borrows(page, seller, "900.00")
    for address in addresses[:2]:
        queries(address)
    before = [queries(address) for address in addresses[:2]]
    for n in range(3):
        shipped(seller.pk, 1_000_00, reference=f"B{n}", on=TODAY)
    assert [queries(address) for address in addresses[:2]] == before


def test_a_settlement_is_taken_back_from_its_order_and_the_order_is_shown_as_pledged_again(
    page: Client, seller: Customer
) -> None:
    order = shipped(seller.pk, 1_000_00, reference="T1", on=TODAY)
    loan = borrows(page, seller, "800.00")
    settle_order(**told(order, 1_000_00))
    assert "T1 settled ¥800.40 of its proceeds repaid the loan ¥199.60 of its proceeds are yours" in text(
        page.get(f"/loans/{loan.uuid}/")
    )
    console = Client()
    console.force_login(staff_login(SERVICER))
    console.cookies["django_language"] = "en"
    address = f"/console/lending/sellerorder/{order.pk}/act/undo-settlement/"
    assert address in console.get(f"/console/lending/sellerorder/{order.pk}/change/").content.decode()
    key = str(uuid4())
    preview = text(console.post(address, {"key": key, "cause": "told wrongly"}))
    assert "To the loan 800.40 0.00 To the seller 199.60 0.00 Ends its loan today 0.00 800.40" in preview
    assert OrderEvent.objects.filter(kind="undone").count() == 0
    for _twice in range(2):
        console.post(address, {"key": key, "cause": "told wrongly", "confirm": ""})
    assert OrderEvent.objects.filter(kind="undone").count() == 1
    shown = text(console.get(f"/console/lending/sellerorder/{order.pk}/change/"))
    assert "settlement taken back 1,000.00" in shown
    assert "told wrongly" in shown
    assert address not in shown
    assert "pledged again" in shown
    assert "T1 pledged again ¥800.00" in text(page.get(f"/loans/{loan.uuid}/"))
    assert "T1 taken back" in text(page.get("/loans/orders/"))
    assert "pledged again" in text(console.get("/console/lending/pledge/", {"q": "T1"}))


def test_a_suspended_seller_sees_why_proceeds_are_held_back_and_staff_suspend_and_reinstate(
    page: Client, seller: Customer
) -> None:
    order = shipped(seller.pk, 1_000_00, reference="T1", on=TODAY)
    borrows(page, seller, "800.00")
    settle_order(**told(order, 1_000_00))
    console = Client()
    console.force_login(staff_login(SERVICER))
    console.cookies["django_language"] = "en"
    record = f"/console/lending/seller/{seller.pk}/change/"

    def act(name: str, cause: str, **confirm: str) -> str:
        given = {"key": str(uuid4()), "cause": cause, "note": "ticket 7", **confirm}
        return text(console.post(f"/console/lending/seller/{seller.pk}/act/{name}/", given))

    assert "/act/suspend/" in console.get(record).content.decode()
    assert "Suspended no yes" in (preview := act("suspend", "fake_shipment"))
    assert "Held back 0.00 199.60" in preview
    assert not Seller.objects.get(pk=seller.pk).is_suspended
    act("suspend", "fake_shipment", confirm="")
    shown = text(console.get(record))
    assert "suspended suspected fake shipments ticket 7" in shown
    assert "Of it held back: 199.60" in shown
    paying.pay_merchants()
    at_work()
    mine = text(page.get("/loans/orders/"))
    assert "Your shop is suspended Since June 10, 2026: under review." in mine
    assert "¥199.60 is yours, held back while your shop is suspended: under review" in mine
    assert "fake" not in mine
    act("reinstate", "cleared", confirm="")
    paying.pay_merchants()
    at_work()
    mine = text(page.get("/loans/orders/"))
    assert "suspended" not in mine
    assert "¥199.60 is yours, paid on June 10, 2026" in mine
