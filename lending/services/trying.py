"""Trying out what would be recorded of a loan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from ledger.models import Transfer
from lending.history import Standing, standing
from lending.models import Loan, LoanTransaction
from web.trying import tried


@dataclass(frozen=True, slots=True)
class Tried:
    """A loan before and after something that was tried, and what it would post."""

    before: Standing
    after: Standing
    transfers: tuple[Transfer, ...]


def attempt(*, loan_id: int, act: Callable[[], LoanTransaction], on: date) -> Tried:
    """What an act on a loan would do. It is rolled back, so nothing is written. Errors: those of the act."""

    def look() -> Standing:
        return standing(Loan.objects.select_related("product", "terms", "customer").get(pk=loan_id), on)

    def show(before: Standing, after: Standing, made: LoanTransaction) -> Tried:
        return Tried(
            before, after, tuple(Transfer.objects.filter(entry_id=made.entry_id or 0).order_by("pk"))
        )

    return tried(look=look, act=act, show=show)
