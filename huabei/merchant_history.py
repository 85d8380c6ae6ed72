"""What a merchant sees of its own: orders, what became of them, what is owed, and what stands behind a settlement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, CharField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Cast

from huabei.models import (
    Capture,
    Cause,
    Concern,
    Correction,
    Merchant,
    MerchantChange,
    MerchantChangeKind,
    Plan,
    Posting,
    Purchase,
    Refund,
    Settlement,
)
from huabei.selectors import posting_on
from huabei.services.settlements import PURPOSE
from ledger.models import Transfer
from ledger.selectors import positions
from payments.models import FundingSource, PaymentOrder
from payments.selectors import sources_of
from payments.states import OrderState

# The page of a settlement shows no more of each kind.
MOST_BEHIND = 200


def orders(
    merchant_id: UUID,
    *,
    state: str = "",
    since: date | None = None,
    until: date | None = None,
    before: int | None = None,
) -> QuerySet[Purchase]:
    """A merchant's orders, newest first; of a state, authorised in a range of days, made before another."""
    asked: dict[str, Any] = {
        "state": state or None,
        "authorised_on__gte": since,
        "authorised_on__lte": until,
        "pk__lt": before,
    }
    given = {lookup: value for lookup, value in asked.items() if value is not None}
    return Purchase.objects.filter(merchant_id=merchant_id, **given).order_by("-pk")


def own_order(*, merchant_id: UUID, purchase_id: int) -> Purchase | None:
    """A merchant's own order; None for another's."""
    return Purchase.objects.filter(merchant_id=merchant_id, pk=purchase_id).first()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a merchant stands: since when and why it is suspended, where it is; and when what is bought there now posts."""

    suspended_on: date | None
    cause: str
    posts_on_receipt: bool


def suspension(merchant: Merchant) -> MerchantChange | None:
    """What is said of a merchant that is suspended; None where it is not."""
    if merchant.is_accepting:
        return None
    return merchant.changes.filter(kind=MerchantChangeKind.SUSPENDED).order_by("-pk").first()


def standing(merchant: Merchant, on: date | None) -> Standing:
    """How a merchant stands on a date; without one, its purchases post at payment."""
    last = suspension(merchant)
    cause = (
        Cause.objects.filter(concern=Concern.SUSPEND, code=last.cause).order_by("-effective_from").first()
        if last
        else None
    )
    return Standing(
        last.changed_on if last else None,
        cause.as_told if cause else "",
        on is not None and posting_on(merchant.pk, on) == Posting.RECEIPT,
    )


@dataclass(frozen=True, slots=True)
class Owed:
    """
    What a merchant has coming: not settled yet (below nothing where it was refunded more), and settled and not paid; of that,
    what is held back while it is suspended.
    """

    payable_fen: int
    settled_fen: int
    held_back_fen: int
    account: FundingSource | None


def owed(merchant: Merchant) -> Owed:
    """What stands on a merchant's accounts, and where it is paid to."""
    stands = positions([merchant.payable_account_id, merchant.settlement_account_id])
    return Owed(
        stands[merchant.payable_account_id].credit_fen,
        stands[merchant.settlement_account_id].credit_fen,
        0 if merchant.is_accepting else _held_back_fen(merchant),
        sources_of(merchant.pk).first(),
    )


def _held_back_fen(merchant: Merchant) -> int:
    held = Settlement.objects.filter(_held_back(), merchant=merchant)
    return held.aggregate(fen=Sum("amount_fen"))["fen"] or 0


def _held_back() -> Q:
    on_its_way = PaymentOrder.objects.filter(
        purpose=PURPOSE,
        subject=Cast(OuterRef("uuid"), CharField()),
        state__in=(OrderState.SENT, OrderState.CONFIRMED),
    )
    return Q(~Exists(on_its_way), merchant__is_accepting=False, amount_fen__gt=0, payment__isnull=True)


