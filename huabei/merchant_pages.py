"""A shop's own pages: its orders, charging, refunding and voiding them, and what is settled with it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from customers.models import ShopLogin
from finance.errors import DomainError
from huabei import merchant_history as history
from huabei.campaigning import campaigns_of, open_alerts, standings
from huabei.merchant_forms import AccountForm, CaptureForm, OrdersFilter, RefundForm, sent
from huabei.models import Capture, Merchant, Purchase, PurchaseState, Receipt, Refund
from huabei.services import settlements as settling
from huabei.services.captures import capture
from huabei.services.releases import void
from huabei.services.repayments import refund
from payments.errors import GatewayNotConfigured, SourceRefused
from payments.gateway import GatewayUnavailable, is_configured
from web.access import merchant_page
from web.api.day import booking_day
from web.today import business_date

SHOWN = 30
LARGEST_ID = 2**63 - 1


def _merchant(user: ShopLogin) -> Merchant:
    found = Merchant.objects.select_related("shop").filter(pk=user.shop_id).first()
    if found is None:
        raise Http404
    return found


def _number(text: str) -> int | None:
    return min(int(text[:20]), LARGEST_ID) if text.isascii() and text.isdigit() else None


def _page(user: ShopLogin, **more: Any) -> dict[str, Any]:
    alerts = open_alerts(user.shop_id)
    return {"shop": user.shop, "may_write": user.may_write, "alerts": alerts, **more}


@merchant_page
@require_GET
def orders(request: HttpRequest, user: ShopLogin) -> HttpResponse:
    """The shop's orders, newest first, a page at a time, of one state or range of days."""
    merchant = _merchant(user)
    form = OrdersFilter(request.GET or None)
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    before = _number(request.GET.get("before", ""))
    found = list(history.orders(merchant.pk, before=before, **asked)[: SHOWN + 1])
    rest = request.GET.copy()
    rest.pop("before", None)
    context = _page(
        user,
        form=form,
        narrowed=bool(any(asked.values())),
        orders=found[:SHOWN],
        is_first_page=before is None,
        older_than=found[SHOWN - 1].pk if len(found) > SHOWN else None,
        query=rest.urlencode(),
        owed=history.owed(merchant),
        standing=history.standing(merchant, business_date()),
    )
    return render(request, "huabei/merchant/orders.html", context)


def _own(user: ShopLogin, purchase_id: int) -> Purchase:
    found = history.own_order(merchant_id=user.shop_id, purchase_id=min(purchase_id, LARGEST_ID))
    if found is None:
        raise Http404
    return found


def _order(request: HttpRequest, user: ShopLogin, purchase: Purchase, **forms: Any) -> HttpResponse:
    left_fen = purchase.left_fen
    kept_fen = left_fen if purchase.awaits_receipt else purchase.kept_fen
    waits = purchase.state == PurchaseState.AUTHORISED
    context = _page(
        user,
        order=purchase,
        captures=Capture.objects.filter(purchase=purchase).order_by("pk"),
        refunds=Refund.objects.filter(purchase=purchase).order_by("pk"),
        left_fen=left_fen if waits else 0,
        kept_fen=kept_fen,
        waits=waits,
        receipt=Receipt.objects.filter(purchase=purchase).first(),
        can_refund=kept_fen > 0,
        capture_form=forms.get("capture_form") or CaptureForm.fresh(left_fen),
        refund_form=forms.get("refund_form") or RefundForm.fresh(kept_fen),
    )
    return render(request, "huabei/merchant/order.html", context)


@merchant_page
@require_GET
def order(request: HttpRequest, user: ShopLogin, purchase_id: int) -> HttpResponse:
    """One of the shop's orders, with what was charged and given back."""
    return _order(request, user, _own(user, purchase_id))


@merchant_page
@require_POST
def order_capture(request: HttpRequest, user: ShopLogin, purchase_id: int) -> HttpResponse:
    """Charges an order, whole or in part, once per form."""
    purchase = _own(user, purchase_id)
    form = sent(CaptureForm, request.POST)
    if form.is_valid():
        try:
            with booking_day() as on:
                capture(
                    purchase_id=purchase.pk,
                    amount_fen=form.cleaned_data["amount"],
                    reference=form.reference,
                    final=not form.cleaned_data["more"],
                    on=on,
                )
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Charged."))
            return redirect("merchant_order", purchase_id=purchase.pk)
    return _order(request, user, _own(user, purchase_id), capture_form=form)


