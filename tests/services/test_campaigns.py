"""Campaigns: who pays the fee, that a budget is never overspent and comes back where it was not needed, and their end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from customers.models import EmailDelivery, Login, ShopLogin, ShopRole
from finance.errors import DomainError
from huabei.campaigning import campaign_for, open_alerts, shops_that_pay
from huabei.models import Campaign, CampaignChange, CategoryRule, Line, Merchant, Plan
from huabei.plans import offers_on
from huabei.services import purchases
from huabei.services.campaigns import Figures, change_campaign, end_campaign, end_over
from huabei.services.causes import Why
from huabei.services.merchants import suspend
from huabei.services.repayments import refund
from ledger.audit import verify
from ledger.selectors import position
from operations import audit
from tests.line_world import a_campaign, a_line, a_merchant, authorised, bought, end_day
from tests.words import UNSHOWABLE, WRITTEN

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)


@pytest.fixture
def shop() -> Merchant:
    return a_merchant()


@pytest.fixture
def line() -> Line:
    return a_line(50_000_00)


def left_of(campaign: Campaign) -> int:
    return position(campaign.budget_account_id).available_fen


def payable_to(shop: Merchant) -> int:
    return position(shop.payable_account_id).credit_fen


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(DomainError) as refusal:
        yield
    assert refusal.value.code == code


def the_books_prove() -> None:
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


def test_the_merchant_pays_all_of_the_fee_at_capture(line: Line, shop: Merchant) -> None:
    campaign = a_campaign(shop, on=ON)
    purchase = authorised(line, shop, 1_000_00, ON, instalments=3, campaign_id=campaign.pk)
    assert (left_of(campaign), payable_to(shop)) == (75_00, 0)
    purchases.capture(purchase_id=purchase.pk, amount_fen=1_000_00, on=ON)
    plan = Plan.objects.get()
    assert (plan.fee_fen, plan.subsidy_fen, plan.campaign) == (0, 25_00, campaign)
    assert payable_to(shop) == 1_000_00 - 25_00
    end_day(date(2026, 6, 30))
    statement = line.statements.get()
    assert (statement.new_instalment_fen, statement.new_fee_fen, statement.total_fen) == (333_33, 0, 333_33)
    the_books_prove()


# What becomes of 1,000.00 authorised with a promise of 25.00, and what is left of a budget of 100.00.
def test_what_no_capture_needed_of_a_budget_comes_back(line: Line, shop: Merchant) -> None:
    campaign = a_campaign(shop, on=ON)
    voided, partly, expired, twice = (
        authorised(line, shop, 1_000_00, ON, instalments=3, campaign_id=campaign.pk) for _ in range(4)
    )
    assert left_of(campaign) == 0
    purchases.void(purchase_id=voided.pk, on=ON)
    assert left_of(campaign) == 25_00
    purchases.capture(purchase_id=partly.pk, amount_fen=400_00, on=ON)
    assert left_of(campaign) == 25_00 + 15_00
    purchases.capture(purchase_id=twice.pk, amount_fen=300_00, on=ON, reference="a", final=False)
    assert left_of(campaign) == 25_00 + 15_00
    purchases.capture(purchase_id=twice.pk, amount_fen=100_00, on=ON, reference="b")
    assert left_of(campaign) == 25_00 + 15_00 + 15_00
    purchases.expire_holds(last_day=date(2026, 6, 12), on=date(2026, 6, 13))
    expired.refresh_from_db()
    assert (expired.state, left_of(campaign)) == ("expired", 80_00)
    assert sum(Plan.objects.values_list("subsidy_fen", flat=True)) == 20_00
    the_books_prove()


def test_a_refund_does_not_give_the_merchant_its_fee_back(line: Line, shop: Merchant) -> None:
    campaign = a_campaign(shop, on=ON)
    purchase = bought(line, shop, 1_000_00, ON, instalments=3, campaign_id=campaign.pk)
    refund(purchase_id=purchase.pk, amount_fen=1_000_00, reference="all", on=ON)
    assert (payable_to(shop), left_of(campaign)) == (-25_00, 75_00)
    the_books_prove()


# A purchase that a campaign of 5 June to 4 July, 100.00 to 5,000.00, in 3 or 6, with 100.00 left, does not cover.
# fmt: off
REFUSALS = [
    (date(2026, 6, 4), 1_000_00, 3,  "campaign_over"),
    (date(2026, 7, 5), 1_000_00, 3,  "campaign_over"),
    (ON,               99_99,    3,  "campaign_over"),
    (ON,               5_000_01, 3,  "campaign_over"),
    (ON,               1_000_00, 12, "campaign_over"),
    (ON,               4_000_01, 3,  None),               # a fee of 100.00 and a quarter of a fen
    (ON,               4_000_21, 3,  "campaign_over"),    # of 100.01
    (ON,               2_222_00, 6,  None),
    (ON,               2_300_00, 6,  "campaign_over"),
]
# fmt: on


@pytest.mark.parametrize(("on", "amount", "periods", "code"), REFUSALS)
def test_what_a_campaign_covers(
    line: Line, shop: Merchant, on: date, amount: int, periods: int, code: str | None
) -> None:
    campaign = a_campaign(shop, on=ON)
    asked: dict[str, Any] = {"instalments": periods, "campaign_id": campaign.pk}
    found = campaign_for(merchant_id=shop.pk, amount_fen=amount, periods=periods, on=on)
    assert found == (None if code else campaign)
    if code is None:
        authorised(line, shop, amount, on, **asked)
    else:
        with refused(code):
            authorised(line, shop, amount, on, **asked)
        assert left_of(campaign) == 100_00
    assert not Plan.objects.exists()


def test_a_campaign_is_of_one_merchant_and_not_of_a_full_line(line: Line, shop: Merchant) -> None:
    campaign = a_campaign(shop, on=ON)
    with refused("campaign_over"):
        authorised(line, a_merchant(), 1_000_00, ON, instalments=3, campaign_id=campaign.pk)
    with refused("limit_exceeded"):
        authorised(a_line(500_00), shop, 1_000_00, ON, instalments=3, campaign_id=campaign.pk)


def test_an_alert_is_raised_once_the_budget_nears_its_end(line: Line, shop: Merchant) -> None:
    campaign = a_campaign(shop, on=ON)
    for day, alerted_on in (
        (ON, None),
        (date(2026, 6, 6), date(2026, 6, 6)),
        (date(2026, 6, 7), date(2026, 6, 6)),
    ):
        bought(
            line,
            shop,
            1_600_00 if day < date(2026, 6, 7) else 100_00,
            day,
            instalments=3,
            campaign_id=campaign.pk,
        )
        campaign.refresh_from_db()
        assert campaign.alerted_on == alerted_on


def test_a_shop_is_e_mailed_of_each_alert_once(line: Line, shop: Merchant) -> None:
    login = Login.objects.create(username="till", email="till@example.com")
    ShopLogin.objects.create(shop=shop.shop, login=login, role=ShopRole.MANAGER)
    campaign = a_campaign(shop, on=ON, alert_fen=20_00)
    for _twice in range(2):
        bought(line, shop, 1_000_00, ON, instalments=3, campaign_id=campaign.pk)
    changed(campaign, budget_fen=200_00, alert_fen=30_00)
    told = EmailDelivery.objects.order_by("pk").values_list("kind", "figures")
    assert list(told) == [
        ("campaign.nearly_spent", {"campaign": "Summer", "used_fen": used_fen, "budget_fen": budget_fen})
        for used_fen, budget_fen in ((25_00, 100_00), (50_00, 200_00))
    ]


def test_a_shop_is_not_e_mailed_of_a_campaign_that_has_ended(line: Line, shop: Merchant) -> None:
    login = Login.objects.create(username="till", email="till@example.com")
    ShopLogin.objects.create(shop=shop.shop, login=login, role=ShopRole.MANAGER)
    campaign = a_campaign(shop, on=ON, alert_fen=20_00)
    purchase = authorised(line, shop, 1_000_00, ON, instalments=3, campaign_id=campaign.pk)
    end_campaign(campaign_id=campaign.pk, reason="over", on=ON)
    purchases.capture(purchase_id=purchase.pk, amount_fen=1_000_00, on=ON)
    assert (campaign.alerts.count(), EmailDelivery.objects.count()) == (1, 0)


def test_an_alert_is_a_fact_until_the_budget_is_raised_or_the_campaign_ends(
    line: Line, shop: Merchant
) -> None:
    campaign = a_campaign(shop, on=ON)
    bought(line, shop, 3_300_00, ON, instalments=3, campaign_id=campaign.pk)
    alert = open_alerts(shop.pk).get()
    assert (alert.campaign, alert.raised_on, alert.used_fen, alert.budget_fen) == (
        campaign,
        ON,
        82_50,
        100_00,
    )
    changed(campaign, budget_fen=200_00, alert_fen=90_00)
    assert not open_alerts().exists()
    bought(line, shop, 400_00, ON, instalments=3, campaign_id=campaign.pk)
    assert [each.used_fen for each in open_alerts()] == [92_50]
    assert not open_alerts(a_merchant().pk).exists()
    end_campaign(campaign_id=campaign.pk, reason="spent", on=ON)
    assert (open_alerts().count(), campaign.alerts.count()) == (0, 2)
    the_books_prove()


def changed(
    campaign: Campaign, *, on: date = ON, reference: str = "c", reason: str = "agreed", **other: Any
) -> CampaignChange:
    """The campaign changed in some of its figures."""
    campaign.refresh_from_db()
    figures = {name: getattr(campaign, name) for name in Figures.__dataclass_fields__}
    return change_campaign(
        campaign_id=campaign.pk,
        figures=Figures(**{**figures, **other}),
        by="staff:1",
        reason=reason,
        reference=reference,
        on=on,
    )


def test_a_campaign_is_changed_once_per_reference(line: Line, shop: Merchant) -> None:
    campaign = a_campaign(shop, on=ON)
    bought(line, shop, 1_000_00, ON, instalments=3, campaign_id=campaign.pk)
    given: dict[str, Any] = {"budget_fen": 25_00, "alert_fen": 20_00, "ends_on": date(2026, 6, 20)}
    first = changed(campaign, **given)
    assert changed(campaign, **given) == first
    campaign.refresh_from_db()
    assert (campaign.budget_fen, campaign.ends_on, left_of(campaign)) == (25_00, date(2026, 6, 20), 0)
    with refused("campaign_over"):
        authorised(line, shop, 1_000_00, ON, instalments=3, campaign_id=campaign.pk)
    changed(campaign, reference="more", budget_fen=60_00)
    assert left_of(campaign) == 35_00
    authorised(line, shop, 1_000_00, ON, instalments=3, campaign_id=campaign.pk)
    with refused("request_conflict"):
        changed(campaign, largest_fen=900_00)
    the_books_prove()


@pytest.mark.parametrize(("written", "kept"), WRITTEN)
def test_a_change_says_why_in_whatever_people_write(shop: Merchant, written: str, kept: str) -> None:
    made = changed(a_campaign(shop, on=ON), largest_fen=900_00, reason=written)
    assert CampaignChange.objects.get(pk=made.pk).reason == kept


@pytest.mark.parametrize(
    ("nonsense", "code", "field"),
    [
        *(({"largest_fen": 900_00, "reason": text}, "campaign_refused", "reason") for text in UNSHOWABLE),
        ({"largest_fen": 900_00, "reason": " \u3000\n"}, "campaign_refused", "reason"),
        ({"budget_fen": 24_99, "alert_fen": 1_00}, "campaign_refused", "budget"),
        ({"starts_on": date(2026, 6, 6)}, "campaign_refused", "starts_on"),
        ({"ends_on": date(2026, 6, 4)}, "campaign_refused", "ends_on"),
        ({"largest_fen": 99_99}, "campaign_refused", "largest"),
        ({"alert_fen": 100_01}, "campaign_refused", "alert"),
        ({"smallest_fen": 0}, "amount_refused", "amount"),
        ({}, "campaign_refused", None),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(
    line: Line, shop: Merchant, nonsense: dict[str, Any], code: str, field: str | None
) -> None:
    campaign = a_campaign(shop, on=ON)
    bought(line, shop, 1_000_00, ON, instalments=3, campaign_id=campaign.pk)
    with pytest.raises(DomainError) as refusal:
        changed(campaign, on=date(2026, 6, 6), **nonsense)
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert left_of(campaign) == 75_00


def test_a_campaign_that_has_ended_is_not_changed(shop: Merchant) -> None:
    campaign = a_campaign(shop, on=ON)
    end_campaign(campaign_id=campaign.pk, reason="over", on=ON)
    with refused("campaign_ended"):
        changed(campaign, budget_fen=200_00)


def test_what_a_campaign_pays_costs_its_customer_nothing_a_year(line: Line, shop: Merchant) -> None:
    a_campaign(shop, on=ON)
    at_shop = {each.periods: each for each in offers_on(1_000_00, ON, merchant_id=shop.pk)}
    for periods, fee_fen, subsidy_fen in ((3, 0, 25_00), (6, 0, 45_00), (9, 65_00, 0), (12, 88_00, 0)):
        found = at_shop[periods]
        assert (found.fee_fen, found.subsidy_fen) == (fee_fen, subsidy_fen)
        free = (Decimal(0), Decimal(0))
        assert ((found.simple_annual, found.effective_annual) == free) == (subsidy_fen > 0)
        assert sum(row.due_fen for row in found.rows) == 1_000_00 + fee_fen
    elsewhere = offers_on(1_000_00, ON, merchant_id=a_merchant().pk)
    assert elsewhere == offers_on(1_000_00, ON)
    assert all(each.subsidy_fen == 0 for each in elsewhere)


def test_what_is_offered_at_a_shop_is_read_at_once_however_many_campaigns_it_has(
    shop: Merchant, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        a_campaign(shop, on=ON)
    with django_assert_num_queries(4):  # terms, their options, campaigns, budgets
        offers = offers_on(1_000_00, ON, merchant_id=shop.pk)
    assert [each.subsidy_fen > 0 for each in offers] == [True, True, False, False]
    with django_assert_num_queries(2):
        offers_on(1_000_00, ON)


def test_no_campaign_is_named_where_nothing_can_be_bought(shop: Merchant) -> None:
    next_day = ON + timedelta(days=1)
    other = a_merchant()
    for each in (shop, other):
        a_campaign(each, on=ON)
    suspend(merchant_id=other.pk, why=Why("fraud", "staff:1", "stop"), on=ON)
    assert shops_that_pay(ON) == [(str(shop.pk), "Test")]
    assert all(each.subsidy_fen == 0 for each in offers_on(1_000_00, ON, merchant_id=other.pk))
    for allowed, day in ((False, ON), (True, next_day)):
        CategoryRule.objects.create(
            category="test", by="policy", reference=str(day), is_allowed=allowed, effective_from=day
        )
    assert [len(shops_that_pay(day)) for day in (ON, next_day)] == [0, 1]
    assert all(each.subsidy_fen == 0 for each in offers_on(1_000_00, ON, merchant_id=shop.pk))


def test_a_campaign_ends_with_its_last_day_its_budget_or_by_hand(line: Line, shop: Merchant) -> None:
    dates, budget, stopped, running = (
        a_campaign(shop, on=ON, ends_on=day) for day in (ON, *[date(2026, 7, 4)] * 3)
    )
    bought(line, shop, 3_920_00, ON, instalments=3, campaign_id=budget.pk)  # 2.00 are left, less than any fee
    end_campaign(campaign_id=stopped.pk, reason="agreed with the shop", on=ON)
    assert end_over(closed_on=ON) == 2
    ended = {each.pk: (each.ended_on, each.end, each.end_reason) for each in Campaign.objects.all()}
    assert ended == {
        dates.pk: (ON, "dates", ""),
        budget.pk: (ON, "budget", ""),
        stopped.pk: (ON, "stopped", "agreed with the shop"),
        running.pk: (None, "", ""),
    }
    with refused("campaign_over"):
        authorised(line, shop, 1_000_00, ON, instalments=3, campaign_id=stopped.pk)
    assert end_campaign(campaign_id=stopped.pk, reason="again", on=ON + timedelta(days=1)).ended_on == ON
    with refused("campaign_not_found"):
        end_campaign(campaign_id=0, reason="", on=ON)


def test_which_campaigns_are_over_is_asked_at_once_however_many_run(
    shop: Merchant, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        a_campaign(shop, on=ON)
    with django_assert_num_queries(4):  # terms, their options, campaigns, budgets
        assert end_over(closed_on=ON) == 0


@pytest.mark.parametrize(
    ("nonsense", "field"),
    [
        ({"ends_on": date(2026, 6, 4)}, "ends_on"),
        ({"largest_fen": 99_99}, "largest"),
        ({"alert_fen": 100_01}, "alert"),
        ({"periods": ()}, "periods"),
        ({"periods": (3, 5)}, "periods"),
        ({"smallest_fen": 0}, "amount"),
    ],
)
def test_a_campaign_that_makes_no_sense_is_refused(
    shop: Merchant, nonsense: dict[str, Any], field: str
) -> None:
    with pytest.raises(DomainError) as refusal:
        a_campaign(shop, on=ON, **nonsense)
    assert refusal.value.field == field
    assert not Campaign.objects.exists()
