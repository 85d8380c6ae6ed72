"""The page of the line itself: its limit, what changed it, its freezes, its dates and its end."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from customers.models import Customer
from huabei.models import CalendarChange, Closure, Freeze, Line, LineStatus
from huabei.services.causes import Why, staff
from huabei.services.lifecycle import close, freeze
from huabei.services.limits import change_limit, raise_temporarily
from tests.borrowers import borrower, buys, lived_until, opened_line, published, repays, shop
from tests.services.test_borrower_pages import signed_in, text

pytestmark = pytest.mark.django_db

ON = date(2026, 7, 5)
BY = staff(7)


@pytest.fixture
def customer() -> Customer:
    """A borrower with a score of 640."""
    customer = borrower()
    published(customer, 640)
    published(customer, 640, on=date(2026, 6, 6))
    return customer


@pytest.fixture
def page(client: Client, customer: Customer) -> Client:
    """The borrower's browser, signed in, in English."""
    return signed_in(client, customer)


@pytest.fixture
def line(customer: Customer) -> Line:
    """1,000.00 bought on 30 June, billed on 1 July, due on 10 July; the bank is on 5 July."""
    line = opened_line(customer)
    lived_until(date(2026, 6, 30))
    buys(line, shop(), "1000.00", on=date(2026, 6, 30))
    lived_until(ON)
    return line


def shown(page: Client, address: str = "/line/") -> str:
    return text(page.get(address))


def sent(page: Client, address: str, **given: Any) -> str:
    """What the page says after a form was sent."""
    return text(page.post(address, {"key": str(uuid4()), **given}, follow=True))


def test_without_a_line_the_page_says_so(page: Client) -> None:
    lived_until(ON)
    assert "No line yet" in shown(page)
    assert page.get("/line/close/").status_code == 404
    assert page.get("/line/statement-day/").status_code == 404


def test_the_parts_of_the_limit_add_up_to_what_is_available(page: Client, line: Line) -> None:
    raise_temporarily(
        line_id=line.pk,
        amount_fen=500_00,
        last_day=date(2026, 7, 20),
        why=Why("travel", BY, "t"),
        on=ON,
    )
    buys(line, shop("极光数码"), "50.00", on=ON, capture=False)
    said = shown(page)
    assert "Granted ¥8,000.00 For a time until July 20, 2026 ¥500.00 Limit ¥8,500.00" in said
    assert "Drawn −¥1,000.00 Reserved for purchases under way −¥50.00 Available ¥7,450.00" in said
    assert "Limit raised by ¥500.00 for a time, to ¥8,500.00 travel · by our staff" in said
    assert "Opened with a limit of ¥8,000.00 score 640" in said
    assert "Next statement Aug. 1, 2026 Due by Aug. 10, 2026" in said


def test_what_is_drawn_beyond_a_lowered_limit_is_explained(page: Client, line: Line) -> None:
    change_limit(line_id=line.pk, limit_fen=600_00, why=Why("risk", BY, "x"), on=ON)
    said = shown(page)
    assert "Drawn −¥1,000.00 Beyond the limit ¥400.00 Available ¥0.00" in said
    assert "¥400.00 is drawn or reserved beyond your limit." in said
    assert "Limit lowered from ¥8,000.00 to ¥600.00 higher risk · by our staff" in said


def test_a_late_payment_says_what_thaws_the_line(page: Client, line: Line) -> None:
    lived_until(date(2026, 7, 16))
    for address in ("/", "/line/"):
        said = shown(page, address)
        assert "Payment late , since July 11, 2026. Pay at least ¥102.50 and it works again at once." in said
    repays(line, "102.50", on=date(2026, 7, 16))
    assert "Why it is frozen" not in shown(page)
    assert "A freeze ended what was late is paid · by our rules" in shown(page)


