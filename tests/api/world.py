"""A small world that the API is called in: two shops, two borrowers, a line with a bill, and keys."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from customers.models import Customer
from customers.services.api_keys import create_key
from huabei.models import Line, Merchant, Purchase
from tests.api.documented import DocumentedClient
from tests.borrowers import borrower, buys, lived_until, login_of, opened_line, published, shop
from tests.line_world import an_escrow_merchant, authorised
from web.api.callers import Who, scopes_of
from web.api.identifiers import public_id

AT = datetime(2026, 7, 5, 2, 0, tzinfo=UTC)
TODAY = date(2026, 7, 5)


def a_key(shop_id: UUID | None, *scopes: str, per_minute: int = 6000) -> str:
    """The token of a new key, with every scope such an owner may have unless some are named."""
    return create_key(
        name="test",
        shop_id=shop_id,
        scopes=scopes or scopes_of(Who.SHOP if shop_id else Who.LENDER),
        made_by="a test",
        at=AT,
        per_minute=per_minute,
    ).token


class Api:
    """
    Calls the API as somebody; a new Idempotency-Key for each POST unless one is given. Whatever is answered must be in the
    document.
    """

    def __init__(self, token: str = "", *, login: Any = None, language: str = "en") -> None:
        self._client = DocumentedClient(raise_request_exception=False)
        self._headers = {"Accept-Language": language}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        if login:
            self._client.force_login(login)

    def get(self, address: str, **query: Any) -> Any:
        """GET /api/v1/…"""
        return self._client.get(f"/api/v1/{address}", query, headers=self._headers)

    def post(
        self, address: str, body: Any = None, *, key: str | None = None, raw: bytes | None = None
    ) -> Any:
        """POST /api/v1/…; `raw` is sent as it is."""
        return self._client.post(
            f"/api/v1/{address}",
            raw if raw is not None else json.dumps({} if body is None else body),
            content_type="application/json",
            headers={**self._headers, "Idempotency-Key": key if key is not None else str(uuid4())},
        )


@dataclass
class World:
    """Who and what there is: the bank is on 5 July; 1,000.00 was bought on 30 June and billed on 1 July, due on 10 July."""

    customer: Customer
    stranger: Customer
    line: Line
    shop: Merchant
    other_shop: Merchant
    bought: Purchase

    def as_shop(self, *scopes: str) -> Api:
        """The shop, by key."""
        return Api(a_key(self.shop.pk, *scopes))

    def as_other_shop(self) -> Api:
        """Another shop, by key."""
        return Api(a_key(self.other_shop.pk))

    def as_lender(self, *scopes: str) -> Api:
        """The lender's own systems, by key."""
        return Api(a_key(None, *scopes))

    def as_borrower(self) -> Api:
        """The borrower, signed in."""
        return Api(login=login_of(self.customer))

    def as_stranger(self) -> Api:
        """A borrower who has no line, signed in."""
        return Api(login=login_of(self.stranger))

    def authorised(self, amount: str = "128.50") -> Purchase:
        """A purchase at the shop that waits for its capture."""
        return buys(self.line, self.shop, amount, on=TODAY, capture=False)

    def paid_in_escrow(self) -> Purchase:
        """A purchase at another shop, which is paid on receipt, that waits for it."""
        return authorised(self.line, an_escrow_merchant(), 128_50, TODAY)

    def captured(self, amount: str = "128.50") -> Purchase:
        """A purchase at the shop that was captured."""
        return buys(self.line, self.shop, amount, on=TODAY)


def a_world() -> World:
    """Makes it."""
    customer, stranger = borrower(), borrower("stranger")
    for each in (customer, stranger):
        published(each, 640)
        published(each, 640, on=date(2026, 6, 6))
    line = opened_line(customer)
    ours, theirs = shop(), shop("极光数码")
    lived_until(date(2026, 6, 30))
    bought = buys(line, ours, "1000.00", on=date(2026, 6, 30))
    lived_until(TODAY)
    return World(customer, stranger, line, ours, theirs, bought)


def pid(purchase: Purchase) -> str:
    """What the API calls a purchase."""
    return public_id("purchase", purchase.pk)
