"""Autopay: on the due day, from the customer's sources in their order, until it is paid, whatever the gateway does."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from huabei import autopay
from huabei.models import Line, Repayment
from huabei.selectors import line_position, minimum_outstanding
from huabei.services.causes import Why, staff
from huabei.services.lifecycle import close
from huabei.services.repayments import repay
from ledger.audit import verify
from operations import audit
from operations.services import closing, paying
from payments import simulator
from payments.gateway import Answer, Told
from payments.models import PaymentAttempt, PaymentOrder
from payments.services import answers, sending
from payments.services.sources import choose_autopay, remove_source, reorder_sources
from tests.line_world import stands
from tests.payment_world import (
    DUE_DAY,
    a_source,
    balance,
    billed_lines,
    collect,
    taken_at_the_gateway,
    unpark,
)

pytestmark = pytest.mark.django_db

OWED = 1_000_00


@pytest.fixture
def line() -> Line:
    """1,000.00 is due today, of which 100.00 are the minimum."""
    return billed_lines()[0]


def broken_rules() -> list[str]:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds]


def attempts() -> list[tuple[str, int, int]]:
    """State, asked and moved of every attempt, oldest first."""
    return list(PaymentAttempt.objects.order_by("pk").values_list("state", "amount_fen", "moved_fen"))


def repaid(line: Line) -> list[int]:
    return list(
        Repayment.objects.filter(line=line, reference__startswith="payment:")
        .order_by("pk")
        .values_list("amount_fen", flat=True)
    )


def still_due(line: Line) -> int:
    return stands(line, closing.business_date()).billed_total_fen


def test_the_full_bill_is_taken_from_the_first_source(line: Line) -> None:
    first, second = a_source(line.customer_id, 3_000_00), a_source(line.customer_id, 3_000_00)
    collect()
    assert (attempts(), repaid(line), still_due(line)) == ([("moved", OWED, OWED)], [OWED], 0)
    assert (balance(first), balance(second)) == (2_000_00, 3_000_00)
    order = PaymentOrder.objects.get()
    assert (order.state, order.confirmed_fen, order.ended_on) == ("confirmed", OWED, DUE_DAY)
    assert broken_rules() == []


def test_what_a_closed_line_owes_is_collected_too(line: Line) -> None:
    source = a_source(line.customer_id, 3_000_00)
    close(line_id=line.pk, why=Why("fraud", staff(7), "c"), on=DUE_DAY)
    collect()
    assert (attempts(), repaid(line), still_due(line)) == ([("moved", OWED, OWED)], [OWED], 0)
    assert balance(source) == 2_000_00
    assert broken_rules() == []


def test_nothing_is_taken_from_somebody_who_died(line: Line) -> None:
    a_source(line.customer_id, 3_000_00)
    close(line_id=line.pk, why=Why("deceased", staff(7), "c"), on=DUE_DAY)
    collect()
    assert (PaymentOrder.objects.count(), still_due(line)) == (0, OWED)


def test_once_paid_nothing_more_is_collected(line: Line) -> None:
    source = a_source(line.customer_id, 3_000_00)
    for _run in range(3):
        collect()
    list(closing.close_day(closed_on=DUE_DAY))
    assert (PaymentOrder.objects.count(), balance(source), repaid(line)) == (1, 2_000_00, [OWED])


def test_what_is_there_is_taken_and_the_next_source_is_asked_for_the_rest(line: Line) -> None:
    wallet, empty, card = (a_source(line.customer_id, fen) for fen in (300_00, 0, 5_000_00))
    collect()
    assert attempts() == [("moved", OWED, 300_00), ("failed", 700_00, 0), ("moved", 700_00, 700_00)]
    assert (repaid(line), still_due(line)) == ([300_00, 700_00], 0)
    assert [balance(source) for source in (wallet, empty, card)] == [0, 0, 4_300_00]
    assert broken_rules() == []


def test_the_customer_says_in_which_order(line: Line) -> None:
    a, b = a_source(line.customer_id, 5_000_00), a_source(line.customer_id, 5_000_00)
    reorder_sources(owner=line.customer_id, order=[b.uuid, a.uuid], on=DUE_DAY)
    collect()
    assert (balance(a), balance(b)) == (5_000_00, 4_000_00)


def test_where_money_is_short_it_is_tried_again_through_the_day_and_before_the_close(line: Line) -> None:
    source = a_source(line.customer_id, 200_00)
    collect()
    assert PaymentOrder.objects.get().state == "confirmed"  # of it 200.00
    collect()
    simulator.fund(token=source.token, balance_fen=300_00)
    collect()
    simulator.fund(token=source.token, balance_fen=9_000_00)
    list(closing.close_day(closed_on=DUE_DAY))
    assert repaid(line) == [200_00, 300_00, 500_00]
    states = list(PaymentOrder.objects.order_by("pk").values_list("state", "confirmed_fen"))
    assert states == [("confirmed", 200_00), ("failed", 0), ("confirmed", 300_00), ("confirmed", 500_00)]
    # Paid on the due day, so nothing runs.
    assert not Line.objects.get().segments.exists()
    assert broken_rules() == []


def test_the_minimum_where_the_customer_chose_it_and_no_more(line: Line) -> None:
    a_source(line.customer_id, 5_000_00)
    choose_autopay(owner=line.customer_id, purpose=autopay.PURPOSE, amount="minimum", on=DUE_DAY)
    collect()
    collect()
    assert (repaid(line), minimum_outstanding(line.pk), still_due(line)) == ([100_00], 0, 900_00)


@pytest.mark.parametrize("how", ["chose nothing", "no consent", "removed", "no source"])
def test_nothing_is_taken_where_the_customer_did_not_allow_it(line: Line, how: str) -> None:
    if how != "no source":
        source = a_source(line.customer_id, 5_000_00, autopay=how != "no consent")
    if how == "chose nothing":
        choose_autopay(owner=line.customer_id, purpose=autopay.PURPOSE, amount="off", on=DUE_DAY)
    if how == "removed":
        remove_source(owner=line.customer_id, source=source.uuid, on=DUE_DAY)
    collect()
    list(closing.close_day(closed_on=DUE_DAY))
    assert not PaymentOrder.objects.exists()


def test_nothing_is_taken_on_any_other_day(line: Line) -> None:
    list(closing.close_day(closed_on=DUE_DAY))
    a_source(line.customer_id, 5_000_00)
    collect()
    assert not PaymentOrder.objects.exists()


def test_whoever_repaid_in_the_meantime_pays_only_the_rest(line: Line) -> None:
    a_source(line.customer_id, 5_000_00)
    repay(line_id=line.pk, amount_fen=650_00, reference="page", on=DUE_DAY)
    collect()
    assert attempts() == [("moved", 350_00, 350_00)]


def test_between_two_sources_it_is_looked_again_what_is_still_owed(line: Line) -> None:
    slow, card = a_source(line.customer_id, 100_00), a_source(line.customer_id, 5_000_00)
    simulator.script(token=slow.token, behaviours=["answers_later"])
    collect()
    assert attempts() == [("asked", OWED, 0)]
    repay(line_id=line.pk, amount_fen=650_00, reference="page", on=DUE_DAY)
    called_back()
    assert attempts() == [("moved", OWED, 100_00), ("moved", 250_00, 250_00)]
    assert (balance(card), still_due(line), stands(line, DUE_DAY).credit_fen) == (4_750_00, 0, 0)


def called_back(times: int = 1) -> None:
    """The gateway brings the answer of the attempt that waits for one."""
    reference = PaymentAttempt.objects.get(state="asked").reference
    answer = simulator.tell(reference=reference)
    for _time in range(times):
        paying.called_back(reference=reference, answer=answer)


def test_what_is_repaid_while_a_collection_is_under_way_ends_as_the_customers_credit(line: Line) -> None:
    source = a_source(line.customer_id, 5_000_00)
    simulator.script(token=source.token, behaviours=["answers_later"])
    collect()
    repay(line_id=line.pk, amount_fen=OWED, reference="page", on=DUE_DAY)
    called_back()
    assert (repaid(line), stands(line, DUE_DAY).credit_fen) == ([OWED], OWED)


@pytest.mark.parametrize(
    ("behaviours", "first"),
    [
        (["times_out_before"], "asked"),
        (["times_out_before"] * 3, "asked"),
        (["times_out_after"], "asked"),
        (["times_out_before", "times_out_after"], "asked"),
        ([], "moved"),
    ],
)
def test_a_gateway_that_times_out_takes_the_money_once(line: Line, behaviours: list[str], first: str) -> None:
    source = a_source(line.customer_id, 5_000_00)
    simulator.script(token=source.token, behaviours=behaviours)
    collect()
    assert PaymentAttempt.objects.get().state == first
    for _look in range(4):
        unpark()
        paying.sweep()
    assert (attempts(), repaid(line), balance(source)) == ([("moved", OWED, OWED)], [OWED], 4_000_00)


def test_while_an_answer_is_owed_nothing_else_is_tried(line: Line) -> None:
    slow, card = a_source(line.customer_id, 5_000_00), a_source(line.customer_id, 5_000_00)
    simulator.script(token=slow.token, behaviours=["answers_later"])
    for _run in range(3):
        collect()
    list(closing.close_day(closed_on=DUE_DAY))
    assert (attempts(), balance(card)) == ([("asked", OWED, 0)], 5_000_00)


def test_an_answer_days_late_counts_from_the_day_on_which_the_money_moved(line: Line) -> None:
    source = a_source(line.customer_id, 400_00)
    a_source(line.customer_id, 5_000_00)
    simulator.script(token=source.token, behaviours=["answers_later"])
    collect()
    list(closing.close_until(on=DUE_DAY + timedelta(days=3)))
    called_back(times=2)
    attempt = PaymentAttempt.objects.get()
    later = DUE_DAY + timedelta(days=3)
    assert (attempt.moved_on, attempt.answered_on, attempt.settled_on) == (DUE_DAY, later, later)
    # It came in time: of the penalty that ran meanwhile nothing is left, and what is unpaid revolves.
    repayment, position = Repayment.objects.get(), line_position(line, later)
    assert (repayment.value_on, repayment.received_on) == (DUE_DAY, later)
    assert (position.billed_fen, position.accrued_penalty_fen, position.accrued_interest_fen) == (
        600_00,
        0,
        60,
    )
    # The due day is over: the other source is not asked any more.
    assert (repaid(line), PaymentOrder.objects.get().state) == ([400_00], "confirmed")
    assert broken_rules() == []


def test_the_next_source_is_not_asked_for_what_another_has_given_already(line: Line) -> None:
    a_source(line.customer_id, 300_00)
    card = a_source(line.customer_id, 5_000_00)
    (order_id,) = autopay.order_dues(on=DUE_DAY)
    tried = sending.next_try(order_id=order_id, on=DUE_DAY)
    assert tried is not None
    answer = sending.ask(tried=tried)
    assert answer is not None
    answers.record_answer(reference=tried.attempt.reference, answer=answer, on=DUE_DAY)
    # 300.00 were taken and the line has not heard of it; 400.00 are repaid by hand. So 300.00 are left.
    repay(line_id=line.pk, amount_fen=400_00, reference="page", on=DUE_DAY)
    following = sending.next_try(order_id=order_id, on=DUE_DAY, still_asked=autopay.still_asked)
    assert following is not None
    assert (following.attempt.source, following.attempt.amount_fen) == (card, 300_00)


def test_the_same_answer_twice_is_one_repayment(line: Line) -> None:
    source = a_source(line.customer_id, 5_000_00)
    collect()
    reference = PaymentAttempt.objects.get().reference
    for _time in range(2):
        paying.called_back(reference=reference, answer=Answer(Told.MOVED, OWED, DUE_DAY))
    paying.called_back(reference=reference, answer=Answer(Told.PENDING))  # out of order
    assert (repaid(line), balance(source)) == ([OWED], 4_000_00)


def test_a_line_that_cannot_be_collected_for_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lines = billed_lines(3)
    for line in lines:
        a_source(line.customer_id, 5_000_00)
    request = simulator.SimulatedGateway.request

    def breaks(self: Any, instruction: Any) -> Answer:
        if PaymentAttempt.objects.get(reference=instruction.reference).order.owner == lines[1].customer_id:
            raise RuntimeError("the gateway answered nonsense")
        return request(self, instruction)

    monkeypatch.setattr(simulator.SimulatedGateway, "request", breaks)
    collect()
    assert [repaid(line) for line in lines] == [[OWED], [], [OWED]]
    assert "is left for the next time" in caplog.text
    monkeypatch.undo()
    unpark()
    paying.sweep()
    assert [repaid(line) for line in lines] == [[OWED]] * 3


def test_a_gateway_that_is_down_does_not_hold_up_the_close(
    line: Line, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    source = a_source(line.customer_id, 5_000_00)
    simulator.script(token=source.token, behaviours=["times_out_before"] * 9)
    settings.PAYMENT_SECONDS_BEFORE_CLOSE = 0.0
    list(closing.close_day(closed_on=DUE_DAY))
    assert closing.business_date() == DUE_DAY + timedelta(days=1)
    assert not Repayment.objects.exists()


def test_penalty_that_runs_is_part_of_what_is_asked() -> None:
    line = billed_lines(until=date(2026, 8, 10))[0]
    a_source(line.customer_id, 5_000_00)
    position = stands(line, date(2026, 8, 10))
    assert position.accrued_penalty_fen > 0
    collect()
    assert sum(repaid(line)) == position.billed_total_fen + position.accrued_penalty_fen
    assert (still_due(line), stands(line, date(2026, 8, 10)).accrued_penalty_fen) == (0, 0)


def test_in_one_statement_as_many_lines_as_are_due(django_assert_max_num_queries: Any) -> None:
    lines = billed_lines(12)
    for line in lines:
        a_source(line.customer_id, 5_000_00)
    with django_assert_max_num_queries(10):
        assert paying.collect_dues() == 12
    assert paying.collect_dues() == 0
    assert taken_at_the_gateway() == 0
    unpark()
    paying.sweep()
    assert taken_at_the_gateway() == 12 * OWED == sum(sum(repaid(line)) for line in lines)


def test_without_a_gateway_nothing_is_ordered_and_days_are_closed(line: Line, settings: Any) -> None:
    a_source(line.customer_id, 5_000_00)
    settings.PAYMENT_GATEWAY = ""
    assert (paying.collect_dues(), paying.sweep()) == (0, 0)
    list(closing.close_day(closed_on=DUE_DAY))
    assert not PaymentOrder.objects.exists()
