"""One order stands for one loan, and settles once, whatever is told at the same moment."""

from __future__ import annotations

from datetime import UTC, datetime, time
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from finance.errors import DomainError
from ledger.audit import verify
from ledger.sql import value
from lending.models import Loan, LoanTransaction, OrderEvent, Pledge, ProceedsPayment
from lending.paying import disburse
from lending.recalls import uncovered
from lending.services import servicing
from lending.services.orders import Told, refund_order, settle_order, undo_settlement
from lending.services.pledging import OrdersDoNotCover
from lending.services.quoting import Wish
from lending.services.sellers import reinstate_seller, suspend_seller
from lending.services.signing import sign_loan
from operations import audit
from operations.services import closing, paying
from tests.concurrency.crowd import SIZE, Crowd
from tests.concurrency.waiting import wait_until_somebody_waits
from tests.loan_world import SIGNED_ON, a_seller, a_wish, at_noon, shipped, signed
from tests.payment_world import a_source, taken_at_the_gateway, unpark


def _wish() -> Wish:
    return a_wish(800_00, product="order-loan", method="one_off", periods=1, unit="days", every=30)


def _sign(seller: UUID, reference: str) -> bool:
    at = datetime.combine(SIGNED_ON, time(4), UTC)
    try:
        sign_loan(customer_id=seller, wish=_wish(), score=700, reference=reference, on=SIGNED_ON, at=at)
    except OrdersDoNotCover:
        return False
    return True


def _settle(seller: UUID, order: str) -> int:
    told = Told(order=order, reference="settled", happened_at=at_noon(SIGNED_ON), amount_fen=1_000_00)
    return settle_order(seller_id=seller, told=told, on=SIGNED_ON).pk


def test_one_order_is_pledged_to_one_of_eight_loans(crowd: Crowd, committed_db: str) -> None:
    seller = a_seller()
    shipped(seller, 1_000_00)
    done = crowd.at_once(_sign, committed_db, *((seller, f"s{n}") for n in range(SIZE)))
    assert done.count(True) == 1
    assert Pledge.objects.count() == 1


def test_an_order_told_to_settle_eight_times_settles_once(crowd: Crowd, committed_db: str) -> None:
    seller = a_seller()
    order = shipped(seller, 1_000_00)
    loan = signed(_wish(), customer_id=seller)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=SIGNED_ON)
    made = crowd.at_once(_settle, committed_db, *((seller, order.reference) for _n in range(SIZE)))
    assert len(set(made)) == 1
    account = order.seller.payable_account_id
    paid = value("SELECT sum(amount_fen) FROM ledger_transfer WHERE credit_account_id = %s", [account])
    event = OrderEvent.objects.get()
    assert (event.to_loan_fen + event.to_seller_fen, paid) == (1_000_00, event.to_seller_fen)
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


def test_two_orders_of_one_loan_settled_at_once_repay_it_together(crowd: Crowd, committed_db: str) -> None:
    seller = a_seller()
    orders = [shipped(seller, 100_00) for _n in range(SIZE)]
    loan = signed(
        a_wish(640_00, product="order-loan", method="one_off", periods=1, unit="days", every=30),
        customer_id=seller,
    )
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=SIGNED_ON)
    crowd.at_once(_settle_100, committed_db, *((seller, order.reference) for order in orders))
    events = list(OrderEvent.objects.all())
    # 640.00 and one day of interest, 0.32.
    assert sum(event.to_loan_fen for event in events) == 640_32
    assert sum(event.to_seller_fen for event in events) == 800_00 - 640_32
    loan.refresh_from_db()
    assert loan.status == "closed"


def _settle_100(seller: UUID, order: str) -> int:
    told = Told(order=order, reference="settled", happened_at=at_noon(SIGNED_ON), amount_fen=100_00)
    return settle_order(seller_id=seller, told=told, on=SIGNED_ON).pk


# A settlement that is undone while others act on what it left.


def left_over(principal_fen: int = 800_00) -> OrderEvent:
    """An order of 1,000.00 that ended its loan and left something to its seller, who has a card."""
    closing.set_business_date(on=SIGNED_ON)
    seller = a_seller()
    a_source(seller, 5_000_00)
    order = shipped(seller, 1_000_00)
    loan = signed(
        a_wish(principal_fen, product="order-loan", method="one_off", periods=1, unit="days", every=30),
        customer_id=seller,
    )
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=SIGNED_ON)
    return OrderEvent.objects.get(pk=_settle(seller, order.reference))


def _act(what: str, event_id: int, n: int) -> str:
    event = OrderEvent.objects.select_related("order").get(pk=event_id)
    fact = LoanTransaction.objects.get(entry_id=event.entry_id)
    try:
        if what == "pay":
            return "ordered" if paying.pay_merchants() else "nothing"
        if what == "refund":
            told = Told(
                order=event.order.reference,
                reference=f"refund {n}",
                happened_at=at_noon(SIGNED_ON),
                amount_fen=100_00,
            )
            refund_order(seller_id=event.order.seller_id, told=told, on=SIGNED_ON)
        elif what == "undo the fact":
            servicing.reverse(
                loan_id=fact.loan_id, undoes=fact.reference, reference=f"undo {n}", on=SIGNED_ON
            )
        else:
            undo_settlement(order_id=event.order_id, reference=f"undo {n}", on=SIGNED_ON)
    except DomainError as refusal:
        return refusal.code
    return "done"


