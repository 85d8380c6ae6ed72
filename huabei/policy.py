"""Who is granted a line, and how large. Pure: an applicant and the terms in, a decision with its reasons out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from finance.money import round_fen


class Refusal(StrEnum):
    """Why a line was not granted; each is a rule that failed. Source: DOMAIN, Huabei, opening; rules by lender type."""

    UNDER_AGE = "under_age"
    NOT_VERIFIED = "not_verified"
    STUDENT = "student"
    NO_SCORE = "no_score"
    SCORE_TOO_OLD = "score_too_old"
    SCORE_TOO_LOW = "score_too_low"
    HAS_LINE = "has_line"
    OVERDUE = "overdue"
    EXPOSURE = "exposure"
    CONSUMER_CAP = "consumer_cap"


REFUSAL_TEXTS = {
    Refusal.UNDER_AGE: _("younger than the minimum age"),
    Refusal.NOT_VERIFIED: _("identity not verified yet"),
    Refusal.STUDENT: _("students cannot open a line"),
    Refusal.NO_SCORE: _("not enough history for a score yet"),
    Refusal.SCORE_TOO_OLD: _("the score is too old"),
    Refusal.SCORE_TOO_LOW: _("score below the minimum"),
    Refusal.HAS_LINE: _("has a line already"),
    Refusal.OVERDUE: _("a payment is late"),
    Refusal.EXPOSURE: _("owes or may draw as much as one person may"),
    Refusal.CONSUMER_CAP: _("has as much consumer credit as the law allows"),
}

# What would be right, with the figure that the rule needs where it has one. None says what anybody owes elsewhere.
ADVICE_TEXTS = {
    Refusal.UNDER_AGE: _("Apply once you are %(needed)s."),
    Refusal.NOT_VERIFIED: _("Have your identity verified, then apply again."),
    Refusal.STUDENT: _("This lender may not lend to students. Apply once you no longer study."),
    Refusal.NO_SCORE: _("A score needs some months of credit history. Apply once one is published for you."),
    Refusal.SCORE_TOO_OLD: _(
        "A score counts for %(needed)s days. Apply once the next one is published for you."
    ),
    Refusal.SCORE_TOO_LOW: _("The score must be at least %(needed)s. Paying on time raises it."),
    Refusal.HAS_LINE: _("Everybody has one line at most: use the one you have."),
    Refusal.OVERDUE: _("Pay what is late, then apply again."),
    Refusal.EXPOSURE: _("Repay part of what you owe, then apply again."),
    Refusal.CONSUMER_CAP: _("Repay part of your consumer credit, then apply again."),
}


class RuleOutcome(StrEnum):
    """What one rule said. One is not asked where what it looks at is not there, as another rule then says."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ASKED = "not_asked"
    # It failed, and a person who looked at the refusal again decided otherwise.
    SET_ASIDE = "set_aside"


RULE_TEXTS = {
    Refusal.UNDER_AGE: _("old enough"),
    Refusal.NOT_VERIFIED: _("identity verified"),
    Refusal.STUDENT: _("no student where students are not admitted"),
    Refusal.NO_SCORE: _("has a score"),
    Refusal.SCORE_TOO_OLD: _("score recent enough"),
    Refusal.SCORE_TOO_LOW: _("score high enough"),
    Refusal.HAS_LINE: _("has no other line"),
    Refusal.OVERDUE: _("nothing late, with any product"),
    Refusal.EXPOSURE: _("room for the smallest limit in what one person may owe and draw"),
    Refusal.CONSUMER_CAP: _("room for the smallest limit in what the law allows one consumer"),
}

OUTCOME_TEXTS = {
    RuleOutcome.PASSED: _("passed"),
    RuleOutcome.FAILED: _("failed"),
    RuleOutcome.NOT_ASKED: _("not asked"),
    RuleOutcome.SET_ASIDE: _("set aside by a person"),
}


@dataclass(frozen=True, slots=True)
class Applicant:
    """
    What the policy looks at on a date. `score` is None for N/A and where none was published; amounts are in fen.

    `overdue_fen` is what is late with any product; `exposure_fen` what is owed or may still be drawn with all of them, of
    which `consumer_exposure_fen` is not lent to a business.
    """

    customer_id: UUID
    born_on: date
    verified_on: date | None
    is_student: bool
    score: int | None
    scored_on: date | None
    has_line: bool
    overdue_fen: int
    exposure_fen: int
    consumer_exposure_fen: int


@dataclass(frozen=True, slots=True)
class Policy:
    """
    The figures of the lender's policy and of the law that opening needs. `bands` are (score from, limit in fen), ascending.

    A score counts for `score_days` from its publication on. `consumer_cap_fen` is what the law allows such a lender.
    """

    minimum_age: int
    minimum_score: int
    score_days: int
    minimum_limit_fen: int
    maximum_limit_fen: int
    maximum_exposure_fen: int
    consumer_cap_fen: int
    students_admitted: bool
    bands: Sequence[tuple[int, int]]

    def earned_fen(self, score: int) -> int:
        """The limit that a score earns, whatever else stands against it."""
        earned = max((limit for score_from, limit in self.bands if score_from <= score), default=0)
        return min(earned, self.maximum_limit_fen)

    def room_fen(self, exposure_fen: int, consumer_exposure_fen: int) -> int:
        """How much more one person may owe and draw. Below zero where it is too much already."""
        return min(self.maximum_exposure_fen - exposure_fen, self.consumer_cap_fen - consumer_exposure_fen)


