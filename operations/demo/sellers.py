"""
A seller of the demo world, of whom a platform tells orders: one loan that an order's proceeds repaid, with the rest paid out,
and one that runs against orders of which one was settled and one refunded.

Every act has a reference of its own, so a day that is lived again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from uuid import UUID

from finance.dates import add_months
from huabei.models import Line, LineStatus
from lending.models import LoanStatus
from lending.plans import wish_for
from lending.services import servicing
from lending.services.orders import Shipped, Told, accept_seller, refund_order, settle_order, ship_order
from lending.services.signing import sign_loan
from operations.demo.life import link_sources

_PLAN = "order-loan:one_off:1:days:30"
_OLDEST = 60
# By days before the world's last one: orders as they are shipped, what is borrowed against them, what becomes of them.
_ORDERS = (
    (24, 1_200_00),
    (14, 1_800_00),
    (14, 960_00),
    (14, 1_450_00),
    (14, 2_100_00),
    (3, 1_320_00),
    (3, 880_00),
)
_BORROWED = {23: 900_00, 13: 4_600_00}
_SETTLED = {18: 1, 8: 2}
_REFUNDED = {5: 3}


def seller_line(spenders: Sequence[Line], *, on: date) -> Line:
    """
    The line of who sells: who does already, or somebody not too old for an order loan; if one can be had who does not spend,
    and so is never late.
    """
    lines = Line.objects.exclude(status=LineStatus.CLOSED).order_by("pk")
    young = lines.filter(customer__born_on__gt=add_months(on, -12 * _OLDEST))
    idle = young.exclude(pk__in=[line.pk for line in spenders])
    found = lines.filter(customer__seller__isnull=False).first() or idle.last() or young.last()
    assert found is not None
    return found


@dataclass(frozen=True, slots=True)
class Selling:
    """The seller, and what a platform tells of their orders day by day."""

    line: Line
    scores: Mapping[UUID, int | None]
    until: date

    def live(self, on: date) -> None:
        """What happens on one business date."""
        left = (self.until - on).days
        for number, (day, fen) in enumerate(_ORDERS, start=1):
            if day == left:
                self._ship(number, fen, on)
        if left in _BORROWED:
            self._borrow(_BORROWED[left], on)
        if left in _SETTLED:
            number = _SETTLED[left]
            settle_order(seller_id=self.line.customer_id, told=self._told(number, "settled", on), on=on)
        if left in _REFUNDED:
            number = _REFUNDED[left]
            refund_order(seller_id=self.line.customer_id, told=self._told(number, "refunded", on), on=on)

    def _ship(self, number: int, amount_fen: int, on: date) -> None:
        seller_id = self.line.customer_id
        accept_seller(customer_id=seller_id, trading_since=add_months(self.until, -30), on=on)
        link_sources(self.line, on=on)
        ship_order(
            seller_id=seller_id,
            shipped=Shipped(
                reference=_order(number),
                amount_fen=amount_fen,
                buyer=f"b-{58_200 + 13 * number}",
                shipped_at=_noon(on),
            ),
            on=on,
        )

    def _borrow(self, amount_fen: int, on: date) -> None:
        customer_id, reference = self.line.customer_id, f"demo-orders-{on:%Y%m%d}"
        loan = sign_loan(
            customer_id=customer_id,
            wish=wish_for(_PLAN, amount_fen),
            score=self.scores.get(customer_id),
            reference=reference,
            on=on,
            at=_noon(on),
        )
        if loan.status == LoanStatus.SIGNED:
            servicing.begin_disbursement(loan_id=loan.pk)
        servicing.confirm_disbursement(loan_id=loan.pk, reference=reference, on=on)

    def _told(self, number: int, what: str, on: date) -> Told:
        return Told(
            order=_order(number),
            reference=f"{_order(number)}-{what}",
            happened_at=_noon(on),
            amount_fen=_ORDERS[number - 1][1],
        )


def _order(number: int) -> str:
    return f"T2026{number:08d}"


def _noon(on: date) -> datetime:
    return datetime.combine(on, time(4), UTC)
