"""
What borrowers are told of their loans. None ever says to borrow more.

What a day brought is told by the close (`lending.telling`); the rest by the service that does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.notices import Message, Step, day, falls_due, is_late, told, what_late_costs
from web.templatetags.money import percent, rmb


def _loan(loan: str) -> Step:
    return Step(_("Open the loan"), reverse("loan", args=[loan]))


def _repay(loan: str) -> Step:
    return Step(_("Repay now"), f"{reverse('loan', args=[loan])}#repay")


@told(kind="loan.signed", name=gettext_lazy("Loan signed"), mandatory=True)
@dataclass(frozen=True)
class LoanSigned(Message):
    """A loan that was signed: how much, and what it costs a year with every fee."""

    loan: str
    amount_fen: int
    signed_on: date
    simple_rate: Decimal

    def title(self) -> str:
        return _("You signed a loan of %(amount)s") % {"amount": rmb(self.amount_fen)}

    def body(self) -> list[str]:
        return [
            _(
                "It was signed on %(on)s at %(rate)s a year, every fee counted. The contract is on the loan's page."
            )
            % {"on": day(self.signed_on), "rate": percent(self.simple_rate)},
            _("If you did not sign it, tell us at once."),
        ]

    def step(self) -> Step:
        return _loan(self.loan)


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


@told(kind="loan.payment_due", name=gettext_lazy("Instalment due soon"))
@dataclass(frozen=True)
class InstalmentDue(Message):
    """An instalment that falls due in some days, or today."""

    loan: str
    due_on: date
    days: int
    amount_fen: int

    def title(self) -> str:
        return falls_due(_("your loan"), self.amount_fen, self.days)

    def body(self) -> list[str]:
        return [
            _("Pay it by %(due)s. Sources that allow autopay are tried that day in your order.")
            % {"due": day(self.due_on)}
        ]

    def step(self) -> Step:
        return _repay(self.loan)


@told(kind="loan.autopay", name=gettext_lazy("Autopay of a loan"))
@dataclass(frozen=True)
class LoanAutopay(Message):
    """What a day's autopay brought: all, a part, or nothing of what was asked for."""

    loan: str
    on: date
    asked_fen: int
    collected_fen: int

    def title(self) -> str:
        if self.collected_fen >= self.asked_fen:
            return _("%(amount)s was collected for your loan") % {"amount": rmb(self.collected_fen)}
        if self.collected_fen:
            return _("Only %(part)s of %(amount)s could be collected for your loan") % {
                "part": rmb(self.collected_fen),
                "amount": rmb(self.asked_fen),
            }
        return _("%(amount)s could not be collected for your loan") % {"amount": rmb(self.asked_fen)}

    def body(self) -> list[str]:
        on = {"on": day(self.on)}
        if self.collected_fen >= self.asked_fen:
            return [_("It came from your sources on %(on)s. There is nothing to do.") % on]
        return [
            _(
                "Your sources did not have enough on %(on)s. Pay the rest yourself: what is late costs a penalty each day."
            )
            % on
        ]

    def step(self) -> Step:
        return _loan(self.loan) if self.collected_fen >= self.asked_fen else _repay(self.loan)


@told(kind="loan.overdue", name=gettext_lazy("Instalment late"), mandatory=True)
@dataclass(frozen=True)
class LoanOverdue(Message):
    """An instalment that is late: by how long and how much, what each day costs, what may be done."""

    loan: str
    due_on: date
    days: int
    overdue_fen: int
    penalty_per_day_fen: int

    def title(self) -> str:
        return is_late(_("your loan"), self.overdue_fen, self.days)

    def body(self) -> list[str]:
        return what_late_costs(self.due_on, self.days, self.penalty_per_day_fen)

    def step(self) -> Step:
        return _repay(self.loan)


