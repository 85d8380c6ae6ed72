"""`simulate_line` tells of people who spend with somebody's line up to a monthly cap: the owner owes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from operations.services.line_story import BadStory, parse_story
from operations.services.simulation import simulate

pytestmark = pytest.mark.django_db


def event(kind: str, on: str, ref: str = "child", **other: object) -> dict[str, Any]:
    return {"on": on, "type": kind, "ref": ref, **other}


def bought(on: str, ref: str, amount: str, **other: object) -> dict[str, Any]:
    return event("purchase", on, ref, amount=amount, share="child", **other)


def told(*events: dict[str, Any], until: str) -> dict[str, Any]:
    story = {
        "line": {"limit": "8000.00", "opened_on": "2026-06-29"},
        "events": [event("share", "2026-06-29", amount="500.00"), *events],
        "until": until,
    }
    return simulate(parse_story(json.dumps(story)))


def test_the_owner_owes_what_is_spent_within_a_months_cap() -> None:
    ending = told(
        bought("2026-06-29", "too early", "1.00"),
        event("share_accepted", "2026-06-29"),
        bought("2026-06-30", "a", "500.00"),
        bought("2026-06-30", "b", "0.01"),
        bought("2026-07-01", "c", "300.00", escrow=True),
        event("receipt", "2026-07-01", "c"),
        event("refund", "2026-07-01", "c", amount="100.00"),
        event("share_cap", "2026-07-01", amount="250.00"),
        bought("2026-07-02", "d", "50.01"),
        event("share_ended", "2026-07-02"),
        bought("2026-07-02", "e", "1.00"),
        until="2026-07-02",
    )
    assert [(each["ref"], each["code"]) for each in ending["refused"]] == [
        ("too early", "share_not_active"),
        ("b", "share_cap_exceeded"),
        ("d", "share_cap_exceeded"),
        ("e", "share_not_active"),
    ]
    assert ending["shares"] == [
        {
            "ref": "child",
            "cap": "250.00",
            "status": "closed",
            "spent": {"2026-06": "500.00", "2026-07": "200.00"},
        }
    ]
    assert (ending["owed"], ending["drawn"]) == ("700.00", "700.00")


def test_whoever_was_invited_leaves_and_what_was_held_is_still_charged() -> None:
    ending = told(
        event("share_left", "2026-06-29", "nobody"),
        event("share_accepted", "2026-06-29"),
        bought("2026-06-30", "held", "300.00"),
        event("share_left", "2026-06-30"),
        bought("2026-06-30", "late", "1.00"),
        event("share_accepted", "2026-06-30"),
        event("capture", "2026-07-01", "held", amount="200.00"),
        event("share", "2026-07-01", amount="100.00"),
        event("share_left", "2026-07-01"),
        until="2026-07-02",
    )
    assert [(each["ref"], each["code"]) for each in ending["refused"]] == [
        ("nobody", "share_not_found"),
        ("late", "share_not_active"),
        ("child", "share_not_active"),
    ]
    assert [(share["status"], share["spent"]) for share in ending["shares"]] == [
        ("closed", {"2026-06": "200.00"}),
        # What the person spent, whichever share it was through.
        ("closed", {"2026-06": "200.00"}),
    ]
    assert ending["drawn"] == "200.00"


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        (bought("2026-06-30", "a", "1.00", instalments=3), "instalments", "not in instalments"),
        (bought("2026-06-30", "a", "1.00") | {"share": 7}, "share", "a text of 1 to 48"),
        (event("share_cap", "2026-06-30"), "amount", "is missing"),
        (event("share_ended", "2026-06-30", amount="1.00"), "amount", "not known of a share_ended"),
    ],
)
def test_what_an_event_may_not_say_is_refused_by_name(
    given: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(BadStory, match=message) as refused:
        told(given, until="2026-07-02")
    assert refused.value.field == f"events[1].{field}"
