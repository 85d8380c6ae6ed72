"""What money does to a loan: what is due is paid first, then what is not due yet, as the product says."""

from datetime import date
from fractions import Fraction

from finance.allocation import Due, allocate_evenly
from finance.loan import Ahead, Kind, LoanTerms, Parts, Payoff, Transaction
from finance.money import round_fen
from finance.standing import DAY, FEE, INTEREST, PENALTY, PRINCIPAL, Row, Standing


class Receipts(Standing):
    """A loan that is paid: repayments, prepayments, payoffs, recoveries."""

    def __init__(self, terms: LoanTerms) -> None:
        super().__init__(terms)
        # Principal from before the latest day of lending: what is repaid beyond it on that day was lent that day.
        self.lent_on: date | None = None
        self.older_fen = 0

    def _repayment(self, fact: Transaction) -> None:
        left = self.pay_dues(fact.amount_fen, fact.on)
        if not self.stopped and left:
            left = self._pay_ahead(left, fact)
        self.credit_fen += left

    _recovery = _repayment

    def _pay_ahead(self, amount_fen: int, fact: Transaction) -> int:
        ahead = fact.ahead or self.rules.ahead
        if ahead is Ahead.HOLD:
            return amount_fen
        principal_fen = min(amount_fen, self.unbilled_fen - self.ahead_fen)
        if principal_fen:
            self._repay_early(principal_fen, ahead, fact)
        return self._pay_accrued(amount_fen - principal_fen, fact.on)

    def _repay_early(self, amount_fen: int, ahead: Ahead, fact: Transaction) -> None:
        """Principal not due yet. A repayment counts towards the open row first, a prepayment does not."""
        self.settle_level()
        counts = fact.kind is Kind.REPAYMENT and self._billed_on(fact.on) is None
        room = 0
        if counts and ahead in (Ahead.REDUCE, Ahead.SHORTEN):
            room = max(self.expected_principal_after(amount_fen, fact.on) - self.pool_fen, 0)
        self._repay_unbilled(amount_fen, fact.on)
        if ahead is Ahead.NEXT:
            self.pool_fen += amount_fen
        elif ahead is Ahead.SPREAD and not self.by_level:
            self._spread(amount_fen)
        else:
            counted = min(amount_fen, room)
            self.pool_fen += counted
            if rest := amount_fen - counted:
                self.unbilled_fen -= rest
                self._show_prepaid(rest, fact.on)
                if ahead in (Ahead.REDUCE, Ahead.SPREAD):
                    self.make_anew(min(self.next + bool(room), self.last), fact.instalment_fen)
        if self.unbilled_fen == self.ahead_fen:
            self._all_repaid()

    def _show_prepaid(self, amount_fen: int, on: date) -> None:
        """On the row that fell due this day, else, early, on the open one."""
        if (row := self._billed_on(on)) is not None:
            row.outstanding_fen -= amount_fen
        else:
            row = self.rows[self.next]
            row.early_fen += amount_fen
        row.prepaid_fen += amount_fen

    def expected_principal_after(self, amount_fen: int, on: date) -> int:
        """What the open row will ask for of the principal once so much is repaid."""
        self.outstanding_fen -= amount_fen
        expected = self.expected_principal()
        self.outstanding_fen += amount_fen
        return expected

    def _repay_unbilled(self, amount_fen: int, on: date) -> None:
        self.own += self._one_day(amount_fen, on)
        if on == self.lent_on:
            self.older_fen = max(self.older_fen - amount_fen, 0)
        self.outstanding_fen -= amount_fen
        self.count_paid(PRINCIPAL, amount_fen)

    def _one_day(self, repaid_fen: int, on: date) -> Fraction:
        """The one day that principal repaid on the day it was lent costs."""
        row = self.open_row
        if on != self.lent_on or row is None or repaid_fen <= self.older_fen:
            return Fraction(0)
        return (repaid_fen - self.older_fen) * self.rate.factor(on, on + DAY, calendar=row.calendar)

    def _billed_on(self, on: date) -> Row | None:
        """The row that fell due on this very day."""
        row = self.rows[self.next - 1] if self.next else None
        return row if row is not None and row.due_on == on else None

    def _spread(self, amount_fen: int) -> None:
        coming = self.rows[self.next : self.last + 1]
        room = [
            Due(row.n, row.due_on, {PRINCIPAL: row.share_fen - self.spread.get(row.n, 0)}) for row in coming
        ]
        shared = allocate_evenly(amount_fen, room)
        for payment in shared.payments:
            assert isinstance(payment.key, int)
            self.spread[payment.key] = self.spread.get(payment.key, 0) + payment.amount_fen
        self.pool_fen += shared.unapplied_fen

    def _all_repaid(self) -> None:
        """All principal is repaid before it was due: no row asks for any, nor for fees of periods to come."""
        if self.next > self.last:
            return
        self.drop_ahead()
        for row in self.rows[self.next : self.last + 1]:
            row.fee_fen = 0

    def _pay_accrued(self, amount_fen: int, on: date) -> int:
        """Interest since the last due date, then what rows to come ask for already; returns what is left."""
        row = self.open_row
        accrued = max(round_fen(self.own + self.deferred, self.plan.rounding), 0)
        if row is not None and (paid := min(amount_fen, accrued)):
            self.own -= paid
            self.ask(row, INTEREST, paid)
            self.pay(row, INTEREST, paid, on)
            amount_fen -= paid
        for row in self.rows[self.next :] if amount_fen else ():
            for component in (INTEREST, PENALTY, FEE):
                if paid := min(amount_fen, row.owes(component)):
                    self.pay(row, component, paid, on)
                    amount_fen -= paid
        return amount_fen

    def _prepayment(self, fact: Transaction) -> None:
        left = self.pay_dues(fact.amount_fen, fact.on)
        if not self.stopped:
            left = self._prepay(left, fact)
        self.credit_fen += left

    def _prepay(self, amount_fen: int, fact: Transaction) -> int:
        """Principal before it is due, with the product's fee inside the amount; returns what is left."""
        undue_fen = self.unbilled_fen - self.ahead_fen
        row = self.open_row
        if not undue_fen or not amount_fen or row is None:
            return self._pay_accrued(amount_fen, fact.on)
        rate = Fraction(self.rules.prepayment_fee_rate(row.n))
        fee_fen = round_fen(undue_fen * rate)
        if amount_fen < undue_fen + fee_fen:
            fee_fen = round_fen(amount_fen * rate / (1 + rate))
        principal_fen = min(amount_fen - fee_fen, undue_fen)
        if fee_fen:
            self.ask(row, FEE, fee_fen)
            self.pay(row, FEE, fee_fen, fact.on)
        if principal_fen:
            self._repay_early(principal_fen, fact.ahead or self.rules.prepaid, fact)
        return self._pay_accrued(amount_fen - fee_fen - principal_fen, fact.on)

    def _payoff(self, fact: Transaction) -> None:
        """Ends the loan where the amount and the borrower's credit suffice; else it is a prepayment."""
        available, self.credit_fen = fact.amount_fen + self.credit_fen, 0
        left = self.pay_dues(available, fact.on)
        if not self.stopped:
            left = self._prepay(left, fact)
        self.credit_fen += left

    def payoff(self) -> Payoff:
        """What would end the loan now."""
        row = self.open_row
        undue_fen = self.unbilled_fen - self.ahead_fen
        fee_fen = accrued_fen = 0
        if row is not None and not self.stopped:
            fee_fen = round_fen(undue_fen * Fraction(self.rules.prepayment_fee_rate(row.n)))
            accrued = self.own + self.deferred + self._one_day(undue_fen, self.cursor)
            accrued_fen = max(round_fen(accrued, self.plan.rounding), 0)
        running = Parts(0, accrued_fen, fee_fen, max(round_fen(self.penalty), 0))
        return Payoff(self.outstanding() + running, fee_fen, self.credit_fen)

    def outstanding(self) -> Parts:
        """Principal lent and not repaid; interest, fees and penalty asked for and unpaid."""
        unpaid = {name: sum(row.owes(name) for row in self.rows) for name in (INTEREST, FEE, PENALTY)}
        return Parts.of({PRINCIPAL: self.outstanding_fen, **unpaid})
