"""Loans in the console: every number opens to its postings; each act is previewed, caused, permitted, and undone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger.audit import verify
from ledger.models import Entry
from lending.models import Loan, LoanTransaction
from lending.selectors import loan_on
from lending.services import servicing
from operations import audit
from operations.services import business_day
from operations.services.steps import STEPS
from operations.staff import ADMINISTRATOR, SERVICER, UNDERWRITER
from tests.borrowers import lived_until
from tests.loan_world import SIGNED_ON, lent
from tests.services.test_borrower_pages import text
from tests.services.test_console import staff_login

pytestmark = pytest.mark.django_db


def _late_loan() -> int:
    lived_until(SIGNED_ON)
    loan = lent()
    lived_until(date(2026, 7, 15))
    return loan.pk


@pytest.fixture(scope="module")
def late_loan(once: Callable[[Callable[[], int]], int]) -> int:
    return once(_late_loan)


@pytest.fixture
def loan(late_loan: int) -> Loan:
    """12,000.00 over twelve months from 10 June, the first instalment unpaid; the bank is on 15 July."""
    return Loan.objects.get(pk=late_loan)


@pytest.fixture
def page(client: Client) -> Client:
    client.force_login(staff_login(SERVICER))
    client.cookies["django_language"] = "en"
    return client


def act(page: Client, loan: Loan, name: str, **given: str) -> Any:
    return page.post(
        f"/console/lending/loan/{loan.pk}/act/{name}/", {"key": str(uuid4()), "value_on": "", **given}
    )


def owed(loan: Loan) -> tuple[Any, ...]:
    told = loan_on(loan, date(2026, 7, 15))
    return (
        told.status,
        told.outstanding,
        told.payoff.total_fen,
        [(row.due_on, row.due_fen) for row in told.rows],
    )


def holds() -> bool:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


CAUSE = {"cause": "asked for by the borrower"}
# Each act with what its form is given.
ACTS: dict[str, dict[str, str]] = {
    "receive": {"amount_fen": "500.00"},
    "charge": {"amount_fen": "20.00", "component": "fee", **CAUSE},
    "pause": {"last_day": "2026-07-31", **CAUSE},
    "rate": {"rate": "0.0001", **CAUSE},
    "due-day": {"due_day": "20", **CAUSE},
    "reschedule": {"mode": "extend", "periods": "6", **CAUSE},
    "charge-off": CAUSE,
    "write-off": CAUSE,
}


def test_the_loans_page_opens_each_number_to_its_postings(page: Client, loan: Loan) -> None:
    servicing.repay(loan_id=loan.pk, amount_fen=500_00, reference="r1", on=date(2026, 7, 15))
    answer = page.get(f"/console/lending/loan/{loan.pk}/change/")
    html, shown = answer.content.decode(), text(answer)
    for account in ("principal_account_id", "interest_account_id", "penalty_account_id", "credit_account_id"):
        assert f"/console/ledger/account/{getattr(loan, account)}/change/" in html
    for row in LoanTransaction.objects.all():
        assert f"/console/lending/loantransaction/{row.pk}/change/" in html
        assert f"/console/ledger/entry/{row.entry_id}/change/" in html
        fact = text(page.get(f"/console/lending/loantransaction/{row.pk}/change/"))
        assert "Loan principal #" in fact
    assert shown.index("repayment 500.00") < shown.index("paid out 12,000.00"), "newest first"
    assert "5.48% / 5.62%" in shown
    assert "2026" in shown
    assert "overdue" in shown


@pytest.mark.parametrize("name", ACTS)
def test_an_act_is_previewed_without_a_trace_then_done_once_and_undone(
    client: Client, loan: Loan, name: str
) -> None:
    client.force_login(staff_login(ADMINISTRATOR))
    client.cookies["django_language"] = "en"
    before, entries = owed(loan), Entry.objects.count()
    preview = act(client, loan, name, preview="", **ACTS[name])
    assert "Schedule before and after" in text(preview)
    assert (owed(loan), Entry.objects.count(), LoanTransaction.objects.count()) == (before, entries, 1)
    key = str(uuid4())
    for _again in range(2):
        assert act(client, loan, name, confirm="", key=key, **ACTS[name]).status_code == 302
    made = LoanTransaction.objects.exclude(kind="disbursement").get()
    assert made.cause == ACTS[name].get("cause", "")
    assert owed(loan) != before
    assert holds()
    unshowable = act(client, loan, "undo", confirm="", undoes=made.reference, cause="a\x1bmistake")
    assert unshowable.status_code == 200
    undone = act(client, loan, "undo", confirm="", undoes=made.reference, cause="弄错了\u3000\r\na mistake ")
    assert undone.status_code == 302
    assert LoanTransaction.objects.get(reverses=made).cause == "弄错了\u3000\na mistake"
    assert owed(loan) == before
    assert "taken back" in text(client.get(f"/console/lending/loan/{loan.pk}/change/"))
    assert holds()


def test_a_preview_shows_what_changes_and_what_it_would_post(page: Client, loan: Loan) -> None:
    shown = text(act(page, loan, "receive", amount_fen="1031.12", preview=""))
    assert "Due by now 1,031.12 0.00" in shown
    assert "Days past due 5 0" in shown
    assert re.search(r"Cash in clearing #\d+ Loan principal #\d+ 975.95", shown)
    assert re.search(r"Cash in clearing #\d+ Interest owed #\d+ 54.00", shown)
    assert re.search(r"Cash in clearing #\d+ Penalty owed #\d+ 1.17", shown)


def test_a_repayment_that_counts_from_an_earlier_day_is_replayed(page: Client, loan: Loan) -> None:
    act(page, loan, "receive", amount_fen="1029.95", value_on="2026-07-10", confirm="")
    row = LoanTransaction.objects.get(kind="repayment")
    assert (row.value_on, row.booked_on) == (date(2026, 7, 10), date(2026, 7, 15))
    assert loan_on(loan, date(2026, 7, 15)).days_past_due == 0
    assert holds()


def test_what_corrects_the_past_waits_while_a_day_is_closed_and_the_rest_does_not(
    page: Client, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(business_day, "STEPS", (*STEPS, ("one that is not done", None)))
    late = act(page, loan, "receive", amount_fen="5.00", value_on="2026-07-10", confirm="")
    assert "still under way" in text(late)
    assert act(page, loan, "receive", amount_fen="5.00", value_on="2026-07-15", confirm="").status_code == 302
    undone = act(
        page, loan, "undo", undoes=LoanTransaction.objects.latest("pk").reference, **CAUSE, confirm=""
    )
    assert "still under way" in text(undone)
    assert LoanTransaction.objects.count() == 2


def test_a_fact_is_undone_from_its_own_page(page: Client, loan: Loan) -> None:
    act(page, loan, "charge", amount_fen="20.00", component="fee", confirm="", **CAUSE)
    fact = LoanTransaction.objects.latest("pk")
    html = page.get(f"/console/lending/loantransaction/{fact.pk}/change/").content.decode()
    address = f"/console/lending/loan/{loan.pk}/act/undo/?undoes={fact.reference.replace(':', '%3A')}"
    assert address in html
    form = page.get(address).content.decode()
    assert f'value="{fact.reference}"' in form
    act(page, loan, "undo", undoes=fact.reference, confirm="", **CAUSE)
    assert "act/undo/" not in page.get(f"/console/lending/loantransaction/{fact.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("name", "given", "complaint"),
    [
        ("rate", {"rate": "0.0002", **CAUSE}, "A loan never gets dearer than it was signed."),
        ("rate", {"rate": "-1", **CAUSE}, "greater than or equal to 0"),
        ("pause", {"last_day": "2026-07-31", "cause": ""}, "This field is required."),
        ("pause", {"last_day": "2026-07-01", **CAUSE}, "a pause ends on its first day or later"),
        ("due-day", {"due_day": "32", **CAUSE}, "less than or equal to 31"),
        ("reschedule", {"mode": "extend", **CAUSE}, "needs periods"),
        ("charge", {"amount_fen": "0", "component": "fee", **CAUSE}, "at least 0.01"),
        ("receive", {"amount_fen": "5.00", "value_on": "2026-06-01"}, "The date must be from"),
        ("receive", {"amount_fen": "5.00", "value_on": "2026-07-16"}, "The date must be from"),
        ("recover", {"amount_fen": "5.00"}, "The loan was not given up"),
        ("refund", {"amount_fen": "5.00"}, "More than stands to the borrower"),
        ("undo", {"undoes": "nothing", **CAUSE}, "There is nothing of this reference to undo."),
        ("undo", {"undoes": "disbursed", **CAUSE}, "A disbursement is not undone"),
    ],
)
@pytest.mark.parametrize("button", ["preview", "confirm"])
def test_what_cannot_be_says_why_and_nothing_happens(
    page: Client, loan: Loan, name: str, given: dict[str, str], complaint: str, button: str
) -> None:
    answer = act(page, loan, name, **given, **{button: ""})
    assert answer.status_code == 200
    assert complaint in text(answer)
    assert LoanTransaction.objects.count() == 1


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (UNDERWRITER, set()),
        (SERVICER, {"receive", "charge", "pause", "rate", "due-day", "reschedule", "undo"}),
        (ADMINISTRATOR, {*ACTS, "undo"}),
    ],
)
def test_each_role_does_what_is_its_work_and_nothing_else(
    client: Client, loan: Loan, role: str, may: set[str]
) -> None:
    client.force_login(staff_login(role))
    html = client.get(f"/console/lending/loan/{loan.pk}/change/").content.decode()
    for name in (*ACTS, "undo"):
        address = f"/console/lending/loan/{loan.pk}/act/{name}/"
        if name in may:
            assert client.get(address).status_code == 200
            assert name == "undo" or address in html
        else:
            assert client.get(address).status_code == 403
            assert act(client, loan, name, confirm="", **ACTS.get(name, CAUSE)).status_code == 403
            assert address not in html
    assert LoanTransaction.objects.count() == 1


def test_there_is_no_act_of_another_name_and_none_on_a_loan_that_is_not(page: Client, loan: Loan) -> None:
    assert page.get(f"/console/lending/loan/{loan.pk}/act/forgive/").status_code == 404
    assert page.get("/console/lending/loan/999999/act/charge/").status_code == 404


def test_a_list_of_loans_takes_the_same_queries_however_many(page: Client, loan: Loan) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert page.get("/console/lending/loan/").status_code == 200
        return len(found)

    queries()
    before = queries()
    for _each in range(3):
        lent(on=SIGNED_ON + timedelta(days=35))
    assert queries() == before


# Products.

OFFER = {
    "method": "equal_instalment",
    "periods": "12",
    "every": "1",
    "unit": "months",
    "rate_from": "0.0002",
    "rate_to": "0.0005",
}


def version(page: Client, product_id: int, offers: list[dict[str, str]] | None = None, **given: str) -> Any:
    """Sends the form of a new version of 借呗, changed in these."""
    shown = page.get(f"/console/lending/product/{product_id}/version/")
    sent = {name: value for name, value in shown.context["form"].initial.items() if value is not False}
    rows = offers or [
        {
            "method": "equal_instalment",
            "periods": "12",
            "every": "1",
            "unit": "months",
            "rate_from": "0.0002",
            "rate_to": "0.0005",
        }
    ]
    sent |= {
        "effective_from": "2026-08-01",
        "offers-TOTAL_FORMS": str(len(rows)),
        "offers-INITIAL_FORMS": "0",
    }
    sent |= {"form-TOTAL_FORMS": str(len(rows)), "form-INITIAL_FORMS": "0"}
    for number, row in enumerate(rows):
        sent |= {f"form-{number}-{name}": value for name, value in row.items()}
    return page.post(f"/console/lending/product/{product_id}/version/", sent | given)


def test_an_administrator_adds_a_version_that_changes_no_signed_loan(client: Client, loan: Loan) -> None:
    client.force_login(staff_login(ADMINISTRATOR))
    client.cookies["django_language"] = "en"
    before = owed(loan)
    answer = version(client, loan.product_id, maximum_fen="50000.00")
    assert answer.status_code == 302, text(answer)
    shown = text(client.get(answer["Location"]))
    assert "50,000.00" in shown
    assert "equal instalments 12 months 12 0.02% 0.05%" in shown
    assert owed(loan) == before


OFFER = {
    "method": "equal_instalment",
    "periods": "12",
    "every": "1",
    "unit": "months",
    "rate_from": "0.0002",
    "rate_to": "0.0005",
}


@pytest.mark.parametrize(
    ("given", "offers", "complaint"),
    [
        ({"effective_from": "2026-07-15"}, [OFFER], "New figures count from a day to come."),
        ({"maximum_fen": "1.00"}, [OFFER], "It must not be less than the smallest amount."),
        ({"penalty_daily_rate": "-0.1"}, [OFFER], "greater than or equal to 0"),
        ({"minimum_age": "17"}, [OFFER], "greater than or equal to 18"),
        ({"grace_days": "32"}, [OFFER], "less than or equal to 31"),
        ({}, [OFFER | {"periods": "0"}], "greater than or equal to 1"),
        ({}, [OFFER | {"rate_from": "-0.0001"}], "greater than or equal to 0"),
        ({}, [OFFER | {"rate_to": "0.0001"}], "It must not be less than the lowest rate."),
        ({}, [OFFER | {"rate_to": "0.0009"}], "above the cap of 24.00 %"),
        ({}, [OFFER | {"prepayment_fees": "3:0.02 x"}], "Write pairs such as 3:0.02"),
        ({}, [OFFER | {"prepayment_fees": "9:0.02 3:0.01"}], "The periods must rise."),
        ({}, [OFFER, OFFER], "already exists"),
        ({}, [OFFER | {"method": ""}], "A version offers at least one way of repaying."),
    ],
)
def test_nonsense_is_refused_beside_its_field(
    client: Client, loan: Loan, given: dict[str, str], offers: list[dict[str, str]], complaint: str
) -> None:
    client.force_login(staff_login(ADMINISTRATOR))
    client.cookies["django_language"] = "en"
    answer = version(client, loan.product_id, offers, **given)
    assert answer.status_code == 200
    assert complaint in text(answer)
    assert loan.product.versions.count() == 1


@pytest.mark.parametrize("role", [UNDERWRITER, SERVICER])
def test_nobody_else_adds_a_version(client: Client, loan: Loan, role: str) -> None:
    client.force_login(staff_login(role))
    assert client.get("/console/lending/product/").status_code == 200
    assert client.get(f"/console/lending/product/{loan.product_id}/version/").status_code == 403
    assert client.post(f"/console/lending/product/{loan.product_id}/version/", {}).status_code == 403


def test_what_the_law_allows_is_shown_by_lender_and_date(page: Client) -> None:
    shown = text(page.get("/console/lending/lenderrule/"))
    assert "300,000.00" in shown
    assert "24%" in shown
