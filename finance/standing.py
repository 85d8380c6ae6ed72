"""What a loan is on a day while `finance.replay` tells its life: rows asked for, rows to come, interest running.

Everything here happens between two facts: days pass, interest and penalty accrue, rows fall due. A row's figures are
fixed on its due date, from what then stands; rows to come are not computed before, so that a fact costs what it changes.
"""

from collections import deque
from copy import copy
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Self

from finance.allocation import Due, allocate
from finance.dates import DateRange, DueCalendar
from finance.delinquency import late_from
from finance.loan import Accrues, LoanTerms, Stretch
from finance.money import round_fen, split_evenly
from finance.rates import Rate
from finance.schedule import Method, OddFirstPeriod, cut_level

PRINCIPAL, INTEREST, FEE, PENALTY = "principal", "interest", "fee", "penalty"
RUNNING = "running penalty"
DAY = timedelta(days=1)


class Row:
    """One instalment while the loan is being replayed."""

    __slots__ = (
        "asked",
        "billed",
        "calendar",
        "due_on",
        "early_fen",
        "factor",
        "fee_fen",
        "is_late",
        "late_fen",
        "n",
        "outstanding_fen",
        "paid",
        "prepaid_fen",
        "scheduled",
        "settled_on",
        "share_fen",
        "starts_on",
    )

    def __init__(
        self, n: int, starts_on: date, due_on: date, calendar: DueCalendar, *, scheduled: bool = True
    ) -> None:
        self.n, self.starts_on, self.due_on, self.calendar = n, starts_on, due_on, calendar
        self.scheduled = scheduled
        self.asked = {PRINCIPAL: 0, INTEREST: 0, FEE: 0, PENALTY: 0}
        self.paid = dict(self.asked)
        self.share_fen = self.fee_fen = self.prepaid_fen = self.early_fen = self.late_fen = 0
        self.outstanding_fen = 0
        self.billed = self.is_late = False
        self.factor: Fraction | None = None
        self.settled_on: date | None = None

    def copied(self) -> "Row":
        other = copy(self)
        other.asked, other.paid = dict(self.asked), dict(self.paid)
        return other

    def unpaid(self) -> dict[str, int]:
        return {name: fen - self.paid[name] for name, fen in self.asked.items()}

    def owes(self, component: str) -> int:
        return self.asked[component] - self.paid[component]

    @property
    def unpaid_fen(self) -> int:
        return sum(self.asked.values()) - sum(self.paid.values())


@dataclass(frozen=True, slots=True)
class Recut:
    """Instalments from row `index` on are to be made anew; `instalment_fen` where the new level is agreed."""

    index: int
    instalment_fen: int | None = None


