"""What who signs in for a shop is e-mailed: once per reference, to whoever has an address by then."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.core import mail

from customers.models import EmailDelivery, Login, ShopLogin, ShopRole
from customers.notices import kinds
from customers.services.mail import send_waiting_emails
from customers.services.notices import mail_shop
from huabei.notices import CampaignNearlySpent
from tests.line_world import a_merchant

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
NEARLY_SPENT = CampaignNearlySpent("Summer", 80_00, 100_00)


def a_shop_login(shop_id: UUID, username: str, email: str) -> ShopLogin:
    """Who signs in for a shop, at this address."""
    login = Login.objects.create(username=username, email=email)
    return ShopLogin.objects.create(shop_id=shop_id, login=login, role=ShopRole.VIEWER)


def test_who_signs_in_for_a_shop_is_e_mailed_once_and_nobody_else() -> None:
    shop, other = a_merchant(), a_merchant()
    reader = a_shop_login(shop.pk, "one", "one@example.com")
    a_shop_login(shop.pk, "silent", "")
    a_shop_login(other.pk, "two", "two@example.com")
    left = a_shop_login(shop.pk, "left", "left@example.com")
    Login.objects.filter(pk=left.login_id).update(is_active=False)
    for _again in range(2):
        mail_shop(shop_id=shop.pk, message=NEARLY_SPENT, reference="alert:1")
    row = EmailDelivery.objects.get()
    assert (row.shop_login, row.reference) == (reader, f"alert:1:{reader.pk}")
    EmailDelivery.objects.update(next_attempt_at=NOON)
    assert [send_waiting_emails(at=NOON).sent for _again in range(2)] == [1, 0]
    (letter,) = mail.outbox
    assert (letter.to, letter.body.startswith("您好，Test")) == (["one@example.com"], True)
    assert "¥80.00" in letter.body
    assert "http" not in letter.body


def test_who_has_no_address_any_more_is_not_sent_what_waits() -> None:
    shop = a_merchant()
    reader = a_shop_login(shop.pk, "one", "one@example.com")
    mail_shop(shop_id=shop.pk, message=NEARLY_SPENT, reference="alert:1")
    Login.objects.filter(pk=reader.login_id).update(email="")
    EmailDelivery.objects.update(next_attempt_at=NOON)
    assert send_waiting_emails(at=NOON).dropped == 1
    assert mail.outbox == []


def test_customers_are_not_asked_about_what_shops_are_told() -> None:
    assert CampaignNearlySpent not in kinds()
