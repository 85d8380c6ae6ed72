"""PostgreSQL refuses what must not happen to loans, whoever asks. Each guard is broken here on purpose, by raw SQL."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from ledger.sql import fetch_all
from lending.models import Loan
from lending.services import servicing
from lending.services.orders import Told, confirm_order
from tests.loan_world import SIGNED_ON, a_seller, a_wish, end_days, lent, shipped, signed

pytestmark = pytest.mark.django_db

FACTS = (
    "lending_accrual",
    "lending_lenderrule",
    "lending_loantransaction",
    "lending_offer",
    "lending_offerfee",
    "lending_orderevent",
    "lending_orderrule",
    "lending_prepaymentfee",
    "lending_productversion",
    "lending_reminderday",
    "lending_sellerorder",
    "lending_signedterms",
)
COLUMN = {
    "lending_accrual": "income_fen",
    "lending_lenderrule": "price_cap",
    "lending_loantransaction": "amount_fen",
    "lending_offer": "rate_to",
    "lending_offerfee": "rate",
    "lending_orderevent": "amount_fen",
    "lending_orderrule": "advance_rate",
    "lending_prepaymentfee": "rate",
    "lending_productversion": "maximum_fen",
    "lending_reminderday": "days",
    "lending_sellerorder": "amount_fen",
    "lending_signedterms": "rate",
}


@pytest.fixture
def loan() -> Loan:
    """A loan of a product with fees of every kind, a month old, of which something was repaid."""
    loan = lent(a_wish(product="taobao", method="equal_principal"))
    end_days(SIGNED_ON, date(2026, 7, 14))
    servicing.repay(loan_id=loan.pk, amount_fen=100_00, reference="r", on=date(2026, 7, 15))
    execute(
        "INSERT INTO lending_offerfee (offer_id, kind, rate) SELECT min(id), 'upfront', 0.01 FROM lending_offer"
    )
    order = shipped(a_seller(), 100_00)
    confirmed = Told(order=order.reference, reference="c", happened_at=order.shipped_at)
    confirm_order(seller_id=order.seller_id, told=confirmed, on=SIGNED_ON)
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    return loan


def execute(statement: str, *, as_owner: bool = False) -> None:
    """Runs a statement; where it is refused, the role is the application's again."""
    with transaction.atomic(), connection.cursor() as cursor:
        if as_owner:
            cursor.execute("RESET ROLE")
        cursor.execute(statement)


@pytest.mark.parametrize("table", FACTS)
def test_the_application_role_may_not_change_a_fact(loan: Loan, table: str) -> None:
    for statement in (f"UPDATE {table} SET {COLUMN[table]} = 1", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            execute(statement)


@pytest.mark.parametrize("table", FACTS)
def test_even_the_owner_may_not_change_a_fact(loan: Loan, table: str) -> None:
    for statement in (
        f"UPDATE {table} SET {COLUMN[table]} = 1",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
    ):
        with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
            execute(statement, as_owner=True)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lending_loan SET customer_id = gen_random_uuid()",
        "UPDATE lending_loan SET principal_account_id = interest_account_id",
        "UPDATE lending_loan SET signed_on = signed_on - 1",
        "UPDATE lending_loan SET status = 'signed', disbursed_on = NULL",
        "UPDATE lending_loan SET status = 'cancelled', disbursed_on = NULL",
        "UPDATE lending_product SET loss_account_id = recovery_account_id",
        "UPDATE lending_product SET lender_type = 'bank'",
    ],
)
def test_what_a_loan_and_a_product_are_never_changes(loan: Loan, statement: str) -> None:
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
        execute(statement)


def test_a_cancelled_loan_stays_cancelled() -> None:
    loan = signed()
    execute(f"UPDATE lending_loan SET status = 'cancelled' WHERE id = {loan.pk}")
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
        execute(f"UPDATE lending_loan SET status = 'signed' WHERE id = {loan.pk}")


