"""
Card histories of people who do not exist, in the same file format, for a demonstration without anybody's data.

Each person has a hidden strain, which nothing in the file names. It makes months more likely to be missed, payments smaller,
limits lower and more of them used, and it raises the odds of defaulting in the month that follows. So a model can learn from
the traces what it cannot see, and only so far: chance has its part, as with real people.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

import numpy as np
import numpy.typing as npt

from creditscore.card_histories import COLUMNS, LARGEST_ID, MONTHS

Numbers = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]

BAD_RATE = 0.15
_MOST_LATE = 8
_IDLE, _IN_FULL, _REVOLVING = -2, -1, 0


@dataclass(frozen=True, slots=True, eq=False)
class _Months:
    """(people × months), oldest month first."""

    status: Wholes
    statement: Numbers
    paid: Numbers


def generate_histories(*, people: int, seed: int, file: Path) -> Path:
    """
    Writes a file of `people` histories (1 to 999,999) and returns its path; gzipped where the name ends in .gz.

    The same number of people and seed give the same bytes. 3,000 people take a fraction of a second. Error: ValueError.
    """
    if not 1 <= people <= LARGEST_ID:
        raise ValueError(f"people must be from 1 to {LARGEST_ID}, not {people}")
    generator = np.random.default_rng(seed)
    age = np.clip(generator.gamma(5.0, 3.2, people) + 19, 20, 78).astype(np.int64)
    # Youth is a little more strained, as it is in the data of real lenders; sex and marriage make no difference.
    strain = generator.normal(0, 1, people) + 0.15 * (30 - np.minimum(age, 40)) / 10
    limit = _limits(generator, strain)
    months = _lived(generator, strain, limit)
    columns = {
        "ID": np.arange(1, people + 1),
        "LIMIT_BAL": limit.astype(np.int64),
        "SEX": generator.choice([1, 2], people, p=[0.48, 0.52]),
        "EDUCATION": generator.choice([1, 2, 3, 4], people, p=[0.25, 0.5, 0.2, 0.05]),
        "MARRIAGE": generator.choice([1, 2, 3], people, p=[0.48, 0.48, 0.04]),
        "AGE": age,
        "default.payment.next.month": _defaults(generator, strain, limit, months),
    }
    for ago in range(MONTHS):
        month = MONTHS - 1 - ago
        columns["PAY_0" if ago == 0 else f"PAY_{ago + 1}"] = months.status[:, month]
        columns[f"BILL_AMT{ago + 1}"] = np.rint(months.statement[:, month]).astype(np.int64)
        columns[f"PAY_AMT{ago + 1}"] = np.rint(months.paid[:, month]).astype(np.int64)
    _write(file, np.column_stack([columns[name] for name in COLUMNS]))
    return file


def _limits(generator: np.random.Generator, strain: Numbers) -> Numbers:
    """Limits in thousands, 5,000 to 300,000: what a lender that saw some of the strain would have granted."""
    size = np.exp(generator.normal(10.4, 0.75, len(strain)) - 0.25 * strain)
    return np.asarray(np.clip(np.rint(size / 1000) * 1000, 5_000, 300_000))


def _lived(generator: np.random.Generator, strain: Numbers, limit: Numbers) -> _Months:
    """Six months of spending and paying. A person is idle, pays in full or revolves, and misses months under strain."""
    people = len(strain)
    draw = generator.random(people)
    idle = draw < 0.07
    revolves = ~idle & (generator.random(people) < _logistic(-0.1 + 0.9 * strain))
    habit = np.clip(generator.beta(2.0, 5.0, people) + 0.05 * strain, 0.02, 0.8)
    owed = np.where(idle, 0.0, limit * habit * np.where(revolves, generator.uniform(0.5, 2.5, people), 1.0))
    owed = np.minimum(owed, limit)
    late = np.where(~idle & (generator.random(people) < _logistic(-3.4 + 1.1 * strain)), 1, 0)
    shape = (people, MONTHS)
    status, statement, paid = np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape)
    for month in range(MONTHS):
        debt = np.maximum(owed, 0.0)  # a refund may have left a credit
        misses = (debt > 0) & (
            generator.random(people)
            < _logistic(-3.2 + 1.0 * strain + 1.5 * (late > 0) + 0.8 * (debt > 0.8 * limit))
        )
        share = np.clip(generator.beta(1.2, 8.0, people) * np.exp(-0.35 * strain), 0.03, 1.0)
        payment = np.where(misses, 0.0, np.where(revolves, debt * share, debt))
        # Whoever is late and pays makes up for it in full in two months of three.
        late = np.where(
            misses, np.minimum(late + 1, _MOST_LATE), np.where(generator.random(people) < 0.67, 0, late)
        )
        spent = np.where(idle, 0.0, limit * habit * generator.lognormal(-0.1, 0.5, people))
        spent = np.where(late > 1, spent * 0.1, spent)
        refund = np.where(generator.random(people) < 0.01, limit * 0.02, 0.0)
        interest = np.where(revolves | (late > 0), (debt - payment) * 0.015, 0.0)
        room = np.maximum(limit - (debt - payment), 0.0)
        owed = owed - payment + np.minimum(spent, room) + interest - refund
        status[:, month] = np.where(
            late > 0, late, np.where(idle, _IDLE, np.where(revolves, _REVOLVING, _IN_FULL))
        )
        statement[:, month], paid[:, month] = owed, payment
    return _Months(status, statement, paid)


def _defaults(generator: np.random.Generator, strain: Numbers, limit: Numbers, months: _Months) -> Wholes:
    """Whether each defaults next: by strain, lateness now and use of the limit, at a rate of BAD_RATE over all."""
    late = np.maximum(months.status[:, -1], 0)
    used = np.clip(months.statement[:, -1] / limit, 0, 1.2)
    pull = 0.75 * strain + 0.75 * np.minimum(late, 3) + 0.6 * used + generator.normal(0, 0.4, len(strain))
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if _logistic(pull + middle).mean() > BAD_RATE else (middle, high)
    return (generator.random(len(strain)) < _logistic(pull + low)).astype(np.int64)


def _logistic(log_odds: Numbers) -> Numbers:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * log_odds)))


def _write(file: Path, table: Wholes) -> None:
    with file.open("wb") as raw:
        # No name and time in the gzip header: the same people are the same bytes.
        content = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if file.suffix == ".gz" else raw
        with TextIOWrapper(content, "utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(table.tolist())
