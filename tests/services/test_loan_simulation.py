"""What `manage.py simulate_loan` says: golden lives through the real services, and refusals that name the field."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command

from finance.money import parse_yuan
from lending.models import Loan, Product
from operations.services.loan_simulation import simulate_loan
from operations.services.loan_story import parse_story
from tests.golden.lending import expected_rows, golden_case, quote_request_of

pytestmark = pytest.mark.django_db

JUNE: dict[str, Any] = {
    "principal": "10000.00",
    "rate": {"daily": "0.0006"},
    "method": "one_off",
    "periods": 1,
    "frequency": {"months": 1},
    "day_count": "actual/365",
    "disbursed_on": "2026-06-01",
    "transactions": [],
    "as_of": "2026-06-16",
}


def told(story: dict[str, Any]) -> dict[str, Any]:
    return simulate_loan(parse_story(story))


def with_transactions(*transactions: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return told(JUNE | {"transactions": list(transactions)} | changed)


def stands(answer: dict[str, Any]) -> None:
    """What is owed is what the ledger says, and nothing stays behind."""
    books, outstanding = answer["books"], answer["outstanding"]
    assert books["loan_principal"] == outstanding["principal"]
    assert books["interest_receivable"] == outstanding["interest"]
    assert books["fee_receivable"] == outstanding["fee"]
    assert books["penalty_receivable"] == outstanding["penalty"]
    assert not Loan.objects.exists()
    assert not Product.objects.filter(name="Simulated").exists()


@pytest.mark.parametrize(
    ("parts", "interest"), [([], "90.00"), ([("06", "2000.00"), ("11", "2000.00")], "72.00")]
)
def test_interest_by_the_day(parts: list[tuple[str, str]], interest: str) -> None:
    """随借随还: 10,000.00 for 15 days at 0.06 % a day. Source: DOMAIN 3."""
    repaid = [{"type": "repayment", "date": f"2026-06-{day}", "amount": fen} for day, fen in parts]
    answer = with_transactions(*repaid, {"type": "payoff", "date": "2026-06-16"})
    assert answer["totals"]["interest"] == interest
    assert (answer["status"], answer["refused"]) == ("closed", [])
    assert answer["annual_rate"]["simple"] == "0.21600000"
    stands(answer)


# Golden lives whose instalment is computed: case, what happens besides, the day.
LIVES = [
    ("fin-late-all-unpaid", [], "2024-07-15"),
    ("fin-late-1-overdue", [("repayment", "2024-02-01", "17.01")], "2024-03-10"),
    (
        "fin-ut-multi_disbursedAmt200_2ndOnDueDate_dayInYears360_daysInMonth30_repayEvery1Month",
        [
            ("repayment", "2024-02-01", "17.13"),
            ("repayment", "2024-03-01", "17.13"),
            ("disbursement", "2024-03-01", "100.00"),
        ],
        "2024-03-01",
    ),
    (
        "fin-ut-multiDisbursedAmt200InDifferentPeriod_dayInYears360_daysInMonth30_repayEvery1Month",
        [("repayment", "2024-02-01", "17.13"), ("disbursement", "2024-02-15", "100.00")],
        "2024-02-15",
    ),
]


@pytest.mark.parametrize(("name", "happens", "as_of"), LIVES)
def test_a_golden_life(name: str, happens: list[tuple[str, str, str]], as_of: str) -> None:
    case = golden_case(name)
    request = quote_request_of(case)
    assert request is not None
    transactions = [{"type": kind, "date": day, "amount": fen} for kind, day, fen in happens]
    answer = told(request | {"transactions": transactions, "as_of": as_of})
    columns = ("n", "principal", "interest", "due", "outstanding")
    ours = [{column: row[column] for column in columns} for row in answer["rows"]]
    assert ours == [{column: row[column] for column in columns} for row in expected_rows(case)]
    assert answer["refused"] == []
    stands(answer)


def test_a_pause_and_a_rate_change() -> None:
    case = golden_case("fin-pause-one-period")
    request = quote_request_of(case)
    assert request is not None
    paid = {"type": "repayment", "date": "2024-02-01", "amount": "17.01"}
    paused = {"type": "pause", "date": "2024-02-05", "until": "2024-02-10"}
    answer = told(request | {"transactions": [paid, paused], "as_of": "2024-02-10"})
    assert [row["interest"] for row in answer["rows"]] == [r["interest"] for r in expected_rows(case)]
    changed = golden_case("fin-ut-30360_reschedule_interest_on0201_4per")
    request = quote_request_of(changed)
    assert request is not None
    cheaper = {"type": "rate_change", "date": "2024-02-01", "rate": {"annual": "0.04"}}
    answer = told(request | {"transactions": [paid, cheaper], "as_of": "2024-02-01"})
    assert [row["due"] for row in answer["rows"]] == [r["due"] for r in expected_rows(changed)]
    stands(answer)


def test_backdated_and_reversed_transactions() -> None:
    late = {
        "type": "repayment",
        "date": "2026-06-06",
        "recorded_on": "2026-06-12",
        "amount": "2000.00",
        "ref": "a",
    }
    undo = {"type": "reversal", "date": "2026-06-14", "of": "a"}
    once = with_transactions(late)
    assert once["accrued_interest"] == "78.00"
    undone = with_transactions(late, undo)
    never = with_transactions()
    assert undone["accrued_interest"] == never["accrued_interest"] == "90.00"
    assert undone["rows"] == never["rows"]
    stands(undone)


def test_what_a_service_refuses_is_noted_and_the_story_goes_on() -> None:
    answer = with_transactions(
        {"type": "recovery", "date": "2026-06-03", "amount": "5.00"},
        {"type": "payoff", "date": "2026-06-04", "amount": "1.00"},
        {"type": "repayment", "date": "2026-06-05", "amount": "1000.00"},
    )
    assert [(each["transaction"], each["code"]) for each in answer["refused"]] == [
        (0, "loan_not_running"),
        (1, "amount_refused"),
    ]
    assert answer["outstanding"]["principal"] == "9000.00"


def test_late_with_penalty_then_charged_off_and_recovered() -> None:
    rules = {"penalty_daily_rate": "0.0003", "grace_days": 0}
    late = with_transactions(rules=rules, as_of="2026-07-11")
    assert (late["status"], late["classification"], late["days_past_due"]) == (
        "active",
        "special_mention",
        10,
    )
    # Nine days at 0.03 % on 10,000.00; 30 days of interest were billed, none accrues after the last due date.
    assert late["accrued"] == {"interest": "0.00", "penalty": "27.00"}
    assert late["overdue"]["total"] == "10180.00"
    stands(late)
    given_up = with_transactions(
        {"type": "charge_off", "date": "2026-07-11"},
        {"type": "recovery", "date": "2026-07-20", "amount": "207.00"},
        rules=rules,
        as_of="2026-08-01",
    )
    assert given_up["status"] == "charged_off"
    assert given_up["outstanding"]["total"] == "10000.00"
    assert given_up["books"]["loan_principal"] == "0.00"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"as_of": "2026-05-31"}, "as_of"),
        ({"as_of": "16 June"}, "as_of"),
        ({"transactions": {}}, "transactions"),
        ({"transactions": [{"date": "2026-06-05"}]}, "transactions[0].type"),
        ({"transactions": [{"type": "gift", "date": "2026-06-05"}]}, "transactions[0].type"),
        ({"transactions": [{"type": "repayment", "date": "2026-06-05"}]}, "transactions[0].amount"),
        ({"transactions": [{"type": "repayment", "date": "2026-06-05", "amount": 5}]}, "transactions[0].amount"),
        ({"transactions": [{"type": "repayment", "date": "2026-06-05", "amount": "-5"}]}, "transactions[0].amount"),
        ({"transactions": [{"type": "repayment", "date": "2026-05-05", "amount": "5"}]}, "transactions[0].date"),
        ({"transactions": [{"type": "payoff", "date": "2026-06-05", "to": "me"}]}, "transactions[0].to"),
        (
            {"transactions": [{"type": "payoff", "date": "2026-06-05", "recorded_on": "2026-06-04"}]},
            "transactions[0].recorded_on",
        ),
        ({"transactions": [{"type": "payoff", "date": "2026-06-05", "ref": "a"}] * 2}, "transactions[0].ref"),
        ({"transactions": [{"type": "reschedule", "date": "2026-06-05", "mode": "x"}]}, "transactions[0].mode"),
        ({"transactions": [{"type": "rate_change", "date": "2026-06-05", "rate": {"annual": "0.1"}}]},
         "transactions[0].rate.annual"),
        ({"rules": {"grace_days": 40}}, "rules.grace_days"),
        ({"rules": {"allocation": ["fee"]}}, "rules.allocation"),
        ({"rules": {"penalty_daily_rate": "0.1"}}, "rules.penalty_daily_rate"),
        ({"method": "flat"}, "method"),
        ({"rate": {"daily": "0.0009"}}, "rate"),
        ({"principal": "0"}, "principal"),
        ({"periods": 361}, "periods"),
        ({"interest": "5"}, "interest"),
    ],
)  # fmt: skip
def test_a_story_that_cannot_be_told_names_the_field(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], field: str
) -> None:
    code, answer = run(monkeypatch, json.dumps(JUNE | changed).encode())
    assert (code, answer["error"]["field"]) == (2, field)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b'{"principal": "1", "principal": "1"}'])
def test_what_is_no_story(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    code, answer = run(monkeypatch, text)
    assert code == 2
    assert set(answer) == {"error"}


def test_the_command_prints_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    code, answer = run(monkeypatch, json.dumps(JUNE).encode())
    assert (code, answer["status"], answer["accrued_interest"]) == (0, "active", "90.00")
    assert parse_yuan(answer["payoff"]["to_pay"]) == 10_090_00


def run(monkeypatch: pytest.MonkeyPatch, text: bytes) -> tuple[int, dict[str, Any]]:
    stdin = io.TextIOWrapper(io.BytesIO(text), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", stdin)
    out, code = io.StringIO(), 0
    try:
        call_command("simulate_loan", stdout=out)
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return code, answer
