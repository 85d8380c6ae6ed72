"""The score's step in the close of a day."""

from __future__ import annotations

import logging
from datetime import date, timedelta

from creditscore.models import ModelState, ModelVersion
from creditscore.selectors import publication_day
from creditscore.services.publishing import publish_scores

logger = logging.getLogger(__name__)


def publish_scores_if_day(closed_on: date) -> int:
    """
    Publishes scores when the day that begins is a publication day. Returns how many.

    A bank that has no model yet has no scores.
    """
    on = closed_on + timedelta(days=1)
    if on.day != publication_day(on):
        return 0
    if not ModelVersion.objects.filter(state=ModelState.CHAMPION).exists():
        logger.warning("no scores were published on %s: no model was trained yet", on)
        return 0
    return publish_scores(on=on)


STEPS = (("scores.publish", publish_scores_if_day),)
