"""What became of a line itself, as its owner reads it: its limit and the parts of it, why it is frozen, what was changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from huabei.models import (
    CalendarChange,
    Cause,
    Closure,
    Freeze,
    LimitChange,
    LimitChangeKind,
    LimitReview,
    Line,
    ReviewOutcome,
    ReviewVerdict,
    TemporaryLimit,
)
from huabei.policy import REVIEW_TEXTS, ReviewReason
from huabei.selectors import LinePosition
from huabei.services.causes import CUSTOMER, POLICY
from huabei.services.lifecycle import WISH
from huabei.services.lines import OVERDUE
from web.templatetags.money import rmb

MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Part:
    """One figure of the sum that begins with what was granted and ends with what is available, in fen."""

    label: Any
    amount_fen: int
    is_total: bool = False
    until: date | None = None


def parts_of(line: Line, position: LinePosition) -> list[Part]:
    """How the limit comes about, and what of it is left: each figure with its sign, and two sums (one query)."""
    temporary = TemporaryLimit.objects.filter(line=line, ended_on__isnull=True).order_by("last_day", "pk")
    parts = [Part(_("Granted"), line.limit_fen - line.temporary_fen)]
    parts += [Part(_("For a time"), each.amount_fen, until=each.last_day) for each in temporary]
    if line.temporary_fen:
        parts.append(Part(_("Limit"), line.limit_fen, is_total=True))
    taken = [
        Part(_("Drawn"), -position.drawn_fen),
        Part(_("Reserved for purchases under way"), -position.held_fen),
        Part(_("Beyond the limit"), line.excess_fen),
    ]
    parts += [part for part in taken if part.amount_fen]
    return [*parts, Part(_("Available"), position.available_fen, is_total=True)]


@dataclass(frozen=True, slots=True)
class Frozen:
    """A freeze that is open: why, since when, and what ends it."""

    freeze: Freeze
    cause: str

    @property
    def for_late_payment(self) -> bool:
        """Whether paying ends it."""
        return self.freeze.cause == OVERDUE

    @property
    def by_owner(self) -> bool:
        """Whether the owner asked for it and may end it."""
        return self.freeze.by == CUSTOMER


def freezes_of(line: Line) -> list[Frozen]:
    """Why a line is frozen: every freeze that is open, the oldest first; nothing for a line that was closed (two queries)."""
    if not line.frozen_cause:
        return []
    return frozen(Freeze.objects.filter(line=line, thawed_on__isnull=True).order_by("pk"))


def frozen(freezes: Iterable[Freeze]) -> list[Frozen]:
    """Freezes as they are told to the line's owner (one query)."""
    names = _cause_names()
    return [Frozen(freeze, names.get(("freeze", freeze.cause), freeze.cause)) for freeze in freezes]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a line, in words: what, and why or by whom. `place` orders those of one day."""

    on: date
    place: int
    order: int
    text: str
    why: str = ""
    # Where it is told, and a person asked to look at it again.
    page: str = ""


def changes_of(line: Line, *, most: int = MOST_SHOWN) -> list[Change]:
    """What was changed about a line, newest first, beginning with its opening (eight queries)."""
    names = _cause_names()
    opened = Change(
        line.opened_on,
        0,
        0,
        _("Opened with a limit of %(limit)s") % {"limit": rmb(_first_limit(line))},
        _("score %(score)s") % {"score": line.score} if line.score else "",
    )
    found = [
        opened,
        *_limits(LimitChange.objects.filter(line=line).order_by("-pk")[:most], names),
        *_frozen(Freeze.objects.filter(line=line).order_by("-pk")[:most], names),
        *_reviewed(LimitReview.objects.filter(line=line).order_by("-pk")[:most]),
        *_moved(CalendarChange.objects.filter(line=line).order_by("-pk")[:most]),
        *_closed(Closure.objects.filter(line=line), names),
        *_looked_at(
            ReviewVerdict.objects.filter(review__limit_change__line=line, restored_by=None).select_related(
                "review"
            )
        ),
    ]
    return sorted(found, key=lambda change: (change.on, change.place, change.order), reverse=True)[:most]


Names = dict[tuple[str, str], str]


def _cause_names() -> Names:
    """Each cause's name in the language of the page, the newest where it was renamed."""
    return {(cause.concern, cause.code): cause.as_told for cause in Cause.objects.order_by("effective_from")}


