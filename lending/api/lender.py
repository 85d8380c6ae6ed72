"""What the lender's own systems ask of any loan."""

from __future__ import annotations

from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from lending.api.answers import facts, loan_answer, payoff_answer
from lending.api.shapes import (
    EXAMPLE_FACT,
    EXAMPLE_FOUND,
    EXAMPLE_LOAN,
    EXAMPLE_PAYOFF,
    FoundLoanOut,
    LoanFactOut,
    LoanOut,
    LoanPayoffOut,
)
from lending.models import Loan, LoanStatus
from web.api.callers import Allowed, Scope, Who
from web.api.reading import Choice, Day, Identifier
from web.api.schema import operation
from web.api.views import Endpoint

READ = Allowed(Who.LENDER, Scope.LOANS_READ)


class LoanEndpoint(Endpoint):
    """An endpoint about one loan."""

    def loan(self, loan_uuid: UUID) -> Loan:
        """The loan. Error: NotFound."""
        found = Loan.objects.select_related("product", "terms").filter(uuid=loan_uuid).first()
        if found is None:
            raise NotFound
        return found


class Loans(Endpoint):
    """All loans."""

    allowed = {"GET": READ}
    paged = True
    filters = {
        "customer": Identifier(help_text="Loans of this customer."),
        "status": Choice(LoanStatus.values, help_text="Loans in this status."),
    }

    @operation(
        "listLoans", summary="List loans", answer=FoundLoanOut, many=True, example=EXAMPLE_FOUND, tag="Loans"
    )
    def get(self, request: Request) -> Response:
        """Loans, newest first; one customer's with `customer`."""
        names = {"customer": "customer_id", "status": "status"}
        given = {names[name]: self.query[name] for name in self.query.keys() & names.keys()}
        return self.page(FoundLoanOut, Loan.objects.filter(**given).select_related("product", "terms"))


class OneLoan(LoanEndpoint):
    """One loan."""

    allowed = {"GET": READ}

    @operation("readLoan", summary="Read a loan", answer=LoanOut, example=EXAMPLE_LOAN, tag="Loans")
    def get(self, request: Request, loan_uuid: UUID) -> Response:
        """A loan, what is due on the business date, and its schedule as it stands."""
        return self.answer(LoanOut, loan_answer(self.loan(loan_uuid)))


class Transactions(LoanEndpoint):
    """What happened to a loan."""

    allowed = {"GET": READ}
    paged = True

    @operation(
        "listLoanTransactions",
        summary="List what happened to a loan",
        answer=LoanFactOut,
        many=True,
        example=EXAMPLE_FACT,
        tag="Loans",
    )
    def get(self, request: Request, loan_uuid: UUID) -> Response:
        """Everything that was recorded of a loan, newest first."""
        return self.page(LoanFactOut, facts(self.loan(loan_uuid)))


class Payoff(LoanEndpoint):
    """What ends a loan."""

    allowed = {"GET": READ}
    filters = {"on": Day(help_text="The day; the business date when left out.")}

    @operation(
        "quoteLoanPayoff",
        summary="What ends a loan?",
        answer=LoanPayoffOut,
        example=EXAMPLE_PAYOFF,
        tag="Loans",
    )
    def get(self, request: Request, loan_uuid: UUID) -> Response:
        """What would end the loan on a day if nothing happens before."""
        return self.answer(LoanPayoffOut, payoff_answer(self.loan(loan_uuid), self.query.get("on")))
