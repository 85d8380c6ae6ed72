"""
Every address of the site says who may open it, and means it.

The whole URL configuration is walked, so a new page is covered on the day it is added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.permissions import IsAuthenticated
from rest_framework.views import APIView

from customers.models import Login, Shop
from customers.services.shop_logins import create_shop_login
from web.access import (
    Access,
    RefuseUndeclared,
    View,
    borrower_page,
    declared_access,
    merchant_page,
    public_page,
    staff_page,
)
from web.api.callers import SCOPES, Who
from web.api.views import Endpoint

# What stands in for each kind of parameter when an address is opened to see who is let in.
EXAMPLES: dict[str, Any] = {"IntConverter": 1, "UUIDConverter": UUID(int=1), "SlugConverter": "x"}


def addresses(resolver: URLResolver, before: str = "/") -> Iterator[tuple[str, View]]:
    """Every address below a resolver, with examples for its parameters, and its view."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, before + filled(pattern))
        else:
            yield before + filled(pattern), pattern.callback


def filled(pattern: URLPattern | URLResolver) -> str:
    """The route of one pattern with examples in place of its parameters."""
    converters = getattr(pattern.pattern, "converters", {})
    route = str(pattern.pattern)
    for name, converter in converters.items():
        example = str(EXAMPLES.get(type(converter).__name__, "1"))
        route = re.sub(rf"<(\w+:)?{name}>", example, route)
    if not converters and "(" in route:  # the console's regular expressions
        route = re.sub(r"\(\?P<app_label>(\w+)[^)]*\)", r"\1", route).replace("(?P<url>.*)$", "x")
    return route.strip("^").removesuffix("$").replace("/$", "/")


ADDRESSES = list(addresses(get_resolver()))
WITH_ACCESS = [(address, declared_access(view)) for address, view in ADDRESSES]


def of(*access: Access) -> list[str]:
    """The addresses that declare one of these rules."""
    return [address for address, declared in WITH_ACCESS if declared in access]


def test_every_address_declares_who_may_open_it() -> None:
    assert [address for address, declared in WITH_ACCESS if declared is None] == []
    assert {"/", "/login/", "/console/"} <= {address for address, _declared in WITH_ACCESS}


def test_what_is_public_is_listed_here() -> None:
    assert sorted(of(Access.PUBLIC)) == [
        "/api/",
        "/api/v1/docs/",
        "/api/v1/schema/",
        "/console/login/",
        "/language/",
        "/login/",
        "/logout/",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("address", of(Access.BORROWER, Access.MERCHANT, Access.STAFF, Access.CONSOLE))
def test_a_stranger_is_sent_to_sign_in(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 302, f"{address} answers {answer.status_code} to a stranger"
    assert answer["Location"].split("?")[0] in {"/login/", "/console/login/", "/console/"}


@pytest.mark.django_db
@pytest.mark.parametrize("address", of(Access.STAFF, Access.CONSOLE))
def test_a_borrower_does_not_get_into_a_staff_page(client: Client, address: str) -> None:
    client.force_login(Login.objects.create_user("borrower"))
    assert client.get(address).status_code in {302, 403}


@pytest.mark.django_db
@pytest.mark.parametrize("address", of(Access.MERCHANT))
def test_nobody_but_who_signs_in_for_a_shop_gets_into_its_pages(client: Client, address: str) -> None:
    client.force_login(Login.objects.create_superuser("chief"))
    assert client.get(address).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("address", of(Access.MERCHANT))
def test_who_may_only_look_for_a_shop_writes_nothing(client: Client, address: str) -> None:
    shop = Shop.objects.create(name="Test", category="test", registered_on=date(2026, 1, 1))
    viewer = create_shop_login(
        shop_id=shop.pk, username="viewer", password="a long test phrase", role="viewer", at=timezone.now()
    )
    client.force_login(viewer.login)
    assert client.post(address).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("address", [a for a in of(Access.CONSOLE) if a.count("/") > 3])
def test_staff_without_a_role_see_no_record(client: Client, address: str) -> None:
    client.force_login(Login.objects.create_user("new", is_staff=True))
    harmless = {"/console/password_change/", "/console/password_change/done/", "/console/jsi18n/"}
    assert client.get(address).status_code in {302, 403, 404} or address in harmless


@pytest.mark.django_db
@pytest.mark.parametrize("address", of(Access.API))
def test_a_stranger_is_refused_by_the_api(client: Client, address: str) -> None:
    assert client.get(address).status_code in {401, 403, 405}


ENDPOINTS = [
    (address, getattr(view, "cls", None))
    for address, view in ADDRESSES
    if declared_access(view) == Access.API
]


@pytest.mark.parametrize(("address", "endpoint"), ENDPOINTS)
def test_every_endpoint_says_who_may_call_each_of_its_methods(address: str, endpoint: Any) -> None:
    assert issubclass(endpoint, Endpoint), f"{address} is no web.api.views.Endpoint"
    methods = {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(endpoint, name)}
    assert methods == endpoint.allowed.keys(), f"{address}: methods and those allowed differ"
    for allowed in endpoint.allowed.values():
        if allowed.who in (Who.SHOP, Who.LENDER):
            assert allowed.scope, f"{address}: a key needs a scope"
            assert SCOPES[allowed.scope][0] == allowed.who, f"{address}: no such caller can have this scope"
    for who in {allowed.who for allowed in endpoint.allowed.values()}:
        assert address.startswith("/api/v1/me/") == (who == Who.BORROWER), f"{address} is about whom?"


def undeclared(request: HttpRequest) -> HttpResponse:
    return HttpResponse("open to all by mistake")


class Undeclared(APIView):
    """Leaves its permission classes to the default."""


class Declared(APIView):
    permission_classes = [IsAuthenticated]


@pytest.mark.parametrize(
    ("view", "access"),
    [
        (undeclared, None),
        (public_page(undeclared), Access.PUBLIC),
        (borrower_page(undeclared), Access.BORROWER),
        (merchant_page(undeclared), Access.MERCHANT),
        (staff_page("auth.view_group")(undeclared), Access.STAFF),
        (Undeclared.as_view(), None),
        (Undeclared.as_view(permission_classes=[IsAuthenticated]), Access.API),
        (Declared.as_view(), Access.API),
    ],
)
def test_a_declaration_is_read_off_the_view(view: View, access: Access | None) -> None:
    assert declared_access(view) == access


def test_an_undeclared_view_is_opened_by_nobody() -> None:
    request = RequestFactory().get("/")
    gate = RefuseUndeclared(lambda request: HttpResponse())
    with pytest.raises(PermissionDenied):
        gate.process_view(request, undeclared, (), {})
    gate.process_view(request, public_page(undeclared), (), {})


@pytest.mark.django_db
def test_a_staff_page_wants_the_permission_and_not_only_a_staff_login(client: Client) -> None:
    page = staff_page("auth.view_group")(undeclared)
    request = RequestFactory().get("/")
    request.user = Login.objects.create_user("new", is_staff=True)
    with pytest.raises(PermissionDenied):
        page(request)
    request.user = Login.objects.create_superuser("chief")
    assert page(request).status_code == 200


@pytest.mark.django_db
def test_every_answer_tells_the_browser_what_to_refuse(client: Client) -> None:
    headers = client.get("/login/").headers
    assert headers["Content-Security-Policy"].startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'"
    )
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    cookies = client.cookies
    assert cookies["csrftoken"]["httponly"] is True
    assert cookies["csrftoken"]["samesite"] == "Lax"
