"""
New versions of the policy that opens lines and of what the law says of consumers: figures that count from a day to come on.
What was decided stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from customers.laws import tell_consumer_cap
from huabei.errors import LARGEST_AMOUNT_FEN
from huabei.models import ConsumerRule, LenderType, LimitBand, OpeningPolicy
from huabei.services.publishing import Publication, publish

SCORES = range(350, 951)
# What one policy may ask of a person, as the database says too.
RANGES = {"minimum_age": (18, 120), "minimum_score": (350, 950), "score_days": (1, 366)}


def publish_policy(
    *, publication: Publication, figures: Mapping[str, Any], bands: Sequence[tuple[int, int]], on: date
) -> OpeningPolicy:
    """
    The policy from a day after the business date on. `figures` are the columns of OpeningPolicy, `bands` pairs of a score and
    the limit in fen that it earns up to the next one.

    All or nothing, once per reference. Errors: FiguresRefused for a day that is not to come or has a policy, figures out of
    order, no band at or below the lowest score, a band outside the limits, and a better score that would earn less;
    ReferenceRefused, RequestConflict.
    """
    policy = OpeningPolicy(effective_from=publication.effective_from, **figures)
    return publish(
        policy,
        publication=publication,
        parts=(
            LimitBand(policy=policy, score_from=score_from, limit_fen=limit_fen)
            for score_from, limit_fen in bands
        ),
        asked={"figures": figures, "bands": bands},
        wrong=_wrong(policy, bands),
        deferred=("huabei_openingpolicy_has_bands", "huabei_limitband_in_order"),
        on=on,
    )


def publish_consumer_rule(
    *, publication: Publication, lender_type: str, consumer_cap_fen: int, students_admitted: bool, on: date
) -> ConsumerRule:
    """
    What the law lets a type of lender do for one consumer, from a day after the business date on; every other product that
    keeps the cap takes it over with it.

    All or nothing, once per reference. Errors: FiguresRefused, ReferenceRefused, RequestConflict, and what the other products
    refuse.
    """
    rule = ConsumerRule(
        lender_type=lender_type,
        effective_from=publication.effective_from,
        consumer_cap_fen=consumer_cap_fen,
        students_admitted=students_admitted,
    )
    figures = {"lender": lender_type, "cap": consumer_cap_fen, "students": students_admitted}
    with transaction.atomic():
        made = publish(rule, publication=publication, asked=figures, wrong=_wrong_rule(rule), on=on)
        if not made.repeated:
            tell_consumer_cap(made.lender_type, made.effective_from, made.consumer_cap_fen)
        return made


def _wrong_rule(rule: ConsumerRule) -> Iterator[tuple[str, str]]:
    if rule.lender_type not in LenderType.values:
        yield "lender_type", _("There is no such lender.")
    if not 1 <= rule.consumer_cap_fen <= LARGEST_AMOUNT_FEN:
        yield "consumer_cap_fen", _("It must be more than nothing, and no more than can be booked.")
    same_day = ConsumerRule.objects.filter(lender_type=rule.lender_type, effective_from=rule.effective_from)
    if same_day.exists():
        yield "effective_from", _("There is a rule from this day on already.")


def _wrong(policy: OpeningPolicy, bands: Sequence[tuple[int, int]]) -> Iterator[tuple[str, str]]:
    """What no policy may have, and what does not go together, each by its field."""
    for field, (least, most) in RANGES.items():
        if not least <= getattr(policy, field) <= most:
            yield field, _("It must be from %(least)s to %(most)s.") % {"least": least, "most": most}
    if policy.minimum_limit_fen <= 0:
        yield "minimum_limit_fen", _("It must be more than nothing.")
    if policy.maximum_exposure_fen > LARGEST_AMOUNT_FEN:
        yield "maximum_exposure_fen", _("This is more than can be booked at once.")
    if policy.maximum_limit_fen < policy.minimum_limit_fen:
        yield "maximum_limit_fen", _("It must not be less than the smallest limit.")
    if policy.maximum_exposure_fen < policy.maximum_limit_fen:
        yield "maximum_exposure_fen", _("It must not be less than the largest limit.")
    scores, limits = [score for score, _limit in bands], [limit for _score, limit in bands]
    if not scores or min(scores) > policy.minimum_score:
        yield "bands", _("One band must begin at the minimum score or below it.")
    if any(score not in SCORES for score in scores) or scores != sorted(set(scores)):
        yield "bands", _("The scores must rise from band to band, from 350 to 950.")
    if limits != sorted(limits):
        yield "bands", _("A better score must not earn a smaller limit.")
    if not all(policy.minimum_limit_fen <= limit <= policy.maximum_limit_fen for limit in limits):
        yield "bands", _("Every limit must be from the smallest limit to the largest.")
