"""A line's page: what stands on its accounts, and everything that happened on it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from huabei.admin.acts import LINE_ACTS, cause_name, line_stands
from huabei.admin.delinquency import classifications_table, episodes_table
from huabei.admin.links import customer_link, entry_link
from huabei.admin.tables import SHOWN, refunds_table, segments_table
from huabei.admin.timeline import MOST_PAGES, timeline_table
from huabei.delinquency import episodes
from huabei.models import Concern, Line, Refund
from ledger.selectors import Position, positions
from web.acts import ActingAdmin, Figures
from web.api.day import business_date as business_day
from web.console import Table, add_link, link_to, list_url, money
from web.today import business_date

PRINCIPAL = ("unbilled_account_id", "billed_account_id", "instalment_account_id")
ACCOUNTS: tuple[tuple[str, Any, bool], ...] = (
    # The attribute of a line, its name, and whether what stands there is a debt of the customer.
    ("unbilled_account_id", _("principal, not billed"), True),
    ("billed_account_id", _("principal, billed"), True),
    ("instalment_account_id", _("principal, in instalments"), True),
    ("interest_account_id", _("interest owed"), True),
    ("fee_account_id", _("fees owed"), True),
    ("penalty_account_id", _("penalty owed"), True),
    ("credit_account_id", _("customer's credit"), False),
)


class BucketFilter(admin.SimpleListFilter):
    """Narrows the lines to those overdue, or to one bucket of 30 days."""

    title = _("overdue")
    parameter_name = "overdue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("any", _("any")),
            ("1", _("1-30 days")),
            ("2", _("31-60 days")),
            ("3", _("61-90 days")),
            ("4", _("over 90 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Line]) -> QuerySet[Line]:
        value = self.value()
        if value == "any":
            return queryset.filter(bucket__gt=0)
        return queryset.filter(bucket=int(value)) if value in {"1", "2", "3", "4"} else queryset


@admin.register(Line)
class LineAdmin(ActingAdmin):
    """Lines, newest first, each with what stands on its seven accounts and everything that happened on it."""

    acts = LINE_ACTS
    list_display = (
        "number",
        "of_customer",
        "status",
        "bucket",
        "limit",
        "drawn",
        "held",
        "available",
        "opened_on",
    )
    list_display_links = ("number", "of_customer")
    list_select_related = ("customer",)
    list_filter = ("status", BucketFilter)
    search_fields = ("=uuid", "=customer__id", "customer__full_name__startswith")
    search_help_text = _("The beginning of a name, or the whole identifier of a line or a customer.")
    ordering = ("-pk",)
    fields = (
        "customer_page",
        "status",
        "frozen_for",
        "bucket",
        "score",
        "opened_on",
        "days",
        "identifier",
        "owner",
    )
    readonly_fields = ("customer_page", "frozen_for", "days", "identifier", "owner")

    def called(self, record: Line) -> str:
        """Whose line, and its number."""
        return f"{record.customer} #{record.pk}"

    def stands(self, record: Line, on: date) -> Figures:
        """What a preview compares."""
        return line_stands(record.pk, on)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.timeline)
        return [path("<int:line_id>/timeline/", page, name="huabei_line_timeline"), *super().get_urls()]

    def timeline(self, request: HttpRequest, line_id: int) -> HttpResponse:
        """A page of everything that happened on a line, newest first; `?page=` says which."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        line, asked = self.get_object(request, str(line_id)), request.GET.get("page", "1")
        if line is None or not re.fullmatch("[1-9][0-9]{0,2}", asked) or int(asked) > MOST_PAGES:
            raise Http404
        page = int(asked)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Timeline"),
            "opts": self.opts,
            "line": line,
            "page": page,
            "newer": page - 1,
            "table": timeline_table(line.pk, business_day(), page=page, more_url=f"?page={page + 1}"),
        }
        return render(request, "admin/huabei_timeline.html", context)

    def prepare(self, records: list[Line]) -> None:
        """Reads the accounts of all lines of the page in one query."""
        names = ("commitment_account_id", *PRINCIPAL)
        found = positions([getattr(line, name) for line in records for name in names])
        for line in records:
            line.found = {name: found[getattr(line, name)] for name in names}  # type: ignore[attr-defined]

    @admin.display(description=_("number"), ordering="pk")
    def number(self, line: Line) -> str:
        """The number of the line."""
        return f"#{line.pk}"

    @admin.display(description=_("customer"), ordering="customer__full_name")
    def of_customer(self, line: Line) -> str:
        """Whose line it is, by name."""
        return str(line.customer)

    @admin.display(description=_("cause of the freeze"))
    def frozen_for(self, line: Line) -> str:
        """Why it is frozen; a dash where it is not."""
        return cause_name(Concern.FREEZE, line.frozen_cause) if line.frozen_cause else "–"

    @admin.display(description=_("limit"), ordering="limit_fen")
    def limit(self, line: Line) -> SafeString:
        """What was granted."""
        return money(line.limit_fen)

    @admin.display(description=_("drawn"))
    def drawn(self, line: Any) -> SafeString:
        """Principal owed: billed, not billed yet, and in instalments to come."""
        return money(sum(line.found[name].debit_fen for name in PRINCIPAL))

    @admin.display(description=_("held"))
    def held(self, line: Any) -> SafeString:
        """What purchases under way reserve."""
        return money(line.found["commitment_account_id"].debits_pending_fen)

    @admin.display(description=_("available"))
    def available(self, line: Any) -> SafeString:
        """What the limit still covers."""
        return money(line.found["commitment_account_id"].available_fen)

    @admin.display(description=_("customer"))
    def customer_page(self, line: Line) -> SafeString:
        """Whose line it is."""
        return customer_link(line)

    @admin.display(description=_("statement day and due day"))
    def days(self, line: Line) -> str:
        """Both days of the month."""
        return f"{line.statement_day} → {line.due_day}"

    @admin.display(description=_("identifier"))
    def identifier(self, line: Line) -> str:
        """How others name the line."""
        return str(line.uuid)

    @admin.display(description=_("customer's identifier"))
    def owner(self, line: Line) -> str:
        """The owner under whom the ledger keeps the accounts."""
        return str(line.customer_id)

    def tables(self, record: Line) -> Iterable[Table]:
        """Balances, statements, interest, purchases and repayments; a fixed number of queries."""
        yield self._accounts(record)
        # Before the bank's first day nothing happened and no line is late.
        on = business_date()
        if on:
            older = reverse("admin:huabei_line_timeline", args=[record.pk]) + "?page=2"
            yield timeline_table(record.pk, on, more_url=older)
        yield self._statements(record)
        yield segments_table(
            record.segments.order_by("-pk")[:SHOWN], more_url=list_url("huabei_segment", line=record.pk)
        )
        yield self._purchases(record)
        yield self._repayments(record)
        yield self._refunds(record)
        yield episodes_table(record, episodes(record.pk, on=on) if on else [])
        yield classifications_table(record)

    def _accounts(self, line: Line) -> Table:
        found = positions([line.commitment_account_id, *(getattr(line, name) for name, *_rest in ACCOUNTS)])
        commitment = found[line.commitment_account_id]
        limit = link_to("ledger_account", commitment.account_id, f"#{commitment.account_id}")

        def stands(place: Position, *, debt: bool) -> SafeString:
            return money(place.debit_fen if debt else place.credit_fen)

        rows: list[tuple[Any, ...]] = [
            (_("limit"), money(line.limit_fen), limit),
            (_("held"), money(commitment.debits_pending_fen), limit),
            (_("available"), money(commitment.available_fen), limit),
        ]
        for name, text, debt in ACCOUNTS:
            account_id = getattr(line, name)
            place = stands(found[account_id], debt=debt)
            rows.append((text, place, link_to("ledger_account", account_id, f"#{account_id}")))
        return Table(_("What stands on it"), (_("what"), _("amount"), _("account and postings")), rows)

    def _statements(self, line: Line) -> Table:
        rows = list(line.statements.select_related("due").order_by("-issued_on")[:SHOWN])
        return Table(
            _("Statements"),
            (
                _("statement date"),
                _("due date"),
                _("total due"),
                _("minimum due"),
                _("of it outstanding"),
                _("entry"),
            ),
            [
                (
                    link_to("huabei_statement", row.pk, row.issued_on),
                    row.due_on,
                    money(row.total_fen),
                    money(row.minimum_fen),
                    money(row.due.outstanding_fen),
                    entry_link(row.entry_id),
                )
                for row in rows
            ],
            more_url=_more(rows, "huabei_statement", line),
        )

    def _purchases(self, line: Line) -> Table:
        rows = list(line.purchases.select_related("merchant__shop").order_by("-pk")[:SHOWN])
        return Table(
            _("Purchases"),
            (
                _("authorised on"),
                _("shop"),
                _("amount"),
                _("captured"),
                _("refunded"),
                _("state"),
                _("posted on"),
            ),
            [
                (
                    link_to("huabei_purchase", row.pk, row.authorised_on),
                    row.merchant.shop,
                    money(row.amount_fen),
                    money(row.captured_fen),
                    money(row.refunded_fen),
                    row.get_state_display(),
                    row.posted_on or "–",
                )
                for row in rows
            ],
            more_url=_more(rows, "huabei_purchase", line),
        )

    def _repayments(self, line: Line) -> Table:
        rows = list(line.repayments.order_by("-pk")[:SHOWN])
        return Table(
            _("Repayments"),
            (
                _("received on"),
                _("amount"),
                _("to penalty"),
                _("to interest"),
                _("to billed principal"),
                _("to unbilled principal"),
                _("to the customer's credit"),
                _("entry"),
            ),
            [
                (
                    link_to("huabei_repayment", row.pk, row.received_on),
                    money(row.amount_fen),
                    money(row.to_penalty_fen),
                    money(row.to_interest_fen),
                    money(row.to_billed_fen),
                    money(row.to_unbilled_fen),
                    money(row.to_credit_fen),
                    entry_link(row.entry_id),
                )
                for row in rows
            ],
            more_url=_more(rows, "huabei_repayment", line),
        )

    def _refunds(self, line: Line) -> Table:
        return refunds_table(Refund.objects.filter(purchase__line_id=line.pk).order_by("-pk")[:SHOWN])


add_link(
    "customers_customer",
    lambda customer: (_("Credit lines of this customer"), list_url("huabei_line", customer=customer.pk)),
)


def _more(rows: list[Any], model: str, line: Line) -> str:
    return list_url(model, line=line.pk) if len(rows) == SHOWN else ""