def test_a_freeze_by_staff_is_theirs_to_end(page: Client, line: Line) -> None:
    found = freeze(line_id=line.pk, why=Why("fraud", BY, "x"), on=ON)
    assert "Our staff look into it" in shown(page)
    assert page.post(f"/line/freezes/{found.pk}/end/").status_code == 404
    assert "Our staff look into it" in shown(page, "/")


def test_the_owner_freezes_the_line_once_per_form_and_ends_it(page: Client, line: Line) -> None:
    key = str(uuid4())
    for _n in range(2):
        assert "Your line is frozen." in sent(page, "/line/freeze/", cause="phone_lost", key=key)
    found = Freeze.objects.get()
    assert (found.cause, found.by) == ("phone_lost", "customer")
    assert "You asked for it, and you end it." in shown(page)
    assert "The freeze has ended." in sent(page, f"/line/freezes/{found.pk}/end/")
    line.refresh_from_db()
    assert line.status == LineStatus.ACTIVE


@pytest.mark.parametrize("cause", ["fraud", "overdue", "", "x"])
def test_a_cause_that_is_not_the_owners_freezes_nothing(page: Client, line: Line, cause: str) -> None:
    assert "Choose why." in sent(page, "/line/freeze/", cause=cause)
    assert not Freeze.objects.exists()


def test_moving_the_day_shows_from_when_it_counts_and_is_confirmed(page: Client, line: Line) -> None:
    assert "next statement July 15, 2026, due by July 25, 2026" in shown(page, "/line/statement-day/")
    said = shown(page, "/line/statement-day/?statement_day=15")
    assert "It counts from the statement of July 15, 2026." in said
    assert "The statement of July 1, 2026 stays due by July 10, 2026." in said
    assert "Without the change: statement Aug. 1, 2026, due by Aug. 10, 2026." in said
    assert not CalendarChange.objects.exists()
    assert "Moved. It counts from the next statement on." in sent(
        page, "/line/statement-day/", statement_day="15"
    )
    said = shown(page)
    assert "Statement on day 15, due on day 25" in said
    assert "Statement day moved from 1 to 15, due day from 10 to 25" in said
    said = shown(page, "/line/statement-day/?statement_day=5")
    assert "It can be moved once in twelve months: again from July 5, 2027 on." in said
    assert "Show what changes" not in said
    assert "Nothing was moved" in sent(page, "/line/statement-day/", statement_day="5")
    assert CalendarChange.objects.count() == 1


def test_the_day_is_not_moved_while_a_payment_is_late(page: Client, line: Line) -> None:
    lived_until(date(2026, 7, 16))
    assert "Not while a payment is late" in shown(page, "/line/statement-day/")
    assert "Nothing was moved" in sent(page, "/line/statement-day/", statement_day="5")
    assert not CalendarChange.objects.exists()


@pytest.mark.parametrize("day", ["2", "", "x"])
def test_a_day_that_is_not_offered_is_refused(page: Client, line: Line, day: str) -> None:
    assert "Choose one of the statement days offered." in sent(
        page, "/line/statement-day/", statement_day=day
    )
    assert "As it is now" in shown(page, f"/line/statement-day/?statement_day={day}")


def test_closing_says_what_has_to_be_paid_first(page: Client, line: Line) -> None:
    held = buys(line, shop("极光数码"), "50.00", on=ON, capture=False)
    said = shown(page, "/line/close/")
    assert "To repay Repay now ¥1,000.00" in said
    assert "Reserved at 极光数码" in said
    assert "Close it for good" not in said
    assert "The line is not closed" in sent(page, "/line/close/")
    assert not Closure.objects.exists()
    assert held.captured_fen == 0


def test_closing_takes_the_limit_once_and_the_credit_stays(page: Client, line: Line) -> None:
    repays(line, "1200.00", on=ON)
    said = shown(page, "/line/close/")
    assert "Your limit of ¥8,000.00 ends." in said
    assert "Your credit of ¥200.00 stays yours" in said
    key = str(uuid4())
    for _n in range(2):
        assert "Your line is closed." in sent(page, "/line/close/", key=key)
    assert Closure.objects.get().by == "customer"
    said = shown(page)
    assert "It was closed on July 5, 2026 for good." in said
    assert "Nothing is owed on it." in said
    assert "We owe you ¥200.00: have it paid out" in said
    assert "Closed for good you asked for it" in said
    assert page.get("/line/close/")["Location"] == "/line/"
    assert "Nothing was changed" in sent(page, "/line/close/")
    assert "You may have a line of" in shown(page, "/")


