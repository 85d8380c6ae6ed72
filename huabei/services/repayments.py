"""Repayments of one line and refunds to it: what they pay, and what follows for dues, interest and availability."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from finance.allocation import Due as Debt
from finance.allocation import allocate
from huabei import selectors
from huabei.errors import (
    AmountRefused,
    NotAuthorised,
    PurchaseNotFound,
    require_amount,
    require_reference,
    require_same_request,
)
from huabei.models import (
    Capture,
    Due,
    Line,
    LineStatus,
    Plan,
    Purchase,
    PurchaseState,
    Refund,
    RefundShare,
    Repayment,
    SegmentKind,
)
from huabei.notices import PaymentReceived, RefundArrived, ShareRefund
from huabei.selectors import LinePosition
from huabei.services.excess import absorb_excess
from huabei.services.lifecycle import thaw_paid
from huabei.services.mornings import line_of, line_on
from huabei.services.plans import OffPlan, off_plans, record_off_plans
from huabei.services.receipts import cancel
from huabei.services.segments import follow
from huabei.services.share_months import give_back_to_share
from huabei.telling import tell_now
from ledger.chart import CASH_CLEARING, COMMITMENT_CONTROL, INTEREST_ACCRUED, PENALTY_ACCRUED
from ledger.services import Draft, Leg, post, request_hash

_Fact = TypeVar("_Fact", Repayment, Refund)


def _once_more(first: _Fact, asked: bytes) -> _Fact:
    """What this very request did before. Error: RequestConflict when it was another."""
    require_same_request(first.request_hash, asked)
    first.repeated = True
    return first


def repay(*, line_id: int, amount_fen: int, reference: str, on: date) -> Repayment:
    """
    Books a repayment received on a date and allocates it: penalty, interest, fees and principal that statements ask for, in
    the order of the day's terms, and just before the penalty what of it runs; then interest that runs and is not billed,
    then purchases not billed yet; the rest is the customer's credit.

    Of what runs, as much is posted as is paid; the rest runs on to the next statement. Principal repaid is available again.
    The reference happens once per line. Errors: AmountRefused, LineNotFound, ReferenceRefused, RequestConflict.
    """
    require_amount(amount_fen)
    require_reference(reference)
    asked = request_hash({"line": line_id, "amount": amount_fen})
    with transaction.atomic():
        line = line_on(line_id, on)
        first = Repayment.objects.filter(line=line, reference=reference).first()
        if first is not None:
            return _once_more(first, asked)
        position = selectors.line_position(line, on)
        paid = _allocation(position, amount_fen, on)
        entry = post(
            draft=Draft(
                reference=f"line:{line_id}:repaid:{reference}",
                event="line.repaid",
                booked_on=on,
                request_hash=asked,
                legs=_legs(line, paid),
            )
        )
        repayment = Repayment.objects.create(
            line=line,
            reference=reference,
            request_hash=asked,
            amount_fen=amount_fen,
            received_on=on,
            value_on=on,
            to_penalty_fen=paid.running_penalty_fen + paid.penalty_fen,
            to_interest_fen=paid.interest_fen + paid.running_interest_fen,
            to_fee_fen=paid.fee_fen,
            to_billed_fen=paid.billed_fen,
            to_unbilled_fen=paid.unbilled_fen,
            to_credit_fen=paid.credit_fen,
            entry_id=entry.entry_id,
        )
        _after_payment(
            line,
            on,
            to_billed_debts_fen=paid.to_billed_debts_fen,
            still_billed_fen=position.billed_total_fen - paid.to_billed_debts_fen,
            still_principal_fen=position.billed_fen - paid.billed_fen,
            posted_fen={
                SegmentKind.PENALTY.value: paid.running_penalty_fen,
                SegmentKind.REVOLVING.value: paid.running_interest_fen,
            },
        )
        tell_now(message=PaymentReceived, fact_id=repayment.pk, on=on)
    return repayment


@dataclass(frozen=True, slots=True)
class _Paid:
    """Where a repayment goes, in fen."""

    running_penalty_fen: int
    penalty_fen: int
    interest_fen: int
    fee_fen: int
    billed_fen: int
    running_interest_fen: int
    unbilled_fen: int
    credit_fen: int

    @property
    def to_billed_debts_fen(self) -> int:
        """What pays debts that statements ask for, and so counts towards the minimum."""
        return self.penalty_fen + self.interest_fen + self.fee_fen + self.billed_fen


def _components(on: date) -> tuple[str, ...]:
    """The order of payment of a day."""
    return selectors.terms_on(on).components


def _allocation(position: LinePosition, amount_fen: int, on: date) -> _Paid:
    billed = {
        "penalty": position.penalty_fen,
        "interest": position.interest_fen,
        "fee": position.fee_fen,
        "principal": position.billed_fen,
    }
    debts = [Debt("billed", on, {component: billed[component]}) for component in _components(on)]
    penalty_at = next(at for at, debt in enumerate(debts) if "penalty" in debt.unpaid_fen)
    debts.insert(penalty_at, Debt("running penalty", on, {"penalty": position.accrued_penalty_fen}))
    debts.append(Debt("running interest", on, {"interest": position.accrued_interest_fen}))
    debts.append(Debt("unbilled", on, {"principal": position.unbilled_fen}))
    allocation = allocate(amount_fen, debts)
    to = {(each.key, each.component): each.amount_fen for each in allocation.payments}
    return _Paid(
        running_penalty_fen=to.get(("running penalty", "penalty"), 0),
        penalty_fen=to.get(("billed", "penalty"), 0),
        interest_fen=to.get(("billed", "interest"), 0),
        fee_fen=to.get(("billed", "fee"), 0),
        billed_fen=to.get(("billed", "principal"), 0),
        running_interest_fen=to.get(("running interest", "interest"), 0),
        unbilled_fen=to.get(("unbilled", "principal"), 0),
        credit_fen=allocation.unapplied_fen,
    )


def _legs(line: Line, paid: _Paid) -> tuple[Leg, ...]:
    cash = CASH_CLEARING.control_id
    legs = (
        Leg(line.penalty_account_id, PENALTY_ACCRUED.control_id, paid.running_penalty_fen),
        Leg(line.interest_account_id, INTEREST_ACCRUED.control_id, paid.running_interest_fen),
        Leg(cash, line.penalty_account_id, paid.running_penalty_fen + paid.penalty_fen),
        Leg(cash, line.interest_account_id, paid.interest_fen + paid.running_interest_fen),
        Leg(cash, line.fee_account_id, paid.fee_fen),
        Leg(cash, line.billed_account_id, paid.billed_fen),
        Leg(cash, line.unbilled_account_id, paid.unbilled_fen),
        Leg(cash, line.credit_account_id, paid.credit_fen),
        Leg(COMMITMENT_CONTROL.control_id, line.commitment_account_id, paid.billed_fen + paid.unbilled_fen),
    )
    return tuple(leg for leg in legs if leg.amount_fen)


def _after_payment(
    line: Line,
    on: date,
    *,
    to_billed_debts_fen: int,
    still_billed_fen: int,
    still_principal_fen: int,
    posted_fen: dict[str, int],
) -> None:
    """
    What follows when billed debts were paid: minimum dues shrink, oldest first; interest runs on less; a line that was
    frozen for being overdue and no longer is, is active again.
    """
    _pay_dues(line, to_billed_debts_fen, clear=still_billed_fen == 0)
    overdue_fen = selectors.delinquency(line.pk, on).overdue_fen
    segments = selectors.open_segments(line.pk)
    # The oldest principal is paid first, so what is left past its due date is what no statement still asks for in time.
    past_due_fen = (
        max(still_principal_fen - selectors.principal_not_yet_due(line.pk, on), 0) if segments else 0
    )
    for kind, segment in segments.items():
        posted = posted_fen.get(kind, 0)
        if kind == SegmentKind.REVOLVING:
            left_fen = min(segment.principal_fen, past_due_fen)
        else:
            left_fen = segment.principal_fen - min(segment.principal_fen, to_billed_debts_fen)
        # Once the minimum is met the rest is revolving principal, not late money. Source: DOMAIN, Huabei.
        if kind == SegmentKind.PENALTY and segment.principal_fen and not overdue_fen:
            follow(segment, on=on, principal_fen=0, posted_fen=posted, revolving_fen=past_due_fen)
        elif posted or left_fen != segment.principal_fen:
            follow(segment, on=on, principal_fen=left_fen, posted_fen=posted)
    if not overdue_fen and line.bucket:
        line.bucket = 0
        line.save(update_fields=["bucket"])
    if not overdue_fen and line.status != LineStatus.ACTIVE:
        thaw_paid(line=line, on=on)
    if line.excess_fen:
        absorb_excess(line_ids=[line.pk], on=on)


def _pay_dues(line: Line, amount_fen: int, *, clear: bool) -> None:
    left = amount_fen
    # After a change of calendar two statements may ask until the same day.
    for due in Due.objects.filter(line=line, outstanding_fen__gt=0).order_by("due_on", "issued_on"):
        taken = due.outstanding_fen if clear else min(left, due.outstanding_fen)
        if taken:
            due.outstanding_fen -= taken
            due.save(update_fields=["outstanding_fen"])
        left -= min(left, taken)


def _locked_purchase(purchase_id: int) -> Purchase:
    purchase = Purchase.objects.select_for_update().filter(pk=purchase_id).first()
    if purchase is None:
        raise PurchaseNotFound(_("there is no purchase %(id)s") % {"id": purchase_id})
    return purchase


def refund(*, purchase_id: int, amount_fen: int, reference: str, on: date) -> Refund:
    """
    Books what a merchant gives back for a purchase, whole or in part; its last capture is given back first.

    Not billed yet: it cancels the purchase and restores the line. In instalments: those to come shrink or end. Billed and
    unpaid: it reduces the statement, its principal first. Already paid: it becomes the customer's credit, never a negative
    debt. Source: DOMAIN, Huabei. Paid and not received yet: it comes off what is reserved; all of it voids the purchase.

    Errors: AmountRefused beyond what was captured and not refunded, NotAuthorised when nothing was captured,
    PurchaseNotFound, ReferenceRefused, RequestConflict.
    """
    require_amount(amount_fen)
    require_reference(reference)
    asked = request_hash({"purchase": purchase_id, "amount": amount_fen})
    with transaction.atomic():
        purchase = _locked_purchase(purchase_id)
        line = line_of(purchase, on)
        first = Refund.objects.filter(purchase=purchase, reference=reference).first()
        if first is not None:
            return _once_more(first, asked)
        if purchase.awaits_receipt:
            return _cancelled(purchase, amount_fen, reference, asked, on)
        _require_refundable(purchase, amount_fen)
        position = selectors.line_position(line, on)
        shares, off = _shares(purchase, amount_fen), off_plans(purchase, amount_fen)
        give_back_to_share(purchase_id=purchase_id, amount_fen=amount_fen)
        returned = _returned(line, position, amount_fen, shares, off, _components(on))
        to_unbilled_fen = returned.get(line.unbilled_account_id, 0)
        to_principal_fen = returned.get(line.billed_account_id, 0)
        to_credit_fen = returned.get(line.credit_account_id, 0)
        to_instalment_fen = returned.get(line.instalment_account_id, 0)
        to_billed_fen = amount_fen - to_unbilled_fen - to_instalment_fen - to_credit_fen
        legs = [Leg(purchase.merchant.payable_account_id, to, fen) for to, fen in returned.items()]
        if restored_fen := to_unbilled_fen + to_instalment_fen + to_principal_fen:
            legs.append(Leg(COMMITMENT_CONTROL.control_id, line.commitment_account_id, restored_fen))
        entry = post(
            draft=Draft(
                reference=f"purchase:{purchase_id}:refunded:{reference}",
                event="purchase.refunded",
                booked_on=on,
                request_hash=asked,
                legs=tuple(legs),
            )
        )
        refunded = Refund.objects.create(
            purchase=purchase,
            reference=reference,
            request_hash=asked,
            amount_fen=amount_fen,
            to_unbilled_fen=to_unbilled_fen,
            to_instalment_fen=to_instalment_fen,
            to_billed_fen=to_billed_fen,
            to_credit_fen=to_credit_fen,
            refunded_on=on,
            entry_id=entry.entry_id,
        )
        _give_back(refunded, shares)
        record_off_plans(taken=off, refund=refunded)
        _after_payment(
            line,
            on,
            to_billed_debts_fen=to_billed_fen,
            still_billed_fen=position.billed_total_fen - to_billed_fen,
            still_principal_fen=position.billed_fen - to_principal_fen,
            posted_fen={},
        )
        _tell_refund(refunded)
        return refunded


def _require_refundable(purchase: Purchase, amount_fen: int) -> None:
    if purchase.state == PurchaseState.REVERSED or not purchase.captured_fen:
        raise NotAuthorised(_("nothing was captured that could be refunded"))
    if amount_fen > purchase.captured_fen - purchase.refunded_fen:
        raise AmountRefused(_("more than was captured and not refunded yet"), field="amount")


def give_up_paid(*, purchase_id: int, on: date) -> None:
    """
    A merchant gives up a purchase that is paid and not received: all that is still held is given back, as any refund is,
    under the reference of none of the merchant's own. One that was given back whole before stays as it is.

    Errors: NotAuthorised once it was received, PurchaseNotFound.
    """
    with transaction.atomic():
        purchase = _locked_purchase(purchase_id)
        if purchase.state == PurchaseState.VOIDED:
            return
        if not purchase.awaits_receipt:
            raise NotAuthorised(
                _("the purchase is %(state)s") % {"state": PurchaseState(purchase.state).label}
            )
        line_of(purchase, on)
        asked = request_hash({"purchase": purchase_id, "amount": purchase.left_fen})
        _cancelled(purchase, purchase.left_fen, "", asked, on)


def _cancelled(purchase: Purchase, amount_fen: int, reference: str, asked: bytes, on: date) -> Refund:
    """A refund before receipt. The purchase and its line are locked."""
    entry_id = cancel(purchase=purchase, amount_fen=amount_fen, reference=reference, on=on)
    give_back_to_share(purchase_id=purchase.pk, amount_fen=amount_fen)
    refunded = Refund.objects.create(
        purchase=purchase,
        reference=reference,
        request_hash=asked,
        amount_fen=amount_fen,
        to_unbilled_fen=0,
        to_billed_fen=0,
        to_credit_fen=0,
        to_hold_fen=amount_fen,
        refunded_on=on,
        entry_id=entry_id,
    )
    _tell_refund(refunded)
    return refunded


def _tell_refund(refunded: Refund) -> None:
    """The owner of the line, and who bought with it if that was somebody else."""
    for message in (RefundArrived, ShareRefund):
        tell_now(message=message, fact_id=refunded.pk, on=refunded.refunded_on)


def _shares(purchase: Purchase, amount_fen: int) -> list[tuple[Capture, int]]:
    """The captures that a refund takes from, the last first, each with the fen it takes; the purchase is locked."""
    left, shares = amount_fen, []
    for capture in purchase.captures.filter(refunded_fen__lt=F("amount_fen")).order_by("-pk"):
        taken = min(left, capture.amount_fen - capture.refunded_fen)
        if taken:
            shares.append((capture, taken))
        left -= taken
    return shares


def _give_back(refunded: Refund, shares: list[tuple[Capture, int]]) -> None:
    RefundShare.objects.bulk_create(
        RefundShare(refund=refunded, capture=capture, amount_fen=fen) for capture, fen in shares
    )
    for capture, fen in shares:
        capture.refunded_fen += fen
        capture.save(update_fields=["refunded_fen"])
    purchase = refunded.purchase
    purchase.refunded_fen += refunded.amount_fen
    purchase.save(update_fields=["refunded_fen"])


def _returned(
    line: Line,
    position: LinePosition,
    amount_fen: int,
    shares: list[tuple[Capture, int]],
    off: list[OffPlan],
    components: tuple[str, ...],
) -> dict[int, int]:
    """
    Fen by the line's account that a refund goes to. What it takes off instalments to come is known; the rest of it is of
    captures not billed yet, or of billed ones, as a purchase in instalments is. A statement is reduced before the customer is
    given credit: its principal, then its charges in the order of payment.
    """
    off_fen = sum(each.principal_fen for each in off)
    last_issued_on = selectors.last_issued_on(line.pk) or date.min
    billed_fen = sum(fen for capture, fen in shares if capture.posted_on < last_issued_on)
    if Plan.objects.filter(purchase_id=shares[0][0].purchase_id).exists():
        billed_fen = amount_fen - off_fen
    unbilled_fen = amount_fen - off_fen - billed_fen
    returned = {line.instalment_account_id: off_fen} if off_fen else {}
    charges = {
        "penalty": (line.penalty_account_id, position.penalty_fen),
        "interest": (line.interest_account_id, position.interest_fen),
        "fee": (line.fee_account_id, position.fee_fen),
    }
    billed = [(line.billed_account_id, position.billed_fen)]
    billed += [charges[component] for component in components if component in charges]
    for left, debts in (
        (unbilled_fen, [(line.unbilled_account_id, position.unbilled_fen)]),
        (billed_fen, billed),
    ):
        for account_id, owed_fen in [*debts, (line.credit_account_id, left)]:
            taken = min(left, owed_fen)
            if taken:
                returned[account_id] = returned.get(account_id, 0) + taken
                left -= taken
    return returned
