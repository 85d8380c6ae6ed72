"""The nightly proof: once a business date, kept, and in the console where somebody looks in the morning."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from customers.models import Login
from huabei.models import Due
from operations.audit import CHECKS, REPLAYS
from operations.models import Proof
from operations.services.closing import set_business_date
from operations.services.proving import prove_books
from operations.tasks import prove_books as job
from tests.line_world import a_line, a_merchant, bought, end_day

pytestmark = pytest.mark.django_db
AT = datetime(2026, 7, 1, 18, 30, tzinfo=UTC)


@pytest.fixture
def due() -> Due:
    line, shop = a_line(), a_merchant()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    set_business_date(on=date(2026, 7, 1))
    return Due.objects.get(line=line)


def front_page() -> str:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(Login.objects.create_superuser("admin"))
    return " ".join(client.get("/console/").content.decode().split())


def test_sound_books_are_proved_once_a_business_date(due: Due) -> None:
    assert "Not proved yet" in front_page()
    proof = prove_books(at=AT)
    assert (proof.proved_on, proof.rules, proof.broken_rules) == (
        date(2026, 7, 1),
        len(CHECKS) + len(REPLAYS),
        0,
    )
    assert proof.rows > 0
    assert prove_books(at=AT) == proof
    assert job() == 0
    assert Proof.objects.count() == 1


def test_what_is_broken_is_kept_and_shown(due: Due, caplog: pytest.LogCaptureFixture) -> None:
    Due.objects.update(outstanding_fen=60_00)
    assert job() == 1
    (fault,) = Proof.objects.get().faults
    assert (fault["rule"], fault["table"], fault["id"]) == ("line_replay", "huabei_line", str(due.line_id))
    assert "the books break line_replay" in caplog.text
    assert "1 rule broken" in front_page()


def test_before_the_first_day_there_is_nothing_to_prove() -> None:
    assert job() == 0
    assert not Proof.objects.exists()


def execute(statement: str, *, as_owner: bool) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        if as_owner:
            cursor.execute("RESET ROLE")
        cursor.execute(statement)


@pytest.mark.parametrize("as_owner", [False, True])
@pytest.mark.parametrize(
    "statement", ["UPDATE operations_proof SET broken_rules = 0", "DELETE FROM operations_proof"]
)
def test_a_proof_is_not_changed(due: Due, statement: str, as_owner: bool) -> None:
    prove_books(at=AT)
    with pytest.raises(DatabaseError):
        execute(statement, as_owner=as_owner)
