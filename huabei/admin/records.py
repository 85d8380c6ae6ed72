"""What belongs to lines, their terms and their income."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from huabei.admin.acts import PURCHASE_ACTS, REPAYMENT_ACTS, line_stands
from huabei.admin.links import entry_link, line_link
from huabei.admin.tables import captures_table, refunds_table
from huabei.models import (
    Accrual,
    Due,
    Purchase,
    Refund,
    Repayment,
    Segment,
)
from web.acts import ActingAdmin, Figures
from web.console import RecordAdmin, Table, link_to, money_column
from web.templatetags.money import percent


class LineFilter(admin.SimpleListFilter):
    """`?line=7`: what belongs to one line. Reached by links, so it offers no choices."""

    title = _("credit line")
    parameter_name = "line"
    column = "line_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(self.value() or "", f"#{self.value()}")]

    def has_output(self) -> bool:
        return bool(self.value())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        if not value:
            return queryset
        return queryset.filter(**{self.column: int(value)}) if value.isdecimal() else queryset.none()


class OfLineAdmin(RecordAdmin):
    """A kind of record that belongs to a line."""

    list_filter: ClassVar[Any] = (LineFilter,)
    list_select_related: ClassVar[Any] = ("line__customer",)
    ordering: ClassVar[Any] = ("-pk",)

    @admin.display(description=_("credit line"))
    def of_line(self, record: Any) -> SafeString:
        """Whose line it is of."""
        return line_link(record.line)

    @admin.display(description=_("entry"))
    def entry(self, record: Any) -> SafeString | str:
        """What was posted."""
        return entry_link(record.entry_id)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them: the page shows columns of the list and fields alike."""
        return self.fields or ()


class OfLineActing(OfLineAdmin, ActingAdmin):
    """A kind of record of a line about which staff may do something: what is compared is the line."""

    def stands(self, record: Any, on: date) -> Figures:
        """The line's figures."""
        return line_stands(record.line_id, on)


@admin.register(Due)
class DueAdmin(OfLineAdmin):
    """What statements ask for as a minimum."""

    list_display = (
        "due_on",
        "of_line",
        money_column("minimum_fen", _("minimum")),
        money_column("outstanding_fen", _("of it outstanding")),
        "is_asked",
    )
    fields = ("of_line", "of_statement", *list_display[0:1], *list_display[2:])

    @admin.display(description=_("statement"))
    def of_statement(self, due: Due) -> SafeString:
        """The statement that asks for it."""
        if due.statement is None:
            return format_html("{}", _("none was issued"))
        return link_to("huabei_statement", due.statement_id, due.issued_on)


@admin.register(Segment)
class SegmentAdmin(OfLineAdmin):
    """Stretches of days over which interest is a function of the day."""

    list_display = (
        "kind",
        "of_line",
        money_column("principal_fen", _("on")),
        "rate",
        "since",
        "until",
        "carried",
    )
    list_filter = (LineFilter, "kind", ("until", admin.EmptyFieldListFilter))
    fields = list_display

    @admin.display(description=_("rate a day"))
    def rate(self, segment: Segment) -> str:
        """The daily rate as a percentage."""
        return percent(segment.daily_rate)

    @admin.display(description=_("carried, in fen"))
    def carried(self, segment: Segment) -> str:
        """What was owed and not posted when it began, exactly."""
        return f"{segment.carried_fen.normalize():f}"


