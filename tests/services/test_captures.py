"""Several captures of one authorisation: what each draws, what stays reserved, and what refunds take from them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from huabei.errors import AmountRefused, LineError, NotAuthorised, ReferenceRefused, RequestConflict
from huabei.models import Capture, Line, Merchant, Purchase, Refund
from huabei.services.captures import capture
from huabei.services.releases import void
from huabei.services.repayments import refund, repay
from ledger.audit import verify
from ledger.selectors import position
from operations import audit
from tests.line_world import a_line, a_merchant, authorised, bought, end_day, stands

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)
LAST = ON + timedelta(days=7)


@pytest.fixture
def line() -> Line:
    return a_line(1_000_00)


@pytest.fixture
def shop() -> Merchant:
    return a_merchant()


@pytest.fixture
def purchase(line: Line, shop: Merchant) -> Purchase:
    return authorised(line, shop, 100_00, ON)


def take(purchase: Purchase, fen: int, reference: str, *, final: bool = False, on: date = ON) -> None:
    capture(purchase_id=purchase.pk, amount_fen=fen, on=on, reference=reference, final=final)


def money(purchase: Purchase) -> tuple[int, int, int]:
    """What is available and held on the line, and drawn."""
    found = stands(purchase.line, ON)
    return found.available_fen, found.held_fen, found.drawn_fen


def said(purchase: Purchase) -> tuple[str, int, list[tuple[str, int, bool]]]:
    """The purchase's state, what was captured, and each capture."""
    purchase.refresh_from_db()
    parts = purchase.captures.order_by("pk").values_list("reference", "amount_fen", "is_final")
    return purchase.state, purchase.captured_fen, list(parts)


def broken_rules() -> list[str]:
    return [found.check.name for found in verify(audit.CHECKS) if not found.holds]


def test_what_a_capture_leaves_stays_reserved_until_the_last(purchase: Purchase, shop: Merchant) -> None:
    take(purchase, 30_00, "a")
    assert money(purchase) == (900_00, 70_00, 30_00)
    assert said(purchase) == ("authorised", 30_00, [("a", 30_00, False)])
    take(purchase, 20_00, "b", on=ON + timedelta(days=2))
    assert money(purchase) == (900_00, 50_00, 50_00)
    take(purchase, 10_00, "c", final=True, on=LAST)
    assert money(purchase) == (940_00, 0, 60_00)
    assert said(purchase)[:2] == ("captured", 60_00)
    assert (position(shop.payable_account_id).credit_fen, purchase.posted_on) == (60_00, ON)
    assert broken_rules() == []


def test_a_capture_of_all_that_is_left_is_the_last(purchase: Purchase) -> None:
    take(purchase, 30_00, "a")
    take(purchase, 70_00, "b")
    assert said(purchase) == ("captured", 100_00, [("a", 30_00, False), ("b", 70_00, True)])
    take(purchase, 70_00, "b")
    assert money(purchase) == (900_00, 0, 100_00)


def test_a_capture_under_the_same_reference_happens_once(purchase: Purchase) -> None:
    for _ in range(2):
        take(purchase, 30_00, "a")
    assert said(purchase)[1] == 30_00
    with pytest.raises(RequestConflict):
        take(purchase, 30_01, "a")
    with pytest.raises(RequestConflict):
        take(purchase, 30_00, "a", final=True)
    void(purchase_id=purchase.pk, on=ON)
    take(purchase, 30_00, "a")
    assert said(purchase) == ("captured", 30_00, [("a", 30_00, False)])


# fmt: off
REFUSED = [
    (70_01, "b", ON,                       AmountRefused),      # beyond what is left of the authorisation
    (0,     "b", ON,                       AmountRefused),
    (1,     "",  ON,                       ReferenceRefused),
    (1,     "b", LAST + timedelta(days=1), NotAuthorised),
]
# fmt: on


@pytest.mark.parametrize(("fen", "reference", "on", "refusal"), REFUSED)
def test_what_is_refused_changes_nothing(
    purchase: Purchase, fen: int, reference: str, on: date, refusal: type[LineError]
) -> None:
    take(purchase, 30_00, "a")
    before = money(purchase), said(purchase)
    with pytest.raises(refusal):
        take(purchase, fen, reference, on=on)
    assert (money(purchase), said(purchase)) == before


