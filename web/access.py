"""
Who may open which page. Every view says so, or nobody may.

A page is declared by one of the four decorators here, which also enforce what they declare; a REST view by a
`permission_classes` of its own; a console page by being in the console. `RefuseUndeclared` answers 403 for any other
view, and tests/architecture/test_access.py finds it before that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

View = Callable[..., HttpResponseBase]
log = logging.getLogger(__name__)


class Access(StrEnum):
    """Who a view says may open it."""

    PUBLIC = "public"
    BORROWER = "borrower"
    MERCHANT = "merchant"
    STAFF = "staff"
    CONSOLE = "console"
    API = "api"


def _declared(view: View, access: Access) -> View:
    view.access = access  # type: ignore[attr-defined]
    return view


def public_page(view: View) -> View:
    """Anybody may open it, signed in or not."""

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs)

    return _declared(opened, Access.PUBLIC)


def borrower_page(view: View) -> View:
    """
    Only a customer, about themselves: the view is called with (request, customer, …).

    Anonymous visitors go to the sign-in page; a login that no customer stands behind is told so (403). What the page
    shows is read for that customer only, and no cache keeps it.
    """

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        customer = getattr(request.user, "customer", None)
        if customer is None:
            return render(request, "no_customer.html", status=403)
        response = view(request, customer, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return _declared(opened, Access.BORROWER)


# What a browser may do that changes nothing.
SAFE = ("GET", "HEAD", "OPTIONS")


def merchant_page(view: View) -> View:
    """
    Only somebody who signs in for a shop, about that shop: the view is called with (request, shop_login, …).

    Anonymous visitors go to the sign-in page; a login that acts for no shop is refused (403), and so is one that may only
    look and would write. What the page shows is read for that shop only, and no cache keeps it.
    """

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        shop_login = getattr(request.user, "shop_login", None)
        if shop_login is None or not (request.method in SAFE or shop_login.may_write):
            raise PermissionDenied
        response = view(request, shop_login, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return _declared(opened, Access.MERCHANT)


def staff_page(permission: str) -> Callable[[View], View]:
    """Only staff who hold `permission` ("app.codename"); anonymous visitors go to the sign-in page."""

    def declare(view: View) -> View:
        @wraps(view)
        def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not (request.user.is_staff and request.user.has_perm(permission)):
                raise PermissionDenied
            response = view(request, *args, **kwargs)
            add_never_cache_headers(response)
            return response

        return _declared(opened, Access.STAFF)

    return declare


def _says_permission_classes(view: View) -> bool:
    """Whether a REST view names its permission classes itself, rather than falling back on the default."""
    if "permission_classes" in getattr(view, "initkwargs", {}):
        return True
    libraries = ("rest_framework.", "drf_spectacular.")
    return any(
        "permission_classes" in vars(cls)
        for cls in getattr(view, "cls").__mro__  # noqa: B009
        if not cls.__module__.startswith(libraries)
    )


def declared_access(view: View) -> Access | None:
    """The access rule a view declares; None where it declares none."""
    if access := getattr(view, "access", None):
        return Access(access)
    if hasattr(view, "admin_site") or hasattr(view, "model_admin"):
        return Access.CONSOLE
    if hasattr(view, "cls") and _says_permission_classes(view):
        return Access.API
    return None


class RefuseUndeclared:
    """Middleware: a view that does not say who may open it is opened by nobody."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> None:
        if declared_access(view) is None:
            log.error(
                "%s refused: %s declares no access rule", request.path, getattr(view, "__qualname__", view)
            )
            raise PermissionDenied
