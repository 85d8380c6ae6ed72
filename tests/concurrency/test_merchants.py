"""A receipt that is confirmed, and a shop that is suspended, by many at the same moment."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import transaction

import huabei.closing
from customers.models import Notice
from finance.errors import DomainError
from huabei.models import CategoryRule, Line, MerchantChange, Purchase, PurchaseState, Receipt, Refund
from huabei.services import purchases
from huabei.services.causes import Why
from huabei.services.merchants import reinstate, rule_category, suspend
from huabei.services.receipts import confirm_receipt
from huabei.services.releases import void
from huabei.services.repayments import refund
from ledger.audit import verify
from operations import audit
from operations.services import closing, paying
from tests.concurrency.crowd import SIZE, Crowd
from tests.line_world import a_line, a_merchant, an_escrow_merchant, authorised, bought, stands
from tests.payment_world import a_source, taken_at_the_gateway

ON = date(2026, 6, 5)
NEXT, LAST = date(2026, 6, 6), date(2026, 6, 20)


def attempt(what: str, purchase_id: int, customer_id: UUID, reference: str) -> str:
    try:
        if what == "close":
            with transaction.atomic():
                huabei.closing.receive_unconfirmed(date(2026, 6, 19), None)
        elif what == "refund":
            refund(purchase_id=purchase_id, amount_fen=60_00, reference=reference, on=LAST)
        elif what == "void":
            void(purchase_id=purchase_id, on=LAST)
        else:
            confirm_receipt(purchase_id=purchase_id, customer_id=customer_id, on=LAST)
    except DomainError as refusal:
        return refusal.code
    return "done"


def broken_rules() -> list[str]:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds]


def test_a_receipt_confirmed_eight_times_at_once_is_one(committed_db: str, crowd: Crowd) -> None:
    line = a_line()
    paid = authorised(line, an_escrow_merchant(), 100_00, ON)
    answers = crowd.at_once(attempt, committed_db, *[("confirm", paid.pk, line.customer_id, "")] * SIZE)
    assert answers == ["done"] * SIZE
    assert (Receipt.objects.count(), stands(line, LAST).drawn_fen) == (1, 100_00)
    assert broken_rules() == []


def test_confirmed_given_back_and_taken_as_received_at_once_it_is_received_once(
    committed_db: str, crowd: Crowd
) -> None:
    line = a_line()
    paid = authorised(line, an_escrow_merchant(), 100_00, ON)
    acts = ["confirm", "refund", "close", "refund", "confirm", "close", "refund", "confirm"]
    answers = crowd.at_once(
        attempt, committed_db, *[(act, paid.pk, line.customer_id, str(n)) for n, act in enumerate(acts)]
    )
    refused = sorted(answer for answer in answers if answer != "done")
    assert refused == ["amount_refused"] * 2
    paid.refresh_from_db()
    assert paid.state == PurchaseState.CAPTURED
    assert paid.captured_fen - paid.refunded_fen == 40_00
    assert stands(line, LAST).drawn_fen == 40_00
    assert broken_rules() == []


def test_given_up_and_received_at_once_it_is_one_of_both(committed_db: str, crowd: Crowd) -> None:
    line = a_line()
    paid = authorised(line, an_escrow_merchant(), 100_00, ON)
    acts = ["void", "confirm"] * (SIZE // 2)
    answers = crowd.at_once(
        attempt, committed_db, *[(act, paid.pk, line.customer_id, str(n)) for n, act in enumerate(acts)]
    )
    paid.refresh_from_db()
    received = paid.state == PurchaseState.CAPTURED
    assert received != (paid.state == PurchaseState.VOIDED)
    won = "confirm" if received else "void"
    assert answers == ["done" if act == won else "purchase_not_authorised" for act in acts]
    assert (Receipt.objects.count(), Refund.objects.count()) == (int(received), int(not received))
    assert stands(line, LAST).drawn_fen == (100_00 if received else 0)
    assert broken_rules() == []


def test_given_up_and_refunded_at_once_it_comes_back_once(committed_db: str, crowd: Crowd) -> None:
    line = a_line()
    paid = authorised(line, an_escrow_merchant(), 100_00, ON)
    acts = ["void", "refund"] * (SIZE // 2)
    answers = crowd.at_once(
        attempt, committed_db, *[(act, paid.pk, line.customer_id, "same") for act in acts]
    )
    assert answers[::2] == ["done"] * (SIZE // 2)
    paid.refresh_from_db()
    assert (paid.state, paid.cancelled_fen) == (PurchaseState.VOIDED, 100_00)
    back = list(Refund.objects.values_list("amount_fen", flat=True))
    assert sorted(back) in ([100_00], [40_00, 60_00])
    assert Notice.objects.filter(kind="line.refund_arrived").count() == len(back)
    position = stands(line, LAST)
    assert (position.drawn_fen, position.held_fen) == (0, 0)
    assert broken_rules() == []


def buy_or_stop(line_id: int, merchant_id: UUID, n: int) -> list[str]:
    if n == 0:
        suspend(merchant_id=merchant_id, why=Why("cash_out", "staff:1", "stop"), on=ON)
        return []
    answers = []
    for m in range(20):
        try:
            purchases.authorise(
                line_id=line_id, merchant_id=merchant_id, amount_fen=1_00, reference=f"{n}-{m}", on=ON
            )
        except DomainError as refusal:
            answers.append(refusal.code)
        else:
            answers.append("bought")
    return answers


def test_while_a_shop_is_suspended_whoever_buys_there_is_refused_from_some_moment_on(
    committed_db: str, crowd: Crowd
) -> None:
    line, shop = a_line(), a_merchant()
    answers = crowd.at_once(buy_or_stop, committed_db, *[(line.pk, shop.pk, n) for n in range(SIZE)])
    for told in answers:
        assert told == sorted(told), "bought after it was refused"
        assert set(told) <= {"bought", "merchant_not_allowed"}
    assert MerchantChange.objects.get().kind == "suspended"
    bought = sum(told.count("bought") for told in answers)
    assert (Purchase.objects.count(), stands(Line.objects.get(pk=line.pk), ON).held_fen) == (
        bought,
        bought * 1_00,
    )
    assert set(buy_or_stop(line.pk, shop.pk, SIZE)) == {"merchant_not_allowed"}
    assert broken_rules() == []


def pay_or_stop(merchant_id: UUID, n: int) -> str:
    if n == 0:
        suspend(merchant_id=merchant_id, why=Why("fraud", "staff:1", "stop"), on=NEXT)
    else:
        paying.pay_merchants(hint=False)
        paying.sweep(parked=True)
    return "done"


def test_a_shop_that_is_suspended_while_it_is_paid_is_paid_once_now_or_after_it_is_reinstated(
    committed_db: str, crowd: Crowd
) -> None:
    closing.set_business_date(on=ON)
    line, shop = a_line(), a_merchant()
    a_source(shop.pk, 0)
    bought(line, shop, 100_00, ON)
    list(closing.close_until(on=NEXT))
    crowd.at_once(pay_or_stop, committed_db, *[(shop.pk, n) for n in range(SIZE)])
    moved = taken_at_the_gateway()
    assert moved in (0, -100_00)
    assert pay_or_stop(shop.pk, 1) == "done"
    assert taken_at_the_gateway() == moved, "nothing more is paid while it is suspended"
    reinstate(merchant_id=shop.pk, why=Why("cleared", "staff:1", "go on"), on=NEXT)
    pay_or_stop(shop.pk, 1)
    assert taken_at_the_gateway() == -100_00
    assert broken_rules() == []


def forbid(n: int) -> str:
    try:
        rule_category(
            category="toys",
            name="Toys",
            name_zh="玩具",
            is_allowed=False,
            effective_from=ON,
            why=Why("cash_out", "staff:1", f"{n}"),
            on=ON,
        )
    except DomainError as refusal:
        return refusal.code
    return "done"


def test_a_category_ruled_by_eight_at_once_is_ruled_once(committed_db: str, crowd: Crowd) -> None:
    answers = crowd.at_once(forbid, committed_db, *[(n,) for n in range(SIZE)])
    assert sorted(answers) == ["date_refused"] * (SIZE - 1) + ["done"]
    assert CategoryRule.objects.filter(category="toys").count() == 1
