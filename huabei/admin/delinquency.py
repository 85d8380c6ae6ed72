"""How late lines are and were, and how they are classified, with the rules for both."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from huabei.admin.records import LineFilter, OfLineAdmin
from huabei.delinquency import Episode
from huabei.models import Arrears, Classification, ClassificationBand, Line, ReminderDay
from web.console import RecordAdmin, Table, link_to, list_url, money, money_column

SHOWN = 10
OVERDUE = money_column("overdue_fen", _("overdue"))


class OpenFilter(admin.SimpleListFilter):
    """Narrows stretches to those that last."""

    title = _("until")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("lasts"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(until__isnull=True) if self.value() == "yes" else queryset


@admin.register(Arrears)
class ArrearsAdmin(OfLineAdmin):
    """Stretches of lateness."""

    list_display = ("since", "of_line", "until", "began_on", "oldest_due_on", OVERDUE)
    list_filter: ClassVar[Any] = (OpenFilter, LineFilter)
    fields = ("of_line", "began_on", "since", "until", "oldest_due_on", OVERDUE)


@admin.register(Classification)
class ClassificationAdmin(OfLineAdmin):
    """Who was in which category, from when until when, and by which rule."""

    list_display = ("since", "of_line", "category", "until", "days_past_due", "rule_from")
    list_filter: ClassVar[Any] = ("category", OpenFilter, LineFilter)
    fields = ("of_line", "category", "since", "until", "days_past_due", "rule_from", "recorded_at")


@admin.register(ClassificationBand)
class ClassificationBandAdmin(RecordAdmin):
    """The categories by days past due, version by version."""

    list_display = ("effective_from", "category", "first_day")


@admin.register(ReminderDay)
class ReminderDayAdmin(RecordAdmin):
    """The days on which owners of lines are reminded, version by version."""

    list_display = ("effective_from", "days")


def episodes_table(line: Line, episodes: list[Episode]) -> Table:
    """When a line was late, how late, and with how much, newest first."""
    return Table(
        _("Times late"),
        (_("late since"), _("until"), _("most days past due"), _("most overdue")),
        [
            (
                row.began_on,
                row.ended_on or _("lasts"),
                row.highest_days,
                money(row.highest_overdue_fen),
            )
            for row in episodes[:SHOWN]
        ],
        empty=_("This line was never late."),
        more_url=list_url("huabei_arrears", line=line.pk) if len(episodes) > SHOWN else "",
    )


def classifications_table(line: Line) -> Table:
    """The categories a line was in, newest first."""
    rows = list(Classification.objects.filter(line=line).order_by("-since")[:SHOWN])
    return Table(
        _("Classification"),
        (_("category"), _("from"), _("until"), _("days past due"), _("by the rule of")),
        [
            (
                link_to("huabei_classification", row.pk, row.get_category_display()),
                row.since,
                row.until or _("lasts"),
                row.days_past_due,
                row.rule_from,
            )
            for row in rows
        ],
        empty=_("This line was always normal."),
        more_url=list_url("huabei_classification", line=line.pk) if len(rows) == SHOWN else "",
    )
