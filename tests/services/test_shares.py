"""A line is shared up to a monthly cap: what may be spent, what is given back, who may change and end it."""

from __future__ import annotations

from datetime import date
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from customers.models import Customer
from customers.notices import Message
from customers.selectors import notices_of
from huabei import telling
from huabei.errors import LimitExceeded, LineNotActive, RequestConflict
from huabei.models import Line, Merchant, ShareChange, SharedLine, ShareMonth, ShareTerms
from huabei.notices import RefundArrived, ShareRefund
from huabei.services import corrections, lifecycle, purchases, repayments
from huabei.services.causes import Why
from huabei.services.purchases import Authorisation, MerchantNotAllowed
from huabei.services.shares import (
    CapRefused,
    ShareCapExceeded,
    ShareNotActive,
    ShareNotFound,
    ShareRefused,
    accept,
    authorise_shared,
    change_cap,
    end,
    invite,
)
from huabei.sharing import months_of, purchases_through, shared_with
from ledger.audit import verify
from operations import audit
from tests.db.test_line_guards import execute
from tests.line_world import a_customer, a_line, a_merchant, an_escrow_merchant, authorised, end_day, stands

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)


@pytest.fixture
def line() -> Line:
    return a_line()


@pytest.fixture
def shop() -> Merchant:
    return a_merchant()


@pytest.fixture
def friend() -> Customer:
    return a_customer()


@pytest.fixture
def share(line: Line, friend: Customer) -> SharedLine:
    made = invite(line_id=line.pk, beneficiary_id=friend.pk, monthly_cap_fen=500_00, on=ON)
    return accept(share_id=made.pk, beneficiary_id=friend.pk, on=ON)


def spend(
    share: SharedLine, shop: Merchant, fen: int, reference: str = "a", *, on: date = ON
) -> Authorisation:
    return authorise_shared(
        share_uuid=share.uuid, merchant_id=shop.pk, amount_fen=fen, reference=reference, on=on
    )


def spent(share: SharedLine, month: date = date(2026, 6, 1)) -> int:
    return months_of(share).get(month=month).spent_fen


def broken_rules() -> list[str]:
    return [found.check.name for found in verify(audit.CHECKS) if not found.holds]


def test_what_is_spent_through_a_share_is_held_on_the_owners_line(share: SharedLine, shop: Merchant) -> None:
    made = spend(share, shop, 300_00)
    assert (made.line_id, stands(share.line, ON).held_fen, spent(share)) == (share.line_id, 300_00, 300_00)
    purchases.capture(purchase_id=made.purchase_id, amount_fen=300_00, on=ON)
    assert stands(share.line, ON).owed_fen == 300_00
    assert broken_rules() == []


def test_a_month_is_spent_to_the_last_fen_and_the_next_one_begins_anew(
    share: SharedLine, shop: Merchant
) -> None:
    spend(share, shop, 499_99)
    with pytest.raises(ShareCapExceeded) as refused:
        spend(share, shop, 2, "b")
    assert (refused.value.code, refused.value.field) == ("share_cap_exceeded", "amount")
    assert stands(share.line, ON).held_fen == 499_99
    spend(share, shop, 1, "b", on=date(2026, 6, 30))
    spend(share, shop, 500_00, "c", on=date(2026, 7, 1))
    assert (spent(share), spent(share, date(2026, 7, 1))) == (500_00, 500_00)
    assert broken_rules() == []


def test_a_repeat_is_answered_and_spends_nothing(share: SharedLine, shop: Merchant) -> None:
    first = spend(share, shop, 300_00)
    again = spend(share, shop, 300_00)
    assert (again.purchase_id, again.repeated, spent(share)) == (first.purchase_id, True, 300_00)
    with pytest.raises(RequestConflict):
        spend(share, shop, 200_00)
    assert (spent(share), stands(share.line, ON).held_fen) == (300_00, 300_00)


def test_the_owners_limit_holds_as_well(share: SharedLine, shop: Merchant) -> None:
    authorised(share.line, shop, 7_900_00, ON)
    with pytest.raises(LimitExceeded):
        spend(share, shop, 100_01)
    assert spent(share) == 0


