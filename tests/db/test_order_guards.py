"""PostgreSQL refuses what must not happen to orders and pledges, and the books' rules find what got past it."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from ledger.audit import verify
from lending.audit import CHECKS
from lending.models import Loan, ProceedsPayment, SellerOrder
from lending.services import servicing
from lending.services.orders import Told, settle_order
from lending.services.sellers import suspend_seller
from operations.services import closing, paying
from tests.loan_world import SIGNED_ON, a_seller, a_wish, at_noon, shipped, signed
from tests.payment_world import a_source

pytestmark = pytest.mark.django_db

PLEDGE = "loan_id, order_id, amount_fen, share_fen, refunded_before_fen, pledged_on, release, released_on"
EVENT = (
    "order_id, kind, reference, request_hash, amount_fen, happened_at, booked_on, to_loan_fen, to_seller_fen,"
    " recalled_fen, entry_id, undoes_id, cause"
)
RULE = (
    "product_id, effective_from, advance_rate, minimum_shop_months, largest_buyer_share, fastest_minutes,"
    " longest_shipped_days, highest_refund_rate, observed_days, observed_orders"
)
CHANGE = "seller_id, kind, cause, note, by, changed_on, reference, request_hash"
PAYMENT = "event_id, reference, amount_fen, paid_on, entry_id"
ORDER = "seller_id, reference, request_hash, amount_fen, buyer, shipped_at, shipped_on, told_on"


@pytest.fixture
def loan() -> Loan:
    """A loan against two orders of which one is settled; what an order of an earlier loan left was paid to the seller."""
    closing.set_business_date(on=SIGNED_ON)
    seller = a_seller()
    a_source(seller, 10_000_00)
    paid_out(seller)
    first, _second = (shipped(seller, 1_000_00) for _n in range(2))
    wish = a_wish(1_600_00, product="order-loan", method="one_off", periods=1, unit="days", every=30)
    loan = signed(wish, customer_id=seller)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=SIGNED_ON)
    told = Told(order=first.reference, reference="s", happened_at=at_noon(SIGNED_ON), amount_fen=900_00)
    settle_order(seller_id=seller, told=told, on=SIGNED_ON)
    shipped(a_seller(), 1_000_00)
    suspend_seller(seller_id=seller, cause="complaints", reference="s", by="staff:1", on=SIGNED_ON)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return loan


def paid_out(seller: UUID) -> None:
    """An order loan that its order's proceeds end, and what they leave, paid."""
    order = shipped(seller, 1_000_00)
    wish = a_wish(100_00, product="order-loan", method="one_off", periods=1, unit="days", every=30)
    loan = signed(wish, customer_id=seller)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=SIGNED_ON)
    told = Told(order=order.reference, reference="s", happened_at=at_noon(SIGNED_ON), amount_fen=1_000_00)
    settle_order(seller_id=seller, told=told, on=SIGNED_ON)
    paying.pay_merchants()
    paying.sweep()
    assert ProceedsPayment.objects.count() == 1


def execute(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def copied(table: str, columns: str, where: str, **changed: str) -> str:
    names = [name.strip() for name in columns.split(",")]
    values = ", ".join(changed.get(name, name) for name in names)
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} WHERE {where}"


