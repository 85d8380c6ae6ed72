"""Telling customers: once per reference, in the reader's language, by e-mail where wanted and when it is not night."""

from __future__ import annotations

import json
import smtplib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import translation

from customers import notices as kinds_of_notices
from customers import selectors
from customers.models import (
    Channel,
    Contact,
    Customer,
    EmailDelivery,
    EmailState,
    Notice,
)
from customers.notices import Message, UnreadableNotice, figures_of, message_of
from customers.services import CustomerNotFound, contact, rotate_identity_keys
from customers.services import notices as services
from customers.services.contact import CodeRefused, EmailRefused, QuietHoursRefused
from customers.services.mail import (
    MOST_ATTEMPTS,
    NotParked,
    retry_email,
    send_waiting_emails,
    wait_after,
)
from huabei.notices import CampaignNearlySpent, LimitChanged, Overdue, PaymentReceived, StatementIssued
from tests.borrowers import borrower

pytestmark = pytest.mark.django_db

DAY = date(2026, 7, 1)
NOON = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
NIGHT = NOON.replace(hour=23)
STATEMENT = StatementIssued(1, DAY, date(2026, 7, 10), 1_000_00, 100_00)
OVERDUE = Overdue(due_on=date(2026, 7, 10), days=7, overdue_fen=100_00, penalty_per_day_fen=50)
RECEIVED = PaymentReceived(repayment_id=1, amount_fen=5_00, received_on=DAY, to_credit_fen=0)


@pytest.fixture
def customer() -> Customer:
    return borrower()


def told(customer: Customer, message: Message = STATEMENT, reference: str = "statement:1") -> Notice:
    return services.notify(customer_id=customer.pk, message=message, reference=reference, on=DAY)


def with_email(customer: Customer, address: str = "xiaoyan@example.com") -> None:
    """A customer whose address is confirmed."""
    contact.ask_for_email(customer_id=customer.pk, email=address, at=NOON)
    code = selectors.new_email_code_of(selectors.contact_of(customer.pk))
    assert code is not None
    contact.confirm_email(customer_id=customer.pk, code=code, at=NOON)
    EmailDelivery.objects.filter(purpose="confirmation").update(state=EmailState.DROPPED)


def delivery_of(notice: Notice) -> EmailDelivery:
    return EmailDelivery.objects.get(notice=notice)


# Telling


def test_a_notice_happens_once_per_reference(customer: Customer) -> None:
    first = told(customer)
    assert told(customer) == first
    assert Notice.objects.count() == 1


def test_a_reference_does_not_tell_something_else(customer: Customer) -> None:
    told(customer)
    for message in (OVERDUE, StatementIssued(1, DAY, date(2026, 7, 10), 1_000_01, 100_00)):
        with pytest.raises(services.NoticeConflict) as refused:
            told(customer, message)
        assert refused.value.field == "reference"
    with pytest.raises(services.NoticeConflict):
        told(borrower("stranger"))


def test_nobody_is_told_who_is_not_there() -> None:
    with pytest.raises(CustomerNotFound):
        services.notify(customer_id=uuid4(), message=STATEMENT, reference="x", on=DAY)


def test_a_notice_speaks_the_language_of_who_reads_it(customer: Customer) -> None:
    told(customer)
    [found] = selectors.notices_of(customer.pk)
    assert found.title == "Your statement: ¥1,000.00 due by July 10, 2026"
    with translation.override("zh-hans"):
        assert found.title == "您的账单：应还 ¥1,000.00，2026年7月10日到期"


def test_every_kind_says_something_in_both_languages_and_comes_back_from_json(customer: Customer) -> None:
    figures = {int: 3_00, bool: True, date: DAY, str: "overdue", Decimal: Decimal("0.0004")}
    every: list[type[Message]] = [*kinds_of_notices.kinds(), CampaignNearlySpent]
    for kind in every:
        types = kinds_of_notices._figures(kind.kind)
        message = kind(**{name: figures[given[0]] for name, given in types.items()})
        assert message_of(kind.kind, json.loads(json.dumps(figures_of(message)))) == message
        said = {}
        for language in ("en", "zh-hans"):
            with translation.override(language):
                said[language] = [message.title(), *message.body()]
            assert all(said[language])
            assert "%(" not in "".join(said[language])
        assert not set(said["en"]) & set(said["zh-hans"]), kind.kind
        assert "spend" not in " ".join(said["en"]).lower()


