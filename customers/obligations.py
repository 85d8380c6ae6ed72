"""
What each product knows of a customer that another must decide by: what is late, and what of the exposure is a business's.

Products do not know each other. Each says here, when Django starts, how it is asked; whoever decides asks all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Late:
    """What one product was owed before a day and has not got, in fen, and since which due date."""

    product: str
    overdue_fen: int
    since: date


Lateness = Callable[[Sequence[UUID], date], Iterable[tuple[UUID, int, date]]]
BusinessExposure = Callable[[Sequence[UUID]], Mapping[UUID, int]]

_lateness: dict[str, Lateness] = {}
_business: dict[str, BusinessExposure] = {}


def tells_lateness(product: str, find: Lateness) -> None:
    """`find(customers, on)` gives (customer, fen, oldest due date) of those of them who are late with this product."""
    _lateness[product] = find


def tells_business_exposure(product: str, find: BusinessExposure) -> None:
    """`find(customers)` gives what of each one's exposure is lent to a business, in fen: no limit on consumers counts it."""
    _business[product] = find


def late_with(customers: Sequence[UUID], on: date) -> dict[UUID, list[Late]]:
    """What these customers are late with on a date, over all products; who is late with nothing is left out."""
    found: dict[UUID, list[Late]] = {}
    for product, find in _lateness.items():
        for customer_id, overdue_fen, since in find(customers, on):
            found.setdefault(customer_id, []).append(Late(product, overdue_fen, since))
    return found


def business_exposures(customers: Sequence[UUID]) -> dict[UUID, int]:
    """What of each one's exposure is lent to businesses, in fen, over all products."""
    found: dict[UUID, int] = {}
    for find in _business.values():
        for customer_id, fen in find(customers).items():
            found[customer_id] = found.get(customer_id, 0) + fen
    return found
