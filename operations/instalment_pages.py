"""The borrower's instalments: what they would cost, a statement put into them, plans, and paying one off."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from customers.models import Customer
from finance.errors import DomainError
from finance.money import format_yuan
from huabei import history, plans
from huabei.campaigning import shops_that_pay
from huabei.errors import AmountRefused
from huabei.models import Line, Plan
from huabei.plans import PlanStanding
from huabei.services.instalments import pay_off, spread_statement
from operations.instalment_forms import OfferForm, PayoffDayForm, PayoffForm
from operations.services.closing import booking_day, business_date
from web.access import borrower_page

# What a quote begins with.
FIRST_AMOUNT = "1000.00"


def _own_line(customer: Customer, line_uuid: UUID) -> Line:
    line = history.own_line(customer_id=customer.pk, line_uuid=line_uuid)
    if line is None:
        raise Http404
    return line


def _periods(on: date) -> list[int]:
    return list(plans.instalment_terms_on(on).options.order_by("periods").values_list("periods", flat=True))


def _shown(line: Line, form: OfferForm, on: date) -> dict[str, Any]:
    """The form with what each number of instalments costs, and the chosen one row by row, where the amount can be read."""
    context: dict[str, Any] = {"line": line, "form": form, "on": on}
    if not form.errors.get("amount"):
        shop = form.cleaned_data.get("shop")
        offers = plans.offers_on(form.cleaned_data["amount"], on, merchant_id=UUID(shop) if shop else None)
        chosen = next((each for each in offers if each.periods == form.chosen), None)
        context |= {"offers": offers, "chosen": chosen}
        if chosen:
            context["rows"] = plans.dated(line, chosen.rows, on)
    return context


@borrower_page
@require_GET
def instalments(request: HttpRequest, customer: Customer, line_uuid: UUID) -> HttpResponse:
    """The plans of the borrower's line: what is to come of each, and what has ended."""
    line, on = _own_line(customer, line_uuid), business_date()
    found = plans.plans_of(line.pk, on)
    context = {
        "line": line,
        "running": [each for each in found if each.to_come],
        "ended": [each for each in found if not each.to_come],
        "to_come_fen": sum(each.principal_to_come_fen + each.fee_to_come_fen for each in found),
        "can_spread": plans.open_choice(line, on) is not None,
    }
    return render(request, "operations/instalments.html", context)


@borrower_page
@require_GET
def instalment_quote(request: HttpRequest, customer: Customer, line_uuid: UUID) -> HttpResponse:
    """What a purchase of any amount would cost in instalments, for looking only: it is chosen at the shop's checkout."""
    line, on = _own_line(customer, line_uuid), business_date()
    offered = _periods(on)
    first = {"amount": FIRST_AMOUNT, "periods": offered[0]}
    form = OfferForm(request.GET or first, offered=offered, shops=shops_that_pay(on))
    form.is_valid()
    return render(request, "operations/instalment_quote.html", _shown(line, form, on))


@borrower_page
@require_http_methods(["GET", "POST"])
def spread(request: HttpRequest, customer: Customer, line_uuid: UUID) -> HttpResponse:
    """Puts an amount of the latest statement into instalments, after showing what that costs a year; once per form."""
    line, on = _own_line(customer, line_uuid), business_date()
    choice, offered = plans.open_choice(line, on), _periods(on)
    if request.method == "POST":
        form = OfferForm(request.POST, offered=offered)
        if form.is_valid() and form.cleaned_data["key"] and (plan := _spread(line, form)):
            messages.success(request, _("Put into instalments."))
            return redirect("plan", plan_id=plan.pk)
        messages.error(request, _("This cannot be put into instalments now. Look at what is possible below."))
        return redirect("spread", line_uuid=line.uuid)
    if choice is None:
        return render(request, "operations/spread.html", {"line": line})
    first = {"amount": format_yuan(choice.largest_fen), "periods": offered[0]}
    form = OfferForm(
        request.GET or first,
        offered=offered,
        smallest_fen=choice.smallest_fen,
        largest_fen=choice.largest_fen,
    )
    form.is_valid()
    return render(request, "operations/spread.html", _shown(line, form, on) | {"choice": choice})


def _spread(line: Line, form: OfferForm) -> Plan | None:
    """The plan that the form makes, or made when it was sent before; None when it is refused."""
    try:
        with booking_day() as on:
            return spread_statement(
                line_id=line.pk,
                amount_fen=form.cleaned_data["amount"],
                periods=form.cleaned_data["periods"],
                reference=f"page:{form.cleaned_data['key']}",
                on=on,
            )
    except DomainError:
        return None


def _own_plan(customer: Customer, plan_id: int, today: date) -> PlanStanding:
    standing = plans.own_plan(customer_id=customer.pk, plan_id=plan_id, today=today)
    if standing is None:
        raise Http404
    return standing


@borrower_page
@require_GET
def plan(request: HttpRequest, customer: Customer, plan_id: int) -> HttpResponse:
    """One of the borrower's own plans, row by row."""
    standing = _own_plan(customer, plan_id, business_date())
    return render(request, "operations/plan.html", {"standing": standing, "plan": standing.plan})


@borrower_page
@require_http_methods(["GET", "POST"])
def payoff(request: HttpRequest, customer: Customer, plan_id: int) -> HttpResponse:
    """Pays a plan off, for the amount that was shown and once per form; quotes it for any day before that."""
    today = business_date()
    standing = _own_plan(customer, plan_id, today)
    if request.method == "POST" and _paid_off(request, standing):
        return redirect("plan", plan_id=plan_id)
    if not standing.principal_to_come_fen:
        return redirect("plan", plan_id=plan_id)
    day = PayoffDayForm(request.GET or {"on": today.isoformat()}, today=today)
    on = day.cleaned_data["on"] if day.is_valid() else today
    context = {
        "standing": standing,
        "plan": standing.plan,
        "today": today,
        "day": day,
        "quote": plans.payoff_quote_on(standing.plan, today=today, on=on),
        "key": OfferForm.new_key(),
    }
    return render(request, "operations/payoff.html", context)


def _paid_off(request: HttpRequest, standing: PlanStanding) -> bool:
    form = PayoffForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was paid. Try again."))
        return False
    try:
        with booking_day() as on:
            pay_off(
                plan_id=standing.plan.pk,
                reference=f"page:{form.cleaned_data['key']}",
                on=on,
                amount_fen=form.cleaned_data["amount"],
            )
    except AmountRefused:
        messages.warning(
            request, _("Nothing was paid: the amount has changed since it was shown. This is it now.")
        )
        return False
    except DomainError:
        messages.warning(request, _("Nothing was paid: there are no instalments to come."))
        return False
    messages.success(request, _("Paid off. There are no instalments to come of it."))
    return True
