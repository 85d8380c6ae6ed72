"""Eight processes that order, send, hear and settle the same payments at the same moment move and book the money once."""

from __future__ import annotations

from typing import Any

from huabei.models import Repayment
from ledger.audit import verify
from operations import audit
from operations.services import paying
from payments import simulator
from payments.errors import PaymentError
from payments.gateway import Answer
from payments.models import FundingSource, PaymentAttempt, PaymentOrder, SourceEvent
from payments.services.orders import request_collection
from payments.services.sources import add_source, move_source
from tests.concurrency.crowd import SIZE, Crowd
from tests.payment_world import DUE_DAY, FIRST_DAY, a_source, balance, billed_lines, taken_at_the_gateway

OWED = 1_000_00


def broken_rules() -> list[str]:
    return [finding.check.name for finding in verify(audit.CHECKS) if not finding.holds]


def collect_and_send() -> None:
    """The job and the sweep, as every process does them; also what others have claimed is looked at."""
    paying.collect_dues()
    paying.sweep(parked=True)
    paying.sweep()


def test_the_same_dues_are_collected_once(committed_db: str, crowd: Crowd) -> None:
    lines = billed_lines(6)
    sources = [(a_source(line.customer_id, 300_00), a_source(line.customer_id, 9_000_00)) for line in lines]
    crowd.at_once(collect_and_send, committed_db, *[()] * SIZE)
    paying.sweep(parked=True)
    assert PaymentOrder.objects.filter(state="confirmed").count() == PaymentOrder.objects.count() == 6
    assert [(balance(small), balance(large)) for small, large in sources] == [(0, 8_300_00)] * 6
    booked = Repayment.objects.values_list("amount_fen", flat=True)
    assert sorted(booked) == [300_00] * 6 + [700_00] * 6
    assert broken_rules() == []


def hear(reference: str, answer: Answer) -> None:
    paying.called_back(reference=reference, answer=answer)


def test_an_answer_brought_by_everybody_at_once_is_one_repayment(committed_db: str, crowd: Crowd) -> None:
    (line,) = billed_lines(1)
    source = a_source(line.customer_id, 9_000_00)
    simulator.script(token=source.token, behaviours=["answers_later"])
    paying.collect_dues()
    paying.sweep()
    reference = PaymentAttempt.objects.get().reference
    answer = simulator.tell(reference=reference)
    crowd.at_once(hear, committed_db, *[(reference, answer)] * SIZE)
    assert list(Repayment.objects.values_list("amount_fen", flat=True)) == [OWED]
    assert taken_at_the_gateway() == OWED
    assert broken_rules() == []


def order(owner: Any, source: Any, reference: str) -> str:
    try:
        wanted: dict[str, Any] = {"amount_fen": 5, "purpose": "huabei.line", "subject": "s"}
        found = request_collection(owner=owner, source=source, reference=reference, on=DUE_DAY, **wanted)
    except PaymentError as refusal:
        return refusal.code
    return str(found.pk)


def test_of_collections_for_one_subject_one_is_ordered_and_repeats_are_answered_alike(
    committed_db: str, crowd: Crowd
) -> None:
    source = a_source(billed_lines(1)[0].customer_id, 0)
    alike = crowd.at_once(order, committed_db, *[(source.owner, source.uuid, "same")] * SIZE)
    assert set(alike) == {str(PaymentOrder.objects.get().pk)}
    others = crowd.at_once(
        order, committed_db, *[(source.owner, source.uuid, f"other-{n}") for n in range(SIZE)]
    )
    assert set(others) == {"collection_under_way"}


def add_and_move(owner: Any, name: str) -> None:
    for n in range(2):
        added = add_source(owner=owner, kind="card", token=f"{name}-{n}", on=FIRST_DAY)
        move_source(owner=owner, source=added.uuid, up=True, on=FIRST_DAY)


def test_sources_added_and_moved_at_once_keep_one_place_each(committed_db: str, crowd: Crowd) -> None:
    owner = billed_lines(1)[0].customer_id
    crowd.at_once(add_and_move, committed_db, *[(owner, f"p{n}") for n in range(SIZE)])
    places = FundingSource.objects.filter(owner=owner).order_by("position").values_list("position", flat=True)
    assert list(places) == list(range(1, 2 * SIZE + 1))
    assert SourceEvent.objects.filter(what="added").count() == 2 * SIZE
