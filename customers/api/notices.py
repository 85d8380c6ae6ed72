"""What a borrower was told, and how they want to be told things."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from customers import selectors
from customers.models import Channel, Notice
from customers.notices import UnreadableNotice
from customers.selectors import Preference
from customers.services import notices
from customers.services.notices import PreferenceRefused
from web.api.callers import Allowed, Who
from web.api.identifiers import number_of
from web.api.reading import Choice, Day, Fields, Identifier, Text, Truth, Whole
from web.api.schema import operation
from web.api.views import Endpoint

BORROWER = Allowed(Who.BORROWER)
NOTICE = "notice"
# What examples call a notice.
A_NOTICE = "9c2e7d14-6b0a-4d53-8f21-5e8a0c7d4b03"


class NoticeOut(Fields):
    """A notice, in the language that Accept-Language asks for."""

    id = Identifier(NOTICE, source="notice.pk")
    kind = Text(source="notice.kind", most=40)
    title = Text(most=400)
    body = Text(most=2000, least=0, help_text="By lines.")
    told_on = Day(source="notice.noticed_on")
    is_read = Truth()


class ReadIn(Fields):
    """Up to which notice all are read."""

    up_to = Identifier(help_text="The newest notice that was shown; those that came after it stay unread.")


class ReadOut(Fields):
    """How many notices became read."""

    read = Whole()


class PreferenceIn(Fields):
    """How to be told one kind of thing."""

    kind = Text(most=40)
    in_app = Truth(help_text="Whether it is shown in the list of notices; mandatory kinds always are.")
    email = Truth(help_text="Whether it is also e-mailed, once an address is confirmed.")


class PreferenceOut(Fields):
    """How the borrower is told one kind of thing."""

    kind = Text(source="message.kind", most=40)
    name = Text(source="message.name")
    is_mandatory = Truth(source="message.mandatory")
    in_app = Truth()
    email = Truth()


class PreferencesOut(Fields):
    """How the borrower is told things, kind by kind."""

    preferences = PreferenceOut(many=True)


EXAMPLE_NOTICE = {
    "id": A_NOTICE,
    "kind": "line.statement_issued",
    "title": "Your statement: ¥1,000.00 due by July 10, 2026",
    "body": "Pay ¥1,000.00 by July 10, 2026 and it costs nothing.\n"
    "At least ¥100.00 has to be paid by then. Interest runs on the rest from the day after.",
    "told_on": "2026-07-01",
    "is_read": False,
}
EXAMPLE_PREFERENCE = {
    "kind": "line.payment_received",
    "name": "Payment received",
    "is_mandatory": False,
    "in_app": True,
    "email": False,
}


def _out(notice: Notice) -> dict[str, Any]:
    told = selectors.told(notice)
    return {
        "notice": notice,
        "title": told.title,
        "body": "\n".join(told.body),
        "is_read": notice.read_at is not None,
    }


class NoticeListed(NoticeOut):
    """A notice of a list."""

    def to_representation(self, instance: Notice) -> dict[str, Any]:
        """The notice in words."""
        return super().to_representation(_out(instance))


class OwnNotices(Endpoint):
    """The borrower's notices."""

    allowed = {"GET": BORROWER}
    paged = True
    filters = {"state": Choice(["read", "unread"], help_text="Only those that are read, or are not.")}

    @operation(
        "listOwnNotices",
        summary="List my notices",
        answer=NoticeListed,
        many=True,
        example=EXAMPLE_NOTICE,
        tag="Borrower",
    )
    def get(self, request: Request) -> Response:
        """What the borrower was told in the app, newest first."""
        found = Notice.objects.filter(customer_id=self.owner, in_app=True)
        if state := self.query.get("state"):
            found = found.filter(read_at__isnull=state == "unread")
        return self.page(NoticeListed, found)


