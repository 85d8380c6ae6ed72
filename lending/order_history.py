"""Reading order loans: what orders cover today, what became of each, which stand for a loan, and what came of proceeds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Cast, Coalesce

from lending.models import (
    HELD,
    OWED,
    Loan,
    OrderEvent,
    OrderEventKind,
    Pledge,
    ProceedsPayment,
    Product,
    Release,
    Seller,
    SellerChange,
    SellerChangeKind,
    SellerOrder,
)
from lending.pledging import Base
from lending.proceeds import PURPOSE, settlements
from lending.selectors import products, version_on
from lending.services.pledging import amount_today, order_base, order_rule
from payments.models import PaymentOrder
from payments.states import OPEN_STATES
from payments.states import OrderState as Payment


class OrderState(StrEnum):
    """What became of an order so far."""

    SHIPPED = "shipped"
    CONFIRMED = "confirmed"
    SETTLED = "settled"
    UNDONE = "undone"
    REFUNDED = "refunded"


class PayoutState(StrEnum):
    """Where the seller's part of proceeds is; of a settlement that was undone there is none."""

    NOTHING = "nothing"
    OWED = "owed"
    UNDER_WAY = "under_way"
    HELD_BACK = "held_back"
    PAID = "paid"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Today:
    """What may be borrowed against a seller's orders on a day, with the orders that count and those that do not."""

    product: Product
    on: date
    advance_rate: Decimal
    base: Base
    least_fen: int
    most_fen: int


def amounts_today(customer_id: UUID, on: date) -> list[Today]:
    """What a seller may borrow on a day, for each product that is lent against orders; nothing for whoever is no seller."""
    found = []
    is_seller = Seller.objects.filter(pk=customer_id).exists()
    for product in products() if is_seller else ():
        rule = order_rule(product.pk, on)
        if rule is None:
            continue
        version = version_on(product.code, on)
        base = order_base(customer_id=customer_id, rule=rule, on=on)
        most_fen = amount_today(base, version)
        found.append(Today(product, on, rule.advance_rate, base, version.minimum_fen, most_fen))
    return found


def _told(kind: OrderEventKind, order: str) -> QuerySet[OrderEvent]:
    return OrderEvent.objects.filter(order=OuterRef(order), kind=kind)


def _sum(events: QuerySet[OrderEvent], field: str) -> Coalesce:
    """The sum of a field over what was told of an order."""
    return Coalesce(
        Subquery(events.order_by().values("order").annotate(fen=Sum(field)).values("fen")), Value(0)
    )


def _settled(order: str) -> QuerySet[OrderEvent]:
    """The settlement of an order, unless it was undone."""
    return settlements().filter(order=OuterRef(order))


def orders_of(seller_id: UUID) -> QuerySet[Any]:
    """A seller's orders, each with its state, what was refunded and settled of it, and the loan it is pledged to."""
    pledges = pledges_with_state(Pledge.objects.filter(order=OuterRef("pk"))).filter(state=HELD)
    return SellerOrder.objects.filter(seller_id=seller_id).annotate(
        refunded_fen=_sum(_told(OrderEventKind.REFUNDED, "pk"), "amount_fen"),
        settled_fen=_sum(_settled("pk"), "amount_fen"),
        pledged_to=Subquery(pledges.values("loan__uuid")[:1]),
        state=Case(
            When(Exists(_settled("pk")), then=Value(OrderState.SETTLED.value)),
            When(refunded_fen=F("amount_fen"), then=Value(OrderState.REFUNDED.value)),
            When(Exists(_told(OrderEventKind.UNDONE, "pk")), then=Value(OrderState.UNDONE.value)),
            When(Exists(_told(OrderEventKind.CONFIRMED, "pk")), then=Value(OrderState.CONFIRMED.value)),
            default=Value(OrderState.SHIPPED.value),
            output_field=CharField(),
        ),
    )


