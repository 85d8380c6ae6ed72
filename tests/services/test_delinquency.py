"""How late lines are, followed from day to day: stretches, episodes, categories; written only when something changes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finance.delinquency import bucket_of, oldest_unpaid_due_on
from finance.delinquency import days_past_due as days_by_finance
from huabei import delinquency
from huabei.models import Arrears, Category, Classification, ClassificationBand, Due, Line, Merchant
from huabei.services.repayments import repay
from ledger.audit import verify
from operations import audit
from tests.line_world import a_line, a_merchant, bought, end_day, end_days

DUE_ON = date(2026, 7, 10)


@pytest.fixture
def shop(db: None) -> Merchant:
    return a_merchant()


@pytest.fixture
def late(shop: Merchant) -> Line:
    """1,000.00 bought in June, of which nothing was paid by 10 July: 100.00 is overdue from 11 July."""
    line = a_line()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    end_day(DUE_ON)
    return line


def pays(line: Line, amount_fen: int, on: date) -> None:
    repay(line_id=line.pk, amount_fen=amount_fen, reference=f"{on}", on=on)


def stretches() -> list[tuple[date, date | None, int]]:
    return [(row.since, row.until, row.overdue_fen) for row in Arrears.objects.order_by("since")]


def test_lateness_begins_on_the_day_after_the_due_date_and_ends_after_the_day_it_is_paid(late: Line) -> None:
    assert stretches() == [(date(2026, 7, 11), None, 100_00)]
    end_days(date(2026, 7, 11), date(2026, 7, 15))
    assert Arrears.objects.count() == 1  # nothing happened, nothing is written
    pays(late, 1_002_50, date(2026, 7, 16))
    end_day(date(2026, 7, 16))
    assert stretches() == [(date(2026, 7, 11), date(2026, 7, 17), 100_00)]
    [episode] = delinquency.episodes(late.pk, on=date(2026, 8, 1))
    assert episode == delinquency.Episode(date(2026, 7, 11), date(2026, 7, 17), 6, 100_00)
    assert not any(result.faults for result in verify(audit.CHECKS))


def test_an_episode_keeps_its_worst_whatever_was_paid_meanwhile(late: Line) -> None:
    pays(late, 40_00, date(2026, 7, 20))
    end_day(date(2026, 7, 20))
    end_day(date(2026, 7, 31))  # the statement of 1 August
    end_day(date(2026, 8, 10))  # its due date is missed too
    found = stretches()
    assert [(since, until) for since, until, _fen in found] == [
        (date(2026, 7, 11), date(2026, 7, 21)),
        (date(2026, 7, 21), date(2026, 8, 11)),
        (date(2026, 8, 11), None),
    ]
    assert found[1][2] < 100_00 < found[2][2]
    [episode] = delinquency.episodes(late.pk, on=date(2026, 8, 20))
    assert (episode.began_on, episode.ended_on) == (date(2026, 7, 11), None)
    assert episode.highest_days == 41
    assert episode.highest_overdue_fen == found[2][2]
    # As it was known on an earlier day.
    assert delinquency.episodes(late.pk, on=date(2026, 7, 15))[0].highest_days == 5


def test_a_second_time_late_is_a_second_episode(late: Line, shop: Merchant) -> None:
    pays(late, 2_000_00, date(2026, 7, 12))
    end_day(date(2026, 7, 12))
    bought(late, shop, 2_000_00, date(2026, 7, 20))
    end_day(date(2026, 7, 31))
    end_day(date(2026, 8, 10))
    assert [episode.began_on for episode in delinquency.episodes(late.pk, on=date(2026, 8, 11))] == [
        date(2026, 8, 11),
        date(2026, 7, 11),
    ]


@pytest.mark.parametrize(
    ("days", "category"),
    [
        (1, Category.ATTENTION),
        (90, Category.ATTENTION),
        (91, Category.SUBSTANDARD),
        (120, Category.SUBSTANDARD),
        (121, Category.DOUBTFUL),
        (180, Category.DOUBTFUL),
        (181, Category.LOSS),
        (400, Category.LOSS),
    ],
)
def test_lines_are_classified_by_days_past_due(late: Line, days: int, category: Category) -> None:
    with transaction.atomic():
        delinquency.classify(DUE_ON + timedelta(days=days - 1))
    assert delinquency.category_of(late.pk) == category


def test_a_category_is_written_only_when_it_changes_and_left_when_nothing_is_late(late: Line) -> None:
    assert delinquency.portfolio_by_category()[Category.ATTENTION] == (1, 100_00)
    for day in (date(2026, 8, 1), date(2026, 10, 8), date(2026, 10, 9), date(2026, 10, 10)):
        delinquency.classify(day - timedelta(days=1))
    rows = Classification.objects.order_by("since")
    assert [(row.category, row.since, row.until, row.days_past_due, row.rule_from) for row in rows] == [
        ("attention", date(2026, 7, 11), date(2026, 10, 9), 1, date(2000, 1, 1)),
        ("substandard", date(2026, 10, 9), None, 91, date(2000, 1, 1)),
    ]
    pays(late, 2_000_00, date(2026, 10, 10))
    end_day(date(2026, 10, 10))
    assert delinquency.category_of(late.pk) is None
    assert Classification.objects.latest("since").until == date(2026, 10, 11)


def test_new_bands_hold_from_their_date_and_history_names_the_version(late: Line) -> None:
    for category, first_day in {"attention": 1, "loss": 10}.items():
        ClassificationBand.objects.create(
            effective_from=date(2026, 7, 25), category=category, first_day=first_day
        )
    delinquency.classify(date(2026, 7, 23))
    assert delinquency.category_of(late.pk) == Category.ATTENTION
    delinquency.classify(date(2026, 7, 24))
    assert delinquency.category_of(late.pk) == Category.LOSS
    assert Classification.objects.latest("since").rule_from == date(2026, 7, 25)
    assert [band.name for band in delinquency.bands_on(date(2026, 7, 25))] == ["attention", "loss"]


def test_steps_repeated_write_nothing_and_are_for_some_lines_only_if_asked(
    late: Line, shop: Merchant
) -> None:
    assert delinquency.follow_arrears(DUE_ON) == 0
    assert delinquency.classify(DUE_ON) == 0
    other = a_line()
    Due.objects.create(
        line=other,
        issued_on=date(2026, 7, 1),
        due_on=DUE_ON,
        principal_fen=0,
        minimum_fen=5,
        outstanding_fen=5,
    )
    assert delinquency.follow_arrears(DUE_ON, [late.pk]) == 0
    assert delinquency.follow_arrears(DUE_ON, [other.pk]) == 1
    assert delinquency.classify(DUE_ON, [late.pk]) == 0
    assert delinquency.classify(DUE_ON, [other.pk]) == 1


DUES = st.lists(st.tuples(st.integers(-400, 60), st.integers(0, 3)), max_size=6, unique_by=lambda due: due[0])


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(portfolio=st.lists(DUES, min_size=1, max_size=5))
def test_the_database_counts_and_classifies_as_finance_does(
    portfolio: list[list[tuple[int, int]]], db: None
) -> None:
    on = date(2027, 6, 1)
    with transaction.atomic():
        expected = {}
        for dues in portfolio:
            line = a_line()
            for offset, fen in dues:
                due_on = on + timedelta(days=offset)
                Due.objects.create(
                    line=line,
                    issued_on=due_on - timedelta(days=9),
                    due_on=due_on,
                    principal_fen=0,
                    minimum_fen=3,
                    outstanding_fen=fen,
                )
            oldest = oldest_unpaid_due_on((on + timedelta(days=offset), fen) for offset, fen in dues)
            days = days_by_finance(oldest, on)
            band = bucket_of(days, delinquency.bands_on(on))
            overdue_fen = sum(fen for offset, fen in dues if offset < 0)
            expected[line.pk] = (days, band.name if band else None, overdue_fen)
        found = delinquency.days_past_due(line_ids=expected, on=on)
        delinquency.follow_arrears(on - timedelta(days=1))
        delinquency.classify(on - timedelta(days=1))
        stands = dict(Arrears.objects.filter(until=None).values_list("line_id", "overdue_fen"))
        assert {
            line_id: (found[line_id], delinquency.category_of(line_id), stands.get(line_id, 0))
            for line_id in expected
        } == expected
        transaction.set_rollback(True)
