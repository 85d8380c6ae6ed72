"""What eight processes do to the same lines at the same moment adds up, and every rule of the books still holds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction

from finance.errors import DomainError
from huabei.models import Freeze, Line, Purchase, Segment, Statement
from huabei.services import purchases, repayments
from huabei.services.causes import Why
from huabei.services.lifecycle import thaw
from huabei.services.lines import Opening, open_line
from huabei.turning import issue_statements
from ledger.audit import verify
from operations import audit
from operations.models import CloseStep
from operations.services.closing import STEPS, business_date, close_day, close_until, set_business_date
from tests.concurrency.crowd import SIZE, Crowd
from tests.line_world import a_customer, a_line, a_merchant, authorised, bought, end_day, stands

ON = date(2026, 6, 5)


def broken_rules() -> list[str]:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds]


def authorise_each(
    line_id: int, merchant_id: UUID, references: list[str], amount_fen: int
) -> list[tuple[int, str] | str]:
    """The answer to each request: the purchase and its state, or the code of the refusal."""
    answers: list[tuple[int, str] | str] = []
    for reference in references:
        try:
            answer = purchases.authorise(
                line_id=line_id, merchant_id=merchant_id, amount_fen=amount_fen, reference=reference, on=ON
            )
            answers.append((answer.purchase_id, answer.state))
        except DomainError as refusal:
            answers.append(refusal.code)
    return answers


def test_authorising_is_one_statement_in_a_transaction_of_its_own(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, shop = a_line(), a_merchant()
    statements = []
    execute: Any = psycopg.Cursor.execute

    def counted(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        statements.append(query)
        return execute(cursor, query, *args, **kwargs)

    connection.ensure_connection()
    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    authorised_now = authorise_each(line.pk, shop.pk, ["r"], 1)
    monkeypatch.undo()
    assert (len(statements), len(authorised_now)) == (1, 1)
    assert Purchase.objects.count() == 1


def test_a_limit_is_used_up_and_never_exceeded(committed_db: str, crowd: Crowd) -> None:
    line, shop = a_line(100_00), a_merchant()
    asked = [[f"{process}-{n}" for n in range(25)] for process in range(SIZE)]
    answers = crowd.at_once(authorise_each, committed_db, *((line.pk, shop.pk, refs, 75) for refs in asked))
    flat = [answer for each in answers for answer in each]
    assert (sum(isinstance(a, tuple) for a in flat), flat.count("limit_exceeded")) == (133, SIZE * 25 - 133)
    assert (stands(line, ON).held_fen, stands(line, ON).available_fen) == (133 * 75, 25)
    assert broken_rules() == []


def test_a_hundred_repeats_of_one_request_are_one_purchase_and_one_answer(
    committed_db: str, crowd: Crowd
) -> None:
    # The limit covers it once: a repeat is answered, not refused.
    line, shop = a_line(100_00), a_merchant()
    answers = crowd.at_once(authorise_each, committed_db, *[(line.pk, shop.pk, ["same"] * 13, 75_00)] * SIZE)
    purchase = Purchase.objects.get()
    assert {answer for each in answers for answer in each} == {(purchase.pk, "authorised")}
    assert stands(line, ON).held_fen == 75_00
    assert broken_rules() == []


def open_for(customer_id: UUID) -> str:
    try:
        open_line(opening=Opening(customer_id, 1_000_00), on=ON)
    except DomainError as refusal:
        return refusal.code
    return "opened"


def test_a_customer_who_asks_eight_times_at_once_has_one_line(committed_db: str, crowd: Crowd) -> None:
    person = a_customer()
    answers = crowd.at_once(open_for, committed_db, *[(person.pk,)] * SIZE)
    assert sorted(answers) == ["already_has_line"] * (SIZE - 1) + ["opened"]
    assert broken_rules() == []


def capture_each(purchase_ids: list[int], amount_fen: int, on: date) -> None:
    for purchase_id in purchase_ids:
        purchases.capture(purchase_id=purchase_id, amount_fen=amount_fen, on=on)


def test_captures_that_want_the_same_credit_share_it(committed_db: str, crowd: Crowd) -> None:
    line, shop = a_line(), a_merchant()
    repayments.repay(line_id=line.pk, amount_fen=250_01, reference="in advance", on=ON)
    ids = [[authorised(line, shop, 10_00, ON).pk for _ in range(5)] for _ in range(SIZE)]
    crowd.at_once(capture_each, committed_db, *((each, 10_00, ON) for each in ids))
    position = stands(line, ON)
    assert (position.credit_fen, position.drawn_fen, position.held_fen) == (0, SIZE * 50_00 - 250_01, 0)
    assert broken_rules() == []


def repay_each(line_id: int, name: str, amounts: list[int], on: date) -> None:
    for n, amount_fen in enumerate(amounts):
        repayments.repay(line_id=line_id, amount_fen=amount_fen, reference=f"{name}-{n}", on=on)


def refund_each(purchase_id: int, name: str, times: int, amount_fen: int, on: date) -> None:
    for n in range(times):
        repayments.refund(purchase_id=purchase_id, amount_fen=amount_fen, reference=f"{name}-{n}", on=on)


def do(function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """In a process of the crowd, one of several things."""
    function(*arguments)


def test_repayments_refunds_and_captures_of_one_line_at_once_add_up(committed_db: str, crowd: Crowd) -> None:
    line, shop = a_line(), a_merchant()
    billed = bought(line, shop, 500_00, ON)
    end_day(date(2026, 6, 30))
    end_day(date(2026, 7, 10))
    on = date(2026, 7, 15)
    # Frozen since its minimum was missed; somebody let it buy again.
    thaw(freeze_id=Freeze.objects.get().pk, why=Why("goodwill", "staff:1", "x"), on=on)
    held = [[authorised(line, shop, 30_00, on).pk for _ in range(8)] for _ in range(2)]
    crowd.at_once(
        do,
        committed_db,
        (capture_each, (held[0], 20_00, on)),
        (capture_each, (held[1], 30_00, on)),
        *((repay_each, (line.pk, name, [7_03, 61_17, 1, 40_00, 33], on)) for name in "abcd"),
        *((refund_each, (billed.pk, name, 5, 21_11, on)) for name in "ef"),
    )
    position = stands(line, on)
    repaid, refunded = 4 * (7_03 + 61_17 + 1 + 40_00 + 33), 10 * 21_11
    penalty = sum(paid.to_penalty_fen for paid in line.repayments.all())
    assert penalty == 1_00  # four days on 500.00, whoever paid first
    assert position.owed_fen - position.credit_fen == 500_00 + 8 * 50_00 + penalty - repaid - refunded
    assert (position.held_fen, line.repayments.count()) == (0, 20)
    assert broken_rules() == []


def act_on_each(what: str, line_ids: list[int], on: date) -> None:
    """One thing to many lines, in an order of its own for each kind, so that it meets the close at any of them."""
    for line in Line.objects.filter(pk__in=line_ids).order_by("pk" if what == "repay" else "-pk"):
        if what == "repay":
            repay_each(line.pk, "all", [400_00], on)
        elif what == "capture":
            capture_each(
                list(line.purchases.filter(state="authorised").values_list("pk", flat=True)), 50_00, on
            )
        else:
            refund_each(line.purchases.filter(state="captured").order_by("pk")[0].pk, "back", 1, 25_00, on)


@pytest.fixture
def crowded(committed_db: str) -> tuple[str, list[int]]:
    """Forty-five lines that bought for 400.00 in June and hold 50.00."""
    shop = a_merchant()
    lines = [a_line() for _ in range(45)]
    for line in lines:
        bought(line, shop, 400_00, ON)
        authorised(line, shop, 50_00, date(2026, 6, 28))
    return committed_db, [line.pk for line in lines]


def shares(
    ids: list[int], what: str, on: date, many: int
) -> list[tuple[Callable[..., None], tuple[Any, ...]]]:
    return [(act_on_each, (what, ids[n::many], on)) for n in range(many)]


def test_statements_issued_while_customers_pay_buy_and_give_back(
    crowded: tuple[str, list[int]], crowd: Crowd
) -> None:
    name, ids = crowded
    on = date(2026, 7, 1)
    crowd.at_once(
        do,
        name,
        (end_day, (date(2026, 6, 30),)),
        *shares(ids, "capture", on, 3),
        *shares(ids, "repay", on, 3),
        *shares(ids, "refund", on, 1),
    )
    assert broken_rules() == []
    # Whatever met the statement: 400.00 + 50.00 bought, 400.00 paid, 25.00 given back, and nothing is billed never or twice.
    for line in Line.objects.all():
        position = stands(line, on)
        assert position.drawn_fen - position.credit_fen == 25_00
    end_day(date(2026, 7, 31))
    assert broken_rules() == []
    assert not any(stands(line, date(2026, 8, 1)).unbilled_fen for line in Line.objects.all())


def test_what_is_captured_while_its_line_is_found_to_owe_nothing_is_billed_next_time(
    committed_db: str,
) -> None:
    line, shop = a_line(), a_merchant()
    bought(line, shop, 100_00, ON)
    end_day(date(2026, 6, 30))
    repayments.repay(line_id=line.pk, amount_fen=100_00, reference="July", on=date(2026, 7, 5))
    purchase = authorised(line, shop, 50_00, date(2026, 7, 30))
    captured = threading.Event()

    def capture_slowly() -> None:
        with transaction.atomic():
            purchases.capture(purchase_id=purchase.pk, amount_fen=50_00, on=date(2026, 8, 1))
            captured.set()
            time.sleep(0.3)
        connection.close()

    with ThreadPoolExecutor(1) as elsewhere:
        slowly = elsewhere.submit(capture_slowly)
        captured.wait(timeout=30)
        end_day(date(2026, 7, 31))
        slowly.result()
    assert broken_rules() == []
    end_day(date(2026, 8, 31))
    assert list(line.statements.order_by("issued_on").values_list("new_principal_fen", flat=True)) == [
        100_00,
        50_00,
    ]


def test_nobody_is_charged_who_pays_while_the_due_day_is_closed(
    crowded: tuple[str, list[int]], crowd: Crowd
) -> None:
    name, ids = crowded
    end_day(date(2026, 6, 30))
    on = date(2026, 7, 11)
    everybody: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
        (end_day, (date(2026, 7, 10),)),
        *shares(ids, "repay", on, SIZE - 1),
    ]
    crowd.at_once(do, name, *everybody)
    assert broken_rules() == []
    assert not Segment.objects.filter(until__isnull=True).exists()
    assert not Line.objects.exclude(status="active", bucket=0).exists()
    assert not any(stands(line, date(2026, 8, 1)).owed_fen for line in Line.objects.all())


def test_a_step_refuses_to_run_where_its_locks_would_not_last(committed_db: str) -> None:
    with pytest.raises(RuntimeError, match="runs in a transaction"):
        issue_statements(ON)


def close_until_fifth() -> list[tuple[date, str, bool]]:
    return [(r.closed_on, r.step, r.done_before) for r in close_until(on=date(2026, 7, 5))]


def close_one() -> list[tuple[date, str, bool]]:
    return [(r.closed_on, r.step, r.done_before) for r in close_day(closed_on=date(2026, 6, 30))]


@pytest.mark.parametrize(("closer", "days"), [(close_one, 1), (close_until_fifth, 5)])
def test_closers_at_once_close_each_day_once_and_in_order(
    crowded: tuple[str, list[int]],
    crowd: Crowd,
    closer: Callable[[], list[tuple[date, str, bool]]],
    days: int,
) -> None:
    name, ids = crowded
    set_business_date(on=date(2026, 6, 30))
    results = crowd.at_once(closer, name, *[()] * SIZE)
    did = sorted((day, step) for each in results for day, step, done_before in each if not done_before)
    every_day = [date(2026, 6, 30) + timedelta(days=n) for n in range(days)]
    assert did == sorted((day, step) for day in every_day for step, _function in STEPS)
    steps = CloseStep.objects.order_by("started_at").values_list("closed_on", "step")
    assert list(steps) == [(day, step) for day in every_day for step, _function in STEPS]
    assert (Statement.objects.count(), business_date()) == (len(ids), every_day[-1] + timedelta(days=1))
    assert broken_rules() == []
