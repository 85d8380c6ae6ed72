"""What belongs to loans: each fact with its postings, and each day's income."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ledger.models import Transfer
from lending.admin.acts import UNDO
from lending.admin.links import entry_link, loan_link, undo_url
from lending.admin.tables import postings_table
from lending.models import Accrual, LoanTransaction, ReminderDay
from lending.words import FACTS
from web.console import RecordAdmin, Table, link_to, money_column


class ShownAdmin(RecordAdmin):
    """All fields are shown as they are."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields or ()


@admin.register(LoanTransaction)
class LoanTransactionAdmin(ShownAdmin):
    """Facts of loans, newest first, each with what it posted."""

    list_display = (
        "value_on",
        "of_loan",
        "kind_is",
        money_column("amount_fen", _("amount")),
        "booked_on",
        "entry",
    )
    list_select_related = ("loan__customer",)
    list_filter = ("kind",)
    search_fields = ("=reference", "=loan__uuid")
    search_help_text = _("A whole reference, or the whole identifier of a loan.")
    ordering = ("-pk",)
    fields = (
        "of_loan",
        "kind_is",
        "reference",
        "value_on",
        "booked_on",
        "recorded_at",
        money_column("amount_fen", _("amount")),
        "what",
        "cause",
        "undoes",
        "undone_by",
        "entry",
    )

    @admin.display(description=_("loan"))
    def of_loan(self, row: LoanTransaction) -> SafeString:
        """Whose loan it is of."""
        return loan_link(row.loan)

    @admin.display(description=_("kind"), ordering="kind")
    def kind_is(self, row: LoanTransaction) -> Any:
        """What happened."""
        return FACTS[row.kind]

    @admin.display(description=_("details"))
    def what(self, row: LoanTransaction) -> str:
        """What was given besides the amount."""
        return json.dumps(row.detail, ensure_ascii=False) if row.detail else "–"

    @admin.display(description=_("undoes"))
    def undoes(self, row: LoanTransaction) -> SafeString | str:
        """The fact that a reversal names."""
        return (
            link_to("lending_loantransaction", row.reverses_id, f"#{row.reverses_id}")
            if row.reverses_id
            else "–"
        )

    @admin.display(description=_("undone by"))
    def undone_by(self, row: LoanTransaction) -> SafeString | str:
        """The reversal that names it."""
        found = LoanTransaction.objects.filter(reverses=row).first()
        return link_to("lending_loantransaction", found.pk, f"#{found.pk}") if found else "–"

    @admin.display(description=_("entry"))
    def entry(self, row: LoanTransaction) -> SafeString | str:
        """What was posted."""
        return entry_link(row.entry_id)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> HttpResponse:
        row = options.get("obj")
        if row is not None and request.user.has_perm(UNDO) and undo_url(row) and self.undone_by(row) == "–":
            context["acts"] = [(_("Undo"), undo_url(row))]
        return super().render_change_form(request, context, *args, **options)

    def tables(self, record: LoanTransaction) -> Iterable[Table]:
        """Its postings."""
        yield postings_table(list(Transfer.objects.filter(entry_id=record.entry_id or 0).order_by("pk")))


@admin.register(ReminderDay)
class ReminderDayAdmin(ShownAdmin):
    """The days on which borrowers are told of instalments, version by version."""

    list_display = ("effective_from", "days")
    fields = list_display


@admin.register(Accrual)
class AccrualAdmin(ShownAdmin):
    """The income of each day over all loans of a product."""

    list_display = (
        "closed_on",
        "product",
        "kind",
        money_column("income_fen", _("income of the day")),
        money_column("accrued_fen", _("accrued and not billed")),
        "entry",
    )
    list_select_related = ("product",)
    list_filter = ("product", "kind")
    date_hierarchy = "closed_on"
    ordering = ("-closed_on", "product", "kind")
    fields = list_display

    @admin.display(description=_("entry"))
    def entry(self, accrual: Accrual) -> SafeString | str:
        """What was posted."""
        return entry_link(accrual.entry_id)
