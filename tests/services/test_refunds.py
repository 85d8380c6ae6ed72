"""What a refund does before the statement, after it, and after it was paid: three different answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from huabei.errors import AmountRefused, LineError, ReferenceRefused, RequestConflict
from huabei.models import Line, Merchant, Purchase, Refund
from huabei.selectors import delinquency, minimum_outstanding
from huabei.services.purchases import NotAuthorised, PurchaseNotFound, void
from huabei.services.repayments import refund, repay
from ledger.models import Entry, Transfer
from ledger.selectors import position
from tests.line_world import a_line, a_merchant, authorised, bought, end_day, stands

pytestmark = pytest.mark.django_db

LIMIT = 8_000_00
BOUGHT_ON = date(2026, 6, 5)


@pytest.fixture
def line() -> Line:
    return a_line(LIMIT)


@pytest.fixture
def purchase(line: Line) -> Purchase:
    return bought(line, a_merchant(), 1_000_00, BOUGHT_ON)


def give_back(purchase: Purchase, amount_fen: int, on: date, reference: str = "back") -> Refund:
    return refund(purchase_id=purchase.pk, amount_fen=amount_fen, reference=reference, on=on)


def bill(line: Line) -> None:
    """July's statement: 1,000.00, of which 100.00 as minimum, due on 10 July."""
    end_day(date(2026, 6, 30))


def pay(fen: int) -> Callable[[Line], None]:
    def paid(line: Line) -> None:
        repay(line_id=line.pk, amount_fen=fen, reference=f"pay {fen}", on=date(2026, 7, 5))

    return paid


def charge(line: Line) -> None:
    """Nothing paid in July; August's statement adds 10.50 penalty to the 1,000.00."""
    end_day(date(2026, 7, 10))
    end_day(date(2026, 7, 31))


# What happened before, the day and amount of the refund; then what of it goes off unbilled purchases, off the statement, and
# to the customer's credit; then what is owed, available and unpaid of the minimum.
# fmt: off
REFUNDS = [
    # not billed yet
    ((),                   (6, 6),  1_000_00, 1_000_00, 0,        0,        0,      LIMIT,         0),
    ((),                   (6, 6),  300_01,   300_01,   0,        0,        699_99, LIMIT - 699_99, 0),
    # billed, unpaid: the statement and its minimum shrink
    ((bill,),              (7, 5),  1_000_00, 0,        1_000_00, 0,        0,      LIMIT,         0),
    ((bill,),              (7, 5),  40_00,    0,        40_00,    0,        960_00, LIMIT - 960_00, 60_00),
    ((bill,),              (7, 5),  300_00,   0,        300_00,   0,        700_00, LIMIT - 700_00, 0),
    # billed, paid in part
    ((bill, pay(600_00)),  (7, 6),  1_000_00, 0,        400_00,   600_00,   0,      LIMIT,         0),
    # already paid: a credit, never a negative debt
    ((bill, pay(1_000_00)), (7, 12), 300_00,  0,        0,        300_00,   0,      LIMIT,         0),
    # late: principal first, then what the statement charged; what runs since (2.00) is not on it yet
    ((bill, charge),       (8, 5),  1_000_00, 0,        1_000_00, 0,        12_50,  LIMIT,         0),
    ((bill, charge),       (8, 5),  200_00,   0,        200_00,   0,        812_50, LIMIT - 800_00, 10_50),
]
# fmt: on


@pytest.mark.parametrize(
    ("before", "on", "amount", "unbilled", "billed", "credit", "owed", "available", "minimum"), REFUNDS
)
def test_a_refund_goes_where_the_purchase_stands(
    line: Line,
    purchase: Purchase,
    before: tuple[Callable[[Line], None], ...],
    on: tuple[int, int],
    amount: int,
    unbilled: int,
    billed: int,
    credit: int,
    owed: int,
    available: int,
    minimum: int,
) -> None:
    for happens in before:
        happens(line)
    day = date(2026, *on)
    given = give_back(purchase, amount, day)
    assert (given.to_unbilled_fen, given.to_billed_fen, given.to_credit_fen) == (unbilled, billed, credit)
    stand = stands(line, day)
    assert (stand.owed_fen, stand.available_fen, stand.credit_fen) == (owed, available, credit)
    assert minimum_outstanding(line.pk) == min(minimum, stand.billed_total_fen)
    purchase.refresh_from_db()
    assert purchase.refunded_fen == amount
    shop = Merchant.objects.get()
    assert position(shop.payable_account_id).credit_fen + position(shop.settlement_account_id).credit_fen == (
        1_000_00 - amount
    )


def test_a_refund_larger_than_the_principal_left_pays_the_statements_charges_before_it_is_credit(
    line: Line, purchase: Purchase
) -> None:
    bill(line)
    charge(line)
    # 200.00 of principal are left and revolve for 27 days; September's statement adds 2.70.
    repay(line_id=line.pk, amount_fen=2_00 + 10_50 + 800_00, reference="most", on=date(2026, 8, 5))
    end_day(date(2026, 8, 10))
    end_day(date(2026, 8, 31))
    stand = stands(line, date(2026, 9, 2))
    assert (stand.billed_fen, stand.interest_fen, stand.penalty_fen) == (200_00, 2_70, 0)
    # Nobody who has credit owes on a statement.
    given = give_back(purchase, 500_00, date(2026, 9, 2))
    assert (given.to_billed_fen, given.to_credit_fen) == (202_70, 297_30)
    assert (stands(line, date(2026, 9, 2)).billed_total_fen, minimum_outstanding(line.pk)) == (0, 0)


