"""
The official simulator of a loan: a story in, its schedule, allocations and standing out.

It signs, disburses and services a loan of a product made for the story, with the services that serve customers and the steps
that close a day, in a transaction that it rolls back; so what it prints is what the product would do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import transaction

from customers.models import Customer
from finance.errors import DomainError
from finance.loan import Instalment as Row
from finance.loan import Loan as LoanOnDay
from finance.loan import Parts
from finance.money import format_yuan, round_fen
from finance.quote import annual_rates_of_schedule
from finance.rates import DailyRate
from finance.reading import QuoteError
from finance.schedule import Terms, build
from ledger.chart import (
    LOAN_FEE_INCOME,
    LOAN_INTEREST_ACCRUED,
    LOAN_INTEREST_INCOME,
    LOAN_LOSS,
    LOAN_PENALTY_ACCRUED,
    LOAN_PENALTY_INCOME,
    LOAN_RECOVERY,
)
from ledger.selectors import positions
from ledger.services import open_account
from lending.models import Instalment, LenderType, Loan, Offer, Product, ProductVersion, RateUnit
from lending.models.loans import Classification
from lending.models.products import HIGHEST_ANNUAL_RATE, HIGHEST_DAILY_RATE
from lending.selectors import loan_on, rule_on
from lending.services import servicing
from lending.services.quoting import Quoted, require_price
from lending.services.signing import freeze
from lending.terms import number_of
from operations.services.closing import close_loans
from operations.services.loan_story import Happening, LoanStory

DAY = timedelta(days=1)
SERVICES: dict[str, Callable[..., object]] = {
    "disbursement": servicing.draw,
    "repayment": servicing.repay,
    "prepayment": servicing.prepay,
    "payoff": servicing.pay_off,
    "charge": servicing.charge,
    "rate_change": servicing.change_rate,
    "due_day_change": servicing.change_due_day,
    "pause": servicing.pause,
    "reschedule": servicing.reschedule,
    "credit_refund": servicing.refund_credit,
    "charge_off": servicing.charge_off,
    "write_off": servicing.write_off,
    "recovery": servicing.recover,
}


@dataclass(slots=True)
class _Told:
    """The story as it is being told: the loan, and what was refused."""

    loan: Loan
    refused: list[dict[str, Any]] = field(default_factory=list)

    def happen(self, each: Happening) -> None:
        """One transaction; what the services refuse is noted, and the story goes on."""
        given: dict[str, Any] = dict(each.given)
        if each.type == "rate_change":
            given["rate"] = number_of(given["rate"])
        given |= {"loan_id": self.loan.pk, "reference": each.ref, "on": each.recorded_on}
        try:
            with transaction.atomic():
                if each.type == "reversal":
                    servicing.reverse(**given)
                else:
                    SERVICES[each.type](value_on=each.value_on, **given)
        except DomainError as refusal:
            self.refused.append(
                {"transaction": each.position, "ref": each.ref, "code": refusal.code, "message": str(refusal)}
            )

    def close_until(self, since: date, until: date) -> None:
        """The close of the days before `until`; those on which nothing falls due may be left out."""
        due = Instalment.objects.filter(loan=self.loan, billed=False, due_on__gt=since, due_on__lte=until)
        for due_on in sorted(set(due.values_list("due_on", flat=True))):
            close_loans(closed_on=due_on - DAY, loan_ids=[self.loan.pk])
        if until > since:
            close_loans(closed_on=until - DAY, loan_ids=[self.loan.pk])


def simulate_loan(story: LoanStory) -> dict[str, Any]:
    """
    Tells the story on the real services and the real close; returns the loan on its last day, amounts in yuan. Nothing of it
    stays in the database.

    Errors: PriceCapExceeded, NoAnnualRateError, QuoteError for terms that no loan may have, which name the field.
    """
    with transaction.atomic():
        told = _Told(_signed(story))
        day = story.terms.schedule.disbursed_on
        for each in _with_first_disbursement(story):
            if each.recorded_on > story.as_of:
                break
            told.close_until(day, each.recorded_on)
            day = each.recorded_on
            told.happen(each)
        told.close_until(day, story.as_of)
        ending = _ending(told, story)
        transaction.set_rollback(True)
    return ending


def _with_first_disbursement(story: LoanStory) -> list[Happening]:
    """What happens; the whole principal is lent on the first day unless a disbursement of that day says otherwise."""
    schedule = story.terms.schedule
    first = schedule.disbursed_on
    if any(each.type == "disbursement" and each.value_on == first for each in story.happenings):
        return list(story.happenings)
    lent = Happening(-1, "disbursement", "disbursed", first, first, {"amount_fen": schedule.principal_fen})
    return [lent, *story.happenings]


def _signed(story: LoanStory) -> Loan:
    """The loan of a customer and a product made for the story, signed at its price."""
    on = story.terms.schedule.disbursed_on
    at = datetime.combine(on, time(), UTC)
    customer = Customer.objects.create(
        full_name="Simulated",
        born_on=date(1990, 1, 1),
        registered_on=on,
        identity_verified_on=on,
        national_id_encrypted=b"",
        national_id_index=uuid4().bytes,
    )
    schedule = story.terms.schedule
    rates = annual_rates_of_schedule(build(schedule), schedule)
    rule = rule_on(LenderType.MICROLENDER, on)
    require_price(rates, rule)
    highest = HIGHEST_DAILY_RATE if isinstance(schedule.rate, DailyRate) else HIGHEST_ANNUAL_RATE
    if number_of(schedule.rate) > highest:
        raise QuoteError(f"rate: no product may ask for more than {highest}", field="rate")
    committed_fen = max(
        schedule.principal_fen,
        sum(
            each.given["amount_fen"]
            for each in _with_first_disbursement(story)
            if each.type == "disbursement"
        ),
    )
    offer = _offer(schedule, on, committed_fen)
    quoted = Quoted(offer, story.terms, build(schedule), rates, rule)
    if committed_fen != schedule.principal_fen:
        quoted = _committed(quoted, committed_fen)
    return freeze(
        customer_id=customer.pk, quoted=quoted, score=700, reference="simulated", asked=b"", on=on, at=at
    )


def _committed(quoted: Quoted, principal_fen: int) -> Quoted:
    """The same price for as much as is drawn in all."""
    schedule = quoted.terms.schedule
    fields = {name: getattr(schedule, name) for name in Terms.__slots__}
    terms = type(quoted.terms)(Terms(**(fields | {"principal_fen": principal_fen})), quoted.terms.rules)
    return Quoted(quoted.offer, terms, quoted.schedule, quoted.annual_rates, quoted.rule)


def _offer(schedule: Terms, on: date, maximum_fen: int) -> Offer:
    owner = uuid4()
    product = Product.objects.create(
        uuid=owner,
        code=f"sim-{owner.hex[:20]}",
        name="Simulated",
        name_zh="模拟",
        lender_type=LenderType.MICROLENDER,
        is_business=False,
        interest_accrued_account_id=open_account(account_type=LOAN_INTEREST_ACCRUED, owner=owner),
        penalty_accrued_account_id=open_account(account_type=LOAN_PENALTY_ACCRUED, owner=owner),
        interest_income_account_id=open_account(account_type=LOAN_INTEREST_INCOME, owner=owner),
        penalty_income_account_id=open_account(account_type=LOAN_PENALTY_INCOME, owner=owner),
        fee_income_account_id=open_account(account_type=LOAN_FEE_INCOME, owner=owner),
        loss_account_id=open_account(account_type=LOAN_LOSS, owner=owner),
        recovery_account_id=open_account(account_type=LOAN_RECOVERY, owner=owner),
    )
    daily = isinstance(schedule.rate, DailyRate)
    version = ProductVersion.objects.create(
        product=product,
        effective_from=on,
        minimum_fen=1,
        maximum_fen=maximum_fen,
        rate_unit=RateUnit.DAILY if daily else RateUnit.ACTUAL_365,
        ahead="next",
        prepaid="reduce_instalment",
        penalty_daily_rate=Decimal(0),
        allocation="penalty interest fee principal",
        allocation_order="due_then_component",
        rounding=schedule.rounding.value,
        minimum_score=600,
        minimum_age=18,
        maximum_age=120,
    )
    rate = number_of(schedule.rate).quantize(Decimal("1e-10"))
    return Offer.objects.create(
        version=version,
        method=schedule.method.value,
        periods=schedule.periods,
        unit=schedule.frequency.unit.value,
        every=schedule.frequency.every,
        rate_from=rate,
        rate_to=rate,
    )


# What is printed.


def _parts(parts: Parts) -> dict[str, str]:
    return {
        "principal": format_yuan(parts.principal_fen),
        "interest": format_yuan(parts.interest_fen),
        "fee": format_yuan(parts.fee_fen),
        "penalty": format_yuan(parts.penalty_fen),
        "total": format_yuan(parts.total_fen),
    }


def _row(row: Row) -> dict[str, Any]:
    """A row, what was repaid on top of it counted as its principal: so the rows' principal adds up to what was lent."""
    prepaid = Parts(row.prepaid_fen)
    asked, paid = row.asked + prepaid, row.paid + prepaid
    return {
        "n": row.n,
        "due_on": row.due_on.isoformat(),
        "days": row.days,
        "principal": format_yuan(asked.principal_fen),
        "interest": format_yuan(asked.interest_fen),
        "fee": format_yuan(asked.fee_fen),
        "penalty": format_yuan(asked.penalty_fen),
        "due": format_yuan(asked.total_fen),
        "outstanding": format_yuan(row.outstanding_fen),
        "prepaid": format_yuan(row.prepaid_fen),
        "paid": _parts(paid),
        "paid_early": format_yuan(row.early_fen),
        "paid_late": format_yuan(row.late_fen),
        "unpaid": _parts(row.unpaid),
        "billed": row.billed,
        "settled_on": row.settled_on.isoformat() if row.settled_on else None,
    }


