"""API keys in the console: an administrator makes one, sees its token once, and revokes it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from customers.models import ApiKey, Login
from operations.staff import ADMINISTRATOR, UNDERWRITER, set_up_roles
from tests.api.world import Api
from tests.borrowers import shop

pytestmark = pytest.mark.django_db
NEW = "/console/customers/apikey/add/"


def staff(role: str) -> Client:
    """Somebody of a role, in the console."""
    set_up_roles()
    login = Login.objects.create_user(role, is_staff=True)
    login.groups.add(Group.objects.get(name=role))
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(login)
    return client


def asked(**given: Any) -> dict[str, Any]:
    return {"name": "checkout", "shop": "", "scopes": ["lines:read"], "per_minute": "600", **given}


def test_an_administrator_makes_a_key_sees_it_once_and_revokes_it() -> None:
    console = staff(ADMINISTRATOR)
    merchant = shop()
    assert "Make a key" in console.get(NEW).content.decode()
    page = console.post(NEW, asked(shop=str(merchant.pk), scopes=["purchases:read"]), follow=True)
    found = re.search(r"cbx_[0-9a-f]{12}_[0-9a-f]{48}", page.content.decode())
    assert found
    key = ApiKey.objects.get()
    assert (key.shop_id, key.scopes, key.per_minute, key.created_by) == (
        merchant.pk,
        ["purchases:read"],
        600,
        ADMINISTRATOR,
    )
    assert Api(found[0]).get("purchases/").status_code == 200
    again = console.get(f"/console/customers/apikey/{key.pk}/change/").content.decode()
    assert found[0] not in again
    assert "Revoke this key" in again
    console.post(f"/console/customers/apikey/{key.pk}/revoke/")
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert (
        "Revoke this key" not in console.get(f"/console/customers/apikey/{key.pk}/change/").content.decode()
    )
    assert "checkout" in console.get("/console/customers/apikey/").content.decode()


@pytest.mark.parametrize(
    "given",
    [
        {"name": ""},
        {"scopes": []},
        {"scopes": ["purchases:read"]},
        {"shop": "00000000-0000-0000-0000-000000000001"},
        {"per_minute": "0"},
    ],
)
def test_what_makes_no_sense_is_said_beside_its_field(given: dict[str, Any]) -> None:
    page = staff(ADMINISTRATOR).post(NEW, asked(**given))
    assert page.status_code == 200
    assert "errorlist" in page.content.decode()
    assert not ApiKey.objects.exists()


def test_an_underwriter_neither_makes_nor_revokes_keys() -> None:
    console = staff(UNDERWRITER)
    assert console.post(NEW, asked()).status_code == 403
    assert console.post("/console/customers/apikey/1/revoke/").status_code == 403
    assert not ApiKey.objects.exists()
