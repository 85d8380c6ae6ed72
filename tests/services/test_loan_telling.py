"""What borrowers are told of their loans, and when: from the facts of a day, once, each in a few words."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from customers.models import Channel, Notice
from customers.notices import Message
from customers.selectors import notices_of
from customers.services.notices import prefer_notices
from finance.loan import Reschedule
from lending import telling
from lending.models import Loan, ReminderDay
from lending.notices import (
    InstalmentDue,
    LoanAutopay,
    LoanCalledIn,
    LoanOverdue,
    LoanRateLowered,
    LoanRepaid,
    LoanRescheduled,
    LoanSigned,
)
from lending.recalls import CALLED_IN, PURPOSE
from lending.services import servicing
from lending.services.orders import Told, refund_order
from lending.services.signing import cancel_loan
from operations.services import closing, paying
from payments.models import Direction, PaymentOrder
from payments.states import OrderState
from tests.loan_world import SIGNED_ON, a_seller, a_wish, at_noon, end_day, end_days, lent, shipped, signed
from tests.payment_world import SaysNothing, a_source, collect, unpark

pytestmark = pytest.mark.django_db

# 12,000.00 over twelve months at 0.015 % a day: the first instalment is 1,029.95 on 10 July.
DUE_ON = date(2026, 7, 10)


@pytest.fixture
def loan() -> Loan:
    return lent()


def ends(day: date, loans: list[int] | None = None) -> int:
    """A day ends: the books, then what people are told. Returns how many notices are new."""
    end_day(day)
    return tell(day, loans)


def tell(day: date, loans: list[int] | None = None) -> int:
    return sum(step(day, loans) for _name, step in telling.STEPS)


def said(loan: Loan) -> list[Message]:
    """The messages to the borrower, oldest first."""
    return [found.message for found in notices_of(loan.customer_id, most=100)][::-1]


def test_a_signature_is_told_once_with_its_annual_rate(loan: Loan) -> None:
    assert ends(SIGNED_ON) == 1
    [message] = said(loan)
    assert message == LoanSigned(str(loan.uuid), 12_000_00, SIGNED_ON, loan.terms.simple_rate)
    assert "¥12,000.00" in message.title()
    assert "5.48" in " ".join(message.body())
    assert tell(SIGNED_ON) == 0


def test_a_loan_that_was_given_up_the_same_day_is_not_told() -> None:
    cancel_loan(loan_id=signed().pk, on=SIGNED_ON)
    assert ends(SIGNED_ON) == 0


def test_an_instalment_is_told_before_it_falls_due_and_on_the_day(loan: Loan) -> None:
    end_days(SIGNED_ON, DUE_ON - timedelta(days=5))
    for before, told in ((4, True), (3, False), (2, True), (1, True)):
        assert ends(DUE_ON - timedelta(days=before)) == told
    first, second, third = said(loan)
    assert first == InstalmentDue(str(loan.uuid), DUE_ON, 3, 1_029_95)
    assert "in 3 days" in first.title()
    assert "due tomorrow" in second.title()
    assert "due today" in third.title()
    assert third == InstalmentDue(str(loan.uuid), DUE_ON, 0, 1_029_95)


def test_what_is_paid_before_is_not_asked_for_again(loan: Loan) -> None:
    end_days(SIGNED_ON, DUE_ON - timedelta(days=5))
    servicing.pay_off(loan_id=loan.pk, reference="p", on=DUE_ON - timedelta(days=4))
    ends(DUE_ON - timedelta(days=4))
    assert [type(message) for message in said(loan)] == [LoanRepaid]
    assert [ends(DUE_ON - timedelta(days=before)) for before in (3, 2, 1)] == [0, 0, 0]


def test_lateness_is_told_by_its_stages_with_what_each_day_costs(loan: Loan) -> None:
    end_days(SIGNED_ON, DUE_ON - timedelta(days=1))
    for late in range(62):
        ends(DUE_ON + timedelta(days=late))
    stages = {message.days: message for message in said(loan) if isinstance(message, LoanOverdue)}
    assert list(stages) == [1, 7, 30, 60]
    first = stages[1]
    assert (first.due_on, first.overdue_fen, first.penalty_per_day_fen) == (DUE_ON, 1_029_95, 29)
    assert "tell us" not in " ".join(first.body())
    assert "tell us" in " ".join(stages[30].body())


def test_the_days_are_those_of_the_latest_list(loan: Loan) -> None:
    ReminderDay.objects.create(effective_from=DUE_ON - timedelta(days=5), days=-4)
    end_days(SIGNED_ON, DUE_ON - timedelta(days=6))
    assert [ends(DUE_ON - timedelta(days=before)) for before in (5, 4, 3, 2, 1)] == [1, 0, 0, 0, 0]
    assert [message.days for message in said(loan) if isinstance(message, InstalmentDue)] == [4]


def test_the_end_of_a_loan_is_told_once_and_what_is_too_much_is_named(loan: Loan) -> None:
    end_days(SIGNED_ON, SIGNED_ON)
    on = SIGNED_ON + timedelta(days=1)
    servicing.repay(loan_id=loan.pk, amount_fen=12_100_00, reference="r", on=on)
    assert ends(on) == 1
    [message] = said(loan)
    assert isinstance(message, LoanRepaid)
    assert (message.amount_fen, message.on) == (12_000_00, on)
    assert message.credit_fen == 12_100_00 - 12_001_80
    servicing.refund_credit(loan_id=loan.pk, amount_fen=1_00, reference="c", on=on + timedelta(days=1))
    assert ends(on + timedelta(days=1)) == 0


def test_a_new_schedule_and_a_lower_rate_are_told_unless_undone_the_same_day(loan: Loan) -> None:
    end_days(SIGNED_ON, SIGNED_ON)
    on = SIGNED_ON + timedelta(days=1)
    servicing.reschedule(loan_id=loan.pk, mode=Reschedule.EXTEND, periods=6, reference="e", on=on)
    servicing.change_rate(loan_id=loan.pk, rate=Decimal("0.0001"), reference="l", on=on)
    servicing.change_rate(loan_id=loan.pk, rate=Decimal("0.00005"), reference="undone", on=on)
    servicing.reverse(loan_id=loan.pk, undoes="undone", reference="u", on=on)
    assert ends(on) == 2
    schedule, rate = said(loan)
    assert isinstance(schedule, LoanRescheduled)
    assert (schedule.next_due_on, schedule.last_due_on) == (DUE_ON, date(2027, 12, 10))
    assert rate == LoanRateLowered(str(loan.uuid), on, Decimal("0.0001"), "daily")
    assert "0.01% a day" in rate.title()


@pytest.mark.parametrize(
    ("balance_fen", "title"),
    [
        (5_000_00, "¥1,029.95 was collected for your loan"),
        (200_00, "Only ¥200.00 of ¥1,029.95 could be collected for your loan"),
        (0, "¥1,029.95 could not be collected for your loan"),
    ],
)
def test_what_autopay_brought_is_told_as_the_day_ends(loan: Loan, balance_fen: int, title: str) -> None:
    closing.set_business_date(on=SIGNED_ON)
    a_source(loan.customer_id, balance_fen)
    list(closing.close_until(on=DUE_ON))
    collect()
    list(closing.close_until(on=DUE_ON + timedelta(days=1)))
    told = [message for message in said(loan) if isinstance(message, LoanAutopay)]
    assert [message.title() for message in told] == [title]


def test_a_collection_that_ends_days_later_is_told_then(loan: Loan, monkeypatch: pytest.MonkeyPatch) -> None:
    closing.set_business_date(on=SIGNED_ON)
    a_source(loan.customer_id, 5_000_00)
    list(closing.close_until(on=DUE_ON))
    with monkeypatch.context() as lost:
        lost.setattr("payments.services.sending.gateway", SaysNothing)
        collect()
        list(closing.close_until(on=DUE_ON + timedelta(days=1)))
    assert not [message for message in said(loan) if isinstance(message, LoanAutopay)]
    unpark()
    paying.sweep()
    list(closing.close_until(on=DUE_ON + timedelta(days=2)))
    told = [message for message in said(loan) if isinstance(message, LoanAutopay)]
    assert told == [LoanAutopay(str(loan.uuid), DUE_ON, 1_029_95, 1_029_95)]


def test_what_is_called_in_is_no_autopay(loan: Loan) -> None:
    """One collection of each kind on a day: only what autopay asked for and brought is told as its."""
    for reference, asked_fen, confirmed_fen in (
        ("loan-autopay:1", 500_00, 500_00),
        (f"{CALLED_IN}1", 300_00, 0),
    ):
        PaymentOrder.objects.create(
            owner=loan.customer_id,
            direction=Direction.COLLECT,
            purpose=PURPOSE,
            subject=str(loan.uuid),
            reference=reference,
            request_hash=b"",
            amount_fen=asked_fen,
            confirmed_fen=confirmed_fen,
            state=OrderState.CONFIRMED if confirmed_fen else OrderState.FAILED,
            ordered_on=DUE_ON,
            ended_on=DUE_ON,
        )
    tell(DUE_ON, [loan.pk])
    told = [message for message in said(loan) if isinstance(message, LoanAutopay)]
    assert told == [LoanAutopay(str(loan.uuid), DUE_ON, 500_00, 500_00)]


def test_a_refund_that_calls_a_part_of_the_loan_in_is_told() -> None:
    seller = a_seller()
    order = shipped(seller, 1_000_00)
    wish = a_wish(800_00, product="order-loan", method="one_off", periods=1, unit="days", every=30)
    loan = signed(wish, customer_id=seller)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="d", on=SIGNED_ON)
    told = Told(order=order.reference, reference="r", happened_at=at_noon(SIGNED_ON), amount_fen=250_00)
    refund_order(seller_id=seller, told=told, on=SIGNED_ON)
    ends(SIGNED_ON)
    assert LoanCalledIn(str(loan.uuid), order.reference, 250_00, 200_00) in said(loan)


def test_one_loan_or_all_of_them_by_the_same_statement(loan: Loan) -> None:
    other = lent()
    end_day(SIGNED_ON)
    assert tell(SIGNED_ON, [loan.pk]) == 1
    assert tell(SIGNED_ON) == 1
    assert len(said(other)) == 1


def test_who_does_not_want_reminders_gets_none_but_lateness_is_always_said(loan: Loan) -> None:
    wanted = {("loan.payment_due", Channel.IN_APP): False}
    prefer_notices(customer_id=loan.customer_id, wanted=wanted, at=at_noon(SIGNED_ON))
    end_days(SIGNED_ON, DUE_ON - timedelta(days=1))
    tell(DUE_ON - timedelta(days=1))
    ends(DUE_ON)
    shown = Notice.objects.filter(customer_id=loan.customer_id, in_app=True)
    assert list(shown.values_list("kind", flat=True)) == ["loan.overdue"]
