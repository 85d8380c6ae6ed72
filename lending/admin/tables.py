"""Tables that several pages of loans show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import Any

from django.utils.translation import gettext_lazy as _

from ledger.admin import account_name
from ledger.models import Account, Transfer
from lending.admin.links import entry_link
from lending.history import Event, RowState, ShownRow
from lending.words import FACTS
from web.console import Table, link_to, money

STATES = {
    RowState.TO_COME: _("to come"),
    RowState.DUE: _("due"),
    RowState.OVERDUE: _("overdue"),
    RowState.PAID: _("paid"),
    RowState.PAID_LATE: _("paid late"),
}


def schedule_table(rows: Iterable[ShownRow]) -> Table:
    """Instalments as they stand."""
    return Table(
        _("Schedule"),
        (
            _("n"),
            _("due date"),
            _("state"),
            _("principal"),
            _("interest"),
            _("fees"),
            _("penalty"),
            _("paid"),
            _("unpaid"),
            _("repaid on top"),
            _("principal outstanding after it"),
            _("settled on"),
        ),
        [
            (
                shown.row.n,
                shown.row.due_on,
                STATES[shown.state],
                money(shown.row.asked.principal_fen),
                money(shown.row.asked.interest_fen),
                money(shown.row.asked.fee_fen),
                money(shown.row.asked.penalty_fen),
                money(shown.row.paid.total_fen),
                money(shown.unpaid_fen),
                money(shown.row.prepaid_fen),
                money(shown.row.outstanding_fen),
                shown.row.settled_on or "–",
            )
            for shown in rows
        ],
    )


def timeline_table(events: Iterable[Event], undo: Callable[[Event], Any]) -> Table:
    """Everything that was recorded, newest first, each fact with its entry and what its money paid."""
    return Table(
        _("Timeline"),
        (
            _("value on"),
            _("booked on"),
            _("kind"),
            _("amount"),
            _("to principal"),
            _("to interest"),
            _("to fees"),
            _("to penalty"),
            _("to the borrower's credit"),
            _("cause"),
            _("entry"),
            _("undo"),
        ),
        [
            (
                link_to("lending_loantransaction", event.row.pk, event.row.value_on),
                event.row.booked_on,
                FACTS[event.row.kind],
                money(event.row.amount_fen or None),
                money(event.parts.principal_fen),
                money(event.parts.interest_fen),
                money(event.parts.fee_fen),
                money(event.parts.penalty_fen),
                money(event.credit_fen),
                event.row.cause or "–",
                entry_link(event.row.entry_id),
                undo(event),
            )
            for event in events
        ],
    )


def schedules_table(before: Sequence[ShownRow], after: Sequence[ShownRow]) -> Table:
    """The instalments of two schedules beside each other; those that differ are marked."""
    pairs = list(zip_longest(before, after))
    return Table(
        _("Schedule before and after"),
        (_("due on"), _("amount"), _("unpaid"), _("then due on"), _("amount"), _("unpaid")),
        [(*_instalment(was), *_instalment(becomes)) for was, becomes in pairs],
        marked=frozenset(
            number for number, (was, becomes) in enumerate(pairs) if _instalment(was) != _instalment(becomes)
        ),
    )


def _instalment(shown: ShownRow | None) -> tuple[Any, ...]:
    if shown is None:
        return "–", money(None), money(None)
    return shown.row.due_on, money(shown.row.due_fen), money(shown.unpaid_fen)


def postings_table(transfers: Sequence[Transfer], title: Any = None) -> Table:
    """What moved between which accounts."""
    ids = {each for row in transfers for each in (row.debit_account_id, row.credit_account_id)}
    accounts = Account.objects.in_bulk(ids)

    def shown(account_id: int) -> Any:
        return link_to(
            "ledger_account", account_id, f"{account_name(accounts[account_id].type_code)} #{account_id}"
        )

    return Table(
        title or _("Postings"),
        (_("debit"), _("credit"), _("amount")),
        [
            (shown(row.debit_account_id), shown(row.credit_account_id), money(row.amount_fen))
            for row in transfers
        ],
        empty=_("Nothing moves on the books."),
    )
