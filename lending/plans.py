"""What may be applied for: the offers of every product on a day, each under a name that forms and the API send."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from uuid import UUID

from lending.models import Offer, OrderRule, Product, ProductVersion, Seller
from lending.selectors import offers_on, products
from lending.services.quoting import Wish


def plan_code(offer: Offer) -> str:
    """What a form calls an offer: `jiebei:equal_instalment:12:months:1`."""
    return f"{offer.version.product.code}:{offer.method}:{offer.periods}:{offer.unit}:{offer.every}"


def plans_on(on: date, *, customer_id: UUID) -> dict[Product, list[Offer]]:
    """
    The offers that a customer may apply for on a day, by product; a product that is not offered yet has none. What is lent
    against orders is offered to sellers only.
    """
    against_orders = set(
        OrderRule.objects.filter(effective_from__lte=on).values_list("product_id", flat=True)
    )
    hidden = set() if Seller.objects.filter(pk=customer_id).exists() else against_orders
    found: dict[Product, list[Offer]] = defaultdict(list)
    versions = ProductVersion.objects.filter(effective_from__lte=on)
    offered = set(versions.values_list("product_id", flat=True))
    for product in products():
        if product.pk in offered and product.pk not in hidden:
            found[product] = list(offers_on(product.code, on))
    return dict(found)


def wish_for(code: str, amount_fen: int) -> Wish:
    """The wish that a plan's name and an amount make; that it is offered, the quote finds out."""
    product, method, periods, unit, every = code.split(":")
    return Wish(
        product=product,
        amount_fen=amount_fen,
        method=method,
        periods=int(periods),
        unit=unit,
        every=int(every),
    )
