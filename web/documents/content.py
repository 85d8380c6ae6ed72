"""
What a document says, whatever its language: values keep their kind until it is drawn, and texts are translated then.

    Document(
        title=phrase(_("Statement of %(on)s"), on=statement.issued_on),
        reference="20260701-000123",
        issuer=Issuer(...),
        figures=(Figure(_("Total due"), Money(100_000), strong=True), ...),
        parts=(Section(_("Purchases")), Table(...), Paragraph(...)),
    )

A date in a text is written out (1 July 2026), in a table it is short (2026-07-01).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in fen; drawn as yuan."""

    fen: int


@dataclass(frozen=True, slots=True)
class ExactMoney:
    """Fen with their fractions, as interest is before it is rounded."""

    fen: Decimal


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate as a fraction; drawn as a percentage with as many places as it needs."""

    rate: Decimal


# A text that is to be translated is a lazy one; a plain string is drawn as it is in every language.
Text: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text with values in it, each under the name that the text has for it."""

    text: Text
    values: Mapping[str, Value]


Value: TypeAlias = Text | Phrase | Money | ExactMoney | Rate | date | int


def phrase(text: Text, **values: Value) -> Phrase:
    """`phrase(_("Due by %(on)s"), on=date(2026, 7, 10))`."""
    return Phrase(text, values)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who makes the document, how to reach them, and where to complain."""

    name: Text
    contact: tuple[Value, ...] = ()
    complaints: Text = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the few figures that whoever opens the document looks for first. The strong one stands out."""

    label: Text
    value: Value
    note: Value = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what stands for it."""

    label: Text
    value: Value


@dataclass(frozen=True, slots=True)
class Section:
    """A heading. It never stands alone at the foot of a page."""

    title: Value
    note: Value = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; `number` sets it as a clause (`3.1`), `soft` as small print."""

    text: Value
    number: str = ""
    soft: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts below each other."""

    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a sum; a total is set off."""

    label: Value
    amount: Value
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Sum:
    """Amounts below each other that add up to the totals among them."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its share of the width, and whether figures stand in it, which end on its right edge."""

    heading: Text
    share: float = 1.0
    is_figure: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings, which every page repeats; long texts take several lines. `total` is a last row that is set off."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    total: tuple[Value, ...] = ()
    empty: Text = ""

    def __post_init__(self) -> None:
        wrong = [row for row in (*self.rows, self.total) if row and len(row) != len(self.columns)]
        if wrong:
            raise ValueError(f"{len(self.columns)} columns, and a row of {len(wrong[0])}")


Part: TypeAlias = Section | Paragraph | Facts | Sum | Table


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document. `reference` and `footer` stand on every page."""

    title: Value
    reference: str
    issuer: Issuer
    subtitle: Value = ""
    parties: tuple[Fact, ...] = ()
    figures: tuple[Figure, ...] = ()
    parts: tuple[Part, ...] = field(default=())
    footer: Value = ""
