"""The line's terms and what instalments cost, in the console: by date, what each version changed, and new ones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from finance.allocation import ALLOCATIONS
from huabei.admin.publishing import HISTORY, PublishForm, PublishingAdmin, label, publishing
from huabei.instalments import offer
from huabei.models import InstalmentTerms, Line, LineStatus, PayoffRule, Plan, PlanRow, Segment, Terms
from huabei.services.terms import (
    HOLD_DAYS,
    LARGEST_DAILY_RATE,
    publish_instalment_terms,
    publish_terms,
)
from web.acts import Figures
from web.console import Table, money, money_column
from web.forms import PairsField, YuanField
from web.templatetags.money import annual, percent

COMPONENT_NAMES = {
    "penalty": _("penalty"),
    "interest": _("interest"),
    "fee": _("fee"),
    "principal": _("principal"),
}
# What an option's annual cost is shown for; it is the same for any amount, but for fen.
EXAMPLE_FEN = 10_000_00


def order_name(allocation: str) -> str:
    """An order of payment in words."""
    return " → ".join(str(COMPONENT_NAMES[each]) for each in allocation.split())


def _rate(field: str, most: Decimal, places: int) -> forms.DecimalField:
    return forms.DecimalField(
        label=label(Terms, field),
        min_value=0,
        max_value=most,
        max_digits=places + 1,
        decimal_places=places,
        help_text=_("A fraction: 0.1 is 10 %, 0.0005 is 0.05 %."),
    )


class TermsForm(PublishForm):
    """The figures of the line's terms."""

    columns = ("minimum_due_share", "revolving_daily_rate", "penalty_daily_rate", "hold_days", "allocation")
    minimum_due_share = _rate("minimum_due_share", Decimal(1), 4)
    revolving_daily_rate = _rate("revolving_daily_rate", LARGEST_DAILY_RATE, 8)
    penalty_daily_rate = _rate("penalty_daily_rate", LARGEST_DAILY_RATE, 8)
    hold_days = forms.IntegerField(
        label=label(Terms, "hold_days"), min_value=HOLD_DAYS[0], max_value=HOLD_DAYS[1]
    )
    allocation = forms.ChoiceField(
        label=label(Terms, "allocation"), choices=lambda: [(each, order_name(each)) for each in ALLOCATIONS]
    )
    field_order = ("effective_from", *columns, "reason")


@admin.register(Terms)
class TermsAdmin(PublishingAdmin):
    """The product's figures by the date they are in force from."""

    acts = publishing(
        "huabei.add_terms",
        TermsForm,
        lambda form, on: publish_terms(publication=form.publication, figures=form.figures, on=on),
        warning=_(
            "What is billed, accrued and paid before that day stays as it is; interest that runs keeps its rate."
        ),
    )
    list_display = (
        "effective_from",
        "minimum_share",
        "revolving",
        "penalty",
        "hold_days",
        "order",
        *HISTORY,
    )
    fields = list_display

    @admin.display(description=_("share of the principal in the minimum due"))
    def minimum_share(self, terms: Terms) -> str:
        """As a percentage."""
        return percent(terms.minimum_due_share)

    @admin.display(description=_("revolving rate a day"))
    def revolving(self, terms: Terms) -> str:
        """As a percentage."""
        return percent(terms.revolving_daily_rate)

    @admin.display(description=_("penalty rate a day"))
    def penalty(self, terms: Terms) -> str:
        """As a percentage."""
        return percent(terms.penalty_daily_rate)

    @admin.display(description=_("order of payment"))
    def order(self, terms: Terms) -> str:
        """In words."""
        return order_name(terms.allocation)

    def shown(self, version: Terms) -> Figures:
        """Each figure with what it counts for."""
        return [
            (_("minimum due of statements issued: share of the principal"), self.minimum_share(version)),
            (_("revolving rate a day, of interest that begins"), self.revolving(version)),
            (_("penalty rate a day, of penalty that begins"), self.penalty(version)),
            (_("days that a hold lasts, of what is authorised"), version.hold_days),
            (_("order of payment, of money that counts from then"), self.order(version)),
        ]

    def concerned(self, version: Terms, on: date) -> Iterable[Table]:
        """Lines that live by it, and interest that runs on as it began."""
        running = Segment.objects.filter(until__isnull=True, principal_fen__gt=0)
        yield Table(
            _("Whom it concerns"),
            (_("lines"), _("how many")),
            [
                (_("lines that are not closed"), Line.objects.exclude(status=LineStatus.CLOSED).count()),
                (
                    _("lines on which interest or penalty runs, today at the rate with which it began"),
                    running.values("line_id").distinct().count(),
                ),
            ],
        )


