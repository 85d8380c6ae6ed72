"""Merchants that are suspended and reinstated, and categories that may not be paid by line."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from customers.models import Shop
from finance.errors import DomainError
from huabei.errors import (
    CategoryNotAllowed,
    DateRefused,
    MerchantNotAccepting,
    MerchantNotAllowed,
    RequestConflict,
)
from huabei.models import CategoryRule, Line, Merchant, MerchantChange, Posting, Purchase
from huabei.services import purchases
from huabei.services.captures import capture
from huabei.services.causes import CauseRefused, Why
from huabei.services.merchants import (
    AlreadySuspended,
    NotSuspended,
    RuleRefused,
    change_posting,
    reinstate,
    rule_category,
    suspend,
)
from huabei.services.receipts import confirm_receipt
from huabei.services.releases import void
from huabei.services.repayments import refund
from huabei.services.shares import accept, authorise_shared, invite
from operations.services import closing
from tests.line_world import (
    a_campaign,
    a_customer,
    a_line,
    a_merchant,
    an_escrow_merchant,
    authorised,
    bought,
)
from web.api.day import held_day

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)
NEXT = ON + timedelta(days=1)


@pytest.fixture
def line() -> Line:
    return a_line(1_000_00)


@pytest.fixture
def shop() -> Merchant:
    return a_merchant()


def why(cause: str = "cash_out", reference: str = "a", by: str = "staff:1") -> Why:
    return Why(cause, by, reference, "seen by us")


def stop(shop: Merchant, reference: str = "a", on: date = ON) -> MerchantChange:
    return suspend(merchant_id=shop.pk, why=why(reference=reference), on=on)


def go_on(shop: Merchant, reference: str = "b", on: date = NEXT) -> MerchantChange:
    return reinstate(merchant_id=shop.pk, why=why("cleared", reference), on=on)


def test_nothing_is_bought_at_a_shop_that_is_suspended_until_it_is_reinstated(
    line: Line, shop: Merchant
) -> None:
    stop(shop)
    with pytest.raises(MerchantNotAllowed) as refused:
        authorised(line, shop, 10_00, ON)
    assert refused.value.code == "merchant_not_allowed"
    assert not Purchase.objects.exists()
    go_on(shop)
    authorised(line, shop, 10_00, NEXT)
    assert list(shop.changes.order_by("pk").values_list("kind", "cause", "by", "changed_on")) == [
        ("suspended", "cash_out", "staff:1", ON),
        ("reinstated", "cleared", "staff:1", NEXT),
    ]


def test_however_it_is_asked_for_nothing_is_bought_there(line: Line, shop: Merchant) -> None:
    closing.set_business_date(on=ON)
    campaign = a_campaign(shop, on=ON)
    friend = a_customer()
    share = invite(line_id=line.pk, beneficiary_id=friend.pk, monthly_cap_fen=500_00, on=ON)
    accept(share_id=share.pk, beneficiary_id=friend.pk, on=ON)
    asked: dict[str, Any] = {"merchant_id": shop.pk, "amount_fen": 200_00, "reference": "r"}

    def refusals(expected: type[DomainError]) -> None:
        with pytest.raises(expected):
            purchases.authorise(line_id=line.pk, on=ON, instalments=3, **asked)
        with pytest.raises(expected):
            purchases.authorise(line_id=line.pk, on=ON, instalments=3, campaign_id=campaign.pk, **asked)
        with pytest.raises(expected):
            purchases.authorise_held(line_uuid=line.uuid, day=held_day(), **asked)
        with pytest.raises(expected):
            authorise_shared(share_uuid=share.uuid, on=ON, **asked)

    stop(shop)
    refusals(MerchantNotAllowed)
    go_on(shop, on=ON)
    forbid("test", on=ON)
    refusals(CategoryNotAllowed)


def test_what_was_authorised_before_goes_on(line: Line, shop: Merchant) -> None:
    escrow = an_escrow_merchant()
    taken, given_up = authorised(line, shop, 10_00, ON), authorised(line, shop, 10_00, ON)
    received, back = authorised(line, escrow, 10_00, ON), bought(line, shop, 10_00, ON)
    again = authorised(line, shop, 10_00, ON)
    for each in (shop, escrow):
        stop(each)
    capture(purchase_id=taken.pk, amount_fen=10_00, on=NEXT)
    void(purchase_id=given_up.pk, on=NEXT)
    confirm_receipt(purchase_id=received.pk, customer_id=line.customer_id, on=NEXT)
    refund(purchase_id=back.pk, amount_fen=10_00, reference="back", on=NEXT)
    repeated = purchases.authorise(
        line_id=line.pk, merchant_id=shop.pk, amount_fen=10_00, reference=again.reference, on=NEXT
    )
    assert (repeated.purchase_id, repeated.repeated) == (again.pk, True)


def test_each_reference_happens_once(shop: Merchant) -> None:
    first = stop(shop)
    assert stop(shop) == first
    with pytest.raises(RequestConflict):
        reinstate(merchant_id=shop.pk, why=why("cleared", "a"), on=NEXT)
    go_on(shop)
    assert stop(shop) == first
    shop.refresh_from_db()
    assert (shop.is_accepting, MerchantChange.objects.count()) == (True, 2)


def test_what_cannot_be_said_of_a_shop_is_refused(shop: Merchant) -> None:
    with pytest.raises(NotSuspended):
        go_on(shop)
    with pytest.raises(MerchantNotAccepting):
        suspend(merchant_id=uuid4(), why=why(), on=ON)
    for wrong in (why("cleared"), why("nonsense"), why(by="nobody")):
        with pytest.raises(CauseRefused):
            suspend(merchant_id=shop.pk, why=wrong, on=ON)
    stop(shop)
    with pytest.raises(AlreadySuspended):
        stop(shop, "c")
    assert MerchantChange.objects.count() == 1


def forbid(
    category: str, *, on: date = ON, reference: str = "a", is_allowed: bool = False, **more: Any
) -> CategoryRule:
    cause = "cleared" if is_allowed else "cash_out"
    given: dict[str, Any] = {"name": "Tests", "name_zh": "测试", "effective_from": on, **more}
    return rule_category(category=category, is_allowed=is_allowed, why=why(cause, reference), on=on, **given)


def test_what_a_category_sells_is_allowed_from_the_day_of_its_rule(line: Line, shop: Merchant) -> None:
    forbid("test", effective_from=NEXT)
    forbid("test", is_allowed=True, reference="b", effective_from=NEXT + timedelta(days=2))
    answers = []
    for n in range(5):
        try:
            authorised(line, shop, 1_00, ON + timedelta(days=n))
        except CategoryNotAllowed as refusal:
            answers.append(refusal.code)
        else:
            answers.append("bought")
    assert answers == ["bought", "category_not_allowed", "category_not_allowed", "bought", "bought"]


@pytest.mark.parametrize("category", ["prepaid_cards", "securities", "real_estate", "lottery"])
def test_what_is_used_for_cash_out_is_forbidden_from_the_first_day(line: Line, category: str) -> None:
    shop = Shop.objects.create(name="Test", category=category, registered_on=ON)
    merchant = purchases.accept_merchant(shop=shop)
    with pytest.raises(CategoryNotAllowed):
        authorised(line, merchant, 1_00, ON)


def test_an_urgent_rule_stands_before_one_that_was_said_of_a_later_day(line: Line, shop: Merchant) -> None:
    forbid("test", effective_from=ON + timedelta(days=366))
    forbid("test", reference="b")
    with pytest.raises(CategoryNotAllowed):
        authorised(line, shop, 1_00, ON)
    with pytest.raises(RuleRefused):  # forbidden by the rule before it
        forbid("test", reference="c", effective_from=ON + timedelta(days=2))
    forbid("test", is_allowed=True, reference="d", effective_from=NEXT)
    authorised(line, shop, 1_00, NEXT)


def test_an_urgent_posting_stands_before_one_that_was_said_of_a_later_day(line: Line, shop: Merchant) -> None:
    for n, day in enumerate((ON + timedelta(days=366), ON)):
        change_posting(
            merchant_id=shop.pk,
            posting=Posting.RECEIPT,
            effective_from=day,
            why=why("agreement", f"p{n}"),
            on=ON,
        )
    assert authorised(line, shop, 1_00, ON).posts_on_receipt


# fmt: off
REFUSED: list[tuple[dict[str, Any], type[DomainError]]] = [
    ({"effective_from": ON - timedelta(days=1), "reference": "b"},  DateRefused),
    ({"effective_from": ON, "is_allowed": True, "reference": "b"},  DateRefused),      # said for this day already
    ({"effective_from": ON + timedelta(days=367), "is_allowed": True, "reference": "b"},  DateRefused),
    ({"effective_from": NEXT, "reference": "b"},                    RuleRefused),      # forbidden as it is
    ({"effective_from": NEXT, "is_allowed": True, "reference": "b", "name": " "}, RuleRefused),
    ({"effective_from": NEXT},                                      RequestConflict),
]
# fmt: on


@pytest.mark.parametrize(("given", "refusal"), REFUSED)
def test_a_rule_that_cannot_be_is_refused(given: dict[str, Any], refusal: type[DomainError]) -> None:
    first = forbid("toys")
    assert forbid("toys") == first
    with pytest.raises(refusal):
        forbid("toys", **given)
    assert CategoryRule.objects.filter(category="toys").count() == 1
    with pytest.raises(RuleRefused):
        forbid("books", is_allowed=True)
