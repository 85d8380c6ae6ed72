"""A customer's credit, paid to the customer: at once, or through payments, which bring it or give it back."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from huabei.errors import AmountRefused, require_amount, require_reference, require_same_request
from huabei.models import CreditPayout, CreditPayoutEnd
from huabei.services.mornings import line_on
from ledger.chart import CASH_CLEARING, PAYOUTS_UNDER_WAY, AccountType
from ledger.services import CapExceeded, Draft, Leg, post, request_hash


def pay_out_credit(*, line_id: int, amount_fen: int, reference: str, by: str, on: date) -> CreditPayout:
    """
    Pays some of the customer's credit out, also of a line that is frozen or closed. The reference happens once per line.

    Errors: AmountRefused beyond the credit (its account refuses that), LineNotFound, ReferenceRefused, RequestConflict.
    """
    return _take(line_id, amount_fen, reference, by, CASH_CLEARING, "line.credit_paid_out", on)


def reserve_payout(*, line_id: int, amount_fen: int, reference: str, by: str, on: date) -> CreditPayout:
    """
    Takes some of the customer's credit for a payout that payments are to bring: nobody can spend it meanwhile. `end_payout`
    says what became of it. Errors: as `pay_out_credit`.
    """
    return _take(line_id, amount_fen, reference, by, PAYOUTS_UNDER_WAY, "line.credit_payout_ordered", on)


def _take(
    line_id: int, amount_fen: int, reference: str, by: str, to: AccountType, event: str, on: date
) -> CreditPayout:
    require_amount(amount_fen)
    require_reference(reference)
    asked = request_hash({"line": line_id, "amount": amount_fen})
    with transaction.atomic():
        line = line_on(line_id, on)
        first = CreditPayout.objects.filter(line=line, reference=reference).first()
        if first is not None:
            require_same_request(first.request_hash, asked)
            first.repeated = True
            return first
        draft = Draft(
            reference=f"line:{line_id}:credit:{reference}",
            event=event,
            booked_on=on,
            request_hash=asked,
            legs=(Leg(line.credit_account_id, to.control_id, amount_fen),),
        )
        try:
            entry = post(draft=draft)
        except CapExceeded as error:
            raise AmountRefused(_("more than the credit"), field="amount") from error
        return CreditPayout.objects.create(
            line=line,
            reference=reference,
            request_hash=asked,
            amount_fen=amount_fen,
            by=by,
            paid_on=on,
            entry_id=entry.entry_id,
        )


def end_payout(*, payout_id: int, arrived: bool, on: date) -> CreditPayoutEnd:
    """A reserved payout has arrived, or is the customer's credit again: once, and the first answer stays."""
    with transaction.atomic():
        payout = CreditPayout.objects.get(pk=payout_id)
        line = line_on(payout.line_id, on)
        first = CreditPayoutEnd.objects.filter(payout=payout).first()
        if first is not None:
            return first
        goes_to = CASH_CLEARING.control_id if arrived else line.credit_account_id
        draft = Draft(
            reference=f"line:{line.pk}:credit:{payout.reference}:end",
            event="line.credit_payout_arrived" if arrived else "line.credit_payout_given_back",
            booked_on=on,
            legs=(Leg(PAYOUTS_UNDER_WAY.control_id, goes_to, payout.amount_fen),),
        )
        entry = post(draft=draft)
        return CreditPayoutEnd.objects.create(
            payout=payout, arrived=arrived, ended_on=on, entry_id=entry.entry_id
        )
