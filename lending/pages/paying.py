"""Repaying a loan: what is due, early and compared with other ways, or what would end it on any day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from customers.models import Customer
from finance.errors import DomainError
from finance.loan import Ahead
from lending.comparing import Outcome, compare
from lending.errors import LendingError, LoanAmountRefused, LoanRequestConflict
from lending.forms import PAYOFF, WAYS, DayForm, PrepayForm, PrepayNowForm, repay_choices
from lending.history import standing
from lending.models import Loan, LoanStatus, LoanTransaction
from lending.pages.loan import found_loan, loan_context
from lending.selectors import payoff_quote
from lending.services.paying import pay
from web.access import borrower_page
from web.api.day import booking_day
from web.forms import OTHER, RepayForm

# How far ahead a payoff is quoted.
QUOTED_DAYS = 400


def _number(row: LoanTransaction) -> int:
    """Which fact of its loan it is."""
    return LoanTransaction.objects.filter(loan_id=row.loan_id, pk__lte=row.pk).count()


def _to_receipt(loan: Loan, row: LoanTransaction) -> HttpResponse:
    return redirect("loan_receipt", loan.uuid, _number(row))


@borrower_page
@require_http_methods(["GET", "POST"])
def repay(request: HttpRequest, customer: Customer, loan_uuid: UUID) -> HttpResponse:
    """Repays the borrower's own loan, once per form however often it is sent; then shows where the money went."""
    loan, on = found_loan(customer, loan_uuid)
    stands = standing(loan, on)
    offered = repay_choices(stands.due_fen, stands.payoff_fen)
    form = RepayForm(request.POST if request.method == "POST" else None, offered=offered)
    if request.method == "POST" and form.is_valid() and (row := _paid(loan, form)):
        return _to_receipt(loan, row)
    return render(request, "lending/repay.html", loan_context(loan, stands) | {"form": form})


def _paid(loan: Loan, form: RepayForm) -> LoanTransaction | None:
    """What the form paid, or paid when it was sent before; None when it is refused, as the form then says."""
    try:
        with booking_day() as on:
            reference = f"page:{form.cleaned_data['key']}"
            return pay(loan_id=loan.pk, amount_fen=form.amount_fen, reference=reference, on=on)
    except LoanRequestConflict:
        form.used_up()
    except LoanAmountRefused as refusal:
        form.add_error(form.amount_field if form["pay"].value() == OTHER else "pay", refusal.message)
    except LendingError as refusal:
        form.add_error(None, refusal.message)
    return None


@borrower_page
@require_http_methods(["GET", "POST"])
def prepay(request: HttpRequest, customer: Customer, loan_uuid: UUID) -> HttpResponse:
    """What repaying an amount early would do, each way beside the others; and doing it, once per form."""
    loan, on = found_loan(customer, loan_uuid)
    if request.method == "POST":
        now = PrepayNowForm(request.POST)
        if now.is_valid() and (row := _prepaid(request, loan, now)):
            return _to_receipt(loan, row)
    given = request.POST or request.GET
    form = PrepayForm(given if "amount" in given else None)
    context: dict[str, Any] = loan_context(loan, standing(loan, on)) | {"form": form, "key": uuid4()}
    if form.is_bound and form.is_valid():
        context["outcomes"] = _compared(form, loan, on)
    return render(request, "lending/prepay.html", context)


def _compared(form: PrepayForm, loan: Loan, on: date) -> list[tuple[Any, Outcome]]:
    try:
        outcomes = compare(loan=loan, amount_fen=form.cleaned_data["amount"], on=on)
    except DomainError as refusal:
        form.add_error("amount", refusal.message)
        return []
    return [(WAYS.get(outcome.way, _("As agreed")), outcome) for outcome in outcomes]


def _prepaid(request: HttpRequest, loan: Loan, form: PrepayNowForm) -> LoanTransaction | None:
    """What the form repaid; None when it is refused, as a message then says."""
    way, amount_fen = form.cleaned_data["way"], form.cleaned_data["amount"]
    try:
        with booking_day() as on:
            reference = f"page:{form.cleaned_data['key']}"
            return pay(
                loan_id=loan.pk,
                amount_fen=amount_fen,
                reference=reference,
                on=on,
                strategy=None if way == PAYOFF else Ahead(way),
                ends=way == PAYOFF,
            )
    except LoanRequestConflict:
        messages.error(request, _("This form has paid another amount already."))
    except LendingError as refusal:
        messages.error(request, refusal.message)
    return None


@borrower_page
@require_GET
def payoff(request: HttpRequest, customer: Customer, loan_uuid: UUID) -> HttpResponse:
    """What would end the loan on a day, if nothing happens before."""
    loan, on = found_loan(customer, loan_uuid)
    latest = on + timedelta(days=QUOTED_DAYS)
    form = DayForm(request.GET if "on" in request.GET else {"on": on.isoformat()}, earliest=on, latest=latest)
    context = loan_context(loan, standing(loan, on)) | {"form": form}
    if form.is_valid() and loan.status == LoanStatus.ACTIVE:
        context |= {"day": form.cleaned_data["on"], "quoted": payoff_quote(loan, form.cleaned_data["on"])}
    return render(request, "lending/payoff.html", context)
