"""PostgreSQL refuses what must not happen to payments, whoever asks. Each guard is broken here on purpose, by raw SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from huabei.models import Line
from huabei.services.repayments import repay
from ledger.audit import verify
from operations import audit
from operations.services import closing
from payments import simulator
from payments.audit import CHECKS
from payments.models import PaymentOrder
from payments.services.sources import choose_autopay, remove_source
from payments.states import ORDER_TRANSITIONS
from tests.payment_world import DUE_DAY, a_source, billed_lines, collect

pytestmark = pytest.mark.django_db

FACTS = ["payments_sourceevent", "payments_autopaychoice"]
KEPT = ["payments_fundingsource", "payments_paymentorder", "payments_paymentattempt"]
REFUSED = "facts are corrected by mirror transfers"


@dataclass(frozen=True)
class World:
    """An order that was paid from two sources, one that failed, and one whose answer is owed."""

    paid: PaymentOrder
    failed: PaymentOrder
    asked: PaymentOrder


def _paid_failed_and_asked() -> list[int]:
    paid, failed, asked = billed_lines(3)
    a_source(paid.customer_id, 300_00)
    a_source(paid.customer_id, 900_00)
    a_source(failed.customer_id, 0)
    slow = a_source(asked.customer_id, 900_00)
    gone = a_source(asked.customer_id, 900_00)
    remove_source(owner=asked.customer_id, source=gone.uuid, on=DUE_DAY)
    choose_autopay(owner=paid.customer_id, purpose="huabei.line", amount="full", on=DUE_DAY)
    choose_autopay(owner=paid.customer_id, purpose="huabei.line", amount="off", on=DUE_DAY)
    choose_autopay(owner=paid.customer_id, purpose="huabei.line", amount="full", on=DUE_DAY)
    simulator.script(token=slow.token, behaviours=["answers_later"])
    collect()
    found = {order.owner: order.pk for order in PaymentOrder.objects.all()}
    return [found[line.customer_id] for line in (paid, failed, asked)]


@pytest.fixture(scope="module")
def orders(once: Callable[[Callable[[], list[int]]], list[int]]) -> list[int]:
    return once(_paid_failed_and_asked)


@pytest.fixture
def world(orders: list[int]) -> World:
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    return World(*(PaymentOrder.objects.get(pk=pk) for pk in orders))


def execute(statement: str, *, as_owner: bool = False) -> None:
    """Runs a statement; where it is refused, the role is the application's again."""
    with transaction.atomic(), connection.cursor() as cursor:
        if as_owner:
            cursor.execute("RESET ROLE")
        cursor.execute(statement)