class AboutOwnNotice(Endpoint):
    """An endpoint about one of the borrower's notices."""

    def notice(self, notice_id: UUID) -> Notice:
        """The borrower's own notice. Error: NotFound."""
        found = selectors.own_notice(customer_id=self.owner, notice_id=self.number(NOTICE, notice_id))
        if found is None:
            raise NotFound
        return found.notice


class OwnNotice(AboutOwnNotice):
    """One of the borrower's notices."""

    allowed = {"GET": BORROWER}

    @operation(
        "readOwnNotice",
        summary="Read one of my notices",
        answer=NoticeOut,
        example=EXAMPLE_NOTICE,
        tag="Borrower",
    )
    def get(self, request: Request, notice_id: UUID) -> Response:
        """One notice in words. Reading it here does not mark it read."""
        return self.answer(NoticeOut, _out(self.notice(notice_id)))


class MarkRead(AboutOwnNotice):
    """One of the borrower's notices, read."""

    allowed = {"POST": BORROWER}

    @operation(
        "markOwnNoticeRead",
        summary="Mark one of my notices read",
        answer=NoticeOut,
        example={**EXAMPLE_NOTICE, "is_read": True},
        tag="Borrower",
    )
    def post(self, request: Request, notice_id: UUID) -> Response:
        """Marks a notice read; repeated, it stays as it was first read."""
        notice = self.notice(notice_id)
        notices.read_notice(customer_id=self.owner, notice_id=notice.pk, at=timezone.now())
        notice.refresh_from_db()
        return self.answer(NoticeOut, _out(notice))


class MarkAllRead(Endpoint):
    """The borrower's notices, all read."""

    allowed = {"POST": BORROWER}
    may_lack = True

    @operation(
        "markOwnNoticesRead",
        summary="Mark my notices read",
        body=ReadIn,
        answer=ReadOut,
        example_body={"up_to": A_NOTICE},
        example={"read": 1},
        tag="Borrower",
    )
    def post(self, request: Request) -> Response:
        """Marks the borrower's notices up to and with one of them read, and says how many were not."""
        up_to = number_of(NOTICE, self.body(ReadIn)["up_to"])
        if up_to is None or selectors.own_notice(customer_id=self.owner, notice_id=up_to) is None:
            raise NotFound
        read = notices.read_all_notices(customer_id=self.owner, at=timezone.now(), up_to=up_to)
        return self.answer(ReadOut, {"read": read})


class OwnPreferences(Endpoint):
    """How the borrower is told things."""

    allowed = {"GET": BORROWER, "POST": BORROWER}

    @operation(
        "readOwnPreferences",
        summary="Read how I am told things",
        answer=PreferencesOut,
        example={"preferences": [EXAMPLE_PREFERENCE]},
        tag="Borrower",
    )
    def get(self, request: Request) -> Response:
        """Every kind of notice, and whether the borrower gets it in the app and by e-mail."""
        return self.answer(PreferencesOut, {"preferences": selectors.preferences_of(self.owner)})

    @operation(
        "setOwnPreference",
        summary="Say how I am told one kind of thing",
        body=PreferenceIn,
        answer=PreferenceOut,
        refusals=(PreferenceRefused, UnreadableNotice),
        example_body={"kind": "line.payment_received", "in_app": True, "email": True},
        example={**EXAMPLE_PREFERENCE, "email": True},
        tag="Borrower",
    )
    def post(self, request: Request) -> Response:
        """Keeps whether the borrower gets one kind of notice in the app and by e-mail. Mandatory kinds stay in the app."""
        said = self.body(PreferenceIn)
        wanted = {
            (said["kind"], Channel.IN_APP): said["in_app"],
            (said["kind"], Channel.EMAIL): said["email"],
        }
        notices.prefer_notices(customer_id=self.owner, wanted=wanted, at=timezone.now())
        stands: Preference = next(
            row for row in selectors.preferences_of(self.owner) if row.message.kind == said["kind"]
        )
        return self.answer(PreferenceOut, stands)
