"""A limit is set, lowered below what is drawn, raised for a time: what is available, what exceeds it, what is kept of it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from huabei.errors import (
    AmountRefused,
    LineError,
    LineNotActive,
    LineNotFound,
    ReferenceRefused,
    RequestConflict,
)
from huabei.models import Cause, LimitChange, Line, TemporaryLimit
from huabei.services import lifecycle, purchases, repayments
from huabei.services.causes import CUSTOMER, POLICY, CauseRefused, Why, causes_for, staff
from huabei.services.limits import (
    LimitRefused,
    TemporaryNotFound,
    change_limit,
    end_temporary,
    raise_temporarily,
)
from ledger.audit import verify
from operations import audit
from tests.line_world import a_line, a_merchant, a_policy, authorised, bought, end_day, stands
from tests.loan_world import a_wish, signed

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)
BY = staff(7)


@pytest.fixture
def line() -> Line:
    return a_line(1_000_00)


def set_to(line: Line, fen: int, reference: str = "a", *, cause: str = "risk", by: str = BY) -> LimitChange:
    return change_limit(line_id=line.pk, limit_fen=fen, why=Why(cause, by, reference, "说明"), on=ON)


def lend(line: Line, fen: int, last_day: date, reference: str = "t") -> LimitChange:
    why = Why("travel", BY, reference)
    return raise_temporarily(line_id=line.pk, amount_fen=fen, last_day=last_day, why=why, on=ON)


def standing(line: Line) -> tuple[int, int, int]:
    """The limit, what exceeds it, and what is available."""
    line.refresh_from_db()
    return line.limit_fen, line.excess_fen, stands(line, ON).available_fen


def broken_rules() -> list[str]:
    return [found.check.name for found in verify(audit.CHECKS) if not found.holds]


# The limit set, then the limit, what exceeds it, and what is available, when 400.00 are drawn and 100.00 held of 1,000.00.
# fmt: off
LIMITS = [
    (2_000_00,  2_000_00, 0,      1_500_00),
    (999_99,    999_99,   0,      499_99),
    (500_00,    500_00,   0,      0),
    (499_99,    499_99,   1,      0),
    (0,         0,        500_00, 0),
]
# fmt: on


@pytest.mark.parametrize(("fen", "limit", "excess", "available"), LIMITS)
def test_a_limit_is_set_whatever_is_drawn(
    line: Line, fen: int, limit: int, excess: int, available: int
) -> None:
    shop = a_merchant()
    bought(line, shop, 400_00, ON)
    authorised(line, shop, 100_00, ON)
    change = set_to(line, fen)
    assert standing(line) == (limit, excess, available)
    assert (change.before_fen, change.after_fen, change.cause, change.by, change.note) == (
        1_000_00,
        fen,
        "risk",
        BY,
        "说明",
    )
    assert broken_rules() == []


def test_what_comes_back_is_absorbed_before_anything_can_be_bought(line: Line) -> None:
    shop = a_merchant()
    purchase = bought(line, shop, 600_00, ON)
    held = authorised(line, shop, 300_00, ON)
    set_to(line, 500_00)
    assert standing(line) == (500_00, 400_00, 0)
    purchases.void(purchase_id=held.pk, on=ON)
    assert standing(line) == (500_00, 100_00, 0)
    repayments.repay(line_id=line.pk, amount_fen=50_00, reference="r", on=ON)
    repayments.refund(purchase_id=purchase.pk, amount_fen=80_00, reference="r", on=ON)
    assert standing(line) == (500_00, 0, 30_00)
    assert broken_rules() == []


def test_an_increase_fills_the_excess_first(line: Line) -> None:
    bought(line, a_merchant(), 600_00, ON)
    set_to(line, 500_00)
    set_to(line, 550_00, "b")
    assert standing(line) == (550_00, 50_00, 0)
    set_to(line, 700_00, "c")
    assert standing(line) == (700_00, 0, 100_00)
    assert broken_rules() == []


# fmt: off
REFUSED = [
    (1_000_00,    "risk",          BY,        "b",      LimitRefused),     # as it is
    (50_000_01,   "income_proved", BY,        "b",      LimitRefused),     # beyond the largest limit
    (-1,          "risk",          BY,        "b",      AmountRefused),
    (2**63,       "risk",          BY,        "b",      AmountRefused),
    (900_00,      "risk",          BY,        "",       ReferenceRefused),
    (900_00,      "because",       BY,        "b",      CauseRefused),
    (900_00,      "fraud",         BY,        "b",      CauseRefused),     # a cause of something else
    (900_00,      "score_rise",    BY,        "b",      CauseRefused),     # the policy's own
    (900_00,      "risk",          CUSTOMER,  "b",      CauseRefused),
    (900_00,      "risk",          "staff:0", "b",      CauseRefused),
    (900_00,      "risk",          "somebody", "b",     CauseRefused),
]
# fmt: on


@pytest.mark.parametrize(("fen", "cause", "by", "reference", "refusal"), REFUSED)
def test_a_change_that_is_refused_changes_nothing(
    line: Line, fen: int, cause: str, by: str, reference: str, refusal: type[LineError]
) -> None:
    with pytest.raises(refusal):
        set_to(line, fen, reference, cause=cause, by=by)
    assert (standing(line), LimitChange.objects.count()) == ((1_000_00, 0, 1_000_00), 0)


def test_a_limit_stays_within_what_one_person_may_owe(line: Line) -> None:
    signed(a_wish(1_000_00), on=ON, customer_id=line.customer_id)
    a_policy(maximum_limit_fen=2_000_00, maximum_exposure_fen=2_200_00)
    with pytest.raises(LimitRefused):
        set_to(line, 1_200_01)
    set_to(line, 1_200_00)
    with pytest.raises(LimitRefused):
        lend(line, 1, ON)


def test_a_change_happens_once_per_reference(line: Line) -> None:
    assert set_to(line, 900_00).pk == set_to(line, 900_00).pk
    with pytest.raises(RequestConflict):
        set_to(line, 800_00)
    assert standing(line)[0] == 900_00


def test_a_line_that_is_not_there_or_closed_is_said_so(line: Line) -> None:
    with pytest.raises(LineNotFound):
        change_limit(line_id=0, limit_fen=1, why=Why("risk", BY, "a"), on=ON)
    lifecycle.close(line_id=line.pk, why=Why("customer_wish", CUSTOMER, "x"), on=ON)
    with pytest.raises(LineNotActive):
        set_to(line, 900_00)


def test_causes_are_dated_and_each_may_give_their_own(line: Line) -> None:
    Cause.objects.filter(concern="limit", code="risk").update(effective_to=ON)
    with pytest.raises(CauseRefused):
        set_to(line, 900_00)
    codes = {by: {cause.code for cause in causes_for("limit", ON, by=by)} for by in (BY, CUSTOMER, POLICY)}  # type: ignore[arg-type]
    assert codes[CUSTOMER] == {"customer_wish"}
    assert ("score_rise" in codes[POLICY], "score_rise" in codes[BY]) == (True, False)


def test_temporary_limits_add_up_and_end_each_on_its_own_day(line: Line) -> None:
    lend(line, 300_00, ON + timedelta(days=2), "short")
    lend(line, 200_00, ON + timedelta(days=5), "long")
    assert standing(line) == (1_500_00, 0, 1_500_00)
    end_day(ON + timedelta(days=1))
    assert standing(line)[0] == 1_500_00
    end_day(ON + timedelta(days=2))
    assert standing(line)[0] == 1_200_00
    set_to(line, 900_00)  # the limit without what is lent
    assert standing(line)[0] == 1_100_00
    end_day(ON + timedelta(days=5))
    assert standing(line) == (900_00, 0, 900_00)
    assert [t.ended_on for t in TemporaryLimit.objects.order_by("pk")] == [
        ON + timedelta(days=3),
        ON + timedelta(days=6),
    ]
    assert broken_rules() == []


def test_several_that_end_at_once_follow_each_other(line: Line) -> None:
    other = a_line(2_000_00)
    for n in range(3):
        lend(line, 100_00, ON, f"{n}")
    lend(other, 70_00, ON)
    end_day(ON)
    assert (standing(line)[0], standing(other)[0]) == (1_000_00, 2_000_00)
    chain = LimitChange.objects.filter(line=line, kind="temporary_ended").order_by("pk")
    assert [(c.before_fen, c.after_fen, c.by) for c in chain] == [
        (1_300_00, 1_200_00, POLICY),
        (1_200_00, 1_100_00, POLICY),
        (1_100_00, 1_000_00, POLICY),
    ]
    assert broken_rules() == []


def test_what_was_drawn_of_a_temporary_limit_exceeds_the_limit_when_it_ends(line: Line) -> None:
    lend(line, 500_00, ON)
    bought(line, a_merchant(), 1_400_00, ON)
    end_day(ON)
    assert standing(line) == (1_000_00, 400_00, 0)
    assert broken_rules() == []


def test_a_temporary_limit_is_ended_early(line: Line) -> None:
    change = lend(line, 500_00, ON + timedelta(days=9))
    assert change.temporary_id is not None
    why = Why("customer_wish", BY, "early")
    for _ in range(2):
        end_temporary(temporary_id=change.temporary_id, why=why, on=ON)
    assert standing(line)[0] == 1_000_00
    with pytest.raises(TemporaryNotFound):
        end_temporary(temporary_id=change.temporary_id, why=Why("customer_wish", BY, "again"), on=ON)
    with pytest.raises(TemporaryNotFound):
        end_temporary(temporary_id=0, why=why, on=ON)
    end_day(ON + timedelta(days=9))
    assert standing(line)[0] == 1_000_00


@pytest.mark.parametrize("last_day", [ON - timedelta(days=1), ON + timedelta(days=367)])
def test_a_temporary_limit_ends_within_a_year(line: Line, last_day: date) -> None:
    with pytest.raises(LimitRefused) as refused:
        lend(line, 1, last_day)
    assert refused.value.field == "last_day"


def test_a_step_repeated_ends_nothing_twice(line: Line) -> None:
    lend(line, 500_00, ON)
    end_day(ON)
    end_day(ON)
    assert standing(line)[0] == 1_000_00
