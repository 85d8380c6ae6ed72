"""
Reviews by a person in the console, of refusals and of limits that were cut: the queue, what was said beside what the policy
says today, the decision.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from huabei.admin.acts import cause_name
from huabei.admin.opening import figure
from huabei.models import Concern, DecisionReview, Line, LineStatus, ReviewVerdict, VerdictOutcome
from huabei.models.reviewing import OPEN
from huabei.policy import OUTCOME_TEXTS, RULE_TEXTS
from huabei.services.causes import staff
from huabei.services.hearings import (
    LONGEST_REASON,
    OVERTURNABLE,
    Ruling,
    most_given_back,
    overturn,
    restore,
    uphold,
    what_stands,
)
from web.acts import Act, ActForm, ActingAdmin, Figures
from web.api.day import business_date
from web.console import Table, add_link, link_to, list_url, money
from web.forms import ProseField, YuanField
from web.templatetags.money import rmb, yuan_input

DECIDE = "huabei.decide_review"


class RulingForm(ActForm):
    """Why it is decided so."""

    reason = ProseField(
        label=_("reason"), max_length=LONGEST_REASON, help_text=_("The applicant reads this.")
    )

    @property
    def ruling(self) -> Ruling:
        """By whom, why, and under which reference."""
        return Ruling(staff(self.by), self.cleaned_data["reason"], self.reference)


class OverturnForm(RulingForm):
    """The limit of the line that is opened."""

    named: ClassVar[dict[str, str]] = {"limit": "limit_fen"}
    limit_fen = YuanField(label=_("limit in yuan"))
    field_order = ("limit_fen", "reason")


class RestoreForm(OverturnForm):
    """The limit that is given back; it begins with all that was cut."""

    limit_fen = YuanField(label=_("new limit in yuan"), help_text=_("Without what is lent for a time."))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        cut = self.record.limit_change
        self.initial.setdefault("limit_fen", yuan_input(most_given_back(cut, cut.line)))


def _waits(review: DecisionReview) -> bool:
    return review.state == OPEN


def _refusal_waits(review: DecisionReview) -> bool:
    return _waits(review) and review.decision is not None


def _cut_waits(review: DecisionReview) -> bool:
    return _waits(review) and review.limit_change is not None


def _uphold(form: Any, on: date) -> ReviewVerdict:
    return uphold(review_id=form.record.pk, ruling=form.ruling, on=on)


class StateFilter(admin.SimpleListFilter):
    """Narrows the reviews to those that wait, or to those that were decided one way."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(OPEN, _("waits for a person")), *VerdictOutcome.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value == OPEN:
            return queryset.filter(verdict__isnull=True)
        return queryset.filter(verdict__outcome=value) if value else queryset


