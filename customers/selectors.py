"""Reading customers: by their numbers, masked for display, what they allow, how they are reached and what they were told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from customers import identity, sealing
from customers.models import Channel, Consent, Contact, Customer, Notice, NoticePreference
from customers.notices import Message, Step, kinds, message_of
from customers.sealing import Sealed


def find_by_national_id(national_id: str) -> Customer | None:
    """The customer with this national ID. InvalidIdentity for what is no national ID."""
    number = identity.parse_national_id(national_id).number
    return Customer.objects.filter(
        national_id_index=sealing.blind_index(number, field=Sealed.NATIONAL_ID)
    ).first()


def find_by_phone(phone: str) -> QuerySet[Customer]:
    """The customers with this phone; families share one. InvalidIdentity for what is no mobile number."""
    number = identity.parse_phone(phone)
    return Customer.objects.filter(phone_index=sealing.blind_index(number, field=Sealed.PHONE)).order_by("id")


def national_id_of(customer: Customer) -> str:
    """The national ID in full: for the identity check and the credit reference, not for a page. Errors: SealBroken."""
    return sealing.unseal(customer.national_id_encrypted, field=Sealed.NATIONAL_ID, owner=customer.id)


def phone_of(customer: Customer) -> str | None:
    """The phone in full, where one is known: to send a code or a notice to. Errors: SealBroken."""
    if customer.phone_encrypted is None:
        return None
    return sealing.unseal(customer.phone_encrypted, field=Sealed.PHONE, owner=customer.id)


def masked_national_id(customer: Customer) -> str:
    """`330***********1234`, for pages and the console."""
    return identity.mask_national_id(national_id_of(customer))


def masked_phone(customer: Customer) -> str:
    """`138****8000`, for pages and the console; empty where no phone is known."""
    phone = phone_of(customer)
    return identity.mask_phone(phone) if phone else ""


def live_consents(*, customer_id: UUID, at: datetime) -> QuerySet[Consent]:
    """What the customer allows at this instant: granted at or before it, and not withdrawn until after it."""
    return Consent.objects.filter(
        Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gt=at), customer_id=customer_id, granted_at__lte=at
    ).order_by("purpose")


def allows(*, customer_id: UUID, purpose: str, at: datetime) -> bool:
    """Whether the customer's consent to this purpose is live at this instant."""
    return live_consents(customer_id=customer_id, at=at).filter(purpose=purpose).exists()


def registered_ids(*, on: date) -> list[UUID]:
    """The ids of everybody registered on or before a date, in ascending order."""
    return list(Customer.objects.filter(registered_on__lte=on).order_by("id").values_list("id", flat=True))


def names_of(customer_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The names of customers by id; unknown ids are left out."""
    return dict(Customer.objects.filter(pk__in=set(customer_ids)).values_list("pk", "full_name"))


def contact_of(customer_id: UUID) -> Contact:
    """How the customer is reached; what holds for who never said anything, not stored, where they did not."""
    return Contact.objects.filter(pk=customer_id).first() or Contact(customer_id=customer_id)


def email_of(contact: Contact) -> str | None:
    """The confirmed address in full, where there is one: to write to. Errors: SealBroken."""
    return _unsealed(contact, contact.email_encrypted, Sealed.EMAIL)


def new_email_of(contact: Contact) -> str | None:
    """The address that waits for its code, in full. Errors: SealBroken."""
    return _unsealed(contact, contact.new_email_encrypted, Sealed.NEW_EMAIL)


def new_email_code_of(contact: Contact) -> str | None:
    """The code that was sent to the new address, for the e-mail that brings it. Errors: SealBroken."""
    return _unsealed(contact, contact.new_email_code_encrypted, Sealed.NEW_EMAIL_CODE)


def _unsealed(contact: Contact, sealed: bytes | memoryview | None, field: Sealed) -> str | None:
    return None if sealed is None else sealing.unseal(sealed, field=field, owner=contact.customer_id)


def mask_email(address: str) -> str:
    """`l***@example.com`, for pages and the console."""
    name, _at, domain = address.rpartition("@")
    return f"{name[:1]}***@{domain}"[:80]


def masked_email(contact: Contact) -> str:
    """The confirmed address, masked; empty where there is none."""
    address = email_of(contact)
    return mask_email(address) if address else ""


@dataclass(frozen=True, slots=True)
class Told:
    """A notice and its message, which speaks the language of the reader."""

    notice: Notice
    message: Message

    @property
    def title(self) -> str:
        """The message in one line."""
        return self.message.title()

    @property
    def body(self) -> list[str]:
        """What there is to say beyond it."""
        return self.message.body()

    @property
    def step(self) -> Step | None:
        """What the reader may do about it."""
        return self.message.step()


def told(notice: Notice) -> Told:
    """A notice with its message. Error: UnreadableNotice."""
    return Told(notice, message_of(notice.kind, notice.figures))


def notices_of(customer_id: UUID, *, before: int | None = None, most: int = 20) -> list[Told]:
    """The customer's notices in the app, newest first; `before`: those older than this one."""
    found = Notice.objects.filter(customer_id=customer_id, in_app=True).order_by("-pk")
    if before is not None:
        found = found.filter(pk__lt=before)
    return [told(notice) for notice in found[:most]]


def own_notice(*, customer_id: UUID, notice_id: int) -> Told | None:
    """One of the customer's own notices in the app."""
    notice = Notice.objects.filter(pk=notice_id, customer_id=customer_id, in_app=True).first()
    return told(notice) if notice else None


def unread_notices(customer_id: UUID, *, most: int = 100) -> int:
    """How many notices in the app the customer has not read, counted up to `most`."""
    unread = Notice.objects.filter(customer_id=customer_id, in_app=True, read_at__isnull=True)
    return unread[:most].count()


@dataclass(frozen=True, slots=True)
class Preference:
    """Whether a customer is told one kind of thing in the app and by e-mail."""

    message: type[Message]
    in_app: bool
    email: bool


def preferences_of(customer_id: UUID) -> list[Preference]:
    """What a customer is told over which channel, by kind."""
    rows = NoticePreference.objects.filter(customer_id=customer_id)
    said = {(row.kind, row.channel): row.wanted for row in rows}
    return [
        Preference(
            message,
            message.mandatory or said.get((message.kind, Channel.IN_APP), True),
            said.get((message.kind, Channel.EMAIL), message.by_email),
        )
        for message in kinds()
    ]
