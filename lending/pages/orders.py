"""What a seller may borrow against their orders today, and what came in for those that are pledged."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from customers.models import Customer
from finance.money import format_yuan
from lending.forms import WishForm
from lending.order_history import amounts_today, proceeds_of, suspension
from lending.plans import plan_code, plans_on
from lending.pledging import EXCLUDED_TEXTS
from lending.words import product_name
from web.access import borrower_page
from web.today import business_date

# The latest proceeds that the page shows; the API has all of them.
LATEST = 20


@borrower_page
@require_GET
def orders(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Today's amount with the orders behind it and those that count for nothing, and the way to a price."""
    on = business_date()
    if on is None:
        return redirect("home")
    amounts = amounts_today(customer.pk, on)
    if not amounts:
        raise Http404
    plans = plans_on(on, customer_id=customer.pk)
    context: dict[str, Any] = {
        "amounts": [
            {
                "today": today,
                "product": product_name(today.product),
                "form": WishForm(
                    plans={today.product: plans[today.product]},
                    initial={
                        "plan": plan_code(plans[today.product][0]),
                        "amount": format_yuan(today.most_fen),
                    },
                ),
                "excluded": [(order, EXCLUDED_TEXTS[reason]) for order, reason in today.base.excluded],
            }
            for today in amounts
        ],
        "suspension": suspension(customer.pk),
        "proceeds": proceeds_of(customer.pk).order_by("-pk")[:LATEST],
    }
    return render(request, "lending/orders.html", context)
