"""A customer's credit is paid out, once per reference and never more than there is."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction

from huabei.errors import AmountRefused, LineNotFound, ReferenceRefused, RequestConflict
from huabei.facts import disagreements
from huabei.models import CreditPayout, Line, Statement
from huabei.services import lifecycle, repayments
from huabei.services.causes import CUSTOMER, Why
from huabei.services.credit import pay_out_credit
from ledger.audit import verify
from operations import audit
from tests.line_world import a_line, a_merchant, bought, end_day, stands

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)


@pytest.fixture
def line() -> Line:
    line = a_line()
    repayments.repay(line_id=line.pk, amount_fen=300_00, reference="ahead", on=ON)
    return line


def paid(line: Line, fen: int, reference: str = "a") -> CreditPayout:
    return pay_out_credit(line_id=line.pk, amount_fen=fen, reference=reference, by=CUSTOMER, on=ON)


def broken_rules() -> list[str]:
    return [found.check.name for found in verify(audit.CHECKS) if not found.holds]


def test_credit_is_paid_out_to_the_last_fen_and_no_further(line: Line) -> None:
    for _ in range(2):
        paid(line, 299_99)
    assert stands(line, ON).credit_fen == 1
    with pytest.raises(AmountRefused):
        paid(line, 2, "b")
    paid(line, 1, "b")
    assert (stands(line, ON).credit_fen, stands(line, ON).available_fen) == (0, 8_000_00)
    assert (broken_rules(), disagreements(line, ON)) == ([], [])


def test_what_is_refused(line: Line) -> None:
    paid(line, 1_00)
    with pytest.raises(RequestConflict):
        paid(line, 2_00)
    with pytest.raises(AmountRefused):
        paid(line, 0, "b")
    with pytest.raises(ReferenceRefused):
        paid(line, 1, "")
    with pytest.raises(LineNotFound):
        pay_out_credit(line_id=0, amount_fen=1, reference="b", by=CUSTOMER, on=ON)


def test_credit_paid_out_is_not_credit_used_on_the_statement(line: Line) -> None:
    paid(line, 100_00)
    bought(line, a_merchant(), 250_00, ON)
    end_day(date(2026, 6, 30))
    statement = Statement.objects.get()
    assert (statement.credit_used_fen, statement.total_fen) == (200_00, 50_00)
    assert (broken_rules(), disagreements(line, date(2026, 7, 1))) == ([], [])


def test_credit_of_a_closed_line_is_paid_out(line: Line) -> None:
    lifecycle.close(line_id=line.pk, why=Why("customer_wish", CUSTOMER, "x"), on=ON)
    paid(line, 300_00)
    assert stands(line, ON).credit_fen == 0


@pytest.mark.parametrize(
    "statement", ["UPDATE huabei_creditpayout SET amount_fen = 1", "DELETE FROM huabei_creditpayout"]
)
def test_a_payout_is_never_changed(line: Line, statement: str) -> None:
    paid(line, 1_00)
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
