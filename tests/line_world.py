"""A small world of credit lines for tests: people and shops out of thin air, and days that end."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction

import huabei.closing
from customers.models import Customer, Shop
from huabei import selectors
from huabei.models import (
    Campaign,
    Line,
    Merchant,
    OpeningPolicy,
    Posting,
    Purchase,
    Settlement,
    Statement,
    StatementDocument,
)
from huabei.selectors import LinePosition
from huabei.services import purchases
from huabei.services.campaigns import Promise, create_campaign
from huabei.services.causes import Why
from huabei.services.lines import CALENDARS, Opening, open_line
from huabei.services.merchants import change_posting
from huabei.services.policies import publish_policy
from tests.publishing import publication

OPENED_ON = date(2026, 5, 20)
_references = itertools.count(1)


def a_customer() -> Customer:
    """Somebody of age whose identity is verified."""
    return Customer.objects.create(
        full_name="测试",
        born_on=date(1990, 1, 1),
        registered_on=OPENED_ON,
        identity_verified_on=OPENED_ON,
        national_id_encrypted=b"",
        national_id_index=uuid4().bytes,
    )


def a_policy(
    effective_from: date = OPENED_ON, bands: Sequence[tuple[int, int]] = ((350, 500_00),), **figures: Any
) -> OpeningPolicy:
    """The policy that opens lines from a date on: every score earns the smallest limit, unless said otherwise."""
    before = effective_from - timedelta(days=1)
    said = publication(effective_from, reference=str(uuid4()))
    return publish_policy(publication=said, figures=figures, bands=bands, on=before)


def a_merchant() -> Merchant:
    """A shop that accepts lines."""
    shop = Shop.objects.create(name="Test", category="test", registered_on=OPENED_ON)
    return purchases.accept_merchant(shop=shop)


def an_escrow_merchant() -> Merchant:
    """A shop whose purchases post on confirmed receipt."""
    shop = a_merchant()
    change_posting(
        merchant_id=shop.pk,
        posting=Posting.RECEIPT,
        effective_from=OPENED_ON,
        why=Why("agreement", "staff:1", f"posting-{next(_references)}"),
        on=OPENED_ON,
    )
    return shop


def a_line(limit_fen: int = 8_000_00, *, statement_day: int = 1, opened_on: date = OPENED_ON) -> Line:
    """A line of a new customer."""
    opening = Opening(
        a_customer().pk, limit_fen, statement_day=statement_day, due_day=CALENDARS[statement_day]
    )
    return Line.objects.get(pk=open_line(opening=opening, on=opened_on))


def authorised(line: Line, merchant: Merchant, amount_fen: int, on: date, **chosen: int) -> Purchase:
    """A purchase waiting for its capture, under a new reference."""
    answer = purchases.authorise(
        line_id=line.pk,
        merchant_id=merchant.pk,
        amount_fen=amount_fen,
        reference=f"ref-{next(_references)}",
        on=on,
        **chosen,
    )
    return Purchase.objects.get(pk=answer.purchase_id)


def bought(line: Line, merchant: Merchant, amount_fen: int, on: date, **chosen: int) -> Purchase:
    """A purchase captured in whole on the same day."""
    purchase = authorised(line, merchant, amount_fen, on, **chosen)
    purchases.capture(purchase_id=purchase.pk, amount_fen=amount_fen, on=on)
    purchase.refresh_from_db()
    return purchase


def a_campaign(merchant: Merchant, *, on: date, budget_fen: int = 100_00, **other: Any) -> Campaign:
    """A campaign of 30 days from a date on, for purchases of 100.00 to 5,000.00 in three or six instalments."""
    given: dict[str, Any] = {
        "starts_on": on,
        "ends_on": on + timedelta(days=29),
        "smallest_fen": 100_00,
        "largest_fen": 5_000_00,
        "periods": (3, 6),
        "alert_fen": budget_fen * 8 // 10,
    }
    promise = Promise(merchant.pk, "Summer", budget_fen=budget_fen, **{**given, **other})
    return create_campaign(promise=promise, reference=f"campaign-{next(_references)}", on=on)


def end_day(day: date) -> None:
    """All lines' steps of one day's close. Days on which nothing turns may be left out."""
    for _name, step in huabei.closing.STEPS:
        with transaction.atomic():
            step(day, None)


def end_days(first: date, last: date) -> None:
    """The close of every day from the first to the last."""
    while first <= last:
        end_day(first)
        first += timedelta(days=1)


def stands(line: Line, on: date) -> LinePosition:
    """What stands on the line."""
    return selectors.line_position(Line.objects.get(pk=line.pk), on)


def a_document(line: Line) -> StatementDocument:
    """A file kept as the English document of the line's last statement: any file will do."""
    content = b"%PDF-1.4"
    return StatementDocument.objects.create(
        statement=Statement.objects.filter(line=line).latest("issued_on"),
        language="en",
        sha256=hashlib.sha256(content).digest(),
        size=len(content),
        template_version=1,
        content=content,
    )


def settled(merchant: Merchant) -> list[Settlement]:
    """What was settled with a merchant, oldest first."""
    return list(Settlement.objects.filter(merchant=merchant).order_by("settled_on"))
