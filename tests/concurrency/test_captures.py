"""What eight processes take of one authorisation at the same moment is never more than was authorised."""

from __future__ import annotations

from datetime import date

from finance.errors import DomainError
from huabei.models import Capture
from huabei.services.captures import capture
from ledger.audit import verify
from operations import audit
from tests.concurrency.crowd import SIZE, Crowd
from tests.line_world import a_line, a_merchant, authorised, stands

ON = date(2026, 6, 5)


def take(purchase_id: int, reference: str, amount_fen: int) -> str:
    try:
        capture(purchase_id=purchase_id, amount_fen=amount_fen, on=ON, reference=reference, final=False)
    except DomainError as refusal:
        return refusal.code
    return "taken"


def broken_rules() -> list[str]:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds]


def test_captures_of_one_authorisation_at_once_take_no_more_than_it_covers(
    committed_db: str, crowd: Crowd
) -> None:
    line = a_line()
    purchase = authorised(line, a_merchant(), 110_00, ON)
    answers = crowd.at_once(take, committed_db, *[(purchase.pk, str(n), 20_00) for n in range(SIZE)])
    assert (answers.count("taken"), answers.count("amount_refused")) == (5, SIZE - 5)
    position = stands(line, ON)
    assert (position.drawn_fen, position.held_fen) == (100_00, 10_00)
    assert broken_rules() == []


def test_one_capture_asked_for_eight_times_at_once_happens_once(committed_db: str, crowd: Crowd) -> None:
    line = a_line()
    purchase = authorised(line, a_merchant(), 110_00, ON)
    answers = crowd.at_once(take, committed_db, *[(purchase.pk, "same", 20_00)] * SIZE)
    assert answers == ["taken"] * SIZE
    assert (Capture.objects.count(), stands(line, ON).drawn_fen) == (1, 20_00)
    assert broken_rules() == []
