"""What may be applied for: the offers of every product on a day, each under a name that forms and the API send."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from lending.models import Offer, Product, ProductVersion
from lending.selectors import offers_on, products
from lending.services.quoting import Wish

# Lent against a seller's orders, which are pledged for it: nobody applies for it by an amount alone.
AGAINST_ORDERS = frozenset({"order-loan"})


def plan_code(offer: Offer) -> str:
    """What a form calls an offer: `jiebei:equal_instalment:12:months:1`."""
    return f"{offer.version.product.code}:{offer.method}:{offer.periods}:{offer.unit}:{offer.every}"


def plans_on(on: date) -> dict[Product, list[Offer]]:
    """The offers that may be applied for on a day, by product; a product that is not offered yet has none."""
    found: dict[Product, list[Offer]] = defaultdict(list)
    versions = ProductVersion.objects.filter(effective_from__lte=on)
    offered = set(versions.values_list("product_id", flat=True))
    for product in products():
        if product.pk in offered and product.code not in AGAINST_ORDERS:
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