def _why(names: Names, concern: str, cause: str, by: str) -> str:
    whose = {CUSTOMER: _("you asked for it"), POLICY: _("by our rules")}.get(by) or _("by our staff")
    return whose if cause == WISH and by == CUSTOMER else f"{names.get((concern, cause), cause)} · {whose}"


def _first_limit(line: Line) -> int:
    first = LimitChange.objects.filter(line=line).order_by("pk").values_list("before_fen", flat=True).first()
    return line.limit_fen if first is None else first


def _limits(rows: Iterable[LimitChange], names: Names) -> list[Change]:
    found = []
    for row in rows:
        if row.kind == LimitChangeKind.CLOSED:
            continue
        by_fen = abs(row.after_fen - row.before_fen)
        figures = {"before": rmb(row.before_fen), "after": rmb(row.after_fen), "by": rmb(by_fen)}
        if row.kind == LimitChangeKind.TEMPORARY:
            text = _("Limit raised by %(by)s for a time, to %(after)s")
        elif row.kind == LimitChangeKind.TEMPORARY_ENDED:
            text = _("What was lent for a time, %(by)s, has ended; the limit is %(after)s")
        elif row.after_fen > row.before_fen:
            text = _("Limit raised from %(before)s to %(after)s")
        else:
            text = _("Limit lowered from %(before)s to %(after)s")
        page = reverse("limit_change", args=[row.pk]) if row.is_cut else ""
        found.append(Change(row.changed_on, 2, row.pk, text % figures, _why_limit(names, row), page))
    return found


def _why_limit(names: Names, row: LimitChange) -> str:
    concern = "temporary" if row.kind == LimitChangeKind.TEMPORARY else "limit"
    return _why(names, concern, row.cause, row.by)


@dataclass(frozen=True, slots=True)
class ToldLimit:
    """A change of a limit as it is told to the line's owner."""

    change: LimitChange
    why: str


def told_limits(rows: Iterable[LimitChange]) -> list[ToldLimit]:
    """Changes of limits as they are told to the line's owner (one query)."""
    names = _cause_names()
    return [ToldLimit(row, _why_limit(names, row)) for row in rows]


def _looked_at(rows: Iterable[ReviewVerdict]) -> list[Change]:
    """Persons who looked at a cut again and left it; what they gave back is told by the change itself."""
    return [
        Change(
            row.decided_on,
            2,
            row.pk,
            _("A person looked at the limit again: it stays"),
            page=reverse("limit_change", args=[row.review.limit_change_id]),
        )
        for row in rows
    ]


def _frozen(rows: Iterable[Freeze], names: Names) -> list[Change]:
    found = []
    for row in rows:
        why = _why(names, "freeze", row.cause, row.by)
        found.append(Change(row.frozen_on, 3, row.pk, _("Frozen"), why))
        if row.thawed_on:
            why = _why(names, "thaw", row.thaw_cause, row.thawed_by)
            found.append(Change(row.thawed_on, 4, row.pk, _("A freeze ended"), why))
    return found


def _reviewed(rows: Iterable[LimitReview]) -> list[Change]:
    """Reviews after which all stayed; what others changed is told by the change itself."""
    return [
        Change(
            row.reviewed_on,
            1,
            row.pk,
            _("Reviewed: the limit stays"),
            " · ".join(str(REVIEW_TEXTS[ReviewReason(reason)]) for reason in row.reasons),
        )
        for row in rows
        if row.outcome == ReviewOutcome.KEPT
    ]


def _moved(rows: Iterable[CalendarChange]) -> list[Change]:
    return [
        Change(
            row.changed_on,
            5,
            row.pk,
            _(
                "Statement day moved from %(before)s to %(after)s, due day from %(due_before)s to %(due_after)s"
            )
            % {
                "before": row.statement_day_before,
                "after": row.statement_day,
                "due_before": row.due_day_before,
                "due_after": row.due_day,
            },
        )
        for row in rows
    ]


def _closed(rows: Iterable[Closure], names: Names) -> list[Change]:
    return [
        Change(row.closed_on, 6, row.pk, _("Closed for good"), _why(names, "close", row.cause, row.by))
        for row in rows
    ]
