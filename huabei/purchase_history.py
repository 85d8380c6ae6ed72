"""Reading single purchases as their buyer does: when each was paid and posted, what was charged and what came back."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from huabei.models import Line, Purchase, SharedLine, SharedPurchase


def purchases_for(customer_id: UUID) -> QuerySet[Purchase]:
    """What somebody bought, newest first: with their own lines, and through a line that is shared with them."""
    # The ids are read first: what joins lines and shares, and then asks for either, goes through everybody's purchases.
    lines = list(Line.objects.filter(customer_id=customer_id).values_list("pk", flat=True))
    shares = list(SharedLine.objects.filter(beneficiary_id=customer_id).values_list("pk", flat=True))
    found = Purchase.objects.filter(line_id__in=lines)
    if shares:
        through = SharedPurchase.objects.filter(share_id__in=shares).values("purchase_id")
        found = Purchase.objects.filter(pk__in=found.values("pk").union(through, all=True))
    found = found.select_related("merchant__shop", "receipt", "line", "choice")
    return found.prefetch_related("captures", "refunds").order_by("-pk")


def own_purchase(*, customer_id: UUID, purchase_id: int) -> Purchase | None:
    """One of these; None for what is somebody else's or nobody's."""
    return purchases_for(customer_id).filter(pk=purchase_id).first()


def awaited_of(customer_id: UUID) -> QuerySet[Purchase]:
    """Those that are paid and wait for their buyer to confirm receipt, what is over first first."""
    waiting = purchases_for(customer_id).filter(posts_on_receipt=True, state="authorised")
    return waiting.order_by("expires_on", "pk")