Figure = int | bool | str | None


@dataclass(frozen=True, slots=True)
class Ruled:
    """One rule with its outcome: what was found, and what it needs. Dates are ISO 8601, amounts fen."""

    rule: Refusal
    outcome: RuleOutcome
    found: Figure
    needed: Figure

    @property
    def text(self) -> str:
        """Why it stands against a line, in the active language."""
        return str(REFUSAL_TEXTS[self.rule])

    @property
    def advice(self) -> str:
        """What would be right, in the active language."""
        return str(ADVICE_TEXTS[self.rule]) % {"needed": self.needed}


@dataclass(frozen=True, slots=True)
class Decision:
    """A limit in fen, or none and every reason against one; each rule with its outcome; what the score alone would earn."""

    customer_id: UUID
    limit_fen: int
    earned_fen: int
    rules: tuple[Ruled, ...]

    @property
    def against(self) -> tuple[Ruled, ...]:
        """The rules that failed."""
        return tuple(ruled for ruled in self.rules if ruled.outcome is RuleOutcome.FAILED)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Every reason."""
        return tuple(ruled.rule for ruled in self.against)

    @property
    def granted(self) -> bool:
        return not self.against


def ruled_of(kept: Sequence[Mapping[str, Any]]) -> tuple[Ruled, ...]:
    """The rules of a decision as they were kept."""
    return tuple(
        Ruled(Refusal(each["rule"]), RuleOutcome(each["outcome"]), each["found"], each["needed"])
        for each in kept
    )


def age_on(born_on: date, on: date) -> int:
    """Completed years. Somebody born on 29 February has a birthday on 1 March of a common year."""
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def _ruled(rule: Refusal, found: Figure, needed: Figure, *, holds: bool | None) -> Ruled:
    """A rule that holds, fails, or (None) is not asked."""
    if holds is None:
        return Ruled(rule, RuleOutcome.NOT_ASKED, found, needed)
    return Ruled(rule, RuleOutcome.PASSED if holds else RuleOutcome.FAILED, found, needed)


def decide(applicant: Applicant, policy: Policy, on: date) -> Decision:
    """
    The limit this applicant is granted on a date: what the score earns, within what the exposure and the law leave.

    Every rule is asked, whatever the others say, so a refusal has all of its reasons.
    """
    score, age = applicant.score, age_on(applicant.born_on, on)
    verified_on, scored_on = applicant.verified_on, applicant.scored_on
    recent = scored_on is not None and on < scored_on + timedelta(days=policy.score_days)
    most_owed = policy.maximum_exposure_fen - policy.minimum_limit_fen
    most_lent = policy.consumer_cap_fen - policy.minimum_limit_fen
    owes, lent = applicant.exposure_fen, applicant.consumer_exposure_fen
    admitted = policy.students_admitted
    rules = (
        _ruled(Refusal.UNDER_AGE, age, policy.minimum_age, holds=age >= policy.minimum_age),
        _ruled(
            Refusal.NOT_VERIFIED,
            _iso(verified_on),
            on.isoformat(),
            holds=verified_on is not None and verified_on <= on,
        ),
        _ruled(Refusal.STUDENT, applicant.is_student, admitted, holds=admitted or not applicant.is_student),
        _ruled(Refusal.NO_SCORE, score, None, holds=score is not None),
        _ruled(
            Refusal.SCORE_TOO_OLD,
            _iso(scored_on),
            policy.score_days,
            holds=None if score is None else recent,
        ),
        _ruled(
            Refusal.SCORE_TOO_LOW,
            score,
            policy.minimum_score,
            holds=None if score is None else score >= policy.minimum_score,
        ),
        _ruled(Refusal.HAS_LINE, applicant.has_line, False, holds=not applicant.has_line),
        _ruled(Refusal.OVERDUE, applicant.overdue_fen, 0, holds=applicant.overdue_fen == 0),
        _ruled(Refusal.EXPOSURE, owes, most_owed, holds=owes <= most_owed),
        _ruled(Refusal.CONSUMER_CAP, lent, most_lent, holds=lent <= most_lent),
    )
    earned_fen = policy.earned_fen(score) if score is not None else 0
    granted = all(ruled.outcome is not RuleOutcome.FAILED for ruled in rules)
    limit_fen = min(earned_fen, policy.room_fen(owes, lent)) if granted else 0
    return Decision(applicant.customer_id, limit_fen, earned_fen, rules)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


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
    before, or of the opening. What is overdue is so with any product.
    """

    limit_fen: int
    months_on_book: int
    overdue_fen: int
    is_frozen: bool
    score: int | None
    score_before: int | None
    exposure_fen: int
    consumer_exposure_fen: int


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
    earned = policy.earned_fen(line.score)
    if line.score < terms.freeze_below_score:
        lowered = min(earned, line.limit_fen)
        return Verdict(lowered, True, earned, (ReviewReason.SCORE_TOO_LOW,))
    if earned < line.limit_fen:
        if line.score_before is not None and line.score < line.score_before:
            return Verdict(earned, False, earned, (ReviewReason.SCORE_FELL,))
        return Verdict(line.limit_fen, False, earned, (ReviewReason.SCORE_EARNS_NO_MORE,))
    room = max(policy.room_fen(line.exposure_fen, line.consumer_exposure_fen), 0)
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
