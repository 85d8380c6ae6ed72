"""
What the owner of a line is told, and a shop. Each kind has its figures and its words; none ever says to spend more.

What a day brought is told by the close (`huabei.telling`); the rest by the service that does it, through
`customers.services.notices.notify`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from customers.notices import Message, Step, day, falls_due, is_late, told, what_late_costs
from web.templatetags.money import rmb


def _repay() -> Step:
    return Step(_("Repay now"), f"{reverse('home')}#repay")


def _home() -> Step:
    return Step(_("See your line"), reverse("home"))


@told(kind="line.statement_issued", name=gettext_lazy("Statement issued"), mandatory=True)
@dataclass(frozen=True)
class StatementIssued(Message):
    """A statement: how much, at least how much, and by when."""

    statement_id: int
    issued_on: date
    due_on: date
    total_fen: int
    minimum_fen: int

    def title(self) -> str:
        if not self.total_fen:
            return _("Your statement of %(on)s: nothing to pay") % {"on": day(self.issued_on)}
        return _("Your statement: %(total)s due by %(due)s") % {
            "total": rmb(self.total_fen),
            "due": day(self.due_on),
        }

    def body(self) -> list[str]:
        if not self.total_fen:
            return [_("What you bought is paid already.")]
        return [
            _("Pay %(total)s by %(due)s and it costs nothing.")
            % {"total": rmb(self.total_fen), "due": day(self.due_on)},
            _("At least %(minimum)s has to be paid by then. Interest runs on the rest from the day after.")
            % {"minimum": rmb(self.minimum_fen)},
        ]

    def step(self) -> Step:
        return Step(_("Open the statement"), reverse("statement", args=[self.statement_id]))


@told(kind="line.payment_due", name=gettext_lazy("Payment due soon"))
@dataclass(frozen=True)
class PaymentDue(Message):
    """A due date that comes while something is unpaid."""

    due_on: date
    days: int
    total_fen: int
    minimum_fen: int

    def title(self) -> str:
        return falls_due(_("your line"), self.total_fen, self.days)

    def body(self) -> list[str]:
        due = day(self.due_on)
        if not self.minimum_fen:
            return [
                _("The minimum is paid. Pay the rest by %(due)s too and no interest runs on it.")
                % {"due": due}
            ]
        return [
            _("Pay all of it by %(due)s and it costs nothing.") % {"due": due},
            _(
                "At least %(minimum)s has to be paid by then: with less, the payment is late, a penalty runs and the line is "
                "frozen."
            )
            % {"minimum": rmb(self.minimum_fen)},
        ]

    def step(self) -> Step:
        return _repay()


@told(kind="line.payment_received", name=gettext_lazy("Payment received"), by_email=False)
@dataclass(frozen=True)
class PaymentReceived(Message):
    """A repayment, and what of it is now the customer's credit."""

    repayment_id: int
    amount_fen: int
    received_on: date
    to_credit_fen: int

    def title(self) -> str:
        return _("We received your payment of %(amount)s") % {"amount": rmb(self.amount_fen)}

    def body(self) -> list[str]:
        said = [_("It arrived on %(on)s. Thank you.") % {"on": day(self.received_on)}]
        if self.to_credit_fen:
            said.append(
                _("%(credit)s of it was more than you owed and is your credit.")
                % {"credit": rmb(self.to_credit_fen)}
            )
        return said

    def step(self) -> Step:
        return Step(_("See where it went"), reverse("repayment", args=[self.repayment_id]))


@told(kind="line.overdue", name=gettext_lazy("Payment late"), mandatory=True)
@dataclass(frozen=True)
class Overdue(Message):
    """A payment that is late: by how much, what each day costs, how to pay."""

    due_on: date
    days: int
    overdue_fen: int
    penalty_per_day_fen: int

    def title(self) -> str:
        return is_late(_("your line"), self.overdue_fen, self.days)

    def body(self) -> list[str]:
        return what_late_costs(self.due_on, self.days, self.penalty_per_day_fen)

    def step(self) -> Step:
        return _repay()


@told(kind="line.frozen", name=gettext_lazy("Line frozen"), mandatory=True)
@dataclass(frozen=True)
class LineFrozen(Message):
    """A line that cannot be bought with, and why."""

    cause: str
    since: date

    def title(self) -> str:
        return _("Your line is frozen")

    def body(self) -> list[str]:
        why = (
            _("A payment is late. Pay what is overdue and the line works again at once.")
            if self.cause == "overdue"
            else _("What you owe stays as it is; you can repay.")
        )
        return [_("Since %(since)s you cannot buy with it.") % {"since": day(self.since)}, why]

    def step(self) -> Step:
        return _repay() if self.cause == "overdue" else _home()


