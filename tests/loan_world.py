"""A small world of loans for tests: signed, disbursed, and days that end."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction

import lending.closing
from lending.models import Loan
from lending.services import servicing
from lending.services.quoting import Wish
from lending.services.signing import sign_loan
from tests.line_world import a_customer

SIGNED_ON = date(2026, 6, 10)
_references = itertools.count(1)


def ref() -> str:
    """A new reference."""
    return f"ref-{next(_references)}"


def a_wish(amount_fen: int = 12_000_00, **given: Any) -> Wish:
    """借呗 over twelve months in equal instalments unless said otherwise."""
    wish: dict[str, Any] = {"product": "jiebei", "method": "equal_instalment", "periods": 12}
    return Wish(amount_fen=amount_fen, **(wish | given))


def signed(wish: Wish | None = None, *, on: date = SIGNED_ON, customer_id: Any = None) -> Loan:
    """A loan that somebody signed."""
    return sign_loan(
        customer_id=customer_id or a_customer().pk,
        wish=wish or a_wish(),
        score=700,
        reference=ref(),
        on=on,
        at=datetime.combine(on, time(4), UTC),
    )


def lent(wish: Wish | None = None, *, on: date = SIGNED_ON) -> Loan:
    """A loan signed and disbursed on one day."""
    loan = signed(wish, on=on)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=on)
    loan.refresh_from_db()
    return loan


def end_day(day: date, loans: list[int] | None = None) -> None:
    """The loans' steps of one day's close."""
    for _name, step in lending.closing.STEPS:
        with transaction.atomic():
            step(day, loans)


def end_days(first: date, last: date) -> None:
    """The close of every day from the first to the last."""
    while first <= last:
        end_day(first)
        first += timedelta(days=1)
