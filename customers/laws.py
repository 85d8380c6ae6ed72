"""
What the law says of customers, which each product keeps in dated rows of its own: changed in all of them together.

Products do not know each other. Each says here, when Django starts, how it takes over what the law says from a day on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

# (lender type, from which day on, the most to one consumer in fen)
CapTaken = Callable[[str, date, int], None]

_taken: dict[str, CapTaken] = {}


def takes_consumer_cap(product: str, take: CapTaken) -> None:
    """
    `take(lender_type, effective_from, cap_fen)` has this product keep to the cap from that day on, in the caller's
    transaction; it raises a DomainError where its own rows stand against it.
    """
    _taken[product] = take


def tell_consumer_cap(lender_type: str, effective_from: date, cap_fen: int) -> None:
    """Has every product that keeps the cap itself take it over. Errors: the products'."""
    for take in _taken.values():
        take(lender_type, effective_from, cap_fen)
