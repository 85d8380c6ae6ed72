"""Interest segments of one line: closing one and opening what follows it, exactly."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

from finance.interest import owed
from finance.money import round_fen
from huabei.models import Segment, SegmentKind
from huabei.selectors import interest_segment, terms_on


def rate_of(kind: str, on: date) -> Decimal:
    """The daily rate that a new segment of this kind bears from a date on."""
    terms = terms_on(on)
    return terms.penalty_daily_rate if kind == SegmentKind.PENALTY else terms.revolving_daily_rate


def _decimal(fraction: Fraction) -> Decimal:
    # Exact: a whole number of fen times a rate of at most eight places.
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


def follow(
    segment: Segment, *, on: date, principal_fen: int, posted_fen: int = 0, revolving_fen: int = 0
) -> None:
    """
    Closes a segment on a date and opens what follows it with another principal.

    What it owed by then less what was posted is carried, exactly. `revolving_fen` is principal that bears revolving interest
    from this date instead of penalty. Nothing follows when there is nothing left to bear interest and to carry but a fraction
    that rounds to no fen.
    """
    carried = owed(interest_segment(segment), on) - posted_fen
    segment.until = on
    segment.save(update_fields=["until"])
    _open(segment, segment.kind, on, principal_fen, carried)
    if revolving_fen:
        _open(segment, SegmentKind.REVOLVING, on, revolving_fen, Fraction(0))


def _open(before: Segment, kind: str, on: date, principal_fen: int, carried: Fraction) -> None:
    if principal_fen == 0 and round_fen(abs(carried)) == 0:
        return
    waiting = Segment.objects.filter(line_id=before.line_id, kind=kind, until__isnull=True).first()
    if waiting is not None:
        carried += owed(interest_segment(waiting), on)
        waiting.until = on
        waiting.save(update_fields=["until"])
    Segment.objects.create(
        line_id=before.line_id,
        kind=kind,
        principal_fen=principal_fen,
        daily_rate=before.daily_rate if kind == before.kind else rate_of(kind, on),
        since=on,
        carried_fen=_decimal(carried),
    )
