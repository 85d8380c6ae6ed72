"""The console: staff find a record, follow it through the books, and can change nothing on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from ledger import services as ledger
from ledger.chart import COMMITMENT, COMMITMENT_CONTROL
from ledger.models import TransferKind
from ledger.services import Draft, Leg
from operations.models import BusinessDay, CloseStep
from tests.browser.conftest import WIDTHS, Site, Visitor

Visit = Callable[..., Visitor]
DAY = date(2026, 6, 1)


@pytest.fixture(scope="module", autouse=True)
def books(site: Site) -> None:
    """A line of 8,000.00 for the borrower, of which 1,234.56 are reserved, and one closed day."""
    line = ledger.open_account(account_type=COMMITMENT, owner=site.customer.pk)
    control = ledger.open_account(account_type=COMMITMENT_CONTROL)
    granted = Leg(control, line, 800_000)
    reserved = Leg(line, control, 123_456, TransferKind.PENDING)
    ledger.post(draft=Draft(reference="line:1:granted", event="line.granted", booked_on=DAY, legs=(granted,)))
    ledger.post(
        draft=Draft(reference="purchase:1", event="purchase.authorised", booked_on=DAY, legs=(reserved,))
    )
    BusinessDay.objects.create(business_on=date(2026, 6, 2), first_on=DAY)
    at = datetime(2026, 6, 1, 16, 0, tzinfo=UTC)
    CloseStep.objects.create(closed_on=DAY, step="interest", started_at=at, finished_at=at, rows=7)


def test_staff_follow_a_customer_by_national_id_into_the_books(visit: Visit, site: Site) -> None:
    visitor = visit(language="en", width=1280)
    page = visitor.page
    visitor.sign_in(site.administrator)
    visitor.check()
    assert page.locator("h1").inner_text() == "Today"
    visitor.shot("console-index-en-1280")
    visitor.open("/console/customers/customer/")
    visitor.shot("console-customers-en-1280")
    page.get_by_label("National ID or phone").fill("11010519491231002x")
    page.get_by_role("button", name="Open").click()
    visitor.check()
    assert page.url == f"{site.url}/console/customers/customer/{site.customer.pk}/change/"
    assert "110***********002X" in page.locator("#content").inner_text()
    visitor.shot("console-customer-en-1280")
    page.get_by_role("link", name="Accounts of this customer").click()
    visitor.check()
    assert "8,000.00" in page.locator("#result_list").inner_text()
    assert "1,234.56" in page.locator("#result_list").inner_text()
    visitor.shot("console-accounts-en-1280")
    page.locator("#result_list tbody th a").first.click()
    visitor.check()
    postings = page.get_by_role("region", name="Latest postings")
    assert postings.locator("tbody tr").count() == 2
    visitor.shot("console-account-en-1280")
    postings.locator("tbody tr").last.get_by_role("link").last.click()
    visitor.check()
    assert "line:1:granted" in page.locator("#content").inner_text()
    assert "8,000.00" in page.get_by_role("region", name="Transfers").inner_text()
    visitor.shot("console-entry-en-1280")


def test_a_number_that_nobody_has_finds_nobody(visit: Visit, site: Site) -> None:
    visitor = visit(language="en", width=1280)
    visitor.sign_in(site.administrator)
    for number in ("110101199003070011", "13900139000", "林晓燕", ""):
        visitor.open("/console/customers/customer/")
        visitor.page.get_by_label("National ID or phone").fill(number)
        visitor.page.get_by_role("button", name="Open").click()
        visitor.check()
        said = visitor.page.locator(".messagelist").inner_text()
        assert "No customer has this national ID or phone." in said, number


@pytest.mark.parametrize(("language", "width"), [("zh-hans", WIDTHS["phone"]), ("en", WIDTHS["desk"])])
def test_every_list_opens_without_a_complaint(visit: Visit, site: Site, language: str, width: int) -> None:
    visitor = visit(language=language, width=width, dark=language == "en")
    visitor.sign_in(site.administrator)
    visitor.open("/console/")
    visitor.shot(f"console-index-{language}-{width}")
    links = visitor.page.locator("#content-main th a").evaluate_all(
        "found => found.map(a => a.getAttribute('href'))"
    )
    assert len(links) >= 8
    for link in links:
        visitor.open(link)
        visitor.shot(f"console{link.replace('/', '-')}{language}-{width}")
        assert visitor.page.get_by_role("link", name="delete").count() == 0
