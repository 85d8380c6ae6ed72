"""A loan as a function: its terms and everything that happened, in; the loan as it stands on a day, out.

    loan = replay(terms, transactions, as_of)

The facts are put in order, those that were reversed are left out, and the life of the loan is told from the first of
them: so a backdated fact, whenever it is recorded, and a reversal, whatever came between, need nothing of their own.
The cost is proportional to what happened; nothing is computed for a day on which nothing does.
"""

from collections.abc import Callable, Iterable
from datetime import date
from fractions import Fraction

from finance.dates import MONTHLY, DateRange, DueCalendar, next_on_day
from finance.loan import (
    Allocated,
    Books,
    Coming,
    Future,
    Instalment,
    Kind,
    Loan,
    LoanError,
    LoanTerms,
    Parts,
    Reschedule,
    Status,
    Transaction,
    effective,
)
from finance.money import exact, round_fen, split_evenly
from finance.receipts import Receipts
from finance.schedule import FeeKind, Method
from finance.standing import DAY, FEE, INTEREST, PENALTY, PRINCIPAL, Row


def replay(terms: LoanTerms, transactions: Iterable[Transaction], as_of: date) -> Loan:
    """The loan on a day. LoanError names the transaction that cannot have happened.

    Facts count from their own day whatever the order in which they come; what was reversed by `as_of` never happened.
    Rows due after `as_of` are as they will be if what is overdue is paid now and nothing else happens.
    """
    return _lived(terms, transactions, as_of).ending()


def foresee(terms: LoanTerms, transactions: Iterable[Transaction], as_of: date) -> tuple[Loan, Future]:
    """The loan on a day, and its future if nothing happens any more. Errors as `replay`."""
    life = _lived(terms, transactions, as_of)
    future = life.fork().future()
    return life.ending(), future


def _lived(terms: LoanTerms, transactions: Iterable[Transaction], as_of: date) -> "_Life":
    life = _Life(terms)
    for fact in effective(transactions, as_of):
        try:
            life.happen(fact)
        except LoanError as error:
            if error.ref is None:
                error.ref = fact.ref
            raise
    if life.rows:
        life.advance(as_of)
        life.settle_level()
    life.as_of = as_of
    return life


