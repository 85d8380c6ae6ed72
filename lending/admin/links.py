"""Links from one record of a loan to another."""

from __future__ import annotations

from django.utils.safestring import SafeString

from lending.models import Loan
from web.console import link_to


def loan_link(loan: Loan) -> SafeString:
    """A link to a loan, which bears its customer's name."""
    return link_to("lending_loan", loan.pk, loan.customer)


def entry_link(entry_id: int | None) -> SafeString | str:
    """A link to an entry of the journal; a dash where nothing was posted."""
    return link_to("ledger_entry", entry_id, f"#{entry_id}") if entry_id else "–"
