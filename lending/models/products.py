"""What is lent, to whom and at what price: dated rows that are never changed. New figures are a new version from a day on."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from finance.allocation import ALLOCATIONS, Order
from finance.dates import Unit
from finance.daycount import DayCount
from finance.loan import Ahead
from finance.money import Rounding
from finance.schedule import FeeKind, Method

# What no product may ask for, whatever a version says: 0.1 % a day, 36 % a year.
HIGHEST_DAILY_RATE = Decimal("0.001")
HIGHEST_ANNUAL_RATE = Decimal("0.36")
HIGHEST_FEE = Decimal("0.1")


class LenderType(models.TextChoices):
    MICROLENDER = "microlender", _("microlender")
    BANK = "bank", _("bank")


class CapMethod(models.TextChoices):
    """How the annual rate that a cap limits is counted."""

    SIMPLE = "simple", _("simple: the rate of a period times the periods of a year")
    EFFECTIVE = "effective", _("effective: compounded over a year")


class LenderRule(models.Model):
    """What the law allows a type of lender from a day on, until the next row's day."""

    lender_type = models.CharField(_("lender"), max_length=12, choices=LenderType.choices)
    effective_from = models.DateField(_("effective from"))
    price_cap = models.DecimalField(_("highest annual rate"), max_digits=6, decimal_places=4)
    cap_method = models.CharField(_("counted"), max_length=9, choices=CapMethod.choices)
    consumer_limit_fen = models.BigIntegerField(_("most to one consumer"))
    business_limit_fen = models.BigIntegerField(_("most to one business"))

    class Meta:
        verbose_name = _("lender's rule")
        verbose_name_plural = _("lenders' rules")
        ordering = ["lender_type", "-effective_from"]
        constraints = [
            models.UniqueConstraint(
                name="lender_rule_once_per_day", fields=["lender_type", "effective_from"]
            ),
            models.CheckConstraint(
                name="lender_rule_known",
                condition=Q(lender_type__in=LenderType.values, cap_method__in=CapMethod.values),
            ),
            models.CheckConstraint(
                name="lender_rule_sensible",
                condition=Q(
                    price_cap__gt=0, price_cap__lte=1, consumer_limit_fen__gt=0, business_limit_fen__gt=0
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lender_type} {self.effective_from}"


class Product(models.Model):
    """A loan product, with the lender's accounts on which its income and losses are summed."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    code = models.SlugField(_("code"), max_length=24, unique=True)
    name = models.CharField(_("name"), max_length=40)
    name_zh = models.CharField(_("Chinese name"), max_length=40)
    lender_type = models.CharField(_("lender"), max_length=12, choices=LenderType.choices)
    is_business = models.BooleanField(_("for businesses"))
    interest_accrued_account_id = models.BigIntegerField()
    penalty_accrued_account_id = models.BigIntegerField()
    interest_income_account_id = models.BigIntegerField()
    penalty_income_account_id = models.BigIntegerField()
    fee_income_account_id = models.BigIntegerField()
    loss_account_id = models.BigIntegerField()
    recovery_account_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("loan product")
        verbose_name_plural = _("loan products")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="product_lender_known", condition=Q(lender_type__in=LenderType.values)
            )
        ]

    def __str__(self) -> str:
        return self.code


class RateUnit(models.TextChoices):
    """What a rate of the product is a fraction of, and how days are counted."""

    DAILY = "daily", _("a day")
    ACTUAL_365 = DayCount.ACTUAL_365.value, _("a year of 365 days")
    ACTUAL_360 = DayCount.ACTUAL_360.value, _("a year of 360 days")


class ProductVersion(models.Model):
    """The product from a day on, until the next version's day. What was signed under it stays as it was signed."""

    id = models.BigAutoField(primary_key=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="versions")
    effective_from = models.DateField(_("effective from"))
    minimum_fen = models.BigIntegerField(_("smallest amount"))
    maximum_fen = models.BigIntegerField(_("largest amount"))
    rate_unit = models.CharField(_("rates are"), max_length=12, choices=RateUnit.choices)
    ahead = models.CharField(
        _("money before it is due"), max_length=18, choices=[(each.value, each.value) for each in Ahead]
    )
    prepaid = models.CharField(
        _("a prepayment"),
        max_length=18,
        choices=[(each.value, each.value) for each in (Ahead.REDUCE, Ahead.SHORTEN)],
    )
    penalty_daily_rate = models.DecimalField(_("penalty rate a day"), max_digits=9, decimal_places=8)
    grace_days = models.SmallIntegerField(_("days of grace"), default=0)
    allocation = models.CharField(
        _("order of payment"), max_length=40, choices=[(each, each) for each in ALLOCATIONS]
    )
    allocation_order = models.CharField(
        _("first comes"), max_length=20, choices=[(each.value, each.value) for each in Order]
    )
    rounding = models.CharField(
        _("rounding"), max_length=16, choices=[(each.value, each.value) for each in Rounding]
    )
    instalment_multiple_fen = models.BigIntegerField(_("instalments are multiples of"), default=1)
    minimum_score = models.SmallIntegerField(_("minimum score"))
    minimum_age = models.SmallIntegerField(_("minimum age"))
    maximum_age = models.SmallIntegerField(_("maximum age"))
    students_admitted = models.BooleanField(_("students admitted"), default=False)

    class Meta:
        verbose_name = _("product version")
        verbose_name_plural = _("product versions")
        ordering = ["product", "-effective_from"]
        constraints = [
            models.UniqueConstraint(
                name="product_version_once_per_day", fields=["product", "effective_from"]
            ),
            models.CheckConstraint(
                name="product_version_amounts_in_order",
                condition=Q(minimum_fen__gt=0, maximum_fen__gte=F("minimum_fen"), maximum_fen__lte=10**12),
            ),
            models.CheckConstraint(
                name="product_version_words_known",
                condition=Q(
                    rate_unit__in=RateUnit.values,
                    ahead__in=[each.value for each in Ahead],
                    prepaid__in=[Ahead.REDUCE.value, Ahead.SHORTEN.value],
                    allocation__in=ALLOCATIONS,
                    allocation_order__in=[each.value for each in Order],
                    rounding__in=[each.value for each in Rounding],
                ),
            ),
            models.CheckConstraint(
                name="product_version_figures_sensible",
                condition=Q(
                    penalty_daily_rate__range=(0, HIGHEST_DAILY_RATE),
                    grace_days__range=(0, 31),
                    instalment_multiple_fen__range=(1, 10_000_00),
                    minimum_score__range=(350, 950),
                    minimum_age__gte=18,
                    maximum_age__gte=F("minimum_age"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_id} {self.effective_from}"


class Offer(models.Model):
    """One way of repaying that a version offers: a method, a term, and the band of its rate."""

    id = models.BigAutoField(primary_key=True)
    version = models.ForeignKey(ProductVersion, on_delete=models.PROTECT, related_name="offers")
    method = models.CharField(
        _("method"),
        max_length=18,
        choices=[(each.value, each.value) for each in Method if each != Method.FLAT],
    )
    periods = models.SmallIntegerField(_("periods"))
    unit = models.CharField(_("period"), max_length=6, choices=[(each.value, each.value) for each in Unit])
    every = models.SmallIntegerField(_("every"), default=1)
    rate_from = models.DecimalField(_("lowest rate"), max_digits=12, decimal_places=10)
    rate_to = models.DecimalField(_("highest rate"), max_digits=12, decimal_places=10)

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        ordering = ["version", "id"]
        constraints = [
            models.UniqueConstraint(
                name="offer_once_per_version", fields=["version", "method", "periods", "unit", "every"]
            ),
            models.CheckConstraint(
                name="offer_words_known",
                condition=Q(
                    method__in=[each.value for each in Method if each != Method.FLAT],
                    unit__in=[each.value for each in Unit],
                ),
            ),
            models.CheckConstraint(
                name="offer_term_sensible", condition=Q(periods__range=(1, 360), every__range=(1, 366))
            ),
            # Whether a rate is by the day or by the year, the version says; a trigger compares the two.
            models.CheckConstraint(
                name="offer_rates_in_order",
                condition=Q(rate_from__gte=0, rate_to__gte=F("rate_from"), rate_to__lte=HIGHEST_ANNUAL_RATE),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.periods} x {self.every} {self.unit}"


class PrepaymentFee(models.Model):
    """What repaying principal early costs up to and with a period; after the last row's it is free."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="prepayment_fees")
    last_period = models.SmallIntegerField(_("up to period"))
    rate = models.DecimalField(_("of the principal"), max_digits=6, decimal_places=5)

    class Meta:
        verbose_name = _("prepayment fee")
        verbose_name_plural = _("prepayment fees")
        ordering = ["last_period"]
        constraints = [
            models.UniqueConstraint(name="prepayment_fee_once_per_period", fields=["offer", "last_period"]),
            models.CheckConstraint(
                name="prepayment_fee_sensible", condition=Q(last_period__gte=1, rate__range=(0, HIGHEST_FEE))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rate} up to {self.last_period}"


class OfferFee(models.Model):
    """A fee of an offer, as a fraction of the principal lent."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="fees")
    kind = models.CharField(_("kind"), max_length=12, choices=[(each.value, each.value) for each in FeeKind])
    rate = models.DecimalField(_("of the principal"), max_digits=6, decimal_places=5)

    class Meta:
        verbose_name = _("fee")
        verbose_name_plural = _("fees")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="offer_fee_sensible",
                condition=Q(kind__in=[each.value for each in FeeKind], rate__range=(0, HIGHEST_FEE)),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.rate}"
