"""A borrower's notices and how they want to be told things; the same in the console. Each sees their own only."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import strip_tags

from customers import selectors, tasks
from customers.models import Contact, Customer, EmailDelivery, EmailState, Notice, NoticePreference
from customers.services.notices import notify
from huabei.notices import LimitChanged, StatementIssued
from operations.staff import ADMINISTRATOR, UNDERWRITER
from tests.borrowers import borrower, login_of
from tests.services.test_console import staff_login

pytestmark = pytest.mark.django_db

DAY = date(2026, 7, 1)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The times a worker was asked to send e-mails."""
    times: list[object] = []
    monkeypatch.setattr(tasks.send_waiting_emails, "apply_async", lambda **given: times.append(given))
    return times


@pytest.fixture
def customer() -> Customer:
    return borrower()


@pytest.fixture
def page(client: Client, customer: Customer) -> Client:
    client.force_login(login_of(customer))
    client.cookies["django_language"] = "en"
    return client


def text(answer: Any) -> str:
    """What a page says, on one line, without its tags."""
    return " ".join(strip_tags(answer.content.decode().replace("<", " <")).split())


def told(customer: Customer, n: int = 1) -> Notice:
    return notify(
        customer_id=customer.pk,
        message=LimitChanged(from_fen=n * 100, to_fen=n * 200),
        reference=f"limit:{customer.pk}:{n}",
        on=DAY,
    )


def test_before_anything_was_told_the_list_says_so(page: Client) -> None:
    shown = text(page.get("/notices/"))
    assert "Nothing to tell yet" in shown
    assert "unread" not in shown


def test_the_list_counts_what_is_unread_and_so_does_every_page(page: Client, customer: Customer) -> None:
    told(customer, 1)
    told(customer, 2)
    shown = text(page.get("/notices/"))
    assert "2 unread" in shown
    assert shown.index("Your limit is now ¥4.00") < shown.index("Your limit is now ¥2.00")
    assert "July 1, 2026" in shown
    assert "Notices 2 2 unread" in text(page.get("/"))


def test_a_notice_is_read_by_opening_it(page: Client, customer: Customer) -> None:
    notice = told(customer, 2)
    shown = text(page.get(f"/notices/{notice.pk}/"))
    assert "Your limit is now ¥4.00" in shown
    assert "It was ¥2.00 before." in shown
    assert "See your line" in shown
    assert "All read" in text(page.get("/notices/"))


def test_all_are_read_at_once_but_not_what_came_after_the_page(page: Client, customer: Customer) -> None:
    first, second = told(customer, 1), told(customer, 2)
    later = told(customer, 3)
    assert page.post("/notices/read/", {"up_to": second.pk}).status_code == 302
    assert list(Notice.objects.filter(read_at__isnull=True)) == [later]
    page.post("/notices/read/", {"notice": later.pk})
    assert selectors.unread_notices(customer.pk) == 0
    for nonsense in ({}, {"up_to": "x"}, {"up_to": "-1"}, {"up_to": "9" * 40}, {"notice": "²"}):
        assert page.post("/notices/read/", nonsense).status_code == 302
    assert first.pk < second.pk


def test_older_notices_are_a_page_away(page: Client, customer: Customer) -> None:
    for n in range(45):
        told(customer, n + 1)
    answer = page.get("/notices/")
    assert len(answer.context["notices"]) == 20
    older = answer.context["older_than"]
    answer = page.get(f"/notices/?before={older}")
    assert [t.notice.pk < older for t in answer.context["notices"]] == [True] * 20
    assert "Mark all as read" not in text(answer)
    answer = page.get(f"/notices/?before={answer.context['older_than']}")
    assert len(answer.context["notices"]) == 5
    assert answer.context["older_than"] is None
    assert "No older notices" in text(page.get("/notices/?before=1"))
    assert page.get(f"/notices/?before={'9' * 50}").status_code == 200


def test_nobody_sees_or_reads_what_somebody_else_was_told(page: Client, customer: Customer) -> None:
    other = told(borrower("stranger"))
    assert page.get(f"/notices/{other.pk}/").status_code == 404
    assert page.get(f"/notices/{2**63}/").status_code == 404
    page.post("/notices/read/", {"notice": other.pk})
    page.post("/notices/read/", {"up_to": other.pk})
    other.refresh_from_db()
    assert other.read_at is None


def test_the_list_costs_the_same_however_long(page: Client, customer: Customer) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            page.get("/notices/")
        return len(found)

    told(customer, 1)
    few = queries()
    for n in range(2, 30):
        told(customer, n)
    assert queries() == few <= 6


def test_the_pages_are_chinese_for_chinese_readers(page: Client, customer: Customer) -> None:
    page.cookies["django_language"] = "zh-hans"
    notice = notify(
        customer_id=customer.pk,
        message=StatementIssued(1, DAY, date(2026, 7, 10), 1_000_00, 100_00),
        reference="s:1",
        on=DAY,
    )
    for address in ("/notices/", f"/notices/{notice.pk}/", "/notices/settings/"):
        shown = text(page.get(address))
        for english in ("Your", "due", "Notice", "E-mail", "Save", "unread"):
            assert english not in shown, address


# Settings


