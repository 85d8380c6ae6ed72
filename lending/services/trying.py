"""Trying out what would be recorded: it is really done, looked at, and rolled back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from ledger.models import Transfer
from lending.history import Standing, standing
from lending.models import Loan, LoanTransaction


@dataclass(frozen=True, slots=True)
class Tried:
    """A loan before and after something that was tried, and what it would post."""

    before: Standing
    after: Standing
    transfers: tuple[Transfer, ...]


def attempt(*, loan_id: int, act: Callable[[], LoanTransaction], on: date) -> Tried:
    """What an act on a loan would do. It is rolled back, so nothing is written. Errors: those of the act."""
    with transaction.atomic():
        loan = Loan.objects.select_related("product", "terms", "customer").get(pk=loan_id)
        before = standing(loan, on)
        row = act()
        loan = Loan.objects.select_related("product", "terms", "customer").get(pk=loan_id)
        after = standing(loan, on)
        transfers = tuple(Transfer.objects.filter(entry_id=row.entry_id or 0).order_by("pk"))
        transaction.set_rollback(True)
    return Tried(before, after, transfers)
