"""How the API knows who calls: an API key, or the session of a borrower who signed in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from customers.services.api_keys import caller_of
from web.api import problems
from web.api.callers import Caller, Who

SCHEME = problems.SCHEME


def caller_by_key(request: HttpRequest | Request) -> Caller | None:
    """The owner of the key that a request carries; None when it carries none. Error: AuthenticationFailed."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        return None
    scheme, _space, token = header.partition(" ")
    caller = caller_of(token=token.strip(), at=timezone.now()) if scheme.lower() == SCHEME.lower() else None
    if caller is None:
        raise AuthenticationFailed(_("This API key is not known, or was revoked."))
    return caller


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer cbx_…`."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        """Nobody signed in, and the key's owner as the caller."""
        caller = caller_by_key(request)
        return (None, caller) if caller else None

    def authenticate_header(self, request: Request) -> str:
        """What a stranger is asked for."""
        return SCHEME


class BorrowerSession(SessionAuthentication):
    """The session of the pages; whatever changes something needs the CSRF token too."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        """The login, and the customer behind it as the caller; a login without a customer is staff."""
        signed_in = super().authenticate(request)
        if signed_in is None:
            return None
        login = signed_in[0]
        customer = getattr(login, "customer", None)
        name = f"login:{login.pk}"
        return login, Caller(Who.BORROWER, name, customer.pk) if customer else Caller(Who.STAFF, name)
