"""What a borrower sees and does about instalments: their cost first, a statement put into them, plans, paying one off."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from huabei.models import Line, Payoff, Plan
from huabei.selectors import line_position
from huabei.services import repayments
from tests.borrowers import borrower, buys, lived_until, opened_line, repays, shop
from tests.services.test_borrower_pages import signed_in, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    return borrower()


@pytest.fixture
def page(client: Client, customer: Customer) -> Client:
    return signed_in(client, customer)


@pytest.fixture
def line(customer: Customer) -> Line:
    """1,200.00 bought on 30 June, billed on 1 July, due on 10 July; the bank is on 5 July."""
    line = opened_line(customer)
    lived_until(date(2026, 6, 30))
    buys(line, shop(), "1200.00", on=date(2026, 6, 30))
    lived_until(date(2026, 7, 5))
    return line


@pytest.fixture
def plan(line: Line) -> Plan:
    """600.00 in six instalments since 5 July at a shop."""
    buys(line, shop("山海电器"), "600.00", on=date(2026, 7, 5), instalments=6)
    return Plan.objects.get()


def spread(page: Client, line: Line, **given: str) -> Any:
    """Sends the form that puts a statement into instalments."""
    asked = {"amount": "1200.00", "periods": "6", "key": str(uuid4()), **given}
    return page.post(f"/line/{line.uuid}/instalments/statement/", asked, follow=True)


def test_the_annual_rate_comes_before_the_fee(page: Client, line: Line) -> None:
    shown = text(page.get(f"/line/{line.uuid}/instalments/quote/", {"amount": "10000.00", "periods": "6"}))
    for rate in ("14.94% a year", "15.27% a year", "15.34% a year", "15.86% a year"):
        assert rate in shown
    table = shown[shown.index("¥10,000.00 in 6 instalments") :]
    assert table.index("What it costs a year 15.27%") < table.index("16.38% with compounding")
    assert table.index("16.38% with compounding") < table.index("Fee in all ¥450.00")
    assert "1. Due by Aug. 10, 2026 ¥1,666.67 and a fee of ¥75.00 ¥1,741.67" in table
    assert "6. Due by Jan. 10, 2027 ¥1,666.65 and a fee of ¥75.00 ¥1,741.65" in table


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"amount": "", "periods": "6"}, "Write an amount."),
        ({"amount": "1,000", "periods": "6"}, "Write the amount in yuan with digits and a point"),
        ({"amount": "100.00", "periods": "5"}, "Choose a number of instalments."),
        ({"amount": "100.00"}, "Choose a number of instalments."),
    ],
)
def test_what_cannot_be_quoted_is_said_beside_its_field(
    page: Client, line: Line, asked: dict[str, str], said: str
) -> None:
    answer = page.get(f"/line/{line.uuid}/instalments/quote/", asked)
    assert (answer.status_code, said in text(answer)) == (200, True)


def test_a_statement_is_put_into_instalments_from_its_page(page: Client, line: Line) -> None:
    statement = line.statements.get()
    assert "Pay in instalments" in text(page.get(f"/statements/{statement.pk}/"))
    offered = text(page.get(f"/line/{line.uuid}/instalments/statement/"))
    assert "From ¥100.00 to ¥1,200.00." in offered
    assert "Pay ¥1,200.00 in 3 instalments" in offered
    refused = text(page.get(f"/line/{line.uuid}/instalments/statement/?amount=1200.01&periods=3"))
    assert "Pay ¥1,200" not in refused
    key = str(uuid4())
    for _ in range(2):
        shown = text(spread(page, line, amount="600.00", key=key))
        assert "Put into instalments." in shown
        assert "Of the statement of July 1, 2026" in shown
        assert "1. Due by Aug. 10, 2026 ¥100.00 and a fee of ¥4.50 ¥104.50" in shown
    assert Plan.objects.count() == 1
    position = line_position(line, date(2026, 7, 5))
    assert (position.billed_fen, position.instalment_fen) == (600_00, 600_00)


def test_what_cannot_be_put_into_instalments_changes_nothing(page: Client, line: Line) -> None:
    for given in ({"amount": "1200.01"}, {"amount": "99.99"}, {"periods": "5"}, {"key": ""}):
        assert "This cannot be put into instalments now." in text(spread(page, line, **given))
    lived_until(date(2026, 7, 11))
    assert "Nothing to put into instalments now" in text(spread(page, line))
    assert "Nothing to put into instalments now" in text(
        page.get(f"/line/{line.uuid}/instalments/statement/")
    )
    assert not Plan.objects.exists()


def test_plans_are_listed_with_what_is_to_come(page: Client, line: Line, plan: Plan) -> None:
    repays(line, "1200.00", on=date(2026, 7, 5))
    lived_until(date(2026, 8, 2))
    shown = text(page.get(f"/line/{line.uuid}/instalments/"))
    assert "Together, fees included ¥522.50" in shown
    assert "山海电器 ¥600.00 in 6 instalments · 5 to come ¥104.50 the next one due by Sept. 10, 2026" in shown
    opened = text(page.get(f"/plans/{plan.pk}/"))
    assert "1. On the statement of Aug. 1, 2026" in opened
    assert "2. Due by Sept. 10, 2026" in opened
    home = text(page.get("/"))
    assert "Of it in instalments to come ¥500.00" in home
    assert "in instalments" in home


def test_a_statement_shows_its_instalments_and_adds_up(page: Client, line: Line, plan: Plan) -> None:
    repays(line, "1250.00", on=date(2026, 7, 6))  # 50.00 of it is credit, which pays of the first instalment
    buys(line, shop("晨光二店"), "80.00", on=date(2026, 7, 20), capture=False)
    lived_until(date(2026, 8, 2))
    statement = line.statements.get(issued_on=date(2026, 8, 1))
    shown = text(page.get(f"/statements/{statement.pk}/"))
    assert "Purchases ¥0.00 Instalments ¥100.00 Paid from your credit −¥50.00" in shown
    assert "Newly billed purchases and instalments ¥50.00" in shown
    assert "Fees of these instalments ¥4.50 Total ¥54.50 " in shown
    assert "山海电器 1 of 6 · and a fee of ¥4.50 ¥100.00" in shown


def payoff_form(answer: Any) -> dict[str, str]:
    """The hidden fields of the form that pays."""
    found = dict(re.findall(r'name="(amount|key)" value="([^"]+)"', answer.content.decode()))
    assert set(found) == {"amount", "key"}
    return found


def test_a_plan_is_paid_off_for_what_was_shown_and_once(page: Client, line: Line, plan: Plan) -> None:
    address = f"/plans/{plan.pk}/payoff/"
    quote = page.get(address)
    assert "Today it takes ¥627.00" in text(quote)
    assert "all fees stay due" in text(quote)
    later = text(page.get(address, {"on": "2026-09-15"}))
    assert "On Sept. 15, 2026 it takes ¥418.00" in later
    assert "Choose today or a later day." in text(page.get(address, {"on": "2026-07-04"}))
    form = payoff_form(quote)
    for _ in range(2):
        shown = text(page.post(address, form, follow=True))
        assert "Paid off on July 5, 2026 with ¥627.00." in shown
    assert Payoff.objects.count() == 1
    assert "Instalments paid off" in text(page.get("/"))
    assert page.get(address).status_code == 302


def test_a_payoff_of_an_amount_that_changed_pays_nothing(page: Client, line: Line, plan: Plan) -> None:
    form = payoff_form(page.get(f"/plans/{plan.pk}/payoff/"))
    repayments.refund(
        purchase_id=plan.purchase_id or 0, amount_fen=100_00, reference="back", on=date(2026, 7, 5)
    )
    shown = text(page.post(f"/plans/{plan.pk}/payoff/", form))
    assert "the amount has changed since it was shown" in shown
    assert "Today it takes ¥522.50" in shown
    assert not Payoff.objects.exists()


def test_nobody_sees_or_touches_anothers_instalments(client: Client, line: Line, plan: Plan) -> None:
    other = signed_in(client, borrower("stranger"))
    for address in ("", "quote/", "statement/"):
        assert other.get(f"/line/{line.uuid}/instalments/{address}").status_code == 404
    assert other.get(f"/plans/{plan.pk}/").status_code == 404
    form = {"amount": "627.00", "key": str(uuid4())}
    assert other.post(f"/plans/{plan.pk}/payoff/", form).status_code == 404
    assert spread(other, line).status_code == 404
    assert not Payoff.objects.exists()


def test_the_list_of_plans_costs_the_same_however_many_there_are(
    page: Client, line: Line, plan: Plan
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            page.get(f"/line/{line.uuid}/instalments/")
        return len(seen)

    one = queries()
    for _ in range(3):
        spread(page, line, amount="100.00")
    assert queries() == one


def test_the_pages_are_in_chinese_too(client: Client, customer: Customer, line: Line, plan: Plan) -> None:
    page = signed_in(client, customer, "zh-hans")
    quote = text(page.get(f"/line/{line.uuid}/instalments/quote/", {"amount": "10000.00", "periods": "12"}))
    table = quote[quote.index("¥10,000.00 分 12 期") :]
    assert table.index("年化费率 15.86%") < table.index("手续费合计 ¥880.00")
    assert "提前结清" in text(page.get(f"/plans/{plan.pk}/payoff/"))
