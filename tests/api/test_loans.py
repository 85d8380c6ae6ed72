"""Loans over the API: priced, signed once, followed, repaid; each borrower's own only."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from customers.models import Consent
from lending.models import Loan, LoanStatus, LoanTransaction
from operations.services import paying
from tests.api.test_callers import code
from tests.api.test_document import loan_of
from tests.api.world import Api, World
from tests.borrowers import lived_until
from tests.payment_world import a_source, balance, unpark

WISH = {"plan": "jiebei:equal_instalment:12:months:1", "amount": "12000.00"}


def signs(api: Api, world: World, **given: Any) -> dict[str, Any]:
    return {**WISH, "pay_to": str(a_source(world.customer.pk, 0).uuid), "consent": True, **given}


def test_a_price_says_both_annual_rates_first_and_whether_it_would_be_granted(world: World) -> None:
    price = world.as_borrower().post("me/loans/quote/", WISH).json()
    assert next(iter(price)) == "annual_rate"
    assert price["granted"] is True
    assert [row["n"] for row in price["rows"]] == list(range(1, 13))
    assert price["due"] == f"{sum(round(float(row['due']) * 100) for row in price['rows']) / 100:.2f}"
    dear = world.as_borrower().post("me/loans/quote/", {**WISH, "amount": "250000.00"}).json()
    assert [each["code"] for each in dear["refusals"]] == ["exposure"]
    assert not Loan.objects.exists()


@pytest.mark.parametrize(
    ("given", "status", "expected", "field"),
    [
        ({"plan": "order-loan:one_off:1:days:30"}, 400, "invalid_request", "plan"),
        ({"plan": "jiebei:flat:12:months:1"}, 400, "invalid_request", "plan"),
        ({"amount": "999.99"}, 422, "amount_not_offered", "amount"),
        ({"amount": 12000}, 400, "invalid_request", "amount"),
        ({"consent": False}, 400, "invalid_request", "consent"),
        ({"pay_to": "8d1f6f0a-52f5-4f60-9a55-0f7a1b1f3a01"}, 404, "source_not_found", "source"),
        ({"amount": "250000.00"}, 422, "loan_refused", ""),
    ],
)
def test_what_cannot_be_signed_says_why_and_leaves_nothing(
    world: World, given: dict[str, Any], status: int, expected: str, field: str
) -> None:
    answer = world.as_borrower().post("me/loans/", {**signs(world.as_borrower(), world), **given})
    assert (answer.status_code, code(answer)) == (status, expected)
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert not Loan.objects.exists()
    assert not Consent.objects.filter(purpose="loan_contract").exists()


def test_signing_happens_once_per_key_and_sends_the_money_once(world: World) -> None:
    api = world.as_borrower()
    body = signs(api, world)
    first, again = api.post("me/loans/", body, key="k1"), api.post("me/loans/", body, key="k1")
    assert (first.status_code, first.json()) == (201, again.json())
    assert again["Idempotency-Replayed"] == "true"
    for other in ({**body, "amount": "5000.00"}, signs(api, world)):
        refused = api.post("me/loans/", other, key="k1")
        assert (refused.status_code, code(refused)) == (409, "request_conflict")
    unpark()
    paying.sweep()
    loan = api.get(f"me/loans/{first.json()['id']}/").json()
    assert (loan["status"], loan["principal"]) == ("active", "12000.00")
    assert Loan.objects.count() == 1


def test_what_is_due_is_paid_once_per_key_and_the_payoff_ends_the_loan(world: World) -> None:
    api, address = world.as_borrower(), f"me/loans/{loan_of(world)['loan_uuid']}/"
    lived_until(date(2026, 8, 5))
    loan = api.get(address).json()
    assert loan["schedule"][0]["state"] == "due"
    for _again in range(2):
        assert api.post(f"{address}repayments/", {"amount": loan["due"]}, key="k1").status_code == 201
    after = api.get(address).json()
    assert (after["due"], after["schedule"][0]["state"]) == ("0.00", "paid")
    too_much = api.post(f"{address}repayments/", {"amount": "99999.00"})
    assert (too_much.status_code, code(too_much)) == (422, "amount_refused")
    payoff = api.get(f"{address}payoff/", on="2026-08-05").json()["total"]
    assert payoff == after["payoff"]
    assert api.post(f"{address}repayments/", {"amount": payoff}).json()["kind"] == "payoff"
    assert api.get(address).json()["status"] == "closed"
    listed = api.get(f"{address}transactions/").json()["items"]
    assert [each["kind"] for each in listed] == ["payoff", "repayment", "disbursement"]


def test_ways_of_repaying_early_are_compared_and_one_is_taken(world: World) -> None:
    api, address = world.as_borrower(), f"me/loans/{loan_of(world)['loan_uuid']}/"
    outcomes = api.post(f"{address}prepayment/", {"amount": "6000.00"}).json()["outcomes"]
    ways = {each["way"]: each for each in outcomes}
    assert list(ways) == ["as_agreed", "reduce_instalment", "shorten_term", "payoff"]
    assert ways["reduce_instalment"]["instalments"] == 12
    assert ways["shorten_term"]["instalments"] == 6
    assert float(ways["shorten_term"]["saved"]) > float(ways["reduce_instalment"]["saved"]) > 0
    made = api.post(f"{address}repayments/", {"amount": "6000.00", "early": "shorten_term"})
    assert made.json()["kind"] == "prepayment"
    left = [row for row in api.get(address).json()["schedule"] if row["state"] == "to_come"]
    assert len(left) == ways["shorten_term"]["instalments"]


def test_money_received_by_the_lender_counts_from_its_day(world: World) -> None:
    uuid = loan_of(world)["loan_uuid"]
    lived_until(date(2026, 8, 10))
    lender = world.as_lender("repayments:write", "loans:read")
    late = lender.get(f"loans/{uuid}/").json()
    assert (late["days_past_due"], late["schedule"][0]["state"]) == (5, "overdue")
    body = {"amount": late["schedule"][0]["unpaid"], "value_on": "2026-08-05"}
    made = lender.post(f"loans/{uuid}/repayments/", body)
    assert (made.json()["value_on"], made.json()["booked_on"]) == ("2026-08-05", "2026-08-10")
    after = lender.get(f"loans/{uuid}/").json()
    assert (after["days_past_due"], after["accrued_penalty"]) == (0, "0.00")
    early = lender.post(f"loans/{uuid}/repayments/", {"amount": "1.00", "value_on": "2026-07-04"})
    assert (early.status_code, code(early)) == (422, "date_refused")
    assert [each["id"] for each in lender.get("loans/", status="active").json()["items"]] == [uuid]
    assert lender.get("loans/", status="closed").json()["items"] == []


def test_lists_hold_ones_own_loans_only(world: World) -> None:
    loan_of(world)
    assert len(world.as_borrower().get("me/loans/").json()["items"]) == 1
    assert world.as_stranger().get("me/loans/").json()["items"] == []
    assert LoanTransaction.objects.count() == 1


def test_a_loan_not_sent_is_sent_elsewhere_or_given_up(world: World) -> None:
    from tests.api.test_document import signed_loan_of

    made = signed_loan_of(world)
    api, address = world.as_borrower(), f"me/loans/{made['loan_uuid']}/"
    assert api.post(f"{address}disbursement/", {"pay_to": made["source"]}).json()["status"] == "disbursing"
    refused = api.post(f"{address}give-up/", {})
    assert (refused.status_code, code(refused)) == (409, "loan_not_running")
    unpark()
    paying.sweep()
    assert Loan.objects.get().status == LoanStatus.ACTIVE
    from payments.models import FundingSource

    assert balance(FundingSource.objects.get()) == 12_000_00
