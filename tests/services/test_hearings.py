"""Whoever was refused a line may have a person decide: once, within the law, and is told."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from customers.models import Customer, Notice
from huabei.errors import RequestConflict
from huabei.models import DecisionReview, Line, OpeningDecision, ReviewVerdict
from huabei.services.causes import CUSTOMER, Why
from huabei.services.hearings import (
    AlreadyReviewed,
    DecisionNotFound,
    NotOverturnable,
    ReviewNotFound,
    ReviewRefused,
    Ruling,
    ask_for_review,
    overturn,
    uphold,
)
from huabei.services.lifecycle import WISH, close
from huabei.services.opening import apply_for_line
from ledger.audit import verify
from ledger.selectors import position
from operations import audit
from operations.staff import SERVICER, UNDERWRITER
from tests.borrowers import borrower, lived_until, login_of, published
from tests.line_world import a_policy
from tests.loan_world import lent
from tests.services.test_borrower_pages import text
from tests.services.test_console import staff_login
from tests.words import UNSHOWABLE, WRITTEN

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 1)
RULING = Ruling("staff:7", "Two years at the same employer.", "v")


@pytest.fixture(autouse=True)
def today() -> None:
    lived_until(ON)


@pytest.fixture
def customer() -> Customer:
    """林晓燕, whose score of 550 earns no line."""
    found = borrower()
    published(found, 550, on=date(2026, 5, 18))
    return found


def refused(customer: Customer, reference: str = "r") -> OpeningDecision:
    decision = apply_for_line(customer_id=customer.pk, reference=reference, on=ON, statement_day=5)
    assert not decision.is_granted
    return decision


def asked(customer: Customer, statement: str = "I earn more now.") -> DecisionReview:
    return ask_for_review(
        customer_id=customer.pk,
        decision_id=refused(customer).pk,
        statement=statement,
        reference="a",
        on=ON,
    )


def holds() -> list[str]:
    return [found.check.name for found in verify(audit.CHECKS) if not found.holds]


def told(customer: Customer) -> list[str]:
    found = Notice.objects.filter(customer=customer, kind__startswith="line.review").order_by("pk")
    return list(found.values_list("kind", flat=True))


def test_a_review_is_asked_for_once_and_told(customer: Customer) -> None:
    first = asked(customer)
    again = asked(customer)
    assert (again, again.repeated, first.repeated, first.state) == (first, True, False, "open")
    with pytest.raises(RequestConflict):
        asked(customer, "Something else.")
    assert told(customer) == ["line.review_asked"]


def test_nobody_has_anothers_decision_reviewed_nor_one_that_granted(customer: Customer) -> None:
    other = borrower("stranger")
    published(other, 700, on=date(2026, 5, 18))
    granted = apply_for_line(customer_id=other.pk, reference="r", on=ON)
    with pytest.raises(DecisionNotFound):
        ask_for_review(
            customer_id=other.pk, decision_id=refused(customer).pk, statement="", reference="a", on=ON
        )
    with pytest.raises(ReviewRefused):
        ask_for_review(customer_id=other.pk, decision_id=granted.pk, statement="", reference="a", on=ON)
    for statement in ("a\x00b", "a\x1bb", "a\ud800", "x" * 1001):
        with pytest.raises(ReviewRefused) as said:
            asked(customer, statement)
        assert said.value.field == "statement"
    assert not DecisionReview.objects.exists()


def test_what_people_write_is_kept_in_their_words(customer: Customer) -> None:
    statement = "您好，\u3000我\u00a0的\u200b工资\t涨了👨\u200d👩\u200d👧\r\n" + "x" * 500 + "\r\n" * 400
    assert asked(customer, statement + ".").statement == statement.replace("\r\n", "\n") + "."


def test_a_reference_asks_for_one_review(customer: Customer) -> None:
    asked(customer)
    with pytest.raises(RequestConflict):
        ask_for_review(
            customer_id=customer.pk,
            decision_id=refused(customer, "later").pk,
            statement="I earn more now.",
            reference="a",
            on=ON,
        )
    assert DecisionReview.objects.count() == 1


def test_a_refusal_stands_once_and_the_applicant_reads_why(customer: Customer) -> None:
    review = asked(customer)
    first = uphold(review_id=review.pk, ruling=RULING, on=ON)
    assert uphold(review_id=review.pk, ruling=RULING, on=ON) == first
    with pytest.raises(RequestConflict):
        uphold(review_id=review.pk, ruling=Ruling("staff:7", "No.", "v"), on=ON)
    other = Ruling("staff:8", "Yes.", "w")
    with pytest.raises(AlreadyReviewed):
        overturn(review_id=review.pk, limit_fen=500_00, ruling=other, on=ON)
    with pytest.raises(AlreadyReviewed):
        uphold(review_id=review.pk, ruling=other, on=ON)
    assert (first.outcome, Line.objects.exists(), ReviewVerdict.objects.count()) == ("upheld", False, 1)
    assert told(customer) == ["line.review_asked", "line.review_decided"]
    assert holds() == []


@pytest.mark.parametrize(("written", "kept"), WRITTEN)
def test_a_ruling_says_why_in_whatever_people_write(customer: Customer, written: str, kept: str) -> None:
    ruled = uphold(review_id=asked(customer).pk, ruling=Ruling("staff:7", written, "v"), on=ON)
    assert ReviewVerdict.objects.get(pk=ruled.pk).reason == kept


@pytest.mark.parametrize("written", ["", " \u3000\n", *UNSHOWABLE, "x" * 501])
def test_a_ruling_that_says_nothing_is_refused(customer: Customer, written: str) -> None:
    with pytest.raises(ReviewRefused) as said:
        uphold(review_id=asked(customer).pk, ruling=Ruling("staff:7", written, "v"), on=ON)
    assert (said.value.field, ReviewVerdict.objects.exists()) == ("reason", False)


def test_what_the_policy_says_of_the_score_is_set_aside(customer: Customer) -> None:
    review = asked(customer)
    first = overturn(review_id=review.pk, limit_fen=3_000_00, ruling=RULING, on=ON)
    assert overturn(review_id=review.pk, limit_fen=3_000_00, ruling=RULING, on=ON) == first
    with pytest.raises(RequestConflict):
        overturn(review_id=review.pk, limit_fen=3_000_01, ruling=RULING, on=ON)
    line, opened = Line.objects.get(), first.opened_by
    assert opened is not None
    assert (opened.line, opened.overturns, opened.limit_fen) == (line, review.decision, 3_000_00)
    assert (line.customer, line.statement_day, line.due_day, line.score) == (customer, 5, 15, 550)
    assert position(line.commitment_account_id).available_fen == 3_000_00
    set_aside = [each.rule.value for each in opened.ruled if each.outcome.value == "set_aside"]
    assert (set_aside, opened.reasons) == (["score_too_low"], [])
    assert holds() == []


@pytest.mark.parametrize(("limit_fen", "aside"), [
    (2_000_00, ["score_too_low"]),
    (2_000_01, ["score_too_low", "exposure"]),
])  # fmt: skip
def test_what_goes_beyond_the_exposure_of_the_policy_is_said_to_be_set_aside(
    customer: Customer, limit_fen: int, aside: list[str]
) -> None:
    lent(on=ON, customer_id=customer.pk)
    a_policy(ON, bands=((600, 500_00),), maximum_limit_fen=3_000_00, maximum_exposure_fen=14_000_00)
    review = asked(customer)
    against = OpeningDecision.objects.get(review=review).against
    assert [each.rule.value for each in against] == ["score_too_low"]
    opened = overturn(review_id=review.pk, limit_fen=limit_fen, ruling=RULING, on=ON).opened_by
    assert opened is not None
    assert [each.rule.value for each in opened.ruled if each.outcome.value == "set_aside"] == aside
    assert holds() == []


def test_who_has_no_score_gets_a_line_by_a_person() -> None:
    customer = borrower()
    made = overturn(review_id=asked(customer).pk, limit_fen=500_00, ruling=RULING, on=ON)
    assert made.opened_by is not None
    assert (made.opened_by.score, Line.objects.get().score) == (None, None)
    assert holds() == []


@pytest.mark.parametrize("changed", [{"is_student": True}, {"verified": False}])
def test_the_law_is_not_set_aside(changed: dict[str, Any]) -> None:
    customer = borrower(**changed)
    published(customer, 700, on=date(2026, 5, 18))
    review = asked(customer)
    with pytest.raises(NotOverturnable):
        overturn(review_id=review.pk, limit_fen=500_00, ruling=RULING, on=ON)
    assert not Line.objects.exists()
    assert uphold(review_id=review.pk, ruling=RULING, on=ON).outcome == "upheld"


def test_nobody_gets_a_second_line(customer: Customer) -> None:
    review = asked(customer)
    published(customer, 700, on=date(2026, 5, 20))
    apply_for_line(customer_id=customer.pk, reference="again", on=ON)
    with pytest.raises(NotOverturnable, match="has a line already"):
        overturn(review_id=review.pk, limit_fen=500_00, ruling=RULING, on=ON)
    assert Line.objects.count() == 1


def test_an_old_review_opens_no_line_again_that_its_customer_closed(customer: Customer) -> None:
    review = asked(customer)
    published(customer, 700, on=date(2026, 5, 20))
    granted = apply_for_line(customer_id=customer.pk, reference="again", on=ON)
    assert granted.line_id is not None
    close(line_id=granted.line_id, why=Why(WISH, CUSTOMER, "c"), on=ON)
    with pytest.raises(NotOverturnable, match="a line was granted since"):
        overturn(review_id=review.pk, limit_fen=500_00, ruling=RULING, on=ON)
    assert Line.objects.get().status == "closed"
    assert uphold(review_id=review.pk, ruling=RULING, on=ON).outcome == "upheld"


@pytest.mark.parametrize("limit_fen", [0, 499_99, 50_000_01])
def test_the_limit_is_one_that_the_policy_gives(customer: Customer, limit_fen: int) -> None:
    with pytest.raises(ReviewRefused) as said:
        overturn(review_id=asked(customer).pk, limit_fen=limit_fen, ruling=RULING, on=ON)
    assert said.value.field == "limit"


def test_a_ruling_is_of_a_review() -> None:
    with pytest.raises(ReviewNotFound):
        uphold(review_id=0, ruling=RULING, on=ON)


def console(client: Client, role: str = UNDERWRITER) -> Client:
    client.force_login(staff_login(role))
    client.cookies["django_language"] = "en"
    return client


def test_an_underwriter_sees_the_queue_and_decides(client: Client, customer: Customer) -> None:
    review, page = asked(customer), console(client)
    queue = "/console/huabei/decisionreview/"
    assert "林晓燕" in text(page.get(f"{queue}?state=open"))
    shown = text(page.get(f"{queue}{review.pk}/change/"))
    assert "I earn more now." in shown
    assert "score high enough failed 550 600 yes" in shown
    address = f"{queue}{review.pk}/act/overturn/"
    sent = {"key": str(uuid4()), "limit_fen": "3000", "reason": "Two years.", "preview": ""}
    assert "Limit – 3,000.00" in text(page.post(address, sent))
    assert (Line.objects.count(), told(customer)) == (0, ["line.review_asked"])
    late = page.post(address, {**sent, "limit_fen": "1", "confirm": ""})
    assert "the limit must be from 500.00 to 50000.00" in text(late)
    for _repeat in range(2):
        assert page.post(address, {**sent, "confirm": ""}).status_code == 302
    assert Line.objects.get().limit_fen == 3_000_00
    assert "林晓燕" not in text(page.get(f"{queue}?state=open"))
    assert "林晓燕" in text(page.get(f"{queue}?state=overturned"))
    second = {"key": str(uuid4()), "reason": "No.", "confirm": ""}
    again = page.post(f"{queue}{review.pk}/act/uphold/", second)
    assert "somebody decided on this review already" in text(again)


def test_only_who_may_decide_does(client: Client, customer: Customer) -> None:
    review, page = asked(customer), console(client, SERVICER)
    address = f"/console/huabei/decisionreview/{review.pk}/"
    assert "Open a line" not in text(page.get(f"{address}change/"))
    for act in ("uphold", "overturn"):
        sent = {"key": str(uuid4()), "reason": "x", "limit_fen": "500", "confirm": ""}
        assert page.post(f"{address}act/{act}/", sent).status_code == 403
    assert not ReviewVerdict.objects.exists()


def test_a_borrower_asks_on_the_page_of_their_decision(client: Client, customer: Customer) -> None:
    decision = refused(customer)
    client.force_login(login_of(customer))
    client.cookies["django_language"] = "en"
    page, ask = f"/line/decisions/{decision.pk}/", f"/line/decisions/{decision.pk}/review/"
    assert "Ask for a review" in text(client.get(page))
    key = str(uuid4())
    for _repeat in range(2):
        answer = client.post(ask, {"key": key, "statement": "<b>I earn\r\nmore.</b>"}, follow=True)
        assert "A person looks at it" in text(answer)
        assert "&lt;b&gt;I earn<br>more." in answer.content.decode()
    assert DecisionReview.objects.count() == 1
    uphold(review_id=DecisionReview.objects.get().pk, ruling=RULING, on=ON)
    assert "The refusal stands. Two years at the same employer." in text(client.get(page))
    notice = Notice.objects.get(kind="line.review_decided")
    assert "They say: Two years at the same employer." in text(
        client.get(f"/notices/{notice.pk}/", follow=True)
    )
    client.force_login(login_of(borrower("stranger")))
    assert client.post(ask, {"key": str(uuid4())}).status_code == 404


def test_what_a_borrower_wrote_is_not_lost_when_it_is_refused(client: Client, customer: Customer) -> None:
    ask = f"/line/decisions/{refused(customer).pk}/review/"
    client.force_login(login_of(customer))
    client.cookies["django_language"] = "en"
    for key, statement, status in (
        (str(uuid4()), "我涨薪了" + "x" * 997, 422),
        (str(uuid4()), "我涨薪了\x1b", 422),
        ("no key", "我涨薪了", 400),
    ):
        answer = client.post(ask, {"key": key, "statement": statement})
        assert (answer.status_code, "我涨薪了" in answer.content.decode()) == (status, True)
    assert not DecisionReview.objects.exists()
    # A browser counts each line end once and sends it as two characters.
    longest = "\u3000我涨薪了。" + "x\r\n" * 497 + "."
    assert client.post(ask, {"key": str(uuid4()), "statement": longest}).status_code == 302
    assert DecisionReview.objects.get().statement == longest.strip().replace("\r\n", "\n")
