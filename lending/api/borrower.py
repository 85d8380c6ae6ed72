"""What a borrower asks about loans, signs and repays over the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from creditscore.selectors import published_score
from finance.loan import Ahead
from lending.api.answers import annual, facts, loan_answer, payoff_answer, rates
from lending.api.shapes import (
    A_SOURCE,
    EXAMPLE_FACT,
    EXAMPLE_FOUND,
    EXAMPLE_LOAN,
    EXAMPLE_OUTCOME,
    EXAMPLE_PAYOFF,
    EXAMPLE_PLAN,
    EXAMPLE_PRICE,
    EXAMPLE_SIGNED,
    EXAMPLE_WISH,
    ComparedOut,
    FoundLoanOut,
    LoanAmountIn,
    LoanFactOut,
    LoanNothingIn,
    LoanOut,
    LoanPayoffOut,
    LoanPlansOut,
    LoanPriceOut,
    LoanRepaymentIn,
    LoanSignedOut,
    SignIn,
    SourceIn,
    SourcesOut,
    WishIn,
)
from lending.comparing import compare
from lending.errors import LoanAmountRefused, LoanNotRunning, LoanRequestConflict
from lending.history import own_loan
from lending.models import Loan, LoanStatus, LoanTransaction
from lending.paying import disburse
from lending.plans import plan_code, plans_on, wish_for
from lending.policy import REFUSAL_TEXTS
from lending.selectors import loans_of
from lending.services.borrowing import borrow
from lending.services.contracts import LANGUAGES, contract_of
from lending.services.paying import pay
from lending.services.pledging import OrdersDoNotCover, require_covered
from lending.services.quoting import AmountNotOffered, NotOffered, PriceCapExceeded, Wish, quote_loan
from lending.services.signing import LoanRefused, cancel_loan, decide_loan
from lending.terms import number_of
from lending.words import product_name
from payments.errors import GatewayNotConfigured, SourceNotFound
from payments.selectors import sources_of
from web.api.callers import Allowed, Who
from web.api.day import booking_day, business_date
from web.api.reading import Choice, Day
from web.api.schema import operation
from web.api.views import PDF, Endpoint
from web.documents.answers import CONTENT_TYPE, file_answer, language_of

BORROWER = Allowed(Who.BORROWER)
PRICE = (AmountNotOffered, NotOffered, PriceCapExceeded)


class OwnEndpoint(Endpoint):
    """An endpoint about whoever is signed in, and their loans."""

    def points(self, on: Any) -> int | None:
        """The score that stands on a day."""
        found = published_score(customer_id=self.owner, on=on)
        return found.points if found else None

    def loan(self, loan_uuid: UUID) -> Loan:
        """One of the borrower's own loans. Error: NotFound."""
        found = own_loan(customer_id=self.owner, loan_uuid=loan_uuid)
        if found is None:
            raise NotFound
        return found

    def wish(self, given: dict[str, Any], on: Any) -> Wish:
        """What is wished for. Error: ValidationError for a plan that is not offered."""
        plans = plans_on(on, customer_id=self.owner).values()
        if given["plan"] not in {plan_code(offer) for offers in plans for offer in offers}:
            text = _("There is no such plan: see those that are offered.")
            raise ValidationError({"plan": [ErrorDetail(text, "invalid")]})
        return wish_for(given["plan"], given["amount"])


class OwnPlans(OwnEndpoint):
    """What is offered."""

    allowed = {"GET": BORROWER}

    @operation(
        "listLoanPlans",
        summary="What is offered to borrow",
        answer=LoanPlansOut,
        example={"plans": [EXAMPLE_PLAN]},
        tag="Loans of a borrower",
    )
    def get(self, request: Request) -> Response:
        """Every product's ways of borrowing on the business date."""
        found = [
            {
                "plan": plan_code(offer),
                "product": product.code,
                "name": product_name(product),
                "least": offer.version.minimum_fen,
                "most": offer.version.maximum_fen,
                "rate_unit": offer.version.rate_unit,
                **{
                    name: getattr(offer, name)
                    for name in ("method", "periods", "unit", "every", "rate_from", "rate_to")
                },
            }
            for product, offers in plans_on(business_date(), customer_id=self.owner).items()
            for offer in offers
        ]
        return self.answer(LoanPlansOut, {"plans": found})


