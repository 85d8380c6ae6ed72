"""Values in the words of the language that is active."""

from __future__ import annotations

from datetime import date

from django.utils import formats

from web.documents.content import ExactMoney, Money, Phrase, Rate, Value
from web.templatetags.money import percent, rmb, rmb_exact


def words(value: Value, *, short: bool = False) -> str:
    """One value; `short` writes dates as tables have them."""
    match value:
        case Money(fen):
            return rmb(fen)
        case ExactMoney(fen):
            return rmb_exact(fen)
        case Rate(rate):
            return percent(rate)
        case date():
            return value.isoformat() if short else formats.date_format(value, "DATE_FORMAT")
        case Phrase(text, values):
            return str(text) % {name: words(inner, short=short) for name, inner in values.items()}
        case _:
            return str(value)
