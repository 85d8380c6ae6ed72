"""What customers were told, and the e-mails about it; those that failed too often can be tried again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from customers.models import EmailDelivery, EmailState, Notice, NoticePreference
from customers.notices import kind_called, kinds, message_of
from customers.selectors import told
from customers.services.mail import NotParked, retry_email
from web.console import RecordAdmin, Table, link_to


class KindFilter(admin.SimpleListFilter):
    """Narrows to one kind of notice, by its name."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(message.kind, message.name) for message in kinds()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notice]) -> QuerySet[Notice]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


def _customer_link(record: Any) -> SafeString:
    return link_to("customers_customer", record.customer_id, record.customer)


@admin.register(Notice)
class NoticeAdmin(RecordAdmin):
    """Every notice as its customer reads it, in the language of whoever looks."""

    list_display = ("title", "customer", "kind_name", "noticed_on", "read_at")
    list_filter = (KindFilter,)
    list_select_related = ("customer",)
    search_fields = ("reference__exact", "=customer__id", "customer__full_name__startswith")
    search_help_text = _("The beginning of a name, the whole identifier of a customer, or a reference.")
    ordering = ("-pk",)
    fields = (
        "title",
        "body",
        "customer_page",
        "kind_name",
        "noticed_on",
        "created_at",
        "read_at",
        "in_app",
        "reference",
        "figures",
    )
    readonly_fields = ("title", "body", "customer_page", "kind_name")

    @admin.display(description=_("notice"))
    def title(self, notice: Notice) -> str:
        """The notice in one line."""
        return told(notice).title

    @admin.display(description=_("text"))
    def body(self, notice: Notice) -> str:
        """What else it says."""
        return "\n".join(told(notice).body)

    @admin.display(description=_("kind"), ordering="kind")
    def kind_name(self, notice: Notice) -> Any:
        """What kind of notice it is."""
        return kind_called(notice.kind).name

    @admin.display(description=_("customer"))
    def customer_page(self, notice: Notice) -> SafeString:
        """Who was told."""
        return _customer_link(notice)

    def tables(self, record: Notice) -> Iterable[Table]:
        """The e-mail that went with it."""
        rows = EmailDelivery.objects.filter(notice=record)
        yield Table(
            _("E-mail"),
            (_("number"), _("state"), _("sent to"), _("sent at"), _("attempts"), _("reason")),
            [
                (
                    link_to("customers_emaildelivery", row.pk, f"#{row.pk}"),
                    row.get_state_display(),
                    row.sent_to or "–",
                    row.sent_at or "–",
                    row.attempts,
                    row.reason or "–",
                )
                for row in rows
            ],
            empty=_("It was not e-mailed: no confirmed address, or not wanted."),
        )


@admin.register(EmailDelivery)
class EmailDeliveryAdmin(RecordAdmin):
    """E-mails and what became of them. Those that are parked failed too often; once the cause is gone, try them again."""

    actions = ("retry",)
    list_display = ("number", "reader", "purpose", "state", "attempts", "reason", "sent_at", "created_at")
    list_filter = ("state", "purpose")
    list_select_related = ("customer", "shop_login__shop")
    search_fields = ("=customer__id", "customer__full_name__startswith")
    search_help_text = _("The beginning of a name, or the whole identifier of a customer.")
    ordering = ("-pk",)
    fields = (
        "customer_page",
        "notice_page",
        "purpose",
        "state",
        "attempts",
        "next_attempt_at",
        "reason",
        "sent_to",
        "sent_at",
        "created_at",
    )
    readonly_fields = ("customer_page", "notice_page")

    @admin.display(description=_("number"), ordering="pk")
    def number(self, delivery: EmailDelivery) -> str:
        """The number of the e-mail."""
        return f"#{delivery.pk}"

    @admin.display(description=_("to"), ordering="customer")
    def reader(self, delivery: EmailDelivery) -> str:
        """To whom it is written: a customer, or who signs in for a shop."""
        return str(delivery.customer or (delivery.shop_login and delivery.shop_login.shop))

    @admin.display(description=_("to"))
    def customer_page(self, delivery: EmailDelivery) -> SafeString:
        """To whom it is written."""
        if delivery.shop_login is not None:
            return link_to("customers_shop", delivery.shop_login.shop_id, delivery.shop_login.shop)
        return _customer_link(delivery)

    @admin.display(description=_("notice"))
    def notice_page(self, delivery: EmailDelivery) -> SafeString | str:
        """What it tells."""
        if delivery.shop_login is not None:
            return message_of(delivery.kind, delivery.figures or {}).title()
        if delivery.notice is None:
            return "–"
        return link_to("customers_notice", delivery.notice_id, told(delivery.notice).title)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Who may have parked e-mails tried again."""
        return request.user.has_perm("customers.retry_emaildelivery")

    @admin.action(description=_("Try again what is parked"), permissions=["retry"])
    def retry(self, request: HttpRequest, chosen: QuerySet[EmailDelivery]) -> None:
        """Has the parked ones among those chosen tried again; the others are left as they are."""
        waiting = 0
        for delivery in chosen.filter(state=EmailState.PARKED):
            try:
                retry_email(delivery_id=delivery.pk, at=timezone.now())
            except NotParked:
                continue
            waiting += 1
        if waiting:
            said = ngettext("%(count)d e-mail is tried again.", "%(count)d e-mails are tried again.", waiting)
            messages.success(request, said % {"count": waiting})
        else:
            messages.warning(request, gettext("None of these is parked."))


def notices_table(customer_id: Any, *, shown: int, more_url: str) -> Table:
    """The newest things that a customer was told, and how the e-mail went."""
    rows = list(
        Notice.objects.filter(customer_id=customer_id).select_related("delivery").order_by("-pk")[:shown]
    )
    return Table(
        _("Notices"),
        (_("told on"), _("notice"), _("read at"), _("e-mail")),
        [
            (
                row.noticed_on,
                link_to("customers_notice", row.pk, told(row).title),
                row.read_at or "–",
                row.delivery.get_state_display() if hasattr(row, "delivery") else "–",
            )
            for row in rows
        ],
        empty=_("Nothing was told to this customer yet."),
        more_url=more_url if len(rows) == shown else "",
    )


def preferences_table(customer_id: Any) -> Table:
    """What a customer said about how they want to be told things."""
    rows = NoticePreference.objects.filter(customer_id=customer_id).order_by("kind", "channel")
    return Table(
        _("Notice preferences"),
        (_("kind"), _("channel"), _("wanted"), _("changed at")),
        [
            (
                kind_called(row.kind).name,
                row.get_channel_display(),
                _("yes") if row.wanted else _("no"),
                row.changed_at,
            )
            for row in rows
        ],
        empty=_("This customer left everything as it comes."),
    )
