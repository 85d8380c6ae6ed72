"""What staff see and do about merchants in the console."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from huabei.errors import MerchantNotAllowed
from huabei.models import CategoryRule, Line, Merchant, MerchantChange, Purchase
from huabei.services.repayments import refund
from operations.services import closing
from operations.staff import ADMINISTRATOR, SERVICER, UNDERWRITER
from tests.line_world import a_line, a_merchant, an_escrow_merchant, authorised, bought, settled
from tests.services.test_borrower_pages import text
from tests.services.test_line_console import act, address, signed_in

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)
NEXT = ON + timedelta(days=1)


@pytest.fixture
def shop() -> Merchant:
    closing.set_business_date(on=ON)
    return a_merchant()


@pytest.fixture
def line() -> Line:
    return a_line()


@pytest.fixture
def page(client: Client) -> Client:
    return signed_in(client)


def test_a_merchant_is_suspended_after_a_look_and_reinstated(
    page: Client, shop: Merchant, line: Line
) -> None:
    given = {"cause": "cash_out", "note": "same buyer each night"}
    shown = text(act(page, shop, "suspend", "preview", **given))
    assert "Accepting yes no" in shown
    assert not MerchantChange.objects.exists()
    key = str(uuid4())
    for _again in range(2):
        act(page, shop, "suspend", **given, key=key)
    with pytest.raises(MerchantNotAllowed):
        authorised(line, shop, 1_00, ON)
    shown = text(page.get(reverse("admin:huabei_merchant_change", args=[shop.pk])))
    for each in ("suspended suspected cash-out", "same buyer each night", "Reinstate"):
        assert each in shown
    act(page, shop, "reinstate", cause="cleared")
    assert list(MerchantChange.objects.order_by("pk").values_list("kind", flat=True)) == [
        "suspended",
        "reinstated",
    ]
    assert LogEntry.objects.count() == 2
    authorised(line, shop, 1_00, ON)


def test_when_purchases_post_is_said_from_a_day_on(page: Client, shop: Merchant, line: Line) -> None:
    given = {"posting": "receipt", "effective_from": str(NEXT), "cause": "agreement"}
    assert f"on confirmed receipt {NEXT}" in text(act(page, shop, "posting", "preview", **given))
    act(page, shop, "posting", **given)
    assert [authorised(line, shop, 1_00, day).posts_on_receipt for day in (ON, NEXT)] == [False, True]
    refused = act(page, shop, "posting", **given)
    assert "it was said for this day already" in text(refused)
    assert MerchantChange.objects.count() == 1


def test_a_category_is_forbidden_from_a_shops_page_and_allowed_from_its_own(
    page: Client, shop: Merchant
) -> None:
    given = {"name": "Tests", "name_zh": "测试", "is_allowed": "no", "effective_from": str(ON)}
    sent = {"key": str(uuid4()), "confirm": "", "cause": "cash_out", **given}
    assert page.post(address(shop, "category"), sent).status_code == 302
    rule = CategoryRule.objects.get(category="test")
    assert (rule.is_allowed, rule.effective_from, rule.by[:6]) == (False, ON, "staff:")
    shown = text(page.get(reverse("admin:huabei_merchant_change", args=[shop.pk])))
    assert "category forbidden" in shown
    act(page, rule, "change", is_allowed="yes", effective_from=str(NEXT), cause="cleared")
    assert CategoryRule.objects.filter(category="test", is_allowed=True, effective_from=NEXT).exists()
    assert "Tests" in text(page.get(reverse("admin:huabei_categoryrule_changelist")))


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (ADMINISTRATOR, {"suspend", "posting", "category"}),
        (SERVICER, {"suspend"}),
        (UNDERWRITER, set()),
    ],
)
def test_each_role_does_what_is_its_work(client: Client, shop: Merchant, role: str, may: set[str]) -> None:
    page = signed_in(client, role)
    assert page.get(reverse("admin:huabei_merchant_change", args=[shop.pk])).status_code == 200
    for name in ("suspend", "posting", "category"):
        assert page.get(address(shop, name)).status_code == (200 if name in may else 403)


def test_a_settlement_opens_to_what_is_in_it_and_to_its_postings(
    page: Client, shop: Merchant, line: Line
) -> None:
    order = bought(line, shop, 120_00, ON)
    refund(purchase_id=order.pk, amount_fen=20_00, reference="back", on=ON)
    list(closing.close_until(on=NEXT))
    (settlement,) = settled(shop)
    listed = text(page.get(reverse("admin:huabei_settlement_changelist"), {"merchant": str(shop.pk)}))
    assert "120.00 20.00" in listed
    answer = page.get(reverse("admin:huabei_settlement_change", args=[settlement.pk]))
    shown = text(answer)
    for each in (
        order.reference,
        "captured 120.00",
        "refunded −20.00",
        "100.00",
        f"#{shop.payable_account_id}",
    ):
        assert each in shown
    assert reverse("admin:ledger_entry_change", args=[settlement.entry_id]) in answer.content.decode()
    merchant = page.get(reverse("admin:huabei_merchant_change", args=[shop.pk])).content.decode()
    assert reverse("admin:huabei_settlement_change", args=[settlement.pk]) in merchant


def test_what_is_held_back_says_since_when_and_why(page: Client, shop: Merchant, line: Line) -> None:
    bought(line, shop, 120_00, ON)
    list(closing.close_until(on=NEXT))
    (settlement,) = settled(shop)
    shown = text(act(page, shop, "suspend", "preview", cause="cash_out"))
    assert "Held back 0.00 120.00" in shown
    act(page, shop, "suspend", cause="cash_out")
    why = f"{NEXT}: suspected cash-out"
    shown = text(page.get(reverse("admin:huabei_merchant_change", args=[shop.pk])))
    assert f"Held back: 120.00 ({why})" in shown
    assert why in text(page.get(reverse("admin:huabei_settlement_change", args=[settlement.pk])))
    assert "held back" in text(page.get(reverse("admin:huabei_settlement_changelist")))
    act(page, shop, "reinstate", cause="cleared")
    assert why not in text(page.get(reverse("admin:huabei_settlement_change", args=[settlement.pk])))


def test_a_purchase_in_escrow_says_so(page: Client, shop: Merchant, line: Line) -> None:
    escrow = an_escrow_merchant()
    paid = authorised(line, escrow, 100_00, ON)
    refund(purchase_id=paid.pk, amount_fen=30_00, reference="part", on=ON)
    shown = text(page.get(reverse("admin:huabei_merchant_change", args=[escrow.pk])))
    assert "Paid and not received yet: 70.00" in shown
    assert "on confirmed receipt" in shown
    list(closing.close_until(on=paid.expires_on))
    shown = text(page.get(reverse("admin:huabei_purchase_change", args=[paid.pk])))
    assert f"{paid.expires_on} as its time was over" in shown
    assert Purchase.objects.get(pk=paid.pk).captured_fen == 70_00
    found = text(page.get(reverse("admin:huabei_line_change", args=[line.pk])))
    assert "receipt confirmed" in found
