"""Payments in the console: orders with their attempts, sources with their history. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from payments.models import FundingSource, PaymentAttempt, PaymentOrder, SourceEvent
from web.console import RecordAdmin, Table, add_link, link_to, list_url, money, money_column

SHOWN = 50

EVENT_NAMES: dict[str, Any] = {
    "added": _("added"),
    "moved": _("moved in the order"),
    "autopay_on": _("autopay allowed"),
    "autopay_off": _("autopay taken back"),
    "removed": _("removed"),
}


class OfOwnerAdmin(RecordAdmin):
    """A kind of record that belongs to an owner, who may be a customer."""

    ordering: ClassVar[Any] = ("-pk",)

    def prepare(self, records: list[Any]) -> None:
        """The customers among the owners, read at once."""
        customers = Customer.objects.in_bulk([self._owner(record) for record in records])
        for record in records:
            record.customer = customers.get(self._owner(record))

    def _owner(self, record: Any) -> Any:
        return record.owner

    @admin.display(description=_("customer"))
    def of_customer(self, record: Any) -> SafeString | str:
        """Whose money it is; an owner who is no customer stands by the identifier."""
        if not hasattr(record, "customer"):
            self.prepare([record])
        if record.customer is None:
            return str(self._owner(record))
        return link_to("customers_customer", record.customer.pk, record.customer)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields or ()


def attempts_table(rows: Iterable[PaymentAttempt]) -> Table:
    """Tries on sources and what became of them."""
    return Table(
        _("Attempts"),
        (_("asked on"), _("source"), _("asked for"), _("moved"), _("state"), _("reason"), _("settled on")),
        [
            (
                link_to("payments_paymentattempt", row.pk, row.asked_on),
                link_to("payments_fundingsource", row.source_id, row.source),
                money(row.amount_fen),
                money(row.moved_fen),
                row.get_state_display(),
                row.reason or "–",
                row.settled_on or "–",
            )
            for row in rows
        ],
    )


@admin.register(PaymentOrder)
class PaymentOrderAdmin(OfOwnerAdmin):
    """Payment orders, newest first; those that have not ended are what the gateway owes an answer to."""

    AMOUNTS = (money_column("amount_fen", _("amount")), money_column("confirmed_fen", _("confirmed")))
    list_display = ("ordered_on", "of_customer", "direction", "purpose", *AMOUNTS, "state", "ended_on")
    list_filter = ("state", "direction", "purpose")
    search_fields = ("=owner", "=reference", "=subject")
    search_help_text = _("The whole reference, or the whole identifier of an owner or of what it is for.")
    date_hierarchy = "ordered_on"
    fields = (
        "of_customer",
        "direction",
        "purpose",
        "subject",
        "reference",
        *AMOUNTS,
        "state",
        "source",
        "ordered_on",
        "ended_on",
        "looks",
        "look_again_at",
        "recorded_at",
    )

    def tables(self, record: PaymentOrder) -> Iterable[Table]:
        """The attempts."""
        yield attempts_table(record.attempts.select_related("source").order_by("-pk"))


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(OfOwnerAdmin):
    """Every try on a source, newest first."""

    AMOUNTS = (money_column("amount_fen", _("asked for")), money_column("moved_fen", _("moved")))
    list_display = ("asked_on", "of_customer", "of_source", *AMOUNTS, "state", "moved_on", "settled_on")
    list_filter = ("state", ("settled_on", admin.EmptyFieldListFilter))
    list_select_related = ("order", "source")
    search_fields = ("=reference",)
    search_help_text = _("The whole reference that the gateway was given.")
    fields = (
        "of_customer",
        "of_order",
        "of_source",
        "reference",
        *AMOUNTS,
        "state",
        "reason",
        "asked_on",
        "moved_on",
        "answered_on",
        "settled_on",
        "recorded_at",
    )

    def _owner(self, record: PaymentAttempt) -> Any:
        return record.order.owner

    @admin.display(description=_("payment order"))
    def of_order(self, attempt: PaymentAttempt) -> SafeString:
        """What it was tried for."""
        return link_to("payments_paymentorder", attempt.order_id, attempt.order)

    @admin.display(description=_("source"))
    def of_source(self, attempt: PaymentAttempt) -> SafeString:
        """Where it was tried."""
        return link_to("payments_fundingsource", attempt.source_id, attempt.source)


@admin.register(FundingSource)
class FundingSourceAdmin(OfOwnerAdmin):
    """Wallets and cards in their owners' order, and what became of them."""

    list_display = ("of_customer", "position", "kind", "name", "autopay", "added_on", "removed_on")
    list_display_links = ("kind",)
    list_filter = ("kind", "autopay", ("removed_on", admin.EmptyFieldListFilter))
    search_fields = ("=owner",)
    search_help_text = _("The whole identifier of an owner.")
    fields = ("of_customer", "kind", "name", "position", "autopay", "added_on", "removed_on")

    def tables(self, record: FundingSource) -> Iterable[Table]:
        """Its history, and the attempts on it."""
        yield Table(
            _("History"),
            (_("date"), _("what"), _("place in the order")),
            [
                (event.done_on, _event(event), event.position or "–")
                for event in record.events.order_by("-pk")
            ],
        )
        yield attempts_table(record.attempts.select_related("source").order_by("-pk")[:SHOWN])


def _event(event: SourceEvent) -> Any:
    return EVENT_NAMES[event.what]


add_link(
    "customers_customer",
    lambda customer: (_("Payment orders"), list_url("payments_paymentorder", q=customer.pk)),
)
add_link(
    "customers_customer",
    lambda customer: (_("Funding sources"), list_url("payments_fundingsource", q=customer.pk)),
)
