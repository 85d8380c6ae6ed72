"""Decisions on lines in the console, rule by rule, and new versions of the policy that makes them."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from huabei.errors import LineError, RequestConflict
from huabei.models import ConsumerRule, OpeningDecision, OpeningPolicy
from huabei.services.opening import apply_for_line
from huabei.services.policies import publish_consumer_rule, publish_policy
from huabei.services.publishing import FiguresRefused
from ledger.audit import verify
from lending.models import LenderRule
from lending.services.laws import LawRefused
from operations.audit import CHECKS
from operations.staff import ADMINISTRATOR, UNDERWRITER
from tests.borrowers import borrower, lived_until, published
from tests.publishing import publication
from tests.services.test_borrower_pages import text
from tests.services.test_console import staff_login

pytestmark = pytest.mark.django_db

TODAY = date(2026, 6, 1)
LIST, POLICIES = "/console/huabei/openingdecision/", "/console/huabei/openingpolicy/"


@pytest.fixture(autouse=True)
def today() -> None:
    lived_until(TODAY)


@pytest.fixture
def granted() -> OpeningDecision:
    """林晓燕 got a line with her 650 points; 王强, a student without a score, got none."""
    one, other = borrower(), borrower("stranger", is_student=True)
    published(one, 650, on=date(2026, 5, 18))
    apply_for_line(customer_id=other.pk, reference="r", on=TODAY)
    return apply_for_line(customer_id=one.pk, reference="r", on=TODAY)


def console(client: Client, role: str = ADMINISTRATOR) -> Client:
    client.force_login(staff_login(role))
    client.cookies["django_language"] = "en"
    return client


def test_decisions_are_listed_and_narrowed_by_outcome_and_reason(
    client: Client, granted: OpeningDecision
) -> None:
    page = console(client, UNDERWRITER)
    shown = text(page.get(LIST))
    assert "granted 650 8,000.00 –" in shown
    assert "refused N/A 0.00 students cannot open a line; not enough history for a score yet" in shown
    for query, names in (
        ("outcome=granted", {"林晓燕"}),
        ("outcome=refused", {"王强"}),
        ("reason=student", {"王强"}),
        ("reason=overdue", set()),
        (f"customer={granted.customer_id}", {"林晓燕"}),
        (f"line={granted.line_id}", {"林晓燕"}),
        ("q=王", {"王强"}),
    ):
        found = page.get(f"{LIST}?{query}").context["cl"].result_list
        assert {each.customer.full_name for each in found} == names, query


def test_a_decision_is_shown_rule_by_rule_and_reached_from_customer_and_line(
    client: Client, granted: OpeningDecision
) -> None:
    page = console(client, UNDERWRITER)
    shown = text(page.get(f"{LIST}{granted.pk}/change/"))
    for said in (
        "old enough under_age passed 76 18",
        "no student where students are not admitted student passed no no",
        "score recent enough score_too_old passed 2026-05-18 35",
        "score high enough score_too_low passed 650 600",
        "nothing late, with any product overdue passed 0.00 0.00",
        "room for the smallest limit in what one person may owe and draw exposure passed 0.00 199,500.00",
    ):
        assert said in shown, said
    refused = OpeningDecision.objects.get(outcome="refused")
    assert "score high enough score_too_low not asked – 600" in text(page.get(f"{LIST}{refused.pk}/change/"))
    customer = page.get(f"/console/customers/customer/{granted.customer_id}/change/")
    assert f"{LIST}?customer={granted.customer_id}" in customer.content.decode()
    line = page.get(f"/console/huabei/line/{granted.line_id}/change/")
    assert f"{LIST}?line={granted.line_id}" in line.content.decode()


def new(version: Any) -> str:
    """The address of the form that begins with a version's figures."""
    kind = "openingpolicy" if isinstance(version, OpeningPolicy) else "consumerrule"
    return f"/console/huabei/{kind}/{version.pk}/act/version/"


def form(button: str, **changed: str) -> dict[str, str]:
    """What a new version's form sends: the first version's figures with two bands, unless said otherwise."""
    usual = {
        "key": str(uuid4()),
        "effective_from": "2026-07-01",
        "lender_type": "microlender",
        "minimum_age": "18",
        "minimum_score": "660",
        "score_days": "35",
        "minimum_limit_fen": "500.00",
        "maximum_limit_fen": "30000.00",
        "maximum_exposure_fen": "150000.00",
        "bands": "660:2000.00\r\n700:30000.00",
        "reason": "fewer defaults are wanted",
        button: "",
    }
    return {**usual, **changed}