@merchant_page
@require_POST
def order_refund(request: HttpRequest, user: ShopLogin, purchase_id: int) -> HttpResponse:
    """Gives an order back, whole or in part, once per form."""
    purchase = _own(user, purchase_id)
    form = sent(RefundForm, request.POST)
    if form.is_valid():
        try:
            with booking_day() as on:
                refund(
                    purchase_id=purchase.pk,
                    amount_fen=form.cleaned_data["amount"],
                    reference=form.reference,
                    on=on,
                )
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Refunded."))
            return redirect("merchant_order", purchase_id=purchase.pk)
    return _order(request, user, _own(user, purchase_id), refund_form=form)


@merchant_page
@require_POST
def order_void(request: HttpRequest, user: ShopLogin, purchase_id: int) -> HttpResponse:
    """Gives up what is reserved for an order, or was paid and not received. The same again changes nothing."""
    purchase = _own(user, purchase_id)
    try:
        with booking_day() as on:
            void(purchase_id=purchase.pk, on=on)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        text = (
            _("The order is cancelled, and its buyer has the money back.")
            if purchase.posts_on_receipt
            else _("What was reserved is released.")
        )
        messages.success(request, text)
    return redirect("merchant_order", purchase_id=purchase.pk)


@merchant_page
@require_http_methods(["GET", "POST"])
def settlements(request: HttpRequest, user: ShopLogin) -> HttpResponse:
    """What is payable, what was settled, newest first; and the account it is paid to, which is named here."""
    merchant = _merchant(user)
    form = AccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _registered(request, user, form):
        return redirect("merchant_settlements")
    before = _number(request.GET.get("before", ""))
    found = list(history.settlements(merchant.pk, before=before)[: SHOWN + 1])
    context = _page(
        user,
        owed=history.owed(merchant),
        standing=history.standing(merchant, business_date()),
        settlements=found[:SHOWN],
        is_first_page=before is None,
        older_than=found[SHOWN - 1].pk if len(found) > SHOWN else None,
        form=form,
        can_register=is_configured(),
    )
    return render(request, "huabei/merchant/settlements.html", context)


def _registered(request: HttpRequest, user: ShopLogin, form: AccountForm) -> bool:
    try:
        linked = settling.link_account(merchant_id=user.shop_id, account=form.cleaned_data["account"])
        with booking_day() as on:
            settling.register_account(merchant_id=user.shop_id, linked=linked, on=on)
    except SourceRefused as refusal:
        text = (
            _("Write the account number: 12 to 19 digits.")
            if refusal.field == "account"
            else _("This account cannot be used.")
        )
        form.add_error("account", text)
        return False
    except (GatewayUnavailable, GatewayNotConfigured):
        messages.error(request, _("Nothing can be linked right now. Try again later."))
        return False
    messages.success(request, _("You are paid to this account from the next payment on."))
    return True


@merchant_page
@require_GET
def campaigns(request: HttpRequest, user: ShopLogin) -> HttpResponse:
    """The shop's campaigns, newest first: what is left of each budget, and which near their end."""
    merchant = _merchant(user)
    before = _number(request.GET.get("before", ""))
    found = campaigns_of(merchant.pk)
    page = list((found if before is None else found.filter(pk__lt=before))[: SHOWN + 1])
    context = _page(
        user,
        standings=standings(page[:SHOWN]),
        is_first_page=before is None,
        older_than=page[SHOWN - 1].pk if len(page) > SHOWN else None,
    )
    return render(request, "huabei/merchant/campaigns.html", context)


@merchant_page
@require_GET
def settlement(request: HttpRequest, user: ShopLogin, settlement_id: int) -> HttpResponse:
    """One of the shop's settlements, with all that stands behind it."""
    found = history.own_settlement(merchant_id=user.shop_id, settlement_id=min(settlement_id, LARGEST_ID))
    if found is None:
        raise Http404
    merchant = _merchant(user)
    names = {
        merchant.payable_account_id: _("not settled"),
        merchant.settlement_account_id: _("to be paid out"),
    }
    detail = history.settlement_detail(found)
    postings = [
        (posting, names.get(posting.debit_account_id), names.get(posting.credit_account_id))
        for posting in detail.postings
    ]
    stands = history.standing(merchant, business_date())
    context = _page(user, settlement=found, detail=detail, postings=postings, standing=stands)
    return render(request, "huabei/merchant/settlement.html", context)
