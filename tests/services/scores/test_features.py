"""What a score is computed from: the same for one as for all, as of any date, and nothing protected."""

from __future__ import annotations

import json
import random
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.db import connection

from creditscore.engine.features import CATALOGUE, PROTECTED_WORDS
from creditscore.feature_rows import feature_batches, feature_rows, features_sql
from creditscore.models import ProtectedAttributes
from creditscore.scoring import score_people
from creditscore.services import registry
from creditscore.services.observations import (
    ObservedMonth,
    record_account_months,
)
from customers.selectors import registered_ids
from tests.services.scores.world import AS_OF, ON, PEOPLE, World

pytestmark = pytest.mark.django_db


def test_one_person_has_the_same_score_alone_and_among_everybody(world: World) -> None:
    people = registered_ids(on=ON)
    model = registry.load(registry.champion())
    everybody = score_people(customer_ids=people, as_of=AS_OF, model=model)
    assert len(everybody) == PEOPLE
    for score in everybody[:40]:
        assert score_people(customer_ids=[score.customer_id], as_of=AS_OF, model=model) == [score]
    by_sevens = [
        customer_id
        for batch, rows in feature_batches(as_of=AS_OF, customer_ids=people, size=7)
        for customer_id in rows.customer_ids
        if len(batch) <= 7
    ]
    assert sorted(by_sevens) == sorted(people)


@pytest.mark.parametrize("as_of", [date(2026, 3, 1), date(2026, 4, 30), AS_OF])
def test_what_is_known_later_never_changes_the_features_of_an_earlier_date(world: World, as_of: date) -> None:
    people = registered_ids(on=ON)[:200]
    before = feature_rows(as_of=as_of, customer_ids=people)
    generator = random.Random(as_of.toordinal())
    first_instant_after = datetime.combine(as_of + timedelta(days=1), time(), ZoneInfo("Asia/Shanghai"))
    # Corrections of months that were known, months that were not, and accounts elsewhere: all known from the next day on.
    record_account_months(
        months=[
            ObservedMonth(
                customer_id,
                generator.choice(["synthetic", "another"]),
                generator.choice(["card", "loan"]),
                f"later:{customer_id}:{n}",
                date(2025 + n // 12, n % 12 + 1, 1),
                generator.randrange(10**7),
                generator.randrange(10**7),
                generator.randrange(10**6),
                generator.randint(-2, 8),
                first_instant_after,
                first_instant_after + timedelta(seconds=generator.randrange(10**6)),
            )
            for customer_id in people
            for n in range(17)
        ]
    )
    after = feature_rows(as_of=as_of, customer_ids=people)
    assert len(before.customer_ids) == 200
    assert after.customer_ids == before.customer_ids
    assert np.array_equal(after.values, before.values, equal_nan=True)
    assert np.array_equal(after.months_known, before.months_known)
    later = feature_rows(as_of=as_of + timedelta(days=30), customer_ids=people)
    assert not np.array_equal(later.values, before.values, equal_nan=True)


def relations(plan: object) -> set[str]:
    """Every table in a query plan."""
    if isinstance(plan, dict):
        found = {plan["Relation Name"]} if "Relation Name" in plan else set()
        return found.union(*(relations(value) for value in plan.values()))
    return set().union(*(relations(value) for value in plan)) if isinstance(plan, list) else set()


def test_the_features_read_observations_and_nothing_else(world: World) -> None:
    """Not customers, whose birthday is there, and not the protected attributes."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"EXPLAIN (FORMAT JSON) {features_sql()}", {"as_of": AS_OF, "customer_ids": registered_ids(on=ON)}
        )
        plan = cursor.fetchone()[0]
    assert relations(json.loads(plan) if isinstance(plan, str) else plan) == {"creditscore_accountmonth"}


def test_no_observation_and_no_feature_is_named_after_a_protected_attribute() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'creditscore_accountmonth'"
        )
        columns = {name for (name,) in cursor.fetchall()}
    words = {word for name in (*CATALOGUE.names, *columns) for word in name.split("_")}
    assert not words & PROTECTED_WORDS


def test_scores_do_not_move_with_protected_attributes(world: World) -> None:
    people = registered_ids(on=ON)
    model = registry.load(registry.champion())
    before = score_people(customer_ids=people, as_of=AS_OF, model=model)
    ProtectedAttributes.objects.all().delete()
    assert score_people(customer_ids=people, as_of=AS_OF, model=model) == before
