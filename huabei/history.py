"""Reading a line as its owner does: what is to pay, what happened lately, and what is behind each figure of a statement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from heapq import nlargest
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from finance.delinquency import days_past_due
from finance.rates import DailyRate
from huabei import selectors
from huabei.models import (
    Capture,
    Correction,
    Due,
    Line,
    Payoff,
    Plan,
    PlanRow,
    Purchase,
    PurchaseState,
    Refund,
    Repayment,
    Segment,
    SegmentKind,
    Statement,
)
from huabei.selectors import LinePosition

MOST_SHOWN = 200


class BillState(StrEnum):
    """Where a customer stands with what statements ask for."""

    PAID = "paid"
    DUE = "due"
    MINIMUM_MET = "minimum_met"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class Bill:
    """What the statements of a line ask for on a date, in fen; the newest one, where there is one, gives the due date."""

    statement: Statement | None
    # What would have to be paid on this date for no statement to ask for anything more, penalty of these days included.
    unpaid_fen: int
    # What would have to be paid for nothing to be or become overdue.
    minimum_fen: int
    overdue_fen: int
    overdue_since: date | None
    overdue_days: int
    # Whether the due date of the newest statement has passed.
    is_past_due_date: bool

    @property
    def state(self) -> BillState:
        """Paid, due, minimum met but more owed, or overdue."""
        if self.overdue_fen:
            return BillState.OVERDUE
        if not self.unpaid_fen:
            return BillState.PAID
        return BillState.DUE if self.minimum_fen else BillState.MINIMUM_MET


def bill(line: Line, position: LinePosition, on: date) -> Bill:
    """What the statements of a line ask for on a date (two queries)."""
    statement = selectors.latest_statement(line.pk)
    dues = list(
        Due.objects.filter(line_id=line.pk, outstanding_fen__gt=0)
        .order_by("due_on")
        .values_list("due_on", "outstanding_fen")
    )
    late = [(due_on, fen) for due_on, fen in dues if due_on < on]
    unpaid_fen = position.billed_total_fen + position.accrued_penalty_fen
    minimum_fen = sum(fen for _due_on, fen in dues)
    since = late[0][0] if late else None
    return Bill(
        statement=statement,
        unpaid_fen=unpaid_fen,
        # Running penalty is paid before anything else, so it comes on top of the minimum.
        minimum_fen=min(minimum_fen + position.accrued_penalty_fen, unpaid_fen) if minimum_fen else 0,
        overdue_fen=sum(fen for _due_on, fen in late),
        overdue_since=since,
        overdue_days=days_past_due(since, on),
        is_past_due_date=statement is not None and statement.due_on < on,
    )


class Happening(StrEnum):
    """What can happen on a line."""

    PURCHASE = "purchase"
    REFUND = "refund"
    REPAYMENT = "repayment"
    PAYOFF = "payoff"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened on a line. `state` is a purchase's, in words; what opens what has a page is its id."""

    kind: Happening
    on: date
    order: int
    shop: str
    amount_fen: int
    state: Any = ""
    repayment_id: int | None = None
    plan_id: int | None = None
    # A purchase that posts on receipt, which has a page.
    purchase_id: int | None = None

    @property
    def is_income(self) -> bool:
        """Whether it takes from the debt rather than adding to it."""
        return self.kind is not Happening.PURCHASE


STATE_TEXTS = {
    PurchaseState.AUTHORISED: _("reserved, not charged yet"),
    PurchaseState.VOIDED: _("cancelled"),
    PurchaseState.EXPIRED: _("reservation expired"),
}
PARTLY = _("charged in part, the rest is reserved")

AWAITED = _("paid; confirm once you have it")


def _state(row: Purchase) -> Any:
    if row.awaits_receipt:
        return AWAITED
    if row.captured_fen and row.state == PurchaseState.AUTHORISED:
        return PARTLY
    if row.captured_fen and hasattr(row, "choice"):
        return _("in instalments")
    return STATE_TEXTS.get(PurchaseState(row.state), "")


def _purchases(rows: Iterable[Purchase]) -> list[Event]:
    return [
        Event(
            Happening.PURCHASE,
            row.posted_on or row.authorised_on,
            row.pk,
            row.merchant.shop.name,
            row.captured_fen or row.left_fen or row.amount_fen,
            _state(row),
            purchase_id=row.pk if row.posts_on_receipt else None,
        )
        for row in rows
    ]


