"""What every loan keeps to, whatever happens to it and in whatever order it is told."""

from __future__ import annotations

import os
from dataclasses import astuple
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finance.dates import MONTHLY
from finance.daycount import DayCount
from finance.loan import (
    MONEY_IN,
    Accrues,
    Ahead,
    Kind,
    Loan,
    LoanError,
    LoanTerms,
    Parts,
    Rules,
    Status,
    Stretch,
    Transaction,
)
from finance.money import round_fen
from finance.rates import AnnualRate, DailyRate
from finance.replay import foresee, replay
from finance.schedule import Method, Terms
from tests.properties.loan_lives import FIRST_DAY, METHODS, lives

# LIVES=10000 tells that many, and other ones each time.
LIVES = int(os.environ.get("LIVES", "0"))
telling = settings(max_examples=LIVES or 150, derandomize=not LIVES, deadline=None, database=None)


@telling
@given(lives(), st.randoms())
def test_the_order_in_which_facts_come_does_not_matter(life, dice) -> None:  # type: ignore[no-untyped-def]
    terms, facts, as_of = life
    told = replay(terms, facts, as_of)
    shuffled = list(facts)
    dice.shuffle(shuffled)
    assert replay(terms, shuffled, as_of) == told


@telling
@given(lives(), st.data())
def test_what_is_reversed_never_happened(life, data) -> None:  # type: ignore[no-untyped-def]
    terms, facts, _ = life
    gone = data.draw(st.sampled_from(facts))
    as_of = max(fact.on for fact in facts) + timedelta(days=data.draw(st.integers(0, 90)))
    reversal = Transaction(
        ref="undone", kind=Kind.REVERSAL, on=as_of, recorded=len(facts) + 99, reverses=gone.ref
    )
    without = [fact for fact in facts if fact is not gone]
    try:
        expected = replay(terms, without, as_of)
    except LoanError:
        with pytest.raises(LoanError):
            replay(terms, [*facts, reversal], as_of)
        return
    assert replay(terms, [*facts, reversal], as_of) == expected


@telling
@given(lives())
def test_principal_adds_up_and_nothing_is_negative(life) -> None:  # type: ignore[no-untyped-def]
    terms, facts, as_of = life
    loan = replay(terms, facts, as_of)
    lent_fen = loan.books.lent_fen
    assert sum(row.asked.principal_fen + row.prepaid_fen for row in loan.rows) == lent_fen
    for row in loan.rows:
        for parts in (row.asked, row.paid, row.unpaid):
            assert min(astuple(parts)) >= 0, row
        assert row.starts_on <= row.due_on
        assert min(row.prepaid_fen, row.outstanding_fen, row.early_fen, row.late_fen) >= 0, row
    assert min(astuple(loan.outstanding) + astuple(loan.books.lost) + astuple(loan.books.paid)) >= 0
    assert min(loan.credit_fen, loan.books.recovered_fen, loan.books.refunded_fen) >= 0
    assert [row.n for row in loan.rows] == list(range(1, len(loan.rows) + 1))
    if not any(fact.kind in (Kind.RESCHEDULE, Kind.CHARGE) for fact in facts):
        assert len(loan.rows) == terms.schedule.periods


@telling
@given(lives())
def test_the_books_balance(life) -> None:  # type: ignore[no-untyped-def]
    terms, facts, as_of = life
    loan = replay(terms, facts, as_of)
    books = loan.books
    came_in = sum(fact.amount_fen for fact in facts if fact.on <= as_of and fact.kind in MONEY_IN)
    assert came_in == books.paid.total_fen + books.recovered_fen + books.credit_fen + books.refunded_fen
    owed = Parts(books.lent_fen) + books.billed - books.paid - books.lost
    if loan.status in (Status.CHARGED_OFF, Status.WRITTEN_OFF):
        assert owed == Parts()
        assert loan.outstanding.total_fen == books.lost.total_fen - books.recovered_fen
        assert loan.accrued_interest_fen == loan.accrued_penalty_fen == 0
    else:
        assert owed == loan.outstanding
    paid = Parts()
    for each in loan.allocations:
        paid += each.parts
    assert paid.total_fen <= books.paid.total_fen  # credit pays too, when something falls due


@telling
@given(lives())
def test_interest_is_what_its_stretches_say(life) -> None:  # type: ignore[no-untyped-def]
    terms, facts, as_of = life
    loan = replay(terms, facts, as_of)
    if any(fact.kind is Kind.DISBURSEMENT and fact.ref != "0" for fact in facts) or any(
        fact.kind in MONEY_IN and fact.on == FIRST_DAY for fact in facts
    ):
        return  # principal repaid on the day it was lent costs a day that no stretch holds
    if any(fact.kind in (Kind.DUE_DAY_CHANGE, Kind.RESCHEDULE) for fact in facts) or not _by_days(terms):
        return
    exact = Fraction(0)
    for stretch in loan.stretches:
        if stretch.kind is Accrues.INTEREST and stretch.since < as_of:
            until = min(stretch.until or as_of, as_of)
            exact += stretch.principal_fen * stretch.rate.factor(stretch.since, until)
    booked = loan.books.billed.interest_fen + loan.accrued_interest_fen
    rounded = 1 + sum(row.billed for row in loan.rows)
    assert abs(exact - booked) <= rounded
    for earlier, later in zip(loan.stretches, loan.stretches[1:], strict=False):
        if earlier.kind is later.kind:
            assert earlier.until is not None
            assert earlier.until <= later.since


def _by_days(terms: LoanTerms) -> bool:
    rate = terms.schedule.rate
    return isinstance(rate, DailyRate) or rate.day_count in (DayCount.ACTUAL_365, DayCount.ACTUAL_360)


