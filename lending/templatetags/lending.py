"""Loans on pages, in words. `{% load lending %}`."""

from __future__ import annotations

from typing import Any

from django import template

from lending import plans, words
from lending.models import Offer, Product

register = template.Library()


@register.filter
def product_name(product: Product) -> str:
    """A product's name in the language of the page."""
    return words.product_name(product)


@register.filter
def plan_code(offer: Offer) -> str:
    """What a form calls an offer."""
    return plans.plan_code(offer)


@register.filter
def pledge_state(pledge: Any) -> str:
    """How a pledge stands."""
    return words.pledge_state(pledge)
