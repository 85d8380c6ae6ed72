"""What may become of a payment order and of an attempt: the one table that the services and PostgreSQL's guards both read."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class OrderState(TextChoices):
    """A payment order's life. What was sent and is not known yet stays `sent`, and is asked for again."""

    CREATED = "created", _("waiting to be sent")
    SENT = "sent", _("under way")
    CONFIRMED = "confirmed", _("confirmed")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("not needed any more")


class AttemptState(TextChoices):
    """One try on one source: asked, until the gateway has said for good whether money moved."""

    ASKED = "asked", _("not known yet")
    MOVED = "moved", _("money moved")
    FAILED = "failed", _("nothing moved")


# From each state, where an order may go. Confirmed, failed and cancelled are ends.
ORDER_TRANSITIONS: Mapping[str, frozenset[str]] = {
    OrderState.CREATED.value: frozenset(
        {OrderState.SENT.value, OrderState.FAILED.value, OrderState.CANCELLED.value}
    ),
    OrderState.SENT.value: frozenset(
        {OrderState.CONFIRMED.value, OrderState.FAILED.value, OrderState.CANCELLED.value}
    ),
    OrderState.CONFIRMED.value: frozenset(),
    OrderState.FAILED.value: frozenset(),
    OrderState.CANCELLED.value: frozenset(),
}

# An order in one of these states is still to be looked at.
OPEN_STATES = tuple(state for state, following in ORDER_TRANSITIONS.items() if following)


def transitions_in_sql() -> str:
    """The pairs of states that an order may go between, as a list of SQL rows."""
    pairs = sorted((before, after) for before, following in ORDER_TRANSITIONS.items() for after in following)
    return ", ".join(f"('{before}', '{after}')" for before, after in pairs)
