"""An order in escrow from both sides: its shop's pages, its buyer confirms receipt; phone and desk, both languages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from customers.models import Login
from customers.services.shop_logins import create_shop_login
from huabei.models import Merchant, Posting, Purchase, Settlement
from huabei.services.causes import Why
from huabei.services.merchants import change_posting, suspend
from huabei.services.receipts import confirm_receipt
from huabei.services.repayments import refund
from tests.borrowers import PASSWORD, buys, lived_until, opened_line, shop
from tests.browser.conftest import WIDTHS, Site, Visitor, in_database

Visit = Callable[..., Visitor]
FIRST, ON = date(2026, 7, 3), date(2026, 7, 4)


@pytest.fixture(scope="module", autouse=True)
def merchant(site: Site) -> Merchant:
    """A shop that is paid on receipt and suspended since, with an order received and one that waits, given back in part."""
    line = opened_line(site.customer)
    made = shop("青禾服饰")
    change_posting(
        merchant_id=made.pk,
        posting=Posting.RECEIPT,
        effective_from=FIRST,
        why=Why("agreement", "staff:1", "posting"),
        on=FIRST,
    )
    lived_until(FIRST)
    came = buys(line, made, "259.00", on=FIRST, capture=False)
    confirm_receipt(purchase_id=came.pk, customer_id=site.customer.pk, on=FIRST)
    lived_until(ON)
    waits = buys(line, made, "128.50", on=ON, capture=False)
    refund(purchase_id=waits.pk, amount_fen=28_50, reference="part", on=ON)
    buys(line, shop("晨光便利店"), "12.00", on=ON)
    suspend(merchant_id=made.pk, why=Why("complaints", "staff:1", "stop"), on=ON)
    create_shop_login(
        shop_id=made.pk, username="till", password=PASSWORD, at=datetime(2026, 7, 4, 2, 0, tzinfo=UTC)
    )
    return made


def pages_of(merchant: Merchant) -> tuple[dict[str, str], dict[str, str]]:
    """The addresses of the shop's pages and of its buyer's, by their names."""
    came, waits = Purchase.objects.filter(merchant=merchant).order_by("pk")
    settlement = Settlement.objects.filter(merchant=merchant).latest("pk")
    shop_pages = {
        "orders": "/shop/",
        "received": f"/shop/orders/{came.pk}/",
        "waits": f"/shop/orders/{waits.pk}/",
        "settlements": "/shop/settlements/",
        "settlement": f"/shop/settlements/{settlement.pk}/",
    }
    return shop_pages, {
        "home": "/",
        "purchases": "/purchases/",
        "purchase-received": f"/purchases/{came.pk}/",
        "purchase-waits": f"/purchases/{waits.pk}/",
    }


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("width", WIDTHS.values())
def test_both_see_their_pages(
    visit: Visit, site: Site, merchant: Merchant, language: str, width: int
) -> None:
    of_shop, of_buyer = in_database(lambda: pages_of(merchant))
    till = in_database(lambda: Login.objects.get(username="till"))
    for login, pages in ((till, of_shop), (site.borrower, of_buyer)):
        visitor = visit(language=language, width=width)
        visitor.sign_in(login)
        visitor.page.wait_for_load_state("networkidle")
        for name, address in pages.items():
            visitor.open(address)
            visitor.shot(f"{name}-{language}-{width}")


def test_a_merchant_is_looked_at_in_the_console(visit: Visit, site: Site, merchant: Merchant) -> None:
    settlement = in_database(lambda: Settlement.objects.filter(merchant=merchant).latest("pk").pk)
    for language in ("zh-hans", "en"):
        visitor = visit(language=language, width=1280)
        visitor.sign_in(site.administrator)
        for name, address in (
            ("console-merchant", f"/console/huabei/merchant/{merchant.pk}/change/"),
            ("console-reinstate", f"/console/huabei/merchant/{merchant.pk}/act/reinstate/"),
            ("console-settlements", "/console/huabei/settlement/"),
            ("console-settlement", f"/console/huabei/settlement/{settlement}/change/"),
            ("console-categories", "/console/huabei/categoryrule/"),
        ):
            visitor.open(address)
            visitor.shot(f"{name}-{language}")


def test_a_buyer_confirms_on_a_phone_without_script(visit: Visit, site: Site, merchant: Merchant) -> None:
    visitor = visit(language="en", script=False)
    page = visitor.page
    visitor.sign_in(site.borrower)
    visitor.open("/purchases/")
    page.locator("section", has_text="Did these come?").get_by_role("link", name="青禾服饰").click()
    visitor.check()
    page.get_by_role("button", name="I have received it").click()
    visitor.check()
    assert "now the shop is paid" in page.inner_text("main")
    assert page.get_by_role("button", name="I have received it").count() == 0
