"""Living through the demo world's days: the acts of its people through the services that serve customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID, uuid5

from django.db import connections, transaction
from django.db.models import Case, Count, Q, When

from customers.models import Shop
from finance.dates import add_months
from huabei import selectors
from huabei.autopay import PURPOSE
from huabei.errors import LineError
from huabei.models import (
    Line,
    LineStatus,
    Merchant,
    Posting,
    Purchase,
    PurchaseState,
    SharedLine,
    ShareStatus,
)
from huabei.services import purchases, repayments
from huabei.services.causes import POLICY, Why
from huabei.services.merchants import change_posting
from huabei.services.receipts import confirm_receipt
from huabei.services.settlements import link_account, register_account
from lending.models import Loan, LoanStatus
from operations.demo.behaviour import Outcome, Payer, Spend, autopays, payer_of, pays_fen, pays_on, spends
from payments import simulator
from payments.models import AutopayAmount, SourceKind
from payments.selectors import sources_of
from payments.services.sources import add_source, choose_autopay
from payments.simulator import SimulatedGateway

_SHOPS = (
    ("晨光便利店", "convenience"),
    ("南门菜市场", "groceries"),
    ("云上书店", "books"),
    ("青禾服饰", "clothing"),
    ("极光数码", "electronics"),
    ("半城烟火餐厅", "restaurant"),
    ("安行出行", "transport"),
    ("小满家居", "home"),
)
# Shops whose purchases post on confirmed receipt; whoever bought there has it three days later.
ON_RECEIPT = ("clothing",)
_UNDER_WAY = timedelta(days=3)
# The due day of the calendar on which the demo world's lines are opened.
DUE_DAY = 10
_NAMESPACE = UUID("6f1d5f0e-8a0c-4a53-9f4e-2f9e1b8c7a10")


def open_shops(*, on: date) -> list[Merchant]:
    """The demo world's merchants; repeating finds them."""
    merchants = []
    for name, category in _SHOPS:
        shop, _created = Shop.objects.get_or_create(
            pk=uuid5(_NAMESPACE, name), defaults={"name": name, "category": category, "registered_on": on}
        )
        merchant = purchases.accept_merchant(shop=shop)
        merchants.append(merchant)
        if category in ON_RECEIPT:
            change_posting(
                merchant_id=merchant.pk,
                posting=Posting.RECEIPT,
                effective_from=on,
                why=Why("agreement", POLICY, "demo"),
                on=on,
            )
        linked = link_account(merchant_id=shop.pk, account=f"62270000{len(merchants):08d}")
        register_account(merchant_id=shop.pk, linked=linked, on=on)
    return merchants


