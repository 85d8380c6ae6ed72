"""Writing customers: registering people, their consents and their logins. Nothing else writes these tables."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from customers import identity, sealing
from customers.identity import InvalidIdentity
from customers.models import Consent, Customer, Login
from customers.sealing import Sealed
from finance.errors import DomainError, Kind


class IdentityConflict(DomainError):
    """The national ID is registered under another name."""

    code = "identity_conflict"
    kind = Kind.CONFLICT


class CustomerNotFound(DomainError):
    """No customer has this id."""

    code = "customer_not_found"
    kind = Kind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Registration:
    """One person to register. `identity_verified_on` is None until the identity was checked."""

    full_name: str
    national_id: str
    phone: str | None
    is_student: bool
    registered_on: date
    identity_verified_on: date | None = None


def register_customer(
    *,
    full_name: str,
    national_id: str,
    phone: str | None,
    is_student: bool,
    registered_on: date,
    identity_verified_on: date | None = None,
) -> Customer:
    """
    The customer with this national ID: a new one, or the one who registered before, unchanged.

    The date of birth is the one in the national ID. Whatever else differs for a person who is known is not taken over:
    a new phone is a change of its own. Errors: InvalidIdentity (field says which), IdentityConflict when the national
    ID is registered under another name.
    """
    registration = Registration(
        full_name, national_id, phone, is_student, registered_on, identity_verified_on
    )
    return Customer.objects.get(id=_register([registration], paths=[""])[0])


def register_customers(*, registrations: Sequence[Registration]) -> list[UUID]:
    """
    Registers many people at once, all of them or, on any error, none: their customer ids in the order given.

    The same rules as `register_customer`, also within the list: a person listed twice is one customer. Errors name
    their row and field, such as `registrations.17.phone`, counted from 0. Registers 30,000 in about a second.
    """
    return _register(registrations, paths=[f"registrations.{n}." for n in range(len(registrations))])


@dataclass(frozen=True, slots=True)
class _Person:
    """A registration whose every field is right."""

    full_name: str
    national_id: str
    national_id_index: bytes
    phone: str | None
    born_on: date


def _checked(registration: Registration) -> _Person:
    full_name = identity.parse_name(registration.full_name)
    national_id = identity.parse_national_id(registration.national_id)
    phone = identity.parse_phone(registration.phone) if registration.phone is not None else None
    if national_id.born_on >= registration.registered_on:
        raise InvalidIdentity(
            _("The date of birth in the national ID, %(born_on)s, must be before the registration on %(on)s.")
            % {"born_on": national_id.born_on, "on": registration.registered_on},
            field="national_id",
        )
    index = sealing.blind_index(national_id.number, field=Sealed.NATIONAL_ID)
    return _Person(full_name, national_id.number, index, phone, national_id.born_on)


# One JSON document instead of arrays: Django binds in the client, where ten arrays cost more than the insertion.
_INSERT = """
INSERT INTO customers_customer
    (id, full_name, born_on, is_student, national_id_encrypted, national_id_index, phone_encrypted, phone_index,
     identity_verified_on, registered_on)
SELECT id, full_name, born_on, is_student, decode(national_id_encrypted, 'hex'), decode(national_id_index, 'hex'),
       decode(phone_encrypted, 'hex'), decode(phone_index, 'hex'), identity_verified_on, registered_on
FROM json_to_recordset(%s::json) AS given
    (id uuid, full_name text, born_on date, is_student bool, national_id_encrypted text, national_id_index text,
     phone_encrypted text, phone_index text, identity_verified_on date, registered_on date)
