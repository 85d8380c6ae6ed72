"""The contract of a loan: shown before it is signed, kept in both languages with its hash, the same ever after."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any
from uuid import uuid4

import pypdfium2
import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from customers.models import Customer
from ledger.audit import verify
from lending.models import Loan, LoanContract
from lending.services import servicing
from lending.services.contracts import contract_of
from operations import audit
from tests.borrowers import borrower, lived_until, published
from tests.loan_world import a_seller, a_wish, shipped, signed
from tests.payment_world import a_source
from tests.services.test_borrower_pages import signed_in, text
from tests.services.test_loan_pages import WISH, signs

pytestmark = pytest.mark.django_db
TODAY = date(2026, 6, 10)


@pytest.fixture
def customer() -> Customer:
    customer = borrower()
    published(customer, 640)
    lived_until(TODAY)
    return customer


@pytest.fixture
def page(client: Client, customer: Customer) -> Client:
    return signed_in(client, customer)


def said(content: bytes) -> str:
    sheets = pypdfium2.PdfDocument(content)
    return " ".join("\n".join(sheet.get_textpage().get_text_range() for sheet in sheets).split())


def test_it_is_read_before_signing_and_kept_in_both_languages(page: Client, customer: Customer) -> None:
    card = a_source(customer.pk, 0)
    shown = text(page.get("/loans/sign/", WISH))
    assert "The lender lends ¥12,000.00 and pays out ¥12,000.00 of it" in shown
    assert "Interest is 0.015% a day on what is owed of it" in shown
    assert "I have read the contract and agree to it." in shown
    assert not LoanContract.objects.exists()
    signs(page, card)
    loan = Loan.objects.get()
    assert set(LoanContract.objects.values_list("language", flat=True)) == {"en", "zh-hans"}
    for language, words in (
        ("en", ("Loan contract", "5.48%", "5.62%", "¥12,000.00", "0.015% a day", "林晓燕", str(loan.uuid))),
        ("zh-hans", ("贷款合同", "5.48%", "5.62%", "¥12,000.00", "0.015%", "林晓燕", str(loan.uuid))),
    ):
        answer: Any = page.get(f"/loans/{loan.uuid}/contract/", {"language": language})
        assert answer["Content-Type"] == "application/pdf"
        assert answer["ETag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
        for word in words:
            assert word in said(answer.content), word


def test_it_stays_as_it_was_signed_whatever_becomes_of_the_loan(page: Client, customer: Customer) -> None:
    loan = signed(a_wish(product="taobao", method="equal_principal"), on=TODAY, customer_id=customer.pk)
    first = contract_of(loan=loan, language="en")
    assert "costs 2% of it up to instalment 3, 1% up to instalment 9" in said(bytes(first.content))
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="d", on=TODAY)
    servicing.charge(loan_id=loan.pk, amount_fen=5_00, reference="c", on=TODAY)
    assert contract_of(loan=loan, language="en").fingerprint == first.fingerprint
    assert [found.check.name for found in verify(audit.CHECKS) if not found.holds] == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE lending_loancontract SET language = 'fr'",
        "DELETE FROM lending_loancontract",
        "TRUNCATE lending_loancontract",
    ],
)
def test_postgresql_refuses_to_change_it(customer: Customer, change: str) -> None:
    contract_of(loan=signed(on=TODAY, customer_id=customer.pk), language="en")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


def test_postgresql_takes_the_hash_itself(customer: Customer) -> None:
    loan = signed(on=TODAY, customer_id=customer.pk)
    with pytest.raises(DatabaseError, match="loan_contract_hash_is_of_its_content"), transaction.atomic():
        LoanContract.objects.create(
            loan=loan, language="en", sha256=b"0" * 32, size=4, template_version=1, content=b"%PDF"
        )


def test_nobody_reads_somebody_elses(client: Client, customer: Customer) -> None:
    loan = signed(on=TODAY, customer_id=customer.pk)
    page = signed_in(client, borrower("stranger"))
    assert page.get(f"/loans/{loan.uuid}/contract/").status_code == 404


def test_an_order_loans_contract_names_the_orders_that_stand_for_it(page: Client, customer: Customer) -> None:
    a_seller(customer.pk)
    for order, amount_fen in (("T1", 1_000_00), ("T2", 500_00), ("T3", 500_00)):
        shipped(customer.pk, amount_fen, reference=order, on=TODAY)
    card = a_source(customer.pk, 0)
    wish = {"plan": "order-loan:one_off:1:days:30", "amount": "1000.00"}
    shown = text(page.get("/loans/sign/", wish))
    assert "The pledged orders stand for this loan, each for the part of the principal beside it." in shown
    assert "Where a buyer gets money back for a pledged order" in shown
    assert "T1 ¥800.00 T2 ¥200.00" in shown
    assert "T3" not in shown
    page.post("/loans/sign/", {**wish, "source": str(card.uuid), "consent": "on", "key": str(uuid4())})
    loan = Loan.objects.get()
    for language, words in (
        ("en", ("Pledged orders", "T1 ¥800.00 ¥800.00", "T2 ¥400.00 ¥200.00", "The pledged orders stand")),
        ("zh-hans", ("质押订单", "T1 ¥800.00 ¥800.00", "质押订单为本贷款提供担保", "立即到期")),
    ):
        content = said(bytes(contract_of(loan=loan, language=language).content))
        for word in words:
            assert word in content
