"""Many lines frozen or thawed at once: chosen by the list's filters or by name, looked at, done as one act."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
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
    BulkPreview,
    Chosen,
    Shown,
    named_lines,
    preview_freeze,
    preview_thaw,
)
from huabei.errors import require_same_request
from huabei.models import BulkFreeze, BulkThaw, Cause, Concern, Freeze, Line, LineStatus
from huabei.services.bulk import (
    NothingChosen,
    causes_ended_together,
    fingerprint,
    freeze_again,
    freeze_lines,
    thaw_chosen,
    thaw_lines,
)
from huabei.services.causes import LONGEST_NOTE, staff
from web.acts import Act, ActForm, ActingAdmin, Figures
from web.api import day
from web.console import Table, link_to, list_url, money
from web.forms import ProseField
from web.templatetags.money import thousands

SHOWN = 20


class LinesForm(CausedForm):
    """Which lines, and why. Lines that are named are meant instead of those of the list."""

    warning: ClassVar[Any]
    lines = forms.CharField(
        label=_("lines by number or identifier"),
        required=False,
        widget=forms.Textarea({"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_("One after another, with blanks, commas or new lines between."),
    )
    field_order: Any = ("lines", "cause", "note")

    def asked(self, seen: str) -> dict[str, Any]:
        """What a repeat must ask for again, with the lines that were looked at."""
        return {"lines": seen}


class FreezeLinesForm(LinesForm):
    """Why they are frozen."""

    concern = Concern.FREEZE
    warning = _("Nothing can be bought with a frozen line; what was authorised may still be captured.")


class ThawChosenForm(LinesForm):
    """Which freezes end, and why."""

    concern = Concern.THAW
    warning = _(
        "Lines that are frozen for another cause as well stay frozen. What has ended already is left as it is."
    )
    freeze_cause = forms.ChoiceField(label=_("cause of the freezes"))
    field_order = ("lines", "freeze_cause", "cause", "note")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["freeze_cause"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", "–"),
            *((cause.code, str(cause)) for cause in causes_ended_together(self.on)),
        ]

    def asked(self, seen: str) -> dict[str, Any]:
        """The lines, and the cause of the freezes."""
        return {**super().asked(seen), "freeze_cause": self.cleaned_data["freeze_cause"]}


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


class AgainForm(ActForm):
    """A word on why the freezes are put back; their cause is what it was."""

    note = ProseField(label=_("note"), max_length=LONGEST_NOTE, required=False)


AGAIN = Act(
    "again",
    _("Undo: freeze these lines again"),
    FREEZE,
    AgainForm,
    lambda form, on: freeze_again(
        bulk_thaw_id=form.record.pk,
        by=staff(form.by),
        note=form.cleaned_data["note"],
        reference=form.reference,
        on=on,
    ),
    _("The lines are frozen again."),
    lambda bulk: not BulkFreeze.objects.filter(undoes=bulk).exists(),
    warning=_(
        "They are frozen for the cause for which they were. Lines that were closed or frozen for it since are left out."
    ),
)


def _filters(changes: ChangeList) -> list[str]:
    """What a list is narrowed to, in words."""
    said = [f"“{changes.query}”"] if changes.query else []
    for spec in changes.filter_specs:
        chosen = [choice["display"] for choice in list(spec.choices(changes))[1:] if choice["selected"]]
        said += [f"{spec.title}: {display}" for display in chosen]
    return said


@dataclass(frozen=True, slots=True)
class ManyLines:
    """
    An act on many lines: its name, its form, what it would come to, the one service call, and how the pages speak of it.
    `held` and `done` are said of a number, in the right plural.
    """

    verb: str
    title: Any
    form: type[LinesForm]
    preview: Callable[[Any, Chosen], BulkPreview]
    run: Callable[[Any, Chosen, date], Any]
    meant: Any
    none: Any
    held: Callable[[int], str]
    done: Callable[[int], str]


class ManyLinesAdmin(ActingAdmin):
    """
    Acts on many lines at once: those that the list of lines shows under the filters of the address, or those that are named.
    A form, a preview, then the act. What is confirmed is what was seen; where it is other lines by now, they are shown again.
    """

    many: ClassVar[ManyLines]
    # By which filter the list of freezes shows those of an act.
    filtered_by: ClassVar[str]
    ordering: ClassVar[Any] = ("-pk",)
    change_list_template = "admin/huabei_bulk_acts.html"

    @admin.display(description=_("cause"))
    def why(self, record: Any) -> str:
        """Why it was done."""
        return cause_name(self.many.form.concern, record.cause)

    def open_freezes(self, record: Any) -> QuerySet[Freeze]:
        """The freezes of its lines that stand or fall with the act."""
        raise NotImplementedError

    def stands(self, record: Any, on: date) -> Figures:
        """Its freezes that are open, and what their lines are."""
        lines = Line.objects.filter(pk__in=record.freezes.values("line"))
        states = dict(lines.values_list("status").annotate(Count("pk")).order_by())
        return [
            (_("freezes that are open"), self.open_freezes(record).count()),
            *(
                (_("lines: %(status)s") % {"status": status.label}, states.get(status, 0))
                for status in LineStatus
            ),
        ]

    def tables(self, record: Any) -> Iterable[Table]:
        """The first of its freezes."""
        rows = list(record.freezes.select_related("line__customer").order_by("pk")[:SHOWN])
        names = {cause.code: str(cause) for cause in Cause.objects.filter(concern=Concern.THAW)}
        yield Table(
            _("freezes"),
            (_("credit line"), _("status"), _("frozen on"), _("ended on"), _("cause of its end")),
            [
                (
                    line_link(row.line),
                    row.line.get_status_display(),
                    row.frozen_on,
                    row.thawed_on or "–",
                    names.get(row.thaw_cause, row.thaw_cause) or "–",
                )
                for row in rows
            ],
            more_url=list_url("huabei_freeze", **{self.filtered_by: record.pk}) if len(rows) == SHOWN else "",
        )

    @property
    def address(self) -> str:
        """The name of the act's page."""
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{self.many.verb}"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        begin = (self.many.title, reverse(self.address)) if request.user.has_perm(FREEZE) else None
        return super().changelist_view(request, {**(extra_context or {}), "begin": begin})

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.choose)
        name = self.address.removeprefix("admin:")
        return [path(f"{self.many.verb}/", page, name=name), *super().get_urls()]

    def choose(self, request: HttpRequest) -> HttpResponse:
        """The page of the act."""
        if not (request.user.has_perm(FREEZE) and self.has_view_permission(request)):
            raise PermissionDenied
        listed = self._listed(request)
        given: dict[str, Any] = {"record": None, "on": day.business_date(), "by": request.user.pk}
        form = self.many.form(**given, **({"data": request.POST} if request.method == "POST" else {}))
        preview = None
        if request.method == "POST" and form.is_valid():
            try:
                chosen = _chosen(form, listed)
                if "confirm" in request.POST and (bulk := self._act(request, form, chosen)):
                    return redirect(f"admin:huabei_{self.opts.model_name}_change", bulk.pk)
                preview = self.many.preview(form, chosen)
                if "confirm" in request.POST:
                    form.add_error(
                        None, _("These are other lines than you looked at. Look again, then confirm.")
                    )
            except DomainError as error:
                form.refuse(error)
        context = {
            **self.admin_site.each_context(request),
            "title": self.many.title,
            "opts": self.opts,
            "form": form,
            "warning": form.warning,
            "preview": preview,
            "meant_title": self.many.meant,
            "held_note": self.many.held(preview.held.lines) if preview else "",
            "tables": _tables(preview, self.many.none) if preview else (),
            "filters": _filters(listed) if listed else (),
            "listed": listed,
            "back": list_url("huabei_line", **request.GET.dict()),
        }
        return render(request, "admin/huabei_many_lines.html", context)

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

    def _act(self, request: HttpRequest, form: LinesForm, chosen: Chosen) -> Any:
        """The act of this form, done now or before; None where other lines are chosen than were looked at."""
        seen = request.POST.get("seen", "")
        first = self.model.objects.filter(reference=form.reference).first()
        if first is not None:
            # By now the list may show others: what the act changed is no longer as it was.
            require_same_request(first.request_hash, form.why.hash(form.asked(seen)))
            return first
        if fingerprint(chosen.line_ids) != seen:
            return None
        with day.booking_day() as on:
            bulk = self.many.run(form, chosen, on)
            self.log_addition(request, bulk, f"{self.many.verb} {form.reference}")
        messages.success(request, self.many.done(bulk.freezes.count()))
        return bulk


