"""A borrower on a phone links a wallet and a card, puts them in order and chooses the minimum, without script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from payments.models import FundingSource
from tests.borrowers import buys, lived_until, opened_line, shop
from tests.browser.conftest import WIDTHS, Site, Visitor, in_database

Visit = Callable[..., Visitor]


@pytest.fixture(scope="module", autouse=True)
def life(site: Site) -> None:
    """A line of which 1,000.00 is due on 10 July."""
    line = opened_line(site.customer)
    lived_until(date(2026, 6, 30))
    buys(line, shop(), "1000.00", on=date(2026, 6, 30))
    lived_until(date(2026, 7, 5))


def test_from_linking_to_the_minimum_on_a_phone_without_script(visit: Visit, site: Site) -> None:
    visitor = visit(language="en", script=False)
    page = visitor.page
    visitor.sign_in(site.borrower)
    page.get_by_role("link", name="Autopay", exact=True).click()
    visitor.check()
    page.get_by_role("radio", name="Wallet balance").check()
    page.get_by_role("button", name="Link", exact=True).click()
    page.get_by_role("radio", name="Bank card").check()
    page.get_by_role("button", name="Link", exact=True).click()
    assert "Write the card number" in page.get_by_role("alert").inner_text()
    page.get_by_role("textbox", name="Card number").fill("6222 0212 3456 7890")
    page.get_by_role("button", name="Link", exact=True).click()
    visitor.check()
    page.get_by_role("button", name="Up bank card ···· 7890").click()
    page.get_by_role("radio", name="The minimum").check()
    page.get_by_role("button", name="Save").click()
    visitor.check()
    assert "¥100.00 will be collected on July 10, 2026" in page.locator("main").inner_text()
    kinds = in_database(
        lambda: list(FundingSource.objects.order_by("position").values_list("kind", flat=True))
    )
    assert kinds == ["card", "wallet"]
    visitor.shot("autopay-en-360")


@pytest.mark.parametrize("width", WIDTHS.values())
def test_the_page_fits_in_chinese(visit: Visit, site: Site, width: int) -> None:
    visitor = visit(language="zh-hans", width=width)
    visitor.sign_in(site.borrower)
    visitor.open("/autopay/")
    visitor.check()
    visitor.shot(f"autopay-zh-{width}")
