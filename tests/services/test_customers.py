"""Registering people, finding them, what they allow, how they sign in."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import override_settings

from customers import sealing, selectors, services
from customers.identity import InvalidIdentity, check_character, synthetic_national_id
from customers.models import Consent, Customer, Login
from customers.sealing import SealBroken, Sealed
from customers.services import (
    ConsentError,
    CustomerNotFound,
    IdentityConflict,
    LoginRefused,
    Registration,
)

pytestmark = pytest.mark.django_db

DAY = date(2026, 6, 1)
NOON = datetime(2026, 6, 1, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
PASSWORD = "correct horse battery"


def national_id(sequence: int) -> str:
    """A national ID of Hangzhou, well-formed, of somebody born on 17 May 1990."""
    first_17 = f"33010619900517{sequence:03d}"
    return first_17 + check_character(first_17)


def register(sequence: int = 1, *, full_name: str = "张三", phone: str | None = "13800138000") -> Customer:
    return services.register_customer(
        full_name=full_name,
        national_id=national_id(sequence),
        phone=phone,
        is_student=False,
        registered_on=DAY,
        identity_verified_on=DAY,
    )


def registration(sequence: int, **changes: object) -> Registration:
    values: dict[str, object] = {
        "full_name": f"客户{sequence}",
        "national_id": national_id(sequence),
        "phone": f"139{sequence:08d}",
        "is_student": False,
        "registered_on": DAY,
    }
    return Registration(**{**values, **changes})  # type: ignore[arg-type]


def test_a_person_is_registered_with_the_birth_date_of_the_national_id() -> None:
    customer = register()
    stored = Customer.objects.get(id=customer.id)
    assert (stored.full_name, stored.born_on, stored.is_student) == ("张三", date(1990, 5, 17), False)
    assert (stored.registered_on, stored.identity_verified_on) == (DAY, DAY)
    assert selectors.national_id_of(stored) == national_id(1)
    assert selectors.phone_of(stored) == "13800138000"


def test_numbers_are_shown_masked() -> None:
    customer = register()
    assert selectors.masked_national_id(customer) == f"330***********{national_id(1)[-4:]}"
    assert selectors.masked_phone(customer) == "138****8000"
    assert selectors.masked_phone(register(2, phone=None)) == ""


def test_the_same_person_again_is_the_customer_who_registered_before() -> None:
    first = register()
    again = services.register_customer(
        full_name=" 张三 ",
        national_id=f" {national_id(1).lower()}",
        phone="13900139000",
        is_student=True,
        registered_on=DAY + timedelta(days=1),
        identity_verified_on=None,
    )
    assert again.id == first.id
    assert (again.registered_on, again.is_student, selectors.phone_of(again)) == (DAY, False, "13800138000")
    assert Customer.objects.count() == 1


def test_a_national_id_under_another_name_is_refused() -> None:
    register()
    with pytest.raises(IdentityConflict, match="another name") as refusal:
        register(full_name="李四")
    assert refusal.value.field == "full_name"
    assert Customer.objects.count() == 1


def test_the_database_itself_keeps_one_customer_per_national_id() -> None:
    known = register()
    with pytest.raises(IntegrityError, match="customer_one_per_national_id"), transaction.atomic():
        Customer.objects.create(
            full_name="李四",
            born_on=known.born_on,
            registered_on=DAY,
            national_id_encrypted=b"x",
            national_id_index=known.national_id_index,
        )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"full_name": " "}, "full_name"),
        ({"national_id": "330106199005170011"}, "national_id"),
        ({"national_id": synthetic_national_id(DAY, 1)}, "national_id"),  # born on the day of registration
        ({"phone": "110"}, "phone"),
    ],
)
def test_bad_input_names_its_field_and_row_and_changes_nothing(
    changes: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidIdentity) as refusal:
        services.register_customers(
            registrations=[registration(1), registration(2, **changes), registration(3)]
        )
    assert refusal.value.field == f"registrations.1.{field}"
    bad = registration(2, **changes)
    with pytest.raises(InvalidIdentity) as refusal:
        services.register_customer(
            full_name=bad.full_name,
            national_id=bad.national_id,
            phone=bad.phone,
            is_student=False,
            registered_on=DAY,
        )
    assert refusal.value.field == field
    assert not Customer.objects.exists()


def test_many_are_registered_in_the_order_given_and_known_or_repeated_people_once() -> None:
    known = register(2, full_name="客户2")
    ids = services.register_customers(
        registrations=[registration(3), registration(2), registration(1), registration(3)]
    )
    assert ids[1] == known.id
    assert ids[0] == ids[3]
    names = {customer.id: customer.full_name for customer in Customer.objects.all()}
    assert [names[customer_id] for customer_id in ids] == ["客户3", "客户2", "客户1", "客户3"]
    assert len(names) == 3
    assert services.register_customers(registrations=[]) == []


@pytest.mark.parametrize("known_before", [True, False])
def test_many_are_refused_together_when_one_has_another_name(known_before: bool) -> None:
    if known_before:
        register(3, full_name="王五")
        people = [registration(1), registration(3)]
    else:
        people = [registration(1), registration(1, full_name="王五")]
    before = Customer.objects.count()
    with pytest.raises(IdentityConflict) as refusal:
        services.register_customers(registrations=people)
    assert refusal.value.field == "registrations.1.full_name"
    assert Customer.objects.count() == before


def test_thirty_thousand_people_register_in_seconds() -> None:
    people = [
        Registration(f"客户{n}", synthetic_national_id(date(1980, 1, 1), n), f"138{n:08d}", False, DAY)
        for n in range(30_000)
    ]
    started = time.perf_counter()
    ids = services.register_customers(registrations=people)
    seconds = time.perf_counter() - started
    assert len(set(ids)) == 30_000
    # It takes 1.6 s on two idle cores; one row at a time would take a minute even there.
    assert seconds < 30


def test_people_are_found_by_their_numbers() -> None:
    parent, child, other = register(1), register(2), register(3, phone="13900139000")
    assert selectors.find_by_national_id(f" {national_id(3).lower()} ") == other
    assert selectors.find_by_national_id(national_id(4)) is None
    assert set(selectors.find_by_phone("+86 138 0013 8000")) == {parent, child}
    assert not selectors.find_by_phone("13700137000").exists()
    with pytest.raises(InvalidIdentity):
        selectors.find_by_national_id("330106")


def test_no_table_holds_a_national_id_or_phone_in_the_clear() -> None:
    customer = register(1, phone="13612345678")
    services.create_login(customer_id=customer.id, username="zhang", password=PASSWORD, at=NOON)
    services.grant_consent(customer_id=customer.id, purpose="credit_score", at=NOON)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        dump = ""
        for table in tables:
            cursor.execute(f'SELECT given::text FROM "{table}" AS given')
            dump += "\n".join(row[0] for row in cursor.fetchall())
    assert "张三" in dump, "the dump holds the customer"
    assert bytes(customer.national_id_index).hex() in dump, "and shows bytes in hexadecimal"
    for number in (national_id(1), "13612345678", national_id(1)[:14], "12345678"):
        for spelling in (number, number[::-1], number.encode().hex(), number.encode("utf-16-le").hex()):
            assert spelling not in dump


def test_a_number_copied_to_another_customer_cannot_be_read() -> None:
    victim, thief = register(1), register(2)
    Customer.objects.filter(id=thief.id).update(national_id_encrypted=victim.national_id_encrypted)
    thief.refresh_from_db()
    with pytest.raises(SealBroken):
        selectors.national_id_of(thief)


def test_rotation_seals_everything_with_the_newest_key_and_the_old_one_can_go() -> None:
    old, new = (f"{letter * 43}=" for letter in "AE")
    with override_settings(IDENTITY_KEYS=[old]):
        ids = services.register_customers(registrations=[registration(n) for n in range(1, 6)])
        services.register_customer(
            full_name="无电话", national_id=national_id(6), phone=None, is_student=False, registered_on=DAY
        )
    with override_settings(IDENTITY_KEYS=[new, old]):
        register(7)
        said = StringIO()
        call_command("rotate_identity_keys", stdout=said)
        assert "6" in said.getvalue()
        assert services.rotate_identity_keys() == 0
    with override_settings(IDENTITY_KEYS=[new]):
        found = selectors.find_by_national_id(national_id(3))
        assert found is not None
        assert found.id == ids[2]
        assert [selectors.national_id_of(customer) for customer in Customer.objects.order_by("full_name")]
        assert selectors.phone_of(found) == "13900000003"


def test_rotation_stops_where_a_needed_key_is_gone_and_loses_nothing() -> None:
    customer = register()
    before = bytes(customer.national_id_encrypted)
    with override_settings(IDENTITY_KEYS=[f"{'A' * 43}="]), pytest.raises(SealBroken, match="IDENTITY_KEYS"):
        services.rotate_identity_keys()
    customer.refresh_from_db()
    assert bytes(customer.national_id_encrypted) == before


def test_more_than_one_batch_is_rotated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_RESEAL_BATCH", 2)
    services.register_customers(registrations=[registration(n) for n in range(1, 6)])
    old = settings.IDENTITY_KEYS
    with override_settings(IDENTITY_KEYS=[f"{'A' * 43}=", *old]):
        assert services.rotate_identity_keys() == 5


def test_a_consent_lives_from_its_grant_until_its_withdrawal() -> None:
    customer = register()

    def allows(at: datetime) -> bool:
        return selectors.allows(customer_id=customer.id, purpose="credit_score", at=at)

    services.grant_consent(customer_id=customer.id, purpose="credit_score", at=NOON)
    services.withdraw_consent(customer_id=customer.id, purpose="credit_score", at=NOON + HOUR)
    services.grant_consent(customer_id=customer.id, purpose="credit_score", at=NOON + 3 * HOUR)
    second = timedelta(seconds=1)
    assert [allows(NOON - second), allows(NOON), allows(NOON + HOUR - second)] == [False, True, True]
    assert [allows(NOON + HOUR), allows(NOON + 2 * HOUR), allows(NOON + 3 * HOUR)] == [False, False, True]
    assert not selectors.allows(customer_id=customer.id, purpose="wallet_assets", at=NOON)
    assert not selectors.allows(customer_id=register(2).id, purpose="credit_score", at=NOON)
    live = selectors.live_consents(customer_id=customer.id, at=NOON + 4 * HOUR)
    assert [consent.purpose for consent in live] == ["credit_score"]


def test_granting_or_withdrawing_twice_is_doing_it_once() -> None:
    customer = register()
    first = services.grant_consent(customer_id=customer.id, purpose="credit_score", at=NOON)
    assert services.grant_consent(customer_id=customer.id, purpose="credit_score", at=NOON + HOUR) == first
    withdrawn = services.withdraw_consent(customer_id=customer.id, purpose="credit_score", at=NOON + HOUR)
    again = services.withdraw_consent(customer_id=customer.id, purpose="credit_score", at=NOON + 2 * HOUR)
    assert (again, again.withdrawn_at) == (withdrawn, NOON + HOUR)
    assert Consent.objects.count() == 1


@pytest.mark.parametrize("purpose", ["", "Score", "1st", "x" * 41, "a b"])
def test_a_purpose_is_a_name(purpose: str) -> None:
    with pytest.raises(ConsentError) as refusal:
        services.grant_consent(customer_id=register().id, purpose=purpose, at=NOON)
    assert refusal.value.field == "purpose"


def test_consents_cannot_overlap_or_end_before_they_begin() -> None:
    customer = register()
    with pytest.raises(ConsentError, match="never granted"):
        services.withdraw_consent(customer_id=customer.id, purpose="credit_score", at=NOON)
    services.grant_consent(customer_id=customer.id, purpose="credit_score", at=NOON)
    with pytest.raises(ConsentError, match="cannot be withdrawn before"):
        services.withdraw_consent(customer_id=customer.id, purpose="credit_score", at=NOON - HOUR)
    services.withdraw_consent(customer_id=customer.id, purpose="credit_score", at=NOON + HOUR)
    with pytest.raises(ConsentError, match="cannot be granted before"):
        services.grant_consent(customer_id=customer.id, purpose="credit_score", at=NOON)


def test_a_login_belongs_to_its_customer_and_is_made_once() -> None:
    customer = register()
    login = services.create_login(customer_id=customer.id, username="zhang", password=PASSWORD, at=NOON)
    assert Customer.objects.get(login__username="zhang") == customer
    assert (login.date_joined, login.is_staff) == (NOON, False)
    assert authenticate(username="zhang", password=PASSWORD) == login
    again = services.create_login(customer_id=customer.id, username="zhang", password="another", at=NOON)
    assert again == login
    assert authenticate(username="zhang", password=PASSWORD) == login, "the password stays"
    with pytest.raises(LoginRefused, match="another user name"):
        services.create_login(customer_id=customer.id, username="san", password=PASSWORD, at=NOON)


@pytest.mark.parametrize(
    ("username", "password", "field"),
    [
        ("taken", PASSWORD, "username"),
        ("", PASSWORD, "username"),
        ("a b", PASSWORD, "username"),
        ("zhang", "1", "password"),
    ],
)
def test_a_login_that_cannot_be_made_names_the_field_and_changes_nothing(
    username: str, password: str, field: str
) -> None:
    Login.objects.create_user("taken")
    customer = register()
    with pytest.raises(LoginRefused) as refusal:
        services.create_login(customer_id=customer.id, username=username, password=password, at=NOON)
    assert refusal.value.field == field
    assert Login.objects.count() == 1
    assert Customer.objects.get(id=customer.id).login is None


def test_a_customer_who_is_not_there_is_said_to_be_missing() -> None:
    nobody = uuid4()
    with pytest.raises(CustomerNotFound):
        services.grant_consent(customer_id=nobody, purpose="credit_score", at=NOON)
    with pytest.raises(CustomerNotFound):
        services.withdraw_consent(customer_id=nobody, purpose="credit_score", at=NOON)
    with pytest.raises(CustomerNotFound):
        services.create_login(customer_id=nobody, username="zhang", password=PASSWORD, at=NOON)


@pytest.mark.parametrize(
    ("keys", "index_key", "said"),
    [
        (["c2hvcnQ="], f"{'A' * 43}=", "IDENTITY_KEYS: a key must be 32 random bytes"),
        (["not base64!"], f"{'A' * 43}=", "IDENTITY_KEYS: a key must be 32 random bytes"),
        ([f"{'A' * 43}="], "x", "IDENTITY_INDEX_KEY: a key must be 32 random bytes"),
        ([f"{'A' * 43}="] * 2, f"{'A' * 43}=", "listed twice"),
        ([], f"{'A' * 43}=", "at least one key"),
    ],
)
def test_unusable_keys_are_told_by_the_system_check(keys: list[str], index_key: str, said: str) -> None:
    from customers.checks import identity_keys_are_usable

    assert identity_keys_are_usable(None) == []
    with override_settings(IDENTITY_KEYS=keys, IDENTITY_INDEX_KEY=index_key):
        (error,) = identity_keys_are_usable(None)
    assert said in str(error.msg)


def test_a_seal_says_what_is_wrong_without_the_number() -> None:
    customer = register()
    with pytest.raises(SealBroken) as refusal:
        sealing.unseal(b"", field=Sealed.PHONE, owner=customer.id)
    assert str(customer.id) in refusal.value.message
