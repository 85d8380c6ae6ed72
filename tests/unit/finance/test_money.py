from decimal import Decimal
from fractions import Fraction

import pytest

from finance.money import (
    MoneyError,
    Rounding,
    format_yuan,
    parse_yuan,
    round_fen,
    round_to_multiple,
    split_evenly,
)


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("0", 0),
        ("0.01", 1),
        ("0.1", 10),
        ("1", 100),
        ("1234.50", 123450),
        ("-3.07", -307),
        ("10000.00", 1000000),
        ("92233720368547758.07", 2**63 - 1),
    ],
)
def test_yuan_text_is_read_to_the_fen(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "+1",
        "1.",
        ".5",
        "1.234",
        "1,000",
        "1e3",
        "NaN",
        "Infinity",
        "01",
        "00.10",
        "--1",
        "¥1",
        "1元",
        "\uff11",
        "1\n",
        "0x1",
        "1_000",
        "92233720368547758.08",
        "9" * 40,
    ],
)
def test_text_that_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(MoneyError):
        parse_yuan(text)


@pytest.mark.parametrize("thing", [None, 1, 1.5, b"1", ["1"]])
def test_only_text_is_read_as_yuan(thing: object) -> None:
    with pytest.raises(MoneyError):
        parse_yuan(thing)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fen", "text"), [(0, "0.00"), (7, "0.07"), (-5, "-0.05"), (-123456, "-1234.56"), (100, "1.00")]
)
def test_fen_are_written_with_two_places(fen: int, text: str) -> None:
    assert format_yuan(fen) == text


@pytest.mark.parametrize("thing", [1.0, Decimal(1), True, "1"])
def test_only_whole_fen_are_written(thing: object) -> None:
    with pytest.raises(TypeError):
        format_yuan(thing)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "half_even", "half_up", "floor", "ceiling"),
    [
        ("0.5", 0, 1, 0, 1),
        ("1.5", 2, 2, 1, 2),
        ("2.5", 2, 3, 2, 3),
        ("2.500000000000000000001", 3, 3, 2, 3),
        ("-0.5", 0, -1, -1, 0),
        ("-1.5", -2, -2, -2, -1),
        ("-2.5", -2, -3, -3, -2),
        ("7", 7, 7, 7, 7),
    ],
)
def test_the_rounding_modes(amount: str, half_even: int, half_up: int, floor: int, ceiling: int) -> None:
    value = Decimal(amount)
    assert round_fen(value) == half_even
    assert round_fen(value, Rounding.HALF_UP) == half_up
    assert round_fen(value, Rounding.FLOOR) == floor
    assert round_fen(value, Rounding.CEILING) == ceiling
    assert round_fen(Fraction(value)) == half_even


def test_floats_never_become_money() -> None:
    with pytest.raises(TypeError):
        round_fen(0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_money_is_finite(text: str) -> None:
    with pytest.raises(MoneyError):
        round_fen(Decimal(text))


def test_an_instalment_rounds_to_a_multiple() -> None:
    assert round_to_multiple(Fraction(3277778, 100), 100) == 32800
    assert round_to_multiple(150, 100) == 200
    assert round_to_multiple(250, 100) == 200
    with pytest.raises(MoneyError):
        round_to_multiple(250, 0)


@pytest.mark.parametrize(
    ("total", "parts", "shares"),
    [
        (100000, 3, [33333, 33333, 33334]),
        (88000, 12, [7333] * 11 + [7337]),
        (15, 10, [2, 2, 2, 2, 2, 2, 2, 1, 0, 0]),
        (2, 4, [0, 0, 0, 2]),
        (0, 2, [0, 0]),
        (5, 1, [5]),
    ],
)
def test_equal_shares_leave_the_remainder_to_the_last(total: int, parts: int, shares: list[int]) -> None:
    assert split_evenly(total, parts) == shares


@pytest.mark.parametrize(("total", "parts"), [(-1, 2), (10, 0), (10, -1)])
def test_what_cannot_be_split_is_refused(total: int, parts: int) -> None:
    with pytest.raises(MoneyError):
        split_evenly(total, parts)
