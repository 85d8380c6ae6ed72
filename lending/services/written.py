"""Writing down what follows from a loan's facts: its status, instalments and interest segments, where they differ."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from decimal import Decimal
from typing import Any

from django.db import models

from finance.loan import Coming, Future, Stretch
from finance.loan import Instalment as Row
from finance.loan import Loan as LoanOnDay
from ledger.sql import rewrite
from lending.classification import category
from lending.models import Instalment, Loan, LoanStatus, Segment
from lending.terms import number_of, year_days_of


def write_down(loan: Loan, told: LoanOnDay, future: Future) -> None:
    """Brings the loan's own rows to what the engine says; rows that say so already are left alone."""
    rows = {row.n: _billed(row) for row in told.rows if row.billed}
    rows |= {coming.row.n: _coming(coming) for coming in future.coming}
    _bring(
        {row.n: row for row in Instalment.objects.filter(loan=loan)},
        {n: Instalment(loan=loan, n=n, **fields) for n, fields in rows.items()},
    )
    # Where days do not count alike (30/360), no segment can say it. No product offers that; the simulator may.
    stretches = [
        _stretch(loan, stretch, year_days)
        for stretch in future.stretches
        if (year_days := year_days_of(stretch.rate)) is not None
    ]
    _bring(
        {(row.kind, row.since): row for row in Segment.objects.filter(loan=loan)},
        {(row.kind, row.since): row for row in stretches},
    )
    stood = _standing(loan)
    loan.classification = category(told.days_past_due)
    if told.status.value != "pending":
        loan.status = LoanStatus(told.status.value)
        loan.disbursed_on = min(each.on for each in told.allocations)
    if _standing(loan) != stood:
        loan.save(update_fields=["status", "classification", "disbursed_on"])


def _standing(loan: Loan) -> tuple[Hashable, ...]:
    return loan.status, loan.classification, loan.disbursed_on


def _bring(have: Mapping[Any, models.Model], want: Mapping[Any, models.Model]) -> None:
    """Deletes, changes and adds rows until there are just those wanted."""
    stale = [row.pk for key, row in have.items() if key not in want]
    changed = []
    for key, row in want.items():
        if key in have and _figures(have[key]) != _figures(row):
            row.pk = have[key].pk
            changed.append(row)
    model = type(next(iter(want.values()), None) or next(iter(have.values()), Instalment()))
    if stale:
        model._default_manager.filter(pk__in=stale).delete()
    rewrite(changed)
    model._default_manager.bulk_create([row for key, row in want.items() if key not in have])


def _figures(row: models.Model) -> tuple[Hashable, ...]:
    return tuple(getattr(row, f.attname) for f in row._meta.concrete_fields if not f.primary_key)


def _billed(row: Row) -> dict[str, Any]:
    asked, paid = row.asked, row.paid
    return {
        "starts_on": row.starts_on,
        "due_on": row.due_on,
        "billed": row.billed,
        "principal_fen": asked.principal_fen,
        "interest_fen": asked.interest_fen,
        "fee_fen": asked.fee_fen,
        "penalty_fen": asked.penalty_fen,
        "paid_principal_fen": paid.principal_fen,
        "paid_interest_fen": paid.interest_fen,
        "paid_fee_fen": paid.fee_fen,
        "paid_penalty_fen": paid.penalty_fen,
        "unpaid_fen": row.unpaid.total_fen,
        "prepaid_fen": row.prepaid_fen,
        "early_fen": row.early_fen,
        "late_fen": row.late_fen,
        "outstanding_fen": row.outstanding_fen,
        "settled_on": row.settled_on,
        "status_then": "",
    }


def _coming(coming: Coming) -> dict[str, Any]:
    credit = coming.from_credit
    return _billed(coming.row) | {
        "billed": False,
        "new_interest_fen": coming.interest_fen,
        "new_fee_fen": coming.fee_fen,
        "credit_principal_fen": credit.principal_fen,
        "credit_interest_fen": credit.interest_fen,
        "credit_fee_fen": credit.fee_fen,
        "credit_penalty_fen": credit.penalty_fen,
        "status_then": coming.status.value,
    }


def _stretch(loan: Loan, stretch: Stretch, year_days: int) -> Segment:
    carried = stretch.carried_fen * year_days
    return Segment(
        loan=loan,
        product_id=loan.product_id,
        kind=stretch.kind.value,
        since=stretch.since,
        until=stretch.until,
        principal_fen=stretch.principal_fen,
        rate=number_of(stretch.rate).quantize(Decimal("1e-10")),
        year_days=year_days,
        # Exact: principal times a rate of at most ten places times days.
        carried=(Decimal(carried.numerator) / Decimal(carried.denominator)).quantize(Decimal("1e-10")),
    )
