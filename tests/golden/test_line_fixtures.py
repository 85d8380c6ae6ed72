"""The published figures of the line, to the fen, through the official simulator."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from operations.services.line_story import parse_story
from operations.services.simulation import simulate

pytestmark = pytest.mark.django_db


def told(
    *events: tuple[str, str, str, str], until: str = "2026-08-01", limit: str = "8000.00"
) -> dict[str, Any]:
    """A line of 8,000 with statement day 1 and due day 10, opened 20 May 2026, and these (on, type, amount, ref)."""
    import json

    return simulate(
        parse_story(
            json.dumps(
                {
                    "line": {"limit": limit, "statement_day": 1, "due_day": 10, "opened_on": "2026-05-20"},
                    "events": [
                        {"on": on, "type": kind, "ref": ref} | ({"amount": amount} if amount else {})
                        for on, kind, amount, ref in events
                    ],
                    "until": until,
                }
            )
        )
    )


PURCHASE = ("2026-06-05", "purchase", "1000.00", "p1")


def test_the_july_statement_asks_for_the_purchase_and_a_tenth_as_minimum() -> None:
    statements = told(PURCHASE, until="2026-07-01")["statements"]
    assert statements == [
        {
            "issued_on": "2026-07-01",
            "due_on": "2026-07-10",
            "principal": "1000.00",
            "interest": "0.00",
            "penalty": "0.00",
            "fee": "0.00",
            "total": "1000.00",
            "minimum": "100.00",
            "credit_used": "0.00",
            "correction": "0.00",
        }
    ]


def test_a_minimum_paid_costs_revolving_interest_from_the_day_after_the_due_date() -> None:
    ending = told(PURCHASE, ("2026-07-10", "repayment", "100.00", "r1"))
    august = ending["statements"][1]
    assert (august["principal"], august["interest"], august["penalty"]) == ("900.00", "9.45", "0.00")
    # A tenth of the principal and all of the interest.
    assert (august["total"], august["minimum"]) == ("909.45", "99.45")
    assert (ending["drawn"], ending["available"], ending["owed"]) == ("900.00", "7100.00", "909.45")


def test_b_nothing_paid_costs_penalty_for_five_days_and_then_nothing_is_owed() -> None:
    ending = told(PURCHASE, ("2026-07-16", "repayment", "1002.50", "r1"))
    assert [statement["issued_on"] for statement in ending["statements"]] == ["2026-07-01"]
    assert (ending["owed"], ending["credit"], ending["available"], ending["status"]) == (
        "0.00",
        "0.00",
        "8000.00",
        "active",
    )


def test_b_a_fen_less_leaves_a_fen_owed() -> None:
    assert told(PURCHASE, ("2026-07-16", "repayment", "1002.49", "r1"), until="2026-07-17")["owed"] == "0.01"


def test_c_a_refund_after_payment_is_the_customers_credit_and_the_next_purchase_uses_it() -> None:
    paid = (PURCHASE, ("2026-07-10", "repayment", "1000.00", "r1"), ("2026-07-12", "refund", "300.00", "p1"))
    ending = told(*paid, until="2026-07-12")
    assert (ending["credit"], ending["available"], ending["owed"]) == ("300.00", "8000.00", "0.00")
    august = told(*paid, ("2026-07-20", "purchase", "500.00", "p2"))["statements"][1]
    assert (august["principal"], august["credit_used"]) == ("200.00", "300.00")


def test_d_a_purchase_on_statement_day_belongs_to_the_next_statement() -> None:
    statements = told(
        PURCHASE, ("2026-07-01", "purchase", "200.00", "p2"), ("2026-07-10", "repayment", "1000.00", "r1")
    )["statements"]
    assert [(s["issued_on"], s["principal"]) for s in statements] == [
        ("2026-07-01", "1000.00"),
        ("2026-08-01", "200.00"),
    ]


def test_nothing_paid_at_all_makes_the_line_overdue_and_frozen() -> None:
    ending = told(PURCHASE, ("2026-07-20", "purchase", "1.00", "p2"))
    august = ending["statements"][1]
    assert (august["principal"], august["penalty"], august["interest"]) == ("1000.00", "10.50", "0.00")
    # A tenth of the principal, all of the penalty, and the minimum that July asked for.
    assert august["minimum"] == "210.50"
    assert ending["refused"][0]["code"] == "line_not_active"
    assert (ending["status"], ending["overdue"]) == ("frozen", "100.00")


def test_an_authorisation_not_captured_expires_after_seven_days() -> None:
    events = (("2026-06-05", "purchase", "1000.00", "p1"), ("2026-06-30", "void", "", "p1"))
    assert told(*events, until="2026-06-12")["held"] == "1000.00"
    assert told(*events[:1], ("2026-06-13", "void", "", "p1"), until="2026-06-13")["held"] == "0.00"


@pytest.mark.parametrize("until", [date(2026, 5, 20), date(2026, 6, 1)])
def test_an_unused_line_has_no_statement(until: date) -> None:
    assert told(until=until.isoformat())["statements"] == []
