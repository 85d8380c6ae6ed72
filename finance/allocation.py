"""Which debts a repayment pays. Pure: amounts in, a list of payments and what is left over out."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import permutations

from finance.errors import DomainError
from finance.money import format_yuan, split_evenly

COMPONENTS = ("penalty", "interest", "fee", "principal")
"""The order in which a due's components are paid unless the product says otherwise. Source: DESIGN, bill and
repay.
"""

ALLOCATIONS = tuple(" ".join(order) for order in permutations(COMPONENTS))
"""Every order in which the components may be paid, as it is written down."""


class AllocationError(DomainError):
    """Dues or an amount that no repayment can be allocated to."""

    code = "bad_allocation"


class Order(StrEnum):
    """Whether age or kind of debt comes first."""

    DUE_THEN_COMPONENT = "due_then_component"
    """The oldest due is paid whole, component by component, before the next one gets anything."""
    COMPONENT_THEN_DUE = "component_then_due"
    """Every due's penalty first, oldest first, then every due's interest, and so on."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is still unpaid of one due: fen per component. `key` is the caller's own, and comes back in the
    payments.
    """

    key: Hashable
    due_on: date
    unpaid_fen: Mapping[str, int]

    @property
    def total_fen(self) -> int:
        return sum(self.unpaid_fen.values())


@dataclass(frozen=True, slots=True)
class Payment:
    """`amount_fen`, always positive, pays the component of the due with this key."""

    key: Hashable
    component: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """The payments in the order they were made, and the fen that found nothing to pay."""

    payments: tuple[Payment, ...]
    unapplied_fen: int

    @property
    def applied_fen(self) -> int:
        return sum(payment.amount_fen for payment in self.payments)

    def by_component(self) -> dict[str, int]:
        paid: dict[str, int] = defaultdict(int)
        for payment in self.payments:
            paid[payment.component] += payment.amount_fen
        return dict(paid)

    def by_due(self) -> dict[Hashable, int]:
        paid: dict[Hashable, int] = defaultdict(int)
        for payment in self.payments:
            paid[payment.key] += payment.amount_fen
        return dict(paid)


def allocate(
    amount_fen: int,
    dues: Iterable[Due],
    *,
    components: Sequence[str] = COMPONENTS,
    order: Order = Order.DUE_THEN_COMPONENT,
) -> Allocation:
    """Pay `dues`, oldest due date first and in the given order within one date, until the amount is used up.

    What is applied and what is unapplied add up to `amount_fen`; nothing is paid twice and nothing is
    negative. Which dues take part (only those due, or future ones too) is the caller's choice.
    AllocationError for a negative amount, a negative unpaid component, or a component that `components` does
    not rank.
    """
    ranked = sorted(dues, key=lambda due: due.due_on)
    _check(amount_fen, ranked, components)
    if order is Order.DUE_THEN_COMPONENT:
        queue = [(due, component) for due in ranked for component in components]
    else:
        queue = [(due, component) for component in components for due in ranked]
    return _pay(amount_fen, queue)


def allocate_evenly(
    amount_fen: int, dues: Iterable[Due], *, components: Sequence[str] = COMPONENTS
) -> Allocation:
    """Pay every due an equal share, the last taking the remainder, none more than it owes.

    For a prepayment that shrinks all coming instalments alike. What a small due cannot take is shared again
    among the rest. Conserves like `allocate`, and raises like it. Source: golden
    `fin-alloc-reamortize-on-due`.
    """
    ranked = sorted(dues, key=lambda due: due.due_on)
    _check(amount_fen, ranked, components)
    share_fen = [0] * len(ranked)
    left = min(amount_fen, sum(due.total_fen for due in ranked))
    unapplied = amount_fen - left
    while left:
        short = [i for i, due in enumerate(ranked) if share_fen[i] < due.total_fen]
        for i, part in zip(short, split_evenly(left, len(short)), strict=True):
            taken = min(part, ranked[i].total_fen - share_fen[i])
            share_fen[i] += taken
            left -= taken
    payments: list[Payment] = []
    for due, share in zip(ranked, share_fen, strict=True):
        payments.extend(_pay(share, [(due, component) for component in components]).payments)
    return Allocation(tuple(payments), unapplied)


def _pay(amount_fen: int, queue: Iterable[tuple[Due, str]]) -> Allocation:
    payments = []
    left = amount_fen
    for due, component in queue:
        paid = min(left, due.unpaid_fen.get(component, 0))
        if paid:
            payments.append(Payment(due.key, component, paid))
            left -= paid
        if not left:
            break
    return Allocation(tuple(payments), left)


def _check(amount_fen: int, dues: Iterable[Due], components: Sequence[str]) -> None:
    if amount_fen < 0:
        raise AllocationError(f"a repayment of {format_yuan(amount_fen)} is negative", field="amount")
    for due in dues:
        for component, unpaid_fen in due.unpaid_fen.items():
            if component not in components:
                raise AllocationError(
                    f"due {due.key} owes {component!r}, which has no place in {list(components)}"
                )
            if unpaid_fen < 0:
                raise AllocationError(f"due {due.key} owes a negative {component}: {format_yuan(unpaid_fen)}")
