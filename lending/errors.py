"""The refusals that several of the loans' services share."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext as _

from finance.errors import DomainError, Kind
from finance.money import format_yuan


class LendingError(DomainError):
    """A request that the loan products refuse."""

    code = "refused_by_lending"


class LoanNotFound(LendingError):
    """There is no such loan."""

    code = "loan_not_found"
    kind = Kind.NOT_FOUND


class LoanNotRunning(LendingError):
    """The loan is not in a state for this: not disbursed yet, cancelled, or given up."""

    code = "loan_not_running"
    kind = Kind.CONFLICT


class LoanRequestConflict(LendingError):
    """The reference was used before for a different request; nobody gets somebody else's answer."""

    code = "request_conflict"
    kind = Kind.CONFLICT


class LoanAmountRefused(LendingError):
    """The amount is not positive, or more than the request may cover."""

    code = "amount_refused"


class LoanReferenceRefused(LendingError):
    """The reference is empty, too long, or holds what cannot be stored."""

    code = "reference_refused"
    kind = Kind.MALFORMED


class LoanFactRefused(LendingError):
    """What was to be recorded cannot have happened to this loan; `field` names what is wrong."""

    code = "fact_refused"


class LoanDateRefused(LendingError):
    """The day from which it is to count is before the loan, or after the business date."""

    code = "date_refused"


# As much as a line may be asked for: sums of such amounts stay within a bigint.
LARGEST_AMOUNT_FEN = 10**12
LONGEST_REFERENCE = 64


def require_amount(amount_fen: int) -> None:
    """LoanAmountRefused unless it is at least one fen and no more than can be booked."""
    if not 0 < amount_fen <= LARGEST_AMOUNT_FEN:
        raise LoanAmountRefused(
            _("The amount must be from 0.01 to %(most)s.") % {"most": format_yuan(LARGEST_AMOUNT_FEN)},
            field="amount",
        )


def require_reference(reference: str) -> None:
    """LoanReferenceRefused unless it is a text of 1 to 64 printable characters."""
    if not 1 <= len(reference) <= LONGEST_REFERENCE or not reference.isprintable():
        raise LoanReferenceRefused(
            _("The reference must be 1 to %(most)s printable characters.") % {"most": LONGEST_REFERENCE},
            field="reference",
        )


def require_same_request(stored: bytes | memoryview, asked: bytes) -> None:
    """LoanRequestConflict unless the reference was used before for this very request."""
    if bytes(stored) != asked:
        raise other_request("reference")


def other_request(field: str) -> LoanRequestConflict:
    """What is said when a reference comes again with another request; the field is what differs, where that is known."""
    return LoanRequestConflict(_("This reference was used before for a different request."), field=field)


def require_value_date(value_on: date, *, earliest: date, on: date) -> None:
    """LoanDateRefused unless the day lies from the loan's first to the business date."""
    if not earliest <= value_on <= on:
        raise LoanDateRefused(
            _("The date must be from %(first)s to %(last)s.") % {"first": earliest, "last": on}, field="date"
        )
