"""Signing a loan: the decision, the price, the consent, and the terms that are frozen from then on."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from customers.models import Customer
from customers.obligations import late_with
from customers.services import CustomerNotFound, grant_consent
from finance.quote import RATE_PLACES
from ledger.chart import (
    COMMITMENT,
    COMMITMENT_CONTROL,
    CUSTOMER_CREDIT,
    FEE_RECEIVABLE,
    INTEREST_RECEIVABLE,
    LOAN_CLAIM,
    LOAN_PRINCIPAL,
    PENALTY_RECEIVABLE,
)
from ledger.selectors import exposures
from ledger.services import Draft, Leg, open_accounts, post, request_hash
from lending.errors import LendingError, LoanNotFound, LoanNotRunning, require_reference, require_same_request
from lending.models import Loan, LoanStatus, Release, SignedTerms
from lending.policy import REFUSAL_TEXTS, Applicant, Policy, Refusal, decide
from lending.services.pledging import base_for, pledge, release
from lending.services.quoting import Quoted, Wish, quote_loan, require_price
from lending.terms import Document, document_of, number_of

CONSENT = "loan_contract"
ACCOUNTS = {
    "commitment_account_id": COMMITMENT,
    "principal_account_id": LOAN_PRINCIPAL,
    "interest_account_id": INTEREST_RECEIVABLE,
    "fee_account_id": FEE_RECEIVABLE,
    "penalty_account_id": PENALTY_RECEIVABLE,
    "credit_account_id": CUSTOMER_CREDIT,
    "claim_account_id": LOAN_CLAIM,
}


class LoanRefused(LendingError):
    """The policy grants no loan; `refusals` has every reason."""

    code = "loan_refused"

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__("; ".join(str(REFUSAL_TEXTS[refusal]) for refusal in refusals))
        self.refusals = refusals

    @property
    def reasons(self) -> list[tuple[str, str]]:
        return [(refusal.value, str(REFUSAL_TEXTS[refusal])) for refusal in self.refusals]


def decide_loan(*, customer_id: UUID, quoted: Quoted, score: int | None, on: date) -> tuple[Refusal, ...]:
    """Every reason of the policy against this loan; none where it is granted. Error: CustomerNotFound."""
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None:
        raise CustomerNotFound(_("There is no customer %(id)s.") % {"id": customer_id}, field="customer_id")
    version, product, rule = quoted.offer.version, quoted.offer.version.product, quoted.rule
    applicant = Applicant(
        born_on=customer.born_on,
        identity_verified=customer.identity_verified_on is not None and customer.identity_verified_on <= on,
        is_student=customer.is_student,
        score=score,
        overdue=bool(late_with([customer_id], on)),
        exposure_fen=exposures([customer_id]).get(customer_id, 0),
    )
    policy = Policy(
        minimum_age=version.minimum_age,
        maximum_age=version.maximum_age,
        students_admitted=version.students_admitted,
        minimum_score=version.minimum_score,
        maximum_exposure_fen=rule.business_limit_fen if product.is_business else rule.consumer_limit_fen,
    )
    return decide(applicant, policy, quoted.terms.schedule.principal_fen, on)


def sign_loan(
    *, customer_id: UUID, wish: Wish, score: int | None, reference: str, on: date, at: datetime
) -> Loan:
    """
    A loan signed by the customer at an instant of the business date: quoted anew, decided, its terms frozen, its amount
    committed. The reference happens once per customer.

    Errors: those of `quote_loan` (the price cap is held at signing as it was at the quote), CustomerNotFound, LoanRefused
    with every reason, OrdersDoNotCover for a loan against orders, LoanReferenceRefused, LoanRequestConflict.
    """
    require_reference(reference)
    asked = request_hash({"customer": customer_id, "wish": _asked(wish)})
    with transaction.atomic():
        if not Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).exists():
            raise CustomerNotFound(
                _("There is no customer %(id)s.") % {"id": customer_id}, field="customer_id"
            )
        first = Loan.objects.filter(customer_id=customer_id, reference=reference).first()
        if first is not None:
            require_same_request(first.request_hash, asked)
            return first
        quoted = quote_loan(wish=wish, on=on)
        if refusals := decide_loan(customer_id=customer_id, quoted=quoted, score=score, on=on):
            raise LoanRefused(refusals)
        assert score is not None
        version, amount_fen = quoted.offer.version, quoted.terms.schedule.principal_fen
        base = base_for(customer_id=customer_id, version=version, amount_fen=amount_fen, on=on)
        loan = freeze(
            customer_id=customer_id,
            quoted=quoted,
            score=score,
            reference=reference,
            asked=asked,
            on=on,
            at=at,
        )
        if base is not None:
            pledge(loan=loan, base=base, principal_fen=amount_fen, on=on)
        return loan


def freeze(
    *,
    customer_id: UUID,
    quoted: Quoted,
    score: int,
    reference: str,
    asked: bytes,
    on: date,
    at: datetime,
) -> Loan:
    """
    The loan of a price that was decided on: its accounts opened, consent and terms written, its amount committed.

    Error: PriceCapExceeded. The caller holds the customer's lock.
    """
    require_price(quoted.annual_rates, quoted.rule)
    consent = grant_consent(customer_id=customer_id, purpose=CONSENT, at=at)
    opened = open_accounts(account_types=list(ACCOUNTS.values()), owner=customer_id)
    accounts = dict(zip(ACCOUNTS, opened, strict=True))
    loan = Loan.objects.create(
        customer_id=customer_id,
        product=quoted.offer.version.product,
        reference=reference,
        request_hash=asked,
        signed_on=on,
        **accounts,
    )
    document = document_of(quoted.terms)
    SignedTerms.objects.create(
        loan=loan,
        offer=quoted.offer,
        principal_fen=quoted.terms.schedule.principal_fen,
        rate=number_of(quoted.terms.schedule.rate),
        simple_rate=quoted.annual_rates.simple.quantize(RATE_PLACES),
        effective_rate=quoted.annual_rates.effective.quantize(RATE_PLACES),
        price_cap=quoted.rule.price_cap,
        cap_method=quoted.rule.cap_method,
        consent=consent,
        score=score,
        document=document,
        sha256=seal(document),
    )
    _commit(loan, quoted.terms.schedule.principal_fen, on)
    return loan


def seal(document: Document) -> bytes:
    """SHA-256 of the terms in canonical JSON: what the contract states."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).digest()


