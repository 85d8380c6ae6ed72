"""
Recording what happens to a loan: the one way in which anything does.

A fact is put among the others in its place, the loan is replayed, the ledger is brought to what it then should say, and the
loan's own rows with it. That the fact is of today or of last year, that it is a reversal, makes no difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from finance.loan import Future, Kind, LoanError, Transaction
from finance.loan import Loan as LoanOnDay
from finance.replay import foresee, replay
from ledger.services import Draft, Leg, post, request_hash
from lending.errors import (
    LoanAmountRefused,
    LoanFactRefused,
    LoanNotFound,
    LoanNotRunning,
    require_amount,
    require_reference,
    require_same_request,
    require_value_date,
)
from lending.models import Loan, LoanStatus, LoanTransaction
from lending.refusals import said
from lending.selectors import recorded_of, terms_of, told_by_loan
from lending.services.books import differences, meant, posted
from lending.services.written import write_down
from lending.terms import fact

Detail = Mapping[str, Any]

# Where the fact to come stands among those of its day: after all that are recorded.
_NEXT = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A fact to be recorded. `value_on` is the day from which it counts, None for the day on which it is booked."""

    kind: Kind
    reference: str
    value_on: date | None = None
    amount_fen: int = 0
    detail: Detail | None = None
    cause: str = ""
    reverses: str | None = None


def record(*, loan_id: int, request: Request, on: date, also: tuple[Leg, ...] = ()) -> LoanTransaction:
    """
    Records a fact and posts what differs by it, in one entry. The reference happens once per loan. `also` moves in the same
    entry, between accounts of which none is the loan's.

    Errors: LoanNotFound, LoanNotRunning before the loan is disbursed, LoanAmountRefused, LoanDateRefused, LoanFactRefused for
    what cannot have happened, LoanReferenceRefused, LoanRequestConflict.
    """
    require_reference(request.reference)
    with transaction.atomic():
        loan = locked_loan(loan_id)
        asked = _hash(loan, request)
        rows = recorded_of(loan)
        first = _named(rows, request.reference)
        if first is not None:
            require_same_request(first.request_hash, asked)
            return first
        made, reversed_row = _made(loan, request, rows, on)
        facts = [*told_by_loan(rows)[loan.pk], made]
        told, future = _foreseen(loan, facts, on)
        _require_within_commitment(loan, told, request)
        legs = (*differences(posted(loan), meant(loan, told.books, facts, on)), *also)
        entry = (
            post(
                draft=Draft(
                    reference=f"loan:{loan.pk}:{request.reference}",
                    event=f"loan.{request.kind.value}",
                    booked_on=on,
                    value_on=made.on,
                    request_hash=asked,
                    legs=legs,
                )
            )
            if legs
            else None
        )
        row = LoanTransaction.objects.create(
            loan=loan,
            kind=request.kind.value,
            reference=request.reference,
            request_hash=asked,
            value_on=made.on,
            booked_on=on,
            amount_fen=request.amount_fen,
            detail=dict(request.detail or {}),
            cause=request.cause,
            reverses=reversed_row,
            entry_id=entry.entry_id if entry else None,
        )
        write_down(loan, told, future)
    return row


def preview(*, loan_id: int, request: Request, on: date) -> LoanOnDay:
    """The loan as it would stand with this fact. Nothing is written. Errors as `record`."""
    loan = found_loan(loan_id)
    rows = recorded_of(loan)
    made, _reversed = _made(loan, request, rows, on)
    try:
        return replay(terms_of(loan), [*told_by_loan(rows)[loan.pk], made], on)
    except LoanError as error:
        raise LoanFactRefused(said(error), field=error.field) from error


def locked_loan(loan_id: int) -> Loan:
    """The loan, locked until the transaction ends: one change at a time. Error: LoanNotFound."""
    return found_loan(loan_id, among=Loan.objects.select_for_update(of=("self",)))


def found_loan(loan_id: int, *, among: QuerySet[Loan] | None = None) -> Loan:
    """The loan, with its product and what was signed, as it stands. Error: LoanNotFound."""
    loans = Loan.objects.all() if among is None else among
    loan = loans.select_related("product", "terms").filter(pk=loan_id).first()
    if loan is None:
        raise LoanNotFound(_("There is no loan %(id)s.") % {"id": loan_id})
    return loan


def _hash(loan: Loan, request: Request) -> bytes:
    return request_hash(
        {
            "loan": loan.pk,
            "kind": request.kind.value,
            "value_on": request.value_on,
            "amount": request.amount_fen,
            "detail": dict(request.detail or {}),
            "reverses": request.reverses,
        }
    )


def _named(rows: Sequence[LoanTransaction], reference: str) -> LoanTransaction | None:
    return next((row for row in rows if row.reference == reference), None)


def _made(
    loan: Loan, request: Request, rows: Sequence[LoanTransaction], on: date
) -> tuple[Transaction, LoanTransaction | None]:
    """The fact as the engine knows it, recorded after those of these rows, and the row that it reverses."""
    value_on = request.value_on or on
    if request.kind is Kind.DISBURSEMENT:
        if loan.status == LoanStatus.CANCELLED:
            raise LoanNotRunning(_("The loan was cancelled."))
        require_value_date(value_on, earliest=loan.signed_on, on=on)
    elif loan.disbursed_on is None:
        raise LoanNotRunning(_("The loan is not disbursed yet."))
    else:
        require_value_date(value_on, earliest=loan.disbursed_on, on=on)
    reversed_row = None
    if request.reverses is not None:
        reversed_row = _named(rows, request.reverses)
        if reversed_row is None or any(row.reverses_id == reversed_row.pk for row in rows):
            raise LoanFactRefused(_("There is nothing of this reference to undo."), field="reverses")
    if request.amount_fen:
        require_amount(request.amount_fen)
    try:
        made = fact(
            kind=request.kind,
            reference=request.reference,
            value_on=value_on,
            recorded=_NEXT,
            amount_fen=request.amount_fen,
            detail=request.detail or {},
            reverses=request.reverses,
        )
    except LoanError as error:
        refusal = LoanAmountRefused if error.field == "amount" else LoanFactRefused
        raise refusal(said(error), field=error.field) from error
    return made, reversed_row


def _foreseen(loan: Loan, facts: list[Transaction], on: date) -> tuple[LoanOnDay, Future]:
    try:
        return foresee(terms_of(loan), facts, on)
    except LoanError as error:
        raise LoanFactRefused(said(error), field=error.field) from error


def _require_within_commitment(loan: Loan, told: LoanOnDay, request: Request) -> None:
    if request.kind is Kind.DISBURSEMENT:
        drawn = sum(each.amount_fen for each in told.allocations if each.kind is Kind.DISBURSEMENT)
        if drawn > loan.terms.principal_fen:
            raise LoanAmountRefused(_("More than was signed."), field="amount")
