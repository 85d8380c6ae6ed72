"""Who is granted a line, and how large. Pure: an applicant and the terms in, a decision with its reasons out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from finance.money import round_fen


class Refusal(StrEnum):
    """Why a line was not granted. Source: DOMAIN, Huabei, opening."""

    UNDER_AGE = "under_age"
    NOT_VERIFIED = "not_verified"
    STUDENT = "student"
    NO_SCORE = "no_score"
    SCORE_TOO_LOW = "score_too_low"
    HAS_LINE = "has_line"
    EXPOSURE = "exposure"


REFUSAL_TEXTS = {
    Refusal.UNDER_AGE: _("younger than the minimum age"),
    Refusal.NOT_VERIFIED: _("identity not verified yet"),
    Refusal.STUDENT: _("students cannot open a line"),
    Refusal.NO_SCORE: _("not enough history for a score yet"),
    Refusal.SCORE_TOO_LOW: _("score below the minimum"),
    Refusal.HAS_LINE: _("has a line already"),
    Refusal.EXPOSURE: _("owes or may draw as much as one person may"),
}


@dataclass(frozen=True, slots=True)
class Applicant:
    """What the policy looks at. `score` is None for N/A; `exposure_fen` is what is owed or may still be drawn elsewhere."""

    customer_id: UUID
    born_on: date
    identity_verified: bool
    is_student: bool
    score: int | None
    has_line: bool
    exposure_fen: int


@dataclass(frozen=True, slots=True)
class Policy:
    """The terms' figures that opening needs. `bands` are (score from, limit in fen), ascending."""

    minimum_age: int
    students_admitted: bool
    minimum_score: int
    minimum_limit_fen: int
    maximum_limit_fen: int
    maximum_exposure_fen: int
    bands: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Decision:
    """A limit in fen, or every reason against one."""

    customer_id: UUID
    limit_fen: int
    refusals: tuple[Refusal, ...]

    @property
    def granted(self) -> bool:
        return not self.refusals


def age_on(born_on: date, on: date) -> int:
    """Completed years. Somebody born on 29 February has a birthday on 1 March of a common year."""
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def decide(applicant: Applicant, policy: Policy, on: date) -> Decision:
    """The limit this applicant is granted on a date: the band of the score, within what the exposure leaves."""
    refusals = [
        refusal
        for refusal, applies in (
            (Refusal.UNDER_AGE, age_on(applicant.born_on, on) < policy.minimum_age),
            (Refusal.NOT_VERIFIED, not applicant.identity_verified),
            (Refusal.STUDENT, applicant.is_student and not policy.students_admitted),
            (Refusal.NO_SCORE, applicant.score is None),
            (Refusal.SCORE_TOO_LOW, applicant.score is not None and applicant.score < policy.minimum_score),
            (Refusal.HAS_LINE, applicant.has_line),
        )
        if applies
    ]
    earned = max(
        (limit for score_from, limit in policy.bands if score_from <= (applicant.score or 0)), default=0
    )
    limit_fen = min(earned, policy.maximum_limit_fen, policy.maximum_exposure_fen - applicant.exposure_fen)
    if not refusals and limit_fen < policy.minimum_limit_fen:
        refusals.append(Refusal.EXPOSURE)
    return Decision(applicant.customer_id, 0 if refusals else limit_fen, tuple(refusals))


class ReviewReason(StrEnum):
    """Why a limit was changed by a review, or kept."""

    NO_FRESH_SCORE = "no_fresh_score"
    OVERDUE = "overdue"
    FROZEN = "frozen"
    TOO_NEW = "too_new"
    EXPOSURE = "exposure"
    SCORE_FELL = "score_fell"
    SCORE_TOO_LOW = "score_too_low"
    SCORE_EARNS_MORE = "score_earns_more"
    SCORE_EARNS_NO_MORE = "score_earns_no_more"


REVIEW_TEXTS = {
    ReviewReason.NO_FRESH_SCORE: _("no score of late"),
    ReviewReason.OVERDUE: _("a payment is late"),
    ReviewReason.FROZEN: _("the line is frozen"),
    ReviewReason.TOO_NEW: _("too few months on book"),
    ReviewReason.EXPOSURE: _("owes or may draw as much as one person may"),
    ReviewReason.SCORE_FELL: _("the score fell and earns less"),
    ReviewReason.SCORE_TOO_LOW: _("the score is below what a line needs"),
    ReviewReason.SCORE_EARNS_MORE: _("the score earns more"),
    ReviewReason.SCORE_EARNS_NO_MORE: _("the score earns no more"),
}


@dataclass(frozen=True, slots=True)
class Reviewed:
    """
    A line as a review looks at it. `score` is None where there is none that is fresh; `score_before` is that of the review
    before, or of the opening.
    """

    limit_fen: int
    months_on_book: int
    overdue_fen: int
    is_frozen: bool
    score: int | None
    score_before: int | None
    exposure_fen: int


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """The terms' figures that a review needs."""

    months_on_book: int
    largest_raise: Decimal
    freeze_below_score: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The limit that a review gives, whether it freezes the line, what the score earns, and every reason."""

    limit_fen: int
    freezes: bool
    earned_fen: int
    reasons: tuple[ReviewReason, ...]


def review(line: Reviewed, policy: Policy, terms: ReviewPolicy) -> Verdict:
    """
    What a review makes of a limit, leaving aside what is lent for a time.

    Without a fresh score it stays. A score that fell and earns less lowers it to that, whatever is drawn; one below what a
    line needs freezes the line as well. It rises towards what the score earns, by a share of itself at most, and only for a
    line that is long enough on book, not frozen, with nothing overdue.
    """
    if line.score is None:
        return Verdict(line.limit_fen, False, 0, (ReviewReason.NO_FRESH_SCORE,))
    earned = max((limit for score_from, limit in policy.bands if score_from <= line.score), default=0)
    earned = min(earned, policy.maximum_limit_fen)
    if line.score < terms.freeze_below_score:
        lowered = min(earned, line.limit_fen)
        return Verdict(lowered, True, earned, (ReviewReason.SCORE_TOO_LOW,))
    if earned < line.limit_fen:
        if line.score_before is not None and line.score < line.score_before:
            return Verdict(earned, False, earned, (ReviewReason.SCORE_FELL,))
        return Verdict(line.limit_fen, False, earned, (ReviewReason.SCORE_EARNS_NO_MORE,))
    room = max(policy.maximum_exposure_fen - line.exposure_fen, 0)
    against = tuple(
        reason
        for reason, applies in (
            (ReviewReason.OVERDUE, line.overdue_fen > 0),
            (ReviewReason.FROZEN, line.is_frozen),
            (ReviewReason.TOO_NEW, line.months_on_book < terms.months_on_book),
            (ReviewReason.EXPOSURE, room == 0),
            (ReviewReason.SCORE_EARNS_NO_MORE, earned == line.limit_fen),
        )
        if applies
    )
    if against:
        return Verdict(line.limit_fen, False, earned, against)
    step = round_fen(Fraction(terms.largest_raise) * line.limit_fen)
    raised = line.limit_fen + min(earned - line.limit_fen, step, room)
    return Verdict(raised, False, earned, (ReviewReason.SCORE_EARNS_MORE,))
