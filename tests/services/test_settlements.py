"""What is settled with merchants each day, what is carried, and that each settlement is paid once."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.db import DatabaseError, connection, transaction

from huabei.errors import MerchantNotAccepting
from huabei.merchant_history import owed, settlements
from huabei.models import Line, Merchant, MerchantTerms, Purchase, Settlement, SettlementPayment
from huabei.services import corrections
from huabei.services.causes import Why
from huabei.services.merchants import reinstate, suspend
from huabei.services.repayments import refund
from huabei.services.settlements import link_account, order_payouts, register_account
from huabei.settling import settle_merchants
from ledger.audit import verify
from ledger.chart import CASH_CLEARING, DISCOUNT_INCOME
from ledger.selectors import position
from operations import audit
from operations.services import closing, paying
from payments import simulator
from payments.models import PaymentOrder, SimulatedRequest
from payments.selectors import sources_of
from tests.line_world import a_campaign, a_line, a_merchant, authorised, bought, settled
from tests.payment_world import a_source, taken_at_the_gateway, unpark

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)
NEXT = ON + timedelta(days=1)


@pytest.fixture
def shop() -> Merchant:
    return a_merchant()


@pytest.fixture
def line() -> Line:
    return a_line(50_000_00)


@pytest.fixture(autouse=True)
def _open(db: None) -> None:
    closing.set_business_date(on=ON)


def end(day: date) -> None:
    list(closing.close_until(on=day + timedelta(days=1)))


def figures(settlement: Settlement) -> tuple[int, int, int, int, int, int, int]:
    return (
        settlement.captured_fen,
        settlement.refunded_fen,
        settlement.reversed_fen,
        settlement.subsidy_fen,
        settlement.discount_fen,
        settlement.carried_fen,
        settlement.amount_fen,
    )


def stands(shop: Merchant) -> tuple[int, int]:
    """What is not settled yet, and what is settled and not paid."""
    return (
        position(shop.payable_account_id).credit_fen,
        position(shop.settlement_account_id).credit_fen,
    )


def pay() -> None:
    """A run of the job and of the workers."""
    paying.pay_merchants()
    unpark()
    paying.sweep()


def broken() -> list[str]:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds]


def give_back(purchase: Purchase, fen: int, on: date) -> None:
    refund(purchase_id=purchase.pk, amount_fen=fen, reference=f"back-{fen}", on=on)


def test_what_moved_since_the_last_settlement_is_settled_by_kind(line: Line, shop: Merchant) -> None:
    other = a_merchant()
    first = bought(line, shop, 300_00, ON)
    mistaken = bought(line, shop, 40_00, ON)
    bought(line, other, 7_00, ON)
    authorised(line, shop, 99_00, ON)  # not charged yet: the merchant has nothing coming
    end(ON)
    give_back(first, 100_00, NEXT)
    corrections.reverse_purchase(purchase_id=mistaken.pk, reason="not theirs", on=NEXT)
    campaign = a_campaign(shop, on=NEXT)
    bought(line, shop, 1_000_00, NEXT, instalments=3, campaign_id=campaign.pk)
    end(NEXT)
    end(NEXT + timedelta(days=1))  # nothing moved
    assert [figures(each) for each in settled(shop)] == [
        (340_00, 0, 0, 0, 0, 0, 340_00),
        (1_000_00, 100_00, 40_00, 25_00, 0, 0, 835_00),
    ]
    assert [each.settled_on for each in settled(shop)] == [ON, NEXT]
    assert (stands(shop), stands(other)) == ((0, 1_175_00), (0, 7_00))
    assert broken() == []


def test_a_negative_result_is_carried_until_it_is_earned(line: Line, shop: Merchant) -> None:
    purchase = bought(line, shop, 300_00, ON)
    end(ON)
    days = [NEXT + timedelta(days=n) for n in range(3)]
    give_back(purchase, 200_00, days[0])
    end(days[0])
    bought(line, shop, 50_00, days[1])
    end(days[1])
    bought(line, shop, 180_00, days[2])
    end(days[2])
    assert [(each.carried_fen, each.amount_fen) for each in settled(shop)] == [
        (0, 300_00),
        (0, -200_00),
        (-200_00, -150_00),
        (-150_00, 30_00),
    ]
    assert [each.entry_id is None for each in settled(shop)] == [False, True, True, False]
    assert stands(shop) == (0, 330_00)
    assert broken() == []


def test_the_discount_of_the_day_is_charged_and_given_back(line: Line, shop: Merchant) -> None:
    MerchantTerms.objects.create(effective_from=NEXT, discount_rate=Decimal("0.006"))
    first = bought(line, shop, 100_00, ON)
    end(ON)
    bought(line, shop, 333_33, NEXT)
    end(NEXT)
    give_back(first, 100_00, NEXT + timedelta(days=1))
    end(NEXT + timedelta(days=1))
    # 333.33 × 0.6 % = 1.99998; 100.00 × 0.6 % = 0.60 goes back
    assert [(each.discount_fen, each.amount_fen) for each in settled(shop)] == [
        (0, 100_00),
        (2_00, 331_33),
        (-60, -99_40),
    ]
    assert position(DISCOUNT_INCOME.control_id).credit_fen == 1_40
    assert stands(shop) == (-99_40, 431_33)
    assert broken() == []


def test_a_settlement_is_paid_to_the_merchants_account_once(line: Line, shop: Merchant) -> None:
    bought(line, shop, 300_00, ON)
    end(ON)
    pay()
    assert not PaymentOrder.objects.exists()  # nobody said where to
    linked = link_account(merchant_id=shop.pk, account="6222 0000 0000 1234")
    register_account(merchant_id=shop.pk, linked=linked, on=NEXT)
    for _again in range(3):
        pay()
    assert PaymentOrder.objects.count() == 1
    payment = SettlementPayment.objects.get()
    assert (payment.settlement, payment.amount_fen, payment.paid_on) == (settled(shop)[0], 300_00, NEXT)
    assert stands(shop) == (0, 0)
    assert (position(CASH_CLEARING.control_id).credit_fen, taken_at_the_gateway()) == (300_00, -300_00)
    end(NEXT)
    pay()
    assert PaymentOrder.objects.count() == 1
    assert broken() == []


def test_a_payment_that_failed_is_payable_again_and_tried_on_the_next_day(line: Line, shop: Merchant) -> None:
    source = a_source(shop.pk, 0)
    simulator.script(token=source.token, behaviours=["fails"])
    bought(line, shop, 300_00, ON)
    end(ON)
    for _again in range(2):
        pay()
    assert (stands(shop), SettlementPayment.objects.count()) == ((0, 300_00), 0)
    assert list(PaymentOrder.objects.values_list("state", flat=True)) == ["failed"]
    end(NEXT)
    pay()
    assert (stands(shop), taken_at_the_gateway()) == ((0, 0), -300_00)
    assert broken() == []


def test_while_an_answer_is_owed_nothing_is_ordered_again(line: Line, shop: Merchant) -> None:
    source = a_source(shop.pk, 0)
    simulator.script(token=source.token, behaviours=["answers_later"])
    bought(line, shop, 300_00, ON)
    end(ON)
    pay()
    end(NEXT)
    pay()
    assert (PaymentOrder.objects.count(), stands(shop)) == (1, (0, 300_00))
    SimulatedRequest.objects.update(told=True)
    pay()
    assert stands(shop) == (0, 0)
    assert SettlementPayment.objects.get().paid_on == NEXT  # when it moved
    assert broken() == []


def stop(shop: Merchant, on: date) -> None:
    suspend(merchant_id=shop.pk, why=Why("fraud", "staff:1", f"stop {on}"), on=on)
    shop.refresh_from_db()


def go_on(shop: Merchant, on: date) -> None:
    reinstate(merchant_id=shop.pk, why=Why("cleared", "staff:1", f"go on {on}"), on=on)
    shop.refresh_from_db()


def test_what_is_settled_is_held_back_while_its_merchant_is_suspended_then_paid_once(
    line: Line, shop: Merchant
) -> None:
    a_source(shop.pk, 0)
    bought(line, shop, 300_00, ON)
    stop(shop, ON)
    end(ON)
    pay()
    assert (PaymentOrder.objects.count(), stands(shop), owed(shop).held_back_fen) == (0, (0, 300_00), 300_00)
    assert [each.is_held_back for each in settlements(shop.pk)] == [True]
    go_on(shop, NEXT)
    assert [each.is_held_back for each in settlements(shop.pk)] == [False]
    for _again in range(2):
        pay()
    assert (stands(shop), taken_at_the_gateway(), owed(shop).held_back_fen) == ((0, 0), -300_00, 0)
    assert PaymentOrder.objects.count() == 1
    assert broken() == []


def test_what_a_suspended_merchant_was_paid_before_anything_was_held_back_is_not_held_against_the_books(
    line: Line, shop: Merchant
) -> None:
    other = a_merchant()
    for merchant, day in ((shop, ON), (other, NEXT)):
        a_source(merchant.pk, 0)
        bought(line, merchant, 300_00, day)
        end(day)
        pay()
        # As if it had been so before it was paid, on the next day.
        stop(merchant, day)
        assert broken() == ["settlement_holds"]
        if merchant == shop:
            begin = import_module("huabei.migrations.0031_since_when_settlements_are_held_back").BEGIN
            with connection.cursor() as cursor:
                cursor.execute(begin)
            assert broken() == []


def test_what_is_ordered_and_not_asked_for_yet_is_held_back_and_ordered_anew(
    line: Line, shop: Merchant
) -> None:
    a_source(shop.pk, 0)
    bought(line, shop, 300_00, ON)
    end(ON)
    paying.pay_merchants()
    stop(shop, NEXT)
    for _again in range(2):
        pay()
    assert list(PaymentOrder.objects.values_list("state", flat=True)) == ["cancelled"]
    assert (owed(shop).held_back_fen, taken_at_the_gateway()) == (300_00, 0)
    go_on(shop, NEXT)
    for _again in range(2):
        pay()
    assert list(PaymentOrder.objects.order_by("pk").values_list("state", flat=True)) == [
        "cancelled",
        "confirmed",
    ]
    assert (stands(shop), taken_at_the_gateway()) == ((0, 0), -300_00)
    assert broken() == []


def test_what_the_gateway_was_asked_for_before_goes_its_way_and_is_not_paid_again(
    line: Line, shop: Merchant
) -> None:
    source = a_source(shop.pk, 0)
    simulator.script(token=source.token, behaviours=["answers_later"])
    bought(line, shop, 300_00, ON)
    end(ON)
    pay()
    stop(shop, NEXT)
    assert [each.is_held_back for each in settlements(shop.pk)] == [False]
    SimulatedRequest.objects.update(told=True)
    pay()
    go_on(shop, NEXT)
    pay()
    assert (stands(shop), taken_at_the_gateway(), PaymentOrder.objects.count()) == ((0, 0), -300_00, 1)
    assert broken() == []


def test_ordering_again_while_it_is_under_way_orders_nothing(line: Line, shop: Merchant) -> None:
    a_source(shop.pk, 0)
    bought(line, shop, 300_00, ON)
    end(ON)
    assert [len(order_payouts(on=on)) for on in (NEXT, NEXT, NEXT + timedelta(days=1))] == [1, 0, 0]


def test_the_account_registered_last_is_the_one_that_is_paid(shop: Merchant) -> None:
    for number in ("622200000001", "622200000002", "622200000001"):
        linked = link_account(merchant_id=shop.pk, account=number)
        source = register_account(merchant_id=shop.pk, linked=linked, on=ON)
        assert sources_of(shop.pk)[0] == source
    assert not any(source.autopay for source in sources_of(shop.pk))


def test_nobody_but_a_merchant_registers_an_account(line: Line) -> None:
    linked = link_account(merchant_id=line.customer_id, account="622200000001")
    with pytest.raises(MerchantNotAccepting):
        register_account(merchant_id=line.customer_id, linked=linked, on=ON)


def test_a_day_is_settled_once(line: Line, shop: Merchant) -> None:
    bought(line, shop, 300_00, ON)
    assert settle_merchants(ON, [line.pk]) == 0  # the simulator's: a merchant's account is everybody's
    assert settle_merchants(ON) == 1
    assert settle_merchants(ON) == 0


_COPY = """
INSERT INTO huabei_settlement (id, uuid, merchant_id, settled_on, captured_fen, refunded_fen, reversed_fen, subsidy_fen,
    discount_fen, carried_fen, amount_fen, entry_id)
