"""How many notices the reader has not read. `{% load notices %}{% unread_notices as unread %}`."""

from __future__ import annotations

from typing import Any

from django import template

from customers.selectors import unread_notices as count_unread

register = template.Library()


@register.simple_tag(takes_context=True)
def unread_notices(context: dict[str, Any]) -> int:
    """How many notices the customer who reads the page has not read; 0 for anybody else."""
    customer = getattr(context["request"].user, "customer", None)
    return count_unread(customer.pk) if customer is not None else 0
