"""PostgreSQL keeps what customers were told, and how they are reached, in order. Each guard is broken here on purpose."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from customers.models import (
    Contact,
    Customer,
    EmailDelivery,
    Login,
    Notice,
    NoticePreference,
    ShopLogin,
    ShopRole,
)
from tests.line_world import a_customer, a_merchant

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    return a_customer()


@pytest.fixture
def notice(customer: Customer) -> Notice:
    return Notice.objects.create(
        customer=customer,
        kind="line.closed",
        figures={"on": "2026-07-01"},
        reference="r",
        noticed_on=date(2026, 7, 1),
        in_app=True,
    )


@pytest.fixture
def delivery(notice: Notice) -> EmailDelivery:
    return EmailDelivery.objects.create(customer=notice.customer, notice=notice, purpose="notice")


def execute(statement: str, *, as_owner: bool = False) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        if as_owner:
            cursor.execute("RESET ROLE")
        cursor.execute(statement)


@pytest.mark.parametrize("table", ["customers_notice", "customers_emaildelivery"])
@pytest.mark.parametrize("verb", ["DELETE FROM", "TRUNCATE"])
def test_nobody_forgets_what_was_told(table: str, verb: str, delivery: EmailDelivery) -> None:
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(f"{verb} {table}")
    cascade = " CASCADE" if verb == "TRUNCATE" else ""
    with pytest.raises(DatabaseError, match="stays as it was told"):
        execute(f"{verb} {table}{cascade}", as_owner=True)


@pytest.mark.parametrize(
    "change",
    [
        "figures = '{}'",
        "kind = 'x'",
        "reference = 'x'",
        "noticed_on = noticed_on - 1",
        "in_app = false",
        "created_at = now() - interval '1 day'",
        "customer_id = gen_random_uuid()",
    ],
)
def test_a_notice_stays_as_it_was_told(change: str, notice: Notice) -> None:
    with pytest.raises(DatabaseError, match="stays as it was told"):
        execute(f"UPDATE customers_notice SET {change}")


def test_a_notice_is_read_once(notice: Notice) -> None:
    execute("UPDATE customers_notice SET read_at = now()")
    for change in ("read_at = NULL", "read_at = now() + interval '1 day'"):
        with pytest.raises(DatabaseError, match="stays as it was told"):
            execute(f"UPDATE customers_notice SET {change}")


def test_a_reference_tells_once(notice: Notice) -> None:
    with pytest.raises(IntegrityError, match="notice_once_per_reference"), transaction.atomic():
        Notice.objects.create(
            customer=notice.customer,
            kind="x",
            figures={},
            reference="r",
            noticed_on="2026-07-01",
            in_app=True,
        )
    with pytest.raises(IntegrityError, match="notice_names_what_it_is"), transaction.atomic():
        Notice.objects.create(
            customer=notice.customer, kind="", figures={}, reference="q", noticed_on="2026-07-01", in_app=True
        )


@pytest.mark.parametrize("state", ["sent", "dropped"])
def test_an_e_mail_that_is_done_stays_done(state: str, delivery: EmailDelivery) -> None:
    sent_at = "now()" if state == "sent" else "NULL"
    execute(f"UPDATE customers_emaildelivery SET state = '{state}', sent_at = {sent_at}")
    with pytest.raises(DatabaseError, match="stays as it was told"):
        execute("UPDATE customers_emaildelivery SET state = 'waiting', sent_at = NULL")


def test_a_parked_e_mail_may_wait_again(delivery: EmailDelivery) -> None:
    execute("UPDATE customers_emaildelivery SET state = 'parked'")
    execute("UPDATE customers_emaildelivery SET state = 'waiting'")


@pytest.mark.parametrize("change", ["created_at = now() - interval '1 day'", "notice_id = NULL", "id = 999"])
def test_an_e_mail_stays_what_it_is_about(change: str, delivery: EmailDelivery) -> None:
    with pytest.raises(DatabaseError, match="stays as it was told"):
        execute(f"UPDATE customers_emaildelivery SET {change}")


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("state = 'lost'", "email_state_known"),
        ("state = 'sent'", "email_sent_has_its_instant"),
        ("sent_at = now()", "email_sent_has_its_instant"),
        ("attempts = -1", "email_attempts_counted"),
    ],
)
def test_an_e_mail_is_in_order(change: str, constraint: str, delivery: EmailDelivery) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        execute(f"UPDATE customers_emaildelivery SET {change}")


@pytest.fixture
def to_shop() -> EmailDelivery:
    login = ShopLogin.objects.create(
        shop=a_merchant().shop, login=Login.objects.create(username="till"), role=ShopRole.VIEWER
    )
    return EmailDelivery.objects.create(
        shop_login=login, purpose="shop", kind="x", figures={"fen": 1}, reference="r"
    )


@pytest.mark.parametrize("change", ["kind = 'y'", "figures = '{}'", "reference = 's'", "shop_login_id = 0"])
def test_an_e_mail_to_a_shop_tells_what_it_told(change: str, to_shop: EmailDelivery) -> None:
    with pytest.raises(DatabaseError, match="stays as it was told"):
        execute(f"UPDATE customers_emaildelivery SET {change}")


def test_an_e_mail_is_to_a_customer_or_a_shop_and_to_a_shop_once_per_reference(
    customer: Customer, to_shop: EmailDelivery
) -> None:
    login, told = to_shop.shop_login, {"kind": "x", "figures": {}, "reference": "s"}
    for wrong in (
        {"shop_login": login, "purpose": "confirmation"},
        {"customer": customer, "purpose": "confirmation", **told},
        {"customer": customer, "shop_login": login, "purpose": "shop", **told},
        {"shop_login": login, "purpose": "shop", **told, "reference": None},
        {"shop_login": login, "purpose": "shop", **told, "kind": ""},
        {"purpose": "confirmation"},
    ):
        with pytest.raises(IntegrityError, match="email_is_to_somebody"), transaction.atomic():
            EmailDelivery.objects.create(**wrong)
    with pytest.raises(IntegrityError, match="emaildelivery_reference"), transaction.atomic():
        EmailDelivery.objects.create(shop_login=login, purpose="shop", **{**told, "reference": "r"})


def test_a_notice_has_one_e_mail_and_one_code_waits(delivery: EmailDelivery) -> None:
    customer, notice = delivery.customer, delivery.notice
    with pytest.raises(IntegrityError, match="notice_id"), transaction.atomic():
        EmailDelivery.objects.create(customer=customer, notice=notice, purpose="notice")
    for purpose, about in (("notice", None), ("confirmation", notice), ("x", None)):
        with pytest.raises(IntegrityError, match=r"email_is_about_something|notice_id"), transaction.atomic():
            EmailDelivery.objects.create(customer=customer, notice=about, purpose=purpose)
    EmailDelivery.objects.create(customer=customer, purpose="confirmation")
    with pytest.raises(IntegrityError, match="email_one_confirmation_waits"), transaction.atomic():
        EmailDelivery.objects.create(customer=customer, purpose="confirmation")


def test_a_preference_is_one_and_over_a_known_channel(customer: Customer) -> None:
    given = {"customer": customer, "kind": "x", "wanted": True, "changed_at": "2026-07-01T00:00Z"}
    NoticePreference.objects.create(channel="email", **given)
    with pytest.raises(IntegrityError, match="notice_preference_once"), transaction.atomic():
        NoticePreference.objects.create(channel="email", **given)
    with pytest.raises(IntegrityError, match="notice_preference_channel_known"), transaction.atomic():
        NoticePreference.objects.create(channel="pigeon", **given)


@pytest.mark.parametrize(
    ("given", "constraint"),
    [
        ({"email_encrypted": b"x"}, "contact_address_is_confirmed"),
        ({"email_confirmed_at": "2026-07-01T00:00Z"}, "contact_address_is_confirmed"),
        ({"new_email_encrypted": b"x"}, "contact_new_address_has_a_code"),
        ({"new_email_code_encrypted": b"x"}, "contact_new_address_has_a_code"),
        ({"wrong_codes": -1}, "contact_wrong_codes_counted"),
        ({"language": "fr"}, "contact_language_known"),
        ({"quiet_from": "23:00"}, "contact_nights_are_quiet_unless_agreed"),
        ({"quiet_until": "07:00"}, "contact_nights_are_quiet_unless_agreed"),
        ({"quiet_from": "08:00", "quiet_until": "08:00"}, "contact_nights_are_quiet_unless_agreed"),
        ({"quiet_from": "08:00", "quiet_until": "22:00"}, "contact_nights_are_quiet_unless_agreed"),
    ],
)
def test_a_contact_is_in_order(given: dict[str, object], constraint: str, customer: Customer) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Contact.objects.create(customer=customer, **given)
    agreed = {"quiet_from": "08:00", "quiet_until": "08:00", "night_agreed_at": "2026-07-01T00:00Z"}
    Contact.objects.create(customer=customer, **agreed)
