"""
What is owed on a line, told a second time: things happen in the order of their days, and nothing is refused.

Slow and plain on purpose: every day is lived, every day's interest is added, principal is kept in one lot per statement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from tests.properties.oracle_plans import Chosen, Plan, begun
from tests.properties.oracle_rules import DAY, OFFERED, Rules, to_fen


@dataclass
class Lot:
    """Principal of one statement that is unpaid."""

    issued_on: date
    due_on: date
    fen: int
    # What instalments brought of it.
    instalments: int = 0


@dataclass
class Asked:
    """The part of the minimum that one statement added and that is unpaid; in all; and the principal it took a share of."""

    issued_on: date
    due_on: date
    fen: int
    in_all: int = 0
    shared: int = 0


@dataclass
class Debts:
    """The debts of a line from the morning it is opened. Tell it what happens on a day, then `end_day`, day after day."""

    statement_day: int
    due_day: int
    opened_on: date
    rules: Callable[[date], Rules]

    unbilled: int = 0
    lots: list[Lot] = field(default_factory=list)
    interest: int = 0
    penalty: int = 0
    fee: int = 0
    credit: int = 0
    plans: list[Plan] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    asked_ever: list[Asked] = field(default_factory=list)
    # Of the statements with anything to pay.
    due_days: set[date] = field(default_factory=set)
    fees_charged: int = 0

    # What has run and is on no statement yet.
    running_interest: Fraction = Fraction(0)
    running_penalty: Fraction = Fraction(0)
    late: bool = False
    late_base: int = 0
    revolving_rate: Fraction = Fraction(0)
    penalty_rate: Fraction = Fraction(0)

    spent_since_statement: int = 0
    credit_used_since_statement: int = 0
    # For the books of all lines together: what stood unbilled at each day's end, and what was booked off it on each day.
    standing: dict[date, tuple[Fraction, Fraction]] = field(default_factory=dict)
    posted: dict[date, tuple[int, int]] = field(default_factory=dict)

    # --- what stands ---

    @property
    def billed_principal(self) -> int:
        return sum(lot.fen for lot in self.lots)

    @property
    def billed_total(self) -> int:
        return self.billed_principal + self.interest + self.penalty + self.fee

    @property
    def in_instalments(self) -> int:
        return sum(row.principal for plan in self.plans for row in plan.to_come)

    @property
    def drawn(self) -> int:
        return self.unbilled + self.billed_principal + self.in_instalments

    @property
    def running(self) -> int:
        """What has run and would have to be paid today."""
        return to_fen(self.running_interest) + to_fen(self.running_penalty)

    @property
    def owed(self) -> int:
        return self.unbilled + self.billed_total + self.running

    @property
    def charged(self) -> int:
        """All interest, penalty and fees that were ever asked for."""
        return self.fees_charged + sum(interest + penalty for interest, penalty in self.posted.values())

    def overdue(self, on: date) -> int:
        return sum(asked.fen for asked in self.asked if asked.due_on < on)

    # --- what happens ---

    def draw(self, fen: int) -> None:
        """Something was bought; credit is used up first."""
        self.spent_since_statement += fen
        used = min(self.credit, fen)
        self.unbilled += fen - used
        self._use_credit(used)

    def draw_in_instalments(self, on: date, ref: str, fen: int, chosen: Chosen) -> None:
        self.plans.append(begun(ref, on, fen, chosen, of_purchase=True))

    def give_back(self, on: date, ref: str, parts: list[tuple[date, int]]) -> None:
        """Parts of a purchase were given back, each of the capture of some day."""
        fen = sum(part for _posted_on, part in parts)
        billed = sum(
            part for posted_on, part in parts if any(posted_on < asked.issued_on for asked in self.asked_ever)
        )
        plans = [plan for plan in self.plans if plan.of_purchase and plan.ref == ref]
        for plan in reversed(plans):
            fen -= plan.shrink(fen)
        if plans:
            billed = fen
        off_unbilled = min(fen - billed, self.unbilled)
        self.unbilled -= off_unbilled
        to_debts = self._pay_principal(billed)
        for charge in self._charges_in_order(on):
            to_debts += self._pay_charge(charge, billed - to_debts)
        self.credit += fen - off_unbilled - to_debts
        self._billed_was_paid(on, to_debts)

    def repay(self, on: date, fen: int) -> None:
        left = fen
        run = to_debts = 0
        for kind in self.rules(on).order:
            if kind == "penalty":
                run = min(left, to_fen(self.running_penalty))
                self.running_penalty -= run
                left -= run
            paid = self._pay_principal(left) if kind == "principal" else self._pay_charge(kind, left)
            to_debts += paid
            left -= paid
        revolved = min(left, to_fen(self.running_interest))
        self.running_interest -= revolved
        left -= revolved
        bought = min(left, self.unbilled)
        self.unbilled -= bought
        self.credit += left - bought
        self._book(on, revolved, run)
        self._billed_was_paid(on, to_debts)

    def pay_out(self, fen: int) -> None:
        """Credit was paid to the customer; where it turned out since that it was not the customer's, it was lent."""
        paid = min(fen, self.credit)
        self.credit -= paid
        self.unbilled += fen - paid

    def spread(self, on: date, ref: str, fen: int, chosen: Chosen, issued_on: date) -> None:
        """
        Purchases of the statement of `issued_on` become instalments. Where it turned out since that some of them had been
        paid, that money is the customer's.
        """
        self.plans.append(begun(ref, on, fen, chosen, of_purchase=False))
        unpaid = 0
        for lot in self.lots:
            if lot.issued_on == issued_on:
                unpaid = min(fen, lot.fen)
                lot.fen -= unpaid
        self.credit += fen - unpaid
        for asked in self.asked_ever:
            if asked.issued_on == issued_on:
                self._ask_for_less(asked, fen)

    def pay_off(self, on: date, ref: str) -> None:
        """All that is to come of a plan is paid, its fees as was agreed."""
        plan = next(plan for plan in self.plans if plan.ref == ref)
        if not plan.fees_waived:
            self.fees_charged += sum(row.fee for row in plan.to_come)
        plan.to_come, plan.paid_off_on = [], on

    def move_to(self, statement_day: int) -> None:
        """Statements come on another day of the month from now on."""
        self.statement_day, self.due_day = statement_day, OFFERED[statement_day]

    def end_day(self, day: date) -> dict[str, object] | None:
        """The day's interest is added, a due day is judged, the next day's statement is issued and returned."""
        if self.late:
            self.running_penalty += self.late_base * self.penalty_rate
        else:
            past_due = sum(lot.fen for lot in self.lots if lot.due_on < day)
            self.running_interest += past_due * self.revolving_rate
        self.standing[day] = (self.running_interest, self.running_penalty)
        morning = day + DAY
        if any(asked.due_on == day for asked in self.asked_ever):
            self.late = self.overdue(morning) > 0
            self.late_base = self.billed_total if self.late else 0
            rules = self.rules(morning)
            self.revolving_rate, self.penalty_rate = rules.revolving, rules.penalty
            self._drop_fractions()
        if morning.day == self.statement_day and morning > self.opened_on:
            return self._issue(morning)
        return None

    # --- how ---

    def _ask_for_less(self, asked: Asked, fen: int) -> None:
        """What a statement would have asked for without this principal; what was paid counts, and no more than is owed."""
        share = self.rules(asked.issued_on).minimum_share
        without = max(asked.shared - fen, 0)
        before = asked.in_all
        asked.in_all = max(before - to_fen(share * asked.shared) + to_fen(share * without), 0)
        asked.shared = without
        others = sum(other.fen for other in self.asked if other is not asked)
        asked.fen = max(min(asked.fen - (before - asked.in_all), self.billed_total - others), 0)

    def _use_credit(self, fen: int) -> None:
        self.credit -= fen
        self.credit_used_since_statement += fen

    def _book(self, on: date, interest: int, penalty: int) -> None:
        before = self.posted.get(on, (0, 0))
        self.posted[on] = (before[0] + interest, before[1] + penalty)

    def _charges_in_order(self, on: date) -> list[str]:
        return [kind for kind in self.rules(on).order if kind != "principal"]

    def _pay_charge(self, kind: str, fen: int) -> int:
        """Penalty, interest or a fee that is billed."""
        owed = {"penalty": self.penalty, "interest": self.interest, "fee": self.fee}
        paid = min(fen, owed[kind])
        owed[kind] -= paid
        self.penalty, self.interest, self.fee = owed["penalty"], owed["interest"], owed["fee"]
        return paid

    def _pay_principal(self, fen: int) -> int:
        left = fen
        for lot in self.lots:
            taken = min(left, lot.fen)
            lot.fen -= taken
            left -= taken
        return fen - left

    def _billed_was_paid(self, on: date, fen: int) -> None:
        left = fen
        for asked in self.asked:
            taken = min(left, asked.fen)
            asked.fen -= taken
            left -= taken
        if self.billed_total == 0:
            for asked in self.asked:
                asked.fen = 0
            self.asked = []
        self.late_base -= min(fen, self.late_base)
        if self.late and not self.overdue(on):
            self.late, self.late_base = False, 0
            self.revolving_rate = self.rules(on).revolving
        self._drop_fractions()

    def _drop_fractions(self) -> None:
        """Where nothing runs any more, less than what rounds to a fen is nobody's."""
        revolves = not self.late and any(lot.fen and self._is_past(lot) for lot in self.lots)
        if not revolves and to_fen(abs(self.running_interest)) == 0:
            self.running_interest = Fraction(0)
        if not self.late_base and to_fen(abs(self.running_penalty)) == 0:
            self.running_penalty = Fraction(0)

    def _is_past(self, lot: Lot) -> bool:
        """Whether interest runs on a lot: its due day has ended."""
        return lot.due_on in self.standing

    def _issue(self, on: date) -> dict[str, object] | None:
        month = on if self.due_day > self.statement_day else on.replace(day=28) + 4 * DAY
        due_on = month.replace(day=self.due_day)
        fall_due = [(plan, plan.to_come[0]) for plan in self.plans if plan.to_come and plan.made_on < on]
        new = {
            "principal": self.unbilled,
            "instalments": sum(row.principal for _plan, row in fall_due),
            "penalty": to_fen(self.running_penalty),
            "interest": to_fen(self.running_interest),
            "fee": sum(row.fee for _plan, row in fall_due),
        }
        booked = dict(new)
        credit_used = 0
        for kind in ("principal", "instalments", *self._charges_in_order(on)):
            used = min(self.credit - credit_used, new[kind])
            new[kind] -= used
            credit_used += used
        shared = self.billed_principal + new["principal"]
        total = self.billed_total + sum(new.values())
        if not (total or self.spent_since_statement or credit_used or fall_due):
            return None
        for plan, row in fall_due:
            plan.billed.append((on, plan.to_come.pop(0)))
            self.fees_charged += row.fee
        self._use_credit(credit_used)
        self._book(on, booked["interest"], booked["penalty"])
        self.running_interest -= booked["interest"]
        self.running_penalty -= booked["penalty"]
        self.unbilled = 0
        self.lots.append(Lot(on, due_on, new["principal"] + new["instalments"], new["instalments"]))
        self.fee += new["fee"]
        self.interest += new["interest"]
        self.penalty += new["penalty"]
        earlier = sum(asked.fen for asked in self.asked)
        tenth = to_fen(self.rules(on).minimum_share * shared)
        whole = new["instalments"] + new["interest"] + new["penalty"] + new["fee"]
        asks = min(tenth + whole, total - earlier)
        self.asked.append(Asked(on, due_on, asks, asks, shared))
        self.asked_ever.append(self.asked[-1])
        if total:
            self.due_days.add(due_on)
        statement: dict[str, object] = {
            "issued_on": on,
            "due_on": due_on,
            "principal": self.billed_principal,
            "interest": self.interest,
            "penalty": self.penalty,
            "fee": self.fee,
            "total": total,
            "minimum": earlier + asks,
            "credit_used": self.credit_used_since_statement,
        }
        self.spent_since_statement = self.credit_used_since_statement = 0
        self._drop_fractions()
        return statement