def test_what_is_released_captured_in_part_or_refunded_is_given_back(
    share: SharedLine, shop: Merchant
) -> None:
    voided = spend(share, shop, 100_00)
    purchases.void(purchase_id=voided.purchase_id, on=ON)
    assert spent(share) == 0
    parts = spend(share, shop, 200_00, "b")
    purchases.capture(purchase_id=parts.purchase_id, amount_fen=50_00, on=ON, reference="1", final=False)
    assert spent(share) == 200_00
    purchases.capture(purchase_id=parts.purchase_id, amount_fen=70_00, on=ON, reference="2")
    assert spent(share) == 120_00
    # Given back to the month of the purchase, whenever it is refunded.
    repayments.refund(purchase_id=parts.purchase_id, amount_fen=20_00, reference="r", on=date(2026, 7, 2))
    assert spent(share) == 100_00
    spend(share, shop, 90_00, "c")
    end_day(date(2026, 6, 12))
    assert spent(share) == 100_00
    assert broken_rules() == []


def told(person: Customer) -> list[Message]:
    return [each.message for each in notices_of(person.pk)]


@pytest.mark.parametrize("escrow", [False, True])
def test_whoever_bought_is_told_of_a_refund_and_of_nothing_that_its_owner_owes(
    share: SharedLine, friend: Customer, escrow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = an_escrow_merchant() if escrow else a_merchant()
    made = spend(share, shop, 300_00)
    if not escrow:
        purchases.capture(purchase_id=made.purchase_id, amount_fen=300_00, on=ON)
    later = date(2026, 6, 8)
    for _again in range(2):
        repayments.refund(purchase_id=made.purchase_id, amount_fen=100_00, reference="r", on=later)
    said = ShareRefund(shop.shop.name, 100_00, later, date(2026, 6, 1))
    assert told(friend) == [said]
    assert {type(each) for each in told(share.line.customer)} == {RefundArrived}
    words = " ".join([said.title(), *said.body()])
    assert "the cap of June 2026" in words
    assert "statement" not in words
    # The close tells it where the service did not, whoever it was that the share ended with since.
    monkeypatch.setattr("huabei.services.repayments.tell_now", lambda **_told: None)
    end(share_id=share.pk, customer_id=friend.pk, on=later)
    repayments.refund(purchase_id=made.purchase_id, amount_fen=50_00, reference="s", on=later)
    step = dict(telling.STEPS)["lines.tell_shared_refunds"]
    assert [step(later), step(later), step(ON)] == [1, 0, 0]
    assert ShareRefund(shop.shop.name, 50_00, later, date(2026, 6, 1)) in told(friend)


def test_a_refund_of_what_the_owner_bought_is_told_to_nobody_else(
    share: SharedLine, shop: Merchant, friend: Customer
) -> None:
    own = authorised(share.line, shop, 300_00, ON)
    purchases.capture(purchase_id=own.pk, amount_fen=300_00, on=ON)
    repayments.refund(purchase_id=own.pk, amount_fen=100_00, reference="r", on=ON)
    assert told(friend) == []


def test_a_purchase_that_is_taken_back_is_given_back(share: SharedLine, shop: Merchant) -> None:
    made = spend(share, shop, 500_00)
    purchases.capture(purchase_id=made.purchase_id, amount_fen=450_00, on=ON)
    corrections.reverse_purchase(purchase_id=made.purchase_id, reason="charged twice", on=ON)
    assert ShareMonth.objects.get().spent_fen == 0
    spend(share, shop, 500_00, "b")
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


def test_captures_of_one_batch_give_back_what_each_leaves(share: SharedLine, shop: Merchant) -> None:
    made = [spend(share, shop, 100_00, f"{n}").purchase_id for n in range(3)]
    purchases.capture_many(captures=[(purchase_id, 60_00) for purchase_id in made], on=ON)
    assert spent(share) == 180_00
    assert broken_rules() == []


def test_nothing_is_spent_before_it_is_accepted_and_after_it_has_ended(
    line: Line, friend: Customer, shop: Merchant
) -> None:
    made = invite(line_id=line.pk, beneficiary_id=friend.pk, monthly_cap_fen=500_00, on=ON)
    with pytest.raises(ShareNotActive):
        spend(made, shop, 1)
    for _ in range(2):
        accept(share_id=made.pk, beneficiary_id=friend.pk, on=ON)
    held = spend(made, shop, 100_00)
    for _ in range(2):
        end(share_id=made.pk, customer_id=line.customer_id, on=ON)
    with pytest.raises(ShareNotActive):
        spend(made, shop, 1, "b")
    with pytest.raises(ShareNotActive):
        accept(share_id=made.pk, beneficiary_id=friend.pk, on=ON)
    purchases.capture(purchase_id=held.purchase_id, amount_fen=100_00, on=ON)
    assert list(ShareChange.objects.order_by("pk").values_list("kind", "by")) == [
        ("invited", "owner"),
        ("accepted", "beneficiary"),
        ("closed", "owner"),
    ]
    # Ended, it may be offered to the same person anew.
    invite(line_id=line.pk, beneficiary_id=friend.pk, monthly_cap_fen=500_00, on=ON)
    assert broken_rules() == []


def test_the_other_person_may_leave(share: SharedLine, friend: Customer, shop: Merchant) -> None:
    end(share_id=share.pk, customer_id=friend.pk, on=ON)
    assert ShareChange.objects.latest("pk").by == "beneficiary"
    with pytest.raises(ShareNotActive):
        spend(share, shop, 1)


def test_a_share_is_its_two_peoples_own(share: SharedLine, shop: Merchant) -> None:
    stranger = a_customer().pk
    with pytest.raises(ShareNotFound):
        accept(share_id=share.pk, beneficiary_id=stranger, on=ON)
    with pytest.raises(ShareNotFound):
        change_cap(share_id=share.pk, owner_id=share.beneficiary_id, monthly_cap_fen=200_00, on=ON)
    with pytest.raises(ShareNotFound):
        end(share_id=share.pk, customer_id=stranger, on=ON)
    with pytest.raises(ShareNotFound):
        authorise_shared(share_uuid=uuid4(), merchant_id=shop.pk, amount_fen=1, reference="x", on=ON)


def test_a_cap_changed_holds_at_once(share: SharedLine, shop: Merchant) -> None:
    owner = share.line.customer_id
    spend(share, shop, 300_00)
    change_cap(share_id=share.pk, owner_id=owner, monthly_cap_fen=200_00, on=ON)
    with pytest.raises(ShareCapExceeded):
        spend(share, shop, 1, "b")
    assert spent(share) == 300_00
    change_cap(share_id=share.pk, owner_id=owner, monthly_cap_fen=1_000_00, on=ON)
    spend(share, shop, 700_00, "b")
    assert spent(share) == 1_000_00
    end(share_id=share.pk, customer_id=owner, on=ON)
    with pytest.raises(ShareNotActive):
        change_cap(share_id=share.pk, owner_id=owner, monthly_cap_fen=200_00, on=ON)


def test_a_share_that_is_offered_again_goes_on_in_the_month_where_it_stood(
    share: SharedLine, shop: Merchant, friend: Customer
) -> None:
    owner, held = share.line.customer_id, spend(share, shop, 300_00)
    end(share_id=share.pk, customer_id=owner, on=ON)
    again = invite(line_id=share.line_id, beneficiary_id=friend.pk, monthly_cap_fen=400_00, on=ON)
    accept(share_id=again.pk, beneficiary_id=friend.pk, on=ON)
    seen: Any = shared_with(friend.pk, ON).get()
    assert (seen.spent_fen, seen.left_fen) == (300_00, 100_00)
    with pytest.raises(ShareCapExceeded):
        spend(again, shop, 100_01, "b")
    spend(again, shop, 100_00, "b")
    # What comes back was spent through the earlier share.
    purchases.capture(purchase_id=held.purchase_id, amount_fen=250_00, on=ON)
    repayments.refund(purchase_id=held.purchase_id, amount_fen=50_00, reference="r", on=ON)
    assert spent(again) == 300_00
    assert [each.reference for each in purchases_through(again)] == ["b", "a"]
    # A cap below what was spent holds too, and another person has a month of their own.
    end(share_id=again.pk, customer_id=owner, on=ON)
    third = invite(line_id=share.line_id, beneficiary_id=friend.pk, monthly_cap_fen=200_00, on=ON)
    accept(share_id=third.pk, beneficiary_id=friend.pk, on=ON)
    with pytest.raises(ShareCapExceeded):
        spend(third, shop, 1, "c")
    other = invite(line_id=share.line_id, beneficiary_id=a_customer().pk, monthly_cap_fen=200_00, on=ON)
    accept(share_id=other.pk, beneficiary_id=other.beneficiary_id, on=ON)
    spend(other, shop, 200_00, "d")
    spend(third, shop, 200_00, "e", on=date(2026, 7, 1))
    assert broken_rules() == []


def test_an_invitation_changes_no_cap_before_it_is_accepted(
    share: SharedLine, shop: Merchant, friend: Customer
) -> None:
    owner, held = share.line.customer_id, spend(share, shop, 300_00)
    end(share_id=share.pk, customer_id=owner, on=ON)
    again = invite(line_id=share.line_id, beneficiary_id=friend.pk, monthly_cap_fen=400_00, on=ON)
    change_cap(share_id=again.pk, owner_id=owner, monthly_cap_fen=350_00, on=ON)
    assert months_of(again).get().wanted_cap_fen == 500_00
    accept(share_id=again.pk, beneficiary_id=friend.pk, on=ON)
    purchases.void(purchase_id=held.purchase_id, on=ON)
    assert (months_of(again).get().cap_fen, spent(again)) == (350_00, 0)
    assert broken_rules() == []


def test_what_comes_back_of_a_month_is_not_spent_again_beyond_a_cap_lowered_since(
    share: SharedLine, shop: Merchant
) -> None:
    refunded, voided, captured = (spend(share, shop, 150_00, name) for name in "abc")
    purchases.capture(purchase_id=refunded.purchase_id, amount_fen=150_00, on=ON)
    change_cap(share_id=share.pk, owner_id=share.line.customer_id, monthly_cap_fen=200_00, on=ON)
    repayments.refund(purchase_id=refunded.purchase_id, amount_fen=150_00, reference="r", on=ON)
    purchases.void(purchase_id=voided.purchase_id, on=ON)
    purchases.capture(purchase_id=captured.purchase_id, amount_fen=50_00, on=ON)
    assert spent(share) == 50_00
    with pytest.raises(ShareCapExceeded):
        spend(share, shop, 150_01, "d")
    spend(share, shop, 150_00, "d")
    assert broken_rules() == []


def test_months_that_shares_had_of_their_own_become_one_of_the_person(
    share: SharedLine, shop: Merchant, friend: Customer
) -> None:
    owner = share.line.customer_id
    spend(share, shop, 300_00)
    end(share_id=share.pk, customer_id=owner, on=ON)
    again = invite(line_id=share.line_id, beneficiary_id=friend.pk, monthly_cap_fen=400_00, on=ON)
    accept(share_id=again.pk, beneficiary_id=friend.pk, on=ON)
    change_cap(share_id=again.pk, owner_id=owner, monthly_cap_fen=250_00, on=ON)
    change_cap(share_id=again.pk, owner_id=owner, monthly_cap_fen=200_00, on=date(2026, 7, 1))
    # As it stood: each share had spent of a month of its own.
    execute("ALTER TABLE huabei_sharemonth DROP CONSTRAINT share_month_once", as_owner=True)
    months_of(share).filter(month=date(2026, 6, 1)).update(
        spent_fen=200_00, cap_fen=400_00, wanted_cap_fen=400_00
    )
    ShareMonth.objects.create(
        line=share.line,
        beneficiary=friend,
        month=date(2026, 6, 1),
        cap_fen=500_00,
        wanted_cap_fen=500_00,
        spent_fen=100_00,
    )
    execute(import_module("huabei.migrations.0032_shared_months_by_person").MERGED, as_owner=True)
    merged = [(each.cap_fen, each.wanted_cap_fen, each.spent_fen) for each in months_of(share)]
    assert merged == [(300_00, 250_00, 300_00), (200_00, 200_00, 0)]


def test_a_month_has_the_cap_of_the_last_share_though_nothing_was_spent_through_that(
    share: SharedLine, shop: Merchant, friend: Customer
) -> None:
    spend(share, shop, 100_00)
    end(share_id=share.pk, customer_id=share.line.customer_id, on=ON)
    again = invite(line_id=share.line_id, beneficiary_id=friend.pk, monthly_cap_fen=200_00, on=ON)
    accept(share_id=again.pk, beneficiary_id=friend.pk, on=ON)
    # As it stood: the second share had no month before it was spent with.
    months_of(share).update(cap_fen=500_00, wanted_cap_fen=500_00)
    execute(import_module("huabei.migrations.0032_shared_months_by_person").MERGED, as_owner=True)
    with pytest.raises(ShareCapExceeded):
        spend(again, shop, 100_01, "b")
    spend(again, shop, 100_00, "b")


@pytest.mark.parametrize(
    ("cap", "allowed"), [(99_99, False), (100_00, True), (20_000_00, True), (20_000_01, False)]
)
def test_a_cap_is_within_the_terms_of_the_day(line: Line, friend: Customer, cap: int, allowed: bool) -> None:
    if allowed:
        invite(line_id=line.pk, beneficiary_id=friend.pk, monthly_cap_fen=cap, on=ON)
    else:
        with pytest.raises(CapRefused):
            invite(line_id=line.pk, beneficiary_id=friend.pk, monthly_cap_fen=cap, on=ON)
    ShareTerms.objects.create(effective_from=date(2026, 7, 1), largest_cap_fen=150_00)
    with pytest.raises(CapRefused):
        invite(line_id=line.pk, beneficiary_id=a_customer().pk, monthly_cap_fen=150_01, on=date(2026, 7, 1))


def test_who_may_be_invited(share: SharedLine, line: Line) -> None:
    unverified = a_customer()
    Customer.objects.filter(pk=unverified.pk).update(identity_verified_on=None)
    for person in (line.customer_id, uuid4(), unverified.pk, share.beneficiary_id):
        with pytest.raises(ShareRefused):
            invite(line_id=line.pk, beneficiary_id=person, monthly_cap_fen=500_00, on=ON)


def test_a_frozen_line_is_not_shared_and_not_spent(share: SharedLine, shop: Merchant) -> None:
    lifecycle.freeze(line_id=share.line_id, why=Why("fraud", "staff:1", "x"), on=ON)
    with pytest.raises(LineNotActive):
        spend(share, shop, 1)
    with pytest.raises(LineNotActive):
        invite(line_id=share.line_id, beneficiary_id=a_customer().pk, monthly_cap_fen=500_00, on=ON)
    Merchant.objects.update(is_accepting=False)
    lifecycle.thaw(freeze_id=share.line.freezes.get().pk, why=Why("cleared", "staff:1", "x"), on=ON)
    with pytest.raises(MerchantNotAllowed):
        spend(share, shop, 1)


# fmt: off
REFUSED = [
    ("UPDATE huabei_sharemonth SET spent_fen = cap_fen + 1",    IntegrityError, "share_month_within_cap"),
    ("UPDATE huabei_sharemonth SET spent_fen = -1",             IntegrityError, "share_month_within_cap"),
    ("UPDATE huabei_sharemonth SET cap_fen = cap_fen + 1",      IntegrityError, "share_month_cap_as_wanted"),
    ("INSERT INTO huabei_sharemonth (line_id, beneficiary_id, month, cap_fen, wanted_cap_fen, spent_fen) SELECT line_id,"
     " beneficiary_id, month, 1, 1, 0 FROM huabei_sharemonth",  IntegrityError, "share_month_once"),
    ("UPDATE huabei_sharemonth SET month = '2026-07-01'",       DatabaseError,  "never changed"),
    ("UPDATE huabei_sharemonth SET beneficiary_id = gen_random_uuid()", DatabaseError, "never changed"),
    ("UPDATE huabei_sharemonth SET line_id = line_id + 1",      DatabaseError,  "never changed"),
    ("UPDATE huabei_sharedline SET monthly_cap_fen = 0",        IntegrityError, "share_cap_positive"),
    ("UPDATE huabei_sharedline SET status = 'x'",               IntegrityError, "share_status_known"),
    ("UPDATE huabei_shareterms SET largest_cap_fen = 1",        IntegrityError, "share_terms_in_order"),
    ("INSERT INTO huabei_sharedline (uuid, line_id, beneficiary_id, status, monthly_cap_fen, invited_on) SELECT"
     " gen_random_uuid(), line_id, beneficiary_id, 'active', 1, invited_on FROM huabei_sharedline",
                                                                IntegrityError, "share_one_live_per_person"),
    ("UPDATE huabei_sharedline SET line_id = line_id",          DatabaseError,  "never changed"),
    ("UPDATE huabei_sharedline SET beneficiary_id = gen_random_uuid()", DatabaseError, "never changed"),
    ("UPDATE huabei_sharechange SET by = 'x'",                  DatabaseError,  "permission denied"),
    ("DELETE FROM huabei_sharechange",                          DatabaseError,  "permission denied"),
    ("UPDATE huabei_sharedpurchase SET month = '2026-07-01'",   DatabaseError,  "permission denied"),
    ("DELETE FROM huabei_sharemonth",                           DatabaseError,  "permission denied"),
    ("DELETE FROM huabei_sharedline",                           DatabaseError,  "permission denied"),
]
# fmt: on


@pytest.mark.parametrize(("statement", "error", "match"), REFUSED)
def test_postgresql_keeps_a_share(
    share: SharedLine, shop: Merchant, statement: str, error: type[Exception], match: str
) -> None:
    spend(share, shop, 100_00)
    with pytest.raises(error, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
