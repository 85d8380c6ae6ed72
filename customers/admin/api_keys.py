"""Keys to the API in the console: made, shown once, revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.models import ApiKey
from customers.services.api_keys import KeyRefused, create_key, revoke_key
from web.api.callers import SCOPES
from web.console import RecordAdmin

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[ApiKey]
else:
    _ModelForm = forms.ModelForm


class NewKeyForm(_ModelForm):
    """What a new key is for, whose it is, and what it may."""

    shop = forms.UUIDField(
        required=False,
        label=_("shop"),
        help_text=_("The shop's identifier; empty for the lender's own systems."),
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope.value}: {text}") for scope, (_who, text) in SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
        label=_("scopes"),
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "per_minute")

    made_by: str = ""
    token: str = ""

    def clean(self) -> dict[str, Any]:
        """Makes the key once all else is right, so that what the service refuses is said beside its field."""
        asked = super().clean() or {}
        if self.errors:
            return asked
        try:
            new = create_key(
                name=asked["name"],
                shop_id=asked["shop"],
                scopes=asked["scopes"],
                made_by=self.made_by,
                at=timezone.now(),
                per_minute=asked["per_minute"],
            )
        except KeyRefused as error:
            self.add_error(error.field, error.message)
        else:
            self.instance, self.token = new.key, new.token
        return asked

    def _post_clean(self) -> None:
        """Nothing: the service has made the record."""


@admin.register(ApiKey)
class ApiKeyAdmin(RecordAdmin):
    """Keys, newest first. What a key may is never changed: it is revoked, and another made."""

    change_form_template = "admin/customers/api_key.html"

    list_display = ("name", "prefix", "owner", "scope_names", "created_at", "last_used_at", "revoked_at")
    list_select_related = ("shop",)
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("=prefix", "name__startswith")
    ordering = ("-pk",)
    fields = (
        "name", "prefix", "owner", "scope_names", "per_minute", "created_at", "created_by", "last_used_at", "revoked_at",
    )  # fmt: skip
    readonly_fields = ("prefix", "owner", "scope_names")

    @admin.display(description=_("owner"))
    def owner(self, key: ApiKey) -> Any:
        """The shop, or the lender."""
        return key.shop or _("the lender")

    @admin.display(description=_("scopes"))
    def scope_names(self, key: ApiKey) -> str:
        """What the key may."""
        return ", ".join(key.scopes)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("customers.add_apikey")

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(self.revoke)
        return [path("<int:key_id>/revoke/", revoke, name="customers_apikey_revoke"), *super().get_urls()]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else ("name", "shop", "scopes", "per_minute")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change, **options)
        return type("Form", (NewKeyForm,), {"made_by": request.user.get_username()})

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        return form.instance

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has written it; here its token is shown, once."""
        messages.success(request, gettext("New key: %(token)s") % {"token": form.token})
        messages.warning(
            request,
            gettext("It is shown only now. Keep it where the shop's or the lender's systems find it."),
        )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing hangs on a key."""

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return redirect("admin:customers_apikey_change", obj.pk)

    def revoke(self, request: HttpRequest, key_id: int) -> HttpResponse:
        """Ends a key."""
        if not request.user.has_perm("customers.change_apikey"):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        key = ApiKey.objects.filter(pk=key_id).first()
        if key is not None:
            revoke_key(prefix=key.prefix, at=timezone.now())
            messages.success(request, gettext("The key was revoked: it is refused within seconds."))
        return redirect("admin:customers_apikey_changelist")