def _asked(wish: Wish) -> dict[str, str]:
    return {name: str(getattr(wish, name)) for name in Wish.__slots__}


def _commit(loan: Loan, amount_fen: int, on: date) -> None:
    legs = (Leg(COMMITMENT_CONTROL.control_id, loan.commitment_account_id, amount_fen),)
    post(draft=Draft(reference=f"loan:{loan.pk}:signed", event="loan.signed", booked_on=on, legs=legs))


def cancel_loan(*, loan_id: int, on: date) -> Loan:
    """
    Gives up a loan that was signed and not disbursed; what was committed is free again. Repeated, it does nothing.

    Errors: LoanNotFound, LoanNotRunning for one that is being disbursed, or was.
    """
    with transaction.atomic():
        loan = Loan.objects.select_for_update().filter(pk=loan_id).first()
        if loan is None:
            raise LoanNotFound(_("There is no loan %(id)s.") % {"id": loan_id})
        if loan.status == LoanStatus.CANCELLED:
            return loan
        if loan.status != LoanStatus.SIGNED:
            raise LoanNotRunning(_("Only a loan that is not being disbursed can be cancelled."))
        legs = (Leg(loan.commitment_account_id, COMMITMENT_CONTROL.control_id, loan.terms.principal_fen),)
        post(
            draft=Draft(
                reference=f"loan:{loan.pk}:cancelled", event="loan.cancelled", booked_on=on, legs=legs
            )
        )
        release(loan_id=loan.pk, reason=Release.CANCELLED, on=on)
        loan.status = LoanStatus.CANCELLED
        loan.save(update_fields=["status"])
    return loan
