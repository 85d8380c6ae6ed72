"""Who changes a line, and why: what every change is checked for before it is a fact."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from finance.prose import as_written, is_prose_of
from huabei.errors import LineError, require_reference
from huabei.models import Cause, Concern
from ledger.services import request_hash

POLICY = "policy"
CUSTOMER = "customer"
# The lender's own systems, over the API.
LENDER = "lender"
LONGEST_NOTE = 200

_STAFF = re.compile(r"staff:[1-9][0-9]{0,17}")


class CauseRefused(LineError):
    """The cause is not one that may be given for this change, by this one, on this date."""

    code = "cause_refused"


def staff(login_id: int) -> str:
    """How a change names the member of staff who made it."""
    return f"staff:{login_id}"


def causes_for(concern: Concern, on: date, *, by: str) -> list[Cause]:
    """The causes that this one may give for such a change on a date: staff, a customer, or the policy."""
    found = Cause.objects.filter(concern=concern, effective_from__lte=on).filter(
        Q(effective_to__isnull=True) | Q(effective_to__gt=on)
    )
    if by == CUSTOMER:
        return list(found.filter(by_customer=True))
    return list(found if by == POLICY else found.filter(by_staff=True))


@dataclass(frozen=True, slots=True)
class Why:
    """
    Why a line is changed, by whom ("staff:7", "policy", "customer"), and under which reference, which happens once. The note
    is in whose words it may be: it is kept `as_written`.
    """

    cause: str
    by: str
    reference: str
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "note", as_written(self.note))

    def fields(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What a row of the change says of it. `asked` is what a repeat must ask for again."""
        return {
            "cause": self.cause,
            "by": self.by,
            "note": self.note,
            "reference": self.reference,
            "request_hash": self.hash(asked),
        }

    def hash(self, asked: dict[str, Any]) -> bytes:
        """Tells a repeat under the reference from a different request."""
        return request_hash({"cause": self.cause, "by": self.by, **asked})


def require_why(why: Why, concern: Concern, on: date) -> None:
    """CauseRefused, ReferenceRefused: unless this one may give this cause for such a change on this date."""
    require_reference(why.reference)
    if why.by not in (POLICY, CUSTOMER) and not _STAFF.fullmatch(why.by):
        raise CauseRefused(_("must be the policy, the customer, or a member of staff"), field="by")
    if not is_prose_of(why.note, most=LONGEST_NOTE):
        raise CauseRefused(
            _("must be a text of at most %(most)d printable characters") % {"most": LONGEST_NOTE},
            field="note",
        )
    if why.cause not in {cause.code for cause in causes_for(concern, on, by=why.by)}:
        raise CauseRefused(_("%(cause)s is no cause for this") % {"cause": why.cause}, field="cause")
