"""Signed terms and recorded facts as the engine knows them, and back. Pure: documents of plain JSON in between."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from finance.allocation import Order
from finance.dates import Frequency, Unit
from finance.daycount import DayCount
from finance.loan import Ahead, Kind, LoanTerms, Reschedule, Rules, Transaction
from finance.money import Rounding
from finance.rates import AnnualRate, DailyRate, Rate
from finance.schedule import Fee, FeeKind, Method, Terms
from lending.models import LoanTransaction, RateUnit

Document = dict[str, Any]


def rate_of(unit: str, number: Decimal) -> Rate:
    """A product's rate in its unit."""
    return DailyRate(number) if unit == RateUnit.DAILY else AnnualRate(number, DayCount(unit))


def unit_of(rate: Rate) -> str:
    return RateUnit.DAILY.value if isinstance(rate, DailyRate) else rate.day_count.value


def number_of(rate: Rate) -> Decimal:
    return rate.per_day if isinstance(rate, DailyRate) else rate.per_year


def year_days_of(rate: Rate) -> int | None:
    """How many days the rate is for: interest is principal × rate × days over this. None where days do not count alike."""
    return {"daily": 1, "actual/365": 365, "actual/360": 360}.get(unit_of(rate))


def document_of(terms: LoanTerms) -> Document:
    """Everything that the engine needs to know of a loan, as JSON."""
    schedule, rules = terms.schedule, terms.rules
    assert rules.penalty is None or isinstance(rules.penalty, DailyRate)
    return {
        "principal_fen": schedule.principal_fen,
        "rate_unit": unit_of(schedule.rate),
        "rate": str(number_of(schedule.rate)),
        "method": schedule.method.value,
        "periods": schedule.periods,
        "unit": schedule.frequency.unit.value,
        "every": schedule.frequency.every,
        "begins_on": schedule.disbursed_on.isoformat(),
        "first_due_on": schedule.first_due_on.isoformat() if schedule.first_due_on else None,
        "instalment_multiple_fen": schedule.instalment_multiple_fen,
        "principal_grace": schedule.principal_grace_periods,
        "interest_grace": schedule.interest_grace_periods,
        "rounding": schedule.rounding.value,
        "fees": [[fee.kind.value, str(fee.rate)] for fee in schedule.fees],
        "ahead": rules.ahead.value,
        "prepaid": rules.prepaid.value,
        "prepayment_fees": [[last, str(rate)] for last, rate in rules.prepayment_fees],
        "penalty_daily_rate": str(rules.penalty.per_day) if rules.penalty else None,
        "grace_days": rules.grace_days,
        "allocation": list(rules.components),
        "allocation_order": rules.order.value,
    }


def loan_terms(document: Mapping[str, Any]) -> LoanTerms:
    """The inverse of `document_of`."""
    first_due_on, penalty = document["first_due_on"], document["penalty_daily_rate"]
    schedule = Terms(
        principal_fen=document["principal_fen"],
        rate=rate_of(document["rate_unit"], Decimal(document["rate"])),
        method=Method(document["method"]),
        periods=document["periods"],
        frequency=Frequency(Unit(document["unit"]), document["every"]),
        disbursed_on=date.fromisoformat(document["begins_on"]),
        first_due_on=date.fromisoformat(first_due_on) if first_due_on else None,
        instalment_multiple_fen=document["instalment_multiple_fen"],
        principal_grace_periods=document["principal_grace"],
        interest_grace_periods=document["interest_grace"],
        rounding=Rounding(document["rounding"]),
        fees=tuple(Fee(FeeKind(kind), Decimal(rate)) for kind, rate in document["fees"]),
    )
    rules = Rules(
        ahead=Ahead(document["ahead"]),
        prepaid=Ahead(document["prepaid"]),
        prepayment_fees=tuple((last, Decimal(rate)) for last, rate in document["prepayment_fees"]),
        penalty=DailyRate(Decimal(penalty)) if penalty else None,
        grace_days=document["grace_days"],
        components=tuple(document["allocation"]),
        order=Order(document["allocation_order"]),
    )
    return LoanTerms(schedule, rules)


def fact_of(row: LoanTransaction, *, reverses: str | None = None) -> Transaction:
    """A recorded fact. `reverses` is the reference of the fact that a reversal names."""
    return fact(
        kind=Kind(row.kind),
        reference=row.reference,
        value_on=row.value_on,
        recorded=row.pk,
        amount_fen=row.amount_fen,
        detail=row.detail,
        reverses=reverses,
    )


def fact(
    *,
    kind: Kind,
    reference: str,
    value_on: date,
    recorded: int,
    amount_fen: int,
    detail: Mapping[str, Any],
    reverses: str | None,
) -> Transaction:
    """A fact from its columns. LoanError for one that lacks what its kind needs."""
    due_on, ahead, mode, unit = (detail.get(name) for name in ("due_on", "ahead", "mode", "unit"))
    rate = detail.get("rate")
    return Transaction(
        ref=reference,
        kind=kind,
        on=value_on,
        recorded=recorded,
        amount_fen=amount_fen,
        component=detail.get("component", "fee"),
        due_on=date.fromisoformat(due_on) if due_on else None,
        rate=rate_of(detail["rate_unit"], Decimal(rate)) if rate is not None else None,
        due_day=detail.get("due_day"),
        ahead=Ahead(ahead) if ahead else None,
        instalment_fen=detail.get("instalment_fen"),
        mode=Reschedule(mode) if mode else None,
        periods=detail.get("periods"),
        frequency=Frequency(Unit(unit), detail["every"]) if unit else None,
        reverses=reverses,
    )
