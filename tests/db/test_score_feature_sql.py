"""The one definition of the score features, in SQL, against a plain-Python statement of the same, column by column."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection

from creditscore.engine.features import CATALOGUE, column_order
from tests.unit.creditscore_engine.account_months import (
    UCI_AS_OF,
    AccountMonth,
    features_as_of,
    months_before,
    uci_people,
)

pytestmark = pytest.mark.django_db

SQL = (Path(__file__).resolve().parents[2] / "creditscore" / "sql" / "features.sql").read_text()
AS_OF = date(2026, 3, 6)
NEWEST = date(2026, 2, 1)

TABLE = """
CREATE TEMPORARY TABLE creditscore_accountmonth (
    id bigint GENERATED ALWAYS AS IDENTITY,
    customer_id uuid NOT NULL, source text NOT NULL, account text NOT NULL, month date NOT NULL,
    limit_fen bigint NOT NULL, statement_fen bigint NOT NULL, paid_fen bigint NOT NULL, months_late smallint NOT NULL,
    known_at timestamptz NOT NULL
) ON COMMIT DROP;
CREATE INDEX ON creditscore_accountmonth (customer_id, month, source, account, known_at)
"""

Row = dict[str, float | None]


@pytest.fixture(autouse=True)
def account_months() -> None:
    """An empty table of account months, of this test's own."""
    with connection.cursor() as cursor:
        cursor.execute(TABLE)


def customer(number: int) -> UUID:
    return UUID(int=number)


def store(people: Sequence[list[AccountMonth]]) -> None:
    """Store the account months of customers 0, 1, 2, …; what is known on a day is known at noon UTC of it."""
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY creditscore_accountmonth (customer_id, source, account, month, limit_fen, statement_fen, paid_fen, "
            "months_late, known_at) FROM STDIN"
        ) as copy,
    ):
        for number, rows in enumerate(people):
            for r in rows:
                known_at = datetime.combine(r.known_on, time(12), UTC)
                copy.write_row(
                    (customer(number), r.source, r.account, r.month, r.limit_fen, r.statement_fen, r.paid_fen,
                     r.months_late, known_at)
                )  # fmt: skip


def computed(as_of: date, customers: list[int] | None = None) -> dict[UUID, Row]:
    """The query's answer by customer: months_known and the features."""
    ids = None if customers is None else [customer(number) for number in customers]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE creditscore_accountmonth")
        cursor.execute(SQL, {"as_of": as_of, "customer_ids": ids})
        names = [column.name for column in cursor.description]
        order = column_order(CATALOGUE, names)
        return {
            row[names.index("customer_id")]: {
                "months_known": row[names.index("months_known")],
                **{names[i]: row[i] for i in order},
            }
            for row in cursor.fetchall()
        }


def month(age: int, **changed: object) -> AccountMonth:
    """An ordinary month of an account, `age` months before the newest, known on the 2nd of the month after it."""
    row = AccountMonth(
        month=months_before(NEWEST, age),
        limit_fen=800_000,
        statement_fen=200_000,
        paid_fen=50_000,
        months_late=0,
        known_on=months_before(NEWEST, age - 1) + timedelta(days=1),
    )
    return row._replace(**changed)  # type: ignore[arg-type]


def random_person(generator: random.Random) -> list[AccountMonth]:
    """Up to three accounts with gaps, corrections, late knowledge, nothing owed, credits and lines of nothing."""
    rows: list[AccountMonth] = []
    for account in range(generator.randint(1, 3)):
        limit_fen = generator.choice([0, 50_000, 800_000, 5_000_000])
        for age in range(generator.choice([-1, 0, 0, 2, 3]), generator.randint(1, 14)):
            if generator.random() < 0.15:
                continue
            rows.extend(
                month(
                    age,
                    source=generator.choice(["huabei", "bank"]) if account else "huabei",
                    account=str(account),
                    limit_fen=limit_fen,
                    statement_fen=generator.choice([0, -3_000, generator.randint(1, limit_fen + 1_000)]),
                    paid_fen=generator.choice([0, 1, generator.randint(0, 400_000)]),
                    months_late=generator.choice([-2, -1, 0, 0, 1, 2, 5]),
                    known_on=months_before(NEWEST, age - 1) + timedelta(days=generator.randint(0, 70)),
                )
                for _ in range(generator.choice([1, 1, 1, 2]))
            )
    return rows