class OwnQuote(OwnEndpoint):
    """What a loan would cost."""

    allowed = {"POST": BORROWER}

    @operation(
        "quoteOwnLoan",
        summary="What would a loan cost me?",
        body=WishIn,
        answer=LoanPriceOut,
        refusals=(*PRICE, OrdersDoNotCover),
        example_body=EXAMPLE_WISH,
        example=EXAMPLE_PRICE,
        tag="Loans of a borrower",
    )
    def post(self, request: Request) -> Response:
        """Both annual rates, every instalment and fee, and whether it would be granted today. Nothing is kept."""
        on = business_date()
        wish = self.wish(self.body(WishIn), on)
        quoted = quote_loan(wish=wish, on=on)
        require_covered(
            customer_id=self.owner, version=quoted.offer.version, amount_fen=wish.amount_fen, on=on
        )
        refusals = decide_loan(customer_id=self.owner, quoted=quoted, score=self.points(on), on=on)
        schedule = quoted.schedule
        found = {
            "annual_rate": rates(quoted),
            "plan": plan_code(quoted.offer),
            "amount_fen": schedule.principal_fen,
            "received_fen": schedule.net_disbursed_fen,
            "interest_fen": schedule.interest_fen,
            "fee_fen": schedule.fee_fen,
            "due_fen": schedule.due_fen,
            "rate": number_of(quoted.terms.schedule.rate),
            "granted": not refusals,
            "refusals": [{"code": each.value, "message": str(REFUSAL_TEXTS[each])} for each in refusals],
            "rows": [row for row in schedule.rows if row.due_fen],
        }
        return self.answer(LoanPriceOut, found)


class OwnSources(OwnEndpoint):
    """Where money goes to and comes from."""

    allowed = {"GET": BORROWER}

    @operation(
        "listOwnSources",
        summary="List my wallets and cards",
        answer=SourcesOut,
        example={"sources": [{"id": A_SOURCE, "kind": "card", "name": "···· 7890", "autopay": True}]},
        tag="Loans of a borrower",
    )
    def get(self, request: Request) -> Response:
        """The borrower's sources in the order in which they are collected from."""
        return self.answer(SourcesOut, {"sources": sources_of(self.owner)})


class OwnLoans(OwnEndpoint):
    """The borrower's loans."""

    allowed = {"GET": BORROWER, "POST": BORROWER}
    paged = True
    filters = {"status": Choice(LoanStatus.values, help_text="Only those in this status.")}

    @operation(
        "listOwnLoans",
        summary="List my loans",
        answer=FoundLoanOut,
        many=True,
        example=EXAMPLE_FOUND,
        tag="Loans of a borrower",
    )
    def get(self, request: Request) -> Response:
        """The borrower's loans, newest first."""
        given = {name: self.query[name] for name in self.query.keys() & self.filters.keys()}
        return self.page(FoundLoanOut, loans_of(self.owner).filter(**given))

    @operation(
        "signOwnLoan",
        summary="Sign a loan",
        body=SignIn,
        answer=LoanSignedOut,
        status=201,
        keyed=True,
        refusals=(
            *PRICE,
            OrdersDoNotCover,
            LoanRefused,
            LoanRequestConflict,
            SourceNotFound,
            GatewayNotConfigured,
        ),
        example_body={**EXAMPLE_WISH, "pay_to": A_SOURCE, "consent": True},
        example=EXAMPLE_SIGNED,
        tag="Loans of a borrower",
    )
    def post(self, request: Request) -> Response:
        """
        Signs a loan, with the consent recorded, and has its money sent to one of the borrower's sources; interest runs from
        the day on which it moves. A refusal names every reason.
        """
        key, given = self.key(), self.body(SignIn)
        if not given["consent"]:
            raise ValidationError(
                {"consent": [ErrorDetail(_("Without your consent no loan is signed."), "invalid")]}
            )
        reference = f"me:{key}"
        with booking_day() as on:
            replayed = Loan.objects.filter(customer_id=self.owner, reference=reference).exists()
            loan = borrow(
                customer_id=self.owner,
                wish=self.wish(given, on),
                score=self.points(on),
                source=given["pay_to"],
                reference=reference,
                on=on,
                at=timezone.now(),
            )
        loan.annual = annual(loan)  # type: ignore[attr-defined]
        return self.answer(LoanSignedOut, loan, status=201, replayed=replayed)


