"""Credit goes to a source through payments: reserved at once, arrived or given back once, and every book agrees."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from customers.models import Customer, Notice
from huabei.errors import AmountRefused, RequestConflict
from huabei.facts import disagreements
from huabei.models import CreditPayout, CreditPayoutEnd, Line, Repayment
from huabei.paying_out import request_payout_of_credit
from huabei.services import lifecycle, repayments
from huabei.services.causes import CUSTOMER, Why
from huabei.services.corrections import reverse_repayment
from huabei.services.credit import end_payout
from ledger.audit import verify
from operations import audit
from operations.services import paying
from payments.errors import RequestConflict as PaymentConflict
from payments.errors import SourceNotFound
from payments.gateway import Answer, Told
from payments.models import FundingSource, PaymentOrder
from payments.services import sending
from payments.simulator import SimulatedGateway
from tests.api.world import Api
from tests.borrowers import borrower, buys, lived_until, login_of, opened_line, repays, shop
from tests.line_world import stands
from tests.payment_world import a_source, balance, unpark
from tests.services.test_borrower_pages import signed_in, text

pytestmark = pytest.mark.django_db

ON = date(2026, 7, 5)


@pytest.fixture
def customer() -> Customer:
    return borrower()


@pytest.fixture
def line(customer: Customer) -> Line:
    """A credit of 300.00 on 5 July."""
    line = opened_line(customer)
    lived_until(ON)
    repays(line, "300.00", on=ON)
    return line


@pytest.fixture
def card(line: Line) -> FundingSource:
    return a_source(line.customer_id, 0)


def ordered(line: Line, card: FundingSource, fen: int, reference: str = "a") -> CreditPayout:
    return request_payout_of_credit(
        line_id=line.pk, amount_fen=fen, source=card.uuid, reference=reference, on=ON
    )


def broken_rules() -> list[str]:
    return [found.check.name for found in verify(audit.CHECKS) if not found.holds]


def refuse_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        SimulatedGateway, "request", lambda self, instruction: Answer(Told.FAILED, reason="closed")
    )


def test_credit_is_reserved_at_once_and_arrives(line: Line, card: FundingSource) -> None:
    ordered(line, card, 200_00)
    assert stands(line, ON).credit_fen == 100_00
    assert (broken_rules(), disagreements(line, ON)) == ([], [])
    with pytest.raises(AmountRefused):
        ordered(line, card, 100_01, "b")
    for _again in range(2):
        unpark()
        paying.sweep()
    assert balance(card) == 200_00
    assert CreditPayoutEnd.objects.get().arrived
    assert stands(line, ON).credit_fen == 100_00
    assert Notice.objects.get(kind="line.credit_payout_ended").figures["outcome"] == "arrived"
    assert (broken_rules(), disagreements(line, ON)) == ([], [])


def test_what_fails_is_credit_again(line: Line, card: FundingSource, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_everything(monkeypatch)
    ordered(line, card, 200_00)
    for _again in range(2):
        unpark()
        paying.sweep()
    end = CreditPayoutEnd.objects.get()
    assert not end.arrived
    assert stands(line, ON).credit_fen == 300_00
    assert Notice.objects.get(kind="line.credit_payout_ended").figures["outcome"] == "given_back"
    assert end_payout(payout_id=end.payout_id, arrived=True, on=ON).arrived is False
    assert (broken_rules(), disagreements(line, ON)) == ([], [])
    ordered(line, card, 300_00, "again")


def test_the_next_purchase_does_not_use_what_is_on_its_way(line: Line, card: FundingSource) -> None:
    ordered(line, card, 200_00)
    buys(line, shop(), "250.00", on=ON)
    assert (stands(line, ON).credit_fen, stands(line, ON).owed_fen) == (0, 150_00)
    paying.sweep()
    assert (broken_rules(), disagreements(line, ON)) == ([], [])


def test_a_reference_happens_once_and_a_refusal_reserves_nothing(line: Line, card: FundingSource) -> None:
    first = ordered(line, card, 50_00)
    assert ordered(line, card, 50_00) == first
    with pytest.raises(RequestConflict):
        ordered(line, card, 50_01)
    with pytest.raises(PaymentConflict):
        ordered(line, a_source(line.customer_id, 0), 50_00)
    with pytest.raises(SourceNotFound):
        ordered(line, a_source(uuid4(), 0), 50_00, "b")
    assert (CreditPayout.objects.count(), PaymentOrder.objects.count()) == (1, 1)
    assert stands(line, ON).credit_fen == 250_00


def test_what_comes_back_is_owed_in_the_replay_when_the_repayment_bounced_meanwhile(
    line: Line, card: FundingSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_everything(monkeypatch)
    ordered(line, card, 300_00)
    reverse_repayment(repayment_id=Repayment.objects.get().pk, reason="bounced", on=ON)
    assert stands(line, ON).owed_fen == 300_00
    unpark()
    paying.sweep()
    assert (stands(line, ON).owed_fen, stands(line, ON).credit_fen) == (300_00, 300_00)
    assert (broken_rules(), disagreements(line, ON)) == ([], [])


def test_the_database_keeps_the_ends(line: Line, card: FundingSource) -> None:
    ordered(line, card, 50_00)
    paying.sweep()
    with pytest.raises(DatabaseError), transaction.atomic():
        CreditPayoutEnd.objects.update(arrived=False)
    with pytest.raises(DatabaseError), transaction.atomic():
        CreditPayoutEnd.objects.get().delete()


def test_a_closed_lines_credit_is_paid_out_from_the_page(
    client: Client, customer: Customer, line: Line, card: FundingSource
) -> None:
    lifecycle.close(line_id=line.pk, why=Why("customer_wish", CUSTOMER, "x"), on=ON)
    page = signed_in(client, customer)
    assert "Your line is closed. What we owe you can be paid out." in text(page.get("/credit/"))
    asked = {"amount": "300.00", "source": str(card.uuid), "key": str(uuid4())}
    assert "This is more than your credit." in text(page.post("/credit/", asked | {"amount": "300.01"}))
    strange = a_source(uuid4(), 0)
    assert "Choose one of your" in text(page.post("/credit/", asked | {"source": str(strange.uuid)}))
    for _again in range(2):
        page.post("/credit/", asked)
    assert "on its way ¥300.00" in text(page.get("/credit/"))
    paying.sweep()
    assert "arrived ¥300.00" in text(page.get("/credit/"))
    # Sent again it is about the line of the first time, whatever line there is by then.
    opened_line(customer, on=ON)
    assert "It is on its way" in text(page.post("/credit/", asked, follow=True))
    assert (balance(card), CreditPayout.objects.count()) == (300_00, 1)


def test_the_page_says_where_each_refund_went(client: Client, customer: Customer, line: Line) -> None:
    bought = buys(line, shop(), "350.00", on=ON)
    repayments.refund(purchase_id=bought.pk, amount_fen=80_00, reference="r", on=ON)
    said = text(signed_in(client, customer).get("/credit/"))
    assert "¥50.00 off what is not billed yet" in said
    assert "¥30.00 is your credit: you had paid for it already." in said
    assert "Your credit ¥30.00" in said
    assert "No line yet" in text(signed_in(client, borrower("stranger")).get("/credit/"))


def test_a_repeat_over_the_api_is_answered_alike(customer: Customer, line: Line, card: FundingSource) -> None:
    api = Api(login=login_of(customer))
    body = {"amount": "100.00", "to": str(card.uuid)}
    first = api.post("me/credit/payouts/", body, key="k")
    paying.sweep()
    again = api.post("me/credit/payouts/", body, key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.json(), again["Idempotency-Replayed"]) == (again.json(), "true")
    assert api.get("me/credit/payouts/").json()["items"][0]["state"] == "arrived"
    assert api.post("me/credit/payouts/", {**body, "amount": "900.00"}).status_code == 422
    assert sending.to_look_at(most=10, parked=True) == []