def test_an_address_is_given_and_confirmed(page: Client, customer: Customer, asked: list[object]) -> None:
    assert "Without an address we tell you here only." in text(page.get("/notices/settings/"))
    wrong = page.post("/notices/settings/email/", {"email": "nonsense"})
    assert "This is not an e-mail address." in text(wrong)
    assert asked == []
    answer = page.post("/notices/settings/email/", {"email": "xiaoyan@example.com"}, follow=True)
    assert "We sent a code to x***@example.com." in text(answer)
    assert len(asked) == 1
    assert "A code was sent a moment ago" in text(
        page.post("/notices/settings/email/", {"email": "xiaoyan@example.com"})
    )
    code = selectors.new_email_code_of(Contact.objects.get())
    wrong_code = "1" if code != "1" else "2"
    assert "This code is not right" in text(page.post("/notices/settings/email/code/", {"code": wrong_code}))
    answer = page.post("/notices/settings/email/code/", {"code": code}, follow=True)
    assert "We write to x***@example.com." in text(answer)
    answer = page.post("/notices/settings/email/remove/", follow=True)
    assert "Without an address we tell you here only." in text(answer)


def test_a_broker_that_is_down_keeps_nobody_from_giving_an_address(
    page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(**_given: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(tasks.send_waiting_emails, "apply_async", down)
    answer = page.post("/notices/settings/email/", {"email": "xiaoyan@example.com"})
    assert answer.status_code == 302
    assert EmailDelivery.objects.get().state == EmailState.WAITING


def test_quiet_hours_are_kept_and_the_night_needs_a_yes(page: Client, customer: Customer) -> None:
    short = {"quiet_from": "00:00", "quiet_until": "06:00", "language": "en"}
    refused = page.post("/notices/settings/quiet-hours/", short)
    assert "only if you agree to it" in text(refused)
    assert not Contact.objects.exists()
    page.post("/notices/settings/quiet-hours/", {**short, "night_agreed": "on"})
    contact = Contact.objects.get()
    assert (contact.quiet_from, contact.quiet_until, contact.language) == (time(0), time(6), "en")
    assert contact.night_agreed_at is not None
    for wrong in ({"quiet_from": "25:00"}, {"language": "fr"}, {"quiet_until": ""}):
        assert page.post("/notices/settings/quiet-hours/", {**short, **wrong}).status_code == 200


def test_kinds_are_chosen_by_channel(page: Client, customer: Customer) -> None:
    shown = text(page.get("/notices/settings/"))
    assert "Payment late always" in shown
    ticked = {"line.overdue:email": "on", "line.payment_received:email": "on"}
    page.post("/notices/settings/", {**ticked, "line.overdue:in_app": ""})
    said = {(row.kind, row.channel): row.wanted for row in NoticePreference.objects.all()}
    assert said["line.payment_received", "email"] is True
    assert said["line.payment_received", "in_app"] is False
    assert said["line.statement_issued", "email"] is False
    assert ("line.overdue", "in_app") not in said
    assert ("line.overdue", "email") not in said  # as it comes
    stands = {p.message.kind: (p.in_app, p.email) for p in selectors.preferences_of(customer.pk)}
    assert stands["line.payment_received"] == (False, True)
    assert stands["line.overdue"] == (True, True)


# Console


def console(client: Client, role: str) -> Client:
    client.force_login(staff_login(role))
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def parked(customer: Customer) -> EmailDelivery:
    return EmailDelivery.objects.create(
        customer=customer, notice=told(customer), purpose="notice", state="parked", attempts=8
    )


def test_the_console_shows_notices_and_e_mails(client: Client, parked: EmailDelivery) -> None:
    staff = console(client, UNDERWRITER)
    for address in (
        "/console/customers/notice/",
        f"/console/customers/notice/{parked.notice_id}/change/",
        "/console/customers/emaildelivery/?state__exact=parked",
        f"/console/customers/emaildelivery/{parked.pk}/change/",
        f"/console/customers/customer/{parked.customer_id}/change/",
        f"/console/customers/notice/?customer={parked.customer_id}&kind=line.limit_changed",
        "/console/customers/notice/?q=limit",
    ):
        answer = staff.get(address)
        assert answer.status_code == 200, address
        if "q=" not in address:
            assert "Your limit is now ¥2.00" in text(answer) or "#" in text(answer), address


def retry(client: Client, delivery: EmailDelivery) -> Any:
    return client.post(
        "/console/customers/emaildelivery/",
        {"action": "retry", "_selected_action": [delivery.pk]},
        follow=True,
    )


def test_an_administrator_has_parked_e_mails_tried_again(client: Client, parked: EmailDelivery) -> None:
    staff = console(client, ADMINISTRATOR)
    assert "1 e-mail is tried again." in text(retry(staff, parked))
    parked.refresh_from_db()
    assert (parked.state, parked.attempts) == (EmailState.WAITING, 0)
    assert parked.next_attempt_at <= timezone.now()
    assert "None of these is parked." in text(retry(staff, parked))


def test_an_underwriter_does_not(client: Client, parked: EmailDelivery) -> None:
    retry(console(client, UNDERWRITER), parked)
    parked.refresh_from_db()
    assert parked.state == EmailState.PARKED
