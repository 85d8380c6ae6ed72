"""PostgreSQL refuses what must not happen to the books, whoever asks. Each guard is broken here on purpose, by raw SQL."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from ledger import selectors, services
from ledger.chart import COMMITMENT, COMMITMENT_CONTROL, PRINCIPAL_BILLED
from ledger.models import TransferKind
from ledger.services import AlreadyResolved, CapExceeded, Draft, DuplicateReference, Leg

pytestmark = pytest.mark.django_db

DAY = date(2026, 6, 1)


@pytest.fixture
def line() -> tuple[int, int]:
    """A commitment of 100.00 and its control account."""
    commitment = services.open_account(account_type=COMMITMENT)
    control = services.open_account(account_type=COMMITMENT_CONTROL)
    grant = Draft(reference="grant", event="t", booked_on=DAY, legs=(Leg(control, commitment, 10_000),))
    services.post(draft=grant)
    return commitment, control


def reserve(line: tuple[int, int], amount_fen: int, reference: str = "reserve") -> int:
    """The id of a new pending transfer on the line."""
    leg = Leg(line[0], line[1], amount_fen, TransferKind.PENDING)
    return services.post(
        draft=Draft(reference=reference, event="t", booked_on=DAY, legs=(leg,))
    ).transfer_ids[0]


def resolve(
    line: tuple[int, int], pending_id: int, amount_fen: int, kind: TransferKind, reference: str
) -> None:
    leg = Leg(line[0], line[1], amount_fen, kind, pending_id)
    services.post(draft=Draft(reference=reference, event="t", booked_on=DAY, legs=(leg,)))


def test_a_reservation_counts_against_the_limit_and_a_partial_settlement_frees_the_rest(
    line: tuple[int, int],
) -> None:
    pending = reserve(line, 8_000)
    assert selectors.position(line[0]).available_fen == 2_000
    resolve(line, pending, 3_000, TransferKind.SETTLED, "settle")
    assert selectors.position(line[0]).available_fen == 7_000
    assert selectors.position(line[0]).debits_pending_fen == 0
    assert selectors.position(line[1]).credits_posted_fen == 3_000


def test_more_than_the_limit_is_refused_by_the_database(line: tuple[int, int]) -> None:
    reserve(line, 10_000)
    with pytest.raises(CapExceeded), transaction.atomic():
        reserve(line, 1, "one fen more")


def test_a_temporary_table_in_the_way_is_not_counted_instead(line: tuple[int, int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE ledger_account (LIKE public.ledger_account INCLUDING ALL) ON COMMIT DROP"
        )
        cursor.execute("GRANT ALL ON pg_temp.ledger_account TO PUBLIC")
        cursor.execute("INSERT INTO pg_temp.ledger_account SELECT * FROM public.ledger_account")
    reserve(line, 700)
    with connection.cursor() as cursor:
        cursor.execute("SELECT debits_pending_fen FROM public.ledger_account WHERE id = %s", [line[0]])
        assert cursor.fetchone() == (700,)


def test_a_resolution_cannot_name_a_reservation_of_a_temporary_table(line: tuple[int, int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE ledger_transfer (LIKE public.ledger_transfer) ON COMMIT DROP")
        cursor.execute(
            "INSERT INTO pg_temp.ledger_transfer VALUES (77, 1, 1, %s, %s, 500, NULL, %s)", [*line, DAY]
        )
        with pytest.raises(IntegrityError, match="resolves no pending transfer"):
            cursor.execute(
                "INSERT INTO public.ledger_transfer"
                " (entry_id, kind, debit_account_id, credit_account_id, amount_fen, pending_id, booked_on)"
                " VALUES (1, 2, %s, %s, 500, 77, %s)",
                [*line, DAY],
            )


@pytest.mark.parametrize(
    ("columns", "values", "constraint"),
    [
        ("type_code, counted, cap", "'piggy_bank', true, ''", "account_type_is_in_chart"),
        ("type_code, counted, cap", "'commitment', true, 'both'", "account_cap_is_known"),
        ("type_code, counted, cap", "'commitment', false, 'debits'", "account_capped_is_counted"),
        (
            "id, type_code, counted, cap",
            "10000, 'commitment', true, ''",
            "account_counted_has_an_owners_number",
        ),
    ],
)
def test_an_account_that_the_chart_does_not_know_cannot_be_opened(
    columns: str, values: str, constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        connection.cursor().execute(f"INSERT INTO ledger_account ({columns}) VALUES ({values})")


def test_a_debt_cannot_be_repaid_below_zero() -> None:
    billed = services.open_account(account_type=PRINCIPAL_BILLED)
    control = services.open_account(account_type=COMMITMENT_CONTROL)
    with pytest.raises(CapExceeded), transaction.atomic():
        services.post(draft=Draft(reference="r", event="t", booked_on=DAY, legs=(Leg(control, billed, 1),)))


@pytest.mark.parametrize("first", [TransferKind.SETTLED, TransferKind.RELEASED])
@pytest.mark.parametrize("second", [TransferKind.SETTLED, TransferKind.RELEASED])
def test_a_reservation_is_resolved_once(
    line: tuple[int, int], first: TransferKind, second: TransferKind
) -> None:
    pending = reserve(line, 500)
    resolve(line, pending, 500, first, "first")
    with pytest.raises(AlreadyResolved), transaction.atomic():
        resolve(line, pending, 500, second, "second")


@pytest.mark.parametrize(
    ("amount_fen", "kind"),
    [(501, TransferKind.SETTLED), (499, TransferKind.RELEASED), (501, TransferKind.RELEASED)],
)
def test_a_resolution_stays_within_its_reservation(
    line: tuple[int, int], amount_fen: int, kind: TransferKind
) -> None:
    pending = reserve(line, 500)
    with pytest.raises(AlreadyResolved), transaction.atomic():
        resolve(line, pending, amount_fen, kind, "resolve")


def test_a_resolution_moves_between_the_accounts_of_its_reservation(line: tuple[int, int]) -> None:
    pending = reserve(line, 500)
    with pytest.raises(AlreadyResolved), transaction.atomic():
        resolve((line[1], line[0]), pending, 500, TransferKind.SETTLED, "the wrong way round")


def test_a_reference_happens_once(line: tuple[int, int]) -> None:
    reserve(line, 1, "r")
    with pytest.raises(DuplicateReference), transaction.atomic():
        reserve(line, 1, "r")


def test_a_reversal_leaves_the_counters_as_if_it_had_never_been_and_happens_once(
    line: tuple[int, int],
) -> None:
    before = selectors.position(line[0]).available_fen
    leg = Leg(line[0], line[1], 700)
    entry = services.post(draft=Draft(reference="draw", event="draw", booked_on=DAY, legs=(leg,)))
    services.reverse(entry_id=entry.entry_id, reference="undo", booked_on=DAY)
    assert selectors.position(line[0]).available_fen == before
    with pytest.raises(DuplicateReference), transaction.atomic():
        services.reverse(entry_id=entry.entry_id, reference="undo again", booked_on=DAY)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_transfer SET amount_fen = 1",
        "DELETE FROM ledger_transfer",
        "TRUNCATE ledger_transfer",
        "UPDATE ledger_entry SET event = 'x'",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry",
        "UPDATE ledger_account SET credits_posted_fen = 1",
        "DELETE FROM ledger_account",
        "TRUNCATE ledger_account",
        "INSERT INTO ledger_account (type_code, counted, cap, credits_posted_fen) VALUES ('commitment', true, '', 5)",
        "ALTER TABLE ledger_transfer DISABLE TRIGGER ALL",
        "CREATE TABLE mine (id int)",
    ],
)
def test_the_application_role_is_not_granted(line: tuple[int, int], statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic():
        connection.cursor().execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_transfer SET amount_fen = 1",
        "DELETE FROM ledger_transfer",
        "TRUNCATE ledger_transfer",
        "UPDATE ledger_entry SET event = 'x'",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry",
        "UPDATE ledger_account SET cap = ''",
        "UPDATE ledger_account SET counted = false",
        "DELETE FROM ledger_account",
        "TRUNCATE ledger_account",
    ],
)
def test_even_the_owner_is_refused_by_trigger(line: tuple[int, int], statement: str) -> None:
    connection.cursor().execute("RESET ROLE")
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"), transaction.atomic():
        connection.cursor().execute(statement)


@pytest.mark.parametrize(
    ("columns", "values", "constraint"),
    [
        ("kind, debit_account_id, credit_account_id, amount_fen", "0, 1, 2, 0", "transfer_amount_positive"),
        ("kind, debit_account_id, credit_account_id, amount_fen", "0, 1, 2, -5", "transfer_amount_positive"),
        (
            "kind, debit_account_id, credit_account_id, amount_fen",
            "0, 1, 1, 5",
            "transfer_between_two_accounts",
        ),
        (
            "kind, debit_account_id, credit_account_id, amount_fen",
            "2, 1, 2, 5",
            "transfer_kind_says_if_it_resolves",
        ),
        (
            "kind, debit_account_id, credit_account_id, amount_fen",
            "7, 1, 2, 5",
            "transfer_kind_says_if_it_resolves",
        ),
    ],
)
def test_nonsense_transfers_cannot_be_written(columns: str, values: str, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        connection.cursor().execute(
            f"INSERT INTO ledger_transfer (entry_id, booked_on, {columns}) VALUES (1, '2026-06-01', {values})"
        )
