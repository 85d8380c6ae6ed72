"""
Sending the e-mails that wait, through Django's mail backend.

One at a time, each in a transaction that locks its row, sends, and records that: those who send at the same time never send
the same one, and one that was cut short between sending and recording is sent again under the same Message-ID.
"""

from __future__ import annotations

import logging
import smtplib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from customers import selectors
from customers.models import Contact, EmailDelivery, EmailPurpose, EmailState, ShopLogin
from customers.notices import Message, message_of
from finance.errors import DomainError, Kind

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 8
# After the first failure a minute, then four times as long each time, at most six hours: parked after 18 hours.
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
# A notice that would arrive later than this is not e-mailed: it would mislead. It stands in the app all the same.
STALE_AFTER = timedelta(days=3)
# So many failures one after the other, and the mail server is left alone until the next time.
ENOUGH_FAILURES = 3


class NotParked(DomainError):
    """Only an e-mail that was parked is tried again by hand."""

    code = "not_parked"
    kind = Kind.CONFLICT


@dataclass(slots=True)
class Sending:
    """What became of the e-mails that were due."""

    sent: int = 0
    failed: int = 0
    dropped: int = 0


# Quiet hours are looked at when an e-mail is about to be sent, since they may have changed. What waits for their end is put
# off once, so that the nights' e-mails are not looked at every minute.
_PUT_OFF = """
UPDATE customers_emaildelivery AS delivery SET next_attempt_at = quiet.ends_at
FROM (
    SELECT waiting.id, customers_quiet_end(%(at)s, contact.quiet_from, contact.quiet_until) AS ends_at
    FROM customers_emaildelivery AS waiting JOIN customers_contact AS contact ON contact.customer_id = waiting.customer_id
    WHERE waiting.state = 'waiting' AND waiting.purpose = 'notice' AND waiting.next_attempt_at <= %(at)s
      AND customers_quiet_end(%(at)s, contact.quiet_from, contact.quiet_until) IS NOT NULL
    FOR UPDATE OF waiting SKIP LOCKED
) AS quiet
WHERE delivery.id = quiet.id
"""

_DUE = """
SELECT delivery.id FROM customers_emaildelivery AS delivery
LEFT JOIN customers_contact AS contact ON contact.customer_id = delivery.customer_id
WHERE delivery.state = 'waiting' AND delivery.next_attempt_at <= %(at)s
  AND (delivery.purpose = 'confirmation' OR contact.customer_id IS NULL
       OR customers_quiet_end(%(at)s, contact.quiet_from, contact.quiet_until) IS NULL)
ORDER BY delivery.next_attempt_at, delivery.id LIMIT 1 FOR UPDATE OF delivery SKIP LOCKED
"""


def send_waiting_emails(*, at: datetime, most: int = 500) -> Sending:
    """Sends what waits at this instant and may be sent, at most so many; returns what became of it."""
    done, in_a_row = Sending(), 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PUT_OFF, {"at": at})
    backend = get_connection()
    for _n in range(most):
        with transaction.atomic():
            delivery = _next(at)
            if delivery is None:
                break
            _send(delivery, backend, at)
        failed = delivery.state in (EmailState.WAITING, EmailState.PARKED)
        in_a_row = in_a_row + 1 if failed else 0
        done.sent += delivery.state == EmailState.SENT
        done.dropped += delivery.state == EmailState.DROPPED
        done.failed += failed
        if in_a_row >= ENOUGH_FAILURES:
            break
    backend.close()
    return done


