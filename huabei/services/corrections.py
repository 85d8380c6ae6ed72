"""
What is learned late: a repayment that counts from an earlier day, one that bounced, a purchase that was taken back.

Each writes its fact, tells the line's life anew (`huabei.replay`) and posts the difference between that and the books
(`huabei.services.rebuild`). Nothing that was written before changes: statements stay as issued, and the next one shows the
correction. Source: DESIGN, idea 3.
"""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from customers.notices import Message
from customers.services.notices import notify
from finance.errors import Kind
from huabei.errors import (
    DateRefused,
    LineError,
    RequestConflict,
    require_amount,
    require_reference,
    require_same_request,
)
from huabei.facts import life_of
from huabei.life_facts import Repaid
from huabei.models import Correction, CorrectionCause, Line, Purchase, PurchaseState, Refund, Repayment
from huabei.notices import PaymentBounced, PaymentReceived, PurchaseReversed
from huabei.services.mornings import line_of, line_on
from huabei.services.plans import take_back_plans
from huabei.services.purchases import PurchaseNotFound
from huabei.services.rebuild import Event, Rebuilt, rebuild
from huabei.services.repayments import repay
from huabei.services.share_months import give_back_to_share
from huabei.telling import tell_now
from ledger.chart import CASH_CLEARING
from ledger.services import request_hash

# Recorded after everything that is known: of a day's facts, the last.
LAST = 2**63


class RepaymentNotFound(LineError):
    """There is no such repayment."""

    code = "repayment_not_found"
    kind = Kind.NOT_FOUND


class PurchaseNotReversible(LineError):
    """The purchase was not captured, or part of it was refunded."""

    code = "purchase_not_reversible"
    kind = Kind.CONFLICT


def repay_from(
    *, line_id: int, amount_fen: int, reference: str, on: date, value_on: date | None
) -> Repayment:
    """
    Books a repayment that counts from `value_on`: the line becomes what it would be had the money come that day.

    On the business date itself, and where no day is given, it is `repay`. The reference happens once per line. Errors:
    AmountRefused, DateRefused before the opening or after `on`, LineNotFound, ReferenceRefused, RequestConflict.
    """
    if value_on is None or value_on == on:
        made = repay(line_id=line_id, amount_fen=amount_fen, reference=reference, on=on)
        _require_same_day(made, value_on or made.received_on)
        return made
    require_amount(amount_fen)
    require_reference(reference)
    # As `repay` hashes it: what came on its day and is said again later is the same request.
    asked = request_hash({"line": line_id, "amount": amount_fen})
    with transaction.atomic():
        line = line_on(line_id, on)
        first = Repayment.objects.filter(line=line, reference=reference).first()
        if first is not None:
            require_same_request(first.request_hash, asked)
            _require_same_day(first, value_on)
            first.repeated = True
            return first
        if not line.opened_on <= value_on <= on:
            raise DateRefused(
                _("must be from %(first)s to %(last)s") % {"first": line.opened_on, "last": on},
                field="value_on",
            )
        life = life_of(line, on, plus=[Repaid(value_on, LAST, 0, amount_fen)])
        rebuilt = rebuild(
            line=line,
            life=life,
            on=on,
            event=Event(f"line:{line_id}:repaid:{reference}", "line.repaid", value_on, asked),
            received=[(CASH_CLEARING.control_id, amount_fen)],
        )
        went = life.allocations[0]
        repayment = Repayment.objects.create(
            line=line,
            reference=reference,
            request_hash=asked,
            amount_fen=amount_fen,
            received_on=on,
            value_on=value_on,
            to_penalty_fen=went.to_penalty_fen,
            to_interest_fen=went.to_interest_fen,
            to_fee_fen=went.to_fee_fen,
            to_billed_fen=went.to_billed_fen,
            to_unbilled_fen=went.to_unbilled_fen,
            to_credit_fen=went.to_credit_fen,
            entry_id=rebuilt.entry_id,
        )
        _correct(CorrectionCause.BACKDATED, line, rebuilt, on, repayment=repayment)
        tell_now(message=PaymentReceived, fact_id=repayment.pk, on=on)
    return repayment


def _require_same_day(made: Repayment, value_on: date) -> None:
    if made.value_on != value_on:
        raise RequestConflict(
            _("this repayment counts from %(on)s") % {"on": made.value_on}, field="value_on"
        )


