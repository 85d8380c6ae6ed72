"""
Whatever the gateway does and whoever is killed where: what was taken is what is booked, nothing twice, nothing lost.

A machine of Hypothesis lives through the due day of two lines and the days after. The gateway times out before and after it
moves money, answers late, twice and out of order, or has too little; customers repay by hand, put their sources into another
order, remove them; workers are killed between any two steps and in the middle of one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import huabei.autopay
from huabei.models import Line, Repayment
from huabei.services.repayments import repay
from ledger.audit import verify
from operations import audit
from operations.services import closing, paying
from payments import simulator
from payments.models import FundingSource, PaymentAttempt, PaymentOrder, SimulatedRequest
from payments.models.simulated import Behaviour
from payments.selectors import sources_of
from payments.services import answers, sending
from payments.services.sources import choose_autopay, remove_source, reorder_sources, set_autopay
from payments.simulator import SimulatedGateway
from payments.states import OPEN_STATES
from tests.line_world import stands
from tests.payment_world import DUE_DAY, a_source, balance, billed_lines, collect, unpark

pytestmark = pytest.mark.django_db

STORIES = int(os.environ.get("STORIES", "0"))
OWED = 1_000_00
LINES, SOURCES = 2, 3


class Killed(BaseException):
    """The worker is gone, as by kill -9: nothing catches it, and what was not committed is undone."""


# Where a worker may be killed: before and after each of these.
STEPS: tuple[tuple[Any, str], ...] = (
    (sending, "claim"),
    (sending, "next_try"),
    (SimulatedGateway, "query"),
    (SimulatedGateway, "request"),
    (answers, "record_answer"),
    (answers, "settle"),
    (huabei.autopay, "repay_from"),
    (huabei.autopay, "order_payments"),
)


@dataclass(frozen=True)
class Death:
    """At which step a worker is killed: before it or after it, the first time or after so many."""

    step: str
    before: bool
    times: int


@contextmanager
def killed(death: Death | None) -> Iterator[None]:
    """Kills whoever works inside, as told; None lets them live."""
    times = 0

    def passes(name: str, *, before: bool) -> None:
        nonlocal times
        if death and (name, before) == (death.step, death.before):
            times += 1
            if times > death.times:
                raise Killed

    def watched(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **given: Any) -> Any:
            passes(name, before=True)
            found = step(*args, **given)
            passes(name, before=False)
            return found

        return stepped

    with pytest.MonkeyPatch.context() as patch:
        for place, name in STEPS:
            patch.setattr(place, name, watched(name, getattr(place, name)))
        try:
            yield
        except Killed:
            return


which_line = st.integers(0, LINES - 1)
which_source = st.integers(0, SOURCES - 1)
killings = st.builds(
    Death, st.sampled_from([name for _place, name in STEPS]), st.booleans(), st.integers(0, 2)
)
deaths = st.none() | killings | killings
BEHIND = (0, 1, 100_00, 400_00)


class Weather(RuleBasedStateMachine):
    """Two lines of which 1,000.00 each is due today, and what happens to their collection."""

    lines: list[Line]

    def __init__(self) -> None:
        super().__init__()
        self._undone = transaction.atomic()
        self._undone.__enter__()
        self.funded: dict[str, int] = {}
        # By line: what was repaid by hand, for which a collection may already have been under way.
        self.by_hand = dict.fromkeys((line.pk for line in self.lines), 0)
        self.sources: list[list[FundingSource]] = []
        self.days_closed = self.steps = 0
        self.hands = 0

    def teardown(self) -> None:
        try:
            self.everything_is_answered_and_swept()
            self.nothing_twice_and_nothing_lost()
        finally:
            transaction.set_rollback(True)
            self._undone.__exit__(None, None, None)

    # What the world does

    @initialize(behind=st.lists(st.sampled_from(BEHIND), min_size=LINES * SOURCES, max_size=LINES * SOURCES))
    def some_have_money(self, behind: list[int]) -> None:
        for number, line in enumerate(self.lines):
            of_line = behind[number * SOURCES : (number + 1) * SOURCES]
            self.sources.append([a_source(line.customer_id, fen) for fen in of_line])
            self.funded |= {s.token: fen for s, fen in zip(self.sources[number], of_line, strict=True)}

    @rule(line=which_line, source=which_source, fen=st.sampled_from([99_99, 400_00, 2_000_00]))
    def money_comes_in(self, line: int, source: int, fen: int) -> None:
        token = self.sources[line][source].token
        self.funded[token] = self.funded.get(token, 0) + fen
        simulator.fund(token=token, balance_fen=balance(self.sources[line][source]) + fen)

    @rule(
        line=which_line,
        source=which_source,
        behaviours=st.lists(st.sampled_from(Behaviour.values), max_size=3),
    )
    def the_gateway_will_do(self, line: int, source: int, behaviours: list[str]) -> None:
        simulator.script(token=self.sources[line][source].token, behaviours=behaviours)

    @rule(line=which_line, fen=st.sampled_from([1, 100_00, OWED]))
    def somebody_repays_by_hand(self, line: int, fen: int) -> None:
        self.hands += 1
        reference = f"hand-{self.hands}"
        repay(line_id=self.lines[line].pk, amount_fen=fen, reference=reference, on=closing.business_date())
        self.by_hand[self.lines[line].pk] += fen

    @rule(
        line=which_line,
        source=which_source,
        act=st.sampled_from(["first", "last", "allow", "forbid", "remove", "full", "minimum", "off"]),
    )
    def the_customer_decides(self, line: int, source: int, act: str) -> None:
        found, on = self.sources[line][source], closing.business_date()
        owner, uuid = found.owner, found.uuid
        if act in ("full", "minimum", "off"):
            choose_autopay(owner=owner, purpose=huabei.autopay.PURPOSE, amount=act, on=on)
        elif act == "remove":
            remove_source(owner=owner, source=uuid, on=on)
        elif uuid in (there := list(sources_of(owner).values_list("uuid", flat=True))):
            others = [each for each in there if each != uuid]
            if act in ("allow", "forbid"):
                set_autopay(owner=owner, source=uuid, allowed=act == "allow", on=on)
            else:
                order = [uuid, *others] if act == "first" else [*others, uuid]
                reorder_sources(owner=owner, order=order, on=on)

    # What the workers do, as long as they live

    @rule(death=deaths, sent=st.booleans(), line=which_line, source=which_source)
    def the_job_runs(self, death: Death | None, sent: bool, line: int, source: int) -> None:
        self.money_comes_in(line, source, 50_00)
        with killed(death):
            paying.collect_dues()
            if sent:
                paying.sweep()

    @rule(death=deaths)
    def the_sweep_runs(self, death: Death | None) -> None:
        unpark()
        with killed(death):
            paying.sweep()

    @rule(death=deaths, pick=st.integers(0, 9), times=st.integers(0, 2))
    def the_gateway_calls_back(self, death: Death | None, pick: int, times: int) -> None:
        """Any request that arrived, answered before or not; told, and brought as often as it pleases."""
        arrived = list(SimulatedRequest.objects.order_by("pk").values_list("pk", flat=True))
        if not arrived:
            return
        reference = arrived[pick % len(arrived)]
        answer = simulator.tell(reference=reference)
        with killed(death):
            for _time in range(times):
                paying.called_back(reference=reference, answer=answer)

    @precondition(lambda self: self.steps > 8 and self.days_closed < 2)
    @rule(death=deaths)
    def the_day_ends(self, death: Death | None) -> None:
        self.days_closed += 1
        with killed(death):
            list(closing.close_day(closed_on=closing.business_date()))

    # What holds at any time

    @invariant()
    def time_goes_by(self) -> None:
        self.steps += 1

    @invariant()
    def the_books_are_never_ahead_of_the_gateway(self) -> None:
        taken = {request.pk: request.moved_fen for request in SimulatedRequest.objects.all()}
        for attempt in PaymentAttempt.objects.exclude(state="asked"):
            assert attempt.moved_fen == taken[attempt.reference]
        for repayment in Repayment.objects.filter(reference__startswith="payment:"):
            assert repayment.amount_fen == taken[repayment.reference.removeprefix("payment:")]

    @invariant()
    def autopay_alone_never_takes_more_than_is_owed(self) -> None:
        for line in self.lines:
            in_total = sum(Repayment.objects.filter(line=line).values_list("amount_fen", flat=True))
            waiting = sum(
                SimulatedRequest.objects.filter(token__in=[s.token for s in self._sources_of(line)])
                .exclude(pk__in=self._booked(line))
                .values_list("moved_fen", flat=True)
            )
            # Two days of penalty may have been due as well.
            assert in_total + waiting <= OWED + self.by_hand[line.pk] + 2_00

    def _sources_of(self, line: Line) -> list[FundingSource]:
        return self.sources[[each.pk for each in self.lines].index(line.pk)]

    def _booked(self, line: Line) -> list[str]:
        found = Repayment.objects.filter(line=line, reference__startswith="payment:")
        return [repayment.reference.removeprefix("payment:") for repayment in found]

    # The end

    def everything_is_answered_and_swept(self) -> None:
        for _round in range(4 * SOURCES):
            for reference in SimulatedRequest.objects.filter(told=False).values_list("pk", flat=True):
                simulator.tell(reference=reference)
            unpark()
            paying.sweep()
        assert not PaymentOrder.objects.filter(state__in=OPEN_STATES).exists()
        assert not answers.not_settled(most=1)

    def nothing_twice_and_nothing_lost(self) -> None:
        for number, line in enumerate(self.lines):
            tokens = [source.token for source in self.sources[number]]
            taken = sum(r.moved_fen for r in SimulatedRequest.objects.filter(token__in=tokens))
            collected = Repayment.objects.filter(line=line, reference__startswith="payment:")
            orders = PaymentOrder.objects.filter(owner=line.customer_id)
            left = sum(balance(source) for source in self.sources[number])
            assert taken == sum(repayment.amount_fen for repayment in collected)
            assert taken == sum(order.confirmed_fen for order in orders)
            assert left == sum(self.funded.get(token, 0) for token in tokens) - taken
            assert stands(line, closing.business_date()).credit_fen <= self.by_hand[line.pk]
        assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


def test_whoever_is_killed_at_whichever_step_the_money_is_taken_and_booked_once() -> None:
    """Every place at which a worker can be killed, one after the other, with a gateway that loses its first reply."""
    (line,) = billed_lines(1)
    for death in (
        Death(name, before, n) for _place, name in STEPS for before in (True, False) for n in range(3)
    ):
        with transaction.atomic():
            sources = [a_source(line.customer_id, fen) for fen in (300_00, 0, 5_000_00)]
            simulator.script(token=sources[0].token, behaviours=["times_out_after"])
            for _run in range(3):
                with killed(death):
                    paying.collect_dues()
                    unpark()
                    paying.sweep()
            for _run in range(4):
                collect()
            booked = Repayment.objects.filter(line=line).values_list("amount_fen", flat=True)
            assert (sorted(booked), [balance(source) for source in sources]) == (
                [300_00, 700_00],
                [0, 0, 4_300_00],
            ), death
            assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == [], death
            transaction.set_rollback(True)


def test_payments_under_any_weather() -> None:
    Weather.lines = billed_lines(LINES)
    assert closing.business_date() == DUE_DAY
    run_state_machine_as_test(
        Weather,
        settings=settings(
            max_examples=STORIES or 40,
            stateful_step_count=15,
            derandomize=not STORIES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
