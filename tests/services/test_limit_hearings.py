"""A limit that the lender cut is looked at again by a person, once for each cut, who leaves it or gives it back."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from customers.models import Notice
from customers.selectors import notices_of
from huabei.errors import LineError, LineNotActive, RequestConflict
from huabei.hearing_notices import LimitReviewAsked, LimitReviewDecided
from huabei.models import DecisionReview, LimitChange, Line, ReviewVerdict
from huabei.notices import LimitChanged
from huabei.services.causes import CUSTOMER, Why, staff
from huabei.services.hearings import (
    AlreadyReviewed,
    CutNotFound,
    NotOverturnable,
    ReviewRefused,
    Ruling,
    ask_about_limit,
    overturn,
    restore,
    uphold,
)
from huabei.services.lifecycle import close
from huabei.services.limits import LimitRefused, change_limit, raise_temporarily
from ledger.audit import verify
from operations import audit
from operations.staff import SERVICER, UNDERWRITER
from tests.borrowers import borrower, buys, lived_until, login_of, opened_line, published, shop
from tests.line_world import a_policy
from tests.services.test_borrower_pages import text
from tests.services.test_line_console import signed_in

pytestmark = pytest.mark.django_db

ON = date(2026, 6, 5)
BY = staff(7)
RULING = Ruling("staff:8", "Your salary rose.", "v")


@pytest.fixture
def line() -> Line:
    """Of 8,000.00, with 500.00 more for a time."""
    line = opened_line(borrower(), on=date(2026, 6, 1))
    lived_until(ON)
    why = Why("travel", BY, "travel")
    raise_temporarily(line_id=line.pk, amount_fen=500_00, last_day=date(2026, 6, 20), why=why, on=ON)
    return line


@pytest.fixture
def cut(line: Line) -> LimitChange:
    """To 5,000.00, without what is lent for a time."""
    return lowered(line, 5_000_00)


def lowered(line: Line, fen: int, *, reference: str = "cut", by: str = BY) -> LimitChange:
    why = Why("customer_wish" if by == CUSTOMER else "risk", by, reference)
    return change_limit(line_id=line.pk, limit_fen=fen, why=why, on=ON)


def asked(cut: LimitChange, statement: str = "I earn more now.", reference: str = "a") -> DecisionReview:
    return ask_about_limit(
        customer_id=cut.line.customer_id, change_id=cut.pk, statement=statement, reference=reference, on=ON
    )


def told(line: Line) -> list[Any]:
    return [each.message for each in reversed(notices_of(line.customer_id))]


def limit(line: Line) -> tuple[int, int]:
    line.refresh_from_db()
    return line.limit_fen, line.temporary_fen


def holds() -> list[str]:
    return [found.check.name for found in verify(audit.CHECKS) if not found.holds]


def test_a_cut_is_looked_at_once_and_the_owner_is_told(line: Line, cut: LimitChange) -> None:
    first, again = asked(cut), asked(cut)
    assert (again, again.repeated, first.repeated, first.state) == (first, True, False, "open")
    for statement, reference in (("Something else.", "a"), ("Something else.", "b")):
        with pytest.raises(RequestConflict):
            asked(cut, statement, reference)
    with pytest.raises(RequestConflict):
        asked(lowered(line, 4_000_00, reference="more"))
    assert told(line)[-2:][0] == LimitReviewAsked(cut.pk, ON)


def test_what_was_not_cut_by_the_lender_is_not_looked_at(line: Line) -> None:
    raised = lowered(line, 9_000_00, reference="raised")
    wished = lowered(line, 7_000_00, reference="wish", by=CUSTOMER)
    temporary = LimitChange.objects.get(reference="travel")
    for change in (raised, wished, temporary):
        with pytest.raises(ReviewRefused):
            asked(change)
    with pytest.raises(CutNotFound):
        ask_about_limit(
            customer_id=borrower("stranger").pk, change_id=raised.pk, statement="", reference="a", on=ON
        )
    assert not DecisionReview.objects.exists()


def test_a_limit_is_given_back_and_told(line: Line, cut: LimitChange) -> None:
    review = asked(cut)
    first = restore(review_id=review.pk, limit_fen=7_000_00, ruling=RULING, on=ON)
    assert restore(review_id=review.pk, limit_fen=7_000_00, ruling=RULING, on=ON) == first
    with pytest.raises(RequestConflict):
        restore(review_id=review.pk, limit_fen=6_000_00, ruling=RULING, on=ON)
    for decide in (uphold, restore):
        given = {"limit_fen": 6_000_00} if decide is restore else {}
        with pytest.raises(AlreadyReviewed):
            decide(review_id=review.pk, ruling=Ruling("staff:9", "x", "w"), on=ON, **given)
    assert limit(line) == (7_500_00, 500_00)
    change = first.restored_by
    assert change is not None
    assert (change.cause, change.by, change.before_fen, change.after_fen) == (
        "looked_again",
        "staff:8",
        5_500_00,
        7_500_00,
    )
    assert told(line)[-2:] == [
        LimitChanged(5_500_00, 7_500_00),
        LimitReviewDecided(cut.pk, ON, 7_500_00, "Your salary rose."),
    ]
    assert told(line)[-1].title() == "Your limit is ¥7,500.00 now: a person looked at it"
    assert holds() == []


def test_a_limit_that_stays_is_told_with_why(line: Line, cut: LimitChange) -> None:
    verdict = uphold(review_id=asked(cut).pk, ruling=RULING, on=ON)
    assert (verdict.outcome, verdict.restored_by, limit(line)) == ("upheld", None, (5_500_00, 500_00))
    said = told(line)[-1]
    assert said == LimitReviewDecided(cut.pk, ON, 0, "Your salary rose.")
    assert "stays" in said.title()
    assert holds() == []


@pytest.mark.parametrize("limit_fen", [0, 5_000_00, 8_000_01])
def test_no_more_is_given_back_than_was_cut(line: Line, cut: LimitChange, limit_fen: int) -> None:
    review = asked(cut)
    with pytest.raises(ReviewRefused) as refused:
        restore(review_id=review.pk, limit_fen=limit_fen, ruling=RULING, on=ON)
    assert (refused.value.field, limit(line)[0]) == ("limit", 5_500_00)
    restore(review_id=review.pk, limit_fen=8_000_00, ruling=RULING, on=ON)
    assert limit(line) == (8_500_00, 500_00)


def test_what_was_raised_since_is_not_given_back_twice(line: Line, cut: LimitChange) -> None:
    first, second = asked(cut), asked(lowered(line, 4_000_00, reference="second"), reference="b")
    why = Why("travel", BY, "more")
    raise_temporarily(line_id=line.pk, amount_fen=300_00, last_day=date(2026, 6, 20), why=why, on=ON)
    lowered(line, 7_000_00, reference="raised")
    with pytest.raises(ReviewRefused) as refused:
        restore(review_id=first.pk, limit_fen=8_000_01, ruling=RULING, on=ON)
    assert "at most 8000.00" in refused.value.message
    # Of the second, which was to 4,000.00, all is given back already.
    with pytest.raises(ReviewRefused) as refused:
        restore(review_id=second.pk, limit_fen=7_000_01, ruling=RULING, on=ON)
    assert "given back already" in refused.value.message
    restore(review_id=first.pk, limit_fen=8_000_00, ruling=RULING, on=ON)
    assert limit(line) == (8_800_00, 800_00)
    assert holds() == []


def test_what_one_person_may_owe_and_what_is_late_is_not_set_aside(line: Line, cut: LimitChange) -> None:
    review = asked(cut)
    a_policy(maximum_limit_fen=7_000_00, maximum_exposure_fen=7_000_00, bands=((350, 7_000_00),))
    with pytest.raises(LimitRefused):
        restore(review_id=review.pk, limit_fen=8_000_00, ruling=RULING, on=ON)
    buys(line, shop(), "300.00", on=ON)
    late = date(2026, 7, 12)
    lived_until(late)
    with pytest.raises(NotOverturnable):
        restore(review_id=review.pk, limit_fen=6_000_00, ruling=RULING, on=late)
    assert not ReviewVerdict.objects.exists()


def test_a_line_that_was_closed_is_given_nothing(line: Line, cut: LimitChange) -> None:
    review, later = asked(cut), lowered(line, 4_000_00, reference="later")
    close(line_id=line.pk, why=Why("deceased", BY, "x"), on=ON)
    with pytest.raises(ReviewRefused):
        asked(later, reference="later")
    assert asked(cut).repeated
    with pytest.raises((LineNotActive, ReviewRefused)):
        restore(review_id=review.pk, limit_fen=1_000_00, ruling=RULING, on=ON)
    assert uphold(review_id=review.pk, ruling=RULING, on=ON).outcome == "upheld"


def test_a_refusal_and_a_cut_are_each_decided_as_what_they_are(line: Line, cut: LimitChange) -> None:
    with pytest.raises(LineError) as refused:
        overturn(review_id=asked(cut).pk, limit_fen=6_000_00, ruling=RULING, on=ON)
    assert refused.value.code == "review_refused"


def test_the_policys_cut_by_a_score_is_looked_at_too(line: Line) -> None:
    published(line.customer, 560, on=date(2026, 6, 6))
    Line.objects.filter(pk=line.pk).update(score=640)
    cut = change_limit(line_id=line.pk, limit_fen=600_00, why=Why("score_fall", "policy", "review"), on=ON)
    restore(review_id=asked(cut).pk, limit_fen=8_000_00, ruling=RULING, on=ON)
    assert limit(line) == (8_500_00, 500_00)


def test_the_owner_asks_on_the_page_of_the_cut(client: Client, line: Line, cut: LimitChange) -> None:
    client.force_login(login_of(line.customer))
    client.cookies["django_language"] = "en"
    address = f"/line/limit-changes/{cut.pk}/"
    assert address in client.get("/line/").content.decode()
    shown = text(client.get(address))
    assert "Your limit was lowered on June 5, 2026 Before ¥8,500.00 From then on ¥5,500.00" in shown
    assert "higher risk · by our staff" in shown
    key = str(uuid4())
    for _again in range(2):
        answer = client.post(f"{address}review/", {"key": key, "statement": "为什么？"}, follow=True)
        assert "A person looks at it" in text(answer)
    assert DecisionReview.objects.get().statement == "为什么？"
    lost = client.post(f"{address}review/", {"key": str(uuid4()), "statement": "x\x1b"})
    assert lost.status_code == 422
    restore(review_id=DecisionReview.objects.get().pk, limit_fen=7_000_00, ruling=RULING, on=ON)
    assert "Your limit became ¥7,500.00. Your salary rose." in text(client.get(address))
    assert "a person looked at it again · by our staff" in text(client.get("/line/"))
    notice = Notice.objects.get(kind="line.limit_review_decided")
    assert "They say: Your salary rose." in text(client.get(f"/notices/{notice.pk}/", follow=True))
    other = lowered(line, 6_000_00, reference="other")
    uphold(
        review_id=asked(other, reference="other").pk, ruling=Ruling("staff:8", "No.\nNot yet.", "w"), on=ON
    )
    assert "Your limit stays as it is. No.<br>Not yet." in " ".join(
        client.get(f"/line/limit-changes/{other.pk}/").content.decode().replace("</b>", "").split()
    )
    assert "A person looked at the limit again: it stays" in text(client.get("/line/"))
    client.force_login(login_of(borrower("stranger")))
    assert client.get(address).status_code == 404
    assert client.post(f"{address}review/", {"key": str(uuid4())}).status_code == 404


def test_an_underwriter_gives_it_back_from_the_queue(client: Client, line: Line, cut: LimitChange) -> None:
    review, page = asked(cut), signed_in(client, UNDERWRITER)
    queue = "/console/huabei/decisionreview/"
    assert "¥8,500.00 → ¥5,500.00 higher risk · staff:7" in text(page.get(f"{queue}?state=open"))
    shown = page.get(f"{queue}{review.pk}/change/")
    assert "Give the limit back" in text(shown)
    assert "Open a line" not in text(shown)
    link = f"{queue}?limit_change={cut.pk}"
    assert link in page.get(f"/console/huabei/limitchange/{cut.pk}/change/").content.decode()
    assert page.get(link).status_code == 200
    address = f"{queue}{review.pk}/act/restore/"
    assert 'value="8000.00"' in page.get(address).content.decode()
    sent = {"key": str(uuid4()), "limit_fen": "8000", "reason": "Salary.", "preview": ""}
    assert "5,500.00 8,500.00" in text(page.post(address, sent))
    assert limit(line)[0] == 5_500_00
    too_much = page.post(address, {**sent, "limit_fen": "8000.01", "confirm": ""})
    assert "the limit must be more than 5000.00, and at most 8000.00" in text(too_much)
    for _again in range(2):
        assert page.post(address, {**sent, "confirm": ""}).status_code == 302
    assert limit(line)[0] == 8_500_00
    assert "¥8,500.00" in text(page.get(f"{queue}{review.pk}/change/"))


def test_only_who_may_decide_gives_it_back(client: Client, line: Line, cut: LimitChange) -> None:
    review, page = asked(cut), signed_in(client, SERVICER)
    for act in ("leave", "restore"):
        sent = {"key": str(uuid4()), "reason": "x", "limit_fen": "8000", "confirm": ""}
        address = f"/console/huabei/decisionreview/{review.pk}/act/{act}/"
        assert page.post(address, sent).status_code == 403
    assert not ReviewVerdict.objects.exists()
