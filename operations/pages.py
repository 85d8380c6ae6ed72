"""The borrower's home page, repaying and applying: score and products on one page, so they stand above the products."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from creditscore import selectors as scores
from creditscore.pages import shown
from customers.models import Customer
from finance.dates import next_on_day
from finance.rates import DailyRate
from huabei import history, line_history, selectors
from huabei.errors import RequestConflict
from huabei.hearing_pages import decision_page
from huabei.instalments import due_date
from huabei.models import Line, LineStatus, Repayment
from huabei.services.lines import OVERDUE
from huabei.services.opening import apply_for_line, preview
from huabei.services.repayments import repay
from lending.history import standing
from lending.selectors import live_loans_of
from operations.forms import ApplyForm, choices
from operations.services.closing import booking_day, business_date, is_open
from web.access import borrower_page
from web.forms import RepayForm


@borrower_page
@require_GET
def home(request: HttpRequest, customer: Customer) -> HttpResponse:
    """What the borrower has with us: score, line, what is to pay, and what happened lately."""
    if not is_open():
        return render(request, "operations/home.html", {"customer": customer})
    on = business_date()
    score = _score(customer, on)
    context: dict[str, Any] = {"customer": customer, "on": on, "score": score}
    context["loans"] = [standing(loan, on) for loan in live_loans_of(customer.pk)]
    lines = selectors.unsettled_lines(customer.pk, on)
    if lines:
        context |= _line(lines[0], on)
        context["earlier"] = [(line, selectors.line_position(line, on)) for line in lines[1:]]
    if not lines or (lines[0].status == LineStatus.CLOSED and not context["position"].owes_fen):
        context |= _offer(customer, on)
    return render(request, "operations/home.html", context)


def _score(customer: Customer, on: date) -> dict[str, Any]:
    found = scores.published_score(customer_id=customer.pk, on=on)
    return {**shown(found), "next_on": next_on_day(scores.publication_day(on), after=on)}


def _line(line: Line, on: date, form: RepayForm | None = None) -> dict[str, Any]:
    position = selectors.line_position(line, on)
    bill = history.bill(line, position, on)
    next_statement_on = next_on_day(line.statement_day, after=on)
    due_on = bill.statement.due_on if bill.statement else due_date(next_statement_on, line.due_day)
    # Of the day on which interest or penalty begins, as the statement says.
    terms = selectors.terms_on(due_on + timedelta(days=1))
    return {
        "line": line,
        "position": position,
        "used_percent": _percent(position.drawn_fen + position.held_fen, position.limit_fen),
        "bill": bill,
        "next_statement_on": next_statement_on,
        "frozen_as_overdue": line.frozen_cause == OVERDUE,
        "freezes": line_history.freezes_of(line),
        "form": form or RepayForm(offered=choices(bill, position)),
        "events": history.latest_events(line.pk),
        "revolving": DailyRate(terms.revolving_daily_rate),
        "penalty": DailyRate(terms.penalty_daily_rate),
    }


def _percent(part: int, whole: int) -> int:
    return min(round(100 * part / whole), 100) if whole else 0


def _offer(customer: Customer, on: date) -> dict[str, Any]:
    return {
        "decision": preview(customer_id=customer.pk, on=on),
        "applied": selectors.decisions_of(customer.pk).first(),
        "apply_form": ApplyForm(),
        "revolving": DailyRate(selectors.terms_on(on).revolving_daily_rate),
    }


@borrower_page
@require_POST
def apply(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Opens a line if the policy admits the borrower with the score that stands; if not, shows the decision: it says why."""
    form = ApplyForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose one of the statement days offered."))
        return redirect("home")
    if not is_open():
        return redirect("home")
    try:
        with booking_day() as on:
            decision = apply_for_line(
                customer_id=customer.pk,
                reference=_reference(form.cleaned_data["key"]),
                on=on,
                statement_day=form.cleaned_data["statement_day"],
            )
    except RequestConflict:
        messages.error(request, _("This form was sent before, with another statement day."))
        return redirect("home")
    if not decision.is_granted:
        messages.warning(request, _("No line was opened. The reasons are below."))
        return redirect("decision", decision_id=decision.pk)
    messages.success(request, _("Your line is open."))
    return redirect("home")


@borrower_page
@require_GET
def decision(request: HttpRequest, customer: Customer, decision_id: int) -> HttpResponse:
    """What was decided on one of the borrower's applications: every reason that there was, and what would be right."""
    found = selectors.decisions_of(customer.pk).filter(pk=decision_id).first()
    if found is None:
        raise Http404
    return decision_page(request, found)


def _reference(key: UUID) -> str:
    return f"page:{key}"


@borrower_page
@require_http_methods(["GET", "POST"])
def repay_line(request: HttpRequest, customer: Customer, line_uuid: UUID) -> HttpResponse:
    """Repays the borrower's own line, once per form however often it is sent; then shows where the money went."""
    line = history.own_line(customer_id=customer.pk, line_uuid=line_uuid)
    if line is None:
        raise Http404
    on = business_date()
    context = _line(line, on)
    if request.method == "POST":
        form = RepayForm(request.POST, offered=context["form"].offered)
        context["form"] = form
        if form.is_valid() and (repayment := _paid(line, form)):
            return redirect("repayment", repayment_id=repayment.pk)
    return render(request, "operations/repay.html", context)


def _paid(line: Line, form: RepayForm) -> Repayment | None:
    """The repayment that the form makes, or made when it was sent before; None when it refuses, as the form then says."""
    try:
        with booking_day() as on:
            return repay(
                line_id=line.pk,
                amount_fen=form.amount_fen,
                reference=_reference(form.cleaned_data["key"]),
                on=on,
            )
    except RequestConflict:
        form.used_up()
    return None


@borrower_page
@require_GET
def repayment(request: HttpRequest, customer: Customer, repayment_id: int) -> HttpResponse:
    """One of the borrower's own repayments: where the money went, and what stands on the line now."""
    found = history.own_repayment(customer_id=customer.pk, repayment_id=repayment_id)
    if found is None:
        raise Http404
    on = business_date()
    position = selectors.line_position(found.line, on)
    went_to = [
        (_("Penalty"), found.to_penalty_fen),
        (_("Interest"), found.to_interest_fen),
        (_("Fees"), found.to_fee_fen),
        (_("Billed purchases"), found.to_billed_fen),
        (_("Purchases not billed yet"), found.to_unbilled_fen),
        (_("Your credit, for your next purchases"), found.to_credit_fen),
    ]
    context = {
        "repayment": found,
        "went_to": [(name, fen) for name, fen in went_to if fen],
        "line": found.line,
        "position": position,
        "bill": history.bill(found.line, position, on),
    }
    return render(request, "operations/repayment.html", context)
