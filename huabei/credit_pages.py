"""The borrower's refunds and credit: where each refund went, and paying credit out to a source of their own."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from customers.models import Customer
from finance.money import format_yuan
from huabei import credit_history, selectors
from huabei.errors import AmountRefused, RequestConflict
from huabei.models import CreditPayout, Line
from huabei.paying_out import request_payout_of_credit
from payments import errors as payment_errors
from payments import selectors as payments
from payments.models import FundingSource
from web.access import borrower_page
from web.api.day import booking_day
from web.forms import YuanField
from web.templatetags.money import rmb
from web.today import business_date


class PayoutForm(forms.Form):
    """How much credit to pay out, and to which source; once per form."""

    amount = YuanField(label=gettext_lazy("Amount in yuan"))
    source = forms.ModelChoiceField(
        FundingSource.objects.none(),
        to_field_name="uuid",
        empty_label=None,
        label=gettext_lazy("To"),
        error_messages={"invalid_choice": gettext_lazy("Choose one of your wallets or cards.")},
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any, *, customer: Customer, credit_fen: int) -> None:
        first = {"amount": format_yuan(credit_fen), "key": uuid4()}
        super().__init__(data, initial=first)
        self.credit_fen = credit_fen
        self.fields["source"].queryset = payments.sources_of(customer.pk)  # type: ignore[attr-defined]
        self.fields["amount"].help_text = _("At most %(most)s.") % {"most": rmb(credit_fen)}


@borrower_page
@require_http_methods(["GET", "POST"])
def credit(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Refunds and where they went, the credit there is, and paying it out; also of a line that is closed."""
    on = business_date()
    line = selectors.line_of(customer.pk)
    if on is None or line is None:
        return render(request, "huabei/credit.html", {"line": None})
    credit_fen = selectors.line_position(line, on).credit_fen
    form = PayoutForm(request.POST or None, customer=customer, credit_fen=credit_fen)
    if request.method == "POST" and form.is_valid() and _ordered(request, customer, form):
        return redirect("credit")
    return render(request, "huabei/credit.html", _page(customer, line, form, on))


def _page(customer: Customer, line: Line, form: PayoutForm, on: date) -> dict[str, Any]:
    return {
        "line": line,
        "on": on,
        "credit_fen": form.credit_fen,
        "form": form,
        "has_source": payments.sources_of(customer.pk).exists(),
        "refunds": credit_history.refunds_of(line.pk)[: credit_history.MOST_SHOWN],
        "payouts": credit_history.payouts_of(line.pk)[: credit_history.MOST_SHOWN],
    }


def _ordered(request: HttpRequest, customer: Customer, form: PayoutForm) -> bool:
    """Orders the payout that the form asks for; says beside the field, or above all, why not."""
    given = form.cleaned_data
    reference = f"page:{given['key']}"
    line = selectors.line_asked(CreditPayout, customer.pk, reference)
    assert line is not None
    try:
        with booking_day() as on:
            request_payout_of_credit(
                line_id=line.pk,
                amount_fen=given["amount"],
                source=given["source"].uuid,
                reference=reference,
                on=on,
            )
    except AmountRefused:
        form.add_error("amount", _("This is more than your credit."))
    except payment_errors.SourceNotFound as error:
        raise Http404 from error
    except (RequestConflict, payment_errors.RequestConflict):
        messages.error(request, _("This form was used already. Look at what is below."))
        return True
    except payment_errors.GatewayNotConfigured:
        form.add_error(None, _("Nothing can be paid out right now. Try again later."))
    else:
        messages.success(request, _("It is on its way. We tell you when it has arrived."))
        return True
    return False