@pytest.mark.parametrize("table", FACTS)
def test_the_application_role_may_not_change_a_fact(world: World, table: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(f"UPDATE {table} SET recorded_at = now()")


@pytest.mark.parametrize("table", [*FACTS, *KEPT])
@pytest.mark.parametrize("verb", ["DELETE FROM", "TRUNCATE"])
def test_nobody_removes_what_happened(world: World, table: str, verb: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(f"{verb} {table}")
    with pytest.raises(DatabaseError, match=REFUSED):
        execute(f"{verb} {table}{' CASCADE' if verb == 'TRUNCATE' else ''}", as_owner=True)


# fmt: off
REWRITTEN = [
    *[f"UPDATE payments_paymentorder SET {change}" for change in (
        "amount_fen = amount_fen + 1", "owner = gen_random_uuid()", "purpose = 'x'", "subject = 'x'", "reference = 'x'",
        "direction = 'pay_out'", "source_id = 1", "ordered_on = ordered_on + 1", "uuid = gen_random_uuid()",
        "request_hash = ''")],
    "UPDATE payments_paymentorder SET confirmed_fen = confirmed_fen - 1 WHERE state = 'confirmed'",
    "UPDATE payments_paymentorder SET ended_on = ended_on + 1 WHERE state = 'confirmed'",
    "UPDATE payments_paymentorder SET state = 'sent', ended_on = NULL WHERE state = 'confirmed'",
    *[f"UPDATE payments_paymentattempt SET {change}" for change in (
        "amount_fen = amount_fen + 1", "order_id = order_id + 1", "source_id = source_id + 1", "reference = 'x'",
        "asked_on = asked_on + 1")],
    *[f"UPDATE payments_paymentattempt SET {change} WHERE state = 'moved'" for change in (
        "state = 'asked', moved_fen = 0, moved_on = NULL, answered_on = NULL, settled_on = NULL",
        "state = 'failed', moved_fen = 0, moved_on = NULL", "moved_fen = 1", "moved_on = moved_on + 1",
        "answered_on = answered_on + 1", "reason = 'x'", "settled_on = NULL", "settled_on = settled_on + 1")],
    *[f"UPDATE payments_fundingsource SET {change}" for change in (
        "owner = gen_random_uuid()", "kind = 'wallet'", "token = 'x'", "added_on = added_on + 1")],
    "UPDATE payments_fundingsource SET removed_on = NULL, position = 9 WHERE removed_on IS NOT NULL",
]
# fmt: on


@pytest.mark.parametrize("statement", REWRITTEN)
def test_what_happened_is_not_rewritten(world: World, statement: str) -> None:
    for as_owner in (False, True):
        with pytest.raises(DatabaseError, match=REFUSED):
            execute(statement, as_owner=as_owner)


@pytest.mark.parametrize("before", ORDER_TRANSITIONS)
@pytest.mark.parametrize("after", ORDER_TRANSITIONS)
def test_an_order_goes_the_ways_of_the_table_and_no_other(world: World, before: str, after: str) -> None:
    """The checks on amounts put aside, so that only the guard of the ways answers."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("ALTER TABLE payments_paymentorder DROP CONSTRAINT payment_ends_as_it_went")
        cursor.execute(
            "ALTER TABLE payments_paymentorder DISABLE TRIGGER payments_paymentorder_goes_its_ways"
        )
        cursor.execute("UPDATE payments_paymentorder SET state = %s WHERE id = %s", [before, world.asked.pk])
        cursor.execute("ALTER TABLE payments_paymentorder ENABLE TRIGGER payments_paymentorder_goes_its_ways")
    allowed = after == before or after in ORDER_TRANSITIONS[before]
    statement = f"UPDATE payments_paymentorder SET state = '{after}' WHERE id = {world.asked.pk}"
    if allowed:
        execute(statement)
    else:
        with pytest.raises(DatabaseError, match=REFUSED):
            execute(statement)


# fmt: off
NONSENSE = [
    ("UPDATE payments_paymentorder SET state = 'gone' WHERE state = 'sent'", "goes_its_ways|facts are corrected"),
    ("UPDATE payments_paymentorder SET confirmed_fen = amount_fen + 1 WHERE state = 'sent'",
     "payment_confirmed_within_amount"),
    ("UPDATE payments_paymentorder SET state = 'confirmed', ended_on = ordered_on WHERE state = 'sent'",
     "payment_ends_as_it_went"),
    ("UPDATE payments_paymentorder SET state = 'failed', ended_on = ordered_on, confirmed_fen = 1 WHERE state = 'sent'",
     "payment_ends_as_it_went"),
    ("UPDATE payments_paymentorder SET state = 'failed' WHERE state = 'sent'", "payment_ends_as_it_went"),
    ("UPDATE payments_paymentattempt SET moved_fen = 1 WHERE state = 'asked'", "attempt_answered_as_it_went"),
    ("UPDATE payments_paymentattempt SET settled_on = asked_on WHERE state = 'asked'", "attempt_answered_as_it_went"),
    ("UPDATE payments_paymentattempt SET state = 'moved', moved_fen = amount_fen + 1, moved_on = asked_on,"
     " answered_on = asked_on WHERE state = 'asked'", "attempt_answered_as_it_went"),
    ("UPDATE payments_paymentattempt SET state = 'moved', moved_fen = 1, answered_on = asked_on WHERE state = 'asked'",
     "attempt_answered_as_it_went"),
    ("UPDATE payments_paymentattempt SET state = 'gone' WHERE state = 'asked'", "attempt_answered_as_it_went"),
    ("UPDATE payments_fundingsource SET position = 0 WHERE removed_on IS NULL", "source_removed_has_no_place"),
    ("UPDATE payments_fundingsource SET position = NULL WHERE removed_on IS NULL", "source_removed_has_no_place"),
    ("UPDATE payments_fundingsource SET autopay = true WHERE removed_on IS NOT NULL", "source_removed_has_no_place"),
    ("UPDATE payments_fundingsource SET position = 1 WHERE position = 2", "source_one_per_place"),
    ("UPDATE payments_simulatedaccount SET balance_fen = -1", "simulated_balance_not_negative"),
    ("INSERT INTO payments_sourceevent (source_id, what, done_on) SELECT id, 'sold', added_on FROM payments_fundingsource",
     "source_event_known"),
    ("INSERT INTO payments_autopaychoice (owner, purpose, amount, chosen_on) VALUES (gen_random_uuid(), 'x', 'half', now())",
     "autopay_amount_known"),
]
# fmt: on


@pytest.mark.parametrize(("statement", "constraint"), NONSENSE)
def test_nonsense_cannot_be_written(world: World, statement: str, constraint: str) -> None:
    with pytest.raises(DatabaseError, match=constraint):
        execute(statement)


# Copies of rows, each with one thing changed where a column must stay unique.
# fmt: off
COPIES = [
    ("payments_paymentorder", {"uuid": "gen_random_uuid()"}, "payment_once_per_reference", "state = 'failed'"),
    ("payments_paymentorder", {"reference": "'x'", "uuid": "gen_random_uuid()"}, "payment_one_collection_at_a_time",
     "state = 'sent'"),
    ("payments_paymentorder", {"reference": "'x'", "uuid": "gen_random_uuid()", "direction": "'gift'"},
     "payment_direction_known", "state = 'failed'"),
    ("payments_paymentorder", {"reference": "'x'", "uuid": "gen_random_uuid()", "direction": "'pay_out'"},
     "payment_out_to_one_source_whole", "state = 'failed'"),
    ("payments_paymentorder", {"reference": "'x'", "uuid": "gen_random_uuid()", "state": "'gone'"},
     "payment_state_known|payment_ends_as_it_went", "state = 'failed'"),
    ("payments_paymentattempt", {}, "attempt_once_per_reference|attempt_once_per_source", "state = 'failed'"),
    ("payments_paymentattempt", {"reference": "'x'"}, "attempt_once_per_source", "state = 'failed'"),
    ("payments_paymentattempt",
     {"reference": "'x'", "source_id": "(SELECT min(id) FROM payments_fundingsource)"}, "attempt_one_at_a_time",
     "state = 'asked'"),
    ("payments_fundingsource", {"uuid": "gen_random_uuid()", "position": "9"}, "source_token_used_once",
     "removed_on IS NULL"),
    ("payments_fundingsource", {"uuid": "gen_random_uuid()", "token": "'x'"}, "source_one_per_place", "removed_on IS NULL"),
    ("payments_fundingsource", {"uuid": "gen_random_uuid()", "token": "'x'", "kind": "'cash'", "position": "9"},
     "source_kind_known", "removed_on IS NULL"),
]
# fmt: on


@pytest.mark.parametrize(("table", "changes", "constraint", "which"), COPIES)
def test_what_happened_once_cannot_be_written_again(
    world: World, table: str, changes: dict[str, str], constraint: str, which: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name <> 'id'",
            [table],
        )
        columns = [name for (name,) in cursor.fetchall()]
    given = ", ".join(changes.get(name, name) for name in columns)
    with pytest.raises(IntegrityError, match=constraint):
        execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {given} FROM {table} WHERE {which} LIMIT 1"
        )


# What is done to the world, and every rule that it breaks; the one that the case is about comes first.
# fmt: off
BREAKAGES = [
    ("payment_confirmed", "UPDATE payments_paymentorder SET confirmed_fen = confirmed_fen - 1 WHERE state = 'confirmed'", ""),
    ("payment_attempts", "UPDATE payments_paymentattempt SET amount_fen = amount_fen + 1 WHERE state = 'asked'", ""),
    ("payment_attempts", "UPDATE payments_paymentorder SET state = 'failed', ended_on = ordered_on WHERE state = 'sent'", ""),
    ("payment_sources", "UPDATE payments_fundingsource SET owner = gen_random_uuid()", ""),
    ("payment_settled", "DELETE FROM huabei_repayment WHERE reference LIKE 'payment:%'", ""),
    ("payment_settled", "UPDATE huabei_repayment SET reference = 'payment:x' WHERE reference LIKE 'payment:%-1'", ""),
    ("payment_settled", "UPDATE payments_paymentattempt SET settled_on = NULL, answered_on = answered_on - 1"
     " WHERE reference LIKE '%-1' AND state = 'moved'", ""),
    ("payment_guards", "DROP INDEX payment_one_collection_at_a_time", ""),
    ("payment_guards", "ALTER TABLE payments_paymentorder DISABLE TRIGGER payments_paymentorder_stays_ended", ""),
    ("payment_guards", "ALTER TABLE payments_paymentattempt DROP CONSTRAINT attempt_answered_as_it_went", ""),
    ("payment_guards", "GRANT UPDATE (amount) ON payments_autopaychoice TO {role}", ""),
]
# fmt: on


def as_owner(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement.replace("{role}", settings.DATABASE_ROLE))
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute(f"SET ROLE {settings.DATABASE_ROLE}")


def broken_rules() -> set[str]:
    return {finding.check.name for finding in verify(audit.CHECKS) if not finding.holds}


def test_the_world_passes_every_check(world: World) -> None:
    assert broken_rules() == set()
    assert closing.business_date() == DUE_DAY


@pytest.mark.parametrize(("rule", "statement", "also"), BREAKAGES)
def test_a_check_goes_red_on_a_world_broken_on_purpose(
    world: World, rule: str, statement: str, also: str
) -> None:
    as_owner(statement)
    assert rule in broken_rules()
    assert broken_rules() <= {rule, *also.split()} | {"line_repayments", "line_credit"}


def test_every_check_of_payments_is_broken_by_some_case() -> None:
    assert {rule for rule, _statement, _also in BREAKAGES} == {check.name for check in CHECKS} | {
        "payment_settled"
    }


def test_what_was_collected_is_not_repaid_under_its_name_by_anybody_else(world: World) -> None:
    repay(line_id=Line.objects.latest("pk").pk, amount_fen=1, reference="payment:forged", on=DUE_DAY)
    assert broken_rules() == {"payment_settled"}
