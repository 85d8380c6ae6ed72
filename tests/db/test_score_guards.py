"""PostgreSQL refuses to rewrite what a score was made of. Each guard is broken here on purpose, by raw SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from creditscore.models import ModelVersion, NotScored, ProtectedAttributes, Score
from creditscore.services.observations import (
    ObservationConflict,
    ObservedMonth,
    ObservedOutcome,
    record_account_months,
    record_outcomes,
)

pytestmark = pytest.mark.django_db

SOMEBODY = UUID(int=1)
THEN = datetime(2026, 6, 1, tzinfo=UTC)

MONTH = ObservedMonth(
    customer_id=SOMEBODY,
    source="bank",
    account="card",
    reference="bank:1:2026-05",
    month=date(2026, 5, 1),
    limit_fen=1_000_00,
    statement_fen=-5,
    paid_fen=0,
    months_late=-2,
    occurred_at=THEN,
    known_at=THEN,
)
OUTCOME = ObservedOutcome(SOMEBODY, "bank", "bank:1", date(2026, 6, 1), True, 3, THEN, THEN)


@pytest.fixture
def model() -> ModelVersion:
    return ModelVersion.objects.create(
        sha256="a" * 64,
        booster=b"trees",
        document=b"{}",
        metrics={},
        as_of=date(2026, 6, 5),
        trained_at=THEN,
        state="champion",
    )


@pytest.fixture
def facts(model: ModelVersion) -> None:
    """A row in every table of facts."""
    record_account_months(months=[MONTH])
    record_outcomes(outcomes=[OUTCOME])
    ProtectedAttributes.objects.create(
        customer_id=SOMEBODY, sex="male", marital_status="single", birth_year=1990
    )
    score(model, points=612, features=[1.0, None])


def score(model: ModelVersion, **values: object) -> Score:
    given: dict[str, object] = {
        "customer_id": SOMEBODY,
        "published_on": date(2026, 6, 6),
        "as_of": date(2026, 6, 5),
        "model": model,
    }
    return Score.objects.create(**(given | values))


@pytest.fixture
def as_owner() -> Iterator[None]:
    """The role that owns the tables, which no grant stops: only triggers do."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; RESET ROLE")
        try:
            yield
        finally:
            cursor.execute(f"SET ROLE {settings.DATABASE_ROLE}")


CHANGES = [
    "UPDATE creditscore_accountmonth SET months_late = 0",
    "DELETE FROM creditscore_accountmonth",
    "TRUNCATE creditscore_accountmonth",
    "UPDATE creditscore_outcome SET defaulted = false",
    "DELETE FROM creditscore_outcome",
    "TRUNCATE creditscore_outcome",
    "UPDATE creditscore_score SET points = 900",
    "DELETE FROM creditscore_score",
    "TRUNCATE creditscore_score",
    "UPDATE creditscore_modelversion SET booster = 'other'",
    "UPDATE creditscore_modelversion SET metrics = '{}', sha256 = 'b'",
    "DELETE FROM creditscore_modelversion",
    "TRUNCATE creditscore_modelversion CASCADE",
]


