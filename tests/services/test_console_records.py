"""The console's records: every list and page opens, cost the same however long, and show each role what it may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from django.utils.html import strip_tags

from creditscore.models import AccountMonth, ModelVersion, Outcome, ProtectedAttributes
from customers.models import Customer, Login
from huabei.models import (
    Arrears,
    CalendarChange,
    Classification,
    Closure,
    ConsumerRule,
    CreditPayout,
    InstalmentTerms,
    LimitReview,
    Line,
    OpeningDecision,
    OpeningPolicy,
    Purchase,
    Refund,
    Repayment,
    ReviewTerms,
    SharedLine,
    Statement,
    StatementDocument,
)
from huabei.services import corrections, lifecycle, limits, merchants, repayments
from huabei.services.bulk import freeze_lines, thaw_chosen, thaw_lines
from huabei.services.causes import Why
from huabei.services.hearings import Ruling, ask_for_review, uphold
from huabei.services.opening import apply_for_line
from huabei.services.policies import publish_policy
from operations.models import CloseStep
from operations.services import closing
from operations.services.proving import prove_books
from operations.staff import ADMINISTRATOR, UNDERWRITER
from payments.models import PaymentOrder
from payments.services import sending
from payments.services.orders import request_payout
from tests.borrowers import borrower, buys, lived_until, opened_line, published, repays, shop
from tests.line_world import a_campaign, a_customer, bought
from tests.payment_world import a_source
from tests.publishing import publication
from tests.services.test_console import staff_login

pytestmark = pytest.mark.django_db

AT = "2026-05-01T00:00:00Z"
APPS = ("huabei", "payments", "creditscore", "operations")
RECORDS = sorted(
    (model._meta.label_lower for model in admin.site._registry if model._meta.app_label in APPS),
)


def _lived() -> int:
    customer = borrower()
    published(customer, 640)
    line = opened_line(customer)
    lived_until(date(2026, 6, 30))
    buys(line, shop(), "1000.00", on=date(2026, 6, 30))
    lived_until(date(2026, 7, 9))
    a_source(customer.pk, 0)
    repays(line, "100.00", on=date(2026, 7, 9))
    lived_until(date(2026, 8, 2))
    spends(line)
    was_late(line)
    was_changed(line)
    facts(customer)
    return line.pk


@pytest.fixture(scope="module")
def lived(once: Callable[[Callable[[], int]], int]) -> int:
    return once(_lived)


@pytest.fixture
def line(lived: int) -> Line:
    """A borrower with a score, two statements, interest, a refund and a late payment; 1,299.00 not billed yet."""
    return Line.objects.get(pk=lived)


def was_late(line: Line) -> None:
    """A time over which the line was late, long ago."""
    Arrears.objects.create(
        line=line,
        began_on="2026-01-11",
        since="2026-01-11",
        until="2026-01-21",
        oldest_due_on="2026-01-10",
        overdue_fen=12_34,
    )
    Classification.objects.create(
        line=line,
        category="attention",
        since="2026-01-11",
        until="2026-01-21",
        days_past_due=1,
        rule_from="2000-01-01",
    )


def was_changed(line: Line) -> None:
    """Everything that can happen to a line itself, on the last day."""
    day = date(2026, 8, 2)
    why = Why("risk", "staff:1", "c")
    limits.change_limit(line_id=line.pk, limit_fen=8_100_00, why=why, on=day)
    limits.change_limit(line_id=line.pk, limit_fen=8_000_00, why=replace(why, reference="d"), on=day)
    festival = replace(why, cause="festival", reference="e")
    change = limits.raise_temporarily(line_id=line.pk, amount_fen=1_00, last_day=day, why=festival, on=day)
    end = replace(why, cause="mistake", reference="f")
    limits.end_temporary(temporary_id=change.temporary_id or 0, why=end, on=day)
    frozen = lifecycle.freeze(line_id=line.pk, why=replace(why, cause="fraud"), on=day)
    lifecycle.thaw(freeze_id=frozen.pk, why=replace(why, cause="cleared"), on=day)
    together = replace(why, cause="cash_out", reference="h")
    bulk = freeze_lines(line_ids=[line.pk], why=together, on=day)
    thaw_lines(bulk_id=bulk.pk, why=replace(together, cause="cleared"), on=day)
    cleared = replace(why, cause="cleared", reference="k")
    thaw_chosen(line_ids=[line.pk], freeze_cause="cash_out", why=cleared, on=day)
    refused = OpeningDecision.objects.filter(outcome="refused").latest("pk")
    review = ask_for_review(
        customer_id=line.customer_id, decision_id=refused.pk, statement="", reference="a", on=day
    )
    uphold(review_id=review.pk, ruling=Ruling("staff:1", "x", "v"), on=day)
    seller = shop()
    merchants.suspend(merchant_id=seller.pk, why=replace(why, cause="complaints", reference="i"), on=day)
    merchants.reinstate(merchant_id=seller.pk, why=replace(why, cause="cleared", reference="j"), on=day)
    LimitReview.objects.create(
        line=line,
        reviewed_on=day,
        months_on_book=2,
        overdue_fen=0,
        earned_fen=8_000_00,
        before_fen=8_000_00,
        after_fen=8_000_00,
        outcome="kept",
        reasons=[],
        terms=ReviewTerms.objects.get(),
        policy=OpeningPolicy.objects.earliest("effective_from"),
        consumer_rule=ConsumerRule.objects.get(lender_type="microlender", effective_from="2021-03-17"),
    )
    CalendarChange.objects.create(
        line=line,
        changed_on="2026-06-01",
        statement_day_before=5,
        due_day_before=15,
        statement_day=line.statement_day,
        due_day=line.due_day,
    )
    bounced = repayments.repay(line_id=line.pk, amount_fen=1_00, reference="bounces", on=day)
    corrections.reverse_repayment(repayment_id=bounced.pk, reason="no money", on=day)
    CreditPayout.objects.create(
        line=line, reference="p", request_hash=b"0" * 32, amount_fen=1, by="staff:1", paid_on=day, entry_id=1
    )
    SharedLine.objects.create(
        line=line, beneficiary=a_customer(), status="closed", monthly_cap_fen=100_00, invited_on=day
    )
    told = {"cause": "fraud", "by": "staff:1", "note": "", "reference": "g", "request_hash": b"0" * 32}
    Closure.objects.create(line=line, closed_on=day, limit_fen=8_000_00, drawn_fen=0, **told)


def test_the_timeline_tells_everything_and_opens_each_record_and_entry(client: Client, line: Line) -> None:
    console = staff(client)
    address = reverse("admin:huabei_line_timeline", args=[line.pk])
    shown = html = ""
    for page in range(1, 4):
        answer = console.get(f"{address}?page={page}")
        shown, html = shown + text(answer), html + answer.content.decode()
    for said in (
        "opened 8,000.00",
        "purchase authorised 1,000.00",
        "purchase captured 1,000.00",
        "refund 2.99",
        "repayment 100.00",
        "statement",
        "minimum fell due",
        "interest begins to run",
        "correction: a repayment that was taken back 1.00",
        "limit set 8,100.00 before 8,000.00 · cause higher risk · by staff:1",
        "raised for a time",
        "temporary limit ended",
        "frozen cause suspected fraud",
        "freeze ended cause suspicion cleared",
        "reviewed: kept",
        "statement day moved",
        "credit paid out",
        "late from here",
        "not late any more",
    ):
        assert said in shown, said
    assert shown.index("limit set 8,100.00") < shown.index("opened 8,000.00"), "newest first"
    assert reverse("admin:ledger_entry_change", args=[Refund.objects.latest("pk").entry_id]) in html
    assert reverse("admin:huabei_repayment_change", args=[Repayment.objects.latest("pk").pk]) in html
    for nonsense in ("0", "-1", "x", "201", "1000"):
        assert console.get(f"{address}?page={nonsense}").status_code == 404
    few = queries(console, address)
    for _n in range(12):
        spends(line)
    assert queries(console, address) == few


def spends(line: Line) -> None:
    """One more of everything that can happen many times."""
    day = date(2026, 8, 2)
    apply_for_line(customer_id=line.customer_id, reference=str(uuid4()), on=day)
    later = day + timedelta(days=OpeningPolicy.objects.count())
    publish_policy(
        publication=publication(later, reference=str(later)), figures={}, bands=[(600, 500_00)], on=day
    )
    purchase = buys(line, shop("极光数码"), "12.99", on=day)
    repayments.refund(purchase_id=purchase.pk, amount_fen=299, reference="r", on=day)
    repays(line, "1.00", on=day)
    kitchen = shop("山海电器")
    campaign = a_campaign(kitchen, on=day)
    bought(line, kitchen, 100_00, day, instalments=3, campaign_id=campaign.pk)
    InstalmentTerms.objects.create(effective_from=day + timedelta(days=InstalmentTerms.objects.count()))
    source = a_source(line.customer_id, 0)
    request_payout(
        owner=line.customer_id,
        amount_fen=1,
        purpose="p",
        subject="s",
        reference=source.token,
        source=source.uuid,
        on=day,
    )
    sending.next_try(order_id=PaymentOrder.objects.latest("pk").pk, on=day)


def facts(customer: Customer) -> None:
    """What the score is made from."""
    seen = {"customer_id": customer.pk, "source": "bank", "occurred_at": AT, "known_at": AT}
    AccountMonth.objects.create(
        **seen,
        account="1",
        reference=f"bank:{customer.pk}:4",
        month="2026-04-01",
        limit_fen=500_000,
        statement_fen=123_456,
        paid_fen=123_456,
        months_late=-1,
    )
    Outcome.objects.create(
        **seen, reference=f"bank:{customer.pk}:5", month="2026-05-01", defaulted=False, row_number=7
    )
    ProtectedAttributes.objects.create(
        customer_id=customer.pk, sex="female", marital_status="single", birth_year=1990
    )


def staff(client: Client, role: str = ADMINISTRATOR) -> Client:
    client.force_login(staff_login(role))
    client.cookies["django_language"] = "en"
    return client


def text(answer: Any) -> str:
    """What a page says, on one line, without its tags."""
    return " ".join(strip_tags(answer.content.decode().replace("<", " <")).split())


def list_of(label: str) -> str:
    """The address of a list."""
    return reverse(f"admin:{label.replace('.', '_')}_changelist")


def test_every_list_and_its_first_record_open(client: Client, line: Line) -> None:
    prove_books(at=datetime(2026, 8, 1, tzinfo=UTC))
    console = staff(client)
    for label in RECORDS:
        answer = console.get(list_of(label))
        assert answer.status_code == 200, label
        records = answer.context["cl"].result_list
        assert records, f"{label}: nothing to look at"
        page = console.get(reverse(f"admin:{label.replace('.', '_')}_change", args=[records[0].pk]))
        assert page.status_code == 200, label


def test_longer_lists_and_pages_cost_no_more_queries(client: Client, line: Line) -> None:
    console = staff(client)
    pages = [reverse("admin:huabei_line_change", args=[line.pk]), "/console/"]
    addresses = [*map(list_of, RECORDS), *pages]
    few = {address: queries(console, address) for address in addresses}
    for _n in range(5):
        spends(line)
    other = borrower("stranger")
    published(other, 702)
    spends(opened_line(other))
    facts(other)
    assert {address: queries(console, address) for address in addresses} == few
    assert max(few.values()) <= 25


def queries(console: Client, address: str) -> int:
    """How many queries a page costs, sessions and permissions included."""
    with CaptureQueriesContext(connection) as found:
        assert console.get(address).status_code == 200
    return len(found)


def test_a_lines_page_shows_every_balance_and_opens_its_postings(client: Client, line: Line) -> None:
    answer = staff(client).get(reverse("admin:huabei_line_change", args=[line.pk]))
    shown = text(answer)
    for stands in (
        "limit 8,000.00",
        "principal, not billed 10.00",
        "principal, billed 900.00",
        "interest owed 8.45",
        "penalty owed 0.00",
    ):
        assert stands in shown.lower()
    html = answer.content.decode()
    for account_id in (line.commitment_account_id, line.billed_account_id, line.credit_account_id):
        assert reverse("admin:ledger_account_change", args=[account_id]) in html
    statement, purchase = Statement.objects.latest("pk"), Purchase.objects.latest("pk")
    assert reverse("admin:huabei_statement_change", args=[statement.pk]) in html
    assert reverse("admin:huabei_purchase_change", args=[purchase.pk]) in html


def test_a_statements_page_shows_the_days_that_interest_ran(client: Client, line: Line) -> None:
    statement = Statement.objects.latest("pk")
    shown = text(staff(client).get(reverse("admin:huabei_statement_change", args=[statement.pk])))
    assert "revolving interest 900.00 0.05% July 11, 2026 July 31, 2026 21 9.45" in shown


def test_a_statements_figures_open_to_their_entries_and_its_documents_to_their_files(
    client: Client, line: Line
) -> None:
    console, statement = staff(client), Statement.objects.latest("pk")
    address = reverse("admin:huabei_statement_change", args=[statement.pk])
    page = console.get(address)
    with translation.override("en"):
        tables = {
            str(table.title): table for table in page.context["adminform"].model_admin.tables(statement)
        }
        figures = {str(row[0]): row for row in tables["Every figure and its postings"].rows}
    assert {"newly billed interest", "principal", "interest"} <= figures.keys()
    assert all(row[1] == row[2] for row in figures.values())
    assert statement.entry_id
    assert reverse("admin:ledger_entry_change", args=[statement.entry_id]) in figures["interest"][3]
    assert "when it is first opened" in text(page)
    file = console.get(reverse("admin:huabei_statement_document", args=[statement.pk, "en"]))
    kept = StatementDocument.objects.get()
    assert (file["Content-Type"], file.content) == ("application/pdf", bytes(kept.content))
    assert kept.fingerprint in text(console.get(address))
    assert console.get(f"{address[: -len('change/')]}document/fr/").status_code == 404


def test_a_document_is_not_for_staff_who_may_not_see_statements(client: Client, line: Line) -> None:
    address = reverse("admin:huabei_statement_document", args=[Statement.objects.latest("pk").pk, "en"])
    assert client.get(address).status_code == 302
    client.force_login(Login.objects.create_user("nobody", password="x", is_staff=True))
    assert client.get(address).status_code == 403


def test_a_customers_page_leads_to_lines_and_scores(client: Client, line: Line) -> None:
    console = staff(client, UNDERWRITER)
    page = console.get(reverse("admin:customers_customer_change", args=[line.customer_id]))
    links = [address for _text, address in page.context["links"]]
    found = [console.get(address).context["cl"].result_count for address in links]
    # No loan and no order; score, line and the decision on it; sources and payment orders.
    assert sorted(found) == [0, 0, 1, 1, 1, 2, 2]


def test_a_score_is_found_by_its_customer_and_explained(client: Client, line: Line) -> None:
    console = staff(client, UNDERWRITER)
    found = console.get(list_of("creditscore.score"), {"q": str(line.customer_id)}).context["cl"]
    assert [score.points for score in found.result_list] == [640]
    assert console.get(list_of("creditscore.score"), {"q": "nobody"}).context["cl"].result_count == 0
    page = console.get(reverse("admin:creditscore_score_change", args=[found.result_list[0].pk]))
    assert "B1 How much of the credit line is in use, and its trend -18" in text(page)


@pytest.mark.parametrize(("band", "expected"), [("good", 1), ("poor", 0), ("none", 0)])
def test_scores_are_narrowed_to_a_band(client: Client, line: Line, band: str, expected: int) -> None:
    found = staff(client).get(list_of("creditscore.score"), {"band": band}).context["cl"]
    assert found.result_count == expected


def test_a_models_page_shows_its_quality_and_groups_only(client: Client, line: Line) -> None:
    ModelVersion.objects.update(state="retired")
    model = ModelVersion.objects.create(
        sha256="1" * 64,
        booster=b"",
        document=b"",
        as_of=date(2026, 5, 5),
        trained_at=AT,
        state="champion",
        metrics={
            "people": 30000,
            "auc": 0.78123,
            "ks": 0.43,
            "brier": 0.134,
            "calibration": [{"people": 900, "predicted": 0.05, "observed": 0.049}],
            "fairness": {
                "sex": [
                    {
                        "group": "female",
                        "people": 5000,
                        "bad_rate": 0.2,
                        "selection_rate": 0.6,
                        "selection_ratio": 0.97,
                        "good_selection_rate": 0.7,
                    }
                ]
            },
            "importance": {"paid_mean_fen": 0.1, "late_latest": 0.4},
        },
    )
    shown = text(
        staff(client, UNDERWRITER).get(reverse("admin:creditscore_modelversion_change", args=[model.pk]))
    )
    assert "0.7812" in shown
    assert "900 5.0% 4.9%" in shown
    assert "female 5000 20.0% 60.0% 97.0% 70.0%" in shown
    assert "late_latest 40.0% paid_mean_fen 10.0%" in shown


@pytest.mark.parametrize(
    ("label", "underwriter", "administrator"),
    [
        ("huabei.line", 200, 200),
        ("huabei.terms", 200, 200),
        ("creditscore.score", 200, 200),
        ("creditscore.modelversion", 200, 200),
        ("huabei.accrual", 403, 200),
        ("creditscore.outcome", 403, 200),
        ("creditscore.protectedattributes", 403, 200),
    ],
)
def test_protected_attributes_and_income_are_for_administrators(
    client: Client, label: str, underwriter: int, administrator: int
) -> None:
    assert staff(client, UNDERWRITER).get(list_of(label)).status_code == underwriter
    assert staff(client, ADMINISTRATOR).get(list_of(label)).status_code == administrator


def test_the_front_page_says_where_the_bank_stands(client: Client, line: Line) -> None:
    shown = text(staff(client, UNDERWRITER).get("/console/"))
    assert "Business date Aug. 2, 2026 Last close: Aug. 1, 2026" in shown
    assert "Credit lines 1 ¥8,000.00 granted" in shown
    assert "Drawn ¥1,010.00" in shown
    assert "Overdue ¥0.00 0 lines" in shown
    assert "Good 1" in shown
    steps = CloseStep.objects.filter(closed_on=date(2026, 8, 1)).count()
    assert f"Aug. 1, 2026 {steps} / {steps}" in shown


def test_staff_without_a_role_see_no_figures_on_the_front_page(client: Client, line: Line) -> None:
    client.force_login(Login.objects.create_user("new", is_staff=True))
    answer = client.get("/console/")
    assert answer.status_code == 200
    assert "8,000.00" not in text(answer)


def test_a_close_that_stopped_half_way_shows_on_the_front_page(client: Client, line: Line) -> None:
    next(closing.close_day(closed_on=closing.business_date()))  # one step, and no more
    assert "steps" in text(staff(client).get("/console/")).split("Credit lines")[0]
