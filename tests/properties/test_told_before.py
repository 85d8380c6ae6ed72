"""Stories that random lives found and that were told wrongly once: they are told as the oracle tells them."""

from __future__ import annotations

import json

import pytest

from tests.properties.line_product import change_terms, told_otherwise

STORIES = {
    # Late news leaves a statement with nothing to pay, and its old due day is a statement day by now.
    "nothing is due on the old due day": """
{"line": {"limit": "1234.57", "statement_day": 1, "due_day": 10, "opened_on": "2027-10-06"}, "until": "2028-03-08",
 "events": [{"on": "2027-10-06", "type": "purchase", "ref": "p0", "amount": "617.27"},
            {"on": "2027-10-31", "type": "repayment", "ref": "r3", "amount": "617.25"},
            {"on": "2027-12-01", "type": "calendar_change", "ref": "c6", "statement_day": 10},
            {"on": "2027-12-01", "type": "purchase", "ref": "p8", "amount": "1234.54"},
            {"on": "2027-12-02", "type": "repayment", "ref": "r9", "amount": "1234.55", "value_date": "2027-11-11"},
            {"on": "2027-12-02", "type": "source", "ref": "other card", "amount": "1.28"}]}""",
    # Of what was put into instalments only an instalment is left to have been billed.
    "a purchase is taken back after its statement was put into instalments": """
{"line": {"limit": "1234.57", "statement_day": 28, "due_day": 1, "opened_on": "2026-12-26"}, "until": "2027-05-20",
 "events": [{"on": "2026-12-26", "type": "purchase", "ref": "p0", "amount": "617.28", "escrow": true},
            {"on": "2027-01-27", "type": "purchase", "ref": "p3", "amount": "193.35", "instalments": 9},
            {"on": "2027-02-01", "type": "statement_plan", "ref": "s5", "amount": "487.55", "instalments": 3},
            {"on": "2027-04-28", "type": "reversal", "ref": "p0"}]}""",
    # Taken back before its statement: what is issued tells of it and has nothing to pay.
    "a statement with nothing to pay has no due day": """
{"line": {"limit": "9000.00", "statement_day": 1, "due_day": 10, "opened_on": "2027-10-06"}, "until": "2027-12-22",
 "events": [{"on": "2027-11-02", "type": "purchase", "ref": "p0", "amount": "617.27"},
            {"on": "2027-11-03", "type": "reversal", "ref": "p0"},
            {"on": "2027-12-01", "type": "calendar_change", "ref": "c6", "statement_day": 10},
            {"on": "2027-12-02", "type": "purchase", "ref": "p8", "amount": "100.00"},
            {"on": "2027-12-02", "type": "source", "ref": "card", "amount": "500.00"}]}""",
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_it_is_told_as_the_oracle_tells_it(committed_db: str, story: str) -> None:
    change_terms()
    assert told_otherwise(json.loads(story)) == ""
