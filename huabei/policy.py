"""Who is granted a line, and how large. Pure: an applicant and the terms in, a decision with its reasons out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from django.utils.translation import gettext_lazy as _


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
