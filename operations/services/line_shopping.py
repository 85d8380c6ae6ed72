"""What is bought in a simulated story, where, and what becomes of it: on the services that serve shops and buyers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from customers.models import Shop
from finance.money import format_yuan
from huabei.models import Posting, Purchase
from huabei.services import merchants, purchases, receipts, repayments
from huabei.services.causes import Why, staff
from operations.services.line_story import BadStory, Event, Story

# Who the simulated member of staff is that changes lines and shops.
STAFF = staff(1)


@dataclass(frozen=True, slots=True)
class Shops:
    """Where a story's purchases happen: a shop that is paid at once, and one in escrow where the story has use for it."""

    at_once: UUID
    escrow: UUID | None = None


def open_shops(story: Story) -> Shops:
    """The shops of a story, which accept lines from its first day on."""
    escrow = _open_shop(story.opened_on) if any(event.escrow for event in story.events) else None
    if escrow is not None:
        merchants.change_posting(
            merchant_id=escrow,
            posting=Posting.RECEIPT,
            effective_from=story.opened_on,
            why=Why("agreement", STAFF, "posting"),
            on=story.opened_on,
        )
    return Shops(_open_shop(story.opened_on), escrow)


def _open_shop(on: date) -> UUID:
    shop = Shop.objects.create(name="Simulated", category="simulated", registered_on=on)
    merchant_id: UUID = purchases.accept_merchant(shop=shop).pk
    return merchant_id


@dataclass(slots=True)
class Shopping:
    """The line and customer of a story, and its purchases by their ref."""

    line_id: int
    customer_id: UUID
    shops: Shops
    # Purchases that a capture or void names later wait for it; all others are captured at once, but for those in escrow.
    waiting: frozenset[str]
    purchase_ids: dict[str, int] = field(default_factory=dict)
    plan_ids: dict[str, int] = field(default_factory=dict)

    def purchase(self, event: Event) -> None:
        assert event.amount_fen is not None
        self.refuse_used(event)
        shop = self.shops.escrow if event.escrow else self.shops.at_once
        assert shop is not None
        authorised = purchases.authorise(
            line_id=self.line_id,
            merchant_id=shop,
            amount_fen=event.amount_fen,
            reference=event.ref,
            on=event.on,
            instalments=event.instalments,
        )
        self.purchase_ids[event.ref] = authorised.purchase_id
        if event.ref not in self.waiting and not event.escrow:
            purchases.capture(purchase_id=authorised.purchase_id, amount_fen=event.amount_fen, on=event.on)

    def capture(self, event: Event) -> None:
        purchase = self.purchase_of(event)
        purchases.capture(
            purchase_id=purchase.pk,
            amount_fen=event.amount_fen or purchase.left_fen or purchase.amount_fen,
            on=event.on,
            reference=f"capture-{event.position}",
            final=event.final,
        )

    def void(self, event: Event) -> None:
        purchases.void(purchase_id=self.purchase_of(event).pk, on=event.on)

    def receipt(self, event: Event) -> None:
        """The customer says that what was bought in escrow came."""
        receipts.confirm_receipt(
            purchase_id=self.purchase_of(event).pk, customer_id=self.customer_id, on=event.on
        )

    def refund(self, event: Event) -> None:
        purchase = self.purchase_of(event)
        whole_fen = purchase.left_fen if purchase.awaits_receipt else purchase.kept_fen
        repayments.refund(
            purchase_id=purchase.pk,
            amount_fen=event.amount_fen or whole_fen or purchase.amount_fen,
            reference=f"refund-{event.position}",
            on=event.on,
        )

    def in_escrow(self) -> list[dict[str, Any]]:
        """The purchases that post on receipt: when they were paid, when they posted and whether their buyer said so."""
        bought = Purchase.objects.filter(line_id=self.line_id, posts_on_receipt=True).select_related(
            "receipt"
        )
        return [
            {
                "ref": purchase.reference,
                "paid_on": purchase.authorised_on.isoformat(),
                "posted_on": purchase.posted_on and purchase.posted_on.isoformat(),
                "posted": format_yuan(purchase.captured_fen),
                "given_back": format_yuan(purchase.cancelled_fen),
                "confirmed": purchase.receipt.by_customer if hasattr(purchase, "receipt") else None,
            }
            for purchase in bought.order_by("pk")
        ]

    def refuse_used(self, event: Event) -> None:
        """Error: BadStory where an earlier purchase or plan has the event's ref."""
        if event.ref in self.purchase_ids or event.ref in self.plan_ids:
            raise BadStory(
                "this ref is used by an earlier purchase or plan", field=f"events[{event.position}].ref"
            )

    def purchase_of(self, event: Event) -> Purchase:
        """The purchase that an event names. Error: PurchaseNotFound."""
        if event.ref not in self.purchase_ids:
            raise purchases.PurchaseNotFound(f"no purchase {event.ref!r} was authorised before")
        return Purchase.objects.get(pk=self.purchase_ids[event.ref])