class _Life(Receipts):
    """A loan's life, fact by fact."""

    def __init__(self, terms: LoanTerms) -> None:
        super().__init__(terms)
        self.allocations: list[Allocated] = []
        self.lent_fen = self.kept_fee_fen = self.refunded_fen = 0
        self.lost = Parts()
        self.charged_off = self.written_off = False
        self.as_of = self.plan.disbursed_on

    def happen(self, fact: Transaction) -> None:
        """One fact, on its day. What falls due that day is asked for first."""
        self.advance(fact.on)
        self.operations += 1
        before = (dict(self.paid), self.recovered_fen, self.credit_fen)
        act: Callable[[Transaction], None] = getattr(self, f"_{fact.kind.value}")
        if fact.kind is not Kind.DISBURSEMENT and not self.rows:
            raise LoanError("nothing was disbursed by then", field="date")
        act(fact)
        parts = Parts.of({name: fen - before[0][name] for name, fen in self.paid.items()})
        self.allocations.append(
            Allocated(
                fact.ref,
                fact.kind,
                fact.on,
                fact.amount_fen,
                parts,
                self.credit_fen - before[2],
                self.outstanding_fen,
                self.outstanding_fen + self._unpaid_beside_principal(),
            )
        )

    def _unpaid_beside_principal(self) -> int:
        if self.stopped:
            return self.lost.total_fen - self.lost.principal_fen - self.recovered_fen
        asked = sum(self.billed.values())
        paid = sum(fen for name, fen in self.paid.items() if name != PRINCIPAL)
        return asked - paid + round_fen(self.penalty)

    # Money goes out.

    def _disbursement(self, fact: Transaction) -> None:
        self._require_running("disburse")
        if not self.rows:
            self._lay_out(fact)
        elif self.next > self.last:
            raise LoanError("the loan has matured: nothing more can be disbursed", field="date")
        if self.lent_on != fact.on:
            self.lent_on, self.older_fen = fact.on, self.outstanding_fen
        self.lent_fen += fact.amount_fen
        self._owe(fact.amount_fen)
        self._fees(fact.amount_fen)
        if self.plan.instalment_fen is None and not (self.terms.shares and self.lent_fen == fact.amount_fen):
            self.make_anew(self.next)
        self.advance(fact.on)
        self.use_credit(fact.on)

    def _owe(self, amount_fen: int) -> None:
        self.outstanding_fen += amount_fen
        self.unbilled_fen += amount_fen

    def _lay_out(self, fact: Transaction) -> None:
        """The rows, from the day the loan begins."""
        calendar = self.plan.calendar
        shares = self.terms.shares
        dates = [due_on for due_on, _ in shares] or [
            calendar.due_on(n) for n in range(1, self.plan.periods + 1)
        ]
        if dates[-1] <= fact.on and not shares:
            raise LoanError("disbursed after the last due date", field="date")
        starts_on = self.plan.disbursed_on
        for n, due_on in enumerate(dates, start=1):
            self.rows.append(Row(n, starts_on, due_on, calendar))
            starts_on = due_on
        for row, (_, share_fen) in zip(self.rows, shares, strict=False):
            row.share_fen = share_fen
        self.last = len(self.rows) - 1
        self.cursor = fact.on
        self.level_first = self.plan.principal_grace_periods

    def _fees(self, lent_fen: int) -> None:
        """Each fee rounds on its own; those of rows go onto the rows to come."""
        rows = self.rows[self.next : self.last + 1]
        for fee in self.plan.fees:
            amount_fen = round_fen(lent_fen * exact(fee.rate), self.plan.rounding)
            match fee.kind:
                case FeeKind.UPFRONT:
                    self.kept_fee_fen += amount_fen
                case FeeKind.PER_PERIOD:
                    for row in rows:
                        row.fee_fen += amount_fen
                case FeeKind.TOTAL_SPREAD:
                    for row, share_fen in zip(rows, split_evenly(amount_fen, len(rows)), strict=True):
                        row.fee_fen += share_fen

    def _credit_refund(self, fact: Transaction) -> None:
        """The borrower's credit is paid out. What is no longer covered by it is lent anew, due with the next row."""
        returned = min(fact.amount_fen, self.credit_fen)
        self.credit_fen -= returned
        self.refunded_fen += returned
        if lent := fact.amount_fen - returned:
            self._require_running("refund")
            if self.open_row is None:
                raise LoanError("more than the credit, and no instalment is left to repay it", field="amount")
            self.settle_level()
            self.lent_fen += lent
            self._owe(lent)
            self.rows[self.next].share_fen += lent

    # Terms change.

    def _charge(self, fact: Transaction) -> None:
        self._require_running("charge")
        due_on = fact.due_on or fact.on
        row = next((row for row in self.rows if row.due_on >= due_on), None)
        if row is None:
            before = self.rows[-1]
            row = Row(before.n + 1, before.due_on, due_on, before.calendar, scheduled=False)
            self.rows.append(row)
        self.ask(row, fact.component, fact.amount_fen)
        if row.billed and row not in self.arrears:
            self.arrears.append(row)
            self.arrears.sort(key=lambda each: each.due_on)
            row.settled_on = None
        self.advance(fact.on)
        self.use_credit(fact.on)

    def _rate_change(self, fact: Transaction) -> None:
        self._require_running("change the rate")
        assert fact.rate is not None
        self.rate = fact.rate
        for row in self.rows[self.next :]:
            row.factor = None
        self._make_coming_anew(fact)

    def _make_coming_anew(self, fact: Transaction) -> None:
        if self.next <= self.last:
            self.make_anew(self.next, fact.instalment_fen)

    def _due_day_change(self, fact: Transaction) -> None:
        self._require_running("change the due day")
        if self.plan.frequency.unit is not MONTHLY.unit or fact.due_day is None:
            raise LoanError("only monthly instalments have a due day", field="due_day")
        if self.open_row is None:
            raise LoanError("no instalment is left to move", field="due_day")
        first = next_on_day(fact.due_day, after=max(fact.on, self.open_row.starts_on))
        calendar = DueCalendar.of(first, self.plan.frequency, anchor_day=fact.due_day).shifted(-1)
        self._move(calendar)
        self._make_coming_anew(fact)

    def _move(self, calendar: DueCalendar) -> None:
        """Rows to come get the dates of another calendar."""
        starts_on = self.rows[self.next].starts_on
        for n, row in enumerate(self.rows[self.next : self.last + 1], start=1):
            row.starts_on, row.due_on, row.calendar, row.factor = (
                starts_on,
                calendar.due_on(n),
                calendar,
                None,
            )
            starts_on = row.due_on

    def _pause(self, fact: Transaction) -> None:
        assert fact.due_on is not None
        self.pauses.append(DateRange(fact.on, fact.due_on + DAY))

    def _reschedule(self, fact: Transaction) -> None:
        self._require_running("reschedule")
        if fact.mode is Reschedule.REAGE:
            self._start_over(fact)
        elif self.open_row is None:
            raise LoanError("no instalment is left to come: re-age the loan", field="mode")
        elif fact.mode is Reschedule.EXTEND:
            self._extend(fact)
        else:
            coming = self.rows[self.next : self.last + 1]
            overdue_fen = self._take_back()
            if not self.by_level and self.plan.method is not Method.EQUAL_PRINCIPAL:
                for row, fen in zip(coming, split_evenly(overdue_fen, len(coming)), strict=True):
                    row.share_fen += fen
                return
        self._make_coming_anew(fact)

    def _take_back(self) -> int:
        """What rows asked for and did not get is asked for by the next row; returns the principal of it."""
        to = self.rows[self.next]
        self.post_all_penalty()
        overdue_fen = 0
        for row in self.arrears:
            for component, fen in row.unpaid().items():
                row.asked[component] -= fen
                if component == PRINCIPAL:
                    overdue_fen += fen
                else:
                    to.asked[component] += fen
            row.is_late = False
        self.unbilled_fen += overdue_fen
        self.late_fen, self.penalty = 0, Fraction(0)
        self.arrears, self.turning = [], type(self.turning)()
        return overdue_fen

    def _start_over(self, fact: Transaction) -> None:
        assert fact.due_on is not None
        assert fact.periods is not None
        frequency = fact.frequency or self.plan.frequency
        calendar = DueCalendar.of(fact.due_on, frequency).shifted(-1)
        kept, dropped = self.rows[: self.next], self.rows[self.next :]
        starts_on = kept[-1].due_on if kept else self.plan.disbursed_on
        self.rows = kept
        for n in range(1, fact.periods + 1):
            row = Row(len(self.rows) + 1, starts_on, calendar.due_on(n), calendar)
            self.rows.append(row)
            starts_on = row.due_on
        first = self.rows[self.next]
        first.fee_fen = sum(row.fee_fen for row in dropped)
        for row in dropped:
            first.prepaid_fen += row.prepaid_fen
            for component in (INTEREST, FEE, PENALTY):
                first.asked[component] += row.asked[component]
                first.paid[component] += row.paid[component]
        self.last = len(self.rows) - 1
        self._take_back()

    def _extend(self, fact: Transaction) -> None:
        assert fact.periods is not None
        coming = self.rows[self.next : self.last + 1]
        calendar, extra = coming[-1].calendar, self.rows[self.last + 1 :]
        before = coming[-1]
        position = int(calendar.position(before.due_on))
        added: list[Row] = []
        for n in range(1, fact.periods + 1):
            added.append(Row(before.n + 1, before.due_on, calendar.due_on(position + n), calendar))
            before = added[-1]
        self.rows[self.last + 1 :] = added
        self.last += len(added)
        for row in extra:
            for component in (FEE, PENALTY):
                added[-1].asked[component] += row.asked[component]
                added[-1].paid[component] += row.paid[component]
        self._take_back()

    # The loan is given up.

    def _charge_off(self, fact: Transaction) -> None:
        if self.charged_off or self.written_off:
            raise LoanError("the loan was given up before", field="type")
        self._give_up(fact.on)
        self.charged_off = True

    def _write_off(self, fact: Transaction) -> None:
        if self.written_off:
            raise LoanError("the loan was written off before", field="type")
        if not self.charged_off:
            self._give_up(fact.on)
        self.written_off = True

    def _give_up(self, on: date) -> None:
        """All that is owed is due now and lost; nothing accrues any more. What still comes is a recovery."""
        self.post_all_penalty()
        if (row := self.open_row) is not None:
            accrued = max(round_fen(self.own + self.deferred, self.plan.rounding), 0)
            self.ask(row, INTEREST, accrued)
            row.asked[PRINCIPAL] += self.unbilled_fen
            self.unbilled_fen = 0
            self.pool_fen, self.spread, pooled = 0, {}, self.ahead_fen
            row.paid[PRINCIPAL] += pooled
        for row in self.rows[self.next :]:
            row.billed = True
            if row.unpaid_fen:
                self.arrears.append(row)
        self.next = len(self.rows)
        self.own = self.deferred = self.penalty = Fraction(0)
        self.lost = self.outstanding()
        self.stopped = True

    def _require_running(self, what: str) -> None:
        if self.stopped:
            raise LoanError(f"the loan was given up: cannot {what}", field="type")

    # How it ends.

    def future(self) -> Future:
        """What falls due from now on if nothing happens."""
        coming = []
        while self.next < len(self.rows):
            row = self.rows[self.next]
            asked, credited = dict(row.asked), dict(self.from_credit)
            self.advance(row.due_on)
            credit = Parts.of({name: fen - credited[name] for name, fen in self.from_credit.items()})
            coming.append(
                Coming(
                    row=_shown(row),
                    interest_fen=row.asked[INTEREST] - asked[INTEREST],
                    fee_fen=row.asked[FEE] - asked[FEE],
                    from_credit=credit,
                    status=self._status(self.outstanding()),
                )
            )
        while self.turning:
            self.advance(self.turning[0][0])
        self.note_open()
        return Future(tuple(coming), tuple(self.stretches))

    def ending(self) -> Loan:
        """The loan on the day."""
        as_of = self.as_of
        self.note_open()
        due = [row.due_on for row in self.arrears if row.due_on < as_of]
        outstanding, accrued, penalty = self.outstanding(), self.own + self.deferred, self.penalty
        books = Books(
            self.lent_fen,
            self.kept_fee_fen,
            Parts.of(self.billed),
            Parts.of(self.paid),
            self.lost,
            Parts.of(self.from_credit),
            self.credit_fen,
            self.refunded_fen,
            self.recovered_fen,
        )
        payoff, status = self.payoff(), self._status(outstanding)
        self._project()
        return Loan(
            as_of=as_of,
            status=status,
            rows=tuple(_shown(row) for row in self.rows),
            allocations=tuple(self.allocations),
            stretches=tuple(self.stretches),
            books=books,
            outstanding=outstanding,
            accrued_interest_fen=accrued,
            accrued_penalty_fen=penalty,
            payoff=payoff,
            oldest_due_on=min(due, default=None),
            operations=self.operations,
        )

    def _status(self, outstanding: Parts) -> Status:
        if self.written_off:
            return Status.WRITTEN_OFF
        if self.charged_off:
            return Status.CHARGED_OFF
        if not self.lent_fen:
            return Status.PENDING
        if outstanding.total_fen or round_fen(self.own + self.deferred) > 0 or round_fen(self.penalty) > 0:
            return Status.ACTIVE
        return Status.OVERPAID if self.credit_fen else Status.CLOSED

    def _project(self) -> None:
        """Rows to come, as they will be when what is overdue is paid now and they themselves in time."""
        self.projecting = True
        self.outstanding_fen = self.unbilled_fen - self.ahead_fen
        while self.next < len(self.rows):
            self.operations += 1
            self.bill()


def _shown(row: Row) -> Instalment:
    return Instalment(
        n=row.n,
        starts_on=row.starts_on,
        due_on=row.due_on,
        billed=row.billed,
        asked=Parts.of(row.asked),
        paid=Parts.of(row.paid),
        prepaid_fen=row.prepaid_fen,
        early_fen=row.early_fen,
        late_fen=row.late_fen,
        outstanding_fen=row.outstanding_fen,
        settled_on=row.settled_on,
    )
