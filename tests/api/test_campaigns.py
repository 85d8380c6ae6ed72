"""Campaigns over the API: the lender's to run, a shop's own to see; each request once."""

from __future__ import annotations

from datetime import date
from typing import Any

from huabei.models import Campaign, Plan, PlanChoice
from huabei.services.campaigns import end_campaign
from tests.api.world import TODAY, World
from tests.line_world import a_campaign, bought
from web.api.identifiers import public_id

GIVEN: dict[str, Any] = {
    "name": "Summer",
    "instalments": [6, 3],
    "starts_on": "2026-07-05",
    "ends_on": "2026-08-03",
    "smallest": "100.00",
    "largest": "5000.00",
    "budget": "100.00",
    "alert": "80.00",
}
FIGURES = {name: value for name, value in GIVEN.items() if name not in ("name", "instalments")}


def said(campaign: Campaign) -> str:
    return public_id("campaign", campaign.pk)


def test_a_campaign_is_begun_changed_and_ended(world: World) -> None:
    lender, body = world.as_lender(), {**GIVEN, "shop": str(world.shop.pk)}
    begun = [lender.post("instalment-campaigns/", body, key="one") for _again in range(2)]
    assert [answer.status_code for answer in begun] == [201, 201]
    assert begun[0].json() == begun[1].json()
    assert begun[1]["Idempotency-Replayed"] == "true"
    found = begun[0].json()
    assert (found["instalments"], found["left"], found["ended_on"]) == ([3, 6], "100.00", None)
    conflict = lender.post("instalment-campaigns/", {**body, "budget": "200.00"}, key="one")
    assert (conflict.status_code, conflict.json()["code"]) == (409, "request_conflict")
    address = f"instalment-campaigns/{found['id']}/"
    change = {**FIGURES, "budget": "250.00", "reason": "agreed"}
    for _again in range(2):
        changed = lender.post(f"{address}changes/", change, key="two")
        assert (changed.status_code, changed.json()["left"]) == (200, "250.00")
    for _again in range(2):
        ended = lender.post(f"{address}end/", {"reason": "the shop closed"})
        assert (ended.json()["ended_on"], ended.json()["end"]) == ("2026-07-05", "stopped")
    over = lender.post(f"{address}changes/", change)
    assert (over.status_code, over.json()["code"]) == (409, "campaign_ended")
    assert lender.get(address).json() == ended.json()


def test_the_fee_that_a_customer_is_quoted_is_the_fee_that_they_pay(world: World) -> None:
    campaign = a_campaign(world.shop, on=TODAY)
    asked = {"amount": "1000.00", "shop": str(world.shop.pk)}
    [quoted] = [
        offer
        for offer in world.as_borrower().get("me/instalment-offers/", **asked).json()["items"]
        if offer["instalments"] == 3
    ]
    assert quoted["fee"] == "0.00"
    shop, body = world.as_shop(), {"line": str(world.line.uuid), "amount": "1000.00", "instalments": 3}
    made = shop.post("authorisations/", body, key="one")
    shop.post(f"purchases/{made.json()['id']}/captures/", {"amount": "1000.00"})
    plan = Plan.objects.get()
    assert (plan.fee_fen, plan.subsidy_fen, plan.campaign) == (0, 25_00, campaign)
    end_campaign(campaign_id=campaign.pk, reason="over", on=TODAY)
    again = shop.post("authorisations/", body, key="one")
    assert (again.status_code, again.json()) == (201, made.json())
    assert shop.post("authorisations/", body, key="two").status_code == 201
    assert PlanChoice.objects.filter(campaign=None).count() == 1


def test_what_makes_no_sense_is_refused_by_name(world: World) -> None:
    lender, body = world.as_lender(), {**GIVEN, "shop": str(world.shop.pk)}
    for wrong, status, field in (
        ({"ends_on": "2026-07-04"}, 422, "ends_on"),
        ({"alert": "100.01"}, 422, "alert"),
        ({"instalments": [5]}, 422, "instalments"),
        ({"instalments": []}, 422, "instalments"),
        ({"instalments": ["3"]}, 400, "instalments.0"),
        ({"shop": "3f0c1d2e-4b5a-4678-9abc-def012345678"}, 422, "shop"),
        ({"budget": "x"}, 400, "budget"),
    ):
        answer = lender.post("instalment-campaigns/", {**body, **wrong})
        assert answer.status_code == status, answer.json()
        assert answer.json()["errors"][0]["field"].startswith(field.split(".")[0]), answer.json()
    assert not Campaign.objects.exists()


def test_a_shop_sees_its_own_campaigns_and_what_is_left(world: World) -> None:
    ours, theirs = a_campaign(world.shop, on=TODAY), a_campaign(world.other_shop, on=TODAY)
    bought(world.line, world.shop, 1_000_00, TODAY, instalments=3, campaign_id=ours.pk)
    shop = world.as_shop()
    (listed,) = shop.get("campaigns/").json()["items"]
    assert (listed["id"], listed["left"]) == (said(ours), "75.00")
    assert shop.get(f"campaigns/{said(ours)}/").json() == listed
    assert shop.get(f"campaigns/{said(theirs)}/").status_code == 404
    assert shop.get("instalment-campaigns/").status_code == 403
    assert world.as_lender().get("campaigns/").status_code == 403
    end_campaign(campaign_id=ours.pk, reason="over", on=date(2026, 7, 5))
    assert shop.get("campaigns/", status="running").json()["items"] == []
    everything = world.as_lender().get("instalment-campaigns/", shop=str(world.other_shop.pk)).json()["items"]
    assert [each["id"] for each in everything] == [said(theirs)]


def test_a_borrower_sees_what_a_shop_pays_of_the_fee(world: World) -> None:
    a_campaign(world.shop, on=TODAY)
    asked = {"amount": "1000.00", "shop": str(world.shop.pk)}
    offers = world.as_borrower().get("me/instalment-offers/", **asked).json()["items"]
    found = {
        each["instalments"]: (each["fee"], each["paid_by_shop"], each["effective_annual_rate"])
        for each in offers
    }
    assert found[3] == ("0.00", "25.00", "0")
    assert found[12] == ("88.00", "0.00", "0.1707")
