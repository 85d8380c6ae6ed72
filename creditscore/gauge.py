"""The score as a gauge: lengths along an arc on which one point of the score is one unit, so no trigonometry is needed."""

from __future__ import annotations

from dataclasses import dataclass

from creditscore.engine.points import BANDS, CEILING, FLOOR

# Units left empty between two bands.
GAP = 8


@dataclass(frozen=True, slots=True)
class Stretch:
    """One band on the arc as SVG `stroke-dasharray`s: the whole of it, and what of it the score fills."""

    code: str
    whole: str
    filled: str


@dataclass(frozen=True, slots=True)
class Gauge:
    """The stretches of the arc, its whole length, and the offset of the dash that marks the score; empty for N/A."""

    stretches: tuple[Stretch, ...]
    length: int
    needle: str


def gauge(points: int | None) -> Gauge:
    """The arc for a score from 350 to 950, or for N/A (None)."""
    length = CEILING - FLOOR

    def dash(start: int, end: int) -> str:
        return f"0 {start} {end - start} {length}" if end > start else ""

    stretches = []
    for band in BANDS:
        start, end = band.lower - FLOOR, min(band.upper, CEILING) - FLOOR
        drawn_end = end - GAP if band is not BANDS[-1] else end
        reached = min(drawn_end, (points or FLOOR) - FLOOR)
        stretches.append(Stretch(band.code, dash(start, drawn_end), dash(start, reached)))
    at = None if points is None else min(max(points - FLOOR, 0), length - 1)
    return Gauge(tuple(stretches), length, "" if at is None else f"-{at}")
