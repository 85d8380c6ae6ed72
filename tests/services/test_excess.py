"""What is drawn beyond a limit is covered, and whatever comes back takes it away before any limit is free."""

from __future__ import annotations

from datetime import date

import pytest

from huabei import selectors
from huabei.models import Line
from huabei.services import purchases, repayments
from huabei.services.excess import absorb_excess, cover_excess
from ledger.audit import verify
from operations import audit
from tests.line_world import a_line, a_merchant, authorised, bought

pytestmark = pytest.mark.django_db
DAY = date(2026, 6, 5)


def standing(line: Line) -> tuple[int, int]:
    """What exceeds the limit, and what is available."""
    line.refresh_from_db()
    return line.excess_fen, selectors.line_position(line, DAY).available_fen


def in_excess(line: Line, fen: int) -> None:
    """Draws what is left of the line and `fen` more, as a correction would."""
    available = selectors.line_position(line, DAY).available_fen
    cover_excess(line=line, needed_fen=available + fen, on=DAY)
    shop = a_merchant()
    bought(line, shop, available + fen, DAY)


def test_covering_uses_what_is_available_first() -> None:
    line = a_line()
    assert cover_excess(line=line, needed_fen=8_000_00, on=DAY) == 0
    assert cover_excess(line=line, needed_fen=8_000_01, on=DAY) == 1
    assert standing(line) == (1, 8_000_01)


def test_a_repayment_takes_the_excess_away_before_it_frees_the_limit() -> None:
    line = a_line()
    in_excess(line, 500_00)
    assert standing(line) == (500_00, 0)
    repayments.repay(line_id=line.pk, amount_fen=200_00, reference="a", on=DAY)
    assert standing(line) == (300_00, 0)
    repayments.repay(line_id=line.pk, amount_fen=1_000_00, reference="b", on=DAY)
    assert standing(line) == (0, 700_00)
    assert [found.check.name for found in verify(audit.CHECKS) if not found.holds] == []


def test_a_released_hold_takes_the_excess_away() -> None:
    line, shop = a_line(), a_merchant()
    held = authorised(line, shop, 1_000_00, DAY)
    in_excess(line, 400_00)
    purchases.void(purchase_id=held.pk, on=DAY)
    assert standing(line) == (0, 600_00)


def test_without_something_back_nothing_is_absorbed() -> None:
    line = a_line()
    in_excess(line, 400_00)
    assert absorb_excess(line_ids=None, on=DAY) == 0
    assert standing(line) == (400_00, 0)
