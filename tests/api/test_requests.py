"""What is sent wrongly, what is sent twice, what is sent in pages, and what it costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from finance.money import format_yuan
from huabei.models import Capture, Line, LineStatus, Purchase, Refund, Repayment
from operations.services.closing import close_day
from tests.api.documented import DocumentedClient
from tests.api.test_callers import code
from tests.api.test_document import OPERATIONS
from tests.api.world import TODAY, Api, World, a_key, pid
from tests.borrowers import borrower, login_of, opened_line, repays, shop
from web.api.identifiers import number_of, public_id


def order(world: World, amount: Any = "128.50", **more: Any) -> dict[str, Any]:
    """The body that authorises."""
    return {"line": str(world.line.uuid), "amount": amount, **more}


# ------------------------------------------------------------------------------------------------------ sent wrongly

BAD_AMOUNTS = [
    128.5,
    128,
    "0.00",
    "-1.00",
    "1.005",
    "1e2",
    "1,000.00",
    " 1.00",
    "",
    "NaN",
    "²",
    None,
    True,
    [],
    "9" * 15,
]


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_an_amount_that_is_none_is_refused_by_name(world: World, amount: Any) -> None:
    shop, borrower_, lender = world.as_shop(), world.as_borrower(), world.as_lender()
    purchase = world.captured()
    before = Purchase.objects.count()
    for answer in (
        shop.post("authorisations/", order(world, amount)),
        shop.post(f"purchases/{pid(purchase)}/refunds/", {"amount": amount}),
        borrower_.post("me/repayments/", {"amount": amount}),
        lender.post(f"lines/{world.line.uuid}/repayments/", {"amount": amount}),
    ):
        assert (answer.status_code, code(answer)) == (400, "invalid_request")
        assert [error["field"] for error in answer.json()["errors"]] == ["amount"]
    assert Purchase.objects.count() == before
    assert Refund.objects.count() + Repayment.objects.count() == 0


@pytest.mark.parametrize(
    ("raw", "expected", "field"),
    [
        (b"{}", "invalid_request", "amount"),
        (b"{", "malformed_json", ""),
        (b'{"amount": NaN}', "malformed_json", ""),
        (b"\xff", "malformed_json", ""),
        (b"[" * 100_000, "malformed_json", ""),
        (b"[]", "invalid_request", ""),
        (b'"order"', "invalid_request", ""),
        (b'{"amount": "1.00", "amount": "2.00"}', "invalid_request", "amount"),
        (b'{"line": "8d1f6f0a-52f5-4f60-9a55-0f7a1b1f3a01"}', "invalid_request", "amount"),
        (b'{"line": 1, "amount": "1.00"}', "invalid_request", "line"),
        (b'{"line": "8d1f6f0a52f54f609a550f7a1b1f3a01", "amount": "1.00"}', "invalid_request", "line"),
        (
            b'{"line": "8d1f6f0a-52f5-4f60-9a55-0f7a1b1f3a01", "amount": "1.00", "tip": "1.00"}',
            "invalid_request",
            "tip",
        ),
    ],
)
def test_a_body_that_is_not_as_it_should_be_is_refused(
    world: World, raw: bytes, expected: str, field: str
) -> None:
    answer = world.as_shop().post("authorisations/", raw=raw)
    assert (answer.status_code, code(answer)) == (400, expected)
    assert field in [error["field"] for error in answer.json()["errors"]] or not field
    purchase = world.authorised()
    other = world.as_shop().post(f"purchases/{pid(purchase)}/captures/", raw=raw)
    assert (other.status_code, code(other)) == (400, expected)


@pytest.mark.parametrize("key", ["", "a b", "x" * 49, "schlüssel", "tab\there"])
def test_what_moves_money_needs_a_key_of_the_request(world: World, key: str) -> None:
    shop = world.as_shop()
    purchase = world.captured()
    client = DocumentedClient(raise_request_exception=False)
    headers = {"Authorization": f"Bearer {a_key(world.shop.pk)}", "Accept-Language": "en"}
    if key:
        headers["Idempotency-Key"] = key
    for address, body in (
        ("authorisations/", order(world)),
        (f"purchases/{pid(purchase)}/refunds/", {"amount": "1.00"}),
    ):
        answer = client.post(
            f"/api/v1/{address}", json.dumps(body), content_type="application/json", headers=headers
        )
        assert (answer.status_code, code(answer)) == (400, "invalid_request")
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert shop.get("purchases/", reference="x" * 48).json()["items"] == []


# Why a POST that takes no Idempotency-Key needs none.
UNKEYED = {
    "voidPurchase": "what was voided is void",
    "confirmOwnReceipt": "what was received is received",
    "reverseRepayment": "a repayment is taken back once",
    "reversePurchase": "a purchase is taken back once",
    "endOwnFreeze": "what has ended has ended",
    "moveOwnStatementDay": "the day it has changes nothing",
    "inviteToOwnLine": "who is invited is not invited again",
    "withdrawOwnInvitation": "what was taken back is taken back",
    "changeOwnShareCap": "the cap it has changes nothing",
    "endOwnShare": "what has ended has ended",
    "acceptSharedLine": "what was accepted is accepted",
    "leaveSharedLine": "what has ended has ended",
    "endCampaign": "what has ended has ended",
    "quoteLoan": "keeps nothing",
    "simulateLine": "keeps nothing",
    "simulateLoan": "keeps nothing",
    "quoteOwnLoan": "keeps nothing",
    "compareOwnPrepayment": "keeps nothing",
    "acceptSeller": "who is a seller is one",
    "tellOrderShipped": "an order is told once under the platform's reference",
    "sendOwnLoan": "while the money is under way, nothing more happens",
    "giveUpOwnLoan": "what was given up is given up",
    "setOwnPreference": "sets what is so already",
    "markOwnNoticeRead": "what was read is read",
    "markOwnNoticesRead": "what was read is read",
}


UNKEYED |= {name: "is rolled back" for name in OPERATIONS if name.startswith("preview")}


def test_every_post_is_keyed_or_says_here_why_not() -> None:
    unkeyed = {
        name
        for name, (method, _path, said) in OPERATIONS.items()
        if method == "post" and "Idempotency-Key" not in str(said.get("parameters"))
    }
    assert unkeyed == UNKEYED.keys()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": ["1", "2"]}, "limit"),
        ({"cursor": "1"}, "cursor"),
        ({"cursor": str(uuid4())}, "cursor"),
        ({"state": "lost"}, "state"),
        ({"authorised_from": "5.6.2026"}, "authorised_from"),
        ({"authorised_to": "2026-02-30"}, "authorised_to"),
    ],
)
def test_a_query_that_is_not_as_documented_is_refused_by_name(
    world: World, query: dict[str, Any], field: str
) -> None:
    answer = world.as_shop().get("purchases/", **query)
    assert (answer.status_code, code(answer)) == (400, "invalid_request")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_the_other_ways_to_ask_wrongly(world: World) -> None:
    token = a_key(world.shop.pk)
    client = DocumentedClient(raise_request_exception=False)
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en", "Idempotency-Key": "k"}
    purchase = f"/api/v1/purchases/{pid(world.bought)}/"
    asked = [
        (client.delete(purchase, headers=headers), 405, "method_not_allowed"),
        (client.get("/api/v1/authorisations/", headers=headers), 405, "method_not_allowed"),
        (client.get(purchase, headers={**headers, "Accept": "text/html"}), 406, "not_acceptable"),
        (client.post(f"{purchase}refunds/", "1", headers=headers, content_type="text/plain"), 415, "unsupported_media_type"),
        (client.post("/api/v1/authorisations/", {"amount": "1"}, headers=headers), 415, "unsupported_media_type"),
        (client.get("/api/v1/nothing/", headers=headers), 404, "no_such_endpoint"),
        (client.get("/api/v2/purchases/", headers=headers), 404, "no_such_endpoint"),
        (client.get("/api/v1/purchases", headers=headers), 404, "no_such_endpoint"),
        (client.get("/api/v1/purchases/7/", headers=headers), 404, "no_such_endpoint"),
    ]  # fmt: skip
    for answer, status, expected in asked:
        assert (answer.status_code, code(answer)) == (status, expected)


def test_a_body_too_large_is_refused(world: World, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    for address in ("authorisations/", f"purchases/{pid(world.authorised())}/captures/"):
        answer = world.as_shop().post(address, order(world))
        assert (answer.status_code, code(answer)) == (413, "too_large")


def test_what_nobody_expected_is_a_problem_that_tells_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **given: Any) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr("huabei.api.fast.authorise_held", fail)
    monkeypatch.setattr("huabei.api.borrower.repay", fail)
    for answer in (
        world.as_shop().post("authorisations/", order(world)),
        world.as_borrower().post("me/repayments/", {"amount": "1.00"}),
    ):
        assert (answer.status_code, code(answer)) == (500, "internal_error")
        assert "secret" not in answer.content.decode()


def test_problems_speak_the_language_that_is_asked_for(world: World) -> None:
    token = a_key(world.shop.pk)
    chinese = Api(token, language="zh-hans").post("authorisations/", order(world, 1))
    english = Api(token, language="en").post("authorisations/", order(world, 1))
    assert chinese.json()["title"] == "无法读取请求"
    assert "人民币金额" in chinese.json()["errors"][0]["message"]
    assert english.json()["title"] == "The request cannot be read"
    assert "yuan" in english.json()["errors"][0]["message"]
    assert chinese.json()["code"] == english.json()["code"]
    refused = Api(token, language="zh-hans").post("authorisations/", order(world, "9000.00")).json()
    assert (refused["title"], refused["detail"]) == ("不符合规则", "可用额度不足以支付此金额")


# -------------------------------------------------------------------------------------------------- refused by a rule


def freeze(world: World) -> None:
    Line.objects.filter(pk=world.line.pk).update(status=LineStatus.FROZEN, frozen_cause="test")


@pytest.mark.parametrize(
    ("prepare", "body", "status", "expected"),
    [
        (lambda world: None, {"amount": "7000.01"}, 422, "limit_exceeded"),
        (lambda world: None, {"line": str(uuid4())}, 404, "line_not_found"),
        (freeze, {}, 422, "line_not_active"),
        (
            lambda world: type(world.shop).objects.update(is_accepting=False),
            {},
            422,
            "merchant_not_allowed",
        ),
    ],
)
def test_an_authorisation_that_a_rule_refuses_leaves_everything_as_it_was(
    world: World, prepare: Callable[[World], Any], body: dict[str, Any], status: int, expected: str
) -> None:
    prepare(world)
    answer = world.as_shop().post("authorisations/", {**order(world), **body}, key="k1")
    assert (answer.status_code, code(answer)) == (status, expected)
    assert Purchase.objects.count() == 1
    if expected == "limit_exceeded":
        again = world.as_shop().post("authorisations/", order(world), key="k1")
        assert again.status_code == 201, "what was refused may be sent again under its key"


def test_states_that_were_left_are_conflicts(world: World) -> None:
    shop = world.as_shop()
    voided, captured = world.authorised(), world.captured()
    assert shop.post(f"purchases/{pid(voided)}/void/").json()["state"] == "voided"
    assert shop.post(f"purchases/{pid(voided)}/void/").status_code == 200, "once more changes nothing"
    for address, body in (
        (f"purchases/{pid(voided)}/captures/", {"amount": "1.00"}),
        (f"purchases/{pid(voided)}/refunds/", {"amount": "1.00"}),
        (f"purchases/{pid(captured)}/void/", {}),
    ):
        answer = shop.post(address, body)
        assert (answer.status_code, code(answer)) == (409, "purchase_not_authorised")
    answer = shop.post(f"purchases/{pid(captured)}/refunds/", {"amount": "128.51"})
    assert (answer.status_code, code(answer)) == (422, "amount_refused")
    assert answer.json()["errors"][0]["field"] == "amount"


@pytest.mark.django_db
def test_a_bank_without_a_date_is_not_available() -> None:
    customer = borrower()
    answer = Api(login=login_of(customer)).get("me/application/")
    assert (answer.status_code, code(answer)) == (503, "bank_not_open")
    shop_, line = shop(), opened_line(customer)
    sent = Api(a_key(shop_.pk)).post("authorisations/", {"line": str(line.uuid), "amount": "1.00"})
    assert (sent.status_code, code(sent)) == (503, "bank_not_open")


# -------------------------------------------------------------------------------------------------------- sent twice


def test_the_same_request_again_is_answered_alike_to_the_byte_whatever_happened_since(world: World) -> None:
    shop = world.as_shop()
    first = shop.post("authorisations/", order(world), key="order-1")
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    purchase = Purchase.objects.get(reference="order-1")
    captured = shop.post(f"purchases/{pid(purchase)}/captures/", {"amount": "128.50"}, key="c-1")
    refunded = shop.post(f"purchases/{pid(purchase)}/refunds/", {"amount": "28.50"}, key="r-1")
    paid = world.as_borrower().post("me/repayments/", {"amount": "10.00"}, key="p-1")
    received = world.as_lender().post(f"lines/{world.line.uuid}/repayments/", {"amount": "20.00"}, key="p-1")
    freeze(world)
    list(close_day(closed_on=TODAY))
    again = [
        (first, shop.post("authorisations/", order(world), key="order-1")),
        (captured, shop.post(f"purchases/{pid(purchase)}/captures/", {"amount": "128.50"}, key="c-1")),
        (refunded, shop.post(f"purchases/{pid(purchase)}/refunds/", {"amount": "28.50"}, key="r-1")),
        (paid, world.as_borrower().post("me/repayments/", {"amount": "10.00"}, key="p-1")),
        (
            received,
            world.as_lender().post(f"lines/{world.line.uuid}/repayments/", {"amount": "20.00"}, key="p-1"),
        ),
    ]
    for before, after in again:
        assert (before.status_code, after.status_code) == (201, 201), before.content
        assert before.content == after.content
        assert after.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in before.headers
    assert Purchase.objects.count() == 2
    assert (Capture.objects.count(), Refund.objects.count(), Repayment.objects.count()) == (2, 1, 2)


def test_another_request_under_the_key_is_refused_and_gets_nobodys_answer(world: World) -> None:
    shop = world.as_shop()
    purchase = world.captured()
    address = f"purchases/{pid(purchase)}/refunds/"
    sent = [
        (shop, "authorisations/", order(world), order(world, "1.00")),
        (shop, address, {"amount": "2.00"}, {"amount": "1.00"}),
        (world.as_borrower(), "me/repayments/", {"amount": "2.00"}, {"amount": "1.00"}),
        (world.as_lender(), f"lines/{world.line.uuid}/repayments/", {"amount": "2.00"}, {"amount": "1.00"}),
    ]
    for api, where, body, other in sent:
        first = api.post(where, body, key="k1")
        answer = api.post(where, other, key="k1")
        assert (first.status_code, answer.status_code, code(answer)) == (201, 409, "request_conflict")
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
        assert first.json()["id"] not in answer.content.decode()


def test_a_purchase_in_instalments_is_asked_for_and_answered_as_such(world: World) -> None:
    shop_ = world.as_shop()
    first = shop_.post("authorisations/", order(world, "1200.00", instalments=3), key="k1")
    again = shop_.post("authorisations/", order(world, "1200.00", instalments=3), key="k1")
    assert (first.status_code, first.json()["instalments"]) == (201, 3)
    assert first.content == again.content
    other = shop_.post("authorisations/", order(world, "1200.00", instalments=6), key="k1")
    assert (other.status_code, code(other)) == (409, "request_conflict")
    never = shop_.post("authorisations/", order(world, "1200.00", instalments=7))
    assert (never.status_code, code(never)) == (422, "instalments_not_offered")
    assert code(shop_.post("authorisations/", order(world, instalments="3"))) == "invalid_request"


def test_two_shops_may_use_the_same_key(world: World) -> None:
    ours = world.as_shop().post("authorisations/", order(world), key="k1")
    theirs = world.as_other_shop().post("authorisations/", order(world), key="k1")
    assert (ours.status_code, theirs.status_code) == (201, 201)
    assert ours.json()["id"] != theirs.json()["id"]
    assert "Idempotency-Replayed" not in theirs.headers


def test_a_purchase_is_captured_in_parts(world: World) -> None:
    shop = world.as_shop()
    made = shop.post("authorisations/", order(world, "100.00")).json()
    address = f"purchases/{made['id']}/captures/"
    part = shop.post(address, {"amount": "30.00", "final": False}, key="a")
    assert (part.status_code, part.json()["is_final"]) == (201, False)
    assert shop.get(f"purchases/{made['id']}/").json()["state"] == "authorised"
    too_much = shop.post(address, {"amount": "70.01"}, key="b")
    assert (too_much.status_code, code(too_much)) == (422, "amount_refused")
    assert shop.post(address, {"amount": "60.00"}, key="b").status_code == 201
    stands = shop.get(f"purchases/{made['id']}/").json()
    assert (stands["state"], stands["captured"]) == ("captured", "90.00")
    assert [each["amount"] for each in shop.get(address).json()["items"]] == ["60.00", "30.00"]
    assert world.as_borrower().get("me/line/").json()["position"]["held"] == "0.00"


# ---------------------------------------------------------------------------------------------------------- in pages


def test_pages_hold_everything_once_while_more_is_added(world: World) -> None:
    shop = world.as_shop()
    references = [
        shop.post("authorisations/", order(world, "1.00"), key=f"o-{n}").json()["reference"] for n in range(7)
    ]
    seen, cursor = [], None
    while True:
        page = shop.get("purchases/", limit=3, **({"cursor": cursor} if cursor else {})).json()
        seen += [each["reference"] for each in page["items"]]
        assert len(page["items"]) <= 3
        shop.post("authorisations/", order(world, "1.00"))
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [*reversed(references), world.bought.reference]
    other = world.as_lender().get("lines/", limit=1, cursor=public_id("cursor:Purchases", 5))
    assert code(other) == "invalid_request", "a cursor of another list"


def test_filters_narrow_a_list(world: World) -> None:
    shop = world.as_shop()
    waiting = world.authorised()
    day_before = (TODAY - timedelta(days=1)).isoformat()

    def found(**query: str) -> list[str]:
        return [each["id"] for each in shop.get("purchases/", **query).json()["items"]]

    assert found(state="authorised") == [pid(waiting)]
    assert found(state="captured") == [pid(world.bought)]
    assert found(reference=waiting.reference) == [pid(waiting)]
    assert found(authorised_from=TODAY.isoformat()) == [pid(waiting)]
    assert found(authorised_to=day_before) == [pid(world.bought)]
    lender = world.as_lender()
    assert len(lender.get("lines/", customer=str(world.customer.pk), status="active").json()["items"]) == 1
    assert lender.get("lines/", status="closed").json()["items"] == []
    issued = f"lines/{world.line.uuid}/statements/"
    assert len(lender.get(issued, **{"from": "2026-07-01", "to": "2026-07-01"}).json()["items"]) == 1
    assert lender.get(issued, **{"from": "2026-07-02"}).json()["items"] == []


def test_what_the_api_says_is_what_the_books_say(world: World) -> None:
    repays(world.line, "200.00", on=TODAY)
    line = world.as_lender().get(f"lines/{world.line.uuid}/").json()
    assert line["position"]["owed"] == "800.00"
    assert line["bill"] == {**line["bill"], "unpaid": "800.00", "minimum": "0.00", "state": "minimum_met"}
    assert line == world.as_borrower().get("me/line/").json()
    world.as_shop().post(f"purchases/{pid(world.bought)}/refunds/", {"amount": "100.00"})
    assert world.as_shop().get("settlement/").json()["payable"] == format_yuan(900_00)


# ------------------------------------------------------------------------------------------------------ what it costs


def test_an_authorisation_is_one_statement_once_the_key_is_known(world: World) -> None:
    shop = world.as_shop()
    shop.post("authorisations/", order(world, "1.00"))
    with CaptureQueriesContext(connection) as queries:
        assert shop.post("authorisations/", order(world, "1.00")).status_code == 201
    # It does not go through Django's cursor; the savepoint is the test's.
    assert [each["sql"].split()[0] for each in queries] == ["SAVEPOINT", "RELEASE"]


@pytest.mark.parametrize(
    ("address", "most"),
    [("purchases/", 1), ("purchases/{id}/captures/", 2), ("purchases/{id}/refunds/", 2), ("settlement/", 3)],
)
def test_a_list_costs_the_same_however_long_it_is(world: World, address: str, most: int) -> None:
    shop = world.as_shop()
    shop.get("purchases/")
    for _ in range(5):
        world.captured("1.00")
    with CaptureQueriesContext(connection) as queries:
        assert shop.get(address.format(id=pid(world.bought))).status_code == 200
    assert len(queries) <= most, [each["sql"] for each in queries]


def test_identifiers_are_of_one_kind_and_nobody_makes_them_up() -> None:
    made = {public_id(kind, n) for kind in ("purchase", "refund") for n in range(1, 200)}
    assert len(made) == 398
    for n in (1, 7, 2**62):
        assert number_of("purchase", UUID(public_id("purchase", n))) == n
        assert number_of("refund", UUID(public_id("purchase", n))) is None
    assert all(number_of("purchase", uuid4()) is None for _ in range(1000))


def test_the_date_is_the_banks(world: World) -> None:
    made = world.as_shop().post("authorisations/", order(world)).json()
    assert (made["authorised_on"], made["expires_on"]) == ("2026-07-05", "2026-07-12")
    list(close_day(closed_on=TODAY))
    later = world.as_shop().post("authorisations/", order(world)).json()
    assert date.fromisoformat(later["authorised_on"]) == TODAY + timedelta(days=1)
