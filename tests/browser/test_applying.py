"""A borrower on a phone reads why there is no line yet, applies when there may be one; staff read the decision. No script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from customers.models import Customer
from huabei.models import Line, OpeningDecision, OpeningPolicy
from huabei.services.opening import apply_for_line
from tests.borrowers import lived_until, published
from tests.browser.conftest import WIDTHS, Site, Visitor, in_database

Visit = Callable[..., Visitor]

TODAY = date(2026, 6, 1)


@pytest.fixture(scope="module", autouse=True)
def life(site: Site) -> None:
    """A student with a score that is too low, who applied once."""
    published(site.customer, 585, on=date(2026, 5, 18))
    Customer.objects.filter(pk=site.customer.pk).update(is_student=True)
    lived_until(TODAY)
    apply_for_line(customer_id=site.customer.pk, reference="first", on=TODAY)


@pytest.mark.parametrize(("language", "width"), [("zh-hans", WIDTHS["phone"]), ("en", WIDTHS["desk"])])
def test_a_refusal_says_why_and_what_would_be_right(
    visit: Visit, site: Site, language: str, width: int
) -> None:
    visitor = visit(language=language, width=width, script=False)
    page = visitor.page
    visitor.sign_in(site.borrower)
    visitor.check()
    card = page.locator(".offer-card")
    assert card.get_by_role("listitem").count() == 2
    assert "600" in card.inner_text()
    assert "585" not in card.inner_text()
    assert card.get_by_role("button").count() == 0
    visitor.shot(f"offer-refused-{language}-{width}")
    card.get_by_role("link").first.click()
    visitor.check()
    assert page.get_by_role("listitem").filter(has_text="600").count() == 1
    visitor.shot(f"decision-refused-{language}-{width}")


def test_staff_read_a_decision_rule_by_rule_and_change_the_policy(visit: Visit, site: Site) -> None:
    visitor = visit(language="en", width=WIDTHS["desk"], script=False)
    page = visitor.page
    visitor.sign_in(site.administrator)
    decision_id = in_database(lambda: OpeningDecision.objects.earliest("pk").pk)
    visitor.open("/console/huabei/openingdecision/")
    visitor.shot("console-decisions")
    visitor.open(f"/console/huabei/openingdecision/{decision_id}/change/")
    assert page.get_by_role("row").filter(has_text="score_too_low").filter(has_text="failed").count() == 1
    visitor.shot("console-decision")
    policy_id = in_database(lambda: OpeningPolicy.objects.latest("effective_from").pk)
    visitor.open(f"/console/huabei/openingpolicy/{policy_id}/act/version/")
    page.get_by_label("Reason").fill("fewer defaults are wanted")
    for day, said in (("2026-06-01", "New figures count from a day to come."), ("2026-07-01", "looked at")):
        page.get_by_label("Effective from").fill(day)
        page.locator("[name=preview]").click()
        visitor.check()
        assert said in page.locator("main").inner_text()
        visitor.shot(f"console-policy-{day}")


def test_somebody_who_may_have_a_line_opens_it_by_keyboard(visit: Visit, site: Site) -> None:
    def better() -> None:
        Customer.objects.filter(pk=site.customer.pk).update(is_student=False)
        published(site.customer, 655, on=date(2026, 5, 31))

    in_database(better)
    visitor = visit(language="en", width=WIDTHS["phone"], script=False)
    page = visitor.page
    visitor.sign_in(site.borrower)
    visitor.check()
    visitor.shot("offer-en-360")
    page.get_by_role("button", name="Open this line").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Your line is open.").wait_for()
    visitor.check()
    line = in_database(Line.objects.get)
    assert (line.limit_fen, line.customer_id) == (8_000_00, site.customer.pk)
