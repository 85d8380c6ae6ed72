"""Lives of loans as tables a risk officer could check by hand: 12,000.00 at 0.05 % a day unless said otherwise."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from finance.dates import MONTHLY
from finance.loan import Ahead, Kind, Loan, LoanError, LoanTerms, Reschedule, Rules, Status, Transaction
from finance.money import format_yuan, parse_yuan, round_fen
from finance.rates import DailyRate
from finance.replay import replay
from finance.schedule import Fee, FeeKind, Method, Terms

D = date.fromisoformat
LENT_ON = "2026-01-10"
PENALTY = DailyRate(Decimal("0.00075"))
TAOBAO_FEES = ((3, Decimal("0.02")), (9, Decimal("0.01")))


def terms(method: Method = Method.EQUAL_PRINCIPAL, **given: Any) -> LoanTerms:
    rules = {name: given.pop(name) for name in list(given) if name in Rules.__slots__}
    schedule: dict[str, Any] = {
        "principal_fen": 12_000_00,
        "rate": DailyRate(Decimal("0.0005")),
        "method": method,
        "periods": 12,
        "frequency": MONTHLY,
        "disbursed_on": D(LENT_ON),
    }
    return LoanTerms(Terms(**(schedule | given)), Rules(**rules))


def happened(*facts: tuple[Any, ...]) -> list[Transaction]:
    """(day, kind, amount or None, other fields): after the disbursement."""
    told = [Transaction(ref="lent", kind=Kind.DISBURSEMENT, on=D(LENT_ON), recorded=0, amount_fen=12_000_00)]
    for n, (day, kind, amount, *rest) in enumerate(facts, start=1):
        fields = rest[0] if rest else {}
        told.append(
            Transaction(
                ref=str(n),
                kind=kind,
                on=D(day),
                recorded=n,
                amount_fen=parse_yuan(amount) if amount else 0,
                **fields,
            )
        )
    return told


def on(day: str, given: LoanTerms, *facts: tuple[Any, ...]) -> Loan:
    return replay(given, happened(*facts), D(day))


def rows(loan: Loan, first: int, last: int) -> list[tuple[str, str, str, str]]:
    return [
        (
            row.due_on.isoformat(),
            format_yuan(row.asked.principal_fen),
            format_yuan(row.asked.interest_fen),
            format_yuan(row.unpaid.total_fen),
        )
        for row in loan.rows[first - 1 : last]
    ]


# Penalty: 1,000.00 due on 10 February; 0.075 % a day from the 11th.
@pytest.mark.parametrize(
    ("day", "grace_days", "penalty"),
    [
        ("2026-02-10", 0, "0.00"),
        ("2026-02-11", 0, "0.00"),
        ("2026-02-12", 0, "0.75"),
        ("2026-02-16", 0, "3.75"),
        ("2026-02-13", 3, "0.00"),
        ("2026-02-14", 3, "2.25"),
        ("2026-02-16", 3, "3.75"),
    ],
)
def test_penalty_runs_on_late_principal(day: str, grace_days: int, penalty: str) -> None:
    loan = on(day, terms(penalty=PENALTY, grace_days=grace_days))
    assert format_yuan(round_fen(loan.accrued_penalty_fen)) == penalty


def test_a_late_payment_pays_the_penalty_first_and_ends_it() -> None:
    # 31 days at 0.05 % on 12,000 are 186.00; five days at 0.075 % on 1,000 are 3.75.
    loan = on("2026-03-01", terms(penalty=PENALTY), ("2026-02-16", Kind.REPAYMENT, "1189.75"))
    parts = loan.allocations[-1].parts
    assert (parts.penalty_fen, parts.interest_fen, parts.principal_fen) == (3_75, 186_00, 1_000_00)
    assert loan.days_past_due == loan.accrued_penalty_fen == 0
    assert loan.rows[0].late_fen == 1_189_75


def test_less_than_is_due_leaves_principal_late() -> None:
    loan = on("2026-02-20", terms(penalty=PENALTY), ("2026-02-16", Kind.REPAYMENT, "689.75"))
    assert rows(loan, 1, 1) == [("2026-02-10", "1000.00", "186.00", "500.00")]
    assert (loan.days_past_due, round_fen(loan.accrued_penalty_fen)) == (10, 1_50)
    assert loan.overdue.total_fen == 500_00


# The fee of prepaying: 2 % in periods 1 to 3, 1 % in 4 to 9, then none; inside the amount. Interest of the period is due
# with its row, so a prepayment is all principal.
@pytest.mark.parametrize(
    ("day", "amount", "principal", "fee"),
    [
        ("2026-01-20", "1020.00", "1000.00", "20.00"),
        ("2026-05-20", "1010.00", "1000.00", "10.00"),
        ("2026-11-20", "1000.00", "1000.00", "0.00"),
    ],
)
def test_the_fee_of_a_prepayment(day: str, amount: str, principal: str, fee: str) -> None:
    paid_until_then = [
        (row.due_on.isoformat(), Kind.REPAYMENT, format_yuan(row.due_fen))
        for row in on(LENT_ON, terms()).rows
        if row.due_on <= D(day)
    ]
    given = terms(prepayment_fees=TAOBAO_FEES, ahead=Ahead.HOLD)
    parts = on(day, given, *paid_until_then, (day, Kind.PREPAYMENT, amount)).allocations[-1].parts
    assert (format_yuan(parts.principal_fen), format_yuan(parts.fee_fen)) == (principal, fee)


def test_a_prepayment_reduces_the_instalment_or_shortens_the_term() -> None:
    paid = ("2026-01-10", Kind.PREPAYMENT, "6000.00")
    reduced = on(LENT_ON, terms(prepaid=Ahead.REDUCE), paid)
    assert {row.asked.principal_fen for row in reduced.rows} == {500_00}
    shortened = on(LENT_ON, terms(prepaid=Ahead.SHORTEN), paid)
    assert [row.asked.principal_fen for row in shortened.rows] == [1_000_00] * 6 + [0] * 6
    # A day of interest on what was lent and repaid the same day: 6,000 at 0.05 %.
    assert reduced.accrued_interest_fen == 3_00


def test_money_held_for_what_falls_due() -> None:
    given = terms(ahead=Ahead.HOLD, prepayment_fees=((1200, Decimal("0.03")),))
    early = on("2026-02-09", given, ("2026-01-20", Kind.REPAYMENT, "1500.00"))
    assert (early.outstanding.principal_fen, early.credit_fen) == (12_000_00, 1_500_00)
    due = on("2026-02-10", given, ("2026-01-20", Kind.REPAYMENT, "1500.00"))
    assert (due.outstanding.total_fen, due.credit_fen) == (11_000_00, 314_00)
    # 3 % of 11,000.00 not due yet, less the credit.
    assert (due.payoff.prepayment_fee_fen, due.payoff.total_fen) == (330_00, 11_016_00)


def test_a_new_due_day() -> None:
    change = ("2026-02-12", Kind.DUE_DAY_CHANGE, None, {"due_day": 25})
    loan = on("2026-02-12", terms(), ("2026-02-10", Kind.REPAYMENT, "1186.00"), change)
    # 15 days from 10 to 25 February on 11,000.00: 82.50.
    assert rows(loan, 2, 3) == [
        ("2026-02-25", "1000.00", "82.50", "1082.50"),
        ("2026-03-25", "1000.00", "140.00", "1140.00"),
    ]
    assert len(loan.rows) == 12


def test_an_extension_shares_the_principal_anew() -> None:
    more = ("2026-02-20", Kind.RESCHEDULE, None, {"mode": Reschedule.EXTEND, "periods": 12})
    loan = on("2026-02-20", terms(), more)
    assert len(loan.rows) == 24
    assert loan.rows[0].due_fen == 0
    # 23 rows repay 12,000.00; the interest that was overdue is due with the next one.
    assert loan.rows[1].asked.principal_fen == 521_74
    assert loan.rows[1].asked.interest_fen == 186_00 + 168_00
    assert loan.days_past_due == 0
    assert loan.rows[-1].due_on == D("2028-01-10")


def test_a_charge_off_is_the_loss_and_a_write_off_after_it_is_none() -> None:
    given_up = ("2026-02-20", Kind.CHARGE_OFF, None)
    loan = on("2026-03-01", terms(), given_up)
    assert (loan.status, loan.books.lost.total_fen) == (Status.CHARGED_OFF, 12_000_00 + 186_00 + 60_00)
    later = on("2026-03-01", terms(), given_up, ("2026-02-25", Kind.WRITE_OFF, None))
    assert (later.status, later.books.lost) == (Status.WRITTEN_OFF, loan.books.lost)
    back = on("2026-03-01", terms(), given_up, ("2026-02-26", Kind.RECOVERY, "246.00"))
    assert (back.books.recovered_fen, back.outstanding.total_fen) == (246_00, 12_000_00)


def test_upfront_fees_are_kept_back_and_row_fees_end_with_the_principal() -> None:
    fees = (Fee(FeeKind.UPFRONT, Decimal("0.01")), Fee(FeeKind.PER_PERIOD, Decimal("0.001")))
    loan = on("2026-02-10", terms(fees=fees))
    assert (loan.books.kept_fee_fen, loan.outstanding.fee_fen) == (120_00, 12_00)
    quoted = loan.payoff
    ended = on("2026-02-10", terms(fees=fees), ("2026-02-10", Kind.PAYOFF, format_yuan(quoted.total_fen)))
    assert ended.status is Status.CLOSED
    assert sum(row.asked.fee_fen for row in ended.rows) == 12_00


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        (Kind.REPAYMENT, {}, "amount"),
        (Kind.RATE_CHANGE, {}, "rate"),
        (Kind.PAUSE, {}, "due_on"),
        (Kind.PAUSE, {"due_on": D("2026-01-01")}, "until"),
        (Kind.RESCHEDULE, {}, "mode"),
        (Kind.RESCHEDULE, {"mode": Reschedule.REAGE}, "due_on"),
        (Kind.RESCHEDULE, {"mode": Reschedule.EXTEND}, "periods"),
        (Kind.REVERSAL, {}, "reverses"),
        (Kind.DUE_DAY_CHANGE, {"due_day": 32}, "due_day"),
        (Kind.CHARGE, {"amount_fen": 1, "component": "principal"}, "component"),
    ],
)
def test_a_fact_that_lacks_what_it_needs(kind: Kind, given: dict[str, Any], field: str) -> None:
    with pytest.raises(LoanError) as refused:
        Transaction(ref="x", kind=kind, on=D("2026-02-01"), recorded=1, **given)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ([("2026-01-01", Kind.REPAYMENT, "1.00")], "nothing was disbursed by then"),
        ([("2027-02-01", Kind.DISBURSEMENT, "1.00")], "matured"),
        ([("2026-02-01", Kind.CHARGE_OFF, None), ("2026-02-02", Kind.CHARGE_OFF, None)], "given up before"),
        ([("2026-02-01", Kind.REVERSAL, None, {"reverses": "nothing"})], "cannot be reversed"),
        ([("2027-02-01", Kind.DUE_DAY_CHANGE, None, {"due_day": 5})], "no instalment is left"),
    ],
)
def test_what_cannot_have_happened(facts: list[tuple[Any, ...]], message: str) -> None:
    with pytest.raises(LoanError, match=message):
        on("2027-06-01", terms(), *facts)


def test_flat_interest_is_not_serviced() -> None:
    with pytest.raises(LoanError, match="quoted, not serviced"):
        terms(Method.FLAT)


def test_a_payoff_pays_what_a_reaging_moved_onto_the_next_row() -> None:
    start_over = {"mode": Reschedule.REAGE, "due_on": D("2026-03-20"), "periods": 6}
    reaged = ("2026-02-20", Kind.RESCHEDULE, None, start_over)
    quoted = on("2026-02-25", terms(), reaged).payoff.total_fen
    # 12,000.00, 186.00 that were overdue, 15 days since 10 February: 90.00.
    assert format_yuan(quoted) == "12276.00"
    ended = on("2026-02-25", terms(), reaged, ("2026-02-25", Kind.PAYOFF, format_yuan(quoted)))
    assert (ended.status, ended.credit_fen) == (Status.CLOSED, 0)


def test_no_row_asks_for_more_than_is_owed_where_money_was_shared_by_rows_that_fall_away() -> None:
    # 12,000.00 in two rows: half is prepaid, which leaves the second row nothing; what was shared with it pays the first.
    facts = (
        ("2026-01-10", Kind.PREPAYMENT, "7000.00"),
        ("2026-01-11", Kind.REPAYMENT, "100.00"),
    )
    given = terms(periods=2, ahead=Ahead.SPREAD, prepaid=Ahead.SHORTEN)
    loan = on("2026-02-10", given, *facts)
    assert loan.rows[0].unpaid.principal_fen == loan.outstanding.principal_fen == 4_900_00
