"""
Every refusal of the API, as RFC 9457 problem details: this module alone knows statuses and their words.

A `DomainError` becomes the status of its `kind`; requests that cannot be read, callers that may not, and what nobody
expected are told in the same form. `errors` names each field at fault and says what would be right.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.response import Response

from finance.errors import DomainError, Kind
from web.access import public_page

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
SCHEME = "Bearer"

STATUS_OF: Mapping[Kind, int] = {
    Kind.REFUSED: 422,
    Kind.MALFORMED: 400,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.UNAVAILABLE: 503,
}

TITLES: Mapping[int, Any] = {
    400: gettext_lazy("The request cannot be read"),
    401: gettext_lazy("Who is calling?"),
    403: gettext_lazy("Not allowed"),
    404: gettext_lazy("Not found"),
    405: gettext_lazy("Method not allowed"),
    406: gettext_lazy("Only JSON is answered"),
    409: gettext_lazy("In conflict with what exists"),
    413: gettext_lazy("The request is too large"),
    415: gettext_lazy("Only JSON is read"),
    422: gettext_lazy("Refused by a rule"),
    429: gettext_lazy("Too many requests"),
    500: gettext_lazy("Something went wrong on our side"),
    503: gettext_lazy("Not available now"),
}

# What services call their arguments, where the request calls them otherwise.
_FIELDS = {"reference": "Idempotency-Key", "line_id": "line"}

Headers = Mapping[str, str]


def problem(status: int, code: str, detail: str, errors: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    """The members of one problem."""
    return {
        "type": f"urn:creditbox:problem:{code}",
        "title": str(TITLES[status]),
        "status": status,
        "code": code,
        "detail": detail,
        "errors": list(errors),
    }


def of_domain(error: DomainError) -> dict[str, Any]:
    """A refusal of the domain as a problem."""
    message = str(error.message)
    errors = [{"field": "", "code": code, "message": text} for code, text in error.reasons]
    if error.field and not errors:
        field = _FIELDS.get(error.field, error.field)
        errors = [{"field": field, "code": error.code, "message": message}]
    return problem(STATUS_OF[error.kind], error.code, message, errors)


def response(members: Mapping[str, Any], headers: Headers | None = None) -> HttpResponse:
    """A problem as the answer of a plain view."""
    body = json.dumps(members, ensure_ascii=False)
    return HttpResponse(body, status=members["status"], content_type=CONTENT_TYPE, headers=headers)


def answer(error: Exception) -> tuple[dict[str, Any], dict[str, str]]:
    """The problem that an exception is, and the headers that go with it. What nobody expected is logged and is a 500."""
    if isinstance(error, DomainError):
        return of_domain(error), {}
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(*error.args)
    if isinstance(error, exceptions.APIException):
        return _of_framework(error), _headers(error)
    if isinstance(error, RequestDataTooBig):
        return problem(413, "too_large", _("Send less at once.")), {}
    log.error("the API failed", exc_info=error)
    detail = _("It was noted. Send the request again with the same Idempotency-Key: it happens at most once.")
    return problem(500, "internal_error", detail), {}


def handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """What REST framework calls for every exception of a view."""
    members, headers = answer(error)
    return Response(members, status=members["status"], headers=headers, content_type=CONTENT_TYPE)


def _of_framework(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        return problem(
            400,
            "invalid_request",
            _("Something in the request is not as it should be."),
            list(_flat(error.detail)),
        )
    status = error.status_code
    detail, code = str(error.detail), str(getattr(error.detail, "code", error.default_code))
    if isinstance(error, exceptions.ParseError):
        code = "malformed_json"
    elif isinstance(error, exceptions.NotFound):
        detail = _("There is nothing at this address for this caller.")
    return problem(status if status in TITLES else 400, code, detail)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if error.status_code == 401:
        headers["WWW-Authenticate"] = SCHEME
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(max(int(wait), 1))
    return headers


def _flat(detail: Any, path: str = "") -> Iterable[dict[str, str]]:
    """Each message of a nested validation error, with the dotted path of its field."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            place = path if name == "non_field_errors" else f"{path}.{name}" if path else str(name)
            yield from _flat(inner, place)
    elif isinstance(detail, list):
        for position, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from _flat(inner, f"{path}[{position}]" if nested else path)
    else:
        yield {"field": path, "code": str(getattr(detail, "code", "invalid")), "message": str(detail)}


@public_page
def nothing_here(request: HttpRequest) -> HttpResponse:
    """Any address of the API that no endpoint has."""
    detail = _("There is no such endpoint. Addresses end with a slash; /api/v1/docs/ lists them.")
    return response(problem(404, "no_such_endpoint", detail))
