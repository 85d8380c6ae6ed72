"""Who is granted a line, and how lines are opened."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from customers.services import CustomerNotFound
from huabei.errors import AmountRefused, LineError
from huabei.models import Line, Terms
from huabei.policy import Applicant, Policy, Refusal, age_on, decide
from huabei.selectors import opening_policy, terms_on
from huabei.services.lines import AlreadyHasLine, CalendarRefused, Opening, open_line, open_lines
from huabei.services.opening import LineRefused, apply_for_line, open_by_policy
from ledger.models import Account, Entry, Transfer
from tests.line_world import a_customer, a_line, a_merchant, bought, stands

ON = date(2026, 6, 1)
POLICY = Policy(
    18, False, 600, 500_00, 50_000_00, 200_000_00, ((350, 500_00), (600, 2_000_00), (650, 8_000_00))
)


def applicant(**changes: object) -> Applicant:
    """Somebody of thirty with a score of 660 and nothing else."""
    usual: dict[str, object] = {
        "customer_id": uuid4(),
        "born_on": date(1996, 1, 1),
        "identity_verified": True,
        "is_student": False,
        "score": 660,
        "has_line": False,
        "exposure_fen": 0,
    }
    return Applicant(**{**usual, **changes})  # type: ignore[arg-type]


# fmt: off
APPLICANTS = [
    ({},                                       8_000_00, ()),
    ({"score": 600},                           2_000_00, ()),
    ({"score": 649},                           2_000_00, ()),
    ({"score": 650},                           8_000_00, ()),
    ({"score": 950},                           8_000_00, ()),
    ({"score": 599},                           0, (Refusal.SCORE_TOO_LOW,)),
    ({"score": None},                          0, (Refusal.NO_SCORE,)),
    ({"born_on": date(2008, 6, 1)},            8_000_00, ()),
    ({"born_on": date(2008, 6, 2)},            0, (Refusal.UNDER_AGE,)),
    ({"identity_verified": False},             0, (Refusal.NOT_VERIFIED,)),
    ({"is_student": True},                     0, (Refusal.STUDENT,)),
    ({"has_line": True},                       0, (Refusal.HAS_LINE,)),
    # What is owed elsewhere leaves less room, and no line smaller than the smallest is granted.
    ({"exposure_fen": 195_000_00},             5_000_00, ()),
    ({"exposure_fen": 199_500_00},             500_00, ()),
    ({"exposure_fen": 199_500_01},             0, (Refusal.EXPOSURE,)),
    # Every reason is named, not only the first.
    ({"is_student": True, "score": None},      0, (Refusal.STUDENT, Refusal.NO_SCORE)),
]
# fmt: on


@pytest.mark.parametrize(("who", "limit_fen", "refusals"), APPLICANTS)
def test_the_policy_grants_by_score_within_what_exposure_leaves(
    who: dict[str, object], limit_fen: int, refusals: tuple[Refusal, ...]
) -> None:
    decision = decide(applicant(**who), POLICY, ON)
    assert (decision.limit_fen, decision.refusals, decision.granted) == (limit_fen, refusals, not refusals)


@pytest.mark.parametrize(
    ("born_on", "on", "years"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2008, 6, 1), date(2026, 6, 1), 18),
    ],
)
def test_age_is_completed_years(born_on: date, on: date, years: int) -> None:
    assert age_on(born_on, on) == years


@pytest.mark.django_db
def test_the_policy_of_a_date_is_that_of_the_terms_in_force() -> None:
    later = Terms.objects.create(effective_from=date(2027, 1, 1), minimum_score=650, students_admitted=True)
    later.bands.create(score_from=650, limit_fen=900_00)
    assert (
        opening_policy(date(2026, 12, 31)).minimum_score,
        terms_on(date(2026, 12, 31)).pk == later.pk,
    ) == (600, False)
    policy = opening_policy(date(2027, 1, 1))
    assert (policy.minimum_score, policy.students_admitted, policy.bands) == (650, True, ((650, 900_00),))


@pytest.mark.django_db
def test_a_new_line_has_its_whole_limit_and_owes_nothing() -> None:
    line = a_line(8_000_00)
    position = stands(line, ON)
    assert (position.limit_fen, position.available_fen, position.held_fen) == (8_000_00, 8_000_00, 0)
    assert (position.drawn_fen, position.owed_fen, position.credit_fen) == (0, 0, 0)
    assert (line.status, line.bucket, line.billable) == ("active", 0, False)
    assert Account.objects.filter(owner=line.customer_id).count() == 8


@pytest.mark.django_db
def test_many_lines_are_opened_in_one_statement_and_answered_in_the_order_asked() -> None:
    people = [a_customer() for _ in range(20)]
    openings = [Opening(person.pk, 1_000_00 + n, 700, 5, 15) for n, person in enumerate(people)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        ids = open_lines(openings=openings, on=ON)
    assert [q["sql"] for q in queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))] == [
        queries[1]["sql"]
    ]
    lines = Line.objects.in_bulk(ids)
    assert [(lines[i].customer_id, lines[i].limit_fen) for i in ids] == [
        (o.customer_id, o.limit_fen) for o in openings
    ]


# fmt: off
IMPOSSIBLE_LINES = [
    (0,        1,  10, AmountRefused,   "amount"),
    (-1,       1,  10, AmountRefused,   "amount"),
    (2**63,    1,  10, AmountRefused,   "amount"),
    (1_000_00, 0,  10, CalendarRefused, "statement_day"),
    (1_000_00, 29, 10, CalendarRefused, "statement_day"),
    (1_000_00, 1,  31, CalendarRefused, "due_day"),
    (1_000_00, 5,  5,  CalendarRefused, "due_day"),
]
# fmt: on


@pytest.mark.django_db
@pytest.mark.parametrize(("limit_fen", "statement_day", "due_day", "refusal", "field"), IMPOSSIBLE_LINES)
def test_a_line_that_cannot_be_is_refused_and_none_of_its_batch_is_opened(
    limit_fen: int, statement_day: int, due_day: int, refusal: type[LineError], field: str
) -> None:
    good = Opening(a_customer().pk, 1_000_00)
    bad = Opening(a_customer().pk, limit_fen, statement_day=statement_day, due_day=due_day)
    with pytest.raises(refusal) as refused:
        open_lines(openings=[good, bad], on=ON)
    assert refused.value.field == field
    assert not Line.objects.exists()


@pytest.mark.django_db
def test_a_second_line_of_a_customer_is_refused_and_leaves_nothing_behind() -> None:
    line = a_line()
    before = (Account.objects.count(), Entry.objects.count(), Transfer.objects.count())
    with pytest.raises(AlreadyHasLine) as refused:
        open_line(opening=Opening(line.customer_id, 1_000_00), on=ON)
    assert refused.value.code == "already_has_line"
    assert (Account.objects.count(), Entry.objects.count(), Transfer.objects.count()) == before


@pytest.mark.django_db
def test_people_apply_and_every_decision_is_answered() -> None:
    good, student, unknown = a_customer(), a_customer(), a_customer()
    Customer.objects.filter(pk=student.pk).update(is_student=True)
    decisions = open_by_policy(scores={good.pk: 720, student.pk: 720, unknown.pk: None}, on=ON)
    assert {d.customer_id: (d.limit_fen, d.refusals) for d in decisions} == {
        good.pk: (20_000_00, ()),
        student.pk: (0, (Refusal.STUDENT,)),
        unknown.pk: (0, (Refusal.NO_SCORE,)),
    }
    assert Line.objects.get().customer_id == good.pk


@pytest.mark.django_db
def test_one_person_applies() -> None:
    person = a_customer()
    line = Line.objects.get(pk=apply_for_line(customer_id=person.pk, score=650, on=ON, statement_day=15))
    assert (line.limit_fen, line.score, line.statement_day, line.due_day) == (8_000_00, 650, 15, 25)
    with pytest.raises(LineRefused) as refused:
        apply_for_line(customer_id=person.pk, score=650, on=ON)
    assert refused.value.decision.refusals == (Refusal.HAS_LINE,)
    with pytest.raises(CustomerNotFound):
        apply_for_line(customer_id=uuid4(), score=650, on=ON)


@pytest.mark.django_db
def test_what_is_drawn_counts_as_exposure_wherever_it_is_owed() -> None:
    Terms.objects.update(maximum_exposure_fen=2_400_00)
    line = a_line(2_000_00)
    bought(line, a_merchant(), 1_950_00, ON)
    Line.objects.filter(pk=line.pk).update(status="closed")
    (decision,) = open_by_policy(scores={line.customer_id: 700}, on=ON)
    assert decision.refusals == (Refusal.EXPOSURE,)
