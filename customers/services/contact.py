"""How a customer is reached: an e-mail address that was proved to be theirs, quiet hours, a language."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, time, timedelta
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from customers import sealing
from customers.models import Contact, Customer, EmailDelivery, EmailPurpose, EmailState
from customers.quiet_hours import keep_the_night
from customers.sealing import Sealed
from customers.services import CustomerNotFound
from finance.errors import DomainError, Kind

LONGEST_EMAIL = 254
CODE_LIVES = timedelta(minutes=30)
CODE_DIGITS = 6
MOST_WRONG_CODES = 5
# Codes asked for one after the other would let anybody fill somebody else's mailbox.
CODE_AGAIN_AFTER = timedelta(minutes=1)


class EmailRefused(DomainError):
    """No e-mail address, or a code for it asked for too soon."""

    code = "email_refused"
    kind = Kind.MALFORMED


class CodeRefused(DomainError):
    """A code that is wrong, too old, or tried too often."""

    code = "code_refused"


class QuietHoursRefused(DomainError):
    """Quiet hours that leave out the night, without the customer's agreement."""

    code = "quiet_hours_refused"


def parse_email(text: str) -> str:
    """The address, its domain in lower case. Error: EmailRefused."""
    address = text.strip()
    name, _at, domain = address.rpartition("@")
    try:
        if len(address) > LONGEST_EMAIL:
            raise ValidationError("too long")
        validate_email(address)
    except ValidationError as error:
        raise EmailRefused(
            _("This is not an e-mail address. It looks like name@example.com."), field="email"
        ) from error
    return f"{name}@{domain.lower()}"


def _locked(customer_id: UUID) -> Contact:
    """The customer's contact, made where there is none, locked until the transaction ends. Error: CustomerNotFound."""
    if not Customer.objects.select_for_update(no_key=True, of=("self",)).filter(pk=customer_id).exists():
        raise CustomerNotFound(_("There is no customer %(id)s.") % {"id": customer_id}, field="customer_id")
    contact, _made = Contact.objects.get_or_create(customer_id=customer_id)
    return contact


@transaction.atomic
def ask_for_email(*, customer_id: UUID, email: str, at: datetime) -> Contact:
    """
    Sends a code to an address that a customer gives. The address they have, if any, stays until the code comes back.

    Errors: CustomerNotFound, EmailRefused when it is none, or when a code was sent within the last minute.
    """
    address = parse_email(email)
    contact = _locked(customer_id)
    if contact.new_email_until is not None and at < contact.new_email_until - CODE_LIVES + CODE_AGAIN_AFTER:
        raise EmailRefused(_("A code was sent a moment ago. Ask for another one in a minute."), field="email")
    code = "".join(secrets.choice("0123456789") for _n in range(CODE_DIGITS))
    contact.new_email_encrypted = sealing.seal(address, field=Sealed.NEW_EMAIL, owner=customer_id)
    contact.new_email_code_encrypted = sealing.seal(code, field=Sealed.NEW_EMAIL_CODE, owner=customer_id)
    contact.new_email_until = at + CODE_LIVES
    contact.wrong_codes = 0
    contact.save()
    # One that waits is sent with the newest code.
    EmailDelivery.objects.get_or_create(
        customer_id=customer_id,
        purpose=EmailPurpose.CONFIRMATION,
        state=EmailState.WAITING,
        defaults={"next_attempt_at": at},
    )
    return contact


def confirm_email(*, customer_id: UUID, code: str, at: datetime) -> Contact:
    """
    Takes the new address as the customer's, when the code that was sent to it comes back in time.

    Errors: CustomerNotFound, CodeRefused. A wrong code is counted, and after five the address is forgotten.
    """
    with transaction.atomic():
        contact = _locked(customer_id)
        address = _confirmed(contact, code.strip(), at)
        if address is not None:
            contact.email_encrypted = sealing.seal(address, field=Sealed.EMAIL, owner=customer_id)
            contact.email_confirmed_at = at
            _forget_new_address(contact)
        contact.save()
    # Refused only now: what was counted has to stay.
    if address is None:
        raise CodeRefused(_("This code is not right. Ask for a new one if you cannot find it."), field="code")
    return contact


def _confirmed(contact: Contact, code: str, at: datetime) -> str | None:
    """The new address when the code is right; None when it is wrong, which is counted."""
    if (
        contact.new_email_encrypted is None
        or contact.new_email_code_encrypted is None
        or contact.new_email_until is None
    ):
        return None
    owner = contact.customer_id
    sent = sealing.unseal(contact.new_email_code_encrypted, field=Sealed.NEW_EMAIL_CODE, owner=owner)
    if at <= contact.new_email_until and hmac.compare_digest(sent.encode(), code.encode()):
        return sealing.unseal(contact.new_email_encrypted, field=Sealed.NEW_EMAIL, owner=owner)
    contact.wrong_codes += 1
    if contact.wrong_codes >= MOST_WRONG_CODES or at > contact.new_email_until:
        _forget_new_address(contact)
    return None


def _forget_new_address(contact: Contact) -> None:
    contact.new_email_encrypted = contact.new_email_code_encrypted = contact.new_email_until = None
    contact.wrong_codes = 0


@transaction.atomic
def remove_email(*, customer_id: UUID) -> Contact:
    """Forgets the customer's address and one that waits for its code. What waits to be e-mailed is then dropped."""
    contact = _locked(customer_id)
    contact.email_encrypted = contact.email_confirmed_at = None
    _forget_new_address(contact)
    contact.save()
    return contact


@transaction.atomic
def set_quiet_hours(
    *,
    customer_id: UUID,
    quiet_from: time,
    quiet_until: time,
    night_agreed: bool,
    language: str,
    at: datetime,
) -> Contact:
    """
    Keeps when a customer is not e-mailed, and the language in which they are.

    Hours that leave out some of 22:00 to 08:00 need the customer's agreement. Errors: CustomerNotFound, QuietHoursRefused.
    """
    if not night_agreed and not keep_the_night(quiet_from, quiet_until):
        raise QuietHoursRefused(
            _("Between 22:00 and 08:00 we write to you only if you agree to it."), field="night_agreed"
        )
    if language not in dict(settings.LANGUAGES):
        raise QuietHoursRefused(_("Choose one of the languages offered."), field="language")
    contact = _locked(customer_id)
    if not night_agreed:
        contact.night_agreed_at = None
    elif contact.night_agreed_at is None:
        contact.night_agreed_at = at
    contact.quiet_from, contact.quiet_until, contact.language = quiet_from, quiet_until, language
    contact.save()
    return contact
