"""
The rows of instalment plans: how a capture begins them, and how a refund or a payoff ends those not billed.

For the transaction of the service that posts the money; it holds the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from huabei.instalments import Row, fee_of, rows_of, shrunk
from huabei.models import Plan, PlanChoice, PlanRefund, PlanRow, Purchase, Refund
from huabei.plans import as_row, rows_to_come
from huabei.services.campaigns import charge_subsidy, return_subsidy


@dataclass(frozen=True, slots=True)
class Captured:
    """What a capture drew of a purchase for which instalments were chosen."""

    purchase_id: int
    line_id: int
    amount_fen: int
    entry_id: int


def begin_plans(*, captures: Sequence[Captured], on: date) -> list[Plan]:
    """
    The plans of captures, with their rows, as was agreed when they were authorised. Under a campaign the merchant is charged
    the fee, and the customer none.
    """
    choices = PlanChoice.objects.in_bulk([captured.purchase_id for captured in captures])
    plans = []
    for captured in captures:
        choice = choices[captured.purchase_id]
        fee_fen = fee_of(captured.amount_fen, choice.fee_rate)
        subsidy = charge_subsidy(choice=choice, captured_entry_id=captured.entry_id, fee_fen=fee_fen, on=on)
        plans.append(
            Plan(
                line_id=captured.line_id,
                purchase_id=captured.purchase_id,
                principal_fen=captured.amount_fen,
                periods=choice.periods,
                fee_rate=choice.fee_rate,
                fee_fen=0 if choice.campaign_id else fee_fen,
                campaign_id=choice.campaign_id,
                subsidy_fen=subsidy.fen,
                subsidy_entry_id=subsidy.entry_id,
                terms_id=choice.terms_id,
                payoff_rule=choice.payoff_rule,
                made_on=on,
                entry_id=captured.entry_id,
            )
        )
    made = Plan.objects.bulk_create(plans)
    add_rows([row for plan in made for row in first_rows(plan)])
    return made


def first_rows(plan: Plan) -> list[PlanRow]:
    """The rows that a plan begins with."""
    rows = rows_of(plan.principal_fen, plan.fee_fen, range(1, plan.periods + 1))
    return [_row(plan, row) for row in rows]


def add_rows(rows: Sequence[PlanRow]) -> None:
    """Writes rows of plans down."""
    PlanRow.objects.bulk_create(rows)


def end_rows(rows: Sequence[PlanRow], *, on: date) -> None:
    """Rows to come end: they will not be billed."""
    PlanRow.objects.filter(pk__in=[row.pk for row in rows]).update(ended_on=on)


def _row(plan: Plan, row: Row) -> PlanRow:
    return PlanRow(
        plan=plan,
        line_id=plan.line_id,
        number=row.number,
        principal_fen=row.principal_fen,
        fee_fen=row.fee_fen,
    )


@dataclass(frozen=True, slots=True)
class OffPlan:
    """What a refund takes off the rows to come of a plan, and the rows that follow them."""

    plan: Plan
    ended: Sequence[PlanRow]
    following: Sequence[Row]
    principal_fen: int
    fee_fen: int


def off_plans(purchase: Purchase, amount_fen: int) -> list[OffPlan]:
    """What a refund of a purchase in instalments takes off rows to come; of its captures, the last one's first."""
    left, taken = amount_fen, []
    for plan in Plan.objects.filter(purchase=purchase).order_by("-pk"):
        rows = rows_to_come(plan.pk)
        principal_fen = min(left, sum(row.principal_fen for row in rows))
        if principal_fen:
            following = shrunk([as_row(row) for row in rows], principal_fen)
            fee_fen = sum(row.fee_fen for row in rows) - sum(row.fee_fen for row in following)
            taken.append(OffPlan(plan, rows, following, principal_fen, fee_fen))
            left -= principal_fen
    return taken


def record_off_plans(*, taken: Sequence[OffPlan], refund: Refund) -> None:
    """The rows end, smaller ones follow them, and the fact is kept."""
    for off in taken:
        end_rows(off.ended, on=refund.refunded_on)
        add_rows([_row(off.plan, row) for row in off.following])
        PlanRefund.objects.create(
            plan=off.plan,
            refund=refund,
            principal_fen=off.principal_fen,
            fee_fen=off.fee_fen,
            refunded_on=refund.refunded_on,
            entry_id=refund.entry_id,
        )


def take_back_plans(*, purchase_id: int, on: date) -> None:
    """A purchase was taken back: nothing of its plans is to come, and the merchant is not charged their fee."""
    for plan_id in Plan.objects.filter(purchase_id=purchase_id).values_list("pk", flat=True):
        end_rows(rows_to_come(plan_id), on=on)
    return_subsidy(purchase_id=purchase_id, on=on)