@told(kind="line.thawed", name=gettext_lazy("Line works again"), mandatory=True)
@dataclass(frozen=True)
class LineThawed(Message):
    """A line that was frozen and no longer is."""

    on: date

    def title(self) -> str:
        return _("Your line works again")

    def body(self) -> list[str]:
        return [_("It was freed on %(on)s.") % {"on": day(self.on)}]

    def step(self) -> Step:
        return _home()


@told(kind="line.limit_changed", name=gettext_lazy("Limit changed"), mandatory=True)
@dataclass(frozen=True)
class LimitChanged(Message):
    """A new limit, for good or up to and with a day."""

    from_fen: int
    to_fen: int
    last_day: date | None = None

    def title(self) -> str:
        return _("Your limit is now %(limit)s") % {"limit": rmb(self.to_fen)}

    def body(self) -> list[str]:
        said = [_("It was %(before)s before.") % {"before": rmb(self.from_fen)}]
        if self.last_day is not None:
            said.append(
                _("The change lasts until %(last)s; then the limit is as it was.")
                % {"last": day(self.last_day)}
            )
        if self.to_fen < self.from_fen:
            said.append(_("What you have drawn stays as it is; only new purchases have less room."))
        return said

    def step(self) -> Step:
        return _home()


@told(kind="line.closed", name=gettext_lazy("Line closed"), mandatory=True)
@dataclass(frozen=True)
class LineClosed(Message):
    """The end of a line, and what is still owed on it."""

    on: date
    owed_fen: int

    def title(self) -> str:
        return _("Your line is closed")

    def body(self) -> list[str]:
        said = [_("It was closed on %(on)s. You cannot buy with it any more.") % {"on": day(self.on)}]
        if self.owed_fen:
            said.append(
                _("%(owed)s is still owed and has to be paid as before.") % {"owed": rmb(self.owed_fen)}
            )
        return said

    def step(self) -> Step:
        return _home()


@told(kind="line.refund_arrived", name=gettext_lazy("Refund arrived"), by_email=False)
@dataclass(frozen=True)
class RefundArrived(Message):
    """What a shop gave back, and where it went: off the debt, off the statement, to the customer's credit."""

    shop: str
    amount_fen: int
    refunded_on: date
    to_unbilled_fen: int
    to_billed_fen: int
    to_credit_fen: int
    to_instalment_fen: int = 0
    to_hold_fen: int = 0

    def title(self) -> str:
        return _("%(amount)s came back from %(shop)s") % {"amount": rmb(self.amount_fen), "shop": self.shop}

    def body(self) -> list[str]:
        parts = (
            (self.to_hold_fen, _("%(amount)s is available to you again: it was not on a statement.")),
            (self.to_unbilled_fen, _("%(amount)s was taken off your purchases before they are billed.")),
            (self.to_instalment_fen, _("%(amount)s was taken off your instalments to come.")),
            (self.to_billed_fen, _("%(amount)s was taken off what your statements ask for.")),
            (self.to_credit_fen, _("%(amount)s is your credit, since the purchase was paid already.")),
        )
        return [text % {"amount": rmb(fen)} for fen, text in parts if fen]

    def step(self) -> Step:
        return _home()


@told(kind="line.share_refund", name=gettext_lazy("Refund of a purchase with a shared line"), by_email=False)
@dataclass(frozen=True)
class ShareRefund(Message):
    """
    What a shop gave back of what the reader bought with somebody else's line. It is their cap that they are told of: nothing
    of where it went, which would tell what the owner owes.
    """

    shop: str
    amount_fen: int
    refunded_on: date
    month: date

    def title(self) -> str:
        return _("%(amount)s came back from %(shop)s") % {"amount": rmb(self.amount_fen), "shop": self.shop}

    def body(self) -> list[str]:
        return [
            _(
                "You bought it with a line that is shared with you: it does not count towards the cap of %(month)s any more."
            )
            % {"month": date_format(self.month, "YEAR_MONTH_FORMAT")}
        ]

    def step(self) -> Step:
        return Step(_("See your shared lines"), reverse("shared_lines"))


@told(kind="line.receipt_due", name=gettext_lazy("Confirm that it came"))
@dataclass(frozen=True)
class ReceiptDue(Message):
    """A purchase that is paid and will soon be taken as received, unless its buyer says that it did not come."""

    purchase_id: int
    shop: str
    amount_fen: int
    days: int
    received_on: date

    def title(self) -> str:
        return ngettext(
            "Did it come? %(shop)s is paid in %(days)s day",
            "Did it come? %(shop)s is paid in %(days)s days",
            self.days,
        ) % {"shop": self.shop, "days": self.days}

    def body(self) -> list[str]:
        return [
            _("You paid %(amount)s. If you have it, confirm that it came.")
            % {"amount": rmb(self.amount_fen)},
            _(
                "If it did not come or is not what you ordered, ask the shop for a refund before %(on)s: on that day it is "
                "taken as received, and the shop is paid."
            )
            % {"on": day(self.received_on)},
        ]

    def step(self) -> Step:
        return Step(_("Confirm it, or see how to get a refund"), reverse("purchase", args=[self.purchase_id]))


