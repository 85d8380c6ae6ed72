"""What is settled with merchants, in the console: down to what is in each settlement, its postings and its payment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from huabei import merchant_history as history
from huabei.admin.acts import cause_name
from huabei.admin.links import entry_link
from huabei.models import Concern, Merchant, Settlement
from web.console import RecordAdmin, Table, link_to, money, money_column

SHOWN = 20
BEHIND = {
    "captured": _("captured"),
    "refunded": _("refunded"),
    "reversed": _("taken back"),
    "subsidised": _("fees paid for customers"),
}


def paid(settlement: Settlement) -> Any:
    """When a settlement was paid out; that it is held back; else a dash."""
    if settlement.is_held_back:
        return _("held back")
    return settlement.payment.paid_on if hasattr(settlement, "payment") else "–"


def why_held_back(merchant: Merchant) -> str:
    """Since when a merchant is suspended, and why; a dash where it is not."""
    last = history.suspension(merchant)
    return f"{last.changed_on}: {cause_name(Concern.SUSPEND, last.cause)}" if last else "–"


def settlements_table(rows: Iterable[Settlement], *, more_url: str = "") -> Table:
    """What was settled with a merchant, newest first."""
    found = list(rows)
    return Table(
        _("Settlements"),
        (_("settled on"), _("captured"), _("refunded"), _("settled"), _("paid on"), _("entry")),
        [
            (
                link_to("huabei_settlement", row.pk, row.settled_on),
                money(row.captured_fen),
                money(row.refunded_fen),
                money(row.amount_fen),
                paid(row),
                entry_link(row.entry_id),
            )
            for row in found
        ],
        more_url=more_url if len(found) == SHOWN else "",
    )


class ReadAdmin(RecordAdmin):
    """A kind of record whose page shows what its list shows, and more."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them: the page shows columns of the list and fields alike."""
        return self.fields or ()


@admin.register(Settlement)
class SettlementAdmin(ReadAdmin):
    """What was settled with merchants each day, newest first, down to what is in each and its postings."""

    AMOUNTS = (
        money_column("captured_fen", _("captured")),
        money_column("refunded_fen", _("refunded")),
        money_column("reversed_fen", _("taken back")),
        money_column("subsidy_fen", _("fees paid for customers")),
        money_column("discount_fen", _("merchants' discount")),
        money_column("carried_fen", _("carried over")),
        money_column("amount_fen", _("settled")),
    )
    list_display = ("settled_on", "of_merchant", *AMOUNTS, "paid_on")
    list_filter: ClassVar[Any] = (("payment", admin.EmptyFieldListFilter),)
    search_fields = ("merchant__shop__name",)
    list_select_related = ("merchant__shop", "payment")
    date_hierarchy = "settled_on"
    ordering = ("-settled_on", "-pk")
    fields = ("of_merchant", "settled_on", *AMOUNTS, "paid_on", "held_back", "entry", "payment_entry")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Settlement]:
        """With whether each is held back."""
        return history.with_holds(super().get_queryset(request))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Also those of one merchant, which links ask for."""
        return lookup == "merchant" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("merchant"))
    def of_merchant(self, settlement: Settlement) -> SafeString:
        """With whom it was settled."""
        return link_to("huabei_merchant", settlement.merchant_id, settlement.merchant.shop)

    @admin.display(description=_("paid on"))
    def paid_on(self, settlement: Settlement) -> Any:
        """When it was paid out, or that it is held back."""
        return paid(settlement)

    @admin.display(description=_("held back"))
    def held_back(self, settlement: Settlement) -> Any:
        """Since when and why it is not paid out; a dash where nothing keeps it."""
        return why_held_back(settlement.merchant) if settlement.is_held_back else "–"

    @admin.display(description=_("entry"))
    def entry(self, settlement: Settlement) -> SafeString | str:
        """What was posted."""
        return entry_link(settlement.entry_id)

    @admin.display(description=_("entry of the payment"))
    def payment_entry(self, settlement: Settlement) -> SafeString | str:
        """What was posted as it was paid."""
        return entry_link(settlement.payment.entry_id if hasattr(settlement, "payment") else None)

    def tables(self, record: Settlement) -> Iterable[Table]:
        """What is in it, what it posted, and the orders to pay it out."""
        detail = history.settlement_detail(record)
        yield Table(
            _("What is in it"),
            (_("on"), _("purchase"), _("what happened"), _("amount"), _("entry")),
            [
                (
                    each.on,
                    link_to("huabei_purchase", each.purchase.pk, each.purchase),
                    BEHIND[each.kind],
                    money(each.amount_fen),
                    entry_link(each.entry_id),
                )
                for each in detail.behind
            ],
        )
        yield Table(
            _("Postings"),
            (_("transfer"), _("debit"), _("credit"), _("amount")),
            [
                (
                    link_to("ledger_transfer", row.pk, f"#{row.pk}"),
                    link_to("ledger_account", row.debit_account_id, f"#{row.debit_account_id}"),
                    link_to("ledger_account", row.credit_account_id, f"#{row.credit_account_id}"),
                    money(row.amount_fen),
                )
                for row in detail.postings
            ],
        )
        yield Table(
            _("Payment orders"),
            (_("ordered on"), _("to"), _("amount"), _("state")),
            [
                (
                    link_to("payments_paymentorder", order.pk, order.ordered_on),
                    order.source,
                    money(order.amount_fen),
                    order.get_state_display(),
                )
                for order in detail.orders
            ],
        )
