"""Borrowers with a life behind them, made through the real services, for tests of what they see."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from creditscore.engine.points import band_of
from creditscore.models import ModelState, ModelVersion, Score
from customers import services as customers
from customers.models import Customer, Login, Shop
from finance.money import parse_yuan
from huabei.models import Line, Merchant, Purchase
from huabei.services import purchases, repayments
from huabei.services.lines import Opening, open_line
from operations.models import BusinessDay
from operations.services.closing import close_until, set_business_date

PASSWORD = "a long test phrase"
OPENED_ON = date(2026, 5, 20)
PEOPLE = {
    "xiaoyan": ("林晓燕", "11010519491231002X", "13800138000"),
    "stranger": ("王强", "440308199901010012", "13900139000"),
}


def borrower(username: str = "xiaoyan", *, is_student: bool = False, verified: bool = True) -> Customer:
    """A customer with a login of this name."""
    full_name, national_id, phone = PEOPLE[username]
    customer = customers.register_customer(
        full_name=full_name,
        national_id=national_id,
        phone=phone,
        is_student=is_student,
        registered_on=date(2026, 3, 2),
        identity_verified_on=date(2026, 3, 2) if verified else None,
    )
    at = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
    customers.create_login(customer_id=customer.pk, username=username, password=PASSWORD, at=at)
    customer.refresh_from_db()
    return customer


def login_of(customer: Customer) -> Login:
    """The customer's login."""
    assert customer.login is not None
    return customer.login


def published(customer: Customer, points: int | None, *, on: date = date(2026, 5, 6), **given: Any) -> Score:
    """A score published for the customer; None for N/A."""
    model, _made = ModelVersion.objects.get_or_create(
        state=ModelState.RETIRED,
        defaults={
            "sha256": "0" * 64,
            "booster": b"",
            "document": b"",
            "metrics": {},
            "as_of": date(2026, 4, 30),
            "trained_at": datetime(2026, 5, 1, tzinfo=UTC),
        },
    )
    scored = (
        {
            "band": band_of(points).code,
            "sub_scores": [71, 64, 48, 80, None],
            "reasons": [["B1", -18.4], ["H2", 22.6], ["C2", 9.1]],
            "features": [0.0],
            "months_known": 6,
        }
        if points
        else {"not_scored": "no_history"}
    )
    return Score.objects.create(
        customer_id=customer.pk,
        published_on=on,
        as_of=on - timedelta(days=1),
        model=model,
        points=points,
        **{**scored, **given},
    )


def shop(name: str = "晨光便利店") -> Merchant:
    """A shop that accepts lines."""
    return purchases.accept_merchant(
        shop=Shop.objects.create(name=name, category="convenience", registered_on=date(2026, 1, 1))
    )


def opened_line(customer: Customer, *, limit: str = "8000.00", on: date = OPENED_ON) -> Line:
    """A line with statement day 1 and due day 10."""
    line_id = open_line(opening=Opening(customer.pk, parse_yuan(limit), 640), on=on)
    return Line.objects.get(pk=line_id)


def buys(
    line: Line,
    merchant: Merchant,
    amount: str,
    *,
    on: date,
    capture: bool = True,
    instalments: int | None = None,
) -> Purchase:
    """A purchase, charged at once unless told otherwise."""
    fen = parse_yuan(amount)
    held = purchases.authorise(
        line_id=line.pk,
        merchant_id=merchant.pk,
        amount_fen=fen,
        reference=str(uuid4()),
        on=on,
        instalments=instalments,
    )
    if capture:
        purchases.capture(purchase_id=held.purchase_id, amount_fen=fen, on=on)
    return Purchase.objects.get(pk=held.purchase_id)


def repays(line: Line, amount: str, *, on: date) -> None:
    """A repayment."""
    repayments.repay(line_id=line.pk, amount_fen=parse_yuan(amount), reference=str(uuid4()), on=on)


def lived_until(on: date) -> None:
    """Opens the bank on this date, or, when it is open, closes days until the business date is `on`."""
    if not BusinessDay.objects.exists():
        set_business_date(on=on)
    list(close_until(on=on))
