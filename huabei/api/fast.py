"""
Authorising, on the shortest way: a plain view, one SQL statement for the money, and the key remembered from seconds ago.

`Authorisations` describes it for the document and says who may call it; `authorise` is what is called. What it answers is
made of what the purchase keeps from its beginning, so a repeat is answered alike, to the byte.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed, UnsupportedMediaType

from customers.authentication import caller_by_key
from finance.money import format_yuan
from huabei.api.shapes import EXAMPLE_AUTHORISATION, PURCHASE, AuthorisationIn, AuthorisationOut
from huabei.campaigning import campaign_for
from huabei.errors import (
    AmountRefused,
    CampaignOver,
    CategoryNotAllowed,
    InstalmentsNotOffered,
    LimitExceeded,
    LineNotActive,
    LineNotFound,
    MerchantNotAccepting,
    MerchantNotAllowed,
    RequestConflict,
)
from huabei.services.purchases import authorise_held
from web.api import problems
from web.api.callers import Allowed, Scope, Who
from web.api.day import business_date, held_day
from web.api.identifiers import public_id
from web.api.reading import Identifier, Yuan, read_json
from web.api.schema import operation
from web.api.views import (
    KEY_HEADER,
    REPLAYED_HEADER,
    Endpoint,
    idempotency_key,
    require_allowed,
    require_rate,
)

_KEY = f"HTTP_{KEY_HEADER.upper().replace('-', '_')}"
_REPLAYED = {REPLAYED_HEADER: "true"}


class Authorisations(Endpoint):
    """What is documented of `authorise`."""

    allowed = {"POST": Allowed(Who.SHOP, Scope.PURCHASES_WRITE)}
    http_method_names = ["post"]

    @operation(
        "authorisePurchase",
        summary="Authorise a purchase",
        body=AuthorisationIn,
        answer=AuthorisationOut,
        status=201,
        keyed=True,
        refusals=(
            AmountRefused,
            CampaignOver,
            InstalmentsNotOffered,
            LimitExceeded,
            LineNotActive,
            LineNotFound,
            CategoryNotAllowed,
            MerchantNotAccepting,
            MerchantNotAllowed,
            RequestConflict,
        ),
        example_body={"line": EXAMPLE_AUTHORISATION["line"], "amount": "128.50"},
        example=EXAMPLE_AUTHORISATION,
        tag="Purchases",
    )
    def post(self, request: Any) -> None:
        """
        Reserves an amount on a customer's line; in instalments under the campaign of the shop that pays their fee, if one
        runs. The Idempotency-Key becomes the purchase's `reference`; capture, void and
        refund the purchase by its `id`.
        """


@csrf_exempt
def authorise(request: HttpRequest) -> HttpResponse:
    """Reserves an amount on a line, for a shop."""
    try:
        answer = _authorised(request)
    except Exception as error:
        members, headers = problems.answer(error)
        answer = problems.response(members, headers)
    answer["Cache-Control"] = "no-store"
    return answer


# Documented, and judged by the house's rule of access, as the endpoint that it is.
authorise.cls = Authorisations  # type: ignore[attr-defined]
authorise.initkwargs = {}  # type: ignore[attr-defined]


_LINE, _AMOUNT = Identifier(), Yuan()


def _read(body: bytes) -> tuple[UUID, int, int | None]:
    """The line, the fen and the instalments asked for. The document's shape, which takes its time, is asked for more."""
    given = read_json(body)
    if isinstance(given, dict) and given.keys() == {"line", "amount"}:
        line, amount_fen = _LINE.read(given["line"]), _AMOUNT.read(given["amount"])
        if line is not None and amount_fen is not None:
            return line, amount_fen, None
    read = AuthorisationIn(data=given)
    read.is_valid(raise_exception=True)
    asked = read.validated_data
    return asked["line"], asked["amount"], asked.get("instalments")


def _authorised(request: HttpRequest) -> HttpResponse:
    caller = caller_by_key(request)
    if request.method != "POST":
        raise MethodNotAllowed(request.method or "")
    require_allowed(caller, Authorisations.allowed["POST"])
    assert caller is not None
    assert caller.owner is not None
    require_rate(caller)
    if request.content_type != "application/json":
        raise UnsupportedMediaType(request.content_type or "")
    reference = idempotency_key(request.META.get(_KEY))
    line, amount_fen, instalments = _read(request.body)
    campaign = None
    if instalments is not None:
        # The price that the customer was quoted: a running campaign of the shop pays the fee without being named.
        campaign = campaign_for(
            merchant_id=caller.owner, amount_fen=amount_fen, periods=instalments, on=business_date()
        )
    try:
        made = authorise_held(
            line_uuid=line,
            merchant_id=caller.owner,
            amount_fen=amount_fen,
            reference=reference,
            day=held_day(),
            instalments=instalments,
            campaign_id=campaign.pk if campaign else None,
        )
    except (MerchantNotAccepting, MerchantNotAllowed, InstalmentsNotOffered):
        business_date()  # the statement finds nothing either when there is no day, which is said first
        raise
    body = {
        "id": public_id(PURCHASE, made.purchase_id),
        "line": str(line),
        "reference": reference,
        "amount": format_yuan(made.amount_fen),
        "instalments": instalments,
        "state": "authorised",
        "authorised_on": made.authorised_on.isoformat(),
        "expires_on": made.expires_on.isoformat(),
    }
    return HttpResponse(
        json.dumps(body, ensure_ascii=False).encode(),
        status=201,
        content_type="application/json",
        headers=_REPLAYED if made.repeated else None,
    )
