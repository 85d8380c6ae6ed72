"""
Paying merchants what was settled with them, through `payments`.

A settlement is owed on its account until the gateway says that the money moved. An order that failed moves nothing: the
settlement is as payable as before, and ordered anew on the next business day.

While a merchant is suspended nothing is paid out to it: what is settled is held back, and paid once it is reinstated. What
the gateway was asked for before goes its way.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from huabei.errors import MerchantNotAccepting
from huabei.models import Merchant, Settlement, SettlementPayment
from ledger.chart import CASH_CLEARING
from ledger.services import Draft, Leg, post
from ledger.sql import fetch_all
from payments.gateway import Linked, gateway
from payments.models import Direction, FundingSource, PaymentOrder, SourceKind
from payments.services.answers import Settled
from payments.services.orders import Wanted, order_payments
from payments.services.sources import add_source, move_source

PURPOSE = "huabei.settlement"


def link_account(*, merchant_id: UUID, account: str) -> Linked:
    """
    Asks the gateway for a bank account, outside any transaction. Errors: GatewayNotConfigured, GatewayUnavailable,
    SourceRefused.
    """
    return gateway().link(owner=merchant_id, kind=SourceKind.CARD, account=account)


def register_account(*, merchant_id: UUID, linked: Linked, on: date) -> FundingSource:
    """
    Makes a linked account the one to which a merchant is paid from the next order on; the same again changes nothing.

    Errors: GatewayNotConfigured, MerchantNotAccepting for a shop that never took lines, SourceRefused.
    """
    if not Merchant.objects.filter(pk=merchant_id).exists():
        raise MerchantNotAccepting(_("this shop does not accept credit lines"), field="merchant")
    with transaction.atomic():
        source = add_source(
            owner=merchant_id,
            kind=SourceKind.CARD,
            token=linked.token,
            name=linked.name,
            autopay=False,
            on=on,
        )
        while source.position != 1:
            move_source(owner=merchant_id, source=source.uuid, up=True, on=on)
            source.refresh_from_db()
    return source


# What was settled and neither paid nor is being paid, where its merchant has an account and is not suspended; after a failure
# not again on the same day. Two who look at the same time write the same reference, which happens once.
_TO_PAY = """
SELECT settlement.id, settlement.uuid, settlement.merchant_id, settlement.amount_fen, source.id, tries.many
FROM huabei_settlement AS settlement
JOIN huabei_merchant AS merchant ON merchant.shop_id = settlement.merchant_id AND is_accepting
JOIN payments_fundingsource AS source ON source.owner = settlement.merchant_id AND source.position = 1
CROSS JOIN LATERAL (
    SELECT count(*) AS many,
           coalesce(bool_or(state IN ('created', 'sent', 'confirmed') OR state = 'failed' AND ordered_on >= %(on)s), false)
               AS waits
    FROM payments_paymentorder AS ordered
    WHERE ordered.purpose = %(purpose)s AND ordered.subject = settlement.uuid::text
) AS tries
WHERE settlement.amount_fen > 0 AND NOT tries.waits
  AND NOT EXISTS (SELECT FROM huabei_settlementpayment AS paid WHERE paid.settlement_id = settlement.id)
ORDER BY settlement.id
"""


def order_payouts(*, on: date, hint: bool = True) -> list[int]:
    """Orders what is settled and unpaid to be paid out, each settlement by itself; returns the orders' ids."""
    wanted = [
        Wanted(
            merchant_id,
            amount_fen,
            PURPOSE,
            str(uuid),
            f"settlement:{settlement_id}:{tries + 1}",
            source_id,
            Direction.PAY_OUT.value,
        )
        for settlement_id, uuid, merchant_id, amount_fen, source_id, tries in fetch_all(
            _TO_PAY, {"on": on, "purpose": PURPOSE}
        )
    ]
    return order_payments(wanted=wanted, on=on, hint=hint) if wanted else []


def still_asked(order: PaymentOrder, _on: date) -> int:
    """
    How much of an order the gateway is to be asked for, in fen: nothing while its merchant is suspended; then the order ends
    and the settlement is ordered anew afterwards. The merchant is held: who suspends it waits until the order is on its way.
    """
    merchant = Merchant.objects.select_for_update(no_key=True).get(pk=order.owner)
    return order.amount_fen if merchant.is_accepting else 0


def book_payout(settled: Settled, on: date) -> None:
    """The money went out, and the merchant is owed it no longer; or it did not, and there is nothing to book."""
    if not settled.moved_fen:
        return
    settlement = Settlement.objects.select_related("merchant").get(uuid=settled.subject)
    entry = post(
        draft=Draft(
            reference=f"settlement:{settlement.pk}:paid",
            event="merchant.paid",
            booked_on=on,
            value_on=settled.moved_on,
            legs=(
                Leg(settlement.merchant.settlement_account_id, CASH_CLEARING.control_id, settled.moved_fen),
            ),
        )
    )
    SettlementPayment.objects.create(
        settlement=settlement,
        reference=settled.reference,
        amount_fen=settled.moved_fen,
        paid_on=settled.moved_on or on,
        entry_id=entry.entry_id,
    )