@dataclass(frozen=True)
class Rated(Message):
    rate: Decimal
    until: date | None = None


@pytest.mark.parametrize(
    ("figures", "field"),
    [
        ({}, "rate"),
        ({"rate": "0.1", "other": 1}, "other"),
        ({"rate": "x"}, "rate"),
        ({"rate": None}, "rate"),
        ({"rate": "0.1", "until": 5}, "until"),
    ],
)
def test_figures_are_read_strictly(
    figures: dict[str, object], field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds_of_notices, "_kinds", {})
    kinds_of_notices._figures.cache_clear()
    kinds_of_notices.told(kind="rated", name="Rated")(Rated)
    with pytest.raises(UnreadableNotice) as refused:
        message_of("rated", figures)
    assert refused.value.field == field
    assert message_of("rated", {"rate": "0.10"}) == Rated(Decimal("0.10"))
    with pytest.raises(UnreadableNotice):
        message_of("unknown", {})
    with pytest.raises(ValueError, match="two kinds"):
        kinds_of_notices.told(kind="rated", name="Rated")(Rated)
    kinds_of_notices._figures.cache_clear()


def test_many_are_told_by_one_statement_which_repeated_tells_nobody(customer: Customer) -> None:
    with_email(customer)
    people = [customer, borrower("stranger")]
    concerned = """
        SELECT id AS customer_id, 'limit:' || id AS reference,
               jsonb_build_object('from_fen', 1, 'to_fen', 2, 'last_day', %(last)s::date) AS figures
        FROM customers_customer
    """
    for expected in (2, 0):
        new = services.notify_all(message=LimitChanged, concerned=concerned, parameters={"last": DAY}, on=DAY)
        assert new == expected
    for person in people:
        [found] = selectors.notices_of(person.pk)
        assert found.message == LimitChanged(1, 2, DAY)
        assert found.notice.figures == figures_of(found.message)
    assert EmailDelivery.objects.filter(purpose="notice").count() == 1


# Reading


def test_reading_one_and_all(customer: Customer) -> None:
    first, second, third = (told(customer, reference=f"s:{n}") for n in range(3))
    assert selectors.unread_notices(customer.pk) == 3
    assert services.read_notice(customer_id=customer.pk, notice_id=first.pk, at=NOON)
    assert not services.read_notice(customer_id=customer.pk, notice_id=first.pk, at=NIGHT)
    stranger = borrower("stranger")
    assert not services.read_notice(customer_id=stranger.pk, notice_id=second.pk, at=NOON)
    assert services.read_all_notices(customer_id=customer.pk, at=NOON, up_to=second.pk) == 1
    assert services.read_all_notices(customer_id=customer.pk, at=NOON) == 1
    assert selectors.unread_notices(customer.pk) == 0
    third.refresh_from_db()
    assert third.read_at == NOON


# Preferences


def test_what_is_not_mandatory_may_be_left_out_of_the_app(customer: Customer) -> None:
    wanted = {("line.payment_received", Channel.IN_APP): False}
    assert services.prefer_notices(customer_id=customer.pk, wanted=wanted, at=NOON) == 1
    assert services.prefer_notices(customer_id=customer.pk, wanted=wanted, at=NIGHT) == 0
    told(customer, RECEIVED, "r:1")
    assert selectors.notices_of(customer.pk) == []
    assert selectors.unread_notices(customer.pk) == 0
    [preference] = [p for p in selectors.preferences_of(customer.pk) if p.message is PaymentReceived]
    assert (preference.in_app, preference.email) == (False, False)


def test_a_mandatory_notice_is_always_in_the_app(customer: Customer) -> None:
    with pytest.raises(services.PreferenceRefused):
        services.prefer_notices(
            customer_id=customer.pk, wanted={("line.overdue", Channel.IN_APP): False}, at=NOON
        )
    with pytest.raises(UnreadableNotice):
        services.prefer_notices(customer_id=customer.pk, wanted={("x", Channel.EMAIL): False}, at=NOON)


