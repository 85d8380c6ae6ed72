"""Asking that a person look at a refusal again, from the page of the decision."""

from __future__ import annotations

from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from customers.models import Customer
from huabei.errors import LineError
from huabei.line_pages import KeyForm
from huabei.models import OpeningDecision
from huabei.selectors import decisions_of
from huabei.services.hearings import LONGEST_STATEMENT, ask_for_review
from web.access import borrower_page
from web.api.day import booking_day


class ReviewForm(KeyForm):
    """What the applicant wants the person to know; how long it may be is measured as it is kept."""

    statement = forms.CharField(required=False)


def decision_page(
    request: HttpRequest, decision: OpeningDecision, *, statement: str = "", status: int = 200
) -> HttpResponse:
    """What was decided on one of the borrower's applications, with the form that asks for a review of it."""
    context = {
        "decision": decision,
        "review": getattr(decision, "review", None),
        "key": uuid4(),
        "statement": statement,
        "longest": LONGEST_STATEMENT,
    }
    return render(request, "operations/decision.html", context, status=status)


@borrower_page
@require_POST
def review(request: HttpRequest, customer: Customer, decision_id: int) -> HttpResponse:
    """
    Asks for a review of one of the borrower's refusals, once however often the form is sent. What is refused comes back as
    it was written.
    """
    decision = decisions_of(customer.pk).filter(pk=decision_id).first()
    if decision is None:
        raise Http404
    form = ReviewForm(request.POST)
    written = request.POST.get("statement", "")
    if not form.is_valid():
        messages.error(
            request,
            _("Write at most %(most)d characters, and send the form again.") % {"most": LONGEST_STATEMENT},
        )
        return decision_page(request, decision, statement=written, status=400)
    try:
        with booking_day() as on:
            ask_for_review(
                customer_id=customer.pk,
                decision_id=decision_id,
                statement=form.cleaned_data["statement"],
                reference=form.reference,
                on=on,
            )
    except LineError as refusal:
        messages.error(request, _("Nothing was changed: %(why)s.") % {"why": refusal.message})
        return decision_page(request, decision, statement=written, status=422)
    messages.success(request, _("Asked for. A person looks at it, and we tell you what they decide."))
    return redirect("decision", decision_id=decision_id)
