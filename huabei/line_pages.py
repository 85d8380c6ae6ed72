"""
The borrower's line itself: its limit and what changed it, why it is frozen, when to pay, and its end.

What changes it is asked for on a page of its own, which shows what would be, and done once per form.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from customers.models import Customer
from finance.dates import next_on_day
from huabei import history, line_history, selectors, sharing
from huabei.errors import LineError
from huabei.instalments import due_date, statement_days
from huabei.models import Closure, Concern, Freeze, Line, LineStatus, Purchase, PurchaseState
from huabei.services.calendars import change_calendar, next_change_from
from huabei.services.causes import CUSTOMER, Why, causes_for
from huabei.services.lifecycle import WISH, StillOwes, close, freeze, thaw
from huabei.services.lines import CALENDARS
from web.access import borrower_page
from web.api.day import booking_day
from web.today import business_date

# How many statements to come a choice of days shows.
STATEMENTS_AHEAD = 3


class KeyForm(forms.Form):
    """What is done once per form, however often it is sent."""

    key = forms.UUIDField(widget=forms.HiddenInput)

    @property
    def reference(self) -> str:
        """Under which it happens once."""
        return f"page:{self.cleaned_data['key']}"


class FreezeForm(KeyForm):
    """Why the owner wants the line frozen."""

    cause = forms.ChoiceField(label=gettext_lazy("Why"))

    def __init__(self, data: Any, *, on: date) -> None:
        super().__init__(data, initial={"key": uuid4()})
        causes = [(cause.code, str(cause)) for cause in causes_for(Concern.FREEZE, on, by=CUSTOMER)]
        pause = _("I want a pause")
        self.fields["cause"].choices = [  # type: ignore[attr-defined]
            (code, pause if code == WISH else name) for code, name in causes
        ]


def _day() -> date:
    """The business date; there are no lines before the bank's first day."""
    on = business_date()
    if on is None:
        raise Http404
    return on


def _own_line(customer: Customer) -> Line:
    """The borrower's line, or the last that was closed. Error: Http404 where there never was one."""
    found = selectors.line_of(customer.pk)
    if found is None:
        raise Http404
    return found


def _live_line(customer: Customer) -> Line:
    found = selectors.live_line_of(customer.pk)
    if found is None:
        raise Http404
    return found


@dataclass(frozen=True, slots=True)
class Period:
    """A statement to come and its due date."""

    issued_on: date
    due_on: date


def _ahead(statement_day: int, due_day: int, on: date) -> list[Period]:
    days = statement_days(statement_day, on, STATEMENTS_AHEAD)
    return [Period(day, due_date(day, due_day)) for day in days]


@borrower_page
@require_GET
def line(request: HttpRequest, customer: Customer) -> HttpResponse:
    """The borrower's line: its limit and its parts, why it is frozen, when to pay, and everything that was changed."""
    found = selectors.line_of(customer.pk)
    on = business_date()
    if found is None or on is None:
        return render(request, "huabei/line.html", {"line": None})
    position = selectors.line_position(found, on)
    context = {
        "line": found,
        "on": on,
        "position": position,
        "bill": history.bill(found, position, on),
        "parts": line_history.parts_of(found, position),
        "freezes": line_history.freezes_of(found),
        "changes": line_history.changes_of(found),
        "closure": getattr(found, "closure", None),
        "next": Period(issued := next_on_day(found.statement_day, after=on), due_date(issued, found.due_day)),
        "freeze_form": FreezeForm(None, on=on),
        "key": uuid4(),
    }
    return render(request, "huabei/line.html", context)


