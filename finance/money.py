"""Money is an integer number of fen. Decimal strings in yuan exist only at the edge.

`round_fen` is the one place where an exact amount becomes payable money.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from fractions import Fraction

from finance.errors import DomainError

FEN_PER_YUAN = 100
LARGEST_FEN = 2**63 - 1
"""What a PostgreSQL bigint holds."""

Exact = int | Decimal | Fraction
"""An amount or number that carries no rounding error. A float is none."""

LONGEST_SHOWN = 40
"""Characters of refused input that an error repeats."""

_YUAN = re.compile(r"(-?)(0|[1-9][0-9]{0,16})(?:\.([0-9]{1,2}))?")


class MoneyError(DomainError):
    """Text that is not an amount of yuan, or an amount that cannot be paid."""

    code = "bad_amount"


class Rounding(StrEnum):
    """How an exact amount becomes whole fen. Values are the names `decimal` uses."""

    HALF_EVEN = ROUND_HALF_EVEN
    HALF_UP = "ROUND_HALF_UP"
    FLOOR = "ROUND_FLOOR"
    CEILING = "ROUND_CEILING"


def exact(number: Exact) -> Fraction:
    """`number` as a Fraction, without loss. Refuses floats (TypeError), NaN and infinities (MoneyError)."""
    if isinstance(number, bool) or not isinstance(number, int | Decimal | Fraction):
        raise TypeError(f"{type(number).__name__} is not exact: give an int, Decimal or Fraction")
    if isinstance(number, Decimal) and not number.is_finite():
        raise MoneyError(f"{number} is not a finite number")
    return Fraction(number)


def round_fen(amount_fen: Exact, mode: Rounding = Rounding.HALF_EVEN) -> int:
    """An exact amount in fen as payable fen. HALF_EVEN unless the product says otherwise.

    HALF_UP takes a half away from zero, FLOOR and CEILING go down and up the number line. Exact for numbers
    of any size and for fractions that no Decimal can write. Source: DESIGN, representations: one rounding
    function.
    """
    value = exact(amount_fen)
    below, rest = divmod(value.numerator, value.denominator)
    if rest == 0 or mode is Rounding.FLOOR:
        return below
    if mode is Rounding.CEILING:
        return below + 1
    doubled = 2 * rest - value.denominator
    if doubled != 0:
        return below + (doubled > 0)
    if mode is Rounding.HALF_UP:
        return below + (value > 0)
    return below + below % 2


def round_to_multiple(amount_fen: Exact, multiple_fen: int, mode: Rounding = Rounding.HALF_EVEN) -> int:
    """`amount_fen` to the nearest whole multiple of `multiple_fen` (a positive number of fen)."""
    if multiple_fen < 1:
        raise MoneyError(f"a multiple of {multiple_fen} fen is not positive")
    return round_fen(exact(amount_fen) / multiple_fen, mode) * multiple_fen


def parse_yuan(text: str) -> int:
    """`"1234.5"` -> 123450 fen.

    Strict: ASCII digits, at most two of them after the point, an optional minus sign. No plus sign, spaces,
    thousands separators, exponents, leading zeros or currency signs. MoneyError otherwise, also for amounts
    beyond a bigint.
    """
    match = _YUAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise MoneyError(f'{_shown(text)} is not an amount: write yuan as a decimal string such as "1234.50"')
    sign, yuan, cents = match.groups()
    fen = int(yuan) * FEN_PER_YUAN + int((cents or "").ljust(2, "0"))
    if fen > LARGEST_FEN:
        raise MoneyError(f"{_shown(text)} is more money than can be booked")
    return -fen if sign else fen


def format_yuan(amount_fen: int) -> str:
    """123450 -> `"1234.50"`. Always two places, never a thousands separator. The inverse of `parse_yuan`."""
    if isinstance(amount_fen, bool) or not isinstance(amount_fen, int):
        raise TypeError(f"{type(amount_fen).__name__} is not a number of fen")
    yuan, fen = divmod(abs(amount_fen), FEN_PER_YUAN)
    return f"{'-' if amount_fen < 0 else ''}{yuan}.{fen:02d}"


def split_evenly(
    total_fen: int, parts: int, *, multiple_fen: int = 1, mode: Rounding = Rounding.HALF_EVEN
) -> list[int]:
    """`total_fen` in `parts` equal rounded shares of which the last takes the remainder; none is negative.

    Shares are multiples of `multiple_fen`, except the last. Where rounding up would spend the total before
    the last part (15 fen in 10), shares stop when it is spent. Source: DESIGN, the last row takes the
    remainder.
    """
    if parts < 1:
        raise MoneyError(f"an amount cannot be split in {parts} parts")
    if total_fen < 0:
        raise MoneyError(f"{format_yuan(total_fen)} is negative and cannot be split")
    share = round_to_multiple(Fraction(total_fen, parts), multiple_fen, mode)
    shares = []
    left = total_fen
    for _ in range(parts - 1):
        shares.append(min(share, left))
        left -= shares[-1]
    return [*shares, left]


def _shown(text: object) -> str:
    shown = ascii(text)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}..."
