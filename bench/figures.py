"""What a measurement says: a figure, the floor under it, their ratio, and what was wanted."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One line of the report. `ratio` is the median over the rounds of figure against floor, both of the same round.

    `at_most` says that the target is an upper bound; `target` is None for what is only reported.
    """

    name: str
    what: str
    unit: str
    value: float
    floor: str
    floor_value: float
    ratio: float
    target: float | None = None
    at_most: bool = False
    p50_ms: float | None = None
    p99_ms: float | None = None
    errors: int = 0
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def reached(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target

    def as_json(self) -> dict[str, Any]:
        return {key: _short(value) for key, value in asdict(self).items()} | {"reached": self.reached}


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _short(each) for key, each in value.items()}
    return [_short(each) for each in value] if isinstance(value, list | tuple) else value


def ratio_of(values: Sequence[float], floors: Sequence[float]) -> float:
    """The median of value against floor, round by round: neighbours' load moves both of a round alike."""
    return median(value / floor for value, floor in zip(values, floors, strict=True))


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The value below which this share of a sorted sample lies; 0 for an empty one."""
    return (
        sorted_values[min(int(len(sorted_values) * share), len(sorted_values) - 1)] if sorted_values else 0.0
    )


def environment(*, postgres: dict[str, str], seed: int, quick: bool) -> dict[str, Any]:
    """Hardware, versions, settings and load: without them a figure means little."""
    import django
    import psycopg

    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "django": django.get_version(),
        "psycopg": f"{psycopg.__version__} ({psycopg.pq.__impl__})",
        "postgres": postgres,
        "load_at_start": round(os.getloadavg()[0], 1),
        "seed": seed,
        "quick": quick,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def table(figures: Sequence[Figure]) -> str:
    """The figures for people."""
    rows = [("", "measured", "floor", "ratio", "target", "")]
    for figure in figures:
        sign = "≤" if figure.at_most else "≥"
        rows.append(
            (
                figure.what,
                _amount(figure.value, figure.unit),
                f"{_amount(figure.floor_value, figure.unit)} {figure.floor}",
                f"{figure.ratio:.2f}",
                "" if figure.target is None else f"{sign} {figure.target:g}",
                {None: "", True: "reached", False: "MISSED"}[figure.reached],
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    right = (1, 3, 4)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:,.2f} {unit}" if value < 100 else f"{value:,.0f} {unit}"


def say(text: str) -> None:
    """Tells people what goes on, out of the way of the JSON."""
    print(text, file=sys.stderr, flush=True)


def emit(figure: Figure) -> None:
    """One figure as one line of JSON, as soon as it is known."""
    print(json.dumps(figure.as_json(), ensure_ascii=False), flush=True)
