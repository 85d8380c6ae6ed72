"""What a loan would cost: its schedule, both annual rates and every fee, held against the price cap of the day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from finance.allocation import Order
from finance.apr import AnnualRates
from finance.dates import Frequency, Unit
from finance.loan import Ahead, LoanTerms, Rules
from finance.money import Rounding, format_yuan
from finance.quote import annual_rates_of_schedule
from finance.rates import DailyRate
from finance.schedule import Fee, FeeKind, Method, Schedule, Terms, build
from lending.errors import LendingError, require_amount
from lending.models import CapMethod, LenderRule, Offer, ProductVersion
from lending.selectors import offers_on, rule_on
from lending.terms import rate_of


class NotOffered(LendingError):
    """The product offers no such method and term, or no such rate for it, on that day."""

    code = "not_offered"


class AmountNotOffered(LendingError):
    """The amount lies outside what the product lends."""

    code = "amount_not_offered"


class PriceCapExceeded(LendingError):
    """The annual rate, counted as the rule says, is above the cap of the day."""

    code = "price_cap_exceeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody would like to borrow. Without a rate, the lowest that the offer has."""

    product: str
    amount_fen: int
    method: str
    periods: int
    unit: str = Unit.MONTHS.value
    every: int = 1
    rate: Decimal | None = None
    first_due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Quoted:
    """A price. `terms` are what would be signed; `annual_rates` holds both rates, fees included, of `schedule`."""

    offer: Offer
    terms: LoanTerms
    schedule: Schedule
    annual_rates: AnnualRates
    rule: LenderRule
    prepayment_fees: tuple[tuple[int, Decimal], ...] = field(default=())

    @property
    def capped_rate(self) -> Decimal:
        """The annual rate as the cap counts it."""
        return counted(self.annual_rates, self.rule.cap_method)


def counted(rates: AnnualRates, method: str) -> Decimal:
    """The annual rate by the method that a rule names."""
    return rates.simple if method == CapMethod.SIMPLE else rates.effective


def quote_loan(*, wish: Wish, on: date) -> Quoted:
    """
    The price of a loan that begins on a day, under the product's version of that day. Nothing is written.

    Errors: ProductNotFound, LoanAmountRefused, AmountNotOffered, NotOffered, PriceCapExceeded naming the method by which the
    rate is counted, ScheduleError and NoAnnualRateError for terms that come to no schedule or rate.
    """
    require_amount(wish.amount_fen)
    offer = _offer(wish, on)
    version = offer.version
    if not version.minimum_fen <= wish.amount_fen <= version.maximum_fen:
        raise AmountNotOffered(
            _("This product lends from %(least)s to %(most)s.")
            % {"least": format_yuan(version.minimum_fen), "most": format_yuan(version.maximum_fen)},
            field="amount",
        )
    rate = offer.rate_from if wish.rate is None else wish.rate
    if not offer.rate_from <= rate <= offer.rate_to:
        raise NotOffered(
            _("The rate must be from %(least)s to %(most)s.")
            % {"least": f"{offer.rate_from.normalize():f}", "most": f"{offer.rate_to.normalize():f}"},
            field="rate",
        )
    terms = _terms(offer, wish, rate, on)
    schedule = build(terms.schedule)
    rates = annual_rates_of_schedule(schedule, terms.schedule)
    rule = rule_on(version.product.lender_type, on)
    require_price(rates, rule)
    return Quoted(offer, terms, schedule, rates, rule, terms.rules.prepayment_fees)


def require_price(rates: AnnualRates, rule: LenderRule) -> None:
    """PriceCapExceeded unless the rate, counted as the rule says, is within its cap."""
    rate = counted(rates, rule.cap_method)
    if rate > rule.price_cap:
        raise PriceCapExceeded(
            _("The annual rate is %(rate)s %%, above the cap of %(cap)s %% (%(method)s).")
            % {
                "rate": f"{rate * 100:.2f}",
                "cap": f"{rule.price_cap * 100:.2f}",
                "method": rule.get_cap_method_display(),
            },
            field="rate",
        )


def _offer(wish: Wish, on: date) -> Offer:
    wanted = {"method": wish.method, "periods": wish.periods, "unit": wish.unit, "every": wish.every}
    offer = offers_on(wish.product, on).filter(**wanted).first()
    if offer is None:
        raise NotOffered(_("This product has no such method and term."), field="method")
    return offer


def _terms(offer: Offer, wish: Wish, rate: Decimal, on: date) -> LoanTerms:
    version = offer.version
    schedule = Terms(
        principal_fen=wish.amount_fen,
        rate=rate_of(version.rate_unit, rate),
        method=Method(offer.method),
        periods=offer.periods,
        frequency=Frequency(Unit(offer.unit), offer.every),
        disbursed_on=on,
        first_due_on=wish.first_due_on,
        instalment_multiple_fen=version.instalment_multiple_fen,
        rounding=Rounding(version.rounding),
        fees=tuple(Fee(FeeKind(fee.kind), fee.rate) for fee in offer.fees.all()),
    )
    return LoanTerms(schedule, _rules(offer, version))


def _rules(offer: Offer, version: ProductVersion) -> Rules:
    return Rules(
        ahead=Ahead(version.ahead),
        prepaid=Ahead(version.prepaid),
        prepayment_fees=tuple((fee.last_period, fee.rate) for fee in offer.prepayment_fees.all()),
        penalty=DailyRate(version.penalty_daily_rate) if version.penalty_daily_rate else None,
        grace_days=version.grace_days,
        components=tuple(version.allocation.split()),
        order=Order(version.allocation_order),
    )
