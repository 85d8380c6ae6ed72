"""Whatever ends a hold takes its locks in the order in which everybody else does: nobody is refused for a deadlock."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from huabei.services import purchases, repayments
from huabei.services.causes import Why
from huabei.services.limits import change_limit
from tests.concurrency.crowd import SIZE, Crowd
from tests.concurrency.test_line import broken_rules, do
from tests.line_world import a_campaign, a_line, a_merchant, authorised, bought, stands

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
