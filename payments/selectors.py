"""Reading payments: an owner's sources and choice, and what was ordered for a subject."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from payments.models import (
    AutopayAmount,
    AutopayChoice,
    Direction,
    FundingSource,
    PaymentAttempt,
    PaymentOrder,
)


def sources_of(owner: UUID) -> QuerySet[FundingSource]:
    """The owner's sources in the owner's order."""
    return FundingSource.objects.filter(owner=owner, removed_on__isnull=True).order_by("position")


def autopay_amount(*, owner: UUID, purpose: str) -> AutopayAmount:
    """How much the owner lets be collected for a purpose: the full bill where nothing was chosen."""
    chosen = AutopayChoice.objects.filter(owner=owner, purpose=purpose).order_by("-pk").first()
    return AutopayAmount(chosen.amount) if chosen else AutopayAmount.FULL


def orders_for(*, purpose: str, subject: str) -> QuerySet[PaymentOrder]:
    """What was ordered for a subject, newest first."""
    return PaymentOrder.objects.filter(purpose=purpose, subject=subject).order_by("-pk")


def attempts_of(owner: UUID) -> QuerySet[PaymentAttempt]:
    """What was tried to collect from an owner's sources, newest first, each with its source and its order."""
    found = PaymentAttempt.objects.filter(order__owner=owner, order__direction=Direction.COLLECT)
    return found.select_related("source", "order").order_by("-pk")
