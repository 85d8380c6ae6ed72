"""What a borrower may send from the home page."""

from __future__ import annotations

from uuid import uuid4

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from huabei.history import Bill
from huabei.selectors import LinePosition
from huabei.services.lines import CALENDARS
from web.forms import Choice


def choices(bill: Bill, position: LinePosition) -> list[Choice]:
    """The amounts worth offering: all that is due, the minimum where less will do, and all that is owed."""
    offered = []
    if bill.unpaid_fen:
        offered.append(
            Choice(_("All that is due"), _("No interest runs on what you pay now."), bill.unpaid_fen)
        )
    if 0 < bill.minimum_fen < bill.unpaid_fen:
        offered.append(Choice(_("The minimum"), _("Interest runs on the rest."), bill.minimum_fen))
    if position.owed_fen > bill.unpaid_fen:
        offered.append(Choice(_("All that is owed"), _("With what is not billed yet."), position.owed_fen))
    return offered


class ApplyForm(forms.Form):
    """Which statement day and due day somebody wants for the line they apply for; its key makes it one application."""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    statement_day = forms.TypedChoiceField(
        coerce=int,
        choices=[
            (day, format_lazy(_("Statement on day {statement}, due on day {due}"), statement=day, due=due))
            for day, due in CALENDARS.items()
        ],
        label=_("When to pay each month"),
    )
