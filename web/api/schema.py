"""
The OpenAPI document: what every operation says of itself, and what is said of all of them.

`operation` describes one method of an endpoint; who may call it, its filters and its paging are read off the endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, cast

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers

from finance.errors import DomainError
from web.api.callers import SCOPES, Allowed, Who
from web.api.problems import CONTENT_TYPE, STATUS_OF, TITLES
from web.api.reading import LARGEST_PAGE, LONGEST_KEY, PAGE_SIZE, Fields

F = TypeVar("F", bound=Callable[..., Any])

PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details. `code` is stable; title, detail and messages speak the language that "
    "Accept-Language asks for.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
                "required": ["field", "code", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "code", "detail", "errors"],
}

PAGING = [
    OpenApiParameter(
        "cursor", {"type": "string", "format": "uuid"}, description="`next_cursor` of the page before."
    ),
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE_SIZE},
        description="The size of a page.",
    ),
]

WHO = {
    Who.SHOP: "a shop",
    Who.LENDER: "the lender's own systems",
    Who.BORROWER: "a borrower who is signed in (session cookie; X-CSRFToken where something changes)",
    Who.STAFF: "staff",
}


def operation(
    name: str,
    *,
    summary: str,
    answer: type[Fields] | Mapping[str, Any] | OpenApiTypes,
    answer_type: str = "application/json",
    body: type[Fields] | Mapping[str, Any] | None = None,
    status: int = 200,
    many: bool = False,
    keyed: bool = False,
    refusals: Sequence[type[DomainError]] = (),
    example: Any = None,
    example_body: Any = None,
    tag: str,
) -> Callable[[F], F]:
    """
    Describes one method: its docstring is the description. `example_body` is sent and `example` answered, in a test.

    `many` says that the answer is a page of what `answer` describes, `keyed` that it moves money and takes an
    Idempotency-Key, `refusals` which errors of the domain it answers. What is no JSON says its `answer_type` and has
    no example: it is a file with an ETag, and answers 304 to who has it.
    """
    examples = []
    if example_body is not None:
        examples.append(OpenApiExample(f"{name} request", value=example_body, request_only=True))
    if example is not None:
        shown = {"items": [example], "next_cursor": None} if many else example
        examples.append(
            OpenApiExample(f"{name} answer", value=shown, response_only=True, status_codes=[str(status)])
        )
    answered: Any = _page(answer) if many and isinstance(answer, type) else answer
    responses: dict[Any, Any] = {(status, answer_type): answered}
    if answer_type != "application/json":
        responses[304] = OpenApiResponse(description="If-None-Match names the file as it is.")

    def describe(method: F) -> F:
        described: Any = extend_schema(
            operation_id=name,
            summary=summary,
            request={"application/json": body} if isinstance(body, Mapping) else body,
            responses=responses,
            examples=examples,
            tags=[tag],
        )(method)
        described.described = {"keyed": keyed, "refusals": tuple(refusals), "has_body": body is not None}
        return cast(F, described)

    return describe


@cache
def _page(kind: type[Fields]) -> Any:
    return inline_serializer(
        name=f"{kind.__name__.removesuffix('Out')}Page",
        fields={
            "items": kind(many=True),
            "next_cursor": serializers.UUIDField(
                allow_null=True, help_text="Give it as `cursor` for the next page; null on the last."
            ),
        },
    )


class Operations(AutoSchema):
    """What an endpoint declares, as OpenAPI."""

    def _method(self) -> Any:
        return getattr(self.view, self.method.lower())

    def _allowed(self) -> Allowed | None:
        allowed: Allowed | None = getattr(self.view, "allowed", {}).get(self.method)
        return allowed

    def get_description(self) -> str:  # type: ignore[override]
        """The docstring of the method, and who may call it."""
        text = " ".join((self._method().__doc__ or "").split())
        allowed = self._allowed()
        if allowed is None:
            return text
        scope = f", with an API key of scope `{allowed.scope}`" if allowed.scope else ""
        return f"{text}\n\nCalled by {WHO[allowed.who]}{scope}."

    def get_auth(self) -> list[dict[str, list[str]]]:
        """A key or the session."""
        allowed = self._allowed()
        if allowed is None:
            return []
        return [{"session": []}] if allowed.who == Who.BORROWER else [{"apiKey": []}]

    def get_override_parameters(self) -> list[Any]:
        """The Idempotency-Key, and the query's parameters."""
        described = getattr(self._method(), "described", {})
        parameters = []
        if described.get("keyed"):
            parameters.append(
                OpenApiParameter(
                    "Idempotency-Key",
                    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
                    OpenApiParameter.HEADER,
                    required=True,
                    description="Yours, new for each new request. The same request under it again is answered as the first "
                    "time, with the header `Idempotency-Replayed: true`; another request under it is refused (409). "
                    "What was refused may be sent again under its key.",
                )
            )
        if self.method == "GET":
            if getattr(self.view, "paged", False):
                parameters += PAGING
            for name, field in getattr(self.view, "filters", {}).items():
                parameters.append(
                    OpenApiParameter(name, described_field(field), description=str(field.help_text or ""))
                )
        return parameters

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        """What is declared, and the problems that may come instead."""
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status, codes in sorted(self._problems().items()):
            text = f"{TITLES[status]}: {', '.join(f'`{code}`' for code in dict.fromkeys(codes))}."
            bodies[str(status)] = {"description": text, "content": {CONTENT_TYPE: {"schema": PROBLEM_REF}}}
        return bodies

    def _problems(self) -> dict[int, list[str]]:
        """The codes of problems by their status."""
        described, allowed = getattr(self._method(), "described", {}), self._allowed()
        codes: dict[int, list[str]] = {}
        if allowed:
            codes |= {400: ["invalid_request"], 401: ["not_authenticated", "authentication_failed"]}
            codes |= {
                403: ["wrong_caller"],
                406: ["not_acceptable"],
                429: ["throttled"],
                500: ["internal_error"],
                503: ["bank_not_open"],
            }
            codes[403] += ["missing_scope"] if allowed.scope else []
            if allowed.who == Who.BORROWER and self.method != "GET":
                codes[403] += ["permission_denied"]  # without the CSRF token
        if described.get("has_body"):
            codes |= {413: ["too_large"], 415: ["unsupported_media_type"]}
            codes[400] = [*codes.get(400, []), "malformed_json"]
        if "{" in self.path or getattr(self.view, "may_lack", False):
            codes[404] = ["not_found"]
        for refusal in described.get("refusals", ()):
            codes.setdefault(STATUS_OF[refusal.kind], []).append(refusal.code)
        return codes


PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}


def described_field(field: Any) -> dict[str, Any]:
    """The schema of one of the strict fields, as a filter."""
    schema: dict[str, Any] = field._spectacular_annotation["field"]
    return schema


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """What no operation can say for itself: the shape of problems, the ways to say who calls, the scopes."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    scopes = "; ".join(f"`{scope}` ({WHO[who]})" for scope, (who, _text) in SCOPES.items())
    components["securitySchemes"] = {
        "apiKey": {"type": "http", "scheme": "bearer", "description": f"An API key. Scopes: {scopes}."},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "A borrower's session.",
        },
    }
    return result
