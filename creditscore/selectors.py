"""Reading scores: what was published, why, and how scores are spread; and what became of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db.models import Count, Max
from django.utils.translation import gettext as _

from creditscore.engine.features import DIMENSION_LABELS, REASONS, Dimension
from creditscore.engine.points import BANDS
from creditscore.models import AccountMonth, NotScored, Outcome, PublicationCalendar, Score
from finance.dates import add_months

_BAND_LABELS = {band.code: band.label for band in BANDS}
_REASONS = {reason.code: reason for reason in REASONS}


def publication_day(on: date) -> int:
    """The day of the month on which scores are published, by the calendar in force on a date."""
    calendar = PublicationCalendar.objects.filter(effective_from__lte=on).latest("effective_from")
    return calendar.day_of_month


def last_publication(on: date) -> date | None:
    """The newest publication on or before a date; None when there was none."""
    newest: date | None = Score.objects.filter(published_on__lte=on).aggregate(newest=Max("published_on"))[
        "newest"
    ]
    return newest


def published_score(*, customer_id: UUID, on: date) -> Score | None:
    """
    The score that stands on a date: that of the newest publication on or before it.

    Its `points` are None for N/A. None altogether when the customer is in no publication yet. Between two publications it
    does not move.
    """
    return (
        Score.objects.filter(customer_id=customer_id, published_on__lte=on).order_by("-published_on").first()
    )


def standing_scores(customers: Sequence[UUID], on: date) -> dict[UUID, Score]:
    """The scores that stand on a date of these people, each with points, day and model only; see `published_score`."""
    found = Score.objects.filter(customer_id__in=list(customers), published_on__lte=on)
    newest = found.order_by("customer_id", "-published_on").distinct("customer_id")
    return {
        score.customer_id: score for score in newest.only("customer_id", "published_on", "points", "model_id")
    }


def published_scores(on: date) -> dict[UUID, int | None]:
    """The points that stand on a date of everybody in the newest publication on or before it; None for N/A."""
    newest = last_publication(on)
    if newest is None:
        return {}
    return dict(Score.objects.filter(published_on=newest).values_list("customer_id", "points"))


@dataclass(frozen=True, slots=True)
class BandCount:
    """How many people are in a band; `code` is empty for N/A. `label` is in the active language."""

    code: str
    label: str
    people: int


def distribution_by_band(on: date) -> list[BandCount]:
    """How the scores that stand on a date are spread: the best band first, N/A last. Empty before any publication."""
    newest = last_publication(on)
    if newest is None:
        return []
    counts = dict(
        Score.objects.filter(published_on=newest).values_list("band").annotate(people=Count("id")).order_by()
    )
    return band_counts(counts)


def band_counts(people_by_code: dict[str, int]) -> list[BandCount]:
    """Counts by band code as rows with labels: the best band first, N/A (an empty code) last."""
    bands = [
        BandCount(band.code, _(band.label), people_by_code.get(band.code, 0)) for band in reversed(BANDS)
    ]
    return [*bands, BandCount("", _("N/A"), people_by_code.get("", 0))]


@dataclass(frozen=True, slots=True)
class ReasonText:
    """A reason with its effect in points, below zero when it lowers the score, in the active language."""

    code: str
    text: str
    points: float


@dataclass(frozen=True, slots=True)
class DimensionScore:
    """One of the five dimensions: better than `sub_score` of 100 people, None without evidence."""

    code: str
    label: str
    sub_score: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    A score in words, in the active language. `points` is None for N/A, and then `why_not` says why.

    `lowering` begins with what lowers the score most, `raising` with what raises it most.
    """

    points: int | None
    band: str
    why_not: str
    dimensions: tuple[DimensionScore, ...]
    lowering: tuple[ReasonText, ...]
    raising: tuple[ReasonText, ...]


def explanation(*, customer_id: UUID, on: date) -> Explanation | None:
    """The score that stands on a date, explained; None when the customer is in no publication yet."""
    score = published_score(customer_id=customer_id, on=on)
    if score is None:
        return None
    return explained(
        points=score.points,
        band=score.band,
        not_scored=score.not_scored,
        sub_scores=score.sub_scores,
        reasons=score.reasons,
    )


def explained(
    *,
    points: int | None,
    band: str,
    not_scored: str,
    sub_scores: Sequence[int | None] | None,
    reasons: Sequence[tuple[str, float]],
) -> Explanation:
    """The words for the figures of a score, published or only computed."""
    texts = [
        ReasonText(code, _(_REASONS[code].adverse if effect < 0 else _REASONS[code].favourable), effect)
        for code, effect in reasons
    ]
    return Explanation(
        points=points,
        band=_(_BAND_LABELS[band]) if band else "",
        why_not=str(NotScored(not_scored).label) if not_scored else "",
        dimensions=tuple(
            DimensionScore(dimension.value, _(DIMENSION_LABELS[dimension]), sub_score)
            for dimension, sub_score in zip(Dimension, sub_scores or (), strict=sub_scores is not None)
        ),
        lowering=tuple(sorted((t for t in texts if t.points < 0), key=lambda text: text.points)),
        raising=tuple(sorted((t for t in texts if t.points > 0), key=lambda text: -text.points)),
    )


def defaulted_next_month() -> dict[UUID, bool]:
    """Whether each customer of whom an outcome is known defaulted, by the newest outcome: the month after the history."""
    newest = Outcome.objects.order_by("customer_id", "-month", "-id").distinct("customer_id")
    return dict(newest.values_list("customer_id", "defaulted"))


def months_with_outcomes() -> list[date]:
    """The months of which outcomes are known, oldest first."""
    return list(Outcome.objects.order_by("month").values_list("month", flat=True).distinct())


def publication_as_of(month: date) -> date:
    """What counts in the publication of a month: what was known at the end of the day before it."""
    day = month.replace(day=1)
    return day.replace(day=publication_day(day)) - timedelta(days=1)


def newest_as_of() -> date | None:
    """The date as of which the newest observations would first be scored; None when nothing was observed."""
    newest: date | None = AccountMonth.objects.aggregate(newest=Max("month"))["newest"]
    return None if newest is None else publication_as_of(add_months(newest, 1))
