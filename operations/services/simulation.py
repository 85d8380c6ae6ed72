"""
The official simulator of a line: a story in, its statements and standing out.

It drives the services that serve customers and the steps that close a day, in a transaction that it rolls back, so what it
prints is what the product would do.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from django.db import connection, transaction

from finance.errors import DomainError
from finance.money import format_yuan
from huabei import autopay, selectors
from huabei.models import Line, Plan, PurchaseState, Repayment
from huabei.services import campaigns, corrections, credit, instalments, lifecycle, limits
from huabei.services.calendars import change_calendar
from huabei.services.causes import CUSTOMER, Why
from huabei.services.lines import Opening, open_line
from operations.services.closing import close_lines
from operations.services.line_shopping import STAFF, Shopping, a_customer, open_shops
from operations.services.line_story import BadStory, Event, Story
from payments.models import FundingSource, PaymentAttempt
from payments.services import answers, sending, sources
from payments.simulator import SimulatedGateway, fund


@dataclass(slots=True)
class _Told(Shopping):
    """The story as it is being told: what is bought, what happens to the line beside, and what was refused."""

    freeze_ids: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    refused: list[dict[str, Any]] = field(default_factory=list)

    def repayment(self, event: Event) -> None:
        assert event.amount_fen is not None
        corrections.repay_from(
            line_id=self.line_id,
            amount_fen=event.amount_fen,
            reference=event.ref,
            on=event.on,
            value_on=event.value_on,
        )

    def reversal(self, event: Event) -> None:
        """A repayment bounces, or a purchase is taken back, whichever has this ref."""
        repayment = Repayment.objects.filter(line_id=self.line_id, reference=event.ref).first()
        if repayment is not None:
            corrections.reverse_repayment(repayment_id=repayment.pk, reason="", on=event.on)
        else:
            corrections.reverse_purchase(purchase_id=self.purchase_of(event).pk, reason="", on=event.on)

    def calendar_change(self, event: Event) -> None:
        change_calendar(line_id=self.line_id, statement_day=event.statement_day, on=event.on)

    def statement_plan(self, event: Event) -> None:
        assert event.amount_fen is not None
        assert event.instalments is not None
        self.refuse_used(event)
        plan = instalments.spread_statement(
            line_id=self.line_id,
            amount_fen=event.amount_fen,
            periods=event.instalments,
            reference=event.ref,
            on=event.on,
        )
        self.plan_ids[event.ref] = plan.pk

    def payoff(self, event: Event) -> None:
        plan_id = self.plan_ids.get(event.ref)
        if plan_id is None and event.ref in self.purchase_ids:
            of_purchase = Plan.objects.filter(purchase_id=self.purchase_ids[event.ref]).order_by("pk")
            plan_id = of_purchase.values_list("pk", flat=True).first()
        if plan_id is None:
            raise instalments.PlanNotFound(f"no plan {event.ref!r} was made before")
        instalments.pay_off(plan_id=plan_id, reference=f"payoff-{event.position}", on=event.on)

    def limit(self, event: Event) -> None:
        assert event.amount_fen is not None
        why = Why("risk", STAFF, f"limit-{event.position}")
        limits.change_limit(line_id=self.line_id, limit_fen=event.amount_fen, why=why, on=event.on)

    def temporary_limit(self, event: Event) -> None:
        assert event.amount_fen is not None
        assert event.last_day is not None
        limits.raise_temporarily(
            line_id=self.line_id,
            amount_fen=event.amount_fen,
            last_day=event.last_day,
            why=Why("travel", STAFF, f"limit-{event.position}"),
            on=event.on,
        )

    def freeze(self, event: Event) -> None:
        why = Why(event.cause, STAFF, event.ref)
        self.freeze_ids[event.ref] = lifecycle.freeze(line_id=self.line_id, why=why, on=event.on).pk

    def thaw(self, event: Event) -> None:
        why = Why("cleared", STAFF, event.ref)
        lifecycle.thaw(freeze_id=self.freeze_ids.get(event.ref, 0), why=why, on=event.on)

    def close(self, event: Event) -> None:
        why = Why("customer_wish", CUSTOMER, f"close-{event.position}")
        lifecycle.close(line_id=self.line_id, why=why, on=event.on)

    def credit_payout(self, event: Event) -> None:
        assert event.amount_fen is not None
        credit.pay_out_credit(
            line_id=self.line_id, amount_fen=event.amount_fen, reference=event.ref, by=CUSTOMER, on=event.on
        )

    def source(self, event: Event) -> None:
        """A source of the customer's, after those there are, with so much behind it; or so much is behind it from now on."""
        assert event.amount_fen is not None
        token = self.tokens.setdefault(event.ref, uuid4().hex)
        fund(token=token, balance_fen=event.amount_fen)
        if not FundingSource.objects.filter(owner=self.customer_id, token=token).exists():
            sources.add_source(
                owner=self.customer_id, kind="card", token=token, name=event.ref, autopay=True, on=event.on
            )

    def autopay(self, event: Event) -> None:
        sources.choose_autopay(
            owner=self.customer_id, purpose=autopay.PURPOSE, amount=event.choice, on=event.on
        )

    def collect(self, on: date) -> None:
        """
        What is due today is collected from the sources in their order, by a gateway that is simulated whatever this
        installation has.
        """
        for order_id in autopay.order_dues(on=on, line_ids=[self.line_id], hint=False) if self.tokens else ():
            while tried := sending.next_try(order_id=order_id, on=on, still_asked=autopay.still_asked):
                answer = SimulatedGateway().request(sending.instruction(tried.attempt))
                attempt = answers.record_answer(reference=tried.attempt.reference, answer=answer, on=on)
                settled = answers.settle(attempt_id=attempt.pk, on=on)
                if settled is not None:
                    autopay.book_collection(settled, on)

    def collections(self) -> list[dict[str, Any]]:
        """Every try to collect, in their order."""
        tried = PaymentAttempt.objects.filter(order__owner=self.customer_id).select_related("source")
        return [
            {
                "on": attempt.asked_on.isoformat(),
                "source": attempt.source.name,
                "asked": format_yuan(attempt.amount_fen),
                "collected": format_yuan(attempt.moved_fen),
            }
            for attempt in tried.order_by("pk")
        ]

    def happen(self, event: Event) -> None:
        """
        One event; what the services refuse is noted, and the story goes on. Outside a transaction each service is its own,
        as when it serves customers.
        """
        act: Callable[[Event], None] = getattr(self, event.type)
        within = transaction.atomic() if connection.in_atomic_block else nullcontext()
        try:
            with within:
                act(event)
        except BadStory:
            raise
        except DomainError as refusal:
            self.refused.append(
                {"event": event.position, "ref": event.ref, "code": refusal.code, "message": str(refusal)}
            )