@pytest.mark.parametrize("table", ["lending_loan", "lending_product"])
def test_loans_and_products_are_not_removed(loan: Loan, table: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(f"DELETE FROM {table}")


# A row copied with some columns changed is refused by the constraint named.
VERSION = (
    "product_id, effective_from, minimum_fen, maximum_fen, rate_unit, ahead, prepaid, penalty_daily_rate, grace_days,"
    " allocation, allocation_order, rounding, instalment_multiple_fen, minimum_score, minimum_age, maximum_age,"
    " students_admitted"
)
OFFER = "version_id, method, periods, unit, every, rate_from, rate_to"
RULE = "lender_type, effective_from, price_cap, cap_method, consumer_limit_fen, business_limit_fen"
ACCRUAL = "closed_on, product_id, kind, accrued_fen, income_fen"
PRODUCT = (
    "uuid, code, name, name_zh, lender_type, is_business, interest_accrued_account_id, penalty_accrued_account_id,"
    " interest_income_account_id, penalty_income_account_id, fee_income_account_id, loss_account_id, recovery_account_id"
)
FACT = "loan_id, kind, reference, request_hash, value_on, booked_on, amount_fen, detail, cause, reverses_id"


def copied(table: str, columns: str, **changed: str) -> str:
    names = [name.strip() for name in columns.split(",")]
    if table == "lending_loantransaction":
        changed = {"reference": "'new'", "reverses_id": "NULL"} | changed
    if table in ("lending_productversion", "lending_lenderrule"):
        changed = {"effective_from": "effective_from + 1"} | changed
    values = ", ".join(changed.get(name, name) for name in names)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} AS source"
        f" WHERE id = (SELECT min(id) FROM {table})"
    )


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (copied("lending_productversion", VERSION, effective_from="effective_from"), "product_version_once_per_day"),
        (copied("lending_productversion", VERSION, minimum_fen="0"), "product_version_amounts_in_order"),
        (copied("lending_productversion", VERSION, minimum_fen="maximum_fen + 1"), "product_version_amounts_in_order"),
        (copied("lending_productversion", VERSION, rate_unit="'weekly'"), "product_version_words_known"),
        (copied("lending_productversion", VERSION, ahead="'gift'"), "product_version_words_known"),
        (copied("lending_productversion", VERSION, allocation="'fee fee fee fee'"), "product_version_words_known"),
        (copied("lending_productversion", VERSION, penalty_daily_rate="-0.0001"), "product_version_figures_sensible"),
        (copied("lending_productversion", VERSION, penalty_daily_rate="0.0011"), "product_version_figures_sensible"),
        (copied("lending_productversion", VERSION, minimum_age="17"), "product_version_figures_sensible"),
        (copied("lending_productversion", VERSION, grace_days="-1"), "product_version_figures_sensible"),
        (copied("lending_reminderday", "effective_from, days"), "loan_reminder_once_per_day"),
        (copied("lending_reminderday", "effective_from, days", days="-21"), "loan_reminder_sensible"),
        (copied("lending_offer", OFFER), "offer_once_per_version"),
        (copied("lending_offer", OFFER, periods="0"), "offer_term_sensible"),
        (copied("lending_offer", OFFER, every="0"), "offer_term_sensible"),
        (copied("lending_offer", OFFER, periods="9", rate_from="-0.0001"), "offer_rates_in_order"),
        (copied("lending_offer", OFFER, periods="9", rate_from="rate_to + 0.0001"), "offer_rates_in_order"),
        (copied("lending_offer", OFFER, periods="9", rate_to="0.37"), "offer_daily_rate_sensible"),
        (copied("lending_offer", OFFER, periods="9", rate_to="0.0011"), "offer_daily_rate_sensible"),
        (copied("lending_offer", OFFER, periods="9", method="'flat'"), "offer_words_known"),
        (
            "INSERT INTO lending_offerfee (offer_id, kind, rate) SELECT id, 'upfront', 0.11 FROM lending_offer",
            "offer_fee_sensible",
        ),
        (
            "INSERT INTO lending_prepaymentfee (offer_id, last_period, rate) SELECT id, 3, -0.01 FROM lending_offer",
            "prepayment_fee_sensible",
        ),
        (copied("lending_lenderrule", RULE, effective_from="effective_from"), "lender_rule_once_per_day"),
        (copied("lending_lenderrule", RULE, price_cap="0"), "lender_rule_sensible"),
        (copied("lending_accrual", ACCRUAL), "loan_accrual_once_per_day"),
        (copied("lending_accrual", ACCRUAL, kind="'gift'"), "loan_accrual_kind_known"),
        (copied("lending_prepaymentfee", "offer_id, last_period, rate"), "prepayment_fee_once_per_period"),
        (copied("lending_product", PRODUCT, lender_type="'uncle'"), "product_lender_known"),
        ("UPDATE lending_instalment SET n = 1", "instalment_once_per_number"),
        ("UPDATE lending_segment SET kind = 'interest', since = DATE '2026-06-10', until = NULL", "loan_segment_once"),
        (copied("lending_lenderrule", RULE, cap_method="'guess'"), "lender_rule_known"),
        (copied("lending_loantransaction", FACT, reference="reference"), "loan_transaction_once_per_reference"),
        (copied("lending_loantransaction", FACT, kind="'gift'"), "loan_transaction_amount_as_its_kind"),
        (copied("lending_loantransaction", FACT, value_on="booked_on + 1"), "loan_transaction_value_not_after_booking"),
        (copied("lending_loantransaction", FACT, amount_fen="0"), "loan_transaction_amount_as_its_kind"),
        (
            copied("lending_loantransaction", FACT, kind="'pause'"),
            "loan_transaction_amount_as_its_kind",
        ),
        (
            copied("lending_loantransaction", FACT, kind="'reversal'", amount_fen="0"),
            "loan_transaction_reversal_names_another",
        ),
        (
            copied(
                "lending_loantransaction", FACT, kind="'reversal'", amount_fen="0", reverses_id="source.id",
                loan_id="source.loan_id + 1",
            ),
            "loan_transaction_reverses_its_own",
        ),
        ("UPDATE lending_loan SET status = 'gone'", "loan_disbursed_once_it_runs"),
        ("UPDATE lending_loan SET classification = 6", "loan_classification_known"),
        ("UPDATE lending_loan SET disbursed_on = signed_on - 1", "loan_disbursed_once_it_runs"),
        ("UPDATE lending_loan SET disbursed_on = NULL", "loan_disbursed_once_it_runs"),
        ("UPDATE lending_instalment SET unpaid_fen = unpaid_fen + 1", "instalment_adds_up"),
        (
            "UPDATE lending_instalment SET paid_principal_fen = -1, unpaid_fen = unpaid_fen + paid_principal_fen + 1",
            "instalment_paid_within_asked",
        ),
        (
            "UPDATE lending_instalment SET paid_fee_fen = fee_fen + 1, unpaid_fen = unpaid_fen + paid_fee_fen - fee_fen - 1",
            "instalment_paid_within_asked",
        ),
        ("UPDATE lending_segment SET until = since", "loan_segment_not_backwards"),
        ("UPDATE lending_segment SET year_days = 364", "loan_segment_sensible"),
        ("UPDATE lending_segment SET rate = -1", "loan_segment_sensible"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be(loan: Loan, statement: str, constraint: str) -> None:
    with pytest.raises(IntegrityError) as refused:
        execute(statement)
    assert refused.value.__cause__ is not None
    assert refused.value.__cause__.diag.constraint_name == constraint  # type: ignore[attr-defined]


TERMS = (
    "loan_id, offer_id, principal_fen, rate, simple_rate, effective_rate, price_cap, cap_method, consent_id, score,"
    " document, sha256"
)


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ({"simple_rate": "price_cap + 0.00000001"}, "signed_within_price_cap"),
        (
            {"cap_method": "'effective'", "effective_rate": "price_cap + 0.00000001"},
            "signed_within_price_cap",
        ),
        ({"principal_fen": "0"}, "signed_within_its_offer"),
        ({"principal_fen": "100000001"}, "signed_within_its_offer"),
        ({"rate": "rate + 0.0000000001"}, "signed_within_its_offer"),
        ({"offer_id": "(SELECT min(id) FROM lending_offer)"}, "signed_within_its_offer"),
    ],
)
def test_terms_beyond_the_offer_or_the_cap_cannot_be_signed(
    loan: Loan, changed: dict[str, str], constraint: str
) -> None:
    names = [name.strip() for name in TERMS.split(",")]
    copy = (
        "INSERT INTO lending_loan (uuid, customer_id, product_id, reference, request_hash, status, signed_on,"
        " commitment_account_id, principal_account_id, interest_account_id, fee_account_id, penalty_account_id,"
        " credit_account_id, claim_account_id)"
        " SELECT gen_random_uuid(), customer_id, product_id, 'copy', request_hash, 'signed', signed_on,"
        f" 1, 2, 3, 4, 5, 6, 7 FROM lending_loan WHERE id = {loan.pk}"
    )
    execute(copy)
    values = {"loan_id": "(SELECT max(id) FROM lending_loan)"} | changed
    with pytest.raises(IntegrityError) as refused:
        execute(
            f"INSERT INTO lending_signedterms ({', '.join(names)})"
            f" SELECT {', '.join(values.get(name, name) for name in names)} FROM lending_signedterms"
            f" WHERE loan_id = {loan.pk}"
        )
    assert refused.value.__cause__ is not None
    assert refused.value.__cause__.diag.constraint_name == constraint  # type: ignore[attr-defined]


