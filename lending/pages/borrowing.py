"""Before a loan: what it would cost, and signing it."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from creditscore import selectors as scores
from customers.models import Customer
from finance.errors import DomainError
from finance.rates import DailyRate
from lending.contract import clauses, offered
from lending.errors import LendingError, LoanRequestConflict
from lending.forms import SignForm, WishForm
from lending.history import standing
from lending.models import Loan
from lending.plans import plan_code, plans_on
from lending.policy import REFUSAL_TEXTS
from lending.selectors import ProductNotFound, loans_of
from lending.services.borrowing import borrow
from lending.services.pledging import order_rule, require_covered
from lending.services.quoting import Quoted, quote_loan
from lending.services.signing import LoanRefused, decide_loan
from lending.terms import number_of
from lending.words import FEES, METHOD_HINTS, METHODS, product_name, term
from payments.errors import GatewayNotConfigured, SourceNotFound
from payments.selectors import sources_of
from web.access import borrower_page
from web.api.day import booking_day
from web.documents.content import Paragraph
from web.documents.lender import lender
from web.documents.words import words
from web.today import business_date


def points_of(customer_id: UUID, on: date) -> int | None:
    """The borrower's score that stands on a day."""
    found = scores.published_score(customer_id=customer_id, on=on)
    return found.points if found else None


@borrower_page
@require_GET
def loans(request: HttpRequest, customer: Customer) -> HttpResponse:
    """The borrower's loans, newest first, and the way to another one."""
    on = business_date()
    if on is None:
        return redirect("home")
    found = [standing(loan, on) for loan in loans_of(customer.pk)]
    plans = plans_on(on, customer_id=customer.pk)
    against_orders = {product.code for product in plans if order_rule(product.pk, on)}
    return render(
        request, "lending/loans.html", {"loans": found, "plans": plans, "against_orders": against_orders}
    )


@borrower_page
@require_GET
def quote(request: HttpRequest, customer: Customer) -> HttpResponse:
    """What a loan would cost: its annual rates first, then every instalment and fee. The form is a link: nothing is kept."""
    on = business_date()
    if on is None:
        return redirect("home")
    form = WishForm(
        request.GET if "plan" in request.GET or "amount" in request.GET else None,
        plans=plans_on(on, customer_id=customer.pk),
    )
    context: dict[str, Any] = {"form": form}
    if form.is_bound and form.is_valid() and (quoted := _quoted(form, customer, on)):
        context |= shown_quote(quoted) | _decision(customer, quoted, on)
    return render(request, "lending/quote.html", context)


def _quoted(form: WishForm, customer: Customer, on: date) -> Quoted | None:
    """The price; None when there is none, or nothing to lend it against, as the form then says."""
    wish = form.wish
    try:
        quoted = quote_loan(wish=wish, on=on)
        require_covered(
            customer_id=customer.pk, version=quoted.offer.version, amount_fen=wish.amount_fen, on=on
        )
        return quoted
    except DomainError as error:
        form.refuse(error)
        return None


def shown_quote(quoted: Quoted) -> dict[str, Any]:
    """A price as pages show it."""
    offer, schedule, plan = quoted.offer, quoted.schedule, quoted.terms.schedule
    return {
        "quoted": quoted,
        "product": product_name(offer.version.product),
        "method": METHODS[offer.method],
        "method_hint": METHOD_HINTS[offer.method],
        "term": term(offer.periods, offer.unit, offer.every),
        "plan": plan_code(offer),
        "amount_fen": plan.principal_fen,
        "rows": [row for row in schedule.rows if row.due_fen],
        "stated_rate": number_of(plan.rate),
        "rate_is_daily": isinstance(plan.rate, DailyRate),
        "fees": [(FEES[fee.kind], fee.rate) for fee in plan.fees],
        "penalty_rate": quoted.terms.rules.penalty,
        "grace_days": quoted.terms.rules.grace_days,
        "prepayment_fees": quoted.prepayment_fees,
    }


def _decision(customer: Customer, quoted: Quoted, on: date) -> dict[str, Any]:
    """Every reason against lending this to the borrower."""
    refusals = decide_loan(customer_id=customer.pk, quoted=quoted, score=points_of(customer.pk, on), on=on)
    return {
        "refusals": [REFUSAL_TEXTS[refusal] for refusal in refusals],
        "minimum_score": quoted.offer.version.minimum_score,
    }


@borrower_page
@require_http_methods(["GET", "POST"])
def sign(request: HttpRequest, customer: Customer) -> HttpResponse:
    """The contract of a loan that was quoted, and signing it: once per form, with the consent recorded."""
    on = business_date()
    if on is None:
        return redirect("home")
    sources = list(sources_of(customer.pk))
    plans = plans_on(on, customer_id=customer.pk)
    wished = WishForm(request.POST or request.GET, plans=plans)
    if not wished.is_valid() or not (quoted := _quoted(wished, customer, on)):
        return render(request, "lending/quote.html", {"form": wished})
    if request.method == "POST":
        form = SignForm(request.POST, plans=plans, sources=sources)
        if form.is_valid() and (loan := _signed(form, customer)):
            messages.success(request, _("Signed. The money is on its way."))
            return redirect("loan", loan.uuid)
    else:
        given = {"plan": wished.cleaned_data["plan"], "amount": request.GET["amount"]}
        form = SignForm(initial=given, plans=plans, sources=sources)
    agreement = offered(quoted, customer, on)
    context = {
        "sign_form": form,
        "sources": sources,
        "amount": wished["amount"].value(),
        "issuer": lender().name,
        "pledges": agreement.pledges,
        "clauses": [words(part.text) for part in clauses(agreement) if isinstance(part, Paragraph)],
    }
    return render(
        request, "lending/sign.html", context | shown_quote(quoted) | _decision(customer, quoted, on)
    )


def _signed(form: SignForm, customer: Customer) -> Loan | None:
    """The loan that the form signs, or signed when it was sent before; None when it is refused, as the form then says."""
    try:
        with booking_day() as on:
            return borrow(
                customer_id=customer.pk,
                wish=form.wish,
                score=points_of(customer.pk, on),
                source=form.cleaned_data["source"],
                reference=f"page:{form.cleaned_data['key']}",
                on=on,
                at=timezone.now(),
            )
    except SourceNotFound:
        form.add_error("source", _("Choose where the money is to go."))
    except GatewayNotConfigured:
        form.add_error(None, _("No money can be sent right now. Try again later."))
    except LoanRequestConflict:
        form.add_error(None, _("This form has signed another loan already. Begin again."))
    except LoanRefused:
        # The page says every reason.
        form.add_error(None, _("The loan was not granted."))
    except (LendingError, ProductNotFound) as error:
        form.refuse(error)
    return None