@admin.register(BulkFreeze)
class BulkFreezeAdmin(ManyLinesAdmin):
    """Freezes of many lines, newest first, with how many lines each froze and how many of those freezes are open."""

    many = ManyLines(
        "freeze",
        _("Freeze lines"),
        FreezeLinesForm,
        lambda form, chosen: preview_freeze(chosen, form.cleaned_data["cause"]),
        lambda form, chosen, on: freeze_lines(line_ids=chosen.line_ids, why=form.why, on=on),
        meant=_("Would be frozen"),
        none=_("No line would be frozen."),
        held=lambda count: (
            ngettext(
                "%(lines)s of them is frozen for another cause already",
                "%(lines)s of them are frozen for another cause already",
                count,
            )
            % {"lines": thousands(count)}
        ),
        done=lambda count: (
            ngettext("%(count)d line is frozen.", "%(count)d lines are frozen.", count) % {"count": count}
        ),
    )
    filtered_by = "bulk"
    acts = (THAW,)
    list_display = ("__str__", "cause", "by", "asked", "frozen", "still_open")
    fields = (
        "frozen_on",
        "why",
        "note",
        "by",
        "reference",
        "recorded_at",
        "asked",
        "frozen",
        "still_open",
        "undoes",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkFreeze]:
        """With both counts."""
        found: QuerySet[BulkFreeze] = super().get_queryset(request)
        return found.annotate(
            froze=Count("freezes"), holds=Count("freezes", filter=Q(freezes__thawed_on__isnull=True))
        )

    @admin.display(description=_("lines frozen"))
    def frozen(self, record: Any) -> int:
        """How many lines it froze."""
        return int(record.froze)

    @admin.display(description=_("of them not ended"))
    def still_open(self, record: Any) -> int:
        """How many of its freezes are open."""
        return int(record.holds)

    def open_freezes(self, record: BulkFreeze) -> QuerySet[Freeze]:
        """Those that it began."""
        return Freeze.objects.filter(bulk=record, thawed_on__isnull=True)


