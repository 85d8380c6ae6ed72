"""A monthly cap that eight processes spend at the same moment is used up and never exceeded."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from finance.errors import DomainError
from huabei.models import ShareMonth
from huabei.services import purchases
from huabei.services.shares import accept, authorise_shared, invite
from ledger.audit import verify
from operations import audit
from tests.concurrency.crowd import SIZE, Crowd
from tests.line_world import a_customer, a_line, a_merchant, stands

ON = date(2026, 6, 5)


def spend(share_uuid: UUID, merchant_id: UUID, name: int) -> list[str]:
    """What each request was answered; every third purchase is voided again."""
    answers = []
    for n in range(15):
        try:
            made = authorise_shared(
                share_uuid=share_uuid,
                merchant_id=merchant_id,
                amount_fen=7_00,
                reference=f"{name}-{n}",
                on=ON,
            )
        except DomainError as refusal:
            answers.append(refusal.code)
            continue
        if n % 3 == 2:
            purchases.void(purchase_id=made.purchase_id, on=ON)
            answers.append("voided")
        else:
            answers.append("held")
    return answers


def test_a_monthly_cap_holds_whoever_spends_at_once(committed_db: str, crowd: Crowd) -> None:
    line, shop, friend = a_line(), a_merchant(), a_customer()
    share = invite(line_id=line.pk, beneficiary_id=friend.pk, monthly_cap_fen=300_00, on=ON)
    accept(share_id=share.pk, beneficiary_id=friend.pk, on=ON)
    answers = crowd.at_once(spend, committed_db, *[(share.uuid, shop.pk, n) for n in range(SIZE)])
    flat = [answer for each in answers for answer in each]
    assert set(flat) <= {"held", "voided", "share_cap_exceeded"}
    held = flat.count("held") * 7_00
    month = ShareMonth.objects.get()
    assert (month.spent_fen, stands(line, ON).held_fen) == (held, held)
    assert held <= 300_00
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []
