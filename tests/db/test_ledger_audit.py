"""Every check of the books goes red on books broken on purpose, by raw SQL as the owner with the guards put aside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from ledger import services
from ledger.audit import CHECKS, FAULTS_SHOWN, Fault, verify
from ledger.chart import CASH_CLEARING, COMMITMENT, COMMITMENT_CONTROL
from ledger.models import TransferKind
from ledger.services import Draft, Leg, Posted
from operations import audit

pytestmark = pytest.mark.django_db

DAY = date(2026, 6, 1)
CONTROL = COMMITMENT_CONTROL.control_id
CASH = CASH_CLEARING.control_id


@dataclass(frozen=True)
class Books:
    """Sound books with something of every kind in them; ids to break them by."""

    line: int
    granted: Posted
    settled_reservation: int
    settlement: int
    released_reservation: int
    release: int
    open_reservation: int
    draw: Posted
    drawn: int
    reversal: Posted

    def broken_by(self, statement: str) -> str:
        """The statement with its names in braces replaced by ids."""
        entries = {"granted_entry": self.granted.entry_id, "reversal_entry": self.reversal.entry_id}
        draw_entry = self.draw.entry_id
        return statement.format(
            **vars(self),
            **entries,
            draw_entry=draw_entry,
            control=CONTROL,
            cash=CASH,
            role=settings.DATABASE_ROLE,
        )


@pytest.fixture
def books() -> Books:
    line = services.open_account(account_type=COMMITMENT)

    def post(reference: str, *legs: Leg) -> Posted:
        return services.post(draft=Draft(reference=reference, event="test", booked_on=DAY, legs=legs))

    granted = post("grant", Leg(CONTROL, line, 10_000))
    reserved = post("reserve", *(Leg(line, CONTROL, fen, TransferKind.PENDING) for fen in (900, 800, 700)))
    first, second, third = reserved.transfer_ids
    settlement = post("settle", Leg(line, CONTROL, 500, TransferKind.SETTLED, first)).transfer_ids[0]
    release = post("release", Leg(line, CONTROL, 800, TransferKind.RELEASED, second)).transfer_ids[0]
    draw = post("draw", Leg(line, CONTROL, 300), Leg(line, CONTROL, 40, TransferKind.PENDING))
    reversal = services.reverse(entry_id=draw.entry_id, reference="undo", booked_on=DAY + timedelta(days=1))
    return Books(
        line, granted, first, settlement, second, release, third, draw, draw.transfer_ids[0], reversal
    )


def as_owner(*statements: str, guards: bool = False) -> None:
    """Runs the statements as the owner, with the triggers put aside unless the guards are to stay."""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        if not guards:
            cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute(f"SET ROLE {settings.DATABASE_ROLE}")


def broken_rules() -> set[str]:
    return {finding.check.name for finding in verify() if not finding.holds}


def faults(name: str) -> list[Fault]:
    (finding,) = (finding for finding in verify() if finding.check.name == name)
    return list(finding.faults)


def test_sound_books_pass_every_check_and_something_was_examined(books: Books) -> None:
    findings = list(verify())
    assert [finding.check.name for finding in findings if not finding.holds] == []
    assert [finding.check.name for finding in findings if finding.rows_examined == 0] == []


# What is done to the books, and every rule that it breaks. The rule that the case is about comes first.
# fmt: off
BREAKAGES = [
    (
        "trial_balance",
        "UPDATE ledger_account SET debits_posted_fen = debits_posted_fen + 1 WHERE id = {line}",
        "counters",
    ),
    (
        "trial_balance",
        "UPDATE ledger_transfer SET credit_account_id = {line}, debit_account_id = {cash} WHERE id = {drawn}",
        "counters reversals",
    ),
    (
        "counters",
        "UPDATE ledger_account SET debits_pending_fen = debits_pending_fen - 1 WHERE id = {line}",
        "",
    ),
    ("counters", "UPDATE ledger_account SET credits_pending_fen = 1 WHERE id = {line}", ""),
    (
        "counters",
        "UPDATE ledger_account SET debits_posted_fen = 1, credits_posted_fen = credits_posted_fen + 1"
        " - debits_posted_fen WHERE id = {line}",
        "",
    ),
    (
        "counters",
        "UPDATE ledger_transfer SET amount_fen = amount_fen + 1 WHERE id = {settlement}",
        "trial_balance",
    ),
    ("counters", "UPDATE ledger_transfer SET amount_fen = amount_fen + 1 WHERE id = {open_reservation}", ""),
    ("counters", "DELETE FROM ledger_transfer WHERE id = {release}", "transfers_of_entry"),
    (
        "control_accounts",
        "ALTER TABLE ledger_account DROP CONSTRAINT account_control_has_no_counters;"
        "UPDATE ledger_account SET credits_posted_fen = 5 WHERE id = {control}",
        "guards",
    ),
    (
        "caps",
        "ALTER TABLE ledger_account DROP CONSTRAINT account_debits_within_credits;"
        "UPDATE ledger_account SET debits_pending_fen = 10000 WHERE id = {line}",
        "counters guards",
    ),
    ("chart", "UPDATE ledger_account SET cap = '' WHERE id = {line}", ""),
    (
        "chart",
        "UPDATE ledger_account SET cap = 'credits', debits_posted_fen = 20000 WHERE id = {line}",
        "trial_balance counters",
    ),
    ("chart", "UPDATE ledger_account SET type_code = 'fee_income' WHERE id = {line}", ""),
    ("chart", "DELETE FROM ledger_account WHERE id = 6003", ""),
    ("chart", "UPDATE ledger_account SET owner = gen_random_uuid() WHERE id = {control}", ""),
    ("entry_of_transfer", "DELETE FROM ledger_entry WHERE id = {granted_entry}", ""),
    (
        "accounts_of_transfer",
        "UPDATE ledger_transfer SET credit_account_id = 777 WHERE id = {settlement}",
        "trial_balance resolved_within",
    ),
    (
        "accounts_of_transfer",
        "UPDATE ledger_transfer SET debit_account_id = 777 WHERE id = {open_reservation}",
        "counters",
    ),
    ("accounts_of_transfer", "DELETE FROM ledger_account WHERE id = {line}", "trial_balance"),
    (
        "transfers_of_entry",
        "INSERT INTO ledger_entry (reference, event, booked_on, value_on)"
        " VALUES ('empty', 'test', '2026-06-01', '2026-06-01')",
        "",
    ),
    (
        "resolved_once",
        "DROP INDEX transfer_pending_resolved_once; INSERT INTO ledger_transfer"
        " (entry_id, kind, debit_account_id, credit_account_id, amount_fen, pending_id, booked_on)"
        " VALUES ({granted_entry}, 3, {line}, {control}, 800, {released_reservation}, '2026-06-01')",
        "guards",
    ),
    ("resolved_within", "UPDATE ledger_transfer SET amount_fen = 499 WHERE id = {settled_reservation}", ""),
    ("resolved_within", "UPDATE ledger_transfer SET amount_fen = 799 WHERE id = {release}", ""),
    (
        "resolved_within",
        "UPDATE ledger_transfer SET credit_account_id = {cash} WHERE id = {released_reservation}",
        "",
    ),
    ("resolved_within", "UPDATE ledger_transfer SET pending_id = {drawn} WHERE id = {release}", "counters"),
    ("resolved_within", "UPDATE ledger_transfer SET pending_id = 777777 WHERE id = {release}", "counters"),
    ("booked_on", "UPDATE ledger_transfer SET booked_on = '2026-06-02' WHERE id = {drawn}", ""),
    ("reversals", "UPDATE ledger_entry SET reverses_id = 777777 WHERE id = {reversal_entry}", ""),
    (
        "reversals",
        "UPDATE ledger_entry SET reverses_id = NULL WHERE id = {reversal_entry};"
        "UPDATE ledger_entry SET reverses_id = {draw_entry} WHERE id = {granted_entry}",
        "",
    ),
    (
        "reversals",
        "UPDATE ledger_transfer SET entry_id = {reversal_entry}, booked_on = '2026-06-02' WHERE id = {drawn}",
        "",
    ),
    ("guards", "ALTER TABLE ledger_transfer DISABLE TRIGGER ledger_transfer_counts", ""),
    ("guards", "ALTER TABLE ledger_entry ENABLE REPLICA TRIGGER ledger_entry_is_append_only", ""),
    ("guards", "DROP TRIGGER ledger_account_is_not_deleted ON ledger_account", ""),
    ("guards", "ALTER TABLE ledger_transfer DROP CONSTRAINT transfer_amount_positive", ""),
    (
        "guards",
        "ALTER TABLE ledger_transfer DROP CONSTRAINT transfer_amount_positive, "
        "ADD CONSTRAINT transfer_amount_positive CHECK (amount_fen > 0) NOT VALID",
        "",
    ),
    ("guards", "DROP INDEX entry_reversed_once", ""),
    ("guards", "GRANT UPDATE (amount_fen) ON ledger_transfer TO {role}", ""),
    ("guards", "GRANT DELETE ON ledger_entry TO {role}", ""),
]
# fmt: on


@pytest.mark.parametrize(("rule", "statements", "also"), BREAKAGES)
def test_a_check_goes_red_on_books_broken_on_purpose(
    books: Books, rule: str, statements: str, also: str
) -> None:
    as_owner(*books.broken_by(statements).split(";"))
    assert broken_rules() == {rule, *also.split()}


def test_every_check_of_the_ledger_is_broken_by_some_case() -> None:
    assert {rule for rule, _statements, _also in BREAKAGES} == {check.name for check in CHECKS}


def test_what_lies_beyond_a_cap_is_named_although_its_counters_are_right(books: Books) -> None:
    as_owner("ALTER TABLE ledger_account DROP CONSTRAINT account_debits_within_credits", guards=True)
    leg = Leg(books.line, CONTROL, 10_000)
    services.post(draft=Draft(reference="too much", event="test", booked_on=DAY, legs=(leg,)))
    assert broken_rules() == {"caps", "guards"}
    # 10,000 granted; 500 settled, 700 still reserved, and 300 drawn and given back, which counts on both sides.
    assert faults("caps") == [Fault("ledger_account", str(books.line), "debits <= 10300", "debits = 11500")]


def test_a_fault_names_the_row_what_was_expected_and_what_was_found(books: Books) -> None:
    as_owner(f"UPDATE ledger_account SET debits_pending_fen = 701 WHERE id = {books.line}")
    (fault,) = faults("counters")
    assert (fault.table, fault.id) == ("ledger_account", str(books.line))
    assert fault.expected == (
        "debits_pending_fen=700 debits_posted_fen=800 credits_pending_fen=0 credits_posted_fen=10300"
    )
    assert fault.found == (
        "debits_pending_fen=701 debits_posted_fen=800 credits_pending_fen=0 credits_posted_fen=10300"
    )


def test_a_missing_row_is_expected_and_nothing_found(books: Books) -> None:
    as_owner(f"DELETE FROM ledger_entry WHERE id = {books.granted.entry_id}")
    (fault,) = faults("entry_of_transfer")
    expected = Fault(
        "ledger_transfer", str(books.granted.transfer_ids[0]), f"ledger_entry {books.granted.entry_id}", None
    )
    assert fault == expected


def test_the_first_faults_are_shown_in_the_order_of_their_ids_and_that_there_are_more() -> None:
    as_owner(
        "INSERT INTO ledger_entry (id, reference, event, booked_on, value_on)"
        " SELECT n, 'empty ' || n, 'test', '2026-06-01', '2026-06-01' FROM generate_series(90, 120) AS n"
    )
    (finding,) = (finding for finding in verify() if finding.check.name == "transfers_of_entry")
    assert [fault.id for fault in finding.faults] == [str(n) for n in range(90, 90 + FAULTS_SHOWN)]
    assert finding.more


def test_verify_books_prints_each_check_and_ends_well_on_sound_books(books: Books) -> None:
    out = StringIO()
    call_command("verify_books", stdout=out, no_color=True)
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines[: len(audit.CHECKS)]] == [check.name for check in audit.CHECKS]
    assert len(lines) == len(audit.CHECKS) + 1


def test_verify_books_names_the_rows_at_fault_and_fails(books: Books) -> None:
    as_owner(f"UPDATE ledger_account SET debits_pending_fen = 701 WHERE id = {books.line}")
    out = StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("verify_books", stdout=out, no_color=True)
    assert failure.value.returncode == 1
    (named,) = (line for line in out.getvalue().splitlines() if line.startswith(" "))
    assert f"ledger_account {books.line}" in named
    assert "debits_pending_fen=700" in named
    assert "debits_pending_fen=701" in named


def test_verify_books_answers_in_json(books: Books) -> None:
    def answer() -> dict[str, object]:
        out = StringIO()
        try:
            call_command("verify_books", json=True, stdout=out)
        finally:
            document: dict[str, object] = json.loads(out.getvalue())
            documents.append(document)
        return document

    documents: list[dict[str, object]] = []
    assert answer()["holds"] is True
    as_owner(f"UPDATE ledger_account SET debits_pending_fen = 701 WHERE id = {books.line}")
    with pytest.raises(CommandError):
        answer()
    assert documents[1]["holds"] is False
    checks = {check["name"]: check for check in documents[1]["checks"]}  # type: ignore[attr-defined]
    assert checks["counters"]["faults"][0]["id"] == str(books.line)
    assert (checks["counters"]["holds"], checks["caps"]["holds"]) == (False, True)
