"""Importing card histories against COPY, and scoring everybody against the bare model."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from statistics import median

import numpy as np
from django.conf import settings
from django.core.management import call_command

from bench.figures import Figure, ratio_of, say
from bench.server import BenchServer, use
from creditscore.feature_rows import feature_rows
from creditscore.services import registry
from creditscore.services.import_histories import Imported, import_histories
from creditscore.services.synthetic_histories import generate_histories
from customers.selectors import registered_ids

# Referenced before referencing.
TABLES = (
    "customers_customer",
    "creditscore_accountmonth",
    "creditscore_outcome",
    "creditscore_protectedattributes",
)
EMPTY = "bench_scores"


def scoring(server: BenchServer, *, people: int, seed: int, rounds: int) -> Iterator[Figure]:
    """Both figures, on histories that are generated from the seed."""
    file = generate_histories(people=people, seed=seed, file=Path(settings.BENCH_ROOT, "histories.csv.gz"))
    server.migrated(EMPTY)
    imports: list[float] = []
    copies: list[float] = []
    rows = 0
    for number in range(1, rounds + 1):
        say(f"import: round {number} of {rounds}, {people:,} people")
        with server.copy_of(EMPTY) as name:
            imported, seconds = _imported(file)
            contents = _contents(server, name)
        with server.copy_of(EMPTY) as name:
            copies.append(_copy_seconds(server, name, contents))
        imports.append(seconds)
        rows = 3 * imported.people + imported.account_months
    yield Figure(
        name="import_card_histories",
        what=f"import {people:,} people's card histories",
        unit="s",
        value=median(imports),
        floor=f"COPY of the {rows:,} rows",
        floor_value=median(copies),
        ratio=ratio_of(copies, imports),
        detail={
            "rows": rows,
            "people_per_second": people / median(imports),
            "rounds": [list(pair) for pair in zip(imports, copies, strict=True)],
        },
    )
    use(EMPTY)
    _imported(file)
    server.run_sql("VACUUM ANALYZE", database=EMPTY)
    yield from _score_everybody(people, rounds)
    server.drop(EMPTY)


def _imported(file: Path) -> tuple[Imported, float]:
    started = time.perf_counter()
    imported = import_histories(file=file, source="bench")
    return imported, time.perf_counter() - started


def _contents(server: BenchServer, name: str) -> dict[str, bytes]:
    contents = {}
    with server.admin(name) as admin:
        for table in TABLES:
            with admin.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy:
                contents[table] = b"".join(copy)
    return contents


def _copy_seconds(server: BenchServer, name: str, contents: dict[str, bytes]) -> float:
    with server.admin(name) as admin:
        started = time.perf_counter()
        with admin.transaction():
            for table, content in contents.items():
                with admin.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
                    copy.write(content)
        return time.perf_counter() - started


def _score_everybody(people: int, rounds: int) -> Iterator[Figure]:
    """`manage.py score --all`, features and reasons included, against XGBoost on features that are there already."""
    from creditscore.services.training import default_as_of, train_score

    as_of = default_as_of()
    say("score: training")
    trained = train_score(as_of=as_of, at=datetime(2026, 1, 1, tzinfo=UTC))
    estimator = registry.load(trained.version).estimator
    matrix = feature_rows(as_of=as_of, customer_ids=registered_ids(on=as_of)).values
    scored: list[float] = []
    predicted: list[float] = []
    explained: list[float] = []
    for number in range(1, rounds + 1):
        say(f"score: round {number} of {rounds}, {len(matrix):,} people")
        said = StringIO()
        call_command("score", "--all", "--json", "--as-of", as_of.isoformat(), stdout=said, skip_checks=True)
        scored.append(json.loads(said.getvalue())["people_per_second"])
        many = np.tile(matrix, (20, 1))
        started = time.perf_counter()
        estimator.booster_.inplace_predict(many, predict_type="margin")
        predicted.append(len(many) / (time.perf_counter() - started))
        started = time.perf_counter()
        estimator.contributions(matrix)
        explained.append(len(matrix) / (time.perf_counter() - started))
    for name, what, floor, rates in (
        ("score_everybody", f"score {people:,} people, with reasons", "bare TreeSHAP", explained),
        ("score_everybody_predicting", "the same", "bare inplace_predict", predicted),
    ):
        yield Figure(
            name=name,
            what=what,
            unit="/s",
            value=median(scored),
            floor=floor,
            floor_value=median(rates),
            ratio=ratio_of(scored, rates),
            detail={
                "threads": estimator.threads,
                "rounds": [list(pair) for pair in zip(scored, rates, strict=True)],
            },
        )
