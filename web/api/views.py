"""
The base of every endpoint.

    class Repayments(Endpoint):
        allowed = {"GET": Allowed(Who.LENDER, Scope.LINES_READ), "POST": Allowed(Who.LENDER, Scope.REPAYMENTS_WRITE)}

        @operation("recordRepayment", body=RepaymentIn, answer=RepaymentOut, ...)
        def post(self, request, line_uuid):
            ...

A method that `allowed` does not name is called by nobody. What is somebody else's is looked up among one's own, and so not
found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import (
    ErrorDetail,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    Throttled,
    ValidationError,
)
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from web import throttle
from web.api.callers import Allowed, Caller
from web.api.identifiers import number_of, public_id
from web.api.reading import (
    LARGEST_PAGE,
    PAGE_SIZE,
    Fields,
    Identifier,
    JSONParser,
    Whole,
    is_key,
    read_query,
)
from web.documents.answers import CONTENT_TYPE

KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
PAGING: Mapping[str, Any] = {"cursor": Identifier(), "limit": Whole(least=1, most=LARGEST_PAGE)}


def require_allowed(caller: Caller | None, allowed: Allowed | None) -> None:
    """NotAuthenticated or PermissionDenied unless this caller may call what is so declared."""
    if caller is None:
        raise NotAuthenticated(
            _("Send an API key as “Authorization: Bearer …”, or sign in where the endpoint is for borrowers.")
        )
    if allowed is None or caller.who != allowed.who:
        raise PermissionDenied(_("This endpoint is not for this kind of caller."), code="wrong_caller")
    if allowed.scope and allowed.scope not in caller.scopes:
        raise PermissionDenied(
            _("The key needs the scope %(scope)s.") % {"scope": allowed.scope}, code="missing_scope"
        )


def require_rate(caller: Caller) -> None:
    """Throttled when this caller has called too often."""
    wait = throttle.take(caller.name, caller.per_minute)
    if wait is not None:
        raise Throttled(wait, _("Call again later, and less often."))


def idempotency_key(given: str | None) -> str:
    """The key of a request that moves money. Error: ValidationError when it is missing or no key."""
    if given is None or not is_key(given):
        text = _("It must be 1 to 48 printable characters without spaces, new for each new request.")
        raise ValidationError({KEY_HEADER: [ErrorDetail(text, "missing" if given is None else "invalid")]})
    return given


class PDF(JSONRenderer):
    """Lets a caller ask for a document by its media type; what is refused instead is a problem all the same."""

    media_type = CONTENT_TYPE
    format = "pdf"


class IsAllowed(BasePermission):
    """Who an endpoint's `allowed` names for the method; a method it has not is answered as such."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """True, or an error that says why not."""
        assert isinstance(view, Endpoint)
        if not isinstance(request.auth, Caller):
            raise NotAuthenticated(
                _(
                    "Send an API key as “Authorization: Bearer …”, or sign in where the endpoint is for borrowers."
                )
            )
        if hasattr(view, str(request.method).lower()):
            require_allowed(request.auth, view.allowed.get(str(request.method).replace("HEAD", "GET")))
        return True


class Endpoint(APIView):
    """One address: JSON in and out, strictly read, for the callers that `allowed` names."""

    allowed: ClassVar[Mapping[str, Allowed]] = {}
    filters: ClassVar[Mapping[str, Any]] = {}
    paged: ClassVar[bool] = False
    # Whether it is about something of the caller's that there may be none of: then it answers `not_found`.
    may_lack: ClassVar[bool] = False

    permission_classes = [IsAllowed]
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    metadata_class = None
    http_method_names = ["get", "post", "put", "delete", "head"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who is it, may they, not too often; then the query, of which every parameter must be known."""
        super().initial(request, *args, **kwargs)
        known = (
            {**self.filters, **(PAGING if self.paged else {})} if request.method in ("GET", "HEAD") else {}
        )
        self.query: dict[str, Any] = read_query(dict(request.query_params.lists()), known)

    def check_throttles(self, request: Request) -> None:
        """Once for each request of a known caller."""
        require_rate(self.caller)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """No cache keeps what is for one caller."""
        finished = super().finalize_response(request, response, *args, **kwargs)
        finished["Cache-Control"] = "no-store"
        return finished

    @property
    def caller(self) -> Caller:
        """Who calls."""
        assert isinstance(self.request.auth, Caller)
        return self.request.auth

    @property
    def owner(self) -> UUID:
        """The shop or the borrower who calls."""
        assert self.caller.owner
        return self.caller.owner

    def body(self, kind: type[Fields]) -> dict[str, Any]:
        """The request's body, read. Error: ValidationError, ParseError."""
        read = kind(data=self.request.data)
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def key(self) -> str:
        """The Idempotency-Key of the request."""
        return idempotency_key(self.request.headers.get(KEY_HEADER))

    def number(self, kind: str, identifier: UUID) -> int:
        """The number behind a public identifier of the address. Error: NotFound."""
        number = number_of(kind, identifier)
        if number is None:
            raise NotFound
        return number

    def answer(
        self, kind: type[Fields], record: Any, *, status: int = 200, replayed: bool = False
    ) -> Response:
        """One record. `replayed` says that this very request was answered before."""
        headers = {REPLAYED_HEADER: "true"} if replayed else None
        return Response(kind(record).data, status=status, headers=headers)

    def page(
        self,
        kind: type[Fields],
        records: QuerySet[Any],
        *,
        complete: Callable[[list[Any]], list[Any]] = list,
    ) -> Response:
        """
        One page of records, newest first: by number, from after the cursor on, so that what is added or removed in between
        moves nothing. `complete` reads what the page's records are answered with besides. Error: ValidationError for a
        cursor of another list.
        """
        label = f"cursor:{type(self).__qualname__}"
        if cursor := self.query.get("cursor"):
            before = number_of(label, cursor)
            if before is None:
                text = _("This cursor is of another list: take the one that came with the page before.")
                raise ValidationError({"cursor": [ErrorDetail(text, "invalid")]})
            records = records.filter(pk__lt=before)
        size: int = self.query.get("limit", PAGE_SIZE)
        found: list[Model] = list(records.order_by("-pk")[: size + 1])
        following = public_id(label, found[size - 1].pk) if len(found) > size else None
        return Response({"items": kind(complete(found[:size]), many=True).data, "next_cursor": following})
