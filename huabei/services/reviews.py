"""The review of limits on schedule: every line whose day has come, by the policy in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import transaction

from customers.obligations import business_exposures, late_with
from huabei import selectors
from huabei.applicants import policy_in_force
from huabei.models import LimitChangeKind, LimitReview, ReviewOutcome, ReviewTerms
from huabei.policy import Reviewed, ReviewPolicy
from huabei.policy import review as verdict_on
from huabei.services.causes import POLICY, Why
from huabei.services.lifecycle import freeze_many
from huabei.services.limits import NewLimit, set_limits
from ledger.selectors import exposures
from ledger.sql import affected, fetch_all

# Their owners, before the lines: one decision on what a person may owe at a time, as lines are opened and loans are signed.
_LOCK_OWNERS = """
SELECT FROM customers_customer WHERE id IN (
    SELECT customer_id FROM huabei_line AS line WHERE line.status <> 'closed' AND line.review_on <= %(on)s
      AND (%(lines)s::bigint[] IS NULL OR line.id = ANY(%(lines)s)))
ORDER BY id FOR NO KEY UPDATE
"""

# The lines whose day has come, each with the score that stands, if it is fresh, and the one it was last judged by.
_DUE = """
SELECT line.id, line.customer_id, line.limit_fen, line.temporary_fen, line.status = 'frozen' AS is_frozen,
       extract(year FROM age(%(on)s, line.opened_on))::int * 12 + extract(month FROM age(%(on)s, line.opened_on))::int,
       score.points, score.published_on, coalesce(earlier.score, line.score)
FROM huabei_line AS line
LEFT JOIN LATERAL (SELECT points, published_on FROM creditscore_score
    WHERE customer_id = line.customer_id AND published_on <= %(on)s ORDER BY published_on DESC LIMIT 1) AS score
    ON score.published_on > %(on)s - %(fresh)s
LEFT JOIN LATERAL (SELECT score FROM huabei_limitreview AS review
    WHERE review.line_id = line.id AND score IS NOT NULL ORDER BY reviewed_on DESC LIMIT 1) AS earlier ON true
WHERE line.status <> 'closed' AND line.review_on <= %(on)s
  AND (%(lines)s::bigint[] IS NULL OR line.id = ANY(%(lines)s))
ORDER BY line.id FOR NO KEY UPDATE OF line
"""

_NEXT = """
UPDATE huabei_line SET review_on = %(on)s::date + make_interval(months => %(months)s) WHERE id = ANY(%(lines)s)
"""


def review(*, on: date, line_ids: Sequence[int] | None = None) -> int:
    """
    Reviews every limit whose day has come, of these lines or of all; returns how many. What was decided and why is kept,
    also where the limit stays.
    """
    terms = selectors.review_terms_on(on)
    parameters = {
        "on": on,
        "fresh": terms.fresh_score_days,
        "months": terms.months_between,
        "lines": None if line_ids is None else list(line_ids),
    }
    with transaction.atomic():
        if not fetch_all(_LOCK_OWNERS, parameters):
            return 0
        # The first waits for whoever changes these lines, the second sees what they left.
        fetch_all(_DUE, parameters)
        lines = [_Due(*row) for row in fetch_all(_DUE, parameters)]
        reviews = _reviews(lines, terms, on)
        LimitReview.objects.bulk_create(reviews, batch_size=2_000)
        temporary = {line.line_id: line.temporary_fen for line in lines}
        changes = [
            _new(found, temporary[found.line_id], on)
            for found in reviews
            if found.after_fen != found.before_fen
        ]
        set_limits(limits=changes, kind=LimitChangeKind.SET, on=on)
        frozen = [found.line_id for found in reviews if found.outcome == ReviewOutcome.FROZEN]
        freeze_many(line_ids=frozen, why=Why("score_fall", POLICY, f"review:{on}"), on=on)
        affected(_NEXT, parameters | {"lines": list(temporary)})
        return len(reviews)


@dataclass(frozen=True, slots=True)
class _Due:
    """A line whose review is due, locked."""

    line_id: int
    customer_id: UUID
    limit_fen: int
    temporary_fen: int
    is_frozen: bool
    months_on_book: int
    score: int | None
    scored_on: date | None
    score_before: int | None


def _reviews(lines: Sequence[_Due], terms: ReviewTerms, on: date) -> list[LimitReview]:
    in_force = policy_in_force(on)
    by = ReviewPolicy(terms.months_on_book, terms.largest_raise, terms.freeze_below_score)
    owners = [line.customer_id for line in lines]
    owed, business, late = exposures(owners), business_exposures(owners), late_with(owners, on)
    reviews = []
    for line in lines:
        owes_fen = owed.get(line.customer_id, 0)
        seen = Reviewed(
            line.limit_fen - line.temporary_fen,
            line.months_on_book,
            sum(each.overdue_fen for each in late.get(line.customer_id, ())),
            line.is_frozen,
            line.score,
            line.score_before,
            owes_fen,
            owes_fen - business.get(line.customer_id, 0),
        )
        verdict = verdict_on(seen, in_force.figures, by)
        outcome = ReviewOutcome.KEPT
        if verdict.freezes:
            outcome = ReviewOutcome.FROZEN
        elif verdict.limit_fen != seen.limit_fen:
            raised = verdict.limit_fen > seen.limit_fen
            outcome = ReviewOutcome.RAISED if raised else ReviewOutcome.LOWERED
        reviews.append(
            LimitReview(
                line_id=line.line_id,
                reviewed_on=on,
                score=line.score,
                scored_on=line.scored_on,
                months_on_book=line.months_on_book,
                overdue_fen=seen.overdue_fen,
                exposure_fen=seen.exposure_fen,
                consumer_exposure_fen=seen.consumer_exposure_fen,
                earned_fen=verdict.earned_fen,
                before_fen=line.limit_fen,
                after_fen=verdict.limit_fen + line.temporary_fen,
                outcome=outcome,
                reasons=list(verdict.reasons),
                terms=terms,
                policy=in_force.version,
                consumer_rule=in_force.rule,
            )
        )
    return reviews


def _new(found: LimitReview, temporary_fen: int, on: date) -> NewLimit:
    why = Why("score_rise" if found.after_fen > found.before_fen else "score_fall", POLICY, f"review:{on}")
    return NewLimit(found.line_id, found.after_fen, temporary_fen, why, why.hash({"limit": found.after_fen}))