@borrower_page
@require_http_methods(["GET", "POST"])
def statement_day(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Moves the statement day and with it the due day, after showing from which statement it counts."""
    on, found = _day(), _live_line(customer)
    wanted = _day_asked(request)
    if request.method == "POST":
        if wanted is not None:
            _moved(request, found, wanted)
            return redirect("line")
        messages.error(request, _("Choose one of the statement days offered."))
    moved = next_change_from(found.pk)
    before = history.bill(found, selectors.line_position(found, on), on)
    context = {
        "line": found,
        "bill": before,
        "moved": moved if moved and on < moved[1] else None,
        "offered": [(day, due, _ahead(day, due, on)) for day, due in CALENDARS.items()],
        "now": _ahead(found.statement_day, found.due_day, on),
        "wanted": wanted if wanted != found.statement_day else None,
        "wanted_due": CALENDARS.get(wanted or 0),
        "then": _ahead(wanted, CALENDARS[wanted], on) if wanted else [],
    }
    context["may_move"] = not context["moved"] and not before.overdue_fen
    return render(request, "huabei/statement_day.html", context)


def _day_asked(request: HttpRequest) -> int | None:
    given = (request.POST if request.method == "POST" else request.GET).get("statement_day", "")
    return next((day for day in CALENDARS if str(day) == given), None)


def _moved(request: HttpRequest, found: Line, wanted: int) -> None:
    try:
        with booking_day() as on:
            change_calendar(line_id=found.pk, statement_day=wanted, on=on)
    except LineError as refusal:
        messages.error(request, _("Nothing was moved: %(why)s.") % {"why": refusal.message})
    else:
        messages.success(request, _("Moved. It counts from the next statement on."))


@borrower_page
@require_POST
def freeze_line(request: HttpRequest, customer: Customer) -> HttpResponse:
    """The owner freezes the line: a phone that is lost, or a pause."""
    form = FreezeForm(request.POST, on=_day())
    if not form.is_valid():
        messages.error(request, _("Choose why."))
        return redirect("line")
    found = selectors.line_asked(Freeze, customer.pk, form.reference)
    if found is None:
        raise Http404
    why = Why(form.cleaned_data["cause"], CUSTOMER, form.reference)
    try:
        with booking_day() as on:
            freeze(line_id=found.pk, why=why, on=on)
    except LineError as refusal:
        messages.error(request, _("Nothing was changed: %(why)s.") % {"why": refusal.message})
    else:
        messages.success(request, _("Your line is frozen. Nothing can be bought with it."))
    return redirect("line")


@borrower_page
@require_POST
def thaw_line(request: HttpRequest, customer: Customer, freeze_id: int) -> HttpResponse:
    """The owner ends a freeze that they asked for."""
    own = Freeze.objects.filter(pk=freeze_id, line__customer_id=customer.pk, by=CUSTOMER).first()
    if own is None:
        raise Http404
    try:
        with booking_day() as on:
            thaw(freeze_id=own.pk, why=Why(WISH, CUSTOMER, f"page:thaw:{own.pk}"), on=on)
    except LineError as refusal:
        messages.error(request, _("Nothing was changed: %(why)s.") % {"why": refusal.message})
    else:
        messages.success(request, _("The freeze has ended."))
    return redirect("line")


@borrower_page
@require_http_methods(["GET", "POST"])
def close_line(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Closes the line for good, once nothing is owed on it or held; says before that what has to be paid first."""
    on, found = _day(), _own_line(customer)
    if request.method == "POST":
        form = KeyForm(request.POST)
        if form.is_valid() and _closed(request, customer, form):
            return redirect("line")
        return redirect("close_line")
    if found.status == LineStatus.CLOSED:
        return redirect("line")
    position = selectors.line_position(found, on)
    held = Purchase.objects.filter(line=found, state=PurchaseState.AUTHORISED)
    context = {
        "line": found,
        "position": position,
        "holds": held.select_related("merchant__shop").order_by("expires_on"),
        "shares": sharing.shares_of(customer.pk, on),
        "may_close": not (position.owes_fen or position.held_fen),
        "key": uuid4(),
    }
    return render(request, "huabei/close_line.html", context)


def _closed(request: HttpRequest, customer: Customer, form: KeyForm) -> bool:
    found = selectors.line_asked(Closure, customer.pk, form.reference)
    assert found is not None
    try:
        with booking_day() as on:
            close(line_id=found.pk, why=Why(WISH, CUSTOMER, form.reference), on=on)
    except StillOwes:
        messages.error(request, _("The line is not closed: something is still owed on it or reserved."))
        return False
    except LineError as refusal:
        messages.error(request, _("Nothing was changed: %(why)s.") % {"why": refusal.message})
    else:
        messages.success(request, _("Your line is closed."))
    return True
