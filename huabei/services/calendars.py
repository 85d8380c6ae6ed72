"""Moving the statement day, and with it the due day."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from finance.dates import add_months
from huabei import selectors
from huabei.errors import LineError, LineNotActive
from huabei.models import CalendarChange, LineStatus
from huabei.services.lines import CALENDARS, CalendarRefused
from huabei.services.mornings import line_on

MONTHS_BETWEEN_CHANGES = 12


class CalendarChangeRefused(LineError):
    """Overdue, or changed less than twelve months ago."""

    code = "calendar_change_refused"


def next_change_from(line_id: int) -> tuple[date, date] | None:
    """When a line's day was moved last, and from when on it may be again; None where it never was."""
    last = CalendarChange.objects.filter(line_id=line_id).order_by("-changed_on").first()
    return (last.changed_on, add_months(last.changed_on, MONTHS_BETWEEN_CHANGES)) if last else None


def change_calendar(*, line_id: int, statement_day: int, on: date) -> CalendarChange | None:
    """
    Moves a line to another statement day, from the next statement on; what was issued keeps its due date.

    The next statement is of the first such day after `on`. Asking for the day that the line has changes nothing (None).
    Errors: CalendarRefused for a day that is not offered, CalendarChangeRefused while something is overdue or within twelve
    months of the last change, LineNotActive for a closed line, LineNotFound. Source: DOMAIN 2.
    """
    if statement_day not in CALENDARS:
        offered = ", ".join(str(day) for day in CALENDARS)
        raise CalendarRefused(_("must be one of %(days)s") % {"days": offered}, field="statement_day")
    with transaction.atomic():
        line = line_on(line_id, on)
        if line.statement_day == statement_day:
            return None
        if line.status == LineStatus.CLOSED:
            raise LineNotActive(_("the line is closed"))
        if selectors.delinquency(line.pk, on).overdue_fen:
            raise CalendarChangeRefused(_("not while something is overdue: pay it first"))
        last = next_change_from(line.pk)
        if last is not None and on < last[1]:
            raise CalendarChangeRefused(
                _("changed on %(on)s: the next change is possible on %(free)s")
                % {"on": last[0], "free": last[1]}
            )
        change = CalendarChange.objects.create(
            line=line,
            changed_on=on,
            statement_day_before=line.statement_day,
            due_day_before=line.due_day,
            statement_day=statement_day,
            due_day=CALENDARS[statement_day],
        )
        line.statement_day, line.due_day = statement_day, CALENDARS[statement_day]
        line.save(update_fields=["statement_day", "due_day"])
    return change
