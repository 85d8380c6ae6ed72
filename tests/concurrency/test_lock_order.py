"""Whatever ends a hold takes its locks in the order in which everybody else does: nobody is refused for a deadlock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID

import pytest
from django.db import connection

from huabei.models import Purchase
from huabei.services import corrections, purchases, repayments
from huabei.services.causes import Why
from huabei.services.limits import change_limit
from operations.services.closing import close_day, set_business_date
from tests.concurrency.crowd import SIZE, Crowd
from tests.concurrency.test_line import broken_rules, do
from tests.concurrency.waiting import wait_until_somebody_waits
from tests.line_world import a_campaign, a_line, a_merchant, authorised, bought, end_day, stands

ON = date(2026, 6, 5)


def void_each(purchase_ids: list[int]) -> None:
    for purchase_id in purchase_ids:
        purchases.void(purchase_id=purchase_id, on=ON)


def repay_each(line_id: int, name: int, times: int) -> None:
    for n in range(times):
        repayments.repay(line_id=line_id, amount_fen=1_00, reference=f"{name}-{n}", on=ON)


def test_holds_end_on_a_line_beyond_its_limit_while_it_is_repaid(committed_db: str, crowd: Crowd) -> None:
    line, shop = a_line(2_000_00), a_merchant()
    bought(line, shop, 1_000_00, ON)
    held = [[authorised(line, shop, 5_00, ON).pk for _ in range(20)] for _ in range(SIZE // 2)]
    change_limit(line_id=line.pk, limit_fen=100_00, why=Why("risk", "staff:1", "lower"), on=ON)
    crowd.at_once(
        do,
        committed_db,
        *((void_each, (each,)) for each in held),
        *((repay_each, (line.pk, n, 20)) for n in range(SIZE // 2)),
    )
    line.refresh_from_db()
    position = stands(line, ON)
    assert (position.held_fen, position.drawn_fen) == (0, 1_000_00 - SIZE // 2 * 20_00)
    assert line.excess_fen == position.drawn_fen - 100_00
    assert broken_rules() == []


def buy_and_end(line_id: int, merchant_id: UUID, campaign_id: int, name: int) -> None:
    for n in range(20):
        held = purchases.authorise(
            line_id=line_id,
            merchant_id=merchant_id,
            amount_fen=100_00,
            reference=f"{name}-{n}",
            on=ON,
            instalments=3,
            campaign_id=campaign_id,
        )
        if n % 5 == 0:
            purchases.capture(purchase_id=held.purchase_id, amount_fen=50_00, on=ON)
        else:
            purchases.void(purchase_id=held.purchase_id, on=ON)


def test_purchases_under_a_campaign_older_than_their_line_begin_and_end_at_once(
    committed_db: str, crowd: Crowd
) -> None:
    """Who buys moves the counter of the account with the lower number first: the budget's, as the campaign is older."""
    shop = a_merchant()
    campaign = a_campaign(shop, on=ON, budget_fen=1_000_00)
    line = a_line(100_000_00)
    crowd.at_once(buy_and_end, committed_db, *((line.pk, shop.pk, campaign.pk, n) for n in range(SIZE)))
    assert stands(line, ON).drawn_fen == SIZE * 4 * 50_00
    assert broken_rules() == []


EVE, MORNING = date(2026, 7, 31), date(2026, 8, 1)


def captures(held: Purchase, _taken: Purchase) -> None:
    purchases.capture(purchase_id=held.pk, amount_fen=held.amount_fen, on=MORNING)


def refunds(_held: Purchase, taken: Purchase) -> None:
    repayments.refund(purchase_id=taken.pk, amount_fen=taken.amount_fen, reference="r", on=MORNING)


def takes_back(_held: Purchase, taken: Purchase) -> None:
    corrections.reverse_purchase(purchase_id=taken.pk, reason="never bought", on=MORNING)


@pytest.mark.parametrize("act", [captures, refunds, takes_back])
def test_a_line_lives_through_a_close_once_the_campaign_of_its_purchase_is_held(
    committed_db: str, act: Callable[[Purchase, Purchase], None]
) -> None:
    """Living through it pays what is billed from the credit, which moves the counter that a purchase moves last."""
    shop = a_merchant()
    campaign = a_campaign(shop, on=date(2026, 7, 20), budget_fen=1_000_00)
    line = a_line()
    bought(line, shop, 600_00, date(2026, 6, 5), instalments=6)
    end_day(date(2026, 6, 30))
    repayments.repay(line_id=line.pk, amount_fen=1_000_00, reference="before", on=date(2026, 7, 2))
    held, taken = (
        buy(line, shop, 300_00, date(2026, 7, 25), instalments=3, campaign_id=campaign.pk)
        for buy in (authorised, bought)
    )
    set_business_date(on=EVE)
    next(steps := close_day(closed_on=EVE))

    def acts() -> None:
        try:
            act(held, taken)
        finally:
            connection.close()

    buying = connection.copy()
    with ThreadPoolExecutor(1) as other:
        try:
            buying.set_autocommit(False)
            with buying.cursor() as cursor:
                cursor.execute("SELECT FROM huabei_campaign WHERE id = %s FOR NO KEY UPDATE", [campaign.pk])
                done = other.submit(acts)
                wait_until_somebody_waits()
                counter = "SELECT FROM ledger_account WHERE id = %s FOR NO KEY UPDATE NOWAIT"
                cursor.execute("RESET ROLE")
                cursor.execute(counter, [line.commitment_account_id])
        finally:
            buying.close()
        done.result(timeout=60)
    list(steps)
    assert broken_rules() == []
