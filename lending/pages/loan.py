"""A borrower's own loan: what is due, when, what became of it, and what each payment paid."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from customers.models import Customer
from finance.loan import MONEY_IN
from lending.errors import LoanNotRunning
from lending.forms import repay_choices
from lending.history import Standing, events, own_loan, standing
from lending.models import Loan, LoanStatus
from lending.order_history import pledged_orders
from lending.paying import disburse, latest_payout
from lending.services.contracts import contract_of
from lending.services.signing import cancel_loan
from lending.words import FACTS, METHODS, product_name, term
from payments.errors import GatewayNotConfigured, SourceNotFound
from payments.selectors import sources_of
from payments.states import OrderState
from web.access import borrower_page
from web.api.day import booking_day
from web.documents.answers import file_answer, language_of
from web.forms import RepayForm
from web.today import business_date


def found_loan(customer: Customer, loan_uuid: UUID) -> tuple[Loan, date]:
    """The borrower's own loan, and the business date. Error: Http404."""
    loan, on = own_loan(customer_id=customer.pk, loan_uuid=loan_uuid), business_date()
    if loan is None or on is None:
        raise Http404
    return loan, on


def loan_context(loan: Loan, stands: Standing) -> dict[str, Any]:
    """What every page of a loan says of it."""
    document = loan.terms.document
    return {
        "loan": loan,
        "stands": stands,
        "product": product_name(loan.product),
        "method": METHODS[document["method"]],
        "term": term(document["periods"], document["unit"], document["every"]),
    }


@borrower_page
@require_GET
def loan(request: HttpRequest, customer: Customer, loan_uuid: UUID) -> HttpResponse:
    """What is due, the schedule as it stands, and everything that happened."""
    found, on = found_loan(customer, loan_uuid)
    stands = standing(found, on)
    context = loan_context(found, stands)
    context["languages"] = settings.LANGUAGES
    context["sealed"] = bytes(found.terms.sha256).hex()
    context["events"] = [(FACTS[event.row.kind], event) for event in events(found, stands.told)]
    if found.status in (LoanStatus.SIGNED, LoanStatus.DISBURSING):
        order = latest_payout(found)
        context["order"] = order
        context["has_failed"] = order is not None and order.state == OrderState.FAILED
        context["sources"] = sources_of(customer.pk)
    context["pledged"] = pledged_orders(found)
    if stands.payoff_fen:
        context["form"] = RepayForm(offered=repay_choices(stands.due_fen, stands.payoff_fen))
    return render(request, "lending/loan.html", context)


@borrower_page
@require_GET
def contract(request: HttpRequest, customer: Customer, loan_uuid: UUID) -> HttpResponseBase:
    """The contract of the borrower's own loan as a PDF; `?language=` asks for another than the page's."""
    found, _on = found_loan(customer, loan_uuid)
    kept = contract_of(loan=found, language=language_of(request.GET.get("language")))
    name = f"loan-{found.uuid}-{kept.language}"
    return file_answer(request, content=bytes(kept.content), sha256=bytes(kept.sha256), name=name)


@borrower_page
@require_POST
def send_money(request: HttpRequest, customer: Customer, loan_uuid: UUID) -> HttpResponse:
    """Has a signed loan's money sent to one of the borrower's sources, where it is not under way already."""
    found, _on = found_loan(customer, loan_uuid)
    try:
        source = UUID(request.POST.get("source", ""))
        with booking_day() as on:
            disburse(loan_id=found.pk, source=source, on=on)
    except (ValueError, SourceNotFound):
        messages.error(request, _("Choose where the money is to go."))
    except GatewayNotConfigured:
        messages.error(request, _("No money can be sent right now. Try again later."))
    except LoanNotRunning as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The money is on its way."))
    return redirect("loan", found.uuid)


@borrower_page
@require_POST
def give_up(request: HttpRequest, customer: Customer, loan_uuid: UUID) -> HttpResponse:
    """Gives up a signed loan whose money was not sent."""
    found, _on = found_loan(customer, loan_uuid)
    try:
        with booking_day() as on:
            cancel_loan(loan_id=found.pk, on=on)
    except LoanNotRunning as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The loan was given up. You owe nothing of it."))
    return redirect("loan", found.uuid)


@borrower_page
@require_GET
def receipt(request: HttpRequest, customer: Customer, loan_uuid: UUID, number: int) -> HttpResponse:
    """One payment of the borrower's own loan: where it went, and what is owed now. `number` counts the loan's facts."""
    found, on = found_loan(customer, loan_uuid)
    stands = standing(found, on)
    recorded = events(found, stands.told)[::-1]
    if not 0 < number <= len(recorded):
        raise Http404
    event = recorded[number - 1]
    went_to = [
        (_("Principal"), event.parts.principal_fen),
        (_("Interest"), event.parts.interest_fen),
        (_("Fees"), event.parts.fee_fen),
        (_("Penalty"), event.parts.penalty_fen),
        (_("Your credit, for what falls due next"), event.credit_fen),
    ]
    context = loan_context(found, stands) | {
        "event": event,
        "kind": FACTS[event.row.kind],
        "is_payment": event.row.kind in MONEY_IN,
        "went_to": [(name, fen) for name, fen in went_to if fen],
    }
    return render(request, "lending/receipt.html", context)
