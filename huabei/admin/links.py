"""Links from one record of a line to another."""

from __future__ import annotations

from django.utils.safestring import SafeString

from huabei.models import (
    Line,
)
from web.console import link_to


def line_link(line: Line) -> SafeString:
    """A link to a line, which bears its customer's name."""
    return link_to("huabei_line", line.pk, line.customer)


def customer_link(line: Line) -> SafeString:
    """A link to the customer of a line."""
    return link_to("customers_customer", line.customer_id, line.customer)


def entry_link(entry_id: int | None) -> SafeString | str:
    """A link to an entry of the journal; a dash where nothing was posted."""
    return link_to("ledger_entry", entry_id, f"#{entry_id}") if entry_id else "–"
