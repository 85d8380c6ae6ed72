"""Dated figures in the console: read by version, each beside the one before it, and published anew from any of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from finance.errors import DomainError
from huabei.services.causes import staff
from huabei.services.publishing import LONGEST_REASON, FiguresRefused, Publication
from web.acts import Act, ActForm, ActingAdmin, DayField, Figures
from web.console import Table
from web.forms import ProseField
from web.templatetags.money import yuan_input

HISTORY = ("published_on", "by", "reason")


def label(model: Any, field: str) -> Any:
    """What a column is called."""
    return model._meta.get_field(field).verbose_name


class PublishForm(ActForm):
    """From which day figures count, and why; the figures begin with those of the version that it was opened from."""

    effective_from = DayField(label=_("effective from"))
    reason = ProseField(label=_("reason"), max_length=LONGEST_REASON)
    # The version's columns that the form has a field for each.
    columns: ClassVar[tuple[str, ...]]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in self.columns:
            stands = getattr(self.record, name)
            self.initial.setdefault(name, yuan_input(stands) if name.endswith("_fen") else stands)

    @property
    def publication(self) -> Publication:
        """From when, by whom, why, and under which reference."""
        given = self.cleaned_data
        return Publication(given["effective_from"], staff(self.by), given["reason"], self.reference)

    @property
    def figures(self) -> dict[str, Any]:
        """The version's columns."""
        return {name: self.cleaned_data[name] for name in self.columns}

    def refuse(self, error: DomainError) -> None:
        """Says beside each field what is wrong with it."""
        if not isinstance(error, FiguresRefused):
            super().refuse(error)
            return
        for field, message in error.wrong:
            self.add_error(field if field in self.fields else None, message)


def publishing(permission: str, form: type[PublishForm], run: Any, *, warning: Any) -> tuple[Act, ...]:
    """The one act about a version: another one."""
    return (Act("version", _("New version"), permission, form, run, _("Published."), warning=warning),)


class PublishingAdmin(ActingAdmin):
    """
    Versions of dated figures, newest first.

    `shown` are the figures of one, as they are compared; `same` names what a version has in common with those it follows.
    """

    ordering: ClassVar[Any] = ("-effective_from",)
    same: ClassVar[tuple[str, ...]] = ()

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        """All of them."""
        return self.fields

    def shown(self, version: Any) -> Figures:
        """The figures of a version."""
        raise NotImplementedError

    def concerned(self, version: Any, on: date) -> Iterable[Table]:
        """Whom a version that was not published yet would concern, where there is more to say."""
        return ()

    def before(self, version: Any) -> Any:
        """What a version takes the place of; None for the first."""
        earlier = self._alike(version).filter(effective_from__lt=version.effective_from)
        return earlier.order_by("-effective_from").first()

    def stands(self, record: Any, on: date) -> Figures:
        """What is in force today, which no new version changes, and how many are to come."""
        alike = self._alike(record)
        in_force = alike.filter(effective_from__lte=on).order_by("-effective_from").first()
        return [
            (_("in force today, since"), in_force.effective_from if in_force else "–"),
            (_("versions to come"), alike.filter(effective_from__gt=on).count()),
        ]

    def preview_tables(self, before: Any, after: Any, made: Any) -> list[Table]:
        """What would change, from when, for whom."""
        return [*self._compared(made), *self.concerned(made, made.published_on)]

    def tables(self, record: Any) -> Iterable[Table]:
        """What it changed."""
        yield from self._compared(record)

    def _alike(self, version: Any) -> Any:
        return self.model.objects.filter(**{name: getattr(version, name) for name in self.same})

    def _compared(self, version: Any) -> Iterable[Table]:
        earlier = self.before(version)
        if earlier is None:
            return
        pairs = list(zip(self.shown(earlier), self.shown(version), strict=True))
        later = self._alike(version).filter(effective_from__gt=version.effective_from)
        until = later.order_by("effective_from").values_list("effective_from", flat=True).first()
        yield Table(
            _("From %(from)s, until %(until)s") % {"from": version.effective_from, "until": until}
            if until
            else _("From %(from)s on") % {"from": version.effective_from},
            (_("figure"), _("since %(day)s") % {"day": earlier.effective_from}, _("then")),
            [(name, old, new) for (name, old), (_same, new) in pairs],
            marked=frozenset(
                number for number, ((_n, old), (_m, new)) in enumerate(pairs) if str(old) != str(new)
            ),
        )
