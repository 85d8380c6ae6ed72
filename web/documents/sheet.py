"""
Sheets of paper to draw on: text, rules and fields at places in millimetres from the upper left corner.

The file says nothing of when, where or by which run it was made, so the same drawing is the same file. The font is embedded
with the characters that are drawn. It has one weight; bold is the same outlines with a stroke.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fpdf import FPDF
from pylopdf_fonts_zh_cn import sans_path

from web.documents.typeface import Measure, plain

WIDTH, HEIGHT = 210.0, 297.0

Colour = tuple[int, int, int]
INK: Colour = (17, 32, 27)
SOFT: Colour = (81, 99, 92)
RULE: Colour = (214, 224, 219)
BRAND: Colour = (11, 107, 84)
WASH: Colour = (233, 245, 240)

_MM_PER_POINT = 25.4 / 72
_FAMILY = "text"
# How thick the outlines of bold type are, of its size.
_STROKE = 0.03
# A file has to have a date of birth; one that is the same for all says nothing.
_BORN = datetime(2000, 1, 1, tzinfo=UTC)

# The font has these as wide as an ideograph, which is right among ideographs only.
_NARROW = str.maketrans("“”‘’", "\"\"''")


class Sheets:
    """The sheets of one document."""

    def __init__(self, *, title: str, author: str, language: str) -> None:
        self._pdf = pdf = FPDF(unit="mm", format="A4")
        pdf.set_auto_page_break(False)
        pdf.set_margin(0)
        pdf.c_margin = 0
        pdf.add_font(_FAMILY, fname=sans_path())
        font: Any = pdf.fonts[_FAMILY]
        # The boxes around all glyphs stay those of the whole font, which no reader minds: taking them anew for each
        # document would be a third of the work.
        font.ttfont.recalcBBoxes = False
        self._known = font.cmap.keys()
        self._measure = Measure(font.cw)
        self._is_chinese = language.startswith("zh")
        pdf.set_title(self.plain(title))
        pdf.set_author(self.plain(author))
        pdf.set_lang(language)
        pdf.set_producer("CreditBox")
        pdf.set_creator("CreditBox")
        pdf.set_creation_date(_BORN)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._pdf.pages)

    def add(self) -> None:
        """A new sheet, on which is drawn from now on."""
        self._pdf.add_page()

    def turn_to(self, number: int) -> None:
        """Draws on an earlier sheet from now on; the first is 1."""
        self._pdf.page = number
        # What the font is has to be said on each sheet anew.
        self._pdf.current_font_is_set_on_page = False

    def plain(self, text: str) -> str:
        """A text as the font can draw it."""
        return plain(text if self._is_chinese else text.translate(_NARROW), self._known)

    def width(self, text: str, size: float) -> float:
        """How wide a plain text is at a size in points."""
        return self._measure.width(text, size * _MM_PER_POINT)

    def lines(self, text: str, size: float, width: float) -> list[str]:
        """A text in plain lines that are at most so wide."""
        return self._measure.lines(self.plain(text), size * _MM_PER_POINT, width)

    def write(
        self, x: float, y: float, text: str, *, size: float, colour: Colour = INK, bold: bool = False
    ) -> None:
        """Writes a plain text from x on, on the base line y."""
        pdf = self._pdf
        pdf.set_font(_FAMILY, size=size)
        pdf.set_text_color(*colour)
        if bold:
            with pdf.local_context(text_mode="FILL_STROKE", draw_color=colour, line_width=size * _STROKE):
                pdf.text(x, y, text)
        else:
            pdf.text(x, y, text)

    def write_to(
        self, right: float, y: float, text: str, *, size: float, colour: Colour = INK, bold: bool = False
    ) -> None:
        """Writes a plain text that ends at `right`."""
        self.write(right - self.width(text, size), y, text, size=size, colour=colour, bold=bold)

    def rule(self, x: float, y: float, width: float, *, colour: Colour = RULE, thick: float = 0.2) -> None:
        """A line across."""
        self.field(x, y - thick / 2, width, thick, colour=colour)

    def field(
        self, x: float, y: float, width: float, height: float, *, colour: Colour, round_by: float = 0
    ) -> None:
        """A filled field."""
        self._pdf.set_fill_color(*colour)
        self._pdf.rect(x, y, width, height, style="F", round_corners=bool(round_by), corner_radius=round_by)

    def file(self) -> bytes:
        """The file."""
        return bytes(self._pdf.output())
