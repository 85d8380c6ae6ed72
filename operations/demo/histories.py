"""
Generated card histories in the file format of real ones, for a demo world without a file.

A person has a hidden strain (how hard it is to pay). It moves how much of the limit is used, what is paid back, whether
months are late, and whether the next month is a default, so a score trained on the file has something true to find.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import random
from pathlib import Path

MONTHS = 6
HEADER = (
    "ID",
    "LIMIT_BAL",
    "SEX",
    "EDUCATION",
    "MARRIAGE",
    "AGE",
    *("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"),
    *(f"BILL_AMT{n}" for n in range(1, MONTHS + 1)),
    *(f"PAY_AMT{n}" for n in range(1, MONTHS + 1)),
    "default.payment.next.month",
)


def _person(number: int, rng: random.Random) -> list[int]:
    strain = rng.gauss(0, 1)
    limit = round(math.exp(rng.gauss(9.6 - 0.35 * strain, 0.7)) / 500) * 500
    limit = min(max(limit, 1_000), 200_000)
    uses_card = rng.random() > 0.08
    usage = min(max(rng.betavariate(1.2, 2.2) + 0.12 * strain, 0.0), 1.05)
    months_late, bill = 0, round(limit * usage)
    statuses, bills, payments = [], [], []
    for _month in range(MONTHS):
        spent = round(limit * usage * rng.uniform(0.1, 0.5)) if uses_card else 0
        late = rng.random() < 1 / (1 + math.exp(2.4 - 1.4 * strain - 1.2 * (months_late > 0)))
        if not uses_card or bill <= 0:
            status, paid = -2, 0
        elif late:
            months_late = min(months_late + 1, 8)
            status, paid = months_late, round(bill * rng.uniform(0, 0.03))
        else:
            months_late = 0
            in_full = rng.random() < 1 / (1 + math.exp(0.4 + 1.2 * strain))
            status, paid = (-1, bill) if in_full else (0, round(bill * rng.uniform(0.04, 0.4)))
        statuses.append(status)
        bills.append(bill)
        payments.append(paid)
        bill = min(bill - paid + spent, round(limit * 1.1))
    risk = (
        -2.0
        + 1.8 * strain
        + 1.2 * (months_late > 0)
        + 0.3 * min(months_late, 3)
        + 0.5 * (bills[-1] > 0.8 * limit)
    )
    defaults = rng.random() < 1 / (1 + math.exp(-risk))
    who = [limit, rng.choice((1, 2)), rng.choice((1, 2, 2, 3)), rng.choice((1, 2, 2)), rng.randrange(21, 66)]
    # The file has the newest month first.
    return [number, *who, *reversed(statuses), *reversed(bills), *reversed(payments), int(defaults)]


def generate_histories(*, people: int, seed: int, file: Path) -> None:
    """Writes a gzipped file of this many people's histories; the same seed gives the same bytes."""
    rng = random.Random(seed)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows(_person(number, rng) for number in range(1, people + 1))
    file.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
