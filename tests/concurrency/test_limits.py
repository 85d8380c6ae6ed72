"""A limit that is lowered while eight processes buy: what is drawn and held is covered, and nothing more can be bought."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from django.db import OperationalError, connection

from finance.errors import DomainError
from huabei.models import BulkFreeze, Freeze, LimitChange, Line
from huabei.services import purchases
from huabei.services.bulk import freeze_again, thaw_chosen
from huabei.services.causes import Why
from huabei.services.lifecycle import freeze_many
from huabei.services.limits import change_limit, raise_temporarily
from huabei.services.reviews import review
from ledger.audit import verify
from operations import audit
from tests.concurrency.crowd import SIZE, Crowd
from tests.line_world import a_line, a_merchant, stands

ON = date(2026, 6, 5)


def broken_rules() -> list[str]:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds]


def buy_or_lower(line_id: int, merchant_id: UUID, name: int) -> int:
    """Two processes lower the limit step by step, the others buy; returns how many purchases were authorised."""
    bought = 0
    for n in range(30):
        if name < 2:
            limit_fen = 1_000_00 - 20_00 * n - 10_00 * name - 1
            why = Why("risk", "staff:1", f"{name}-{n}")
            change_limit(line_id=line_id, limit_fen=limit_fen, why=why, on=ON)
            continue
        try:
            purchases.authorise(
                line_id=line_id, merchant_id=merchant_id, amount_fen=5_00, reference=f"{name}-{n}", on=ON
            )
            bought += 1
        except purchases.LimitExceeded:
            continue
    return bought


def test_a_limit_is_lowered_while_others_buy(committed_db: str, crowd: Crowd) -> None:
    line, shop = a_line(1_000_00), a_merchant()
    bought = crowd.at_once(buy_or_lower, committed_db, *[(line.pk, shop.pk, n) for n in range(SIZE)])
    line.refresh_from_db()
    position = stands(line, ON)
    last = LimitChange.objects.order_by("-pk")[0]
    assert (LimitChange.objects.count(), line.limit_fen) == (60, last.after_fen)
    assert position.held_fen == sum(bought) * 5_00
    assert line.excess_fen == max(position.held_fen - line.limit_fen, 0)
    assert position.available_fen == max(line.limit_fen - position.held_fen, 0)
    assert broken_rules() == []


def freeze_all(line_ids: list[int], name: int) -> int:
    return len(freeze_many(line_ids=line_ids, why=Why("fraud", "staff:1", f"{name}"), on=ON))


def test_lines_frozen_by_eight_at_once_are_frozen_once(committed_db: str, crowd: Crowd) -> None:
    ids = [a_line().pk for _ in range(20)]
    orders = [ids if n % 2 else ids[::-1] for n in range(SIZE)]
    frozen = crowd.at_once(freeze_all, committed_db, *[(order, n) for n, order in enumerate(orders)])
    assert (sum(frozen), Freeze.objects.count()) == (20, 20)
    assert Line.objects.filter(status="frozen").count() == 20
    assert broken_rules() == []


def undo(bulk_thaw_id: int, name: int) -> str:
    try:
        freeze_again(bulk_thaw_id=bulk_thaw_id, by="staff:1", note="", reference=f"u{name}", on=ON)
    except DomainError as refusal:
        return refusal.code
    return "undone"


def test_eight_who_undo_the_end_of_many_freezes_undo_it_once(committed_db: str, crowd: Crowd) -> None:
    ids = [a_line().pk for _ in range(10)]
    freeze_all(ids, 0)
    why = Why("cleared", "staff:1", "thaw")
    bulk = thaw_chosen(line_ids=ids, freeze_cause="fraud", why=why, on=ON)
    answers = crowd.at_once(undo, committed_db, *[(bulk.pk, n) for n in range(SIZE)])
    assert sorted(answers) == sorted(["already_undone"] * (SIZE - 1) + ["undone"])
    assert (BulkFreeze.objects.count(), Line.objects.filter(status="frozen").count()) == (1, 10)
    assert broken_rules() == []


def test_a_limit_is_raised_while_nobody_else_decides_what_its_owner_may_owe(committed_db: str) -> None:
    """Who signs a loan holds the customer, and has read what is owed with the limit as it was."""
    line = a_line(1_000_00)
    assert line.review_on is not None

    def change() -> object:
        return change_limit(line_id=line.pk, limit_fen=1_100_00, why=Why("risk", "staff:1", "set"), on=ON)

    def raise_for_a_time() -> object:
        why = Why("travel", "staff:1", "raise")
        return raise_temporarily(line_id=line.pk, amount_fen=50_00, last_day=ON, why=why, on=ON)

    def review_all() -> object:
        return review(on=line.review_on)

    signing = connection.copy()
    try:
        signing.set_autocommit(False)
        with signing.cursor() as cursor:
            cursor.execute(
                "SELECT FROM customers_customer WHERE id = %s FOR NO KEY UPDATE", [line.customer_id]
            )
        for act in (change, raise_for_a_time, review_all):
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '100ms'")
            with pytest.raises(OperationalError, match="lock timeout"):
                act()
    finally:
        signing.close()
        connection.close()
    change()
    raise_for_a_time()
    assert review_all() == 1
    assert LimitChange.objects.filter(line=line, reference__in=["set", "raise"]).count() == 2
    assert broken_rules() == []
