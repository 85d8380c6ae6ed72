"""What a borrower may send about how they are told things."""

from __future__ import annotations

from datetime import time
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from customers.models import Channel, Contact
from customers.selectors import Preference
from customers.services.contact import CODE_DIGITS, LONGEST_EMAIL

HOURS = [(f"{hour:02d}:00", f"{hour:02d}:00") for hour in range(24)]


class EmailForm(forms.Form):
    """An address to be told things at."""

    email = forms.CharField(
        max_length=LONGEST_EMAIL,
        label=_("E-mail address"),
        widget=forms.TextInput(attrs={"type": "email", "autocomplete": "email", "inputmode": "email"}),
    )


class CodeForm(forms.Form):
    """The code that was sent to an address."""

    code = forms.CharField(
        max_length=20,
        label=_("Code from the e-mail"),
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "size": CODE_DIGITS}
        ),
    )


def _hour(text: str) -> time:
    return time.fromisoformat(text)


class QuietHoursForm(forms.Form):
    """When not to be e-mailed, and in which language to be."""

    quiet_from = forms.TypedChoiceField(choices=HOURS, coerce=_hour, label=_("From"))
    quiet_until = forms.TypedChoiceField(choices=HOURS, coerce=_hour, label=_("Until"))
    night_agreed = forms.BooleanField(
        required=False,
        label=_("You may e-mail me between 22:00 and 08:00 where the hours above leave it open."),
    )
    language = forms.ChoiceField(choices=settings.LANGUAGES, label=_("Language of the e-mails"))

    @classmethod
    def of(cls, contact: Contact) -> QuietHoursForm:
        """The form with what holds now."""
        return cls(
            initial={
                "quiet_from": f"{contact.quiet_from:%H:00}",
                "quiet_until": f"{contact.quiet_until:%H:00}",
                "night_agreed": contact.night_agreed_at is not None,
                "language": contact.language,
            }
        )


class PreferencesForm(forms.Form):
    """Which kinds of notices over which channel: a tick box each, but for those that are always shown in the app."""

    def __init__(self, *args: Any, preferences: list[Preference], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.preferences = preferences
        for row in preferences:
            if not row.message.mandatory:
                self._offer(row, Channel.IN_APP, stands=row.in_app)
            self._offer(row, Channel.EMAIL, stands=row.email)

    def _offer(self, row: Preference, channel: Channel, *, stands: bool) -> None:
        self.fields[f"{row.message.kind}:{channel}"] = forms.BooleanField(required=False, initial=stands)

    @property
    def rows(self) -> list[tuple[Preference, Any, Any]]:
        """Each kind with its tick boxes, in the app (None: always) and by e-mail."""
        found = []
        for row in self.preferences:
            in_app = None if row.message.mandatory else self[f"{row.message.kind}:{Channel.IN_APP}"]
            found.append((row, in_app, self[f"{row.message.kind}:{Channel.EMAIL}"]))
        return found

    @property
    def wanted(self) -> dict[tuple[str, Channel], bool]:
        """What was sent, as `prefer_notices` takes it."""
        said: dict[tuple[str, Channel], bool] = {}
        for name, yes in self.cleaned_data.items():
            kind, _colon, channel = name.rpartition(":")
            said[kind, Channel(channel)] = yes
        return said
