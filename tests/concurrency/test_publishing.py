"""Versions of dated figures are published one at a time: each is compared with those that were published before it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from finance.errors import DomainError
from huabei.models import ConsumerRule, InstalmentTerms, OpeningPolicy, Terms
from huabei.services.policies import publish_consumer_rule, publish_policy
from huabei.services.terms import publish_instalment_terms, publish_terms
from lending.models import LenderRule
from tests.concurrency.crowd import SIZE, Crowd
from tests.concurrency.waiting import wait_until_somebody_waits
from tests.publishing import publication

ON, SOONER, LATER = date(2026, 7, 5), date(2026, 7, 15), date(2026, 8, 1)


def publish(kind: str, day: date, reference: str) -> tuple[str, str | None]:
    """Publishes a version of a kind: "made", "repeated", or which field was refused and why."""
    given: dict[str, Any] = {"publication": publication(day, reference=reference), "on": ON}
    made: Any
    try:
        if kind == "terms":
            made = publish_terms(figures={"hold_days": 3}, **given)
        elif kind == "instalments":
            made = publish_instalment_terms(figures={}, options=[(3, Decimal("0.03"))], **given)
        elif kind == "policy":
            made = publish_policy(figures={}, bands=[(600, 500_00)], **given)
        else:
            cap_fen = 260_000_00 if day == SOONER else 250_000_00
            made = publish_consumer_rule(
                lender_type="bank", consumer_cap_fen=cap_fen, students_admitted=True, **given
            )
    except DomainError as refused:
        return refused.code, refused.field
    return "repeated" if made.repeated else "made", None


KINDS = [
    ("terms", Terms),
    ("instalments", InstalmentTerms),
    ("policy", OpeningPolicy),
    ("law", ConsumerRule),
]


@pytest.mark.parametrize(("kind", "model"), KINDS)
def test_of_versions_for_one_day_the_first_is_published_and_the_others_are_told_which_figure_it_was(
    committed_db: str, crowd: Crowd, kind: str, model: Any
) -> None:
    before = model.objects.count()
    with transaction.atomic():
        assert publish(kind, LATER, "first") == ("made", None)
        others = crowd.start(
            publish, committed_db, *[(kind, LATER, f"r{n}" if n else "first") for n in range(SIZE)]
        )
        wait_until_somebody_waits()
    answers = [other.result(timeout=120) for other in others]
    assert answers == [("repeated", None)] + [("figures_refused", "effective_from")] * (SIZE - 1)
    assert model.objects.count() == before + 1


def test_the_law_of_a_sooner_day_waits_for_that_of_a_later_one_and_loans_refuse_it(
    committed_db: str, crowd: Crowd
) -> None:
    with transaction.atomic():
        assert publish("law", LATER, "later") == ("made", None)
        others = crowd.start(publish, committed_db, *[("law", SOONER, f"r{n}") for n in range(SIZE)])
        wait_until_somebody_waits()
    assert [other.result(timeout=120) for other in others] == [("law_refused", "effective_from")] * SIZE
    assert not ConsumerRule.objects.filter(effective_from=SOONER).exists()
    assert not LenderRule.objects.filter(effective_from=SOONER).exists()
