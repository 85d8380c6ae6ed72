"""Scores, the models behind them and what they were made from, in the console. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nlargest
from operator import itemgetter
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from creditscore.engine.features import CATALOGUE
from creditscore.engine.points import BANDS
from creditscore.models import (
    AccountMonth,
    ModelVersion,
    Outcome,
    ProtectedAttributes,
    PublicationCalendar,
    Score,
)
from creditscore.selectors import explained
from customers.selectors import names_of
from web.console import RecordAdmin, Table, add_link, link_to, list_url, money_column, share

FEATURES_SHOWN = 15


class OfCustomerAdmin(RecordAdmin):
    """A kind of record that names its customer by identifier only: names are read for a page at once."""

    search_fields: ClassVar[Any] = ("=customer_id",)
    search_help_text: ClassVar[Any] = _("The whole identifier of a customer.")
    ordering: ClassVar[Any] = ("-pk",)

    def prepare(self, records: list[Any]) -> None:
        """Reads the names of the customers of the page in one query."""
        names = names_of(record.customer_id for record in records)
        for record in records:
            record.customer_name = names.get(record.customer_id, record.customer_id)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By the identifier itself, which an index finds; nothing for what is none."""
        if not search_term.strip():
            return queryset, False
        try:
            return queryset.filter(customer_id=UUID(search_term.strip())), False
        except ValueError:
            return queryset.none(), False

    @admin.display(description=_("customer"))
    def customer(self, record: Any) -> SafeString:
        """Whose it is."""
        if not hasattr(record, "customer_name"):
            self.prepare([record])
        return link_to("customers_customer", record.customer_id, record.customer_name)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them."""
        return self.fields or ()


class BandFilter(admin.SimpleListFilter):
    """Narrows the scores to one band, or to N/A."""

    title = _("band")
    parameter_name = "band"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*((band.code, gettext(band.label)) for band in reversed(BANDS)), ("none", _("N/A"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Score]) -> QuerySet[Score]:
        value = self.value()
        return queryset.filter(band="" if value == "none" else value) if value else queryset


@admin.register(Score)
class ScoreAdmin(OfCustomerAdmin):
    """Published scores, newest first, each explained and with its inputs."""

    list_display = (
        "published_on",
        "customer",
        "points_shown",
        "band_shown",
        "risk",
        "months_known",
        "version",
    )
    list_display_links = ("published_on",)
    list_filter = (BandFilter,)
    fields = (
        "customer",
        "published_on",
        "as_of",
        "points_shown",
        "band_shown",
        "not_scored",
        "risk",
        "months_known",
        "version",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Score]:
        """Without the inputs, which only the page of one score shows."""
        return super().get_queryset(request).defer("features")

    @admin.display(description=_("points"), ordering="points")
    def points_shown(self, score: Score) -> Any:
        """The points; N/A where there are none."""
        return _("N/A") if score.points is None else score.points

    @admin.display(description=_("band"))
    def band_shown(self, score: Score) -> str:
        """The band in words."""
        return _explained(score).band or "–"

    @admin.display(description=_("probability of default"))
    def risk(self, score: Score) -> str:
        """As a percentage."""
        return share(score.default_probability)

    @admin.display(description=_("model"))
    def version(self, score: Score) -> SafeString:
        """The model that scored."""
        return link_to("creditscore_modelversion", score.model_id, f"#{score.model_id}")

    def tables(self, record: Score) -> Iterable[Table]:
        """Sub-scores, reasons with their effect, and the inputs."""
        found = _explained(record)
        yield Table(
            _("Sub-scores"),
            (_("dimension"), _("better than, of 100")),
            [(each.label, "–" if each.sub_score is None else each.sub_score) for each in found.dimensions],
        )
        yield Table(
            _("Reasons"),
            (_("code"), _("reason"), _("points")),
            [(each.code, each.text, f"{each.points:+.0f}") for each in (*found.lowering, *found.raising)],
        )
        if record.features and len(record.features) == len(CATALOGUE.features):
            yield Table(
                _("Inputs"),
                (_("feature"), _("value")),
                [
                    (name, "–" if value is None else f"{value:,.4g}")
                    for name, value in zip(CATALOGUE.names, record.features, strict=True)
                ],
            )


def _explained(score: Score) -> Any:
    return explained(
        points=score.points,
        band=score.band,
        not_scored=score.not_scored,
        sub_scores=score.sub_scores,
        reasons=score.reasons,
    )


@admin.register(ModelVersion)
class ModelVersionAdmin(RecordAdmin):
    """Trained models, newest first, each with how well it foresees and how it treats groups."""

    list_display = ("version", "state", "as_of", "trained_at", "auc", "ks", "brier", "people")
    list_filter = ("state",)
    ordering = ("-pk",)
    fields = ("version", "state", "as_of", "trained_at", "people", "auc", "ks", "brier", "sha256")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        """Without the trees, which no page shows."""
        return super().get_queryset(request).defer("booster", "document")

    @admin.display(description=_("version"), ordering="pk")
    def version(self, model: ModelVersion) -> str:
        """The number of the model."""
        return f"#{model.pk}"

    @admin.display(description="AUC")
    def auc(self, model: ModelVersion) -> str:
        """Area under the ROC curve on the hold-out."""
        return _figure(model, "auc")

    @admin.display(description="KS")
    def ks(self, model: ModelVersion) -> str:
        """Kolmogorov-Smirnov distance on the hold-out."""
        return _figure(model, "ks")

    @admin.display(description="Brier")
    def brier(self, model: ModelVersion) -> str:
        """Brier score on the hold-out."""
        return _figure(model, "brier")

    @admin.display(description=_("people"))
    def people(self, model: ModelVersion) -> str:
        """How many it learned from and was measured on."""
        people = model.metrics.get("people")
        return f"{people:,}" if people is not None else "–"

    def tables(self, record: ModelVersion) -> Iterable[Table]:
        """Calibration, fairness in aggregate, and what the trees ask for most."""
        metrics, importance = record.metrics, record.metrics.get("importance", {})
        yield Table(
            _("Calibration on the hold-out"),
            (_("people"), _("predicted"), _("observed")),
            [
                (row["people"], share(row["predicted"]), share(row["observed"]))
                for row in metrics.get("calibration", ())
            ],
        )
        fairness = metrics.get("fairness", {})
        yield Table(
            _("Fairness: who would pass the score at which the perks begin"),
            (
                _("attribute"),
                _("group"),
                _("people"),
                _("defaulted"),
                _("pass"),
                _("against the best group"),
                _("pass, of those who did not default"),
            ),
            [
                (
                    text,
                    gettext(row["group"]),
                    row["people"],
                    share(row["bad_rate"]),
                    share(row["selection_rate"]),
                    share(row["selection_ratio"]),
                    share(row["good_selection_rate"]),
                )
                for name, text in (
                    ("sex", _("sex")),
                    ("marital_status", _("marital status")),
                    ("age", _("age")),
                )
                for row in fairness.get(name, ())
            ],
        )
        yield Table(
            _("What the trees ask for most"),
            (_("feature"), _("share of the gain")),
            [
                (name, share(part))
                for name, part in nlargest(FEATURES_SHOWN, importance.items(), key=itemgetter(1))
            ],
        )


def _figure(model: ModelVersion, name: str) -> str:
    figure = model.metrics.get(name)
    return "–" if figure is None else f"{figure:.4f}"


@admin.register(AccountMonth)
class AccountMonthAdmin(OfCustomerAdmin):
    """What sources reported of accounts, month by month."""

    AMOUNTS = (
        money_column("limit_fen", _("limit")),
        money_column("statement_fen", _("statement")),
        money_column("paid_fen", _("paid")),
    )
    list_display = ("month", "customer", "source", *AMOUNTS, "months_late", "known_at")
    list_display_links = ("month",)
    fields = (
        "customer",
        "source",
        "account",
        "reference",
        "month",
        *AMOUNTS,
        "months_late",
        "occurred_at",
        "known_at",
    )


@admin.register(Outcome)
class OutcomeAdmin(OfCustomerAdmin):
    """Who defaulted: what models learn to foresee."""

    list_display = ("month", "customer", "source", "defaulted", "known_at")
    list_display_links = ("month",)
    list_filter = ("defaulted",)
    fields = ("customer", "source", "reference", "month", "defaulted", "occurred_at", "known_at")


@admin.register(ProtectedAttributes)
class ProtectedAttributesAdmin(OfCustomerAdmin):
    """What must not influence a score, for administrators only; everybody else sees the groups on a model's page."""

    list_display = ("customer", "sex", "marital_status", "birth_year")
    list_display_links = None
    ordering = ("pk",)
    fields = list_display


@admin.register(PublicationCalendar)
class PublicationCalendarAdmin(RecordAdmin):
    """On which day of the month scores are published, by date."""

    list_display = ("effective_from", "day_of_month")
    fields = list_display


add_link(
    "customers_customer",
    lambda customer: (_("Scores of this customer"), list_url("creditscore_score", customer_id=customer.pk)),
)
