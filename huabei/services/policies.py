"""New versions of the policy that opens lines: figures that count from a day to come on. What was decided stays as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext as _

from huabei.errors import LARGEST_AMOUNT_FEN, LineError
from huabei.models import LimitBand, OpeningPolicy

SCORES = range(350, 951)
# What one policy may ask of a person, as the database says too.
RANGES = {"minimum_age": (18, 120), "minimum_score": (350, 950), "score_days": (1, 366)}


class FiguresRefused(LineError):
    """Figures that no policy may have; `field` names the first that is wrong."""

    code = "figures_refused"


def publish_policy(
    *, effective_from: date, figures: Mapping[str, Any], bands: Sequence[tuple[int, int]], on: date
) -> OpeningPolicy:
    """
    The policy from a day after the business date on. `figures` are the columns of OpeningPolicy, `bands` pairs of a score and
    the limit in fen that it earns up to the next one.

    All or nothing. Error: FiguresRefused for a day that is not to come or has a policy, figures out of order, no band at or
    below the lowest score, a band outside the limits, and a better score that would earn less.
    """
    if effective_from <= on:
        raise FiguresRefused(_("New figures count from a day to come."), field="effective_from")
    policy = OpeningPolicy(effective_from=effective_from, **figures)
    for field, message in _wrong(policy, bands):
        raise FiguresRefused(message, field=field)
    try:
        policy.full_clean()
        with transaction.atomic():
            policy.save(force_insert=True)
            LimitBand.objects.bulk_create(
                LimitBand(policy=policy, score_from=score_from, limit_fen=limit_fen)
                for score_from, limit_fen in bands
            )
            _look_now()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise FiguresRefused(str(messages[0]), field=field) from error
    except DatabaseError as error:
        raise FiguresRefused(_("The figures do not go together."), field="bands") from error
    return policy


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


def _look_now() -> None:
    """Has the database look at the policy and its bands together, rather than when the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS huabei_openingpolicy_has_bands, huabei_limitband_in_order IMMEDIATE")
        cursor.execute("SET CONSTRAINTS huabei_openingpolicy_has_bands, huabei_limitband_in_order DEFERRED")
