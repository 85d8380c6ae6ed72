"""Customers, shops, consents and logins in the console."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from customers import identity, selectors
from customers.admin.notices import notices_table, preferences_table
from customers.models import Consent, Customer, Login, Shop
from web.console import RecordAdmin, Table, link_to, list_url

SHARING_A_PHONE = 20
NOTICES_SHOWN = 10


def _with_number(number: str) -> list[Customer]:
    """The customers with this national ID or phone; none for what is neither."""
    with suppress(identity.InvalidIdentity):
        customer = selectors.find_by_national_id(number)
        return [customer] if customer else []
    with suppress(identity.InvalidIdentity):
        return list(selectors.find_by_phone(number)[:SHARING_A_PHONE])
    return []


@admin.register(Customer)
class CustomerAdmin(RecordAdmin):
    """Found by name (its beginning), by the whole national ID or by the whole phone; both are shown masked."""

    change_list_template = "admin/customers/change_list.html"

    list_display = ("full_name", "born_on", "identity_verified_on", "registered_on", "is_student")
    search_fields = ("full_name__startswith",)
    search_help_text = _("The beginning of a name.")
    ordering = ("-registered_on", "pk")
    fields = (
        "full_name",
        "national_id",
        "phone",
        "email",
        "quiet_hours",
        "born_on",
        "is_student",
        "identity_verified_on",
        "registered_on",
        "login_link",
        "books",
        "id",
    )
    readonly_fields = ("national_id", "phone", "email", "quiet_hours", "login_link", "books", "id")

    def get_urls(self) -> list[URLPattern]:
        find = self.admin_site.admin_view(self.find)
        return [path("find/", find, name="customers_customer_find"), *super().get_urls()]

    def find(self, request: HttpRequest) -> HttpResponse:
        """
        Opens the customer with a national ID or a phone.

        Posted, since what is asked for in an address stays in logs and histories.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        number = request.POST.get("number", "").strip()
        found = _with_number(number) if request.method == "POST" else []
        if len(found) == 1:
            return redirect("admin:customers_customer_change", found[0].pk)
        if found:
            # A family's phone: the list, narrowed to those who share it.
            return redirect(list_url("customers_customer", pk__in=",".join(str(c.pk) for c in found)))
        messages.warning(request, _("No customer has this national ID or phone."))
        return redirect("admin:customers_customer_changelist")

    @admin.display(description=_("national ID"))
    def national_id(self, customer: Customer) -> str:
        """The national ID, masked."""
        return selectors.masked_national_id(customer)

    @admin.display(description=_("phone"))
    def phone(self, customer: Customer) -> str:
        """The phone, masked."""
        return selectors.masked_phone(customer) or "–"

    @admin.display(description=_("e-mail"))
    def email(self, customer: Customer) -> str:
        """The confirmed address, masked."""
        return selectors.masked_email(selectors.contact_of(customer.pk)) or "–"

    @admin.display(description=_("quiet hours"))
    def quiet_hours(self, customer: Customer) -> str:
        """When the customer is not written to."""
        contact = selectors.contact_of(customer.pk)
        hours = f"{contact.quiet_from:%H:%M}–{contact.quiet_until:%H:%M}"
        return _("%(hours)s (nights agreed)") % {"hours": hours} if contact.night_agreed_at else hours

    @admin.display(description=_("login"))
    def login_link(self, customer: Customer) -> Any:
        """The login that may sign in for this customer."""
        if customer.login is None:
            return _("No login is linked.")
        return link_to("customers_login", customer.login.pk, customer.login.username)

    @admin.display(description=_("books"))
    def books(self, customer: Customer) -> SafeString:
        """What this customer has on the books."""
        address = list_url("ledger_account", owner=customer.pk)
        return format_html('<a href="{}">{}</a>', address, _("Accounts of this customer"))

    def tables(self, record: Customer) -> Iterable[Table]:
        """The consents, and what the customer was told, newest first."""
        consents = record.consents.order_by("-granted_at")
        yield Table(
            title=_("Consents"),
            headings=(_("purpose"), _("granted at"), _("withdrawn at")),
            rows=[(c.purpose, c.granted_at, c.withdrawn_at or "–") for c in consents],
            empty=_("This customer has allowed nothing yet."),
        )
        yield notices_table(
            record.pk, shown=NOTICES_SHOWN, more_url=list_url("customers_notice", customer=record.pk)
        )
        yield preferences_table(record.pk)


@admin.register(Shop)
class ShopAdmin(RecordAdmin):
    """Merchants."""

    list_display = ("name", "category", "registered_on")
    list_filter = ("category",)
    search_fields = ("name__startswith",)
    search_help_text = _("The beginning of a name.")
    ordering = ("name",)


@admin.register(Consent)
class ConsentAdmin(RecordAdmin):
    """Who allowed what, from when until when."""

    list_display = ("purpose", "customer_link", "granted_at", "withdrawn_at")
    list_filter = ("purpose",)
    list_select_related = ("customer",)
    ordering = ("-granted_at",)
    fields = ("customer_link", "purpose", "granted_at", "withdrawn_at")
    readonly_fields = ("customer_link",)

    @admin.display(description=_("customer"))
    def customer_link(self, consent: Consent) -> SafeString:
        """Whose consent it is."""
        return link_to("customers_customer", consent.customer_id, consent.customer)


@admin.register(Login)
class LoginAdmin(UserAdmin):  # type: ignore[type-arg]
    """Logins are switched off, not deleted. Only a superuser makes or changes a superuser, or grants single permissions."""

    list_display = ("username", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active", "groups")
    actions = None
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Login | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Login | None = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or not obj.is_superuser or request.user.is_superuser)

    def get_readonly_fields(self, request: HttpRequest, obj: Login | None = None) -> Any:
        fixed = ("last_login", "date_joined")
        return fixed if request.user.is_superuser else (*fixed, "is_superuser", "user_permissions")


admin.site.unregister(Group)


@admin.register(Group)
class StaffRoleAdmin(RecordAdmin, GroupAdmin):
    """Staff roles and what they may do. Roles are defined in the code (`manage.py staff_roles`), not edited here."""

    fields = ("name", "permissions")
    ordering = ("name",)