@told(kind="loan.repaid", name=gettext_lazy("Loan repaid"), mandatory=True)
@dataclass(frozen=True)
class LoanRepaid(Message):
    """The end of a loan, and what of the last payment is the borrower's credit."""

    loan: str
    amount_fen: int
    on: date
    credit_fen: int

    def title(self) -> str:
        return _("Your loan of %(amount)s is repaid") % {"amount": rmb(self.amount_fen)}

    def body(self) -> list[str]:
        said = [_("You owe nothing of it since %(on)s. Thank you.") % {"on": day(self.on)}]
        if self.credit_fen:
            said.append(
                _("%(credit)s was more than you owed and is yours.") % {"credit": rmb(self.credit_fen)}
            )
        return said

    def step(self) -> Step:
        return _loan(self.loan)


@told(kind="loan.rescheduled", name=gettext_lazy("New schedule of a loan"), mandatory=True)
@dataclass(frozen=True)
class LoanRescheduled(Message):
    """Coming instalments that were made anew: the next and the last of them."""

    loan: str
    on: date
    next_due_on: date | None
    next_fen: int | None
    last_due_on: date | None

    def title(self) -> str:
        return _("Your loan has a new schedule")

    def body(self) -> list[str]:
        said = [_("It was made on %(on)s, and nothing of the loan is late any more.") % {"on": day(self.on)}]
        if self.next_due_on and self.next_fen and self.last_due_on:
            said.append(
                _("The next instalment is %(amount)s on %(next)s; the last one is due on %(last)s.")
                % {"amount": rmb(self.next_fen), "next": day(self.next_due_on), "last": day(self.last_due_on)}
            )
        return said

    def step(self) -> Step:
        return _loan(self.loan)


@told(kind="loan.rate_lowered", name=gettext_lazy("Rate of a loan lowered"), mandatory=True)
@dataclass(frozen=True)
class LoanRateLowered(Message):
    """Another rate, in the unit in which the loan was signed."""

    loan: str
    value_on: date
    rate: Decimal
    rate_unit: str

    def title(self) -> str:
        rate = {"rate": percent(self.rate)}
        if self.rate_unit == "daily":
            return _("The rate of your loan is now %(rate)s a day") % rate
        return _("The rate of your loan is now %(rate)s a year") % rate

    def body(self) -> list[str]:
        return [
            _("It counts from %(on)s on; the instalments to come are smaller.") % {"on": day(self.value_on)}
        ]

    def step(self) -> Step:
        return _loan(self.loan)


@told(kind="loan.called_in", name=gettext_lazy("Part of an order loan called in"), mandatory=True)
@dataclass(frozen=True)
class LoanCalledIn(Message):
    """An order that was refunded, and what of the loan it stood for is collected."""

    loan: str
    order: str
    refunded_fen: int
    called_fen: int

    def title(self) -> str:
        return _("%(amount)s of your order loan is called in") % {"amount": rmb(self.called_fen)}

    def body(self) -> list[str]:
        return [
            _(
                "%(refunded)s of the order %(order)s was refunded, so it does not stand for that part any more."
            )
            % {"refunded": rmb(self.refunded_fen), "order": self.order},
            _(
                "It is collected from your sources in your order until it is paid, less what you have repaid meanwhile."
            ),
        ]

    def step(self) -> Step:
        return _loan(self.loan)


@told(kind="loan.proceeds_payout", name=gettext_lazy("Proceeds of an order paid out"))
@dataclass(frozen=True)
class ProceedsPayoutEnded(Message):
    """What a loan left of an order's proceeds: it arrived on a day, or it could not be sent to one of the sources."""

    order: str
    amount_fen: int
    arrived: bool
    on: date | None

    def title(self) -> str:
        said = {"amount": rmb(self.amount_fen), "order": self.order}
        if self.arrived:
            return _("%(amount)s of the order %(order)s was paid out to you") % said
        return _("%(amount)s of the order %(order)s could not be paid out") % said

    def body(self) -> list[str]:
        if self.on and self.arrived:
            return [
                _("It is what your loan left of the proceeds. It arrived on %(on)s.") % {"on": day(self.on)}
            ]
        return [
            _(
                "It stays yours, and is sent every business day to the first of your wallets and cards until it arrives."
            )
        ]

    def step(self) -> Step:
        return Step(_("See your orders"), reverse("loan_orders"))
