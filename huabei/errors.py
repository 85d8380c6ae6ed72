"""The refusals that several of the line's services share."""

from __future__ import annotations

from django.utils.translation import gettext as _

from finance.errors import DomainError, Kind
from finance.money import format_yuan


class LineError(DomainError):
    """A request that a credit line refuses."""

    code = "refused_by_line"


class LineNotFound(LineError):
    """There is no such line."""

    code = "line_not_found"
    kind = Kind.NOT_FOUND


class LineNotActive(LineError):
    """The line is frozen or closed."""

    code = "line_not_active"


class LimitExceeded(LineError):
    """The line does not cover the amount."""

    code = "limit_exceeded"


class MerchantNotAccepting(LineError):
    """The shop does not accept lines."""

    code = "merchant_not_accepting"


class MerchantNotAllowed(LineError):
    """The shop is suspended."""

    code = "merchant_not_allowed"


class CategoryNotAllowed(LineError):
    """What the shop sells may not be paid with a line on this day."""

    code = "category_not_allowed"


class PurchaseNotFound(LineError):
    """There is no such purchase."""

    code = "purchase_not_found"
    kind = Kind.NOT_FOUND


class NotAuthorised(LineError):
    """The purchase is no longer waiting for its capture."""

    code = "purchase_not_authorised"
    kind = Kind.CONFLICT


class AwaitsReceipt(LineError):
    """The purchase posts when its buyer confirms receipt: the merchant does not charge it."""

    code = "purchase_awaits_receipt"
    kind = Kind.CONFLICT


class InstalmentsNotOffered(LineError):
    """Not in this many instalments, or not on this day."""

    code = "instalments_not_offered"


class CampaignOver(LineError):
    """The campaign is not for this purchase and day, has ended, or its budget does not cover the fee."""

    code = "campaign_over"


class RequestConflict(LineError):
    """The reference was used before for a different request; nobody gets somebody else's answer."""

    code = "request_conflict"
    kind = Kind.CONFLICT


class AmountRefused(LineError):
    """The amount is not positive, or more than the request may cover."""

    code = "amount_refused"


class DateRefused(LineError):
    """The date lies before the opening of the line, or after the business date."""

    code = "date_refused"


class ReferenceRefused(LineError):
    """The reference is empty, too long, or holds what cannot be stored."""

    code = "reference_refused"


# Ten thousand million yuan: so much more than a line may hold that sums of amounts stay within a bigint.
LARGEST_AMOUNT_FEN = 10**12
LONGEST_REFERENCE = 64


def require_amount(amount_fen: int) -> None:
    """AmountRefused unless it is at least one fen and no more than can be booked."""
    if amount_fen <= 0:
        raise AmountRefused(_("the amount must be at least 0.01"), field="amount")
    if amount_fen > LARGEST_AMOUNT_FEN:
        raise AmountRefused(
            _("the amount must be at most %(most)s") % {"most": format_yuan(LARGEST_AMOUNT_FEN)},
            field="amount",
        )


def require_reference(reference: str) -> None:
    """ReferenceRefused unless it is a text of 1 to 64 printable characters."""
    if not 1 <= len(reference) <= LONGEST_REFERENCE or not reference.isprintable():
        raise ReferenceRefused(
            _("the reference must be 1 to %(most)d printable characters") % {"most": LONGEST_REFERENCE},
            field="reference",
        )


def require_same_request(stored: bytes | memoryview, asked: bytes) -> None:
    """RequestConflict unless the reference was used before for this very request."""
    if bytes(stored) != asked:
        raise RequestConflict(_("this reference was used before for a different request"), field="reference")
