"""What staff may do in the console, by role; and that lists stay quick however long they get."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from customers.models import Login
from ledger.admin import ACCOUNT_NAMES
from ledger.chart import CHART
from ledger.models import Entry
from operations import staff
from operations.staff import ADMINISTRATOR, ROLES, UNDERWRITER, UnknownPermission, set_up_roles
from web.console import RecordAdmin

pytestmark = pytest.mark.django_db


def staff_login(role: str) -> Login:
    """A staff login with one role."""
    set_up_roles()
    login = Login.objects.create_user(role.lower(), is_staff=True)
    login.groups.set([Group.objects.get(name=role)])
    return login


@pytest.mark.parametrize("role", [UNDERWRITER, ADMINISTRATOR])
def test_no_role_may_delete_anything(role: str) -> None:
    assert [name for name in ROLES[role] if ".delete_" in name] == []


# The buttons on lists: each makes a service call per record chosen.
ACTIONS = {"customers.emaildelivery": {"retry"}, "payments.paymentorder": {"look_again"}}


@pytest.mark.parametrize("model_admin", admin.site._registry.values(), ids=lambda a: a.opts.label_lower)
def test_not_even_a_superuser_deletes_or_edits_a_record(model_admin: admin.ModelAdmin) -> None:  # type: ignore[type-arg]
    request = RequestFactory().get("/")
    request.user = Login.objects.create_superuser("chief")
    assert not model_admin.has_delete_permission(request)
    assert set(model_admin.get_actions(request)) == ACTIONS.get(model_admin.opts.label_lower, set())
    if model_admin.opts.label_lower != "customers.login":
        assert isinstance(model_admin, RecordAdmin)
        assert not model_admin.has_change_permission(request)
        # A key to the API is made here, through its service; nothing else is.
        made_here = model_admin.opts.label_lower == "customers.apikey"
        assert model_admin.has_add_permission(request) == made_here


@pytest.mark.parametrize(
    ("role", "address", "status"),
    [
        (UNDERWRITER, "/console/customers/customer/", 200),
        (UNDERWRITER, "/console/ledger/transfer/", 200),
        (UNDERWRITER, "/console/customers/login/", 403),
        (UNDERWRITER, "/console/operations/closestep/", 403),
        (ADMINISTRATOR, "/console/customers/login/", 200),
        (ADMINISTRATOR, "/console/operations/closestep/", 200),
    ],
)
def test_what_each_role_sees(client: Client, role: str, address: str, status: int) -> None:
    client.force_login(staff_login(role))
    assert client.get(address).status_code == status


def test_an_administrator_cannot_make_or_change_a_superuser(client: Client) -> None:
    client.force_login(staff_login(ADMINISTRATOR))
    chief, clerk = Login.objects.create_superuser("chief"), Login.objects.create_user("clerk")
    assert (
        client.post(f"/console/customers/login/{chief.pk}/change/", {"username": "mine"}).status_code == 403
    )
    assert client.post(f"/console/customers/login/{chief.pk}/password/", {}).status_code == 403
    form = {"username": "clerk", "is_active": "on", "is_staff": "on", "is_superuser": "on", "_save": ""}
    assert client.post(f"/console/customers/login/{clerk.pk}/change/", form).status_code == 302
    clerk.refresh_from_db()
    assert clerk.is_staff
    assert not clerk.is_superuser


def test_setting_up_the_roles_again_takes_back_what_was_added() -> None:
    set_up_roles()
    group = Group.objects.get(name=UNDERWRITER)
    group.permissions.add(*Group.objects.get(name=ADMINISTRATOR).permissions.all())
    set_up_roles()
    assert group.permissions.count() == len(ROLES[UNDERWRITER])


def test_a_role_with_a_mistyped_permission_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff, "ROLES", {"Typist": ("customers.veiw_customer",)})
    with pytest.raises(UnknownPermission, match=r"customers\.veiw_customer"):
        set_up_roles()


def test_the_journal_is_never_counted_whole(client: Client) -> None:
    client.force_login(staff_login(ADMINISTRATOR))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get("/console/ledger/entry/")
    counts = [q["sql"] for q in queries if "COUNT(*)" in q["sql"] and Entry._meta.db_table in q["sql"]]
    assert counts
    assert all("LIMIT 10000" in count for count in counts)


def test_every_type_of_the_chart_has_a_name_in_the_console() -> None:
    assert set(CHART) == set(ACCOUNT_NAMES)


def test_a_link_does_not_sign_staff_out(client: Client) -> None:
    client.force_login(staff_login(UNDERWRITER))
    assert client.get("/console/logout/").status_code == 405
    assert client.get("/console/").status_code == 200
    assert client.post("/console/logout/").status_code == 302
    assert client.get("/console/").status_code == 302


def test_the_front_page_of_an_empty_bank_opens(client: Client) -> None:
    client.force_login(staff_login(ADMINISTRATOR))
    client.cookies["django_language"] = "en"
    shown = client.get("/console/").content.decode()
    assert "Today" in shown
    assert "Last close" not in shown
