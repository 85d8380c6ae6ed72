"""Applications for a line: decided by what is in force and known on the day, and every decision kept."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from creditscore.models import Score
from customers.models import Customer
from customers.services import CustomerNotFound
from huabei.applicants import policy_in_force
from huabei.errors import ReferenceRefused, RequestConflict
from huabei.models import ConsumerRule, Line, OpeningDecision
from huabei.policy import Refusal
from huabei.services.lines import CalendarRefused
from huabei.services.opening import Application, apply_for_line, open_by_policy, preview
from ledger.audit import verify
from operations import audit
from tests.borrowers import published
from tests.line_world import a_customer, a_line, a_merchant, a_policy, bought, end_day
from tests.loan_world import a_wish, lent, signed
from tests.loan_world import end_days as end_loan_days

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 1)


def scored(points: int | None = 650, *, on: date = date(2026, 5, 18)) -> Customer:
    """Somebody with a score of two weeks ago."""
    customer = a_customer()
    published(customer, points, on=on)
    return customer


def applies(customer: Customer, *, on: date = ON, reference: str = "a", day: int = 1) -> OpeningDecision:
    return apply_for_line(customer_id=customer.pk, reference=reference, on=on, statement_day=day)


def broken_rules() -> list[str]:
    return [found.check.name for found in verify(audit.CHECKS) if not found.holds]


def test_what_is_granted_opens_a_line_and_is_kept_with_all_that_it_went_by() -> None:
    customer = scored(655)
    decision = applies(customer, day=15)
    line = Line.objects.get()
    assert (line.customer_id, line.limit_fen, line.score) == (customer.pk, 8_000_00, 655)
    assert (line.statement_day, line.due_day, line.opened_on) == (15, 25, ON)
    kept, score = OpeningDecision.objects.get(), Score.objects.get()
    assert kept == decision
    assert (kept.outcome, kept.limit_fen, kept.earned_fen, kept.reasons) == (
        "granted",
        8_000_00,
        8_000_00,
        [],
    )
    assert (kept.score, kept.scored_on, kept.score_id, kept.model_id) == (
        655,
        date(2026, 5, 18),
        score.pk,
        score.model_id,
    )
    in_force = policy_in_force(ON)
    assert (kept.line, kept.policy, kept.consumer_rule) == (line, in_force.version, in_force.rule)
    assert [(each["rule"], each["outcome"]) for each in kept.rules] == [
        (rule.value, "passed") for rule in Refusal
    ]
    assert broken_rules() == []


def test_what_is_refused_is_kept_with_every_reason_and_opens_nothing() -> None:
    customer = a_customer()
    Customer.objects.filter(pk=customer.pk).update(is_student=True, identity_verified_on=None)
    kept = applies(customer)
    assert kept == OpeningDecision.objects.get()
    assert (kept.outcome, kept.limit_fen, kept.line) == ("refused", 0, None)
    assert kept.reasons == ["not_verified", "student", "no_score"]
    assert [ruled.rule for ruled in kept.against] == [
        Refusal.NOT_VERIFIED,
        Refusal.STUDENT,
        Refusal.NO_SCORE,
    ]
    assert not Line.objects.exists()
    assert broken_rules() == []


def test_an_application_happens_once_per_reference() -> None:
    customer = scored(640)
    first = applies(customer)
    again = applies(customer, on=ON + timedelta(days=90))
    assert (again, again.repeated, first.repeated) == (first, True, False)
    with pytest.raises(RequestConflict):
        applies(customer, day=5)
    second = applies(customer, reference="b")
    assert (second.outcome, second.reasons) == ("refused", ["has_line"])
    assert (Line.objects.count(), OpeningDecision.objects.count()) == (1, 2)
    # Another customer may use the same reference.
    assert applies(scored()).is_granted


def test_what_nobody_may_ask_for_is_refused_and_not_kept() -> None:
    customer = scored()
    with pytest.raises(CalendarRefused) as refused:
        applies(customer, day=2)
    assert refused.value.field == "statement_day"
    with pytest.raises(ReferenceRefused):
        applies(customer, reference="")
    with pytest.raises(CustomerNotFound):
        apply_for_line(customer_id=uuid4(), reference="a", on=ON)
    with pytest.raises(CustomerNotFound):
        preview(customer_id=uuid4(), on=ON)
    assert not OpeningDecision.objects.exists()


def test_many_apply_at_once_and_each_is_answered_in_the_order_asked() -> None:
    good, unknown, low = scored(720), a_customer(), scored(599)
    asked = [Application(person.pk, "all") for person in (low, good, unknown)]
    decisions = open_by_policy(applications=asked, on=ON)
    assert [(each.limit_fen, each.reasons) for each in decisions] == [
        (0, ["score_too_low"]),
        (20_000_00, []),
        (0, ["no_score"]),
    ]
    late = scored(700)
    again = open_by_policy(applications=[*asked, Application(late.pk, "all")], on=ON)
    assert [each.repeated for each in again] == [True, True, True, False]
    assert Line.objects.count() == 2


def test_a_hundred_people_are_decided_on_in_as_many_statements_as_one() -> None:
    def statements(people: int, reference: str) -> int:
        asked = [Application(scored().pk, reference) for _ in range(people)]
        with CaptureQueriesContext(connection) as queries:
            open_by_policy(applications=asked, on=ON)
        return len(queries)

    assert statements(100, "many") == statements(1, "one")


def test_the_score_is_the_one_that_stands_on_the_day() -> None:
    customer = scored(599, on=date(2026, 5, 6))
    published(customer, 700, on=date(2026, 6, 6))
    assert preview(customer_id=customer.pk, on=date(2026, 6, 5)).refusals == (Refusal.SCORE_TOO_LOW,)
    assert preview(customer_id=customer.pk, on=date(2026, 6, 6)).limit_fen == 20_000_00
    assert preview(customer_id=customer.pk, on=date(2026, 7, 11)).refusals == (Refusal.SCORE_TOO_OLD,)


def test_somebody_born_on_a_leap_day_is_of_age_on_the_first_of_march() -> None:
    customer = a_customer()
    Customer.objects.filter(pk=customer.pk).update(
        born_on=date(2008, 2, 29), identity_verified_on=date(2026, 1, 1), registered_on=date(2026, 1, 1)
    )
    published(customer, 650, on=date(2026, 2, 6))
    assert applies(customer, on=date(2026, 2, 28)).reasons == ["under_age"]
    assert applies(customer, on=date(2026, 3, 1), reference="b").is_granted


def test_who_is_late_with_a_loan_gets_no_line_until_it_is_paid() -> None:
    loan = lent(a_wish(1_000_00), on=date(2026, 6, 10))
    customer = loan.customer
    published(customer, 700, on=date(2026, 7, 6))
    end_loan_days(date(2026, 7, 9), date(2026, 7, 9))
    # Due on the 10th, so late from the 11th on.
    assert preview(customer_id=customer.pk, on=date(2026, 7, 10)).granted
    kept = applies(customer, on=date(2026, 7, 11))
    assert (kept.reasons, kept.overdue_fen) == (["overdue"], loan.instalments.get(n=1).unpaid_fen)


def test_who_is_late_with_a_line_that_was_closed_gets_no_other() -> None:
    line = a_line()
    bought(line, a_merchant(), 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    Line.objects.filter(pk=line.pk).update(status="closed", limit_fen=0)
    published(line.customer, 700, on=date(2026, 7, 6))
    assert preview(customer_id=line.customer_id, on=date(2026, 7, 10)).granted
    kept = applies(line.customer, on=date(2026, 7, 11))
    assert (kept.reasons, kept.overdue_fen) == (["overdue"], 100_00)


def test_what_is_owed_anywhere_leaves_less_room_and_in_the_end_none() -> None:
    a_policy(bands=((350, 2_000_00),), maximum_limit_fen=2_000_00, maximum_exposure_fen=2_400_00)
    customer = scored(700)
    signed(a_wish(1_000_00), on=ON, customer_id=customer.pk)
    assert preview(customer_id=customer.pk, on=ON).limit_fen == 1_400_00
    signed(a_wish(1_000_00), on=ON, customer_id=customer.pk)
    kept = applies(customer)
    assert (kept.reasons, kept.exposure_fen, kept.consumer_exposure_fen) == (
        ["exposure"],
        2_000_00,
        2_000_00,
    )


def test_what_is_lent_to_a_business_counts_as_exposure_and_not_as_consumer_credit() -> None:
    customer = scored(700)
    signed(a_wish(150_000_00), on=ON, customer_id=customer.pk)
    business = a_wish(40_000_00, product="wangshangdai")
    signed(business, on=ON, customer_id=customer.pk)
    kept = applies(customer)
    assert (kept.exposure_fen, kept.consumer_exposure_fen) == (190_000_00, 150_000_00)
    assert (kept.earned_fen, kept.limit_fen) == (20_000_00, 10_000_00)


# Microlender: 200,000 always; a bank: 300,000 from March 2025 on.
@pytest.mark.parametrize(
    ("lender", "on", "cap_fen", "students"),
    [
        ("microlender", date(2021, 3, 16), 200_000_00, True),
        ("microlender", date(2021, 3, 17), 200_000_00, False),
        ("microlender", date(2026, 6, 1), 200_000_00, False),
        ("bank", date(2025, 2, 28), 200_000_00, True),
        ("bank", date(2025, 3, 1), 300_000_00, True),
    ],
)
def test_what_the_law_allows_goes_by_the_lender_and_the_day(
    lender: str, on: date, cap_fen: int, students: bool
) -> None:
    a_policy(date(2020, 1, 1), lender_type=lender)
    figures = policy_in_force(on).figures
    assert (figures.consumer_cap_fen, figures.students_admitted) == (cap_fen, students)


def test_a_bank_opens_lines_for_students_and_within_its_own_cap() -> None:
    a_policy(
        bands=((350, 5_000_00),), lender_type="bank", maximum_exposure_fen=1_000_000_00, minimum_score=600
    )
    customer = scored(700)
    Customer.objects.filter(pk=customer.pk).update(is_student=True)
    kept = applies(customer)
    assert kept.is_granted
    assert kept.consumer_rule == ConsumerRule.objects.get(lender_type="bank", effective_from=date(2025, 3, 1))
    assert broken_rules() == []


def test_a_policy_is_in_force_from_its_day_on() -> None:
    a_policy(date(2026, 7, 1), bands=((600, 900_00), (650, 1_000_00)), minimum_score=650)
    assert policy_in_force(date(2026, 6, 30)).figures.minimum_score == 600
    figures = policy_in_force(date(2026, 7, 1)).figures
    assert (figures.minimum_score, figures.bands) == (650, ((600, 900_00), (650, 1_000_00)))
