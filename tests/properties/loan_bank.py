"""A bank of loans that live by dice, and what its rows, its ledger and its daily income are compared with: the engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from finance.errors import DomainError
from finance.loan import Ahead, LoanTerms, Reschedule
from finance.loan import Loan as LoanOnDay
from finance.money import round_fen
from finance.replay import replay
from ledger.audit import verify
from ledger.sql import fetch_all
from lending.classification import category
from lending.models import Accrual, Instalment, Loan, LoanTransaction, Product, Segment
from lending.selectors import facts_by_loan, loan_on, terms_of
from lending.services import servicing
from lending.services.books import accounts_of, differences, meant, posted_by_loan
from operations.audit import CHECKS
from operations.services.closing import close_day, set_business_date
from tests.loan_world import a_wish, lent

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


@dataclass(frozen=True)
class Span:
    """
    The days that a bank of loans lives through: they are lent within so many days of the first, something happens to a loan
    on a day with this chance, and all are compared whenever so many days have passed.
    """

    first: date
    last: date
    lent_within: int
    chance: float
    compared_every: int


class Borrower:
    """One loan and what happens to it, by dice of its own: its seed tells it again."""

    def __init__(self, seed: int, span: Span) -> None:
        self.seed, self.chance, self.n = seed, span.chance, 0
        self.dice = Random(seed)
        self.lent_on = span.first + self.dice.randrange(span.lent_within) * DAY
        amount_fen = self.dice.randrange(2_000_00, 90_000_00)
        self.wish = a_wish(**({"amount_fen": amount_fen} | WISHES[seed % len(WISHES)]))

    def live(self, on: date) -> None:
        """Mostly nothing; what cannot be is refused and changes nothing."""
        if on == self.lent_on:
            self.loan = lent(self.wish, on=on)
        if on < self.lent_on or self.dice.random() > self.chance:
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


def expected_books(told: LoanOnDay) -> dict[str, int]:
    books = told.books
    return {
        "principal": books.lent_fen - books.paid.principal_fen - books.lost.principal_fen,
        "interest": books.billed.interest_fen - books.paid.interest_fen - books.lost.interest_fen,
        "fee": books.billed.fee_fen - books.paid.fee_fen - books.lost.fee_fen,
        "penalty": books.billed.penalty_fen - books.paid.penalty_fen - books.lost.penalty_fen,
        "credit": books.credit_fen,
    }


class Stored:
    """What the database says of loans as a day begins, read of all of them at once."""

    def __init__(self, loan_ids: Sequence[int]) -> None:
        loans = Loan.objects.select_related("product", "terms").filter(pk__in=loan_ids)
        self.loans = {loan.pk: loan for loan in loans}
        self.facts, self.posted = facts_by_loan(self.loans), posted_by_loan(list(self.loans.values()))
        self.rows: dict[int, list[Instalment]] = defaultdict(list)
        for row in Instalment.objects.filter(loan_id__in=loan_ids, billed=True).order_by("loan_id", "n"):
            self.rows[row.loan_id].append(row)
        self.segments: dict[tuple[int, str], list[Segment]] = defaultdict(list)
        for segment in Segment.objects.filter(loan_id__in=loan_ids):
            self.segments[segment.loan_id, segment.kind].append(segment)
        accounts = [account for loan in self.loans.values() for account in accounts_of(loan)]
        self.balances: dict[int, int] = dict(
            fetch_all(
                "SELECT id, debits_posted_fen - credits_posted_fen FROM ledger_account WHERE id = ANY(%s)",
                [accounts],
            )
        )

    def booked(self, loan: Loan) -> dict[str, int]:
        """What stands on the loan's accounts."""
        stands = self.balances
        return {
            "principal": stands[loan.principal_account_id],
            "interest": stands[loan.interest_account_id],
            "fee": stands[loan.fee_account_id],
            "penalty": stands[loan.penalty_account_id],
            "credit": -stands[loan.credit_account_id],
        }

    def owed_by_segments(self, loan_id: int, kind: str, on: date) -> Fraction:
        """Interest by the stored segments as the day begins, exactly."""
        return sum(
            (
                Fraction(s.carried + s.principal_fen * s.rate * (on - s.since).days) / s.year_days
                for s in self.segments[loan_id, kind]
                if s.since < on and (s.until is None or s.until >= on)
            ),
            Fraction(0),
        )

    def compared(self, loan_id: int, on: date) -> tuple[LoanTerms, LoanOnDay]:
        """The loan's rows and accounts on a day that has just begun are the engine's; what was signed, and what it says."""
        loan, facts = self.loans[loan_id], self.facts[loan_id]
        terms = terms_of(loan)
        told = replay(terms, facts, on)
        assert self.booked(loan) == expected_books(told), loan.pk
        assert differences(self.posted[loan_id], meant(loan, told.books, facts, on)) == ()
        assert (loan.status, loan.classification) == (told.status.value, category(told.days_past_due)), (
            loan.pk
        )
        assert [
            (r.n, r.due_on, r.principal_fen, r.interest_fen, r.fee_fen, r.penalty_fen, r.unpaid_fen, r.prepaid_fen)
            for r in self.rows[loan_id]
        ] == [
            (r.n, r.due_on, r.asked.principal_fen, r.asked.interest_fen, r.asked.fee_fen, r.asked.penalty_fen,
             r.unpaid.total_fen, r.prepaid_fen)
            for r in told.rows if r.billed
        ], loan.pk  # fmt: skip
        return terms, told


