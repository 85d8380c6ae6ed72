"""Decisions on lines in the console, rule by rule, and new versions of the policy that makes them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client

from huabei.errors import LineError
from huabei.models import OpeningDecision, OpeningPolicy
from huabei.services.opening import apply_for_line
from huabei.services.policies import FiguresRefused, publish_policy
from operations.staff import ADMINISTRATOR, UNDERWRITER
from tests.borrowers import borrower, lived_until, published
from tests.services.test_borrower_pages import text
from tests.services.test_console import staff_login

pytestmark = pytest.mark.django_db

TODAY = date(2026, 6, 1)
LIST, POLICIES = "/console/huabei/openingdecision/", "/console/huabei/openingpolicy/"
NEW = f"{POLICIES}version/"


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


def form(**changed: str) -> dict[str, str]:
    """What a new version's form sends: the first version's figures with one band, unless said otherwise."""
    usual = {
        "effective_from": "2026-07-01",
        "lender_type": "microlender",
        "minimum_age": "18",
        "minimum_score": "620",
        "score_days": "35",
        "minimum_limit_fen": "500.00",
        "maximum_limit_fen": "30000.00",
        "maximum_exposure_fen": "150000.00",
        "form-TOTAL_FORMS": "3",
        "form-INITIAL_FORMS": "0",
        "form-0-score_from": "620",
        "form-0-limit": "2000.00",
        "form-1-score_from": "700",
        "form-1-limit": "30000.00",
        "form-2-score_from": "",
        "form-2-limit": "",
    }
    return {**usual, **changed}


def test_an_administrator_adds_a_version_that_counts_from_its_day_on(client: Client) -> None:
    page = console(client)
    first = OpeningPolicy.objects.get()
    assert "New version" in text(page.get(f"{POLICIES}{first.pk}/change/"))
    shown = page.get(NEW).content.decode()
    assert 'value="50000.00"' in shown
    answer = page.post(NEW, form(), follow=True)
    row = OpeningPolicy.objects.latest("effective_from")
    assert answer.redirect_chain == [(f"{POLICIES}{row.pk}/change/", 302)]
    assert (row.effective_from, row.minimum_score, row.maximum_limit_fen) == (
        date(2026, 7, 1),
        620,
        30_000_00,
    )
    assert list(row.bands.values_list("score_from", "limit_fen")) == [(620, 2_000_00), (700, 30_000_00)]
    assert "What was decided stays as it was decided." in text(answer)


def test_who_may_only_look_adds_no_version(client: Client) -> None:
    page = console(client, UNDERWRITER)
    first = OpeningPolicy.objects.get()
    assert "New version" not in text(page.get(f"{POLICIES}{first.pk}/change/"))
    assert (page.get(NEW).status_code, page.post(NEW, form()).status_code) == (403, 403)
    assert OpeningPolicy.objects.count() == 1


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
        ({"form-0-score_from": "621"}, "One band must begin at the minimum score or below it."),
        ({"form-0-score_from": "700"}, "One band must begin at the minimum score or below it."),
        ({"form-1-score_from": "620"}, "The scores must rise from band to band"),
        ({"form-1-limit": "1999.99"}, "A better score must not earn a smaller limit."),
        ({"form-1-limit": "30000.01"}, "Every limit must be from the smallest limit to the largest."),
        ({"form-0-limit": ""}, "Write the limit that this score earns."),
        ({"form-0-limit": "x"}, "Write the amount in yuan"),
    ],
)
def test_nonsense_is_said_so_and_adds_nothing(client: Client, changed: dict[str, str], said: str) -> None:
    answer = console(client).post(NEW, form(**changed))
    assert answer.status_code == 200
    assert said in text(answer)
    assert OpeningPolicy.objects.count() == 1


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
        publish_policy(effective_from=date(2026, 7, 1), figures=figures, bands=bands, on=TODAY)
    assert (refused.value.field, isinstance(refused.value, LineError)) == (field, True)
    assert OpeningPolicy.objects.count() == 1


def test_a_day_has_one_version() -> None:
    given: dict[str, Any] = {"figures": {}, "bands": [(600, 500_00)], "on": TODAY}
    publish_policy(effective_from=date(2026, 7, 1), **given)
    with pytest.raises(FiguresRefused) as refused:
        publish_policy(effective_from=date(2026, 7, 1), **given)
    assert (refused.value.field, OpeningPolicy.objects.count()) == ("effective_from", 2)
