"""Who is granted a line, in the console: the policy and the law by date, every decision, and new versions of the policy."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from huabei.admin.links import line_link
from huabei.admin.policy_form import PolicyForm, RuleForm
from huabei.admin.publishing import HISTORY, PublishingAdmin, label, publishing
from huabei.applicants import policy_in_force
from huabei.models import ConsumerRule, OpeningDecision, OpeningPolicy
from huabei.policy import OUTCOME_TEXTS, REFUSAL_TEXTS, RULE_TEXTS, Figure, Refusal
from huabei.redeciding import redecide
from huabei.services.policies import RANGES, publish_consumer_rule, publish_policy
from web.acts import Figures
from web.console import RecordAdmin, Table, add_link, link_to, list_url, money, money_column
from web.templatetags.money import yuan

# Rules whose figures are fen.
AMOUNTS = (Refusal.OVERDUE, Refusal.EXPOSURE, Refusal.CONSUMER_CAP)


class ReasonFilter(admin.SimpleListFilter):
    """Narrows the decisions to those refused for one reason, alone or among others."""

    title = _("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(reason.value, text) for reason, text in REFUSAL_TEXTS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(reasons__contains=[value]) if value else queryset


@admin.register(OpeningDecision)
class OpeningDecisionAdmin(RecordAdmin):
    """Applications for a line and what was decided, newest first, each rule by rule."""

    list_display = (
        "decided_on",
        "customer_page",
        "outcome",
        "score_shown",
        money_column("limit_fen", _("limit offered")),
        "why",
    )
    list_filter: ClassVar[Any] = ("outcome", ReasonFilter, "policy")
    list_select_related: ClassVar[Any] = ("customer", "line__customer")
    date_hierarchy = "decided_on"
    search_fields = ("=customer__id", "customer__full_name__startswith", "=reference")
    search_help_text = _("The beginning of a name, or the whole identifier of a customer or reference.")
    ordering = ("-pk",)
    fields = (
        "decided_on",
        "customer_page",
        "reference",
        "outcome",
        "why",
        "score_page",
        "scored_on",
        money_column("earned_fen", _("limit that the score earns")),
        money_column("exposure_fen", _("exposure")),
        money_column("consumer_exposure_fen", _("of it to a consumer")),
        money_column("overdue_fen", _("overdue")),
        money_column("limit_fen", _("limit offered")),
        "line_page",
        "overturns_page",
        "policy_page",
        "rule_page",
        "recorded_at",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields

    @admin.display(description=_("customer"))
    def customer_page(self, decision: OpeningDecision) -> SafeString:
        """Who applied."""
        return link_to("customers_customer", decision.customer_id, decision.customer)

    @admin.display(description=_("score"), ordering="score")
    def score_shown(self, decision: OpeningDecision) -> Any:
        """The points that it went by; N/A where there were none."""
        return _("N/A") if decision.score is None else decision.score

    @admin.display(description=_("score"))
    def score_page(self, decision: OpeningDecision) -> Any:
        """The published score that it went by, with all that this was made from."""
        if decision.score_id is None:
            return "–"
        return link_to("creditscore_score", decision.score_id, str(self.score_shown(decision)))

    @admin.display(description=_("reasons"))
    def why(self, decision: OpeningDecision) -> str:
        """Every reason against a line."""
        return "; ".join(each.text for each in decision.against) or "–"

    @admin.display(description=_("credit line"))
    def line_page(self, decision: OpeningDecision) -> SafeString | str:
        """The line that was opened."""
        return line_link(decision.line) if decision.line else "–"

    @admin.display(description=_("overturns the decision"))
    def overturns_page(self, decision: OpeningDecision) -> SafeString | str:
        """The refusal that a person set aside by it."""
        if decision.overturns_id is None:
            return "–"
        return link_to("huabei_openingdecision", decision.overturns_id, f"#{decision.overturns_id}")

    @admin.display(description=_("opening policy"))
    def policy_page(self, decision: OpeningDecision) -> SafeString:
        """The version that decided."""
        return link_to("huabei_openingpolicy", decision.policy_id, decision.policy)

    @admin.display(description=_("rule on consumer credit"))
    def rule_page(self, decision: OpeningDecision) -> SafeString:
        """What the law allowed then."""
        return link_to("huabei_consumerrule", decision.consumer_rule_id, decision.consumer_rule)

    def tables(self, record: OpeningDecision) -> Iterable[Table]:
        """Every rule with its outcome."""
        yield Table(
            _("Rules"),
            (_("rule"), _("code"), _("outcome"), _("found"), _("needed")),
            [
                (
                    RULE_TEXTS[ruled.rule],
                    ruled.rule.value,
                    OUTCOME_TEXTS[ruled.outcome],
                    figure(ruled.rule, ruled.found),
                    figure(ruled.rule, ruled.needed),
                )
                for ruled in record.ruled
            ],
        )


def figure(rule: Refusal, value: Figure) -> Any:
    """What a rule found or needed, as people read it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return yuan(value) if rule in AMOUNTS and isinstance(value, int) else value


