"""What borrowers are told of their loans. None ever says to borrow more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.notices import Message, Step, day, told
from web.templatetags.money import rmb


def _loan(loan: str) -> Step:
    return Step(_("Open the loan"), reverse("loan", args=[loan]))


@told(kind="loan.disbursed", name=gettext_lazy("Loan paid out"), mandatory=True)
@dataclass(frozen=True)
class LoanDisbursed(Message):
    """The loan's money arrived: how much, and from which day it bears interest."""

    loan: str
    amount_fen: int
    moved_on: date

    def title(self) -> str:
        return _("Your loan was paid out: %(amount)s") % {"amount": rmb(self.amount_fen)}

    def body(self) -> list[str]:
        return [_("Interest runs from %(on)s on.") % {"on": day(self.moved_on)}]

    def step(self) -> Step:
        return _loan(self.loan)


@told(kind="loan.disbursement_failed", name=gettext_lazy("Loan not paid out"), mandatory=True)
@dataclass(frozen=True)
class DisbursementFailed(Message):
    """The loan's money could not be sent; nothing is owed."""

    loan: str
    amount_fen: int

    def title(self) -> str:
        return _("Your loan of %(amount)s could not be paid out") % {"amount": rmb(self.amount_fen)}

    def body(self) -> list[str]:
        return [_("You owe nothing. Have it sent to another of your wallets or cards, or give it up.")]

    def step(self) -> Step:
        return _loan(self.loan)
