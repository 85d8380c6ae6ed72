"""New versions of the product's terms and of what instalments cost: figures that count from a day to come on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

from django.db.models import Max
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from finance.allocation import ALLOCATIONS, COMPONENTS
from huabei.errors import LARGEST_AMOUNT_FEN
from huabei.models import Due, InstalmentOption, InstalmentTerms, PayoffRule, Terms
from huabei.services.publishing import Publication, publish

# What any version may say, as the database says too; that no hold lasts beyond a year is said here alone.
LARGEST_DAILY_RATE = Decimal("0.001")
HOLD_DAYS = (1, 366)
PERIODS = (2, 60)
LARGEST_FEE_RATE = Decimal("0.5")
MOST_OPTIONS = 20

RANGES: Mapping[str, tuple[Any, Any]] = {
    "minimum_due_share": (0, 1),
    "revolving_daily_rate": (0, LARGEST_DAILY_RATE),
    "penalty_daily_rate": (0, LARGEST_DAILY_RATE),
    "hold_days": HOLD_DAYS,
}


def publish_terms(*, publication: Publication, figures: Mapping[str, Any], on: date) -> Terms:
    """
    The product's terms from a day after the business date on. `figures` are the columns of Terms.

    What was billed, accrued or paid before that day stays as it is, and interest that runs keeps the rate of the day on which
    it began. Other rates begin after those that issued statements promise. Once per reference. Errors: FiguresRefused,
    ReferenceRefused, RequestConflict.
    """
    terms = Terms(effective_from=publication.effective_from, **figures)
    return publish(
        terms,
        publication=publication,
        asked={"figures": figures},
        wrong=chain(_wrong_terms(terms), _wrong_promises(terms)),
        on=on,
    )


_RATES = ("revolving_daily_rate", "penalty_daily_rate")


def _wrong_promises(terms: Terms) -> Iterator[tuple[str, str]]:
    """A statement says at what rates interest and penalty begin on the day after it is due: other rates come later."""
    last_due_on = Due.objects.aggregate(last=Max("due_on"))["last"]
    if last_due_on is None:
        return
    promised_until = last_due_on + timedelta(days=1)
    if terms.effective_from > promised_until:
        return
    before = (
        Terms.objects.filter(effective_from__lte=terms.effective_from).order_by("-effective_from").first()
    )
    if before and any(getattr(terms, rate) != getattr(before, rate) for rate in _RATES):
        yield (
            "effective_from",
            _(
                "Statements were issued that promise the rates of interest and penalty as they are: others count from "
                "%(first)s on at the earliest."
            )
            % {"first": date_format(promised_until + timedelta(days=1), "DATE_FORMAT")},
        )


def _wrong_terms(terms: Terms) -> Iterator[tuple[str, str]]:
    for field, (least, most) in RANGES.items():
        if not least <= getattr(terms, field) <= most:
            yield field, _("It must be from %(least)s to %(most)s.") % {"least": least, "most": most}
    if terms.allocation not in ALLOCATIONS:
        yield (
            "allocation",
            _("It must name each of %(components)s once.") % {"components": ", ".join(COMPONENTS)},
        )


def publish_instalment_terms(
    *,
    publication: Publication,
    figures: Mapping[str, Any],
    options: Sequence[tuple[int, Decimal]],
    on: date,
) -> InstalmentTerms:
    """
    What instalments cost from a day after the business date on. `figures` are the columns of InstalmentTerms, `options` pairs
    of a number of instalments and the fee for all of them as a fraction of the principal.

    Plans that are agreed by then stay as they were agreed. Once per reference. Errors: FiguresRefused, ReferenceRefused,
    RequestConflict.
    """
    terms = InstalmentTerms(effective_from=publication.effective_from, **figures)
    return publish(
        terms,
        publication=publication,
        parts=(
            InstalmentOption(terms=terms, periods=periods, fee_rate=fee_rate) for periods, fee_rate in options
        ),
        asked={"figures": figures, "options": options},
        wrong=_wrong_instalments(terms, options),
        on=on,
    )


def _wrong_instalments(
    terms: InstalmentTerms, options: Sequence[tuple[int, Decimal]]
) -> Iterator[tuple[str, str]]:
    if terms.early_payoff not in PayoffRule.values:
        yield "early_payoff", _("There is no such rule.")
    if not 1 <= terms.smallest_statement_plan_fen <= LARGEST_AMOUNT_FEN:
        yield (
            "smallest_statement_plan_fen",
            _("It must be more than nothing, and no more than can be booked."),
        )
    if not 1 <= len(options) <= MOST_OPTIONS:
        yield "options", _("Offer from 1 to %(most)d numbers of instalments.") % {"most": MOST_OPTIONS}
    periods = [number for number, _rate in options]
    if len(set(periods)) < len(periods):
        yield "options", _("Each number of instalments has one fee.")
    least, most = PERIODS
    if not all(least <= number <= most for number in periods):
        yield (
            "options",
            _("A number of instalments must be from %(least)s to %(most)s.") % {"least": least, "most": most},
        )
    if not all(0 <= rate <= LARGEST_FEE_RATE and rate == round(rate, 6) for _number, rate in options):
        yield (
            "options",
            _("A fee must be from 0 to %(most)s of the principal, with at most six places.")
            % {"most": LARGEST_FEE_RATE},
        )
