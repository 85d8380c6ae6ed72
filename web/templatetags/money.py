"""Money on pages: fen in, yuan out. `{% load money %}`."""

from __future__ import annotations

from decimal import Decimal

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
def rmb(amount_fen: int | None) -> str:
    """123456789 fen -> `¥1,234,567.89`, with a minus sign (U+2212) before the ¥ below zero; a dash for no amount."""
    if amount_fen is None:
        return yuan(None)
    return f"{'−' if amount_fen < 0 else ''}¥{yuan(abs(amount_fen))}"


@register.filter
def rmb_exact(amount_fen: Decimal) -> str:
    """Decimal("945.00") fen -> `¥9.45`; fractions of a fen are shown as they are: `¥9.4505`."""
    yuan_exact = (amount_fen / FEN_PER_YUAN).normalize()
    whole_fen = amount_fen == amount_fen.to_integral_value()
    return f"¥{yuan_exact:,.2f}" if whole_fen else f"¥{yuan_exact:,f}"


@register.filter
def percent(rate: Decimal) -> str:
    """Decimal("0.1825") -> `18.25%`, with as many places as the rate needs, the language of the page notwithstanding."""
    return f"{(rate * 100).normalize():f}%"


@register.filter
def thousands(count: int) -> str:
    """1234567 -> `1,234,567`."""
    return f"{count:,}"


@register.filter
def yuan_input(amount_fen: int) -> str:
    """123456789 fen -> `1234567.89`, as a form field takes it back whatever the language of the page."""
    return format_yuan(amount_fen)


@register.filter
def annual(rate: Decimal) -> str:
    """Decimal("0.24447") -> `24.45%`: an annual rate as people compare them, with two places."""
    return f"{rate * 100:.2f}%"
