"""The borrower's autopay: sources in their order, what may be taken from each, and how much is collected on the due day."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from customers.models import Customer
from huabei import history, selectors
from huabei.autopay import PURPOSE
from lending.history import standing
from lending.models import LoanStatus
from lending.paying import COLLECTION
from lending.selectors import live_loans_of
from operations.services.closing import booking_day, business_date, is_open
from payments import selectors as payments
from payments.errors import GatewayNotConfigured, PaymentError, SourceNotFound, SourceRefused
from payments.gateway import GatewayUnavailable, gateway, is_configured
from payments.models import AutopayAmount, SourceKind
from payments.services import sources
from web.access import borrower_page

ATTEMPTS_SHOWN = 10
AMOUNT_HINTS = {
    AutopayAmount.FULL: gettext_lazy("All that the statement asks for, so no interest runs."),
    AutopayAmount.MINIMUM: gettext_lazy("Only the minimum due; interest runs on the rest."),
    AutopayAmount.OFF: gettext_lazy("You pay yourself, by the due date."),
}
AMOUNT_NAMES = {
    AutopayAmount.FULL: gettext_lazy("The full bill"),
    AutopayAmount.MINIMUM: gettext_lazy("The minimum"),
    AutopayAmount.OFF: gettext_lazy("No autopay"),
}


class SourceForm(forms.Form):
    """A wallet or a card to link. A card's number goes to the gateway and is not kept."""

    kind = forms.ChoiceField(
        choices=SourceKind.choices,
        label=gettext_lazy("What to link"),
        error_messages={
            "required": gettext_lazy("Choose what to link."),
            "invalid_choice": gettext_lazy("Choose what to link."),
        },
    )
    account = forms.CharField(
        max_length=32, required=False, label=gettext_lazy("Card number, for a bank card")
    )

    @property
    def chosen(self) -> str:
        """The kind that stands ticked."""
        return str(self["kind"].value() or SourceKind.WALLET)


@borrower_page
@require_http_methods(["GET", "POST"])
def autopay(request: HttpRequest, customer: Customer) -> HttpResponse:
    """The page, and linking one more source."""
    if not is_open():
        return redirect("home")
    form = SourceForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _linked(request, customer, form):
        return redirect("autopay")
    return render(request, "operations/autopay.html", _page(customer, form))


def _page(customer: Customer, form: SourceForm) -> dict[str, Any]:
    found = list(payments.sources_of(customer.pk))
    chosen = payments.autopay_amount(owner=customer.pk, purpose=PURPOSE)
    return {
        "sources": found,
        "usable": any(source.autopay for source in found),
        "can_link": is_configured() and len(found) < sources.MOST_SOURCES,
        "form": form,
        "chosen": chosen,
        "amounts": [(each, AMOUNT_NAMES[each], AMOUNT_HINTS[each]) for each in AutopayAmount],
        "attempts": payments.attempts_of(customer.pk)[:ATTEMPTS_SHOWN],
        "for_loans": COLLECTION,
        **_next(customer, chosen, business_date()),
        **_loans(customer, business_date()),
    }


def _next(customer: Customer, chosen: AutopayAmount, on: date) -> dict[str, Any]:
    """What would be collected on the due date to come, as things stand; what a closed line owes as well."""
    line = selectors.line_of(customer.pk)
    if line is None:
        return {"line": None}
    bill = history.bill(line, selectors.line_position(line, on), on)
    amount_fen = {
        AutopayAmount.FULL: bill.unpaid_fen,
        AutopayAmount.MINIMUM: bill.minimum_fen,
        AutopayAmount.OFF: 0,
    }[chosen]
    is_coming = bill.statement is not None and not bill.is_past_due_date
    return {"line": line, "bill": bill, "amount_fen": amount_fen if is_coming else 0}


def _loans(customer: Customer, on: date) -> dict[str, Any]:
    """The borrower's loans that run, and whether what falls due of them is collected."""
    chosen = payments.autopay_amount(owner=customer.pk, purpose=COLLECTION)
    found = [standing(loan, on) for loan in live_loans_of(customer.pk) if loan.status == LoanStatus.ACTIVE]
    return {
        "loans": found,
        "loans_chosen": AutopayAmount.OFF if chosen == AutopayAmount.OFF else AutopayAmount.FULL,
    }


def _linked(request: HttpRequest, customer: Customer, form: SourceForm) -> bool:
    """Links what the form names; says beside the field, or above all, why not."""
    kind = form.cleaned_data["kind"]
    try:
        # The gateway is asked before the transaction begins.
        linked = gateway().link(owner=customer.pk, kind=kind, account=form.cleaned_data["account"])
        with booking_day() as on:
            sources.add_source(owner=customer.pk, kind=kind, token=linked.token, name=linked.name, on=on)
    except SourceRefused as refusal:
        text = (
            _("Write the card number: 12 to 19 digits.")
            if refusal.field == "account"
            else _("This cannot be linked.")
        )
        form.add_error("account" if refusal.field == "account" else "kind", text)
        return False
    except (GatewayUnavailable, GatewayNotConfigured):
        messages.error(request, _("Nothing can be linked right now. Try again later."))
        return False
    messages.success(request, _("Linked. It is last in your order."))
    return True


@borrower_page
@require_POST
def autopay_source(request: HttpRequest, customer: Customer, source_uuid: UUID) -> HttpResponse:
    """Moves one of the borrower's own sources up or down, allows or forbids autopay from it, or removes it."""
    act = request.POST.get("act", "")
    given: dict[str, Any] = {"owner": customer.pk, "source": source_uuid}
    try:
        with booking_day() as on:
            if act in ("up", "down"):
                sources.move_source(**given, up=act == "up", on=on)
            elif act in ("allow", "forbid"):
                sources.set_autopay(**given, allowed=act == "allow", on=on)
            elif act == "remove":
                sources.remove_source(**given, on=on)
            else:
                raise Http404
    except SourceNotFound as error:
        raise Http404 from error
    messages.success(request, _("Changed."))
    return redirect("autopay")


@borrower_page
@require_POST
def autopay_amount(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Chooses how much is collected on the due day, of the line's bill or of the loans' instalments."""
    purpose = COLLECTION if request.POST.get("of") == COLLECTION else PURPOSE
    try:
        with booking_day() as on:
            sources.choose_autopay(
                owner=customer.pk, purpose=purpose, amount=request.POST.get("amount", ""), on=on
            )
    except PaymentError:
        messages.error(request, _("Choose the full bill, the minimum, or no autopay."))
    else:
        messages.success(request, _("Changed. It counts from the next collection on."))
    return redirect("autopay")
