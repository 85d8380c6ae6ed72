"""The world that the tests of scores share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from creditscore.services.import_histories import import_histories
from creditscore.services.synthetic_histories import generate_histories
from creditscore.services.training import train_score
from tests.services.scores.world import AS_OF, NEWEST, NOW, PEOPLE, World


@pytest.fixture(scope="package")
def world(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Imported and trained once, in a transaction around all of this folder's tests that is rolled back behind them."""
    file = generate_histories(people=PEOPLE, seed=3, file=tmp_path_factory.mktemp("world") / "people.csv.gz")
    with django_db_blocker.unblock(), transaction.atomic():
        import_histories(file=file, source="synthetic", newest_month=NEWEST)
        yield World(file, train_score(as_of=AS_OF, at=NOW))
        transaction.set_rollback(True)
