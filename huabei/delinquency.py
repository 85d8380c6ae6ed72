"""
How late lines are: read for one and for many, and kept by two steps of the close.

What is overdue is looked at as a day begins: `closed_on` has ended, and what was due by then and is unpaid makes the next day
one past due. Both steps write a line only when something changed for it, so one that is repeated writes nothing. The rules in
pure Python are `finance.delinquency`; tests compare the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Max

from finance.delinquency import Bucket, buckets_from
from huabei.holding import Lines, held
from huabei.models import Arrears, Category, Classification, ClassificationBand
from ledger.sql import fetch_all, value

_DAYS = """
SELECT line_id, greatest(%(on)s::date - min(due_on), 0)
FROM huabei_due WHERE outstanding_fen > 0 AND line_id = ANY(%(lines)s) GROUP BY line_id
"""


def days_past_due(*, line_ids: Iterable[int], on: date) -> dict[int, int]:
    """The days past due of lines on a date, by what is unpaid now; 0 for those that owe no minimum, one query for all."""
    ids = list(line_ids)
    return dict.fromkeys(ids, 0) | dict(fetch_all(_DAYS, {"on": on, "lines": ids}))


# What the two steps are for: lines of which something else is overdue than was written, and lines in another category. They
# are few. Whatever changes one of them before it is held has it live through the close first, so that it is left out.
_GIVEN = "(%(lines)s::bigint[] IS NULL OR line_id = ANY(%(lines)s))"
_TO_FOLLOW = """line.id IN (
    SELECT coalesce(late.line_id, stands.line_id)
    FROM (SELECT line_id, min(due_on) AS oldest_due_on, sum(outstanding_fen)::bigint AS overdue_fen
          FROM huabei_due WHERE outstanding_fen > 0 AND due_on <= %(closed)s AND /* given */ GROUP BY line_id) AS late
    FULL JOIN (SELECT * FROM huabei_arrears WHERE until IS NULL AND /* given */) AS stands ON stands.line_id = late.line_id
    WHERE (late.oldest_due_on, late.overdue_fen) IS DISTINCT FROM (stands.oldest_due_on, stands.overdue_fen)
) /* scope */""".replace("/* given */", _GIVEN)

_FOLLOW = """
WITH late AS (
    SELECT line_id, min(due_on) AS oldest_due_on, sum(outstanding_fen)::bigint AS overdue_fen
    FROM huabei_due
    WHERE outstanding_fen > 0 AND due_on <= %(closed)s AND line_id = ANY(%(held)s)
    GROUP BY line_id
), stands AS (
    SELECT * FROM huabei_arrears WHERE until IS NULL AND line_id = ANY(%(held)s)
), ended AS (
    UPDATE huabei_arrears AS arrears SET until = %(next)s
    FROM stands LEFT JOIN late ON late.line_id = stands.line_id
    WHERE arrears.id = stands.id
      AND (late.oldest_due_on, late.overdue_fen) IS DISTINCT FROM (stands.oldest_due_on, stands.overdue_fen)
    RETURNING arrears.line_id, arrears.began_on
), begun AS (
    INSERT INTO huabei_arrears (line_id, began_on, since, oldest_due_on, overdue_fen)
    SELECT late.line_id, coalesce(ended.began_on, %(next)s), %(next)s, late.oldest_due_on, late.overdue_fen
    FROM late
    LEFT JOIN stands ON stands.line_id = late.line_id
    LEFT JOIN ended ON ended.line_id = late.line_id
    WHERE stands.line_id IS NULL OR ended.line_id IS NOT NULL
    RETURNING 1
)
SELECT (SELECT count(*) FROM ended) + (SELECT count(*) FROM begun)
"""


def follow_arrears(closed_on: date, lines: Lines = None) -> int:
    """Stretches of lateness that end and begin with the day after `closed_on`. Returns how many were written."""
    return _written(_TO_FOLLOW, _FOLLOW, closed_on, lines)


_JUDGED = """
    SELECT late.line_id, late.days, band.category, band.effective_from
    FROM (SELECT line_id, %(next)s - oldest_due_on AS days FROM huabei_arrears WHERE until IS NULL AND /* given */) AS late
    CROSS JOIN LATERAL (
        SELECT * FROM huabei_classificationband
        WHERE first_day <= late.days AND effective_from = (
            SELECT max(effective_from) FROM huabei_classificationband WHERE effective_from <= %(next)s)
        ORDER BY first_day DESC LIMIT 1) AS band
