"""Bringing the ledger to what the engine says of a loan: only the differences are posted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from finance.loan import Books, Kind, Parts, Transaction, effective
from ledger.chart import CASH_CLEARING, COMMITMENT_CONTROL, LOAN_CLAIM_CONTROL
from ledger.services import Leg
from ledger.sql import fetch_all
from lending.models import Loan, LoanStatus

# Between two accounts: what moved to the first, the one with the smaller id, from the other, less what moved back.
Flows = dict[tuple[int, int], int]

_POSTED = """
SELECT least(debit_account_id, credit_account_id), greatest(debit_account_id, credit_account_id),
       sum(CASE WHEN debit_account_id < credit_account_id THEN amount_fen ELSE -amount_fen END)::bigint
FROM ledger_transfer
WHERE debit_account_id = ANY(%(accounts)s) OR credit_account_id = ANY(%(accounts)s)
GROUP BY 1, 2
"""


def accounts_of(loan: Loan) -> list[int]:
    """The loan's own accounts. Whatever a loan moves touches one of them."""
    return [
        loan.commitment_account_id,
        loan.principal_account_id,
        loan.interest_account_id,
        loan.fee_account_id,
        loan.penalty_account_id,
        loan.credit_account_id,
        loan.claim_account_id,
    ]


def posted(loan: Loan) -> Flows:
    """What the ledger has of the loan."""
    return posted_by_loan([loan])[loan.pk]


def posted_by_loan(loans: Sequence[Loan]) -> dict[int, Flows]:
    """What the ledger has of each of these loans, in one statement. What moved between two of them, it has of both."""
    of_loan = {account: loan.pk for loan in loans for account in accounts_of(loan)}
    flows: dict[int, Flows] = {loan.pk: {} for loan in loans}
    for first, second, fen in fetch_all(_POSTED, {"accounts": list(of_loan)}):
        for loan_id in {of_loan[account] for account in (first, second) if account in of_loan}:
            flows[loan_id][first, second] = fen
    return flows


def meant(loan: Loan, books: Books, facts: Iterable[Transaction], on: date) -> Flows:
    """What the ledger should have of the loan on a day, by its facts."""
    product, cash = loan.product, CASH_CLEARING.control_id
    principal, credit, claim = loan.principal_account_id, loan.credit_account_id, loan.claim_account_id
    drawn_fen = sum(fact.amount_fen for fact in effective(facts, on) if fact.kind is Kind.DISBURSEMENT)
    freed_fen = loan.terms.principal_fen if loan.status == LoanStatus.CANCELLED else drawn_fen
    billed, paid, lost, used = books.billed, books.paid, books.lost, books.from_credit
    moves = [
        (COMMITMENT_CONTROL.control_id, loan.commitment_account_id, loan.terms.principal_fen),
        (loan.commitment_account_id, COMMITMENT_CONTROL.control_id, freed_fen),
        (principal, cash, books.lent_fen - books.kept_fee_fen),
        (principal, product.fee_income_account_id, books.kept_fee_fen),
        (loan.interest_account_id, product.interest_accrued_account_id, billed.interest_fen),
        (loan.fee_account_id, product.fee_income_account_id, billed.fee_fen),
        (loan.penalty_account_id, product.penalty_accrued_account_id, billed.penalty_fen),
        (cash, credit, books.credit_fen + books.refunded_fen + used.total_fen + books.recovered_fen),
        (credit, cash, books.refunded_fen),
        (credit, product.recovery_account_id, books.recovered_fen),
        (claim, LOAN_CLAIM_CONTROL.control_id, lost.total_fen),
        (LOAN_CLAIM_CONTROL.control_id, claim, books.recovered_fen),
        *_debts(loan, cash, paid - used),
        *_debts(loan, credit, used),
        *_debts(loan, product.loss_account_id, lost),
    ]
    flows: Flows = defaultdict(int)
    for debit, credited, fen in moves:
        flows[min(debit, credited), max(debit, credited)] += fen if debit < credited else -fen
    return dict(flows)


def _debts(loan: Loan, debit: int, parts: Parts) -> list[tuple[int, int, int]]:
    """What one account takes off each of the borrower's debts."""
    return [
        (debit, loan.principal_account_id, parts.principal_fen),
        (debit, loan.interest_account_id, parts.interest_fen),
        (debit, loan.fee_account_id, parts.fee_fen),
        (debit, loan.penalty_account_id, parts.penalty_fen),
    ]


def differences(have: Mapping[tuple[int, int], int], want: Mapping[tuple[int, int], int]) -> tuple[Leg, ...]:
    """The legs that take the one to the other, none where they are the same."""
    legs = []
    for first, second in sorted(have.keys() | want.keys()):
        fen = want.get((first, second), 0) - have.get((first, second), 0)
        if fen > 0:
            legs.append(Leg(first, second, fen))
        elif fen < 0:
            legs.append(Leg(second, first, -fen))
    return tuple(legs)
