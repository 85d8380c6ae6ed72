from datetime import date

import pytest

from finance.delinquency import (
    BucketError,
    bucket_of,
    buckets_from,
    days_past_due,
    late_from,
    oldest_unpaid_due_on,
    unpaid_by_bucket,
)

D = date.fromisoformat
FIVE_CATEGORIES = buckets_from(
    {
        "pass": (0, 0),
        "special mention": (1, 90),
        "substandard": (91, 270),
        "doubtful": (271, 360),
        "loss": (361, None),
    }
)


@pytest.mark.parametrize(
    ("due_on", "on", "days"),
    [
        ("2024-07-10", "2024-07-09", 0),
        ("2024-07-10", "2024-07-10", 0),
        ("2024-07-10", "2024-07-11", 1),
        ("2024-02-28", "2024-03-01", 2),
        (None, "2024-03-01", 0),
    ],
)
def test_the_day_after_the_due_date_is_day_one(due_on: str | None, on: str, days: int) -> None:
    assert days_past_due(D(due_on) if due_on else None, D(on)) == days


def test_a_penalty_runs_from_the_day_after_the_due_date() -> None:
    assert late_from(D("2024-07-10")) == D("2024-07-11")


def test_the_oldest_unpaid_due_date_decides() -> None:
    dues = [(D("2024-09-10"), 100), (D("2024-07-10"), 0), (D("2024-08-10"), 1)]
    assert oldest_unpaid_due_on(dues) == D("2024-08-10")
    assert oldest_unpaid_due_on([(D("2024-07-10"), 0)]) is None


@pytest.mark.parametrize(
    ("dpd", "name"),
    [
        (0, "pass"),
        (1, "special mention"),
        (90, "special mention"),
        (91, "substandard"),
        (270, "substandard"),
        (271, "doubtful"),
        (360, "doubtful"),
        (361, "loss"),
        (9999, "loss"),
    ],
)
def test_buckets_hold_both_their_ends(dpd: int, name: str) -> None:
    bucket = bucket_of(dpd, FIVE_CATEGORIES)
    assert bucket is not None
    assert bucket.name == name


def test_no_bucket_holds_days_outside_all() -> None:
    assert bucket_of(5, buckets_from({"early": (1, 3)})) is None


def test_amounts_by_age_leave_out_what_is_not_late_or_paid() -> None:
    dues = [(D("2024-07-10"), 100), (D("2024-07-20"), 70), (D("2024-08-20"), 40), (D("2024-07-12"), 0)]
    late = buckets_from({"1-20": (1, 20), "21-": (21, None)})
    assert unpaid_by_bucket(dues, D("2024-08-01"), late) == {"21-": 100, "1-20": 70}


@pytest.mark.parametrize(
    "limits",
    [{"a": (1, 3), "b": (5, 9)}, {"a": (1, 3), "b": (3, 9)}, {"a": (1, None), "b": (2, 9)}, {"a": (3, 1)}],
)
def test_buckets_neither_overlap_nor_leave_gaps(limits: dict[str, tuple[int, int | None]]) -> None:
    with pytest.raises(BucketError):
        buckets_from(limits)
