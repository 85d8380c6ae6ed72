"""How late a debt is: a function of the oldest unpaid due date, never a stored counter.

Our count: the day after the due date is day 1, a debt paid on its due date is not late (golden
`fin-delinquency-installment-buckets`). Some lenders count the due date itself as day 1 at its end
(`frp-dpd-counts-due-date`); that is always one more than ours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from finance.errors import DomainError


class BucketError(DomainError):
    """Buckets that overlap or leave a gap."""

    code = "bad_buckets"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Days past due from `first_day` to `last_day`, both included; an open end when `last_day` is None."""

    name: str
    first_day: int
    last_day: int | None


def days_past_due(oldest_unpaid_due_on: date | None, on: date) -> int:
    """0 up to and on the due date or when nothing is unpaid; 1 on the day after it, and one more each day."""
    if oldest_unpaid_due_on is None:
        return 0
    return max(0, (on - oldest_unpaid_due_on).days)


def late_from(due_on: date) -> date:
    """The first day on which something due on `due_on` is past due, and from which a penalty runs."""
    return due_on + timedelta(days=1)


def oldest_unpaid_due_on(unpaid_fen_by_due_date: Iterable[tuple[date, int]]) -> date | None:
    """The earliest due date on which anything is unpaid, or None."""
    return min((due_on for due_on, unpaid_fen in unpaid_fen_by_due_date if unpaid_fen > 0), default=None)


def buckets_from(limits: Mapping[str, tuple[int, int | None]]) -> tuple[Bucket, ...]:
    """Buckets in order. BucketError unless each begins on the day after the one before it ends."""
    buckets = tuple(Bucket(name, *days) for name, days in limits.items())
    for earlier, later in pairwise(buckets):
        if earlier.last_day is None or later.first_day != earlier.last_day + 1:
            raise BucketError(f"bucket {later.name} does not begin where {earlier.name} ends")
    for bucket in buckets:
        if bucket.last_day is not None and bucket.last_day < bucket.first_day:
            raise BucketError(f"bucket {bucket.name} ends before it begins")
    return buckets


def bucket_of(dpd: int, buckets: Sequence[Bucket]) -> Bucket | None:
    """The bucket that holds this many days past due, or None when none does."""
    for bucket in buckets:
        if bucket.first_day <= dpd and (bucket.last_day is None or dpd <= bucket.last_day):
            return bucket
    return None


def unpaid_by_bucket(
    unpaid_fen_by_due_date: Iterable[tuple[date, int]], on: date, buckets: Sequence[Bucket]
) -> dict[str, int]:
    """Fen past due per bucket name, each due by its own age. Buckets that hold nothing are left out."""
    totals: dict[str, int] = {}
    for due_on, unpaid_fen in unpaid_fen_by_due_date:
        bucket = bucket_of(days_past_due(due_on, on), buckets)
        if bucket is not None and unpaid_fen > 0:
            totals[bucket.name] = totals.get(bucket.name, 0) + unpaid_fen
    return totals
