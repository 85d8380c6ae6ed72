"""Suspending sellers and reinstating them: what proceeds leave for them is held back meanwhile, and paid once afterwards."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Kind as Refused
from ledger.services import request_hash
from lending.errors import LendingError, require_reference, require_same_request
from lending.models import REINSTATING, SUSPENDING, Seller, SellerCause, SellerChange, SellerChangeKind
from lending.order_history import suspension
from lending.services.orders import SellerNotFound

# Who says it where no member of the staff does.
PLATFORM = "platform"


class SellerSuspended(LendingError):
    """The seller is suspended already."""

    code = "seller_suspended"
    kind = Refused.CONFLICT


class SellerNotSuspended(LendingError):
    """The seller is not suspended."""

    code = "seller_not_suspended"
    kind = Refused.CONFLICT


class SellerCauseRefused(LendingError):
    """No cause for which a seller is suspended, or reinstated."""

    code = "seller_cause_refused"


def suspend_seller(
    *, seller_id: UUID, cause: str, reference: str, by: str, on: date, note: str = ""
) -> SellerChange:
    """
    Suspends a seller: nothing is lent against their orders, also of what was signed before, and what loans leave of proceeds
    is held back. Their loans run on, and proceeds repay them as ever. What was ordered of a loan's money, and what the
    gateway was asked for of proceeds, before goes its way.

    The lender's staff may suspend also whom the platform suspended, and then it is theirs to end. The reference happens once
    per seller. Errors: LoanReferenceRefused, LoanRequestConflict, SellerCauseRefused, SellerNotFound, SellerSuspended.
    """
    return _switch(seller_id, SellerChangeKind.SUSPENDED, cause, reference, by, note, on)


def reinstate_seller(
    *, seller_id: UUID, cause: str, reference: str, by: str, on: date, note: str = ""
) -> SellerChange:
    """
    Ends a seller's suspension: what was held back is paid out. What the lender's staff suspended the platform does not end.
    The reference happens once per seller.

    Errors: LoanReferenceRefused, LoanRequestConflict, SellerCauseRefused, SellerNotFound, SellerNotSuspended.
    """
    return _switch(seller_id, SellerChangeKind.REINSTATED, cause, reference, by, note, on)


def _switch(
    seller_id: UUID, kind: SellerChangeKind, cause: str, reference: str, by: str, note: str, on: date
) -> SellerChange:
    require_reference(reference)
    asked = request_hash({"kind": kind.value, "cause": cause, "note": note})
    suspends = kind is SellerChangeKind.SUSPENDED
    with transaction.atomic():
        seller = Seller.objects.select_for_update(no_key=True).filter(pk=seller_id).first()
        if seller is None:
            raise SellerNotFound(_("There is no seller %(id)s.") % {"id": seller_id}, field="seller")
        first = SellerChange.objects.filter(seller=seller, reference=reference).first()
        if first is not None:
            require_same_request(first.request_hash, asked)
            return first
        if cause not in (SUSPENDING if suspends else REINSTATING):
            raise SellerCauseRefused(_("This is no cause for it."), field="cause")
        _require_theirs(seller, by, suspends=suspends)
        seller.is_suspended = suspends
        seller.save(update_fields=["is_suspended"])
        return SellerChange.objects.create(
            seller=seller,
            kind=kind.value,
            cause=SellerCause(cause).value,
            note=note,
            by=by,
            changed_on=on,
            reference=reference,
            request_hash=asked,
        )


def may_suspend(seller: Seller, by: str) -> bool:
    """Whether there is anything to suspend. Whom the platform suspended staff may suspend too, who then end it."""
    last = suspension(seller.pk)
    return last is None or (last.by == PLATFORM and by != PLATFORM)


def _require_theirs(seller: Seller, by: str, *, suspends: bool) -> None:
    """Errors: SellerNotSuspended, SellerSuspended."""
    if suspends and not may_suspend(seller, by):
        raise SellerSuspended(_("The seller is suspended already."))
    if suspends:
        return
    last = suspension(seller.pk)
    if last is None:
        raise SellerNotSuspended(_("The seller is not suspended."))
    if by == PLATFORM and last.by != PLATFORM:
        raise SellerNotSuspended(_("The lender suspended the seller: its staff end that."))