def _ending(told: _Told, story: LoanStory) -> dict[str, Any]:
    loan = Loan.objects.select_related("product", "terms").get(pk=told.loan.pk)
    on = loan_on(loan, story.as_of)
    terms = loan.terms
    return {
        "rows": [_row(row) for row in on.rows],
        "totals": {
            "principal": format_yuan(sum(row.asked.principal_fen + row.prepaid_fen for row in on.rows)),
            "interest": format_yuan(sum(row.asked.interest_fen for row in on.rows)),
            "fee": format_yuan(on.books.kept_fee_fen + sum(row.asked.fee_fen for row in on.rows)),
            "penalty": format_yuan(sum(row.asked.penalty_fen for row in on.rows)),
            "due": format_yuan(on.books.kept_fee_fen + sum(row.due_fen for row in on.rows)),
        },
        "allocations": [
            {
                "ref": each.ref,
                "type": each.kind.value,
                "date": each.on.isoformat(),
                "amount": format_yuan(each.amount_fen),
                **{name: fen for name, fen in _parts(each.parts).items() if name != "total"},
                "credit": format_yuan(each.credit_fen),
                "outstanding": format_yuan(each.principal_left_fen),
            }
            for each in on.allocations
        ],
        **_standing(loan, on),
        "annual_rate": {"simple": f"{terms.simple_rate:.8f}", "effective": f"{terms.effective_rate:.8f}"},
        "refused": told.refused,
    }


