"""A borrower on a phone: sign in, read score and line, repay, open the statement. Without script, and by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from huabei.models import Repayment
from operations.services.closing import business_date
from tests.borrowers import buys, lived_until, opened_line, published, repays, shop
from tests.browser.conftest import WIDTHS, Site, Visitor, in_database

Visit = Callable[..., Visitor]


@pytest.fixture(scope="module", autouse=True)
def life(site: Site) -> None:
    """A line with two statements, of which the second is due; part of the first was paid late enough to cost interest."""
    published(site.customer, 668)
    published(site.customer, 681, on=date(2026, 7, 6))
    line = opened_line(site.customer)
    market, books = shop("南门菜市场"), shop("云上书店")
    for day, merchant, amount in (("2026-06-05", market, "1000.00"), ("2026-06-21", books, "268.50")):
        lived_until(date.fromisoformat(day))
        buys(line, merchant, amount, on=business_date())
    lived_until(date(2026, 7, 9))
    repays(line, "368.50", on=business_date())
    lived_until(date(2026, 7, 22))
    buys(line, shop("极光数码"), "1299.00", on=business_date())
    lived_until(date(2026, 8, 4))
    buys(line, market, "86.40", on=business_date(), capture=False)


def test_from_signing_in_to_the_statement_on_a_phone_without_script(visit: Visit, site: Site) -> None:
    visitor = visit(language="en", script=False)
    page = visitor.page
    visitor.sign_in(site.borrower)
    visitor.check()
    assert page.get_by_role("img", name="681 on a scale from 350 to 950: Very good").is_visible()
    assert "¥8,000.00" in page.get_by_role("region", name="Your line").inner_text()
    form = page.locator("form.repay")
    assert not form.get_by_label("Amount in yuan").is_visible()
    form.get_by_label("Another amount").focus()
    page.keyboard.press("Space")
    form.get_by_label("Amount in yuan").fill("12,50")
    page.keyboard.press("Enter")
    visitor.page.wait_for_load_state()
    assert "Write the amount in yuan" in page.get_by_role("alert").inner_text()
    visitor.shot("repay-wrong-en-360")
    page.get_by_label("Amount in yuan").fill("500.00")
    page.get_by_role("button", name="Repay", exact=True).click()
    visitor.check()
    assert page.locator("h1").inner_text() == "¥500.00 repaid"
    assert in_database(Repayment.objects.filter(amount_fen=500_00).count) == 1
    visitor.shot("repaid-en-360")
    page.get_by_role("link", name="Statements").click()
    page.get_by_role("link", name="Statement of Aug. 1, 2026").click()
    visitor.check()
    assert "21 days" in page.locator("main").inner_text()
    page.get_by_role("link", name="Repayment").first.click()
    visitor.check()


@pytest.mark.parametrize(("language", "width"), [("zh-hans", WIDTHS["phone"]), ("en", WIDTHS["desk"])])
def test_every_page_fits_and_complains_of_nothing(
    visit: Visit, site: Site, language: str, width: int
) -> None:
    visitor = visit(language=language, width=width, dark=language == "en")
    visitor.sign_in(site.borrower)
    for address in ("/", "/statements/", "/score/"):
        visitor.open(address)
        visitor.shot(f"page{address.replace('/', '-')}{language}-{width}")
    visitor.open("/statements/")
    visitor.page.locator(".events a").first.click()
    visitor.check()
    visitor.shot(f"page-statement-{language}-{width}")