def at_once(crowd: Crowd, database: str, event: OrderEvent, *acts: str) -> list[str]:
    """What became of each of these, done in as many processes at once."""
    return crowd.at_once(_act, database, *((act, event.pk, n) for n, act in enumerate(acts)))


def broken() -> list[str]:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds]


def test_a_settlement_is_undone_or_paid_out_and_never_both(crowd: Crowd, committed_db: str) -> None:
    for _n in range(6):
        event = left_over()
        acts = ["pay", "undo", "pay", "undo the fact"] * (SIZE // 4)
        answers = at_once(crowd, committed_db, event, *acts)
        undone = OrderEvent.objects.filter(undoes=event).count()
        assert answers.count("done") == undone
        assert answers.count("ordered") == 1 - undone
        unpark()
        paying.sweep()
        assert ProceedsPayment.objects.filter(event=event).count() == 1 - undone
        assert broken() == []


def test_a_settlement_is_undone_once(crowd: Crowd, committed_db: str) -> None:
    event = left_over()
    answers = at_once(crowd, committed_db, event, *["undo", "undo the fact"] * (SIZE // 2))
    assert answers.count("done") == 1
    assert set(answers) <= {"done", "nothing_to_undo", "fact_refused"}
    assert OrderEvent.objects.filter(undoes=event).count() == 1
    assert broken() == []


def test_refunds_and_the_undoing_of_the_settlement_call_in_what_was_refunded(
    crowd: Crowd, committed_db: str
) -> None:
    # 100.00 of the order stand for 80.00 of the loan, whether they were refunded before the undoing or after it.
    event = left_over()
    answers = at_once(
        crowd, committed_db, event, *["refund", "undo", "refund", "undo the fact"] * (SIZE // 4)
    )
    assert answers.count("done") == 5
    called = OrderEvent.objects.aggregate(fen=Sum("recalled_fen"))["fen"]
    loan = Loan.objects.select_related("terms").get()
    assert called == 320_00
    assert uncovered(loan, SIGNED_ON) == 320_00
    assert broken() == []


def _pay_or_stop(seller: UUID, n: int) -> str:
    if n == 0:
        suspend_seller(seller_id=seller, cause="complaints", reference="s", by="staff:1", on=SIGNED_ON)
    else:
        paying.pay_merchants(hint=False)
        paying.sweep(parked=True)
    return "done"


def _sweep(n: int) -> None:
    if n == 0:
        paying.sweep(parked=True)


def test_whoever_pays_a_seller_waits_for_who_suspends_them(crowd: Crowd, committed_db: str) -> None:
    event = left_over()
    paying.pay_merchants(hint=False)
    with transaction.atomic():
        suspend_seller(
            seller_id=event.order.seller_id, cause="complaints", reference="s", by="staff:1", on=SIGNED_ON
        )
        paid = crowd.start(_sweep, committed_db, *((n,) for n in range(SIZE)))
        wait_until_somebody_waits()
    for each in paid:
        each.result(timeout=120)
    assert taken_at_the_gateway() == 0
    assert broken() == []


def _disburse(loan_id: int, source: UUID, n: int) -> str:
    try:
        if n == 0:
            disburse(loan_id=loan_id, source=source, on=SIGNED_ON)
    except DomainError as refusal:
        return refusal.code
    return "done"


def test_whoever_has_a_loan_paid_out_waits_for_who_suspends_its_seller(
    crowd: Crowd, committed_db: str
) -> None:
    closing.set_business_date(on=SIGNED_ON)
    seller = a_seller()
    shipped(seller, 1_000_00)
    loan, source = signed(_wish(), customer_id=seller), a_source(seller, 0)
    with transaction.atomic():
        suspend_seller(seller_id=seller, cause="complaints", reference="s", by="staff:1", on=SIGNED_ON)
        sent = crowd.start(_disburse, committed_db, *((loan.pk, source.uuid, n) for n in range(SIZE)))
        wait_until_somebody_waits()
    said = [each.result(timeout=120) for each in sent]
    assert [each for each in said if each != "done"] == ["loan_not_running"]
    assert broken() == []


def test_a_seller_who_is_suspended_while_they_are_paid_is_paid_once_now_or_after_it(
    crowd: Crowd, committed_db: str
) -> None:
    seller = left_over().order.seller_id
    crowd.at_once(_pay_or_stop, committed_db, *((seller, n) for n in range(SIZE)))
    moved = taken_at_the_gateway()
    assert moved in (0, -199_60)
    _pay_or_stop(seller, 1)
    assert taken_at_the_gateway() == moved, "nothing more is paid while they are suspended"
    reinstate_seller(seller_id=seller, cause="cleared", reference="r", by="staff:1", on=SIGNED_ON)
    _pay_or_stop(seller, 1)
    assert taken_at_the_gateway() == -199_60
    assert broken() == []
