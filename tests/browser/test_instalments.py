"""A borrower looks at what instalments cost, puts a statement into them and pays a plan off; without script on a phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from huabei.models import Line, Payoff, Plan
from operations.services.closing import business_date
from tests.borrowers import buys, lived_until, opened_line, shop
from tests.browser.conftest import WIDTHS, Site, Visitor, in_database

Visit = Callable[..., Visitor]


@pytest.fixture(scope="module", autouse=True)
def line(site: Site) -> Line:
    """A statement of 1 July over 1,868.50, and a purchase in six instalments of which the first is on it."""
    line = opened_line(site.customer)
    lived_until(date(2026, 6, 5))
    buys(line, shop("南门菜市场"), "1868.50", on=business_date())
    buys(line, shop("山海电器"), "2400.00", on=business_date(), instalments=6)
    lived_until(date(2026, 7, 4))
    return line


@pytest.mark.parametrize(("language", "width"), [("zh-hans", WIDTHS["phone"]), ("en", WIDTHS["desk"])])
def test_every_page_of_instalments_fits_and_complains_of_nothing(
    visit: Visit, site: Site, line: Line, language: str, width: int
) -> None:
    visitor = visit(language=language, width=width, dark=language == "en")
    visitor.sign_in(site.borrower)
    plan_id = in_database(lambda: Plan.objects.order_by("pk").values_list("pk", flat=True)[0])
    for name, address in (
        ("plans", f"/line/{line.uuid}/instalments/"),
        ("quote", f"/line/{line.uuid}/instalments/quote/?amount=3000.00&periods=12"),
        ("spread", f"/line/{line.uuid}/instalments/statement/"),
        ("plan", f"/plans/{plan_id}/"),
        ("payoff", f"/plans/{plan_id}/payoff/"),
    ):
        visitor.open(address)
        visitor.shot(f"instalments-{name}-{language}-{width}")
    visitor.open("/statements/")
    visitor.page.locator(".events a, .rows a").first.click()
    visitor.check()
    visitor.shot(f"instalments-statement-{language}-{width}")


def test_a_statement_into_instalments_and_a_payoff_on_a_phone_without_script(
    visit: Visit, site: Site, line: Line
) -> None:
    visitor = visit(language="en", script=False)
    page = visitor.page
    visitor.sign_in(site.borrower)
    visitor.open(f"/line/{line.uuid}/instalments/statement/")
    page.get_by_label("Amount in yuan").fill("600.00")
    page.get_by_role("radio", name="9 months").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Show").click()
    visitor.check()
    assert "15.34%" in page.get_by_role("region", name="¥600.00 in 9 instalments").inner_text()
    page.get_by_role("button", name="Pay ¥600.00 in 9 instalments").click()
    visitor.check()
    assert page.get_by_role("status").inner_text() == "Put into instalments."
    page.get_by_role("link", name="Pay it off early").click()
    visitor.check()
    page.get_by_role("button", name="Pay ¥639.00 now").click()
    visitor.check()
    assert "Paid off on July 4, 2026 with ¥639.00." in page.locator("main").inner_text()
    assert in_database(Payoff.objects.count) == 1
