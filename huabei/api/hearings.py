"""Decisions on lines as the lender's systems read them, and the review by a person of a refusal or of a cut of a limit."""

from __future__ import annotations

from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from huabei.api.borrower import BORROWER, OwnEndpoint
from huabei.api.opening import DECISION, EXAMPLE_DECISION, DecisionOut
from huabei.errors import RequestConflict
from huabei.line_history import told_limits
from huabei.models import LimitChange, LimitChangeKind, OpeningDecision, OpeningOutcome, VerdictOutcome
from huabei.models.reviewing import OPEN
from huabei.policy import Refusal, RuleOutcome
from huabei.selectors import decisions_of
from huabei.services.hearings import LONGEST_STATEMENT, ReviewRefused, ask_about_limit, ask_for_review
from web.api.callers import Allowed, Scope, Who
from web.api.day import booking_day
from web.api.reading import Choice, Day, Fields, Identifier, Prose, Text, Truth, Whole, Yuan
from web.api.schema import operation
from web.api.views import Endpoint

LIMIT_CHANGE = "limit_change"


class RuledOut(Fields):
    """One rule of the policy or the law, with what it said."""

    rule = Choice([refusal.value for refusal in Refusal])
    outcome = Choice([outcome.value for outcome in RuleOutcome])


class FullDecisionOut(DecisionOut):
    """An application with all that the decision went by."""

    customer = Identifier(source="customer_id")
    score = Whole(allow_null=True, help_text="Null where there was none.")
    scored_on = Day(allow_null=True)
    earned = Yuan(source="earned_fen", help_text="The limit that the score alone earns.")
    exposure = Yuan(source="exposure_fen")
    consumer_exposure = Yuan(source="consumer_exposure_fen")
    overdue = Yuan(source="overdue_fen")
    policy_from = Day(source="policy.effective_from", help_text="The version of the policy that decided.")
    law_from = Day(source="consumer_rule.effective_from", help_text="The rule of the law that held.")
    rules = RuledOut(many=True, source="ruled")
    overturns = Identifier(
        DECISION, source="overturns_id", allow_null=True, help_text="The refusal that a person set aside."
    )


class Decisions(Endpoint):
    """All decisions on lines."""

    allowed = {"GET": Allowed(Who.LENDER, Scope.DECISIONS_READ)}
    paged = True
    filters = {
        "customer": Identifier(help_text="On applications of this customer."),
        "outcome": Choice(OpeningOutcome.values, help_text="With this outcome."),
        "reason": Choice(
            [refusal.value for refusal in Refusal], help_text="Refused for this reason, among others or not."
        ),
        "from": Day(help_text="Decided on this day or later."),
        "to": Day(help_text="… or earlier."),
    }

    @operation(
        "listDecisions",
        summary="List decisions on lines",
        answer=FullDecisionOut,
        many=True,
        example={
            **EXAMPLE_DECISION,
            "customer": "c0a8012e-7a57-4c3e-9d3a-6a6f3a8b5d04",
            "score": 650,
            "scored_on": "2026-06-06",
            "earned": "4000.00",
            "exposure": "0.00",
            "consumer_exposure": "0.00",
            "overdue": "0.00",
            "policy_from": "2000-01-01",
            "law_from": "2021-03-17",
            "rules": [{"rule": "under_age", "outcome": "passed"}],
            "overturns": None,
        },
        tag="Lines",
    )
    def get(self, request: Request) -> Response:
        """Every application for a line with its decision and what that went by, rule by rule, newest first."""
        narrowing = {
            "customer": "customer_id",
            "outcome": "outcome",
            "from": "decided_on__gte",
            "to": "decided_on__lte",
        }
        given = {lookup: self.query[name] for name, lookup in narrowing.items() if name in self.query}
        if reason := self.query.get("reason"):
            given["reasons__contains"] = [reason]
        found = OpeningDecision.objects.select_related("line", "policy", "consumer_rule")
        return self.page(FullDecisionOut, found.filter(**given))


class ReviewIn(Fields):
    """Why a person should look again."""

    statement = Prose(
        most=LONGEST_STATEMENT,
        required=False,
        default="",
        help_text="What the person should know; may be left out.",
    )


class _Reviewed(Fields):
    """A review by a person, and what they decided."""

    asked_on = Day()
    statement = Text(most=LONGEST_STATEMENT)
    state = Choice([OPEN, *VerdictOutcome.values])
    decided_on = Day(source="verdict.decided_on", default=None, allow_null=True)
    reason = Text(
        most=500,
        source="verdict.reason",
        default=None,
        allow_null=True,
        help_text="In the words of who decided.",
    )


class ReviewOut(_Reviewed):
    """A review of a refusal."""

    decision = Identifier(DECISION, source="decision_id")
    line = Identifier(
        source="verdict.opened_by.line.uuid",
        default=None,
        allow_null=True,
        help_text="The line that was opened.",
    )


class LimitReviewOut(_Reviewed):
    """A review of a limit that was cut."""

    change = Identifier(LIMIT_CHANGE, source="limit_change_id")
    limit = Yuan(
        source="verdict.restored_by.after_fen",
        default=None,
        allow_null=True,
        help_text="The limit that was given back, with what is lent for a time.",
    )


