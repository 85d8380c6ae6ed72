"""Repayments of one line and refunds to it: what they pay, and what follows for dues, interest and availability."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import transaction

from finance.allocation import Due as Debt
from finance.allocation import allocate
from huabei import selectors
from huabei.errors import AmountRefused, LineNotFound, require_positive, require_same_request
from huabei.models import (
    Due,
    Line,
    LineStatus,
    Purchase,
    PurchaseState,
    Refund,
    Repayment,
    Segment,
    SegmentKind,
)
from huabei.selectors import LinePosition
from huabei.services.purchases import NotAuthorised, PurchaseNotFound
from huabei.services.segments import follow
from ledger.chart import CASH_CLEARING, COMMITMENT_CONTROL, INTEREST_ACCRUED, PENALTY_ACCRUED
from ledger.services import Draft, Leg, post, request_hash

OVERDUE = "overdue"


def locked_line(line_id: int) -> Line:
    """The line, locked until the transaction ends: one change of a line's debts at a time. Error: LineNotFound."""
    line = Line.objects.select_for_update().filter(pk=line_id).first()
    if line is None:
        raise LineNotFound(f"there is no line {line_id}")
    return line


def repay(*, line_id: int, amount_fen: int, reference: str, on: date) -> Repayment:
    """
    Books a repayment received on a date and allocates it: penalty, interest, fees and principal that statements ask for, then
    interest that runs and is not billed, then purchases not billed yet; the rest is the customer's credit.

    Penalty is due at once, so what ran up to the day is posted first. Principal repaid is available again. The reference
    happens once per line. Errors: AmountRefused, LineNotFound, RequestConflict.
    """
    require_positive(amount_fen)
    asked = request_hash({"line": line_id, "amount": amount_fen})
    with transaction.atomic():
        line = locked_line(line_id)
        first = Repayment.objects.filter(line=line, reference=reference).first()
        if first is not None:
            require_same_request(first.request_hash, asked)
            return first
        position = selectors.line_position(line, on)
        segments = selectors.open_segments(line_id)
        paid = _allocation(position, amount_fen, on)
        interest_posted_fen = position.accrued_interest_fen if paid.beyond_billed_fen else 0
        entry = post(
            draft=Draft(
                reference=f"line:{line_id}:repaid:{reference}",
                event="line.repaid",
                booked_on=on,
                request_hash=asked,
                legs=_legs(line, paid, position.accrued_penalty_fen, interest_posted_fen),
            )
        )
        repayment = Repayment.objects.create(
            line=line,
            reference=reference,
            request_hash=asked,
            amount_fen=amount_fen,
            received_on=on,
            to_penalty_fen=paid.penalty_fen,
            to_interest_fen=paid.interest_fen,
            to_fee_fen=paid.fee_fen,
            to_billed_fen=paid.billed_fen,
            to_unbilled_fen=paid.unbilled_fen,
            to_credit_fen=paid.credit_fen,
            entry_id=entry.entry_id,
        )
        _after_payment(
            line,
            segments,
            on,
            to_billed_fen=paid.to_billed_debts_fen,
            still_billed_fen=position.billed_total_fen - paid.to_billed_debts_fen,
            posted_fen={
                SegmentKind.PENALTY.value: position.accrued_penalty_fen,
                SegmentKind.REVOLVING.value: interest_posted_fen,
            },
        )
    return repayment


@dataclass(frozen=True, slots=True)
class _Paid:
    """Where a repayment goes, in fen."""

    penalty_fen: int
    interest_fen: int
    fee_fen: int
    billed_fen: int
    unbilled_fen: int
    credit_fen: int
    # Of it, what pays debts that statements ask for: it counts towards the minimum. Penalty posted only now does not.
    to_billed_debts_fen: int
    # Of it, what goes beyond everything due at once.
    beyond_billed_fen: int


def _allocation(position: LinePosition, amount_fen: int, on: date) -> _Paid:
    allocation = allocate(
        amount_fen,
        [
            Debt("running", on, {"penalty": position.accrued_penalty_fen}),
            Debt(
                "billed",
                on,
                {
                    "penalty": position.penalty_fen,
                    "interest": position.interest_fen,
                    "fee": position.fee_fen,
                    "principal": position.billed_fen,
                },
            ),
            Debt("accrued", on, {"interest": position.accrued_interest_fen}),
            Debt("unbilled", on, {"principal": position.unbilled_fen}),
        ],
    )
    to = {(line.key, line.component): line.amount_fen for line in allocation.lines}
    by_debt = allocation.by_due()
    return _Paid(
        penalty_fen=to.get(("running", "penalty"), 0) + to.get(("billed", "penalty"), 0),
        interest_fen=to.get(("billed", "interest"), 0) + to.get(("accrued", "interest"), 0),
        fee_fen=to.get(("billed", "fee"), 0),
        billed_fen=to.get(("billed", "principal"), 0),
        unbilled_fen=to.get(("unbilled", "principal"), 0),
        credit_fen=allocation.unapplied_fen,
        to_billed_debts_fen=by_debt.get("billed", 0),
        beyond_billed_fen=amount_fen - by_debt.get("running", 0) - by_debt.get("billed", 0),
    )


