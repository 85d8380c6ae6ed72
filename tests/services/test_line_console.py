"""What staff do about lines in the console: previewed, permitted, done once, and undone where that is possible."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from customers.models import Login
from huabei.models import (
    CalendarChange,
    Closure,
    Correction,
    CreditPayout,
    Freeze,
    LimitChange,
    Line,
    Purchase,
    Repayment,
    TemporaryLimit,
)
from huabei.services import repayments
from ledger.audit import verify
from ledger.models import Entry
from operations import audit
from operations.models import BusinessDay
from operations.staff import ADMINISTRATOR, SERVICER, UNDERWRITER
from tests.line_world import a_line, a_merchant, bought, end_day
from tests.services.test_borrower_pages import text
from tests.services.test_console import staff_login

pytestmark = pytest.mark.django_db
TODAY = date(2026, 7, 15)


@pytest.fixture
def line() -> Line:
    """8,000.00 with 2,000.00 bought in May and 100.00 repaid in June: the rest is overdue on 15 July."""
    line = a_line()
    bought(line, a_merchant(), 2_000_00, date(2026, 5, 25))
    end_day(date(2026, 5, 31))
    repayments.repay(line_id=line.pk, amount_fen=100_00, reference="r1", on=date(2026, 6, 5))
    for day in (date(2026, 6, 9), date(2026, 6, 10), date(2026, 6, 30), date(2026, 7, 10), date(2026, 7, 14)):
        end_day(day)
    BusinessDay.objects.create(business_on=TODAY, first_on=TODAY)
    line.refresh_from_db()
    return line


def signed_in(client: Client, role: str = ADMINISTRATOR) -> Client:
    client.force_login(staff_login(role))
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def page(client: Client) -> Client:
    return signed_in(client)


def address(record: Any, name: str) -> str:
    return f"/console/huabei/{record._meta.model_name}/{record.pk}/act/{name}/"


def act(page: Client, record: Any, name: str, button: str = "confirm", **given: str) -> Any:
    return page.post(address(record, name), {"key": str(uuid4()), button: "", **given})


def holds() -> bool:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


# Each act with what its form is given, what the preview says of it, and the facts it makes.
ACTS: dict[str, tuple[dict[str, str], str, type[Any]]] = {
    "limit": ({"limit_fen": "9000.00", "cause": "income_proved"}, "Limit 8,000.00 9,000.00", LimitChange),
    "temporary-limit": (
        {"amount_fen": "1000.00", "last_day": "2026-08-15", "cause": "travel"},
        "Of it for a time 0.00 1,000.00",
        TemporaryLimit,
    ),
    "freeze": (
        {"cause": "fraud"},
        "Status frozen (payment late) frozen (payment late, suspected fraud)",
        Freeze,
    ),
    "repayment": (
        {"amount_fen": "300.00", "value_on": "2026-07-15"},
        "Overdue 309.00 22.34",
        Repayment,
    ),
    "close": ({"cause": "fraud"}, "Limit 8,000.00 0.00", Closure),
}


@pytest.mark.parametrize("name", ACTS)
def test_an_act_is_previewed_without_a_trace_then_done_once(page: Client, line: Line, name: str) -> None:
    given, says, facts = ACTS[name]
    assert page.get(address(line, name)).status_code == 200
    before, entries = facts.objects.count(), Entry.objects.count()
    preview = act(page, line, name, "preview", **given)
    assert says in text(preview)
    assert (facts.objects.count(), Entry.objects.count()) == (before, entries)
    key = str(uuid4())
    for _again in range(2):
        assert act(page, line, name, key=key, **given).status_code == 302
    assert facts.objects.count() == before + 1
    assert LogEntry.objects.filter(object_id=line.pk).count() == 1
    assert holds()


def test_a_repayment_that_counts_from_an_earlier_day_is_replayed_and_can_bounce(
    page: Client, line: Line
) -> None:
    before = text(act(page, line, "freeze", "preview", cause="fraud"))
    act(page, line, "repayment", amount_fen="1500.00", value_on="2026-07-01")
    repayment = Repayment.objects.latest("pk")
    assert (repayment.received_on, repayment.value_on) == (TODAY, date(2026, 7, 1))
    preview = act(page, repayment, "bounced", "preview", reason="no money")
    assert "Overdue 0.00" in text(preview)
    assert Correction.objects.filter(cause="bounced").count() == 0
    assert act(page, repayment, "bounced", reason="no\x1bmoney").status_code == 200
    assert Correction.objects.filter(cause="bounced").count() == 0
    for _again in range(2):
        assert act(page, repayment, "bounced", reason="没有钱\u3000\r\nno money ").status_code == 302
    assert Correction.objects.get(cause="bounced").reason == "没有钱\u3000\nno money"
    assert text(act(page, line, "freeze", "preview", cause="fraud")).count("Overdue") == before.count(
        "Overdue"
    )
    shown = page.get(f"/console/huabei/repayment/{repayment.pk}/change/").content.decode()
    assert "/act/bounced/" not in shown, "nothing is left to take back"
    assert holds()


def test_a_purchase_is_taken_back_once(page: Client, line: Line) -> None:
    purchase = Purchase.objects.get(line=line)
    assert "/act/take-back/" in page.get(f"/console/huabei/purchase/{purchase.pk}/change/").content.decode()
    preview = act(page, purchase, "take-back", "preview", reason="fraud")
    assert "Customer&#x27;s credit 0.00 100.00" in text(preview)
    for _again in range(2):
        assert act(page, purchase, "take-back", reason="fraud").status_code == 302
    assert Correction.objects.count() == 1
    assert "Pay the credit out" in text(page.get(f"/console/huabei/line/{line.pk}/change/"))
    assert "more than the credit" in text(act(page, line, "credit", amount_fen="100.01"))
    key = str(uuid4())
    for _again in range(2):
        assert act(page, line, "credit", key=key, amount_fen="100.00").status_code == 302
    assert CreditPayout.objects.get().amount_fen == 100_00
    assert holds()


def test_a_freeze_and_a_temporary_limit_are_undone(page: Client, line: Line) -> None:
    act(page, line, "freeze", cause="fraud", note="called us")
    freeze = Freeze.objects.get(cause="fraud")
    assert (freeze.by, freeze.note) == (f"staff:{LogEntry.objects.get().user_id}", "called us")
    preview = act(page, line, "thaw", "preview", freeze_id=str(freeze.pk), cause="cleared")
    assert "frozen (payment late, suspected fraud) frozen (payment late)" in text(preview)
    for _again in range(2):
        assert act(page, line, "thaw", freeze_id=str(freeze.pk), cause="cleared").status_code == 302
    freeze.refresh_from_db()
    assert freeze.thaw_cause == "cleared"
    act(page, line, "temporary-limit", amount_fen="1000.00", last_day="2026-08-15", cause="travel")
    temporary = TemporaryLimit.objects.get()
    key = str(uuid4())
    for _again in range(2):
        given = {"temporary_id": str(temporary.pk), "cause": "mistake"}
        assert act(page, line, "end-temporary-limit", key=key, **given).status_code == 302
    line.refresh_from_db()
    assert (line.limit_fen, line.temporary_fen) == (8_000_00, 0)
    assert holds()


def test_the_statement_day_moves_when_nothing_is_overdue(page: Client, line: Line) -> None:
    assert "not while something is overdue" in text(act(page, line, "statement-day", statement_day="10"))
    act(page, line, "repayment", amount_fen="1600.00", value_on="2026-07-15")
    preview = act(page, line, "statement-day", "preview", statement_day="10")
    assert "Statement day and due day 1 → 10 10 → 20" in text(preview)
    for _again in range(2):
        assert act(page, line, "statement-day", statement_day="10").status_code == 302
    assert CalendarChange.objects.count() == 1


REFUSED: list[tuple[str, dict[str, str], str]] = [
    ("limit", {"limit_fen": "9,000", "cause": "risk"}, "with digits and a point"),
    ("limit", {"limit_fen": "9000.00", "cause": ""}, "This field is required."),
    ("limit", {"limit_fen": "9000.00", "cause": "score_rise"}, "Select a valid choice."),
    ("limit", {"limit_fen": "8000.00", "cause": "risk"}, "this is the limit already"),
    ("limit", {"limit_fen": "900000.00", "cause": "risk"}, "more than the largest limit"),
    ("limit", {"limit_fen": "9000.00", "cause": "risk", "note": "x" * 201}, "at most 200 characters"),
    ("temporary-limit", {"amount_fen": "1.00", "last_day": "2026-07-14", "cause": "travel"}, "from today"),
    ("temporary-limit", {"amount_fen": "1.00", "last_day": "15/08/2026", "cause": "travel"}, "valid date"),
    ("temporary-limit", {"amount_fen": "1.00", "last_day": "2026-8-1", "cause": "travel"}, "valid date"),
    ("freeze", {"cause": "overdue"}, "Select a valid choice."),
    ("thaw", {"freeze_id": "999", "cause": "cleared"}, "Select a valid choice."),
    ("repayment", {"amount_fen": "0", "value_on": "2026-07-15"}, "at least 0.01"),
    ("repayment", {"amount_fen": "1.00", "value_on": "2026-07-16"}, "must be from"),
    ("repayment", {"amount_fen": "1.00", "value_on": "2026-05-19"}, "must be from"),
    ("credit", {"amount_fen": "1.00"}, "more than the credit"),
    ("statement-day", {"statement_day": "3"}, "Select a valid choice."),
    ("close", {"cause": "customer_wish"}, "a line is closed when nothing is owed"),
    ("close", {"cause": "fraud", "key": "x"}, "valid UUID"),
]


@pytest.mark.parametrize("button", ["preview", "confirm"])
def test_what_cannot_be_says_why_and_nothing_happens(page: Client, line: Line, button: str) -> None:
    entries = Entry.objects.count()
    for name, given, complaint in REFUSED:
        answer = act(page, line, name, button, **given)
        assert answer.status_code == 200, name
        assert complaint in text(answer), complaint
    assert Entry.objects.count() == entries
    assert not LogEntry.objects.exists()


EVERY = {
    *ACTS,
    "thaw",
    "end-temporary-limit",
    "credit",
    "statement-day",
}


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (UNDERWRITER, {"limit", "temporary-limit", "end-temporary-limit", "freeze", "thaw"}),
        (SERVICER, {"freeze", "thaw", "repayment", "credit", "statement-day"}),
        (ADMINISTRATOR, EVERY),
    ],
)
def test_each_role_does_what_is_its_work_and_nothing_else(
    client: Client, line: Line, role: str, may: set[str]
) -> None:
    page = signed_in(client, role)
    html = page.get(f"/console/huabei/line/{line.pk}/change/").content.decode()
    for name in EVERY:
        assert page.get(address(line, name)).status_code == (200 if name in may else 403)
        if name not in may:
            assert act(page, line, name, **ACTS.get(name, ({},))[0]).status_code == 403
        if name in ACTS or name == "thaw":
            assert (address(line, name) in html) == (name in may)
    servicing = 403 if role == UNDERWRITER else 200
    assert page.get(address(Purchase.objects.get(), "take-back")).status_code == servicing
    assert page.get(address(Repayment.objects.get(), "bounced")).status_code == servicing


def test_borrowers_and_visitors_do_nothing(client: Client, line: Line) -> None:
    for _who in range(2):
        assert "/login/" in client.get(address(line, "freeze"))["Location"]
        assert "/login/" in act(client, line, "freeze", cause="fraud")["Location"]
        client.force_login(Login.objects.get_or_create(username="somebody")[0])
    assert not Freeze.objects.filter(cause="fraud").exists()


def test_nothing_is_done_without_a_token_by_reading_or_about_what_is_not(page: Client, line: Line) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = page.cookies
    assert act(strict, line, "freeze", cause="fraud").status_code == 403
    page.get(address(line, "freeze") + "?confirm=&cause=fraud&key=" + str(uuid4()))
    assert not Freeze.objects.filter(cause="fraud").exists()
    assert page.get(address(line, "forgive")).status_code == 404
    assert page.get("/console/huabei/line/999999/act/freeze/").status_code == 404