def reverse_repayment(*, repayment_id: int, reason: str, on: date) -> Correction:
    """
    Takes back a repayment that bounced: the line becomes what it would be had the money never come.

    Taking it back again changes nothing. What the customer drew on the limit that the money had freed stays drawn, beyond the
    limit if need be. Errors: RepaymentNotFound.
    """
    with transaction.atomic():
        repayment = Repayment.objects.filter(pk=repayment_id).first()
        if repayment is None:
            raise RepaymentNotFound(_("there is no repayment %(id)s") % {"id": repayment_id})
        line = line_on(repayment.line_id, on)
        before = Correction.objects.filter(repayment=repayment, cause=CorrectionCause.BOUNCED).first()
        if before is not None:
            return before
        life = life_of(
            line, on, without=lambda fact: isinstance(fact, Repaid) and fact.repayment_id == repayment.pk
        )
        rebuilt = rebuild(
            line=line,
            life=life,
            on=on,
            event=Event(f"repayment:{repayment.pk}:bounced", "line.repayment_bounced", repayment.value_on),
            received=[(CASH_CLEARING.control_id, -repayment.amount_fen)],
        )
        bounced = _correct(CorrectionCause.BOUNCED, line, rebuilt, on, repayment=repayment, reason=reason)
        _tell(bounced, PaymentBounced(bounced.amount_fen, bounced.value_on, on))
        return bounced


def reverse_purchase(*, purchase_id: int, reason: str, on: date) -> Correction:
    """
    Takes back a captured purchase that should not have been: the line becomes what it would be had it never been bought.

    The merchant is no longer owed it, and no share's cap counts it any more. Its instalments end: nothing of them
    was ever asked for, what had paid them off is money that came that day, and a campaign's fee returns to the merchant and
    to the budget. Taking it back again changes nothing. Errors: PurchaseNotFound, PurchaseNotReversible where nothing was
    captured or something was refunded.
    """
    with transaction.atomic():
        purchase = Purchase.objects.select_for_update().filter(pk=purchase_id).first()
        if purchase is None:
            raise PurchaseNotFound(_("there is no purchase %(id)s") % {"id": purchase_id})
        line = line_of(purchase, on)
        before = Correction.objects.filter(purchase=purchase).first()
        if before is not None:
            return before
        if purchase.state == PurchaseState.AUTHORISED and purchase.captured_fen:
            raise PurchaseNotReversible(_("the rest of it can still be captured: void that first"))
        if purchase.state != PurchaseState.CAPTURED or purchase.posted_on is None:
            raise PurchaseNotReversible(_("nothing of this purchase was captured"))
        if Refund.objects.filter(purchase=purchase).exists():
            raise PurchaseNotReversible(_("part of the purchase was refunded: refund the rest instead"))
        purchase.state = PurchaseState.REVERSED
        purchase.save(update_fields=["state"])
        rebuilt = rebuild(
            line=line,
            life=life_of(line, on),
            on=on,
            event=Event(f"purchase:{purchase.pk}:reversed", "purchase.reversed", purchase.posted_on),
            received=[(purchase.merchant.payable_account_id, purchase.captured_fen)],
        )
        give_back_to_share(purchase_id=purchase_id, amount_fen=purchase.captured_fen)
        take_back_plans(purchase_id=purchase_id, on=on)
        reversed_ = _correct(
            CorrectionCause.PURCHASE_REVERSED, line, rebuilt, on, purchase=purchase, reason=reason
        )
        _tell(reversed_, PurchaseReversed(purchase.merchant.shop.name, purchase.captured_fen, on))
        return reversed_


def _tell(correction: Correction, message: Message) -> None:
    notify(
        customer_id=correction.line.customer_id,
        message=message,
        reference=f"correction:{correction.pk}",
        on=correction.corrected_on,
    )


def _correct(
    cause: CorrectionCause,
    line: Line,
    rebuilt: Rebuilt,
    on: date,
    *,
    repayment: Repayment | None = None,
    purchase: Purchase | None = None,
    reason: str = "",
) -> Correction:
    if repayment is not None:
        amount_fen, value_on = repayment.amount_fen, repayment.value_on
    else:
        assert purchase is not None
        assert purchase.posted_on is not None
        amount_fen, value_on = purchase.captured_fen, purchase.posted_on
    return Correction.objects.create(
        line=line,
        cause=cause,
        repayment=repayment,
        purchase=purchase,
        reason=reason,
        amount_fen=amount_fen,
        value_on=value_on,
        corrected_on=on,
        interest_fen=rebuilt.interest_fen,
        penalty_fen=rebuilt.penalty_fen,
        fee_fen=rebuilt.fee_fen,
        entry_id=rebuilt.entry_id,
    )
