"""One request sent a hundred times at the same moment happens once and is answered alike."""

from __future__ import annotations

import json
from datetime import date

from django.db import connection

from huabei.models import Purchase, Repayment
from ledger.audit import verify
from operations.services.closing import set_business_date
from tests.api.world import a_key
from tests.borrowers import borrower, opened_line, shop
from tests.concurrency.crowd import SIZE, Crowd
from web.api.callers import Scope

DAY = date(2026, 6, 5)
TIMES = 13


def send(address: str, body: dict[str, str], token: str, key: str) -> list[tuple[int, bytes, str]]:
    """The same request, again and again: status, body, and whether it was answered before."""
    from django.test import Client

    client = Client()
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    answers = []
    for _ in range(TIMES):
        answer = client.post(address, json.dumps(body), content_type="application/json", headers=headers)
        answers.append((answer.status_code, answer.content, answer.headers.get("Idempotency-Replayed", "")))
    return answers


def test_a_hundred_duplicates_have_one_effect_and_one_answer(committed_db: str, crowd: Crowd) -> None:
    set_business_date(on=DAY)
    merchant, line = shop(), opened_line(borrower())
    ours, lenders = a_key(merchant.pk), a_key(None, Scope.REPAYMENTS_WRITE)
    connection.close()
    requests = [
        ("/api/v1/authorisations/", {"line": str(line.uuid), "amount": "7999.99"}, ours, "order-1"),
        (f"/api/v1/lines/{line.uuid}/repayments/", {"amount": "10.00"}, lenders, "receipt-1"),
    ]
    for request in requests:
        answers = [each for sent in crowd.at_once(send, committed_db, *[request] * SIZE) for each in sent]
        assert len(answers) == SIZE * TIMES >= 100
        assert {(status, body) for status, body, _replayed in answers} == {(201, answers[0][1])}
        assert [replayed for _status, _body, replayed in answers].count("") == 1, (
            "one says that it is the first"
        )
    assert (Purchase.objects.count(), Repayment.objects.count()) == (1, 1)
    assert [finding.check.name for finding in verify() if not finding.holds] == []
