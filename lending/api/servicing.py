"""
What the lender's own systems do about a loan: each act once per key, and a preview of it that really does it and rolls back.

An act is a line of `ACTS`, of which two endpoints are made: `loans/…/charges/` and `loans/…/charges/preview/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.urls import URLPattern, path
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from finance.errors import DomainError
from finance.loan import Reschedule
from ledger.models import Account
from lending.api.answers import Shown
from lending.api.lender import LoanEndpoint
from lending.api.servicing_shapes import (
    EXAMPLE_PREVIEW,
    LoanCauseIn,
    LoanChargeIn,
    LoanDueDayIn,
    LoanPauseIn,
    LoanPreviewOut,
    LoanRateChangeIn,
    LoanReceivedIn,
    LoanRescheduleIn,
    LoanUndoIn,
    fact_example,
)
from lending.api.shapes import FACT, LoanFactOut
from lending.errors import (
    LendingError,
    LoanAmountRefused,
    LoanDateRefused,
    LoanFactRefused,
    LoanNotRunning,
    LoanRequestConflict,
)
from lending.models import Loan, LoanTransaction
from lending.proceeds import ProceedsWentOn
from lending.services import servicing
from lending.services.trying import Tried, attempt
from web.api.callers import Allowed, Scope, Who
from web.api.day import CloseUnderWay, booking_day, business_date, correcting_day
from web.api.reading import Fields
from web.api.schema import operation

REFUSALS: tuple[type[DomainError], ...] = (
    LoanAmountRefused,
    LoanDateRefused,
    LoanFactRefused,
    LoanNotRunning,
    LoanRequestConflict,
    CloseUnderWay,
)
# A preview happens under no key, and on the day that has begun.
NOT_OF_PREVIEWS = (LoanRequestConflict, CloseUnderWay)
RECEIVE, SERVICE, GIVE_UP = (
    Allowed(Who.LENDER, scope) for scope in (Scope.REPAYMENTS_WRITE, Scope.LOANS_SERVICE, Scope.LOANS_GIVE_UP)
)
# Which field of a body says what a refusal names.
NAMED = {"date": "value_on", "until": "last_day", "reverses": ""}
WHY = {"cause": "asked for by the borrower"}


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to do about a loan: its address, the operation's name, and the service's verb."""

    address: str
    name: str
    summary: str
    text: str
    allowed: Allowed
    body: type[Fields]
    service: Callable[..., LoanTransaction]
    sent: Mapping[str, Any]
    answered: Mapping[str, Any]
    # Beside those that every act answers.
    refusals: tuple[type[DomainError], ...] = ()


def _reschedule(*, mode: str, **given: Any) -> LoanTransaction:
    return servicing.reschedule(mode=Reschedule(mode), **given)


ACTS: Sequence[Act] = (
    Act("repayments", "recordLoanRepayment", "Record a repayment received for a loan",
        "Books money received for a loan; what is more than is owed is the borrower's credit.",
        RECEIVE, LoanReceivedIn, servicing.repay, {"amount": "500.00"}, fact_example("repayment", "500.00", "")),
    Act("charges", "chargeLoan", "Charge a fee or a penalty",
        "A fee or a penalty, due with the instalment of its due date, or at once.",
        SERVICE, LoanChargeIn, servicing.charge, {"amount": "20.00", "component": "fee", **WHY},
        fact_example("charge", "20.00")),
    Act("pauses", "pauseLoan", "Pause a loan's interest",
        "No interest from a day to the last one, both included; instalments stay.",
        SERVICE, LoanPauseIn, servicing.pause, {"last_day": "2026-07-31", **WHY}, fact_example("pause")),
    Act("rate-changes", "lowerLoanRate", "Lower a loan's rate",
        "Another rate from a day on, in the unit of the signed one; a loan never gets dearer than it was signed.",
        SERVICE, LoanRateChangeIn, servicing.change_rate, {"rate": "0.0001", **WHY}, fact_example("rate_change")),
    Act("due-day-changes", "moveLoanDueDay", "Move a loan's due day",
        "Monthly instalments fall due on another day of the month from the next one on.",
        SERVICE, LoanDueDayIn, servicing.change_due_day, {"due_day": 20, **WHY}, fact_example("due_day_change")),
    Act("reschedules", "rescheduleLoan", "Make a loan's coming instalments anew",
        "Re-amortises, re-ages or extends: what was overdue is due with the next instalment, and nothing is late any more.",
        SERVICE, LoanRescheduleIn, _reschedule, {"mode": "extend", "periods": 6, **WHY}, fact_example("reschedule")),
    Act("credit-refunds", "refundLoanCredit", "Pay a loan's credit out",
        "Pays out what stands to the borrower's credit, or some of it.",
        SERVICE, LoanReceivedIn, servicing.refund_credit, {"amount": "100.00"},
        fact_example("credit_refund", "100.00", "")),
    Act("charge-offs", "chargeLoanOff", "Charge a loan off",
        "The loan is given up: all that is owed is a loss, nothing accrues any more, the claim on the borrower remains.",
        GIVE_UP, LoanCauseIn, servicing.charge_off, WHY, fact_example("charge_off")),
    Act("write-offs", "writeLoanOff", "Write a loan off",
        "Nothing more is expected of the loan. After a charge-off there is no second loss.",
        GIVE_UP, LoanCauseIn, servicing.write_off, WHY, fact_example("write_off")),
    Act("recoveries", "recordLoanRecovery", "Record a recovery",
        "Money that came after the loan was given up; beyond what is claimed it is the borrower's credit.",
        RECEIVE, LoanReceivedIn, servicing.recover, {"amount": "500.00"}, fact_example("recovery", "500.00", "")),
    Act("transactions/<uuid:fact_id>/reversal", "undoLoanTransaction", "Undo what was recorded of a loan",
        "What was recorded never happened: the loan is told anew without it and the difference is posted. Not of a "
        "disbursement: money that came back ends the loan.",
        SERVICE, LoanUndoIn, servicing.reverse, WHY, fact_example("reversal"), (ProceedsWentOn,)),
)  # fmt: skip


