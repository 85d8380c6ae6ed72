"""Golden cases as lives of loans: their terms and transactions in ours, and our rows as they write theirs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from finance.loan import Ahead, Kind, Loan, LoanTerms, Rules, Transaction
from finance.money import format_yuan, parse_yuan
from finance.rates import AnnualRate
from finance.replay import replay
from finance.schedule import Method, Terms
from tests.golden.lending import Case, annual_rate_of, frequency_of, terms_of

D = date.fromisoformat
KINDS = {
    "merchant_refund": "repayment",
    "credit_balance_refund": "credit_refund",
    "interest_pause": "pause",
    "reamortize": "reschedule",
    "reage": "reschedule",
}


def loan_terms(case: Case, rules: Rules | None = None) -> LoanTerms:
    """The case's terms; where it gives instalments of principal, in those."""
    rules = rules or Rules()
    given = case["terms"].get("installments")
    if given is None:
        return LoanTerms(terms_of(case), rules)
    shares = [(D(row["due_date"]), parse_yuan(row.get("principal") or row["amount"])) for row in given]
    down = case["terms"].get("down_payment")
    begins = case["terms"].get(
        "disbursement_date", "2023-09-01" if "2023" in given[0]["due_date"] else "2024-09-05"
    )
    if down is not None:
        amount = down["amount"] if isinstance(down, dict) else down.split()[0]
        shares.insert(0, (D(begins), parse_yuan(amount)))
    schedule = Terms(
        principal_fen=sum(fen for _, fen in shares),
        rate=annual_rate_of(case["terms"] | {"annual_rate_pct": case["terms"].get("annual_rate_pct", "0")}),
        method=Method.EQUAL_INSTALMENT,
        periods=len(shares),
        frequency=frequency_of({}),
        disbursed_on=D(begins),
    )
    return LoanTerms(schedule, rules, tuple(shares))


def facts_of(
    case: Case, terms: LoanTerms, extra: dict[int, dict[str, Any]] | None = None
) -> list[Transaction]:
    """The case's transactions; the first disbursement where it names none, and a down payment that was paid.

    `extra` adds fields to the nth transaction of the case.
    """
    begins = terms.schedule.disbursed_on
    given = [t for t in case["transactions"] if t["type"] != "close_of_business"]
    facts: list[Transaction] = []
    if not any(t["type"] == "disbursement" and D(t["date"]) <= begins for t in given):
        facts.append(lent(terms, begins))
    if "down_payment" in case["terms"]:
        facts.append(paid(1, begins, terms.shares[0][1]))
    for n, each in enumerate(given):
        facts.append(fact(len(facts), each, terms, (extra or {}).get(n)))
    return facts


def lent(terms: LoanTerms, on: date) -> Transaction:
    return Transaction(
        ref="lent", kind=Kind.DISBURSEMENT, on=on, recorded=0, amount_fen=terms.schedule.principal_fen
    )


def paid(recorded: int, on: date, amount_fen: int, **given: Any) -> Transaction:
    return Transaction(
        ref=f"paid {recorded}", kind=Kind.REPAYMENT, on=on, recorded=recorded, amount_fen=amount_fen, **given
    )


def fact(
    recorded: int, each: dict[str, Any], terms: LoanTerms, extra: dict[str, Any] | None = None
) -> Transaction:
    day = each.get("date") or each.get("effective_date") or each.get("start")
    assert day is not None
    ours: dict[str, Any] = {
        "ref": each.get("ref", f"{each['type']} {recorded}"),
        "kind": Kind(KINDS.get(each["type"], each["type"])),
        "on": D(day),
        "recorded": recorded,
        "amount_fen": parse_yuan(each["amount"]) if "amount" in each else 0,
        "reverses": each.get("of"),
    }
    if "annual_rate_pct" in each:
        rate = terms.schedule.rate
        assert isinstance(rate, AnnualRate)
        ours["rate"] = AnnualRate(Decimal(each["annual_rate_pct"]) / 100, rate.day_count)
    if "end" in each:
        ours["due_on"] = D(each["end"])
    if each["type"] == "merchant_refund" and "ref" in each:
        ours["ahead"] = Ahead.SPREAD
    return Transaction(**(ours | (extra or {})))


def told(
    case: Case, as_of: str, rules: Rules | None = None, extra: dict[int, dict[str, Any]] | None = None
) -> Loan:
    """The case's loan on a day."""
    terms = loan_terms(case, rules)
    return replay(terms, facts_of(case, terms, extra), D(as_of))


def shown_rows(loan: Loan) -> list[dict[str, Any]]:
    """Our rows with every column that a golden row may have. Principal repaid on top of a row counts as that row's."""
    return [
        {
            "n": row.n,
            "due_date": row.due_on.isoformat(),
            "days": row.days,
            "principal": format_yuan(row.asked.principal_fen + row.prepaid_fen),
            "interest": format_yuan(row.asked.interest_fen),
            "fee": format_yuan(row.asked.fee_fen),
            "penalty": format_yuan(row.asked.penalty_fen),
            "due": format_yuan(row.due_fen),
            "paid": format_yuan(row.paid_fen),
            "remaining": format_yuan(row.due_fen - row.paid_fen),
            "in_advance": format_yuan(row.early_fen),
            "late": format_yuan(row.late_fen),
            "outstanding": format_yuan(row.outstanding_fen),
            "paid_date": row.settled_on.isoformat() if row.settled_on and row.paid_fen else "",
        }
        for row in loan.rows
    ]


def differences(loan: Loan, case: Case) -> dict[tuple[int, str], tuple[str, str]]:
    """Where our rows differ from the case's: (row, column) -> (theirs, ours)."""
    theirs = [row for row in case["expected"]["rows"] if row.get("n") != ""]
    ours = shown_rows(loan)
    assert len(theirs) == len(ours)
    return {
        (row["n"], column): (expected[column], row[column])
        for expected, row in zip(theirs, ours, strict=True)
        for column in expected
        if column in row and expected[column] != row[column]
    }
