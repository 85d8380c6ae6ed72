"""python -m bench: each figure as a line of JSON on standard output, and a table for people on standard error."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import django

SEED = 20260601


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    lines: int
    loans: int
    shops: int
    scale: int
    seconds: float
    rounds: int
    people: int


WHOLE = Size(lines=100_000, loans=100_000, shops=1_000, scale=50, seconds=6, rounds=3, people=10_000)
QUICK = Size(lines=10_000, loans=10_000, shops=100, scale=5, seconds=2, rounds=2, people=3_000)
PARTS = ("authorise", "http", "close", "loans", "scores")


def main() -> None:
    """Parses the arguments, measures what they name, and says what was found."""
    parser = argparse.ArgumentParser(
        prog="bench", description="Ratios against floors measured in the same run."
    )
    parser.add_argument("--only", default="", help=f"of {', '.join(PARTS)}: those named, separated by commas")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: whether it works, not how fast it is"
    )
    arguments = parser.parse_args()
    only = [part for part in arguments.only.split(",") if part] or list(PARTS)
    if unknown := set(only) - set(PARTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"
    django.setup()
    measure(only, QUICK if arguments.quick else WHOLE, quick=arguments.quick)


def measure(only: list[str], size: Size, *, quick: bool) -> None:
    """Runs the parts on the bench's server, which is stopped and emptied afterwards."""
    from django.conf import settings

    from bench.figures import Figure, emit, environment, say, table
    from bench.server import BenchServer
    from config.embedded import remove_servers

    started = time.monotonic()
    server = BenchServer()
    about = environment(postgres=server.described(), seed=SEED, quick=quick)
    say("\n".join(f"{key:14} {value}" for key, value in about.items()))
    print(json.dumps({"environment": about}), flush=True)
    figures: list[Figure] = []
    try:
        for part in _parts(server, only, size):
            for figure in part():
                figures.append(figure)
                emit(figure)
    finally:
        remove_servers(root=settings.BENCH_ROOT)
    about |= {"seconds": round(time.monotonic() - started), "load_at_end": round(os.getloadavg()[0], 1)}
    result = settings.BENCH_ROOT / "results.json"
    result.write_text(
        json.dumps({"environment": about, "figures": [each.as_json() for each in figures]}, indent=1)
    )
    say(
        f"\n{table(figures)}\n\n{about['seconds']} s, load {about['load_at_start']} to {about['load_at_end']}; {result}"
    )


def _parts(server: BenchServer, only: list[str], size: Size) -> Iterator[Callable[[], Iterator[Figure]]]:  # noqa: F821
    """What to measure, in order. The book of lines is opened once: authorised on as a copy, then lived on."""
    from bench import authorising, closing, lending, population, scoring, serving
    from bench.figures import say

    book = "bench_book"
    ids: list[int] = []
    if {"authorise", "http", "close"} & set(only):
        say(f"opening {size.lines:,} lines")
        ids = closing.open_book(server, book, lines=size.lines, shops=size.shops)
    if "authorise" in only:
        yield lambda: authorising.authorising(
            server, template=book, lines=size.lines, shops=size.shops, seed=SEED, rounds=size.rounds,
            seconds=size.seconds, scale=size.scale,
        )  # fmt: skip
    if "http" in only:
        yield lambda: serving.serving(
            server, template=book, seed=SEED, rounds=size.rounds, seconds=size.seconds
        )
    if "close" in only:
        say("close: two months of purchases, bills and payments")
        closing.live_until_july(server, book, ids, shops=size.shops)
        twice = "bench_twice"
        server.create(twice, template=book)
        from bench.server import use

        use(twice)
        population.lines(size.lines, on=closing.OPENED, first=size.lines + 1)
        server.run_sql("VACUUM ANALYZE", database=twice)
        yield lambda: closing.closing(server, book=book, twice=twice, lines=size.lines, rounds=size.rounds)
    if "loans" in only:
        yield lambda: lending.lending(server, loans=size.loans, rounds=size.rounds)
    if "scores" in only:
        yield lambda: scoring.scoring(server, people=size.people, seed=SEED, rounds=size.rounds)


if __name__ == "__main__":
    main()
