"""Reading a customer's refunds and credit: where each refund went, and what became of credit that is paid out."""

from __future__ import annotations

from django.db.models import Case, Exists, OuterRef, QuerySet, TextField, Value, When
from django.db.models.functions import Cast

from huabei.models import CreditPayout, Refund
from payments.models import PaymentOrder

# The purpose of the payment orders that bring credit to customers; their subject is the payout's number.
PURPOSE = "huabei.credit"
MOST_SHOWN = 50


def refunds_of(line_id: int) -> QuerySet[Refund]:
    """What shops gave back on a line, newest first."""
    found = Refund.objects.filter(purchase__line_id=line_id)
    return found.select_related("purchase__merchant__shop").order_by("-pk")


def payouts_of(line_id: int) -> QuerySet[CreditPayout]:
    """Credit that was paid out or is on its way, newest first, with its `state`: at once where not through payments."""
    orders = PaymentOrder.objects.filter(purpose=PURPOSE, subject=Cast(OuterRef("pk"), TextField()))
    found = CreditPayout.objects.filter(line_id=line_id).annotate(
        state=Case(
            When(end__arrived=True, then=Value("arrived")),
            When(end__arrived=False, then=Value("given_back")),
            When(Exists(orders), then=Value("under_way")),
            default=Value("arrived"),
        )
    )
    return found.order_by("-pk")
