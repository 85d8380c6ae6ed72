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


def test_what_is_changed_holds_from_its_day_and_what_was_promised_stays() -> None:
    ending = told(
        bought("2026-06-02", "a", "1000.00"),
        event("campaign_changed", "2026-06-03", "k", amount="24.99"),
        event("campaign_changed", "2026-06-03", "k", first_day="2026-06-04"),
        event("campaign_changed", "2026-06-03", "none", amount="50.00"),
        event(
            "campaign_changed", "2026-06-03", "k", amount="50.00", smallest="1000.00", last_day="2026-06-04"
        ),
        bought("2026-06-03", "too small", "999.99"),
        bought("2026-06-04", "b", "1000.00"),
        event("campaign_changed", "2026-06-05", "k", last_day="2026-06-30"),
    )
    assert [(each["ref"], each["code"]) for each in ending["refused"]] == [
        ("k", "campaign_refused"),
        ("k", "campaign_refused"),
        ("none", "campaign_not_found"),
        ("too small", "campaign_over"),
        ("k", "campaign_ended"),
    ]
    assert ending["campaigns"] == [
        {"ref": "k", "budget": "50.00", "left": "0.00", "paid": "50.00", "ended_on": "2026-06-04"}
    ]


def test_before_its_first_day_it_pays_nothing_and_that_day_may_move() -> None:
    later = event("campaign", "2026-06-02", "m", amount="30.00", instalments=3, first_day="2026-06-04")
    ending = told(
        later | {"last_day": "2026-06-30"},
        bought("2026-06-02", "too early", "100.00") | {"campaign": "m"},
        event("campaign_changed", "2026-06-03", "m", first_day="2026-06-03"),
        bought("2026-06-03", "a", "100.00") | {"campaign": "m"},
    )
    assert [(each["ref"], each["code"]) for each in ending["refused"]] == [("too early", "campaign_over")]
    assert ending["campaigns"][1]["paid"] == "2.50"


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
