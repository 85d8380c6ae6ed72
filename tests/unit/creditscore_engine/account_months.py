"""The score features once more, in plain Python, one person at a time: the oracle of `creditscore/sql/features.sql`.

Written from the meaning of each feature, not from the SQL: no window functions, no numpy, no pandas.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import fmean, pstdev
from typing import NamedTuple

UCI_FEN_PER_TWD = 25  # one CNY bought about four New Taiwan dollars in 2005
UCI_NEWEST_MONTH = date(2005, 9, 1)
UCI_AS_OF = date(2005, 10, 6)


class AccountMonth(NamedTuple):
    """What a source knew of one account in one month."""

    month: date
    limit_fen: int
    statement_fen: int
    paid_fen: int
    months_late: int
    known_on: date
    source: str = "bank"
    account: str = "1"


class PersonMonth(NamedTuple):
    """All accounts of a person in one month together."""

    limit_fen: int
    statement_fen: int
    paid_fen: int
    status: int
    sources: frozenset[str]

    @property
    def late(self) -> int:
        return max(self.status, 0)

    @property
    def line_fen(self) -> int:
        return max(self.limit_fen, 100)


def months_before(month: date, count: int) -> date:
    index = month.year * 12 + month.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


def months_between(later: date, earlier: date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def slope(by_age: dict[int, float]) -> float:
    """Least-squares slope per month, time running forward (age backward); 0 for a single month."""
    if len(by_age) < 2:
        return 0.0
    middle = fmean(-age for age in by_age)
    level = fmean(by_age.values())
    return sum((-a - middle) * (v - level) for a, v in by_age.items()) / sum(
        (-a - middle) ** 2 for a in by_age
    )


def person_months(rows: list[AccountMonth], as_of: date) -> dict[date, PersonMonth]:
    """What is known of each month on `as_of`: the last known version of each account, accounts together."""
    last_known: dict[tuple[date, str, str], AccountMonth] = {}
    for row in rows:  # in the order of their ids
        key = (row.month, row.source, row.account)
        if row.known_on <= as_of and (key not in last_known or row.known_on >= last_known[key].known_on):
            last_known[key] = row
    by_month: dict[date, list[AccountMonth]] = defaultdict(list)
    for row in last_known.values():
        by_month[row.month].append(row)
    return {
        month: PersonMonth(
            sum(r.limit_fen for r in accounts),
            sum(r.statement_fen for r in accounts),
            sum(r.paid_fen for r in accounts),
            max(r.months_late for r in accounts),
            frozenset(r.source for r in accounts),
        )
        for month, accounts in by_month.items()
    }


def features_as_of(rows: list[AccountMonth], as_of: date) -> dict[str, float | None] | None:
    """Features by name with `months_known`; None if nothing is known in the window."""
    known = person_months(rows, as_of)
    if not known:
        return None
    newest = max(known)
    if newest < months_before(as_of, 3):
        return None
    window = {months_between(newest, m): p for m, p in known.items() if months_between(newest, m) < 6}
    months_on_file = months_between(newest, min(known)) + 1
    return _describe(window, months_on_file)


def _describe(window: dict[int, PersonMonth], months_on_file: int) -> dict[str, float | None]:
    now, months = window[0], list(window.values())
    line = now.line_fen
    late = {age: float(m.late) for age, m in window.items()}
    paid = [m.paid_fen for m in months]
    statements = [m.statement_fen for m in months]
    used = {age: m.statement_fen / m.line_fen for age, m in window.items()}
    paired = {age: (m, window[age + 1].statement_fen) for age, m in window.items() if age + 1 in window}
    owing = {age: (m.paid_fen, owed) for age, (m, owed) in paired.items() if owed > 0}
    cover = {age: min(p / owed, 10.0) for age, (p, owed) in owing.items()}
    spent = {age: m.statement_fen - owed + m.paid_fen for age, (m, owed) in paired.items()}
    growth = max(now.statement_fen, 0) - max(window[max(window)].statement_fen, 0)
    all_paid = sum(m.paid_fen for m, _ in paired.values())
    return {
        "months_known": len(window),
        "late_latest": now.late,
        "late_worst": max(late.values()),
        "late_worst_earlier": max((n for age, n in late.items() if age), default=0),
        "late_mean": fmean(late.values()),
        "late_share": share([n > 0 for n in late.values()]),
        "months_since_late": min((age for age, n in late.items() if n), default=6),
        "late_slope": slope(late),
        "limit_fen": now.limit_fen,
        "headroom_fen": now.limit_fen - now.statement_fen,
        "paid_latest_fen": now.paid_fen,
        "paid_previous_fen": window[1].paid_fen if 1 in window else fmean(paid),
        "paid_mean_fen": fmean(paid),
        "paid_least_fen": min(paid),
        "paid_months_share": share([p > 0 for p in paid]),
        "paid_to_limit": fmean(paid) / line,
        "paid_spread_to_limit": pstdev(paid) / line,
        "cover_latest": cover.get(0),
        "cover_all": min(all_paid / sum(owed for _, owed in owing.values()), 10.0) if owing else None,
        "cover_worst": min(cover.values(), default=None),
        "small_payment_share": share([o > 0 and m.paid_fen * 20 < o for m, o in paired.values()])
        if paired
        else 0,
        "utilisation_latest": used[0],
        "utilisation_mean": fmean(used.values()),
        "utilisation_slope": slope(used),
        "statement_latest_fen": now.statement_fen,
        "statement_spread_fen": pstdev(statements),
        "debt_growth_to_paid": max(-10.0, min(10.0, growth / sum(paid))) if sum(paid) else None,
        "spending_latest_to_limit": spent.get(0, 0) / line,
        "spending_mean_to_limit": fmean(spent.values()) / line if spent else 0,
        "revolving_share": share([m.status == 0 for m in months]),
        "paid_in_full_share": share([m.status == -1 for m in months]),
        "idle_share": share([m.status == -2 for m in months]),
        "months_on_file": months_on_file,
        "source_count": len(frozenset().union(*(m.sources for m in months))),
    }


def fen(twd: str) -> int:
    """The file's amounts are whole New Taiwan dollars, a few of them written as 5e+05."""
    return int(float(twd)) * UCI_FEN_PER_TWD


def uci_people(path: Path) -> Iterator[list[AccountMonth]]:
    """The months of each person of the UCI credit card file, in file order; PAY_0 is September 2005, the newest month."""
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            yield [
                AccountMonth(
                    month=months_before(UCI_NEWEST_MONTH, age),
                    limit_fen=fen(row["LIMIT_BAL"]),
                    statement_fen=fen(row[f"BILL_AMT{age + 1}"]),
                    paid_fen=fen(row[f"PAY_AMT{age + 1}"]),
                    months_late=int(row[f"PAY_{age + 1 if age else 0}"]),
                    known_on=date(2005, 10, 1),
                )
                for age in range(6)
            ]