def with_holds(found: QuerySet[Settlement]) -> QuerySet[Settlement]:
    """
    The same, each saying whether it is held back: its merchant is suspended, and the gateway was not asked for it before.
    """
    said = {"is_held_back": ExpressionWrapper(_held_back(), output_field=BooleanField())}
    return found.annotate(**said)


def settlements(merchant_id: UUID, *, before: int | None = None) -> QuerySet[Settlement]:
    """What was settled with a merchant, newest first."""
    found = with_holds(Settlement.objects.filter(merchant_id=merchant_id))
    found = found.select_related("payment").order_by("-pk")
    return found if before is None else found.filter(pk__lt=before)


@dataclass(frozen=True, slots=True)
class Behind:
    """One thing that a settlement is made of: what happened to which order, what it brought, and its entry."""

    kind: str
    purchase: Purchase
    amount_fen: int
    on: date
    entry_id: int


@dataclass(frozen=True, slots=True)
class SettlementDetail:
    """What a settlement is made of, the postings that made it payable, and the orders to pay it out."""

    since: date | None
    behind: list[Behind]
    postings: list[Transfer]
    orders: list[PaymentOrder]


def own_settlement(*, merchant_id: UUID, settlement_id: int) -> Settlement | None:
    """A merchant's own settlement; None for another's."""
    return settlements(merchant_id).filter(pk=settlement_id).first()


def settlement_detail(settlement: Settlement) -> SettlementDetail:
    """What stands behind a settlement: each fact since the settlement before."""
    earlier = (
        Settlement.objects.filter(merchant=settlement.merchant_id, settled_on__lt=settlement.settled_on)
        .order_by("-settled_on")
        .first()
    )
    since = earlier.settled_on if earlier else None
    found = [
        *_behind(settlement, since, "captured", Capture, "posted_on"),
        *_behind(settlement, since, "refunded", Refund, "refunded_on", sign=-1),
        *_behind(settlement, since, "reversed", Correction, "corrected_on", sign=-1),
        *_behind(settlement, since, "subsidised", Plan, "made_on", sign=-1),
        *_fees_returned(settlement, since),
    ]
    postings = (
        list(Transfer.objects.filter(entry_id=settlement.entry_id).order_by("pk"))
        if settlement.entry_id is not None
        else []
    )
    return SettlementDetail(
        since,
        sorted(found, key=lambda each: (each.on, each.entry_id)),
        postings,
        list(PaymentOrder.objects.filter(purpose=PURPOSE, subject=str(settlement.uuid)).order_by("-pk")),
    )


def _behind(
    settlement: Settlement, since: date | None, kind: str, fact: Any, day: str, sign: int = 1
) -> list[Behind]:
    rows = fact.objects.filter(
        **{"purchase__merchant": settlement.merchant_id, f"{day}__lte": settlement.settled_on}
    )
    if since is not None:
        rows = rows.filter(**{f"{day}__gt": since})
    amount, entry = "amount_fen", "entry_id"
    if fact is Refund:
        rows = rows.filter(to_hold_fen=0)
    if fact is Plan:
        rows, amount, entry = rows.filter(subsidy_fen__gt=0), "subsidy_fen", "subsidy_entry_id"
    return [
        Behind(kind, row.purchase, sign * getattr(row, amount), getattr(row, day), getattr(row, entry))
        for row in rows.select_related("purchase").order_by("pk")[:MOST_BEHIND]
    ]


def _fees_returned(settlement: Settlement, since: date | None) -> list[Behind]:
    """The customers' fees that the merchant had paid for purchases that were taken back."""
    return [
        Behind("subsidised", back.purchase, fen, back.on, back.entry_id)
        for back in _behind(settlement, since, "reversed", Correction, "corrected_on")
        if (fen := Plan.objects.filter(purchase=back.purchase).aggregate(fen=Sum("subsidy_fen"))["fen"])
    ]
