"""
A person decides again: whoever was refused a line, or whose limit was cut, asks for it. A member of staff upholds that, or
opens the line or gives the limit back.

What the law says, and that nothing is late, nobody sets aside. What the policy says of score and exposure, a person may where
a line was refused; where a limit was cut, what it says of the score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils.translation import gettext as _

from customers.notices import Message
from customers.services.notices import notify
from finance.errors import Kind
from finance.money import format_yuan
from finance.prose import as_written, is_prose_of
from huabei.applicants import InForce, Known, known_of, policy_in_force
from huabei.errors import LineError, RequestConflict, require_reference, require_same_request
from huabei.hearing_notices import LimitReviewAsked, LimitReviewDecided, ReviewAsked, ReviewDecided
from huabei.models import (
    DecisionReview,
    LimitChange,
    LimitChangeKind,
    Line,
    LineStatus,
    OpeningDecision,
    OpeningOutcome,
    ReviewVerdict,
    VerdictOutcome,
)
from huabei.policy import Decision, Refusal, RuleOutcome, decide
from huabei.services.causes import Why
from huabei.services.limits import change_limit
from huabei.services.lines import CALENDARS, Opening, open_lines
from huabei.services.opening import decision_row, lock_applicants
from ledger.services import request_hash

LONGEST_STATEMENT = 1000
LONGEST_REASON = 500
# Why a limit is given back.
LOOKED_AGAIN = "looked_again"

# What a person may set aside: the lender's own policy, not the law, nor a debt that is late.
OVERTURNABLE = frozenset({Refusal.NO_SCORE, Refusal.SCORE_TOO_OLD, Refusal.SCORE_TOO_LOW, Refusal.EXPOSURE})


class DecisionNotFound(LineError):
    """There is no such decision of this customer."""

    code = "decision_not_found"
    kind = Kind.NOT_FOUND


class CutNotFound(LineError):
    """There is no such change of this customer's limit."""

    code = "cut_not_found"
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
    for another review, ReviewRefused for a decision that granted a line and for what is no text.
    """
    statement = _statement(statement, reference)
    with transaction.atomic():
        lock_applicants([customer_id])
        decision = OpeningDecision.objects.filter(pk=decision_id, customer_id=customer_id).first()
        if decision is None:
            raise DecisionNotFound(_("there is no such decision"))
        if decision.is_granted:
            raise ReviewRefused(_("a line was opened: there is nothing to look at again"))
        message = ReviewAsked(decision.pk, decision.decided_on)
        return _asked({"decision": decision}, customer_id, statement, reference, message, on)


def ask_about_limit(
    *, customer_id: UUID, change_id: int, statement: str, reference: str, on: date
) -> DecisionReview:
    """
    The owner of a line asks that a person look at their limit, which the lender cut; once per cut, as `ask_for_review`.

    Errors: those of `ask_for_review`, CutNotFound, ReviewRefused for a change that is no cut and on a line that was closed.
    """
    statement = _statement(statement, reference)
    with transaction.atomic():
        lock_applicants([customer_id])
        found = LimitChange.objects.select_related("line").filter(pk=change_id, line__customer_id=customer_id)
        cut = found.first()
        if cut is None:
            raise CutNotFound(_("there is no such change of a limit"))
        if not cut.is_cut:
            raise ReviewRefused(
                _("the lender did not lower the limit by it: there is nothing to look at again")
            )
        if (
            cut.line.status == LineStatus.CLOSED
            and not DecisionReview.objects.filter(limit_change=cut).exists()
        ):
            raise ReviewRefused(_("the line is closed"))
        message = LimitReviewAsked(cut.pk, cut.changed_on)
        return _asked({"limit_change": cut}, customer_id, statement, reference, message, on)


def _statement(statement: str, reference: str) -> str:
    """What somebody says, as it is kept. Errors: ReferenceRefused, ReviewRefused."""
    require_reference(reference)
    statement = as_written(statement)
    if not is_prose_of(statement, most=LONGEST_STATEMENT):
        raise ReviewRefused(
            _("must be a text of at most %(most)d printable characters") % {"most": LONGEST_STATEMENT},
            field="statement",
        )
    return statement


def _asked(
    about: dict[str, Any], customer_id: UUID, statement: str, reference: str, message: Message, on: date
) -> DecisionReview:
    """The review of one thing; its applicant is locked. RequestConflict where the reference asked for another."""
    whose = Q(decision__customer_id=customer_id) | Q(limit_change__line__customer_id=customer_id)
    earlier = DecisionReview.objects.filter(whose, reference=reference).first()
    review = DecisionReview.objects.filter(**about).first()
    if earlier is not None and earlier != review:
        raise RequestConflict(_("this reference was used before for a different request"), field="reference")
    hashed = request_hash({"statement": statement})
    if review is not None:
        require_same_request(review.request_hash, hashed)
        review.repeated = True
        return review
    review = DecisionReview.objects.create(
        **about, asked_on=on, statement=statement, reference=reference, request_hash=hashed
    )
    notify(customer_id=customer_id, message=message, reference=f"review:{review.pk}:asked", on=on)
    return review


@dataclass(frozen=True, slots=True)
class Ruling:
    """Who decides on a review, why, in words that the applicant reads, and under which reference, which happens once."""

    by: str
    reason: str
    reference: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", as_written(self.reason))


def uphold(*, review_id: int, ruling: Ruling, on: date) -> ReviewVerdict:
    """What was decided stands. Errors: AlreadyReviewed, ReferenceRefused, RequestConflict, ReviewNotFound, ReviewRefused."""
    with transaction.atomic():
        review = _locked(review_id, ruling)
        if first := _decided_before(review, ruling, 0):
            return first
        return _verdict(review, ruling, 0, on)


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
        if review.decision is None:
            raise ReviewRefused(_("this is no refusal of a line"))
        opened = _open(review.decision, limit_fen, ruling, on)
        return _verdict(review, ruling, limit_fen, on, opened_by=opened)


def restore(*, review_id: int, limit_fen: int, ruling: Ruling, on: date) -> ReviewVerdict:
    """
    Gives back of a limit what was cut, all or some of it: sets it, without what is lent for a time, whatever the score earns.
    It is as much as any limit that staff set may be, no more than before the cut, and nothing is late.

    Errors: those of `uphold`, NotOverturnable, and those of `limits.change_limit`.
    """
    with transaction.atomic():
        review = _locked(review_id, ruling)
        if first := _decided_before(review, ruling, limit_fen):
            return first
        cut = review.limit_change
        if cut is None:
            raise ReviewRefused(_("this is no cut of a limit"))
        if known_of([review.customer.pk], on)[0].applicant.overdue_fen:
            raise NotOverturnable(_("a payment is late: nothing is given back before it is paid"))
        line = Line.objects.select_for_update().get(pk=cut.line_id)
        stands_fen, most_fen = line.limit_fen - line.temporary_fen, most_given_back(cut, line)
        if most_fen <= stands_fen:
            raise ReviewRefused(_("what was cut has been given back already"), field="limit")
        if not stands_fen < limit_fen <= most_fen:
            raise ReviewRefused(
                _("the limit must be more than %(stands)s, and at most %(most)s")
                % {"stands": format_yuan(stands_fen), "most": format_yuan(most_fen)},
                field="limit",
            )
        why = Why(LOOKED_AGAIN, ruling.by, f"review:{ruling.reference}"[:64])
        restored = change_limit(line_id=cut.line_id, limit_fen=limit_fen, why=why, on=on)
        return _verdict(review, ruling, limit_fen, on, restored_by=restored)


def most_given_back(cut: LimitChange, line: Line) -> int:
    """
    The highest limit that a review of this cut may give back, in fen and without what is lent for a time: as much more than
    stands as was cut, and no more than there was before the cut. So what was raised since is not given twice.
    """
    temporary = (LimitChangeKind.TEMPORARY, LimitChangeKind.TEMPORARY_ENDED)
    earlier = LimitChange.objects.filter(line=line, pk__lt=cut.pk, kind__in=temporary)
    lent_fen = int(earlier.aggregate(fen=Sum(F("after_fen") - F("before_fen"), default=0))["fen"])
    stands_fen = line.limit_fen - line.temporary_fen
    return min(stands_fen + cut.before_fen - cut.after_fen, cut.before_fen - lent_fen)


def what_stands(review: DecisionReview, on: date) -> Decision:
    """What the policy says of the applicant today, rule by rule; nothing is kept."""
    known = known_of([review.customer.pk], on)
    return decide(known[0].applicant, policy_in_force(on).figures, on)


def _locked(review_id: int, ruling: Ruling) -> DecisionReview:
    """The review, with its applicant held: one member of staff decides at a time, and one opening."""
    require_reference(ruling.reference)
    reason = ruling.reason
    if not is_prose_of(reason, least=1, most=LONGEST_REASON):
        raise ReviewRefused(
            _("Say why, in at most %(most)d printable characters.") % {"most": LONGEST_REASON}, field="reason"
        )
    found = DecisionReview.objects.select_related("decision__customer", "limit_change__line__customer")
    review = found.filter(pk=review_id).first()
    if review is None:
        raise ReviewNotFound(_("there is no review %(id)s") % {"id": review_id})
    lock_applicants([review.customer.pk])
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
    review: DecisionReview, ruling: Ruling, limit_fen: int, on: date, **by: OpeningDecision | LimitChange
) -> ReviewVerdict:
    """What was decided, by the decision or the change that says so, where something is given; the applicant is told."""
    made = ReviewVerdict.objects.create(
        review=review,
        outcome=VerdictOutcome.OVERTURNED if by else VerdictOutcome.UPHELD,
        decided_on=on,
        by=ruling.by,
        reason=ruling.reason,
        reference=ruling.reference,
        request_hash=_hash(ruling, limit_fen),
        **by,
    )
    message: Message
    if review.decision_id is not None:
        message = ReviewDecided(review.decision_id, review.asked_on, limit_fen, ruling.reason)
    else:
        assert review.limit_change_id is not None
        stands_fen = made.restored_by.after_fen if made.restored_by else 0
        message = LimitReviewDecided(review.limit_change_id, review.asked_on, stands_fen, ruling.reason)
    notify(customer_id=review.customer.pk, message=message, reference=f"review:{review.pk}:decided", on=on)
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