@told(kind="line.instalments_made", name=gettext_lazy("Instalment plan made"))
@dataclass(frozen=True)
class InstalmentPlanMade(Message):
    """A purchase or a statement that is paid in instalments: how many, how much each, what it costs in all."""

    principal_fen: int
    fee_fen: int
    periods: int
    first_due_on: date
    first_instalment_fen: int

    def title(self) -> str:
        return ngettext(
            "%(principal)s in %(periods)s instalment",
            "%(principal)s in %(periods)s instalments",
            self.periods,
        ) % {"principal": rmb(self.principal_fen), "periods": self.periods}

    def body(self) -> list[str]:
        return [
            _("The first instalment of %(first)s is due on %(due)s.")
            % {"first": rmb(self.first_instalment_fen), "due": day(self.first_due_on)},
            _("The fees are %(fee)s in all.") % {"fee": rmb(self.fee_fen)}
            if self.fee_fen
            else _("It costs no fee."),
        ]

    def step(self) -> Step:
        return _home()


@told(kind="line.share_invited", name=gettext_lazy("Invitation to a shared line"))
@dataclass(frozen=True)
class ShareInvited(Message):
    """Somebody lets the reader spend with their line, up to a monthly cap."""

    share: str
    owner: str
    monthly_cap_fen: int

    def title(self) -> str:
        return _("%(owner)s shares a credit line with you") % {"owner": self.owner}

    def body(self) -> list[str]:
        return [
            _("Up to %(cap)s of it a month is for you; %(owner)s pays. Accept only if you know them.")
            % {"cap": rmb(self.monthly_cap_fen), "owner": self.owner}
        ]

    def step(self) -> Step:
        return Step(_("Answer the invitation"), reverse("shared_line", args=[self.share]))


@told(kind="line.credit_payout_ended", name=gettext_lazy("Credit paid out"), by_email=False)
@dataclass(frozen=True)
class CreditPayoutEnded(Message):
    """Credit that was to be paid to one of the customer's sources: it arrived, or it is credit again."""

    amount_fen: int
    outcome: str
    on: date

    def title(self) -> str:
        if self.outcome == "arrived":
            return _("%(amount)s of your credit was paid out") % {"amount": rmb(self.amount_fen)}
        return _("%(amount)s could not be paid out") % {"amount": rmb(self.amount_fen)}

    def body(self) -> list[str]:
        if self.outcome == "arrived":
            return [_("It arrived on %(on)s.") % {"on": day(self.on)}]
        return [_("It is your credit again. You can try another wallet or card.")]

    def step(self) -> Step:
        return Step(_("See your credit"), reverse("credit"))


@told(kind="line.payment_bounced", name=gettext_lazy("Payment taken back"), mandatory=True)
@dataclass(frozen=True)
class PaymentBounced(Message):
    """A repayment that did not stay: the line is as if it had never come."""

    amount_fen: int
    value_on: date
    on: date

    def title(self) -> str:
        return _("Your payment of %(amount)s was taken back") % {"amount": rmb(self.amount_fen)}

    def body(self) -> list[str]:
        return [
            _("It was received on %(value)s; on %(on)s the bank took it back.")
            % {"value": day(self.value_on), "on": day(self.on)},
            _("It is owed as if it had not been paid. Look at what is due, and pay it once more."),
        ]

    def step(self) -> Step:
        return _repay()


@told(kind="line.purchase_reversed", name=gettext_lazy("Purchase taken back"))
@dataclass(frozen=True)
class PurchaseReversed(Message):
    """A purchase that should not have been: the line is as if it had never been made."""

    shop: str
    amount_fen: int
    on: date

    def title(self) -> str:
        return _("The purchase of %(amount)s at %(shop)s was taken back") % {
            "amount": rmb(self.amount_fen),
            "shop": self.shop,
        }

    def body(self) -> list[str]:
        return [
            _("Since %(on)s your line is as if it had never been made. Interest on it is taken back too.")
            % {"on": day(self.on)}
        ]

    def step(self) -> Step:
        return _home()


@told(kind="campaign.nearly_spent", name=gettext_lazy("Budget of a campaign nears its end"), to_shops=True)
@dataclass(frozen=True)
class CampaignNearlySpent(Message):
    """To a shop: as much of a campaign's budget is used as it wanted to be told of."""

    campaign: str
    used_fen: int
    budget_fen: int

    def title(self) -> str:
        return _("The budget of your campaign %(campaign)s nears its end") % {"campaign": self.campaign}

    def body(self) -> list[str]:
        return [
            _("%(used)s of %(budget)s are promised or paid.")
            % {"used": rmb(self.used_fen), "budget": rmb(self.budget_fen)},
            _("Once it covers no fee any more the campaign ends. Ask us to raise it, or let it end."),
        ]

    def step(self) -> Step:
        return Step(_("See your campaigns"), reverse("merchant_campaigns"))
