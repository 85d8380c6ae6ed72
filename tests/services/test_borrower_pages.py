"""What a borrower sees and does: home, repaying, applying, statements, score. Each sees their own only."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from customers.models import Customer
from finance.money import parse_yuan
from huabei.models import Line, LineStatus, OpeningDecision, Repayment, Statement
from huabei.selectors import line_position
from huabei.services import repayments
from operations.models import BusinessDay
from tests import borrowers
from tests.borrowers import borrower, buys, lived_until, login_of, opened_line, published, repays, shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    """A borrower with a score of 640, published on 6 May 2026."""
    customer = borrower()
    published(customer, 640)
    return customer


@pytest.fixture
def page(client: Client, customer: Customer) -> Client:
    """The borrower's browser, signed in, in English."""
    return signed_in(client, customer)


def signed_in(client: Client, customer: Customer, language: str = "en") -> Client:
    client.force_login(login_of(customer))
    client.cookies["django_language"] = language
    return client


@pytest.fixture
def line(customer: Customer) -> Line:
    """1,000.00 bought on 30 June, billed on 1 July, due on 10 July; the bank is on 5 July."""
    line = opened_line(customer)
    lived_until(date(2026, 6, 30))
    buys(line, shop(), "1000.00", on=date(2026, 6, 30))
    lived_until(date(2026, 7, 5))
    return line


def text(answer: Any) -> str:
    """What a page says, on one line, without its tags."""
    return " ".join(strip_tags(answer.content.decode().replace("<", " <")).split())


def repay(page: Client, line: Line, **given: str) -> Any:
    """Sends the form that repays."""
    return page.post(f"/line/{line.uuid}/repay/", {"key": str(uuid4()), "amount": "", **given})


def test_the_home_page_shows_score_line_and_bill(page: Client, line: Line) -> None:
    shown = text(page.get("/"))
    assert "640 on a scale from 350 to 950: Good" in shown
    assert "Published on May 6, 2026. The next one comes on July 6, 2026." in shown
    assert "Available ¥7,000.00" in shown
    assert "Limit ¥8,000.00" in shown
    assert "Drawn ¥1,000.00" in shown
    assert "Due by July 10, 2026 ¥1,000.00" in shown
    assert "Minimum still due ¥100.00" in shown
    assert "晨光便利店" in shown
    assert "no evidence yet" in shown
    assert "better than 71%" in shown


def test_the_home_page_is_chinese_throughout_for_chinese_readers(
    client: Client, customer: Customer, line: Line
) -> None:
    shown = text(signed_in(client, customer, "zh-hans").get("/"))
    assert "您好，林晓燕" in shown
    assert "2026年7月10日" in shown
    assert "¥1,000.00" in shown
    for english in ("Your", "Due", "Repay", "Limit", "Available", "The ", "Good"):
        assert english not in shown


def test_the_amount_is_prefilled_as_it_is_typed_in_every_language(
    client: Client, customer: Customer, line: Line
) -> None:
    buys(line, shop("极光数码"), "1234.56", on=date(2026, 7, 5))
    for language in ("zh-hans", "en"):
        html = signed_in(client, customer, language).get("/").content.decode()
        assert 'name="amount" inputmode="decimal" autocomplete="off" maxlength="24" value="1000.00"' in html
        assert 'value="2234.56"' in html
        assert "¥2,234.56" in html


def test_paying_what_is_due_shows_where_it_went_and_what_is_available(page: Client, line: Line) -> None:
    answer = repay(page, line, pay="1000.00")
    repayment = Repayment.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/repayments/{repayment.pk}/"
    shown = text(page.get(answer["Location"]))
    assert "¥1,000.00 repaid" in shown
    assert "Billed purchases ¥1,000.00" in shown
    assert "Available ¥8,000.00" in shown
    assert "Still due ¥0.00" in shown
    assert "Nothing is due" in text(page.get("/"))