@telling
@given(lives())
def test_the_quoted_payoff_ends_the_loan(life) -> None:  # type: ignore[no-untyped-def]
    terms, facts, as_of = life
    facts = [fact for fact in facts if fact.on <= as_of]
    loan = replay(terms, facts, as_of)
    if loan.status is not Status.ACTIVE or not loan.payoff.total_fen:
        return
    payoff = Transaction(
        ref="payoff", kind=Kind.PAYOFF, on=as_of, recorded=999, amount_fen=loan.payoff.total_fen
    )
    ended = replay(terms, [*facts, payoff], as_of)
    assert (ended.status, ended.outstanding.total_fen, ended.credit_fen) == (Status.CLOSED, 0, 0)
    later = replay(terms, [*facts, payoff], as_of + timedelta(days=700))
    assert (later.status, later.outstanding.total_fen) == (Status.CLOSED, 0)


@telling
@given(lives(), st.integers(0, 500))
def test_the_future_foretold_is_the_one_that_comes_when_nothing_happens(life, days) -> None:  # type: ignore[no-untyped-def]
    terms, facts, as_of = life
    facts = [fact for fact in facts if fact.on <= as_of]
    loan, future = foresee(terms, facts, as_of)
    assert loan == replay(terms, facts, as_of)
    day = as_of + timedelta(days=days)
    later = replay(terms, facts, day)
    come = [coming for coming in future.coming if coming.row.due_on <= day]
    assert [row for row in later.rows if row.billed][len(loan.rows) - len(future.coming) :] == [
        coming.row for coming in come
    ]
    billed = loan.books.billed
    for coming in come:
        billed += Parts(0, coming.interest_fen, coming.fee_fen)
    assert later.books.billed.interest_fen == billed.interest_fen
    assert later.books.billed.fee_fen == billed.fee_fen
    credited = loan.books.from_credit
    for coming in come:
        credited += coming.from_credit
    assert later.books.from_credit == credited
    if come:
        assert later.status is come[-1].status
    for kind in Accrues:
        running = [
            s
            for s in future.stretches
            if s.kind is kind and s.since <= day and (not s.until or s.until > day)
        ]
        exact = sum((_owed(s, day) for s in running), Fraction(0))
        if _by_days(terms) and not any(fact.kind is Kind.DUE_DAY_CHANGE for fact in facts):
            expected = later.accrued_interest_fen if kind is Accrues.INTEREST else later.accrued_penalty_fen
            assert exact == expected or (not running and round_fen(expected) == 0)


def _owed(stretch: Stretch, on: date) -> Fraction:
    return stretch.carried_fen + stretch.principal_fen * stretch.rate.factor(stretch.since, on)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ahead", [Ahead.NEXT, Ahead.REDUCE, Ahead.SHORTEN, Ahead.HOLD])
def test_the_cost_is_proportional_to_what_happened(method: Method, ahead: Ahead) -> None:
    """Steps of the replay, not seconds: 2,000 events take at most four times the steps of 500."""
    assert _steps(2_000, method, ahead) <= 4 * _steps(500, method, ahead) + 200
    assert _steps(2_000, method, ahead) < 80_000


def _steps(events: int, method: Method, ahead: Ahead) -> int:
    schedule = Terms(
        principal_fen=10_000_000_00,
        rate=AnnualRate(Decimal("0.12"), DayCount.ACTUAL_365),
        method=method,
        periods=24,
        frequency=MONTHLY,
        disbursed_on=FIRST_DAY,
    )
    terms = LoanTerms(schedule, Rules(ahead=ahead, penalty=DailyRate(Decimal("0.0006"))))
    facts = [Transaction(ref="0", kind=Kind.DISBURSEMENT, on=FIRST_DAY, recorded=0, amount_fen=10_000_000_00)]
    for n in range(1, events):
        on = FIRST_DAY + timedelta(days=n * 700 // events)
        kind = Kind.PREPAYMENT if n % 3 else Kind.REPAYMENT
        facts.append(Transaction(ref=str(n), kind=kind, on=on, recorded=n, amount_fen=1_000_00 + n))
    return replay(terms, facts, FIRST_DAY + timedelta(days=701)).operations


def test_10_000_for_15_days_by_the_day_cost_90_or_72_when_repaid_in_parts() -> None:
    """随借随还 at 0.06 % a day. Source: DOMAIN 3."""
    assert _by_the_day() == (90_00, Status.CLOSED)
    assert _by_the_day((5, 2_000_00), (10, 2_000_00)) == (72_00, Status.CLOSED)


def _by_the_day(*parts: tuple[int, int]) -> tuple[int, Status]:
    schedule = Terms(
        principal_fen=10_000_00,
        rate=DailyRate(Decimal("0.0006")),
        method=Method.ONE_OFF,
        periods=12,
        frequency=MONTHLY,
        disbursed_on=FIRST_DAY,
    )
    terms, end = LoanTerms(schedule), FIRST_DAY + timedelta(days=15)
    facts = [Transaction(ref="0", kind=Kind.DISBURSEMENT, on=FIRST_DAY, recorded=0, amount_fen=10_000_00)]
    for n, (day, fen) in enumerate(parts, start=1):
        on = FIRST_DAY + timedelta(days=day)
        facts.append(Transaction(ref=str(n), kind=Kind.REPAYMENT, on=on, recorded=n, amount_fen=fen))
    quoted = replay(terms, facts, end).payoff.total_fen
    facts.append(Transaction(ref="end", kind=Kind.PAYOFF, on=end, recorded=99, amount_fen=quoted))
    loan: Loan = replay(terms, facts, end)
    return round_fen(loan.books.paid.interest_fen), loan.status
