"""Sources in their owner's order, orders that happen once, payouts, and what is recorded of a gateway's answers."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured

from operations.services import closing, paying
from payments import selectors, simulator
from payments.errors import (
    AmountRefused,
    AnswerRefused,
    GatewayNotConfigured,
    OrderNotFound,
    PaymentError,
    ReferenceRefused,
    RequestConflict,
    SourceNotFound,
    SourceRefused,
    UnderWay,
)
from payments.gateway import Answer, GatewayUnavailable, Instruction, Told
from payments.models import AutopayChoice, FundingSource, PaymentAttempt, PaymentOrder, SourceEvent
from payments.services import answers, sources
from payments.services.answers import Settled
from payments.services.orders import request_collection, request_payout
from payments.simulator import SimulatedGateway
from tests.payment_world import DUE_DAY, a_source, balance, taken_at_the_gateway, unpark

pytestmark = pytest.mark.django_db

ON = date(2026, 7, 10)
OWNER = UUID(int=7)
TEST = "test"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settled, date]]:
    """A product that keeps what it is told, under the purpose "test"; the bank is open."""
    told: list[tuple[Settled, date]] = []
    route = paying.Route(lambda settled, on: told.append((settled, on)))
    monkeypatch.setattr(paying, "ROUTES", {TEST: route})
    closing.set_business_date(on=ON)
    return told


def collection(funding: FundingSource, **given: Any) -> PaymentOrder:
    asked = {"amount_fen": 80_00, "subject": "s", "reference": "r", "source": funding.uuid, **given}
    return request_collection(owner=funding.owner, purpose=TEST, on=ON, **asked)


def payout(funding: FundingSource, **given: Any) -> PaymentOrder:
    asked = {"amount_fen": 80_00, "subject": "s", "reference": "r", "source": funding.uuid, **given}
    return request_payout(owner=funding.owner, purpose=TEST, on=ON, **asked)


# Sources


def names(owner: UUID = OWNER) -> list[tuple[str, int | None]]:
    return list(selectors.sources_of(owner).values_list("name", "position"))


def three() -> list[FundingSource]:
    return [
        sources.add_source(owner=OWNER, kind=kind, token=f"t-{kind}", name=kind, on=ON)
        for kind in ("wallet", "money_market", "card")
    ]


def test_sources_stand_in_the_order_in_which_they_were_added() -> None:
    first = three()[0]
    assert names() == [("wallet", 1), ("money_market", 2), ("card", 3)]
    again = sources.add_source(owner=OWNER, kind="wallet", token="t-wallet", name="other", on=ON)
    assert (again, FundingSource.objects.count()) == (first, 3)


def test_any_order_and_the_same_one_again_changes_nothing() -> None:
    wallet, market, card = three()
    for _time in range(2):
        sources.reorder_sources(owner=OWNER, order=[card.uuid, wallet.uuid, market.uuid], on=ON)
    assert [name for name, _position in names()] == ["card", "wallet", "money_market"]
    assert SourceEvent.objects.filter(what="moved").count() == 3


@pytest.mark.parametrize(
    ("moved", "up", "expected"),
    [
        (2, True, ["wallet", "card", "money_market"]),
        (0, False, ["money_market", "wallet", "card"]),
        (0, True, ["wallet", "money_market", "card"]),
        (2, False, ["wallet", "money_market", "card"]),
    ],
)
def test_a_source_moves_by_one_place(moved: int, up: bool, expected: list[str]) -> None:
    sources.move_source(owner=OWNER, source=three()[moved].uuid, up=up, on=ON)
    assert [name for name, _position in names()] == expected


def test_an_order_that_is_not_of_all_sources_once_is_refused() -> None:
    wallet, market, card = three()
    for order in ([wallet.uuid], [wallet.uuid, market.uuid, market.uuid], [wallet.uuid, card.uuid, uuid4()]):
        with pytest.raises(SourceRefused):
            sources.reorder_sources(owner=OWNER, order=order, on=ON)
    assert [name for name, _position in names()] == ["wallet", "money_market", "card"]


def test_a_source_that_is_removed_leaves_its_place_and_its_history() -> None:
    _wallet, market, _card = three()
    for _time in range(2):
        sources.remove_source(owner=OWNER, source=market.uuid, on=ON)
    assert names() == [("wallet", 1), ("card", 2)]
    market.refresh_from_db()
    assert (market.removed_on, market.autopay) == (ON, False)
    assert list(market.events.order_by("pk").values_list("what", flat=True)) == ["added", "removed"]
    back = sources.add_source(owner=OWNER, kind="money_market", token="t-money_market", on=ON)
    assert (back.pk != market.pk, back.position) == (True, 3)


def test_consent_is_given_and_taken_back_each_once() -> None:
    card = three()[2]
    for allowed in (False, False, True):
        sources.set_autopay(owner=OWNER, source=card.uuid, allowed=allowed, on=ON)
    events = list(card.events.order_by("pk").values_list("what", flat=True))
    assert events == ["added", "autopay_off", "autopay_on"]


def test_sources_are_their_owners_own() -> None:
    card, other = three()[2], UUID(int=8)
    with pytest.raises(SourceNotFound):
        sources.remove_source(owner=other, source=card.uuid, on=ON)
    with pytest.raises(SourceNotFound):
        sources.set_autopay(owner=other, source=card.uuid, allowed=False, on=ON)
    with pytest.raises(SourceNotFound):
        sources.move_source(owner=other, source=card.uuid, up=True, on=ON)
    with pytest.raises(SourceRefused):
        sources.add_source(owner=other, kind="card", token="t-card", on=ON)
    assert len(names()) == 3


@pytest.mark.parametrize("given", [{"kind": "cash"}, {"token": ""}, {"token": "x" * 65}])
def test_a_source_that_cannot_be_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(PaymentError):
        sources.add_source(**{"owner": OWNER, "kind": "card", "token": "t", "on": ON, **given})  # type: ignore[arg-type]


def test_nobody_has_more_sources_than_can_be_shown() -> None:
    for n in range(sources.MOST_SOURCES):
        sources.add_source(owner=OWNER, kind="card", token=f"t{n}", on=ON)
    with pytest.raises(SourceRefused):
        sources.add_source(owner=OWNER, kind="card", token="one more", on=ON)


def test_the_choice_of_autopay_keeps_its_history() -> None:
    assert selectors.autopay_amount(owner=OWNER, purpose=TEST) == "full"
    for amount in ("minimum", "minimum", "off", "full"):
        sources.choose_autopay(owner=OWNER, purpose=TEST, amount=amount, on=ON)
    assert selectors.autopay_amount(owner=OWNER, purpose=TEST) == "full"
    assert list(AutopayChoice.objects.order_by("pk").values_list("amount", flat=True)) == [
        "minimum",
        "off",
        "full",
    ]
    with pytest.raises(SourceRefused):
        sources.choose_autopay(owner=OWNER, purpose=TEST, amount="half", on=ON)


def test_a_card_is_known_by_its_last_digits_only() -> None:
    linked = SimulatedGateway().link(owner=OWNER, kind="card", account="6222 0212 3456 7890")
    assert linked.name == "···· 7890"
    assert "7890" not in linked.token
    assert SimulatedGateway().link(owner=OWNER, kind="card", account="6222021234567890") == linked
    for wrong in ("", "1234", "6222 0212 3456 78x0", "6" * 20):
        with pytest.raises(SourceRefused):
            SimulatedGateway().link(owner=OWNER, kind="card", account=wrong)


# Orders


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"amount_fen": 0}, AmountRefused),
        ({"amount_fen": 10**12 + 1}, AmountRefused),
        ({"reference": ""}, ReferenceRefused),
        ({"reference": "x" * 65}, ReferenceRefused),
        ({"subject": "\n"}, ReferenceRefused),
        ({"source": uuid4()}, SourceNotFound),
    ],
)
@pytest.mark.parametrize("order", [collection, payout])
def test_an_order_that_is_refused_is_not_written(
    order: Any, given: dict[str, Any], refusal: type[PaymentError]
) -> None:
    with pytest.raises(refusal):
        order(a_source(OWNER, 0), **given)
    assert not PaymentOrder.objects.exists()


@pytest.mark.parametrize("order", [collection, payout])
def test_a_reference_happens_once(order: Any) -> None:
    source = a_source(OWNER, 0)
    assert order(source) == order(source)
    with pytest.raises(RequestConflict):
        order(source, amount_fen=80_01)
    assert PaymentOrder.objects.count() == 1


def test_two_collections_for_a_subject_are_not_under_way_at_once(heard: list[Any]) -> None:
    source = a_source(OWNER, 500_00)
    collection(source)
    with pytest.raises(UnderWay):
        collection(source, reference="another")
    collection(source, reference="another", subject="another")
    paying.sweep()
    collection(source, reference="the next")


def test_without_a_gateway_it_says_so_and_nothing_is_written(settings: Any) -> None:
    source = a_source(OWNER, 0)
    settings.PAYMENT_GATEWAY = ""
    for order in (collection, payout):
        with pytest.raises(GatewayNotConfigured, match="PAYMENT_GATEWAY"):
            order(source)
    with pytest.raises(GatewayNotConfigured):
        sources.add_source(owner=OWNER, kind="card", token="t", on=ON)
    assert not PaymentOrder.objects.exists()


def test_production_does_not_take_the_simulated_gateway_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import import_module, reload

    from config.settings import base

    for name in ("DJANGO_SECRET_KEY", "IDENTITY_ENCRYPTION_KEYS", "IDENTITY_INDEX_KEY", "ALLOWED_HOSTS"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("DATABASE_URL", "postgres://localhost/x")
    monkeypatch.setenv("BROKER_URL", "redis://localhost/0")
    assert import_module("config.settings.production").PAYMENT_GATEWAY == ""
    monkeypatch.setattr(base, "PAYMENT_GATEWAY", "payments.simulator.SimulatedGateway")
    with pytest.raises(ImproperlyConfigured, match="moves no money"):
        reload(import_module("config.settings.production"))


def test_a_broker_that_is_down_loses_no_order(
    monkeypatch: pytest.MonkeyPatch, settings: Any, heard: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    settings.PAYMENT_HINTS = True

    def down(*args: Any, **given: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr("payments.outbox.current_app.send_task", down)
    with django_capture_on_commit_callbacks(execute=True) as hints:
        collection(a_source(OWNER, 500_00))
    assert len(hints) == 1
    paying.sweep()
    assert [settled.moved_fen for settled, _on in heard] == [80_00]


def test_a_worker_is_told_of_an_order_once_it_is_committed(
    monkeypatch: pytest.MonkeyPatch, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.PAYMENT_HINTS = True
    sent: list[Any] = []
    monkeypatch.setattr(
        "payments.outbox.current_app.send_task", lambda *args, **given: sent.append((args, given))
    )
    with django_capture_on_commit_callbacks(execute=True):
        order = collection(a_source(OWNER, 500_00))
        assert sent == []
    assert sent == [(("payments.advance",), {"args": [order.pk], "ignore_result": True})]


def test_a_source_that_is_removed_before_it_was_asked_is_not_collected_from(heard: list[Any]) -> None:
    source = a_source(OWNER, 500_00)
    order = collection(source)
    sources.remove_source(owner=OWNER, source=source.uuid, on=ON)
    paying.sweep()
    order.refresh_from_db()
    assert (order.state, heard, balance(source)) == ("failed", [], 500_00)


# Payouts


def test_a_payout_is_paid_whole_and_its_product_hears_of_it_once(heard: list[tuple[Settled, date]]) -> None:
    source = a_source(OWNER, 1_00)
    order = payout(source)
    for _look in range(3):
        unpark()
        paying.sweep()
    order.refresh_from_db()
    assert (order.state, order.confirmed_fen, balance(source)) == ("confirmed", 80_00, 81_00)
    ((settled, on),) = heard
    assert (settled.direction, settled.moved_fen, settled.moved_on, on) == ("pay_out", 80_00, ON, ON)
    assert (settled.owner, settled.purpose, settled.subject, settled.order_reference) == (
        OWNER,
        TEST,
        "s",
        "r",
    )


def test_a_payout_that_fails_is_told_as_nothing_moved(heard: list[tuple[Settled, date]]) -> None:
    source = a_source(OWNER, 1_00)
    simulator.script(token=source.token, behaviours=["times_out_before", "fails"])
    order = payout(source)
    for _look in range(3):
        unpark()
        paying.sweep()
    order.refresh_from_db()
    assert (order.state, balance(source)) == ("failed", 1_00)
    assert [(settled.moved_fen, settled.reason) for settled, _on in heard] == [(0, "declined")]


@pytest.mark.parametrize("behaviour", ["times_out_after", "times_out_before", "answers_later"])
def test_a_payout_whose_answer_is_lost_is_paid_once(heard: list[Any], behaviour: str) -> None:
    source = a_source(OWNER, 0)
    simulator.script(token=source.token, behaviours=[behaviour])
    payout(source)
    for _look in range(3):
        unpark()
        paying.sweep()
    if behaviour == "answers_later":
        assert heard == []
        simulator.tell(reference=PaymentAttempt.objects.get().reference)
        unpark()
        paying.sweep()
    assert (balance(source), len(heard), -taken_at_the_gateway()) == (80_00, 1, 80_00)


def test_a_payout_goes_where_it_was_ordered_to_also_when_that_was_removed_since(heard: list[Any]) -> None:
    source = a_source(OWNER, 0)
    payout(source)
    sources.remove_source(owner=OWNER, source=source.uuid, on=ON)
    paying.sweep()
    assert (balance(source), len(heard)) == (80_00, 1)


def test_what_no_product_books_stays_to_be_told(
    heard: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuses(settled: Settled, on: date) -> None:
        raise RuntimeError("not today")

    kept = paying.ROUTES
    monkeypatch.setattr(paying, "ROUTES", {TEST: paying.Route(refuses)})
    payout(a_source(OWNER, 0))
    paying.sweep()
    assert "not today" in caplog.text
    assert answers.not_settled(most=9) == [PaymentAttempt.objects.get().pk]
    monkeypatch.setattr(paying, "ROUTES", kept)
    paying.sweep()
    assert (len(heard), answers.not_settled(most=9)) == (1, [])


# Answers


def asked(amount_fen: int = 80_00, order: Any = collection) -> str:
    """The reference of an attempt that waits for its answer."""
    source = a_source(OWNER, 500_00)
    simulator.script(token=source.token, behaviours=["answers_later"])
    order(source, amount_fen=amount_fen)
    paying.sweep()
    return PaymentAttempt.objects.get().reference


def test_an_answer_is_recorded_once_and_pending_says_nothing(heard: list[Any]) -> None:
    reference = asked()
    for answer in (
        Answer(Told.PENDING),
        Answer(Told.MOVED, 80_00, ON),
        Answer(Told.MOVED, 80_00, ON),
        Answer(Told.PENDING),
    ):
        answers.record_answer(reference=reference, answer=answer, on=ON)
    attempt = PaymentAttempt.objects.get()
    assert (attempt.state, attempt.moved_fen, attempt.order.confirmed_fen) == ("moved", 80_00, 80_00)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(Told.FAILED),
        Answer(Told.MOVED, 79_99, ON),
    ],
)
def test_an_answer_that_contradicts_the_first_is_refused(heard: list[Any], answer: Answer) -> None:
    reference = asked()
    paying.hear(reference=reference, answer=Answer(Told.MOVED, 80_00, ON))
    with pytest.raises(AnswerRefused, match="before"):
        paying.hear(reference=reference, answer=answer)
    assert [settled.moved_fen for settled, _on in heard] == [80_00]


@pytest.mark.parametrize(
    ("order", "answer"),
    [
        (collection, Answer(Told.MOVED, 80_01, ON)),
        (collection, Answer(Told.MOVED, 0, ON)),
        (collection, Answer(Told.MOVED, -1, ON)),
        (collection, Answer(Told.MOVED, 80_00)),
        (collection, Answer(Told.FAILED, 1, ON)),
        (payout, Answer(Told.MOVED, 79_99, ON)),
    ],
)
def test_an_answer_that_cannot_be_is_refused(heard: list[Any], order: Any, answer: Answer) -> None:
    reference = asked(order=order)
    with pytest.raises(AnswerRefused):
        paying.hear(reference=reference, answer=answer)
    assert (PaymentAttempt.objects.get().state, heard) == ("asked", [])


def test_an_answer_to_what_was_never_asked_is_refused(heard: list[Any]) -> None:
    with pytest.raises(OrderNotFound):
        paying.called_back(reference="nobody's", answer=Answer(Told.MOVED, 1, ON))


@pytest.mark.parametrize(
    ("told_on", "counts_from"),
    [
        (date(2026, 7, 9), DUE_DAY),
        (date(2026, 7, 10), DUE_DAY),
        (date(2026, 7, 11), date(2026, 7, 11)),
        (date(2026, 7, 13), date(2026, 7, 12)),
    ],
)
def test_money_moved_between_the_asking_and_the_answer(
    heard: list[Any], told_on: date, counts_from: date
) -> None:
    reference = asked()
    answer = Answer(Told.MOVED, 80_00, told_on)
    answers.record_answer(reference=reference, answer=answer, on=date(2026, 7, 12))
    assert PaymentAttempt.objects.get().moved_on == counts_from


# The simulated gateway keeps the promises of the port.


def test_asked_often_the_gateway_moves_money_once(heard: list[Any]) -> None:
    reference = asked()
    attempt = PaymentAttempt.objects.get()
    instruction = Instruction(reference, "collect", attempt.source.token, 80_00, ON)
    for _time in range(3):
        assert SimulatedGateway().request(instruction).told is Told.PENDING
    simulator.tell(reference=reference)
    assert SimulatedGateway().request(instruction) == Answer(Told.MOVED, 80_00, ON)
    assert balance(attempt.source) == 420_00


def test_the_gateway_says_what_never_arrived(heard: list[Any]) -> None:
    source = a_source(OWNER, 500_00)
    simulator.script(token=source.token, behaviours=["times_out_before"])
    with pytest.raises(GatewayUnavailable):
        SimulatedGateway().request(Instruction("x", "collect", source.token, 1, ON))
    assert SimulatedGateway().query("x") is None
    with pytest.raises(LookupError):
        simulator.tell(reference="x")
