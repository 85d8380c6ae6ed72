"""Order loans in the console: sellers with what their orders cover today, orders with what became of them, and pledges."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from lending.admin.acts import UNDO
from lending.admin.links import entry_link, loan_link
from lending.admin.records import ShownAdmin
from lending.models import HELD, Loan, OrderEvent, Pledge, SellerOrder
from lending.order_history import (
    OrderState,
    pledges_with_state,
    signalled,
)
from lending.pledging import EXCLUDED_TEXTS, Excluded
from lending.proceeds import settlements
from lending.selectors import loan_on
from lending.services.orders import undo_settlement
from lending.words import pledge_state
from web.acts import Act, ActForm, ActingAdmin, Figures
from web.console import Table, link_to, money, money_column
from web.forms import ProseField
from web.templatetags.money import yuan
from web.today import business_date

STATES = {
    OrderState.SHIPPED.value: _("shipped"),
    OrderState.CONFIRMED.value: _("confirmed"),
    OrderState.SETTLED.value: pgettext_lazy("order", "settled"),
    OrderState.UNDONE.value: _("settlement taken back"),
    OrderState.REFUNDED.value: _("refunded"),
}
# What speaks against an order that is pledged already, by the attribute that says so.
SIGNALS = {
    "is_related": EXCLUDED_TEXTS[Excluded.RELATED_BUYER],
    "is_stale": EXCLUDED_TEXTS[Excluded.STALE],
    "is_fast": EXCLUDED_TEXTS[Excluded.FAST_CONFIRMATION],
}


def order_link(pk: int, reference: str) -> SafeString:
    """A link to an order, which bears the platform's name of it."""
    return link_to("lending_sellerorder", pk, reference)


class UndoSettlementForm(ActForm):
    """Why an order's settlement never was."""

    cause = ProseField(label=_("cause"), max_length=200)


ORDER_ACTS = (
    Act(
        "undo-settlement",
        _("Take the settlement back"),
        UNDO,
        UndoSettlementForm,
        lambda form, on: undo_settlement(
            order_id=form.record.pk, reference=form.reference, on=on, cause=form.cleaned_data["cause"]
        ),
        _("The settlement is taken back."),
        lambda order: _booked(order) is not None,
        corrects=True,
        warning=_(
            "What came in for this order goes back whole, from its loan and from its seller. The order has ended all the "
            "same: what comes in for it after all is recorded as a repayment."
        ),
    ),
)


def _booked(order: SellerOrder) -> OrderEvent | None:
    """The order's settlement, if it came to the books and was not taken back."""
    return settlements().filter(order=order, entry_id__isnull=False).first()


@admin.register(SellerOrder)
class SellerOrderAdmin(ShownAdmin, ActingAdmin):
    """Orders as the platforms told them, newest first."""

    acts = ORDER_ACTS

    list_display = (
        "reference",
        "seller_is",
        "buyer",
        money_column("amount_fen", _("amount")),
        "shipped_on",
        "told_on",
    )
    list_select_related = ("seller__customer",)
    search_fields = ("=reference", "=buyer", "=seller__customer__id")
    search_help_text = _("A whole reference or buyer, or the whole identifier of a seller.")
    ordering = ("-pk",)
    fields = (*list_display[:4], "shipped_at", "told_on")

    @admin.display(description=_("seller"))
    def seller_is(self, order: SellerOrder) -> SafeString:
        """Who sold it."""
        return link_to("lending_seller", order.seller_id, order.seller.customer)

    def called(self, record: SellerOrder) -> str:
        """The order, by the platform's name of it."""
        return gettext("order %(reference)s") % {"reference": record.reference}

    def stands(self, record: SellerOrder, on: date) -> Figures:
        """What came in for it, and what its loan then takes to end."""
        came = _booked(record)
        figures: Figures = [
            (_("to the loan"), yuan(came.to_loan_fen if came else 0)),
            (_("to the seller"), yuan(came.to_seller_fen if came else 0)),
        ]
        if pledge := Pledge.objects.filter(order=record).order_by("-pk").first():
            loan = loan_on(Loan.objects.select_related("terms").get(pk=pledge.loan_id), on)
            figures.append((_("ends its loan today"), yuan(loan.payoff.total_fen)))
        return figures

    def tables(self, record: SellerOrder) -> Iterable[Table]:
        """What became of it, and what it was pledged to."""
        yield Table(
            _("What became of it"),
            (
                _("booked on"),
                _("kind"),
                _("amount"),
                _("to the loan"),
                _("to the seller"),
                _("called in"),
                _("cause"),
                _("entry"),
            ),
            [
                (
                    event.booked_on,
                    event.get_kind_display(),
                    money(event.amount_fen or None),
                    money(event.to_loan_fen or None),
                    money(event.to_seller_fen or None),
                    money(event.recalled_fen or None),
                    event.cause or "–",
                    entry_link(event.entry_id),
                )
                for event in OrderEvent.objects.filter(order=record).order_by("-pk")
            ],
        )
        yield pledges_table(Pledge.objects.filter(order=record).select_related("loan__customer"))


