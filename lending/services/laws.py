"""What the law says of customers, taken over from whoever publishes it: loans keep it in dated rows of their own."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext as _

from lending.errors import LendingError
from lending.models import LenderRule


class LawRefused(LendingError):
    """The rows that loans have stand against it."""

    code = "law_refused"


def take_consumer_cap(lender_type: str, effective_from: date, cap_fen: int) -> None:
    """
    Has loans keep to the most that a type of lender may lend to one consumer from a day on; what else the law says of such
    a lender stays as it is. Error: LawRefused where a rule for loans begins on that day or later with another cap.

    A cap that stays the same has its row too: by it, another cap from an earlier day is refused, which would end there for
    whoever published this one, and not for loans.
    """
    rules = LenderRule.objects.filter(lender_type=lender_type)
    other = rules.filter(effective_from__gte=effective_from).exclude(consumer_limit_fen=cap_fen).first()
    if other is not None:
        raise LawRefused(
            _("loans have a rule with another cap from %(day)s on") % {"day": other.effective_from},
            field="effective_from",
        )
    in_force = rules.filter(effective_from__lte=effective_from).order_by("-effective_from").first()
    if in_force is None or in_force.effective_from == effective_from:
        return
    LenderRule.objects.create(
        lender_type=lender_type,
        effective_from=effective_from,
        price_cap=in_force.price_cap,
        cap_method=in_force.cap_method,
        consumer_limit_fen=cap_fen,
        business_limit_fen=in_force.business_limit_fen,
    )
