"""PostgreSQL refuses what must not happen to lines, whoever asks. Each guard is broken here on purpose, by raw SQL."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from huabei.models import Line, Merchant, Purchase, Segment
from huabei.services import corrections, lifecycle, limits, repayments
from huabei.services.bulk import freeze_lines, thaw_chosen
from huabei.services.captures import capture
from huabei.services.causes import Why
from huabei.services.reviews import review
from tests.line_world import a_document, a_line, a_merchant, authorised, bought, end_day

pytestmark = pytest.mark.django_db


@pytest.fixture
def late() -> tuple[Line, Merchant, Purchase]:
    """A line of which the minimum was missed and something was repaid and refunded since, its shop and purchase."""
    line, shop = a_line(), a_merchant()
    purchase = bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    end_day(date(2026, 7, 10))
    repayments.repay(line_id=line.pk, amount_fen=50_00, reference="r", on=date(2026, 7, 20))
    repayments.refund(purchase_id=purchase.pk, amount_fen=10_00, reference="r", on=date(2026, 7, 21))
    end_day(date(2026, 7, 21))
    bounced = repayments.repay(line_id=line.pk, amount_fen=1_00, reference="b", on=date(2026, 7, 21))
    corrections.reverse_repayment(repayment_id=bounced.pk, reason="", on=date(2026, 7, 21))
    other = a_line()
    limits.change_limit(
        line_id=other.pk, limit_fen=1_00, why=Why("risk", "staff:1", "a"), on=date(2026, 7, 21)
    )
    limits.raise_temporarily(
        line_id=other.pk,
        amount_fen=1_00,
        last_day=date(2026, 8, 1),
        why=Why("travel", "staff:1", "b"),
        on=date(2026, 7, 21),
    )
    thawed = lifecycle.freeze(line_id=other.pk, why=Why("fraud", "staff:1", "a"), on=date(2026, 7, 21))
    lifecycle.thaw(freeze_id=thawed.pk, why=Why("cleared", "staff:1", "a"), on=date(2026, 7, 21))
    freeze_lines(line_ids=[a_line().pk], why=Why("fraud", "staff:1", "many"), on=date(2026, 7, 21))
    freeze_lines(line_ids=[a_line().pk], why=Why("cash_out", "staff:1", "more"), on=date(2026, 7, 21))
    thaw_chosen(
        line_ids=list(Line.objects.values_list("pk", flat=True)),
        freeze_cause="cash_out",
        why=Why("cleared", "staff:1", "all"),
        on=date(2026, 7, 21),
    )
    lifecycle.close(line_id=a_line().pk, why=Why("fraud", "staff:1", "a"), on=date(2026, 7, 21))
    reviewed = a_line(opened_on=date(2026, 1, 21))
    review(on=date(2026, 7, 21), line_ids=[reviewed.pk])
    a_document(line)
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    return line, shop, purchase


def execute(statement: str, *, as_owner: bool = False) -> None:
    """Runs a statement; where it is refused, the role is the application's again."""
    with transaction.atomic(), connection.cursor() as cursor:
        if as_owner:
            cursor.execute("RESET ROLE")
        cursor.execute(statement)


FACTS = ["huabei_statement", "huabei_repayment", "huabei_refund", "huabei_accrual", "huabei_correction"]
KEPT = [
    *FACTS,
    "huabei_refundshare",
    "huabei_calendarchange",
    "huabei_segment",
    "huabei_purchase",
    "huabei_capture",
    "huabei_line",
    "huabei_due",
    "huabei_statementdocument",
    "huabei_bulkfreeze",
    "huabei_bulkthaw",
    "huabei_freeze",
]


