"""Limits are reviewed on schedule: raised, lowered, kept or frozen, each with its reasons."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from huabei.models import ConsumerRule, Freeze, LimitChange, LimitReview, Line, OpeningPolicy, ReviewTerms
from huabei.policy import Policy, Reviewed, ReviewPolicy, ReviewReason, Verdict, review
from ledger.audit import verify
from operations import audit
from tests.borrowers import borrower, opened_line, published
from tests.line_world import a_line, a_merchant, bought, end_day, end_days
from tests.loan_world import a_wish, lent
from tests.loan_world import end_days as end_loan_days

POLICY = Policy(
    minimum_age=18,
    minimum_score=600,
    score_days=35,
    minimum_limit_fen=500_00,
    maximum_limit_fen=20_000_00,
    maximum_exposure_fen=200_000_00,
    consumer_cap_fen=150_000_00,
    students_admitted=False,
    bands=((350, 500_00), (600, 2_000_00), (650, 8_000_00), (900, 90_000_00)),
)
BY = ReviewPolicy(6, Decimal("0.5"), 550)
LIMIT = 4_000_00

# What differs from a line of 4,000.00 with a score of 650, as at its opening, for seven months; and what becomes of it.
# fmt: off
VERDICTS = [
    ({},                                        6_000_00,  (ReviewReason.SCORE_EARNS_MORE,)),   # by half at most
    ({"limit_fen": 7_000_00},                   8_000_00,  (ReviewReason.SCORE_EARNS_MORE,)),   # to what the score earns
    ({"limit_fen": 8_000_00},                   8_000_00,  (ReviewReason.SCORE_EARNS_NO_MORE,)),
    ({"limit_fen": 19_000_00, "score": 900, "score_before": 900}, 20_000_00, (ReviewReason.SCORE_EARNS_MORE,)),
    ({"score": None},                           LIMIT,     (ReviewReason.NO_FRESH_SCORE,)),
    ({"overdue_fen": 1},                        LIMIT,     (ReviewReason.OVERDUE,)),
    ({"is_frozen": True, "months_on_book": 5},  LIMIT,     (ReviewReason.FROZEN, ReviewReason.TOO_NEW)),
    ({"exposure_fen": 199_000_00},              5_000_00,  (ReviewReason.SCORE_EARNS_MORE,)),   # what exposure leaves
    ({"exposure_fen": 200_000_00},              LIMIT,     (ReviewReason.EXPOSURE,)),
    ({"consumer_exposure_fen": 149_000_00},     5_000_00,  (ReviewReason.SCORE_EARNS_MORE,)),   # what the law leaves
    ({"consumer_exposure_fen": 150_000_00},     LIMIT,     (ReviewReason.EXPOSURE,)),
    ({"score": 640},                            2_000_00,  (ReviewReason.SCORE_FELL,)),
    ({"score": 640, "overdue_fen": 1},          2_000_00,  (ReviewReason.SCORE_FELL,)),
    ({"score": 640, "score_before": 640},       LIMIT,     (ReviewReason.SCORE_EARNS_NO_MORE,)),  # raised by staff
    ({"score": 640, "score_before": None},      LIMIT,     (ReviewReason.SCORE_EARNS_NO_MORE,)),
    ({"score": 549},                            500_00,    (ReviewReason.SCORE_TOO_LOW,)),
]
# fmt: on


@pytest.mark.parametrize(("changes", "limit_fen", "reasons"), VERDICTS)
def test_a_review_goes_by_score_lateness_and_time(
    changes: dict[str, object], limit_fen: int, reasons: tuple[ReviewReason, ...]
) -> None:
    usual: dict[str, object] = {
        "limit_fen": LIMIT,
        "months_on_book": 7,
        "overdue_fen": 0,
        "is_frozen": False,
        "score": 650,
        "score_before": 650,
        "exposure_fen": 0,
        "consumer_exposure_fen": 0,
    }
    verdict = review(Reviewed(**{**usual, **changes}), POLICY, BY)  # type: ignore[arg-type]
    assert (verdict.limit_fen, verdict.reasons) == (limit_fen, reasons)
    assert verdict.freezes == (ReviewReason.SCORE_TOO_LOW in reasons)


def test_a_verdict_says_what_the_score_earns() -> None:
    seen = Reviewed(LIMIT, 7, 0, False, 650, 650, 0, 0)
    assert review(seen, POLICY, BY) == Verdict(6_000_00, False, 8_000_00, (ReviewReason.SCORE_EARNS_MORE,))


# Opened on 20 May with a score of 640, so reviewed on 20 November.
REVIEWED_ON = date(2026, 11, 20)


@pytest.fixture
def line() -> Line:
    return opened_line(borrower(), limit="4000.00")


def reviewed(line: Line) -> LimitReview:
    end_day(date(2026, 11, 18))
    assert not LimitReview.objects.exists()
    end_day(date(2026, 11, 19))
    line.refresh_from_db()
    return LimitReview.objects.get(line=line)


def rule_of_today() -> ConsumerRule:
    return ConsumerRule.objects.get(lender_type="microlender", effective_from=date(2021, 3, 17))


def broken_rules() -> list[str]:
    return [found.check.name for found in verify(audit.CHECKS) if not found.holds]


@pytest.mark.django_db
def test_a_line_is_reviewed_half_a_year_after_its_opening_and_raised(line: Line) -> None:
    published(line.customer, 655, on=date(2026, 11, 6))
    found = reviewed(line)
    assert (found.outcome, found.reasons) == ("raised", ["score_earns_more"])
    assert (found.reviewed_on, found.score, found.scored_on) == (REVIEWED_ON, 655, date(2026, 11, 6))
    assert (found.months_on_book, found.earned_fen) == (6, 8_000_00)
    assert (found.exposure_fen, found.consumer_exposure_fen) == (4_000_00, 4_000_00)
    assert (found.policy, found.consumer_rule) == (OpeningPolicy.objects.get(), rule_of_today())
    assert (found.before_fen, found.after_fen, line.limit_fen) == (4_000_00, 6_000_00, 6_000_00)
    change = LimitChange.objects.get()
    assert (change.cause, change.by) == ("score_rise", "policy")
    assert line.review_on == date(2027, 5, 20)
    end_day(date(2026, 11, 19))
    assert LimitReview.objects.count() == 1
    assert broken_rules() == []


@pytest.mark.django_db
def test_a_score_that_fell_lowers_the_limit_below_what_is_drawn(line: Line) -> None:
    bought(line, a_merchant(), 3_500_00, date(2026, 11, 10))
    published(line.customer, 610, on=date(2026, 11, 6))
    found = reviewed(line)
    assert (found.outcome, found.reasons) == ("lowered", ["score_fell"])
    assert (line.limit_fen, line.excess_fen) == (2_000_00, 1_500_00)
    assert broken_rules() == []


@pytest.mark.django_db
def test_a_score_far_too_low_freezes_the_line(line: Line) -> None:
    published(line.customer, 540, on=date(2026, 11, 6))
    assert reviewed(line).outcome == "frozen"
    assert (line.status, Freeze.objects.get().cause, line.limit_fen) == ("frozen", "score_fall", 500_00)
    assert broken_rules() == []


@pytest.mark.django_db
@pytest.mark.parametrize("scored_on", [None, date(2026, 10, 6)])
def test_without_a_fresh_score_the_limit_stays(line: Line, scored_on: date | None) -> None:
    if scored_on:
        published(line.customer, 800, on=scored_on)
    found = reviewed(line)
    assert (found.outcome, found.reasons, found.score) == ("kept", ["no_fresh_score"], None)
    assert not LimitChange.objects.exists()


@pytest.mark.django_db
def test_a_line_with_a_payment_late_is_not_raised(line: Line) -> None:
    bought(line, a_merchant(), 1_000_00, date(2026, 10, 10))
    published(line.customer, 800, on=date(2026, 11, 6))
    end_days(date(2026, 10, 31), date(2026, 11, 10))
    found = reviewed(line)
    assert (found.outcome, found.reasons, found.overdue_fen) == ("kept", ["overdue", "frozen"], 100_00)


@pytest.mark.django_db
def test_a_line_whose_owner_is_late_with_a_loan_is_not_raised(line: Line) -> None:
    loan = lent(a_wish(1_000_00), on=date(2026, 9, 10), customer_id=line.customer_id)
    end_loan_days(date(2026, 10, 9), date(2026, 10, 10))
    published(line.customer, 800, on=date(2026, 11, 6))
    found = reviewed(line)
    assert (found.outcome, found.reasons) == ("kept", ["overdue"])
    assert found.overdue_fen == loan.instalments.get(n=1).unpaid_fen > 0


@pytest.mark.django_db
def test_the_terms_of_reviews_are_dated(line: Line) -> None:
    ReviewTerms.objects.create(effective_from=date(2026, 11, 1), months_on_book=12, months_between=1)
    published(line.customer, 800, on=date(2026, 11, 6))
    assert reviewed(line).reasons == ["too_new"]
    assert line.review_on == date(2026, 12, 20)


@pytest.mark.django_db
def test_a_closed_line_is_not_reviewed() -> None:
    line = a_line()
    Line.objects.filter(pk=line.pk).update(status="closed")
    end_day(date(2026, 11, 19))
    assert not LimitReview.objects.exists()
