"""Asking that a person look at a refusal again, from the page of the decision."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from customers.models import Customer
from huabei.errors import LineError
from huabei.line_pages import KeyForm
from huabei.services.hearings import LONGEST_STATEMENT, DecisionNotFound, ask_for_review
from web.access import borrower_page
from web.api.day import booking_day


class ReviewForm(KeyForm):
    """What the applicant wants the person to know."""

    statement = forms.CharField(required=False, max_length=LONGEST_STATEMENT)


@borrower_page
@require_POST
def review(request: HttpRequest, customer: Customer, decision_id: int) -> HttpResponse:
    """Asks for a review of one of the borrower's refusals, once however often the form is sent."""
    form = ReviewForm(request.POST)
    if not form.is_valid():
        messages.error(
            request,
            _("Write at most %(most)d characters, and send the form again.") % {"most": LONGEST_STATEMENT},
        )
        return redirect("decision", decision_id=decision_id)
    try:
        with booking_day() as on:
            ask_for_review(
                customer_id=customer.pk,
                decision_id=decision_id,
                statement=form.cleaned_data["statement"],
                reference=form.reference,
                on=on,
            )
    except DecisionNotFound as missing:
        raise Http404 from missing
    except LineError as refusal:
        messages.error(request, _("Nothing was changed: %(why)s.") % {"why": refusal.message})
    else:
        messages.success(request, _("Asked for. A person looks at it, and we tell you what they decide."))
    return redirect("decision", decision_id=decision_id)