def _next(at: datetime) -> EmailDelivery | None:
    """The e-mail that waits longest, locked; None when none is due."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"at": at})
        row = cursor.fetchone()
    whole = EmailDelivery.objects.select_related(
        "customer", "notice", "shop_login__login", "shop_login__shop"
    )
    return whole.get(pk=row[0]) if row else None


@dataclass(frozen=True, slots=True)
class _Letter:
    """An e-mail in words."""

    address: str
    subject: str
    text: str


class _NotAnyMore(Exception):
    """Why an e-mail is not sent any more."""


def _send(delivery: EmailDelivery, backend: BaseEmailBackend, at: datetime) -> None:
    """Sends one, and records it, its failure, or why it is not sent any more."""
    delivery.attempts += 1
    try:
        with transaction.atomic():
            letter = _letter(delivery, at)
        EmailMessage(
            letter.subject,
            letter.text,
            to=[letter.address],
            connection=backend,
            headers={
                "Message-ID": f"<delivery-{delivery.pk}@{settings.DEFAULT_FROM_EMAIL.rpartition('@')[2].strip('>')}>",
                "Auto-Submitted": "auto-generated",
            },
        ).send()
    except _NotAnyMore as why:
        delivery.state, delivery.reason = EmailState.DROPPED, str(why)
    except Exception as error:
        # Whatever it is, it must not keep the e-mails behind it from being sent.
        log.warning("e-mail %s was not sent: %s", delivery.pk, type(error).__name__, exc_info=True)
        _failed(delivery, error, at)
        backend.close()
    else:
        delivery.state, delivery.sent_at, delivery.reason = EmailState.SENT, at, ""
        delivery.sent_to = selectors.mask_email(letter.address)
    delivery.save()


def _failed(delivery: EmailDelivery, error: Exception, at: datetime) -> None:
    # The name of the error, and the server's code: its words may repeat the address.
    code = f" {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
    delivery.reason = f"{type(error).__name__}{code}"
    if delivery.attempts >= MOST_ATTEMPTS:
        delivery.state = EmailState.PARKED
        return
    delivery.next_attempt_at = at + wait_after(delivery.attempts)


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many failures."""
    factor: int = 4 ** (attempts - 1)
    return min(FIRST_WAIT * factor, LONGEST_WAIT)


def _letter(delivery: EmailDelivery, at: datetime) -> _Letter:
    """The e-mail in its reader's language. Raises _NotAnyMore with the reason when it is pointless by now."""
    if delivery.shop_login is not None:
        # What who signs in for a shop reads is not known: the language of the house.
        with translation.override(settings.LANGUAGE_CODE):
            return _shop_letter(delivery, delivery.shop_login, at)
    contact = Contact.objects.filter(pk=delivery.customer_id).first()
    if contact is None:
        raise _NotAnyMore("no address")
    with translation.override(contact.language):
        if delivery.purpose == EmailPurpose.CONFIRMATION:
            return _code_letter(contact, at)
        return _notice_letter(delivery, contact, at)


def _code_letter(contact: Contact, at: datetime) -> _Letter:
    address, code = selectors.new_email_of(contact), selectors.new_email_code_of(contact)
    if address is None or code is None or contact.new_email_until is None or contact.new_email_until < at:
        raise _NotAnyMore("not asked for any more")
    lines = [
        _("Your code is %(code)s.") % {"code": code},
        _("Type it on the page that asked for it within 30 minutes, to be told things at this address."),
        _("If you asked for no code, somebody mistyped their address: you need do nothing."),
        _signature(),
    ]
    return _Letter(address, _("Your code for CreditBox"), "\n\n".join(lines) + "\n")


def _notice_letter(delivery: EmailDelivery, contact: Contact, at: datetime) -> _Letter:
    address = selectors.email_of(contact)
    if address is None:
        raise _NotAnyMore("no address")
    assert delivery.notice is not None
    assert delivery.customer is not None
    if delivery.notice.noticed_on < timezone.localdate(at) - STALE_AFTER:
        raise _NotAnyMore("too late")
    message = message_of(delivery.notice.kind, delivery.notice.figures)
    return _telling(address, delivery.customer.full_name, message)


def _shop_letter(delivery: EmailDelivery, reader: ShopLogin, at: datetime) -> _Letter:
    if not reader.login.email or not reader.login.is_active:
        raise _NotAnyMore("no address")
    if delivery.created_at < at - STALE_AFTER:
        raise _NotAnyMore("too late")
    message = message_of(delivery.kind, delivery.figures or {})
    return _telling(reader.login.email, reader.shop.name, message)


def _telling(address: str, name: str, message: Message) -> _Letter:
    lines = [
        _("Hello, %(name)s") % {"name": name},
        message.title(),
        *message.body(),
        _("Sign in to CreditBox to see more. We put no links into e-mails and never ask for your password."),
        _signature(),
    ]
    return _Letter(address, message.title(), "\n\n".join(lines) + "\n")


def _signature() -> str:
    return "CreditBox"


@transaction.atomic
def retry_email(*, delivery_id: int, at: datetime) -> EmailDelivery:
    """Has a parked e-mail tried again, with all its attempts anew. Error: NotParked."""
    delivery = EmailDelivery.objects.select_for_update(of=("self",)).filter(pk=delivery_id).first()
    if delivery is None or delivery.state != EmailState.PARKED:
        raise NotParked(_("Only an e-mail that was parked is tried again."))
    delivery.state, delivery.attempts, delivery.next_attempt_at = EmailState.WAITING, 0, at
    delivery.save()
    return delivery