class DecidingAdmin(PublishingAdmin):
    """Versions of what applications are decided by."""

    def concerned(self, version: Any, on: date) -> Iterable[Table]:
        """What would be in force from that day on, asked of the latest decisions."""
        found = redecide(policy_in_force(version.effective_from).figures)
        yield Table(
            _("What would have become of the latest decisions"),
            (_("of the latest decisions"), _("how many")),
            [
                (_("looked at"), found.looked_at),
                (_("refused, and would be granted"), found.granted),
                (_("granted, and would be refused"), found.refused),
                (_("granted, and the limit would be larger"), found.larger),
                (_("granted, and the limit would be smaller"), found.smaller),
            ],
        )
        if found.sample:
            yield Table(
                _("Some that would be decided otherwise"),
                (_("decision"), _("limit offered"), _("then")),
                [
                    (link_to("huabei_openingdecision", pk, f"#{pk}"), money(was), money(then))
                    for pk, was, then in found.sample
                ],
            )


@admin.register(OpeningPolicy)
class OpeningPolicyAdmin(DecidingAdmin):
    """Versions of the policy that opens lines, newest first, each with the limit that a score earns."""

    acts = publishing(
        "huabei.add_openingpolicy",
        PolicyForm,
        lambda form, on: publish_policy(
            publication=form.publication, figures=form.figures, bands=form.cleaned_data["bands"], on=on
        ),
        warning=_("What was decided stays as it was decided."),
    )
    FIGURES = (
        "lender_type",
        "minimum_age",
        "minimum_score",
        "score_days",
        money_column("minimum_limit_fen", _("smallest limit")),
        money_column("maximum_limit_fen", _("largest limit")),
        money_column("maximum_exposure_fen", _("largest exposure to one person")),
    )
    list_display = ("effective_from", *FIGURES, *HISTORY)
    fields = list_display

    def shown(self, version: OpeningPolicy) -> Figures:
        """Its figures, and what each score earns."""
        bands = version.bands.order_by("score_from")
        return [
            (label(OpeningPolicy, "lender_type"), version.get_lender_type_display()),
            *((label(OpeningPolicy, name), getattr(version, name)) for name in RANGES),
            *(
                (label(OpeningPolicy, name), money(getattr(version, name)))
                for name in ("minimum_limit_fen", "maximum_limit_fen", "maximum_exposure_fen")
            ),
            (_("limit by score"), ", ".join(f"{band.score_from}: {yuan(band.limit_fen)}" for band in bands)),
        ]

    def tables(self, record: OpeningPolicy) -> Iterable[Table]:
        """The limit bands, and what the version changed."""
        yield Table(
            _("Limit by score"),
            (_("score from"), _("limit")),
            [(band.score_from, money(band.limit_fen)) for band in record.bands.order_by("score_from")],
        )
        yield from super().tables(record)


@admin.register(ConsumerRule)
class ConsumerRuleAdmin(DecidingAdmin):
    """What the law allows each type of lender towards one consumer, by date."""

    acts = publishing(
        "huabei.add_consumerrule",
        RuleForm,
        lambda form, on: publish_consumer_rule(
            publication=form.publication, lender_type=form.record.lender_type, on=on, **form.figures
        ),
        warning=_("What was decided stays as it was decided. Loans take the cap over with it."),
    )
    same = ("lender_type",)
    list_display = (
        "effective_from",
        "lender_type",
        money_column("consumer_cap_fen", _("most to one consumer")),
        "students_admitted",
        *HISTORY,
    )
    list_filter: ClassVar[Any] = ("lender_type",)
    ordering = ("lender_type", "-effective_from")
    fields = list_display

    def shown(self, version: ConsumerRule) -> Figures:
        """The cap, and whether students are admitted."""
        return [
            (label(ConsumerRule, "consumer_cap_fen"), money(version.consumer_cap_fen)),
            (label(ConsumerRule, "students_admitted"), _("yes") if version.students_admitted else _("no")),
        ]


add_link(
    "customers_customer",
    lambda customer: (
        _("Decisions on lines of this customer"),
        list_url("huabei_openingdecision", customer=customer.pk),
    ),
)
add_link(
    "huabei_line",
    lambda line: (_("Decision that opened this line"), list_url("huabei_openingdecision", line=line.pk)),
)
