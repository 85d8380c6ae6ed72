"""Links from one record of a loan to another."""

from __future__ import annotations

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from finance.loan import Kind
from lending.models import Loan, LoanTransaction
from web.console import link_to


def loan_link(loan: Loan) -> SafeString:
    """A link to a loan, which bears its customer's name."""
    return link_to("lending_loan", loan.pk, loan.customer)


def undo_url(row: LoanTransaction) -> str:
    """Where a fact is undone; empty for a disbursement and for a reversal, which are not."""
    if row.kind in (Kind.DISBURSEMENT, Kind.REVERSAL):
        return ""
    address = reverse("admin:lending_loan_act", args=[row.loan_id, "undo"])
    return f"{address}?{urlencode({'undoes': row.reference})}"


def entry_link(entry_id: int | None) -> SafeString | str:
    """A link to an entry of the journal; a dash where nothing was posted."""
    return link_to("ledger_entry", entry_id, f"#{entry_id}") if entry_id else "–"