def test_e_mail_goes_by_what_the_customer_said_else_by_the_kind(customer: Customer) -> None:
    with_email(customer)
    told(customer, OVERDUE, "o:1")
    told(customer, RECEIVED, "r:1")
    kinds = EmailDelivery.objects.filter(purpose="notice").values_list("notice__kind", flat=True)
    assert list(kinds) == ["line.overdue"]
    services.prefer_notices(
        customer_id=customer.pk,
        wanted={
            ("line.overdue", Channel.EMAIL): False,
            ("line.payment_received", Channel.EMAIL): True,
        },
        at=NOON,
    )
    told(customer, OVERDUE, "o:2")
    told(customer, RECEIVED, "r:2")
    assert EmailDelivery.objects.filter(notice__reference="r:2").exists()
    assert not EmailDelivery.objects.filter(notice__reference="o:2").exists()


# The address


def test_an_address_counts_once_its_code_came_back(customer: Customer) -> None:
    contact.ask_for_email(customer_id=customer.pk, email=" Xiaoyan@Example.COM ", at=NOON)
    told(customer)
    assert not EmailDelivery.objects.filter(purpose="notice").exists()
    assert send_waiting_emails(at=NOON).sent == 1
    [letter] = mail.outbox
    assert letter.to == ["Xiaoyan@example.com"]
    code = selectors.new_email_code_of(Contact.objects.get())
    assert f"您的验证码是 {code}" in letter.body
    confirmed = contact.confirm_email(customer_id=customer.pk, code=f" {code} ", at=NOON)
    assert selectors.email_of(confirmed) == "Xiaoyan@example.com"
    assert selectors.masked_email(confirmed) == "X***@example.com"
    assert (confirmed.new_email_encrypted, confirmed.new_email_code_encrypted) == (None, None)
    with pytest.raises(CodeRefused):
        contact.confirm_email(customer_id=customer.pk, code=str(code), at=NOON)


def test_the_old_address_stays_until_the_new_one_is_confirmed(customer: Customer) -> None:
    with_email(customer)
    later = NOON + timedelta(minutes=5)
    contact.ask_for_email(customer_id=customer.pk, email="other@example.com", at=later)
    assert selectors.email_of(selectors.contact_of(customer.pk)) == "xiaoyan@example.com"
    contact.remove_email(customer_id=customer.pk)
    assert selectors.email_of(selectors.contact_of(customer.pk)) is None
    assert send_waiting_emails(at=later).dropped == 1
    assert EmailDelivery.objects.latest("pk").reason == "not asked for any more"


@pytest.mark.parametrize(
    "address", ["", "x", "x@", "a@b", "a b@example.com", "a@example.com\nBcc: b@example.com"]
)
def test_what_is_no_address_is_refused(customer: Customer, address: str) -> None:
    with pytest.raises(EmailRefused) as refused:
        contact.ask_for_email(customer_id=customer.pk, email=address, at=NOON)
    assert refused.value.field == "email"


def test_codes_are_not_asked_for_one_after_the_other(customer: Customer) -> None:
    contact.ask_for_email(customer_id=customer.pk, email="a@example.com", at=NOON)
    with pytest.raises(EmailRefused, match="a moment ago"):
        contact.ask_for_email(customer_id=customer.pk, email="a@example.com", at=NOON + timedelta(seconds=59))
    contact.ask_for_email(customer_id=customer.pk, email="b@example.com", at=NOON + timedelta(seconds=60))
    # The one e-mail that waits brings the newest code.
    assert send_waiting_emails(at=NOON + timedelta(minutes=2)).sent == 1
    assert mail.outbox[0].to == ["b@example.com"]