def test_credit_pays_what_runs_once_it_is_on_a_statement(line: Line, purchase: Purchase) -> None:
    bill(line)
    repay(line_id=line.pk, amount_fen=100_00, reference="minimum", on=date(2026, 7, 10))
    end_day(date(2026, 7, 10))
    # 4.50 interest have run on 900.00 by 21 July. The whole purchase comes back, so 100.00 are the customer's.
    give_back(purchase, 1_000_00, date(2026, 7, 21))
    assert (stands(line, date(2026, 7, 21)).owed_fen, stands(line, date(2026, 7, 21)).credit_fen) == (
        4_50,
        100_00,
    )
    end_day(date(2026, 7, 31))
    august = line.statements.get(issued_on=date(2026, 8, 1))
    assert (august.total_fen, august.minimum_fen, august.credit_used_fen) == (0, 0, 4_50)
    assert (stands(line, date(2026, 8, 1)).owed_fen, stands(line, date(2026, 8, 1)).credit_fen) == (0, 95_50)


def test_credit_used_by_a_statement_is_shown_on_that_statement_only(line: Line, purchase: Purchase) -> None:
    bill(line)
    pay(1_000_00)(line)
    bought(line, a_merchant(), 500_00, date(2026, 7, 6))
    give_back(purchase, 300_00, date(2026, 7, 12))
    end_day(date(2026, 7, 31))
    bought(line, a_merchant(), 10_00, date(2026, 8, 3))
    end_day(date(2026, 8, 31))
    shown = line.statements.order_by("issued_on").values_list("credit_used_fen", "new_principal_fen")
    assert list(shown) == [(0, 1_000_00), (300_00, 200_00), (0, 10_00)]


def test_a_refund_of_the_missed_minimum_makes_the_line_usable_again(line: Line, purchase: Purchase) -> None:
    bill(line)
    end_day(date(2026, 7, 10))
    line.refresh_from_db()
    assert (line.status, line.bucket) == ("frozen", 1)
    give_back(purchase, 100_00, date(2026, 7, 20))
    line.refresh_from_db()
    assert (line.status, line.bucket, delinquency(line.pk, date(2026, 7, 20)).overdue_fen) == ("active", 0, 0)
    # 4.50 penalty ran; from now on 900.00 revolve.
    end_day(date(2026, 7, 31))
    august = line.statements.get(issued_on=date(2026, 8, 1))
    assert (august.new_penalty_fen, august.new_interest_fen) == (4_50, 5_40)


def test_a_purchase_of_the_statement_day_is_refunded_as_not_billed(line: Line) -> None:
    bought(line, a_merchant(), 1_000_00, BOUGHT_ON)
    end_day(date(2026, 6, 30))
    later = bought(line, a_merchant(), 200_00, date(2026, 7, 1))
    assert give_back(later, 200_00, date(2026, 7, 2)).to_unbilled_fen == 200_00
    assert stands(line, date(2026, 7, 2)).billed_fen == 1_000_00


def test_a_purchase_is_refunded_in_parts_and_no_further(line: Line, purchase: Purchase) -> None:
    for n, fen in enumerate((400_00, 599_99)):
        give_back(purchase, fen, date(2026, 6, 6), f"part {n}")
    with pytest.raises(AmountRefused) as refused:
        give_back(purchase, 2, date(2026, 6, 6), "too much")
    assert refused.value.field == "amount"
    give_back(purchase, 1, date(2026, 6, 6), "the rest")
    assert stands(line, date(2026, 6, 6)).owed_fen == 0


def test_the_same_refund_again_is_answered_as_the_first_and_has_no_effect(
    line: Line, purchase: Purchase
) -> None:
    first = give_back(purchase, 300_00, date(2026, 6, 6))
    before = Entry.objects.count(), stands(line, date(2026, 6, 6))
    assert give_back(purchase, 300_00, date(2026, 6, 7)) == first
    assert (Entry.objects.count(), stands(line, date(2026, 6, 6))) == before
    with pytest.raises(RequestConflict):
        give_back(purchase, 300_01, date(2026, 6, 6))


# fmt: off
REFUSED = [
    ({"amount_fen": 0},         AmountRefused,    "amount_refused"),
    ({"amount_fen": 1_000_01},  AmountRefused,    "amount_refused"),
    ({"amount_fen": 2**63},     AmountRefused,    "amount_refused"),
    ({"reference": ""},         ReferenceRefused, "reference_refused"),
    ({"purchase_id": 999_999},  PurchaseNotFound, "purchase_not_found"),
]
# fmt: on


@pytest.mark.parametrize(("change", "refusal", "code"), REFUSED)
def test_a_refund_that_is_refused_changes_nothing(
    line: Line, purchase: Purchase, change: dict[str, object], refusal: type[LineError], code: str
) -> None:
    before = Entry.objects.count(), Transfer.objects.count(), stands(line, BOUGHT_ON)
    asked: dict[str, object] = {
        "purchase_id": purchase.pk,
        "amount_fen": 1,
        "reference": "r",
        "on": BOUGHT_ON,
    }
    with pytest.raises(refusal) as refused:
        refund(**{**asked, **change})  # type: ignore[arg-type]
    assert refused.value.code == code
    assert (Entry.objects.count(), Transfer.objects.count(), stands(line, BOUGHT_ON)) == before


@pytest.mark.parametrize("became", ["authorised", "voided", "expired"])
def test_what_was_not_captured_is_not_refunded(line: Line, became: str) -> None:
    purchase = authorised(line, a_merchant(), 100_00, BOUGHT_ON)
    if became == "voided":
        void(purchase_id=purchase.pk, on=BOUGHT_ON)
    if became == "expired":
        end_day(date(2026, 6, 12))
    with pytest.raises(NotAuthorised):
        give_back(purchase, 1, date(2026, 6, 13))
    assert not Refund.objects.exists()
