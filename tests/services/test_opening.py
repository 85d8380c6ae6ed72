"""Who is granted a line, and how lines are opened."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from huabei.errors import AmountRefused, LineError
from huabei.models import Line
from huabei.policy import Applicant, Policy, Refusal, Ruled, RuleOutcome, age_on, decide
from huabei.services.lines import AlreadyHasLine, CalendarRefused, Opening, open_line, open_lines
from ledger.models import Account, Entry, Transfer
from tests.line_world import a_customer, a_line, stands

ON = date(2026, 6, 1)
POLICY = Policy(
    minimum_age=18,
    minimum_score=600,
    score_days=35,
    minimum_limit_fen=500_00,
    maximum_limit_fen=50_000_00,
    maximum_exposure_fen=300_000_00,
    consumer_cap_fen=200_000_00,
    students_admitted=False,
    bands=((350, 500_00), (600, 2_000_00), (650, 8_000_00)),
)


def applicant(**changes: object) -> Applicant:
    """Somebody of thirty with a score of 660 of two weeks ago and nothing else."""
    usual: dict[str, object] = {
        "customer_id": uuid4(),
        "born_on": date(1996, 1, 1),
        "verified_on": date(2026, 1, 1),
        "is_student": False,
        "score": 660,
        "scored_on": date(2026, 5, 18),
        "has_line": False,
        "overdue_fen": 0,
        "exposure_fen": 0,
        "consumer_exposure_fen": 0,
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
    ({"score": None, "scored_on": None},       0, (Refusal.NO_SCORE,)),
    # A score of 28 April counts up to and with 1 June, 35 days.
    ({"scored_on": date(2026, 4, 28)},         8_000_00, ()),
    ({"scored_on": date(2026, 4, 27)},         0, (Refusal.SCORE_TOO_OLD,)),
    ({"scored_on": date(2026, 4, 27), "score": 599}, 0, (Refusal.SCORE_TOO_OLD, Refusal.SCORE_TOO_LOW)),
    ({"born_on": date(2008, 6, 1)},            8_000_00, ()),
    ({"born_on": date(2008, 6, 2)},            0, (Refusal.UNDER_AGE,)),
    ({"verified_on": ON},                      8_000_00, ()),
    ({"verified_on": date(2026, 6, 2)},        0, (Refusal.NOT_VERIFIED,)),
    ({"verified_on": None},                    0, (Refusal.NOT_VERIFIED,)),
    ({"is_student": True},                     0, (Refusal.STUDENT,)),
    ({"has_line": True},                       0, (Refusal.HAS_LINE,)),
    ({"overdue_fen": 1},                       0, (Refusal.OVERDUE,)),
    # What is owed elsewhere leaves less room, and no line smaller than the smallest is granted.
    ({"exposure_fen": 295_000_00},             5_000_00, ()),
    ({"exposure_fen": 299_500_00},             500_00, ()),
    ({"exposure_fen": 299_500_01},             0, (Refusal.EXPOSURE,)),
    # So does what the law allows one consumer, whatever is lent to a business.
    ({"exposure_fen": 250_000_00, "consumer_exposure_fen": 195_000_00}, 5_000_00, ()),
    ({"exposure_fen": 250_000_00, "consumer_exposure_fen": 199_500_01}, 0, (Refusal.CONSUMER_CAP,)),
    ({"exposure_fen": 299_500_01, "consumer_exposure_fen": 199_500_01}, 0, (Refusal.EXPOSURE, Refusal.CONSUMER_CAP)),
    # Every reason is named, not only the first.
    ({"is_student": True, "score": None, "exposure_fen": 300_000_00}, 0,
     (Refusal.STUDENT, Refusal.NO_SCORE, Refusal.EXPOSURE)),
]
# fmt: on


@pytest.mark.parametrize(("who", "limit_fen", "refusals"), APPLICANTS)
def test_the_policy_grants_by_score_within_what_exposure_leaves(
    who: dict[str, object], limit_fen: int, refusals: tuple[Refusal, ...]
) -> None:
    decision = decide(applicant(**who), POLICY, ON)
    assert (decision.limit_fen, decision.refusals, decision.granted) == (limit_fen, refusals, not refusals)
    assert [ruled.rule for ruled in decision.rules] == list(Refusal)


def test_a_lender_that_may_lend_to_students_does() -> None:
    assert decide(applicant(is_student=True), replace(POLICY, students_admitted=True), ON).granted


def test_without_a_score_nothing_is_asked_of_it() -> None:
    rules = {ruled.rule: ruled.outcome for ruled in decide(applicant(score=None), POLICY, ON).rules}
    assert rules[Refusal.SCORE_TOO_OLD] == rules[Refusal.SCORE_TOO_LOW] == RuleOutcome.NOT_ASKED


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_reason_says_what_would_be_right_in_both_languages(language: str) -> None:
    nobody = applicant(
        born_on=date(2010, 1, 1),
        verified_on=None,
        is_student=True,
        score=500,
        scored_on=date(2026, 1, 1),
        has_line=True,
        overdue_fen=1,
        exposure_fen=300_000_00,
        consumer_exposure_fen=200_000_00,
    )
    unknown = replace(nobody, score=None)
    against = {ruled.rule: ruled for who in (nobody, unknown) for ruled in decide(who, POLICY, ON).against}
    assert set(against) == set(Refusal)
    with translation.override(language):
        words = [text for ruled in against.values() for text in (ruled.text, ruled.advice)]
    assert all("%" not in text for text in words)
    assert all(text.isascii() == (language == "en") for text in words)
    assert "600" in words[words.index(_advice(against[Refusal.SCORE_TOO_LOW], language))]


def _advice(ruled: Ruled, language: str) -> str:
    with translation.override(language):
        return ruled.advice


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
