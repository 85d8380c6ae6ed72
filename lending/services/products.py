"""New versions of products: figures that count from a day to come on. What was signed before stays as it was signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import DatabaseError, models, transaction
from django.utils.translation import gettext as _

from lending.errors import LendingError
from lending.models import Offer, OfferFee, PrepaymentFee, Product, ProductVersion
from lending.selectors import ProductNotFound
from lending.services.quoting import Wish, quote_loan

Row = TypeVar("Row", bound=models.Model)


class FiguresRefused(LendingError):
    """Figures that no product may have; `field` names the first that is wrong."""

    code = "figures_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One way of repaying in a new version. `prepayment_fees` are (last period, rate), `fees` (kind, rate)."""

    method: str
    periods: int
    rate_from: Decimal
    rate_to: Decimal
    unit: str = "months"
    every: int = 1
    prepayment_fees: Sequence[tuple[int, Decimal]] = ()
    fees: Sequence[tuple[str, Decimal]] = ()


def publish_version(
    *,
    product_code: str,
    effective_from: date,
    figures: Mapping[str, Any],
    offers: Sequence[Offered],
    on: date,
) -> ProductVersion:
    """
    A product's figures from a day after the business date on. `figures` are the columns of ProductVersion.

    Every offer is priced at its highest rate, for the smallest amount and the largest, against the price cap of its first
    day. Errors: ProductNotFound, FiguresRefused, PriceCapExceeded; all or nothing.
    """
    product = Product.objects.filter(code=product_code).first()
    if product is None:
        raise ProductNotFound(_("There is no product %(code)s.") % {"code": product_code}, field="product")
    if effective_from <= on:
        raise FiguresRefused(_("New figures count from a day to come."), field="effective_from")
    if not offers:
        raise FiguresRefused(_("A version offers at least one way of repaying."), field="offers")
    with transaction.atomic():
        version = _saved(ProductVersion(product=product, effective_from=effective_from, **figures))
        for offered in offers:
            offer = _saved(
                Offer(
                    version=version,
                    method=offered.method,
                    periods=offered.periods,
                    unit=offered.unit,
                    every=offered.every,
                    rate_from=offered.rate_from,
                    rate_to=offered.rate_to,
                )
            )
            for last_period, rate in offered.prepayment_fees:
                _saved(PrepaymentFee(offer=offer, last_period=last_period, rate=rate))
            for kind, rate in offered.fees:
                _saved(OfferFee(offer=offer, kind=kind, rate=rate))
            for amount_fen in {version.minimum_fen, version.maximum_fen}:
                wish = Wish(
                    product=product_code,
                    amount_fen=amount_fen,
                    method=offered.method,
                    periods=offered.periods,
                    unit=offered.unit,
                    every=offered.every,
                    rate=offered.rate_to,
                )
                quote_loan(wish=wish, on=effective_from)
    return version


def _saved(row: Row) -> Row:
    """The row in the database. FiguresRefused names what is wrong, whoever found it: the form's rules or the database."""
    try:
        row.full_clean()
        with transaction.atomic():
            row.save(force_insert=True)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise FiguresRefused(str(messages[0]), field=field) from error
    except DatabaseError as error:
        raise FiguresRefused(_("The figures do not go together."), field="offers") from error
    return row
