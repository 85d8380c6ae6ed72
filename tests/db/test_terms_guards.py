"""PostgreSQL refuses terms that cannot be, and any that would count from a day by which something went already."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError

from huabei.services import repayments
from tests.db.test_line_guards import execute
from tests.db.test_opening_guards import copied
from tests.line_world import a_line, a_merchant, authorised, bought, end_day

pytestmark = pytest.mark.django_db

TABLES = ["huabei_terms", "huabei_instalmentterms", "huabei_instalmentoption"]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nobody_changes_what_was_published(table: str, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(statement.format(table))
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
        execute(statement.format(table), as_owner=True)


LATER = {"effective_from": "'2027-01-01'"}
PUBLISHED = {"by": "'staff:1'", "reason": "'x'", "reference": "'x'", "request_hash": "sha256('x')"}
# fmt: off
NONSENSE = [
    ("huabei_terms", {}, "huabei_terms_effective_from_key"),
    ("huabei_terms", {"minimum_due_share": "1.1", **LATER}, "terms_minimum_due_is_share"),
    ("huabei_terms", {"penalty_daily_rate": "0.01", **LATER}, "terms_rates_sensible"),
    ("huabei_terms", {"allocation": "'penalty interest fee'", **LATER}, "terms_allocation_ranks_each_component_once"),
    ("huabei_terms", {"allocation": "'penalty interest fee fee'", **LATER}, "terms_allocation_ranks_each_component_once"),
    ("huabei_terms", {"hold_days": "0", **LATER}, "terms_hold_days_positive"),
    ("huabei_terms", {"published_on": "'2027-01-01'", **PUBLISHED, **LATER}, "terms_published_before_it_counts"),
    ("huabei_terms", {**PUBLISHED, **LATER}, "terms_published_before_it_counts"),
    ("huabei_terms", {"published_on": "'2026-01-01'", **PUBLISHED, "reason": "''", **LATER},
     "terms_published_before_it_counts"),
    ("huabei_instalmentterms", {}, "huabei_instalmentterms_effective_from_key"),
    ("huabei_instalmentterms", {"early_payoff": "'never'", **LATER}, "instalment_terms_payoff_known"),
    ("huabei_instalmentterms", {"smallest_statement_plan_fen": "0", **LATER}, "instalment_terms_smallest_positive"),
    ("huabei_instalmentterms", {**PUBLISHED, **LATER}, "instalment_terms_published_before_it_counts"),
    ("huabei_consumerrule", {**PUBLISHED, **LATER}, "consumer_rule_published_before_it_counts"),
    ("huabei_openingpolicy", {**PUBLISHED, **LATER}, "opening_policy_published_before_it_counts"),
    ("huabei_instalmentoption", {}, "instalment_option_once_per_periods"),
    ("huabei_instalmentoption", {"periods": "30", "fee_rate": "0.6"}, "instalment_option_sensible"),
    ("huabei_instalmentoption", {"periods": "1"}, "instalment_option_sensible"),
]
# fmt: on


@pytest.mark.parametrize(("table", "changes", "constraint"), NONSENSE)
def test_figures_that_cannot_be_are_not_written(table: str, changes: dict[str, str], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        execute(copied(table, f"id = (SELECT max(id) FROM {table})", **changes))


@pytest.mark.parametrize("table", ["terms", "instalmentterms", "consumerrule"])
def test_a_reference_publishes_once(table: str) -> None:
    named = {"published_on": "'2026-01-01'", **PUBLISHED}
    where = f"id = (SELECT min(id) FROM huabei_{table})"
    execute(copied(f"huabei_{table}", where, **named, **LATER))
    with pytest.raises(IntegrityError, match="_once_per_reference"):
        execute(copied(f"huabei_{table}", where, **named, effective_from="'2027-01-02'"))


def new_terms(day: str, table: str = "huabei_terms") -> str:
    return copied(table, f"id = (SELECT min(id) FROM {table})", effective_from=f"'{day}'")


def test_terms_do_not_count_from_a_day_that_is_in_the_books() -> None:
    line, shop = a_line(), a_merchant()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    execute(new_terms("2026-06-06"))
    end_day(date(2026, 6, 30))
    with pytest.raises(IntegrityError, match="terms_not_behind_the_books"):
        execute(new_terms("2026-07-01"))  # a statement
    execute(new_terms("2026-07-02"))
    repayments.repay(line_id=line.pk, amount_fen=1_00, reference="r", on=date(2026, 7, 5))
    with pytest.raises(IntegrityError, match="terms_not_behind_the_books"):
        execute(new_terms("2026-07-05"))
    execute(new_terms("2026-07-06"))
    end_day(date(2026, 7, 10))
    with pytest.raises(IntegrityError, match="terms_not_behind_the_books"):
        execute(new_terms("2026-07-11"))  # penalty that begins
    execute(new_terms("2026-07-12"))
    end_day(date(2026, 7, 14))
    with pytest.raises(IntegrityError, match="terms_not_behind_the_books"):
        execute(new_terms("2026-07-14"))  # the day's income
    execute(new_terms("2026-07-15"))


def test_what_instalments_cost_does_not_count_from_a_day_on_which_some_were_agreed() -> None:
    line, shop = a_line(), a_merchant()
    bought(line, shop, 300_00, date(2026, 6, 5), instalments=3)
    authorised(line, shop, 300_00, date(2026, 6, 8), instalments=3)
    for day in ("2026-06-05", "2026-06-08"):
        with pytest.raises(IntegrityError, match="instalment_terms_not_behind_plans"):
            execute(new_terms(day, "huabei_instalmentterms"))
    execute(new_terms("2026-06-09", "huabei_instalmentterms"))
    option = "INSERT INTO huabei_instalmentoption (terms_id, periods, fee_rate) SELECT {}(id), 30, 0.1"
    execute(f"{option.format('max')} FROM huabei_instalmentterms")
    with pytest.raises(IntegrityError, match="instalment_terms_not_behind_plans"):
        execute(f"{option.format('min')} FROM huabei_instalmentterms")