def _refunds(rows: Iterable[Refund]) -> list[Event]:
    return [
        Event(Happening.REFUND, row.refunded_on, row.pk, row.purchase.merchant.shop.name, row.amount_fen)
        for row in rows
    ]


def _repayments(rows: Iterable[Repayment]) -> list[Event]:
    return [
        Event(Happening.REPAYMENT, row.received_on, row.pk, "", row.amount_fen, repayment_id=row.pk)
        for row in rows
    ]


def _payoffs(rows: Iterable[Payoff]) -> list[Event]:
    return [
        Event(
            Happening.PAYOFF,
            row.paid_on,
            row.pk,
            "",
            row.principal_fen + row.fee_fen,
            plan_id=row.plan_id,
        )
        for row in rows
    ]


def posted_refunds(line_id: int) -> QuerySet[Refund]:
    """The refunds of a line, but for those before receipt, of what was not posted yet."""
    found = Refund.objects.filter(purchase__line_id=line_id, to_hold_fen=0)
    return found.select_related("purchase__merchant__shop")


def latest_events(line_id: int, *, most: int = 8) -> list[Event]:
    """The latest purchases, refunds, repayments and early payoffs of a line together, newest first (four queries)."""
    purchases = Purchase.objects.filter(line_id=line_id).select_related("merchant__shop", "choice")
    refunds = posted_refunds(line_id)
    repayments = Repayment.objects.filter(line_id=line_id).order_by("-pk")
    payoffs = Payoff.objects.filter(plan__line_id=line_id).order_by("-pk")
    events = [
        *_purchases(purchases.order_by("-pk")[:most]),
        *_refunds(refunds.order_by("-pk")[:most]),
        *_repayments(repayments[:most]),
        *_payoffs(payoffs[:most]),
    ]
    return nlargest(most, events, key=lambda event: (event.on, event.kind != Happening.PURCHASE, event.order))


@dataclass(frozen=True, slots=True)
class InterestRun:
    """
    Interest or penalty over some days: `days` from `since` to `last_day`, both counted.

    `exact_fen` is what it comes to before rounding; posting rounds the sum once.
    """

    kind: str
    principal_fen: int
    daily_rate: Decimal
    since: date
    last_day: date
    days: int
    exact_fen: Decimal

    @property
    def is_penalty(self) -> bool:
        """Whether it is penalty rather than revolving interest."""
        return self.kind == SegmentKind.PENALTY

    @property
    def annual_rate(self) -> Decimal:
        """The simple annual rate."""
        return DailyRate(self.daily_rate).simple_annual


@dataclass(frozen=True, slots=True)
class StatementDetail:
    """A statement and everything that happened from the statement before it up to it, in fen where money."""

    statement: Statement
    since: date
    last_day: date
    purchases: list[Event]
    refunds: list[Event]
    repayments: list[Event]
    runs: list[InterestRun]
    # The instalments that fell due with it, and what they come to before the customer's credit paid of them.
    instalments: list[PlanRow]
    instalments_fen: int
    payoffs: list[Event]
    # What the customer's credit paid of purchases, instalments, interest and penalty; of fees, less is billed.
    credit_used_fen: int
    # Purchases of the period that were refunded or repaid before the statement.
    settled_before_fen: int
    carried_principal_fen: int
    carried_interest_fen: int
    carried_penalty_fen: int
    carried_fee_fen: int
    # What was repaid from this statement's day until the next one's.
    repaid_since: list[Event]
    # Late facts that were learned in the period.
    corrections: list[Correction]

    @property
    def settled_before_negative_fen(self) -> int:
        """What was settled before billing, as it enters the sum."""
        return -self.settled_before_fen

    @property
    def credit_used_negative_fen(self) -> int:
        """What the customer's credit paid, as it enters the sum."""
        return -self.credit_used_fen


def _runs(line_id: int, since: date, until: date) -> list[InterestRun]:
    # A statement ends every segment that bears anything, so those of its period lie within it.
    segments = Segment.objects.filter(
        Q(until__gt=since) | Q(until__isnull=True), line_id=line_id, since__lt=until, principal_fen__gt=0
    ).order_by("since", "pk")
    runs = []
    for segment in segments:
        start, end = max(segment.since, since), min(segment.until or until, until)
        if (days := (end - start).days) > 0:
            owed = Decimal(segment.principal_fen) * segment.daily_rate * days
            runs.append(
                InterestRun(
                    segment.kind,
                    segment.principal_fen,
                    segment.daily_rate,
                    start,
                    end - timedelta(days=1),
                    days,
                    owed,
                )
            )
    return runs


