"""The words of a loan's life: its terms, what happens to it, and what it then looks like.

`finance.replay` turns terms and transactions into a `Loan`. All of these are immutable; every refusal is a LoanError
that names the field.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from finance.allocation import COMPONENTS, Order
from finance.dates import Frequency
from finance.errors import DomainError
from finance.rates import Rate
from finance.schedule import Method, Terms


class LoanError(DomainError):
    """Terms or a transaction that no loan can have. `ref` is the transaction's, where it is one."""

    code = "refused_by_loan"
    ref: str | None = None


class Ahead(StrEnum):
    """What becomes of money that comes before it is due."""

    NEXT = "next"
    """Repays principal at once and counts towards the coming instalments, the next one first."""
    SPREAD = "spread"
    """The same, shared equally by all coming instalments."""
    REDUCE = "reduce_instalment"
    """Repays principal at once; what exceeds the next instalment's principal makes those after it smaller."""
    SHORTEN = "shorten_term"
    """Repays principal at once; instalments stay as they are, so the last ones fall away."""
    HOLD = "hold"
    """Waits as the borrower's credit for what falls due: where repaying principal early costs a fee."""


class Kind(StrEnum):
    """What can happen to a loan."""

    DISBURSEMENT = "disbursement"
    REPAYMENT = "repayment"
    PREPAYMENT = "prepayment"
    PAYOFF = "payoff"
    CHARGE = "charge"
    RATE_CHANGE = "rate_change"
    DUE_DAY_CHANGE = "due_day_change"
    PAUSE = "pause"
    RESCHEDULE = "reschedule"
    CREDIT_REFUND = "credit_refund"
    REVERSAL = "reversal"
    CHARGE_OFF = "charge_off"
    WRITE_OFF = "write_off"
    RECOVERY = "recovery"


class Reschedule(StrEnum):
    """How coming instalments are made anew. What was overdue is then no longer."""

    REAMORTISE = "reamortise"
    """What is overdue goes onto the coming instalments; their dates stay."""
    REAGE = "reage"
    """All that is owed starts over in new instalments."""
    EXTEND = "extend"
    """So many instalments more; the principal is shared anew over all that come."""