@admin.register(BulkThaw)
class BulkThawAdmin(ManyLinesAdmin):
    """Ends of many freezes, newest first, with how many each ended."""

    many = ManyLines(
        "thaw",
        _("End freezes of lines"),
        ThawChosenForm,
        lambda form, chosen: preview_thaw(chosen, form.cleaned_data["freeze_cause"]),
        lambda form, chosen, on: thaw_chosen(
            line_ids=chosen.line_ids, freeze_cause=form.cleaned_data["freeze_cause"], why=form.why, on=on
        ),
        meant=_("Freezes that would end"),
        none=_("No freeze would end."),
        held=lambda count: (
            ngettext(
                "%(lines)s of them stays frozen for another cause",
                "%(lines)s of them stay frozen for another cause",
                count,
            )
            % {"lines": thousands(count)}
        ),
        done=lambda count: (
            ngettext("%(count)d freeze has ended.", "%(count)d freezes have ended.", count) % {"count": count}
        ),
    )
    filtered_by = "bulk_thaw"
    acts = (AGAIN,)
    list_display = ("__str__", "which", "cause", "by", "asked", "ended")
    fields = (
        "thawed_on",
        "which",
        "why",
        "note",
        "by",
        "reference",
        "recorded_at",
        "asked",
        "ended",
        "undone",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkThaw]:
        """With the count."""
        found: QuerySet[BulkThaw] = super().get_queryset(request)
        return found.annotate(ended_count=Count("freezes"))

    @admin.display(description=_("cause of the freezes"))
    def which(self, record: BulkThaw) -> str:
        """Of which cause the freezes were."""
        return cause_name(Concern.FREEZE, record.freeze_cause)

    @admin.display(description=_("freezes ended"))
    def ended(self, record: Any) -> int:
        """How many freezes it ended."""
        return int(record.ended_count)

    @admin.display(description=_("undone by"))
    def undone(self, record: BulkThaw) -> Any:
        """The freeze of many lines that put them back."""
        again = BulkFreeze.objects.filter(undoes=record).first()
        return link_to("huabei_bulkfreeze", again.pk, again) if again else "–"

    def open_freezes(self, record: BulkThaw) -> QuerySet[Freeze]:
        """Those of its lines for its cause."""
        return Freeze.objects.filter(
            line__in=record.freezes.values("line"), cause=record.freeze_cause, thawed_on__isnull=True
        )


def _chosen(form: LinesForm, listed: ChangeList | None) -> Chosen:
    """The lines that are named, else those of the list. Error: NothingChosen."""
    if text := form.cleaned_data["lines"]:
        return named_lines(text)
    if listed is None:
        raise NothingChosen(
            gettext("name lines here, or narrow the list of lines and begin there"), field="lines"
        )
    return Chosen(tuple(listed.queryset.order_by("pk").values_list("pk", flat=True)))


def _tables(preview: BulkPreview, none: Any) -> Iterable[Table]:
    headings = (_("credit line"), _("customer"), _("status"), _("drawn"), _("held"))

    def row(line: Shown) -> tuple[Any, ...]:
        number = link_to("huabei_line", line.line_id, f"#{line.line_id}")
        return (number, line.customer, line.status, money(line.drawn_fen), money(line.held_fen))

    yield Table(
        _("Those on which most is drawn"),
        headings,
        [row(line) for line in preview.sample],
        empty=none,
    )
    refused = [(*row(line), line.why) for line in preview.refused]
    nowhere = [
        (word, "–", "–", money(None), money(None), WHY_LEFT_OUT["line_not_found"]) for word in preview.unknown
    ]
    if refused or nowhere:
        yield Table(_("Left out"), (*headings, _("why")), refused + nowhere[:REFUSALS])
