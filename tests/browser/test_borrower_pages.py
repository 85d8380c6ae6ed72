"""Every page of a borrower, at both widths and in both languages, and by keyboard: it fits and reads well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from uuid import uuid4

import pytest

from customers.models import Notice
from huabei.models import LimitChange, Line, Merchant, Plan, Purchase, Repayment, SharedLine, Statement
from huabei.services.causes import Why, staff
from huabei.services.corrections import reverse_repayment
from huabei.services.invitations import invite_by_phone
from huabei.services.limits import change_limit, raise_temporarily
from huabei.services.repayments import refund
from huabei.services.shares import accept
from lending.models import Loan
from lending.services import servicing
from operations.services.closing import business_date
from tests.borrowers import borrower, buys, lived_until, opened_line, published, repays, shop
from tests.browser.conftest import WIDTHS, Site, Visitor, in_database
from tests.browser.reading import flaws, walked
from tests.loan_world import a_wish, signed
from tests.payment_world import a_source

Visit = Callable[..., Visitor]
BY = staff(1)


@pytest.fixture(scope="module", autouse=True)
def life(site: Site) -> None:
    """A line with everything on it: statements, plans, a bounced payment, credit, a share, a limit for a time; and a loan."""
    customer = site.customer
    published(customer, 640)
    line = opened_line(customer)
    market, electronics = shop("南门菜市场"), shop("山海电器")
    a_source(customer.pk, 0)
    lived_until(date(2026, 6, 5))
    buys(line, market, "1868.50", on=business_date())
    buys(line, electronics, "2400.00", on=business_date(), instalments=6)
    loan = signed(a_wish(), on=business_date(), customer_id=customer.pk)
    servicing.begin_disbursement(loan_id=loan.pk)
    servicing.confirm_disbursement(loan_id=loan.pk, reference="disbursed", on=business_date())
    lived_until(date(2026, 7, 5))
    servicing.repay(loan_id=loan.pk, amount_fen=500_00, reference="r1", on=business_date())
    published(customer, 668, on=date(2026, 7, 5))
    repays(line, "900.00", on=business_date())
    _share(line)
    lived_until(date(2026, 7, 8))
    bounced = Repayment.objects.filter(line=line).latest("pk")
    reverse_repayment(repayment_id=bounced.pk, reason="account closed", on=business_date())
    repays(line, "1968.50", on=business_date())
    _back(line, market)
    why = Why("travel", BY, "travel")
    raise_temporarily(
        line_id=line.pk, amount_fen=2_000_00, last_day=date(2026, 8, 20), why=why, on=business_date()
    )
    change_limit(line_id=line.pk, limit_fen=7_600_00, why=Why("risk", BY, "cut"), on=business_date())
    lived_until(date(2026, 8, 4))
    buys(line, shop("云上书店"), "286.40", on=business_date(), capture=False)
    buys(line, electronics, "1299.00", on=business_date())


def _share(line: Line) -> None:
    """The stranger spends with it; somebody else is invited."""
    friend, on = borrower("stranger"), business_date()
    opened_line(friend)
    invite_by_phone(line_id=line.pk, full_name="李雷", phone="13700137000", monthly_cap_fen=800_00, on=on)
    made = invite_by_phone(
        line_id=line.pk, full_name=friend.full_name, phone="13900139000", monthly_cap_fen=500_00, on=on
    )
    assert made.share is not None
    accept(share_id=made.share.pk, beneficiary_id=friend.pk, on=on)


def _back(line: Line, market: Merchant) -> None:
    bought = Purchase.objects.filter(line=line, merchant=market).earliest("pk")
    refund(purchase_id=bought.pk, amount_fen=268_50, reference=str(uuid4()), on=business_date())


def addresses(site: Site) -> Iterator[tuple[str, str]]:
    """Every page that a borrower opens, by a name for its picture."""
    line = Line.objects.get(customer_id=site.customer.pk)
    statement, repayment = (
        Statement.objects.filter(line=line).latest("pk"),
        Repayment.objects.filter(line=line).latest("pk"),
    )
    plan, share = Plan.objects.filter(line=line).latest("pk"), SharedLine.objects.latest("pk")
    notice, loan = Notice.objects.filter(customer_id=site.customer.pk).latest("pk"), Loan.objects.latest("pk")

    yield "home", "/"
    yield "line", "/line/"
    yield "statement-day", "/line/statement-day/?statement_day=15"
    yield "close-line", "/line/close/"
    yield "limit-change", f"/line/limit-changes/{LimitChange.objects.get(reference='cut').pk}/"
    yield "score", "/score/"
    yield "statements", "/statements/"
    yield "statement", f"/statements/{statement.pk}/"
    yield "repay", f"/line/{line.uuid}/repay/"
    yield "repayment", f"/repayments/{repayment.pk}/"
    yield "instalments", f"/line/{line.uuid}/instalments/"
    yield "instalment-quote", f"/line/{line.uuid}/instalments/quote/"
    yield "spread", f"/line/{line.uuid}/instalments/statement/"
    yield "plan", f"/plans/{plan.pk}/"
    yield "payoff", f"/plans/{plan.pk}/payoff/"
    yield "autopay", "/autopay/"
    yield "credit", "/credit/"
    yield "purchases", "/purchases/"
    yield "purchase", f"/purchases/{Purchase.objects.filter(line=line).earliest('pk').pk}/"
    yield "shared-lines", "/shared/"
    yield "shared-line", f"/shared/{share.uuid}/"
    yield "notices", "/notices/"
    yield "notice", f"/notices/{notice.pk}/"
    yield "notice-settings", "/notices/settings/"
    yield "loans", "/loans/"
    yield "loan-quote", "/loans/quote/?plan=jiebei:equal_instalment:6:months:1&amount=3000.00"
    yield "loan", f"/loans/{loan.uuid}/"
    yield "loan-receipt", f"/loans/{loan.uuid}/payments/2/"
    yield "loan-repay", f"/loans/{loan.uuid}/repay/"
    yield "loan-prepay", f"/loans/{loan.uuid}/prepay/"
    yield "loan-payoff", f"/loans/{loan.uuid}/payoff/"


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_every_page_fits_and_nobody_stumbles_over_it(
    visit: Visit, site: Site, language: str, width: int
) -> None:
    visitor = visit(language=language, width=width, dark=language == "en" and width > 500)
    visitor.sign_in(site.borrower)
    found = {}
    for name, address in in_database(lambda: list(addresses(site))):
        visitor.open(address)
        visitor.shot(f"{name}-{language}-{width}")
        found[name] = flaws(visitor.page)
    assert {name: said for name, said in found.items() if said} == {}


def test_every_page_holds_text_of_twice_the_size(visit: Visit, site: Site) -> None:
    visitor = visit(language="en")
    visitor.sign_in(site.borrower)
    wide = {}
    for name, address in in_database(lambda: list(addresses(site))):
        visitor.open(address)
        visitor.enlarge()
        visitor.shot(f"{name}-enlarged")
        wide[name] = visitor.overhang()
    assert {name: pixels for name, pixels in wide.items() if pixels > 0} == {}


def test_what_somebody_would_stumble_over_is_found(visit: Visit) -> None:
    page = visit().page
    page.set_content(
        "<h1 style='color: #999; background: #fff'>Pale</h1><h3 id=x>Deep</h3><p id=x><input name=a>"
        "<button style='width: 9px'></button><img src=''><a href='#nowhere'>There</a></p>"
    )
    said = " ".join(flaws(page))
    for flaw in ("contrast 2.85", "H3 after H1", "the id x", "without a name: <input", "says nothing"):
        assert flaw in said
    assert "too small to hit" in said
    assert "a link to nothing: #nowhere" in said


def test_the_keyboard_reaches_everything_and_shows_where_it_is(visit: Visit, site: Site) -> None:
    visitor = visit(language="en", width=1280)
    visitor.sign_in(site.borrower)
    for address in ("/", "/line/", "/line/statement-day/", "/autopay/", "/shared/", "/notices/settings/"):
        visitor.open(address)
        reached = walked(visitor.page)
        assert [each["name"] for each in reached if not each["visible"]] == []
        # One of each group of radio buttons takes the focus.
        wanted = visitor.page.locator(
            "a[href], button, select, textarea, input:not([type=hidden]):not([type=radio])"
        ).locator("visible=true")
        assert len(reached) >= wanted.count(), address


def test_the_statement_day_is_moved_by_keyboard_without_script(visit: Visit, site: Site) -> None:
    visitor = visit(language="en", script=False)
    page = visitor.page
    visitor.sign_in(site.borrower)
    visitor.open("/line/")
    page.get_by_role("link", name="Move it").press("Enter")
    page.wait_for_url("**/line/statement-day/")
    visitor.check()
    page.get_by_role("radio", name="Statement on day 1,").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/line/statement-day/?statement_day=5")
    visitor.check()
    assert "It counts from the statement of Aug. 5, 2026." in page.locator("main").inner_text()
    page.get_by_role("button", name="Move it").press("Enter")
    page.wait_for_url("**/line/")
    visitor.check()
    assert "Moved. It counts from the next statement on." in page.get_by_role("status").inner_text()
    assert "Statement on day 5, due on day 15" in page.locator("main").inner_text()