@pytest.mark.parametrize("statement", [*CHANGES, "UPDATE creditscore_protectedattributes SET sex = 'female'"])
def test_the_application_role_is_not_granted(facts: None, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(statement)


@pytest.mark.parametrize("statement", [*CHANGES, "UPDATE creditscore_modelversion SET state = 'challenger'"])
def test_not_even_the_owner_may(facts: None, as_owner: None, statement: str) -> None:
    with pytest.raises(DatabaseError, match="refused: facts are"), transaction.atomic():
        connection.cursor().execute(statement)


def test_a_model_may_be_retired_and_attributes_erased(facts: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE creditscore_modelversion SET state = 'retired'")
        cursor.execute("DELETE FROM creditscore_protectedattributes")
        assert cursor.rowcount == 1


def test_there_is_one_champion(model: ModelVersion) -> None:
    with pytest.raises(IntegrityError, match="model_one_champion"), transaction.atomic():
        ModelVersion.objects.create(
            sha256="b" * 64,
            booster=b"",
            document=b"",
            metrics={},
            as_of=date(2026, 6, 5),
            trained_at=THEN,
            state="champion",
        )


def test_a_score_is_published_once(model: ModelVersion) -> None:
    score(model, points=612, features=[1.0])
    with pytest.raises(IntegrityError, match="score_once_per_publication"), transaction.atomic():
        score(model, points=613, features=[1.0])


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"points": 349, "features": [1.0]}, "score_in_range_or_why_not"),
        ({"points": 951, "features": [1.0]}, "score_in_range_or_why_not"),
        ({"points": 600}, "score_in_range_or_why_not"),  # nothing to explain it from
        ({"points": 600, "features": [1.0], "not_scored": "thin_history"}, "score_in_range_or_why_not"),
        ({}, "score_in_range_or_why_not"),  # N/A without why
        ({"not_scored": "because"}, "score_in_range_or_why_not"),
        ({"not_scored": "thin_history", "as_of": date(2026, 6, 6)}, "score_from_what_was_known_before"),
    ],
)
def test_a_score_that_cannot_be(model: ModelVersion, values: dict[str, object], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        score(model, **values)


@pytest.mark.parametrize("why", NotScored.values)
def test_not_scored_says_why(model: ModelVersion, why: str) -> None:
    assert score(model, not_scored=why).points is None


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"month": date(2026, 5, 2)}, "account_month_is_a_month"),
        ({"limit_fen": -1}, "account_month_amounts_sensible"),
        ({"paid_fen": -1}, "account_month_amounts_sensible"),
        ({"months_late": -3}, "account_month_lateness_sensible"),
        ({"known_at": datetime(2026, 5, 31, tzinfo=UTC)}, "account_month_known_after_it_happened"),
    ],
)
def test_an_account_month_that_cannot_be(changes: dict[str, object], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        record_account_months(months=[MONTH._replace(**changes)])  # type: ignore[arg-type]


def test_facts_are_recorded_once_by_reference() -> None:
    other = MONTH._replace(reference="bank:1:2026-04", month=date(2026, 4, 1))
    assert record_account_months(months=[MONTH, other]) == 2
    assert record_account_months(months=[other, MONTH, MONTH]) == 0
    assert record_account_months(months=[]) == 0
    assert record_outcomes(outcomes=[OUTCOME]) == 1
    assert record_outcomes(outcomes=[OUTCOME]) == 0


def test_the_same_reference_with_other_figures_is_refused_and_nothing_recorded() -> None:
    record_account_months(months=[MONTH])
    new = MONTH._replace(reference="bank:1:2026-04", month=date(2026, 4, 1))
    with pytest.raises(ObservationConflict, match="paid_fen 0, and is given again with 7") as refused:
        record_account_months(months=[new, MONTH._replace(paid_fen=7)])
    assert (refused.value.reference, refused.value.field) == ("bank:1:2026-05", "paid_fen")
    assert record_account_months(months=[new]) == 1


def test_two_figures_under_one_reference_in_one_list_are_refused() -> None:
    with pytest.raises(ObservationConflict):
        record_account_months(months=[MONTH, MONTH._replace(paid_fen=7)])


def test_whoever_defaults_in_a_month_did_so_once_whatever_the_reference() -> None:
    record_outcomes(outcomes=[OUTCOME])
    with pytest.raises(IntegrityError, match="outcome_once_a_month"):
        record_outcomes(outcomes=[OUTCOME._replace(reference="bank:1:again", defaulted=False)])


def test_every_table_of_facts_of_the_score_is_guarded() -> None:
    """A table added later is either a fact with a guard or is named here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'creditscore%'")
        tables = {name for (name,) in cursor.fetchall()}
    guarded = {re.findall(r"creditscore_\w+", statement)[0] for statement in CHANGES}
    assert tables - guarded == {"creditscore_protectedattributes", "creditscore_publicationcalendar"}