@dataclass(slots=True)
class Life:
    """The people who spend, and what they do day by day; several at a time, as customers are."""

    lines: Sequence[Line]
    merchants: Sequence[Merchant]
    seed: int
    defaulted: Mapping[UUID, bool]
    at_a_time: int = 4
    payers: dict[int, Payer] = field(default_factory=dict)
    # The lines whose owners have what is due collected.
    linked: set[int] = field(default_factory=set)
    _threads: list[ThreadPoolExecutor] = field(init=False)

    def __post_init__(self) -> None:
        self.payers = {
            line.pk: payer_of(line.pk, seed=self.seed, defaulted=self.defaulted.get(line.customer_id, False))
            for line in self.lines
        }
        # The same threads every day: each keeps its connection, and what PostgreSQL has planned for it.
        self._threads = [ThreadPoolExecutor(1) for _n in range(self.at_a_time)]

    def link_sources(self, *, on: date) -> None:
        """Whoever leaves paying to autopay links a wallet with a little in it and a card with enough."""
        for line in self.lines:
            payer = self.payers[line.pk]
            if autopays(payer, line.pk, seed=self.seed):
                link_sources(line, on=on)
                amount = AutopayAmount.FULL if payer is Payer.FULL else AutopayAmount.MINIMUM
                choose_autopay(owner=line.customer_id, purpose=PURPOSE, amount=amount, on=on)
                self.linked.add(line.pk)

    def live(self, on: date) -> None:
        """Everything that these people do on one business date."""
        shares = [self.lines[n :: self.at_a_time] for n in range(self.at_a_time)]
        for done in [
            thread.submit(self._live, lines, on) for thread, lines in zip(self._threads, shares, strict=True)
        ]:
            done.result()

    def end(self) -> None:
        """The last day is lived: the connections are given back."""
        for thread in self._threads:
            thread.submit(connections.close_all).result()
            thread.shutdown()

    def _live(self, lines: Sequence[Line], on: date) -> None:
        self._spend(lines, on)
        self._confirm(lines, on)
        self._give_back(lines, on)
        self._repay(lines, on)

    def _spend(self, lines: Sequence[Line], on: date) -> None:
        captures = []
        for line in lines:
            for spend in spends(
                line.pk, on, seed=self.seed, limit_fen=line.limit_fen, shops=len(self.merchants)
            ):
                purchase_id = self._authorise(spend, on)
                if purchase_id is None:
                    continue
                if spend.outcome is Outcome.VOIDED:
                    purchases.void(purchase_id=purchase_id, on=on)
                elif spend.outcome is Outcome.PARTLY_CAPTURED:
                    captures.append((purchase_id, max(spend.amount_fen // 2, 1)))
                elif spend.outcome is not Outcome.LEFT_TO_EXPIRE:
                    captures.append((purchase_id, spend.amount_fen))
        purchases.capture_many(captures=captures, on=on)

    def _authorise(self, spend: Spend, on: date) -> int | None:
        try:
            authorisation = purchases.authorise(
                line_id=spend.line_id,
                merchant_id=self.merchants[spend.shop].pk,
                amount_fen=spend.amount_fen,
                reference=spend.reference,
                on=on,
            )
        except LineError:
            return None
        return authorisation.purchase_id if authorisation.state == PurchaseState.AUTHORISED else None

    def _confirm(self, lines: Sequence[Line], on: date) -> None:
        """Most buyers confirm what came; whoever does not is asked nothing, and it is taken as received."""
        came = Purchase.objects.filter(
            line__in=lines,
            posts_on_receipt=True,
            state=PurchaseState.AUTHORISED,
            authorised_on=on - _UNDER_WAY,
        ).values_list("pk", "line__customer_id")
        for purchase_id, customer_id in came.order_by("pk"):
            if purchase_id % 5:
                confirm_receipt(purchase_id=purchase_id, customer_id=customer_id, on=on)

    def _give_back(self, lines: Sequence[Line], on: date) -> None:
        bought_on = on - timedelta(days=6)
        for line in lines:
            for spend in spends(
                line.pk, bought_on, seed=self.seed, limit_fen=line.limit_fen, shops=len(self.merchants)
            ):
                if spend.outcome is not Outcome.REFUNDED:
                    continue
                bought = Purchase.objects.filter(
                    merchant=self.merchants[spend.shop],
                    reference=spend.reference,
                    state=PurchaseState.CAPTURED,
                ).first()
                if bought is not None:
                    repayments.refund(
                        purchase_id=bought.pk, amount_fen=bought.captured_fen, reference="demo", on=on
                    )

    def _repay(self, lines: Sequence[Line], on: date) -> None:
        """Whoever means to pay a statement today does: this month's, or late last month's."""
        for due_on in (
            on.replace(day=DUE_DAY),
            add_months(on.replace(day=DUE_DAY), -1),
            add_months(on.replace(day=DUE_DAY), 1),
        ):
            for line in lines:
                payer = self.payers[line.pk]
                if line.pk not in self.linked and pays_on(payer, line.pk, due_on, seed=self.seed) == on:
                    self._pay(line, payer, due_on, on)

    def _pay(self, line: Line, payer: Payer, due_on: date, on: date) -> None:
        position = selectors.line_position(line, on)
        amount_fen = pays_fen(
            payer,
            line.pk,
            due_on,
            seed=self.seed,
            billed_fen=position.billed_total_fen,
            minimum_fen=selectors.minimum_outstanding(line.pk),
            accrued_fen=position.accrued_penalty_fen,
        )
        if amount_fen:
            repayments.repay(line_id=line.pk, amount_fen=amount_fen, reference=f"demo-{due_on:%Y%m}", on=on)


@transaction.atomic
def link_sources(line: Line, *, on: date) -> None:
    """A wallet and a card for the owner of a line, with money behind them at the simulated gateway."""
    if sources_of(line.customer_id).exists():
        return
    for kind, share in ((SourceKind.WALLET, 0.02), (SourceKind.CARD, 2.0)):
        number = f"62220212{line.pk:08d}"
        linked = SimulatedGateway().link(owner=line.customer_id, kind=kind, account=number)
        simulator.fund(token=linked.token, balance_fen=int(line.limit_fen * share))
        add_source(owner=line.customer_id, kind=kind, token=linked.token, name=linked.name, on=on)


def demo_lines(most: int) -> list[Line]:
    """The lines whose owners live in the demo world: the first `most` that are not closed, in order of opening."""
    return list(Line.objects.exclude(status=LineStatus.CLOSED).order_by("pk")[:most])


def showcase_line() -> Line:
    """
    A line with something to see: not overdue if one can be had, then shared, as the lines with instalments and a limit for a
    time are (`extras`), then of somebody with a loan, then with most statements, then one that bears interest.
    """
    shared = SharedLine.objects.filter(status=ShareStatus.ACTIVE).values("line_id")
    borrowers = Loan.objects.filter(status=LoanStatus.ACTIVE).values("customer_id")
    return (
        Line.objects.exclude(status=LineStatus.CLOSED)
        .annotate(
            is_shared=Case(When(pk__in=shared, then=1), default=0),
            has_loan=Case(When(customer_id__in=borrowers, then=1), default=0),
            bills=Count("statements", distinct=True),
            revolves=Count("segments", filter=Q(segments__until__isnull=True), distinct=True),
        )
        .order_by("bucket", "-is_shared", "-has_loan", "-bills", "-revolves", "pk")[:1]
        .get()
    )
