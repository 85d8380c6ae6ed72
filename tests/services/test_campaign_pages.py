"""Campaigns on pages: staff begin, change and end them; the shop sees what is left, a borrower that the shop pays."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from customers.models import Customer, Login
from huabei.models import Campaign, CampaignChange, Line, Merchant
from ledger.selectors import position
from operations.models import BusinessDay
from operations.staff import ADMINISTRATOR, SERVICER
from tests.line_world import a_campaign, a_line, a_merchant, bought
from tests.services.test_borrower_pages import text
from tests.services.test_console import staff_login
from tests.services.test_merchant_pages import signed_in

pytestmark = pytest.mark.django_db
ON = date(2026, 6, 5)
GIVEN: dict[str, Any] = {
    "name": "Summer",
    "periods": ["3", "6"],
    "starts_on": "2026-06-05",
    "ends_on": "2026-06-30",
    "smallest_fen": "100.00",
    "largest_fen": "5000.00",
    "budget_fen": "100.00",
    "alert_fen": "80.00",
}


@pytest.fixture
def shop() -> Merchant:
    BusinessDay.objects.create(business_on=ON, first_on=ON)
    return a_merchant()


@pytest.fixture
def line() -> Line:
    return a_line()


@pytest.fixture
def console(client: Client) -> Client:
    client.force_login(staff_login(ADMINISTRATOR))
    client.cookies["django_language"] = "en"
    return client


def act(page: Client, record: Any, name: str, button: str = "confirm", /, **given: Any) -> Any:
    address = f"/console/huabei/{record._meta.model_name}/{record.pk}/act/{name}/"
    return page.post(address, {"key": str(uuid4()), button: "", **given})


def test_staff_begin_a_campaign_of_a_shop_once(console: Client, shop: Merchant) -> None:
    assert "Begin a campaign" in text(console.get(f"/console/huabei/merchant/{shop.pk}/change/"))
    preview = act(console, shop, "campaign", "preview", **GIVEN)
    assert "Campaigns that run 0 1" in text(preview)
    assert not Campaign.objects.exists()
    key = str(uuid4())
    for _again in range(2):
        assert act(console, shop, "campaign", key=key, **GIVEN).status_code == 302
    campaign = Campaign.objects.get()
    assert (campaign.name, campaign.periods, campaign.budget_fen) == ("Summer", [3, 6], 100_00)
    assert position(campaign.budget_account_id).available_fen == 100_00


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"ends_on": "2026-06-04"}, "the last day is over before it begins"),
        ({"largest_fen": "99.99"}, "must not be below the smallest purchase"),
        ({"alert_fen": "100.01"}, "must not be beyond the budget"),
        ({"periods": ["5"]}, "Select a valid choice."),
        ({"periods": []}, "This field is required."),
        ({"budget_fen": "0"}, "at least 0.01"),
        ({"name": ""}, "This field is required."),
    ],
)
def test_a_campaign_that_makes_no_sense_says_why(
    console: Client, shop: Merchant, wrong: dict[str, Any], complaint: str
) -> None:
    answer = act(console, shop, "campaign", **{**GIVEN, **wrong})
    assert answer.status_code == 200
    assert complaint in text(answer)
    assert not Campaign.objects.exists()


def test_staff_change_and_end_a_campaign(console: Client, shop: Merchant) -> None:
    campaign = a_campaign(shop, on=ON)
    given = {name: value for name, value in GIVEN.items() if name not in ("name", "periods")}
    given |= {"ends_on": "2026-07-31", "budget_fen": "250.00", "reason": "agreed"}
    preview = act(console, campaign, "change", "preview", **given)
    assert "Left of the budget 100.00 250.00" in text(preview)
    assert not CampaignChange.objects.exists()
    key = str(uuid4())
    for _again in range(2):
        assert act(console, campaign, "change", key=key, **given).status_code == 302
    change = CampaignChange.objects.get()
    assert (change.budget_fen, change.reason, change.by[:6]) == (250_00, "agreed", "staff:")
    assert position(campaign.budget_account_id).available_fen == 250_00
    begun = act(console, campaign, "change", **{**given, "starts_on": "2026-06-06"})
    assert "it has begun: its first day stays" in text(begun)
    for _again in range(2):
        assert act(console, campaign, "end", reason="the shop closed").status_code == 302
    campaign.refresh_from_db()
    assert (campaign.end, campaign.end_reason) == ("stopped", "the shop closed")
    shown = console.get(f"/console/huabei/campaign/{campaign.pk}/change/")
    assert "/act/change/" not in shown.content.decode()
    assert "the shop closed" in text(shown)


def test_only_who_runs_campaigns_does(client: Client, shop: Merchant) -> None:
    campaign = a_campaign(shop, on=ON)
    client.force_login(staff_login(SERVICER))
    assert act(client, shop, "campaign", **GIVEN).status_code == 403
    assert act(client, campaign, "end", reason="no").status_code == 403
    campaign.refresh_from_db()
    assert campaign.ended_on is None


def test_a_budget_that_nears_its_end_is_seen_by_staff_and_by_the_shop(
    client: Client, shop: Merchant, line: Line
) -> None:
    campaign = a_campaign(shop, on=ON)
    bought(line, shop, 3_300_00, ON, instalments=3, campaign_id=campaign.pk)
    client.force_login(staff_login(ADMINISTRATOR))
    client.cookies["django_language"] = "en"
    front = text(client.get("/console/"))
    assert "To look at Summer" in front
    assert "¥82.50 of its budget of ¥100.00 was used by June 5, 2026" in front
    assert "1 instalment campaign" in text(client.get("/console/huabei/campaign/?budget=alert"))
    page = signed_in(Client(), shop)
    assert "¥82.50 of its budget of ¥100.00 was used" in text(page.get("/shop/"))
    shown = text(page.get("/shop/campaigns/"))
    assert "The budget nears its end." in shown
    assert "Left of the budget ¥17.50 Promised or paid ¥82.50" in shown
    other = signed_in(Client(), a_merchant(), role="viewer")
    assert "There is no campaign yet." in text(other.get("/shop/campaigns/"))
    assert "¥82.50" not in text(other.get("/shop/"))


def test_a_borrower_sees_that_the_shop_pays_and_that_it_costs_nothing_a_year(
    client: Client, shop: Merchant, line: Line
) -> None:
    login = Login.objects.create_user("borrower")
    Customer.objects.filter(pk=line.customer_id).update(login=login)
    client.force_login(login)
    client.cookies["django_language"] = "en"
    address = f"/line/{line.uuid}/instalments/quote/"
    assert "At which shop" not in text(client.get(address))
    a_campaign(shop, on=ON)
    asked = {"amount": "1000.00", "periods": "3"}
    assert "14.94% a year fee ¥25.00 in all" in text(client.get(address, asked))
    shown = text(client.get(address, {**asked, "shop": str(shop.pk)}))
    assert "0% a year no fee: the shop pays ¥25.00" in shown
    assert "15.86% a year fee ¥88.00 in all" in shown
    assert "Fee in all ¥0.00 Fee that the shop pays ¥25.00 To pay in all ¥1,000.00" in shown
    assert "Select a valid choice" not in shown
