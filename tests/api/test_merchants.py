"""Over the API: what a shop was settled, what a buyer bought and received, and shops that are not allowed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from huabei.models import CategoryRule, Purchase, Receipt, Settlement
from huabei.services.causes import Why
from huabei.services.merchants import suspend
from operations.services import closing
from tests.api.test_callers import code
from tests.api.world import TODAY, World, pid

pytestmark = pytest.mark.django_db


def test_a_buyer_confirms_receipt_once_and_reads_what_became_of_it(world: World) -> None:
    paid, me = world.paid_in_escrow(), world.as_borrower()
    before = me.get(f"me/purchases/{pid(paid)}/").json()
    assert (before["paid_on"], before["posted_on"], before["awaits_receipt"]) == ("2026-07-05", None, True)
    assert before["taken_as_received_on"] == "2026-07-20"
    (waiting,) = me.get("me/purchases/", receipt="awaited").json()["items"]
    assert waiting["id"] == pid(paid)
    for _again in range(2):
        answer = me.post(f"me/purchases/{pid(paid)}/receipt/")
        assert (answer.status_code, answer.json()["confirmed_on"]) == (200, "2026-07-05")
    assert Receipt.objects.count() == 1
    after = me.get(f"me/purchases/{pid(paid)}/").json()
    assert (after["state"], after["received_on"], after["awaits_receipt"]) == (
        "captured",
        "2026-07-05",
        False,
    )
    assert after["captures"] == [{"amount": "128.50", "posted_on": "2026-07-05"}]
    assert [each["id"] for each in me.get("me/purchases/", receipt="confirmed").json()["items"]] == [
        pid(paid)
    ]


def test_what_is_paid_at_once_has_no_receipt_to_confirm(world: World) -> None:
    answer = world.as_borrower().post(f"me/purchases/{pid(world.authorised())}/receipt/")
    assert (answer.status_code, code(answer)) == (409, "purchase_not_authorised")


def test_a_buyers_purchases_are_narrowed_by_day_and_say_what_came_back(world: World) -> None:
    made, shop, me = world.captured(), world.as_shop(), world.as_borrower()
    assert shop.post(f"purchases/{pid(made)}/refunds/", {"amount": "28.50"}).status_code == 201
    (found,) = me.get("me/purchases/", **{"from": "2026-07-01", "to": "2026-07-05"}).json()["items"]
    assert (found["refunded"], found["refunds"]) == (
        "28.50",
        [{"amount": "28.50", "refunded_on": "2026-07-05"}],
    )
    assert me.get("me/purchases/", to="2026-06-29").json()["items"] == []


def test_a_shop_does_not_charge_what_is_paid_on_receipt_and_gives_it_back(world: World) -> None:
    paid = world.paid_in_escrow()
    world.other_shop = paid.merchant
    shop = world.as_other_shop()
    answer = shop.post(f"purchases/{pid(paid)}/captures/", {"amount": "128.50"})
    assert (answer.status_code, code(answer)) == (409, "purchase_awaits_receipt")
    answers = [
        shop.post(f"purchases/{pid(paid)}/refunds/", {"amount": "28.50"}, key="part") for _again in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    said = shop.get(f"purchases/{pid(paid)}/").json()
    assert (said["cancelled"], said["refunded"], said["state"]) == ("28.50", "0.00", "authorised")
    assert (said["posts_on_receipt"], said["paid_on"], said["posted_on"]) == (True, "2026-07-05", None)


def test_a_shop_voids_what_is_paid_on_receipt_once_and_its_buyer_sees_it_came_back(world: World) -> None:
    paid = world.paid_in_escrow()
    address = f"purchases/{pid(paid)}/"
    assert world.as_shop().post(f"{address}void/").status_code == 404
    world.other_shop = paid.merchant
    shop = world.as_other_shop()
    for _again in range(2):
        said = shop.post(f"{address}void/").json()
        assert (said["state"], said["cancelled"], said["refunded"]) == ("voided", "128.50", "0.00")
    (back,) = shop.get(f"{address}refunds/").json()["items"]
    assert (back["amount"], back["reference"]) == ("128.50", "")
    mine = world.as_borrower().get(f"me/{address}").json()
    assert mine["refunds"] == [{"amount": "128.50", "refunded_on": "2026-07-05"}]
    answer = world.as_borrower().post(f"me/{address}receipt/")
    assert (answer.status_code, code(answer)) == (409, "purchase_not_authorised")


def test_a_shop_reads_its_settlements_page_by_page_and_what_is_in_each(world: World) -> None:
    shop = world.as_shop()
    world.captured("20.00")
    list(closing.close_until(on=TODAY + timedelta(days=1)))
    first = shop.get("settlements/", limit=1).json()
    second = shop.get("settlements/", limit=1, cursor=first["next_cursor"]).json()
    assert [each["settled_on"] for page in (first, second) for each in page["items"]] == [
        "2026-07-05",
        "2026-06-30",
    ]
    assert second["next_cursor"] is None
    detail = shop.get(f"settlements/{first['items'][0]['id']}/").json()
    assert (detail["since"], detail["settlement"]) == ("2026-06-30", first["items"][0])
    (item,) = detail["items"]
    newest = Purchase.objects.latest("pk")
    assert item == {
        "kind": "captured",
        "purchase": pid(newest),
        "reference": newest.reference,
        "amount": "20.00",
        "on": "2026-07-05",
    }


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({}, {"2026-06-30"}),
        ({"settled_from": "2026-07-01"}, set()),
        ({"settled_to": "2026-06-30"}, {"2026-06-30"}),
        ({"state": "to_be_paid"}, {"2026-06-30"}),
        ({"state": "paid"}, set()),
        ({"state": "carried"}, set()),
    ],
)
def test_settlements_are_narrowed(world: World, query: dict[str, str], days: set[str]) -> None:
    found = world.as_shop().get("settlements/", **query).json()["items"]
    assert {each["settled_on"] for each in found} == days
    assert world.as_other_shop().get("settlements/").json()["items"] == []


def test_anothers_settlement_is_not_found(world: World) -> None:
    theirs = Settlement.objects.get(merchant=world.shop)
    assert world.as_other_shop().get(f"settlements/{theirs.uuid}/").status_code == 404


def test_a_shop_that_is_suspended_and_a_category_that_is_forbidden_are_named(world: World) -> None:
    shop, body = world.as_shop(), {"line": str(world.line.uuid), "amount": "1.00"}
    CategoryRule.objects.create(
        category="convenience", effective_from=TODAY, is_allowed=False, by="policy", reference="test"
    )
    answer = shop.post("authorisations/", body)
    assert (answer.status_code, code(answer)) == (422, "category_not_allowed")
    suspend(merchant_id=world.shop.pk, why=Why("fraud", "staff:1", "stop"), on=TODAY)
    answer = shop.post("authorisations/", body)
    assert (answer.status_code, code(answer)) == (422, "merchant_not_allowed")
    assert answer.json()["errors"][0]["field"] == "merchant"
    assert shop.get("settlement/").json()["is_accepting"] is False


def test_a_shop_that_is_suspended_reads_what_is_held_back_and_why(world: World) -> None:
    shop = world.as_shop()
    assert shop.get("settlement/").json()["suspended_on"] is None
    suspend(merchant_id=world.shop.pk, why=Why("fraud", "staff:1", "stop"), on=TODAY)
    said = shop.get("settlement/").json()
    assert (said["suspended_on"], said["suspended_for"], said["held_back"]) == (
        "2026-07-05",
        "under review",
        "1000.00",
    )
    (settlement,) = shop.get("settlements/").json()["items"]
    assert settlement["held_back"] is True
    assert shop.get(f"settlements/{settlement['id']}/").json()["settlement"]["held_back"] is True
    assert world.as_other_shop().get("settlement/").json()["held_back"] == "0.00"