def test_a_form_sent_twice_pays_once(page: Client, line: Line) -> None:
    key = str(uuid4())
    first = repay(page, line, pay="other", amount="300.00", key=key)
    second = repay(page, line, pay="other", amount="300.00", key=key)
    assert first["Location"] == second["Location"]
    assert [repayment.amount_fen for repayment in Repayment.objects.all()] == [300_00]


def test_a_used_form_with_another_amount_pays_nothing_and_gets_a_new_key(page: Client, line: Line) -> None:
    key = str(uuid4())
    repay(page, line, pay="other", amount="300.00", key=key)
    answer = repay(page, line, pay="other", amount="200.00", key=key)
    assert answer.status_code == 200
    assert "has paid another amount already" in text(answer)
    assert key not in answer.content.decode()
    assert Repayment.objects.count() == 1


@pytest.mark.parametrize(
    ("amount", "complaint"),
    [
        ("", "Write the amount"),
        ("0", "at least 0.01"),
        ("0.00", "at least 0.01"),
        ("-5", "at least 0.01"),
        ("1,000.00", "Write the amount"),
        ("1e3", "Write the amount"),
        ("１００", "Write the amount"),
        ("1.005", "Write the amount"),
        ("NaN", "Write the amount"),
        ("¥100", "Write the amount"),
        ("99999999999.00", "more than can be booked"),
        ("9" * 25, "at most 24 characters"),
    ],
)
def test_an_amount_that_is_none_is_said_at_the_field_and_pays_nothing(
    page: Client, line: Line, amount: str, complaint: str
) -> None:
    answer = repay(page, line, pay="other", amount=amount)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert complaint in html[html.index('id="amount-errors"') :]
    assert not Repayment.objects.exists()


@pytest.mark.parametrize("given", [{}, {"pay": "x"}, {"pay": "-1.00"}, {"pay": "100.00", "key": "1"}])
def test_a_form_that_no_page_made_pays_nothing(page: Client, line: Line, given: dict[str, str]) -> None:
    assert repay(page, line, **given).status_code == 200
    assert not Repayment.objects.exists()


def test_more_than_is_owed_becomes_the_customers_credit(page: Client, line: Line) -> None:
    answer = repay(page, line, pay="other", amount="1250.00")
    shown = text(page.get(answer["Location"]))
    assert "Your credit, for your next purchases ¥250.00" in shown
    assert "Available ¥8,000.00" in shown


def test_nobody_repays_or_opens_what_is_somebody_elses(
    client: Client, customer: Customer, line: Line
) -> None:
    repays(line, "10.00", on=date(2026, 7, 5))
    stranger = borrower("stranger")
    page = signed_in(client, stranger)
    statement, repayment = Statement.objects.get(), Repayment.objects.get()
    assert repay(page, line, pay="100.00").status_code == 404
    assert page.get(f"/line/{line.uuid}/repay/").status_code == 404
    assert page.get(f"/repayments/{repayment.pk}/").status_code == 404
    assert page.get(f"/statements/{statement.pk}/").status_code == 404
    assert "晨光便利店" not in text(page.get("/")) + text(page.get("/statements/"))
    assert Repayment.objects.count() == 1


def test_a_late_payment_says_what_to_do_and_paying_the_minimum_thaws_the_line(
    page: Client, line: Line
) -> None:
    lived_until(date(2026, 7, 16))
    shown = text(page.get("/"))
    # Five days at 0.05 % on 1,000.00, and a tenth of it as minimum.
    assert "The payment due on July 10, 2026 is 6 days late. Pay at least ¥102.50." in shown
    assert "your line is frozen" in shown
    assert "Unpaid of what was due on July 10, 2026 ¥1,002.50" in shown
    repay(page, line, pay="102.50")
    line.refresh_from_db()
    assert line.status == LineStatus.ACTIVE
    shown = text(page.get("/"))
    assert "frozen" not in shown
    assert "minimum paid" in shown


def test_the_amounts_offered_are_due_minimum_and_all(page: Client, line: Line) -> None:
    buys(line, shop("极光数码"), "50.00", on=date(2026, 7, 5))
    form = page.get(f"/line/{line.uuid}/repay/").context["form"]
    assert [choice.value for choice in form.offered] == ["1000.00", "100.00", "1050.00"]
    assert form.chosen == "1000.00"


