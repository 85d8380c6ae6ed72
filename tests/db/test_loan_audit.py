"""Each rule of the loans' books finds its fault: one row at a time is made wrong behind the guards' back."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection, transaction

from ledger.audit import Fault, verify
from lending.audit import CHECKS
from lending.models import Loan
from lending.replaying import loans_replayed
from lending.services import servicing
from lending.services.signing import cancel_loan
from tests.loan_world import SIGNED_ON, a_wish, end_days, lent, signed

pytestmark = pytest.mark.django_db
ON = date(2026, 7, 16)


@pytest.fixture
def loan() -> Loan:
    """A loan a month old whose first instalment is paid in part, one given up, one signed, one cancelled."""
    loan = lent(a_wish(product="taobao", method="equal_principal"))
    lost = lent(a_wish(method="interest_first", periods=3))
    signed()
    cancel_loan(loan_id=signed().pk, on=SIGNED_ON)
    end_days(SIGNED_ON, date(2026, 7, 14))
    servicing.repay(loan_id=loan.pk, amount_fen=100_00, reference="r", on=date(2026, 7, 15))
    servicing.charge_off(loan_id=lost.pk, reference="c", on=date(2026, 7, 15))
    end_days(date(2026, 7, 15), date(2026, 7, 15))
    return loan


def spoil(statement: str) -> None:
    """Runs a statement as the owner, with the tables' triggers off."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("RESET ROLE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")


def broken() -> set[str]:
    return {finding.check.name for finding in verify(CHECKS) if not finding.holds}


def test_sound_books_have_no_fault(loan: Loan) -> None:
    assert broken() == set()
    assert list(loans_replayed(ON)) == []


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        ("loan_accounts", "UPDATE lending_loan SET principal_account_id = interest_account_id + 100000 WHERE id = {loan}"),
        ("loan_debts", "UPDATE lending_instalment SET principal_fen = principal_fen + 1, unpaid_fen = unpaid_fen + 1"
                       " WHERE loan_id = {loan} AND n = 1"),
        ("loan_debts", "UPDATE ledger_account SET debits_posted_fen = debits_posted_fen + 1"
                       " WHERE id = (SELECT interest_account_id FROM lending_loan WHERE id = {loan})"),
        ("loan_claims", "UPDATE ledger_account SET debits_posted_fen = debits_posted_fen + 1"
                        " WHERE id = (SELECT claim_account_id FROM lending_loan WHERE status = 'charged_off')"),
        ("loan_status", "UPDATE lending_loan SET status = 'closed' WHERE id = {loan}"),
        ("loan_commitment", "UPDATE ledger_account SET credits_posted_fen = credits_posted_fen + 1"
                            " WHERE id = (SELECT commitment_account_id FROM lending_loan WHERE status = 'signed')"),
        ("loan_transactions", "UPDATE lending_loantransaction SET booked_on = booked_on + 1 WHERE reference = 'r'"),
        ("loan_segments", "UPDATE lending_segment SET until = until + 1 WHERE loan_id = {loan}"),
        ("loan_accrued", "UPDATE lending_accrual SET accrued_fen = accrued_fen + 1"),
    ],
)  # fmt: skip
def test_a_fault_is_found(loan: Loan, check: str, statement: str) -> None:
    spoil(statement.format(loan=loan.pk))
    assert check in broken()


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE lending_loan SET status = 'closed' WHERE id = {loan}", ("status=active", "status=closed")),
        (
            "UPDATE lending_loan SET classification = 3 WHERE id = {loan}",
            ("classification=2", "classification=3"),
        ),
        (
            "DELETE FROM lending_instalment WHERE loan_id = {loan} AND n = 1",
            ("instalment 1=2026-07-10 108120", "instalment 1=None"),
        ),
    ],
)
def test_a_loan_that_does_not_stand_as_its_facts_say(
    loan: Loan, statement: str, fault: tuple[str, str]
) -> None:
    spoil(statement.format(loan=loan.pk))
    assert list(loans_replayed(ON)) == [Fault("lending_loan", str(loan.pk), *fault)]


def test_what_the_ledger_lacks_is_named(loan: Loan) -> None:
    spoil(
        "DELETE FROM ledger_transfer WHERE credit_account_id ="
        f" (SELECT interest_account_id FROM lending_loan WHERE id = {loan.pk})"
    )
    (fault,) = loans_replayed(ON)
    assert fault.expected is not None
    assert fault.expected.endswith("=9880 more")
