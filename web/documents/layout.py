"""How a document lies on its sheets: what stands where, and what goes on to the next sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from web.documents.content import (
    Document,
    Fact,
    Facts,
    Figure,
    Paragraph,
    Part,
    Section,
    Sum,
    Table,
    Value,
)
from web.documents.sheet import BRAND, HEIGHT, INK, RULE, SOFT, WASH, WIDTH, Sheets
from web.documents.words import words

LEFT, RIGHT = 18.0, WIDTH - 18.0
TOP_FIRST, TOP = 18.0, 28.0
BOTTOM = HEIGHT - 26.0
ACROSS = RIGHT - LEFT

SMALL, TEXT, TITLE, STRONG = 7.5, 9.0, 20.0, 15.0
# From one line of text to the next, and from one row of a table.
LEADING, ROW = 4.7, 6.2
# How far the base line lies under the upper edge of a line.
BASE = 3.4
GUTTER = 4.0


class Layout:
    """Lays one document out, in the language that is active, from top to bottom."""

    def __init__(self, document: Document, sheets: Sheets) -> None:
        self._document = document
        self._sheets = sheets
        self._y = 0.0

    def lay(self) -> None:
        """Everything; then what stands on every sheet, now that their number is known."""
        self._sheets.add()
        self._y = TOP_FIRST
        self._opening()
        for number, part in enumerate(self._document.parts):
            following = self._document.parts[number + 1 : number + 2]
            self._part(part, following[0] if following else None)
        for number in range(1, self._sheets.count + 1):
            self._sheets.turn_to(number)
            self._margins(number)

    def _part(self, part: Part, following: Part | None) -> None:
        match part:
            case Section():
                self._section(part, following)
            case Paragraph():
                self._paragraph(part)
            case Facts(facts):
                self._facts(facts, LEFT, ACROSS)
                self._y += 2
            case Sum():
                self._sum(part)
            case Table():
                self._table(part)

    def _room(self, height: float) -> bool:
        """Sees to it that so much fits on the sheet; whether a new one was begun for it."""
        if self._y + height <= BOTTOM:
            return False
        self._sheets.add()
        self._y = TOP
        return True

    def _text(self, value: Value, *, short: bool = False) -> str:
        return self._sheets.plain(words(value, short=short))

    # The first sheet.

    def _opening(self) -> None:
        document, sheets = self._document, self._sheets
        sheets.field(0, 0, WIDTH, 2.4, colour=BRAND)
        sheets.write(LEFT, self._y, self._text(document.issuer.name), size=12, colour=BRAND, bold=True)
        sheets.write_to(RIGHT, self._y, self._text(document.reference), size=SMALL, colour=SOFT)
        self._y += 15
        for line in sheets.lines(words(document.title), TITLE, ACROSS):
            sheets.write(LEFT, self._y, line, size=TITLE, bold=True)
            self._y += 9
        if document.subtitle:
            self._y -= 2.4
            for line in sheets.lines(words(document.subtitle), TEXT, ACROSS):
                sheets.write(LEFT, self._y, line, size=TEXT, colour=SOFT)
                self._y += LEADING
        self._y += 1.5
        if document.parties:
            half = (len(document.parties) + 1) // 2
            top, width = self._y, (ACROSS - 2 * GUTTER) / 2
            self._facts(document.parties[:half], LEFT, width)
            left_end, self._y = self._y, top
            self._facts(document.parties[half:], RIGHT - width, width)
            self._y = max(left_end, self._y) + 2
        if document.figures:
            self._figures(document.figures)

    def _figures(self, figures: Sequence[Figure]) -> None:
        """A field with the figures side by side; the strong ones have twice the room."""
        sheets = self._sheets
        height = 25.0 if any(figure.note for figure in figures) else 21.0
        sheets.field(LEFT, self._y, ACROSS, height, colour=WASH, round_by=2.5)
        share = (ACROSS - 12) / sum(1.6 if figure.strong else 1 for figure in figures)
        x = LEFT + 6
        for figure in figures:
            width = share * (1.6 if figure.strong else 1)
            size = self._fitted(
                self._text(figure.value), STRONG + 5 if figure.strong else STRONG - 2, width - 3
            )
            sheets.write(x, self._y + 7, self._text(figure.label), size=SMALL + 0.5, colour=SOFT)
            colour = BRAND if figure.strong else INK
            sheets.write(x, self._y + 15.2, self._text(figure.value), size=size, colour=colour, bold=True)
            for number, line in enumerate(sheets.lines(words(figure.note), SMALL, width - 3)[:1]):
                sheets.write(x, self._y + 20.6 + 3.6 * number, line, size=SMALL, colour=SOFT)
            x += width
        self._y += height + 4

    def _fitted(self, text: str, size: float, width: float) -> float:
        """The size at which a text fits, at most this one."""
        return min(size, size * width / max(self._sheets.width(text, size), 1))

    # The parts.

    def _section(self, section: Section, following: Part | None) -> None:
        sheets = self._sheets
        notes = sheets.lines(words(section.note), SMALL, ACROSS) if section.note else []
        # With it, the beginning of what it is the heading of.
        begins = {Table: 4 * ROW, Sum: 3 * ROW}.get(type(following), 3 * LEADING)
        self._room(11 + 4 * len(notes) + begins)
        self._y += 8
        sheets.write(LEFT, self._y, self._text(section.title), size=11.5, colour=BRAND, bold=True)
        self._y += 3
        for line in notes:
            sheets.write(LEFT, self._y + 1.8, line, size=SMALL, colour=SOFT)
            self._y += 4
        self._y += 0.6

    def _paragraph(self, paragraph: Paragraph) -> None:
        sheets = self._sheets
        size = SMALL if paragraph.soft else TEXT
        leading = 4.0 if paragraph.soft else LEADING
        indent = 10.0 if paragraph.number else 0.0
        lines = sheets.lines(words(paragraph.text), size, ACROSS - indent)
        for number, line in enumerate(lines):
            # Neither the first line of a paragraph nor its last stands alone.
            self._room(leading * (2 if number in (0, len(lines) - 2) and len(lines) > 1 else 1))
            if number == 0 and paragraph.number:
                sheets.write(LEFT, self._y + BASE, self._text(paragraph.number), size=size, colour=SOFT)
            sheets.write(
                LEFT + indent, self._y + BASE, line, size=size, colour=SOFT if paragraph.soft else INK
            )
            self._y += leading
        self._y += 1.2

    def _facts(self, facts: Sequence[Fact], x: float, width: float) -> None:
        """Labels on the left, what stands for them on the right of them."""
        sheets = self._sheets
        labels = [sheets.lines(words(fact.label), TEXT, width * 0.45) for fact in facts]
        indent = max((sheets.width(line, TEXT) for label in labels for line in label), default=0)
        for label, fact in zip(labels, facts, strict=True):
            lines = sheets.lines(words(fact.value), TEXT, width - indent - GUTTER)
            height = LEADING * max(len(label), len(lines))
            self._room(height + 0.6)
            for number, line in enumerate(label):
                sheets.write(x, self._y + BASE + LEADING * number, line, size=TEXT, colour=SOFT)
            for number, line in enumerate(lines):
                sheets.write(x + indent + GUTTER, self._y + BASE + LEADING * number, line, size=TEXT)
            self._y += height + 0.6

    def _sum(self, part: Sum) -> None:
        sheets = self._sheets
        for row in part.lines:
            amount = self._text(row.amount)
            lines = sheets.lines(words(row.label), TEXT, ACROSS - sheets.width(amount, TEXT) - 2 * GUTTER)
            height = ROW + LEADING * (len(lines) - 1)
            self._room(height)
            if row.is_total:
                sheets.rule(LEFT, self._y, ACROSS, colour=SOFT)
            for number, line in enumerate(lines):
                sheets.write(LEFT, self._y + 4.2 + LEADING * number, line, size=TEXT, bold=row.is_total)
            sheets.write_to(RIGHT, self._y + 4.2, amount, size=TEXT, bold=row.is_total)
            self._y += height
        self._y += 1.5

    def _table(self, table: Table) -> None:
        if not table.rows:
            self._paragraph(Paragraph(table.empty or _("Nothing."), soft=True))
            return
        widths = self._widths(table)
        self._room(3 * ROW)
        self._headings(table, widths)
        for row in table.rows:
            self._row(table, widths, row)
        if table.total:
            self._row(table, widths, table.total, is_total=True)
        self._y += 2

    def _widths(self, table: Table) -> list[float]:
        """The share of each column; one of figures is at least as wide as its widest, which is not broken."""
        room = ACROSS - GUTTER * (len(table.columns) - 1)
        shares = sum(column.share for column in table.columns)
        widths = [room * column.share / shares for column in table.columns]
        rows = [*table.rows, *([table.total] if table.total else [])]
        least = [
            max(self._sheets.width(self._text(row[number], short=True), TEXT) for row in rows)
            if column.is_figure
            else 0.0
            for number, column in enumerate(table.columns)
        ]
        missing = sum(max(need - width, 0) for need, width in zip(least, widths, strict=True))
        giving = sum(
            width for width, column in zip(widths, table.columns, strict=True) if not column.is_figure
        )
        return [
            max(need, width) if column.is_figure else width * max(1 - missing / giving, 0.2)
            for need, width, column in zip(least, widths, table.columns, strict=True)
        ]

    def _cells(
        self, table: Table, widths: Sequence[float], draw: Callable[[int, float, float], None]
    ) -> None:
        x = LEFT
        for number, width in enumerate(widths):
            draw(number, x, width)
            x += width + GUTTER

    def _headings(self, table: Table, widths: Sequence[float]) -> None:
        sheets = self._sheets
        headings = [
            sheets.lines(capfirst(words(column.heading)), SMALL, width)
            for column, width in zip(table.columns, widths, strict=True)
        ]
        deep = max(map(len, headings))

        def draw(number: int, x: float, width: float) -> None:
            lines = headings[number]
            for place, line in enumerate(lines, start=deep - len(lines)):
                y = self._y + BASE + 3.6 * place
                if table.columns[number].is_figure:
                    sheets.write_to(x + width, y, line, size=SMALL, colour=SOFT)
                else:
                    sheets.write(x, y, line, size=SMALL, colour=SOFT)

        self._cells(table, widths, draw)
        self._y += 3.6 * deep + 1.9
        sheets.rule(LEFT, self._y, ACROSS, colour=SOFT)

    def _row(
        self, table: Table, widths: Sequence[float], row: Sequence[Value], *, is_total: bool = False
    ) -> None:
        sheets = self._sheets
        cells = [
            sheets.lines(words(value, short=True), TEXT, width)
            for value, width in zip(row, widths, strict=True)
        ]
        height = ROW + LEADING * (max(map(len, cells)) - 1)
        if self._room(height):
            self._headings(table, widths)

        def draw(number: int, x: float, width: float) -> None:
            for place, line in enumerate(cells[number]):
                y = self._y + 4.3 + LEADING * place
                if table.columns[number].is_figure:
                    sheets.write_to(x + width, y, line, size=TEXT, bold=is_total)
                else:
                    sheets.write(x, y, line, size=TEXT, bold=is_total)

        if is_total:
            sheets.rule(LEFT, self._y, ACROSS, colour=SOFT)
        self._cells(table, widths, draw)
        self._y += height
        if not is_total:
            sheets.rule(LEFT, self._y, ACROSS, colour=RULE, thick=0.12)

    # What stands on every sheet.

    def _margins(self, number: int) -> None:
        document, sheets = self._document, self._sheets
        if number > 1:
            sheets.field(0, 0, WIDTH, 2.4, colour=BRAND)
            heading = f"{self._text(document.issuer.name)} · {self._text(document.title)}"
            sheets.write(LEFT, 17, heading, size=SMALL, colour=SOFT)
            sheets.write_to(RIGHT, 17, self._text(document.reference), size=SMALL, colour=SOFT)
            sheets.rule(LEFT, 20, ACROSS)
        y = HEIGHT - 19
        sheets.rule(LEFT, y, ACROSS)
        page = _("Page %(number)d of %(count)d") % {"number": number, "count": sheets.count}
        sheets.write_to(RIGHT, y + 5, self._sheets.plain(page), size=SMALL, colour=SOFT)
        contact = " · ".join(words(each) for each in document.issuer.contact)
        for text in (words(document.footer), contact):
            for line in sheets.lines(text, SMALL, ACROSS - 32) if text else ():
                sheets.write(LEFT, y + 5, line, size=SMALL, colour=SOFT)
                y += 3.7
