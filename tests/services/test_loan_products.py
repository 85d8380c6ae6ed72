"""A new version of a product: figures that go together, within the cap, from a day to come."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from lending.models import Offer, ProductVersion
from lending.selectors import ProductNotFound, version_on
from lending.services.products import FiguresRefused, Offered, publish_version
from lending.services.quoting import PriceCapExceeded, quote_loan
from tests.loan_world import a_wish

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 10)
FIGURES: dict[str, Any] = {
    "minimum_fen": 500_00,
    "maximum_fen": 50_000_00,
    "rate_unit": "daily",
    "ahead": "next",
    "prepaid": "shorten_term",
    "penalty_daily_rate": Decimal("0.0002"),
    "allocation": "penalty interest fee principal",
    "allocation_order": "due_then_component",
    "rounding": "ROUND_HALF_EVEN",
    "minimum_score": 620,
    "minimum_age": 20,
    "maximum_age": 60,
}
OFFER: dict[str, Any] = {
    "method": "equal_instalment",
    "periods": 6,
    "rate_from": Decimal("0.0003"),
    "rate_to": Decimal("0.0005"),
}


def published(
    figures: dict[str, Any] | None = None, offer: dict[str, Any] | None = None, **given: Any
) -> ProductVersion:
    asked: dict[str, Any] = {
        "product_code": "jiebei",
        "effective_from": ON + timedelta(days=1),
        "figures": FIGURES | (figures or {}),
        "offers": [Offered(**(OFFER | (offer or {})))],
        "on": ON,
    }
    return publish_version(**(asked | given))


def test_a_version_counts_from_its_day() -> None:
    version = published()
    assert version_on("jiebei", ON).pk != version.pk
    assert version_on("jiebei", ON + timedelta(days=1)).pk == version.pk
    wish = a_wish(periods=6, rate=Decimal("0.0005"))
    assert quote_loan(wish=wish, on=ON + timedelta(days=1)).offer.version.pk == version.pk


@pytest.mark.parametrize(
    ("figures", "offer", "field"),
    [
        ({"minimum_fen": 0}, {}, "__all__"),
        ({"maximum_fen": 499_99}, {}, "__all__"),
        ({"minimum_age": 17}, {}, "__all__"),
        ({"rate_unit": "weekly"}, {}, "rate_unit"),
        ({"allocation": "fee"}, {}, "allocation"),
        ({"penalty_daily_rate": Decimal("-0.1")}, {}, "__all__"),
        ({}, {"rate_from": Decimal("-0.0001")}, "__all__"),
        ({}, {"rate_to": Decimal("0.0002")}, "__all__"),
        ({}, {"rate_to": Decimal("0.0011")}, "offers"),
        ({}, {"periods": 0}, "__all__"),
        ({}, {"method": "flat"}, "method"),
        ({}, {"prepayment_fees": [(3, Decimal("0.2"))]}, "__all__"),
        ({}, {"fees": [("monthly", Decimal("0.01"))]}, "kind"),
    ],
)
def test_nonsense_is_refused(figures: dict[str, Any], offer: dict[str, Any], field: str) -> None:
    with pytest.raises(FiguresRefused) as refused:
        published(figures, offer)
    assert refused.value.field == field
    assert not ProductVersion.objects.filter(effective_from__gt=ON).exists()


def test_an_offer_above_the_cap_is_refused_with_all_of_its_version() -> None:
    with pytest.raises(PriceCapExceeded, match=r"above the cap of 24\.00 %"):
        published(offer={"fees": [("upfront", Decimal("0.05"))]})
    assert not Offer.objects.filter(version__effective_from__gt=ON).exists()


def test_figures_never_count_from_a_day_that_has_begun() -> None:
    with pytest.raises(FiguresRefused, match="a day to come"):
        published(effective_from=ON)
    with pytest.raises(FiguresRefused, match="at least one"):
        published(offers=[])
    with pytest.raises(ProductNotFound):
        published(product_code="piggybank")