class LimitChangeOut(Fields):
    """A change of the borrower's limit; both figures hold what is lent for a time."""

    id = Identifier(LIMIT_CHANGE, source="change.pk")
    kind = Choice(LimitChangeKind.values, source="change.kind")
    before = Yuan(source="change.before_fen")
    after = Yuan(source="change.after_fen")
    changed_on = Day(source="change.changed_on")
    why = Text(help_text="Why, and by whom, in the language of the request.")
    is_cut = Truth(
        source="change.is_cut",
        help_text="Whether the lender lowered it for good: a person looks at that again if asked.",
    )


EXAMPLE_LIMIT_CHANGE = {
    "id": "2b8f4c1e-7d35-5a90-8c6b-1f0e9d2a4b37",
    "kind": "set",
    "before": "8000.00",
    "after": "6000.00",
    "changed_on": "2026-07-05",
    "why": "higher risk · by our staff",
    "is_cut": True,
}

EXAMPLE_REVIEW = {
    "decision": EXAMPLE_DECISION["id"],
    "asked_on": "2026-07-05",
    "statement": "My salary rose in May.",
    "state": "open",
    "decided_on": None,
    "reason": None,
    "line": None,
}


class OwnReview(Endpoint):
    """The review by a person of a decision on one of the borrower's applications."""

    allowed = {"GET": BORROWER, "POST": BORROWER}

    @operation(
        "readOwnReview",
        summary="Read the review of a decision on my application",
        answer=ReviewOut,
        example=EXAMPLE_REVIEW,
        tag="Borrower",
    )
    def get(self, request: Request, decision_id: UUID) -> Response:
        """What the borrower asked for, and what a person decided."""
        review = getattr(self._decision(decision_id), "review", None)
        if review is None:
            raise NotFound
        return self.answer(ReviewOut, review)

    @operation(
        "askForReview",
        summary="Have a person decide again",
        body=ReviewIn,
        answer=ReviewOut,
        status=201,
        keyed=True,
        refusals=(ReviewRefused, RequestConflict),
        example_body={"statement": "My salary rose in May."},
        example=EXAMPLE_REVIEW,
        tag="Borrower",
    )
    def post(self, request: Request, decision_id: UUID) -> Response:
        """
        Asks that a person look at a refusal again, once per decision. They may set aside what the lender's policy says of
        score and exposure, never what the law says; what they decide is told.
        """
        key, statement = self.key(), self.body(ReviewIn)["statement"]
        decision = self._decision(decision_id)
        with booking_day() as on:
            made = ask_for_review(
                customer_id=self.owner,
                decision_id=decision.pk,
                statement=statement,
                reference=f"me:{key}",
                on=on,
            )
        return self.answer(ReviewOut, made, status=201, replayed=made.repeated)

    def _decision(self, decision_id: UUID) -> OpeningDecision:
        found = decisions_of(self.owner).filter(pk=self.number(DECISION, decision_id)).first()
        if found is None:
            raise NotFound
        return found


EXAMPLE_LIMIT_REVIEW = {
    "change": EXAMPLE_LIMIT_CHANGE["id"],
    "asked_on": "2026-07-05",
    "statement": "My salary rose in May.",
    "state": "open",
    "decided_on": None,
    "reason": None,
    "limit": None,
}


class OwnLimitChanges(OwnEndpoint):
    """What changed the limit of the borrower's line."""

    allowed = {"GET": BORROWER}
    paged = True

    @operation(
        "listOwnLimitChanges",
        summary="List what changed my limit",
        answer=LimitChangeOut,
        many=True,
        example=EXAMPLE_LIMIT_CHANGE,
        tag="Borrower",
    )
    def get(self, request: Request) -> Response:
        """Every change of the limit of the borrower's line, newest first, with why and by whom."""
        found = LimitChange.objects.filter(line=self.line())
        return self.page(LimitChangeOut, found, complete=told_limits)


class OwnLimitReview(Endpoint):
    """The review by a person of a cut of the borrower's limit."""

    allowed = {"GET": BORROWER, "POST": BORROWER}

    @operation(
        "readOwnLimitReview",
        summary="Read the review of a cut of my limit",
        answer=LimitReviewOut,
        example=EXAMPLE_LIMIT_REVIEW,
        tag="Borrower",
    )
    def get(self, request: Request, change_id: UUID) -> Response:
        """What the borrower asked for, and what a person decided."""
        review = getattr(self._change(change_id), "review", None)
        if review is None:
            raise NotFound
        return self.answer(LimitReviewOut, review)

    @operation(
        "askForLimitReview",
        summary="Have a person look at a cut of my limit",
        body=ReviewIn,
        answer=LimitReviewOut,
        status=201,
        keyed=True,
        refusals=(ReviewRefused, RequestConflict),
        example_body={"statement": "My salary rose in May."},
        example=EXAMPLE_LIMIT_REVIEW,
        tag="Borrower",
    )
    def post(self, request: Request, change_id: UUID) -> Response:
        """
        Asks that a person look at a limit that the lender lowered, once per change. They may give back what was taken, or
        some of it; what they decide is told.
        """
        key, statement = self.key(), self.body(ReviewIn)["statement"]
        change = self._change(change_id)
        with booking_day() as on:
            made = ask_about_limit(
                customer_id=self.owner,
                change_id=change.pk,
                statement=statement,
                reference=f"me:{key}",
                on=on,
            )
        return self.answer(LimitReviewOut, made, status=201, replayed=made.repeated)

    def _change(self, change_id: UUID) -> LimitChange:
        number = self.number(LIMIT_CHANGE, change_id)
        found = LimitChange.objects.filter(pk=number, line__customer_id=self.owner).first()
        if found is None:
            raise NotFound
        return found
