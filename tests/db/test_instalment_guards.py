"""PostgreSQL refuses what must not happen to instalments, whoever asks. Each guard is broken here on purpose, by raw SQL."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError

from huabei.models import CampaignAlert, Line, Plan
from huabei.services import instalments, repayments
from huabei.services.campaigns import Figures, change_campaign, end_campaign
from tests.db.test_line_guards import execute
from tests.line_world import a_campaign, a_line, a_merchant, bought, end_day

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def line() -> Line:
    """A line with plans of a purchase and of a statement, billed, refunded and paid off early."""
    line, shop = a_line(), a_merchant()
    purchase = bought(line, shop, 600_00, date(2026, 7, 21), instalments=3)
    bought(line, shop, 500_00, date(2026, 7, 21))
    end_day(date(2026, 7, 31))
    spread = instalments.spread_statement(
        line_id=line.pk, amount_fen=300_00, periods=3, reference="s", on=date(2026, 8, 2)
    )
    instalments.pay_off(plan_id=spread.pk, reference="p", on=date(2026, 8, 3))
    repayments.refund(purchase_id=purchase.pk, amount_fen=100_00, reference="r", on=date(2026, 8, 3))
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    return line


PLAN_FACTS = ["huabei_planchoice", "huabei_plan", "huabei_payoff", "huabei_planrefund"]


@pytest.mark.parametrize("table", [*PLAN_FACTS, "huabei_planrow"])
@pytest.mark.parametrize("verb", ["DELETE FROM", "TRUNCATE"])
def test_the_application_role_may_not_remove_a_plan(table: str, verb: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(f"{verb} {table}")


@pytest.mark.parametrize("table", PLAN_FACTS)
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET {} = {}", "DELETE FROM {} WHERE {} = {}", "TRUNCATE {} CASCADE"]
)
def test_even_the_owner_may_not_change_a_plan(table: str, statement: str) -> None:
    column = "purchase_id" if table == "huabei_planchoice" else "entry_id"
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
        execute(statement.format(table, column, column), as_owner=True)


@pytest.mark.parametrize(
    "changes",
    [
        "principal_fen = principal_fen + 1 WHERE billed_on IS NULL AND ended_on IS NULL",
        "fee_fen = 0 WHERE billed_on IS NULL AND ended_on IS NULL",
        "number = 9 WHERE billed_on IS NULL AND ended_on IS NULL",
        "line_id = line_id + 1 WHERE billed_on IS NULL AND ended_on IS NULL",
        "billed_on = NULL WHERE billed_on IS NOT NULL",
        "ended_on = NULL WHERE ended_on IS NOT NULL",
        "ended_on = ended_on + 1 WHERE ended_on IS NOT NULL",
    ],
)
def test_a_row_of_a_plan_is_only_billed_or_ended(changes: str) -> None:
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
        execute(f"UPDATE huabei_planrow SET {changes}", as_owner=True)


@pytest.mark.parametrize(
    "changes",
    [
        "budget_fen = budget_fen + 1",
        "ends_on = ends_on + 1",
        "periods = '{12}'",
        "budget_account_id = 1",
        "ended_on = NULL, \"end\" = '', end_reason = ''",
        "end_reason = 'another'",
        "alerted_on = NULL",
    ],
)
def test_a_campaign_keeps_its_promise_and_ends_once(line: Line, changes: str) -> None:
    campaign = a_campaign(a_merchant(), on=date(2026, 8, 1))
    end_campaign(campaign_id=campaign.pk, reason="over", on=date(2026, 8, 2))
    execute("UPDATE huabei_campaign SET alerted_on = '2026-08-02'")
    for as_owner in (False, True):
        with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
            execute(f"UPDATE huabei_campaign SET {changes}", as_owner=as_owner)
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute("DELETE FROM huabei_campaign")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE huabei_campaignchange SET reason = 'another'",
        "DELETE FROM huabei_campaignchange",
        "UPDATE huabei_campaignalert SET used_fen = budget_fen",
        "DELETE FROM huabei_campaignalert",
        "UPDATE huabei_campaign SET budget_fen = budget_fen + 1",
        "UPDATE huabei_campaign SET ends_on = ends_on + 1",
    ],
)
def test_changes_and_alerts_of_a_campaign_stay(line: Line, statement: str) -> None:
    campaign = a_campaign(a_merchant(), on=date(2026, 8, 1))
    figures = Figures(campaign.starts_on, campaign.ends_on, 100_00, 900_00, 50_00, 40_00)
    given: dict[str, Any] = {"by": "staff:1", "reason": "agreed", "reference": "c", "on": date(2026, 8, 1)}
    change_campaign(campaign_id=campaign.pk, figures=figures, **given)
    CampaignAlert.objects.create(
        campaign=campaign, raised_on=date(2026, 8, 1), used_fen=45_00, budget_fen=50_00, alert_fen=40_00
    )
    with pytest.raises(DatabaseError, match="facts are corrected by mirror transfers"):
        execute(statement, as_owner=True)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (
            "INSERT INTO huabei_campaignalert (campaign_id, raised_on, used_fen, budget_fen, alert_fen)"
            " SELECT id, made_on, 1, 10, 2 FROM huabei_campaign",
            "campaign_alert_has_a_cause",
        ),
        (
            "INSERT INTO huabei_campaignalert (campaign_id, raised_on, used_fen, budget_fen, alert_fen)"
            " SELECT id, made_on, 5, 10, 2 FROM huabei_campaign, generate_series(1, 2)",
            "campaign_alert_once_per_budget",
        ),
        (
            "INSERT INTO huabei_campaignchange (campaign_id, changed_on, starts_on, ends_on, smallest_fen, largest_fen,"
            " budget_fen, alert_fen, by, reason, reference, request_hash)"
            " SELECT id, made_on, starts_on, ends_on, 1, 1, 1, 1, 'staff:1', '', 'x', sha256('x') FROM huabei_campaign",
            "campaign_change_has_a_reason",
        ),
        (
            "INSERT INTO huabei_campaignchange (campaign_id, changed_on, starts_on, ends_on, smallest_fen, largest_fen,"
            " budget_fen, alert_fen, by, reason, reference, request_hash)"
            " SELECT id, made_on, starts_on, ends_on, 1, 1, 1, 1, 'staff:1', 'y', 'x', sha256('x')"
            " FROM huabei_campaign, generate_series(1, 2)",
            "campaign_change_once_per_reference",
        ),
    ],
)
def test_nonsense_about_a_campaign_cannot_be_written(line: Line, statement: str, constraint: str) -> None:
    a_campaign(a_merchant(), on=date(2026, 8, 1))
    with pytest.raises(IntegrityError, match=constraint):
        execute(statement)


def test_a_campaign_ends_for_a_cause(line: Line) -> None:
    a_campaign(a_merchant(), on=date(2026, 8, 1))
    with pytest.raises(IntegrityError, match="campaign_ends_for_a_cause"):
        execute("UPDATE huabei_campaign SET ended_on = '2026-08-02'")


# fmt: off
NO_PLAN = [
    ("UPDATE huabei_planrow SET billed_on = '2026-09-01', ended_on = '2026-09-01' WHERE billed_on IS NULL"
     " AND ended_on IS NULL", "plan_row_billed_or_ended"),
    ("INSERT INTO huabei_planrow (plan_id, line_id, number, principal_fen, fee_fen) SELECT plan_id, line_id, number, 1, 1"
     " FROM huabei_planrow WHERE ended_on IS NULL", "plan_row_once_per_number"),
    ("INSERT INTO huabei_planrow (plan_id, line_id, number, principal_fen, fee_fen) SELECT id, line_id, 20, -1, 1"
     " FROM huabei_plan", "plan_row_amounts_sensible"),
    ("INSERT INTO huabei_planrefund (plan_id, refund_id, principal_fen, fee_fen, refunded_on, entry_id) SELECT plan_id,"
     " refund_id, 1, 0, refunded_on, 1 FROM huabei_planrefund", "plan_refund_once"),
    ("INSERT INTO huabei_planrefund (plan_id, refund_id, principal_fen, fee_fen, refunded_on, entry_id) SELECT plan_id, 1,"
     " 0, 0, refunded_on, 1 FROM huabei_planrefund", "plan_refund_amounts_sensible"),
    ("INSERT INTO huabei_payoff (plan_id, reference, principal_fen, fee_fen, waived_fen, paid_on, entry_id) SELECT id, 'x',"
     " 1, 1, 1, made_on, 7 FROM huabei_plan WHERE purchase_id IS NOT NULL", "payoff_amounts_sensible"),
    ("INSERT INTO huabei_payoff (plan_id, reference, principal_fen, fee_fen, waived_fen, paid_on, entry_id) SELECT plan_id,"
     " 'x', 1, 0, 0, paid_on, 7 FROM huabei_payoff", "huabei_payoff_plan_id_key"),
    ("UPDATE huabei_due SET instalment_fen = principal_fen + 1", "due_instalments_within_principal"),
    ("UPDATE huabei_due SET share_base_fen = -1", "due_instalments_within_principal"),
]
PLAN_COPIES = [
    ({"reference": "'x'", "entry_id": "7"}, "purchase_id IS NOT NULL", "plan_of_a_purchase_or_a_statement"),
    ({"due_id": "NULL", "entry_id": "7"}, "due_id IS NOT NULL", "plan_of_a_purchase_or_a_statement"),
    ({"entry_id": "7"}, "due_id IS NOT NULL", "plan_once_per_reference"),
    ({}, "purchase_id IS NOT NULL", "huabei_plan_entry_id_key"),
    ({"entry_id": "7", "principal_fen": "0"}, "purchase_id IS NOT NULL", "plan_amounts_sensible"),
    ({"entry_id": "7", "subsidy_fen": "1"}, "purchase_id IS NOT NULL", "plan_subsidy_of_a_campaign"),
    ({"entry_id": "7", "payoff_rule": "'never'"}, "purchase_id IS NOT NULL", "plan_payoff_rule_known"),
]
# fmt: on


@pytest.mark.parametrize(("statement", "constraint"), NO_PLAN)
def test_a_plan_that_makes_no_sense_cannot_be_written(statement: str, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        execute(statement)


@pytest.mark.parametrize(("changes", "which", "constraint"), PLAN_COPIES)
def test_a_plan_is_of_one_thing_and_made_once(changes: dict[str, str], which: str, constraint: str) -> None:
    columns = [str(field.column) for field in Plan._meta.concrete_fields if field.column != "id"]
    values = ", ".join(changes.get(column, column) for column in columns)
    with pytest.raises(IntegrityError, match=constraint):
        execute(
            f"INSERT INTO huabei_plan ({', '.join(columns)}) SELECT {values} FROM huabei_plan WHERE {which}"
        )
