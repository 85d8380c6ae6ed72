"""A monthly cap that eight processes spend at the same moment is used up and never exceeded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from finance.errors import DomainError
from huabei.models import SharedLine, ShareMonth
from huabei.services import purchases
from huabei.services.shares import ShareCapExceeded, accept, authorise_shared, change_cap, end, invite
from ledger.audit import verify
from operations import audit
from tests.concurrency.crowd import SIZE, Crowd
from tests.concurrency.waiting import wait_until_somebody_waits
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


def offer_again_and_spend(line_id: int, owner: UUID, friend: UUID, shop: UUID, name: int) -> list[str]:
    """The share is ended, offered and accepted again and again, by everybody at once, who each buy in between."""
    answers = []
    for n in range(6):
        live = SharedLine.objects.filter(line_id=line_id).exclude(status="closed").first()
        try:
            if live and n % 2 == name % 2:
                end(share_id=live.pk, customer_id=owner, on=ON)
                live = None
            if live is None:
                live = invite(line_id=line_id, beneficiary_id=friend, monthly_cap_fen=100_00 + name, on=ON)
                accept(share_id=live.pk, beneficiary_id=friend, on=ON)
            authorise_shared(
                share_uuid=live.uuid, merchant_id=shop, amount_fen=30_00, reference=f"{name}-{n}", on=ON
            )
            answers.append("held")
        except (DomainError, IntegrityError) as refusal:
            answers.append(getattr(refusal, "code", "there is a share already"))
    return answers


def test_shares_that_end_and_are_offered_again_at_once_spend_one_cap(committed_db: str, crowd: Crowd) -> None:
    line, shop, friend = a_line(), a_merchant(), a_customer()
    given = [(line.pk, line.customer_id, friend.pk, shop.pk, n) for n in range(SIZE)]
    answers = [each for some in crowd.at_once(offer_again_and_spend, committed_db, *given) for each in some]
    answers += offer_again_and_spend(line.pk, line.customer_id, friend.pk, shop.pk, SIZE)
    assert (answers.count("held"), ShareMonth.objects.get().spent_fen) == (3, 90_00)
    assert SharedLine.objects.count() > 1
    assert [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds] == []


def lower_the_cap(share: SharedLine, owner: UUID, on: date) -> None:
    try:
        change_cap(share_id=share.pk, owner_id=owner, monthly_cap_fen=100_00, on=on)
    finally:
        connection.close()


def test_a_cap_that_is_lowered_while_the_first_of_a_month_is_bought_holds(committed_db: str) -> None:
    line, shop, friend, july = a_line(), a_merchant(), a_customer(), date(2026, 7, 1)
    share = invite(line_id=line.pk, beneficiary_id=friend.pk, monthly_cap_fen=300_00, on=ON)
    accept(share_id=share.pk, beneficiary_id=friend.pk, on=ON)
    with ThreadPoolExecutor(1) as owners:
        with transaction.atomic():
            authorise_shared(
                share_uuid=share.uuid, merchant_id=shop.pk, amount_fen=1_00, reference="first", on=july
            )
            lowering = owners.submit(lower_the_cap, share, line.customer_id, july)
            wait_until_somebody_waits()
        lowering.result(timeout=30)
    with pytest.raises(ShareCapExceeded):
        authorise_shared(
            share_uuid=share.uuid, merchant_id=shop.pk, amount_fen=99_01, reference="more", on=july
        )


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
