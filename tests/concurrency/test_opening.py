"""Eight processes that apply for the same person at the same moment open one line, and what a person may owe holds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from customers.models import Customer
from customers.services import register_customer
from finance.errors import DomainError
from huabei.models import Line, OpeningDecision, ReviewVerdict
from huabei.services.causes import Why
from huabei.services.hearings import Ruling, ask_about_limit, ask_for_review, overturn, restore, uphold
from huabei.services.limits import change_limit
from huabei.services.opening import apply_for_line
from ledger.audit import verify
from ledger.selectors import exposures
from lending.models import Loan
from lending.services.signing import sign_loan
from operations import audit
from tests.borrowers import published
from tests.concurrency.crowd import SIZE, Crowd
from tests.line_world import a_customer, a_line, a_policy
from tests.loan_world import a_wish

ON = date(2026, 6, 1)
NATIONAL_ID = "11010519491231002X"


def broken_rules() -> list[str]:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds]


def register_and_apply(reference: str) -> tuple[str, list[str]]:
    """Registers one national ID, as somebody may have done already, and applies for its line."""
    customer = register_customer(
        full_name="林晓燕",
        national_id=NATIONAL_ID,
        phone=None,
        is_student=False,
        registered_on=ON,
        identity_verified_on=ON,
    )
    decision = apply_for_line(customer_id=customer.pk, reference=reference, on=ON)
    return decision.outcome, decision.reasons


def test_one_national_id_has_one_line_and_every_application_its_decision(
    committed_db: str, crowd: Crowd
) -> None:
    answers = crowd.at_once(register_and_apply, committed_db, *[(f"r{n}",) for n in range(SIZE)])
    assert answers == [("refused", ["no_score"])] * SIZE
    published(Customer.objects.get(), 700, on=ON)
    again = crowd.at_once(register_and_apply, committed_db, *[(f"s{n}",) for n in range(SIZE)])
    assert sorted(again) == [("granted", [])] + [("refused", ["has_line"])] * (SIZE - 1)
    assert (Line.objects.count(), OpeningDecision.objects.count()) == (1, 2 * SIZE)
    assert broken_rules() == []


def ruled(review_id: int, reference: str, limit_fen: int) -> str:
    """One underwriter's verdict; no limit upholds the refusal."""
    ruling = Ruling("staff:1", "why", reference)
    try:
        if limit_fen:
            return overturn(review_id=review_id, limit_fen=limit_fen, ruling=ruling, on=ON).outcome
        return uphold(review_id=review_id, ruling=ruling, on=ON).outcome
    except DomainError as refusal:
        return refusal.code


def test_eight_underwriters_decide_one_review_once(committed_db: str, crowd: Crowd) -> None:
    customer = a_customer()
    refused = apply_for_line(customer_id=customer.pk, reference="r", on=ON)
    review = ask_for_review(
        customer_id=customer.pk, decision_id=refused.pk, statement="", reference="a", on=ON
    )
    rulings = [(review.pk, f"v{n}", 500_00 * (n % 2)) for n in range(SIZE)]
    answers = crowd.at_once(ruled, committed_db, *rulings)
    verdict = ReviewVerdict.objects.get()
    assert sorted(answers) == sorted([verdict.outcome] + ["already_reviewed"] * (SIZE - 1))
    assert Line.objects.count() == (1 if verdict.outcome == "overturned" else 0)
    assert broken_rules() == []


def given_back(review_id: int, reference: str, limit_fen: int) -> str:
    """One underwriter's verdict on a cut; no limit leaves it as it is."""
    ruling = Ruling("staff:1", "why", reference)
    try:
        if limit_fen:
            return restore(review_id=review_id, limit_fen=limit_fen, ruling=ruling, on=ON).outcome
        return uphold(review_id=review_id, ruling=ruling, on=ON).outcome
    except DomainError as refusal:
        return refusal.code


def test_eight_underwriters_give_back_one_cut_once(committed_db: str, crowd: Crowd) -> None:
    line = a_line()
    cut = change_limit(line_id=line.pk, limit_fen=6_000_00, why=Why("risk", "staff:1", "cut"), on=ON)
    review = ask_about_limit(
        customer_id=line.customer_id, change_id=cut.pk, statement="", reference="a", on=ON
    )
    answers = crowd.at_once(
        given_back, committed_db, *[(review.pk, f"v{n}", 7_000_00 if n % 2 else 0) for n in range(SIZE)]
    )
    verdict = ReviewVerdict.objects.get()
    assert sorted(answers) == sorted([verdict.outcome] + ["already_reviewed"] * (SIZE - 1))
    line.refresh_from_db()
    assert line.limit_fen == (7_000_00 if verdict.outcome == "overturned" else 6_000_00)
    assert broken_rules() == []


def apply_again(customer_id: UUID) -> tuple[int, bool]:
    decision = apply_for_line(customer_id=customer_id, reference="same", on=ON)
    return decision.pk, decision.repeated


def test_one_application_sent_eight_times_is_one_decision(committed_db: str, crowd: Crowd) -> None:
    customer = a_customer()
    published(customer, 700, on=ON)
    answers = crowd.at_once(apply_again, committed_db, *[(customer.pk,)] * SIZE)
    kept = OpeningDecision.objects.get()
    assert sorted(answers) == [(kept.pk, False)] + [(kept.pk, True)] * (SIZE - 1)
    assert Line.objects.count() == 1


def borrow_or_apply(customer_id: UUID, number: int) -> None:
    """Half of them sign a loan of 10,000.00, half apply for a line."""
    try:
        if number % 2:
            sign_loan(
                customer_id=customer_id,
                wish=a_wish(10_000_00),
                score=700,
                reference=f"loan-{number}",
                on=ON,
                at=datetime(2026, 6, 1, 4, tzinfo=UTC),
            )
        else:
            apply_for_line(customer_id=customer_id, reference=f"line-{number}", on=ON)
    except DomainError:
        return


def test_a_line_and_loans_at_the_same_moment_stay_within_what_the_line_counted(
    committed_db: str, crowd: Crowd
) -> None:
    customer = a_customer()
    published(customer, 700, on=ON)
    a_policy(bands=((350, 20_000_00),), maximum_limit_fen=20_000_00, maximum_exposure_fen=35_000_00)
    crowd.at_once(borrow_or_apply, committed_db, *[(customer.pk, number) for number in range(SIZE)])
    for decision in OpeningDecision.objects.filter(outcome="granted"):
        assert decision.exposure_fen + decision.limit_fen <= 35_000_00
    granted = sum(OpeningDecision.objects.filter(outcome="granted").values_list("limit_fen", flat=True))
    signed = 10_000_00 * Loan.objects.count()
    assert exposures([customer.pk])[customer.pk] == granted + signed
    # Whoever decided saw all that was signed before, and nothing that was not.
    assert {each.exposure_fen % 10_000_00 for each in OpeningDecision.objects.filter(outcome="granted")} <= {
        0
    }
    assert broken_rules() == []
