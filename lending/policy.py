"""Who may borrow, for now: the policy that opens lines, with the figures of the loan's product. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from django.utils.translation import gettext_lazy as _


class Refusal(StrEnum):
    """Why a loan was not granted. Source: DOMAIN, microloans and rules by lender type."""

    UNDER_AGE = "under_age"
    OVER_AGE = "over_age"
    NOT_VERIFIED = "not_verified"
    STUDENT = "student"
    NO_SCORE = "no_score"
    SCORE_TOO_LOW = "score_too_low"
    OVERDUE = "overdue"
    EXPOSURE = "exposure"


REFUSAL_TEXTS = {
    Refusal.UNDER_AGE: _("younger than the minimum age"),
    Refusal.OVER_AGE: _("older than the product's maximum age"),
    Refusal.NOT_VERIFIED: _("identity not verified yet"),
    Refusal.STUDENT: _("students cannot borrow"),
    Refusal.NO_SCORE: _("not enough history for a score yet"),
    Refusal.SCORE_TOO_LOW: _("score below the minimum"),
    Refusal.OVERDUE: _("a payment is late"),
    Refusal.EXPOSURE: _("would owe more than one person may"),
}


@dataclass(frozen=True, slots=True)
class Applicant:
    """What the policy looks at. `score` is None for N/A; `overdue` and `exposure_fen` are of all products together."""

    born_on: date
    identity_verified: bool
    is_student: bool
    score: int | None
    overdue: bool
    exposure_fen: int


@dataclass(frozen=True, slots=True)
class Policy:
    """The product's and the lender's figures that granting needs."""

    minimum_age: int
    maximum_age: int
    students_admitted: bool
    minimum_score: int
    maximum_exposure_fen: int


def age_on(born_on: date, on: date) -> int:
    """Completed years. Somebody born on 29 February has a birthday on 1 March of a common year."""
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def decide(applicant: Applicant, policy: Policy, amount_fen: int, on: date) -> tuple[Refusal, ...]:
    """Every reason against lending this amount on a day; none where it is granted."""
    age, score = age_on(applicant.born_on, on), applicant.score
    return tuple(
        refusal
        for refusal, applies in (
            (Refusal.UNDER_AGE, age < policy.minimum_age),
            (Refusal.OVER_AGE, age > policy.maximum_age),
            (Refusal.NOT_VERIFIED, not applicant.identity_verified),
            (Refusal.STUDENT, applicant.is_student and not policy.students_admitted),
            (Refusal.NO_SCORE, score is None),
            (Refusal.SCORE_TOO_LOW, score is not None and score < policy.minimum_score),
            (Refusal.OVERDUE, applicant.overdue),
            (Refusal.EXPOSURE, applicant.exposure_fen + amount_fen > policy.maximum_exposure_fen),
        )
        if applies
    )