class Standing:
    """Rows, balances and what accrues, moved forward in time. See the module."""

    def __init__(self, terms: LoanTerms) -> None:
        self.terms, self.rules, self.plan = terms, terms.rules, terms.schedule
        self.rate: Rate = self.plan.rate
        self.by_level = self.plan.method is Method.EQUAL_INSTALMENT and not terms.shares
        self.rows: list[Row] = []
        self.next = 0
        self.last = -1
        self.arrears: list[Row] = []
        self.cursor = self.plan.disbursed_on
        # Interest of the open row, and of it what overdue principal bears.
        self.own = self.overdue_own = Fraction(0)
        self.deferred = Fraction(0)
        self.penalty = Fraction(0)
        self.late_fen = 0
        self.turning: deque[tuple[date, Row]] = deque()
        self.outstanding_fen = 0
        # Principal that rows to come ask for. What was paid of it ahead is in `pool_fen`, or per row in `spread`.
        self.unbilled_fen = 0
        self.pool_fen = 0
        self.spread: dict[int, int] = {}
        self.credit_fen = 0
        self.level_fen = self.plan.instalment_fen
        self.level_first = 0
        self.recut: Recut | None = None
        self.pauses: list[DateRange] = []
        self.stopped = False
        self.projecting = False
        self.stretches: list[Stretch] = []
        self.billed = {PRINCIPAL: 0, INTEREST: 0, FEE: 0, PENALTY: 0}
        self.paid = dict(self.billed)
        self.from_credit = dict(self.billed)
        self.using_credit = False
        self.recovered_fen = 0
        self.operations = 0

    # Days pass.

    def advance(self, to: date) -> None:
        """Everything that falls due up to and on a day, in order; interest up to it."""
        while True:
            due_on = self.rows[self.next].due_on if self.next < len(self.rows) else date.max
            late_on = self.turning[0][0] if self.turning else date.max
            if min(due_on, late_on) > to:
                break
            self.operations += 1
            if late_on <= due_on:
                self._turn_late()
            else:
                self.bill()
        self.accrue(to)

    def accrue(self, to: date) -> None:
        """Interest on all principal owed, up to the last due date; penalty on what is late."""
        since, self.cursor = self.cursor, max(self.cursor, to)
        if self.stopped or to <= since:
            return
        row = self.open_row
        if row is not None and (self.outstanding_fen or round_fen(abs(self.own + self.deferred))):
            for start, end, paused in self._cuts(since, to):
                self._note(Accrues.INTEREST, start, end, 0 if paused else self.outstanding_fen, row)
                if not paused:
                    factor = self.rate.factor(start, end, calendar=row.calendar)
                    self.own += self.outstanding_fen * factor
                    self.overdue_own += self.overdue_fen * factor
        if self.late_fen and self.rules.penalty is not None and not self.projecting:
            self._note(Accrues.PENALTY, since, to, self.late_fen, None)
            self.penalty += self.late_fen * self.rules.penalty.factor(since, to)

    @property
    def overdue_fen(self) -> int:
        """Principal that rows asked for and did not get."""
        return self.outstanding_fen - self.unbilled_fen + self.ahead_fen

    @property
    def open_row(self) -> Row | None:
        """The row in whose period interest runs now; none once the last due date has passed."""
        return self.rows[self.next] if self.next <= self.last else None

    def _cuts(self, since: date, to: date) -> list[tuple[date, date, bool]]:
        """The days in stretches that are paused or not."""
        if not self.pauses:
            return [(since, to, False)]
        marks = {since, to}
        for pause in self.pauses:
            marks |= {day for day in (pause.start, pause.end) if since < day < to}
        days = sorted(marks)
        return [(start, end, any(start in pause for pause in self.pauses)) for start, end in pairwise(days)]

    def _note(
        self, kind: Accrues, start: date, end: date | None, principal_fen: int, row: Row | None
    ) -> None:
        """Remembers what accrues; a stretch that goes on as before is one."""
        if self.projecting:
            return
        carried = self.deferred + self.own if kind is Accrues.INTEREST else self.penalty
        rate = self.rate if kind is Accrues.INTEREST else self.rules.penalty
        assert rate is not None
        latest = range(len(self.stretches) - 1, max(len(self.stretches) - 3, -1), -1)
        at = next((index for index in latest if self.stretches[index].kind is kind), None)
        if at is not None and self._goes_on(self.stretches[at], start, principal_fen, rate, carried, row):
            before = self.stretches.pop(at)
            start, carried = before.since, before.carried_fen
        self.stretches.append(Stretch(kind, start, end, principal_fen, rate, carried))

    def _goes_on(
        self, before: Stretch, on: date, principal_fen: int, rate: Rate, carried: Fraction, row: Row | None
    ) -> bool:
        """Whether a stretch that begins on a day is the one before it, still running."""
        if (before.until, before.principal_fen, before.rate) != (on, principal_fen, rate):
            return False
        calendar = row.calendar if row else None
        grown = principal_fen * rate.factor(before.since, on, calendar=calendar)
        return before.carried_fen + grown == carried

    def note_open(self) -> None:
        """The stretches that run on from now."""
        row = self.open_row
        if self.stopped:
            return
        carried = self.own + self.deferred
        if row is not None and (self.outstanding_fen or round_fen(abs(carried))):
            for start, end, paused in self._cuts(self.cursor, max(row.due_on, self.cursor + DAY)):
                until = None if end >= row.due_on else end
                self._note(Accrues.INTEREST, start, until, 0 if paused else self.outstanding_fen, row)
                if until is None:
                    break
                if not paused:
                    self.own += self.outstanding_fen * self.rate.factor(start, end, calendar=row.calendar)
            self.own = carried - self.deferred
        if self.rules.penalty is not None and (self.late_fen or round_fen(abs(self.penalty))):
            self._note(Accrues.PENALTY, self.cursor, None, self.late_fen, None)

    def _turn_late(self) -> None:
        """A row that is still unpaid when its grace ends bears penalty from the day after its due date."""
        on, row = self.turning.popleft()
        self.accrue(on)
        unpaid_fen = row.asked[PRINCIPAL] - row.paid[PRINCIPAL]
        if self.rules.penalty is None or not unpaid_fen or self.stopped:
            return
        row.is_late = True
        self.late_fen += unpaid_fen
        self.penalty += unpaid_fen * self.rules.penalty.factor(late_from(row.due_on), on)

    # Rows fall due.

    def bill(self) -> None:
        """The next row falls due: its figures are fixed from what stands, and what was paid ahead counts towards it."""
        row = self.rows[self.next]
        self.accrue(row.due_on)
        if row.scheduled:
            own, self.own = self.own, Fraction(0)
            principal_fen = self._principal(self.next, own + row.asked[INTEREST], self.overdue_own)
            self.overdue_own = Fraction(0)
            if self._defers(self.next):
                self.deferred += own
            else:
                interest_fen = max(round_fen(self.deferred + own, self.plan.rounding), 0)
                self.deferred = Fraction(0)
                self.ask(row, INTEREST, interest_fen)
            self.ask(row, FEE, row.fee_fen)
            row.asked[PRINCIPAL] += principal_fen
            self.unbilled_fen -= principal_fen
            self._take_ahead(row)
        row.outstanding_fen = self.unbilled_fen
        self.next += 1
        if self.projecting:
            self.outstanding_fen = max(self.unbilled_fen - self.ahead_fen, 0)
            return
        row.billed = True
        if row.unpaid_fen:
            self.arrears.append(row)
            if self.rules.penalty is not None:
                self.turning.append((late_from(row.due_on) + self.rules.grace_days * DAY, row))
            self.use_credit(row.due_on)
        else:
            row.settled_on = row.due_on

    def _defers(self, index: int) -> bool:
        """Whether the row's interest waits for a later row."""
        if index == self.last:
            return False
        return self.plan.method is Method.ONE_OFF or self.rows[index].n <= self.plan.interest_grace_periods

    @property
    def ahead_fen(self) -> int:
        """Principal repaid that counts towards rows to come."""
        return self.pool_fen + sum(self.spread.values())

    def _take_ahead(self, row: Row) -> None:
        """What was paid ahead counts towards the row: its own share, then the pool; never is more asked than is owed."""
        asked = row.asked[PRINCIPAL] - row.paid[PRINCIPAL]
        owed = self.unbilled_fen + asked - self.ahead_fen
        self.pool_fen += self.spread.pop(row.n, 0)
        while self.spread and asked - self.pool_fen > owed:
            self.pool_fen += self.spread.pop(max(self.spread))
        taken = min(asked, self.pool_fen)
        self.pool_fen -= taken
        row.paid[PRINCIPAL] += taken
        row.early_fen += taken

    def ask(self, row: Row, component: str, amount_fen: int) -> None:
        """A row asks for more interest, fee or penalty."""
        row.asked[component] += amount_fen
        if not self.projecting:
            self.billed[component] += amount_fen

    def _principal(self, index: int, own: Fraction, overdue: Fraction) -> int:
        """What the row asks for of the principal when it falls due with this much interest, part of it on overdue principal.

        The level is cut without that part: it does not follow lateness.
        """
        row = self.rows[index]
        if self.recut is not None and index >= self.recut.index:
            self._cut(index, own - overdue)
        if index == self.last:
            return self.unbilled_fen
        if not self.by_level:
            return min(row.share_fen, self.unbilled_fen)
        if index < self.level_first or row.n <= self.plan.principal_grace_periods:
            return 0
        assert self.level_fen is not None
        interest_fen = round_fen(self._regular(index, own), self.plan.rounding)
        return min(max(self.level_fen - interest_fen, 0), self.unbilled_fen)

    def _regular(self, index: int, own: Fraction) -> Fraction:
        """A row's interest as the level counts it: without what an odd first period adds where that goes on top."""
        row = self.rows[index]
        if row.n != 1 or self.plan.odd_first_period is not OddFirstPeriod.ADDED_TO_FIRST:
            return own
        calendar = row.calendar
        return self.unbilled_fen * self.rate.factor(calendar.due_on(0), calendar.due_on(1), calendar=calendar)

    def _cut(self, index: int, own: Fraction) -> None:
        """Makes the instalments from this row on anew, so that they repay what is to come."""
        recut, self.recut = self.recut, None
        assert recut is not None
        self.operations += self.last - index + 1
        grace = max(self.plan.principal_grace_periods + 1 - self.rows[index].n, 0)
        if self.by_level:
            self.level_first = index + grace
            self.level_fen = recut.instalment_fen
            if self.level_fen is None and self.unbilled_fen:
                level = cut_level(
                    self.unbilled_fen,
                    [Fraction(0), *(self.factor_of(i) for i in range(index + 1, self.last + 1))],
                    carried_fen=self._regular(index, own),
                    first=min(grace, self.last - index),
                    multiple_fen=self.plan.instalment_multiple_fen,
                    rounding=self.plan.rounding,
                )
                self.level_fen, self.level_first = level.instalment_fen, index + level.first
            self.level_fen = self.level_fen or 0
        elif self.plan.method in (Method.EQUAL_PRINCIPAL, Method.EQUAL_INSTALMENT):
            first = min(index + grace, self.last)
            shares = split_evenly(
                self.unbilled_fen,
                self.last - first + 1,
                multiple_fen=self.plan.instalment_multiple_fen,
                mode=self.plan.rounding,
            )
            for row in self.rows[index:first]:
                row.share_fen = 0
            for row, share_fen in zip(self.rows[first : self.last + 1], shares, strict=True):
                row.share_fen = share_fen

    def factor_of(self, index: int) -> Fraction:
        """Interest on one fen over a whole row to come."""
        row = self.rows[index]
        if row.factor is None:
            row.factor = self.rate.factor(row.starts_on, row.due_on, calendar=row.calendar)
        return row.factor

    def own_at_due(self) -> tuple[Fraction, Fraction]:
        """The open row's own interest by its due date if nothing else happens, and what overdue principal bears of it."""
        row = self.rows[self.next]
        factors = [
            self.rate.factor(start, end, calendar=row.calendar)
            for start, end, paused in self._cuts(self.cursor, row.due_on)
            if not paused
        ]
        factor = sum(factors, Fraction(0))
        own = self.own + row.asked[INTEREST] + self.outstanding_fen * factor
        return own, self.overdue_own + self.overdue_fen * factor

    def settle_level(self) -> None:
        """Makes the instalments that are to be made anew now, before something changes what they do not follow."""
        if self.recut is not None and self.recut.index <= self.next <= self.last:
            own, overdue = self.own_at_due()
            self._cut(self.next, own - overdue)

    def expected_principal(self) -> int:
        """What the open row will ask for of the principal."""
        self.settle_level()
        return self._principal(self.next, *self.own_at_due())

    def make_anew(self, index: int, instalment_fen: int | None = None) -> None:
        """Instalments from this row on are made anew when it falls due; what was paid ahead counts as repaid."""
        if index == self.next and self.next <= self.last:
            self.drop_ahead()
        self.recut = Recut(index, instalment_fen)

    def drop_ahead(self) -> None:
        """What was paid ahead no longer counts towards rows to come: it is principal repaid during the open row."""
        row = self.rows[self.next]
        row.prepaid_fen += self.ahead_fen
        row.early_fen += self.ahead_fen
        self.unbilled_fen -= self.ahead_fen
        self.pool_fen, self.spread = 0, {}

    # Money comes.

    def pay_dues(self, amount_fen: int, on: date) -> int:
        """Pays penalty that runs and rows that have fallen due; returns what is left."""
        dues = [Due(row.n, row.due_on, row.unpaid()) for row in self.arrears]
        running_fen = round_fen(self.penalty)
        if running_fen > 0:
            dues.insert(0, Due(RUNNING, date.min, {PENALTY: running_fen}))
        if not dues or not amount_fen:
            return amount_fen
        allocation = allocate(amount_fen, dues, components=self.rules.components, order=self.rules.order)
        by_n = {row.n: row for row in self.arrears}
        for payment in allocation.payments:
            if payment.key == RUNNING:
                self._post_penalty(payment.amount_fen)
                self.pay(self._penalty_row(), PENALTY, payment.amount_fen, on)
            else:
                assert isinstance(payment.key, int)
                self.pay(by_n[payment.key], payment.component, payment.amount_fen, on)
        self.arrears = [row for row in self.arrears if row.unpaid_fen]
        if not self.late_fen and not round_fen(abs(self.penalty)):
            self.penalty = Fraction(0)
        return allocation.unapplied_fen

    def pay(self, row: Row, component: str, amount_fen: int, on: date) -> None:
        """One payment of one component of a row, by its date early, on time or late."""
        row.paid[component] += amount_fen
        if on > row.due_on:
            row.late_fen += amount_fen
        elif on < row.due_on:
            row.early_fen += amount_fen
        if component == PRINCIPAL:
            self.outstanding_fen -= amount_fen
            if row.is_late:
                self.late_fen -= amount_fen
        self.count_paid(component, amount_fen)
        if row.billed and not row.unpaid_fen:
            row.settled_on = on

    def count_paid(self, component: str, amount_fen: int) -> None:
        """In the books: a repayment, or a recovery of what was lost."""
        if self.stopped:
            self.recovered_fen += amount_fen
        else:
            self.paid[component] += amount_fen
            self.from_credit[component] += amount_fen if self.using_credit else 0

    def _penalty_row(self) -> Row:
        """The row on which penalty that ran is shown: the oldest late one, or the last that was."""
        return next((row for row in self.arrears if row.is_late), None) or next(
            row for row in reversed(self.rows) if row.is_late
        )

    def _post_penalty(self, amount_fen: int) -> None:
        self.penalty -= amount_fen
        self.ask(self._penalty_row(), PENALTY, amount_fen)

    def post_all_penalty(self) -> None:
        """All penalty that ran is asked for, on the late row."""
        if (running_fen := round_fen(self.penalty)) > 0:
            self._post_penalty(running_fen)
            row = self._penalty_row()
            if row not in self.arrears:
                self.arrears.append(row)

    def use_credit(self, on: date) -> None:
        """The borrower's credit pays what has fallen due."""
        if self.credit_fen and not self.projecting:
            self.using_credit = True
            self.credit_fen = self.pay_dues(self.credit_fen, on)
            self.using_credit = False

    def fork(self) -> Self:
        """The same loan, to be moved forward on its own."""
        other = copy(self)
        rows = {id(row): row.copied() for row in self.rows}
        other.rows = list(rows.values())
        other.arrears = [rows[id(row)] for row in self.arrears]
        other.turning = deque((on, rows[id(row)]) for on, row in self.turning)
        other.spread = dict(self.spread)
        other.billed, other.paid = dict(self.billed), dict(self.paid)
        other.from_credit = dict(self.from_credit)
        other.stretches = list(self.stretches)
        return other
