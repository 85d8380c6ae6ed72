"""Reading customers: by their numbers, masked for display, and what they allow."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from customers import identity, sealing
from customers.models import Consent, Customer
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
