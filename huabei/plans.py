"""Reading instalments: what is offered on a date, what is to come, and what paying it off would cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from huabei import selectors
from huabei.campaigning import campaigns_for
from huabei.instalments import (
    Offer,
    PayoffQuote,
    Row,
    due_date,
    offer,
    payoff_quote,
    statement_days,
    subsidised,
)
from huabei.models import (
    Due,
    InstalmentOption,
    InstalmentTerms,
    Line,
    LineStatus,
    PayoffRule,
    Plan,
    PlanRow,
    Statement,
)
from huabei.selectors import LinePosition
from ledger.selectors import position


def instalment_terms_on(on: date) -> InstalmentTerms:
    """The terms of instalments in force on a date."""
    return InstalmentTerms.objects.filter(effective_from__lte=on).latest("effective_from")


def option_on(periods: int, on: date) -> InstalmentOption | None:
    """The option of this many instalments that is offered on a date."""
    terms = instalment_terms_on(on)
    return terms.options.select_related("terms").filter(periods=periods).first()


def offers_on(amount_fen: int, on: date, *, merchant_id: UUID | None = None) -> list[Offer]:
    """
    An amount in every number of instalments that is offered on a date; bought at a shop, whose campaigns pay the fee of some.
    """
    options = list(instalment_terms_on(on).options.order_by("periods"))
    paid = (
        campaigns_for(merchant_id=merchant_id, amount_fen=amount_fen, options=options, on=on)
        if merchant_id
        else {}
    )
    offers = [offer(amount_fen, option.periods, option.fee_rate) for option in options]
    return [subsidised(each) if each.periods in paid else each for each in offers]


def rows_to_come(plan_id: int) -> list[PlanRow]:
    """The rows of a plan that are neither billed nor ended, in their order."""
    return list(
        PlanRow.objects.filter(plan_id=plan_id, billed_on__isnull=True, ended_on__isnull=True).order_by(
            "number"
        )
    )


def as_row(row: PlanRow) -> Row:
    """A stored row as the pure core knows it."""
    return Row(row.number, row.principal_fen, row.fee_fen)


def payoff_quote_on(plan: Plan, *, today: date, on: date) -> PayoffQuote:
    """
    What paying off a plan would cost on a date, `today` or later: without the rows that statement days up to it will have
    billed by then.
    """
    rows = [as_row(row) for row in rows_to_come(plan.pk)]
    billed = sum(day <= on for day in statement_days(plan.line.statement_day, today, len(rows)))
    return payoff_quote(rows[billed:], fees_waived=plan.payoff_rule == PayoffRule.FEES_WAIVED, on=on)


@dataclass(frozen=True, slots=True)
class StatementChoice:
    """What of the latest statement may be put into instalments on a date, in fen."""

    due: Due
    smallest_fen: int
    largest_fen: int

    @property
    def is_open(self) -> bool:
        """Whether there is any amount to choose."""
        return self.largest_fen >= self.smallest_fen


def statement_choice(line: Line, stands: LinePosition, on: date) -> StatementChoice | None:
    """
    The latest statement's unpaid purchases, from its day up to and with its due date; None at other times and while
    something is overdue.
    """
    due = Due.objects.filter(line=line).order_by("-issued_on").first()
    if due is None or due.statement_id is None or not due.issued_on <= on <= due.due_on:
        return None
    if selectors.delinquency(line.pk, on).overdue_fen:
        return None
    # The oldest principal is paid first, so what is unpaid of the newest is all that stands billed, up to all of it.
    unpaid_fen = min(stands.billed_fen, due.principal_fen)
    return StatementChoice(
        due,
        instalment_terms_on(on).smallest_statement_plan_fen,
        max(unpaid_fen - due.instalment_fen, 0),
    )


def open_choice(line: Line, on: date) -> StatementChoice | None:
    """What of the latest statement the line's owner can put into instalments; None when there is nothing."""
    if line.status != LineStatus.ACTIVE:
        return None
    choice = statement_choice(line, selectors.line_position(line, on), on)
    return choice if choice is not None and choice.is_open else None


def may_be_spread(statement: Statement, on: date | None) -> bool:
    """Whether it looks as if something of a statement could be put into instalments: worth a link to where it is said."""
    line, due = statement.line, statement.due
    if on is None or line.status != LineStatus.ACTIVE or not due.issued_on <= on <= due.due_on:
        return False
    return position(line.billed_account_id).debit_fen > due.instalment_fen


@dataclass(frozen=True, slots=True)
class DatedRow:
    """A row with the statement day that billed it or will, and the day by which it is or will be due."""

    number: int
    principal_fen: int
    fee_fen: int
    issued_on: date
    due_on: date
    is_billed: bool

    @property
    def due_fen(self) -> int:
        """What it asks for."""
        return self.principal_fen + self.fee_fen


def dated(line: Line, rows: Sequence[Row], after: date) -> list[DatedRow]:
    """Rows that would begin after a date, with their days on the line's calendar."""
    days = statement_days(line.statement_day, after, len(rows))
    return [
        DatedRow(
            row.number, row.principal_fen, row.fee_fen, day, due_date(day, line.due_day), is_billed=False
        )
        for row, day in zip(rows, days, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class PlanStanding:
    """A plan with its rows, billed and to come, and what is to come in fen."""

    plan: Plan
    rows: Sequence[DatedRow]

    @property
    def to_come(self) -> list[DatedRow]:
        """The rows that no statement has billed yet."""
        return [row for row in self.rows if not row.is_billed]

    @property
    def principal_to_come_fen(self) -> int:
        """Principal that no statement has asked for yet."""
        return sum(row.principal_fen for row in self.to_come)

    @property
    def fee_to_come_fen(self) -> int:
        """Fees that no statement has asked for yet."""
        return sum(row.fee_fen for row in self.to_come)

    @property
    def next_row(self) -> DatedRow | None:
        """The row that the next statement will bill."""
        return self.to_come[0] if self.to_come else None


def _with_rows() -> QuerySet[Plan]:
    rows = PlanRow.objects.filter(ended_on__isnull=True).order_by("number")
    return Plan.objects.select_related("line", "due", "purchase__merchant__shop", "payoff").prefetch_related(
        Prefetch("rows", queryset=rows, to_attr="live_rows")
    )


def _standing(plan: Plan, today: date) -> PlanStanding:
    live: list[PlanRow] = plan.live_rows  # type: ignore[attr-defined]
    billed = [
        DatedRow(
            row.number,
            row.principal_fen,
            row.fee_fen,
            row.billed_on,
            due_date(row.billed_on, plan.line.due_day),
            is_billed=True,
        )
        for row in live
        if row.billed_on
    ]
    to_come = [as_row(row) for row in live if row.billed_on is None]
    return PlanStanding(plan, [*billed, *dated(plan.line, to_come, today)])


def plans_of(line_id: int, today: date, *, most: int = 200) -> list[PlanStanding]:
    """The line's plans, newest first (two queries)."""
    return [_standing(plan, today) for plan in _with_rows().filter(line_id=line_id).order_by("-pk")[:most]]


def own_plan(*, customer_id: UUID, plan_id: int, today: date) -> PlanStanding | None:
    """One of the customer's own plans; None when it is somebody else's or nobody's."""
    plan = _with_rows().filter(pk=plan_id, line__customer_id=customer_id).first()
    return _standing(plan, today) if plan else None