def _begin(story: Story) -> _Told:
    customer = a_customer(story.opened_on)
    opening = Opening(customer.pk, story.limit_fen, statement_day=story.statement_day, due_day=story.due_day)
    waiting = frozenset(event.ref for event in story.events if event.type in ("capture", "void"))
    line_id = open_line(opening=opening, on=story.opened_on)
    return _Told(line_id, customer.pk, open_shops(story), waiting)


def _plans(line_id: int) -> list[dict[str, Any]]:
    """The line's plans with the rows that were billed and those to come, in yuan."""
    plans = Plan.objects.filter(line_id=line_id).exclude(purchase__state=PurchaseState.REVERSED)
    plans = plans.select_related("purchase", "payoff").order_by("pk")
    return [
        {
            "ref": plan.purchase.reference if plan.purchase else plan.reference,
            "made_on": plan.made_on.isoformat(),
            "principal": format_yuan(plan.principal_fen),
            "fee": format_yuan(plan.fee_fen),
            "periods": plan.periods,
            "rows": [
                {
                    "n": row.number,
                    "principal": format_yuan(row.principal_fen),
                    "fee": format_yuan(row.fee_fen),
                    "billed_on": row.billed_on.isoformat() if row.billed_on else None,
                }
                for row in plan.rows.filter(ended_on__isnull=True).order_by("number")
            ],
            "paid_off_on": plan.payoff.paid_on.isoformat() if hasattr(plan, "payoff") else None,
        }
        for plan in plans
    ]


def _ending(told: _Told, on: date) -> dict[str, Any]:
    line = Line.objects.get(pk=told.line_id)
    position = selectors.line_position(line, on)
    statements = [
        {
            "issued_on": statement.issued_on.isoformat(),
            "due_on": statement.due_on.isoformat(),
            "principal": format_yuan(statement.principal_fen),
            "interest": format_yuan(statement.interest_fen),
            "penalty": format_yuan(statement.penalty_fen),
            "fee": format_yuan(statement.fee_fen),
            "total": format_yuan(statement.total_fen),
            "minimum": format_yuan(statement.minimum_fen),
            "credit_used": format_yuan(statement.credit_used_fen),
            "correction": format_yuan(statement.correction_fen),
        }
        for statement in selectors.statements_of(line.pk).reverse()
    ]
    late = selectors.delinquency(line.pk, on)
    standing = {
        "statements": statements,
        "plans": _plans(line.pk),
        "drawn": format_yuan(position.drawn_fen),
        "held": format_yuan(position.held_fen),
        "available": format_yuan(position.available_fen),
        "credit": format_yuan(position.credit_fen),
        "owed": format_yuan(position.owed_fen),
        "overdue": format_yuan(late.overdue_fen),
        "status": line.status,
        "refused": told.refused,
    }
    if told.tokens:
        standing["collections"] = told.collections()
    if told.campaign_ids:
        standing["campaigns"] = told.campaigns()
    if told.shared:
        standing["shares"] = told.shares()
    if escrow := told.in_escrow():
        standing["escrow"] = escrow
    return standing


def simulate(story: Story) -> dict[str, Any]:
    """
    Tells the story on the real services and closes every day before `until`; returns its statements and the line's standing
    on that date, in yuan. Nothing of it stays in the database.
    """
    with transaction.atomic():
        told = _begin(story)
        events = list(story.events)
        day = story.opened_on
        while True:
            while events and events[0].on == day:
                told.happen(events.pop(0))
            if day == story.until:
                break
            told.collect(day)
            close_lines(closed_on=day, line_ids=[told.line_id])
            if told.campaign_ids:
                campaigns.end_over(closed_on=day, campaign_ids=list(told.campaign_ids.values()))
            day += timedelta(days=1)
        ending = _ending(told, story.until)
        transaction.set_rollback(True)
    return ending
