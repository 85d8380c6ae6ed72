"""Loans of the demo world's people: signed and paid out on the first day, repaid as each person repays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from finance.loan import Reschedule
from huabei.models import Line
from lending.history import standing
from lending.models import Instalment, Loan, LoanStatus
from lending.plans import wish_for
from lending.services import servicing
from lending.services.paying import pay
from lending.services.signing import LoanRefused, sign_loan
from operations.demo.behaviour import Payer
from operations.services.closing import business_date

# Each of these in turn: a plan and an amount.
_WISHES = (
    ("jiebei:equal_instalment:12:months:1", 12_000_00),
    ("jiebei:interest_first:6:months:1", 6_000_00),
    ("jiebei:one_off:3:months:1", 3_000_00),
    ("taobao:equal_principal:12:months:1", 9_000_00),
    ("wangshangdai:equal_instalment:24:months:1", 24_000_00),
)
MOST_BORROWERS = 40
_REFERENCE = "demo"
_LATE = timedelta(days=6)
# Days after the first on which some do something else than pay what is due.
_PREPAYS, _PAYS_OFF, _RESCHEDULED = 50, 45, 40


@dataclass(slots=True)
class Loans:
    """The people who have a loan beside their line, and how they repay it."""

    lines: Sequence[Line]
    payers: Mapping[int, Payer]
    begins_on: date
    of_loan: dict[int, Payer] = field(default_factory=dict)

    def sign(self, *, scores: Mapping[UUID, int | None]) -> None:
        """
        Signs a loan for whom the policy admits, and pays it out, on the world's first day; on a later day, when an
        interrupted build goes on, it finds them.
        """
        if business_date() == self.begins_on:
            for number, line in enumerate(self.lines[:MOST_BORROWERS]):
                plan, amount_fen = _WISHES[number % len(_WISHES)]
                self._sign(line, plan, amount_fen, score=scores.get(line.customer_id), on=self.begins_on)
        payers = {line.customer_id: self.payers[line.pk] for line in self.lines}
        signed = Loan.objects.filter(reference=_REFERENCE, customer_id__in=payers)
        self.of_loan = {loan.pk: payers[loan.customer_id] for loan in signed}

    def _sign(self, line: Line, plan: str, amount_fen: int, *, score: int | None, on: date) -> None:
        try:
            loan = sign_loan(
                customer_id=line.customer_id,
                wish=wish_for(plan, amount_fen),
                score=score,
                reference=_REFERENCE,
                on=on,
                at=datetime.combine(on, time(2), UTC),
            )
        except LoanRefused:
            return
        if loan.status == LoanStatus.SIGNED:
            servicing.begin_disbursement(loan_id=loan.pk)
        servicing.confirm_disbursement(loan_id=loan.pk, reference=_REFERENCE, on=on)

    def live(self, on: date) -> None:
        """Whoever means to pay an instalment today does: most on its day, the late ones days after, some never."""
        days = (on, on - _LATE)
        due = Instalment.objects.filter(
            loan_id__in=self.of_loan, billed=True, unpaid_fen__gt=0, due_on__in=days
        ).values_list("loan_id", "due_on")
        for loan_id, due_on in due:
            payer = self.of_loan[loan_id]
            if payer is Payer.NEVER or (payer is Payer.LATE) != (due_on < on):
                continue
            due_fen = standing(Loan.objects.select_related("product", "terms").get(pk=loan_id), on).due_fen
            if due_fen:
                pay(loan_id=loan_id, amount_fen=due_fen, reference=f"demo-{due_on}", on=on)
        self._go_other_ways(on)

    def _go_other_ways(self, on: date) -> None:
        """One who pays all ends the loan early, another repays a part of it; one who never pays gets a new schedule."""
        day, reference = (on - self.begins_on).days, f"demo-{on}"
        full, never = self._of(Payer.FULL), self._of(Payer.NEVER)
        if day == _PAYS_OFF and full:
            servicing.pay_off(loan_id=full[-1], reference=reference, on=on)
        if day == _PREPAYS and len(full) > 1:
            servicing.prepay(loan_id=full[-2], amount_fen=1_000_00, reference=reference, on=on)
        if day == _RESCHEDULED and never:
            servicing.reschedule(
                loan_id=never[-1],
                mode=Reschedule.EXTEND,
                periods=6,
                cause="hardship",
                reference=reference,
                on=on,
            )

    def _of(self, payer: Payer) -> list[int]:
        return sorted(loan_id for loan_id, pays in self.of_loan.items() if pays is payer)
