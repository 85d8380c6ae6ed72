"""`simulate_line` tells of campaigns: the shop pays the fee of instalments until a day, or until its budget is spent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from operations.services.line_story import BadStory, parse_story
from operations.services.simulation import simulate

pytestmark = pytest.mark.django_db


def event(kind: str, on: str, ref: str, **other: object) -> dict[str, Any]:
    return {"on": on, "type": kind, "ref": ref, **other}


def bought(on: str, ref: str, amount: str, **other: object) -> dict[str, Any]:
    return event("purchase", on, ref, amount=amount, instalments=3, campaign="k", **other)


def told(*events: dict[str, Any], until: str = "2026-06-05") -> dict[str, Any]:
    campaign = event(
        "campaign", "2026-06-02", "k", amount="40.00", last_day="2026-06-30", instalments=3, smallest="100.00"
    )
    line = {"limit": "8000.00", "opened_on": "2026-06-02"}
    return simulate(parse_story(json.dumps({"line": line, "events": [campaign, *events], "until": until})))


def test_the_shop_pays_the_fee_until_its_budget_is_spent() -> None:
    ending = told(
        bought("2026-06-02", "a", "1000.00"),
        bought("2026-06-03", "too small", "99.99"),
        bought("2026-06-03", "too much", "601.00"),
        bought("2026-06-03", "b", "600.00"),
        bought("2026-06-04", "ended", "100.00"),
    )
    assert [(each["ref"], each["code"]) for each in ending["refused"]] == [
        ("too small", "campaign_over"),
        ("too much", "campaign_over"),
        ("ended", "campaign_over"),
    ]
    assert ending["campaigns"] == [
        {"ref": "k", "budget": "40.00", "left": "0.00", "paid": "40.00", "ended_on": "2026-06-03"}
    ]
    assert [(plan["principal"], plan["fee"]) for plan in ending["plans"]] == [
        ("1000.00", "0.00"),
        ("600.00", "0.00"),
    ]


def test_what_is_not_charged_or_taken_back_may_be_promised_anew() -> None:
    ending = told(
        bought("2026-06-02", "a", "1000.00"),
        event("reversal", "2026-06-02", "a"),
        bought("2026-06-02", "b", "1600.00"),
        event("capture", "2026-06-02", "b", amount="400.00"),
    )
    (campaign,) = ending["campaigns"]
    assert (campaign["left"], campaign["paid"], campaign["ended_on"]) == ("30.00", "10.00", None)


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        (event("purchase", "2026-06-02", "a", amount="1.00", campaign="k"), "instalments", "missing"),
        (event("campaign", "2026-06-02", "m", amount="1.00", instalments=3), "last_day", "is missing"),
        (bought("2026-06-02", "a", "1.00", smallest="1.00"), "smallest", "not known of a purchase"),
        (
            event("campaign", "2026-06-02", "k", amount="1.00", instalments=3, last_day="2026-06-30"),
            "ref",
            "used by an earlier campaign",
        ),
    ],
)
def test_what_an_event_may_not_say_is_refused_by_name(
    given: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(BadStory, match=message) as refused:
        told(given)
    assert refused.value.field == f"events[1].{field}"
