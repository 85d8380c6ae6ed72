"""The refusals that several of the line's services share."""

from __future__ import annotations

from finance.errors import DomainError


class LineError(DomainError):
    """A request that a credit line refuses."""

    code = "refused_by_line"


class LineNotFound(LineError):
    """There is no such line."""

    code = "line_not_found"


class LineNotActive(LineError):
    """The line is frozen or closed."""

    code = "line_not_active"


class RequestConflict(LineError):
    """The reference was used before for a different request; nobody gets somebody else's answer."""

    code = "request_conflict"


class AmountRefused(LineError):
    """The amount is not positive, or more than the request may cover."""

    code = "amount_refused"


def require_positive(amount_fen: int) -> None:
    """AmountRefused unless there is at least one fen."""
    if amount_fen <= 0:
        raise AmountRefused("the amount must be at least 0.01", field="amount")


def require_same_request(stored: bytes | memoryview, asked: bytes) -> None:
    """RequestConflict unless the reference was used before for this very request."""
    if bytes(stored) != asked:
        raise RequestConflict("this reference was used before for a different request", field="reference")
