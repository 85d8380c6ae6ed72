"""What a seller's orders are worth as a pledge today, and which of them count for nothing and why. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from finance.dates import add_months


class Excluded(StrEnum):
    """Why an order counts for nothing. Source: DOMAIN, order loan: fake shipments, related buyers; the figures are ours."""

    SHOP_SUSPENDED = "shop_suspended"
    SHOP_TOO_NEW = "shop_too_new"
    REFUND_RATE = "refund_rate"
    RELATED_BUYER = "related_buyer"
    STALE = "stale"
    FAST_CONFIRMATION = "fast_confirmation"
    BUYER_SHARE = "buyer_share"


EXCLUDED_TEXTS = {
    Excluded.SHOP_SUSPENDED: _("the shop is suspended"),
    Excluded.SHOP_TOO_NEW: _("the shop has not traded for long enough"),
    Excluded.REFUND_RATE: _("too much of what the shop sold was refunded"),
    Excluded.RELATED_BUYER: _("the buyer is the seller"),
    Excluded.STALE: _("shipped long ago and never confirmed"),
    Excluded.FAST_CONFIRMATION: _("this buyer confirmed an order within minutes of its shipping"),
    Excluded.BUYER_SHARE: _("several orders of one buyer are too large a part of all"),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """A rule's figures."""

    advance_rate: Decimal
    minimum_shop_months: int
    largest_buyer_share: Decimal
    longest_shipped_days: int
    highest_refund_rate: Decimal
    observed_orders: int


@dataclass(frozen=True, slots=True)
class Open:
    """An order that was shipped, is not confirmed and not pledged. `amount_fen` is less `refunded_fen`."""

    id: int
    amount_fen: int
    buyer: str
    is_related: bool
    shipped_on: date
    reference: str = ""
    refunded_fen: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of the shop: since when it trades, what it sold and gave back of late, and who confirmed in minutes."""

    trading_since: date
    sold_orders: int
    sold_fen: int
    refunded_fen: int
    fast_buyers: frozenset[str]
    is_suspended: bool = False


@dataclass(frozen=True, slots=True)
class Base:
    """What may be lent against orders. `counted` are orders as they were shipped, with what each one carries."""

    amount_fen: int
    counted: tuple[tuple[Open, int], ...]
    excluded: tuple[tuple[Open, Excluded], ...]


def base_of(orders: Sequence[Open], record: Record, figures: Figures, on: date) -> Base:
    """The base of a day: the rate, rounded down, of every order that nothing speaks against."""
    excluded = {order.id: reason for order in orders if (reason := _against(order, record, figures, on))}
    left = [order for order in orders if order.id not in excluded]
    crowding = _crowding(left, figures)
    excluded |= {order.id: Excluded.BUYER_SHARE for order in left if order.buyer in crowding}
    counted = tuple(
        (order, fen)
        for order in orders
        if order.id not in excluded and (fen := worth(order.amount_fen, figures.advance_rate))
    )
    return Base(
        sum(fen for _order, fen in counted),
        counted,
        tuple((order, excluded[order.id]) for order in orders if order.id in excluded),
    )


def worth(amount_fen: int, advance_rate: Decimal) -> int:
    """What is lent of an order, rounded down to the fen."""
    return int((amount_fen * advance_rate).to_integral_value(ROUND_FLOOR))


def _against(order: Open, record: Record, figures: Figures, on: date) -> Excluded | None:
    """The first reason against an order, of those that look at no other order."""
    refunds = Decimal(record.refunded_fen) > figures.highest_refund_rate * record.sold_fen
    for reason, applies in (
        (Excluded.SHOP_SUSPENDED, record.is_suspended),
        (Excluded.SHOP_TOO_NEW, add_months(record.trading_since, figures.minimum_shop_months) > on),
        (Excluded.REFUND_RATE, refunds and record.sold_orders >= figures.observed_orders),
        (Excluded.RELATED_BUYER, order.is_related),
        (Excluded.STALE, order.shipped_on + timedelta(days=figures.longest_shipped_days) < on),
        (Excluded.FAST_CONFIRMATION, order.buyer in record.fast_buyers),
    ):
        if applies:
            return reason
    return None


def _crowding(orders: Sequence[Open], figures: Figures) -> set[str]:
    """Buyers of several orders whose sum is too large a part of all."""
    total, count = sum(order.amount_fen for order in orders), Counter(order.buyer for order in orders)
    of_buyer: dict[str, int] = defaultdict(int)
    for order in orders:
        of_buyer[order.buyer] += order.amount_fen
    return {
        buyer
        for buyer, fen in of_buyer.items()
        if count[buyer] > 1 and fen > figures.largest_buyer_share * total
    }


def shares(base: Base, principal_fen: int) -> list[tuple[Open, int, int]]:
    """
    The orders that stand for a principal within the base, oldest first: (order, what it is worth, its share). Shares add up
    to the principal; the last one takes what is left.
    """
    taken, left = [], principal_fen
    for order, fen in base.counted:
        if not left:
            break
        share = min(fen, left)
        taken.append((order, fen, share))
        left -= share
    if left:
        raise ValueError(f"{principal_fen} is more than the base, {base.amount_fen}")
    return taken
