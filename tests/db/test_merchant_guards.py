"""PostgreSQL refuses what must not happen to purchases in escrow and to what is said of merchants, whoever asks."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError

from huabei.models import Purchase
from huabei.services.causes import Why
from huabei.services.merchants import suspend
from huabei.services.receipts import confirm_receipt
from huabei.services.repayments import refund
from tests.db.test_line_guards import execute
from tests.line_world import a_line, a_merchant, an_escrow_merchant, authorised

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)
FACTS = {
    "huabei_receipt": "confirmed_on",
    "huabei_merchantchange": "changed_on",
    "huabei_categoryrule": "effective_from",
}


@pytest.fixture
def waiting() -> Purchase:
    """Paid, a part given back, and waiting; another was received, and the shop is suspended."""
    line, shop = a_line(), an_escrow_merchant()
    confirm_receipt(purchase_id=authorised(line, shop, 10_00, ON).pk, customer_id=line.customer_id, on=ON)
    purchase = authorised(line, shop, 100_00, ON)
    refund(purchase_id=purchase.pk, amount_fen=30_00, reference="part", on=ON)
    suspend(merchant_id=shop.pk, why=Why("fraud", "staff:1", "stop"), on=ON)
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    return purchase


@pytest.mark.parametrize(("table", "column"), FACTS.items())
def test_a_fact_is_neither_changed_nor_removed(waiting: Purchase, table: str, column: str) -> None:
    for verb in (
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            execute(verb)
        with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
            execute(verb, as_owner=True)


@pytest.mark.parametrize(
    "change",
    [
        "posts_on_receipt = false",
        "cancelled_fen = cancelled_fen - 1",
        "captured_fen = 1, posted_on = authorised_on",
        "captured_fen = amount_fen, posted_on = authorised_on, state = 'captured'",
        "hold_transfer_id = 1",
        "state = 'voided'",
        "state = 'expired'",
    ],
)
def test_a_purchase_in_escrow_is_received_whole_and_gives_back_no_less(
    waiting: Purchase, change: str
) -> None:
    with pytest.raises(DatabaseError, match=r"facts are corrected|purchase_amounts_in_order"):
        execute(f"UPDATE huabei_purchase SET {change} WHERE id = {waiting.pk}")


def test_nothing_else_gives_back_what_it_holds(waiting: Purchase) -> None:
    other = authorised(a_line(), a_merchant(), 10_00, ON)
    with pytest.raises(DatabaseError, match="facts are corrected"):
        execute(f"UPDATE huabei_purchase SET cancelled_fen = 1 WHERE id = {other.pk}")
    received = Purchase.objects.get(state="captured")
    with pytest.raises(DatabaseError, match="facts are corrected"):
        execute(f"UPDATE huabei_purchase SET cancelled_fen = 1 WHERE id = {received.pk}")


# fmt: off
CHANGE = ("INSERT INTO huabei_merchantchange (merchant_id, kind, posting, changed_on, effective_from, cause, by, note,"
          " reference, request_hash) SELECT merchant_id, {}, 'x', 'x', '', {}, '' FROM huabei_merchantchange"
          " WHERE kind = 'posting'")
WRONG = [
    (CHANGE.format("'posting', 'receipt', '2026-06-05', '2026-06-04'", "'x'"), "merchant_change_sensible"),
    (CHANGE.format("'posting', 'never', '2026-06-05', '2026-06-05'", "'x'"), "merchant_change_sensible"),
    (CHANGE.format("'suspended', 'receipt', '2026-06-05', '2026-06-05'", "'x'"), "merchant_change_sensible"),
    (CHANGE.format("'suspended', '', '2026-06-05', '2026-06-06'", "'x'"), "merchant_change_sensible"),
    (CHANGE.format("'moved', '', '2026-06-05', '2026-06-05'", "'x'"), "merchant_change_sensible"),
    (CHANGE.format("'suspended', '', '2026-06-05', '2026-06-05'", "reference"), "merchant_change_once_per_reference"),
    (CHANGE.format("'posting', 'payment', changed_on, effective_from", "'x'"), "merchant_posting_once_per_day"),
    ("INSERT INTO huabei_receipt (purchase_id, confirmed_on) SELECT purchase_id, confirmed_on FROM huabei_receipt",
     "huabei_receipt_pkey"),
    ("INSERT INTO huabei_categoryrule (category, name, name_zh, effective_from, is_allowed, cause, by, note, reference,"
     " request_hash) SELECT category, name, name_zh, effective_from, true, cause, by, note, 'x', '' FROM huabei_categoryrule",
     "category_rule_once_per_day"),
    ("INSERT INTO huabei_merchantterms (effective_from, discount_rate, receipt_days) VALUES ('2026-06-05', 0, 0)",
     "merchant_terms_receipt_sensible"),
    ("INSERT INTO huabei_merchantterms (effective_from, discount_rate, receipt_reminder_days) VALUES ('2026-06-05', 0, -1)",
     "merchant_terms_reminder_sensible"),
]
# fmt: on


@pytest.mark.parametrize(("statement", "constraint"), WRONG)
def test_nonsense_is_refused(waiting: Purchase, statement: str, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        execute(statement)


def test_a_refund_comes_wholly_off_the_hold_or_not_at_all(waiting: Purchase) -> None:
    with pytest.raises(IntegrityError, match="refund_goes_somewhere"):
        execute(
            "INSERT INTO huabei_refund (purchase_id, reference, request_hash, amount_fen, to_unbilled_fen, to_billed_fen,"
            " to_credit_fen, to_hold_fen, refunded_on, entry_id)"
            " SELECT purchase_id, 'x', '', 2, 1, 0, 0, 1, refunded_on, entry_id FROM huabei_refund"
        )