ON CONFLICT (national_id_index) DO NOTHING
"""

_KNOWN = """
SELECT national_id_index, id, full_name FROM customers_customer
WHERE national_id_index IN (SELECT decode(value, 'hex') FROM json_array_elements_text(%s::json))
"""


def _register(registrations: Sequence[Registration], *, paths: Sequence[str]) -> list[UUID]:
    people: list[_Person] = []
    new: dict[bytes, dict[str, object]] = {}
    for registration, path in zip(registrations, paths, strict=True):
        try:
            person = _checked(registration)
        except InvalidIdentity as error:
            raise InvalidIdentity(error.message, field=f"{path}{error.field}") from error
        people.append(person)
        if person.national_id_index not in new:
            new[person.national_id_index] = _row(registration, person)
    if not people:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        # In the order of the index: two lists that share people wait for each other instead of deadlocking.
        cursor.execute(_INSERT, [json.dumps([new[index] for index in sorted(new)])])
        cursor.execute(_KNOWN, [json.dumps([index.hex() for index in new])])
        known = {
            bytes(index): (customer_id, full_name) for index, customer_id, full_name in cursor.fetchall()
        }
        for person, path in zip(people, paths, strict=True):
            if known[person.national_id_index][1] != person.full_name:
                raise IdentityConflict(
                    _(
                        "This national ID is registered under another name: give the name as it was registered."
                    ),
                    field=f"{path}full_name",
                )
    return [known[person.national_id_index][0] for person in people]


def _row(registration: Registration, person: _Person) -> dict[str, object]:
    customer_id = uuid.uuid4()
    phone = person.phone
    verified_on = registration.identity_verified_on
    return {
        "id": str(customer_id),
        "full_name": person.full_name,
        "born_on": person.born_on.isoformat(),
        "is_student": registration.is_student,
        "national_id_encrypted": sealing.seal(
            person.national_id, field=Sealed.NATIONAL_ID, owner=customer_id
        ).hex(),
        "national_id_index": person.national_id_index.hex(),
        "phone_encrypted": sealing.seal(phone, field=Sealed.PHONE, owner=customer_id).hex()
        if phone
        else None,
        "phone_index": sealing.blind_index(phone, field=Sealed.PHONE).hex() if phone else None,
        "identity_verified_on": verified_on.isoformat() if verified_on else None,
        "registered_on": registration.registered_on.isoformat(),
    }


class ConsentError(DomainError):
    """A consent that was never given, or one that would overlap what was recorded before."""

    code = "consent_error"


_PURPOSE = re.compile(r"[a-z][a-z0-9_.:-]{0,39}")


def _consents_in_order(customer_id: UUID, purpose: str) -> Consent | None:
    """The latest consent to this purpose, with the customer locked, so that consents of one customer come in turn."""
    if not Customer.objects.select_for_update(no_key=True).filter(id=customer_id).exists():
        raise CustomerNotFound(_("There is no customer %(id)s.") % {"id": customer_id}, field="customer_id")
    return (
        Consent.objects.filter(customer_id=customer_id, purpose=purpose).order_by("granted_at", "id").last()
    )


@transaction.atomic
def grant_consent(*, customer_id: UUID, purpose: str, at: datetime) -> Consent:
    """
    The customer's live consent to `purpose`: granted at this instant, or before, if it still lives.

    Purposes are lower-case names such as `credit_score` or `score_query:partner`. Errors: CustomerNotFound,
    ConsentError when the purpose is no name or the last consent was withdrawn after `at`.
    """
    if _PURPOSE.fullmatch(purpose) is None:
        raise ConsentError(
            _("A purpose is 1 to 40 lower-case letters, digits and . _ : - and begins with a letter."),
            field="purpose",
        )
    latest = _consents_in_order(customer_id, purpose)
    if latest is not None and latest.withdrawn_at is None:
        return latest
    if latest is not None and latest.withdrawn_at is not None and latest.withdrawn_at > at:
        raise ConsentError(
            _("The last consent was withdrawn at %(at)s: a new one cannot be granted before that.")
            % {"at": latest.withdrawn_at.isoformat()},
            field="at",
        )
    return Consent.objects.create(customer_id=customer_id, purpose=purpose, granted_at=at)


@transaction.atomic
def withdraw_consent(*, customer_id: UUID, purpose: str, at: datetime) -> Consent:
    """
    The customer's consent to `purpose`, withdrawn at this instant, or before, if it was.

    Errors: CustomerNotFound, ConsentError when it was never granted or only after `at`.
    """
    latest = _consents_in_order(customer_id, purpose)
    if latest is None:
        raise ConsentError(_("This consent was never granted."), field="purpose")
    if latest.withdrawn_at is not None:
        return latest
    if latest.granted_at > at:
        raise ConsentError(
            _("The consent was granted at %(at)s: it cannot be withdrawn before that.")
            % {"at": latest.granted_at.isoformat()},
            field="at",
        )
    latest.withdrawn_at = at
    latest.save(update_fields=["withdrawn_at"])
    return latest


class LoginRefused(DomainError):
    """A login that cannot be made: the name is taken, the password is weak, or the customer has one already."""

    code = "login_refused"


@transaction.atomic
def create_login(*, customer_id: UUID, username: str, password: str, at: datetime) -> Login:
    """
    The customer's login, made at this instant, or the one made before under the same user name, unchanged.

    Errors: CustomerNotFound; LoginRefused, with the field: a user name that is taken or malformed, a weak password, or
    a customer who signs in under another name.
    """
    customer = Customer.objects.select_for_update(no_key=True, of=("self",)).filter(id=customer_id).first()
    if customer is None:
        raise CustomerNotFound(_("There is no customer %(id)s.") % {"id": customer_id}, field="customer_id")
    if customer.login is not None:
        if customer.login.username == username:
            return customer.login
        raise LoginRefused(_("This customer signs in under another user name."), field="username")
    login = Login(username=username, date_joined=at)
    try:
        login.clean_fields(exclude=["password"])
        validate_password(password, login)
    except ValidationError as error:
        field = "username" if hasattr(error, "error_dict") else "password"
        raise LoginRefused(" ".join(error.messages), field=field) from error
    login.set_password(password)
    try:
        with transaction.atomic():
            login.save(force_insert=True)
    except IntegrityError as error:
        raise LoginRefused(_("This user name is taken: choose another."), field="username") from error
    customer.login = login
    customer.save(update_fields=["login"])
    return login


_RESEAL_BATCH = 2000

# The tables with sealed values: by the key that names whose they are, and the field that each column was sealed for.
_SEALED_COLUMNS: Mapping[tuple[str, str], Mapping[str, Sealed]] = {
    ("customers_customer", "id"): {
        "national_id_encrypted": Sealed.NATIONAL_ID,
        "phone_encrypted": Sealed.PHONE,
    },
    ("customers_contact", "customer_id"): {
        "email_encrypted": Sealed.EMAIL,
        "new_email_encrypted": Sealed.NEW_EMAIL,
        "new_email_code_encrypted": Sealed.NEW_EMAIL_CODE,
    },
}


def rotate_identity_keys() -> int:
    """
    Seals with the newest key whatever an older one sealed; returns how many records were re-sealed.

    In short transactions of their own, so it may be stopped and run again at any time; the blind indexes stay as they
    are. Errors: SealBroken when a needed older key is no longer in settings.IDENTITY_KEYS.
    """
    return sum(_resealed_table(*table, columns) for table, columns in _SEALED_COLUMNS.items())


def _resealed_table(table: str, key: str, columns: Mapping[str, Sealed]) -> int:
    # Names of tables and columns are those above, never anything that was given.
    stale = " OR ".join(f"substring({column} FOR 5) <> %(header)s" for column in columns)
    find = f"""
