"""A customer's credit, paid to the customer."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from huabei.errors import AmountRefused, require_amount, require_reference, require_same_request
from huabei.models import CreditPayout
from huabei.services.lines import locked_line
from ledger.chart import CASH_CLEARING
from ledger.services import CapExceeded, Draft, Leg, post, request_hash


def pay_out_credit(*, line_id: int, amount_fen: int, reference: str, by: str, on: date) -> CreditPayout:
    """
    Pays some of the customer's credit out, also of a line that is frozen or closed. The reference happens once per line.

    Errors: AmountRefused beyond the credit (its account refuses that), LineNotFound, ReferenceRefused, RequestConflict.
    """
    require_amount(amount_fen)
    require_reference(reference)
    asked = request_hash({"line": line_id, "amount": amount_fen})
    with transaction.atomic():
        line = locked_line(line_id)
        first = CreditPayout.objects.filter(line=line, reference=reference).first()
        if first is not None:
            require_same_request(first.request_hash, asked)
            return first
        draft = Draft(
            reference=f"line:{line_id}:credit:{reference}",
            event="line.credit_paid_out",
            booked_on=on,
            request_hash=asked,
            legs=(Leg(line.credit_account_id, CASH_CLEARING.control_id, amount_fen),),
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
