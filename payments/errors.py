"""The refusals of payments."""

from __future__ import annotations

from django.utils.translation import gettext as _

from finance.errors import DomainError, Kind
from finance.money import format_yuan


class PaymentError(DomainError):
    """A request that payments refuse."""

    code = "refused_by_payments"


class AmountRefused(PaymentError):
    """The amount is not positive, or more than can be moved at once."""

    code = "amount_refused"


class ReferenceRefused(PaymentError):
    """The reference is empty, too long, or holds what cannot be stored."""

    code = "reference_refused"


class RequestConflict(PaymentError):
    """The reference was used before for a different request; nobody gets somebody else's answer."""

    code = "request_conflict"
    kind = Kind.CONFLICT


class UnderWay(PaymentError):
    """Money is being collected for this already; another collection waits until that one has ended."""

    code = "collection_under_way"
    kind = Kind.CONFLICT


class SourceNotFound(PaymentError):
    """There is no such source, it is somebody else's, or it was removed."""

    code = "source_not_found"
    kind = Kind.NOT_FOUND


class SourceRefused(PaymentError):
    """A source that cannot be added, or an order of sources that is not one of this owner's sources."""

    code = "source_refused"


class OrderNotFound(PaymentError):
    """There is no such payment order or attempt."""

    code = "payment_not_found"
    kind = Kind.NOT_FOUND


class AnswerRefused(PaymentError):
    """A gateway's answer that contradicts what was asked, or what it answered for good before."""

    code = "answer_refused"
    kind = Kind.CONFLICT


class GatewayNotConfigured(PaymentError):
    """No payment gateway is configured, so no money can be moved."""

    code = "gateway_not_configured"
    kind = Kind.UNAVAILABLE


# A thousand times the largest loan; so many of them stay within a bigint.
LARGEST_AMOUNT_FEN = 10**12
LONGEST_REFERENCE = 64


def require_amount(amount_fen: int) -> None:
    """AmountRefused unless it is at least one fen and no more than can be moved at once."""
    if amount_fen <= 0:
        raise AmountRefused(_("the amount must be at least 0.01"), field="amount")
    if amount_fen > LARGEST_AMOUNT_FEN:
        raise AmountRefused(
            _("the amount must be at most %(most)s") % {"most": format_yuan(LARGEST_AMOUNT_FEN)},
            field="amount",
        )


def require_text(text: str, *, field: str) -> None:
    """ReferenceRefused unless it is a text of 1 to 64 printable characters."""
    if not 1 <= len(text) <= LONGEST_REFERENCE or not text.isprintable():
        raise ReferenceRefused(
            _("must be 1 to %(most)d printable characters") % {"most": LONGEST_REFERENCE}, field=field
        )


def require_same_request(stored: bytes | memoryview, asked: bytes) -> None:
    """RequestConflict unless the reference was used before for this very request."""
    if bytes(stored) != asked:
        raise RequestConflict(_("this reference was used before for a different request"), field="reference")
