"""PostgreSQL refuses policies and decisions that cannot be, whoever asks: each guard is tried here by raw SQL."""

from __future__ import annotations

from datetime import date

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

import huabei.audit_opening
from customers.models import Customer
from huabei.models import LimitChange, Line, OpeningDecision, ReviewVerdict
from huabei.services.causes import Why
from huabei.services.hearings import Ruling, ask_about_limit, ask_for_review, overturn, restore
from huabei.services.limits import change_limit, raise_temporarily
from huabei.services.opening import apply_for_line
from ledger.audit import verify
from operations import audit
from tests.borrowers import published
from tests.db.test_line_guards import execute
from tests.line_world import a_customer, a_line

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 1)
TABLES = [
    "huabei_consumerrule",
    "huabei_openingpolicy",
    "huabei_limitband",
    "huabei_openingdecision",
    "huabei_decisionreview",
    "huabei_reviewverdict",
]


@pytest.fixture(autouse=True)
def granted() -> OpeningDecision:
    """One who was granted a line of 8,000.00, and one who was refused."""
    customer, other = a_customer(), a_customer()
    published(customer, 650, on=date(2026, 5, 6))
    apply_for_line(customer_id=other.pk, reference="a", on=ON)
    decision = apply_for_line(customer_id=customer.pk, reference="a", on=ON)
    reviewed()
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("SET CONSTRAINTS ALL DEFERRED")
    return decision


