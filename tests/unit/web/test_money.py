"""Money on pages."""

from __future__ import annotations

import pytest

from web.templatetags.money import yuan, yuan_input


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
