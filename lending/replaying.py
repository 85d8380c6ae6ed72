"""Every loan of the books against its replay: what `./manage.py verify_books --replay` looks at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice

from finance.loan import Transaction
from finance.replay import replay
from ledger.audit import Fault
from lending.classification import category
from lending.models import Instalment, Loan
from lending.selectors import facts_by_loan, terms_of
from lending.services.books import Flows, differences, meant, posted_by_loan

# So many loans are read at once.
TOGETHER = 500


def disagreements_of(loans: Sequence[Loan], on: date) -> Iterator[tuple[Loan, str, object, object]]:
    """What loans' own rows and accounts say and their replays do not: (loan, name, replayed, found)."""
    ids = [loan.pk for loan in loans]
    facts, posted = facts_by_loan(ids), posted_by_loan(loans)
    billed: dict[int, dict[int, Instalment]] = defaultdict(dict)
    for row in Instalment.objects.filter(loan_id__in=ids, billed=True):
        billed[row.loan_id][row.n] = row
    for loan in loans:
        for name, replayed, found in _disagreements(
            loan, facts[loan.pk], posted[loan.pk], billed[loan.pk], on
        ):
            yield loan, name, replayed, found


def _disagreements(
    loan: Loan, facts: list[Transaction], posted: Flows, billed: dict[int, Instalment], on: date
) -> Iterator[tuple[str, object, object]]:
    told = replay(terms_of(loan), facts, on)
    for leg in differences(posted, meant(loan, told.books, facts, on)):
        between = f"moved from {leg.credit_account_id} to {leg.debit_account_id}"
        yield between, f"{leg.amount_fen} more", "less"
    if told.status.value != "pending" and loan.status != told.status.value:
        yield "status", told.status.value, loan.status
    if loan.classification != (due := category(told.days_past_due)):
        yield "classification", int(due), loan.classification
    for row in told.rows:
        if not row.billed:
            continue
        found = billed.pop(row.n, None)
        unpaid_fen = row.unpaid.total_fen
        if found is None or (found.due_on, found.unpaid_fen) != (row.due_on, unpaid_fen):
            shown = None if found is None else f"{found.due_on} {found.unpaid_fen}"
            yield f"instalment {row.n}", f"{row.due_on} {unpaid_fen}", shown
    for n in billed:
        yield f"instalment {n}", None, "billed"


def loans_replayed(on: date) -> Iterator[Fault]:
    """Every loan that does not stand as its facts say."""
    loans = Loan.objects.select_related("product", "terms").order_by("pk").iterator(chunk_size=TOGETHER)
    while some := list(islice(loans, TOGETHER)):
        for loan, name, replayed, found in disagreements_of(some, on):
            yield Fault("lending_loan", str(loan.pk), f"{name}={replayed}", f"{name}={found}")
