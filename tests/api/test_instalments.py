"""Instalments over the API: their cost first, made and paid off once, and of nobody else."""

from __future__ import annotations

from uuid import uuid4

import pytest

from huabei.models import Payoff, Plan
from tests.api.test_callers import code
from tests.api.world import World
from web.api.identifiers import public_id

pytestmark = pytest.mark.django_db


def test_offers_say_both_annual_rates(world: World) -> None:
    items = world.as_borrower().get("me/instalment-offers/", amount="10000.00").json()["items"]
    assert [
        (i["instalments"], i["simple_annual_rate"], i["effective_annual_rate"], i["fee"]) for i in items
    ] == [
        (3, "0.1494", "0.16", "250.00"),
        (6, "0.1527", "0.1638", "450.00"),
        (9, "0.1534", "0.1647", "650.00"),
        (12, "0.1586", "0.1707", "880.00"),
    ]
    assert list(items[0])[:2] == ["simple_annual_rate", "effective_annual_rate"]
    assert items[0]["rows"][0]["due_on"] == "2026-08-10"


def test_a_plan_is_made_once_and_paid_off_once(world: World) -> None:
    api, key = world.as_borrower(), str(uuid4())
    asked = {"amount": "600.00", "instalments": 3}
    first, again = (api.post("me/plans/", asked, key=key) for _ in range(2))
    assert (first.status_code, first.json()) == (201, again.json())
    assert again["Idempotency-Replayed"] == "true"
    assert code(api.post("me/plans/", {**asked, "amount": "600.01"}, key=key)) == "request_conflict"
    address = f"me/plans/{first.json()['id']}/payoff/"
    assert api.get(address, on="2026-09-01").json()["amount"] == "205.00"
    assert code(api.post(address, {"amount": "614.99"})) == "amount_refused"
    key = str(uuid4())
    paid, replayed = (api.post(address, {"amount": "615.00"}, key=key) for _ in range(2))
    assert (paid.status_code, paid.json()) == (201, replayed.json())
    assert code(api.post(address, {"amount": "615.00"})) == "plan_ended"
    assert (Plan.objects.count(), Payoff.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"amount": "99.99", "instalments": 3}, "amount_refused"),
        ({"amount": "1000.01", "instalments": 3}, "amount_refused"),
        ({"amount": "600.00", "instalments": 4}, "instalments_not_offered"),
        ({"amount": "600.00", "instalments": 1}, "invalid_request"),
        ({"amount": "600.00"}, "invalid_request"),
    ],
)
def test_what_cannot_be_put_into_instalments(world: World, asked: dict[str, object], refusal: str) -> None:
    assert code(world.as_borrower().post("me/plans/", asked)) == refusal
    assert not Plan.objects.exists()


def test_plans_are_their_owners(world: World) -> None:
    api = world.as_borrower()
    made = api.post("me/plans/", {"amount": "600.00", "instalments": 3}).json()
    stranger = world.as_stranger()
    for address in (f"me/plans/{made['id']}/", f"me/plans/{made['id']}/payoff/", "me/plans/"):
        assert stranger.get(address).status_code == 404
    assert stranger.post(f"me/plans/{made['id']}/payoff/", {"amount": "615.00"}).status_code == 404
    assert api.get(f"me/plans/{public_id('statement', 1)}/").status_code == 404
