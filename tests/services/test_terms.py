"""Terms and what instalments cost are published by staff from a day to come on, looked at before, and never change."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from huabei import plans, selectors
from huabei.errors import RequestConflict
from huabei.models import InstalmentTerms, Plan, Segment, Terms
from huabei.services import repayments
from huabei.services.documents import document_of
from huabei.services.publishing import FiguresRefused
from huabei.services.terms import publish_instalment_terms, publish_terms
from operations.models import BusinessDay
from operations.staff import ADMINISTRATOR, UNDERWRITER
from tests.borrowers import borrower, buys, lived_until, login_of, opened_line, shop
from tests.line_world import a_line, a_merchant, bought, end_day
from tests.publishing import publication
from tests.services.test_borrower_pages import text
from tests.services.test_line_console import signed_in
from tests.services.test_statement_documents import text_of
from tests.words import UNSHOWABLE, WRITTEN

pytestmark = pytest.mark.django_db

ON, FROM = date(2026, 7, 5), date(2026, 7, 15)
DEARER: dict[str, Any] = {
    "minimum_due_share": Decimal("0.2"),
    "revolving_daily_rate": Decimal("0.0004"),
    "penalty_daily_rate": Decimal("0.0006"),
    "hold_days": 3,
    "allocation": "interest principal fee penalty",
}


def published(day: date = FROM, *, reference: str = "p", on: date = ON, **figures: Any) -> Terms:
    return publish_terms(publication=publication(day, reference=reference), figures=figures, on=on)


def instalments(day: date = FROM, **given: Any) -> InstalmentTerms:
    usual: dict[str, Any] = {"figures": {}, "options": [(3, Decimal("0.03"))]}
    return publish_instalment_terms(publication=publication(day), on=ON, **(usual | given))


def test_a_version_counts_from_its_day_on_and_what_runs_keeps_its_rate() -> None:
    line, shop = a_line(), a_merchant()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    made = published(FROM, **DEARER)
    assert (made.published_on, made.by, made.reason) == (ON, "staff:7", "ordered")
    end_day(date(2026, 7, 10))
    assert Segment.objects.get().daily_rate == Decimal("0.0005")
    paid = repayments.repay(line_id=line.pk, amount_fen=50_00, reference="r", on=date(2026, 7, 15))
    # Principal comes first now; what is left bears the rate with which it began.
    assert (paid.to_penalty_fen, paid.to_billed_fen) == (0, 50_00)
    assert {segment.daily_rate for segment in Segment.objects.all()} == {Decimal("0.0005")}
    assert (selectors.terms_on(date(2026, 7, 14)).hold_days, selectors.terms_on(FROM).hold_days) == (7, 3)


def test_no_rates_but_those_that_statements_promise_are_published() -> None:
    line, shop = a_line(), a_merchant()
    bought(line, shop, 1_000_00, date(2026, 6, 5))
    end_day(date(2026, 6, 30))
    other_rates: dict[str, Any] = {
        "revolving_daily_rate": Decimal("0.0004"),
        "penalty_daily_rate": Decimal("0.0006"),
    }
    # Due on the 10th: interest begins on the 11th.
    for field, rate in other_rates.items():
        with pytest.raises(FiguresRefused, match=r"July 12, 2026|2026年7月12日") as refused:
            published(date(2026, 7, 11), reference=field, **{field: rate})
        assert refused.value.field == "effective_from"
    assert published(date(2026, 7, 11), reference="others", hold_days=3).hold_days == 3
    assert published(date(2026, 7, 12), reference="later", **other_rates).penalty_daily_rate == Decimal(
        "0.0006"
    )
    # What holds meanwhile is looked at, not what holds today.
    assert published(date(2026, 7, 13), reference="last", **other_rates).hold_days == 7


def test_the_rates_that_are_told_are_those_of_the_day_after_the_due_day(client: Client) -> None:
    customer = borrower()
    line = opened_line(customer)
    buys(line, shop(), "1000.00", on=date(2026, 6, 5))
    published(date(2026, 7, 3), on=date(2026, 6, 5), revolving_daily_rate=Decimal("0.0004"))
    for day in (date(2026, 6, 30), date(2026, 7, 1)):
        lived_until(day)
    client.force_login(login_of(customer))
    client.cookies["django_language"] = "en"
    assert "14.6% a year (0.04% a day) from the day after it" in text(client.get("/"))
    (statement,) = line.statements.all()
    document = document_of(statement=statement, language="en")
    assert "(0.04% a day) runs from the day after it" in " ".join(text_of(document.content).split())


def test_a_reference_publishes_once_and_a_day_has_one_version() -> None:
    first = published(hold_days=3)
    again = published(hold_days=3)
    assert (again, again.repeated, first.repeated) == (first, True, False)
    with pytest.raises(RequestConflict):
        published(hold_days=4)
    with pytest.raises(FiguresRefused) as refused:
        published(reference="other")
    assert (refused.value.field, Terms.objects.count()) == ("effective_from", 2)
    nearer = published(date(2026, 7, 6), reference="nearer")
    assert selectors.terms_on(date(2026, 7, 14)) == nearer


@pytest.mark.parametrize(("day", "figures", "fields"), [
    (ON,   {},                                                ["effective_from"]),
    (date(2026, 7, 4), {"hold_days": 0},                      ["effective_from", "hold_days"]),
    (FROM, {"minimum_due_share": Decimal("1.01")},            ["minimum_due_share"]),
    (FROM, {"minimum_due_share": Decimal("-0.01")},           ["minimum_due_share"]),
    (FROM, {"revolving_daily_rate": Decimal("0.0010001")},    ["revolving_daily_rate"]),
    (FROM, {"penalty_daily_rate": Decimal("-0.0001")},        ["penalty_daily_rate"]),
    (FROM, {"penalty_daily_rate": Decimal("0.000000001")},    ["penalty_daily_rate"]),
    (FROM, {"hold_days": 367},                                ["hold_days"]),
    (FROM, {"allocation": "penalty interest fee"},            ["allocation"]),
    (FROM, {"allocation": "penalty penalty fee principal"},   ["allocation"]),
    (FROM, {"allocation": "principal fee interest  penalty"}, ["allocation"]),
])  # fmt: skip
def test_nonsense_is_refused_field_by_field(day: date, figures: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(FiguresRefused) as refused:
        published(day, **figures)
    assert [field for field, _message in refused.value.wrong] == fields
    assert Terms.objects.count() == 1


def test_why_is_said_in_whatever_people_write() -> None:
    for number, (written, kept) in enumerate(WRITTEN):
        made = publish_terms(
            publication=publication(date(2026, 7, 15 + number), reference=f"{number}", reason=written),
            figures={},
            on=ON,
        )
        assert Terms.objects.get(pk=made.pk).reason == kept


def test_nobody_publishes_without_saying_why() -> None:
    for reason in ("", " \u3000\n", *UNSHOWABLE, "x" * 201):
        with pytest.raises(FiguresRefused) as refused:
            publish_terms(publication=publication(FROM, reason=reason), figures={}, on=ON)
        assert refused.value.field == "reason"


@pytest.mark.parametrize(("figures", "options", "field"), [
    ({}, [],                                                "options"),
    ({}, [(3, Decimal("0.02")), (3, Decimal("0.03"))],      "options"),
    ({}, [(1, Decimal("0.02"))],                            "options"),
    ({}, [(61, Decimal("0.02"))],                           "options"),
    ({}, [(3, Decimal("0.51"))],                            "options"),
    ({}, [(3, Decimal("-0.01"))],                           "options"),
    ({}, [(3, Decimal("0.0250001"))],                       "options"),
    ({}, [(n, Decimal("0.02")) for n in range(2, 23)],      "options"),
    ({"early_payoff": "never"}, [(3, Decimal("0.02"))],     "early_payoff"),
    ({"smallest_statement_plan_fen": 0}, [(3, Decimal(0))], "smallest_statement_plan_fen"),
])  # fmt: skip
def test_no_instalments_are_nonsense(
    figures: dict[str, Any], options: list[tuple[int, Decimal]], field: str
) -> None:
    with pytest.raises(FiguresRefused) as refused:
        instalments(figures=figures, options=options)
    assert (refused.value.field, InstalmentTerms.objects.count()) == (field, 1)


def test_plans_stay_as_they_were_agreed() -> None:
    line, shop = a_line(), a_merchant()
    bought(line, shop, 1_000_00, date(2026, 7, 5), instalments=3)
    instalments(options=[(2, Decimal("0.01")), (3, Decimal("0.03"))])
    assert Plan.objects.get().fee_fen == 25_00
    assert [each.periods for each in plans.offers_on(100_00, FROM)] == [2, 3]
    assert len(plans.offers_on(100_00, date(2026, 7, 14))) == 4


@pytest.fixture
def page(client: Client) -> Client:
    BusinessDay.objects.create(business_on=ON, first_on=ON)
    return signed_in(client, ADMINISTRATOR)


def address(version: Any) -> str:
    return f"/console/huabei/{version._meta.model_name}/{version.pk}/act/version/"


def terms_form(button: str, **changed: str) -> dict[str, str]:
    usual = {
        "key": str(uuid4()),
        "effective_from": "2026-07-15",
        "minimum_due_share": "0.2",
        "revolving_daily_rate": "0.0005",
        "penalty_daily_rate": "0.0006",
        "hold_days": "7",
        "allocation": "interest principal fee penalty",
        "reason": "board of 1 July",
        button: "",
    }
    return {**usual, **changed}


def test_staff_look_at_terms_and_publish_them_once(page: Client) -> None:
    a_line()
    first = Terms.objects.get()
    assert "New version" in text(page.get(address(first).replace("act/version", "change")))
    assert 'value="0.00050000"' in page.get(address(first)).content.decode()
    sent = terms_form("preview")
    answer = page.post(address(first), sent)
    said = text(answer)
    for each in (
        "From 2026-07-15 on",
        "share of the principal 10% 20%",
        "days that a hold lasts, of what is authorised 7 7",
        "penalty → interest → fee → principal interest → principal → fee → penalty",
        "lines that are not closed 1",
    ):
        assert each in said, each
    assert answer.content.decode().count('class="act-differs"') == 4  # with the number of versions to come
    assert Terms.objects.count() == 1
    for _repeat in range(2):
        assert "Published." in text(page.post(address(first), {**sent, "confirm": ""}, follow=True))
    made = Terms.objects.latest("effective_from")
    assert (Terms.objects.count(), made.allocation, made.reason) == (
        2,
        "interest principal fee penalty",
        "board of 1 July",
    )
    assert "July 5, 2026 staff:" in text(page.get("/console/huabei/terms/"))


def test_who_publishes_nothing(client: Client) -> None:
    BusinessDay.objects.create(business_on=ON, first_on=ON)
    page = signed_in(client, UNDERWRITER)
    for version in (Terms.objects.get(), InstalmentTerms.objects.get()):
        assert page.post(address(version), terms_form("confirm")).status_code == 403
        assert "New version" not in text(page.get(address(version).replace("act/version", "change")))
    assert (Terms.objects.count(), InstalmentTerms.objects.count()) == (1, 1)


def test_a_form_says_beside_each_field_what_is_wrong(page: Client) -> None:
    wrong = {
        "effective_from": "2026-07-05",
        "allocation": "penalty fee",
        "minimum_due_share": "1.1",
        "hold_days": "0",
    }
    answer = page.post(address(Terms.objects.get()), terms_form("confirm", **wrong))
    form = answer.context["form"]
    assert set(form.errors) == {"allocation", "minimum_due_share", "hold_days"}
    late = page.post(address(Terms.objects.get()), terms_form("confirm", effective_from="2026-07-05"))
    assert late.context["form"].errors == {"effective_from": ["New figures count from a day to come."]}
    assert Terms.objects.count() == 1


def test_staff_look_at_what_instalments_cost_and_publish_it(page: Client) -> None:
    bought(a_line(), a_merchant(), 1_000_00, ON, instalments=3)
    first = InstalmentTerms.objects.get()
    assert "3:0.025\n6:0.045" in page.get(address(first)).content.decode()
    sent = {
        "key": str(uuid4()),
        "effective_from": "2026-07-15",
        "early_payoff": "fees_waived",
        "smallest_statement_plan_fen": "50",
        "options": "3:0.02 24:0.12",
        "reason": "cheaper",
        "preview": "",
    }
    said = text(page.post(address(first), sent))
    for each in (
        "3 2% 11.96% 12.64% 2.5%",
        "6 not offered – – 4.5%",
        "24 12% 11.13% 11.71% not offered",
        "plans that run and stay as they were agreed 1",
        "early payoff remaining fees stay due remaining fees are waived",
    ):
        assert each in said, each
    assert "Published." in text(page.post(address(first), {**sent, "confirm": ""}, follow=True))
    made = InstalmentTerms.objects.latest("effective_from")
    assert [(each.periods, each.fee_rate) for each in made.options.order_by("periods")] == [
        (3, Decimal("0.02")),
        (24, Decimal("0.12")),
    ]
    refused = page.post(address(first), {**sent, "key": str(uuid4()), "options": "3:NaN", "confirm": ""})
    assert "3:NaN is not understood" in text(refused)
