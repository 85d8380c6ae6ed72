"""
What a new user should find without looking for long: a few people of the demo world who pay in instalments, share their line,
have a limit for a time, and had a payment bounce.

Every act has a reference of its own or is looked for first, so a day that is lived again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from huabei.errors import LineError
from huabei.models import (
    Line,
    Merchant,
    PurchaseState,
    Repayment,
    SharedLine,
    ShareStatus,
)
from huabei.services import purchases, repayments, shares
from huabei.services.causes import POLICY, Why
from huabei.services.corrections import reverse_repayment
from huabei.services.limits import raise_temporarily
from operations.demo.behaviour import Payer
from operations.demo.life import ON_RECEIPT

MOST_PEOPLE = 8
# Days after the first: when they share and are lent more, and when they buy in so many instalments.
SETTLED_IN = 3
_INSTALMENTS = {5: 6, 33: 3}
_LENT_FOR = timedelta(days=90)
_CAP_FEN = 500_00
_AGAIN = "demo-again"


@dataclass(slots=True)
class Extras:
    """The people, the first of those who pay in full, and what they do beyond buying and repaying."""

    lines: Sequence[Line]
    merchants: Sequence[Merchant]
    payers: Mapping[int, Payer]
    begins_on: date
    people: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        full = [line for line in self.lines if self.payers[line.pk] is Payer.FULL]
        self.people = full[:MOST_PEOPLE]
        # Whoever else spends with a line confirms no receipts: they buy where a charge posts at once.
        self.merchants = [each for each in self.merchants if each.shop.category not in ON_RECEIPT]

    def live(self, on: date) -> None:
        """What they do on one business date."""
        day = (on - self.begins_on).days
        for number, line in enumerate(self.people):
            shop = self.merchants[number % len(self.merchants)]
            if day == SETTLED_IN:
                self._settle_in(line, self.people[number - 1], on)
            if day in _INSTALMENTS:
                self._buy(line, shop, line.limit_fen // 8, on, instalments=_INSTALMENTS[day])
            if day % 9 == 8:
                self._buy_shared(line, shop, on)
            self._bounce(line, number, on)

    def _settle_in(self, line: Line, friend: Line, on: date) -> None:
        """Shares the line with the one before, and gets a tenth more for a time."""
        if line != friend and not SharedLine.objects.filter(line=line).exists():
            share = shares.invite(
                line_id=line.pk, beneficiary_id=friend.customer_id, monthly_cap_fen=_CAP_FEN, on=on
            )
            shares.accept(share_id=share.pk, beneficiary_id=friend.customer_id, on=on)
        try:
            raise_temporarily(
                line_id=line.pk,
                amount_fen=line.limit_fen // 10,
                last_day=on + _LENT_FOR,
                why=Why("festival", POLICY, "demo:festival"),
                on=on,
            )
        except LineError:
            return

    def _buy(self, line: Line, shop: Merchant, amount_fen: int, on: date, *, instalments: int) -> None:
        try:
            held = purchases.authorise(
                line_id=line.pk,
                merchant_id=shop.pk,
                amount_fen=amount_fen,
                reference=f"demo-{line.pk}-{on:%Y%m%d}-instalments",
                on=on,
                instalments=instalments,
            )
        except LineError:
            return
        if held.state == PurchaseState.AUTHORISED:
            purchases.capture_many(captures=[(held.purchase_id, amount_fen)], on=on)

    def _buy_shared(self, line: Line, shop: Merchant, on: date) -> None:
        share = SharedLine.objects.filter(line=line, status=ShareStatus.ACTIVE).first()
        if share is None:
            return
        amount_fen = 38_00 + 7_50 * (line.pk % 5)
        try:
            held = shares.authorise_shared(
                share_uuid=share.uuid,
                merchant_id=shop.pk,
                amount_fen=amount_fen,
                reference=f"demo-{line.pk}-{on:%Y%m%d}-shared",
                on=on,
            )
        except LineError:
            return
        if held.state == PurchaseState.AUTHORISED:
            purchases.capture_many(captures=[(held.purchase_id, amount_fen)], on=on)

    def _bounce(self, line: Line, number: int, on: date) -> None:
        """The first repayment of every other one of them bounces the day after, and is made again at once."""
        if number % 2 or Repayment.objects.filter(line=line, reference=_AGAIN).exists():
            return
        first = Repayment.objects.filter(line=line).order_by("pk").first()
        if first is None or first.received_on != on - timedelta(days=1):
            return
        reverse_repayment(repayment_id=first.pk, reason="account closed", on=on)
        repayments.repay(line_id=line.pk, amount_fen=first.amount_fen, reference=_AGAIN, on=on)
