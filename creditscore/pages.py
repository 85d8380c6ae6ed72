"""The borrower's score: the one that stands, why it is what it is, and the ones before it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from creditscore import selectors
from creditscore.gauge import gauge
from creditscore.models import Score
from customers.models import Customer
from web.access import borrower_page

EARLIER_SHOWN = 24


def shown(score: Score | None) -> dict[str, Any]:
    """A score as the pages show it, in the active language; None where none was published for the customer yet."""
    points = score.points if score else None
    explanation = (
        selectors.explained(
            points=score.points,
            band=score.band,
            not_scored=score.not_scored,
            sub_scores=score.sub_scores,
            reasons=score.reasons,
        )
        if score
        else None
    )
    return {
        "published_on": score.published_on if score else None,
        "as_of": score.as_of if score else None,
        "points": points,
        "explanation": explanation,
        "gauge": gauge(points),
    }


@borrower_page
@require_GET
def score(request: HttpRequest, customer: Customer) -> HttpResponse:
    """The borrower's newest score explained, and the earlier ones."""
    newest_first = Score.objects.filter(customer_id=customer.pk).order_by("-published_on")
    published = list(newest_first[: EARLIER_SHOWN + 1])
    context = {"score": shown(published[0] if published else None), "history": published[1:]}
    return render(request, "creditscore/score.html", context)
