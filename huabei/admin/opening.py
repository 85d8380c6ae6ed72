"""Who is granted a line, in the console: the policy and the law by date, every decision, and new versions of the policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from finance.errors import DomainError
from huabei.admin.links import line_link
from huabei.admin.policy_form import BandForms, PolicyForm, bands_of
from huabei.models import ConsumerRule, OpeningDecision, OpeningPolicy
from huabei.policy import OUTCOME_TEXTS, REFUSAL_TEXTS, RULE_TEXTS, Figure, Refusal
from huabei.services.policies import publish_policy
from web.api.day import booking_day
from web.console import RecordAdmin, Table, add_link, link_to, list_url, money, money_column
from web.templatetags.money import yuan, yuan_input

ADD = "huabei.add_openingpolicy"
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
                    _figure(ruled.rule, ruled.found),
                    _figure(ruled.rule, ruled.needed),
                )
                for ruled in record.ruled
            ],
        )


def _figure(rule: Refusal, figure: Figure) -> Any:
    if figure is None:
        return "–"
    if isinstance(figure, bool):
        return _("yes") if figure else _("no")
    return yuan(figure) if rule in AMOUNTS and isinstance(figure, int) else figure


@admin.register(OpeningPolicy)
class OpeningPolicyAdmin(RecordAdmin):
    """Versions of the policy that opens lines, newest first, each with the limit that a score earns."""

    FIGURES = (
        "lender_type",
        "minimum_age",
        "minimum_score",
        "score_days",
        money_column("minimum_limit_fen", _("smallest limit")),
        money_column("maximum_limit_fen", _("largest limit")),
        money_column("maximum_exposure_fen", _("largest exposure to one person")),
    )
    list_display = ("effective_from", *FIGURES)
    ordering = ("-effective_from",)
    fields = list_display

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if kwargs.get("obj") is not None and request.user.has_perm(ADD):
            context["acts"] = [(_("New version"), reverse("admin:huabei_openingpolicy_version"))]
        return super().render_change_form(request, context, *args, **kwargs)

    def tables(self, record: OpeningPolicy) -> Iterable[Table]:
        """The limit bands."""
        yield Table(
            _("Limit by score"),
            (_("score from"), _("limit")),
            [(band.score_from, money(band.limit_fen)) for band in record.bands.order_by("score_from")],
        )

    def get_urls(self) -> list[URLPattern]:
        new = self.admin_site.admin_view(self.new_version)
        return [path("version/", new, name="huabei_openingpolicy_version"), *super().get_urls()]

    def new_version(self, request: HttpRequest) -> HttpResponse:
        """The latest version's figures in a form, and adding them as changed from a day on."""
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        latest = OpeningPolicy.objects.order_by("-effective_from").first()
        if latest is None:
            raise Http404
        given = [
            {"score_from": band.score_from, "limit": yuan_input(band.limit_fen)}
            for band in latest.bands.order_by("score_from")
        ]
        form = PolicyForm(request.POST or None, latest=latest)
        bands = BandForms(request.POST or None, initial=given)
        if request.method == "POST" and form.is_valid() and bands.is_valid():
            row = _added(form, bands)
            if row is not None:
                messages.success(request, gettext("Added. What was decided stays as it was decided."))
                return redirect("admin:huabei_openingpolicy_change", row.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": _("New version"),
            "opts": self.opts,
            "form": form,
            "bands": bands,
        }
        return render(request, "admin/huabei_policy.html", context)


def _added(form: PolicyForm, bands: Any) -> OpeningPolicy | None:
    try:
        with booking_day() as on:
            return publish_policy(
                effective_from=form.cleaned_data["effective_from"],
                figures=form.figures,
                bands=bands_of(bands),
                on=on,
            )
    except DomainError as error:
        form.refuse(error)
        return None


@admin.register(ConsumerRule)
class ConsumerRuleAdmin(RecordAdmin):
    """What the law allows each type of lender towards one consumer, by date."""

    list_display = (
        "effective_from",
        "lender_type",
        money_column("consumer_cap_fen", _("most to one consumer")),
        "students_admitted",
    )
    list_filter: ClassVar[Any] = ("lender_type",)
    ordering = ("lender_type", "-effective_from")
    fields = list_display

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields


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
