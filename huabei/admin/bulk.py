"""Many lines frozen at once: chosen by the list's filters or by name, looked at, done as one act, undone as one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from finance.errors import DomainError
from huabei.admin.acts import FREEZE, CausedForm, cause_name
from huabei.admin.links import line_link
from huabei.choosing import (
    REFUSALS,
    WHY_LEFT_OUT,
    Chosen,
    FreezePreview,
    Shown,
    named_lines,
    preview_freeze,
)
from huabei.errors import require_same_request
from huabei.models import BulkFreeze, Cause, Concern, Freeze, Line, LineStatus
from huabei.services.bulk import NothingChosen, fingerprint, freeze_lines, thaw_lines
from web.acts import Act, ActingAdmin, Figures
from web.api import day
from web.console import Table, link_to, list_url, money

SHOWN = 20


class FreezeLinesForm(CausedForm):
    """Which lines, and why. Lines that are named are meant instead of those of the list."""

    concern = Concern.FREEZE
    lines = forms.CharField(
        label=_("lines by number or identifier"),
        required=False,
        widget=forms.Textarea({"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_("One after another, with blanks, commas or new lines between."),
    )
    field_order = ("lines", "cause", "note")


class ThawLinesForm(CausedForm):
    """Why the freezes of an act end."""

    concern = Concern.THAW


THAW = Act(
    "thaw",
    _("Undo: end these freezes"),
    FREEZE,
    ThawLinesForm,
    lambda form, on: thaw_lines(bulk_id=form.record.pk, why=form.why, on=on),
    _("The freezes have ended."),
    lambda bulk: bulk.freezes.filter(thawed_on__isnull=True).exists(),
    warning=_(
        "Lines that are frozen for another cause as well stay frozen. What has ended already is left as it is."
    ),
)


def _filters(changes: ChangeList) -> list[str]:
    """What a list is narrowed to, in words."""
    said = [f"“{changes.query}”"] if changes.query else []
    for spec in changes.filter_specs:
        chosen = [choice["display"] for choice in list(spec.choices(changes))[1:] if choice["selected"]]
        said += [f"{spec.title}: {display}" for display in chosen]
    return said


@admin.register(BulkFreeze)
class BulkFreezeAdmin(ActingAdmin):
    """Freezes of many lines, newest first, with how many lines each froze and how many of those freezes are open."""

    acts = (THAW,)
    list_display = ("__str__", "cause", "by", "asked", "frozen", "still_open")
    ordering: ClassVar[Any] = ("-pk",)
    fields = ("frozen_on", "why", "note", "by", "reference", "recorded_at", "asked", "frozen", "still_open")
    readonly_fields = fields
    change_list_template = "admin/huabei_bulk_freezes.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkFreeze]:
        """With both counts."""
        found: QuerySet[BulkFreeze] = super().get_queryset(request)
        return found.annotate(
            froze=Count("freezes"), holds=Count("freezes", filter=Q(freezes__thawed_on__isnull=True))
        )

    @admin.display(description=_("cause"))
    def why(self, record: BulkFreeze) -> str:
        """Why."""
        return cause_name(Concern.FREEZE, record.cause)

    @admin.display(description=_("lines frozen"))
    def frozen(self, record: Any) -> int:
        """How many lines it froze."""
        return int(record.froze)

    @admin.display(description=_("of them not ended"))
    def still_open(self, record: Any) -> int:
        """How many of its freezes are open."""
        return int(record.holds)

    def stands(self, record: BulkFreeze, on: date) -> Figures:
        """Its freezes and what their lines are."""
        freezes = Freeze.objects.filter(bulk=record)
        states = dict(
            Line.objects.filter(freezes__bulk=record).values_list("status").annotate(Count("pk")).order_by()
        )
        return [
            (_("freezes that are open"), freezes.filter(thawed_on__isnull=True).count()),
            *(
                (_("lines: %(status)s") % {"status": status.label}, states.get(status, 0))
                for status in LineStatus
            ),
        ]

    def tables(self, record: BulkFreeze) -> Iterable[Table]:
        """The first of its freezes."""
        rows = list(record.freezes.select_related("line__customer").order_by("pk")[:SHOWN])
        names = {cause.code: str(cause) for cause in Cause.objects.filter(concern=Concern.THAW)}
        yield Table(
            _("freezes"),
            (_("credit line"), _("status"), _("ended on"), _("cause of its end")),
            [
                (
                    line_link(row.line),
                    row.line.get_status_display(),
                    row.thawed_on or "–",
                    names.get(row.thaw_cause, row.thaw_cause) or "–",
                )
                for row in rows
            ],
            more_url=list_url("huabei_freeze", bulk=record.pk) if len(rows) == SHOWN else "",
        )

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.freeze)
        return [path("freeze/", page, name="huabei_bulkfreeze_freeze"), *super().get_urls()]

    def freeze(self, request: HttpRequest) -> HttpResponse:
        """
        Freezes the lines that the list of lines shows under the filters of the address, or those that are named: a form, a
        preview, then the act. What is confirmed is what was seen; where it is other lines by now, they are shown again.
        """
        if not (request.user.has_perm(FREEZE) and self.has_view_permission(request)):
            raise PermissionDenied
        listed = self._listed(request)
        given: dict[str, Any] = {"record": None, "on": day.business_date(), "by": request.user.pk}
        form = FreezeLinesForm(**given, **({"data": request.POST} if request.method == "POST" else {}))
        preview = None
        if request.method == "POST" and form.is_valid():
            try:
                chosen = _chosen(form, listed)
                if "confirm" in request.POST and (bulk := self._freeze(request, form, chosen)):
                    return redirect(reverse("admin:huabei_bulkfreeze_change", args=[bulk.pk]))
                preview = preview_freeze(chosen, form.cleaned_data["cause"])
                if "confirm" in request.POST:
                    form.add_error(
                        None, _("These are other lines than you looked at. Look again, then confirm.")
                    )
            except DomainError as error:
                form.refuse(error)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Freeze lines"),
            "opts": self.opts,
            "form": form,
            "preview": preview,
            "tables": _tables(preview) if preview else (),
            "filters": _filters(listed) if listed else (),
            "listed": listed,
            "back": list_url("huabei_line", **request.GET.dict()),
        }
        return render(request, "admin/huabei_freeze_lines.html", context)

    def _listed(self, request: HttpRequest) -> ChangeList | None:
        """The list of lines as the address narrows it; None where it does not."""
        lines = self.admin_site.get_model_admin(Line)
        if not lines.has_view_permission(request):
            raise PermissionDenied
        try:
            changes = lines.get_changelist_instance(request)
        except IncorrectLookupParameters as error:
            raise Http404 from error
        return changes if changes.query or changes.get_filters_params() else None

    def _freeze(self, request: HttpRequest, form: FreezeLinesForm, chosen: Chosen) -> BulkFreeze | None:
        """The act of this form, done now or before; None where other lines are chosen than were looked at."""
        seen = request.POST.get("seen", "")
        first = BulkFreeze.objects.filter(reference=form.reference).first()
        if first is not None:
            # By now the list may show others: what was frozen is no longer active.
            require_same_request(first.request_hash, form.why.hash({"lines": seen}))
            return first
        if fingerprint(chosen.line_ids) != seen:
            return None
        with day.booking_day() as on:
            bulk = freeze_lines(line_ids=chosen.line_ids, why=form.why, on=on)
            self.log_addition(request, bulk, f"freeze {form.reference}")
        count = bulk.freezes.count()
        said = ngettext("%(count)d line is frozen.", "%(count)d lines are frozen.", count)
        messages.success(request, said % {"count": count})
        return bulk


def _chosen(form: FreezeLinesForm, listed: ChangeList | None) -> Chosen:
    """The lines that are named, else those of the list. Error: NothingChosen."""
    if text := form.cleaned_data["lines"]:
        return named_lines(text)
    if listed is None:
        raise NothingChosen(
            gettext("name lines here, or narrow the list of lines and begin there"), field="lines"
        )
    return Chosen(tuple(listed.queryset.order_by("pk").values_list("pk", flat=True)))


def _tables(preview: FreezePreview) -> Iterable[Table]:
    headings = (_("credit line"), _("customer"), _("status"), _("drawn"), _("held"))

    def row(line: Shown) -> tuple[Any, ...]:
        number = link_to("huabei_line", line.line_id, f"#{line.line_id}")
        return (number, line.customer, line.status, money(line.drawn_fen), money(line.held_fen))

    yield Table(
        _("Those on which most is drawn"),
        headings,
        [row(line) for line in preview.sample],
        empty=_("No line would be frozen."),
    )
    refused = [(*row(line), line.why) for line in preview.refused]
    nowhere = [
        (word, "–", "–", money(None), money(None), WHY_LEFT_OUT["line_not_found"]) for word in preview.unknown
    ]
    if refused or nowhere:
        yield Table(_("Left out"), (*headings, _("why")), refused + nowhere[:REFUSALS])
