"""What the opening of lines goes by: the policy and the law in force on a date, and what is known of whoever applies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from creditscore.models import Score
from creditscore.selectors import standing_scores
from customers.models import Customer
from customers.obligations import business_exposures, late_with
from huabei.models import ConsumerRule, Line, LineStatus, OpeningPolicy
from huabei.policy import Applicant, Policy
from ledger.selectors import exposures


@dataclass(frozen=True, slots=True)
class InForce:
    """The version of the policy and the law's rule for its type of lender, and the figures of both."""

    version: OpeningPolicy
    rule: ConsumerRule
    figures: Policy


def policy_in_force(on: date) -> InForce:
    """What lines are opened and reviewed by on a date."""
    version = OpeningPolicy.objects.filter(effective_from__lte=on).latest("effective_from")
    rules = ConsumerRule.objects.filter(lender_type=version.lender_type, effective_from__lte=on)
    rule = rules.latest("effective_from")
    figures = Policy(
        minimum_age=version.minimum_age,
        minimum_score=version.minimum_score,
        score_days=version.score_days,
        minimum_limit_fen=version.minimum_limit_fen,
        maximum_limit_fen=version.maximum_limit_fen,
        maximum_exposure_fen=version.maximum_exposure_fen,
        consumer_cap_fen=rule.consumer_cap_fen,
        students_admitted=rule.students_admitted,
        bands=tuple(version.bands.order_by("score_from").values_list("score_from", "limit_fen")),
    )
    return InForce(version, rule, figures)


def exposure_of(customer_id: UUID) -> tuple[int, int]:
    """What one person owes and may draw in all, and what of it is not lent to a business, in fen."""
    owes_fen = exposures([customer_id]).get(customer_id, 0)
    return owes_fen, owes_fen - business_exposures([customer_id]).get(customer_id, 0)


@dataclass(frozen=True, slots=True)
class Known:
    """An applicant, with the published score that stands, if any."""

    applicant: Applicant
    score: Score | None


def known_of(customers: Sequence[UUID], on: date) -> list[Known]:
    """What is known of these people on a date, those who registered first first; a few queries for any number of them."""
    ids = list(customers)
    scores = standing_scores(ids, on)
    late = late_with(ids, on)
    exposure, business = exposures(ids), business_exposures(ids)
    with_line = set(
        Line.objects.filter(customer_id__in=ids)
        .exclude(status=LineStatus.CLOSED)
        .values_list("customer_id", flat=True)
    )
    people = Customer.objects.filter(pk__in=ids).values_list(
        "pk", "born_on", "identity_verified_on", "is_student"
    )
    found = []
    for customer_id, born_on, verified_on, is_student in people.order_by("registered_on", "pk"):
        score = scores.get(customer_id)
        owes = exposure.get(customer_id, 0)
        applicant = Applicant(
            customer_id=customer_id,
            born_on=born_on,
            verified_on=verified_on,
            is_student=is_student,
            score=score.points if score else None,
            scored_on=score.published_on if score else None,
            has_line=customer_id in with_line,
            overdue_fen=sum(each.overdue_fen for each in late.get(customer_id, ())),
            exposure_fen=owes,
            consumer_exposure_fen=owes - business.get(customer_id, 0),
        )
        found.append(Known(applicant, score))
    return found