HELD, SETTLED = "release = ''", "kind = 'settled' AND to_seller_fen = 0"
UNDOES = {"kind": "'undone'", "to_loan_fen": "0", "reference": "'u'", "undoes_id": "id"}
ANOTHERS = "(SELECT max(id) FROM lending_sellerorder)"
UNPAID = "(SELECT max(id) FROM lending_orderevent)"
A_DAY_LATER = "effective_from + 1"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (copied("lending_pledge", PLEDGE, HELD), "pledge_once_per_order"),
        (copied("lending_pledge", PLEDGE, HELD, order_id=ANOTHERS), "pledge_of_the_borrowers_own"),
        (copied("lending_pledge", PLEDGE, HELD, amount_fen="100001"), "pledge_of_the_borrowers_own"),
        (copied("lending_pledge", PLEDGE, HELD, share_fen="0"), "pledge_share_within_worth"),
        (copied("lending_pledge", PLEDGE, HELD, share_fen="amount_fen + 1"), "pledge_share_within_worth"),
        (copied("lending_pledge", PLEDGE, HELD, release="'gift'", released_on="pledged_on"),
         "pledge_released_for_a_reason"),
        ("UPDATE lending_pledge SET release = 'ended' WHERE release = ''", "pledge_released_for_a_reason"),
        (copied("lending_orderevent", EVENT, SETTLED, kind="'refunded'", to_loan_fen="0", entry_id="NULL"),
         "order_event_once_per_reference"),
        (copied("lending_orderevent", EVENT, SETTLED, reference="'t'"), "order_event_settled_once"),
        (copied("lending_orderevent", EVENT, SETTLED, to_seller_fen="1"), "order_event_as_its_kind"),
        (copied("lending_orderevent", EVENT, SETTLED, kind="'lost'"), "order_event_as_its_kind"),
        (copied("lending_orderevent", EVENT, SETTLED, amount_fen="0"), "order_event_as_its_kind"),
        (copied("lending_orderevent", EVENT, SETTLED, kind="'undone'", to_loan_fen="0", reference="'u'"),
         "order_event_undoes_a_settlement"),
        (copied("lending_orderevent", EVENT, SETTLED, reference="'u'", undoes_id="id"),
         "order_event_undoes_a_settlement"),
        (copied("lending_orderevent", EVENT, SETTLED, **UNDOES, amount_fen="1"), "order_event_undoes_its_own"),
        (copied("lending_orderevent", EVENT, SETTLED, **UNDOES, order_id=ANOTHERS), "order_event_undoes_its_own"),
        (copied("lending_orderevent", EVENT, SETTLED, **UNDOES | {"entry_id": "NULL"}), "order_event_as_its_kind"),
        (copied("lending_pledge", PLEDGE, HELD, refunded_before_fen="-1"), "pledge_refunded_before_sensible"),
        (copied("lending_sellerchange", CHANGE, "true"), "seller_change_once_per_reference"),
        (copied("lending_sellerchange", CHANGE, "true", reference="'n'", cause="'cleared'"), "seller_change_sensible"),
        (copied("lending_orderrule", RULE, "true"), "order_rule_once_per_day"),
        (copied("lending_orderrule", RULE, "true", effective_from=A_DAY_LATER, advance_rate="1.1"),
         "order_rule_sensible"),
        (copied("lending_orderrule", RULE, "true", effective_from=A_DAY_LATER, observed_days="0"),
         "order_rule_sensible"),
        (copied("lending_sellerorder", ORDER, "true"), "seller_order_once_per_reference"),
        (copied("lending_sellerorder", ORDER, "true", reference="'n'", amount_fen="0"),
         "seller_order_amount_positive"),
        (copied("lending_sellerorder", ORDER, "true", reference="'n'", told_on="shipped_on - 1"),
         "seller_order_told_after_shipping"),
        (copied("lending_proceedspayment", PAYMENT, "true", reference="'n'", entry_id="0"),
         "lending_proceedspayment_pkey"),
        (copied("lending_proceedspayment", PAYMENT, "true", event_id=UNPAID, entry_id="0"),
         "lending_proceedspayment_reference_key"),
        (copied("lending_proceedspayment", PAYMENT, "true", event_id=UNPAID, reference="'n'"),
         "lending_proceedspayment_entry_id_key"),
        (copied("lending_proceedspayment", PAYMENT, "true", event_id=UNPAID, reference="'n'", entry_id="0",
                amount_fen="0"), "proceeds_payment_positive"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(loan: Loan, statement: str, constraint: str) -> None:
    with pytest.raises(IntegrityError) as refused:
        execute(statement)
    assert refused.value.__cause__ is not None
    assert refused.value.__cause__.diag.constraint_name == constraint  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lending_pledge SET share_fen = share_fen - 1",
        "UPDATE lending_pledge SET loan_id = loan_id",
        "UPDATE lending_pledge SET release = '', released_on = NULL",
        "UPDATE lending_seller SET payable_account_id = payable_account_id + 1",
    ],
)
def test_what_is_pledged_stays_as_it_was_pledged(loan: Loan, statement: str) -> None:
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
        execute(statement)


@pytest.mark.parametrize(
    "table", ["lending_pledge", "lending_proceedspayment", "lending_seller", "lending_sellerchange"]
)
def test_nothing_is_removed(loan: Loan, table: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(f"DELETE FROM {table}")


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        ("loan_pledges", "UPDATE lending_pledge SET share_fen = share_fen - 1 WHERE release = ''"),
        ("loan_pledges", "UPDATE lending_pledge SET release = '', released_on = NULL"),
        ("order_proceeds", "UPDATE lending_orderevent SET to_loan_fen = to_loan_fen - 1, to_seller_fen = to_seller_fen + 1"),
        ("order_proceeds", "UPDATE ledger_transfer SET amount_fen = amount_fen - 1 WHERE entry_id ="
                           " (SELECT max(entry_id) FROM lending_orderevent)"),
        ("order_proceeds", copied("lending_orderevent", EVENT, SETTLED, **UNDOES)),
        ("proceeds_payments", "DELETE FROM lending_proceedspayment"),
        ("proceeds_payments", "UPDATE lending_proceedspayment SET amount_fen = amount_fen - 1"),
        ("proceeds_payments", "UPDATE lending_proceedspayment SET reference = 'another'"),
        ("proceeds_holds", "UPDATE lending_seller SET is_suspended = false"),
        ("proceeds_holds", "UPDATE lending_sellerchange SET changed_on = changed_on - 1"),
        ("proceeds_owed", "UPDATE lending_proceedspayment SET amount_fen = amount_fen - 1"),
        ("proceeds_owed", "DELETE FROM ledger_transfer WHERE entry_id = (SELECT entry_id FROM lending_proceedspayment)"),
    ],
)  # fmt: skip
def test_a_fault_is_found(loan: Loan, check: str, statement: str) -> None:
    assert [finding.check.name for finding in verify(CHECKS) if not finding.holds] == []
    assert SellerOrder.objects.count() == 4
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert check in {finding.check.name for finding in verify(CHECKS) if not finding.holds}
