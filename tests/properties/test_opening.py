"""The policy that opens lines, over any applicants and figures: more score is never less limit, and no reason is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huabei.policy import Applicant, Decision, Policy, Refusal, RuleOutcome, decide, ruled_of

ON = date(2026, 6, 1)
FEN = st.integers(0, 250_000_00)
# How long a machine that does much else takes says nothing of the policy.
any_pace = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def policies(draw: Any) -> Policy:
    """Figures that the database would admit: bands that rise, one at or below the lowest score, limits in order."""
    smallest, largest = sorted(draw(st.tuples(st.integers(1, 50_000_00), st.integers(1, 50_000_00))))
    lowest = draw(st.integers(350, 950))
    first = draw(st.integers(350, lowest))
    scores = sorted({first, *draw(st.sets(st.integers(first, 950), max_size=6))})
    limits = sorted(
        draw(
            st.lists(st.integers(smallest, largest), min_size=len(scores), max_size=len(scores)),
        )
    )
    return Policy(
        minimum_age=draw(st.integers(18, 30)),
        minimum_score=lowest,
        score_days=draw(st.integers(1, 60)),
        minimum_limit_fen=smallest,
        maximum_limit_fen=largest,
        maximum_exposure_fen=draw(st.integers(largest, 300_000_00)),
        consumer_cap_fen=draw(st.sampled_from([200_000_00, 300_000_00])),
        students_admitted=draw(st.booleans()),
        bands=tuple(zip(scores, limits, strict=True)),
    )


@st.composite
def applicants(draw: Any) -> Applicant:
    """Anybody."""
    owes = draw(FEN)
    score = draw(st.none() | st.integers(350, 950))
    published = ON - timedelta(days=draw(st.integers(0, 90)))
    return Applicant(
        customer_id=UUID(int=1),
        born_on=draw(st.dates(date(1940, 1, 1), date(2012, 1, 1))),
        verified_on=draw(st.none() | st.dates(date(2026, 1, 1), date(2026, 7, 1))),
        is_student=draw(st.booleans()),
        score=score,
        scored_on=published if score is not None or draw(st.booleans()) else None,
        has_line=draw(st.booleans()),
        overdue_fen=draw(st.just(0) | FEN),
        exposure_fen=owes,
        consumer_exposure_fen=draw(st.integers(0, owes)),
    )


def put_right(who: Applicant, policy: Policy, reason: Refusal) -> Applicant:
    """The same applicant without what this reason stands for."""
    least = policy.minimum_limit_fen
    lent = min(who.consumer_exposure_fen, max(policy.consumer_cap_fen - least, 0))
    owes = min(who.exposure_fen, max(policy.maximum_exposure_fen - least, 0))
    return {
        Refusal.UNDER_AGE: replace(who, born_on=date(1990, 1, 1)),
        Refusal.NOT_VERIFIED: replace(who, verified_on=ON),
        Refusal.STUDENT: replace(who, is_student=False),
        Refusal.NO_SCORE: replace(who, score=950, scored_on=ON),
        Refusal.SCORE_TOO_OLD: replace(who, scored_on=ON),
        Refusal.SCORE_TOO_LOW: replace(who, score=950),
        Refusal.HAS_LINE: replace(who, has_line=False),
        Refusal.OVERDUE: replace(who, overdue_fen=0),
        Refusal.EXPOSURE: replace(
            who, exposure_fen=owes, consumer_exposure_fen=min(owes, who.consumer_exposure_fen)
        ),
        Refusal.CONSUMER_CAP: replace(who, consumer_exposure_fen=lent),
    }[reason]


@any_pace
@given(applicants(), policies(), st.integers(0, 600))
def test_a_better_score_never_gives_a_smaller_limit(who: Applicant, policy: Policy, more: int) -> None:
    if who.score is None:
        return
    better = replace(who, score=min(who.score + more, 950))
    assert decide(better, policy, ON).limit_fen >= decide(who, policy, ON).limit_fen


@any_pace
@given(applicants(), policies(), FEN)
def test_whoever_owes_more_is_never_granted_more(who: Applicant, policy: Policy, more: int) -> None:
    deeper = replace(
        who,
        exposure_fen=who.exposure_fen + more,
        consumer_exposure_fen=who.consumer_exposure_fen + more,
    )
    before, after = decide(who, policy, ON), decide(deeper, policy, ON)
    assert after.limit_fen <= before.limit_fen
    assert set(before.refusals) <= set(after.refusals)


@any_pace
@given(applicants(), policies())
def test_a_refusal_has_every_reason_and_only_those(who: Applicant, policy: Policy) -> None:
    """Put right what the reasons name, each alone, and the others stand; put right all of them, and there is a line."""
    reasons = decide(who, policy, ON).refusals
    for reason in reasons:
        rest = decide(put_right(who, policy, reason), policy, ON).refusals
        # Who owes less in all owes less as a consumer too.
        allowed = {reason, Refusal.CONSUMER_CAP} if reason is Refusal.EXPOSURE else {reason}
        assert set(reasons) - allowed <= set(rest)
        assert reason not in rest
    for reason in reasons:
        who = put_right(who, policy, reason)
    decision = decide(who, policy, ON)
    assert decision.granted
    room = policy.room_fen(who.exposure_fen, who.consumer_exposure_fen)
    assert policy.minimum_limit_fen <= decision.limit_fen <= min(policy.maximum_limit_fen, room)


@any_pace
@given(applicants(), policies())
def test_a_limit_is_granted_exactly_where_no_rule_failed(who: Applicant, policy: Policy) -> None:
    decision: Decision = decide(who, policy, ON)
    assert [ruled.rule for ruled in decision.rules] == list(Refusal)
    failed = {ruled.rule for ruled in decision.rules if ruled.outcome is RuleOutcome.FAILED}
    assert (decision.limit_fen > 0) == decision.granted == (not failed)
    kept = [
        {"rule": each.rule.value, "outcome": each.outcome.value, "found": each.found, "needed": each.needed}
        for each in decision.rules
    ]
    assert ruled_of(kept) == decision.rules