@pytest.mark.parametrize("table", FACTS)
def test_the_application_role_may_not_change_a_fact(late: object, table: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(f"UPDATE {table} SET entry_id = NULL")


@pytest.mark.parametrize(
    "verb", ["UPDATE huabei_refundshare SET amount_fen = 1", "DELETE FROM huabei_refundshare"]
)
def test_even_the_owner_may_not_change_what_a_refund_took_from_a_capture(late: object, verb: str) -> None:
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
        execute(verb, as_owner=True)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE huabei_purchase SET captured_fen = captured_fen - 1",
        "UPDATE huabei_purchase SET posted_on = posted_on + 1",
        "UPDATE huabei_purchase SET hold_transfer_id = 1",
    ],
)
def test_what_was_captured_of_a_purchase_that_still_holds_stays(late: object, statement: str) -> None:
    purchase = authorised(a_line(), a_merchant(), 90_00, date(2026, 7, 21))
    capture(purchase_id=purchase.pk, amount_fen=20_00, on=date(2026, 7, 21), final=False)
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
        execute(f"{statement} WHERE id = {purchase.pk}")


@pytest.mark.parametrize(
    "verb",
    [
        "UPDATE huabei_statementdocument SET made_at = now()",
        "DELETE FROM huabei_statementdocument",
        "TRUNCATE huabei_statementdocument",
    ],
)
def test_even_the_owner_may_not_change_a_document(late: object, verb: str) -> None:
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
        execute(verb, as_owner=True)
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(verb)


@pytest.mark.parametrize(
    "verb",
    [
        "UPDATE huabei_bulkthaw SET cause = 'goodwill'",
        "DELETE FROM huabei_bulkthaw",
        "TRUNCATE huabei_bulkthaw CASCADE",
        "UPDATE huabei_bulkfreeze SET cause = 'cash_out'",
        "DELETE FROM huabei_bulkfreeze",
        "TRUNCATE huabei_bulkfreeze CASCADE",
    ],
)
def test_even_the_owner_may_not_change_an_act_on_many_lines(late: object, verb: str) -> None:
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
        execute(verb, as_owner=True)
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(verb)


@pytest.mark.parametrize(
    "values",
    [
        "'zh-hans', sha256('other'), 4, 1, 'file'",
        "'zh-hans', sha256('file'), 5, 1, 'file'",
        "'en', sha256('file'), 4, 1, 'file'",
    ],
)
def test_a_document_has_its_own_hash_and_size_and_there_is_one_per_language(
    late: object, values: str
) -> None:
    with pytest.raises(IntegrityError, match="statement_document_"):
        execute(
            "INSERT INTO huabei_statementdocument (statement_id, language, sha256, size, template_version, content)"
            f" SELECT statement_id, {values} FROM huabei_statementdocument"
        )


