"""The same people, registered by many processes at once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from random import Random
from uuid import UUID

from customers import services
from customers.identity import synthetic_national_id
from customers.models import Consent, Customer
from customers.services import Registration
from tests.concurrency.crowd import SIZE, Crowd

DAY = date(2026, 6, 1)
NOON = datetime(2026, 6, 1, 4, tzinfo=UTC)
PEOPLE = 400


def register_all(seed: int) -> list[UUID]:
    """Registers the same people as everybody, in an order of its own; returns their ids in the common order."""
    order = list(range(PEOPLE))
    Random(seed).shuffle(order)
    ids = services.register_customers(
        registrations=[
            Registration(f"客户{n}", synthetic_national_id(date(1990, 1, 1), n), f"138{n:08d}", False, DAY)
            for n in order
        ]
    )
    return [customer_id for _n, customer_id in sorted(zip(order, ids, strict=True))]


def consent_and_withdraw(customer_id: UUID) -> None:
    for _ in range(20):
        services.grant_consent(customer_id=customer_id, purpose="credit_score", at=NOON)
        services.withdraw_consent(customer_id=customer_id, purpose="credit_score", at=NOON)


def test_processes_that_register_the_same_people_in_any_order_agree_on_who_they_are(
    committed_db: str, crowd: Crowd
) -> None:
    answers = crowd.at_once(register_all, committed_db, *[(seed,) for seed in range(SIZE)])
    assert all(answer == answers[0] for answer in answers)
    assert set(Customer.objects.values_list("id", flat=True)) == set(answers[0])


def test_consents_given_and_withdrawn_at_once_come_in_turn(committed_db: str, crowd: Crowd) -> None:
    customer_id = services.register_customers(
        registrations=[Registration("张三", synthetic_national_id(date(1990, 1, 1), 1), None, False, DAY)]
    )[0]
    crowd.at_once(consent_and_withdraw, committed_db, *[(customer_id,)] * SIZE)
    assert Consent.objects.exists()
    assert not Consent.objects.filter(withdrawn_at=None).exists()
