"""Tables that several pages show."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from huabei.admin.links import entry_link
from huabei.models import (
    Capture,
    Refund,
    Segment,
)
from web.console import Table, link_to, money
from web.templatetags.money import percent

SHOWN = 20


def segments_table(rows: Iterable[Segment], *, more_url: str = "") -> Table:
    """Stretches of days over which interest or penalty ran or runs."""
    found = list(rows)
    return Table(
        _("Interest and penalty"),
        (_("kind"), _("on"), _("rate a day"), _("from"), _("until"), _("carried")),
        [
            (
                link_to("huabei_segment", row.pk, row.get_kind_display()),
                money(row.principal_fen),
                percent(row.daily_rate),
                row.since,
                row.until or _("still runs"),
                money(round(row.carried_fen)),
            )
            for row in found
        ],
        more_url=more_url if len(found) == SHOWN else "",
    )


def captures_table(rows: Iterable[Capture]) -> Table:
    """What a merchant took of an authorisation, part by part."""
    return Table(
        _("Captures"),
        (_("posted on"), _("reference"), _("amount"), _("refunded"), _("the last one"), _("entry")),
        [
            (
                row.posted_on,
                row.reference or "–",
                money(row.amount_fen),
                money(row.refunded_fen),
                _("yes") if row.is_final else _("no"),
                entry_link(row.entry_id),
            )
            for row in rows
        ],
    )


def refunds_table(rows: Iterable[Refund]) -> Table:
    """Refunds and where they went."""
    return Table(
        _("Refunds"),
        (
            _("refunded on"),
            _("amount"),
            _("off unbilled purchases"),
            _("off the statement"),
            _("to the customer's credit"),
            _("entry"),
        ),
        [
            (
                link_to("huabei_refund", row.pk, row.refunded_on),
                money(row.amount_fen),
                money(row.to_unbilled_fen),
                money(row.to_billed_fen),
                money(row.to_credit_fen),
                entry_link(row.entry_id),
            )
            for row in rows
        ],
    )