def test_a_fact_is_reversed_once(loan: Loan) -> None:
    servicing.reverse(loan_id=loan.pk, undoes="r", reference="u", on=date(2026, 7, 15))
    with pytest.raises(IntegrityError, match="reverses_id"):
        execute(
            f"INSERT INTO lending_loantransaction ({FACT})"
            " SELECT loan_id, kind, 'again', request_hash, value_on, booked_on, amount_fen, detail, cause, reverses_id"
            " FROM lending_loantransaction WHERE kind = 'reversal'"
        )


def test_a_loan_and_its_reference_are_one(loan: Loan) -> None:
    with pytest.raises(IntegrityError, match="loan_once_per_reference"):
        execute(
            "INSERT INTO lending_loan (uuid, customer_id, product_id, reference, request_hash, status, signed_on,"
            " commitment_account_id, principal_account_id, interest_account_id, fee_account_id, penalty_account_id,"
            " credit_account_id, claim_account_id)"
            " SELECT gen_random_uuid(), customer_id, product_id, reference, request_hash, 'signed', signed_on,"
            " 1, 2, 3, 4, 5, 6, 7 FROM lending_loan"
        )


# Written with every fact of a loan, most of them many times.
WRITTEN_OFTEN = ["lending_instalment", "lending_loan", "lending_loantransaction", "lending_segment"]
BEGINS_ANOTHER = """
SELECT index.indexrelid::regclass::text, other.indexrelid::regclass::text
FROM pg_index AS index
JOIN pg_index AS other ON other.indrelid = index.indrelid AND other.indexrelid <> index.indexrelid
WHERE index.indrelid::regclass::text = ANY(%s) AND NOT index.indisunique
  AND index.indpred IS NULL AND index.indexprs IS NULL AND other.indpred IS NULL
  AND other.indkey::text || ' ' LIKE index.indkey::text || ' %%'
"""


def test_no_index_of_loans_is_the_beginning_of_another() -> None:
    assert fetch_all(BEGINS_ANOTHER, [WRITTEN_OFTEN]) == []
