"""Sellers in the console: what their orders cover today, what is owed to them, and whether they are suspended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Sum
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ledger.selectors import positions
from lending.admin.orders import STATES, order_link
from lending.admin.records import ShownAdmin
from lending.models import REINSTATING, SUSPENDING, Seller, SellerCause, SellerChange
from lending.order_history import PayoutState, Today, amounts_today, orders_of, proceeds_of
from lending.pledging import EXCLUDED_TEXTS
from lending.services.sellers import may_suspend, reinstate_seller, suspend_seller
from lending.words import product_name
from web.acts import Act, ActForm, ActingAdmin, Figures
from web.console import Table, add_link, link_to, list_url, money
from web.forms import ProseField
from web.templatetags.money import percent, yuan
from web.today import business_date

SUSPEND = "lending.suspend_seller"


class _CausedForm(ActForm):
    """Why a seller is suspended, or reinstated."""

    causes: tuple[SellerCause, ...] = ()
    cause = forms.ChoiceField(label=_("cause"))
    note = ProseField(label=_("note"), max_length=200, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["cause"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "–"), *((cause.value, cause.label) for cause in self.causes)]


class SuspendForm(_CausedForm):
    """Why a seller is suspended."""

    causes = SUSPENDING


class ReinstateForm(_CausedForm):
    """Why a seller's suspension ends."""

    causes = REINSTATING


def _said(service: Callable[..., SellerChange]) -> Callable[[Any, date], SellerChange]:
    def run(form: Any, on: date) -> SellerChange:
        given = form.cleaned_data
        return service(
            seller_id=form.record.pk,
            cause=given["cause"],
            note=given["note"],
            reference=form.reference,
            by=f"staff:{form.by}",
            on=on,
        )

    return run


SELLER_ACTS = (
    Act(
        "suspend",
        _("Suspend"),
        SUSPEND,
        SuspendForm,
        _said(suspend_seller),
        _("The seller is suspended. To undo it, reinstate them."),
        lambda seller: may_suspend(seller, "staff"),
        warning=_(
            "Nothing is lent against the seller's orders. Loans run on and proceeds repay them as ever; what they leave for "
            "the seller is held back, and paid out once the seller is reinstated."
        ),
    ),
    Act(
        "reinstate",
        _("Reinstate"),
        SUSPEND,
        ReinstateForm,
        _said(reinstate_seller),
        _("The seller is reinstated, and is paid what was held back."),
        lambda seller: seller.is_suspended,
    ),
)


@admin.register(Seller)
class SellerAdmin(ShownAdmin, ActingAdmin):
    """Sellers, each with what may be lent against their orders today and what speaks against which."""

    acts = SELLER_ACTS
    list_display = ("customer", "trading_since", "state")
    list_filter = ("is_suspended",)
    search_fields = ("=customer__id", "customer__full_name__startswith")
    search_help_text = _("The beginning of a name, or the whole identifier of a customer.")
    ordering = ("-trading_since", "pk")
    fields = ("customer_page", "trading_since", "state", "owed", "held_back", "account")

    def get_queryset(self, request: HttpRequest) -> Any:
        """With who they are, whose name is theirs."""
        return super().get_queryset(request).select_related("customer")

    def called(self, record: Seller) -> str:
        """The customer who sells."""
        return str(record.customer)

    def stands(self, record: Seller, on: date) -> Figures:
        """Whether they are suspended, what may be lent to them today, and what is held back."""
        seller = Seller.objects.get(pk=record.pk)
        most = [(product_name(today.product), yuan(today.most_fen)) for today in amounts_today(seller.pk, on)]
        suspended = _("yes") if seller.is_suspended else _("no")
        return [(_("suspended"), suspended), *most, (_("held back"), yuan(_held_back(seller)))]

    @admin.display(description=_("customer"))
    def customer_page(self, seller: Seller) -> SafeString:
        """Who sells."""
        return link_to("customers_customer", seller.customer_id, seller.customer)

    @admin.display(description=_("state"), ordering="is_suspended")
    def state(self, seller: Seller) -> Any:
        """Whether they are suspended."""
        return _("suspended") if seller.is_suspended else "–"

    @admin.display(description=_("owed of proceeds"))
    def owed(self, seller: Seller) -> SafeString:
        """What is left of proceeds and not paid yet."""
        return money(positions([seller.payable_account_id])[seller.payable_account_id].credit_fen)

    @admin.display(description=_("of it held back"))
    def held_back(self, seller: Seller) -> SafeString:
        """What is not paid out while the seller is suspended."""
        return money(_held_back(seller) or None)

    @admin.display(description=_("owed of proceeds, account"))
    def account(self, seller: Seller) -> SafeString:
        """Where what is left of proceeds is owed to the seller."""
        return link_to("ledger_account", seller.payable_account_id, f"#{seller.payable_account_id}")

    def tables(self, record: Seller) -> Iterable[Table]:
        """What was said of the seller, what counts today, what does not and why, and the latest orders."""
        on = business_date()
        if changes := _changes(record):
            yield changes
        for today in amounts_today(record.pk, on) if on else ():
            yield _counted(today)
            yield _excluded(today)
        yield _latest(record)


