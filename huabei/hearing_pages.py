"""Asking that a person look at a refusal, or at a limit that was cut, again: from the page of the one or the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from customers.models import Customer
from huabei.errors import LineError
from huabei.line_history import told_limits
from huabei.line_pages import KeyForm
from huabei.models import LimitChange, OpeningDecision, ReviewVerdict
from huabei.selectors import decisions_of
from huabei.services.hearings import LONGEST_STATEMENT, ask_about_limit, ask_for_review
from web.access import borrower_page
from web.api.day import booking_day


class ReviewForm(KeyForm):
    """What the applicant wants the person to know; how long it may be is measured as it is kept."""

    statement = forms.CharField(required=False)


def decision_page(
    request: HttpRequest, decision: OpeningDecision, *, statement: str = "", status: int = 200
) -> HttpResponse:
    """What was decided on one of the borrower's applications, with the form that asks for a review of it."""
    context = {"decision": decision, **_asking(decision, statement)}
    return render(request, "operations/decision.html", context, status=status)


def _cut_page(
    request: HttpRequest, cut: LimitChange, *, statement: str = "", status: int = 200
) -> HttpResponse:
    restored = ReviewVerdict.objects.filter(review__limit_change=cut, restored_by__isnull=False)
    context = {
        "cut": cut,
        "cause": told_limits([cut])[0].why,
        "restored_fen": restored.values_list("restored_by__after_fen", flat=True).first(),
        **_asking(cut, statement),
    }
    return render(request, "huabei/limit_change.html", context, status=status)


def _asking(about: OpeningDecision | LimitChange, statement: str) -> dict[str, Any]:
    """The review of something, and what its form begins with."""
    return {
        "review": getattr(about, "review", None),
        "key": uuid4(),
        "statement": statement,
        "longest": LONGEST_STATEMENT,
    }


@borrower_page
@require_GET
def limit_change(request: HttpRequest, customer: Customer, change_id: int) -> HttpResponse:
    """A cut of the borrower's limit, with the form that asks a person to look at it again."""
    return _cut_page(request, _own_cut(customer, change_id))


def _own_cut(customer: Customer, change_id: int) -> LimitChange:
    found = LimitChange.objects.filter(pk=change_id, line__customer_id=customer.pk).select_related("line")
    cut = found.first()
    if cut is None or not cut.is_cut:
        raise Http404
    return cut


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
    refused = _ask(request, ask_for_review, customer_id=customer.pk, decision_id=decision_id)
    if refused is not None:
        return decision_page(request, decision, statement=request.POST.get("statement", ""), status=refused)
    return redirect("decision", decision_id=decision_id)


@borrower_page
@require_POST
def review_limit(request: HttpRequest, customer: Customer, change_id: int) -> HttpResponse:
    """The same for a cut of the borrower's limit."""
    cut = _own_cut(customer, change_id)
    refused = _ask(request, ask_about_limit, customer_id=customer.pk, change_id=change_id)
    if refused is not None:
        return _cut_page(request, cut, statement=request.POST.get("statement", ""), status=refused)
    return redirect("limit_change", change_id=change_id)


def _ask(request: HttpRequest, service: Callable[..., object], **about: Any) -> int | None:
    """Asks for the review that the form wants; the status of the answer, and a message that says why, where it is refused."""
    form = ReviewForm(request.POST)
    if not form.is_valid():
        messages.error(
            request,
            _("Write at most %(most)d characters, and send the form again.") % {"most": LONGEST_STATEMENT},
        )
        return 400
    try:
        with booking_day() as on:
            service(**about, statement=form.cleaned_data["statement"], reference=form.reference, on=on)
    except LineError as refusal:
        messages.error(request, _("Nothing was changed: %(why)s.") % {"why": refusal.message})
        return 422
    messages.success(request, _("Asked for. A person looks at it, and we tell you what they decide."))
    return None