class OwnLoan(OwnEndpoint):
    """One of the borrower's loans."""

    allowed = {"GET": BORROWER}

    @operation(
        "readOwnLoan",
        summary="Read one of my loans",
        answer=LoanOut,
        example=EXAMPLE_LOAN,
        tag="Loans of a borrower",
    )
    def get(self, request: Request, loan_uuid: UUID) -> Response:
        """A loan, what is due on the business date, and its schedule as it stands."""
        return self.answer(LoanOut, loan_answer(self.loan(loan_uuid)))


class OwnTransactions(OwnEndpoint):
    """What happened to one of the borrower's loans."""

    allowed = {"GET": BORROWER}
    paged = True

    @operation(
        "listOwnLoanTransactions",
        summary="List what happened to one of my loans",
        answer=LoanFactOut,
        many=True,
        example=EXAMPLE_FACT,
        tag="Loans of a borrower",
    )
    def get(self, request: Request, loan_uuid: UUID) -> Response:
        """Everything that was recorded of a loan, newest first."""
        return self.page(LoanFactOut, facts(self.loan(loan_uuid)))


class OwnRepayments(OwnEndpoint):
    """Repaying one of the borrower's loans."""

    allowed = {"POST": BORROWER}

    @operation(
        "repayOwnLoan",
        summary="Repay one of my loans",
        body=LoanRepaymentIn,
        answer=LoanFactOut,
        status=201,
        keyed=True,
        refusals=(LoanAmountRefused, LoanNotRunning, LoanRequestConflict),
        example_body={"amount": "500.00"},
        example=EXAMPLE_FACT,
        tag="Loans of a borrower",
    )
    def post(self, request: Request, loan_uuid: UUID) -> Response:
        """Repays what is due first; the rest as the product says, or early as chosen. The payoff amount ends the loan."""
        key, given = self.key(), self.body(LoanRepaymentIn)
        loan, reference = self.loan(loan_uuid), f"me:{key}"
        with booking_day() as on:
            replayed = LoanTransaction.objects.filter(loan=loan, reference=reference).exists()
            made = pay(
                loan_id=loan.pk,
                amount_fen=given["amount"],
                reference=reference,
                on=on,
                strategy=Ahead(given["early"]) if given["early"] else None,
            )
        return self.answer(LoanFactOut, made, status=201, replayed=replayed)


class OwnPayoff(OwnEndpoint):
    """What ends one of the borrower's loans."""

    allowed = {"GET": BORROWER}
    filters = {"on": Day(help_text="The day; the business date when left out.")}

    @operation(
        "quoteOwnLoanPayoff",
        summary="What ends one of my loans?",
        answer=LoanPayoffOut,
        example=EXAMPLE_PAYOFF,
        tag="Loans of a borrower",
    )
    def get(self, request: Request, loan_uuid: UUID) -> Response:
        """What would end the loan on a day if nothing happens before."""
        return self.answer(LoanPayoffOut, payoff_answer(self.loan(loan_uuid), self.query.get("on")))