def _standing(loan: Loan, on: LoanOnDay) -> dict[str, Any]:
    booked = positions(
        [loan.principal_account_id, loan.interest_account_id, loan.fee_account_id, loan.penalty_account_id]
    )
    running = Parts(
        0, max(round_fen(on.accrued_interest_fen), 0), 0, max(round_fen(on.accrued_penalty_fen), 0)
    )
    return {
        "as_of": on.as_of.isoformat(),
        "status": loan.status,
        "classification": Classification(loan.classification).name.lower(),
        "days_past_due": on.days_past_due,
        "outstanding": _parts(on.outstanding),
        "overdue": _parts(on.overdue),
        "accrued": {
            "interest": format_yuan(running.interest_fen),
            "penalty": format_yuan(running.penalty_fen),
        },
        "accrued_interest": format_yuan(running.interest_fen),
        "credit": format_yuan(on.credit_fen),
        "payoff": {
            **_parts(on.payoff.parts),
            "prepayment_fee": format_yuan(on.payoff.prepayment_fee_fen),
            "to_pay": format_yuan(on.payoff.total_fen),
        },
        "books": {
            booked[account_id].type_code: format_yuan(booked[account_id].debit_fen)
            for account_id in (
                loan.principal_account_id,
                loan.interest_account_id,
                loan.fee_account_id,
                loan.penalty_account_id,
            )
        },
    }
