"""What a borrower sees and does about autopay. Each sees and changes their own only; no script is needed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from huabei.autopay import PURPOSE
from huabei.models import Line
from lending.paying import COLLECTION
from lending.services import servicing
from payments.gateway import GatewayUnavailable
from payments.models import AutopayChoice, FundingSource
from payments.selectors import autopay_amount, sources_of
from payments.services.sources import choose_autopay
from payments.simulator import SimulatedGateway
from tests.borrowers import borrower, buys, lived_until, opened_line, shop
from tests.loan_world import signed
from tests.payment_world import a_source, collect
from tests.services.test_borrower_pages import signed_in, text

pytestmark = pytest.mark.django_db

CARD = {"kind": "card", "account": "6222 0212 3456 7890"}


@pytest.fixture
def line() -> Line:
    """1,000.00 are billed and due on 10 July; the bank is on 5 July."""
    line = opened_line(borrower())
    lived_until(date(2026, 6, 30))
    buys(line, shop(), "1000.00", on=date(2026, 6, 30))
    lived_until(date(2026, 7, 5))
    return line


@pytest.fixture
def page(client: Client, line: Line) -> Client:
    return signed_in(client, line.customer)


def kinds(customer: Customer) -> list[str]:
    return list(sources_of(customer.pk).values_list("kind", flat=True))


def act(page: Client, source: FundingSource, act: str) -> int:
    return page.post(f"/autopay/sources/{source.uuid}/", {"act": act}).status_code


def test_the_page_says_what_will_be_collected_and_from_where(page: Client, line: Line) -> None:
    shown = text(page.get("/autopay/"))
    assert "¥1,000.00 is due on July 10, 2026. Let a wallet or a card below be used" in shown
    assert "You have linked nothing yet." in shown
    a_source(line.customer_id, 5_000_00)
    assert "¥1,000.00 will be collected on July 10, 2026" in text(page.get("/autopay/"))
    choose_autopay(owner=line.customer_id, purpose=PURPOSE, amount="minimum", on=date(2026, 7, 5))
    assert "¥100.00 will be collected on July 10, 2026" in text(page.get("/autopay/"))
    assert 'href="/autopay/"' in page.get("/").content.decode()


def test_wallets_and_cards_are_linked_in_the_order_of_linking(page: Client, line: Line) -> None:
    for sent in ({"kind": "wallet"}, {"kind": "money_market"}, CARD, CARD):
        assert page.post("/autopay/", sent).status_code == 302
    assert kinds(line.customer) == ["wallet", "money_market", "card"]
    shown = text(page.get("/autopay/"))
    assert "Bank card ···· 7890 Autopay allowed" in shown
    assert "6222" not in shown
    assert not FundingSource.objects.filter(token__contains="6222").exists()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"kind": "card", "account": "1234"}, "Write the card number: 12 to 19 digits."),
        ({"kind": "card", "account": ""}, "Write the card number: 12 to 19 digits."),
        ({"kind": "cash"}, "Choose what to link."),
        ({"account": "1"}, "Choose what to link."),
    ],
)
def test_what_cannot_be_linked_is_said_beside_the_field(
    page: Client, line: Line, sent: dict[str, str], said: str
) -> None:
    answer = page.post("/autopay/", sent)
    assert answer.status_code == 200
    assert said in text(answer)
    assert kinds(line.customer) == []


def test_a_gateway_that_cannot_be_reached_is_said(
    page: Client, line: Line, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def down(*args: Any, **given: Any) -> None:
        raise GatewayUnavailable("down")

    monkeypatch.setattr(SimulatedGateway, "link", down)
    assert "Nothing can be linked right now" in text(page.post("/autopay/", CARD))
    settings.PAYMENT_GATEWAY = ""
    assert "Nothing can be linked right now" in text(page.get("/autopay/"))
    assert "Nothing can be linked right now" in text(page.post("/autopay/", CARD))


def test_plain_buttons_move_allow_and_remove(page: Client, line: Line) -> None:
    for sent in ({"kind": "wallet"}, {"kind": "money_market"}, CARD):
        page.post("/autopay/", sent)
    wallet, market, card = sources_of(line.customer_id)
    assert act(page, card, "up") == 302
    assert kinds(line.customer) == ["wallet", "card", "money_market"]
    act(page, card, "down")
    act(page, market, "up")
    assert kinds(line.customer) == ["money_market", "wallet", "card"]
    act(page, card, "forbid")
    assert "will be collected" in text(page.get("/autopay/"))
    assert "Bank card ···· 7890 Not used for autopay" in text(page.get("/autopay/"))
    act(page, card, "allow")
    act(page, market, "remove")
    act(page, market, "remove")
    assert kinds(line.customer) == ["wallet", "card"]
    for source in (wallet, card):
        act(page, source, "forbid")
    assert "¥1,000.00 is due on July 10, 2026. Let a wallet or a card" in text(page.get("/autopay/"))
    assert act(page, card, "sell") == 404


def test_full_minimum_or_nothing(page: Client, line: Line) -> None:
    for amount in ("minimum", "off", "full", "half", ""):
        assert page.post("/autopay/amount/", {"amount": amount}).status_code == 302
    assert autopay_amount(owner=line.customer_id, purpose=PURPOSE) == "full"
    assert AutopayChoice.objects.count() == 3
    assert "Choose the full bill, the minimum, or no autopay." in text(page.get("/autopay/"))


def test_nobody_touches_the_sources_of_somebody_else(client: Client, line: Line) -> None:
    source = a_source(line.customer_id, 5_000_00)
    stranger = signed_in(client, borrower("stranger"))
    for what in ("up", "down", "allow", "forbid", "remove"):
        assert act(stranger, source, what) == 404
    shown = text(stranger.get("/autopay/"))
    assert (source.name in shown, "1,000.00" in shown) == (False, False)
    source.refresh_from_db()
    assert (source.removed_on, source.autopay) == (None, True)


def test_what_was_collected_is_listed(page: Client, line: Line) -> None:
    a_source(line.customer_id, 300_00)
    a_source(line.customer_id, 0)
    lived_until(date(2026, 7, 10))
    collect()
    shown = text(page.get("/autopay/")).split("Latest collections")[1]
    assert "¥0.00 July 10, 2026 · asked for ¥700.00" in shown
    assert "¥300.00 July 10, 2026 · asked for ¥1,000.00" in shown


def test_the_sources_pay_loans_too_unless_the_borrower_says_no(page: Client, line: Line) -> None:
    assert "loans" not in text(page.get("/autopay/"))
    loan = signed(on=date(2026, 7, 5), customer_id=line.customer_id)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=date(2026, 7, 5))
    shown = text(page.get("/autopay/"))
    assert "The same sources pay your loans, in the same order" in shown
    assert "¥1,030.01 due on Aug. 5, 2026" in shown
    page.post("/autopay/amount/", {"of": COLLECTION, "amount": "off"})
    assert autopay_amount(owner=line.customer_id, purpose=COLLECTION) == "off"
    assert autopay_amount(owner=line.customer_id, purpose=PURPOSE) == "full"
    page.post("/autopay/amount/", {"of": COLLECTION, "amount": "full"})
    lived_until(date(2026, 8, 5))
    assert "¥1,030.01 of a loan is due today." in text(page.get("/"))
    a_source(line.customer_id, 10_000_00)
    collect()
    assert "for a loan ¥1,030.01" in text(page.get("/autopay/"))
    assert "of a loan is" not in text(page.get("/"))


def test_the_page_is_chinese_throughout_for_chinese_readers(client: Client, line: Line) -> None:
    page = signed_in(client, line.customer, "zh-hans")
    page.post("/autopay/", CARD)
    shown = text(page.get("/autopay/"))
    assert "银行卡 ···· 7890" in shown
    for english in ("Autopay", "collect", "The ", "Link", "Remove", "Up", "minimum"):
        assert english not in shown


def test_more_sources_cost_no_more_queries(page: Client, line: Line) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert page.get("/autopay/").status_code == 200
        return len(found)

    a_source(line.customer_id, 1)
    few = queries()
    for _n in range(5):
        a_source(line.customer_id, 1)
    assert queries() == few <= 20


def test_before_the_banks_first_day_it_leads_home(client: Client) -> None:
    assert signed_in(client, borrower()).get("/autopay/")["Location"] == "/"