@admin.register(Purchase)
class PurchaseAdmin(OfLineActing):
    """Purchases, newest first."""

    acts = PURCHASE_ACTS
    AMOUNTS = (
        money_column("amount_fen", _("amount")),
        money_column("captured_fen", _("captured")),
        money_column("refunded_fen", _("refunded")),
    )
    list_display = ("authorised_on", "of_line", "shop", *AMOUNTS, "state", "posted_on")
    list_filter = (LineFilter, "state", "posts_on_receipt")
    list_select_related = ("line__customer", "merchant__shop")
    search_fields = ("=reference", "=id")
    search_help_text = _("The whole reference of the merchant.")
    fields = (
        "of_line",
        "shop",
        "reference",
        *AMOUNTS,
        money_column("cancelled_fen", _("given back before receipt")),
        "state",
        "authorised_on",
        "expires_on",
        "posts_on_receipt",
        "posted_on",
        "received",
        "recorded_at",
        "hold",
    )

    @admin.display(description=_("shop"))
    def shop(self, purchase: Purchase) -> SafeString:
        """Where it was bought."""
        return link_to("huabei_merchant", purchase.merchant_id, purchase.merchant.shop)

    @admin.display(description=_("receipt"))
    def received(self, purchase: Purchase) -> str:
        """When its receipt was confirmed, and by whom."""
        receipt = getattr(purchase, "receipt", None)
        if receipt is None:
            return "–"
        by = _("by the buyer") if receipt.by_customer else _("as its time was over")
        return f"{receipt.confirmed_on} {by}"

    @admin.display(description=_("reservation"))
    def hold(self, purchase: Purchase) -> SafeString:
        """The transfer that reserved the amount."""
        return link_to("ledger_transfer", purchase.hold_transfer_id, f"#{purchase.hold_transfer_id}")

    def tables(self, record: Purchase) -> Iterable[Table]:
        """What was captured and refunded."""
        yield captures_table(record.captures.order_by("-pk"))
        yield refunds_table(record.refunds.order_by("-pk"))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Also those of one merchant, which links ask for."""
        return lookup == "merchant" or super().lookup_allowed(lookup, value, request)


@admin.register(Refund)
class RefundAdmin(OfLineAdmin):
    """Refunds, newest first."""

    WENT_TO = (
        money_column("amount_fen", _("amount")),
        money_column("to_unbilled_fen", _("off unbilled purchases")),
        money_column("to_billed_fen", _("off the statement")),
        money_column("to_credit_fen", _("to the customer's credit")),
        money_column("to_hold_fen", _("off what was reserved")),
    )
    list_display = ("refunded_on", "of_line", *WENT_TO, "entry")
    list_filter = ()
    list_select_related = ("purchase__line__customer",)
    fields = ("of_line", "of_purchase", "reference", *list_display[:1], *WENT_TO, "entry")

    @admin.display(description=_("credit line"))
    def of_line(self, record: Refund) -> SafeString:
        """Whose line it is of."""
        return line_link(record.purchase.line)

    @admin.display(description=_("purchase"))
    def of_purchase(self, refund: Refund) -> SafeString:
        """What was given back."""
        return link_to("huabei_purchase", refund.purchase_id, refund.purchase)


@admin.register(Repayment)
class RepaymentAdmin(OfLineActing):
    """Repayments, newest first, and what they paid."""

    acts = REPAYMENT_ACTS
    WENT_TO = (
        money_column("amount_fen", _("amount")),
        money_column("to_penalty_fen", _("to penalty")),
        money_column("to_interest_fen", _("to interest")),
        money_column("to_fee_fen", _("to fees")),
        money_column("to_billed_fen", _("to billed principal")),
        money_column("to_unbilled_fen", _("to unbilled principal")),
        money_column("to_credit_fen", _("to the customer's credit")),
    )
    list_display = ("received_on", "of_line", *WENT_TO, "entry")
    fields = ("of_line", "reference", "received_on", *WENT_TO, "entry")


@admin.register(Accrual)
class AccrualAdmin(RecordAdmin):
    """The income of each day over all lines."""

    list_display = (
        "closed_on",
        "kind",
        money_column("income_fen", _("income of the day")),
        money_column("accrued_fen", _("accrued and not billed")),
        "entry",
    )
    list_filter = ("kind",)
    date_hierarchy = "closed_on"
    ordering = ("-closed_on", "kind")
    fields = list_display

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields

    @admin.display(description=_("entry"))
    def entry(self, accrual: Accrual) -> SafeString | str:
        """What was posted."""
        return entry_link(accrual.entry_id)