""".replace("/* given */", _GIVEN)
_TO_CLASSIFY = """line.id IN (
    SELECT coalesce(judged.line_id, stands.line_id)
    FROM (/* judged */) AS judged
    FULL JOIN (SELECT * FROM huabei_classification WHERE until IS NULL AND /* given */) AS stands
        ON stands.line_id = judged.line_id
    WHERE judged.category IS DISTINCT FROM stands.category
) /* scope */""".replace("/* judged */", _JUDGED).replace("/* given */", _GIVEN)

_CLASSIFY = """
WITH judged AS (
    SELECT * FROM (/* judged */) AS found WHERE line_id = ANY(%(held)s)
), stands AS (
    SELECT * FROM huabei_classification WHERE until IS NULL AND line_id = ANY(%(held)s)
), ended AS (
    UPDATE huabei_classification AS classification SET until = %(next)s
    FROM stands LEFT JOIN judged ON judged.line_id = stands.line_id
    WHERE classification.id = stands.id AND judged.category IS DISTINCT FROM stands.category
    RETURNING classification.line_id
), begun AS (
    INSERT INTO huabei_classification (line_id, category, since, days_past_due, rule_from)
    SELECT judged.line_id, judged.category, %(next)s, judged.days, judged.effective_from
    FROM judged
    LEFT JOIN stands ON stands.line_id = judged.line_id
    LEFT JOIN ended ON ended.line_id = judged.line_id
    WHERE stands.line_id IS NULL OR ended.line_id IS NOT NULL
    RETURNING 1
)
SELECT (SELECT count(*) FROM ended) + (SELECT count(*) FROM begun)
""".replace("/* judged */", _JUDGED)


def classify(closed_on: date, lines: Lines = None) -> int:
    """Categories that lines leave and enter with the day after `closed_on`. Returns how many stretches were written."""
    return _written(_TO_CLASSIFY, _CLASSIFY, closed_on, lines)


def _written(concerned: str, sql: str, closed_on: date, lines: Lines) -> int:
    parameters = {"closed": closed_on, "next": closed_on + timedelta(days=1), "lines": lines}
    found = held(concerned, "line.id", parameters)
    return int(value(sql, parameters | {"held": found})) if found else 0


STEPS = (("lines.follow_arrears", follow_arrears), ("lines.classify", classify))


def bands_on(on: date) -> tuple[Bucket, ...]:
    """The categories by days past due in force on a date, as `finance.delinquency` knows them."""
    version = ClassificationBand.objects.filter(effective_from__lte=on).aggregate(
        latest=Max("effective_from")
    )["latest"]
    rows = list(ClassificationBand.objects.filter(effective_from=version).order_by("first_day"))
    last_days = [row.first_day - 1 for row in rows[1:]] + [None]
    return buckets_from(
        {row.category: (row.first_day, last) for row, last in zip(rows, last_days, strict=True)}
    )


def category_of(line_id: int) -> Category | None:
    """The category that a line is in; None for a normal one."""
    row = Classification.objects.filter(line_id=line_id, until__isnull=True).first()
    return Category(row.category) if row else None


@dataclass(frozen=True, slots=True)
class Episode:
    """A time over which a line was late without a break, from the first day late until the first that was not."""

    began_on: date
    ended_on: date | None
    highest_days: int
    highest_overdue_fen: int


def episodes(line_id: int, *, on: date) -> list[Episode]:
    """
    The episodes of a line up to a date, newest first; `highest_days` of one that lasts is by this date.

    The state of each day is that of its beginning: the day on which the rest was paid still counts as late.
    """
    found: dict[date, Episode] = {}
    for row in Arrears.objects.filter(line_id=line_id, since__lte=on).order_by("since"):
        ended_on = row.until if row.until is not None and row.until <= on else None
        last_day = row.until - timedelta(days=1) if row.until and ended_on else on
        days = (last_day - row.oldest_due_on).days
        before = found.get(row.began_on)
        found[row.began_on] = Episode(
            row.began_on,
            ended_on,
            max(days, before.highest_days if before else 0),
            max(row.overdue_fen, before.highest_overdue_fen if before else 0),
        )
    return list(found.values())[::-1]


def portfolio_by_category() -> Mapping[Category, tuple[int, int]]:
    """How many lines are in each category but normal, and what of them is overdue, in fen."""
    rows = fetch_all(
        "SELECT category, count(*), coalesce(sum(overdue_fen), 0)::bigint FROM huabei_classification AS classification "
        "LEFT JOIN huabei_arrears AS arrears ON arrears.line_id = classification.line_id AND arrears.until IS NULL "
        "WHERE classification.until IS NULL GROUP BY category"
    )
    found = {Category(category): (lines, fen) for category, lines, fen in rows}
    return {category: found.get(category, (0, 0)) for category in Category}