def test_what_no_capture_took_is_voided_and_what_was_taken_stays(purchase: Purchase) -> None:
    take(purchase, 30_00, "a")
    for _ in range(2):
        void(purchase_id=purchase.pk, on=ON)
    assert (money(purchase), said(purchase)[0]) == ((970_00, 0, 30_00), "captured")
    with pytest.raises(NotAuthorised):
        take(purchase, 1, "b")
    assert broken_rules() == []


def test_what_no_capture_took_expires_and_what_was_taken_stays(purchase: Purchase) -> None:
    take(purchase, 30_00, "a")
    end_day(LAST)
    assert (money(purchase), said(purchase)[0]) == ((970_00, 0, 30_00), "captured")
    with pytest.raises(NotAuthorised):
        void(purchase_id=purchase.pk, on=LAST)
    assert broken_rules() == []


def test_after_the_last_capture_there_is_nothing_to_void(purchase: Purchase) -> None:
    take(purchase, 30_00, "a", final=True)
    with pytest.raises(NotAuthorised):
        void(purchase_id=purchase.pk, on=ON)


def test_each_capture_is_billed_by_its_own_day(line: Line, purchase: Purchase) -> None:
    purchase = authorised(line, a_merchant(), 200_00, date(2026, 6, 28))
    take(purchase, 50_00, "june", on=date(2026, 6, 30))
    end_day(date(2026, 6, 30))
    take(purchase, 80_00, "july", on=date(2026, 7, 1))
    found = stands(line, date(2026, 7, 1))
    assert (found.billed_fen, found.unbilled_fen) == (50_00, 80_00)


# What is refunded of a purchase of which 50.00 were billed and 80.00 not: what goes off unbilled, off the statement and to
# credit; and what each capture gave back, the first of them first.
# fmt: off
SHARES = [
    (30_00,   30_00, 0,     0,     [0, 30_00]),
    (80_00,   80_00, 0,     0,     [0, 80_00]),
    (100_00,  80_00, 20_00, 0,     [20_00, 80_00]),
    (130_00,  80_00, 50_00, 0,     [50_00, 80_00]),
]
# fmt: on


@pytest.mark.parametrize(("fen", "unbilled", "billed", "credit", "shares"), SHARES)
def test_a_refund_takes_the_last_capture_first_and_each_by_whether_it_was_billed(
    line: Line, fen: int, unbilled: int, billed: int, credit: int, shares: list[int]
) -> None:
    purchase = authorised(line, a_merchant(), 200_00, date(2026, 6, 28))
    take(purchase, 50_00, "june", on=date(2026, 6, 30))
    end_day(date(2026, 6, 30))
    take(purchase, 80_00, "july", on=date(2026, 7, 1))
    refund(purchase_id=purchase.pk, amount_fen=fen, reference="back", on=date(2026, 7, 2))
    back = Refund.objects.get()
    assert (back.to_unbilled_fen, back.to_billed_fen, back.to_credit_fen) == (unbilled, billed, credit)
    assert list(purchase.captures.order_by("pk").values_list("refunded_fen", flat=True)) == shares
    assert sum(share.amount_fen for share in back.shares.all()) == fen
    with pytest.raises(AmountRefused):
        refund(purchase_id=purchase.pk, amount_fen=130_01 - fen, reference="more", on=date(2026, 7, 2))
    assert broken_rules() == []


def test_what_was_captured_may_be_refunded_while_the_rest_is_reserved(purchase: Purchase) -> None:
    take(purchase, 30_00, "a")
    refund(purchase_id=purchase.pk, amount_fen=30_00, reference="back", on=ON)
    assert money(purchase) == (930_00, 70_00, 0)
    take(purchase, 70_00, "b")
    assert money(purchase) == (930_00, 0, 70_00)
    assert broken_rules() == []


def test_each_part_uses_the_credit_that_stands(line: Line, purchase: Purchase) -> None:
    repay(line_id=line.pk, amount_fen=40_00, reference="in advance", on=ON)
    take(purchase, 30_00, "a")
    take(purchase, 30_00, "b")
    assert stands(line, ON).drawn_fen == 20_00
    assert Capture.objects.count() == 2


def test_a_purchase_captured_at_once_has_one_capture(line: Line, shop: Merchant) -> None:
    assert said(bought(line, shop, 10_00, ON)) == ("captured", 10_00, [("", 10_00, True)])
