"""A bank of loans lives for months; what its rows, its ledger and its daily income say is what the engine says."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from finance.errors import DomainError
from finance.loan import Ahead, Reschedule
from finance.loan import Loan as LoanOnDay
from finance.money import round_fen
from finance.replay import replay
from ledger.audit import verify
from ledger.sql import fetch_all, value
from lending.classification import category
from lending.models import Accrual, Instalment, Loan, LoanTransaction, Product, Segment
from lending.selectors import facts_of, loan_on, terms_of
from lending.services import servicing
from lending.services.books import differences, meant, posted
from operations import audit
from operations.services.closing import close_day, set_business_date
from tests.loan_world import a_wish, lent

pytestmark = pytest.mark.django_db

# PORTFOLIO=10000 lives through that many loans, and other ones each time.
PORTFOLIO = int(os.environ.get("PORTFOLIO", "0"))
FIRST_DAY, LAST_DAY = date(2026, 11, 20), date(2027, 5, 20)
DAY = timedelta(days=1)
WISHES: tuple[dict[str, Any], ...] = (
    {"rate": Decimal("0.0005")},
    {"rate": Decimal("0.0006"), "method": "interest_first", "periods": 3},
    {"method": "one_off", "periods": 3},
    {"rate": Decimal("0.00045"), "periods": 6},
    {"product": "order-loan", "method": "one_off", "periods": 1, "unit": "days", "every": 30},
    {"product": "taobao", "method": "equal_principal"},
    {"product": "taobao", "method": "interest_first", "periods": 3},
    {"product": "alibaba", "amount_fen": 51_234_56, "rate": Decimal("0.1825")},
    {"product": "wangshangdai", "periods": 6, "rate": Decimal("0.0004")},
)


class Borrower:
    """One loan and what happens to it, by dice."""

    def __init__(self, loan: Loan, dice: Random) -> None:
        self.loan, self.dice, self.n = loan, dice, 0

    def live(self, on: date) -> None:
        """Mostly nothing; what cannot be is refused and changes nothing."""
        if self.dice.random() > 0.09:
            return
        self.n += 1
        act: Callable[[date], object] = self.dice.choice(
            [
                self.repays,
                self.repays,
                self.repays,
                self.pays_what_is_due,
                self.prepays,
                self.changes,
                self.undoes,
            ]
        )
        with suppress(DomainError):
            act(on)

    def _told(self, on: date) -> dict[str, Any]:
        earlier = self.dice.choice([0, 0, 0, self.dice.randrange(60)])
        value_on = max(on - earlier * DAY, self.loan.disbursed_on or on)
        return {"loan_id": self.loan.pk, "reference": f"act {self.n}", "on": on, "value_on": value_on}

    def repays(self, on: date) -> None:
        amount_fen = self.dice.randrange(1, self.loan.terms.principal_fen // 4)
        servicing.repay(amount_fen=amount_fen, **self._told(on))

    def pays_what_is_due(self, on: date) -> None:
        due = loan_on(self.loan, on)
        unpaid = sum(row.unpaid.total_fen for row in due.rows if row.billed)
        servicing.repay(amount_fen=unpaid + round_fen(due.accrued_penalty_fen), **self._told(on))

    def prepays(self, on: date) -> None:
        if self.dice.random() < 0.3:
            servicing.pay_off(**self._told(on))
            return
        amount_fen = self.dice.randrange(1, self.loan.terms.principal_fen // 2)
        strategy = self.dice.choice([None, Ahead.REDUCE, Ahead.SHORTEN])
        servicing.prepay(amount_fen=amount_fen, strategy=strategy, **self._told(on))

    def changes(self, on: date) -> None:
        told, dice = self._told(on), self.dice
        match dice.randrange(8):
            case 0:
                servicing.charge(
                    amount_fen=dice.randrange(1, 50_00), component=dice.choice(["fee", "penalty"]), **told
                )
            case 1:
                servicing.change_rate(rate=self.loan.terms.rate * dice.randrange(1, 11) / 10, **told)
            case 2:
                servicing.change_due_day(due_day=dice.randrange(1, 32), **told)
            case 3:
                servicing.pause(last_day=told["value_on"] + dice.randrange(40) * DAY, **told)
            case 4:
                servicing.reschedule(mode=Reschedule.REAMORTISE, **told)
            case 5:
                servicing.reschedule(mode=Reschedule.EXTEND, periods=dice.randrange(1, 4), **told)
            case 6:
                first = on + dice.randrange(1, 30) * DAY
                servicing.reschedule(mode=Reschedule.REAGE, periods=4, first_due_on=first, **told)
            case _:
                give_up = dice.choice([servicing.charge_off, servicing.write_off])
                give_up(**told)

    def undoes(self, on: date) -> None:
        facts = list(LoanTransaction.objects.filter(loan=self.loan))
        undoes = self.dice.choice(facts).reference
        servicing.reverse(loan_id=self.loan.pk, undoes=undoes, reference=f"act {self.n}", on=on)


def booked(loan: Loan) -> dict[str, int]:
    """What stands on the loan's accounts."""
    rows = fetch_all(
        "SELECT id, debits_posted_fen - credits_posted_fen FROM ledger_account WHERE id = ANY(%s)",
        [[loan.principal_account_id, loan.interest_account_id, loan.fee_account_id, loan.penalty_account_id,
          loan.credit_account_id]],
    )  # fmt: skip
    stands = dict(rows)
    return {
        "principal": stands[loan.principal_account_id],
        "interest": stands[loan.interest_account_id],
        "fee": stands[loan.fee_account_id],
        "penalty": stands[loan.penalty_account_id],
        "credit": -stands[loan.credit_account_id],
    }


