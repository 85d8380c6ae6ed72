"""What staff do about lines and campaigns, in a browser: each act fits a phone and a desk, and says what it would change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from customers.models import Login
from customers.services.shop_logins import create_shop_login
from huabei.models import Campaign, Line, Merchant
from operations.models import BusinessDay
from tests.borrowers import PASSWORD
from tests.browser.conftest import WIDTHS, Site, Visitor, in_database
from tests.line_world import a_campaign, a_line, a_merchant, bought, end_day
from tests.services.test_merchant_pages import AT

Visit = Callable[..., Visitor]
ON = date(2026, 7, 15)
LOOKS = [("zh-hans", WIDTHS["phone"]), ("en", WIDTHS["desk"])]


@pytest.fixture(scope="module", autouse=True)
def world(site: Site) -> tuple[Line, Campaign, Merchant]:
    """A line that is overdue and one that is not; a campaign of which 82.50 of 100.00 are used, and its shop's login."""
    late, idle, shop = a_line(), a_line(), a_merchant()
    bought(late, shop, 2_000_00, date(2026, 5, 25))
    for day in (date(2026, 5, 31), date(2026, 6, 10), date(2026, 6, 30), date(2026, 7, 10)):
        end_day(day)
    BusinessDay.objects.create(business_on=ON, first_on=date(2026, 5, 20))
    campaign = a_campaign(shop, on=ON)
    bought(idle, shop, 3_300_00, ON, instalments=3, campaign_id=campaign.pk)
    create_shop_login(shop_id=shop.pk, username="till", password=PASSWORD, at=AT)
    late.refresh_from_db()
    return late, campaign, shop


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_lines_are_frozen_together_from_their_list(
    visit: Visit, site: Site, world: tuple[Line, Campaign, Merchant], language: str, width: int
) -> None:
    visitor = visit(language=language, width=width, script=width > 400)
    visitor.sign_in(site.administrator)
    visitor.open("/console/huabei/line/?status__exact=frozen")
    visitor.shot(f"lines-{language}-{width}")
    visitor.page.locator("a[href*='bulkfreeze/freeze/']").click()
    visitor.check()
    visitor.page.locator("[name=cause]").select_option("fraud")
    visitor.page.locator("[name=preview]").click()
    visitor.check()
    visitor.shot(f"freeze-lines-{language}-{width}")
    assert visitor.page.locator(".tile.strong dd").first.inner_text() == "1"
    visitor.page.locator("[name=lines]").fill(f"#{world[0].pk} nobody")
    visitor.page.locator("[name=preview]").click()
    visitor.check()
    assert "nobody" in visitor.page.locator("#content").inner_text()
    visitor.page.locator("[name=confirm]").click()
    visitor.check()
    visitor.shot(f"frozen-lines-{language}-{width}")
    visitor.page.locator("a[href*='/act/thaw/']").click()
    visitor.check()
    visitor.page.locator("[name=cause]").select_option("mistake")
    visitor.page.locator("[name=preview]").click()
    visitor.check()
    visitor.shot(f"thaw-lines-{language}-{width}")
    visitor.page.locator("[name=confirm]").click()
    visitor.check()
    assert not in_database(lambda: world[0].freezes.filter(cause="fraud", thawed_on__isnull=True).exists())


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_acts_on_a_line_and_a_campaign_are_previewed(
    visit: Visit, site: Site, world: tuple[Line, Campaign, Merchant], language: str, width: int
) -> None:
    visitor = visit(language=language, width=width)
    line, campaign, shop = world
    visitor.sign_in(site.administrator)
    visitor.open("/console/")
    visitor.shot(f"front-{language}-{width}")
    visitor.open(f"/console/huabei/line/{line.pk}/change/")
    visitor.shot(f"line-{language}-{width}")
    for name in ("limit", "temporary-limit", "freeze", "thaw", "repayment", "statement-day", "close"):
        visitor.open(f"/console/huabei/line/{line.pk}/act/{name}/")
        visitor.shot(f"act-{name}-{language}-{width}")
    visitor.page.locator("[name=cause]").select_option("fraud")
    visitor.page.locator("[name=preview]").click()
    visitor.check()
    visitor.shot(f"act-close-preview-{language}-{width}")
    visitor.open(f"/console/huabei/campaign/{campaign.pk}/change/")
    visitor.shot(f"campaign-{language}-{width}")
    visitor.open(f"/console/huabei/campaign/{campaign.pk}/act/change/")
    visitor.page.locator("[name=budget_fen]").fill("250.00")
    visitor.page.locator("[name=reason]").fill("agreed")
    visitor.page.locator("[name=preview]").click()
    visitor.check()
    assert "250.00" in visitor.page.locator(".act-tried").inner_text()
    visitor.shot(f"act-campaign-{language}-{width}")
    visitor.open(f"/console/huabei/merchant/{shop.pk}/act/campaign/")
    visitor.page.locator("[name=preview]").click()
    visitor.check()
    visitor.shot(f"act-begin-{language}-{width}")


@pytest.mark.parametrize(("language", "width"), LOOKS)
def test_a_shop_sees_its_campaigns(visit: Visit, site: Site, language: str, width: int) -> None:
    visitor = visit(language=language, width=width, script=False)
    visitor.sign_in(in_database(lambda: Login.objects.get(username="till")))
    visitor.open("/shop/")
    visitor.shot(f"shop-{language}-{width}")
    visitor.open("/shop/campaigns/")
    assert "17.50" in visitor.page.locator("main").inner_text()
    visitor.shot(f"shop-campaigns-{language}-{width}")
