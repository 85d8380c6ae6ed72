"""Money that a borrower pays of their own accord, whatever of the loan it covers."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from finance.loan import Ahead, Kind
from finance.money import format_yuan
from lending.errors import LoanAmountRefused, LoanNotRunning
from lending.models import LoanStatus, LoanTransaction
from lending.selectors import payoff_quote
from lending.services.facts import locked_loan
from lending.services.servicing import pay_off, prepay, repay


def pay(
    *,
    loan_id: int,
    amount_fen: int,
    reference: str,
    on: date,
    strategy: Ahead | None = None,
    ends: bool = False,
) -> LoanTransaction:
    """
    Repays so much: a payoff where it is what ends the loan that day (and nothing else where it is meant to, `ends`), a
    prepayment where a strategy is chosen, else a repayment. The reference happens once.

    Errors: those of `facts.record`; LoanAmountRefused for more than ends the loan, LoanNotRunning for a loan
    that owes nothing any more or was given up.
    """
    with transaction.atomic():
        loan = locked_loan(loan_id)
        given = {"loan_id": loan_id, "reference": reference, "on": on}
        first = LoanTransaction.objects.filter(loan=loan, reference=reference).first()
        if first is not None:
            kind = Kind(first.kind)
        elif loan.status != LoanStatus.ACTIVE:
            raise LoanNotRunning(_("Nothing can be repaid: the loan does not run."))
        else:
            ends_fen = payoff_quote(loan, on).total_fen
            if amount_fen > ends_fen:
                raise LoanAmountRefused(
                    _("Ending the loan that day takes %(amount)s.") % {"amount": format_yuan(ends_fen)},
                    field="amount",
                )
            kind = (
                Kind.PAYOFF
                if ends or amount_fen == ends_fen
                else Kind.PREPAYMENT
                if strategy
                else Kind.REPAYMENT
            )
        if kind is Kind.PAYOFF:
            return pay_off(**given, amount_fen=amount_fen)  # type: ignore[arg-type]
        if kind is Kind.PREPAYMENT:
            return prepay(**given, amount_fen=amount_fen, strategy=strategy)  # type: ignore[arg-type]
        return repay(**given, amount_fen=amount_fen)  # type: ignore[arg-type]
