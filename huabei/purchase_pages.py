"""A buyer's purchases: the list, one opened down to what was charged and what came back, and confirming its receipt."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from customers.models import Customer
from finance.errors import DomainError
from huabei import purchase_history as history
from huabei.models import Purchase
from huabei.services.receipts import confirm_receipt
from web.access import borrower_page
from web.api.day import booking_day

SHOWN = 30
LARGEST_ID = 2**63 - 1


@borrower_page
@require_GET
def purchases(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Everything that the borrower bought, newest first, a page at a time; before it what waits for a receipt."""
    before = request.GET.get("before", "")
    found = history.purchases_for(customer.pk)
    is_first_page = not (before.isascii() and before.isdigit())
    if not is_first_page:
        found = found.filter(pk__lt=min(int(before[:20]), LARGEST_ID))
    shown = list(found[: SHOWN + 1])
    context = {
        "awaited": history.awaited_of(customer.pk)[:SHOWN] if is_first_page else [],
        "purchases": shown[:SHOWN],
        "is_first_page": is_first_page,
        "older_than": shown[SHOWN - 1].pk if len(shown) > SHOWN else None,
    }
    return render(request, "huabei/purchases.html", context)


def _own(customer: Customer, purchase_id: int) -> Purchase:
    found = history.own_purchase(customer_id=customer.pk, purchase_id=min(purchase_id, LARGEST_ID))
    if found is None:
        raise Http404
    return found


@borrower_page
@require_GET
def purchase(request: HttpRequest, customer: Customer, purchase_id: int) -> HttpResponse:
    """One of the borrower's purchases: its receipt."""
    found = _own(customer, purchase_id)
    context = {
        "purchase": found,
        "is_owner": found.line.customer_id == customer.pk,
        "receipt": getattr(found, "receipt", None),
    }
    return render(request, "huabei/purchase.html", context)


@borrower_page
@require_POST
def confirm(request: HttpRequest, customer: Customer, purchase_id: int) -> HttpResponse:
    """The buyer confirms that a purchase came. The same again changes nothing."""
    found = _own(customer, purchase_id)
    try:
        with booking_day() as on:
            confirm_receipt(purchase_id=found.pk, customer_id=customer.pk, on=on)
    except DomainError as refusal:
        messages.error(request, refusal.message[:1].upper() + refusal.message[1:])
    else:
        messages.success(request, _("Thank you: now the shop is paid."))
    return redirect("purchase", purchase_id=found.pk)
