"""Every loan of the books against its replay: what `./manage.py verify_books --replay` looks at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from finance.replay import replay
from ledger.audit import Fault
from lending.classification import category
from lending.models import Instalment, Loan
from lending.selectors import facts_of, terms_of
from lending.services.books import differences, meant, posted


def disagreements(loan: Loan, on: date) -> Iterator[tuple[str, object, object]]:
    """What a loan's own rows and accounts say and its replay does not: (name, replayed, found)."""
    facts = facts_of(loan)
    told = replay(terms_of(loan), facts, on)
    for leg in differences(posted(loan), meant(loan, told.books, facts, on)):
        between = f"moved from {leg.credit_account_id} to {leg.debit_account_id}"
        yield between, f"{leg.amount_fen} more", "less"
    if told.status.value != "pending" and loan.status != told.status.value:
        yield "status", told.status.value, loan.status
    if loan.classification != (due := category(told.days_past_due)):
        yield "classification", int(due), loan.classification
    rows = {row.n: row for row in Instalment.objects.filter(loan=loan, billed=True)}
    for row in told.rows:
        if not row.billed:
            continue
        found = rows.pop(row.n, None)
        unpaid_fen = row.unpaid.total_fen
        if found is None or (found.due_on, found.unpaid_fen) != (row.due_on, unpaid_fen):
            shown = None if found is None else f"{found.due_on} {found.unpaid_fen}"
            yield f"instalment {row.n}", f"{row.due_on} {unpaid_fen}", shown
    for n in rows:
        yield f"instalment {n}", None, "billed"


def loans_replayed(on: date) -> Iterator[Fault]:
    """Every loan that does not stand as its facts say."""
    for loan in Loan.objects.select_related("product", "terms").order_by("pk").iterator():
        for name, replayed, found in disagreements(loan, on):
            yield Fault("lending_loan", str(loan.pk), f"{name}={replayed}", f"{name}={found}")