def pledges_with_state(found: QuerySet[Pledge]) -> QuerySet[Any]:
    """
    Pledges, each with its state and what came in, was refunded and is called in for its order.

    The state is what is true now: where a loan is owed again, its end undone, orders that were let go as it ended stand for
    it as before, and so does one whose settlement was undone.
    """
    settled, owed = Exists(_settled("order")), Q(loan__status__in=OWED)
    let_go = Q(release__in=(Release.ENDED, Release.SETTLED))
    return found.select_related("order").annotate(
        state=Case(
            When(release="", then=Value(HELD)),
            When(owed & let_go & ~Q(settled), then=Value(HELD)),
            When(owed & let_go, then=Value(Release.SETTLED.value)),
            When(let_go & ~Q(settled), then=Value(Release.ENDED.value)),
            default=F("release"),
            output_field=CharField(),
        ),
        refunded_fen=_sum(_told(OrderEventKind.REFUNDED, "order"), "amount_fen"),
        called_in_fen=_sum(OrderEvent.objects.filter(order=OuterRef("order")), "recalled_fen"),
        to_loan_fen=_sum(_settled("order"), "to_loan_fen"),
        to_seller_fen=_sum(_settled("order"), "to_seller_fen"),
    )


def pledged_orders(loan: Loan) -> QuerySet[Any]:
    """The orders that stand, or stood, for a loan."""
    return pledges_with_state(Pledge.objects.filter(loan=loan))


def signalled(found: QuerySet[Pledge], on: date) -> QuerySet[Any]:
    """Pledges, each with what speaks against its order on a day: the buyer sold it, nobody confirms, or in minutes."""
    customer = "order__seller__customer"
    related = Q(order__buyer_phone_index=F(f"{customer}__phone_index")) | Q(
        order__buyer_national_id_index=F(f"{customer}__national_id_index")
    )
    ended = OrderEvent.objects.filter(
        order=OuterRef("order"), kind__in=[OrderEventKind.CONFIRMED, OrderEventKind.SETTLED]
    )
    stale, fast = Q(pk__in=[]), Q(pk__in=[])
    for product in products():
        rule = order_rule(product.pk, on)
        if rule is None:
            continue
        latest = on - timedelta(days=rule.longest_shipped_days)
        stale |= Q(~Exists(ended), loan__product=product, order__shipped_on__lt=latest)
        confirmed = OrderEvent.objects.filter(
            order__seller=OuterRef("order__seller"),
            order__buyer=OuterRef("order__buyer"),
            kind=OrderEventKind.CONFIRMED,
            happened_at__lt=F("order__shipped_at") + timedelta(minutes=rule.fastest_minutes),
        )
        fast |= Q(Exists(confirmed), loan__product=product)
    said = {"is_related": related, "is_stale": stale, "is_fast": fast}
    return found.annotate(
        **{name: Case(When(each, then=Value(True)), default=Value(False)) for name, each in said.items()}
    )


def suspension(seller_id: UUID) -> SellerChange | None:
    """What is said of a seller who is suspended; None for one who is not, and for whoever sells nothing."""
    changes = SellerChange.objects.filter(seller=seller_id, seller__is_suspended=True)
    return changes.filter(kind=SellerChangeKind.SUSPENDED).order_by("-pk").first()


def proceeds_of(seller_id: UUID) -> QuerySet[Any]:
    """What came in for the seller's pledged orders: what went to the loan, what to the seller, and where that is."""
    paid = ProceedsPayment.objects.filter(event=OuterRef("pk"))
    under_way = PaymentOrder.objects.filter(
        purpose=PURPOSE, subject=Cast(OuterRef("pk"), CharField()), state__in=OPEN_STATES
    )
    # What was ordered and not asked for is not, while the seller is suspended.
    asked = under_way.exclude(state=Payment.CREATED)
    settled: dict[str, Any] = {"kind": OrderEventKind.SETTLED, "entry_id__isnull": False}
    found = OrderEvent.objects.filter(order__seller=seller_id, **settled)
    return found.select_related("order", "undone_by").annotate(
        paid_on=Subquery(paid.values("paid_on")[:1]),
        payout=Case(
            When(undone_by__isnull=False, then=Value(PayoutState.UNDONE.value)),
            When(to_seller_fen=0, then=Value(PayoutState.NOTHING.value)),
            When(Exists(paid), then=Value(PayoutState.PAID.value)),
            When(~Exists(asked), order__seller__is_suspended=True, then=Value(PayoutState.HELD_BACK.value)),
            When(Exists(under_way), then=Value(PayoutState.UNDER_WAY.value)),
            default=Value(PayoutState.OWED.value),
            output_field=CharField(),
        ),
    )
