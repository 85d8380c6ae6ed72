"""A borrower reads what they were told and says how they want to be told things. Without script, at both widths."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from customers import selectors
from customers.models import Contact
from operations.services.closing import business_date
from tests.borrowers import buys, lived_until, opened_line, repays, shop
from tests.browser.conftest import WIDTHS, Site, Visitor, in_database

Visit = Callable[..., Visitor]


@pytest.fixture(scope="module", autouse=True)
def life(site: Site) -> None:
    """A statement, reminders, a late payment and what follows it."""
    line = opened_line(site.customer)
    lived_until(date(2026, 6, 30))
    buys(line, shop("南门菜市场"), "1268.50", on=business_date())
    lived_until(date(2026, 7, 19))
    repays(line, "1500.00", on=business_date())
    lived_until(date(2026, 7, 21))


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_the_pages_fit_and_read_well(visit: Visit, site: Site, language: str, width: int) -> None:
    visitor = visit(language=language, width=width, script=False)
    visitor.sign_in(site.borrower)
    for name, path in (("notices", "/notices/"), ("settings", "/notices/settings/")):
        visitor.open(path)
        visitor.shot(f"{name}-{language}-{width}")
    visitor.open("/notices/")
    visitor.page.locator(".told a").nth(3).click()
    visitor.check()
    visitor.shot(f"notice-{language}-{width}")


def test_reading_by_keyboard_and_marking_all_read(visit: Visit, site: Site) -> None:
    visitor = visit(language="en", script=False)
    page = visitor.page
    visitor.sign_in(site.borrower)
    visitor.open("/notices/")
    first = page.locator(".told .unread a").first
    title = first.inner_text().splitlines()[-1]
    first.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    visitor.check()
    assert page.locator("h1").inner_text() == title
    page.get_by_role("link", name="All notices").click()
    page.get_by_role("button", name="Mark all as read").click()
    visitor.check()
    assert page.get_by_role("heading", name="All read").is_visible()
    assert page.locator(".count").count() == 0


def test_giving_an_address_and_confirming_it(visit: Visit, site: Site) -> None:
    visitor = visit(language="en", script=False)
    page = visitor.page
    visitor.sign_in(site.borrower)
    visitor.open("/notices/settings/")
    page.get_by_label("E-mail address").fill("nonsense")
    page.get_by_role("button", name="Send me a code").click()
    visitor.check()
    assert "This is not an e-mail address." in page.locator(".errorlist").inner_text()
    page.get_by_label("E-mail address").fill("xiaoyan@example.com")
    page.get_by_role("button", name="Send me a code").click()
    visitor.check()
    visitor.shot("settings-code-en-360")
    code = in_database(lambda: selectors.new_email_code_of(Contact.objects.get()))
    page.get_by_label("Code from the e-mail").fill(str(code))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    visitor.check()
    assert page.get_by_text("We write to x***@example.com.").is_visible()
    visitor.shot("settings-confirmed-en-360")
