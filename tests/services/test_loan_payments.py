"""Loans' money through the gateway: out once and never lost, in from the borrower's own sources on the due day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ledger.audit import verify
from lending import paying as loans
from lending.errors import LoanNotRunning
from lending.models import Loan, LoanTransaction
from lending.selectors import loan_on
from lending.services import servicing
from lending.services.signing import cancel_loan
from operations import audit
from operations.services import closing, paying
from payments.errors import SourceNotFound
from payments.models import PaymentOrder, SimulatedRequest, SimulatedScript
from payments.models.simulated import Behaviour
from payments.services.sources import choose_autopay
from tests.line_world import a_customer
from tests.loan_world import SIGNED_ON, a_wish, signed
from tests.payment_world import a_source, taken_at_the_gateway, unpark

pytestmark = pytest.mark.django_db

WISH = a_wish(method="interest_first", periods=3, product="taobao")
DUE_ON = date(2026, 7, 10)


def an_open_bank() -> Loan:
    """A loan signed on the bank's first day."""
    closing.set_business_date(on=SIGNED_ON)
    return signed(WISH, customer_id=a_customer().pk)


def send() -> None:
    """A run of the workers that send what was ordered."""
    unpark()
    paying.sweep()


def status(loan: Loan) -> str:
    return Loan.objects.get(pk=loan.pk).status


def holds() -> bool:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


def test_the_amount_goes_out_once() -> None:
    loan = an_open_bank()
    card = a_source(loan.customer_id, 0)
    first = loans.disburse(loan_id=loan.pk, source=card.uuid, on=SIGNED_ON)
    assert loans.disburse(loan_id=loan.pk, source=card.uuid, on=SIGNED_ON) == first
    assert status(loan) == "disbursing"
    with pytest.raises(LoanNotRunning):
        cancel_loan(loan_id=loan.pk, on=SIGNED_ON)
    for _again in range(3):
        send()
    assert (status(loan), taken_at_the_gateway()) == ("active", -12_000_00)
    with pytest.raises(LoanNotRunning):
        loans.disburse(loan_id=loan.pk, source=card.uuid, on=SIGNED_ON)
    assert holds()


def test_a_payout_that_fails_leaves_the_loan_signed_and_is_tried_again() -> None:
    loan = an_open_bank()
    card = a_source(loan.customer_id, 0)
    SimulatedScript.objects.create(token=card.token, behaviour=Behaviour.FAILS)
    loans.disburse(loan_id=loan.pk, source=card.uuid, on=SIGNED_ON)
    send()
    assert (status(loan), taken_at_the_gateway()) == ("signed", 0)
    loans.disburse(loan_id=loan.pk, source=card.uuid, on=SIGNED_ON)
    send()
    assert (status(loan), taken_at_the_gateway()) == ("active", -12_000_00)
    assert PaymentOrder.objects.count() == 2
    assert holds()


@pytest.mark.parametrize("behaviour", [Behaviour.TIMES_OUT_BEFORE, Behaviour.TIMES_OUT_AFTER])
def test_a_payout_of_which_nothing_is_heard_is_asked_about_until_it_is_known(behaviour: Behaviour) -> None:
    loan = an_open_bank()
    card = a_source(loan.customer_id, 0)
    SimulatedScript.objects.create(token=card.token, behaviour=behaviour)
    loans.disburse(loan_id=loan.pk, source=card.uuid, on=SIGNED_ON)
    send()
    assert status(loan) == "disbursing"
    list(closing.close_until(on=SIGNED_ON + timedelta(days=1)))
    send()
    assert (status(loan), taken_at_the_gateway()) == ("active", -12_000_00)
    assert LoanTransaction.objects.filter(loan=loan).count() == 1
    assert holds()


def test_money_that_moved_and_is_told_later_bears_interest_from_the_day_it_moved() -> None:
    loan = an_open_bank()
    card = a_source(loan.customer_id, 0)
    SimulatedScript.objects.create(token=card.token, behaviour=Behaviour.ANSWERS_LATER)
    loans.disburse(loan_id=loan.pk, source=card.uuid, on=SIGNED_ON)
    send()
    list(closing.close_until(on=SIGNED_ON + timedelta(days=3)))
    SimulatedRequest.objects.update(told=True)
    send()
    fact = LoanTransaction.objects.get(loan=loan)
    assert (fact.value_on, fact.booked_on) == (SIGNED_ON, SIGNED_ON + timedelta(days=3))
    assert holds()


def test_a_fact_that_tells_of_a_payment_that_never_moved_is_found() -> None:
    loan = an_open_bank()
    loans.disburse(loan_id=loan.pk, source=a_source(loan.customer_id, 0).uuid, on=SIGNED_ON)
    send()
    servicing.repay(loan_id=loan.pk, amount_fen=1, reference="payment:nobody's", on=SIGNED_ON)
    assert "loan_payments" in [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds]


def test_only_to_a_source_of_the_borrowers_own() -> None:
    loan = an_open_bank()
    other = a_source(a_customer().pk, 0)
    with pytest.raises(SourceNotFound):
        loans.disburse(loan_id=loan.pk, source=other.uuid, on=SIGNED_ON)
    assert status(loan) == "signed"


def lent_until_due() -> Loan:
    loan = an_open_bank()
    loans.disburse(loan_id=loan.pk, source=a_source(loan.customer_id, 0, autopay=False).uuid, on=SIGNED_ON)
    send()
    list(closing.close_until(on=DUE_ON))
    return loan


def test_what_falls_due_is_collected_in_the_borrowers_order() -> None:
    loan = lent_until_due()
    a_source(loan.customer_id, 100_00, kind="wallet")
    a_source(loan.customer_id, 500_00)
    for _again in range(2):
        paying.collect_dues()
        send()
    # 30 days at 0.06 % on 12,000.00: 216.00, of which the wallet has 100.00.
    paid = LoanTransaction.objects.filter(loan=loan, kind="repayment").values_list("amount_fen", flat=True)
    assert sorted(paid) == [100_00, 116_00]
    assert loan_on(loan, DUE_ON).outstanding.interest_fen == 0
    list(closing.close_until(on=DUE_ON + timedelta(days=1)))
    assert loan_on(loan, DUE_ON + timedelta(days=1)).days_past_due == 0
    assert holds()


def test_the_close_collects_for_the_last_time() -> None:
    loan = lent_until_due()
    a_source(loan.customer_id, 500_00)
    paying.collect_for_the_last_time()
    assert loan_on(loan, DUE_ON).outstanding.interest_fen == 0


def test_nothing_is_collected_from_whoever_chose_so() -> None:
    loan = lent_until_due()
    a_source(loan.customer_id, 500_00)
    choose_autopay(owner=loan.customer_id, purpose=loans.COLLECTION, amount="off", on=DUE_ON)
    paying.collect_dues()
    assert not PaymentOrder.objects.filter(purpose=loans.COLLECTION).exists()


def test_what_was_paid_meanwhile_is_not_collected() -> None:
    loan = lent_until_due()
    a_source(loan.customer_id, 500_00)
    paying.collect_dues()
    servicing.repay(loan_id=loan.pk, amount_fen=216_00, reference="self", on=DUE_ON)
    send()
    assert taken_at_the_gateway() == -12_000_00
    assert holds()