def test_a_code_is_wrong_five_times_or_too_old_and_then_forgotten(customer: Customer) -> None:
    contact.ask_for_email(customer_id=customer.pk, email="a@example.com", at=NOON)
    right = selectors.new_email_code_of(Contact.objects.get())
    assert right is not None
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    for _n in range(5):
        assert Contact.objects.get().new_email_encrypted is not None
        with pytest.raises(CodeRefused):
            contact.confirm_email(customer_id=customer.pk, code=wrong, at=NOON)
    with pytest.raises(CodeRefused):
        contact.confirm_email(customer_id=customer.pk, code=right, at=NOON)
    assert Contact.objects.get().new_email_encrypted is None

    contact.ask_for_email(customer_id=customer.pk, email="a@example.com", at=NOON)
    right = selectors.new_email_code_of(Contact.objects.get())
    assert right is not None
    with pytest.raises(CodeRefused):
        contact.confirm_email(customer_id=customer.pk, code=right, at=NOON + timedelta(minutes=31))


def test_addresses_and_codes_are_sealed_and_follow_a_new_key(
    customer: Customer, settings: pytest.FixtureRequest
) -> None:
    contact.ask_for_email(customer_id=customer.pk, email="a@example.com", at=NOON)
    row = Contact.objects.get()
    assert b"a@example.com" not in bytes(row.new_email_encrypted or b"")
    settings.IDENTITY_KEYS = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", *settings.IDENTITY_KEYS]  # type: ignore[attr-defined]
    rotate_identity_keys()
    settings.IDENTITY_KEYS = settings.IDENTITY_KEYS[:1]  # type: ignore[attr-defined]
    assert selectors.new_email_of(Contact.objects.get()) == "a@example.com"


# Quiet hours


def quiet(customer: Customer, quiet_from: int, quiet_until: int, *, agreed: bool) -> Contact:
    return contact.set_quiet_hours(
        customer_id=customer.pk,
        quiet_from=time(quiet_from),
        quiet_until=time(quiet_until),
        night_agreed=agreed,
        language="en",
        at=NOON,
    )


def test_nights_are_quiet_unless_the_customer_agrees(customer: Customer) -> None:
    with pytest.raises(QuietHoursRefused) as refused:
        quiet(customer, 0, 6, agreed=False)
    assert refused.value.field == "night_agreed"
    assert quiet(customer, 21, 9, agreed=False).night_agreed_at is None
    assert quiet(customer, 0, 6, agreed=True).night_agreed_at == NOON
    assert quiet(customer, 22, 8, agreed=False).night_agreed_at is None


def test_nothing_is_e_mailed_in_quiet_hours_and_all_when_they_end(customer: Customer) -> None:
    with_email(customer)
    row = delivery_of(told(customer))
    EmailDelivery.objects.filter(pk=row.pk).update(next_attempt_at=NOON)
    assert send_waiting_emails(at=NIGHT).sent == 0
    morning = NOON.replace(day=2, hour=8)
    row.refresh_from_db()
    assert (row.next_attempt_at, row.attempts) == (morning, 0)
    assert send_waiting_emails(at=morning - timedelta(seconds=1)).sent == 0
    assert send_waiting_emails(at=morning).sent == 1


def test_who_agreed_is_e_mailed_at_night_and_who_asked_for_a_code_too(customer: Customer) -> None:
    with_email(customer)
    quiet(customer, 8, 8, agreed=True)
    EmailDelivery.objects.filter(notice=told(customer)).update(next_attempt_at=NIGHT)
    stranger = borrower("stranger")
    contact.ask_for_email(customer_id=stranger.pk, email="s@example.com", at=NIGHT)
    assert send_waiting_emails(at=NIGHT).sent == 2


# Sending


def due(notice: Notice, at: datetime = NOON) -> EmailDelivery:
    """The e-mail of a notice, waiting for this instant."""
    EmailDelivery.objects.filter(notice=notice).update(next_attempt_at=at)
    return delivery_of(notice)


def test_an_e_mail_is_sent_once_in_the_customers_language(customer: Customer) -> None:
    with_email(customer)
    row = due(told(customer))
    assert send_waiting_emails(at=NOON).sent == 1
    assert send_waiting_emails(at=NOON).sent == 0
    [letter] = mail.outbox
    assert letter.subject == "您的账单：应还 ¥1,000.00，2026年7月10日到期"
    assert letter.body.startswith("您好，林晓燕")
    assert "http" not in letter.body
    assert letter.extra_headers["Message-ID"] == f"<delivery-{row.pk}@localhost>"
    row.refresh_from_db()
    assert (row.state, row.sent_at, row.sent_to, row.attempts) == (
        EmailState.SENT,
        NOON,
        "x***@example.com",
        1,
    )


