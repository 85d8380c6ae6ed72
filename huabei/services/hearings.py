"""
A person decides again: whoever was refused a line asks for it, and a member of staff upholds the refusal or opens the line.

What the law says, and that nothing is late, nobody sets aside; what the policy says of score and exposure, a person may.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from customers.services.notices import notify
from finance.errors import Kind
from finance.money import format_yuan
from finance.prose import as_written, is_prose
from huabei.applicants import InForce, Known, known_of, policy_in_force
from huabei.errors import LineError, RequestConflict, require_reference, require_same_request
from huabei.hearing_notices import ReviewAsked, ReviewDecided
from huabei.models import DecisionReview, OpeningDecision, OpeningOutcome, ReviewVerdict, VerdictOutcome
from huabei.policy import Decision, Refusal, RuleOutcome, decide
from huabei.services.lines import CALENDARS, Opening, open_lines
from huabei.services.opening import decision_row, lock_applicants
from ledger.services import request_hash

LONGEST_STATEMENT = 1000
LONGEST_REASON = 500

# What a person may set aside: the lender's own policy, not the law, nor a debt that is late.
OVERTURNABLE = frozenset({Refusal.NO_SCORE, Refusal.SCORE_TOO_OLD, Refusal.SCORE_TOO_LOW, Refusal.EXPOSURE})


class DecisionNotFound(LineError):
    """There is no such decision of this customer."""

    code = "decision_not_found"
    kind = Kind.NOT_FOUND


class ReviewNotFound(LineError):
    """There is no such review."""

    code = "review_not_found"
    kind = Kind.NOT_FOUND


class ReviewRefused(LineError):
    """The decision is none that a person looks at again, or what is said is no text."""

    code = "review_refused"


class AlreadyReviewed(LineError):
    """Somebody decided on it already."""

    code = "already_reviewed"
    kind = Kind.CONFLICT


class NotOverturnable(LineError):
    """The law stands against a line, or something is late: nobody sets that aside."""

    code = "not_overturnable"


def ask_for_review(
    *, customer_id: UUID, decision_id: int, statement: str, reference: str, on: date
) -> DecisionReview:
    """
    The applicant asks that a person look at a refusal; once per decision, and again with the same words changes nothing.

    Errors: DecisionNotFound, ReferenceRefused, RequestConflict where it was asked for in other words or the reference asked
    for the review of another decision, ReviewRefused for a decision that granted a line and for what is no text.
    """
    require_reference(reference)
    statement = as_written(statement)
    if len(statement) > LONGEST_STATEMENT or not is_prose(statement):
        raise ReviewRefused(
            _("must be a text of at most %(most)d printable characters") % {"most": LONGEST_STATEMENT},
            field="statement",
        )
    asked = request_hash({"statement": statement})
    with transaction.atomic():
        lock_applicants([customer_id])
        decision = OpeningDecision.objects.filter(pk=decision_id, customer_id=customer_id).first()
        if decision is None:
            raise DecisionNotFound(_("there is no such decision"))
        if decision.is_granted:
            raise ReviewRefused(_("a line was opened: there is nothing to look at again"))
        _require_unused(reference, decision)
        review, made = DecisionReview.objects.get_or_create(
            decision=decision,
            defaults={
                "asked_on": on,
                "statement": statement,
                "reference": reference,
                "request_hash": asked,
            },
        )
        require_same_request(review.request_hash, asked)
        review.repeated = not made
        if made:
            message = ReviewAsked(decision.pk, decision.decided_on)
            notify(customer_id=customer_id, message=message, reference=f"review:{review.pk}:asked", on=on)
        return review


def _require_unused(reference: str, decision: OpeningDecision) -> None:
    """RequestConflict where the applicant, locked, asked under this reference for the review of another decision."""
    asked = DecisionReview.objects.filter(reference=reference, decision__customer_id=decision.customer_id)
    if asked.exclude(decision=decision).exists():
        raise RequestConflict(_("this reference was used before for a different request"), field="reference")


@dataclass(frozen=True, slots=True)
class Ruling:
    """Who decides on a review, why, in words that the applicant reads, and under which reference, which happens once."""

    by: str
    reason: str
    reference: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", as_written(self.reason))


def uphold(*, review_id: int, ruling: Ruling, on: date) -> ReviewVerdict:
    """The refusal stands. Errors: AlreadyReviewed, ReferenceRefused, RequestConflict, ReviewNotFound, ReviewRefused."""
    with transaction.atomic():
        review = _locked(review_id, ruling)
        if first := _decided_before(review, ruling, 0):
            return first
        return _verdict(review, ruling, 0, None, on)


def overturn(*, review_id: int, limit_fen: int, ruling: Ruling, on: date) -> ReviewVerdict:
    """
    Opens a line with this limit although the policy would not: what it says of score and exposure is set aside, what the law
    says and what is late is asked again now, and the limit is one that the policy gives.

    Errors: those of `uphold`, NotOverturnable, CalendarRefused.
    """
    with transaction.atomic():
        review = _locked(review_id, ruling)
        if first := _decided_before(review, ruling, limit_fen):
            return first
        opened = _open(review.decision, limit_fen, ruling, on)
        return _verdict(review, ruling, limit_fen, opened, on)


def what_stands(review: DecisionReview, on: date) -> Decision:
    """What the policy says of the applicant today, rule by rule; nothing is kept."""
    known = known_of([review.decision.customer_id], on)
    return decide(known[0].applicant, policy_in_force(on).figures, on)


def _locked(review_id: int, ruling: Ruling) -> DecisionReview:
    """The review, with its applicant held: one member of staff decides at a time, and one opening."""
    require_reference(ruling.reference)
    reason = ruling.reason
    if not reason or len(reason) > LONGEST_REASON or not is_prose(reason):
        raise ReviewRefused(
            _("Say why, in at most %(most)d printable characters.") % {"most": LONGEST_REASON}, field="reason"
        )
    review = DecisionReview.objects.select_related("decision").filter(pk=review_id).first()
    if review is None:
        raise ReviewNotFound(_("there is no review %(id)s") % {"id": review_id})
    lock_applicants([review.decision.customer_id])
    return review


def _decided_before(review: DecisionReview, ruling: Ruling, limit_fen: int) -> ReviewVerdict | None:
    first = ReviewVerdict.objects.filter(review=review).first()
    if first is not None and first.reference != ruling.reference:
        raise AlreadyReviewed(_("somebody decided on this review already"))
    if first is not None:
        require_same_request(first.request_hash, _hash(ruling, limit_fen))
    return first


def _hash(ruling: Ruling, limit_fen: int) -> bytes:
    return request_hash({"by": ruling.by, "reason": ruling.reason, "limit": limit_fen})


def _verdict(
    review: DecisionReview, ruling: Ruling, limit_fen: int, opened: OpeningDecision | None, on: date
) -> ReviewVerdict:
    made = ReviewVerdict.objects.create(
        review=review,
        outcome=VerdictOutcome.OVERTURNED if opened else VerdictOutcome.UPHELD,
        decided_on=on,
        by=ruling.by,
        reason=ruling.reason,
        opened_by=opened,
        reference=ruling.reference,
        request_hash=_hash(ruling, limit_fen),
    )
    message = ReviewDecided(review.decision_id, review.asked_on, limit_fen, ruling.reason)
    notify(
        customer_id=review.decision.customer_id,
        message=message,
        reference=f"review:{review.pk}:decided",
        on=on,
    )
    return made


def _open(refused: OpeningDecision, limit_fen: int, ruling: Ruling, on: date) -> OpeningDecision:
    in_force = policy_in_force(on)
    known = known_of([refused.customer_id], on)[0]
    found = _set_aside(decide(known.applicant, in_force.figures, on), known, in_force, limit_fen)
    _require_no_grant_since(refused)
    _require_room(known, in_force, limit_fen)
    day = refused.statement_day
    (line_id,) = open_lines(
        openings=[Opening(refused.customer_id, limit_fen, known.applicant.score, day, CALENDARS[day])], on=on
    )
    row = decision_row(
        known,
        found,
        reference=f"review:{ruling.reference}"[:64],
        asked=_hash(ruling, limit_fen),
        statement_day=day,
        in_force=in_force,
        line_id=line_id,
        on=on,
    )
    row.overturns = refused
    row.save(force_insert=True)
    return row


def _require_no_grant_since(refused: OpeningDecision) -> None:
    """
    NotOverturnable where the applicant got a line after the refusal: what they asked for was answered, and if they closed
    that line nobody opens another unasked.
    """
    since = OpeningDecision.objects.filter(customer_id=refused.customer_id, pk__gt=refused.pk)
    if since.filter(outcome=OpeningOutcome.GRANTED).exists():
        raise NotOverturnable(_("a line was granted since: whoever wants another applies for it"))


def _set_aside(decision: Decision, known: Known, in_force: InForce, limit_fen: int) -> Decision:
    """
    The decision with what failed of the policy set aside, and so is the exposure where this limit goes beyond it although
    the smallest would not have. Error: NotOverturnable for what nobody sets aside.
    """
    if stands := [each for each in decision.against if each.rule not in OVERTURNABLE]:
        raise NotOverturnable("; ".join(each.text for each in stands))
    aside = set(decision.refusals)
    if known.applicant.exposure_fen + limit_fen > in_force.figures.maximum_exposure_fen:
        aside.add(Refusal.EXPOSURE)
    rules = tuple(
        replace(each, outcome=RuleOutcome.SET_ASIDE) if each.rule in aside else each
        for each in decision.rules
    )
    return replace(decision, rules=rules, limit_fen=limit_fen)


def _require_room(known: Known, in_force: InForce, limit_fen: int) -> None:
    """ReviewRefused unless it is a limit that the policy gives, and within what the law lets one consumer owe."""
    figures = in_force.figures
    law_fen = figures.consumer_cap_fen - known.applicant.consumer_exposure_fen
    least, most = figures.minimum_limit_fen, min(figures.maximum_limit_fen, law_fen)
    if not least <= limit_fen <= most:
        raise ReviewRefused(
            _("the limit must be from %(least)s to %(most)s")
            % {"least": format_yuan(least), "most": format_yuan(most)},
            field="limit",
        )
