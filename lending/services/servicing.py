"""
Everything that happens to a loan after it is signed, one verb each. All are `facts.record` with a fact of their kind.

`reference` happens once per loan; `on` is the business date on which it is booked, `value_on` the day from which it counts
where that is an earlier one. Errors of all of them: those of `facts.record`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from finance.dates import Frequency
from finance.loan import Ahead, Kind, Reschedule
from finance.money import format_yuan
from lending.errors import LoanAmountRefused, LoanFactRefused, LoanNotRunning
from lending.models import Loan, LoanStatus, LoanTransaction
from lending.proceeds import mark_undone, settlement_behind, taken_back
from lending.selectors import loan_on, payoff_quote
from lending.services.facts import Request, found_loan, locked_loan, record


def begin_disbursement(*, loan_id: int) -> Loan:
    """The money is on its way. Repeated, it does nothing. Errors: LoanNotFound, LoanNotRunning."""
    with transaction.atomic():
        loan = locked_loan(loan_id)
        if loan.status == LoanStatus.SIGNED:
            loan.status = LoanStatus.DISBURSING
            loan.save(update_fields=["status"])
        elif loan.status != LoanStatus.DISBURSING:
            raise LoanNotRunning(_("Only a signed loan can be disbursed."))
    return loan


def fail_disbursement(*, loan_id: int) -> Loan:
    """The money did not go: the loan is signed still, and may be tried again or cancelled. Errors as above."""
    with transaction.atomic():
        loan = locked_loan(loan_id)
        if loan.status == LoanStatus.DISBURSING:
            loan.status = LoanStatus.SIGNED
            loan.save(update_fields=["status"])
        elif loan.status != LoanStatus.SIGNED:
            raise LoanNotRunning(_("The loan is disbursed, or cancelled."))
    return loan


def confirm_disbursement(
    *, loan_id: int, reference: str, on: date, moved_on: date | None = None
) -> LoanTransaction:
    """The whole amount went out, on `moved_on`; interest runs from that day."""
    loan = found_loan(loan_id)
    request = Request(
        kind=Kind.DISBURSEMENT,
        reference=reference,
        value_on=moved_on,
        amount_fen=loan.terms.principal_fen,
    )
    return record(loan_id=loan_id, request=request, on=on)


def draw(
    *, loan_id: int, amount_fen: int, reference: str, on: date, value_on: date | None = None
) -> LoanTransaction:
    """A part of the signed amount went out; more may follow. Error besides: LoanAmountRefused beyond what was signed."""
    request = Request(kind=Kind.DISBURSEMENT, reference=reference, value_on=value_on, amount_fen=amount_fen)
    return record(loan_id=loan_id, request=request, on=on)


def repay(
    *,
    loan_id: int,
    amount_fen: int,
    reference: str,
    on: date,
    value_on: date | None = None,
) -> LoanTransaction:
    """Money received: what is due first, the rest as the product says."""
    request = Request(kind=Kind.REPAYMENT, reference=reference, value_on=value_on, amount_fen=amount_fen)
    return record(loan_id=loan_id, request=request, on=on)


def prepay(
    *,
    loan_id: int,
    amount_fen: int,
    reference: str,
    on: date,
    value_on: date | None = None,
    strategy: Ahead | None = None,
    instalment_fen: int | None = None,
) -> LoanTransaction:
    """Principal repaid early, the product's fee inside the amount; smaller instalments or fewer of them."""
    detail = _given(ahead=strategy.value if strategy else None, instalment_fen=instalment_fen)
    request = Request(
        kind=Kind.PREPAYMENT, reference=reference, value_on=value_on, amount_fen=amount_fen, detail=detail
    )
    return record(loan_id=loan_id, request=request, on=on)


def pay_off(
    *, loan_id: int, reference: str, on: date, amount_fen: int | None = None, value_on: date | None = None
) -> LoanTransaction:
    """Ends the loan. Without an amount it is the quote's. Error besides: LoanAmountRefused for less than the quote."""
    with transaction.atomic():
        loan = locked_loan(loan_id)
        first = LoanTransaction.objects.filter(loan=loan, reference=reference).first()
        if first is not None:
            amount_fen = first.amount_fen if amount_fen is None else amount_fen
        else:
            quoted = payoff_quote(loan, value_on or on).total_fen
            amount_fen = quoted if amount_fen is None else amount_fen
            if amount_fen < quoted:
                raise LoanAmountRefused(
                    _("Ending the loan that day takes %(amount)s.") % {"amount": format_yuan(quoted)},
                    field="amount",
                )
        request = Request(kind=Kind.PAYOFF, reference=reference, value_on=value_on, amount_fen=amount_fen)
        return record(loan_id=loan_id, request=request, on=on)


def charge(
    *,
    loan_id: int,
    amount_fen: int,
    reference: str,
    on: date,
    component: str = "fee",
    due_on: date | None = None,
    value_on: date | None = None,
    cause: str = "",
) -> LoanTransaction:
    """A fee or penalty, due with the instalment of its due date."""
    request = Request(
        kind=Kind.CHARGE,
        reference=reference,
        value_on=value_on,
        amount_fen=amount_fen,
        detail=_given(component=component, due_on=due_on),
        cause=cause,
    )
    return record(loan_id=loan_id, request=request, on=on)


