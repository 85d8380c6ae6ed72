"""What the console's front page shows. `{% load today %}{% bank_today as today %}`."""

from __future__ import annotations

from typing import Any

from django import template

from operations.services.today import Today, today

register = template.Library()


@register.simple_tag(takes_context=True)
def bank_today(context: dict[str, Any]) -> Today | None:
    """Where the bank stands, for staff who may see lines; None for others, and before the first day."""
    user = context["request"].user
    return today() if user.has_perms(["huabei.view_line", "creditscore.view_score"]) else None
