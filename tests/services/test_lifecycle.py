"""A line is frozen for several causes at once, thawed cause by cause, and closed for good; what it owes goes on."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction

from huabei import selectors
from huabei.errors import LineNotActive, LineNotFound, RequestConflict
from huabei.models import Closure, Freeze, Line, Merchant, Statement
from huabei.services import purchases, repayments
from huabei.services.causes import CUSTOMER, POLICY, CauseRefused, Why, staff
from huabei.services.lifecycle import (
    AlreadyFrozen,
    NotFrozen,
    StillOwes,
    close,
    freeze,
    freeze_many,
    thaw,
)
from huabei.services.limits import raise_temporarily
from ledger.audit import verify
from operations import audit
from tests.line_world import a_line, a_merchant, authorised, bought, end_day, end_days, stands
from tests.words import UNSHOWABLE, WRITTEN

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)
BY = staff(7)


@pytest.fixture
def line() -> Line:
    return a_line()


@pytest.fixture
def shop() -> Merchant:
    return a_merchant()


def frozen(line: Line, cause: str = "fraud", *, by: str = BY, on: date = ON) -> Freeze:
    return freeze(line_id=line.pk, why=Why(cause, by, cause), on=on)


def thawed(freeze: Freeze, cause: str = "cleared", *, by: str = BY, on: date = ON) -> Freeze:
    return thaw(freeze_id=freeze.pk, why=Why(cause, by, "t"), on=on)


def status(line: Line) -> tuple[str, str]:
    line.refresh_from_db()
    return line.status, line.frozen_cause


def broken_rules() -> list[str]:
    return [found.check.name for found in verify(audit.CHECKS) if not found.holds]


def test_a_line_is_active_when_its_last_freeze_has_ended(line: Line, shop: Merchant) -> None:
    fraud, lost = frozen(line), frozen(line, "phone_lost", by=CUSTOMER)
    assert status(line) == ("frozen", "fraud")
    with pytest.raises(LineNotActive):
        authorised(line, shop, 1, ON)
    thawed(fraud)
    assert status(line) == ("frozen", "phone_lost")
    thawed(lost, "customer_wish", by=CUSTOMER)
    assert status(line) == ("active", "")
    authorised(line, shop, 1, ON)
    assert broken_rules() == []


def test_a_freeze_says_who_began_and_ended_it_and_why(line: Line) -> None:
    found = thawed(frozen(line), on=date(2026, 6, 9))
    assert (found.cause, found.by, found.frozen_on) == ("fraud", BY, ON)
    assert (found.thaw_cause, found.thawed_by, found.thawed_on) == ("cleared", BY, date(2026, 6, 9))
    again = thawed(found, "mistake", on=date(2026, 6, 10))
    assert (again.thaw_cause, again.thawed_on) == ("cleared", date(2026, 6, 9))


def test_what_was_authorised_before_a_freeze_is_captured(line: Line, shop: Merchant) -> None:
    held = authorised(line, shop, 100_00, ON)
    frozen(line)
    purchases.capture(purchase_id=held.pk, amount_fen=100_00, on=ON)
    assert stands(line, ON).drawn_fen == 100_00


def test_a_freeze_happens_once_per_reference_and_cause(line: Line) -> None:
    assert frozen(line).pk == frozen(line).pk
    with pytest.raises(AlreadyFrozen):
        freeze(line_id=line.pk, why=Why("fraud", BY, "other"), on=ON)
    with pytest.raises(RequestConflict):
        freeze(line_id=line.pk, why=Why("cash_out", BY, "fraud"), on=ON)
    with pytest.raises(LineNotFound):
        freeze(line_id=0, why=Why("fraud", BY, "x"), on=ON)
    with pytest.raises(NotFrozen):
        thaw(freeze_id=0, why=Why("cleared", BY, "x"), on=ON)


@pytest.mark.parametrize(("cause", "by"), [("overdue", BY), ("fraud", CUSTOMER), ("nothing", BY)])
def test_a_freeze_needs_a_cause_that_this_one_may_give(line: Line, cause: str, by: str) -> None:
    with pytest.raises(CauseRefused):
        frozen(line, cause, by=by)
    assert status(line) == ("active", "")


@pytest.mark.parametrize(("written", "kept"), WRITTEN)
def test_a_note_is_in_whatever_people_write(line: Line, written: str, kept: str) -> None:
    freeze(line_id=line.pk, why=Why("fraud", BY, "x", written), on=ON)
    assert Freeze.objects.get().note == kept


@pytest.mark.parametrize("written", [*UNSHOWABLE, "x" * 201])
def test_a_note_that_cannot_be_shown_is_refused(line: Line, written: str) -> None:
    with pytest.raises(CauseRefused) as refused:
        freeze(line_id=line.pk, why=Why("fraud", BY, "x", written), on=ON)
    assert (refused.value.field, Freeze.objects.exists()) == ("note", False)


def test_a_customer_ends_only_their_own_freeze(line: Line) -> None:
    with pytest.raises(CauseRefused):
        thawed(frozen(line), "customer_wish", by=CUSTOMER)
    assert status(line)[0] == "frozen"


def test_many_lines_are_frozen_at_once_and_those_that_are_already_left_out(line: Line) -> None:
    other, closed = a_line(), a_line()
    frozen(other)
    close(line_id=closed.pk, why=Why("customer_wish", CUSTOMER, "x"), on=ON)
    why = Why("fraud", BY, "bulk")
    asked = [line.pk, other.pk, closed.pk, 0]
    assert freeze_many(line_ids=asked, why=why, on=ON) == [line.pk]
    assert freeze_many(line_ids=asked, why=why, on=ON) == []
    assert broken_rules() == []


def late(line: Line, shop: Merchant) -> None:
    """1,000.00 bought in June, due on 10 July and not paid."""
    bought(line, shop, 1_000_00, ON)
    end_days(date(2026, 6, 30), date(2026, 7, 10))


def test_being_overdue_and_frozen_by_staff_are_two_freezes(line: Line, shop: Merchant) -> None:
    fraud = frozen(line)
    thawed(fraud)
    late(line, shop)
    assert status(line) == ("frozen", "overdue")
    again = freeze(line_id=line.pk, why=Why("cash_out", BY, "x"), on=date(2026, 7, 12))
    repayments.repay(line_id=line.pk, amount_fen=1_001_00, reference="r", on=date(2026, 7, 12))
    assert status(line) == ("frozen", "cash_out")
    overdue = Freeze.objects.get(cause="overdue")
    assert (overdue.by, overdue.frozen_on, overdue.thawed_on) == (
        POLICY,
        date(2026, 7, 11),
        date(2026, 7, 12),
    )
    assert (overdue.thaw_cause, overdue.thawed_by) == ("paid", POLICY)
    thawed(again, on=date(2026, 7, 13))
    assert status(line) == ("active", "")
    assert broken_rules() == []


def test_staff_may_let_an_overdue_line_buy_again_until_it_is_later(line: Line, shop: Merchant) -> None:
    late(line, shop)
    thawed(Freeze.objects.get(), "goodwill", on=date(2026, 7, 12))
    assert status(line) == ("active", "")
    end_day(date(2026, 7, 20))
    assert status(line) == ("active", "")
    end_day(date(2026, 8, 9))
    assert status(line) == ("frozen", "overdue")


def test_a_customer_closes_a_line_on_which_nothing_is_owed_or_held(line: Line, shop: Merchant) -> None:
    why = Why("customer_wish", CUSTOMER, "x")
    purchase = authorised(line, shop, 100_00, ON)
    with pytest.raises(StillOwes):
        close(line_id=line.pk, why=why, on=ON)
    purchases.capture(purchase_id=purchase.pk, amount_fen=100_00, on=ON)
    with pytest.raises(StillOwes):
        close(line_id=line.pk, why=why, on=ON)
    repayments.repay(line_id=line.pk, amount_fen=100_00, reference="r", on=ON)
    for _ in range(2):
        assert close(line_id=line.pk, why=why, on=ON).limit_fen == 8_000_00
    assert (status(line), line.limit_fen, stands(line, ON).available_fen) == (("closed", ""), 0, 0)
    with pytest.raises(LineNotActive):
        close(line_id=line.pk, why=Why("customer_wish", CUSTOMER, "y"), on=ON)
    with pytest.raises(LineNotActive):
        frozen(line)
    assert broken_rules() == []


def test_closing_takes_what_is_lent_for_a_time_as_well(line: Line) -> None:
    raise_temporarily(line_id=line.pk, amount_fen=1_00, last_day=ON, why=Why("travel", BY, "t"), on=ON)
    close(line_id=line.pk, why=Why("fraud", BY, "x"), on=ON)
    end_day(ON)
    line.refresh_from_db()
    assert (line.limit_fen, line.temporary_fen) == (0, 0)
    assert broken_rules() == []


def test_a_line_overdue_for_more_than_two_months_is_closed_and_goes_on_being_billed(
    line: Line, shop: Merchant
) -> None:
    held = authorised(line, shop, 50_00, ON)
    late(line, shop)
    end_days(date(2026, 7, 11), date(2026, 9, 9))
    assert status(line) == ("frozen", "overdue")
    end_day(date(2026, 9, 10))
    assert (status(line), held.pk > 0) == (("closed", ""), True)
    closure = Closure.objects.get()
    assert (closure.cause, closure.by, closure.closed_on) == ("overdue", POLICY, date(2026, 9, 11))
    assert (closure.limit_fen, closure.drawn_fen) == (8_000_00, 1_000_00)
    end_days(date(2026, 9, 11), date(2026, 10, 11))
    october = Statement.objects.get(line=line, issued_on=date(2026, 10, 1))
    # 1,000.00 and what was charged bear penalty on: a closed line is judged as before.
    assert october.new_penalty_fen > 0
    assert selectors.delinquency(line.pk, date(2026, 10, 11)).overdue_fen == october.minimum_fen
    repayments.repay(line_id=line.pk, amount_fen=2_000_00, reference="r", on=date(2026, 10, 12))
    found = stands(line, date(2026, 10, 12))
    line.refresh_from_db()
    assert (found.owed_fen, found.available_fen, line.excess_fen) == (0, 0, 0)
    assert (status(line), Freeze.objects.get().thaw_cause) == (("closed", ""), "paid")
    assert broken_rules() == []


def test_a_closed_line_is_not_opened_again(line: Line) -> None:
    close(line_id=line.pk, why=Why("customer_wish", CUSTOMER, "x"), on=ON)
    with (
        pytest.raises(DatabaseError, match="never changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE huabei_line SET status = 'active'")
