"""Authorise, capture, void, expire: what each does to the line, and what each refuses without changing anything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from uuid import uuid4

import pytest

from huabei.errors import (
    AmountRefused,
    LineError,
    LineNotActive,
    LineNotFound,
    ReferenceRefused,
    RequestConflict,
)
from huabei.models import Line, Merchant, Purchase
from huabei.services import purchases, repayments
from huabei.services.purchases import (
    Authorisation,
    LimitExceeded,
    MerchantNotAccepting,
    MerchantNotAllowed,
    NotAuthorised,
    PurchaseNotFound,
    authorise,
    capture,
    capture_many,
    void,
)
from ledger.models import Entry, Transfer
from ledger.selectors import position
from tests.line_world import a_line, a_merchant, authorised, bought, end_day, stands

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)
LAST = date(2026, 6, 12)
"""The last day of a hold that was authorised on ON."""


def money(line: Line) -> tuple[int, int, int, int]:
    """Available, held, drawn, credit."""
    stand = stands(line, ON)
    return stand.available_fen, stand.held_fen, stand.drawn_fen, stand.credit_fen


def rows() -> tuple[int, int, int]:
    return Entry.objects.count(), Transfer.objects.count(), Purchase.objects.count()


@pytest.fixture
def line() -> Line:
    return a_line(1_000_00)


@pytest.fixture
def shop() -> Merchant:
    return a_merchant()


def ask(line: Line, shop: Merchant, amount_fen: int = 100_00, reference: str = "r1") -> Authorisation:
    return authorise(line_id=line.pk, merchant_id=shop.pk, amount_fen=amount_fen, reference=reference, on=ON)


def test_an_authorisation_holds_its_amount(line: Line, shop: Merchant) -> None:
    answer = ask(line, shop)
    assert (answer.amount_fen, answer.state, answer.repeated) == (100_00, "authorised", False)
    assert money(line) == (900_00, 100_00, 0, 0)
    assert Purchase.objects.get(pk=answer.purchase_id).expires_on == LAST


def test_the_limit_can_be_used_to_the_last_fen_and_no_further(line: Line, shop: Merchant) -> None:
    ask(line, shop, 999_99)
    with pytest.raises(LimitExceeded) as refused:
        ask(line, shop, 2, "r2")
    assert (refused.value.code, refused.value.field) == ("limit_exceeded", "amount")
    ask(line, shop, 1, "r2")
    assert money(line) == (0, 1_000_00, 0, 0)


def frozen(line: Line) -> None:
    Line.objects.filter(pk=line.pk).update(status="frozen", frozen_cause="fraud")


# fmt: off
REFUSED_AUTHORISATIONS = [
    ({"amount_fen": 0},         AmountRefused,        "amount_refused"),
    ({"amount_fen": -5},        AmountRefused,        "amount_refused"),
    ({"amount_fen": 2**63},     AmountRefused,        "amount_refused"),
    ({"amount_fen": 10**12},    LimitExceeded,        "limit_exceeded"),
    ({"reference": ""},         ReferenceRefused,     "reference_refused"),
    ({"reference": "x" * 65},   ReferenceRefused,     "reference_refused"),
    ({"reference": "a\0b"},     ReferenceRefused,     "reference_refused"),
    ({"reference": "\ud800"},   ReferenceRefused,     "reference_refused"),
    ({"line_id": 999_999},      LineNotFound,         "line_not_found"),
    ({"merchant_id": uuid4()},  MerchantNotAccepting, "merchant_not_accepting"),
]
# fmt: on


@pytest.mark.parametrize(("change", "refusal", "code"), REFUSED_AUTHORISATIONS)
def test_an_authorisation_that_is_refused_changes_nothing(
    line: Line, shop: Merchant, change: dict[str, object], refusal: type[LineError], code: str
) -> None:
    before = rows()
    asked = {
        "line_id": line.pk,
        "merchant_id": shop.pk,
        "amount_fen": 1_00,
        "reference": "r",
        "on": ON,
    } | change
    with pytest.raises(refusal) as refused:
        authorise(**asked)
    assert refused.value.code == code
    assert (rows(), money(line)) == (before, (1_000_00, 0, 0, 0))


def test_a_line_that_is_not_active_and_a_shop_that_is_suspended_are_refused(
    line: Line, shop: Merchant
) -> None:
    Merchant.objects.update(is_accepting=False)
    with pytest.raises(MerchantNotAllowed):
        ask(line, shop)
    frozen(line)
    with pytest.raises(LineNotActive):
        ask(line, shop)


def test_a_shop_is_accepted_once(shop: Merchant) -> None:
    assert purchases.accept_merchant(shop=shop.shop).payable_account_id == shop.payable_account_id


def test_the_same_request_again_is_answered_as_the_first_and_has_no_effect(
    line: Line, shop: Merchant
) -> None:
    first = ask(line, shop)
    before = rows()
    again = ask(line, shop)
    assert (again.purchase_id, again.line_id, again.amount_fen, again.repeated) == (
        first.purchase_id,
        line.pk,
        100_00,
        True,
    )
    assert (rows(), money(line)) == (before, (900_00, 100_00, 0, 0))


@pytest.mark.parametrize(
    "since",
    [
        frozen,
        lambda line: Merchant.objects.update(is_accepting=False),
        lambda line: authorised(line, Merchant.objects.get(), 900_00, ON),  # nothing is left of the limit
    ],
)
def test_a_repeat_is_answered_whatever_became_of_the_line_since(
    line: Line, shop: Merchant, since: Callable[[Line], object]
) -> None:
    first = ask(line, shop)
    since(line)
    assert ask(line, shop).purchase_id == first.purchase_id


def test_a_repeat_says_what_became_of_the_purchase(line: Line, shop: Merchant) -> None:
    first = ask(line, shop)
    void(purchase_id=first.purchase_id, on=ON)
    assert ask(line, shop).state == "voided"
    assert money(line)[1] == 0


@pytest.mark.parametrize(("amount_fen", "other_line"), [(100_01, False), (100_00, True)])
def test_another_request_under_the_same_reference_is_refused(
    line: Line, shop: Merchant, amount_fen: int, other_line: bool
) -> None:
    other = a_line(1_000_00)
    ask(line, shop)
    before = rows()
    with pytest.raises(RequestConflict) as refused:
        ask(other if other_line else line, shop, amount_fen)
    assert (refused.value.code, refused.value.field) == ("request_conflict", "reference")
    assert (rows(), money(line), money(other)) == (before, (900_00, 100_00, 0, 0), (1_000_00, 0, 0, 0))


def test_a_reference_is_its_merchants_own(line: Line, shop: Merchant) -> None:
    assert ask(line, a_merchant()).purchase_id != ask(line, shop).purchase_id


# fmt: off
CAPTURES = [
    (100_00,      900_00,      100_00),  # whole
    (60_00,       940_00,      60_00),   # in part: what is not captured is released
    (1,           999_99,      1),
]
# fmt: on


@pytest.mark.parametrize(("captured_fen", "available", "drawn"), CAPTURES)
def test_a_capture_draws_what_it_captures_and_owes_it_to_the_merchant(
    line: Line, shop: Merchant, captured_fen: int, available: int, drawn: int
) -> None:
    purchase = authorised(line, shop, 100_00, ON)
    capture(purchase_id=purchase.pk, amount_fen=captured_fen, on=ON)
    assert money(line) == (available, 0, drawn, 0)
    assert position(shop.payable_account_id).credit_fen == captured_fen
    purchase.refresh_from_db()
    assert (purchase.state, purchase.captured_fen, purchase.posted_on) == ("captured", captured_fen, ON)


def test_a_capture_is_repeated_without_effect(line: Line, shop: Merchant) -> None:
    purchase = authorised(line, shop, 100_00, ON)
    capture(purchase_id=purchase.pk, amount_fen=60_00, on=ON)
    before = rows()
    capture(purchase_id=purchase.pk, amount_fen=60_00, on=ON + timedelta(days=1))
    assert (rows(), money(line)[2]) == (before, 60_00)


def captured(purchase: Purchase) -> None:
    capture(purchase_id=purchase.pk, amount_fen=60_00, on=ON)


def voided(purchase: Purchase) -> None:
    void(purchase_id=purchase.pk, on=ON)


def expired(purchase: Purchase) -> None:
    end_day(LAST)


def nothing(purchase: Purchase) -> None:
    return


def attempt(what: str, purchase: Purchase, amount_fen: int | None, on: date) -> None:
    if what == "void":
        void(purchase_id=purchase.pk, on=on)
    else:
        capture(purchase_id=purchase.pk, amount_fen=amount_fen or 0, on=on)


DAY_AFTER = LAST + timedelta(days=1)


# fmt: off
REFUSED_OF_A_PURCHASE = [
    (nothing,  "capture", 100_01,       ON,         AmountRefused),   # more than was authorised
    (nothing,  "capture", 0,            ON,         AmountRefused),
    (captured, "capture", 60_01,        ON,         NotAuthorised),   # captured for another amount
    (voided,   "capture", 100_00,       ON,         NotAuthorised),
    (expired,  "capture", 100_00,       DAY_AFTER,  NotAuthorised),
    (nothing,  "capture", 100_00,       DAY_AFTER,  NotAuthorised),   # its hold is to be released by a close under way
    (captured, "void",    None,         ON,         NotAuthorised),
    (expired,  "void",    None,         DAY_AFTER,  NotAuthorised),
]
# fmt: on


@pytest.mark.parametrize(("happened", "what", "amount_fen", "on", "refusal"), REFUSED_OF_A_PURCHASE)
def test_what_is_refused_of_a_purchase_changes_nothing(
    line: Line,
    shop: Merchant,
    happened: Callable[[Purchase], None],
    what: str,
    amount_fen: int | None,
    on: date,
    refusal: type[LineError],
) -> None:
    purchase = authorised(line, shop, 100_00, ON)
    happened(purchase)
    before = rows(), money(line)
    with pytest.raises(refusal):
        attempt(what, purchase, amount_fen, on)
    assert (rows(), money(line)) == before


def test_a_purchase_that_does_not_exist_is_said_so() -> None:
    with pytest.raises(PurchaseNotFound):
        capture(purchase_id=1, amount_fen=1, on=ON)
    with pytest.raises(PurchaseNotFound):
        void(purchase_id=1, on=ON)


def test_a_void_releases_the_hold_and_is_repeated_without_effect(line: Line, shop: Merchant) -> None:
    purchase = authorised(line, shop, 100_00, ON)
    void(purchase_id=purchase.pk, on=ON)
    before = rows()
    void(purchase_id=purchase.pk, on=ON)
    assert (rows(), money(line)) == (before, (1_000_00, 0, 0, 0))


@pytest.mark.parametrize(("closed", "held"), [(LAST - timedelta(days=1), 100_00), (LAST, 0)])
def test_a_hold_lasts_through_its_last_day(line: Line, shop: Merchant, closed: date, held: int) -> None:
    purchase = authorised(line, shop, 100_00, ON)
    end_day(closed)
    purchase.refresh_from_db()
    assert (money(line)[1], purchase.state) == (held, "authorised" if held else "expired")


def test_a_frozen_line_still_captures_what_it_authorised(line: Line, shop: Merchant) -> None:
    purchase = authorised(line, shop, 100_00, ON)
    frozen(line)
    capture(purchase_id=purchase.pk, amount_fen=100_00, on=ON)
    assert money(line) == (900_00, 0, 100_00, 0)


# fmt: off
CAPTURES_WITH_CREDIT = [
    (300_00,    500_00,         0,          200_00),
    (300_00,    300_00,         0,          0),
    (300_00,    100_00,         200_00,     0),
]
# fmt: on


@pytest.mark.parametrize(("credit_fen", "captured_fen", "left_fen", "drawn_fen"), CAPTURES_WITH_CREDIT)
def test_a_capture_uses_up_the_customers_credit_first(
    line: Line, shop: Merchant, credit_fen: int, captured_fen: int, left_fen: int, drawn_fen: int
) -> None:
    repayments.repay(line_id=line.pk, amount_fen=credit_fen, reference="in advance", on=ON)
    bought(line, shop, captured_fen, ON)
    assert money(line) == (1_000_00 - drawn_fen, 0, drawn_fen, left_fen)
    assert position(shop.payable_account_id).credit_fen == captured_fen


def test_a_batch_captures_what_it_can_and_names_it(line: Line, shop: Merchant) -> None:
    ids = [authorised(line, shop, fen, ON).pk for fen in (10_00, 20_00, 30_00, 40_00)]
    void(purchase_id=ids[3], on=ON)
    asked = [(ids[0], 10_00), (ids[1], 5_00), (ids[2], 30_01), (ids[3], 1), (999_999, 1)]
    assert capture_many(captures=asked, on=ON) == {ids[0], ids[1]}
    assert money(line) == (955_00, 30_00, 15_00, 0)


def test_a_batch_uses_a_credit_once_one_capture_after_the_other(line: Line, shop: Merchant) -> None:
    repayments.repay(line_id=line.pk, amount_fen=25_00, reference="in advance", on=ON)
    ids = [authorised(line, shop, 20_00, ON).pk for _ in range(2)]
    capture_many(captures=[(purchase_id, 20_00) for purchase_id in ids], on=ON)
    # The first used 20.00 of it, the second what was left.
    assert money(line)[2:] == (15_00, 0)


@pytest.mark.parametrize("history", [1, 30])
def test_a_capture_takes_the_same_few_statements_however_long_the_history(
    line: Line, shop: Merchant, history: int, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    for _ in range(history):
        bought(line, shop, 1_00, ON)
    purchase = authorised(line, shop, 1_00, ON)
    with django_assert_max_num_queries(4):  # type: ignore[attr-defined]
        capture(purchase_id=purchase.pk, amount_fen=1_00, on=ON)
