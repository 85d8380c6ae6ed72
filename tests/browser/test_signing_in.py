"""Signing in and out, in both languages, on a phone and at a desk."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.borrowers import PASSWORD
from tests.browser.conftest import WIDTHS, Site, Visitor

Visit = Callable[..., Visitor]


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize(("language", "heading"), [("zh-hans", "登录"), ("en", "Sign in")])
def test_the_sign_in_page_speaks_the_visitors_language(
    visit: Visit, language: str, heading: str, width: int
) -> None:
    visitor = visit(language=language, width=width)
    visitor.open("/login/")
    assert visitor.page.locator("h1").inner_text() == heading
    assert (visitor.page.locator("html").get_attribute("lang") or "").lower() == language
    visitor.shot(f"sign-in-{language}-{width}")


def test_a_borrower_signs_in_changes_the_language_and_signs_out(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.sign_in(site.borrower)
    visitor.check()
    assert visitor.page.locator("h1").inner_text() == "您好，林晓燕"
    visitor.shot("home-zh-360")
    visitor.page.locator("button[value=en]").click()
    visitor.check()
    assert visitor.page.locator("h1").inner_text() == "Hello, 林晓燕"
    visitor.shot("home-en-360")
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.open("/")
    assert visitor.page.locator("h1").inner_text() == "Sign in"


def test_everything_needed_works_without_script_and_by_keyboard(visit: Visit, site: Site) -> None:
    visitor = visit(language="en", script=False)
    page = visitor.page
    page.goto(f"{site.url}/login/")
    assert page.locator(":focus").get_attribute("name") == "username"
    page.keyboard.type(site.borrower.username)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.url}/")
    assert page.locator("h1").inner_text() == "Hello, 林晓燕"
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"


def test_a_wrong_password_is_said_at_the_form_and_keeps_the_name(visit: Visit, site: Site) -> None:
    visitor = visit(language="en")
    visitor.page.goto(f"{site.url}/login/")
    visitor.page.locator("[name=username]").fill(site.borrower.username)
    visitor.page.locator("[name=password]").fill("not it")
    visitor.page.locator("main button[type=submit]").click()
    assert "correct username and password" in visitor.page.get_by_role("alert").inner_text()
    assert visitor.page.locator("[name=username]").input_value() == site.borrower.username
    visitor.shot("sign-in-wrong-en-360")


def test_a_login_without_a_customer_is_told_so(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.sign_in(site.unlinked)
    assert visitor.page.locator("h1").inner_text() == "该账号未关联客户"
    visitor.shot("no-customer-zh-360")


def test_a_page_that_is_not_there_says_so_in_chinese(visit: Visit, site: Site) -> None:
    visitor = visit()
    answer = visitor.page.goto(f"{site.url}/nowhere/")
    assert answer is not None
    assert answer.status == 404
    assert visitor.page.locator("h1").inner_text() == "页面不存在"


def test_a_borrower_in_the_dark(visit: Visit, site: Site) -> None:
    visitor = visit(language="en", width=1280, dark=True)
    visitor.open("/login/")
    visitor.shot("sign-in-dark-1280")
    visitor.sign_in(site.borrower)
    visitor.check()
    visitor.shot("home-dark-1280")