def _held_back(seller: Seller) -> int:
    held = proceeds_of(seller.pk).filter(payout=PayoutState.HELD_BACK)
    return int(held.aggregate(fen=Sum("to_seller_fen", default=0))["fen"])


def _changes(seller: Seller) -> Table | None:
    rows = [
        (
            change.changed_on,
            change.get_kind_display(),
            change.get_cause_display(),
            change.note or "–",
            change.by,
        )
        for change in SellerChange.objects.filter(seller=seller).order_by("-pk")
    ]
    headings = (_("changed on"), _("kind"), _("cause"), _("note"), _("by"))
    return Table(_("Suspensions"), headings, rows) if rows else None


def _counted(today: Today) -> Table:
    title = _("%(product)s today: %(most)s, %(rate)s of what counts")
    given = {
        "product": product_name(today.product),
        "most": yuan(today.most_fen),
        "rate": percent(today.advance_rate),
    }
    rows = [(order_link(order.id, order.reference), order.buyer, order.shipped_on, money(order.amount_fen), money(fen))
            for order, fen in today.base.counted]  # fmt: skip
    headings = (_("order"), _("buyer"), _("shipped on"), _("amount"), _("lent of it"))
    return Table(title % given, headings, rows, empty=_("No order counts today."))


def _excluded(today: Today) -> Table:
    rows = [(order_link(order.id, order.reference), order.buyer, order.shipped_on, money(order.amount_fen),
             EXCLUDED_TEXTS[reason]) for order, reason in today.base.excluded]  # fmt: skip
    headings = (_("order"), _("buyer"), _("shipped on"), _("amount"), _("counts for nothing because"))
    return Table(_("Risk signals"), headings, rows, empty=_("Nothing speaks against any order."))


def _latest(seller: Seller, most: int = 25) -> Table:
    found = list(orders_of(seller.pk).order_by("-pk")[: most + 1])
    rows = [
        (
            order_link(order.pk, order.reference),
            order.buyer,
            order.shipped_on,
            money(order.amount_fen),
            money(order.refunded_fen),
            money(order.settled_fen),
            STATES[order.state],
        )
        for order in found[:most]
    ]
    headings = (_("order"), _("buyer"), _("shipped on"), _("amount"), _("refunded"), _("settled"), _("state"))
    more = list_url("lending_sellerorder", q=seller.pk) if len(found) > most else ""
    return Table(_("Orders"), headings, rows, more_url=more)


add_link(
    "customers_customer",
    lambda customer: (_("Sells on a platform"), list_url("lending_seller", q=customer.pk)),
)