def statement_of(*, customer_id: UUID, statement_id: int) -> Statement | None:
    """One of the customer's own statements with its line and due; None for what is somebody else's or nobody's."""
    return (
        Statement.objects.filter(pk=statement_id, line__customer_id=customer_id)
        .select_related("line", "due")
        .first()
    )


def statement_detail(statement: Statement, *, most: int | None = MOST_SHOWN) -> StatementDetail:
    """What is behind the figures of a statement, at most so many of each (ten queries, however much happened)."""
    line = statement.line
    dates = selectors.statements_of(line.pk)
    before = dates.filter(issued_on__lt=statement.issued_on).values_list("issued_on", flat=True).first()
    after = (
        dates.filter(issued_on__gt=statement.issued_on)
        .order_by("issued_on")
        .values_list("issued_on", flat=True)
        .first()
    )
    since, until = before or line.opened_on, statement.issued_on
    shown = purchases_of(line.pk, since=since, until=until, most=most)
    refunds = posted_refunds(line.pk).filter(refunded_on__gte=since, refunded_on__lt=until)
    paid = Repayment.objects.filter(line_id=line.pk, received_on__gte=since)
    paid = (paid.filter(received_on__lt=after) if after else paid).order_by("pk")[:most]
    repayments = _repayments(paid)
    payoffs = Payoff.objects.filter(plan__line_id=line.pk, paid_on__gte=since, paid_on__lt=until).order_by(
        "pk"
    )
    rows = list(
        PlanRow.objects.filter(line_id=line.pk, billed_on=statement.issued_on)
        .select_related("plan__purchase__merchant__shop")
        .order_by("plan", "number")
    )
    instalments_fen = sum(row.principal_fen for row in rows)
    credit_used_fen = statement.credit_used_fen - (sum(row.fee_fen for row in rows) - statement.new_fee_fen)
    return StatementDetail(
        statement=statement,
        since=since,
        last_day=until - timedelta(days=1),
        purchases=shown,
        refunds=_refunds(refunds.order_by("pk")[:most]),
        repayments=[event for event in repayments if event.on < until],
        runs=_runs(line.pk, since, until),
        instalments=rows,
        instalments_fen=instalments_fen,
        payoffs=_payoffs(payoffs[:most]),
        credit_used_fen=credit_used_fen,
        settled_before_fen=statement.purchases_fen
        + instalments_fen
        - statement.new_principal_fen
        - credit_used_fen,
        carried_principal_fen=statement.principal_fen - statement.new_principal_fen,
        carried_interest_fen=statement.interest_fen - statement.new_interest_fen,
        carried_penalty_fen=statement.penalty_fen - statement.new_penalty_fen,
        carried_fee_fen=statement.fee_fen - statement.new_fee_fen,
        repaid_since=[event for event in repayments if event.on >= until],
        corrections=list(
            Correction.objects.filter(line_id=line.pk, corrected_on__gte=since, corrected_on__lt=until)
            .order_by("pk")
            .select_related("purchase__merchant__shop")[:most]
        ),
    )


def purchases_of(
    line_id: int, *, since: date, until: date | None = None, most: int | None = MOST_SHOWN
) -> list[Event]:
    """
    What was captured on a line on or after `since` and before `until`, oldest first, at most so many; without what is paid
    in instalments.
    """
    plans = Plan.objects.filter(entry_id=OuterRef("entry_id"))
    rows = Capture.objects.filter(~Exists(plans), line_id=line_id, posted_on__gte=since)
    if until:
        rows = rows.filter(posted_on__lt=until)
    return [
        Event(Happening.PURCHASE, row.posted_on, row.pk, row.purchase.merchant.shop.name, row.amount_fen)
        for row in rows.select_related("purchase__merchant__shop").order_by("posted_on", "pk")[:most]
    ]


def own_line(*, customer_id: UUID, line_uuid: UUID) -> Line | None:
    """The customer's line with this identifier, whatever its status; None when it is somebody else's or nobody's."""
    return Line.objects.filter(uuid=line_uuid, customer_id=customer_id).first()


def own_repayment(*, customer_id: UUID, repayment_id: int) -> Repayment | None:
    """One of the customer's own repayments with its line; None when it is somebody else's or nobody's."""
    return (
        Repayment.objects.filter(pk=repayment_id, line__customer_id=customer_id)
        .select_related("line")
        .first()
    )