def pledges_table(pledges: QuerySet[Pledge]) -> Table:
    """Pledged orders, oldest first, with what came of each."""
    return Table(
        _("Pledged orders"),
        (
            _("order"),
            _("loan"),
            _("worth"),
            _("of the principal"),
            _("refunded"),
            _("called in"),
            _("to the loan"),
            _("to the seller"),
            _("state"),
            _("released on"),
        ),
        [
            (
                order_link(pledge.order_id, pledge.order.reference),
                loan_link(pledge.loan),
                money(pledge.amount_fen),
                money(pledge.share_fen),
                money(pledge.refunded_fen),
                money(pledge.called_in_fen),
                money(pledge.to_loan_fen),
                money(pledge.to_seller_fen),
                pledge_state(pledge),
                pledge.released_on if pledge.released_on and pledge.state != HELD else "–",
            )
            for pledge in pledges_with_state(pledges).order_by("pk")
        ],
        empty=_("It is pledged to no loan."),
    )


class SignalFilter(admin.SimpleListFilter):
    """Pledges that are held and of which something speaks against the order."""

    title = _("risk signal")
    parameter_name = "signal"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Any, or one of them."""
        return [("any", _("any signal")), *SIGNALS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those with the signal."""
        if self.value() == "any":
            return queryset.filter(Q(is_related=True) | Q(is_stale=True) | Q(is_fast=True), state=HELD)
        return (
            queryset.filter(state=HELD, **{str(self.value()): True}) if self.value() in SIGNALS else queryset
        )


@admin.register(Pledge)
class PledgeAdmin(ShownAdmin):
    """Pledged orders, newest first; what speaks against one is looked at anew each day."""

    list_display = (
        "order_is",
        "of_loan",
        money_column("share_fen", _("of the principal")),
        "state_is",
        "signals",
        "pledged_on",
        money_column("amount_fen", _("worth")),
    )
    list_select_related = ("order", "loan__customer")
    list_filter = (SignalFilter, "release")
    search_fields = ("=order__reference", "=loan__uuid")
    search_help_text = _("A whole reference of an order, or the whole identifier of a loan.")
    ordering = ("-pk",)
    fields = (*list_display, "released_on")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pledge]:
        found = pledges_with_state(super().get_queryset(request))
        on = business_date()
        return signalled(found, on) if on else found

    @admin.display(description=_("order"))
    def order_is(self, pledge: Pledge) -> SafeString:
        """The order."""
        return order_link(pledge.order_id, pledge.order.reference)

    @admin.display(description=_("loan"))
    def of_loan(self, pledge: Pledge) -> SafeString:
        """What it stands for."""
        return loan_link(pledge.loan)

    @admin.display(description=_("state"), ordering="release")
    def state_is(self, pledge: Pledge) -> Any:
        """Pledged, or why it is no more."""
        return pledge_state(pledge)

    @admin.display(description=_("risk signals"))
    def signals(self, pledge: Pledge) -> str:
        """What speaks against it now."""
        return "; ".join(str(text) for name, text in SIGNALS.items() if getattr(pledge, name, False)) or "–"
