"""What the loan engine refuses, which knows no language, put into that of whoever is told."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from finance.loan import LoanError

# The texts of `finance.loan` and `finance.replay` that hold no figure.
ENGINE_SAYS = (
    gettext_noop("the amount must be at least 0.01"),
    gettext_noop("a charge is a fee or a penalty"),
    gettext_noop("must be a day of the month from 1 to 31"),
    gettext_noop("a pause ends on its first day or later"),
    gettext_noop("the first new due date must be after the re-aging"),
    gettext_noop("flat interest can be quoted, not serviced"),
    gettext_noop("nothing was disbursed by then"),
    gettext_noop("disbursed after the last due date"),
    gettext_noop("only monthly instalments have a due day"),
    gettext_noop("no instalment is left to move"),
    gettext_noop("the loan was given up before"),
    gettext_noop("the loan was written off before"),
    gettext_noop("the loan has matured: nothing more can be disbursed"),
    gettext_noop("more than the credit, and no instalment is left to repay it"),
    gettext_noop("no instalment is left to come: re-age the loan"),
    gettext_noop("the loan was given up: cannot disburse"),
    gettext_noop("the loan was given up: cannot refund"),
    gettext_noop("the loan was given up: cannot charge"),
    gettext_noop("the loan was given up: cannot change the rate"),
    gettext_noop("the loan was given up: cannot change the due day"),
    gettext_noop("the loan was given up: cannot reschedule"),
)


def said(error: LoanError) -> str:
    """The message of a refusal in the language in force; one that holds a figure stays as it is."""
    return _(error.message)
