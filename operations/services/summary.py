"""The lender's summary of a world: people, scores, lines, spend, bills, money in, income, loans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from creditscore.selectors import distribution_by_band
from customers.models import Customer
from huabei.selectors import Portfolio, portfolio
from lending.selectors import LoanBook, loan_book
from operations.services.closing import business_date
from web.templatetags.money import rmb


@dataclass(frozen=True, slots=True)
class Summary:
    """What the summary says."""

    on: date
    people: int
    bands: list[tuple[str, int]]
    portfolio: Portfolio
    loans: LoanBook


def summary() -> Summary:
    """The summary of the world as it is on its business date."""
    on = business_date()
    bands = [(band.label, band.people) for band in distribution_by_band(on)]
    return Summary(on, Customer.objects.count(), bands, portfolio(on), loan_book(on))


def rows(found: Summary) -> Iterator[tuple[str, str]]:
    """The summary as rows of a name and a value; a row without a value is a heading."""
    book = found.portfolio
    yield _("Business date"), found.on.isoformat()
    yield _("People"), f"{found.people:,}"
    yield _("Scores by band"), ""
    everybody = sum(count for _name, count in found.bands) or 1
    for name, count in found.bands:
        yield f"  {name}", f"{count:>8,}  {'▇' * round(30 * count / everybody)}"
    yield _("Credit lines"), ""
    yield "  " + _("opened"), f"{book.lines:,}"
    yield "  " + _("limits granted"), rmb(book.limits_fen)
    yield "  " + _("drawn"), rmb(book.drawn_fen)
    yield "  " + _("held"), rmb(book.held_fen)
    yield _("Since the first day"), ""
    yield "  " + _("spent"), f"{rmb(book.spent_fen)} ({book.purchases:,})"
    yield "  " + _("refunded"), rmb(book.refunded_fen)
    yield "  " + _("billed"), f"{rmb(book.billed_fen)} ({book.statements:,})"
    yield "  " + _("repaid"), f"{rmb(book.repaid_fen)} ({book.repayments:,})"
    yield "  " + _("overdue"), f"{rmb(book.overdue_fen)} ({book.overdue_lines:,})"
    yield "  " + _("interest income"), rmb(book.interest_income_fen)
    yield "  " + _("penalty income"), rmb(book.penalty_income_fen)
    loans = found.loans
    yield _("Loans"), ""
    yield "  " + _("running"), f"{loans.loans:,}"
    yield "  " + _("principal owed"), rmb(loans.principal_fen)
    yield "  " + _("overdue"), f"{rmb(loans.overdue_fen)} ({loans.overdue_loans:,})"
    yield "  " + _("interest income"), rmb(loans.interest_income_fen)
    yield "  " + _("penalty income"), rmb(loans.penalty_income_fen)