def _fee_rate(text: str) -> Decimal:
    """A fee as a fraction. ArithmeticError, ValueError for what is none."""
    rate = Decimal(text)
    if not rate.is_finite():
        raise ValueError(text)
    return rate


class InstalmentTermsForm(PublishForm):
    """What is offered, and what it costs."""

    columns = ("early_payoff", "smallest_statement_plan_fen")
    options = PairsField(
        label=_("numbers of instalments, each with its fee in total"),
        read=_fee_rate,
        example="3:0.025 6:0.045",
        help_text=_("The fee is a fraction of the principal: 3:0.025 is 2.5 % for three instalments."),
    )
    early_payoff = forms.ChoiceField(label=label(InstalmentTerms, "early_payoff"), choices=PayoffRule.choices)
    smallest_statement_plan_fen = YuanField(label=label(InstalmentTerms, "smallest_statement_plan_fen"))
    field_order = ("effective_from", "options", *columns, "reason")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        offered = [f"{each.periods}:{each.fee_rate.normalize():f}" for each in _options(self.record)]
        self.initial.setdefault("options", "\n".join(offered))


def _options(terms: InstalmentTerms) -> Any:
    return terms.options.order_by("periods")


@admin.register(InstalmentTerms)
class InstalmentTermsAdmin(PublishingAdmin):
    """What instalments cost by the date it is in force from."""

    acts = publishing(
        "huabei.add_instalmentterms",
        InstalmentTermsForm,
        lambda form, on: publish_instalment_terms(
            publication=form.publication,
            figures=form.figures,
            options=form.cleaned_data["options"],
            on=on,
        ),
        warning=_("Plans that are agreed by that day stay as they were agreed."),
    )
    list_display = (
        "effective_from",
        "early_payoff",
        money_column("smallest_statement_plan_fen", _("smallest amount of a statement in instalments")),
        *HISTORY,
    )
    fields = list_display

    def shown(self, version: InstalmentTerms) -> Figures:
        """What is not of one number of instalments."""
        return [
            (_("early payoff"), version.get_early_payoff_display()),
            (
                _("smallest amount of a statement in instalments"),
                money(version.smallest_statement_plan_fen),
            ),
        ]

    def tables(self, record: InstalmentTerms) -> Iterable[Table]:
        """What is offered, beside what was offered before."""
        yield from super().tables(record)
        yield self._offered(record)

    def concerned(self, version: InstalmentTerms, on: date) -> Iterable[Table]:
        """What would be offered, and the plans that stay as they are."""
        yield self._offered(version)
        to_come = PlanRow.objects.filter(billed_on__isnull=True, ended_on__isnull=True)
        yield Table(
            _("Whom it concerns"),
            (_("plans"), _("how many")),
            [
                (
                    _("plans that run and stay as they were agreed"),
                    Plan.objects.filter(pk__in=to_come.values("plan_id")).count(),
                )
            ],
        )

    def _offered(self, version: InstalmentTerms) -> Table:
        earlier = self.before(version)
        was = {each.periods: each.fee_rate for each in _options(earlier)} if earlier else {}
        now = {each.periods: each.fee_rate for each in _options(version)}
        periods = sorted(was.keys() | now.keys())
        none = _("not offered")
        return Table(
            _("instalment options"),
            (
                _("instalments"),
                _("fee rate in total"),
                _("simple annual rate"),
                _("effective annual rate"),
                _("fee rate in total before"),
            ),
            [
                (
                    number,
                    percent(now[number]) if number in now else none,
                    *_annual(number, now.get(number)),
                    percent(was[number]) if number in was else none if earlier else "–",
                )
                for number in periods
            ],
            marked=frozenset(
                place
                for place, number in enumerate(periods)
                if earlier and was.get(number) != now.get(number)
            ),
        )


def _annual(periods: int, fee_rate: Decimal | None) -> tuple[str, str]:
    """Both annual rates of an option, as they are shown before signing."""
    if fee_rate is None:
        return "–", "–"
    offered = offer(EXAMPLE_FEN, periods, fee_rate)
    return annual(offered.simple_annual), annual(offered.effective_annual)