def _legs(line: Line, paid: _Paid, penalty_posted_fen: int, interest_posted_fen: int) -> tuple[Leg, ...]:
    cash = CASH_CLEARING.control_id
    legs = (
        Leg(line.penalty_account_id, PENALTY_ACCRUED.control_id, penalty_posted_fen),
        Leg(line.interest_account_id, INTEREST_ACCRUED.control_id, interest_posted_fen),
        Leg(cash, line.penalty_account_id, paid.penalty_fen),
        Leg(cash, line.interest_account_id, paid.interest_fen),
        Leg(cash, line.fee_account_id, paid.fee_fen),
        Leg(cash, line.billed_account_id, paid.billed_fen),
        Leg(cash, line.unbilled_account_id, paid.unbilled_fen),
        Leg(cash, line.credit_account_id, paid.credit_fen),
        Leg(COMMITMENT_CONTROL.control_id, line.commitment_account_id, paid.billed_fen + paid.unbilled_fen),
    )
    return tuple(leg for leg in legs if leg.amount_fen)


def _after_payment(
    line: Line,
    segments: dict[str, Segment],
    on: date,
    *,
    to_billed_fen: int,
    still_billed_fen: int,
    posted_fen: dict[str, int],
) -> None:
    """
    What follows when billed debts were paid: minimum dues shrink, oldest first; interest runs on less; a line that was
    frozen for being overdue and no longer is, is active again.
    """
    _pay_dues(line, to_billed_fen, clear=still_billed_fen == 0)
    overdue_fen = selectors.delinquency(line.pk, on).overdue_fen
    for kind, segment in segments.items():
        shrinks_by = min(to_billed_fen, segment.principal_fen)
        posted = posted_fen.get(kind, 0)
        cured = kind == SegmentKind.PENALTY and not overdue_fen and segment.principal_fen > 0
        if shrinks_by or posted or cured:
            left_fen = segment.principal_fen - shrinks_by
            # Once the minimum is met the rest is revolving principal, not late money. Source: DOMAIN, Huabei.
            follow(
                segment,
                on=on,
                principal_fen=left_fen,
                posted_fen=posted,
                kind=SegmentKind.REVOLVING if cured and left_fen else None,
            )
    if not overdue_fen:
        line.bucket = 0
    if not overdue_fen and line.status == LineStatus.FROZEN and line.frozen_cause == OVERDUE:
        line.status, line.frozen_cause = LineStatus.ACTIVE, ""
    line.billable = True
    line.save(update_fields=["bucket", "status", "frozen_cause", "billable"])


def _pay_dues(line: Line, amount_fen: int, *, clear: bool) -> None:
    left = amount_fen
    for due in Due.objects.filter(line=line, outstanding_fen__gt=0).order_by("due_on"):
        taken = due.outstanding_fen if clear else min(left, due.outstanding_fen)
        if taken:
            due.outstanding_fen -= taken
            due.save(update_fields=["outstanding_fen"])
        left -= min(left, taken)


def refund(*, purchase_id: int, amount_fen: int, reference: str, on: date) -> Refund:
    """
    Books what a merchant gives back for a captured purchase, whole or in part.

    Not billed yet: it cancels the purchase and restores the line. Billed and unpaid: it reduces the statement. Already paid:
    it becomes the customer's credit, never a negative debt. Source: DOMAIN, Huabei. Errors: AmountRefused beyond what was
    captured and not refunded, NotAuthorised when nothing was captured, PurchaseNotFound, RequestConflict.
    """
    require_positive(amount_fen)
    asked = request_hash({"purchase": purchase_id, "amount": amount_fen})
    with transaction.atomic():
        purchase = Purchase.objects.select_for_update().filter(pk=purchase_id).first()
        if purchase is None:
            raise PurchaseNotFound(f"there is no purchase {purchase_id}")
        line = locked_line(purchase.line_id)
        first = Refund.objects.filter(purchase=purchase, reference=reference).first()
        if first is not None:
            require_same_request(first.request_hash, asked)
            return first
        if purchase.state != PurchaseState.CAPTURED or purchase.posted_on is None:
            raise NotAuthorised(f"nothing to refund: the purchase is {purchase.state}")
        if amount_fen > purchase.captured_fen - purchase.refunded_fen:
            raise AmountRefused("more than was captured and not refunded yet", field="amount")
        position = selectors.line_position(line, on)
        last_issued_on = selectors.last_issued_on(line.pk)
        billed = last_issued_on is not None and purchase.posted_on < last_issued_on
        to_unbilled_fen = 0 if billed else min(amount_fen, position.unbilled_fen)
        to_billed_fen = min(amount_fen, position.billed_fen) if billed else 0
        to_credit_fen = amount_fen - to_unbilled_fen - to_billed_fen
        payable = purchase.merchant.payable_account_id
        legs = (
            Leg(payable, line.unbilled_account_id, to_unbilled_fen),
            Leg(payable, line.billed_account_id, to_billed_fen),
            Leg(payable, line.credit_account_id, to_credit_fen),
            Leg(COMMITMENT_CONTROL.control_id, line.commitment_account_id, to_unbilled_fen + to_billed_fen),
        )
        entry = post(
            draft=Draft(
                reference=f"purchase:{purchase_id}:refunded:{reference}",
                event="purchase.refunded",
                booked_on=on,
                request_hash=asked,
                legs=tuple(leg for leg in legs if leg.amount_fen),
            )
        )
        purchase.refunded_fen += amount_fen
        purchase.save(update_fields=["refunded_fen"])
        _after_payment(
            line,
            selectors.open_segments(line.pk),
            on,
            to_billed_fen=to_billed_fen,
            still_billed_fen=position.billed_total_fen - to_billed_fen,
            posted_fen={},
        )
        return Refund.objects.create(
            purchase=purchase,
            reference=reference,
            request_hash=asked,
            amount_fen=amount_fen,
            to_unbilled_fen=to_unbilled_fen,
            to_billed_fen=to_billed_fen,
            to_credit_fen=to_credit_fen,
            refunded_on=on,
            entry_id=entry.entry_id,
        )
