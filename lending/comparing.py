"""What repaying early would do: each way of it replayed beside the loan as it goes on. Nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from finance.loan import Ahead, Instalment, Kind
from finance.loan import Loan as LoanOnDay
from finance.money import format_yuan
from lending.errors import LoanAmountRefused
from lending.models import Loan
from lending.selectors import loan_on
from lending.services.facts import Request, preview

# The reference of a fact that is only thought of.
THOUGHT_OF = "thought of"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A loan after one way of going on, beside the loan as it goes on without."""

    way: str
    pays_fen: int
    told: LoanOnDay
    without: LoanOnDay

    @property
    def coming(self) -> tuple[Instalment, ...]:
        """The instalments that then still come."""
        return tuple(row for row in self.told.rows if not row.billed and row.unpaid.total_fen)

    @property
    def next_fen(self) -> int:
        """What the next instalment then asks for."""
        return self.coming[0].unpaid.total_fen if self.coming else 0

    @property
    def last_due_on(self) -> date | None:
        """When the loan then ends."""
        return self.coming[-1].due_on if self.coming else None

    @property
    def to_come_fen(self) -> int:
        """All that is then still to pay."""
        return sum(row.unpaid.total_fen for row in self.told.rows)

    @property
    def interest_saved_fen(self) -> int:
        """Interest, and penalty, that then never falls due."""
        return _interest(self.without) - _interest(self.told)

    @property
    def fee_fen(self) -> int:
        """What repaying early costs."""
        paid = self.told.allocations[-1].parts.fee_fen if self.pays_fen else 0
        return max(paid - self.without.outstanding.fee_fen, 0)

    @property
    def saved_fen(self) -> int:
        """What the borrower pays less in all, the fee counted."""
        return _cost(self.without) - _cost(self.told)


def _interest(told: LoanOnDay) -> int:
    return sum(row.asked.interest_fen + row.asked.penalty_fen for row in told.rows)


def _cost(told: LoanOnDay) -> int:
    return _interest(told) + sum(row.asked.fee_fen for row in told.rows)


def compare(*, loan: Loan, amount_fen: int, on: date) -> list[Outcome]:
    """
    Going on as agreed; the amount repaid early for smaller or for fewer instalments; and ending the loan.

    Errors: those of `facts.preview`; LoanAmountRefused for an amount that would end the loan by itself.
    """
    without = loan_on(loan, on)
    ends_fen = without.payoff.total_fen
    if amount_fen >= ends_fen:
        raise LoanAmountRefused(
            _("Less than %(amount)s, which ends the loan.") % {"amount": format_yuan(ends_fen)},
            field="amount",
        )
    return [
        Outcome("", 0, without, without),
        *(
            _with(loan, on, without, Kind.PREPAYMENT, amount_fen, way.value)
            for way in (Ahead.REDUCE, Ahead.SHORTEN)
        ),
        _with(loan, on, without, Kind.PAYOFF, ends_fen, "payoff"),
    ]


def _with(loan: Loan, on: date, without: LoanOnDay, kind: Kind, amount_fen: int, way: str) -> Outcome:
    detail = {"ahead": way} if kind is Kind.PREPAYMENT else None
    request = Request(kind=kind, reference=THOUGHT_OF, amount_fen=amount_fen, detail=detail)
    return Outcome(way, amount_fen, preview(loan_id=loan.pk, request=request, on=on), without)
