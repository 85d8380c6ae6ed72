"""Who gets a line: applications decided by the policy, one or many at once, and every decision kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from customers.models import Customer
from customers.services import CustomerNotFound
from finance.errors import DomainError
from huabei.applicants import InForce, Known, known_of, policy_in_force
from huabei.errors import require_reference, require_same_request
from huabei.models import OpeningDecision, OpeningOutcome
from huabei.policy import Decision, decide
from huabei.services.lines import CALENDARS, CalendarRefused, Opening, open_lines
from ledger.services import request_hash

_BATCH = 2_000


class LineRefused(DomainError):
    """The policy grants no line; `decision` is kept and has every reason."""

    code = "line_refused"

    def __init__(self, decision: OpeningDecision) -> None:
        super().__init__("; ".join(each.text for each in decision.against))
        self.decision = decision

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Each reason of the policy, with what would be right."""
        return [(each.rule.value, f"{each.text}: {each.advice}") for each in self.decision.against]


@dataclass(frozen=True, slots=True)
class Application:
    """Somebody asks for a line, once per reference."""

    customer_id: UUID
    reference: str
    statement_day: int = 1

    @property
    def asked(self) -> bytes:
        """Tells a repeat under the reference from another request."""
        return request_hash({"statement_day": self.statement_day})


def preview(*, customer_id: UUID, on: date) -> Decision:
    """What the policy says of somebody on a date; nothing is kept. Error: CustomerNotFound."""
    known = known_of([customer_id], on)
    if not known:
        raise CustomerNotFound(_("There is no customer %(id)s.") % {"id": customer_id}, field="customer_id")
    return decide(known[0].applicant, policy_in_force(on).figures, on)


def apply_for_line(*, customer_id: UUID, reference: str, on: date, statement_day: int = 1) -> OpeningDecision:
    """
    Decides on somebody's application and opens the line if it is granted; the decision is kept either way, and answered
    again when the reference is sent again.

    Nothing that is granted to the same person at the same moment is overlooked: the person is locked. A refusal is no error:
    its reasons are in the decision. Errors: CalendarRefused, CustomerNotFound, ReferenceRefused, RequestConflict.
    """
    application = Application(customer_id, reference, statement_day)
    return open_by_policy(applications=[application], on=on)[0]


def open_by_policy(*, applications: Sequence[Application], on: date) -> list[OpeningDecision]:
    """
    Decides on many applications, each by another person, and opens a line for each that the policy admits.

    Returns the decisions in the order of the applications. All or none. Errors: those of `apply_for_line`.
    """
    for application in applications:
        require_reference(application.reference)
        if application.statement_day not in CALENDARS:
            offered = ", ".join(str(day) for day in CALENDARS)
            raise CalendarRefused(_("must be one of %(days)s") % {"days": offered}, field="statement_day")
    asked = {application.customer_id: application for application in applications}
    if len(asked) < len(applications):
        raise ValueError("one application per person at a time")
    with transaction.atomic():
        lock_applicants(list(asked))
        decided = _decided_before(asked)
        new = [customer_id for customer_id in asked if customer_id not in decided]
        if new:
            decided |= _decide(asked, new, on)
        return [decided[application.customer_id] for application in applications]


def lock_applicants(customers: Sequence[UUID]) -> None:
    """One decision on what a person may owe at a time, as loans are signed. Error: CustomerNotFound."""
    rows = Customer.objects.select_for_update(no_key=True).filter(pk__in=customers).order_by("pk")
    if missing := set(customers) - set(rows.values_list("pk", flat=True)):
        raise CustomerNotFound(_("There is no customer %(id)s.") % {"id": min(missing)}, field="customer_id")


def _decided_before(asked: dict[UUID, Application]) -> dict[UUID, OpeningDecision]:
    references = {application.reference for application in asked.values()}
    found = {}
    for decision in OpeningDecision.objects.filter(customer_id__in=list(asked), reference__in=references):
        application = asked[decision.customer_id]
        if decision.reference == application.reference:
            require_same_request(decision.request_hash, application.asked)
            decision.repeated = True
            found[decision.customer_id] = decision
    return found


def _decide(
    asked: dict[UUID, Application], customers: Sequence[UUID], on: date
) -> dict[UUID, OpeningDecision]:
    in_force = policy_in_force(on)
    decided = [(known, decide(known.applicant, in_force.figures, on)) for known in known_of(customers, on)]
    granted = [decision for _known, decision in decided if decision.granted]
    scores = {known.applicant.customer_id: known.applicant.score for known, _decision in decided}
    line_ids = open_lines(
        openings=[
            Opening(
                decision.customer_id,
                decision.limit_fen,
                scores[decision.customer_id],
                (day := asked[decision.customer_id].statement_day),
                CALENDARS[day],
            )
            for decision in granted
        ],
        on=on,
    )
    lines = dict(zip((decision.customer_id for decision in granted), line_ids, strict=True))
    rows = [
        decision_row(
            known,
            decision,
            reference=(application := asked[decision.customer_id]).reference,
            asked=application.asked,
            statement_day=application.statement_day,
            in_force=in_force,
            line_id=lines.get(decision.customer_id),
            on=on,
        )
        for known, decision in decided
    ]
    OpeningDecision.objects.bulk_create(rows, batch_size=_BATCH)
    return {row.customer_id: row for row in rows}


def decision_row(
    known: Known,
    decision: Decision,
    *,
    reference: str,
    asked: bytes,
    statement_day: int,
    in_force: InForce,
    line_id: int | None,
    on: date,
) -> OpeningDecision:
    """A decision as it is kept, with all that it went by; not written yet."""
    applicant, score = known.applicant, known.score
    return OpeningDecision(
        customer_id=applicant.customer_id,
        reference=reference,
        request_hash=asked,
        decided_on=on,
        statement_day=statement_day,
        outcome=OpeningOutcome.GRANTED if decision.granted else OpeningOutcome.REFUSED,
        reasons=list(decision.refusals),
        rules=[asdict(ruled) for ruled in decision.rules],
        score=applicant.score,
        scored_on=applicant.scored_on,
        score_id=score.pk if score else None,
        model_id=score.model_id if score else None,
        policy=in_force.version,
        consumer_rule=in_force.rule,
        exposure_fen=applicant.exposure_fen,
        consumer_exposure_fen=applicant.consumer_exposure_fen,
        overdue_fen=applicant.overdue_fen,
        earned_fen=decision.earned_fen,
        limit_fen=decision.limit_fen,
        line_id=line_id,
    )