def expected_books(told: LoanOnDay) -> dict[str, int]:
    books = told.books
    return {
        "principal": books.lent_fen - books.paid.principal_fen - books.lost.principal_fen,
        "interest": books.billed.interest_fen - books.paid.interest_fen - books.lost.interest_fen,
        "fee": books.billed.fee_fen - books.paid.fee_fen - books.lost.fee_fen,
        "penalty": books.billed.penalty_fen - books.paid.penalty_fen - books.lost.penalty_fen,
        "credit": books.credit_fen,
    }


def compare(loan: Loan, on: date) -> LoanOnDay:
    """The loan's rows and accounts on a day that has just begun, with the engine's."""
    loan = Loan.objects.select_related("product", "terms").get(pk=loan.pk)
    facts = facts_of(loan)
    told = replay(terms_of(loan), facts, on)
    assert booked(loan) == expected_books(told), loan.pk
    assert differences(posted(loan), meant(loan, told.books, facts, on)) == ()
    assert (loan.status, loan.classification) == (told.status.value, category(told.days_past_due)), loan.pk
    rows = Instalment.objects.filter(loan=loan)
    assert [
        (r.n, r.due_on, r.principal_fen, r.interest_fen, r.fee_fen, r.penalty_fen, r.unpaid_fen, r.prepaid_fen)
        for r in rows if r.billed
    ] == [
        (r.n, r.due_on, r.asked.principal_fen, r.asked.interest_fen, r.asked.fee_fen, r.asked.penalty_fen,
         r.unpaid.total_fen, r.prepaid_fen)
        for r in told.rows if r.billed
    ], loan.pk  # fmt: skip
    return told


def owed_by_segments(loan: Loan, kind: str, on: date) -> Fraction:
    """Interest by the stored segments as the day begins, exactly."""
    return sum(
        (
            Fraction(s.carried + s.principal_fen * s.rate * (on - s.since).days) / s.year_days
            for s in Segment.objects.filter(loan=loan, kind=kind, since__lt=on)
            if s.until is None or s.until >= on
        ),
        Fraction(0),
    )


def test_a_bank_of_loans_says_what_the_engine_says() -> None:
    dice = Random(PORTFOLIO)
    size = PORTFOLIO or 36
    set_business_date(on=FIRST_DAY)
    day, borrowers = FIRST_DAY, [_lent(n, FIRST_DAY, dice) for n in range(size // 2)]
    while day < LAST_DAY:
        if len(borrowers) < size:
            borrowers.append(_lent(len(borrowers), day, dice))
        for borrower in borrowers:
            borrower.live(day)
        list(close_day(closed_on=day))
        day += DAY
        if day.day % 9 == 0:
            _compare_all(borrowers, day)
    _compare_all(borrowers, day)
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []
    debits = value("SELECT sum(amount_fen) FROM ledger_transfer")
    assert debits is not None
    assert debits > 0


def _lent(n: int, on: date, dice: Random) -> Borrower:
    amount_fen = dice.randrange(2_000_00, 90_000_00)
    return Borrower(lent(a_wish(**({"amount_fen": amount_fen} | WISHES[n % len(WISHES)])), on=on), dice)


def _compare_all(borrowers: list[Borrower], on: date) -> None:
    standing: dict[tuple[int, str], Fraction] = {}
    for borrower in borrowers:
        told = compare(borrower.loan, on)
        for kind, exact in (("interest", told.accrued_interest_fen), ("penalty", told.accrued_penalty_fen)):
            stored = owed_by_segments(borrower.loan, kind, on)
            due_today = any(row.due_on == on for row in told.rows if row.billed)
            if not due_today:
                assert stored == exact or (stored == 0 and round_fen(exact) == 0), (borrower.loan.pk, kind)
            key = borrower.loan.product_id, kind
            standing[key] = standing.get(key, Fraction(0)) + stored
    for product in Product.objects.all():
        for kind in ("interest", "penalty"):
            row = Accrual.objects.filter(product=product, kind=kind, closed_on=on - DAY).first()
            exact = standing.get((product.pk, kind), Fraction(0))
            assert (row.accrued_fen if row else 0) == round_fen(exact), (product.code, kind, on)