def test_no_score_says_what_that_means(client: Client) -> None:
    customer = borrower()
    published(customer, None)
    lived_until(date(2026, 5, 31))
    shown = text(signed_in(client, customer).get("/"))
    assert "N/A" in shown
    assert "No score: no credit history is known." in shown
    assert "neither good nor bad" in shown
    assert "Not enough history for a score yet" in shown


def test_before_any_publication_the_page_says_when_the_first_comes(client: Client) -> None:
    customer = borrower()
    lived_until(date(2026, 5, 31))
    shown = text(signed_in(client, customer).get("/"))
    assert "No score has been published for you yet." in shown
    assert "The next one comes on June 6, 2026." in shown


def test_before_the_banks_first_day_the_page_says_so(page: Client) -> None:
    assert not BusinessDay.objects.exists()
    assert "The bank has not had its first day yet." in text(page.get("/"))


def test_before_the_banks_first_day_nobody_opens_a_line(page: Client, customer: Customer) -> None:
    answer = page.post("/line/apply/", {"statement_day": "1"}, follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert not Line.objects.filter(customer=customer).exists()


def test_somebody_the_policy_admits_opens_the_line_offered(page: Client, customer: Customer) -> None:
    lived_until(date(2026, 5, 31))
    decision = page.get("/").context["decision"]
    assert decision.granted
    form = {"statement_day": "5", "key": str(uuid4())}
    answer = page.post("/line/apply/", form, follow=True)
    line = Line.objects.get()
    assert (line.customer_id, line.limit_fen) == (customer.pk, decision.limit_fen)
    assert (line.statement_day, line.due_day, line.score) == (5, 15, 640)
    assert "Your line is open." in text(answer)
    assert "No statement yet. The first one is issued on June 5, 2026" in text(answer)
    assert "Nothing bought yet." in text(answer)
    page.post("/line/apply/", form)
    page.post("/line/apply/", {**form, "statement_day": "1"})
    assert (Line.objects.count(), OpeningDecision.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("points", "person", "reason", "advice"),
    [
        (
            599,
            {"is_student": False},
            "Score below the minimum",
            "The score must be at least 600. Paying on time raises it.",
        ),
        (640, {"is_student": True}, "Students cannot open a line", "Apply once you no longer study."),
        (
            640,
            {"is_student": False, "verified": False},
            "Identity not verified yet",
            "Have your identity verified, then apply again.",
        ),
    ],
)
def test_somebody_the_policy_refuses_reads_why_and_cannot_apply(
    client: Client, points: int, person: dict[str, bool], reason: str, advice: str
) -> None:
    customer = borrower("xiaoyan", **person)
    published(customer, points)
    lived_until(date(2026, 5, 31))
    page = signed_in(client, customer)
    answer = page.get("/")
    assert reason in text(answer)
    assert advice in text(answer)
    assert "/line/apply/" not in answer.content.decode()
    answer = page.post("/line/apply/", {"statement_day": "1", "key": str(uuid4())}, follow=True)
    assert not Line.objects.exists()
    kept = OpeningDecision.objects.get()
    assert answer.redirect_chain == [(f"/line/decisions/{kept.pk}/", 302)]
    assert "No line was opened. The reasons are below." in text(answer)
    assert (reason in text(answer), advice in text(answer)) == (True, True)
    assert "Your application of May 31, 2026" in text(page.get("/"))
    other = signed_in(Client(), borrower("stranger"))
    assert other.get(f"/line/decisions/{kept.pk}/").status_code == 404


@pytest.mark.parametrize("day", ["", "2", "x", "99"])
def test_a_statement_day_that_is_not_offered_opens_nothing(page: Client, day: str) -> None:
    lived_until(date(2026, 5, 31))
    page.post("/line/apply/", {"statement_day": day})
    assert not Line.objects.exists()


def test_a_statement_opens_down_to_the_days_interest_ran(page: Client, line: Line) -> None:
    repays(line, "100.00", on=date(2026, 7, 5))
    lived_until(date(2026, 7, 20))
    buys(line, shop("极光数码"), "50.00", on=date(2026, 7, 20))
    lived_until(date(2026, 8, 1))
    statement = Statement.objects.latest("issued_on")
    shown = text(page.get(f"/statements/{statement.pk}/"))
    assert "Total ¥959.45" in shown
    assert "Interest of this period ¥9.45" in shown
    assert "on ¥900.00 at 18.25% a year (0.05% a day)" in shown
    assert "July 11, 2026 to July 31, 2026: 21 days" in shown
    assert "Principal of earlier statements, unpaid ¥900.00" in shown
    assert "From July 1, 2026 to July 31, 2026" in shown
    assert "极光数码" in shown
    assert "晨光便利店" not in shown
    assert "Repayment ¥100.00" in shown.replace("+", "")


def test_the_statement_list_shows_what_is_issued_and_what_is_not_billed_yet(page: Client, line: Line) -> None:
    buys(line, shop("极光数码"), "50.00", on=date(2026, 7, 5))
    shown = text(page.get("/statements/"))
    assert "Statement of July 1, 2026 ¥1,000.00 Due by July 10, 2026, at least ¥100.00" in shown
    assert shown.index("Not billed yet") < shown.index("极光数码")


def test_a_refund_before_billing_enters_the_sum(page: Client, customer: Customer) -> None:
    line = opened_line(customer)
    lived_until(date(2026, 6, 5))
    purchase = buys(line, shop(), "1000.00", on=date(2026, 6, 5))
    repayments.refund(
        purchase_id=purchase.pk, amount_fen=parse_yuan("300.00"), reference="r", on=date(2026, 6, 5)
    )
    lived_until(date(2026, 7, 1))
    shown = text(page.get(f"/statements/{Statement.objects.get().pk}/"))
    assert (
        "Purchases ¥1,000.00 Refunded or repaid before billing −¥300.00 Newly billed purchases ¥700.00"
        in shown
    )
    assert "Refund from 晨光便利店" in shown


def test_the_score_page_shows_reasons_and_earlier_scores(page: Client, customer: Customer) -> None:
    published(customer, 655, on=date(2026, 6, 6))
    shown = text(page.get("/score/"))
    assert "655 on a scale from 350 to 950: Very good" in shown
    assert "How much of the credit line is in use, and its trend −18" in shown
    assert "No payment was late in recent months +23" in shown
    assert "May 6, 2026 640" in shown


@pytest.mark.parametrize("address", ["/", "/statements/", "/statements/{statement}/", "/score/"])
def test_more_purchases_cost_no_more_queries(page: Client, line: Line, address: str) -> None:
    at = address.format(statement=Statement.objects.get().pk)
    page.get(at)
    with CaptureQueriesContext(connection) as few:
        page.get(at)
    merchant = shop("极光数码")
    for _n in range(12):
        purchase = buys(line, merchant, "10.00", on=date(2026, 7, 5))
        repayments.refund(purchase_id=purchase.pk, amount_fen=100, reference="r", on=date(2026, 7, 5))
        repays(line, "1.00", on=date(2026, 7, 5))
    with CaptureQueriesContext(connection) as many:
        page.get(at)
    assert len(many) == len(few)
    assert len(many) <= 20


def test_what_the_page_says_is_available_is_what_the_books_say(page: Client, line: Line) -> None:
    buys(line, shop("极光数码"), "333.33", on=date(2026, 7, 5), capture=False)
    position = line_position(line, date(2026, 7, 5))
    assert position.available_fen == parse_yuan("6666.67")
    shown = text(page.get("/"))
    assert "Available ¥6,666.67" in shown
    assert "Reserved for purchases under way ¥333.33" in shown
    assert "reserved, not charged yet" in shown


def test_borrowers_are_distinct_people() -> None:
    assert len({national_id for _name, national_id, _phone in borrowers.PEOPLE.values()}) == 2
