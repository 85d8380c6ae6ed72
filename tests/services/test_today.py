"""What waits for a person, and how loans stand, on the console's front page and in the summary."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from django.test import Client

from customers.models import EmailDelivery
from customers.services.notices import notify
from huabei.notices import LimitChanged
from huabei.services.hearings import Ruling, ask_for_review, uphold
from huabei.services.opening import apply_for_line
from lending.models import Instalment
from lending.selectors import LoanBook, loan_book
from operations.services.closing import STEPS
from operations.services.summary import rows, summary
from operations.services.today import Waiting, latest_closes, waiting
from operations.staff import ADMINISTRATOR
from payments.services.orders import request_collection
from tests.borrowers import borrower, lived_until, published
from tests.loan_world import SIGNED_ON, end_days, lent
from tests.payment_world import a_source
from tests.services.test_borrower_pages import text
from tests.services.test_console import staff_login

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 1)


@pytest.fixture(autouse=True)
def bank() -> None:
    lived_until(ON)


def front_page(client: Client) -> str:
    client.force_login(staff_login(ADMINISTRATOR))
    client.cookies["django_language"] = "en"
    return text(client.get("/console/"))


def test_where_nothing_waits_nothing_is_said(client: Client) -> None:
    assert waiting(ON) == Waiting(0, 0, 0)
    assert "To look at" not in front_page(client)


def test_reviews_wait_until_somebody_decides(client: Client) -> None:
    customer = borrower()
    published(customer, 550, on=date(2026, 5, 18))
    refused = apply_for_line(customer_id=customer.pk, reference="r", on=ON)
    review = ask_for_review(
        customer_id=customer.pk, decision_id=refused.pk, statement="I earn more.", reference="a", on=ON
    )
    assert "To look at 1 review waits for a person" in front_page(client)
    uphold(review_id=review.pk, ruling=Ruling("staff:7", "As the policy has it.", "v"), on=ON)
    assert waiting(ON) == Waiting(0, 0, 0)


def test_payments_wait_from_the_day_after_they_were_ordered(client: Client) -> None:
    owner = UUID(int=7)
    source = a_source(owner, 100_00)
    request_collection(
        owner=owner, purpose="t", subject="s", reference="r", source=source.uuid, amount_fen=1_00, on=ON
    )
    assert waiting(ON).payments == 0
    lived_until(ON + timedelta(days=1))
    assert "1 payment of an earlier day has not ended" in front_page(client)
    listed = client.get("/console/payments/paymentorder/?ended_on__isnull=True&ordered_on__lt=2026-06-02")
    assert "1 payment order" in text(listed)


def test_emails_that_were_given_up_wait(client: Client) -> None:
    customer = borrower()
    notice = notify(
        customer_id=customer.pk, message=LimitChanged(from_fen=100, to_fen=200), reference="n", on=ON
    )
    EmailDelivery.objects.create(customer=customer, notice=notice, purpose="notice", state="parked")
    assert "1 e-mail was given up after failures" in front_page(client)


def test_loans_stand_in_the_summary_and_on_the_front_page(client: Client) -> None:
    assert loan_book(SIGNED_ON) == LoanBook(0, 0, 0, 0, 0, 0)
    loan = lent()
    first = Instalment.objects.filter(loan=loan).order_by("n").first()
    assert first
    end_days(SIGNED_ON, first.due_on)
    book = loan_book(first.due_on + timedelta(days=1))
    first.refresh_from_db()
    assert (book.loans, book.principal_fen, book.overdue_loans, book.overdue_fen) == (
        *(1, 12_000_00, 1),
        first.unpaid_fen,
    )
    assert book.interest_income_fen > 0
    # On the due day itself nothing is late.
    assert loan_book(first.due_on).overdue_loans == 0
    said = dict(rows(summary()))
    assert said["  principal owed"] == "¥12,000.00"
    assert "principal of 1 loan" in front_page(client)


def test_a_step_that_a_close_did_not_have_yet_is_missing_in_the_newest_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lived_until(ON + timedelta(days=2))
    monkeypatch.setattr("operations.services.today.STEPS", (*STEPS, ("one more", None)))
    newest, older = latest_closes()
    assert (newest.is_complete, newest.of, newest.steps) == (False, len(STEPS) + 1, len(STEPS))
    assert (older.is_complete, older.of) == (True, len(STEPS))