@pytest.mark.parametrize("table", KEPT)
@pytest.mark.parametrize("verb", ["DELETE FROM", "TRUNCATE"])
def test_the_application_role_may_not_remove_what_happened(late: object, table: str, verb: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(f"{verb} {table}")


@pytest.mark.parametrize("table", FACTS)
@pytest.mark.parametrize("statement", ["UPDATE {} SET entry_id = 7", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_even_the_owner_may_not_change_a_fact(late: object, table: str, statement: str) -> None:
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
        execute(statement.format(table), as_owner=True)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE huabei_segment SET principal_fen = 1 WHERE until IS NULL",
        "UPDATE huabei_segment SET carried_fen = 1 WHERE until IS NULL",
        "UPDATE huabei_segment SET since = since - 1 WHERE until IS NULL",
        "UPDATE huabei_segment SET until = '2026-08-01' WHERE until IS NOT NULL",
        "UPDATE huabei_segment SET until = NULL WHERE until IS NOT NULL",
        "UPDATE huabei_purchase SET state = 'voided'",
        "UPDATE huabei_purchase SET state = 'authorised', captured_fen = 0, posted_on = NULL",
        "UPDATE huabei_purchase SET captured_fen = captured_fen - 1",
        "UPDATE huabei_purchase SET posted_on = posted_on + 1",
        "UPDATE huabei_purchase SET refunded_fen = 0",
        "UPDATE huabei_purchase SET amount_fen = amount_fen + 1",
        "UPDATE huabei_purchase SET line_id = line_id + 1",
        "UPDATE huabei_purchase SET reference = 'another'",
        "UPDATE huabei_purchase SET hold_transfer_id = 1",
        "UPDATE huabei_line SET status = 'active' WHERE status = 'closed'",
        "UPDATE huabei_freeze SET cause = 'cash_out'",
        "UPDATE huabei_freeze SET bulk_id = NULL WHERE bulk_id IS NOT NULL",
        "UPDATE huabei_freeze SET thawed_on = NULL, thaw_cause = '', thawed_by = ''",
        "UPDATE huabei_temporarylimit SET amount_fen = 1",
        "UPDATE huabei_temporarylimit SET last_day = last_day + 1",
        "UPDATE huabei_capture SET amount_fen = amount_fen + 1",
        "UPDATE huabei_capture SET posted_on = posted_on + 1",
        "UPDATE huabei_capture SET purchase_id = 1",
        "UPDATE huabei_capture SET is_final = NOT is_final",
        "UPDATE huabei_capture SET entry_id = 1",
        "UPDATE huabei_capture SET refunded_fen = refunded_fen - 1",
        "UPDATE huabei_due SET due_on = due_on + 10",
        "UPDATE huabei_due SET issued_on = issued_on + 1",
        "UPDATE huabei_due SET statement_id = NULL",
        "UPDATE huabei_line SET instalment_account_id = billed_account_id",
        "UPDATE huabei_line SET customer_id = gen_random_uuid()",
        "UPDATE huabei_line SET billed_account_id = unbilled_account_id",
    ],
)
def test_what_happened_to_a_line_is_not_rewritten(late: object, statement: str) -> None:
    for as_owner in (False, True):
        with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
            execute(statement, as_owner=as_owner)


def test_a_segment_may_be_closed_once(late: tuple[Line, Merchant, Purchase]) -> None:
    execute("UPDATE huabei_segment SET until = '2026-08-01' WHERE until IS NULL")
    assert not Segment.objects.filter(until__isnull=True).exists()


# fmt: off
NONSENSE = [
    ("UPDATE huabei_purchase SET refunded_fen = captured_fen + 1", "purchase_amounts_in_order"),
    ("UPDATE huabei_purchase SET state = 'captured' WHERE state = 'authorised'", "purchase_captured_is_posted"),
    ("UPDATE huabei_purchase SET captured_fen = 1 WHERE state = 'authorised'", "purchase_captured_is_posted"),
    ("UPDATE huabei_capture SET refunded_fen = amount_fen + 1", "capture_refunded_within_amount"),
    ("UPDATE huabei_purchase SET state = 'captured', captured_fen = amount_fen + 1, posted_on = '2026-08-01'"
     " WHERE state = 'authorised'", "purchase_amounts_in_order"),
    ("UPDATE huabei_purchase SET state = 'gone' WHERE state = 'authorised'", "purchase_state_known"),
    ("UPDATE huabei_due SET outstanding_fen = -1", "due_outstanding_within_minimum"),
    ("UPDATE huabei_due SET outstanding_fen = minimum_fen + 1", "due_outstanding_within_minimum"),
    ("UPDATE huabei_due SET is_asked = false", "due_not_asked_is_nothing"),
    ("UPDATE huabei_segment SET until = since - 1 WHERE until IS NULL", "segment_not_backwards"),
    ("INSERT INTO huabei_segment (line_id, kind, principal_fen, daily_rate, since, carried_fen)"
     " SELECT line_id, kind, 1, 0.0005, since, 0 FROM huabei_segment WHERE until IS NULL", "segment_one_open_per_kind"),
    ("INSERT INTO huabei_segment (line_id, kind, principal_fen, daily_rate, since, carried_fen)"
     " VALUES (1, 'gift', 1, 0.0005, '2026-08-01', 0)", "segment_kind_known"),
    ("INSERT INTO huabei_segment (line_id, kind, principal_fen, daily_rate, since, carried_fen)"
     " VALUES (1, 'penalty', -1, 0.0005, '2026-08-01', 0)", "segment_amounts_sensible"),
    ("UPDATE huabei_line SET status = 'asleep', frozen_cause = '' WHERE status <> 'closed'", "line_status_known"),
    ("UPDATE huabei_line SET status = 'frozen', frozen_cause = '' WHERE status <> 'closed'", "line_frozen_for_a_cause"),
    ("UPDATE huabei_line SET status = 'active', frozen_cause = 'overdue'", "line_frozen_for_a_cause"),
    ("UPDATE huabei_line SET limit_fen = -1", "line_limit_not_negative"),
    ("UPDATE huabei_line SET temporary_fen = limit_fen + 1", "line_temporary_within_limit"),
    ("UPDATE huabei_temporarylimit SET ended_on = granted_on - 1", "temporary_limit_sensible"),
    ("INSERT INTO huabei_limitchange (line_id, kind, cause, by, note, reference, request_hash, changed_on, before_fen,"
     " after_fen, entry_id) SELECT line_id, kind, cause, by, '', 'new', request_hash, changed_on, 5, 5, 1"
     " FROM huabei_limitchange LIMIT 1", "limit_change_changes"),
    ("INSERT INTO huabei_limitchange (line_id, kind, cause, by, note, reference, request_hash, changed_on, before_fen,"
     " after_fen, entry_id) SELECT line_id, 'gift', cause, by, '', 'new', request_hash, changed_on, 5, 6, 1"
     " FROM huabei_limitchange LIMIT 1", "limit_change_kind_known"),
    ("INSERT INTO huabei_freeze (line_id, cause, by, note, reference, request_hash, frozen_on, thawed_on, thaw_cause,"
     " thawed_by, thaw_note) SELECT line_id, cause, by, '', 'new', request_hash, frozen_on, frozen_on, '', '', ''"
     " FROM huabei_freeze LIMIT 1", "freeze_ends_for_a_cause"),
    ("INSERT INTO huabei_freeze (line_id, cause, by, note, reference, request_hash, frozen_on, thaw_cause, thawed_by,"
     " thaw_note) SELECT id, 'fraud', 'staff:1', '', n::text, sha256('x'), opened_on, '', '', ''"
     " FROM huabei_line, generate_series(1, 2) AS n", "freeze_one_open_per_cause"),
    ("INSERT INTO huabei_bulkfreeze (cause, by, note, reference, request_hash, asked, frozen_on)"
     " SELECT cause, by, note, 'new', request_hash, 0, frozen_on FROM huabei_bulkfreeze", "bulk_freeze_asks_for_lines"),
    ("INSERT INTO huabei_bulkthaw (cause, by, note, reference, request_hash, freeze_cause, asked, thawed_on)"
     " SELECT cause, by, note, 'new', request_hash, freeze_cause, 0, thawed_on FROM huabei_bulkthaw",
     "bulk_thaw_asks_for_lines"),
    ("INSERT INTO huabei_bulkfreeze (cause, by, note, reference, request_hash, asked, frozen_on, undoes_id)"
     " SELECT 'fraud', by, '', 'new', request_hash, 1, thawed_on, id FROM huabei_bulkthaw", "bulk_freeze_undoes_its_like"),
    ("INSERT INTO huabei_bulkfreeze (cause, by, note, reference, request_hash, asked, frozen_on, undoes_id) SELECT"
     " freeze_cause, by, '', 'new', request_hash, 1, thawed_on - 1, id FROM huabei_bulkthaw", "bulk_freeze_undoes_its_like"),
    ("INSERT INTO huabei_bulkfreeze (cause, by, note, reference, request_hash, asked, frozen_on, undoes_id) SELECT"
     " freeze_cause, by, '', n::text, request_hash, 1, thawed_on, id FROM huabei_bulkthaw, generate_series(1, 2) AS n",
     "huabei_bulkfreeze_undoes_id_key"),
    ("UPDATE huabei_freeze SET bulk_thaw_id = 1 WHERE thawed_on IS NULL", "freeze_ended_by_an_act_has_ended"),
    ("UPDATE huabei_cause SET concern = 'weather'", "cause_concern_known"),
    ("UPDATE huabei_cause SET effective_to = effective_from", "cause_not_backwards"),
    ("UPDATE huabei_reviewterms SET months_between = 0", "review_terms_sensible"),
    ("UPDATE huabei_line SET statement_day = 31", "line_days_in_every_month"),
    ("UPDATE huabei_line SET due_day = statement_day", "line_days_in_every_month"),
    ("INSERT INTO huabei_accrual (closed_on, kind, accrued_fen, income_fen) SELECT closed_on, kind, 0, 0"
     " FROM huabei_accrual", "accrual_once_per_day_and_kind"),
]
# fmt: on


@pytest.mark.parametrize(("statement", "constraint"), NONSENSE)
def test_nonsense_cannot_be_written(
    late: tuple[Line, Merchant, Purchase], statement: str, constraint: str
) -> None:
    authorised(a_line(), late[1], 10_00, date(2026, 7, 21))
    with pytest.raises(IntegrityError, match=constraint):
        execute(statement)


# Copies of rows that happened once, each with one thing changed where a column must stay unique.
@pytest.mark.parametrize(
    ("table", "changes", "constraint"),
    [
        ("huabei_statement", {}, "statement_once_per_line_and_day"),
        ("huabei_statement", {"issued_on": "'2026-07-02'", "total_fen": "1"}, "statement_adds_up"),
        (
            "huabei_statement",
            {"issued_on": "'2026-07-02'", "due_on": "'2026-07-02'"},
            "statement_due_after_issue",
        ),
        (
            "huabei_statement",
            {"issued_on": "'2026-07-02'", "minimum_fen": "100001"},
            "statement_minimum_within_total",
        ),
        ("huabei_repayment", {}, "repayment_once_per_reference"),
        (
            "huabei_repayment",
            {"reference": "'x'", "amount_fen": "amount_fen + 1"},
            "repayment_fully_allocated",
        ),
        ("huabei_refund", {}, "refund_once_per_reference"),
        ("huabei_refund", {"reference": "'x'", "to_credit_fen": "1"}, "refund_goes_somewhere"),
        ("huabei_purchase", {}, "purchase_once_per_reference"),
        ("huabei_capture", {}, "capture_once_per_reference"),
        ("huabei_refundshare", {}, "refund_share_once_per_capture"),
        ("huabei_refundshare", {"amount_fen": "0"}, "refund_share_positive"),
        ("huabei_limitchange", {}, "limit_change_once_per_reference"),
        ("huabei_freeze", {}, "freeze_once_per_reference"),
        ("huabei_bulkfreeze", {}, "bulk_freeze_once_per_reference"),
        ("huabei_closure", {}, "huabei_closure_line_id_key"),
        ("huabei_limitreview", {}, "limit_review_once_a_day"),
        (
            "huabei_limitreview",
            {"reviewed_on": "'2026-07-22'", "outcome": "'x'"},
            "limit_review_outcome_known",
        ),
        ("huabei_cause", {}, "cause_once_per_day"),
        ("huabei_line", {"uuid": "gen_random_uuid()"}, "line_one_live_per_customer"),
        (
            "huabei_line",
            {"uuid": "gen_random_uuid()", "status": "'closed'", "frozen_cause": "''"},
            "line_commitment_account",
        ),
    ],
)
def test_what_happened_once_cannot_be_written_again(
    late: object, table: str, changes: dict[str, str], constraint: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name <> 'id'",
            [table],
        )
        columns = [name for (name,) in cursor.fetchall()]
    given = ", ".join(changes.get(name, name) for name in columns)
    with pytest.raises(IntegrityError, match=constraint):
        execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {given} FROM {table} LIMIT 1")


def test_a_closed_line_makes_room_for_another(late: tuple[Line, Merchant, Purchase]) -> None:
    line = late[0]
    execute(f"UPDATE huabei_line SET status = 'closed', frozen_cause = '' WHERE id = {line.pk}")
    execute(
        "INSERT INTO huabei_line (uuid, customer_id, status, frozen_cause, limit_fen, statement_day, due_day, opened_on,"
        " review_on, commitment_account_id, unbilled_account_id, billed_account_id, instalment_account_id,"
        " interest_account_id, fee_account_id, penalty_account_id, credit_account_id)"
        " SELECT gen_random_uuid(), customer_id, 'active', '', 1, 1, 10, '2026-08-01', '2027-02-01', 1, 2, 3, 4, 5, 6, 7, 8"
        f" FROM huabei_line WHERE id = {line.pk}"
    )
