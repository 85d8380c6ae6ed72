"""What owners of lines are told, and when: from the facts of a day, once."""

from __future__ import annotations

from datetime import date

import pytest

from customers.models import Notice
from customers.notices import Message, figures_sql
from customers.selectors import notices_of, told
from huabei import telling
from huabei.models import Line, Merchant, Plan, ReminderDay
from huabei.notices import (
    InstalmentPlanMade,
    LimitChanged,
    LineClosed,
    LineFrozen,
    LineThawed,
    Overdue,
    PaymentBounced,
    PaymentDue,
    PaymentReceived,
    PurchaseReversed,
    RefundArrived,
    StatementIssued,
)
from huabei.services.causes import Why, staff
from huabei.services.corrections import reverse_purchase, reverse_repayment
from huabei.services.lifecycle import close, freeze
from huabei.services.limits import change_limit, end_temporary, raise_temporarily
from huabei.services.repayments import refund, repay
from tests.line_world import a_line, a_merchant, bought, end_day

DUE_ON = date(2026, 7, 10)


@pytest.fixture
def shop(db: None) -> Merchant:
    return a_merchant()


@pytest.fixture
def line(shop: Merchant) -> Line:
    """1,000.00 bought in June; the bank is at the end of June."""
    line = a_line()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    return line


def ends(day: date) -> int:
    """A day ends: the books, then what people are told. Returns how many notices are new."""
    end_day(day)
    return tell(day)


def tell(day: date, lines: list[int] | None = None) -> int:
    return sum(step(day, lines) for _name, step in telling.STEPS)


def said(line: Line) -> list[Message]:
    """The messages to the owner of a line, oldest first."""
    return [found.message for found in notices_of(line.customer_id, most=100)][::-1]


def test_a_statement_is_told_with_amount_minimum_and_due_date(line: Line) -> None:
    assert ends(date(2026, 6, 30)) == 1
    [message] = said(line)
    statement = line.statements.get()
    assert message == StatementIssued(statement.pk, date(2026, 7, 1), DUE_ON, 1_000_00, 100_00)
    assert Notice.objects.get().noticed_on == date(2026, 7, 1)


def test_whoever_has_not_paid_is_reminded_three_days_before_and_the_day_before(line: Line) -> None:
    ends(date(2026, 6, 30))
    assert ends(date(2026, 7, 5)) == 0
    assert ends(date(2026, 7, 6)) == 1
    assert ends(date(2026, 7, 7)) == 0
    assert said(line)[1:] == [PaymentDue(DUE_ON, 3, 1_000_00, 100_00)]
    repay(line_id=line.pk, amount_fen=100_00, reference="r", on=date(2026, 7, 8))
    assert ends(date(2026, 7, 8)) == 1
    # The minimum is paid: nothing will be late, but the rest would cost interest.
    assert PaymentDue(DUE_ON, 1, 900_00, 0) in said(line)


def test_whoever_has_paid_all_is_not_reminded(line: Line) -> None:
    ends(date(2026, 6, 30))
    repay(line_id=line.pk, amount_fen=1_000_00, reference="r", on=date(2026, 7, 2))
    repayment = line.repayments.get()
    assert said(line)[-1] == PaymentReceived(repayment.pk, 1_000_00, date(2026, 7, 2), 0)
    assert ends(date(2026, 7, 2)) == 0, "told when it came"
    assert ends(date(2026, 7, 6)) == ends(date(2026, 7, 8)) == 0


def test_whoever_is_late_is_told_on_days_1_7_30_and_60_with_what_a_day_costs(line: Line) -> None:
    ends(date(2026, 6, 30))
    new = {}
    for day in (DUE_ON, date(2026, 7, 11), date(2026, 7, 16), date(2026, 8, 8), date(2026, 9, 7)):
        new[day] = ends(day)
    found = [message for message in said(line) if isinstance(message, Overdue)]
    assert [message.days for message in found] == [1, 7, 30, 60]
    assert found[0] == Overdue(DUE_ON, 1, 100_00, 50)
    assert new[date(2026, 7, 11)] == 0
    assert "Each further day costs about ¥0.50 of penalty." in " ".join(found[0].body())
    assert "tell us" in " ".join(found[2].body())
    assert not any("spend" in " ".join([m.title(), *m.body()]).lower() for m in found)


def test_a_line_is_told_frozen_when_it_becomes_late_and_free_when_it_is_paid(line: Line) -> None:
    ends(date(2026, 6, 30))
    assert ends(DUE_ON) == 2
    assert LineFrozen("overdue", date(2026, 7, 11)) in said(line)
    repay(line_id=line.pk, amount_fen=500_00, reference="r", on=date(2026, 7, 12))
    assert ends(date(2026, 7, 12)) == 1
    assert LineThawed(date(2026, 7, 12)) in said(line)


def test_a_line_frozen_for_another_cause_is_not_told_that_it_works(line: Line) -> None:
    ends(date(2026, 6, 30))
    freeze(line_id=line.pk, why=Why("fraud", staff(1), "f"), on=date(2026, 7, 2))
    ends(DUE_ON)
    repay(line_id=line.pk, amount_fen=1_500_00, reference="r", on=date(2026, 7, 12))
    ends(date(2026, 7, 12))
    assert not [m for m in said(line) if isinstance(m, LineThawed)]


