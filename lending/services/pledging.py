"""Pledging a seller's orders to the loan that is lent against them, and letting them go."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from finance.money import format_yuan
from ledger.sql import fetch_all
from lending.errors import LendingError
from lending.models import Loan, OrderRule, Pledge, ProductVersion, Release, Seller
from lending.pledging import Base, Figures, Open, Record, base_of, shares


class OrdersDoNotCover(LendingError):
    """More than may be lent against the seller's orders today."""

    code = "orders_do_not_cover"


def order_rule(product_id: int, on: date) -> OrderRule | None:
    """The rule by which a product is lent against orders on a day; None for one that is not."""
    rules = OrderRule.objects.filter(product_id=product_id, effective_from__lte=on)
    return rules.order_by("-effective_from").first()


# Shipped, neither confirmed nor settled, pledged to no loan, and with something left after refunds.
_OPEN = """
SELECT ordered.id, ordered.amount_fen - refunds.fen, ordered.buyer, ordered.shipped_on,
       coalesce(ordered.buyer_phone_index = seller.phone_index, false)
       OR coalesce(ordered.buyer_national_id_index = seller.national_id_index, false), ordered.reference,
       refunds.fen
FROM lending_sellerorder AS ordered
JOIN customers_customer AS seller ON seller.id = ordered.seller_id
CROSS JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0)::bigint AS fen FROM lending_orderevent
                    WHERE order_id = ordered.id AND kind = 'refunded') AS refunds
WHERE ordered.seller_id = %(seller)s AND ordered.amount_fen > refunds.fen
  AND NOT EXISTS (SELECT FROM lending_orderevent AS event
                  WHERE event.order_id = ordered.id AND event.kind IN ('confirmed', 'settled'))
  AND NOT EXISTS (SELECT FROM lending_pledge AS pledge
                  WHERE pledge.order_id = ordered.id AND pledge.release <> 'cancelled')
ORDER BY ordered.shipped_at, ordered.id
"""

_SOLD = """
SELECT count(*), coalesce(sum(ordered.amount_fen), 0)::bigint, coalesce(sum(refunds.fen), 0)::bigint
FROM lending_sellerorder AS ordered
CROSS JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0)::bigint AS fen FROM lending_orderevent
                    WHERE order_id = ordered.id AND kind = 'refunded') AS refunds
WHERE ordered.seller_id = %(seller)s AND ordered.shipped_on > %(on)s::date - %(days)s::int
"""

_FAST = """
SELECT DISTINCT ordered.buyer
FROM lending_sellerorder AS ordered
JOIN lending_orderevent AS event ON event.order_id = ordered.id AND event.kind = 'confirmed'
WHERE ordered.seller_id = %(seller)s AND event.happened_at < ordered.shipped_at + %(minutes)s * interval '1 minute'
"""


def order_base(*, customer_id: UUID, rule: OrderRule, on: date) -> Base:
    """What may be lent to a customer against their orders on a day; nothing to whoever is no seller."""
    seller = Seller.objects.filter(pk=customer_id).first()
    if seller is None:
        return Base(0, (), ())
    asked = {"seller": customer_id, "on": on, "days": rule.observed_days, "minutes": rule.fastest_minutes}
    orders = [
        Open(pk, fen, buyer, is_related, shipped_on, reference, refunded_fen)
        for pk, fen, buyer, shipped_on, is_related, reference, refunded_fen in fetch_all(_OPEN, asked)
    ]
    ((sold_orders, sold_fen, refunded_fen),) = fetch_all(_SOLD, asked)
    fast = frozenset(buyer for (buyer,) in fetch_all(_FAST, asked))
    record = Record(seller.trading_since, sold_orders, sold_fen, refunded_fen, fast, seller.is_suspended)
    figures = Figures(
        advance_rate=rule.advance_rate,
        minimum_shop_months=rule.minimum_shop_months,
        largest_buyer_share=rule.largest_buyer_share,
        longest_shipped_days=rule.longest_shipped_days,
        highest_refund_rate=rule.highest_refund_rate,
        observed_orders=rule.observed_orders,
    )
    return base_of(orders, record, figures, on)


def amount_today(base: Base, version: ProductVersion) -> int:
    """What may be borrowed against a base within the product's limits: nothing where it is less than the least of them."""
    fen = min(base.amount_fen, version.maximum_fen)
    return fen if fen >= version.minimum_fen else 0


def base_for(*, customer_id: UUID, version: ProductVersion, amount_fen: int, on: date) -> Base | None:
    """
    The orders that a loan is about to be signed against, their seller held until the transaction ends; None for a product
    that is lent against none. Error: OrdersDoNotCover.
    """
    rule = order_rule(version.product_id, on)
    if rule is None:
        return None
    held = Seller.objects.select_for_update(no_key=True).filter(pk=customer_id).exists()
    # Read by a statement after the one that waited for the seller.
    base = order_base(customer_id=customer_id, rule=rule, on=on) if held else Base(0, (), ())
    _require_within(base, version, amount_fen)
    return base


def require_covered(*, customer_id: UUID, version: ProductVersion, amount_fen: int, on: date) -> None:
    """OrdersDoNotCover where a product is lent against orders and the customer's are not enough today. Holds nothing."""
    rule = order_rule(version.product_id, on)
    if rule is not None:
        _require_within(order_base(customer_id=customer_id, rule=rule, on=on), version, amount_fen)


def _require_within(base: Base, version: ProductVersion, amount_fen: int) -> None:
    most = amount_today(base, version)
    if amount_fen > most:
        raise OrdersDoNotCover(
            _("Your orders cover %(most)s today.") % {"most": format_yuan(most)}, field="amount"
        )


def pledge(*, loan: Loan, base: Base, principal_fen: int, on: date) -> list[Pledge]:
    """Takes as many orders of the base as the principal needs, oldest first, and freezes them onto the loan."""
    return Pledge.objects.bulk_create(
        Pledge(
            loan=loan,
            order_id=order.id,
            amount_fen=fen,
            share_fen=share,
            refunded_before_fen=order.refunded_fen,
            pledged_on=on,
        )
        for order, fen, share in shares(base, principal_fen)
    )


def release(*, loan_id: int, reason: Release, on: date) -> int:
    """Lets go of all that is still pledged to a loan; returns how many. The caller holds the loan."""
    return Pledge.objects.filter(loan_id=loan_id, release="").update(release=reason.value, released_on=on)
