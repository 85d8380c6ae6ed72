"""`simulate_line` collects what is due from the story's sources, in their order and as was chosen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from operations.services.line_story import BadStory, parse_story
from operations.services.simulation import simulate
from payments.models import PaymentOrder, SimulatedAccount

pytestmark = pytest.mark.django_db


def told(*events: dict[str, Any], until: str = "2026-07-11") -> dict[str, Any]:
    bought = {"on": "2026-06-05", "type": "purchase", "ref": "p", "amount": "1000.00"}
    story = {
        "line": {"limit": "8000.00", "opened_on": "2026-05-20"},
        "events": [bought, *events],
        "until": until,
    }
    return simulate(parse_story(json.dumps(story)))


def source(ref: str, amount: str, on: str = "2026-06-01") -> dict[str, Any]:
    return {"on": on, "type": "source", "ref": ref, "amount": amount}


def test_partial_funds_and_then_the_next_source(settings: Any) -> None:
    # Whatever gateway this installation has, a simulation asks a simulated one.
    settings.PAYMENT_GATEWAY = "nowhere.Gateway"
    ending = told(source("wallet", "300.00"), source("card", "5000.00"))
    assert [(each["source"], each["asked"], each["collected"]) for each in ending["collections"]] == [
        ("wallet", "1000.00", "300.00"),
        ("card", "700.00", "700.00"),
    ]
    assert (ending["owed"], ending["available"]) == ("0.00", "8000.00")
    assert not PaymentOrder.objects.exists()
    assert not SimulatedAccount.objects.exists()


def test_the_minimum_where_that_was_chosen_and_what_was_repaid_is_not_collected() -> None:
    ending = told(
        source("card", "5000.00"),
        {"on": "2026-06-02", "type": "autopay", "ref": "a", "choice": "minimum"},
        {"on": "2026-07-05", "type": "repayment", "ref": "r", "amount": "40.00"},
    )
    assert [each["collected"] for each in ending["collections"]] == ["60.00"]


def test_nothing_where_nothing_is_to_be_collected() -> None:
    off = {"on": "2026-06-02", "type": "autopay", "ref": "a", "choice": "off"}
    ending = told(source("card", "5000.00"), off)
    assert (ending["collections"], ending["overdue"], ending["status"]) == ([], "100.00", "frozen")


def test_a_choice_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(BadStory, match="must be one of full, minimum, off") as refused:
        told({"on": "2026-06-02", "type": "autopay", "ref": "a", "choice": "some"})
    assert refused.value.field == "events[1].choice"


def test_a_statement_day_that_asks_for_nothing_any_more_has_no_due_day() -> None:
    # Late news leaves the statement of 1 December with nothing; its old due day is a statement day by now.
    story = {
        "line": {"limit": "1234.57", "opened_on": "2027-10-06"},
        "events": [
            {"on": "2027-10-06", "type": "purchase", "ref": "p0", "amount": "617.27"},
            {"on": "2027-10-31", "type": "repayment", "ref": "r3", "amount": "617.25"},
            {"on": "2027-12-01", "type": "calendar_change", "ref": "c", "statement_day": 10},
            {"on": "2027-12-01", "type": "purchase", "ref": "p8", "amount": "1234.54"},
            {
                "on": "2027-12-02",
                "type": "repayment",
                "ref": "r9",
                "amount": "1234.55",
                "value_date": "2027-11-11",
            },
            source("card", "1.28", on="2027-12-02"),
        ],
        "until": "2027-12-21",
    }
    ending = simulate(parse_story(json.dumps(story)))
    assert [(each["on"], each["collected"]) for each in ending["collections"]] == [("2027-12-20", "0.01")]
