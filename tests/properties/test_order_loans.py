"""Whatever a platform tells of orders and in whatever sequence, each fen of proceeds arrives once, and the books prove it."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from django.db.models import Sum

from finance.errors import DomainError
from finance.loan import Kind
from ledger.audit import verify
from lending.models import (
    Loan,
    LoanStatus,
    LoanTransaction,
    OrderEvent,
    Pledge,
    ProceedsPayment,
    Seller,
    SellerOrder,
)
from lending.replaying import loans_replayed
from lending.services import servicing
from lending.services.orders import Told, confirm_order, refund_order, settle_order, undo_settlement
from lending.services.sellers import reinstate_seller, suspend_seller
from operations import audit
from operations.services import closing, paying
from payments.models import SimulatedRequest
from tests.loan_world import SIGNED_ON, a_seller, a_wish, at_noon, shipped, signed
from tests.payment_world import a_source, unpark

pytestmark = pytest.mark.django_db

# STORIES tells that many and other ones each time.
STORIES = int(os.environ.get("STORIES", "0"))
DAYS = 12


class Shop:
    """A seller, what was lent against their orders, and what the platform tells, by dice."""

    def __init__(self, dice: Random) -> None:
        self.dice, self.seller = dice, a_seller()
        self.sources = [a_source(self.seller, dice.randint(0, 500_00)) for _n in range(dice.randint(1, 2))]
        self.orders = [shipped(self.seller, dice.randint(1, 900_00)) for _n in range(dice.randint(3, 7))]
        self.told: list[tuple[str, Told]] = []
        worth = sum(order.amount_fen * 4 // 5 for order in self.orders)
        for _n in range(2):
            with suppress(DomainError):
                self.borrow(dice.randint(1_00, max(1_00, worth)))

    def borrow(self, amount_fen: int) -> None:
        """An order loan, paid out at once or only signed."""
        days = self.dice.choice([30, 60])
        wish = a_wish(amount_fen, product="order-loan", method="one_off", periods=1, unit="days", every=days)
        loan = signed(wish, customer_id=self.seller)
        if self.dice.random() < 0.9:
            servicing.begin_disbursement(loan_id=loan.pk)
            servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=SIGNED_ON)

    def live(self, on: date) -> None:
        """What is told on a day, some of it twice, and what the borrower and the lender do meanwhile."""
        for order in self.dice.sample(self.orders, len(self.orders)):
            if self.dice.random() < 0.3:
                self.tell(order, on)
        if self.told and self.dice.random() < 0.5:
            self.again(on)
        for loan in Loan.objects.filter(status=LoanStatus.ACTIVE):
            draw = self.dice.random()
            with suppress(DomainError):
                if draw < 0.1:
                    servicing.repay(
                        loan_id=loan.pk, amount_fen=self.dice.randint(1, 300_00), reference=f"r{on}", on=on
                    )
                elif draw < 0.13:
                    servicing.charge_off(loan_id=loan.pk, reference=f"c{on}", on=on)
                elif draw < 0.2:
                    servicing.pay_off(loan_id=loan.pk, reference=f"p{on}", on=on)
        self.take_back(on)
        if self.dice.random() < 0.2:
            self.suspend(on)

    def suspend(self, on: date) -> None:
        """The seller is suspended, or reinstated; nothing may be paid to them in between."""
        said: dict[str, Any] = {"seller_id": self.seller, "reference": f"s{on}", "by": "staff:1", "on": on}
        if Seller.objects.get(pk=self.seller).is_suspended:
            reinstate_seller(cause="cleared", **said)
        else:
            suspend_seller(cause="complaints", **said)

    def take_back(self, on: date) -> None:
        """What was told of settlements, or paid, was wrong now and then; what went on to the seller stays."""
        for order in self.orders:
            if self.dice.random() < 0.15:
                with suppress(DomainError):
                    undo_settlement(order_id=order.pk, reference=f"u{order.pk} {on}", on=on)
        for paid in LoanTransaction.objects.filter(kind=Kind.PAYOFF.value, reference__startswith="p"):
            if self.dice.random() < 0.2:
                with suppress(DomainError):
                    servicing.reverse(
                        loan_id=paid.loan_id, undoes=paid.reference, reference=f"u{paid.pk}", on=on
                    )

    def tell(self, order: SellerOrder, on: date) -> None:
        """One thing that became of an order; what cannot be is refused."""
        kind = self.dice.choice(["settled", "refunded", "confirmed"])
        fen = (
            0
            if kind == "confirmed"
            else self.dice.choice([order.amount_fen, self.dice.randint(1, order.amount_fen)])
        )
        told = Told(order=order.reference, reference=f"{kind} {on}", happened_at=at_noon(on), amount_fen=fen)
        with suppress(DomainError):
            self._tell(kind, told, on)
            self.told.append((kind, told))

    def again(self, on: date) -> None:
        """What was told is told again, and is what it was."""
        kind, told = self.dice.choice(self.told)
        before = list(OrderEvent.objects.order_by("pk").values_list())
        self._tell(kind, told, on)
        assert list(OrderEvent.objects.order_by("pk").values_list()) == before

    def _tell(self, kind: str, told: Told, on: date) -> OrderEvent:
        act = {"settled": settle_order, "refunded": refund_order, "confirmed": confirm_order}[kind]
        return act(seller_id=self.seller, told=told, on=on)


def in_all(rows: object, field: str) -> int:
    """The sum of a field over rows."""
    return int(rows.aggregate(fen=Sum(field, default=0))["fen"])  # type: ignore[attr-defined]


def check() -> None:
    """Each fen of proceeds went to a loan or to the seller, once; a refund called in no more than was lent."""
    settled = OrderEvent.objects.filter(kind="settled", entry_id__isnull=False)
    facts = LoanTransaction.objects.filter(reference__startswith="order:")
    assert in_all(settled, "to_loan_fen") == in_all(facts, "amount_fen")
    assert in_all(settled, "amount_fen") == in_all(settled, "to_loan_fen") + in_all(settled, "to_seller_fen")
    assert not facts.exclude(kind__in=[Kind.REPAYMENT.value, Kind.PAYOFF.value, Kind.RECOVERY.value]).exists()
    # Every order of a loan that ran has come to the books with its settlement, and no other one has.
    ran = Pledge.objects.exclude(loan__status__in=[LoanStatus.SIGNED, LoanStatus.CANCELLED]).values("order")
    told = OrderEvent.objects.filter(kind="settled")
    assert not told.filter(order__in=ran, entry_id__isnull=True).exists()
    assert not told.exclude(order__in=ran).filter(entry_id__isnull=False).exists()
    undone = OrderEvent.objects.filter(kind="undone")
    reversed_facts = facts.filter(reversed_by__isnull=False)
    assert in_all(reversed_facts, "amount_fen") == sum(
        each.undoes.to_loan_fen for each in undone if each.undoes
    )
    for pledge in Pledge.objects.all():
        assert in_all(OrderEvent.objects.filter(order=pledge.order_id), "recalled_fen") <= pledge.share_fen


@pytest.mark.parametrize("seed", [Random().getrandbits(32) for _n in range(STORIES)] or range(6))
def test_each_fen_of_proceeds_arrives_once(seed: int) -> None:
    closing.set_business_date(on=SIGNED_ON)
    shop = Shop(Random(seed))
    for n in range(DAYS):
        on = SIGNED_ON + timedelta(days=n)
        shop.live(on)
        check()
        unpark()
        list(closing.close_until(on=on + timedelta(days=1)))
    if Seller.objects.get(pk=shop.seller).is_suspended:
        shop.suspend(SIGNED_ON + timedelta(days=DAYS))
    paying.pay_merchants()
    unpark()
    paying.sweep()
    owed = OrderEvent.objects.filter(to_seller_fen__gt=0, undone_by__isnull=True)
    paid = ProceedsPayment.objects.all()
    assert in_all(paid, "amount_fen") == in_all(owed, "to_seller_fen")
    out = SimulatedRequest.objects.filter(direction="pay_out")
    assert in_all(out, "moved_fen") == in_all(paid, "amount_fen")
    assert owed.count() == paid.count() == out.count()
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []
    assert list(loans_replayed(SIGNED_ON + timedelta(days=DAYS))) == []
