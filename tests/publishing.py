"""Versions of dated figures, published in few words."""

from __future__ import annotations

from datetime import date

from huabei.services.publishing import Publication


def publication(effective_from: date, *, reference: str = "p", reason: str = "ordered") -> Publication:
    """By a member of staff, from a day on."""
    return Publication(effective_from, "staff:7", reason, reference)