def test_a_version_is_looked_at_then_published_once(client: Client, granted: OpeningDecision) -> None:
    page, first = console(client), OpeningPolicy.objects.get()
    assert "New version" in text(page.get(f"{POLICIES}{first.pk}/change/"))
    shown = page.get(new(first)).content.decode()
    assert 'value="50000.00"' in shown
    assert "600:2000.00\n" in shown
    sent = form("preview")
    said = text(page.post(new(first), sent))
    assert "From 2026-07-01 on" in said
    assert "minimum score 600 660" in said
    assert "looked at 2 refused, and would be granted 0 granted, and would be refused 1" in said
    assert f"#{granted.pk} 8,000.00 0.00" in said
    assert OpeningPolicy.objects.count() == 1
    for _repeat in range(2):
        answer = page.post(new(first), {**sent, "confirm": ""}, follow=True)
        assert "Published." in text(answer), answer.context["form"].errors
    row = OpeningPolicy.objects.latest("effective_from")
    assert (row.effective_from, row.minimum_score, row.maximum_limit_fen) == (
        date(2026, 7, 1),
        660,
        30_000_00,
    )
    assert list(row.bands.values_list("score_from", "limit_fen")) == [(660, 2_000_00), (700, 30_000_00)]
    history = text(page.get(POLICIES))
    assert f"June 1, 2026 staff:{page.session['_auth_user_id']} fewer defaults are wanted" in history
    assert OpeningPolicy.objects.count() == 2


def test_who_may_only_look_publishes_nothing(client: Client) -> None:
    page = console(client, UNDERWRITER)
    for version in (OpeningPolicy.objects.get(), ConsumerRule.objects.latest("pk")):
        change = new(version).replace("act/version", "change")
        assert "New version" not in text(page.get(change))
        assert (page.get(new(version)).status_code, page.post(new(version), form("confirm")).status_code) == (
            403,
            403,
        )
    assert (OpeningPolicy.objects.count(), ConsumerRule.objects.count()) == (1, 4)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"effective_from": "2026-06-01"}, "New figures count from a day to come."),
        ({"effective_from": "soon"}, "Enter a valid date."),
        ({"minimum_age": "17"}, "greater than or equal to 18"),
        ({"minimum_score": "951"}, "less than or equal to 950"),
        ({"score_days": "0"}, "greater than or equal to 1"),
        ({"lender_type": "pawnshop"}, "Select a valid choice."),
        ({"minimum_limit_fen": "-1"}, "The amount must be at least 0.01."),
        ({"minimum_limit_fen": "30000.01"}, "It must not be less than the smallest limit."),
        ({"maximum_exposure_fen": "29999.99"}, "It must not be less than the largest limit."),
        ({"bands": "661:2000"}, "One band must begin at the minimum score or below it."),
        ({"bands": "660:2000 660:3000"}, "The scores must rise from band to band"),
        ({"bands": "660:2000 700:1999.99"}, "A better score must not earn a smaller limit."),
        ({"bands": "660:2000 700:30000.01"}, "Every limit must be from the smallest limit to the largest."),
        ({"bands": "660"}, "660 is not understood"),
        ({"bands": "x:1"}, "x:1 is not understood"),
        ({"bands": "660:x"}, "660:x is not understood"),
        ({"reason": " "}, "This field is required."),
        ({"key": "x"}, "Enter a valid UUID."),
    ],
)
def test_nonsense_is_said_so_and_adds_nothing(client: Client, changed: dict[str, str], said: str) -> None:
    answer = console(client).post(new(OpeningPolicy.objects.get()), form("confirm", **changed))
    assert answer.status_code == 200
    assert said in text(answer)
    assert OpeningPolicy.objects.count() == 1


def test_everything_that_is_wrong_is_said_at_once(client: Client) -> None:
    wrong = {"effective_from": "2026-06-01", "maximum_exposure_fen": "1.00", "bands": "600:1.00"}
    said = text(console(client).post(new(OpeningPolicy.objects.get()), form("preview", **wrong)))
    for each in ("a day to come", "less than the largest limit", "from the smallest limit to the largest"):
        assert each in said


def bank_rule() -> ConsumerRule:
    return ConsumerRule.objects.filter(lender_type="bank").latest("effective_from")


