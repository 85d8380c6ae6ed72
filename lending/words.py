"""What loans are called in front of people: methods, periods, facts, reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from finance.dates import Unit
from finance.loan import Kind
from finance.schedule import FeeKind, Method
from lending.models import HELD, Product, Release

METHODS: Mapping[str, Any] = {
    Method.EQUAL_INSTALMENT: _("equal instalments"),
    Method.EQUAL_PRINCIPAL: _("equal principal"),
    Method.INTEREST_FIRST: _("interest first, principal at the end"),
    Method.ONE_OFF: _("all at the end, repay any day"),
}
METHOD_HINTS: Mapping[str, Any] = {
    Method.EQUAL_INSTALMENT: _("The same amount with each instalment."),
    Method.EQUAL_PRINCIPAL: _("The same principal with each instalment, so they get smaller."),
    Method.INTEREST_FIRST: _("Only interest until the last instalment, which repays the principal."),
    Method.ONE_OFF: _("Nothing before the last day. Interest counts by the day on what is still lent."),
}
FEES: Mapping[str, Any] = {
    FeeKind.UPFRONT: _("kept back when it is paid out"),
    FeeKind.PER_PERIOD: _("with each instalment"),
    FeeKind.TOTAL_SPREAD: _("once, spread over the instalments"),
}
FACTS: Mapping[str, Any] = {
    Kind.DISBURSEMENT: _("paid out"),
    Kind.REPAYMENT: _("repayment"),
    Kind.PREPAYMENT: _("early repayment"),
    Kind.PAYOFF: _("payoff"),
    Kind.CHARGE: _("charge"),
    Kind.RATE_CHANGE: _("change of the rate"),
    Kind.DUE_DAY_CHANGE: _("change of the due day"),
    Kind.PAUSE: _("pause of interest"),
    Kind.RESCHEDULE: _("new schedule"),
    Kind.CREDIT_REFUND: _("credit paid out"),
    Kind.REVERSAL: _("reversal"),
    Kind.CHARGE_OFF: _("charge-off"),
    Kind.WRITE_OFF: _("write-off"),
    Kind.RECOVERY: _("recovery"),
}


def pledge_state(pledge: Any) -> str:
    """How a pledge of `order_history.pledges_with_state` stands now."""
    if pledge.state == HELD:
        return gettext("pledged again") if pledge.release else gettext("pledged")
    return str(Release(pledge.state).label)


def product_name(product: Product) -> str:
    """The product's name in the language in force."""
    return product.name_zh if (get_language() or "").startswith("zh") else product.name


def term(periods: int, unit: str, every: int) -> str:
    """`12 months`, `60 days`: how long a loan of so many periods runs."""
    count = periods * every
    if unit == Unit.MONTHS:
        return ngettext("%(count)d month", "%(count)d months", count) % {"count": count}
    if unit == Unit.WEEKS:
        return ngettext("%(count)d week", "%(count)d weeks", count) % {"count": count}
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}
