"""
What staff do about a record, from its page: a form, a preview of what would be, and then the thing itself.

An app declares its acts and hands them to the console class of the record. Each is one service call with a permission of
its own. A preview really makes that call, looks, and rolls back; confirming makes it once per form, whose key is its
reference. An act that is about a part of the record is reached from that part: its address says which (`?undoes=…`), and the
form begins with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from finance.errors import DomainError
from web.api import day
from web.console import RecordAdmin, Table
from web.trying import tried

Figures = list[tuple[Any, Any]]


class DayField(forms.DateField):
    """A date, written as ISO 8601 and nothing else."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
        super().__init__(input_formats=["%Y-%m-%d"], widget=widget, **options)

    def to_python(self, value: Any) -> date | None:
        """Only four digits, two and two: `strptime` would also take fewer."""
        if isinstance(value, str) and value.strip() and not re.fullmatch(r"\d{4}-\d\d-\d\d", value.strip()):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class ActForm(forms.Form):
    """
    What every act has: the key of the form, which makes it happen once. `record` is what it is about, `on` the business date.

    `named` says which field holds what a refusal calls otherwise.
    """

    key = forms.UUIDField(widget=forms.HiddenInput)
    named: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, record: Any, on: date, by: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self.record, self.on, self.by = record, on, by
        self.initial.setdefault("key", uuid4())

    @property
    def reference(self) -> str:
        """Under which it happens once."""
        return f"console:{self.cleaned_data['key']}"

    @property
    def is_late(self) -> bool:
        """Whether it counts from a day that is past."""
        return False

    def refuse(self, error: DomainError) -> None:
        """Says beside the field that it names what the service refused."""
        field = self.named.get(error.field or "", error.field)
        self.add_error(field if field in self.fields else None, error.message)


class DatedForm(ActForm):
    """An act that may count from an earlier day than the one on which it is booked."""

    value_on = DayField(
        label=_("counts from"), required=False, help_text=_("Empty for today; an earlier day is replayed.")
    )

    @property
    def is_late(self) -> bool:
        value_on: date | None = self.cleaned_data.get("value_on")
        return value_on is not None and value_on < self.on


@dataclass(frozen=True, slots=True)
class Act:
    """
    One thing that staff may do about a kind of record.

    `run` is the service call, given the valid form and the date. `offered` says of a record whether there is anything to do;
    an act that is reached from a part of the record is offered by that part. `corrects` is for what corrects the past, which
    waits while a close is under way, as what counts from an earlier day does.
    """

    name: str
    title: Any
    permission: str
    form: type[ActForm]
    run: Callable[[Any, date], Any]
    done: Any
    offered: Callable[[Any], bool] = lambda _record: True
    corrects: bool = False
    # What to know before confirming; empty where the figures say it all.
    warning: Any = ""

    def day(self, form: ActForm) -> AbstractContextManager[date]:
        """The transaction it happens in."""
        return day.correcting_day() if self.corrects or form.is_late else day.booking_day()


@dataclass(frozen=True, slots=True)
class Tried:
    """A figure before and after."""

    name: Any
    before: Any
    after: Any

    @property
    def differs(self) -> bool:
        """Whether the act changes it."""
        return str(self.before) != str(self.after)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an act would change: figures before and after, and what else its kind of record shows."""

    figures: list[Tried]
    tables: list[Table]


class ActingAdmin(RecordAdmin):
    """
    A kind of record about which staff may do something.

    `stands` are the figures that a preview compares. Where there is more to compare, `beside` reads it before and after, and
    `preview_tables` shows it, with what the act made.
    """

    acts: Sequence[Act] = ()

    def stands(self, record: Any, on: date) -> Figures:
        """The figures of a record that a preview compares, read anew."""
        raise NotImplementedError

    def called(self, record: Any) -> str:
        """What the pages of its acts call a record."""
        return str(record)

    def beside(self, record: Any, on: date) -> Any:
        """What else a preview compares, read anew."""
        return None

    def preview_tables(self, before: Any, after: Any, made: Any) -> list[Table]:
        """What a preview shows below the figures, of what was `beside` them and what the act made, while that is there."""
        return []

    def attempt(self, act: Act, form: ActForm) -> Preview:
        """What an act would change: it is really done, looked at, and rolled back. Errors: the service's."""
        record = form.record

        def look() -> tuple[Figures, Any]:
            return self.stands(record, on), self.beside(record, on)

        def show(before: tuple[Figures, Any], after: tuple[Figures, Any], made: Any) -> Preview:
            pairs = zip(before[0], after[0], strict=True)
            figures = [Tried(name, old, new) for (name, old), (_same, new) in pairs]
            return Preview(figures, self.preview_tables(before[1], after[1], made))

        with act.day(form) as on:
            return tried(look=look, act=lambda: act.run(form, on), show=show)

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        page = self.admin_site.admin_view(self.act)
        return [path("<str:key>/act/<slug:name>/", page, name=name), *super().get_urls()]

    def acts_for(self, request: HttpRequest, record: Any) -> list[tuple[Any, str]]:
        """What this one may do about this record now: (title, address)."""
        address = f"admin:{self.opts.app_label}_{self.opts.model_name}_act"
        return [
            (act.title, reverse(address, args=[record.pk, act.name]))
            for act in self.acts
            if request.user.has_perm(act.permission) and act.offered(record)
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> HttpResponse:
        if (record := options.get("obj")) is not None:
            context["acts"] = self.acts_for(request, record)
        return super().render_change_form(request, context, *args, **options)

    def act(self, request: HttpRequest, key: str, name: str) -> HttpResponse:
        """One act: its form, then what it would change, then doing it."""
        act = next((act for act in self.acts if act.name == name), None)
        if act is None:
            raise Http404
        if not (request.user.has_perm(act.permission) and self.has_view_permission(request)):
            raise PermissionDenied
        record = self.get_object(request, key)
        if record is None:
            raise Http404
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[record.pk])
        form, preview = act.form(**self._given(request, record)), None
        if request.method == "POST" and form.is_valid():
            try:
                if "confirm" in request.POST:
                    with act.day(form) as on:
                        act.run(form, on)
                        self._sign(request, record, f"{act.name} {form.reference}")
                    messages.success(request, act.done)
                    return redirect(back)
                preview = self.attempt(act, form)
            except DomainError as error:
                form.refuse(error)
        context = {
            **self.admin_site.each_context(request),
            "title": act.title,
            "opts": self.opts,
            "called": self.called(record),
            "back": back,
            "form": form,
            "act": act,
            "tried": preview and preview.figures,
            "tables": preview.tables if preview else (),
        }
        return render(request, "admin/act.html", context)

    def _sign(self, request: HttpRequest, record: Any, what: str) -> None:
        """Keeps who did it beside what the service records, once."""
        if not LogEntry.objects.filter(object_id=record.pk, change_message=what).exists():
            self.log_change(request, record, what)

    def _given(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        given = {"record": record, "on": day.business_date(), "by": request.user.pk}
        if request.method == "POST":
            return given | {"data": request.POST}
        asked = request.GET.dict()
        asked.pop("key", None)
        return given | {"initial": asked}
