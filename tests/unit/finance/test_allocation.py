from datetime import date

import pytest

from finance.allocation import Allocation, AllocationError, Due, Order, Payment, allocate, allocate_evenly

JULY = Due("july", date(2024, 7, 10), {"penalty": 50, "interest": 300, "fee": 100, "principal": 10_000})
AUGUST = Due("august", date(2024, 8, 10), {"interest": 200, "fee": 100, "principal": 10_000})


@pytest.mark.parametrize(
    ("amount", "order", "paid", "unapplied"),
    [
        (0, Order.DUE_THEN_COMPONENT, [], 0),
        (40, Order.DUE_THEN_COMPONENT, [("july", "penalty", 40)], 0),
        (
            460,
            Order.DUE_THEN_COMPONENT,
            [
                ("july", "penalty", 50),
                ("july", "interest", 300),
                ("july", "fee", 100),
                ("july", "principal", 10),
            ],
            0,
        ),
        (
            460,
            Order.COMPONENT_THEN_DUE,
            [("july", "penalty", 50), ("july", "interest", 300), ("august", "interest", 110)],
            0,
        ),
        (
            20_760,
            Order.DUE_THEN_COMPONENT,
            [
                ("july", "penalty", 50),
                ("july", "interest", 300),
                ("july", "fee", 100),
                ("july", "principal", 10_000),
                ("august", "interest", 200),
                ("august", "fee", 100),
                ("august", "principal", 10_000),
            ],
            10,
        ),
    ],
)
def test_a_repayment_pays(
    amount: int, order: Order, paid: list[tuple[str, str, int]], unapplied: int
) -> None:
    expected = Allocation(tuple(Payment(*payment) for payment in paid), unapplied)
    assert allocate(amount, [AUGUST, JULY], order=order) == expected


def test_the_order_of_components_is_the_products() -> None:
    paid = allocate(10_050, [JULY], components=("principal", "fee", "penalty", "interest"))
    assert paid.by_component() == {"principal": 10_000, "fee": 50}
    assert paid.by_due() == {"july": 10_050}
    assert paid.applied_fen == 10_050


def test_dues_of_one_day_are_paid_in_the_order_given() -> None:
    first = Due("first", date(2024, 7, 10), {"principal": 100})
    second = Due("second", date(2024, 7, 10), {"principal": 100})
    assert allocate(100, [second, first]).by_due() == {"second": 100}


def test_without_dues_everything_is_left_over() -> None:
    assert allocate(500, []) == Allocation((), 500)
    assert allocate_evenly(500, []) == Allocation((), 500)


@pytest.mark.parametrize("pay", [allocate, allocate_evenly])
@pytest.mark.parametrize(
    ("amount", "unpaid"), [(-1, {"principal": 5}), (1, {"principal": -5}), (1, {"gift": 5})]
)
def test_what_cannot_be_allocated_is_refused(pay: object, amount: int, unpaid: dict[str, int]) -> None:
    with pytest.raises(AllocationError):
        pay(amount, [Due("x", date(2024, 7, 10), unpaid)])  # type: ignore[operator]


def test_an_even_allocation_passes_on_what_a_small_due_cannot_take() -> None:
    dues = [Due(n, date(2024, n, 1), {"principal": owed}) for n, owed in ((1, 10), (2, 100), (3, 100))]
    assert allocate_evenly(100, dues).by_due() == {1: 10, 2: 45, 3: 45}
    assert allocate_evenly(500, dues) == allocate(500, dues)
    assert allocate_evenly(2, dues).by_due() == {1: 1, 2: 1}