class OwnPrepayment(OwnEndpoint):
    """Repaying early, compared."""

    allowed = {"POST": BORROWER}

    @operation(
        "compareOwnPrepayment",
        summary="Compare ways of repaying early",
        body=LoanAmountIn,
        answer=ComparedOut,
        refusals=(LoanAmountRefused, LoanNotRunning),
        example_body={"amount": "5000.00"},
        example={"outcomes": [EXAMPLE_OUTCOME]},
        tag="Loans of a borrower",
    )
    def post(self, request: Request, loan_uuid: UUID) -> Response:
        """The loan as agreed, with smaller and with fewer instalments, and ended: fee, interest saved, what is to come."""
        given = self.body(LoanAmountIn)
        outcomes = compare(loan=self.loan(loan_uuid), amount_fen=given["amount"], on=business_date())
        found = [
            {"way": each.way or "as_agreed", "outcome": each, "count": len(each.coming)} for each in outcomes
        ]
        return self.answer(ComparedOut, {"outcomes": found})


class OwnDisbursement(OwnEndpoint):
    """Where a signed loan's money goes."""

    allowed = {"POST": BORROWER}

    @operation(
        "sendOwnLoan",
        summary="Have a signed loan paid out",
        body=SourceIn,
        answer=LoanOut,
        refusals=(LoanNotRunning, SourceNotFound, GatewayNotConfigured),
        example_body={"pay_to": A_SOURCE},
        example={
            **EXAMPLE_LOAN,
            "status": "disbursing",
            "disbursed_on": None,
            "principal": "0.00",
            "payoff": "0.00",
            "schedule": [],
        },
        tag="Loans of a borrower",
    )
    def post(self, request: Request, loan_uuid: UUID) -> Response:
        """Sends the money of a loan whose money is not under way to another source; while it is, nothing more happens."""
        source = self.body(SourceIn)["pay_to"]
        loan = self.loan(loan_uuid)
        with booking_day() as on:
            disburse(loan_id=loan.pk, source=source, on=on)
        return self.answer(LoanOut, loan_answer(self.loan(loan_uuid)))


class OwnCancellation(OwnEndpoint):
    """Giving up a signed loan."""

    allowed = {"POST": BORROWER}

    @operation(
        "giveUpOwnLoan",
        summary="Give a signed loan up",
        body=LoanNothingIn,
        answer=LoanOut,
        refusals=(LoanNotRunning,),
        example_body={},
        example={
            **EXAMPLE_LOAN,
            "status": "cancelled",
            "disbursed_on": None,
            "principal": "0.00",
            "payoff": "0.00",
            "schedule": [],
        },
        tag="Loans of a borrower",
    )
    def post(self, request: Request, loan_uuid: UUID) -> Response:
        """Gives up a loan whose money was not sent; nothing is owed of it."""
        self.body(LoanNothingIn)
        loan = self.loan(loan_uuid)
        with booking_day() as on:
            cancel_loan(loan_id=loan.pk, on=on)
        return self.answer(LoanOut, loan_answer(self.loan(loan_uuid)))


class OwnContract(OwnEndpoint):
    """The contract of one of the borrower's loans."""

    allowed = {"GET": BORROWER}
    filters = {
        "language": Choice(LANGUAGES, help_text="Without it, the language that Accept-Language asks for.")
    }
    renderer_classes = [JSONRenderer, PDF]

    @operation(
        "readOwnLoanContract",
        summary="Read the contract of one of my loans as a PDF",
        answer=OpenApiTypes.BINARY,
        answer_type=CONTENT_TYPE,
        tag="Loans of a borrower",
    )
    def get(self, request: Request, loan_uuid: UUID) -> HttpResponseBase:
        """The contract as a file that never changes: the ETag is its SHA-256."""
        kept = contract_of(loan=self.loan(loan_uuid), language=language_of(self.query.get("language")))
        name = f"loan-{loan_uuid}-{kept.language}"
        return file_answer(
            request._request, content=bytes(kept.content), sha256=bytes(kept.sha256), name=name
        )
