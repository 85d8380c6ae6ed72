"""
A credit line as a function of what happened to it: facts in, what stands on it out. Pure.

The services and the close write a line's life forward, day by day. Where a fact arrives late (a repayment that counts from an
earlier day, one that bounced, a purchase that was taken back) the line has to become what it would have been. `replay` tells
its whole life anew from the facts as they are now known, in the order of their value dates, and
`huabei.services.corrections` posts the difference. It goes from one day on which something turns to the next, so its cost is
that of the facts and statement days.

`./manage.py verify_books --replay` compares every line of the books with its replay.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from finance.dates import add_months, next_on_day
from finance.money import round_fen
from huabei.instalments import Row, shrunk
from huabei.life_facts import (
    Calendar,
    Captured,
    Fact,
    Figures,
    GivenBack,
    PaidOff,
    PaidOut,
    Planned,
    Refunded,
    Repaid,
)

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Allocation:
    """Where a repayment went, in fen."""

    to_penalty_fen: int
    to_interest_fen: int
    to_fee_fen: int
    to_billed_fen: int
    to_unbilled_fen: int
    to_credit_fen: int


@dataclass(slots=True)
class Asked:
    """
    What one statement day asked for: `principal_fen` billed anew, `instalment_fen` of it instalments, of which `left_fen` is
    unpaid; the minimum likewise. `share_base_fen` is the principal of which the minimum asks for a share. It `is_asked` when
    there was anything to pay at all.
    """

    issued_on: date
    due_on: date
    principal_fen: int
    instalment_fen: int
    share_base_fen: int
    left_fen: int
    minimum_fen: int
    outstanding_fen: int
    is_asked: bool


@dataclass(slots=True)
class Life:
    """What stands on a line, and how it came to be asked for. Amounts in fen; what runs and is not posted is exact."""

    opened_on: date
    calendars: Sequence[Calendar]
    figures: Callable[[date], Figures]

    unbilled_fen: int = 0
    instalment_fen: int = 0
    interest_fen: int = 0
    fee_fen: int = 0
    penalty_fen: int = 0
    credit_fen: int = 0
    asked: list[Asked] = field(default_factory=list)
    # Rows to come, by plan, in the order in which the plans were made; and the plans of each purchase.
    plans: dict[int, list[Row]] = field(default_factory=dict)
    purchase_plans: dict[int, list[int]] = field(default_factory=dict)
    allocations: dict[int, Allocation] = field(default_factory=dict)

    # What has run and is posted nowhere yet, and all that was ever posted.
    running_interest: Fraction = Fraction(0)
    running_penalty: Fraction = Fraction(0)
    posted_interest_fen: int = 0
    posted_penalty_fen: int = 0
    posted_fee_fen: int = 0

    is_late: bool = False
    late_fen: int = 0
    revolving_rate: Fraction = Fraction(0)
    penalty_rate: Fraction = Fraction(0)

    today: date = date.min
    _spent_fen: int = 0
    _credit_used_fen: int = 0

    # --- what stands ---

    @property
    def billed_fen(self) -> int:
        """Principal that statements ask for."""
        return sum(asked.left_fen for asked in self.asked)

    @property
    def billed_total_fen(self) -> int:
        """All that statements ask for."""
        return self.billed_fen + self.interest_fen + self.fee_fen + self.penalty_fen

    @property
    def drawn_fen(self) -> int:
        """All principal."""
        return self.unbilled_fen + self.billed_fen + self.instalment_fen

    @property
    def past_due_fen(self) -> int:
        """Billed principal whose due date has passed."""
        return sum(asked.left_fen for asked in self.asked if asked.due_on < self.today)

    @property
    def revolving_fen(self) -> int:
        """Principal on which interest runs now."""
        return 0 if self.is_late else self.past_due_fen

    @property
    def overdue_since(self) -> date | None:
        """The oldest due date that passed with its minimum unpaid."""
        return next(
            (asked.due_on for asked in self.asked if asked.outstanding_fen and asked.due_on < self.today),
            None,
        )

    # --- time ---

    def go_to(self, day: date) -> None:
        """Lets interest run up to a day, which begins: what was due the day before is judged, its statement is issued."""
        days = (day - self.today).days
        if self.is_late:
            self.running_penalty += self.late_fen * self.penalty_rate * days
        else:
            self.running_interest += self.past_due_fen * self.revolving_rate * days
        self.today = day
        if any(asked.due_on == day - DAY for asked in self.asked[-3:]):
            self._judge()
        calendar = self._calendar()
        if day.day == calendar.statement_day and day > self.opened_on:
            self._issue(calendar)

    def _calendar(self) -> Calendar:
        # A change of a day holds from the next day on.
        return self.calendars[max(bisect_left([c.since for c in self.calendars], self.today) - 1, 0)]

    def turning_days(self, until: date) -> Iterator[date]:
        """The days after today, up to and with `until`, on which something turns of itself; looked up as they come."""
        while self.today < until:
            upcoming = [next_on_day(self._calendar_after().statement_day, after=self.today)]
            upcoming += [asked.due_on + DAY for asked in self.asked[-3:] if asked.due_on >= self.today]
            upcoming += [calendar.since + DAY for calendar in self.calendars if calendar.since >= self.today]
            yield min(*upcoming, until)

    def _calendar_after(self) -> Calendar:
        known = [calendar for calendar in self.calendars if calendar.since <= self.today]
        return known[-1] if known else self.calendars[0]

    def _judge(self) -> None:
        """On the morning after a due day: penalty on all that is billed where a minimum was missed, else interest."""
        self.is_late = self.overdue_since is not None
        self.late_fen = self.billed_total_fen if self.is_late else 0
        figures = self.figures(self.today)
        self.revolving_rate, self.penalty_rate = figures.revolving_daily_rate, figures.penalty_daily_rate
        self._drop_fractions()

    def _issue(self, calendar: Calendar) -> None:
        """A statement day: what was bought, the rows of plans and what has run become billed; the credit pays of it first."""
        rows = self._next_rows()
        new = {
            "unbilled": self.unbilled_fen,
            "instalment": sum(row.principal_fen for row in rows),
            "penalty": max(round_fen(self.running_penalty), 0),
            "interest": max(round_fen(self.running_interest), 0),
            "fee": sum(row.fee_fen for row in rows),
        }
        run = dict(new)
        credit_used = 0
        for part in ("unbilled", "instalment", *self._charges()):
            used = min(self.credit_fen - credit_used, new[part])
            new[part] -= used
            credit_used += used
        total = self.billed_total_fen + sum(new.values())
        if not (total or self._spent_fen or self._credit_used_fen or credit_used or rows):
            return
        self.credit_fen -= credit_used
        self.unbilled_fen = 0
        self.instalment_fen -= run["instalment"]
        self._post(interest_fen=run["interest"], penalty_fen=run["penalty"])
        self.posted_fee_fen += run["fee"]
        charges = new["interest"] + new["penalty"] + new["fee"]
        self.interest_fen += new["interest"]
        self.penalty_fen += new["penalty"]
        self.fee_fen += new["fee"]
        principal = new["unbilled"] + new["instalment"]
        earlier = sum(asked.outstanding_fen for asked in self.asked)
        share = self.figures(self.today).minimum_due_share
        base = self.billed_fen + new["unbilled"]
        asks = round_fen(share * base) + new["instalment"] + charges
        minimum = max(min(asks, total - earlier), 0)
        self.asked.append(
            Asked(
                issued_on=self.today,
                due_on=self._due_on(calendar),
                principal_fen=principal,
                instalment_fen=new["instalment"],
                share_base_fen=base,
                left_fen=principal,
                minimum_fen=minimum,
                outstanding_fen=minimum,
                is_asked=total > 0,
            )
        )
        self._spent_fen = self._credit_used_fen = 0
        self._drop_fractions()

    def _due_on(self, calendar: Calendar) -> date:
        later = calendar.due_day > calendar.statement_day
        month = self.today if later else add_months(self.today.replace(day=1), 1)
        return month.replace(day=calendar.due_day)

    def _next_rows(self) -> list[Row]:
        return [rows.pop(0) for rows in self.plans.values() if rows]

    def _post(self, *, interest_fen: int, penalty_fen: int) -> None:
        self.running_interest -= interest_fen
        self.running_penalty -= penalty_fen
        self.posted_interest_fen += interest_fen
        self.posted_penalty_fen += penalty_fen

    def _drop_fractions(self) -> None:
        """Where nothing bears interest any more, what would round to no fen is nobody's."""
        if not self.revolving_fen and round_fen(abs(self.running_interest)) == 0:
            self.running_interest = Fraction(0)
        if not self.late_fen and round_fen(abs(self.running_penalty)) == 0:
            self.running_penalty = Fraction(0)

    # --- facts ---

    def happen(self, fact: Fact) -> None:
        """One fact of today."""
        match fact:
            case Captured():
                self._captured(fact)
            case Refunded():
                self._refunded(fact)
            case Repaid():
                self._repaid(fact)
            case PaidOut():
                # Paid out before what had made it the customer's was taken back: it was lent.
                from_credit = min(fact.amount_fen, self.credit_fen)
                self.credit_fen -= from_credit
                self.unbilled_fen += fact.amount_fen - from_credit
            case GivenBack():
                self.credit_fen += fact.amount_fen
            case Planned():
                self._planned(fact)
            case PaidOff():
                self._paid_off(fact)

    def _captured(self, fact: Captured) -> None:
        if fact.plan_id is not None:
            self.plans[fact.plan_id] = list(fact.rows)
            self.purchase_plans.setdefault(fact.purchase_id, []).append(fact.plan_id)
            self.instalment_fen += fact.amount_fen
            return
        self._spent_fen += fact.amount_fen
        used = min(self.credit_fen, fact.amount_fen)
        self.credit_fen -= used
        self._credit_used_fen += used
        self.unbilled_fen += fact.amount_fen - used

    def _refunded(self, fact: Refunded) -> None:
        left = sum(fen for _posted_on, fen in fact.parts)
        last_issued_on = max((asked.issued_on for asked in self.asked), default=date.min)
        billed = sum(fen for posted_on, fen in fact.parts if posted_on < last_issued_on)
        if plan_ids := self.purchase_plans.get(fact.purchase_id):
            # What is to come of the last capture's plan first; what is not to come was billed.
            for plan_id in reversed(plan_ids):
                left -= self._shrink(plan_id, left)
            billed = left
        off_unbilled = min(left - billed, self.unbilled_fen)
        self.unbilled_fen -= off_unbilled
        to_billed = 0
        for component in ("principal", *self._charges()):
            to_billed += self._pay(component, billed - to_billed)
        self.credit_fen += left - off_unbilled - to_billed
        self._billed_was_paid(to_billed)

    def _shrink(self, plan_id: int, fen: int) -> int:
        """Takes a refund off the rows to come of a plan; returns how much of it they took."""
        rows = self.plans[plan_id]
        taken = min(fen, sum(row.principal_fen for row in rows))
        if taken:
            self.plans[plan_id] = list(shrunk(rows, taken))
            self.instalment_fen -= taken
        return taken

    def _repaid(self, fact: Repaid) -> None:
        left = fact.amount_fen
        run_penalty, to = 0, {}
        for component in self.figures(self.today).components:
            if component == "penalty":
                run_penalty = min(left, max(round_fen(self.running_penalty), 0))
                left -= run_penalty
            to[component] = self._pay(component, left)
            left -= to[component]
        run_interest = min(left, max(round_fen(self.running_interest), 0))
        left -= run_interest
        bought = min(left, self.unbilled_fen)
        self.unbilled_fen -= bought
        left -= bought
        self.credit_fen += left
        self._post(interest_fen=run_interest, penalty_fen=run_penalty)
        penalty, interest = run_penalty + to["penalty"], to["interest"] + run_interest
        self.allocations[fact.repayment_id] = Allocation(
            penalty, interest, to["fee"], to["principal"], bought, left
        )
        self._billed_was_paid(sum(to.values()))

    def _planned(self, fact: Planned) -> None:
        moved = sum(row.principal_fen for row in fact.rows)
        self.plans[fact.plan_id] = list(fact.rows)
        self.instalment_fen += moved
        asked = next((asked for asked in self.asked if asked.issued_on == fact.issued_on), None)
        # Agreed before it was known that less was owed: what was paid already is the customer's.
        taken = min(moved, asked.left_fen) if asked else 0
        self.credit_fen += moved - taken
        if asked is None:
            return
        share = self.figures(asked.issued_on).minimum_due_share
        wanted = round_fen(share * max(asked.share_base_fen - moved, 0)) - round_fen(
            share * asked.share_base_fen
        )
        minimum = max(asked.minimum_fen + wanted, 0)
        less, asked.minimum_fen = asked.minimum_fen - minimum, minimum
        asked.left_fen -= taken
        asked.principal_fen = max(asked.principal_fen - moved, 0)
        asked.instalment_fen = min(asked.instalment_fen, asked.principal_fen)
        asked.share_base_fen = max(asked.share_base_fen - moved, 0)
        others = sum(other.outstanding_fen for other in self.asked if other is not asked)
        asked.outstanding_fen = max(min(asked.outstanding_fen - less, self.billed_total_fen - others), 0)

    def _paid_off(self, fact: PaidOff) -> None:
        rows, self.plans[fact.plan_id] = self.plans[fact.plan_id], []
        self.instalment_fen -= sum(row.principal_fen for row in rows)
        if fact.with_fees:
            self.posted_fee_fen += sum(row.fee_fen for row in rows)

    def _charges(self) -> list[str]:
        return [component for component in self.figures(self.today).components if component != "principal"]

    def _pay(self, component: str, fen: int) -> int:
        """Pays of what statements ask for; returns how much of it could be paid."""
        if component == "principal":
            return self._pay_principal(fen)
        owed: int = getattr(self, f"{component}_fen")
        setattr(self, f"{component}_fen", owed - min(fen, owed))
        return min(fen, owed)

    def _pay_principal(self, fen: int) -> int:
        left = fen
        for asked in self.asked:
            taken = min(left, asked.left_fen)
            asked.left_fen -= taken
            left -= taken
        return fen - left

    def _billed_was_paid(self, fen: int) -> None:
        """What follows when billed debts were paid: minimums shrink, oldest first, and lateness may end."""
        left = fen
        clear = self.billed_total_fen == 0
        for asked in self.asked:
            taken = asked.outstanding_fen if clear else min(left, asked.outstanding_fen)
            asked.outstanding_fen -= taken
            left -= min(left, taken)
        self.late_fen -= min(fen, self.late_fen)
        if self.is_late and self.overdue_since is None:
            self.is_late, self.late_fen = False, 0
            self.revolving_rate = self.figures(self.today).revolving_daily_rate
        self._drop_fractions()


def replay(
    *,
    opened_on: date,
    calendars: Sequence[Calendar],
    figures: Callable[[date], Figures],
    facts: Sequence[Fact],
    until: date,
) -> Life:
    """
    What stands on a line during the day `until`: the days before it have ended, its facts have happened.

    `calendars` by their date, the first from the opening. `facts` in any order: they count in the order of their value dates,
    and on a day in the order in which they were recorded. Facts after `until` have not happened yet.
    """
    life = Life(opened_on, calendars, figures, today=opened_on)
    for fact in sorted(facts, key=lambda fact: (fact.on, fact.order)):
        if fact.on > until:
            break
        for day in life.turning_days(fact.on):
            life.go_to(day)
        life.happen(fact)
    for day in life.turning_days(until):
        life.go_to(day)
    return life
