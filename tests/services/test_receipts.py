"""Purchases that post on receipt: paid, held, and posted when the buyer confirms or the time to do so is over."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from django.urls import reverse

from customers.models import Notice
from customers.notices import Message
from customers.selectors import notices_of
from huabei import telling
from huabei.errors import AmountRefused, AwaitsReceipt, DateRefused, NotAuthorised, PurchaseNotFound
from huabei.facts import disagreements
from huabei.history import latest_events, statement_detail
from huabei.models import (
    Line,
    Merchant,
    MerchantTerms,
    Plan,
    Posting,
    Purchase,
    PurchaseState,
    Receipt,
    Refund,
    ShareMonth,
    Statement,
)
from huabei.notices import ReceiptDue
from huabei.selectors import posting_on
from huabei.services.captures import capture
from huabei.services.causes import Why
from huabei.services.corrections import reverse_purchase
from huabei.services.merchants import change_posting
from huabei.services.receipts import confirm_receipt
from huabei.services.releases import void
from huabei.services.repayments import refund, repay
from huabei.services.shares import accept, authorise_shared, invite
from ledger.audit import verify
from ledger.selectors import position
from operations import audit
from tests.line_world import (
    a_campaign,
    a_customer,
    a_line,
    a_merchant,
    an_escrow_merchant,
    authorised,
    end_day,
    end_days,
    settled,
    stands,
)

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)
LAST = ON + timedelta(days=15)


@pytest.fixture
def line() -> Line:
    return a_line(1_000_00)


@pytest.fixture
def shop() -> Merchant:
    return an_escrow_merchant()


@pytest.fixture
def paid(line: Line, shop: Merchant) -> Purchase:
    return authorised(line, shop, 100_00, ON)


def confirm(purchase: Purchase, on: date) -> Receipt:
    return confirm_receipt(purchase_id=purchase.pk, customer_id=purchase.line.customer_id, on=on)


def money(line: Line, on: date = ON) -> tuple[int, int, int]:
    """What is available and held on the line, and drawn."""
    found = stands(line, on)
    return found.available_fen, found.held_fen, found.drawn_fen


def faults(line: Line, on: date) -> list[object]:
    """The rules that are broken, and where the line is not what its replay says."""
    broken = [found.check.name for found in verify(audit.CHECKS) if not found.holds]
    return [*broken, *disagreements(Line.objects.get(pk=line.pk), on)]


def test_it_is_paid_at_once_and_posts_on_the_day_of_its_receipt(
    line: Line, shop: Merchant, paid: Purchase
) -> None:
    assert (paid.paid_on, paid.posted_on, paid.awaits_receipt, paid.expires_on) == (ON, None, True, LAST)
    assert money(line) == (900_00, 100_00, 0)
    came_on = ON + timedelta(days=3)
    receipt = confirm(paid, came_on)
    paid.refresh_from_db()
    assert (paid.state, paid.paid_on, paid.posted_on) == (PurchaseState.CAPTURED, ON, came_on)
    assert (receipt.confirmed_on, receipt.confirmed_by) == (came_on, line.customer_id)
    assert money(line) == (900_00, 0, 100_00)
    assert position(shop.payable_account_id).credit_fen == 100_00
    assert faults(line, came_on) == []


def test_it_belongs_to_the_statement_of_its_receipt_and_to_that_days_settlement(
    line: Line, shop: Merchant
) -> None:
    june = date(2026, 6, 28)
    paid = authorised(line, shop, 100_00, june)
    end_days(june, date(2026, 6, 30))
    assert not Statement.objects.filter(line=line).exists()
    assert settled(shop) == []
    confirm(paid, date(2026, 7, 1))
    end_days(date(2026, 7, 1), date(2026, 7, 31))
    (statement,) = Statement.objects.filter(line=line)
    assert (statement.issued_on, statement.new_principal_fen) == (date(2026, 8, 1), 100_00)
    (bought,) = statement_detail(statement).purchases
    assert (bought.on, bought.amount_fen) == (date(2026, 7, 1), 100_00)
    assert [(each.settled_on, each.amount_fen) for each in settled(shop)] == [(date(2026, 7, 1), 100_00)]
    assert faults(line, date(2026, 8, 1)) == []


def test_confirming_again_changes_nothing(line: Line, paid: Purchase) -> None:
    assert not confirm(paid, ON).repeated
    again = confirm(paid, ON + timedelta(days=1))
    assert (again.repeated, again.confirmed_on) == (True, ON)
    assert paid.captures.count() == 1


def test_nobody_else_confirms_it(paid: Purchase) -> None:
    for other in (uuid4(), a_customer().pk):
        with pytest.raises(PurchaseNotFound):
            confirm_receipt(purchase_id=paid.pk, customer_id=other, on=ON)
    assert not Receipt.objects.exists()


def test_its_merchant_does_not_charge_it(paid: Purchase) -> None:
    with pytest.raises(AwaitsReceipt):
        capture(purchase_id=paid.pk, amount_fen=100_00, reference="now", on=ON)
    confirm(paid, ON)
    with pytest.raises(AwaitsReceipt):
        capture(purchase_id=paid.pk, amount_fen=100_00, on=ON)


def test_what_is_paid_at_once_has_no_receipt(line: Line) -> None:
    purchase = authorised(line, a_merchant(), 100_00, ON)
    with pytest.raises(NotAuthorised):
        confirm(purchase, ON)
    assert not Receipt.objects.exists()


def test_it_does_not_expire_and_is_taken_as_received_as_its_last_day_begins(
    line: Line, paid: Purchase
) -> None:
    end_days(ON, LAST - timedelta(days=2))
    paid.refresh_from_db()
    assert paid.awaits_receipt
    end_day(LAST - timedelta(days=1))
    receipt = Receipt.objects.get()
    assert (receipt.purchase_id, receipt.confirmed_on, receipt.confirmed_by) == (paid.pk, LAST, None)
    paid.refresh_from_db()
    assert (paid.state, paid.posted_on) == (PurchaseState.CAPTURED, LAST)
    assert confirm(paid, LAST).repeated
    end_day(LAST - timedelta(days=1))
    assert money(line) == (900_00, 0, 100_00)
    assert faults(line, LAST) == []


def test_taken_as_received_on_a_statement_day_it_is_on_the_next_and_uses_no_credit_before_it(
    line: Line, shop: Merchant
) -> None:
    paid = authorised(line, shop, 100_00, date(2026, 6, 16))
    assert paid.expires_on == date(2026, 7, 1)
    other = authorised(line, a_merchant(), 60_00, date(2026, 6, 20))
    capture(purchase_id=other.pk, amount_fen=60_00, on=date(2026, 6, 20))
    refund(purchase_id=other.pk, amount_fen=10_00, reference="back", on=date(2026, 6, 21))
    repay(line_id=line.pk, amount_fen=70_00, reference="more", on=date(2026, 6, 22))
    end_days(date(2026, 6, 16), date(2026, 6, 30))
    (statement,) = Statement.objects.filter(line=line)
    assert statement.total_fen == 0
    assert stands(line, date(2026, 7, 1)).unbilled_fen == 80_00
    assert faults(line, date(2026, 7, 1)) == []


def reminders(customer_id: UUID) -> list[Message]:
    found = [each.message for each in notices_of(customer_id, most=100)]
    return [message for message in found if isinstance(message, ReceiptDue)]


def tell(last: date, first: date | None = None) -> int:
    """How many are reminded as these days end: the step of the close alone."""
    step, told, day = dict(telling.STEPS)["lines.tell_receipts_due"], 0, first or last
    while day <= last:
        told += step(day, None)
        day += timedelta(days=1)
    return told


def test_its_buyer_is_reminded_once_three_days_before_it_is_taken_as_received(
    line: Line, paid: Purchase
) -> None:
    received = authorised(line, paid.merchant, 20_00, ON)
    confirm(received, ON)
    refund(purchase_id=paid.pk, amount_fen=30_00, reference="part", on=ON)
    assert tell(LAST - timedelta(days=5), ON) == 0
    assert tell(LAST - timedelta(days=4)) == 1
    assert tell(LAST, LAST - timedelta(days=4)) == 0
    (message,) = reminders(line.customer_id)
    assert message == ReceiptDue(paid.pk, "Test", 70_00, 3, LAST)
    step = message.step()
    assert step is not None
    assert step.address == reverse("purchase", args=[paid.pk])


def test_who_bought_through_a_share_is_reminded_and_not_its_owner(line: Line, shop: Merchant) -> None:
    friend = a_customer()
    share = invite(line_id=line.pk, beneficiary_id=friend.pk, monthly_cap_fen=500_00, on=ON)
    accept(share_id=share.pk, beneficiary_id=friend.pk, on=ON)
    authorise_shared(
        share_uuid=share.uuid, merchant_id=shop.pk, amount_fen=100_00, reference="through", on=ON
    )
    assert tell(LAST - timedelta(days=4)) == 1
    assert (len(reminders(friend.pk)), reminders(line.customer_id)) == (1, [])


@pytest.mark.parametrize(("days", "told"), [(0, 0), (1, 1), (30, 1)])
def test_when_a_buyer_is_reminded_is_a_dated_row(paid: Purchase, days: int, told: int) -> None:
    MerchantTerms.objects.create(effective_from=ON + timedelta(days=1), receipt_reminder_days=days)
    assert tell(LAST - timedelta(days=3)) == (1 if days == 30 else 0)
    tell(LAST - timedelta(days=2))
    assert Notice.objects.filter(kind="line.receipt_due").count() == told


def test_the_days_are_a_dated_row(line: Line, shop: Merchant) -> None:
    MerchantTerms.objects.create(effective_from=ON + timedelta(days=1), receipt_days=7)
    assert authorised(line, shop, 1_00, ON).expires_on == LAST
    later = authorised(line, shop, 1_00, ON + timedelta(days=1))
    assert later.expires_on == ON + timedelta(days=8)


@pytest.mark.parametrize("parts", [[100_00], [30_00, 70_00], [1, 99_99]])
def test_given_back_whole_before_receipt_it_is_cancelled(
    line: Line, shop: Merchant, paid: Purchase, parts: list[int]
) -> None:
    for n, fen in enumerate(parts):
        refund(purchase_id=paid.pk, amount_fen=fen, reference=f"back-{n}", on=ON + timedelta(days=n))
    paid.refresh_from_db()
    assert (paid.state, paid.cancelled_fen, paid.refunded_fen) == (PurchaseState.VOIDED, 100_00, 0)
    assert money(line) == (1_000_00, 0, 0)
    assert position(shop.payable_account_id).credit_fen == 0
    with pytest.raises(NotAuthorised):
        confirm(paid, ON)
    with pytest.raises(NotAuthorised):
        refund(purchase_id=paid.pk, amount_fen=1, reference="more", on=ON)
    assert faults(line, ON) == []


def test_of_what_is_given_back_in_part_the_rest_is_received(
    line: Line, shop: Merchant, paid: Purchase
) -> None:
    back = refund(purchase_id=paid.pk, amount_fen=30_00, reference="back", on=ON)
    assert (back.to_hold_fen, back.to_credit_fen, back.to_unbilled_fen) == (30_00, 0, 0)
    assert money(line) == (930_00, 70_00, 0)
    again = refund(purchase_id=paid.pk, amount_fen=30_00, reference="back", on=ON)
    assert (again.pk, again.repeated) == (back.pk, True)
    with pytest.raises(AmountRefused):
        refund(purchase_id=paid.pk, amount_fen=70_01, reference="more", on=ON)
    confirm(paid, ON)
    paid.refresh_from_db()
    assert (paid.state, paid.captured_fen) == (PurchaseState.CAPTURED, 70_00)
    assert money(line) == (930_00, 0, 70_00)
    refund(purchase_id=paid.pk, amount_fen=20_00, reference="after", on=ON)
    assert (money(line), Refund.objects.filter(to_hold_fen=0).count()) == ((950_00, 0, 50_00), 1)
    end_day(ON)
    assert [each.amount_fen for each in settled(shop)] == [50_00]
    assert faults(line, ON) == []


def test_what_is_given_back_before_receipt_is_told_and_is_on_no_statement(line: Line, paid: Purchase) -> None:
    refund(purchase_id=paid.pk, amount_fen=30_00, reference="back", on=ON)
    notice = Notice.objects.get(customer=line.customer_id, kind="line.refund_arrived")
    assert notice.figures["to_hold_fen"] == 30_00
    (event,) = latest_events(line.pk)
    assert (event.amount_fen, event.purchase_id) == (70_00, paid.pk)
    confirm(paid, ON)
    end_days(ON, date(2026, 6, 30))
    assert statement_detail(Statement.objects.get(line=line)).refunds == []


@pytest.mark.parametrize("before_fen", [0, 30_00])
def test_its_merchant_gives_up_what_is_paid_once_and_its_buyer_is_told(
    line: Line, shop: Merchant, paid: Purchase, before_fen: int
) -> None:
    if before_fen:
        refund(purchase_id=paid.pk, amount_fen=before_fen, reference="back", on=ON)
    for _again in range(2):
        void(purchase_id=paid.pk, on=ON)
    paid.refresh_from_db()
    assert (paid.state, paid.cancelled_fen, money(line)) == (PurchaseState.VOIDED, 100_00, (1_000_00, 0, 0))
    given_up = Refund.objects.get(reference="")
    assert (given_up.amount_fen, given_up.to_hold_fen) == (100_00 - before_fen, 100_00 - before_fen)
    told = Notice.objects.filter(customer=line.customer_id, kind="line.refund_arrived").latest("pk")
    assert (told.figures["to_hold_fen"], told.reference) == (100_00 - before_fen, f"refund:{given_up.pk}")
    end_day(ON)
    assert settled(shop) == []
    assert faults(line, ON) == []


def test_given_back_whole_there_is_nothing_to_give_up_and_received_it_is_not_given_up(
    line: Line, shop: Merchant, paid: Purchase
) -> None:
    refund(purchase_id=paid.pk, amount_fen=100_00, reference="back", on=ON)
    void(purchase_id=paid.pk, on=ON)
    assert Refund.objects.count() == 1
    came = authorised(line, shop, 50_00, ON)
    confirm(came, ON)
    with pytest.raises(NotAuthorised):
        void(purchase_id=came.pk, on=ON)
    assert money(line) == (950_00, 0, 50_00)


def test_given_up_its_share_and_its_campaign_have_back_what_it_took(line: Line, shop: Merchant) -> None:
    campaign = a_campaign(shop, on=ON)
    spread = authorised(line, shop, 300_00, ON, instalments=3, campaign_id=campaign.pk)
    friend = a_customer()
    share = invite(line_id=line.pk, beneficiary_id=friend.pk, monthly_cap_fen=500_00, on=ON)
    accept(share_id=share.pk, beneficiary_id=friend.pk, on=ON)
    shared = authorise_shared(
        share_uuid=share.uuid, merchant_id=shop.pk, amount_fen=100_00, reference="through", on=ON
    )
    for purchase_id in (spread.pk, shared.purchase_id):
        void(purchase_id=purchase_id, on=ON)
    assert position(campaign.budget_account_id).available_fen == campaign.budget_fen
    assert ShareMonth.objects.get().spent_fen == 0
    assert money(line) == (1_000_00, 0, 0)
    assert faults(line, ON) == []


def test_received_it_is_taken_back_like_any_other(line: Line, paid: Purchase) -> None:
    confirm(paid, ON)
    reverse_purchase(purchase_id=paid.pk, reason="never sent", on=ON)
    paid.refresh_from_db()
    assert paid.kept_fen == 0
    assert money(line) == (1_000_00, 0, 0)
    assert faults(line, ON) == []


def test_instalments_begin_with_the_receipt_and_a_campaign_gets_back_what_no_receipt_needs(
    line: Line, shop: Merchant
) -> None:
    campaign = a_campaign(shop, on=ON)
    came, gone = (
        authorised(line, shop, 300_00, ON, instalments=3, campaign_id=campaign.pk) for _n in range(2)
    )
    left = position(campaign.budget_account_id).available_fen
    refund(purchase_id=gone.pk, amount_fen=300_00, reference="back", on=ON)
    refund(purchase_id=came.pk, amount_fen=100_00, reference="back", on=ON)
    assert position(campaign.budget_account_id).available_fen == left + 7_50
    assert not Plan.objects.exists()
    confirm(came, ON + timedelta(days=2))
    plan = Plan.objects.get()
    assert (plan.principal_fen, plan.made_on) == (200_00, ON + timedelta(days=2))
    assert position(campaign.budget_account_id).available_fen == left + 7_50 + 2_50
    assert faults(line, ON + timedelta(days=2)) == []


def test_who_bought_through_a_share_confirms_it_and_the_cap_follows(line: Line, shop: Merchant) -> None:
    friend = a_customer()
    share = invite(line_id=line.pk, beneficiary_id=friend.pk, monthly_cap_fen=500_00, on=ON)
    accept(share_id=share.pk, beneficiary_id=friend.pk, on=ON)
    made = authorise_shared(
        share_uuid=share.uuid, merchant_id=shop.pk, amount_fen=100_00, reference="through", on=ON
    )
    refund(purchase_id=made.purchase_id, amount_fen=30_00, reference="back", on=ON)
    assert ShareMonth.objects.get().spent_fen == 70_00
    assert faults(line, ON) == []
    confirm_receipt(purchase_id=made.purchase_id, customer_id=friend.pk, on=ON)
    assert Receipt.objects.get().confirmed_by == friend.pk
    assert faults(line, ON) == []


def test_a_posting_holds_from_its_day_for_what_is_authorised_then(line: Line) -> None:
    shop = a_merchant()
    before = authorised(line, shop, 1_00, ON)
    first, later = ON + timedelta(days=1), ON + timedelta(days=4)
    for n, (posting, day) in enumerate(((Posting.RECEIPT, first), (Posting.PAYMENT, later))):
        change_posting(
            merchant_id=shop.pk,
            posting=posting,
            effective_from=day,
            why=Why("agreement", "staff:1", f"p{n}"),
            on=ON,
        )
    days = [authorised(line, shop, 1_00, ON + timedelta(days=n)) for n in range(6)]
    assert [each.posts_on_receipt for each in (before, *days)] == [
        False,
        False,
        True,
        True,
        True,
        False,
        False,
    ]
    assert [posting_on(shop.pk, ON + timedelta(days=n)) for n in (0, 1, 3, 4)] == [
        Posting.PAYMENT,
        Posting.RECEIPT,
        Posting.RECEIPT,
        Posting.PAYMENT,
    ]


@pytest.mark.parametrize("days", [-1, 1, 367])
def test_a_posting_is_said_of_neither_the_past_nor_a_far_day_and_once_of_a_day(
    shop: Merchant, days: int
) -> None:
    change_posting(
        merchant_id=shop.pk,
        posting=Posting.PAYMENT,
        effective_from=ON + timedelta(days=1),
        why=Why("agreement", "staff:1", "first"),
        on=ON,
    )
    with pytest.raises(DateRefused):
        change_posting(
            merchant_id=shop.pk,
            posting=Posting.RECEIPT,
            effective_from=ON + timedelta(days=days),
            why=Why("agreement", "staff:1", "second"),
            on=ON,
        )


def test_what_is_received_on_one_day_uses_the_credit_one_after_the_other(line: Line, shop: Merchant) -> None:
    repay(line_id=line.pk, amount_fen=100_00, reference="too much", on=ON)
    for fen in (30_00, 50_00, 40_00):
        authorised(line, shop, fen, ON)
    end_days(LAST - timedelta(days=1), LAST - timedelta(days=1))
    found = stands(line, LAST)
    assert (found.credit_fen, found.unbilled_fen, found.held_fen) == (0, 20_00, 0)
    assert faults(line, LAST) == []
