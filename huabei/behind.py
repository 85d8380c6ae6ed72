"""
Which postings each figure of a statement is the sum of.

What a statement bills is in its own entry; what it asks for stands on the line's accounts after that entry; what was bought
and what credit paid before it was posted in the days of its period. `huabei.audit` proves the same for every statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from huabei import selectors
from huabei.models import Line, Statement
from ledger.chart import CASH_CLEARING, CORRECTIONS
from ledger.models import Transfer
from ledger.selectors import postings_of_entry, postings_on


@dataclass(frozen=True, slots=True)
class Behind:
    """A figure, and the postings that it is the sum of: what they put on the account less what they took off it."""

    label: Any
    figure_fen: int
    account_id: int
    postings: list[Transfer]
    # Whether the figure grows with the credit side of its account.
    of_credit: bool = False

    @property
    def posted_fen(self) -> int:
        """What the postings come to."""
        debits = sum(t.amount_fen for t in self.postings if t.debit_account_id == self.account_id)
        credits = sum(t.amount_fen for t in self.postings if t.credit_account_id == self.account_id)
        return credits - debits if self.of_credit else debits - credits

    @property
    def agrees(self) -> bool:
        """Whether they come to the figure."""
        return self.posted_fen == self.figure_fen

    @property
    def entries(self) -> list[int]:
        """The entries of these postings, oldest first."""
        return list(dict.fromkeys(t.entry_id for t in self.postings))


def behind(statement: Statement, *, since: date) -> list[Behind]:
    """Every figure of a statement that is not nothing; `since` is the first day of its period."""
    return [each for each in _figures(statement, since) if each.figure_fen or each.postings]


def _figures(statement: Statement, since: date) -> Iterator[Behind]:
    line: Line = statement.line
    own = postings_of_entry(statement.entry_id) if statement.entry_id else []
    own = [t for t in own if _touches(t, line)]
    billed = (
        (_("newly billed principal"), statement.new_principal_fen, line.billed_account_id),
        (_("newly billed interest"), statement.new_interest_fen, line.interest_account_id),
        (_("newly billed penalty"), statement.new_penalty_fen, line.penalty_account_id),
        (_("newly billed fees"), statement.new_fee_fen, line.fee_account_id),
    )
    yield _bought(statement, since)
    yield _credit_used(statement, since, own)
    for label, fen, account_id in billed:
        yield Behind(label, fen, account_id, _on(account_id, own))
    standing = (
        (_("principal"), statement.principal_fen, line.billed_account_id),
        (_("interest"), statement.interest_fen, line.interest_account_id),
        (_("penalty"), statement.penalty_fen, line.penalty_account_id),
        (_("fees"), statement.fee_fen, line.fee_account_id),
    )
    last_id = max((t.pk for t in own), default=None)
    for label, fen, account_id in standing:
        until = None if last_id else statement.issued_on
        yield Behind(label, fen, account_id, postings_on(account_id, until=until, last_id=last_id))


def _touches(transfer: Transfer, line: Line) -> bool:
    """Whether a posting is this line's."""
    accounts = {
        getattr(line, field.attname) for field in Line._meta.fields if field.name.endswith("_account_id")
    }
    return bool(accounts & {transfer.debit_account_id, transfer.credit_account_id})


def _on(
    account_id: int, transfers: list[Transfer], test: Callable[[Transfer], bool] = lambda _t: True
) -> list[Transfer]:
    return [t for t in transfers if account_id in (t.debit_account_id, t.credit_account_id) and test(t)]


def _bought(statement: Statement, since: date) -> Behind:
    account_id = statement.line.unbilled_account_id
    found = postings_on(account_id, since=since, until=statement.issued_on)

    def is_purchase(transfer: Transfer) -> bool:
        return (
            transfer.debit_account_id == account_id and transfer.credit_account_id != CORRECTIONS.control_id
        )

    return Behind(
        _("purchases of the period"), statement.purchases_fen, account_id, _on(account_id, found, is_purchase)
    )


def _credit_used(statement: Statement, since: date, own: list[Transfer]) -> Behind:
    account_id = statement.line.credit_account_id
    before = selectors.statements_of(statement.line_id).filter(issued_on__lt=statement.issued_on).first()

    def is_use(transfer: Transfer) -> bool:
        # What was paid out of it was not used.
        return (
            transfer.debit_account_id == account_id
            and transfer.credit_account_id != CASH_CLEARING.control_id
            and transfer.entry_id != (before and before.entry_id)
        )

    found = [*postings_on(account_id, since=since, until=statement.issued_on), *own]
    return Behind(_("credit used"), statement.credit_used_fen, account_id, _on(account_id, found, is_use))
