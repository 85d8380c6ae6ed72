"""Reading instalments: what is offered on a date, what is to come, and what paying it off would cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from huabei import selectors
from huabei.instalments import Offer, PayoffQuote, Row, offer, payoff_quote, statement_days
from huabei.models import Due, InstalmentOption, InstalmentTerms, Line, PayoffRule, Plan, PlanRow
from huabei.selectors import LinePosition


def instalment_terms_on(on: date) -> InstalmentTerms:
    """The terms of instalments in force on a date."""
    return InstalmentTerms.objects.filter(effective_from__lte=on).latest("effective_from")


def option_on(periods: int, on: date) -> InstalmentOption | None:
    """The option of this many instalments that is offered on a date."""
    terms = instalment_terms_on(on)
    return terms.options.select_related("terms").filter(periods=periods).first()


def offers_on(amount_fen: int, on: date) -> list[Offer]:
    """An amount in every number of instalments that is offered on a date."""
    options = instalment_terms_on(on).options.order_by("periods")
    return [offer(amount_fen, option.periods, option.fee_rate) for option in options]


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


def statement_choice(line: Line, position: LinePosition, on: date) -> StatementChoice | None:
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
    unpaid_fen = min(position.billed_fen, due.principal_fen)
    return StatementChoice(
        due,
        instalment_terms_on(on).smallest_statement_plan_fen,
        max(unpaid_fen - due.instalment_fen, 0),
    )
