"""What both borrowers and the lender's systems are answered about loans."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import QuerySet

from lending.history import Standing, standing
from lending.models import Loan, LoanTransaction
from lending.selectors import payoff_quote
from lending.services.quoting import Quoted
from web.api.day import business_date


class Shown:
    """A loan where it stands, with its annual rates, for `LoanOut`."""

    def __init__(self, stands: Standing) -> None:
        self._stands = stands
        self.annual = annual(stands.loan)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stands, name)


def annual(loan: Loan) -> dict[str, Any]:
    """Both annual rates that were shown at signing."""
    return {"simple": loan.terms.simple_rate, "effective": loan.terms.effective_rate}


def loan_answer(loan: Loan) -> Shown:
    """A loan on the business date."""
    return Shown(standing(loan, business_date()))


def payoff_answer(loan: Loan, on: date | None) -> dict[str, Any]:
    """What ends a loan on a day; today when none is named."""
    day = on or business_date()
    return {"on": day, "quoted": payoff_quote(loan, day)}


def facts(loan: Loan) -> QuerySet[LoanTransaction]:
    """Everything that happened to a loan."""
    return LoanTransaction.objects.filter(loan=loan)


def rates(quoted: Quoted) -> dict[str, Any]:
    """Both annual rates of a price, with eight places."""
    found = quoted.annual_rates
    return {"simple": round(found.simple, 8), "effective": round(found.effective, 8)}
