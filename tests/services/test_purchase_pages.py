"""A buyer's purchases on their pages: the list, one with all that became of it, and confirming receipt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from huabei.models import Line, Merchant, Purchase, Receipt
from huabei.purchase_history import awaited_of, purchases_for
from huabei.services.repayments import refund
from huabei.services.shares import accept, authorise_shared, invite
from ledger.sql import affected
from operations.services import closing
from tests.borrowers import borrower, login_of, opened_line, published
from tests.line_world import a_line, a_merchant, an_escrow_merchant, authorised, bought
from tests.services.test_borrower_pages import text

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)


@pytest.fixture
def customer() -> Customer:
    closing.set_business_date(on=ON)
    found = borrower()
    published(found, 640)
    return found


@pytest.fixture
def line(customer: Customer) -> Line:
    return opened_line(customer)


@pytest.fixture
def shop() -> Merchant:
    return an_escrow_merchant()


@pytest.fixture
def page(client: Client, customer: Customer) -> Client:
    client.force_login(login_of(customer))
    client.cookies["django_language"] = "en"
    return client


def test_what_waits_is_asked_for_first_and_confirmed_once(page: Client, line: Line, shop: Merchant) -> None:
    paid = authorised(line, shop, 100_00, ON)
    bought(line, a_merchant(), 20_00, ON)
    shown = text(page.get("/purchases/"))
    assert "Did these come?" in shown
    assert "until June 20, 2026" in shown
    assert "paid; confirm once you have it" in text(page.get("/"))
    address = f"/purchases/{paid.pk}/"
    assert "I have received it" in text(page.get(address))
    for _again in range(2):
        shown = text(page.post(f"{address}receipt/", follow=True))
        assert "now the shop is paid" in shown
    assert Receipt.objects.count() == 1
    assert "Receipt confirmed on June 5, 2026" in shown
    assert "I have received it" not in shown
    assert "Did these come?" not in text(page.get("/purchases/"))


def test_a_purchase_says_all_that_became_of_it(page: Client, line: Line, shop: Merchant) -> None:
    paid = authorised(line, shop, 100_00, ON)
    refund(purchase_id=paid.pk, amount_fen=30_00, reference="part", on=ON)
    page.post(f"/purchases/{paid.pk}/receipt/")
    refund(purchase_id=paid.pk, amount_fen=20_00, reference="more", on=ON + timedelta(days=1))
    shown = text(page.get(f"/purchases/{paid.pk}/"))
    for each in (
        "Paid on June 5",
        "The shop charged ¥70.00",
        "Came back ¥50.00",
        "What it costs you ¥50.00",
        "+¥30.00",
    ):
        assert each in shown
    assert "¥50.00 came back" in text(page.get("/purchases/"))


def test_what_was_cancelled_cannot_be_confirmed(page: Client, line: Line, shop: Merchant) -> None:
    paid = authorised(line, shop, 100_00, ON)
    refund(purchase_id=paid.pk, amount_fen=100_00, reference="all", on=ON)
    shown = text(page.post(f"/purchases/{paid.pk}/receipt/", follow=True))
    assert "The purchase is voided" in shown
    assert not Receipt.objects.exists()


def test_somebody_elses_purchase_is_not_found(page: Client, line: Line, shop: Merchant) -> None:
    other = authorised(a_line(), shop, 100_00, ON)
    assert page.get(f"/purchases/{other.pk}/").status_code == 404
    assert page.post(f"/purchases/{other.pk}/receipt/").status_code == 404
    assert page.get(f"/purchases/{2**70}/").status_code == 404
    assert text(page.get("/purchases/")).count("until") == 0


def test_who_bought_through_a_share_sees_it_and_nothing_of_the_debt(
    page: Client, customer: Customer, shop: Merchant
) -> None:
    owned = a_line()
    share = invite(line_id=owned.pk, beneficiary_id=customer.pk, monthly_cap_fen=500_00, on=ON)
    accept(share_id=share.pk, beneficiary_id=customer.pk, on=ON)
    authorise_shared(share_uuid=share.uuid, merchant_id=shop.pk, amount_fen=60_00, reference="through", on=ON)
    bought(owned, a_merchant(), 20_00, ON)
    purchase = Purchase.objects.get(reference="through")
    shown = text(page.get("/purchases/"))
    assert "¥60.00" in shown
    assert "¥20.00" not in shown
    assert "paid, not received yet" in text(page.get(f"/shared/{share.uuid}/"))
    shown = text(page.post(f"/purchases/{purchase.pk}/receipt/", follow=True))
    assert "on the statement" not in shown
    assert Receipt.objects.get().confirmed_by == customer.pk


def test_older_purchases_are_on_the_next_page(page: Client, line: Line) -> None:
    shop = a_merchant()
    made = [authorised(line, shop, 1_00, ON) for _n in range(31)]
    first = page.get("/purchases/")
    assert f"/purchases/{made[0].pk}/" not in first.content.decode()
    assert f"?before={made[1].pk}" in first.content.decode()
    assert f"/purchases/{made[0].pk}/" in page.get(f"/purchases/?before={made[1].pk}").content.decode()


def test_the_pages_are_chinese_too(page: Client, line: Line, shop: Merchant) -> None:
    paid = authorised(line, shop, 100_00, ON)
    page.cookies["django_language"] = "zh-hans"
    for address in ("/purchases/", f"/purchases/{paid.pk}/"):
        shown = text(page.get(address))
        assert not any(word in shown for word in ("Purchase", "purchase", "receive", "Paid", "until"))


FILLED = """
INSERT INTO huabei_purchase (line_id, merchant_id, reference, request_hash, amount_fen, posts_on_receipt, state,
                             hold_transfer_id, authorised_on, expires_on)
SELECT 1000000 + n %% 300, %(shop)s, 'filled-' || n, '', 100, true, 'authorised', 0, %(on)s, %(on)s
FROM generate_series(1, 6000) AS n
"""


@pytest.mark.parametrize("shared", [False, True])
def test_reading_ones_own_purchases_goes_through_nobody_elses(
    customer: Customer, line: Line, shop: Merchant, shared: bool
) -> None:
    for _ in range(3):
        authorised(line, shop, 1_00, ON)
    if shared:
        lent_by = a_line()
        share = invite(line_id=lent_by.pk, beneficiary_id=customer.pk, monthly_cap_fen=500_00, on=ON)
        accept(share_id=share.pk, beneficiary_id=customer.pk, on=ON)
        authorise_shared(share_uuid=share.uuid, merchant_id=shop.pk, amount_fen=1_00, reference="s", on=ON)
    affected(FILLED, {"shop": shop.pk, "on": ON})
    affected("RESET ROLE; ANALYZE huabei_purchase, huabei_sharedpurchase", [])
    for found in (purchases_for(customer.pk)[:31], awaited_of(customer.pk)[:31]):
        assert len(found) == 3 + shared
        (plan,) = json.loads(found.explain(format="json", analyze=True))
        reads = list(_reads(plan["Plan"]))
        assert reads, "the plan names the table"
        assert max(reads) <= 10, plan


def _reads(node: dict[str, Any]) -> Iterator[int]:
    """How many rows of purchases each part of a plan went through."""
    if node.get("Relation Name") == "huabei_purchase":
        yield (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    for part in node.get("Plans", ()):
        yield from _reads(part)