def agree(found: float | None, expected: float | None) -> bool:
    """Equal but for the last digits of a double; NULL equals NULL only."""
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)


def assert_same(found: dict[UUID, Row], people: Sequence[list[AccountMonth]], as_of: date) -> int:
    """Every person and column agree with the oracle; returns how many people have features."""
    expected = {
        customer(number): row
        for number, rows in enumerate(people)
        if (row := features_as_of(rows, as_of)) is not None
    }
    assert found.keys() == expected.keys()
    for name in ("months_known", *CATALOGUE.names):
        for person, row in expected.items():
            assert agree(found[person][name], row[name]), (name, person, found[person][name], row[name])
    return len(expected)


@pytest.mark.parametrize("seed", range(4))
def test_random_histories_agree_with_the_oracle(seed: int) -> None:
    generator = random.Random(seed)
    people = [random_person(generator) for _ in range(400)]
    store(people)
    for as_of in (AS_OF, date(2026, 2, 28), date(2025, 12, 31)):
        assert assert_same(computed(as_of), people, as_of) > 200


def test_the_uci_people_agree_with_the_oracle(shared_dir: Path) -> None:
    people = list(islice(uci_people(shared_dir / "data" / "uci_credit_card_default.csv.gz"), 5_000))
    store(people)
    assert assert_same(computed(UCI_AS_OF), people, UCI_AS_OF) == 5_000


def test_one_person_gets_the_same_features_alone_and_among_everybody() -> None:
    generator = random.Random(7)
    people = [random_person(generator) for _ in range(50)]
    store(people)
    everybody = computed(AS_OF)
    assert len(everybody) > 25
    for number in range(50):
        alone = computed(AS_OF, [number])
        assert alone == {person: row for person, row in everybody.items() if person == customer(number)}
    assert computed(AS_OF, []) == {}


@pytest.mark.parametrize(
    ("known_at", "seen"),
    [
        ("2026-03-06 23:59:59.999999+08", True),
        ("2026-03-07 00:00:00+08", False),
    ],
)
def test_a_fact_counts_from_the_day_on_which_it_is_known_in_shanghai(known_at: str, seen: bool) -> None:
    store([[month(0)]])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE creditscore_accountmonth SET known_at = %s", [known_at])
    assert bool(computed(AS_OF)) is seen


def test_a_correction_counts_once_it_is_known_and_not_before() -> None:
    late = month(0, months_late=2)
    store([[late, late._replace(months_late=0, known_on=date(2026, 3, 20))]])
    assert computed(AS_OF)[customer(0)]["late_latest"] == 2
    assert computed(date(2026, 3, 20))[customer(0)]["late_latest"] == 0


@pytest.mark.parametrize(("as_of", "known"), [(date(2026, 5, 31), True), (date(2026, 6, 1), False)])
def test_a_newest_month_more_than_three_months_old_is_no_history(as_of: date, known: bool) -> None:
    store([[month(age) for age in range(6)]])
    assert bool(computed(as_of)) is known


def test_nothing_owed_and_nothing_paid_is_null_and_not_a_cap() -> None:
    store([[month(age, statement_fen=0, paid_fen=0, months_late=-2) for age in range(6)]])
    row = computed(AS_OF)[customer(0)]
    nothing = [name for name, value in row.items() if value is None]
    assert nothing == ["cover_latest", "cover_all", "cover_worst", "debt_growth_to_paid"]


def test_the_query_reads_no_protected_attribute() -> None:
    words = set(SQL.lower().replace("_", " ").split())
    assert not words & {"sex", "gender", "marriage", "marital", "birth", "birthday", "education"}
