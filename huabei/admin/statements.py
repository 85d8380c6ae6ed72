"""Statements in the console: each figure down to its postings, what happened in the period, and the documents handed out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from huabei import history, selectors
from huabei.admin.links import entry_link
from huabei.admin.records import OfLineAdmin
from huabei.behind import Behind, behind
from huabei.files import document_answer
from huabei.history import Event, StatementDetail
from huabei.models import SegmentKind, Statement
from huabei.services.documents import LANGUAGES
from web.console import Table, link_to, list_url, money, money_column
from web.templatetags.money import percent

# So many entries of a figure are named; the account's postings have the rest.
ENTRIES_SHOWN = 8

FIGURES = (
    money_column("principal_fen", _("principal")),
    money_column("interest_fen", _("interest")),
    money_column("penalty_fen", _("penalty")),
    money_column("fee_fen", _("fees")),
    money_column("total_fen", _("total due")),
    money_column("minimum_fen", _("minimum due")),
)


@admin.register(Statement)
class StatementAdmin(OfLineAdmin):
    """Statements, newest first, each with what is behind it."""

    list_display = ("issued_on", "of_line", "due_on", *FIGURES)
    fields = (
        "of_line",
        "issued_on",
        "due_on",
        *FIGURES,
        money_column("purchases_fen", _("purchases of the period")),
        money_column("new_principal_fen", _("newly billed principal")),
        money_column("new_instalment_fen", _("of it instalments")),
        money_column("new_interest_fen", _("newly billed interest")),
        money_column("new_penalty_fen", _("newly billed penalty")),
        money_column("new_fee_fen", _("newly billed fees")),
        money_column("credit_used_fen", _("credit used")),
        money_column("correction_fen", _("corrections")),
        "outstanding",
        "entry",
    )

    @admin.display(description=_("minimum still outstanding"))
    def outstanding(self, record: Statement) -> SafeString:
        """What of the minimum is unpaid."""
        return money(record.due.outstanding_fen)

    def get_urls(self) -> list[URLPattern]:
        """The record, and its documents."""
        document = self.admin_site.admin_view(self.document)
        address = path(
            "<int:statement_id>/document/<str:language>/", document, name="huabei_statement_document"
        )
        return [address, *super().get_urls()]

    def document(self, request: HttpRequest, statement_id: int, language: str) -> HttpResponseBase:
        """The statement as the borrower has it, or would have it, in a language."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = Statement.objects.filter(pk=statement_id).select_related("line__customer").first()
        if found is None or language not in LANGUAGES:
            raise Http404
        return document_answer(request, found, language)

    def tables(self, record: Statement) -> Iterable[Table]:
        """Documents, figures with their postings, and all that happened in the period."""
        detail = history.statement_detail(record)
        yield documents_table(record)
        yield figures_table(behind(record, since=detail.since))
        yield runs_table(detail)
        yield instalments_table(detail)
        yield corrections_table(detail)
        yield events_table(_("Purchases of the period"), detail.purchases)
        yield events_table(_("Refunds"), detail.refunds, "huabei_refund")
        yield events_table(_("Repaid in this period"), detail.repayments, "huabei_repayment")
        yield events_table(_("Repaid since"), detail.repaid_since, "huabei_repayment")


def documents_table(record: Statement) -> Table:
    """The document in each language: the file that was made with its hash, or the address that makes it."""
    made = {document.language: document for document in selectors.documents_of(record.pk)}
    return Table(
        _("Documents"),
        (_("language"), _("made at"), _("size in bytes"), _("version of its template"), "SHA-256"),
        [
            (
                format_html(
                    '<a href="{}">{}</a>',
                    reverse("admin:huabei_statement_document", args=[record.pk, language]),
                    get_language_info(language)["name_translated"],
                ),
                *(
                    (
                        localtime(made[language].made_at),
                        made[language].size,
                        made[language].template_version,
                        format_html("<code>{}</code>", made[language].fingerprint),
                    )
                    if language in made
                    else (_("when it is first opened"), "–", "–", "–")
                ),
            )
            for language in LANGUAGES
        ],
    )


def figures_table(figures: Iterable[Behind]) -> Table:
    """Each figure, what its postings come to, and the entries that posted it."""
    return Table(
        _("Every figure and its postings"),
        (_("figure"), _("amount"), _("its postings come to"), _("entries"), _("all of its account")),
        [
            (
                each.label,
                money(each.figure_fen),
                money(each.posted_fen),
                _entries(each.entries),
                link_to("ledger_account", each.account_id, f"#{each.account_id}"),
            )
            for each in figures
        ],
    )


def _entries(entries: list[int]) -> SafeString:
    """Links to the newest entries, and how many there are besides."""
    links = format_html_join(", ", "{}", ((entry_link(each),) for each in entries[-ENTRIES_SHOWN:]))
    if len(entries) <= ENTRIES_SHOWN:
        return links
    more = _("and %(count)s earlier") % {"count": len(entries) - ENTRIES_SHOWN}
    return format_html("{} {}", links, more)


def runs_table(detail: StatementDetail) -> Table:
    """The days interest ran in the period."""
    return Table(
        _("Interest and penalty of the period"),
        (_("kind"), _("on"), _("rate a day"), _("from"), _("last day"), _("days"), _("amount")),
        [
            (
                SegmentKind(run.kind).label,
                money(run.principal_fen),
                percent(run.daily_rate),
                run.since,
                run.last_day,
                run.days,
                money(round(run.exact_fen)),
            )
            for run in detail.runs
        ],
        more_url=list_url("huabei_segment", line=detail.statement.line_id) if detail.runs else "",
    )


def instalments_table(detail: StatementDetail) -> Table:
    """The instalments that fell due with it, and the entry that put their principal into instalments."""
    return Table(
        _("Instalments"),
        (_("of"), _("made on"), _("number"), _("principal"), _("fee"), _("entry")),
        [
            (
                link_to("huabei_purchase", row.plan.purchase_id, row.plan.purchase.merchant.shop.name)
                if row.plan.purchase
                else _("An earlier statement"),
                row.plan.made_on,
                f"{row.number}/{row.plan.periods}",
                money(row.principal_fen),
                money(row.fee_fen),
                entry_link(row.plan.entry_id),
            )
            for row in detail.instalments
        ],
    )


def corrections_table(detail: StatementDetail) -> Table:
    """Late facts that were learned in the period, and the entry of each."""
    return Table(
        _("Corrected in this period"),
        (_("corrected on"), _("cause"), _("counts from"), _("amount"), _("charges changed by"), _("entry")),
        [
            (
                each.corrected_on,
                each.get_cause_display(),
                each.value_on,
                money(each.amount_fen),
                money(each.charges_fen),
                entry_link(each.entry_id),
            )
            for each in detail.corrections
        ],
    )


def events_table(title: Any, events: list[Event], record: str = "") -> Table:
    """Things that happened, each with a link to its record where there is one."""

    def day(event: Event) -> SafeString | date:
        return link_to(record, event.order, event.on) if record else event.on

    return Table(
        title,
        (_("date"), _("shop"), _("amount")),
        [(day(event), event.shop or "–", money(event.amount_fen)) for event in events],
    )
