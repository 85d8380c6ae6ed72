"""What the lender's systems do about loans: previewed without a trace, done once per key, undone, each in its scope."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.audit import verify
from ledger.models import Entry
from lending.api.servicing import ACTS
from lending.models import LoanTransaction
from operations import audit
from operations.services.closing import close_day
from tests.api.test_callers import code
from tests.api.test_document import loan_of
from tests.api.world import Api, World
from tests.borrowers import lived_until
from web.api.reference import document

WHY = {"cause": "asked for by the borrower"}
# Each act that a running loan may have, with what it is sent.
SENT = {act.address: dict(act.sent) for act in ACTS if "<" not in act.address}
RUNNING = [address for address in SENT if address not in ("credit-refunds", "recoveries")]


@pytest.fixture
def loan(world: World) -> str:
    """12,000.00 over twelve months from 5 July, the first instalment five days late: the bank is on 10 August."""
    address = f"loans/{loan_of(world)['loan_uuid']}/"
    lived_until(date(2026, 8, 10))
    return address


@pytest.fixture
def lender(world: World) -> Api:
    return world.as_lender()


def sent(act: str) -> dict[str, Any]:
    return SENT[act] | ({"last_day": "2026-08-31"} if act == "pauses" else {})


@pytest.mark.parametrize("act", RUNNING)
def test_an_act_is_previewed_without_a_trace_then_done_once_and_undone(
    lender: Api, loan: str, act: str
) -> None:
    before, entries = lender.get(loan).json(), Entry.objects.count()
    preview = lender.post(f"{loan}{act}/preview/", sent(act))
    assert preview.status_code == 200, preview.content
    shown = preview.json()
    assert shown["before"] == before != shown["after"]
    assert (lender.get(loan).json(), Entry.objects.count(), LoanTransaction.objects.count()) == (
        before,
        entries,
        1,
    )
    first, again = (lender.post(f"{loan}{act}/", sent(act), key="k1") for _n in range(2))
    assert (first.status_code, first.json()) == (201, again.json()), first.content
    assert again["Idempotency-Replayed"] == "true"
    other = lender.post(f"{loan}{act}/", {**sent(act), "value_on": "2026-08-09"}, key="k1")
    assert (other.status_code, code(other)) == (409, "request_conflict")
    assert lender.get(loan).json() == shown["after"]
    fact = LoanTransaction.objects.exclude(kind="disbursement").get()
    assert fact.cause == sent(act).get("cause", "")
    assert bool(shown["postings"]) == (fact.entry_id is not None)
    undo = f"{loan}transactions/{first.json()['id']}/reversal/"
    assert lender.post(f"{undo}preview/", WHY).json()["after"] == before
    assert lender.post(undo, WHY).json()["reverses"] == first.json()["id"]
    assert lender.get(loan).json() == before
    assert code(lender.post(undo, WHY)) == "fact_refused"
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


@pytest.mark.parametrize(
    ("act", "body", "status", "expected", "field"),
    [
        ("rate-changes", {"rate": "0.0002", **WHY}, 422, "amount_refused", "rate"),
        ("rate-changes", {"rate": "-0.0001", **WHY}, 400, "invalid_request", "rate"),
        ("rate-changes", {"rate": 0.0001, **WHY}, 400, "invalid_request", "rate"),
        ("rate-changes", {"rate": "0.0001"}, 400, "invalid_request", "cause"),
        ("pauses", {"last_day": "2026-08-01", **WHY}, 422, "fact_refused", "last_day"),
        ("due-day-changes", {"due_day": 32, **WHY}, 400, "invalid_request", "due_day"),
        ("reschedules", {"mode": "extend", **WHY}, 422, "fact_refused", "periods"),
        ("reschedules", {"mode": "forgive", **WHY}, 400, "invalid_request", "mode"),
        ("repayments", {"amount": "5.00", "value_on": "2026-07-04"}, 422, "date_refused", "value_on"),
        ("repayments", {"amount": "5.00", "value_on": "2026-08-11"}, 422, "date_refused", "value_on"),
        ("recoveries", {"amount": "5.00"}, 409, "loan_not_running", ""),
        ("credit-refunds", {"amount": "5.00"}, 422, "amount_refused", "amount"),
    ],
)
@pytest.mark.parametrize("then", ["", "preview/"])
def test_what_cannot_be_says_why_and_nothing_happens(
    lender: Api, loan: str, act: str, body: dict[str, Any], status: int, expected: str, field: str, then: str
) -> None:
    answer = lender.post(f"{loan}{act}/{then}", body)
    assert (answer.status_code, code(answer)) == (status, expected), answer.content
    assert field in [error["field"] for error in answer.json()["errors"] or [{"field": ""}]]
    assert LoanTransaction.objects.count() == 1


def test_a_loan_that_is_given_up_is_recovered_and_what_is_too_much_is_paid_back(
    lender: Api, loan: str
) -> None:
    assert lender.post(f"{loan}charge-offs/", WHY).status_code == 201
    assert lender.post(f"{loan}recoveries/", {"amount": "500.00"}).json()["kind"] == "recovery"
    assert lender.post(f"{loan}write-offs/", WHY).json()["kind"] == "write_off"
    assert lender.get(loan).json()["status"] == "written_off"
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


def test_what_corrects_the_past_waits_for_a_close_and_the_document_says_so(lender: Api, loan: str) -> None:
    steps = close_day(closed_on=date(2026, 8, 10))
    next(steps)
    act, past = f"{loan}repayments/", {"amount": "5.00", "value_on": "2026-08-09"}
    answer = lender.post(act, past)
    assert (answer.status_code, code(answer)) == (409, "close_under_way")
    said = document()["paths"]["/api/v1/loans/{loan_uuid}/repayments/"]["post"]
    assert "`close_under_way`" in said["responses"]["409"]["description"]
    list(steps)
    assert lender.post(act, past).status_code == 201


def test_each_scope_allows_its_acts_and_no_others(world: World, loan: str) -> None:
    for act in ACTS:
        address = act.address.replace("<uuid:fact_id>", "00000000-0000-4000-8000-000000000000")
        for scope in ("repayments:write", "loans:service", "loans:give-up", "loans:read"):
            if scope == act.allowed.scope:
                continue
            for then in ("", "preview/"):
                answer = world.as_lender(scope).post(f"{loan}{address}/{then}", dict(act.sent))
                assert (answer.status_code, code(answer)) == (403, "missing_scope")
    assert LoanTransaction.objects.count() == 1


def test_a_fact_of_another_loan_is_not_found(world: World, lender: Api) -> None:
    first, second = (f"loans/{loan_of(world)['loan_uuid']}/transactions" for _n in range(2))
    fact = lender.get(f"{first}/").json()["items"][0]["id"]
    assert lender.post(f"{second}/{fact}/reversal/", WHY).status_code == 404
    assert code(lender.post(f"{first}/{fact}/reversal/", WHY)) == "fact_refused"
