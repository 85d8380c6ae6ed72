"""What a borrower sees and does about loans: price, signing, money, what is due, repaying. Each sees their own only."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from customers.models import Consent, Customer, Notice
from ledger.audit import verify
from lending.models import Loan, LoanStatus, LoanTransaction
from lending.services import servicing
from operations import audit
from operations.services import paying
from payments.models import FundingSource, PaymentOrder
from payments.services.sources import remove_source
from tests.borrowers import borrower, lived_until, published
from tests.loan_world import a_wish, ref, signed
from tests.payment_world import LosesReplies, a_source, balance, unpark
from tests.services.test_borrower_pages import signed_in, text

pytestmark = pytest.mark.django_db

TODAY = date(2026, 6, 10)
PLAN = "jiebei:equal_instalment:12:months:1"
WISH = {"plan": PLAN, "amount": "12000.00"}


@pytest.fixture
def customer() -> Customer:
    """A borrower with a score of 640; the bank is on 10 June."""
    customer = borrower()
    published(customer, 640)
    lived_until(TODAY)
    return customer


@pytest.fixture
def card(customer: Customer) -> FundingSource:
    return a_source(customer.pk, 0)


@pytest.fixture
def page(client: Client, customer: Customer) -> Client:
    return signed_in(client, customer)


@pytest.fixture
def loan(customer: Customer) -> Loan:
    """12,000.00 over twelve months, paid out on 10 June."""
    return paid_out(customer)


def paid_out(customer: Customer, wish: Any = None) -> Loan:
    loan = signed(wish or a_wish(), on=TODAY, customer_id=customer.pk)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=TODAY)
    loan.refresh_from_db()
    return loan


def signs(page: Client, card: FundingSource, **given: str) -> Any:
    sent = {**WISH, "source": str(card.uuid), "consent": "on", "key": str(uuid4()), **given}
    return page.post("/loans/sign/", sent)


def repays(page: Client, loan: Loan, **given: str) -> Any:
    return page.post(f"/loans/{loan.uuid}/repay/", {"key": str(uuid4()), "amount": "", **given})


def at_work() -> None:
    """A run of the workers that send payments."""
    unpark()
    paying.sweep()


def holds() -> bool:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


# The price.


def test_a_quote_says_both_annual_rates_before_anything_else_and_keeps_nothing(
    page: Client, customer: Customer
) -> None:
    shown = text(page.get("/loans/quote/", WISH))
    rates = shown.index("Annual rate, simple 5.48% Annual rate, effective 5.62%")
    assert rates < shown.index("You pay back in all") < shown.index("Interest a day 0.015%")
    assert "You receive ¥12,000.00" in shown
    assert "2026-07-10" in shown
    assert "2027-06-10" in shown
    assert "Of it fees ¥0.00" in shown
    assert "Nothing stands against it today." in shown
    assert not Loan.objects.exists()


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"amount": "999.99"}, "This product lends from 1000.00 to 300000.00."),
        ({"amount": "12,000"}, "Write the amount in yuan"),
        ({"amount": ""}, "This field is required."),
        ({"plan": "jiebei:flat:12:months:1"}, "Select a valid choice."),
        ({"plan": "order-loan:one_off:1:days:30"}, "Select a valid choice."),
        ({"plan": ""}, "This field is required."),
    ],
)
def test_a_wish_that_cannot_be_priced_says_why_beside_its_field(
    page: Client, given: dict[str, str], complaint: str
) -> None:
    answer = page.get("/loans/quote/", WISH | given)
    assert answer.status_code == 200
    assert complaint in text(answer)
    assert "Annual rate, simple" not in text(answer)


def test_whoever_is_refused_reads_every_reason(client: Client) -> None:
    nobody = borrower("stranger")
    published(nobody, 580)
    lived_until(TODAY)
    page = signed_in(client, nobody)
    shown = text(page.get("/loans/quote/", WISH | {"amount": "250000.00"}))
    assert "score below the minimum" in shown
    assert "would owe more than one person may" in shown
    assert "Read the contract" not in shown
    source = a_source(nobody.pk, 0)
    assert "The loan was not granted." in text(signs(page, source))
    assert not Loan.objects.exists()


# Signing.


def test_signing_records_consent_and_sends_the_money_once(page: Client, card: FundingSource) -> None:
    key = str(uuid4())
    first, second = signs(page, card, key=key), signs(page, card, key=key)
    loan = Loan.objects.get()
    assert first["Location"] == second["Location"] == f"/loans/{loan.uuid}/"
    assert loan.status == LoanStatus.DISBURSING
    assert Consent.objects.get(purpose="loan_contract").customer_id == loan.customer_id
    assert "The money is on its way to bank card" in text(page.get(f"/loans/{loan.uuid}/"))
    at_work()
    at_work()
    assert [row.amount_fen for row in LoanTransaction.objects.all()] == [12_000_00]
    assert balance(card) == 12_000_00
    shown = text(page.get(f"/loans/{loan.uuid}/"))
    assert "Due on July 10, 2026" in shown
    assert "Principal owed ¥12,000.00" in shown
    assert Notice.objects.filter(kind="loan.disbursed").count() == 1
    assert holds()


def test_a_used_form_signs_no_other_loan(page: Client, card: FundingSource) -> None:
    key = str(uuid4())
    signs(page, card, key=key)
    answer = signs(page, card, key=key, amount="9000.00")
    assert "has signed another loan already" in text(answer)
    assert Loan.objects.count() == PaymentOrder.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"consent": ""}, "Without your consent no loan is signed."),
        ({"source": ""}, "Choose where the money is to go."),
        ({"source": "not a source"}, "Choose where the money is to go."),
        ({"source": str(uuid4())}, "Choose where the money is to go."),
    ],
)
def test_without_consent_or_source_nothing_is_signed(
    page: Client, card: FundingSource, given: dict[str, str], complaint: str
) -> None:
    assert complaint in text(signs(page, card, **given))
    assert not Loan.objects.exists()
    assert not Consent.objects.filter(purpose="loan_contract").exists()


def test_without_a_source_the_page_says_to_link_one(page: Client) -> None:
    assert "Link a wallet or a card first" in text(page.get("/loans/sign/", WISH))


# The money.


def test_money_that_could_not_be_sent_goes_to_another_source(page: Client, card: FundingSource) -> None:
    signs(page, card)
    loan = Loan.objects.get()
    # The gateway knows no such account.
    from payments.models import SimulatedAccount

    SimulatedAccount.objects.filter(pk=card.token).delete()
    at_work()
    loan.refresh_from_db()
    assert loan.status == LoanStatus.SIGNED
    assert "The money could not be sent. You owe nothing." in text(page.get(f"/loans/{loan.uuid}/"))
    assert Notice.objects.filter(kind="loan.disbursement_failed").count() == 1
    other = a_source(loan.customer_id, 0, kind="wallet")
    page.post(f"/loans/{loan.uuid}/send/", {"source": str(other.uuid)})
    page.post(f"/loans/{loan.uuid}/send/", {"source": str(other.uuid)})
    at_work()
    loan.refresh_from_db()
    assert loan.status == LoanStatus.ACTIVE
    assert balance(other) == 12_000_00
    assert [order.state for order in PaymentOrder.objects.order_by("pk")] == ["failed", "confirmed"]
    assert holds()


def test_an_answer_that_is_lost_moves_no_money_twice(
    page: Client, card: FundingSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    signs(page, card)
    monkeypatch.setattr("payments.services.sending.gateway", LosesReplies)
    at_work()
    loan = Loan.objects.get()
    assert loan.status == LoanStatus.DISBURSING
    page.post(f"/loans/{loan.uuid}/send/", {"source": str(card.uuid)})
    assert "Only a signed loan can be disbursed" not in text(
        page.post(f"/loans/{loan.uuid}/give-up/", follow=True)
    )
    loan.refresh_from_db()
    assert loan.status == LoanStatus.DISBURSING
    lived_until(TODAY + timedelta(days=2))
    monkeypatch.undo()
    at_work()
    loan.refresh_from_db()
    fact = LoanTransaction.objects.get()
    # It moved on 10 June, whenever the bank came to know.
    assert (loan.status, loan.disbursed_on, fact.value_on) == (LoanStatus.ACTIVE, TODAY, TODAY)
    assert balance(card) == 12_000_00
    assert holds()


def test_a_signed_loan_may_be_given_up_and_then_no_money_is_sent(page: Client, customer: Customer) -> None:
    loan, card = signed(on=TODAY, customer_id=customer.pk), a_source(customer.pk, 0)
    assert "The loan was given up." in text(page.post(f"/loans/{loan.uuid}/give-up/", follow=True))
    page.post(f"/loans/{loan.uuid}/send/", {"source": str(card.uuid)})
    assert not PaymentOrder.objects.exists()
    loan.refresh_from_db()
    assert loan.status == LoanStatus.CANCELLED


def test_a_source_that_was_removed_gets_nothing(
    page: Client, customer: Customer, card: FundingSource
) -> None:
    loan = signed(on=TODAY, customer_id=customer.pk)
    remove_source(owner=customer.pk, source=card.uuid, on=TODAY)
    answer = page.post(f"/loans/{loan.uuid}/send/", {"source": str(card.uuid)}, follow=True)
    assert "Choose where the money is to go." in text(answer)
    assert not PaymentOrder.objects.exists()


# What is due, and repaying.


def test_the_loan_page_shows_each_instalment_as_it_stands(page: Client, loan: Loan) -> None:
    assert "2026-07-10 to come" in text(page.get(f"/loans/{loan.uuid}/"))
    lived_until(date(2026, 7, 10))
    shown = text(page.get(f"/loans/{loan.uuid}/"))
    assert "Due today ¥1,029.95" in shown
    assert "2026-07-10 due" in shown
    lived_until(date(2026, 7, 15))
    shown = text(page.get(f"/loans/{loan.uuid}/"))
    assert "is late since July 10, 2026, 5 days." in shown
    assert "2026-07-10 overdue" in shown
    assert "Penalty that ran until today ¥1.17" in shown


def test_paying_what_is_due_shows_where_it_went(page: Client, loan: Loan) -> None:
    lived_until(date(2026, 7, 10))
    answer = repays(page, loan, pay="1029.95")
    assert answer["Location"] == f"/loans/{loan.uuid}/payments/2/"
    shown = text(page.get(answer["Location"]))
    assert "¥1,029.95 repaid" in shown
    assert "Principal ¥975.95 Interest ¥54.00" in shown
    assert "Still due ¥0.00" in shown
    assert "2026-07-10 paid" in text(page.get(f"/loans/{loan.uuid}/"))


def test_a_form_sent_twice_pays_once_and_never_another_amount(page: Client, loan: Loan) -> None:
    key = str(uuid4())
    sent = {"pay": "other", "amount": "500.00", "key": key}
    assert repays(page, loan, **sent)["Location"] == repays(page, loan, **sent)["Location"]
    answer = repays(page, loan, **{**sent, "amount": "400.00"})
    assert "has paid another amount already" in text(answer)
    assert LoanTransaction.objects.filter(kind="repayment").count() == 1


def test_all_that_is_owed_ends_the_loan_and_no_more_is_taken(page: Client, loan: Loan) -> None:
    lived_until(date(2026, 6, 25))
    assert "What ends the loan today ¥12,027.00" in text(page.get(f"/loans/{loan.uuid}/"))
    assert "Ending the loan that day takes 12027.00." in text(repays(page, loan, pay="12027.01"))
    shown = text(page.get(repays(page, loan, pay="12027.00")["Location"]))
    assert "Principal ¥12,000.00 Interest ¥27.00" in shown
    loan.refresh_from_db()
    assert loan.status == LoanStatus.CLOSED
    assert "Nothing can be repaid" in text(repays(page, loan, pay="1.00"))
    assert holds()


def test_early_repayment_is_compared_before_it_is_done(page: Client, loan: Loan) -> None:
    lived_until(date(2026, 6, 25))
    shown = text(page.get(f"/loans/{loan.uuid}/prepay/", {"amount": "6000.00"}))
    for way in ("As agreed", "Smaller instalments", "Fewer instalments", "End the loan"):
        assert way in shown
    assert "Instalments to come 12" in shown
    assert "Instalments to come 6" in shown
    assert LoanTransaction.objects.count() == 1
    key = str(uuid4())
    sent = {"amount": "6000.00", "way": "shorten_term", "key": key}
    first = page.post(f"/loans/{loan.uuid}/prepay/", sent)
    assert first["Location"] == page.post(f"/loans/{loan.uuid}/prepay/", sent)["Location"]
    row = LoanTransaction.objects.get(kind="prepayment")
    assert (row.amount_fen, row.detail) == (6_000_00, {"ahead": "shorten_term"})


def test_a_product_with_a_fee_shows_it_and_what_remains_of_the_saving(
    page: Client, customer: Customer
) -> None:
    wish = a_wish(product="taobao", method="equal_principal")
    loan = paid_out(customer, wish)
    lived_until(date(2026, 6, 25))
    shown = text(page.get(f"/loans/{loan.uuid}/prepay/", {"amount": "5100.00"}))
    assert "Of it a fee ¥100.00" in shown
    shown = text(page.get(f"/loans/{loan.uuid}/payoff/", {"on": "2026-06-25"}))
    assert "Of it for repaying early ¥240.00" in shown


@pytest.mark.parametrize("amount", ["0", "99999999.00", "x"])
def test_an_amount_that_cannot_be_repaid_early_is_refused(page: Client, loan: Loan, amount: str) -> None:
    answer = page.get(f"/loans/{loan.uuid}/prepay/", {"amount": amount})
    assert answer.status_code == 200
    assert "Smaller instalments" not in text(answer)
    assert "errorlist" in answer.content.decode()


def test_ending_is_not_half_done_when_the_day_has_turned(page: Client, loan: Loan) -> None:
    lived_until(date(2026, 6, 26))
    sent = {"amount": "12027.00", "way": "payoff", "key": str(uuid4())}
    assert "Ending the loan that day takes 12028.80." in text(page.post(f"/loans/{loan.uuid}/prepay/", sent))
    assert LoanTransaction.objects.count() == 1


def test_a_payoff_is_quoted_for_any_day_to_come(page: Client, loan: Loan) -> None:
    shown = text(page.get(f"/loans/{loan.uuid}/payoff/", {"on": "2026-06-25"}))
    assert "On June 25, 2026, if nothing is paid before ¥12,027.00" in shown
    assert "Choose a day from 2026-06-10" in text(
        page.get(f"/loans/{loan.uuid}/payoff/", {"on": "2026-06-09"})
    )
    assert page.get(f"/loans/{loan.uuid}/payoff/", {"on": "tomorrow"}).status_code == 200


def test_what_was_taken_back_is_shown_as_such(page: Client, loan: Loan) -> None:
    servicing.repay(loan_id=loan.pk, amount_fen=500_00, reference="bounced", on=TODAY)
    servicing.reverse(
        loan_id=loan.pk, undoes="bounced", reference=ref(), on=TODAY, cause="the bank took it back"
    )
    assert "taken back" in text(page.get(f"/loans/{loan.uuid}/"))
    assert "as if it had never been" in text(page.get(f"/loans/{loan.uuid}/payments/2/"))


# Around them.


def test_home_and_list_show_loans_and_what_is_due(page: Client, loan: Loan) -> None:
    lived_until(date(2026, 7, 15))
    for address in ("/", "/loans/"):
        assert "is 5 days late" in text(page.get(address))


def test_pages_are_chinese_throughout_for_chinese_readers(
    client: Client, customer: Customer, loan: Loan, card: FundingSource
) -> None:
    lived_until(date(2026, 7, 15))
    page = signed_in(client, customer, "zh-hans")
    for address in (
        "/loans/",
        f"/loans/quote/?plan={PLAN}&amount=12000.00",
        f"/loans/{loan.uuid}/",
        f"/loans/{loan.uuid}/repay/",
        f"/loans/{loan.uuid}/prepay/?amount=5000.00",
        f"/loans/{loan.uuid}/payoff/",
        f"/loans/{loan.uuid}/payments/1/",
    ):
        answer = page.get(address)
        assert answer.status_code == 200
        shown = text(answer)
        for english in ("Loan", "loan", "Due", "Repay", "Annual", "Interest", "paid", "The ", "You"):
            assert english not in shown, (address, english)


def test_nobody_sees_or_touches_somebody_elses_loan(client: Client, loan: Loan) -> None:
    page = signed_in(client, borrower("stranger"))
    before = LoanTransaction.objects.count()
    for address in ("", "repay/", "prepay/", "payoff/", "payments/1/"):
        assert page.get(f"/loans/{loan.uuid}/{address}").status_code == 404
    for address in ("repay/", "prepay/", "send/", "give-up/"):
        assert page.post(f"/loans/{loan.uuid}/{address}", {"amount": "1.00"}).status_code == 404
    assert LoanTransaction.objects.count() == before
    assert loan.uuid.hex not in page.get("/loans/").content.decode()