def change_rate(
    *,
    loan_id: int,
    rate: Decimal,
    reference: str,
    on: date,
    value_on: date | None = None,
    instalment_fen: int | None = None,
    cause: str = "",
) -> LoanTransaction:
    """Another rate from a day on, in the unit of the signed one; never a dearer one than was signed."""
    loan = found_loan(loan_id)
    if rate > loan.terms.rate:
        raise LoanAmountRefused(_("A loan never gets dearer than it was signed."), field="rate")
    detail = _given(
        rate=f"{rate:f}", rate_unit=loan.terms.document["rate_unit"], instalment_fen=instalment_fen
    )
    request = Request(
        kind=Kind.RATE_CHANGE, reference=reference, value_on=value_on, detail=detail, cause=cause
    )
    return record(loan_id=loan_id, request=request, on=on)


def change_due_day(
    *, loan_id: int, due_day: int, reference: str, on: date, value_on: date | None = None, cause: str = ""
) -> LoanTransaction:
    """Monthly instalments fall due on another day of the month from the next one on."""
    request = Request(
        kind=Kind.DUE_DAY_CHANGE,
        reference=reference,
        value_on=value_on,
        detail=_given(due_day=due_day),
        cause=cause,
    )
    return record(loan_id=loan_id, request=request, on=on)


def pause(
    *, loan_id: int, last_day: date, reference: str, on: date, value_on: date | None = None, cause: str = ""
) -> LoanTransaction:
    """No interest from a day to `last_day`, both included; instalments stay."""
    request = Request(
        kind=Kind.PAUSE,
        reference=reference,
        value_on=value_on,
        detail=_given(due_on=last_day),
        cause=cause,
    )
    return record(loan_id=loan_id, request=request, on=on)


def reschedule(
    *,
    loan_id: int,
    mode: Reschedule,
    reference: str,
    on: date,
    value_on: date | None = None,
    periods: int | None = None,
    first_due_on: date | None = None,
    frequency: Frequency | None = None,
    cause: str = "",
) -> LoanTransaction:
    """Coming instalments are made anew: re-amortise, re-age or extend."""
    detail = _given(
        mode=mode.value,
        periods=periods,
        due_on=first_due_on,
        unit=frequency.unit.value if frequency else None,
        every=frequency.every if frequency else None,
    )
    request = Request(
        kind=Kind.RESCHEDULE, reference=reference, value_on=value_on, detail=detail, cause=cause
    )
    return record(loan_id=loan_id, request=request, on=on)


def refund_credit(
    *, loan_id: int, amount_fen: int, reference: str, on: date, value_on: date | None = None
) -> LoanTransaction:
    """What stands to the borrower's credit is paid out. Error besides: LoanAmountRefused beyond it."""
    request = Request(kind=Kind.CREDIT_REFUND, reference=reference, value_on=value_on, amount_fen=amount_fen)
    with transaction.atomic():
        loan = locked_loan(loan_id)
        repeated = LoanTransaction.objects.filter(loan=loan, reference=reference).exists()
        if not repeated and amount_fen > loan_on(loan, on).credit_fen:
            raise LoanAmountRefused(_("More than stands to the borrower's credit."), field="amount")
        return record(loan_id=loan_id, request=request, on=on)


def charge_off(
    *, loan_id: int, reference: str, on: date, value_on: date | None = None, cause: str = ""
) -> LoanTransaction:
    """The loan is given up: all that is owed is lost, nothing accrues any more, the claim on the borrower remains."""
    request = Request(kind=Kind.CHARGE_OFF, reference=reference, value_on=value_on, cause=cause)
    return record(loan_id=loan_id, request=request, on=on)


def write_off(
    *, loan_id: int, reference: str, on: date, value_on: date | None = None, cause: str = ""
) -> LoanTransaction:
    """The loan is written off; after a charge-off there is no second loss."""
    request = Request(kind=Kind.WRITE_OFF, reference=reference, value_on=value_on, cause=cause)
    return record(loan_id=loan_id, request=request, on=on)


def recover(
    *, loan_id: int, amount_fen: int, reference: str, on: date, value_on: date | None = None
) -> LoanTransaction:
    """Money that came after the loan was given up. Error besides: LoanNotRunning for one that was not."""
    request = Request(kind=Kind.RECOVERY, reference=reference, value_on=value_on, amount_fen=amount_fen)
    with transaction.atomic():
        if locked_loan(loan_id).status not in (LoanStatus.CHARGED_OFF, LoanStatus.WRITTEN_OFF):
            raise LoanNotRunning(_("The loan was not given up: this is a repayment."))
        return record(loan_id=loan_id, request=request, on=on)


def reverse(*, loan_id: int, undoes: str, reference: str, on: date, cause: str = "") -> LoanTransaction:
    """
    What was recorded under the reference `undoes` never happened. Each fact is reversed once, no reversal is. The settlement
    of a pledged order is undone with its fact, in one entry.

    Errors besides: LoanFactRefused for a disbursement: money that came back is a payoff; ProceedsWentOn.
    """
    facts = LoanTransaction.objects.filter(loan_id=loan_id, reference=undoes, kind=Kind.DISBURSEMENT.value)
    if facts.exists():
        raise LoanFactRefused(
            _("A disbursement is not undone: money that came back ends the loan."), field="reverses"
        )
    request = Request(kind=Kind.REVERSAL, reference=reference, reverses=undoes, cause=cause)
    with transaction.atomic():
        settlement = settlement_behind(loan_id=loan_id, fact=undoes)
        also = taken_back(settlement) if settlement else ()
        fact = record(loan_id=loan_id, request=request, on=on, also=also)
        if settlement:
            mark_undone(event=settlement, reference=reference, entry_id=fact.entry_id, on=on, cause=cause)
        return fact


def _given(**fields: object) -> dict[str, object]:
    """What was given, as plain JSON."""
    return {
        name: given.isoformat() if isinstance(given, date) else given
        for name, given in fields.items()
        if given is not None
    }
