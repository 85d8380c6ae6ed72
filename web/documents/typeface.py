"""The type that documents are set in: what its characters are, how wide, and where a line may break."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Set

# Stands for a character that the font has not.
MISSING = "□"

# No line begins with these, and none ends with those (GB/T 15834).
_CLOSING = frozenset("，。、；：？！）》〉」』】〕”’…—,.;:?!)]}%")
_OPENING = frozenset("（《〈「『【〔“‘([{¥")


def plain(text: str, known: Set[int]) -> str:
    """
    A text as it can be drawn on one line: without characters that are not seen or turn others round, spaces as one space, a
    box for each that the font has not.
    """
    drawn = []
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        if char.isspace():
            drawn.append(" ")
        elif category[0] == "C" and category != "Co" and category != "Cn":
            continue
        elif ord(char) in known:
            drawn.append(char)
        elif category[0] != "M":
            drawn.append(MISSING)
    return " ".join("".join(drawn).split())


def _is_ideographic(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"


def _pieces(text: str) -> Iterator[str]:
    """What a line does not break: a word, an ideograph with the punctuation that belongs to it; a space begins a piece."""
    piece = ""
    for char in text:
        joins = bool(piece) and (
            char in _CLOSING
            or piece[-1] in _OPENING
            or piece == " "
            or (
                char != " "
                and not _is_ideographic(char)
                and not (_is_ideographic(piece[-1]) and piece[-1] not in _OPENING)
            )
        )
        if joins:
            piece += char
        else:
            if piece:
                yield piece
            piece = char
    if piece:
        yield piece


class Measure:
    """How wide texts are: the widths of the font's characters, in thousandths of its size."""

    def __init__(self, widths: Mapping[int, float]) -> None:
        self._widths = widths

    def width(self, text: str, size: float) -> float:
        """The width of a text, in the unit of its size."""
        return sum(self._widths[ord(char)] for char in text) * size / 1000

    def lines(self, text: str, size: float, width: float) -> list[str]:
        """A text in lines that are at most so wide; a piece that is wider by itself is broken anywhere. At least one line."""
        lines: list[str] = []
        line = ""
        for piece in self._fitting(text, size, width):
            if self.width(line + piece, size) <= width:
                line += piece
            else:
                lines.append(line.rstrip())
                line = piece.lstrip()
        return [*lines, line.rstrip()]

    def _fitting(self, text: str, size: float, width: float) -> Iterator[str]:
        for piece in _pieces(text):
            if self.width(piece, size) <= width:
                yield piece
            else:
                yield from piece
