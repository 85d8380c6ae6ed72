"""A loan as its borrower, the console and the API see it: what is due, when, and what became of each instalment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from finance.loan import Allocated, Instalment, Parts
from finance.loan import Loan as LoanOnDay
from finance.money import round_fen
from lending.models import Loan, LoanStatus, LoanTransaction, OrderEvent, OrderEventKind
from lending.selectors import loan_on

# In these a loan owes what its instalments say.
RUNNING = (LoanStatus.ACTIVE, LoanStatus.CLOSED, LoanStatus.OVERPAID)


class RowState(StrEnum):
    """What became of an instalment."""

    TO_COME = "to_come"
    DUE = "due"
    OVERDUE = "overdue"
    PAID = "paid"
    PAID_LATE = "paid_late"


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One instalment as it stands."""

    row: Instalment
    state: RowState

    @property
    def unpaid_fen(self) -> int:
        return self.row.unpaid.total_fen


def row_state(row: Instalment, on: date) -> RowState:
    """What became of an instalment by a day. Of one paid before it is due nothing is left to come."""
    if row.billed and row.unpaid.total_fen:
        return RowState.OVERDUE if row.due_on < on else RowState.DUE
    if row.billed or (row.due_fen and not row.unpaid.total_fen):
        return RowState.PAID_LATE if row.late_fen else RowState.PAID
    return RowState.TO_COME


@dataclass(frozen=True, slots=True)
class Standing:
    """A loan on a day. Of instalments that ask for nothing there is nothing to see."""

    loan: Loan
    told: LoanOnDay

    @property
    def on(self) -> date:
        return self.told.as_of

    @property
    def rows(self) -> list[ShownRow]:
        """The instalments that ask for something, in order."""
        return [
            ShownRow(row, row_state(row, self.on)) for row in self.told.rows if row.due_fen or row.prepaid_fen
        ]

    @property
    def penalty_fen(self) -> int:
        """Penalty that ran and was not asked for yet."""
        return max(round_fen(self.told.accrued_penalty_fen), 0)

    @property
    def interest_fen(self) -> int:
        """Interest that ran since the last due date."""
        return max(round_fen(self.told.accrued_interest_fen), 0)

    @property
    def due_fen(self) -> int:
        """All that is due by now: instalments of today and before, and the penalty that runs on those."""
        if self.loan.status not in RUNNING:
            return 0
        billed = sum(row.unpaid.total_fen for row in self.told.rows if row.billed)
        return max(billed + self.penalty_fen - self.told.credit_fen, 0)

    @property
    def overdue_fen(self) -> int:
        """What of it is past its due date, with the penalty."""
        late_fen = self.told.overdue.total_fen
        return late_fen + self.penalty_fen if late_fen else 0

    @property
    def days_past_due(self) -> int:
        return self.told.days_past_due

    @property
    def oldest_due_on(self) -> date | None:
        return self.told.oldest_due_on

    @property
    def payoff_fen(self) -> int:
        """What would end the loan on this day; nothing for one that does not run."""
        return self.told.payoff.total_fen if self.loan.status == LoanStatus.ACTIVE else 0

    @property
    def next_row(self) -> Instalment | None:
        """The next instalment that is not due yet and still asks for something."""
        coming = (row for row in self.told.rows if not row.billed and row.unpaid.total_fen)
        return next(coming, None) if self.loan.status == LoanStatus.ACTIVE else None

    @property
    def repaid_percent(self) -> int:
        """The share of the principal that is repaid."""
        lent_fen = self.told.books.lent_fen
        return 100 * self.told.books.paid.principal_fen // lent_fen if lent_fen else 0


def standing(loan: Loan, on: date) -> Standing:
    """A loan on a day, from its facts."""
    return Standing(loan, loan_on(loan, on))


def own_loan(*, customer_id: UUID, loan_uuid: UUID) -> Loan | None:
    """The customer's own loan; None for anybody else's."""
    found = Loan.objects.select_related("product", "terms__offer", "customer")
    return found.filter(customer_id=customer_id, uuid=loan_uuid).first()


@dataclass(frozen=True, slots=True)
class Event:
    """One fact of a loan and what its money paid; what was reversed paid nothing."""

    row: LoanTransaction
    allocated: Allocated | None
    is_reversed: bool
    # The order whose proceeds it is, by the platform's name of it.
    order: str = ""

    @property
    def parts(self) -> Parts:
        return self.allocated.parts if self.allocated else Parts()

    @property
    def credit_fen(self) -> int:
        return self.allocated.credit_fen if self.allocated else 0


def events(loan: Loan, told: LoanOnDay) -> list[Event]:
    """Everything that was recorded of a loan, newest first, with where money went."""
    allocated = {each.ref: each for each in told.allocations}
    rows = list(LoanTransaction.objects.filter(loan=loan).order_by("-pk"))
    reversed_ids = {row.reverses_id for row in rows}
    settled = [row.entry_id for row in rows if row.reference.startswith("order:")]
    pledged = OrderEvent.objects.filter(order__pledges__loan=loan, kind=OrderEventKind.SETTLED)
    found = pledged.filter(entry_id__in=settled)
    orders = dict(found.values_list("entry_id", "order__reference")) if settled else {}
    return [
        Event(row, allocated.get(row.reference), row.pk in reversed_ids, orders.get(row.entry_id, ""))
        for row in rows
    ]
