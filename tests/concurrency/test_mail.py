"""E-mails that wait, sent by many workers at once."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.core import mail
from django.test import override_settings

from customers import selectors
from customers.models import EmailDelivery, EmailState
from customers.services import contact
from customers.services.mail import send_waiting_emails
from customers.services.notices import notify
from huabei.notices import LimitChanged
from tests.borrowers import borrower
from tests.concurrency.crowd import SIZE, Crowd

NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
EMAILS = 120


def send() -> list[str]:
    """Sends what waits; returns the numbers of what this worker sent."""
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        mail.outbox = []
        send_waiting_emails(at=NOON)
        return [letter.extra_headers["Message-ID"] for letter in mail.outbox]


def test_workers_that_send_at_once_send_each_e_mail_once(committed_db: str, crowd: Crowd) -> None:
    customer = borrower()
    contact.ask_for_email(customer_id=customer.pk, email="a@example.com", at=NOON)
    code = selectors.new_email_code_of(selectors.contact_of(customer.pk))
    assert code is not None
    contact.confirm_email(customer_id=customer.pk, code=code, at=NOON)
    EmailDelivery.objects.update(state=EmailState.DROPPED)
    for n in range(EMAILS):
        message = LimitChanged(from_fen=n, to_fen=n + 1)
        notify(customer_id=customer.pk, message=message, reference=f"n:{n}", on=date(2026, 7, 1))
    EmailDelivery.objects.filter(purpose="notice").update(next_attempt_at=NOON)
    sent = [number for numbers in crowd.at_once(send, committed_db, *[()] * SIZE) for number in numbers]
    assert len(sent) == len(set(sent)) == EMAILS
    assert EmailDelivery.objects.filter(state=EmailState.SENT, attempts=1).count() == EMAILS
