"""`simulate_line` tells of purchases in escrow: paid when they are bought, posted when they come or their time is over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from operations.services.line_story import BadStory, parse_story
from operations.services.simulation import simulate

pytestmark = pytest.mark.django_db


def told(*events: dict[str, Any], until: str) -> dict[str, Any]:
    bought = {"on": "2026-06-20", "type": "purchase", "ref": "e", "amount": "1000.00", "escrow": True}
    story = {
        "line": {"limit": "8000.00", "opened_on": "2026-06-20"},
        "events": [bought, *events],
        "until": until,
    }
    return simulate(parse_story(json.dumps(story)))


def event(kind: str, on: str, **other: object) -> dict[str, Any]:
    return {"on": on, "type": kind, "ref": "e", **other}


def test_until_it_comes_it_is_held_and_then_it_is_drawn() -> None:
    waits = told(until="2026-07-02")
    assert (waits["held"], waits["drawn"], waits["statements"]) == ("1000.00", "0.00", [])
    ending = told(event("receipt", "2026-06-22"), event("receipt", "2026-06-23"), until="2026-07-02")
    assert (ending["held"], ending["drawn"], ending["refused"]) == ("0.00", "1000.00", [])
    assert [(each["issued_on"], each["total"]) for each in ending["statements"]] == [
        ("2026-07-01", "1000.00")
    ]
    assert ending["escrow"] == [
        {
            "ref": "e",
            "paid_on": "2026-06-20",
            "posted_on": "2026-06-22",
            "posted": "1000.00",
            "given_back": "0.00",
            "confirmed": True,
        }
    ]


def test_nobody_says_so_and_it_is_taken_as_received_on_the_15th_day() -> None:
    ending = told(event("refund", "2026-06-25", amount="100.00"), until="2026-07-05")
    (bought,) = ending["escrow"]
    assert (bought["posted_on"], bought["posted"], bought["given_back"], bought["confirmed"]) == (
        "2026-07-05",
        "900.00",
        "100.00",
        False,
    )
    assert (ending["drawn"], ending["available"]) == ("900.00", "7100.00")


def test_given_back_whole_there_is_nothing_to_come_and_a_shop_never_charges_it() -> None:
    ending = told(
        event("capture", "2026-06-21"),
        event("refund", "2026-06-22"),
        event("receipt", "2026-06-23"),
        until="2026-07-06",
    )
    assert (ending["held"], ending["drawn"], ending["available"]) == ("0.00", "0.00", "8000.00")
    assert [each["code"] for each in ending["refused"]] == [
        "purchase_awaits_receipt",
        "purchase_not_authorised",
    ]


def test_a_shop_posts_otherwise_from_a_day_on_and_what_was_bought_before_stays_as_it_was() -> None:
    def bought(on: str, ref: str, **other: object) -> dict[str, Any]:
        return event("purchase", on, ref=ref, amount="1.00", **other)

    ending = told(
        event("posting", "2026-06-21", posting="payment", escrow=True, first_day="2026-06-22"),
        bought("2026-06-21", "waits", escrow=True),
        event("posting", "2026-06-21", posting="receipt"),
        bought("2026-06-22", "at once", escrow=True),
        bought("2026-06-22", "waits too"),
        event("posting", "2026-06-22", posting="payment", first_day="2026-06-21"),
        event("receipt", "2026-06-23", ref="waits too"),
        until="2026-06-24",
    )
    assert [(each["ref"], each["posted_on"]) for each in ending["escrow"]] == [
        ("e", None),
        ("waits", None),
        ("waits too", "2026-06-23"),
    ]
    assert (ending["drawn"], ending["held"]) == ("2.00", "1001.00")
    assert [each["code"] for each in ending["refused"]] == ["date_refused"]


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        (event("purchase", "2026-06-21", ref="b", amount="1.00", escrow="yes"), "escrow", "true or false"),
        (event("capture", "2026-06-21", escrow=True), "escrow", "not known of a capture"),
        (event("receipt", "2026-06-21", amount="1.00"), "amount", "not known of a receipt"),
        (event("posting", "2026-06-21", posting="later"), "posting", "payment, receipt"),
        (event("posting", "2026-06-21", posting="receipt", first_day="soon"), "first_day", "a date like"),
    ],
)
def test_what_an_event_may_not_say_is_refused_by_name(
    given: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(BadStory, match=message) as refused:
        told(given, until="2026-07-02")
    assert refused.value.field == f"events[1].{field}"
