"""What other figures would make of applications that were decided: asked of the decisions as they were kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from huabei.models import OpeningDecision
from huabei.policy import Applicant, Figure, Policy, Refusal, decide

# The latest decisions that are looked at: enough to see what changes, few enough for a page.
LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Redecided:
    """How many of the latest decisions were looked at, and how many of them would be others."""

    looked_at: int
    granted: int
    refused: int
    larger: int
    smaller: int
    # One of those that would differ, with what it would be, in fen: the newest first.
    sample: tuple[tuple[int, int, int], ...]

    @property
    def differ(self) -> int:
        """All that would be decided otherwise."""
        return self.granted + self.refused + self.larger + self.smaller


def redecide(policy: Policy, *, most: int = LOOKED_AT, shown: int = 10) -> Redecided:
    """What these figures would have made of the latest decisions by a policy, each on its day with what was known then."""
    by_policy = OpeningDecision.objects.filter(overturns__isnull=True)
    rows = by_policy.select_related("customer").order_by("-pk")[:most]
    pairs = [(row, decide(_applicant(row), policy, row.decided_on).limit_fen) for row in rows]
    changed = [(row.limit_fen, then_fen, row.pk) for row, then_fen in pairs if row.limit_fen != then_fen]
    return Redecided(
        looked_at=len(pairs),
        granted=sum(was == 0 for was, _then, _pk in changed),
        refused=sum(then == 0 for _was, then, _pk in changed),
        larger=sum(0 < was < then for was, then, _pk in changed),
        smaller=sum(0 < then < was for was, then, _pk in changed),
        sample=tuple((pk, was, then) for was, then, pk in changed[:shown]),
    )


def _applicant(decision: OpeningDecision) -> Applicant:
    found: Mapping[Refusal, Figure] = {ruled.rule: ruled.found for ruled in decision.ruled}
    verified_on = found[Refusal.NOT_VERIFIED]
    customer_id: UUID = decision.customer_id
    return Applicant(
        customer_id=customer_id,
        born_on=decision.customer.born_on,
        verified_on=date.fromisoformat(str(verified_on)) if verified_on else None,
        is_student=bool(found[Refusal.STUDENT]),
        score=decision.score,
        scored_on=decision.scored_on,
        has_line=bool(found[Refusal.HAS_LINE]),
        overdue_fen=decision.overdue_fen,
        exposure_fen=decision.exposure_fen,
        consumer_exposure_fen=decision.consumer_exposure_fen,
    )