def test_the_law_is_published_for_lines_and_loans_together(client: Client) -> None:
    page, rule = console(client), bank_rule()
    sent = {
        "key": str(uuid4()),
        "effective_from": "2026-07-01",
        "consumer_cap_fen": "250000.00",
        "students_admitted": "on",
        "reason": "notice 7 of 2026",
        "preview": "",
    }
    said = text(page.post(new(rule), sent))
    assert "most to one consumer 300,000.00 250,000.00 students admitted yes yes" in said
    assert (bank_rule(), LenderRule.objects.filter(effective_from__gt=TODAY).exists()) == (rule, False)
    for _repeat in range(2):
        assert "Published." in text(page.post(new(rule), {**sent, "confirm": ""}, follow=True))
    made = bank_rule()
    assert (made.consumer_cap_fen, made.students_admitted, made.reason) == (
        250_000_00,
        True,
        "notice 7 of 2026",
    )
    before, after = (
        LenderRule.objects.filter(lender_type="bank").order_by("effective_from").reverse()[:2][::-1]
    )
    assert (after.consumer_limit_fen, after.effective_from) == (250_000_00, date(2026, 7, 1))
    assert (after.price_cap, after.business_limit_fen) == (before.price_cap, before.business_limit_fen)
    caps = next(check for check in CHECKS if check.name == "consumer_caps")
    assert [found.holds for found in verify([caps])] == [True]


def rule_published(day: date, cap_fen: int, lender_type: str = "bank") -> ConsumerRule:
    return publish_consumer_rule(
        publication=publication(day, reference=str(day)),
        lender_type=lender_type,
        consumer_cap_fen=cap_fen,
        students_admitted=True,
        on=TODAY,
    )


# Also where the later rule leaves the cap, 300,000, as it is.
@pytest.mark.parametrize("later_fen", [250_000_00, 300_000_00])
def test_a_rule_that_loans_would_contradict_is_not_published(later_fen: int) -> None:
    rule_published(date(2026, 8, 1), later_fen)
    with pytest.raises(LawRefused) as refused:
        rule_published(date(2026, 7, 1), 260_000_00)
    assert refused.value.field == "effective_from"
    assert bank_rule().effective_from == date(2026, 8, 1)
    assert ConsumerRule.objects.filter(lender_type="bank").count() == 3


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ((TODAY, 1), "effective_from"),
        ((date(2026, 7, 1), 0), "consumer_cap_fen"),
        ((date(2026, 7, 1), 10**12 + 1), "consumer_cap_fen"),
        ((date(2026, 7, 1), 1, "pawnshop"), "lender_type"),
    ],
)
def test_no_rule_is_nonsense(given: Any, field: str) -> None:
    with pytest.raises(FiguresRefused) as refused:
        rule_published(*given)
    assert refused.value.field == field


# Field, figures, bands: what the service refuses, whoever calls it.
# fmt: off
NONSENSE: list[tuple[str, dict[str, Any], list[tuple[int, int]]]] = [
    ("minimum_age",          {"minimum_age": 17},                [(600, 500_00)]),
    ("lender_type",          {"lender_type": "pawnshop"},        [(600, 500_00)]),
    ("minimum_score",        {"minimum_score": 951},             [(600, 500_00)]),
    ("score_days",           {"score_days": 0},                  [(600, 500_00)]),
    ("minimum_limit_fen",    {"minimum_limit_fen": 0},           [(600, 500_00)]),
    ("maximum_limit_fen",    {"maximum_limit_fen": 499_99},      [(600, 500_00)]),
    ("maximum_exposure_fen", {"maximum_exposure_fen": 49_999_99}, [(600, 500_00)]),
    ("maximum_exposure_fen", {"maximum_exposure_fen": 10**12 + 1}, [(600, 500_00)]),
    ("bands",                {},                                 []),
    ("bands",                {},                                 [(349, 500_00)]),
    ("bands",                {},                                 [(600, 500_00), (600, 600_00)]),
    ("bands",                {},                                 [(700, 600_00), (600, 500_00)]),
    ("bands",                {},                                 [(600, 499_99)]),
]
# fmt: on


@pytest.mark.parametrize(("field", "figures", "bands"), NONSENSE)
def test_the_service_refuses_nonsense_by_its_field(
    field: str, figures: dict[str, Any], bands: list[tuple[int, int]]
) -> None:
    with pytest.raises(FiguresRefused) as refused:
        publish_policy(publication=publication(date(2026, 7, 1)), figures=figures, bands=bands, on=TODAY)
    assert (refused.value.field, isinstance(refused.value, LineError)) == (field, True)
    assert OpeningPolicy.objects.count() == 1


def published_policy(reference: str, **figures: int) -> OpeningPolicy:
    return publish_policy(
        publication=publication(date(2026, 7, 1), reference=reference),
        figures=figures,
        bands=[(600, 500_00)],
        on=TODAY,
    )


def test_a_day_has_one_version_and_a_reference_one_request() -> None:
    first = published_policy("one")
    assert (again := published_policy("one")) == first
    assert again.repeated
    with pytest.raises(RequestConflict):
        published_policy("one", score_days=30)
    with pytest.raises(FiguresRefused) as refused:
        published_policy("two")
    assert (refused.value.field, OpeningPolicy.objects.count()) == ("effective_from", 2)