def test_a_closed_line_that_still_owes_stays_on_home_and_is_repaid_there(page: Client, line: Line) -> None:
    close(line_id=line.pk, why=Why("fraud", BY, "x"), on=ON)
    said = shown(page, "/")
    assert "Nothing can be bought with this line any more." in said
    assert "Due by July 10, 2026 ¥1,000.00" in said
    assert "You may have a line of" not in said
    assert "Statement of July 1, 2026" in shown(page, "/statements/")
    assert "Still owed ¥1,000.00" in shown(page)
    answer = page.post(f"/line/{line.uuid}/repay/", {"key": str(uuid4()), "pay": "1000.00"})
    assert answer.status_code == 302
    said = shown(page, "/")
    assert "Nothing can be bought with this line any more." not in said
    assert "You may have a line of" in said


def test_an_earlier_line_that_owes_stands_beside_the_new_one(
    page: Client, line: Line, customer: Customer
) -> None:
    close(line_id=line.pk, why=Why("fraud", BY, "x"), on=ON)
    opened_line(customer, on=ON)
    said = shown(page, "/")
    assert "Available ¥8,000.00" in said
    assert "An earlier line, closed Still owed ¥1,000.00" in said
    assert f"/line/{line.uuid}/repay/" in page.get("/").content.decode()


def test_a_form_sent_again_is_about_the_line_of_the_first_time(
    page: Client, line: Line, customer: Customer
) -> None:
    repays(line, "1000.00", on=ON)
    forms = {
        "/line/freeze/": {"cause": "phone_lost", "key": str(uuid4())},
        "/line/close/": {"key": str(uuid4())},
    }
    done = {"/line/freeze/": "Your line is frozen.", "/line/close/": "Your line is closed."}
    for address, given in forms.items():
        assert done[address] in sent(page, address, **given)
    assert "Nothing was changed" in sent(page, "/line/freeze/", cause="phone_lost")
    # There is no other line, and then there is one.
    assert done["/line/freeze/"] in sent(page, "/line/freeze/", **forms["/line/freeze/"])
    following = opened_line(customer, on=ON)
    for address, given in forms.items():
        assert done[address] in sent(page, address, **given)
    following.refresh_from_db()
    assert (following.status, Freeze.objects.count(), Closure.objects.count()) == ("active", 1, 1)


def test_nobody_sees_or_changes_what_is_somebody_elses(client: Client, page: Client, line: Line) -> None:
    sent(page, "/line/freeze/", cause="phone_lost")
    stranger = signed_in(Client(), borrower("stranger"))
    assert "No line yet" in shown(stranger)
    assert stranger.post(f"/line/freezes/{Freeze.objects.get().pk}/end/").status_code == 404
    assert stranger.post("/line/close/", {"key": str(uuid4())}).status_code == 404
    line.refresh_from_db()
    assert line.status == LineStatus.FROZEN


@pytest.mark.parametrize("address", ["/line/", "/line/statement-day/?statement_day=5", "/line/close/"])
def test_the_pages_are_chinese_throughout(
    client: Client, customer: Customer, line: Line, address: str
) -> None:
    freeze(line_id=line.pk, why=Why("fraud", BY, "x"), on=ON)
    change_limit(line_id=line.pk, limit_fen=600_00, why=Why("risk", BY, "x"), on=ON)
    said = text(signed_in(client, customer, "zh-hans").get(address))
    for english in ("Your", "Due", "Repay", "Limit", "limit", "Available", "The ", "by our", "Statement"):
        assert english not in said