class Bank:
    """The loans of these seeds, in a database of which they are the only ones."""

    def __init__(self, seeds: range, span: Span) -> None:
        self.span = span
        self.borrowers = [Borrower(seed, span) for seed in seeds]

    def live(self) -> str:
        """Lives through the span, comparing all loans on some days and at last; what it was, in a sentence."""
        day, compared = self.span.first, 0
        set_business_date(on=day)
        while day < self.span.last:
            for borrower in self.borrowers:
                with _told(borrower, day):
                    borrower.live(day)
            list(close_day(closed_on=day))
            day += DAY
            if (day - self.span.first).days % self.span.compared_every == 0 or day == self.span.last:
                self._compare(day)
                compared += 1
        broken = [finding for finding in verify(CHECKS) if not finding.holds]
        assert not broken, [(finding.check.name, finding.faults[:3]) for finding in broken]
        first, last = self.borrowers[0].seed, self.borrowers[-1].seed
        return (
            f"{len(self.borrowers)} loans, seeds {first} to {last}, {self.span.first} to {self.span.last}: "
            f"{LoanTransaction.objects.count()} facts; each loan compared {compared} times: rows, accounts and income "
            "equal to the engine to the fen, books proved"
        )

    def _compare(self, on: date) -> None:
        """Each loan with the engine, and each product's income of the day with the rounded whole of what its loans owe."""
        standing: dict[tuple[int, str], Fraction] = {}
        lent_to = [borrower for borrower in self.borrowers if borrower.lent_on < on]
        stored = Stored([borrower.loan.pk for borrower in lent_to])
        for borrower in lent_to:
            loan = borrower.loan
            with _told(borrower, on):
                terms, told = stored.compared(loan.pk, on)
                # What begins on this day, the engine has already and the segments with the day's close: a row that falls due,
                # and the penalty of one whose grace is over.
                begins = {on, on - (terms.rules.grace_days + 1) * DAY}
                for kind, exact in (
                    ("interest", told.accrued_interest_fen),
                    ("penalty", told.accrued_penalty_fen),
                ):
                    owed = stored.owed_by_segments(loan.pk, kind, on)
                    if not any(row.due_on in begins for row in told.rows if row.billed):
                        assert owed == exact or (owed == 0 and round_fen(exact) == 0), kind
                    key = loan.product_id, kind
                    standing[key] = standing.get(key, Fraction(0)) + owed
        for product in Product.objects.all():
            for kind in ("interest", "penalty"):
                row = Accrual.objects.filter(product=product, kind=kind, closed_on=on - DAY).first()
                exact = standing.get((product.pk, kind), Fraction(0))
                assert (row.accrued_fen if row else 0) == round_fen(exact), (product.code, kind, on)


@contextmanager
def _told(borrower: Borrower, on: date) -> Iterator[None]:
    """Where something is wrong with a loan, its seed is told, which is enough to have it again, and its facts."""
    try:
        yield
    except Exception as error:  # whatever it is
        facts = [
            (fact.kind, str(fact.value_on), str(fact.booked_on), fact.amount_fen, fact.detail, fact.reference)
            for fact in LoanTransaction.objects.filter(loan=borrower.loan).order_by("pk")
        ]
        lines = "\n".join(map(str, facts))
        pytest.fail(f"SEED={borrower.seed} PORTFOLIO=1, on {on}: {error!r}\n{borrower.wish}\n{lines}")