class ActEndpoint(LoanEndpoint):
    """One act on a loan."""

    act: Act

    def given(self, loan: Loan, fact_id: UUID | None) -> dict[str, Any]:
        """The service's arguments, without those left out. Error: NotFound for a fact of another loan."""
        given = {name: value for name, value in self.body(self.act.body).items() if value is not None}
        if fact_id is not None:
            fact = LoanTransaction.objects.filter(loan=loan, pk=self.number(FACT, fact_id)).first()
            if fact is None:
                raise NotFound
            given["undoes"] = fact.reference
        return given

    def run(self, loan: Loan, given: Mapping[str, Any], reference: str, on: date) -> LoanTransaction:
        """The one service call. Errors: the service's, about the body's own fields."""
        try:
            return self.act.service(loan_id=loan.pk, reference=reference, on=on, **given)
        except LendingError as error:
            error.field = NAMED.get(error.field or "", error.field)
            raise

    def day(self, given: Mapping[str, Any]) -> AbstractContextManager[date]:
        """The transaction it happens in; what corrects the past waits while a close is under way."""
        today = business_date()
        is_late = "undoes" in given or given.get("value_on", today) < today
        return correcting_day() if is_late else booking_day()


def _done(self: ActEndpoint, request: Request, loan_uuid: UUID, fact_id: UUID | None = None) -> Response:
    reference, loan = f"api:{self.key()}", self.loan(loan_uuid)
    given = self.given(loan, fact_id)
    replayed = LoanTransaction.objects.filter(loan=loan, reference=reference).exists()
    with self.day(given) as on:
        made = self.run(loan, given, reference, on)
    return self.answer(LoanFactOut, made, status=201, replayed=replayed)


def _previewed(self: ActEndpoint, request: Request, loan_uuid: UUID, fact_id: UUID | None = None) -> Response:
    loan = self.loan(loan_uuid)
    given = self.given(loan, fact_id)
    with booking_day() as on:
        tried = attempt(loan_id=loan.pk, act=lambda: self.run(loan, given, "preview", on), on=on)
    return self.answer(LoanPreviewOut, preview_answer(tried))


def preview_answer(tried: Tried) -> dict[str, Any]:
    """A loan before and after, with what would move between which kinds of accounts."""
    ids = {each for row in tried.transfers for each in (row.debit_account_id, row.credit_account_id)}
    accounts = Account.objects.in_bulk(ids)
    return {
        "before": Shown(tried.before),
        "after": Shown(tried.after),
        "postings": [
            {
                "debit": accounts[row.debit_account_id].type_code,
                "credit": accounts[row.credit_account_id].type_code,
                "amount_fen": row.amount_fen,
            }
            for row in tried.transfers
        ],
    }


def _endpoints(act: Act) -> tuple[type[ActEndpoint], type[ActEndpoint]]:
    """The endpoint of an act, and that of its preview."""

    def post(self: ActEndpoint, request: Request, **where: Any) -> Response:
        return _done(self, request, **where)

    def preview(self: ActEndpoint, request: Request, **where: Any) -> Response:
        return _previewed(self, request, **where)

    post.__doc__ = f"{act.text} It happens once per key."
    preview.__doc__ = f"The loan before and after, and what would be posted; it is rolled back. {act.text}"
    refusals = (*REFUSALS, *act.refusals)
    told: dict[str, Any] = {"body": act.body, "example_body": dict(act.sent), "tag": "Servicing of loans"}
    does = operation(
        act.name,
        summary=act.summary,
        answer=LoanFactOut,
        status=201,
        keyed=True,
        refusals=refusals,
        example=dict(act.answered),
        **told,
    )(post)
    shows = operation(
        f"preview{act.name[0].upper()}{act.name[1:]}",
        summary=f"Preview: {act.summary[0].lower()}{act.summary[1:]}",
        answer=LoanPreviewOut,
        refusals=[each for each in refusals if each not in NOT_OF_PREVIEWS],
        example=EXAMPLE_PREVIEW,
        **told,
    )(preview)
    base = {"act": act, "allowed": {"POST": act.allowed}}
    name = f"{act.name[0].upper()}{act.name[1:]}"
    return (
        type(name, (ActEndpoint,), {**base, "post": does, "__module__": __name__, "__doc__": act.summary}),
        type(
            f"Preview{name}",
            (ActEndpoint,),
            {**base, "post": shows, "__module__": __name__, "__doc__": act.summary},
        ),
    )


def act_urls() -> list[URLPattern]:
    """The addresses of all acts and of their previews."""
    found = []
    for act in ACTS:
        does, shows = _endpoints(act)
        address = f"loans/<uuid:loan_uuid>/{act.address}/"
        found += [path(address, does.as_view()), path(f"{address}preview/", shows.as_view())]
    return found