def reviewed() -> None:
    """A third one, whose score was too low until a person looked at it again."""
    low = a_customer()
    published(low, 550, on=date(2026, 5, 6))
    refused = apply_for_line(customer_id=low.pk, reference="low", on=ON)
    review = ask_for_review(customer_id=low.pk, decision_id=refused.pk, statement="", reference="r", on=ON)
    overturn(review_id=review.pk, limit_fen=500_00, ruling=Ruling("staff:1", "salary", "v"), on=ON)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nobody_changes_what_was_decided_or_by_what(table: str, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(statement.format(table))
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
        execute(statement.format(table), as_owner=True)


def copied(table: str, where: str, **changes: str) -> str:
    """An INSERT of a copy of a row with some columns changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name <> 'id'",
            [table],
        )
        columns = [name for (name,) in cursor.fetchall()]
    assert changes.keys() <= set(columns)
    given = ", ".join(changes.get(name, name) for name in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {given} FROM {table} WHERE {where}"


PLAIN = "overturns_id IS NULL AND reference = 'a'"
GRANTED, REFUSED = f"outcome = 'granted' AND {PLAIN}", f"outcome = 'refused' AND {PLAIN}"
OVERTURNED, AGAIN = "overturns_id IS NOT NULL", {"reference": "'b'"}
NO_LINE = {"line_id": "NULL", **AGAIN}
# fmt: off
DECISIONS = [
    (REFUSED, {}, "opening_decision_once_per_reference"),
    (GRANTED, AGAIN, "huabei_openingdecision_line_id_key"),
    (REFUSED, {"reasons": "'{}'", **AGAIN}, "opening_decision_granted_or_says_why"),
    (REFUSED, {"limit_fen": "1", **AGAIN}, "opening_decision_granted_or_says_why"),
    (REFUSED, {"outcome": "'perhaps'", **AGAIN}, "opening_decision_granted_or_says_why"),
    (REFUSED, {"reasons": "'{whim}'", **AGAIN}, "opening_decision_reasons_known"),
    (REFUSED, {"score": "700", **AGAIN}, "opening_decision_score_is_a_published_one"),
    (REFUSED, {"score_id": "1", "model_id": "1", "scored_on": "NULL", **AGAIN}, "opening_decision_on_a_published_score"),
    (REFUSED, {"overdue_fen": "-1", **AGAIN}, "opening_decision_figures_sensible"),
    (REFUSED, {"consumer_exposure_fen": "exposure_fen + 1", **AGAIN}, "opening_decision_figures_sensible"),
    (REFUSED, {"decided_on": "'2021-03-16'", **AGAIN}, "opening_decision_by_what_is_in_force"),
    (REFUSED, {"consumer_rule_id": "(SELECT max(id) FROM huabei_consumerrule)", **AGAIN},
     "opening_decision_by_what_is_in_force"),
    (GRANTED, {"score": "700", **NO_LINE}, "opening_decision_on_a_published_score"),
    (GRANTED, {"scored_on": "'2026-05-20'", **NO_LINE}, "opening_decision_on_a_published_score"),
    (GRANTED, {"model_id": "0", **NO_LINE}, "opening_decision_on_a_published_score"),
    (GRANTED, {"limit_fen": "49999", **AGAIN}, "opening_decision_within_its_policy"),
    (GRANTED, {"limit_fen": "earned_fen + 1", **AGAIN}, "opening_decision_within_its_policy"),
    (GRANTED, {"limit_fen": "5000001", "earned_fen": "6000000", **AGAIN}, "opening_decision_within_its_policy"),
    (GRANTED, {"overdue_fen": "1", **AGAIN}, "opening_decision_within_its_policy"),
    (GRANTED, {"exposure_fen": "19200001", **AGAIN}, "opening_decision_within_its_policy"),
    (GRANTED, {"exposure_fen": "19200001", "consumer_exposure_fen": "19200001", **AGAIN},
     "opening_decision_within_its_policy"),
    # 35 days after 6 May the score does not count any more.
    (GRANTED, {"decided_on": "'2026-06-10'", **AGAIN}, "opening_decision_within_its_policy"),
    (GRANTED, {"decided_on": "'2026-06-09'", **AGAIN}, "opening_decision_of_the_line_it_opened"),
    (GRANTED, {"statement_day": "5", **AGAIN}, "opening_decision_of_the_line_it_opened"),
    (GRANTED, {"limit_fen": "700000", **AGAIN}, "opening_decision_of_the_line_it_opened"),
]
# fmt: on


@pytest.mark.parametrize(("where", "changes", "constraint"), DECISIONS)
def test_a_decision_that_cannot_be_is_not_written(
    where: str, changes: dict[str, str], constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        execute(copied("huabei_openingdecision", where, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"born_on": date(2008, 6, 2)},
        {"identity_verified_on": None},
        {"identity_verified_on": date(2026, 6, 2)},
        {"is_student": True},
    ],
)
def test_nobody_is_granted_a_line_who_may_have_none(
    granted: OpeningDecision, changes: dict[str, object]
) -> None:
    Customer.objects.filter(pk=granted.customer_id).update(**changes)
    with pytest.raises(IntegrityError, match="opening_decision_for_whom_it_may_be"):
        execute(copied("huabei_openingdecision", GRANTED, **AGAIN))


def test_a_grant_within_the_policy_to_the_fen_passes_but_for_its_line() -> None:
    """What the cases above go beyond is allowed: only that the line has its decision stands against this one."""
    edge = {"exposure_fen": "19200000", "consumer_exposure_fen": "19200000", "decided_on": "decided_on"}
    with pytest.raises(IntegrityError, match="huabei_openingdecision_line_id_key"):
        execute(copied("huabei_openingdecision", GRANTED, **edge, **AGAIN))


LATER = {"effective_from": "'2027-01-01'"}
# fmt: off
POLICIES = [
    ("huabei_openingpolicy", {}, "opening_policy_not_behind_decisions"),
    ("huabei_openingpolicy", {"effective_from": "'2026-06-01'"}, "opening_policy_not_behind_decisions"),
    ("huabei_consumerrule", {"effective_from": "'2026-06-01'"}, "opening_policy_not_behind_decisions"),
    ("huabei_consumerrule", {"lender_type": "'pawnshop'", **LATER}, "consumer_rule_sensible"),
    ("huabei_consumerrule", {"consumer_cap_fen": "0", **LATER}, "consumer_rule_sensible"),
    ("huabei_openingpolicy", {"lender_type": "'pawnshop'", **LATER}, "opening_policy_lender_known"),
    ("huabei_openingpolicy", {"minimum_age": "17", **LATER}, "opening_policy_person_sensible"),
    ("huabei_openingpolicy", {"minimum_score": "349", **LATER}, "opening_policy_person_sensible"),
    ("huabei_openingpolicy", {"score_days": "0", **LATER}, "opening_policy_person_sensible"),
    ("huabei_openingpolicy", {"minimum_limit_fen": "0", **LATER}, "opening_policy_amounts_in_order"),
    ("huabei_openingpolicy", {"maximum_limit_fen": "49999", **LATER}, "opening_policy_amounts_in_order"),
    ("huabei_openingpolicy", {"maximum_exposure_fen": "4999999", **LATER}, "opening_policy_amounts_in_order"),
    ("huabei_openingpolicy", {"maximum_exposure_fen": "1000000000001", **LATER}, "opening_policy_amounts_in_order"),
]
# fmt: on


@pytest.mark.parametrize(("table", "changes", "constraint"), POLICIES)
def test_a_policy_that_cannot_be_is_not_written(table: str, changes: dict[str, str], constraint: str) -> None:
    where = "id = (SELECT max(id) FROM huabei_openingpolicy)" if "policy" in table else "lender_type = 'bank'"
    with pytest.raises(IntegrityError, match=constraint):
        execute(copied(table, where, **changes))


@pytest.mark.parametrize(
    "bands",
    [
        [],
        [(601, 2_000_00)],
        [(600, 499_99)],
        [(600, 50_000_01)],
        [(600, 2_000_00), (650, 1_999_99)],
    ],
)
def test_a_policy_without_bands_that_go_with_it_is_not_committed(bands: list[tuple[int, int]]) -> None:
    statements = [copied("huabei_openingpolicy", "id = (SELECT max(id) FROM huabei_openingpolicy)", **LATER)]
    for score_from, limit_fen in bands:
        statements.append(
            "INSERT INTO huabei_limitband (policy_id, score_from, limit_fen)"
            f" SELECT max(id), {score_from}, {limit_fen} FROM huabei_openingpolicy"
        )
    with pytest.raises(IntegrityError, match="opening_policy_bands_in_order"):
        committed(*statements)


def committed(*statements: str) -> None:
    """Runs statements, and all that is looked at when a transaction ends."""
    with transaction.atomic():
        for statement in (*statements, "SET CONSTRAINTS ALL IMMEDIATE"):
            execute(statement)


def test_a_band_that_is_added_later_goes_with_its_policy_too() -> None:
    with pytest.raises(IntegrityError, match="opening_policy_bands_in_order"):
        committed(
            "INSERT INTO huabei_limitband (policy_id, score_from, limit_fen)"
            " SELECT id, 900, 50000 FROM huabei_openingpolicy"
        )


@pytest.mark.parametrize(
    ("score_from", "limit_fen", "constraint"),
    [
        (600, 2_000_00, "limit_band_once_per_score"),
        (349, 2_000_00, "limit_band_positive"),
        (500, 0, "limit_band_positive"),
    ],
)
def test_a_band_that_cannot_be_is_not_written(score_from: int, limit_fen: int, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        execute(
            "INSERT INTO huabei_limitband (policy_id, score_from, limit_fen)"
            f" SELECT id, {score_from}, {limit_fen} FROM huabei_openingpolicy"
        )


# What each check of the books is there to find.
BROKEN = [
    ("UPDATE huabei_openingdecision SET reasons = '{student}' WHERE outcome = 'refused'", "opening_reasons"),
    ("UPDATE huabei_openingdecision SET limit_fen = 700000 WHERE outcome = 'granted'", "opening_granted"),
    ("ALTER TABLE huabei_openingdecision DISABLE TRIGGER huabei_openingdecision_is_right", "opening_guards"),
    ("GRANT UPDATE ON huabei_openingpolicy TO {role}", "opening_guards"),
    ("ALTER TABLE huabei_terms DISABLE TRIGGER huabei_terms_not_behind", "terms_guards"),
    ("UPDATE huabei_consumerrule SET consumer_cap_fen = 1 WHERE lender_type = 'bank'", "consumer_caps"),
]


def test_the_books_of_decisions_hold() -> None:
    assert [found.check.name for found in verify(audit.CHECKS) if not found.holds] == []
    names = {check.name for check in huabei.audit_opening.CHECKS} | {"consumer_caps"}
    assert names == {name for _statement, name in BROKEN}


@pytest.mark.parametrize(("statement", "name"), BROKEN)
def test_a_check_finds_what_was_broken_on_purpose(statement: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement.replace("{role}", settings.DATABASE_ROLE))
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute(f"SET ROLE {settings.DATABASE_ROLE}")
    assert name in {found.check.name for found in verify(audit.CHECKS) if not found.holds}


# What a person set aside a refusal by, each with one thing that not even a person may: the law, what is late, other people.
OTHERS = "(SELECT id FROM huabei_openingdecision WHERE outcome = 'refused' AND reference = 'a')"
# fmt: off
NOT_EVEN_A_PERSON = [
    ({"overdue_fen": "1"}, "opening_decision_within_its_policy"),
    ({"limit_fen": "49999"}, "opening_decision_within_its_policy"),
    ({"limit_fen": "5000001"}, "opening_decision_within_its_policy"),
    ({"exposure_fen": "20000000", "consumer_exposure_fen": "20000000"}, "opening_decision_within_its_policy"),
    ({"overturns_id": "NULL"}, "opening_decision_within_its_policy"),
    ({"overturns_id": OTHERS}, "opening_decision_overturns_what_was_reviewed"),
    ({"limit_fen": "50001"}, "opening_decision_of_the_line_it_opened"),
]
# fmt: on


@pytest.mark.parametrize(("changes", "constraint"), NOT_EVEN_A_PERSON)
def test_not_even_a_person_sets_this_aside(changes: dict[str, str], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        execute(copied("huabei_openingdecision", OVERTURNED, **changes, **AGAIN))


@pytest.mark.parametrize(
    "change", ["born_on = '2010-01-01'", "identity_verified_on = NULL", "is_student = true"]
)
def test_the_law_holds_for_a_person_too(change: str) -> None:
    execute("UPDATE customers_customer SET " + change, as_owner=True)
    with pytest.raises(IntegrityError, match="opening_decision_for_whom_it_may_be"):
        execute(copied("huabei_openingdecision", OVERTURNED, **AGAIN))


def test_a_refusal_is_reviewed_once_and_decided_once() -> None:
    of_a_grant = f"(SELECT id FROM huabei_openingdecision WHERE {GRANTED})"
    with pytest.raises(IntegrityError, match="decision_review_of_a_refusal"):
        execute(copied("huabei_decisionreview", "true", decision_id=of_a_grant))
    with pytest.raises(IntegrityError, match="huabei_decisionreview_decision_id_key"):
        execute(copied("huabei_decisionreview", "true"))
    with pytest.raises(IntegrityError, match="huabei_reviewverdict_review_id_key"):
        execute(copied("huabei_reviewverdict", "true", opened_by_id="NULL", outcome="'upheld'"))
    for changes, constraint in (
        ({"outcome": "'upheld'"}, "review_verdict_opens_or_upholds"),
        ({"opened_by_id": "NULL"}, "review_verdict_opens_or_upholds"),
        ({"reason": "''"}, "review_verdict_says_who_and_why"),
        ({"opened_by_id": of_a_grant}, "review_verdict_of_its_decision"),
    ):
        with pytest.raises(IntegrityError, match=constraint):
            execute(copied("huabei_reviewverdict", "true", **changes))


def limited(line: Line, fen: int, reference: str, cause: str = "risk", by: str = "staff:1") -> LimitChange:
    return change_limit(line_id=line.pk, limit_fen=fen, why=Why(cause, by, reference), on=ON)


def cut_and_given_back(line: Line) -> tuple[LimitChange, ReviewVerdict]:
    """2,000.00 were cut, and 1,000.00 of that given back."""
    cut = limited(line, 6_000_00, "cut")
    review = ask_about_limit(
        customer_id=line.customer_id, change_id=cut.pk, statement="", reference="c", on=ON
    )
    ruling = Ruling("staff:1", "salary", "restored")
    return cut, restore(review_id=review.pk, limit_fen=7_000_00, ruling=ruling, on=ON)


def refuses(table: str, where: str, cases: list[tuple[dict[str, str], str]]) -> None:
    for changes, constraint in cases:
        with pytest.raises(IntegrityError, match=constraint):
            execute(copied(table, where, **changes))


def test_a_cut_is_reviewed_once(granted: OpeningDecision) -> None:
    line = granted.line
    assert line is not None
    cut, _verdict = cut_and_given_back(line)
    other = limited(line, 5_000_00, "other")
    raised = limited(line, 7_000_00, "raised")
    own = limited(line, 6_000_00, "own", "customer_wish", "customer")
    refuses(
        "huabei_decisionreview",
        f"limit_change_id = {cut.pk}",
        [
            ({}, "huabei_decisionreview_limit_change_id_key"),
            ({"limit_change_id": "NULL"}, "decision_review_of_one_thing"),
            (
                {"decision_id": "(SELECT min(decision_id) FROM huabei_decisionreview)"},
                "decision_review_of_one_thing",
            ),
            ({"limit_change_id": str(raised.pk)}, "decision_review_of_a_cut"),
            ({"limit_change_id": str(own.pk)}, "decision_review_of_a_cut"),
            ({"limit_change_id": str(other.pk), "asked_on": "'2026-05-31'"}, "decision_review_of_a_cut"),
        ],
    )


def test_no_more_is_given_back_than_was_cut_and_by_nothing_else(granted: OpeningDecision) -> None:
    line = granted.line
    assert line is not None
    before = limited(line, 8_000_01, "before")
    limited(line, 8_000_00, "as it was")
    _cut, verdict = cut_and_given_back(line)
    other = limited(a_line(), 8_000_01, "another line's")
    again = limited(line, 6_999_99, "cut again")
    more = limited(line, 9_000_00, "more than was cut")
    for_a_time = raise_temporarily(
        line_id=line.pk, amount_fen=1, last_day=ON, why=Why("travel", "staff:1", "t"), on=ON
    )
    refuses(
        "huabei_reviewverdict",
        f"id = {verdict.pk}",
        [
            ({}, "huabei_reviewverdict_review_id_key"),
            ({"outcome": "'upheld'"}, "review_verdict_opens_or_upholds"),
            (
                {"opened_by_id": "(SELECT max(opened_by_id) FROM huabei_reviewverdict)"},
                "review_verdict_of_its_decision",
            ),
            *(
                ({"restored_by_id": str(wrong.pk)}, "review_verdict_gives_back_its_cut")
                for wrong in (before, other, again, more, for_a_time)
            ),
            ({"by": "'staff:2'"}, "review_verdict_gives_back_its_cut"),
            ({"decided_on": "'2026-06-02'"}, "review_verdict_gives_back_its_cut"),
        ],
    )