MONEY_IN = (Kind.REPAYMENT, Kind.PREPAYMENT, Kind.PAYOFF, Kind.RECOVERY)
_WITH_AMOUNT = (*MONEY_IN, Kind.DISBURSEMENT, Kind.CHARGE, Kind.CREDIT_REFUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One fact of a loan. `on` is the day from which it counts, `recorded` its place among all that were recorded.

    Facts are replayed in the order of their day, and within a day as they were recorded. Which of the other fields a
    kind needs, it says when they are missing: LoanError.
    """

    ref: str
    kind: Kind
    on: date
    recorded: int
    amount_fen: int = 0
    component: str = "fee"
    """Charge: "fee" or "penalty"."""
    due_on: date | None = None
    """Charge: when it falls due. Re-age: the first new due date. Pause: its last day."""
    rate: Rate | None = None
    due_day: int | None = None
    ahead: Ahead | None = None
    """Repayment, prepayment: another use of money not due yet than the product's."""
    instalment_fen: int | None = None
    """The level instalment from now on where it is agreed rather than computed."""
    mode: Reschedule | None = None
    periods: int | None = None
    frequency: Frequency | None = None
    reverses: str | None = None

    def __post_init__(self) -> None:
        if self.kind in _WITH_AMOUNT and self.amount_fen < 1:
            raise LoanError("the amount must be at least 0.01", field="amount")
        needs: tuple[str, ...] = {
            Kind.RATE_CHANGE: ("rate",),
            Kind.DUE_DAY_CHANGE: ("due_day",),
            Kind.PAUSE: ("due_on",),
            Kind.RESCHEDULE: ("mode",),
            Kind.REVERSAL: ("reverses",),
        }.get(self.kind) or ()
        if self.mode is Reschedule.REAGE:
            needs += ("due_on", "periods")
        elif self.mode is Reschedule.EXTEND:
            needs += ("periods",)
        for name in needs:
            if getattr(self, name) is None:
                raise LoanError(f"a {self.kind} needs {name}", field=name)
        if self.component not in ("fee", "penalty"):
            raise LoanError("a charge is a fee or a penalty", field="component")
        if self.due_day is not None and not 1 <= self.due_day <= 31:
            raise LoanError("must be a day of the month from 1 to 31", field="due_day")
        if self.kind is Kind.PAUSE and self.due_on is not None and self.due_on < self.on:
            raise LoanError("a pause ends on its first day or later", field="until")
        if self.mode is Reschedule.REAGE and self.due_on is not None and self.due_on <= self.on:
            raise LoanError("the first new due date must be after the re-aging", field="due_on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the product says about the loan's life after it is signed."""

    ahead: Ahead = Ahead.NEXT
    prepaid: Ahead = Ahead.REDUCE
    """What a prepayment does to the instalments: REDUCE or SHORTEN."""
    prepayment_fees: tuple[tuple[int, Decimal], ...] = ()
    """(last period, fraction of the principal repaid early), ascending; after the last it is free."""
    penalty: Rate | None = None
    """On overdue principal, in addition to interest, from the day after the due date."""
    grace_days: int = 0
    """An instalment paid within so many days after its due date bears no penalty."""
    components: tuple[str, ...] = COMPONENTS
    order: Order = Order.DUE_THEN_COMPONENT

    def prepayment_fee_rate(self, period: int) -> Decimal:
        """The fraction of the principal that repaying it early costs in this period."""
        return next((rate for last, rate in self.prepayment_fees if period <= last), Decimal(0))


@dataclass(frozen=True, slots=True)
class LoanTerms:
    """The signed terms: the schedule's, and the rules of its life.

    `shares` gives the due dates and each one's principal instead of computing them.
    """

    schedule: Terms
    rules: Rules = Rules()
    shares: tuple[tuple[date, int], ...] = ()

    def __post_init__(self) -> None:
        if self.schedule.method is Method.FLAT:
            raise LoanError("flat interest can be quoted, not serviced", field="method")


@dataclass(frozen=True, slots=True)
class Parts:
    """An amount by component, in fen."""

    principal_fen: int = 0
    interest_fen: int = 0
    fee_fen: int = 0
    penalty_fen: int = 0

    @classmethod
    def of(cls, amounts: dict[str, int]) -> "Parts":
        return cls(*(amounts[name] for name in ("principal", "interest", "fee", "penalty")))

    @property
    def total_fen(self) -> int:
        return self.principal_fen + self.interest_fen + self.fee_fen + self.penalty_fen

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(
            self.principal_fen + other.principal_fen,
            self.interest_fen + other.interest_fen,
            self.fee_fen + other.fee_fen,
            self.penalty_fen + other.penalty_fen,
        )

    def __sub__(self, other: "Parts") -> "Parts":
        return Parts(
            self.principal_fen - other.principal_fen,
            self.interest_fen - other.interest_fen,
            self.fee_fen - other.fee_fen,
            self.penalty_fen - other.penalty_fen,
        )


@dataclass(frozen=True, slots=True)
class Instalment:
    """One row of the schedule as it stands. Rows not billed yet are what they will be if nothing else happens.

    `asked` is what the row asks for; `prepaid_fen`, principal repaid during it on top, is in neither `asked` nor
    `paid`. `outstanding_fen` is the principal after this row.
    """

    n: int
    starts_on: date
    due_on: date
    billed: bool
    asked: Parts
    paid: Parts
    prepaid_fen: int
    early_fen: int
    late_fen: int
    outstanding_fen: int
    settled_on: date | None

    @property
    def days(self) -> int:
        return (self.due_on - self.starts_on).days

    @property
    def unpaid(self) -> Parts:
        return self.asked - self.paid

    @property
    def due_fen(self) -> int:
        """All the row costs, with what was prepaid during it."""
        return self.asked.total_fen + self.prepaid_fen

    @property
    def paid_fen(self) -> int:
        return self.paid.total_fen + self.prepaid_fen


@dataclass(frozen=True, slots=True)
class Allocated:
    """Where one transaction's money went. `owed_fen` is all that was owed after it, without interest not yet due."""

    ref: str
    kind: Kind
    on: date
    amount_fen: int
    parts: Parts
    credit_fen: int
    principal_left_fen: int
    owed_fen: int


class Accrues(StrEnum):
    INTEREST = "interest"
    PENALTY = "penalty"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days over which something accrues as a function: carried + principal x rate x days. Open where `until` is None."""

    kind: Accrues
    since: date
    until: date | None
    principal_fen: int
    rate: Rate
    carried_fen: Fraction


class Status(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    CLOSED = "closed"
    OVERPAID = "overpaid"
    CHARGED_OFF = "charged_off"
    WRITTEN_OFF = "written_off"


@dataclass(frozen=True, slots=True)
class Payoff:
    """What ends the loan on a day. `fee` holds what repaying early costs; `credit_fen` is what the borrower has already."""

    parts: Parts
    prepayment_fee_fen: int
    credit_fen: int

    @property
    def total_fen(self) -> int:
        """What is to be paid."""
        return max(self.parts.total_fen - self.credit_fen, 0)


@dataclass(frozen=True, slots=True)
class Books:
    """What the loan has moved since it began, in fen: the figures that postings bring the ledger to.

    `lent_fen` is principal; `kept_fee_fen` of it was kept back as an upfront fee. `billed` is what was asked for of
    interest, fees and penalty (and of principal nothing); `paid` and `lost` what became of it and of principal.
    `credit_fen` stands to the borrower's credit; `refunded_fen` of it was paid out, and `from_credit` of what was paid
    came from it. What was recovered after the loan was given up is in none of them but `recovered_fen`.
    """

    lent_fen: int = 0
    kept_fee_fen: int = 0
    billed: Parts = Parts()
    paid: Parts = Parts()
    lost: Parts = Parts()
    from_credit: Parts = Parts()
    credit_fen: int = 0
    refunded_fen: int = 0
    recovered_fen: int = 0


@dataclass(frozen=True, slots=True)
class Coming:
    """What falls due on a day to come if nothing happens before: what row `n` then asks for anew, and is paid at once.

    `row` is the row after that; `interest_fen` and `fee_fen` are new with it, `from_credit` is what the borrower's credit
    pays of it. `status` is the loan's afterwards.
    """

    row: Instalment
    interest_fen: int
    fee_fen: int
    from_credit: Parts
    status: Status


@dataclass(frozen=True, slots=True)
class Future:
    """The future in which nothing happens: rows fall due one by one, and interest and penalty run as `stretches` say.

    The stretches are all of the loan, from its first day on.
    """

    coming: tuple[Coming, ...]
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Loan:
    """A loan on a day."""

    as_of: date
    status: Status
    rows: tuple[Instalment, ...]
    allocations: tuple[Allocated, ...]
    stretches: tuple[Stretch, ...]
    books: Books
    outstanding: Parts
    """Principal lent and not repaid, and of the rest what was billed and is unpaid."""
    accrued_interest_fen: Fraction
    """Since the last due date, exact, less what was paid of it."""
    accrued_penalty_fen: Fraction
    payoff: Payoff
    oldest_due_on: date | None
    operations: int = field(compare=False)
    """Steps of the replay, for tests of what it costs."""

    @property
    def credit_fen(self) -> int:
        return self.books.credit_fen

    @property
    def days_past_due(self) -> int:
        return (self.as_of - self.oldest_due_on).days if self.oldest_due_on else 0

    @property
    def overdue(self) -> Parts:
        """What is past its due date."""
        late = Parts()
        for row in self.rows:
            if row.billed and row.due_on < self.as_of:
                late += row.unpaid
        return late


def ordered(transactions: Iterable[Transaction]) -> list[Transaction]:
    """The canonical order: by the day from which a fact counts, then as recorded."""
    return sorted(transactions, key=lambda each: (each.on, each.recorded))


def effective(transactions: Iterable[Transaction], as_of: date) -> list[Transaction]:
    """What happened by a day, in order, without what was reversed by then.

    LoanError for a reference used twice, and for a reversal of nothing, of a reversal, or of what was reversed before.
    """
    known = {}
    for each in ordered(transactions):
        if each.ref in known:
            raise LoanError(f"two transactions are called {each.ref!r}", field="ref")
        known[each.ref] = each
    gone: set[str] = set()
    for each in known.values():
        if each.kind is not Kind.REVERSAL or each.on > as_of:
            continue
        target = known.get(each.reverses or "")
        if target is None or target.kind is Kind.REVERSAL or target.ref in gone or target.on > each.on:
            raise LoanError(f"{each.reverses!r} cannot be reversed", field="reverses")
        gone.add(target.ref)
    return [
        each
        for each in known.values()
        if each.on <= as_of and each.ref not in gone and each.kind is not Kind.REVERSAL
    ]