def test_a_refund_is_told_with_where_it_went(line: Line) -> None:
    ends(date(2026, 6, 30))
    repay(line_id=line.pk, amount_fen=1_000_00, reference="r", on=date(2026, 7, 2))
    refund(purchase_id=line.purchases.get().pk, amount_fen=300_00, reference="f", on=date(2026, 7, 3))
    assert said(line)[-1] == RefundArrived("Test", 300_00, date(2026, 7, 3), 0, 0, 300_00)
    assert ends(date(2026, 7, 3)) == 0, "told when it came"


def test_the_close_tells_what_nobody_has_told(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huabei.services.repayments.tell_now", lambda **_told: None)
    ends(date(2026, 6, 30))
    repay(line_id=line.pk, amount_fen=1_000_00, reference="r", on=date(2026, 7, 2))
    refund(purchase_id=line.purchases.get().pk, amount_fen=300_00, reference="f", on=date(2026, 7, 2))
    assert ends(date(2026, 7, 2)) == 2
    assert {type(message) for message in said(line)[-2:]} == {PaymentReceived, RefundArrived}


def test_a_limit_that_changes_is_told_at_once_for_good_or_for_a_time(line: Line) -> None:
    on, last_day = date(2026, 6, 6), date(2026, 6, 20)
    change_limit(line_id=line.pk, limit_fen=9_000_00, why=Why("income_proved", "staff:1", "a"), on=on)
    assert said(line)[-1] == LimitChanged(8_000_00, 9_000_00)
    raise_temporarily(
        line_id=line.pk, amount_fen=500_00, last_day=last_day, why=Why("travel", "staff:1", "b"), on=on
    )
    assert said(line)[-1] == LimitChanged(9_000_00, 9_500_00, last_day)
    temporary = line.temporary_limits.get()
    end_temporary(temporary_id=temporary.pk, why=Why("mistake", "staff:1", "c"), on=on)
    assert said(line)[-1] == LimitChanged(9_500_00, 9_000_00)


def test_a_line_that_is_closed_is_told_with_what_is_owed_and_not_as_a_limit(line: Line) -> None:
    close(line_id=line.pk, why=Why("fraud", "staff:1", "c"), on=date(2026, 6, 6))
    assert said(line) == [LineClosed(date(2026, 6, 6), 1_000_00)]


def test_instalments_are_told_with_the_first_one(line: Line, shop: Merchant) -> None:
    bought(line, shop, 600_00, date(2026, 6, 8), instalments=6)
    plan = Plan.objects.get()
    ends(date(2026, 6, 8))
    [told_] = [each for each in said(line) if isinstance(each, InstalmentPlanMade)]
    first = plan.rows.get(number=1)
    assert told_ == InstalmentPlanMade(600_00, plan.fee_fen, 6, DUE_ON, first.principal_fen + first.fee_fen)


def test_what_is_taken_back_is_told_at_once_and_once(line: Line) -> None:
    on = date(2026, 6, 6)
    made = repay(line_id=line.pk, amount_fen=200_00, reference="r", on=on)
    for _again in range(2):
        reverse_repayment(repayment_id=made.pk, reason="bounced", on=on)
    assert said(line)[-1] == PaymentBounced(200_00, on, on)
    reverse_purchase(purchase_id=line.purchases.get().pk, reason="fraud", on=on)
    assert said(line)[-1] == PurchaseReversed("Test", 1_000_00, on)
    assert len(said(line)) == 3


def test_a_step_repeated_tells_nobody_and_is_for_some_lines_only_if_asked(line: Line, shop: Merchant) -> None:
    other = a_line()
    bought(other, shop, 50_00, date(2026, 6, 6))
    end_day(date(2026, 6, 30))
    assert tell(date(2026, 6, 30), [other.pk]) == 1
    assert tell(date(2026, 6, 30)) == 1
    assert tell(date(2026, 6, 30)) == 0
    assert Notice.objects.count() == 2


def test_the_days_of_reminders_are_dated(line: Line) -> None:
    ReminderDay.objects.create(effective_from=date(2026, 7, 1), days=-5)
    ends(date(2026, 6, 30))
    assert ends(date(2026, 7, 4)) == 1
    assert ends(date(2026, 7, 6)) == 0
    assert said(line)[-1] == PaymentDue(DUE_ON, 5, 1_000_00, 100_00)


def test_every_notice_of_the_close_can_be_read(line: Line) -> None:
    for day in (date(2026, 6, 30), date(2026, 7, 6), DUE_ON, date(2026, 7, 31)):
        ends(day)
    for notice in Notice.objects.all():
        found = told(notice)
        assert found.title
        assert found.step is None or found.step.address.startswith("/")


def test_a_statement_of_sql_gives_every_figure_of_its_kind() -> None:
    with pytest.raises(ValueError, match="has the figures on"):
        figures_sql(LineThawed)
    with pytest.raises(ValueError, match="has the figures on"):
        figures_sql(LineThawed, on="x", other="y")
