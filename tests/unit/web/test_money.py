"""Money on pages."""

from __future__ import annotations

from decimal import Decimal

import pytest

from web.templatetags.money import percent, rmb, rmb_exact, yuan, yuan_input


@pytest.mark.parametrize(
    ("amount_fen", "shown", "typed"),
    [
        (0, "0.00", "0.00"),
        (5, "0.05", "0.05"),
        (123_456, "1,234.56", "1234.56"),
        (100_000_000_000, "1,000,000,000.00", "1000000000.00"),
        (-5, "−0.05", "-0.05"),
        (-123_456, "−1,234.56", "-1234.56"),
    ],
)
def test_fen_are_shown_as_yuan_and_typed_without_separators(amount_fen: int, shown: str, typed: str) -> None:
    assert yuan(amount_fen) == shown
    assert yuan_input(amount_fen) == typed


def test_no_amount_is_a_dash() -> None:
    assert yuan(None) == "–"
    assert rmb(None) == "–"


@pytest.mark.parametrize(
    ("amount_fen", "shown"), [(0, "¥0.00"), (123_456, "¥1,234.56"), (-5, "−¥0.05"), (-123_456, "−¥1,234.56")]
)
def test_the_sign_stands_before_the_currency(amount_fen: int, shown: str) -> None:
    assert rmb(amount_fen) == shown


@pytest.mark.parametrize(
    ("amount_fen", "shown"),
    [
        ("945.00000", "¥9.45"),
        ("945.05", "¥9.4505"),
        ("0", "¥0.00"),
        ("123456789", "¥1,234,567.89"),
        ("0.5", "¥0.005"),
    ],
)
def test_interest_before_rounding_is_shown_exactly(amount_fen: str, shown: str) -> None:
    assert rmb_exact(Decimal(amount_fen)) == shown


@pytest.mark.parametrize(
    ("rate", "shown"),
    [("0.1825", "18.25%"), ("0.00050000", "0.05%"), ("0", "0%"), ("0.24", "24%"), ("1", "100%")],
)
def test_a_rate_has_the_places_that_it_needs(rate: str, shown: str) -> None:
    assert percent(Decimal(rate)) == shown
