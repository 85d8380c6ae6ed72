"""Money on pages: fen in, yuan out. `{% load money %}`."""

from __future__ import annotations

from django import template

from finance.money import FEN_PER_YUAN, format_yuan

register = template.Library()


@register.filter
def yuan(amount_fen: int | None) -> str:
    """123456789 fen -> `1,234,567.89`, with a minus sign (U+2212) below zero; a dash where there is no amount."""
    if amount_fen is None:
        return "–"
    whole, fen = divmod(abs(amount_fen), FEN_PER_YUAN)
    return f"{'−' if amount_fen < 0 else ''}{whole:,}.{fen:02d}"


@register.filter
def yuan_input(amount_fen: int) -> str:
    """123456789 fen -> `1234567.89`, as a form field takes it back whatever the language of the page."""
    return format_yuan(amount_fen)
