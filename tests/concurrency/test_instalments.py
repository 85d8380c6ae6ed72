"""Instalments that several processes want at the same moment are made once, paid off once and billed once."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import transaction

from finance.errors import DomainError
from huabei.models import Campaign, Payoff, Plan, PlanRow
from huabei.services import instalments, repayments
from huabei.services import purchases as purchasing
from huabei.services.campaigns import Figures, change_campaign
from huabei.turning import issue_statements
from ledger.selectors import position
from tests.concurrency.crowd import SIZE, Crowd
from tests.concurrency.test_line import broken_rules, do
from tests.line_world import a_campaign, a_line, a_merchant, bought, end_day, stands

ON = date(2026, 6, 5)


def spread(line_id: int, reference: str, amount_fen: int) -> str:
    try:
        instalments.spread_statement(
            line_id=line_id, amount_fen=amount_fen, periods=3, reference=reference, on=date(2026, 7, 2)
        )
    except DomainError as refusal:
        return refusal.code
    return "made"


def test_a_statement_is_put_into_instalments_no_more_than_it_asks_for(
    committed_db: str, crowd: Crowd
) -> None:
    line = a_line()
    bought(line, a_merchant(), 1_000_00, ON)
    end_day(date(2026, 6, 30))
    answers = crowd.at_once(spread, committed_db, *((line.pk, f"r{n}", 400_00) for n in range(SIZE)))
    assert sorted(answers) == ["amount_refused"] * (SIZE - 2) + ["made"] * 2
    position = stands(line, date(2026, 7, 2))
    assert (position.instalment_fen, position.billed_fen) == (800_00, 200_00)
    assert broken_rules() == []


def test_a_repeated_statement_plan_is_one(committed_db: str, crowd: Crowd) -> None:
    line = a_line()
    bought(line, a_merchant(), 1_000_00, ON)
    end_day(date(2026, 6, 30))
    assert crowd.at_once(spread, committed_db, *[(line.pk, "same", 400_00)] * SIZE) == ["made"] * SIZE
    assert Plan.objects.count() == 1
    assert broken_rules() == []


def pay_off(plan_id: int, reference: str, on: date) -> None:
    instalments.pay_off(plan_id=plan_id, reference=reference, on=on)


def give_back(purchase_id: int, reference: str, on: date) -> None:
    repayments.refund(purchase_id=purchase_id, amount_fen=50_00, reference=reference, on=on)


def issue(on: date) -> None:
    with transaction.atomic():
        issue_statements(on)


def test_rows_are_billed_or_paid_off_or_refunded_whoever_comes_first(committed_db: str, crowd: Crowd) -> None:
    line, shop = a_line(), a_merchant()
    purchases = [bought(line, shop, 600_00, ON, instalments=3) for _ in range(SIZE - 1)]
    on = date(2026, 7, 1)
    half = len(purchases) // 2
    crowd.at_once(
        do,
        committed_db,
        *((pay_off, (purchase.plans.get().pk, "r", on)) for purchase in purchases[:half]),
        (issue, (date(2026, 6, 30),)),
        *((give_back, (purchase.pk, "r", on)) for purchase in purchases[half:]),
    )
    assert Payoff.objects.count() == half
    # The close billed the first row of every plan that was not paid off before it.
    assert PlanRow.objects.filter(billed_on=on).count() >= SIZE - 1 - half
    assert broken_rules() == []


def under_a_campaign(line_id: int, merchant_id: UUID, campaign_id: int, references: list[str]) -> list[str]:
    answers = []
    for reference in references:
        try:
            held = purchasing.authorise(
                line_id=line_id,
                merchant_id=merchant_id,
                amount_fen=100_00,
                reference=reference,
                on=ON,
                instalments=3,
                campaign_id=campaign_id,
            )
            purchasing.capture(purchase_id=held.purchase_id, amount_fen=100_00, on=ON)
            answers.append("bought")
        except DomainError as refusal:
            answers.append(refusal.code)
    return answers


def test_the_budget_of_a_campaign_is_used_up_and_never_overspent(committed_db: str, crowd: Crowd) -> None:
    shop = a_merchant()
    campaign = a_campaign(shop, on=ON, budget_fen=32_00)
    lines = [a_line() for _ in range(SIZE)]
    asked = [(line.pk, shop.pk, campaign.pk, [f"{line.pk}-{n}" for n in range(4)]) for line in lines]
    answers = [answer for each in crowd.at_once(under_a_campaign, committed_db, *asked) for answer in each]
    # Each fee is 2.50: twelve of them fit.
    assert sorted(answers) == ["bought"] * 12 + ["campaign_over"] * (SIZE * 4 - 12)
    assert position(campaign.budget_account_id).available_fen == 2_00
    assert position(shop.payable_account_id).credit_fen == 12 * 97_50
    campaign.refresh_from_db()
    assert campaign.alerted_on == ON
    assert broken_rules() == []


def lower(campaign_id: int, budgets_fen: list[int]) -> list[str]:
    """Lowers a budget step by step, as far as it may be."""
    answers = []
    for budget_fen in budgets_fen:
        campaign = Campaign.objects.get(pk=campaign_id)
        figures = Figures(campaign.starts_on, campaign.ends_on, 1_00, 5_000_00, budget_fen, budget_fen)
        try:
            change_campaign(
                campaign_id=campaign_id,
                figures=figures,
                by="lender",
                reason="less",
                reference=f"to {budget_fen}",
                on=ON,
            )
            answers.append("lowered")
        except DomainError as refusal:
            answers.append(refusal.code)
    return answers


def test_a_budget_that_is_lowered_while_it_is_used_covers_what_was_promised(
    committed_db: str, crowd: Crowd
) -> None:
    shop = a_merchant()
    campaign = a_campaign(shop, on=ON, budget_fen=100_00)
    lines = [a_line() for _ in range(SIZE - 1)]
    buying = [
        (under_a_campaign, (line.pk, shop.pk, campaign.pk, [f"{line.pk}-{n}" for n in range(4)]))
        for line in lines
    ]
    crowd.at_once(do, committed_db, *buying, (lower, (campaign.pk, [80_00, 60_00, 40_00, 20_00, 2_50])))
    campaign.refresh_from_db()
    left_fen = position(campaign.budget_account_id).available_fen
    spent_fen = sum(Plan.objects.values_list("subsidy_fen", flat=True))
    assert 0 <= left_fen == campaign.budget_fen - spent_fen
    assert broken_rules() == []
