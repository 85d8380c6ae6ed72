"""Who gets a line: the policy applied to people, one or many at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from customers.models import Customer
from customers.services import CustomerNotFound
from finance.errors import DomainError
from huabei.models import Line, LineStatus
from huabei.policy import REFUSAL_TEXTS, Applicant, Decision, decide
from huabei.selectors import opening_policy
from huabei.services.lines import CALENDARS, Opening, open_lines
from ledger.selectors import exposures


class LineRefused(DomainError):
    """The policy grants no line; `decision` has every reason."""

    code = "line_refused"

    def __init__(self, decision: Decision) -> None:
        super().__init__("; ".join(str(REFUSAL_TEXTS[refusal]) for refusal in decision.refusals))
        self.decision = decision

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Each reason of the policy."""
        return [(refusal.value, str(REFUSAL_TEXTS[refusal])) for refusal in self.decision.refusals]


def decide_openings(*, scores: Mapping[UUID, int | None], on: date) -> list[Decision]:
    """What the policy says of these people with their scores (None for N/A) on a date; a few queries for any number."""
    policy = opening_policy(on)
    ids = list(scores)
    exposure = exposures(ids)
    with_line = set(
        Line.objects.filter(customer_id__in=ids)
        .exclude(status=LineStatus.CLOSED)
        .values_list("customer_id", flat=True)
    )
    people = Customer.objects.filter(pk__in=ids).values_list(
        "pk", "born_on", "identity_verified_on", "is_student"
    )
    return [
        decide(
            Applicant(
                customer_id=customer_id,
                born_on=born_on,
                identity_verified=verified_on is not None and verified_on <= on,
                is_student=is_student,
                score=scores[customer_id],
                has_line=customer_id in with_line,
                exposure_fen=exposure.get(customer_id, 0),
            ),
            policy,
            on,
        )
        for customer_id, born_on, verified_on, is_student in people.order_by("registered_on", "pk")
    ]


def open_by_policy(*, scores: Mapping[UUID, int | None], on: date, statement_day: int = 1) -> list[Decision]:
    """Opens a line for each of these people whom the policy admits; returns every decision. All or none."""
    decisions = decide_openings(scores=scores, on=on)
    open_lines(
        openings=[
            Opening(
                decision.customer_id,
                decision.limit_fen,
                scores[decision.customer_id],
                statement_day,
                CALENDARS[statement_day],
            )
            for decision in decisions
            if decision.granted
        ],
        on=on,
    )
    return decisions


def apply_for_line(*, customer_id: UUID, score: int | None, on: date, statement_day: int = 1) -> int:
    """
    Opens a line for one person if the policy admits them; returns its id.

    Errors: CustomerNotFound, LineRefused with every reason, AlreadyHasLine when another request was faster.
    """
    decisions = open_by_policy(scores={customer_id: score}, on=on, statement_day=statement_day)
    if not decisions:
        raise CustomerNotFound(_("there is no customer %(id)s") % {"id": customer_id})
    if not decisions[0].granted:
        raise LineRefused(decisions[0])
    return (
        Line.objects.values_list("pk", flat=True)
        .exclude(status=LineStatus.CLOSED)
        .get(customer_id=customer_id)
    )
