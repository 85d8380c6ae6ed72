"""What is bought in a simulated story, where, and what becomes of it: on the services that serve shops and buyers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Sum
from django.db.models.functions import Coalesce

from customers.models import Customer, Shop
from finance.money import format_yuan
from huabei import campaigning
from huabei.errors import LARGEST_AMOUNT_FEN
from huabei.models import Campaign, Plan, Posting, Purchase, PurchaseState, SharedLine
from huabei.services import campaigns, merchants, purchases, receipts, repayments, shares
from huabei.services.causes import Why, staff
from huabei.sharing import months_of
from operations.services.line_story import BadStory, Event, Story

# Who the simulated member of staff is that changes lines and shops.
STAFF = staff(1)


def a_customer(on: date) -> Customer:
    """Somebody of age whose identity is verified."""
    return Customer.objects.create(
        full_name="Simulated",
        born_on=date(1990, 1, 1),
        registered_on=on,
        identity_verified_on=on,
        national_id_encrypted=b"",
        national_id_index=uuid4().bytes,
    )


@dataclass(frozen=True, slots=True)
class Shops:
    """
    Where a story's purchases happen: a shop that is paid at once, and one in escrow where the story has use for it; at
    first, since their purchases may post otherwise from some day on.
    """

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
    # With whom the line is shared, by their ref; each share that there ever was has the ref of its person.
    people: dict[str, UUID] = field(default_factory=dict)
    shared: list[tuple[str, SharedLine]] = field(default_factory=list)
    campaign_ids: dict[str, int] = field(default_factory=dict)

    def purchase(self, event: Event) -> None:
        assert event.amount_fen is not None
        self.refuse_used(event)
        shop = self._shop_of(event)
        if event.share:
            share = self._share_of(event.share)
            authorised = shares.authorise_shared(
                share_uuid=share.uuid if share else uuid4(),
                merchant_id=shop,
                amount_fen=event.amount_fen,
                reference=event.ref,
                on=event.on,
            )
        else:
            authorised = purchases.authorise(
                line_id=self.line_id,
                merchant_id=shop,
                amount_fen=event.amount_fen,
                reference=event.ref,
                on=event.on,
                instalments=event.instalments,
                campaign_id=self.campaign_ids.get(event.campaign, 0) if event.campaign else None,
            )
        self.purchase_ids[event.ref] = authorised.purchase_id
        made = Purchase.objects.filter(pk=authorised.purchase_id)
        if event.ref not in self.waiting and not made.values_list("posts_on_receipt", flat=True).get():
            purchases.capture(purchase_id=authorised.purchase_id, amount_fen=event.amount_fen, on=event.on)

    def _shop_of(self, event: Event) -> UUID:
        shop = self.shops.escrow if event.escrow else self.shops.at_once
        assert shop is not None
        return shop

    def posting(self, event: Event) -> None:
        """A shop's purchases post at payment or on receipt from a day on."""
        merchants.change_posting(
            merchant_id=self._shop_of(event),
            posting=Posting(event.posting),
            effective_from=event.first_day or event.on,
            why=Why("agreement", STAFF, f"posting-{event.position}"),
            on=event.on,
        )

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
        """Whoever bought it in escrow says that it came."""
        purchase = self.purchase_of(event)
        through = SharedLine.objects.filter(purchases=purchase.pk).values_list("beneficiary_id", flat=True)
        receipts.confirm_receipt(
            purchase_id=purchase.pk, customer_id=through.first() or self.customer_id, on=event.on
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

    def campaign(self, event: Event) -> None:
        """The shop that is paid at once promises to pay the fee of instalments."""
        assert event.amount_fen is not None
        assert event.last_day is not None
        assert event.instalments is not None
        if event.ref in self.campaign_ids:
            raise BadStory("this ref is used by an earlier campaign", field=f"events[{event.position}].ref")
        promise = campaigns.Promise(
            merchant_id=self.shops.at_once,
            name="Simulated",
            starts_on=event.first_day or event.on,
            ends_on=event.last_day,
            smallest_fen=event.smallest_fen or 1,
            largest_fen=event.largest_fen or LARGEST_AMOUNT_FEN,
            periods=(event.instalments,),
            budget_fen=event.amount_fen,
            alert_fen=event.amount_fen,
        )
        made = campaigns.create_campaign(promise=promise, reference=event.ref, on=event.on)
        self.campaign_ids[event.ref] = made.pk

    def campaign_changed(self, event: Event) -> None:
        """The shop promises more, less or for other days; what the event does not name stays."""
        campaign = Campaign.objects.filter(pk=self.campaign_ids.get(event.ref, 0)).first()
        if campaign is None:
            raise campaigns.CampaignNotFound(f"no campaign {event.ref!r} began before")
        budget_fen = event.amount_fen or campaign.budget_fen
        figures = campaigns.Figures(
            starts_on=event.first_day or campaign.starts_on,
            ends_on=event.last_day or campaign.ends_on,
            smallest_fen=event.smallest_fen or campaign.smallest_fen,
            largest_fen=event.largest_fen or campaign.largest_fen,
            budget_fen=budget_fen,
            alert_fen=budget_fen,
        )
        campaigns.change_campaign(
            campaign_id=campaign.pk,
            figures=figures,
            by="Simulated",
            reason="Simulated",
            reference=f"change-{event.position}",
            on=event.on,
        )

    def campaign_ended(self, event: Event) -> None:
        campaigns.end_campaign(campaign_id=self.campaign_ids.get(event.ref, 0), reason="", on=event.on)

    def campaigns(self) -> list[dict[str, Any]]:
        """Every campaign, in their order, with what is left of its budget and what its shop was charged."""
        made = Campaign.objects.filter(pk__in=self.campaign_ids.values()).order_by("pk")
        return [
            {
                "ref": standing.campaign.reference,
                "budget": format_yuan(standing.campaign.budget_fen),
                "left": format_yuan(standing.left_fen),
                "paid": format_yuan(
                    Plan.objects.filter(campaign=standing.campaign)
                    .exclude(purchase__state=PurchaseState.REVERSED)
                    .aggregate(fen=Coalesce(Sum("subsidy_fen"), 0))["fen"]
                ),
                "ended_on": standing.campaign.ended_on and standing.campaign.ended_on.isoformat(),
            }
            for standing in campaigning.standings(list(made))
        ]

    def share(self, event: Event) -> None:
        """The customer invites somebody, who appears with the story's first invitation, up to a monthly cap."""
        assert event.amount_fen is not None
        person = self.people.get(event.ref) or a_customer(event.on).pk
        share = shares.invite(
            line_id=self.line_id, beneficiary_id=person, monthly_cap_fen=event.amount_fen, on=event.on
        )
        self.people[event.ref] = person
        self.shared.append((event.ref, share))

    def share_accepted(self, event: Event) -> None:
        share = self._share_of(event.ref)
        shares.accept(
            share_id=share.pk if share else 0, beneficiary_id=self.people.get(event.ref, uuid4()), on=event.on
        )

    def share_cap(self, event: Event) -> None:
        assert event.amount_fen is not None
        share = self._share_of(event.ref)
        shares.change_cap(
            share_id=share.pk if share else 0,
            owner_id=self.customer_id,
            monthly_cap_fen=event.amount_fen,
            on=event.on,
        )

    def share_ended(self, event: Event) -> None:
        share = self._share_of(event.ref)
        shares.end(share_id=share.pk if share else 0, customer_id=self.customer_id, on=event.on)

    def share_left(self, event: Event) -> None:
        """Whoever was invited leaves, or does not want to."""
        share = self._share_of(event.ref)
        shares.end(
            share_id=share.pk if share else 0, customer_id=self.people.get(event.ref, uuid4()), on=event.on
        )

    def _share_of(self, ref: str) -> SharedLine | None:
        """The last share with a person."""
        return next((share for name, share in reversed(self.shared) if name == ref), None)

    def shares(self) -> list[dict[str, Any]]:
        """Every share, in their order, with what the person spent of each month, through earlier shares too."""
        now = SharedLine.objects.in_bulk([share.pk for _ref, share in self.shared])
        return [
            {
                "ref": ref,
                "cap": format_yuan(now[share.pk].monthly_cap_fen),
                "status": now[share.pk].status,
                "spent": {
                    f"{month.month:%Y-%m}": format_yuan(month.spent_fen)
                    for month in months_of(share)
                    if month.spent_fen
                },
            }
            for ref, share in self.shared
        ]

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