@admin.register(DecisionReview)
class DecisionReviewAdmin(ActingAdmin):
    """What customers asked a person to look at again: those that wait are decided, each once."""

    acts = (
        Act(
            "uphold",
            _("Uphold the refusal"),
            DECIDE,
            RulingForm,
            _uphold,
            _("The refusal stands, and the applicant is told."),
            _refusal_waits,
        ),
        Act(
            "leave",
            _("Leave the limit as it is"),
            DECIDE,
            RulingForm,
            _uphold,
            _("The limit stays, and its owner is told."),
            _cut_waits,
        ),
        Act(
            "restore",
            _("Give the limit back"),
            DECIDE,
            RestoreForm,
            lambda form, on: restore(
                review_id=form.record.pk, limit_fen=form.cleaned_data["limit_fen"], ruling=form.ruling, on=on
            ),
            _("The limit is given back, and its owner is told."),
            _cut_waits,
            warning=_("What the score earns is set aside; what one person may owe is not, nor what is late."),
        ),
        Act(
            "overturn",
            _("Open a line"),
            DECIDE,
            OverturnForm,
            lambda form, on: overturn(
                review_id=form.record.pk, limit_fen=form.cleaned_data["limit_fen"], ruling=form.ruling, on=on
            ),
            _("The line is opened, and the applicant is told."),
            _refusal_waits,
            warning=_(
                "What the policy says of score and exposure is set aside; what the law says is not, nor what is late."
            ),
        ),
    )
    list_display = ("asked_on", "customer_page", "about", "why", "state_shown", "decided_on", "by")
    list_filter: ClassVar[Any] = (StateFilter,)
    list_select_related: ClassVar[Any] = (
        "decision__customer",
        "limit_change__line__customer",
        "verdict",
    )
    ordering: ClassVar[Any] = ("-pk",)
    fields = (
        "asked_on",
        "customer_page",
        "about",
        "why",
        "statement",
        "state_shown",
        "decided_on",
        "by",
        "reason",
        "given",
        "recorded_at",
    )
    readonly_fields = fields

    @admin.display(description=_("customer"))
    def customer_page(self, review: DecisionReview) -> SafeString:
        """Who asked."""
        return link_to("customers_customer", review.customer.pk, review.customer)

    @admin.display(description=_("about"))
    def about(self, review: DecisionReview) -> SafeString:
        """The refusal, or the cut of a limit with both figures."""
        if review.decision is not None:
            return link_to("huabei_openingdecision", review.decision_id, review.decision)
        cut = review.limit_change
        assert cut is not None
        figures = f"{rmb(cut.before_fen)} → {rmb(cut.after_fen)}"
        return link_to("huabei_limitchange", cut.pk, f"{cut.changed_on} {figures}")

    @admin.display(description=_("reasons"))
    def why(self, review: DecisionReview) -> str:
        """Why it was refused, or cut and by whom."""
        if review.decision is not None:
            return "; ".join(each.text for each in review.decision.against)
        cut = review.limit_change
        assert cut is not None
        return " · ".join(filter(None, (cause_name(Concern.LIMIT, cut.cause), cut.by, cut.note)))

    @admin.display(description=_("state"))
    def state_shown(self, review: DecisionReview) -> Any:
        """Whether it waits, or how it was decided."""
        verdict = _verdict(review)
        return verdict.get_outcome_display() if verdict else _("waits for a person")

    @admin.display(description=_("decided on"))
    def decided_on(self, review: DecisionReview) -> Any:
        """When."""
        verdict = _verdict(review)
        return verdict.decided_on if verdict else "–"

    @admin.display(description=_("by"))
    def by(self, review: DecisionReview) -> str:
        """By whom."""
        verdict = _verdict(review)
        return verdict.by if verdict else "–"

    @admin.display(description=_("reason"))
    def reason(self, review: DecisionReview) -> str:
        """What the applicant was told."""
        verdict = _verdict(review)
        return verdict.reason if verdict else "–"

    @admin.display(description=_("decided by it"))
    def given(self, review: DecisionReview) -> SafeString | str:
        """The decision that opened the line, or the change that gave the limit back."""
        verdict = _verdict(review)
        if verdict is not None and verdict.opened_by_id is not None:
            return link_to("huabei_openingdecision", verdict.opened_by_id, f"#{verdict.opened_by_id}")
        if verdict is not None and verdict.restored_by is not None:
            return link_to("huabei_limitchange", verdict.restored_by_id, rmb(verdict.restored_by.after_fen))
        return "–"

    def stands(self, record: DecisionReview, on: date) -> Figures:
        """What deciding changes."""
        verdict = ReviewVerdict.objects.filter(review=record).first()
        live = Line.objects.filter(customer_id=record.customer.pk).exclude(status=LineStatus.CLOSED)
        line = live.first()
        return [
            (_("state"), verdict.get_outcome_display() if verdict else _("waits for a person")),
            (_("limit"), money(line.limit_fen) if line else "–"),
        ]

    def tables(self, record: DecisionReview) -> Iterable[Table]:
        """What the policy says today, and whether a person may set it aside."""
        if not _waits(record):
            return
        yield Table(
            _("What the policy says today"),
            (_("rule"), _("outcome"), _("found"), _("needed"), _("may be set aside")),
            [
                (
                    RULE_TEXTS[ruled.rule],
                    OUTCOME_TEXTS[ruled.outcome],
                    figure(ruled.rule, ruled.found),
                    figure(ruled.rule, ruled.needed),
                    _("yes") if ruled.rule in OVERTURNABLE else _("no"),
                )
                for ruled in what_stands(record, business_date()).rules
            ],
        )


def _verdict(review: DecisionReview) -> ReviewVerdict | None:
    return getattr(review, "verdict", None)


add_link(
    "huabei_limitchange",
    lambda change: (
        _("Review of this change by a person"),
        list_url("huabei_decisionreview", limit_change=change.pk),
    ),
)
add_link(
    "huabei_openingdecision",
    lambda decision: (
        _("Review of this decision by a person"),
        list_url("huabei_decisionreview", decision=decision.pk),
    ),
)
