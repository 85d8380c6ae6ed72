"""
Telling customers: one, or everybody that a set-based statement names, by the same statement of SQL.

A notice happens once per reference. Its e-mail, where the customer wants one, is written with it and sent later by
`customers.services.mail`; nobody waits for a mail server here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from customers.models import (
    Channel,
    Customer,
    EmailDelivery,
    EmailPurpose,
    Notice,
    NoticePreference,
    ShopLogin,
)
from customers.notices import Message, figures_of, kind_called
from customers.services import CustomerNotFound
from finance.errors import DomainError, Kind


class NoticeConflict(DomainError):
    """The reference tells something else already."""

    code = "notice_conflict"
    kind = Kind.CONFLICT


class PreferenceRefused(DomainError):
    """A mandatory notice is always shown in the app."""

    code = "preference_refused"


_NOTIFY = """
WITH concerned AS (
    /* concerned */
), noticed AS (
    INSERT INTO customers_notice (customer_id, kind, figures, reference, noticed_on, in_app)
    SELECT concerned.customer_id, %(kind)s, concerned.figures, concerned.reference, %(noticed)s,
           %(mandatory)s OR coalesce(preference.wanted, true)
    FROM concerned
    LEFT JOIN customers_noticepreference AS preference ON preference.customer_id = concerned.customer_id
        AND preference.kind = %(kind)s AND preference.channel = 'in_app'
    ON CONFLICT (reference) DO NOTHING
    RETURNING id, customer_id
), mailed AS (
    INSERT INTO customers_emaildelivery (customer_id, notice_id, purpose)
    SELECT noticed.customer_id, noticed.id, 'notice'
    FROM noticed
    JOIN customers_contact AS contact ON contact.customer_id = noticed.customer_id AND contact.email_encrypted IS NOT NULL
    LEFT JOIN customers_noticepreference AS preference ON preference.customer_id = noticed.customer_id
        AND preference.kind = %(kind)s AND preference.channel = 'email'
    WHERE coalesce(preference.wanted, %(by_email)s)
)
SELECT count(*) FROM noticed
"""

_ONE = "SELECT %(customer)s::uuid AS customer_id, %(reference)s AS reference, %(figures)s::jsonb AS figures"


def notify_all(*, message: type[Message], concerned: str, parameters: Mapping[str, Any], on: date) -> int:
    """
    Tells everybody whom a SELECT names, each once per reference; returns how many notices are new.

    `concerned` selects customer_id, reference and figures, a jsonb object of this kind's figures; `parameters` are its own.
    """
    given = {
        **parameters,
        "kind": message.kind,
        "noticed": on,
        "mandatory": message.mandatory,
        "by_email": message.by_email,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOTIFY.replace("/* concerned */", concerned), given)
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


@transaction.atomic
def notify(*, customer_id: UUID, message: Message, reference: str, on: date) -> Notice:
    """
    Tells one customer, once per reference: the notice, or the one that told the same before.

    Errors: CustomerNotFound; NoticeConflict when the reference tells somebody else, or something else.
    """
    if not Customer.objects.filter(pk=customer_id).exists():
        raise CustomerNotFound(_("There is no customer %(id)s.") % {"id": customer_id}, field="customer_id")
    figures = figures_of(message)
    parameters = {"customer": customer_id, "reference": reference, "figures": json.dumps(figures)}
    notify_all(message=type(message), concerned=_ONE, parameters=parameters, on=on)
    notice = Notice.objects.get(reference=reference)
    if (notice.customer_id, notice.kind, notice.figures) != (customer_id, message.kind, figures):
        raise NoticeConflict(_("This reference tells something else already."), field="reference")
    return notice


def mail_shop(*, shop_id: UUID, message: Message, reference: str) -> None:
    """
    E-mails a message to everybody who signs in for a shop and has an address, each once per reference. It is sent later, by
    `customers.services.mail`; whoever has no address by then is not sent it.
    """
    figures = figures_of(message)
    readers = ShopLogin.objects.filter(shop_id=shop_id, login__is_active=True).exclude(login__email="")
    EmailDelivery.objects.bulk_create(
        [
            EmailDelivery(
                shop_login=reader,
                purpose=EmailPurpose.SHOP,
                kind=message.kind,
                figures=figures,
                reference=f"{reference}:{reader.pk}",
            )
            for reader in readers.order_by("pk")
        ],
        ignore_conflicts=True,
    )


def read_notice(*, customer_id: UUID, notice_id: int, at: datetime) -> bool:
    """Marks a customer's own notice read at this instant; whether it was unread."""
    unread = Notice.objects.filter(pk=notice_id, customer_id=customer_id, read_at__isnull=True)
    return unread.update(read_at=at) == 1


def read_all_notices(*, customer_id: UUID, at: datetime, up_to: int | None = None) -> int:
    """Marks a customer's unread notices read, those after the notice `up_to` left alone; returns how many."""
    unread = Notice.objects.filter(customer_id=customer_id, in_app=True, read_at__isnull=True)
    if up_to is not None:
        unread = unread.filter(pk__lte=up_to)
    return unread.update(read_at=at)


@transaction.atomic
def prefer_notices(*, customer_id: UUID, wanted: Mapping[tuple[str, Channel], bool], at: datetime) -> int:
    """
    Keeps which kinds a customer wants over which channel; returns how many changed. What is not named stays.

    Errors: CustomerNotFound, UnreadableNotice for an unknown kind, PreferenceRefused for a mandatory kind in the app.
    """
    if not Customer.objects.select_for_update(no_key=True, of=("self",)).filter(pk=customer_id).exists():
        raise CustomerNotFound(_("There is no customer %(id)s.") % {"id": customer_id}, field="customer_id")
    stands = {
        (row.kind, row.channel): row for row in NoticePreference.objects.filter(customer_id=customer_id)
    }
    changed = 0
    for (kind, channel), yes in wanted.items():
        message = kind_called(kind)
        if channel == Channel.IN_APP and message.mandatory and not yes:
            raise PreferenceRefused(_("This notice is always shown here."), field=kind)
        row = stands.get((kind, channel))
        if yes == (row.wanted if row else channel == Channel.IN_APP or message.by_email):
            continue
        NoticePreference.objects.update_or_create(
            customer_id=customer_id,
            kind=kind,
            channel=channel,
            defaults={"wanted": yes, "changed_at": at},
        )
        changed += 1
    return changed