SELECT {key}, {", ".join(columns)} FROM {table}
WHERE {key} > %(after)s AND ({stale}) ORDER BY {key} LIMIT %(batch)s FOR NO KEY UPDATE
"""  # noqa: S608
    reseal = f"""
UPDATE {table} AS record SET {", ".join(f"{column} = given.{column}" for column in columns)}
FROM unnest(%b::uuid[], {", ".join("%b::bytea[]" for _column in columns)}) AS given (owner, {", ".join(columns)})
WHERE record.{key} = given.owner
"""  # noqa: S608
    resealed, after = 0, UUID(int=0)
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(find, {"after": after, "header": sealing.current_header(), "batch": _RESEAL_BATCH})
            rows = cursor.fetchall()
            if not rows:
                return resealed
            owners = [row[0] for row in rows]
            values = [
                [_resealed(row[n], field, row[0]) for row in rows]
                for n, field in enumerate(columns.values(), start=1)
            ]
            cursor.execute(reseal, [owners, *values])
        resealed += len(rows)
        after = owners[-1]


def _resealed(sealed: bytes | None, field: Sealed, owner: UUID) -> bytes | None:
    if sealed is None:
        return None
    return sealing.seal(sealing.unseal(sealed, field=field, owner=owner), field=field, owner=owner)
