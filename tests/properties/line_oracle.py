"""
The life of one credit line, told a second time: no database, no shared code, whole fen and fractions, day by day.

Written from DOMAIN 2 and docs/MONEY_RULES.md to be compared with the product (tests/properties/test_lines.py). It is slow and
plain on purpose: every day is lived, every day's interest is added, principal is kept in one lot per statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from tests.properties.line_changes import Changes, Refused

__all__ = ["LineOracle", "Refused"]

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Rules:
    """The figures in force on a date."""

    revolving: Fraction = Fraction(5, 10_000)
    penalty: Fraction = Fraction(5, 10_000)
    minimum_share: Fraction = Fraction(1, 10)
    hold_days: int = 7
    # Number of instalments → their fee in all; whether paying off early waives what is to come of it; the smallest plan.
    fees: Mapping[int, Fraction] = field(
        default_factory=lambda: {
            3: Fraction(25, 1000),
            6: Fraction(45, 1000),
            9: Fraction(65, 1000),
            12: Fraction(88, 1000),
        }
    )
    fees_waived: bool = False
    smallest_plan: int = 100_00


@dataclass
class Taken:
    """One capture, and what was given back of it."""

    fen: int
    posted_on: date
    refunded: int = 0


@dataclass
class Bought:
    """One purchase: authorised, and perhaps captured. `ended` says that its hold is over: captured, voided or expired."""

    amount: int
    last_day: date
    ended: str = ""
    voided: bool = False
    captures: list[Taken] = field(default_factory=list)
    # The number of instalments, their fee and the rule of their payoff, as they were when it was authorised.
    instalments: tuple[int, Fraction, bool] | None = None

    @property
    def captured(self) -> int:
        return sum(taken.fen for taken in self.captures)

    @property
    def refunded(self) -> int:
        return sum(taken.refunded for taken in self.captures)


@dataclass
class Instalment:
    """One row of a plan that is to come: its number, principal and fee."""

    number: int
    principal: int
    fee: int


@dataclass
class Plan:
    """Principal in instalments. What is to come is taken from the front as it is billed."""

    ref: str
    made_on: date
    principal: int
    fee: int
    periods: int
    fees_waived: bool
    of_purchase: bool
    to_come: list[Instalment] = field(default_factory=list)
    billed: list[tuple[date, Instalment]] = field(default_factory=list)
    paid_off_on: date | None = None


def in_rows(principal: int, fee: int, numbers: list[int]) -> list[Instalment]:
    """Equal shares; the last row has what is left over, and none takes more than there is."""
    rows = []
    each, each_fee = to_fen(Fraction(principal, len(numbers))), to_fen(Fraction(fee, len(numbers)))
    for number in numbers[:-1]:
        rows.append(Instalment(number, min(each, principal), min(each_fee, fee)))
        principal -= rows[-1].principal
        fee -= rows[-1].fee
    return [*rows, Instalment(numbers[-1], principal, fee)]


@dataclass
class Lot:
    """Principal of one statement that is unpaid."""

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


def to_fen(exact: Fraction) -> int:
    """To the nearest fen, a half to the even one (Python's own rounding of fractions); never below zero."""
    return max(round(exact), 0)


@dataclass
class LineOracle(Changes):
    """A line from the morning it is opened. Tell it what happens on a day, then `end_day`, day after day."""

    limit: int
    statement_day: int
    due_day: int
    opened_on: date
    rules: Callable[[date], Rules] = lambda _on: Rules()

    purchases: dict[str, Bought] = field(default_factory=dict)
    repayments: dict[str, int] = field(default_factory=dict)
    statements: list[dict[str, object]] = field(default_factory=list)

    unbilled: int = 0
    lots: list[Lot] = field(default_factory=list)
    interest: int = 0
    penalty: int = 0
    fee: int = 0
    credit: int = 0
    plans: list[Plan] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    asked_ever: list[Asked] = field(default_factory=list)
    fees_charged: int = 0

    # What has run and is on no statement yet.
    running_interest: Fraction = Fraction(0)
    running_penalty: Fraction = Fraction(0)
    late: bool = False
    late_base: int = 0
    late_minimum: bool = False
    freezes: dict[str, str] = field(default_factory=dict)
    ended_freezes: set[str] = field(default_factory=set)
    temporary: list[tuple[int, date]] = field(default_factory=list)
    closed: bool = False
    paid_out: dict[str, int] = field(default_factory=dict)
    revolving_rate: Fraction = Fraction(0)
    penalty_rate: Fraction = Fraction(0)

    spent_since_statement: int = 0
    credit_used_since_statement: int = 0
    # For the books of all lines together: what stood unbilled at each day's end, and what was booked off it on each day.
    standing: dict[date, tuple[Fraction, Fraction]] = field(default_factory=dict)
    posted: dict[date, tuple[int, int]] = field(default_factory=dict)

    # --- what stands on the line ---

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
    def held(self) -> int:
        return sum(p.amount - p.captured for p in self.purchases.values() if not p.ended)

    @property
    def owed(self) -> int:
        return (
            self.unbilled + self.billed_total + to_fen(self.running_interest) + to_fen(self.running_penalty)
        )

    def overdue(self, on: date) -> int:
        return sum(asked.fen for asked in self.asked if asked.due_on < on)

    # --- what happens to it ---

    def purchase(
        self, on: date, ref: str, fen: int, *, capture: bool, instalments: int | None = None
    ) -> None:
        if self.status != "active":
            raise Refused("line_not_active")
        chosen = self._chosen(on, instalments) if instalments else None
        if fen > self.available:
            raise Refused("limit_exceeded")
        self.purchases[ref] = Bought(fen, on + self.rules(on).hold_days * DAY, instalments=chosen)
        if capture:
            self.capture(on, ref, None)

    def capture(self, on: date, ref: str, fen: int | None, *, final: bool = True) -> None:
        bought = self._bought(ref)
        if bought.ended:
            raise Refused("purchase_not_authorised")
        left = bought.amount - bought.captured
        fen = left if fen is None else fen
        if fen > left:
            raise Refused("amount_refused")
        bought.captures.append(Taken(fen, on))
        if final or fen == left:
            bought.ended = "captured"
        if bought.instalments:
            self._begin(ref, on, fen, bought.instalments, of_purchase=True)
            return
        self.spent_since_statement += fen
        used = min(self.credit, fen)
        self.unbilled += fen - used
        self._use_credit(used)

    def void(self, on: date, ref: str) -> None:
        bought = self._bought(ref)
        if bought.ended and not bought.voided:
            raise Refused("purchase_not_authorised")
        bought.ended, bought.voided = "voided", True

    def refund(self, on: date, ref: str, fen: int | None) -> None:
        bought = self._bought(ref)
        if not bought.captures:
            raise Refused("purchase_not_authorised")
        left = bought.captured - bought.refunded
        fen = left if fen is None else fen
        if fen > left or left == 0:
            raise Refused("amount_refused")
        billed = unbilled = 0
        for taken in reversed(bought.captures):
            back = min(fen - billed - unbilled, taken.fen - taken.refunded)
            taken.refunded += back
            if any(taken.posted_on < statement["issued_on"] for statement in self.statements):  # type: ignore[operator]
                billed += back
            else:
                unbilled += back
        if bought.instalments:
            for plan in reversed(self.plans):
                if plan.of_purchase and plan.ref == ref:
                    fen -= self._shrink(plan, fen)
            billed, unbilled = fen, 0
        off_unbilled = min(unbilled, self.unbilled)
        self.unbilled -= off_unbilled
        to_debts = self._pay_principal(billed)
        to_debts += self._pay_charges(billed - to_debts)
        self.credit += fen - off_unbilled - to_debts
        self._billed_was_paid(on, to_debts)

    def repay(self, on: date, ref: str, fen: int) -> None:
        if ref in self.repayments:
            if self.repayments[ref] != fen:
                raise Refused("request_conflict")
            return
        self.repayments[ref] = fen
        left = fen
        run = min(left, to_fen(self.running_penalty))
        self.running_penalty -= run
        left -= run
        to_debts = self._pay_charges(left)
        to_debts += self._pay_principal(left - to_debts)
        left -= to_debts
        revolved = min(left, to_fen(self.running_interest))
        self.running_interest -= revolved
        left -= revolved
        bought = min(left, self.unbilled)
        self.unbilled -= bought
        self.credit += left - bought
        self._book(on, revolved, run)
        self._billed_was_paid(on, to_debts)

    def statement_plan(self, on: date, ref: str, fen: int, instalments: int) -> None:
        """Unpaid purchases of the latest statement, until its due date, become instalments."""
        if self.status != "active":
            raise Refused("line_not_active")
        chosen = self._chosen(on, instalments)
        asked, lot = (self.asked_ever[-1], self.lots[-1]) if self.lots else (None, None)
        if asked is None or lot is None or on > asked.due_on or self.overdue(on):
            raise Refused("nothing_to_spread")
        if not self.rules(on).smallest_plan <= fen <= lot.fen - lot.instalments:
            raise Refused("amount_refused")
        lot.fen -= fen
        share = self.rules(asked.issued_on).minimum_share
        before = asked.in_all
        asked.in_all += to_fen(share * (asked.shared - fen)) - to_fen(share * asked.shared)
        asked.in_all = max(asked.in_all, 0)
        asked.shared -= fen
        others = sum(other.fen for other in self.asked) - asked.fen
        asked.fen = max(min(asked.fen - (before - asked.in_all), self.billed_total - others), 0)
        self._begin(ref, on, fen, chosen, of_purchase=False)

    def payoff(self, on: date, ref: str) -> None:
        """All that is to come of a plan is paid now, its fees as was agreed."""
        plans = [plan for plan in self.plans if plan.ref == ref]
        if not plans:
            raise Refused("plan_not_found")
        if not sum(row.principal for row in plans[0].to_come):
            raise Refused("plan_ended")
        if not plans[0].fees_waived:
            self.fees_charged += sum(row.fee for row in plans[0].to_come)
        plans[0].to_come, plans[0].paid_off_on = [], on

    def end_day(self, day: date) -> None:
        """Holds run out, the day's interest is added, a due day is judged, the next day's statement is issued."""
        for bought in self.purchases.values():
            if not bought.ended and bought.last_day <= day:
                bought.ended = "expired"
        if self.late:
            self.running_penalty += self.late_base * self.penalty_rate
        else:
            past_due = sum(lot.fen for lot in self.lots if lot.due_on < day)
            self.running_interest += past_due * self.revolving_rate
        self.standing[day] = (self.running_interest, self.running_penalty)
        morning = day + DAY
        if any(statement["due_on"] == day for statement in self.statements):
            self.late = self.overdue(morning) > 0
            self.late_base = self.billed_total if self.late else 0
            self.revolving_rate, self.penalty_rate = (
                self.rules(morning).revolving,
                self.rules(morning).penalty,
            )
            self._drop_fractions()
        if morning.day == self.statement_day and morning > self.opened_on:
            self._issue(morning)
        self.temporary = [(fen, last_day) for fen, last_day in self.temporary if last_day > day]
        if self.overdue(morning):
            self.late_minimum = True
            self.close_when_late(min(asked.due_on for asked in self.asked if asked.fen), morning)

    # --- how ---

    def _chosen(self, on: date, instalments: int) -> tuple[int, Fraction, bool]:
        rules = self.rules(on)
        if instalments not in rules.fees:
            raise Refused("instalments_not_offered")
        return instalments, rules.fees[instalments], rules.fees_waived

    def _begin(
        self, ref: str, on: date, fen: int, chosen: tuple[int, Fraction, bool], *, of_purchase: bool
    ) -> None:
        periods, rate, fees_waived = chosen
        fee = to_fen(rate * fen)
        rows = in_rows(fen, fee, list(range(1, periods + 1)))
        self.plans.append(Plan(ref, on, fen, fee, periods, fees_waived, of_purchase, rows))

    def _shrink(self, plan: Plan, fen: int) -> int:
        """A refund takes principal off what is to come, and the fee in proportion; returns how much."""
        before = sum(row.principal for row in plan.to_come)
        taken = min(fen, before)
        if taken and taken == before:
            plan.to_come = []
        elif taken:
            fee = to_fen(Fraction(sum(row.fee for row in plan.to_come) * (before - taken), before))
            plan.to_come = in_rows(before - taken, fee, [row.number for row in plan.to_come])
        return taken

    def _bought(self, ref: str) -> Bought:
        if ref not in self.purchases:
            raise Refused("purchase_not_found")
        return self.purchases[ref]

    def _use_credit(self, fen: int) -> None:
        self.credit -= fen
        self.credit_used_since_statement += fen

    def _book(self, on: date, interest: int, penalty: int) -> None:
        before = self.posted.get(on, (0, 0))
        self.posted[on] = (before[0] + interest, before[1] + penalty)

    def _pay_charges(self, fen: int) -> int:
        penalty = min(fen, self.penalty)
        interest = min(fen - penalty, self.interest)
        fee = min(fen - penalty - interest, self.fee)
        self.penalty -= penalty
        self.interest -= interest
        self.fee -= fee
        return penalty + interest + fee

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
        if not self.overdue(on):
            self.late_minimum = False
            if self.late:
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

    def _issue(self, on: date) -> None:
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
        for kind, fen in new.items():
            used = min(self.credit - credit_used, fen)
            new[kind] -= used
            credit_used += used
        shared = self.billed_principal + new["principal"]
        principal = shared + new["instalments"]
        total = self.billed_total + sum(new.values())
        if not (total or self.spent_since_statement or credit_used or fall_due):
            return
        for plan, row in fall_due:
            plan.billed.append((on, plan.to_come.pop(0)))
            self.fees_charged += row.fee
        self._use_credit(credit_used)
        self._book(on, booked["interest"], booked["penalty"])
        self.running_interest -= booked["interest"]
        self.running_penalty -= booked["penalty"]
        self.unbilled = 0
        self.lots.append(Lot(due_on, new["principal"] + new["instalments"], new["instalments"]))
        self.fee += new["fee"]
        self.interest += new["interest"]
        self.penalty += new["penalty"]
        earlier = sum(asked.fen for asked in self.asked)
        tenth = to_fen(self.rules(on).minimum_share * shared)
        whole = new["instalments"] + new["interest"] + new["penalty"] + new["fee"]
        asks = min(tenth + whole, total - earlier)
        self.asked.append(Asked(on, due_on, asks, asks, shared))
        self.asked_ever.append(self.asked[-1])
        self.statements.append(
            {
                "issued_on": on,
                "due_on": due_on,
                "principal": principal,
                "interest": self.interest,
                "penalty": self.penalty,
                "fee": self.fee,
                "total": total,
                "minimum": earlier + asks,
                "credit_used": self.credit_used_since_statement,
                "correction": 0,
            }
        )
        self.spent_since_statement = self.credit_used_since_statement = 0
        self._drop_fractions()