class Broken(EmailBackend):
    """A mail server that refuses everything."""

    def send_messages(self, messages: object) -> int:
        raise smtplib.SMTPServerDisconnected("no")


@pytest.fixture
def broken(settings: pytest.FixtureRequest) -> pytest.FixtureRequest:
    settings.EMAIL_BACKEND = f"{__name__}.Broken"  # type: ignore[attr-defined]
    return settings


def test_failures_are_tried_again_later_and_later_then_parked_then_tried_by_hand(
    customer: Customer, settings: pytest.FixtureRequest, broken: pytest.FixtureRequest
) -> None:
    with_email(customer)
    row = due(told(customer))
    # Nights are agreed to, so that only the failures make it wait.
    quiet(customer, 8, 8, agreed=True)
    at = NOON
    for attempt in range(1, MOST_ATTEMPTS):
        assert send_waiting_emails(at=at).failed == 1
        row.refresh_from_db()
        assert (row.state, row.attempts) == (EmailState.WAITING, attempt)
        assert row.next_attempt_at == at + wait_after(attempt)
        assert send_waiting_emails(at=row.next_attempt_at - timedelta(seconds=1)).failed == 0
        at = row.next_attempt_at
    with pytest.raises(NotParked):
        retry_email(delivery_id=row.pk, at=at)
    assert send_waiting_emails(at=at).failed == 1
    row.refresh_from_db()
    assert (row.state, row.reason) == (EmailState.PARKED, "SMTPServerDisconnected")
    assert send_waiting_emails(at=at + timedelta(days=1)).failed == 0

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"  # type: ignore[attr-defined]
    retry_email(delivery_id=row.pk, at=at)
    assert send_waiting_emails(at=at).sent == 1


def test_a_mail_server_that_is_down_is_left_alone_after_three_failures(
    customer: Customer, broken: pytest.FixtureRequest
) -> None:
    with_email(customer)
    for n in range(5):
        due(told(customer, reference=f"s:{n}"))
    assert send_waiting_emails(at=NOON).failed == 3
    assert EmailDelivery.objects.filter(purpose="notice", attempts=0).count() == 2


def test_one_that_cannot_be_written_does_not_stop_the_others(customer: Customer) -> None:
    with_email(customer)
    bad, good = due(told(customer, reference="s:1")), due(told(customer, reference="s:2"))
    Notice.objects.create(
        customer_id=customer.pk, kind="gone", figures={}, reference="g", noticed_on=DAY, in_app=True
    )
    broken_one = EmailDelivery.objects.create(
        customer_id=customer.pk,
        notice=Notice.objects.get(reference="g"),
        purpose="notice",
        next_attempt_at=NOON - timedelta(hours=1),
    )
    done = send_waiting_emails(at=NOON)
    assert (done.sent, done.failed) == (2, 1)
    broken_one.refresh_from_db()
    assert broken_one.reason == "UnreadableNotice"
    assert {bad.pk, good.pk} == set(EmailDelivery.objects.filter(state="sent").values_list("pk", flat=True))


def test_what_would_come_too_late_is_not_e_mailed(customer: Customer) -> None:
    with_email(customer)
    late = NOON + timedelta(days=4)
    row = due(told(customer), late)
    assert send_waiting_emails(at=late).dropped == 1
    row.refresh_from_db()
    assert (row.state, row.reason) == (EmailState.DROPPED, "too late")


def test_an_address_that_was_removed_gets_nothing_more(customer: Customer) -> None:
    with_email(customer)
    row = due(told(customer))
    contact.remove_email(customer_id=customer.pk)
    assert send_waiting_emails(at=NOON).dropped == 1
    row.refresh_from_db()
    assert row.reason == "no address"


def test_unknown_customers_have_no_contact() -> None:
    with pytest.raises(CustomerNotFound):
        contact.remove_email(customer_id=UUID(int=1))
