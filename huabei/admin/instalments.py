"""Instalments in the console: plans row by row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from huabei.admin.links import entry_link
from huabei.admin.records import OfLineAdmin
from huabei.models import Plan, PlanRow
from web.console import Table, link_to, money, money_column
from web.templatetags.money import percent

SHOWN = 20


def _row_state(row: PlanRow) -> Any:
    if row.billed_on:
        return row.billed_on
    return _("ended on %(on)s") % {"on": row.ended_on} if row.ended_on else _("to come")


@admin.register(Plan)
class PlanAdmin(OfLineAdmin):
    """Plans, newest first, each with its rows and what ended them early."""

    list_display = (
        "made_on",
        "of_line",
        "of_what",
        money_column("principal_fen", _("principal")),
        "periods",
        money_column("fee_fen", _("fee in total")),
        money_column("subsidy_fen", _("fee paid by the merchant")),
    )
    fields = (*list_display, "rate", "payoff_rule", "of_campaign", "entry", "subsidy_entry")
    list_select_related: ClassVar[Any] = ("line__customer", "purchase", "due", "campaign")

    @admin.display(description=_("of"))
    def of_what(self, record: Plan) -> SafeString:
        """The purchase or the statement."""
        if record.purchase:
            return link_to("huabei_purchase", record.purchase_id, record.purchase)
        assert record.due is not None
        return link_to("huabei_due", record.due_id, record.due.issued_on)

    @admin.display(description=_("fee rate in total"))
    def rate(self, record: Plan) -> str:
        """As a percentage."""
        return percent(record.fee_rate)

    @admin.display(description=_("instalment campaign"))
    def of_campaign(self, record: Plan) -> SafeString | str:
        """Under which campaign, if any."""
        return link_to("huabei_campaign", record.campaign_id, record.campaign) if record.campaign else "–"

    @admin.display(description=_("entry of the merchant's fee"))
    def subsidy_entry(self, record: Plan) -> SafeString | str:
        """What charged the merchant."""
        return entry_link(record.subsidy_entry_id)

    def tables(self, record: Plan) -> Iterable[Table]:
        """Its rows in the order of their numbers, then payoff and refunds."""
        yield Table(
            _("instalments"),
            (_("number"), _("principal"), _("fee"), _("billed on")),
            [
                (row.number, money(row.principal_fen), money(row.fee_fen), _row_state(row))
                for row in record.rows.order_by("number", "pk")
            ],
        )
        payoffs = [record.payoff] if hasattr(record, "payoff") else []
        yield Table(
            _("early payoffs"),
            (_("paid on"), _("principal"), _("fees charged"), _("fees waived"), _("entry")),
            [
                (
                    row.paid_on,
                    money(row.principal_fen),
                    money(row.fee_fen),
                    money(row.waived_fen),
                    entry_link(row.entry_id),
                )
                for row in payoffs
            ],
        )
        yield Table(
            _("refunds of instalments"),
            (_("refunded on"), _("principal"), _("fees dropped"), _("entry")),
            [
                (
                    link_to("huabei_refund", row.refund_id, row.refunded_on),
                    money(row.principal_fen),
                    money(row.fee_fen),
                    entry_link(row.entry_id),
                )
                for row in record.refunds.order_by("-pk")[:SHOWN]
            ],
        )
