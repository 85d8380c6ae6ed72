"""Statements as documents: what they say, that they are made once and never change, and who gets them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from typing import Any

import pypdfium2
import pytest
from django.test import Client
from django.urls import reverse

from config.celery import app
from customers.models import Customer
from huabei import tasks
from huabei.behind import behind
from huabei.history import statement_detail
from huabei.models import Line, Merchant, Statement, StatementDocument
from huabei.services import documents
from huabei.services.corrections import reverse_repayment
from huabei.services.documents import DocumentBroken, document_of, make_missing_documents
from huabei.services.repayments import refund, repay
from huabei.statement_document import describe
from operations.services.closing import business_date
from tests.borrowers import borrower, buys, lived_until, login_of, opened_line, published, shop

pytestmark = pytest.mark.django_db


def text_of(file: bytes | memoryview) -> str:
    pages = pypdfium2.PdfDocument(bytes(file))
    return "\n".join(page.get_textpage().get_text_bounded().replace("\r\n", "\n") for page in pages)


def _lived() -> int:
    customer, merchant = borrower(), shop()
    line = opened_line(customer)
    published(customer, 700)
    lived_until(date(2026, 6, 20))
    buys(line, merchant, "1000.00", on=date(2026, 6, 20))
    returned = buys(line, merchant, "80.00", on=date(2026, 6, 20))
    buys(line, shop("家电城"), "600.00", on=date(2026, 6, 20), instalments=6)
    lived_until(date(2026, 6, 25))
    refund(purchase_id=returned.pk, amount_fen=30_00, reference="back", on=date(2026, 6, 25))
    lived_until(date(2026, 7, 15))
    repay(line_id=line.pk, amount_fen=300_00, reference="late", on=date(2026, 7, 15))
    lived_until(date(2026, 8, 5))
    return line.pk


@pytest.fixture(scope="module")
def lived(once: Callable[[Callable[[], int]], int]) -> int:
    return once(_lived)


@pytest.fixture
def line(lived: int) -> Line:
    """Bought in May and June, paid the minimum of the July statement late; in instalments, refunded; on 5 August."""
    return Line.objects.get(pk=lived)


@pytest.fixture
def customer(line: Line) -> Customer:
    return line.customer


@pytest.fixture
def merchant(line: Line) -> Merchant:
    return Merchant.objects.get(shop__name="晨光便利店")


def july(line: Line) -> Statement:
    return Statement.objects.select_related("line__customer").get(line=line, issued_on=date(2026, 7, 1))


def august(line: Line) -> Statement:
    return Statement.objects.select_related("line__customer").get(line=line, issued_on=date(2026, 8, 1))


def test_it_says_whose_it_is_what_to_pay_and_how_it_came_about(line: Line) -> None:
    text = text_of(document_of(statement=july(line), language="en").content)
    statement = july(line)
    for said in (
        "Statement of July 1, 2026",
        "Period May 20, 2026 to June 30, 2026",
        "林晓燕",
        "110***********002X",
        f"Total due\n¥{statement.total_fen / 100:,.2f}",
        "July 10, 2026",
        "Purchases ¥1,080.00",
        "Instalments ¥100.00",
        "Refunded or repaid before billing −¥30.00",
        "Newly billed purchases and instalments ¥1,150.00",
        "2026-06-20 晨光便利店 ¥1,000.00",
        "家电城 2026-06-20 1 of 6 ¥100.00 ¥4.50",
        "2026-06-25 晨光便利店 ¥30.00",
        "18.25% a year (0.05% a day)",
        "complaints@creditbox.example",
        "Page 1 of",
    ):
        assert said in text, text
    assert "11010519491231002X" not in text


def test_interest_and_penalty_have_their_annual_rate_first_and_repayments_are_told(line: Line) -> None:
    text = text_of(document_of(statement=august(line), language="en").content)
    assert "Penalty 2026-07-11 2026-07-14 4 ¥1,154.50 18.25% 0.05% ¥2.309" in text
    assert "2026-07-15 ¥300.00" in text


def test_in_chinese(line: Line) -> None:
    text = text_of(document_of(statement=july(line), language="zh-hans").content)
    for said in ("2026年7月1日账单", "本金", "最低还款额", "第 1 页，共", "晨光便利店"):
        assert said in text, text


def test_it_says_the_same_whatever_happens_afterwards(line: Line) -> None:
    before = describe(july(line)), describe(august(line))
    day = business_date()
    paid = repay(line_id=line.pk, amount_fen=200_00, reference="later", on=day)
    buys(line, shop("later"), "10.00", on=day)
    reverse_repayment(repayment_id=paid.pk, reason="no funds", on=day)
    assert (describe(july(line)), describe(august(line))) == before
    lived_until(date(2026, 9, 3))
    assert (describe(july(line)), describe(august(line))) == before
    later = text_of(document_of(statement=Statement.objects.latest("issued_on"), language="en").content)
    assert "A repayment bounced" in later


def test_it_is_made_once_and_kept_with_its_hash(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    first = document_of(statement=july(line), language="en")
    assert bytes(first.sha256) == hashlib.sha256(first.content).digest()
    assert first.size == len(first.content)
    monkeypatch.setattr(documents, "render", lambda *_given, **_named: pytest.fail("made again"))
    again = document_of(statement=july(line), language="en")
    assert (again.pk, bytes(again.content)) == (first.pk, bytes(first.content))


def test_who_makes_it_at_the_same_time_gets_the_one_that_was_stored(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = document_of(statement=july(line), language="en")
    made = documents._made(july(line), "en")
    assert made.pk == first.pk
    assert StatementDocument.objects.count() == 1


def test_what_is_not_what_was_made_is_not_handed_out(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    document = document_of(statement=july(line), language="en")
    document.content = b"%PDF- something else"
    monkeypatch.setattr(StatementDocument.objects, "filter", lambda **_given: _First(document))
    with pytest.raises(DocumentBroken):
        document_of(statement=july(line), language="en")


class _First:
    def __init__(self, found: StatementDocument) -> None:
        self._found = found

    def first(self) -> StatementDocument:
        return self._found


def test_the_task_makes_what_is_missing_newest_first_and_nothing_twice(line: Line) -> None:
    assert make_missing_documents(since=date(2026, 7, 1), most=3).made == 3
    made = StatementDocument.objects.order_by("pk").values_list("statement__issued_on", "language")
    assert list(made) == [
        (date(2026, 8, 1), "zh-hans"),
        (date(2026, 8, 1), "en"),
        (date(2026, 7, 1), "zh-hans"),
    ]
    assert make_missing_documents(since=date(2026, 8, 1), most=10).made == 0, "none older than it is told"
    assert tasks.make_statement_documents() == 1
    assert tasks.make_statement_documents() == 0


def test_one_that_cannot_be_made_stops_no_other(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    real = describe

    def describe_or_fail(statement: Statement) -> Any:
        if statement.issued_on == date(2026, 8, 1):
            raise ValueError("no")
        return real(statement)

    monkeypatch.setattr(documents, "describe", describe_or_fail)
    done = make_missing_documents(since=date(2026, 7, 1), most=10)
    assert (done.made, done.failed) == (2, 2)


def test_the_beat_asks_for_it() -> None:
    assert tasks.make_statement_documents.name in {entry["task"] for entry in app.conf.beat_schedule.values()}


@pytest.fixture
def page(client: Client, customer: Customer) -> Client:
    client.force_login(login_of(customer))
    return client


def test_the_borrower_downloads_it_in_both_languages(page: Client, line: Line) -> None:
    address = reverse("statement_document", args=[july(line).pk])
    shown = page.get(reverse("statement", args=[july(line).pk])).content.decode()
    for language in ("zh-hans", "en"):
        assert f"{address}?language={language}" in shown
        answer = page.get(address, {"language": language})
        kept = StatementDocument.objects.get(language=language)
        assert answer.content == bytes(kept.content)
        assert answer["Content-Type"] == "application/pdf"
        assert answer["Content-Disposition"] == f'attachment; filename="statement-2026-07-01-{language}.pdf"'
        assert answer["ETag"] == f'"{kept.fingerprint}"'
        same = page.get(address, {"language": language}, headers={"If-None-Match": answer["ETag"]})
        assert (same.status_code, same.content) == (304, b"")
    assert page.get(address, headers={"Accept-Language": "en"})["Content-Disposition"].endswith('-en.pdf"')
    assert page.get(address, {"language": "../x"})["Content-Disposition"].endswith('-zh-hans.pdf"')


def test_nobody_else_gets_it(client: Client, line: Line) -> None:
    address = reverse("statement_document", args=[july(line).pk])
    assert client.get(address).status_code == 302
    client.force_login(login_of(borrower("stranger")))
    assert client.get(address).status_code == 404
    assert not StatementDocument.objects.exists()


def test_every_figure_of_a_statement_is_what_its_postings_come_to(line: Line) -> None:
    day = business_date()
    paid = repay(line_id=line.pk, amount_fen=200_00, reference="later", on=day)
    reverse_repayment(repayment_id=paid.pk, reason="no funds", on=day)
    buys(line, shop("more"), "10.00", on=day)
    repay(line_id=line.pk, amount_fen=2_000_00, reference="too much", on=day)
    lived_until(date(2026, 9, 10))
    found = list(Statement.objects.filter(line=line).select_related("line").order_by("issued_on"))
    assert len(found) == 3
    for statement in found:
        figures = behind(statement, since=statement_detail(statement).since)
        assert {str(each.label): each.agrees for each in figures} == {
            str(each.label): True for each in figures
        }, statement.issued_on
        assert figures