SELECT id + 1, gen_random_uuid(), merchant_id, settled_on + {days}, captured_fen, refunded_fen, reversed_fen, subsidy_fen,
    discount_fen, carried_fen, amount_fen + {fen}, {entry} FROM huabei_settlement"""

# What PostgreSQL refuses, whoever asks, and why.
REFUSED = {
    _COPY.format(days=0, fen=0, entry="entry_id"): "settlement_once_per_merchant_and_day",
    _COPY.format(days=1, fen=1, entry="entry_id"): "settlement_adds_up",
    _COPY.format(days=1, fen=0, entry="NULL"): "settlement_to_pay_is_posted",
    "UPDATE huabei_settlement SET settled_on = settled_on + 1": "permission denied",
    "DELETE FROM huabei_settlement": "permission denied",
    "TRUNCATE huabei_settlementpayment": "permission denied",
    "INSERT INTO huabei_settlementpayment (settlement_id, reference, amount_fen, paid_on, entry_id)"
    " SELECT settlement_id, 'x', amount_fen, paid_on, entry_id FROM huabei_settlementpayment": "settlementpayment_pkey",
}


@pytest.mark.parametrize(("statement", "why"), REFUSED.items(), ids=list(REFUSED.values()))
def test_the_database_keeps_settlements_as_they_are(
    line: Line, shop: Merchant, statement: str, why: str
) -> None:
    a_source(shop.pk, 0)
    bought(line, shop, 300_00, ON)
    end(ON)
    pay()
    with (
        pytest.raises(DatabaseError, match=why),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
