"""Reading loans: products on a day, a loan on a day, what is late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from finance.errors import DomainError, Kind
from finance.loan import Loan as LoanOnDay
from finance.loan import LoanTerms, Payoff, Transaction
from finance.replay import replay
from ledger.sql import fetch_one
from lending.models import (
    LenderRule,
    Loan,
    LoanTransaction,
    Offer,
    Product,
    ProductVersion,
)
from lending.models.loans import LIVE
from lending.terms import fact_of, loan_terms


class ProductNotFound(DomainError):
    """There is no such product, or it was not offered yet on that day."""

    code = "product_not_found"
    kind = Kind.NOT_FOUND


def version_on(product_code: str, on: date) -> ProductVersion:
    """The product's version in force on a day. Error: ProductNotFound."""
    version = (
        ProductVersion.objects.filter(product__code=product_code, effective_from__lte=on)
        .select_related("product")
        .order_by("-effective_from")
        .first()
    )
    if version is None:
        raise ProductNotFound(
            _("%(product)s is not offered on %(on)s") % {"product": product_code, "on": on}, field="product"
        )
    return version


def offers_on(product_code: str, on: date) -> QuerySet[Offer]:
    """The ways of repaying that a product offers on a day. Error: ProductNotFound."""
    offers = version_on(product_code, on).offers
    return offers.select_related("version__product").prefetch_related("prepayment_fees", "fees")


def products() -> QuerySet[Product]:
    """Every product, in the order in which they were first offered."""
    return Product.objects.order_by("pk")


def rule_on(lender_type: str, on: date) -> LenderRule:
    """What the law allows such a lender on a day. LenderRule.DoesNotExist where nothing is known of it."""
    rules = LenderRule.objects.filter(lender_type=lender_type, effective_from__lte=on)
    return rules.latest("effective_from")


def terms_of(loan: Loan) -> LoanTerms:
    """What was signed, as the engine knows it."""
    return loan_terms(loan.terms.document)


def facts_of(loan: Loan) -> list[Transaction]:
    """Everything that was recorded of a loan (one query)."""
    return told_by_loan(recorded_of(loan))[loan.pk]


def recorded_of(loan: Loan) -> list[LoanTransaction]:
    """The rows of everything that was recorded of a loan, in that order."""
    return list(LoanTransaction.objects.filter(loan=loan).order_by("pk"))


def facts_by_loan(loan_ids: Iterable[int]) -> dict[int, list[Transaction]]:
    """Everything that was recorded of these loans (one query); of one of which nothing was, an empty list."""
    return told_by_loan(LoanTransaction.objects.filter(loan_id__in=list(loan_ids)).order_by("pk"))


def told_by_loan(rows: Iterable[LoanTransaction]) -> dict[int, list[Transaction]]:
    """Rows of facts as the engine knows them. Those that others undo are among them."""
    rows = list(rows)
    references = {row.pk: row.reference for row in rows}
    told: dict[int, list[Transaction]] = defaultdict(list)
    for row in rows:
        told[row.loan_id].append(fact_of(row, reverses=references.get(row.reverses_id or 0)))
    return told


def loan_on(loan: Loan, on: date) -> LoanOnDay:
    """The loan on any day, from its facts: rows, allocations, what is owed and what accrues."""
    return replay(terms_of(loan), facts_of(loan), on)


def payoff_quote(loan: Loan, on: date) -> Payoff:
    """What would end the loan on a day if nothing happens before."""
    return loan_on(loan, on).payoff


def loans_of(customer_id: UUID) -> QuerySet[Loan]:
    """The customer's loans, newest first."""
    return Loan.objects.filter(customer_id=customer_id).select_related("product", "terms").order_by("-pk")


def live_loans_of(customer_id: UUID) -> QuerySet[Loan]:
    """Those of the customer's loans that are not over, newest first."""
    return loans_of(customer_id).filter(status__in=LIVE)


@dataclass(frozen=True, slots=True)
class LoanBook:
    """All loans together: how many run, what is owed of their principal, what is late; in fen, income since the first day."""

    loans: int
    principal_fen: int
    overdue_loans: int
    overdue_fen: int
    interest_income_fen: int
    penalty_income_fen: int


# Loans that are charged off are owed still; those that are written off are claims outside the balance.
_LOAN_BOOK = """
WITH late AS (
    SELECT loan_id, sum(unpaid_fen)::bigint AS unpaid_fen
    FROM lending_instalment JOIN lending_loan ON lending_loan.id = loan_id
    WHERE unpaid_fen > 0 AND due_on < %(on)s AND status IN ('active', 'charged_off') GROUP BY loan_id
)
SELECT (SELECT count(*) FROM lending_loan WHERE status IN ('active', 'charged_off')),
       (SELECT coalesce(sum(debits_posted_fen - credits_posted_fen), 0)::bigint FROM ledger_account
        WHERE type_code = 'loan_principal'),
       (SELECT count(*) FROM late),
       (SELECT coalesce(sum(unpaid_fen), 0)::bigint FROM late),
       (SELECT coalesce(sum(income_fen), 0)::bigint FROM lending_accrual WHERE kind = 'interest'),
       (SELECT coalesce(sum(income_fen), 0)::bigint FROM lending_accrual WHERE kind = 'penalty')
"""


def loan_book(on: date) -> LoanBook:
    """All loans together on a business date, in one query."""
    row = fetch_one(_LOAN_BOOK, {"on": on})
    assert row is not None
    return LoanBook(*row)
