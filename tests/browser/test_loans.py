"""A borrower on a phone: price, contract, signing, the loan, repaying early. Without script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from lending.models import Loan, SellerOrder
from lending.services import servicing
from lending.services.orders import Told, settle_order
from operations.services.closing import business_date
from tests.borrowers import lived_until, published
from tests.browser.conftest import WIDTHS, Site, Visitor, in_database
from tests.loan_world import a_seller, a_wish, at_noon, shipped, signed
from tests.payment_world import a_source

Visit = Callable[..., Visitor]


@pytest.fixture(scope="module", autouse=True)
def life(site: Site) -> None:
    """A loan with one instalment paid and one late, an order loan of which one order was settled, and a card."""
    published(site.customer, 668)
    lived_until(date(2026, 6, 10))
    loan = signed(a_wish(), on=business_date(), customer_id=site.customer.pk)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=business_date())
    a_source(site.customer.pk, 0)
    lived_until(date(2026, 7, 10))
    servicing.repay(loan_id=loan.pk, amount_fen=1029_95, reference="r1", on=business_date())
    sells_and_borrows(site)
    lived_until(date(2026, 8, 14))
    today = business_date()
    shipped(site.customer.pk, 640_00, reference="T2026081400021", on=today)
    first = SellerOrder.objects.earliest("pk")
    told = Told(order=first.reference, reference="s", happened_at=at_noon(today), amount_fen=first.amount_fen)
    settle_order(seller_id=site.customer.pk, told=told, on=today)


def sells_and_borrows(site: Site) -> None:
    """An order loan against two of three orders, shipped on the business date."""
    today = business_date()
    a_seller(site.customer.pk)
    for n, fen in enumerate((1_000_00, 1_250_00, 300_00)):
        shipped(site.customer.pk, fen, reference=f"T202607100000{n}", on=today)
    wish = a_wish(1_500_00, product="order-loan", method="one_off", periods=1, unit="days", every=60)
    loan = signed(wish, on=today, customer_id=site.customer.pk)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=today)


def test_from_the_price_to_the_money_on_a_phone_without_script(visit: Visit, site: Site) -> None:
    visitor = visit(language="en", script=False)
    page = visitor.page
    visitor.sign_in(site.borrower)
    visitor.check()
    page.get_by_role("navigation").get_by_role("link", name="Loans").click()
    visitor.check()
    visitor.shot("loans-en-360")
    page.get_by_role("link", name="See schedule and annual rate").click()
    page.get_by_label("Loan and way of repaying").select_option("jiebei:equal_instalment:6:months:1")
    page.get_by_label("Amount in yuan").fill("3000.00")
    page.get_by_role("button", name="Show what it costs").click()
    visitor.check()
    visitor.shot("loan-quote-en-360")
    page.get_by_label("Amount in yuan").fill("3,000")
    page.get_by_role("button", name="Show what it costs").click()
    visitor.check()
    assert "Write the amount in yuan" in page.locator("main").inner_text()


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 360), ("en", 360), ("en", 1280)])
def test_every_page_of_a_loan_fits(visit: Visit, site: Site, language: str, width: int) -> None:
    loan, pledged = in_database(lambda: (Loan.objects.earliest("pk"), Loan.objects.latest("pk")))
    visitor = visit(language=language, width=width, dark=language == "en" and width > 500)
    visitor.sign_in(site.borrower)
    for name, address in (
        ("home", "/"),
        ("list", "/loans/"),
        ("quote", "/loans/quote/?plan=jiebei:equal_instalment:6:months:1&amount=3000.00"),
        ("sign", "/loans/sign/?plan=taobao:equal_principal:12:months:1&amount=3000.00"),
        ("orders", "/loans/orders/"),
        ("loan", f"/loans/{loan.uuid}/"),
        ("pledged", f"/loans/{pledged.uuid}/"),
        ("autopay", "/autopay/"),
        ("repay", f"/loans/{loan.uuid}/repay/"),
        ("prepay", f"/loans/{loan.uuid}/prepay/?amount=5000.00"),
        ("payoff", f"/loans/{loan.uuid}/payoff/"),
        ("receipt", f"/loans/{loan.uuid}/payments/2/"),
    ):
        visitor.open(address)
        visitor.shot(f"loan-{name}-{language}-{width}")


def test_staff_preview_an_act_and_the_console_fits(visit: Visit, site: Site) -> None:
    loan = in_database(lambda: Loan.objects.earliest("pk"))
    visitor = visit(language="en", width=WIDTHS["desk"])
    visitor.sign_in(site.administrator)
    page = visitor.page
    page.goto(f"{site.url}/console/lending/loan/{loan.pk}/change/")
    visitor.shot("console-loan")
    page.get_by_role("link", name="New schedule").click()
    page.get_by_label("How").select_option("extend")
    page.get_by_label("Instalments").fill("6")
    page.get_by_label("Cause").fill("lost the job")
    page.get_by_role("button", name="Preview").click()
    page.wait_for_load_state()
    assert "Schedule before and after" in page.locator("#content").inner_text()
    visitor.shot("console-loan-preview")
    page.goto(f"{site.url}/console/lending/pledge/")
    visitor.shot("console-pledges")
    page.goto(f"{site.url}/console/lending/seller/{site.customer.pk}/change/")
    visitor.shot("console-seller")
    assert visitor.complaints == []
