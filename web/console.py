"""The console: Django's admin as a place to read records and press buttons, never to edit or delete a fact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth import logout as sign_out
from django.contrib.auth.views import redirect_to_login
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from web.access import View, public_page
from web.paging import BoundedPaginator
from web.templatetags.money import yuan

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class ConsoleSite(admin.AdminSite):
    """The console, for staff. Everybody signs in at the one sign-in page."""

    site_title = _("CreditBox console")
    site_header = _("CreditBox console")
    index_title = _("Today")

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    def admin_view(self, view: View, cacheable: bool = False) -> View:  # type: ignore[override]
        """A page for staff, marked as one of the console's (see web.access)."""
        page = super().admin_view(view, cacheable)
        page.admin_site = self  # type: ignore[attr-defined]
        return page

    @method_decorator(public_page)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseRedirect:
        """Leads to the site's one sign-in page, and back."""
        after = request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index")
        return redirect_to_login(after)

    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Signs out and shows the sign-in page. Only when posted: a link on some other site must not do it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        sign_out(request)
        return redirect("login")


NOTHING_HERE = _("Nothing here yet.")


@dataclass(frozen=True, slots=True)
class Table:
    """
    A table on the page of a record: what belongs to it, newest first, with a link to more where there is more. Rows whose
    number is in `marked` differ.
    """

    title: Any
    headings: tuple[Any, ...]
    rows: Sequence[tuple[Any, ...]]
    empty: Any = NOTHING_HERE
    more_url: str = ""
    marked: frozenset[int] = frozenset()

    @property
    def marked_rows(self) -> list[tuple[tuple[Any, ...], bool]]:
        """Each row, and whether it is marked."""
        return [(row, number in self.marked) for number, row in enumerate(self.rows)]

    @property
    def columns(self) -> list[tuple[Any, bool]]:
        """Each heading, and whether amounts stand under it."""
        first = next(iter(self.rows), ())
        amounts = ['class="money"' in str(cell) for cell in first] or [False] * len(self.headings)
        return list(zip(self.headings, amounts, strict=True))


_links: dict[str, list[Callable[[Any], tuple[Any, str]]]] = {}


def add_link(model: str, link: Callable[[Any], tuple[Any, str]]) -> None:
    """
    Adds a link, (text, address) of a record, to the pages of a kind of record ("app_model").

    So an app is reached from the records of an app below it, which knows nothing of it.
    """
    _links.setdefault(model, []).append(link)


class RecordAdmin(_ModelAdmin):
    """
    A kind of record, read-only whoever looks: records change through services, not here.

    `tables(record)` says what to show below its fields, `prepare(records)` reads at once what the columns of a list need.
    Lists count at most 10,000 rows.
    """

    actions: Any = None
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    change_form_template = "admin/record.html"

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def tables(self, record: Any) -> Iterable[Table]:
        """What to show below the fields of a record."""
        return ()

    def prepare(self, records: list[Any]) -> None:
        """Reads for all records of a list page together what its columns show."""

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changes = super().get_changelist_instance(request)
        # Django's own asks to select one.
        changes.title = capfirst(str(self.opts.verbose_name_plural))
        records = list(changes.result_list)
        self.prepare(records)
        changes.result_list = records
        return changes

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            context["title"] = capfirst(self.opts.verbose_name)
        context["tables"] = self.tables(obj) if obj is not None else ()
        kind = f"{self.opts.app_label}_{self.opts.model_name}"
        context["links"] = [link(obj) for link in _links.get(kind, ())] if obj is not None else ()
        return super().render_change_form(request, context, add, change, form_url, obj)


def money(amount_fen: int | None) -> SafeString:
    """An amount in fen as yuan with two places and thousands separators, set right-aligned."""
    return format_html('<span class="money">{}</span>', yuan(amount_fen))


def share(part: float | None) -> str:
    """A share as a percentage with one place: 0.2212 -> `22.1%`; a dash where there is none."""
    return "–" if part is None else f"{part:.1%}"


def money_column(name: str, description: Any) -> Any:
    """A column (of a list, or a read-only field) that shows the attribute `name`, an amount in fen, as yuan."""

    @admin.display(description=description, ordering=name)
    def column(record: Any) -> SafeString:
        return money(getattr(record, name))

    column.__name__ = name
    return column


def link_to(model: str, key: Any, text: Any) -> SafeString:
    """A link to the page of one record: `model` is "app_model", `key` its primary key."""
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{model}_change", args=[key]), localize(text))


def list_url(model: str, **query: Any) -> str:
    """The address of the list of a kind of record ("app_model"), narrowed by a query."""
    address = reverse(f"admin:{model}_changelist")
    return f"{address}?{urlencode(query)}" if query else address
