"""Who may call what: strangers, other owners, keys without the scope, keys that were revoked."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from customers.models import ApiKey, Login
from customers.services import api_keys
from customers.services.api_keys import KeyNotFound, KeyRefused, create_key, revoke_key
from huabei.models import Line, Purchase, Repayment
from tests.api.documented import DocumentedClient
from tests.api.test_document import OPERATIONS, SPENDS, caller, examples, prepared, statement_of
from tests.api.world import AT, Api, World, a_key
from tests.borrowers import login_of
from web import throttle
from web.api.callers import SCOPES, Scope, Who

KEYED = [name for name in OPERATIONS if "API key of scope" in OPERATIONS[name][2]["description"]]
OF_A_RECORD = [name for name in OPERATIONS if "{" in OPERATIONS[name][1]]


def call(operation: str, api: Api, address: dict[str, str] | None = None) -> Any:
    """Calls an operation with the body of its example; nobody's record stands in its address unless one is given."""
    method, path, said = OPERATIONS[operation]
    nobody = {name: str(uuid4()) for name in re.findall(r"{(\w+)}", path)}
    filled = path.removeprefix("/api/v1/").format(**{**nobody, **(address or {})})
    return api.get(filled) if method == "get" else api.post(filled, examples(said)[0] or {})


def code(answer: Any) -> str:
    """The code of a problem, which must be one in form."""
    problem = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert problem.keys() == {"type", "title", "status", "code", "detail", "errors"}
    assert problem["status"] == answer.status_code
    assert problem["type"].endswith(problem["code"])
    return str(problem["code"])


@pytest.mark.django_db
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_stranger_is_asked_who_they_are(operation: str) -> None:
    answer = call(operation, Api())
    assert (answer.status_code, code(answer)) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.django_db
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_no_key_is_refused_everywhere(operation: str) -> None:
    for token in ("cbx_0123456789ab_" + "0" * 48, "hello", "cbx_"):
        answer = call(operation, Api(token))
        assert (answer.status_code, code(answer)) == (401, "authentication_failed")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_kind_of_caller_is_refused_what_is_for_another(operation: str, world: World) -> None:
    staff = Api(login=Login.objects.create_user("staff", is_staff=True))
    callers = {"a shop": world.as_shop(), "the lender": world.as_lender(), "a borrower": world.as_borrower()}
    if operation == "authorisePurchase":
        del callers["a borrower"]  # it looks for no session: to it they are strangers
    for who, api in callers.items():
        if f"Called by {who}" not in OPERATIONS[operation][2]["description"]:
            answer = call(operation, api)
            assert (answer.status_code, code(answer)) == (403, "wrong_caller"), who
    if operation != "authorisePurchase":
        assert code(call(operation, staff)) == "wrong_caller"


@pytest.mark.parametrize("operation", KEYED)
def test_a_key_without_the_scope_is_refused_and_told_which(operation: str, world: World) -> None:
    found = re.search(r"scope `([a-z:-]+)`", OPERATIONS[operation][2]["description"])
    assert found
    needed = Scope(found[1])
    owner = SCOPES[needed][0]
    others = [scope for scope, (who, _text) in SCOPES.items() if who == owner and scope != needed]
    answer = call(operation, world.as_shop(*others) if owner == Who.SHOP else world.as_lender(*others))
    assert (answer.status_code, code(answer)) == (403, "missing_scope")
    assert needed in answer.json()["detail"]


@pytest.mark.parametrize("operation", OF_A_RECORD)
def test_what_is_somebody_elses_is_not_found(operation: str, world: World) -> None:
    theirs = prepared(operation, world)
    if "Called by a shop" in OPERATIONS[operation][2]["description"]:
        other = world.as_other_shop()
    elif "Called by a borrower" in OPERATIONS[operation][2]["description"]:
        # Who spends with the line of another, or applied for one, is the stranger here: to them the owner is somebody else.
        strangers = (*SPENDS, "readOwnDecision")
        other = world.as_borrower() if operation in strangers else world.as_stranger()
    else:  # sees everything: only what does not exist is not found, and it may be said what
        answer = call(operation, world.as_lender(), {})
        assert (answer.status_code, code(answer).endswith("not_found")) == (404, True)
        return
    before = list(Purchase.objects.order_by("pk").values())
    answer = call(operation, other, theirs)
    assert (answer.status_code, code(answer)) == (404, "not_found")
    nothing = call(operation, caller(operation, world), {})
    assert nothing.json() == answer.json(), "somebody else's and nobody's look alike"
    assert list(Purchase.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name not in OF_A_RECORD])
def test_whoever_has_nothing_yet_is_answered_as_the_document_says(operation: str, world: World) -> None:
    # The client looks every answer up.
    said = OPERATIONS[operation][2]["description"]
    new = world.as_stranger() if "Called by a borrower" in said else caller(operation, world)
    method, path, _said = OPERATIONS[operation]
    assert call(operation, new).status_code < 500
    if method == "post":
        assert new.post(path.removeprefix("/api/v1/"), {"nonsense": 1}).status_code in (200, 201, 400, 404)


def test_lists_hold_ones_own_only(world: World) -> None:
    assert len(world.as_shop().get("purchases/").json()["items"]) == 1
    assert world.as_other_shop().get("purchases/").json()["items"] == []
    assert len(world.as_borrower().get("me/purchases/").json()["items"]) == 1
    assert world.as_stranger().get("me/purchases/").json()["items"] == []


def test_a_serial_number_is_no_identifier(world: World) -> None:
    assert world.as_shop().get(f"purchases/{world.bought.pk}/").status_code == 404
    assert world.as_shop().get(f"purchases/{UUID(int=world.bought.pk)}/").status_code == 404
    statement = UUID(statement_of(world)["statement_id"])
    assert world.as_shop().get(f"purchases/{statement}/").status_code == 404, "of another kind"


def test_a_session_changes_nothing_without_its_csrf_token(world: World) -> None:
    browser = DocumentedClient(enforce_csrf_checks=True)
    browser.force_login(login_of(world.customer))
    send = {"data": '{"amount": "1.00"}', "content_type": "application/json"}
    headers = {"Idempotency-Key": "k1", "Accept-Language": "en"}
    refused = browser.post("/api/v1/me/repayments/", **send, headers=headers)  # type: ignore[arg-type]
    assert (refused.status_code, code(refused)) == (403, "permission_denied")
    assert Repayment.objects.count() == 0
    token = browser.get("/api/v1/me/session/").json()["csrf_token"]
    paid = browser.post("/api/v1/me/repayments/", **send, headers={**headers, "X-CSRFToken": token})  # type: ignore[arg-type]
    assert paid.status_code == 201


def test_a_revoked_key_is_refused_once_it_is_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = a_key(world.shop.pk)
    shop = Api(token)
    assert shop.get("purchases/").status_code == 200
    revoke_key(prefix=token[4:16], at=AT)
    assert shop.get("purchases/").status_code == 200, "remembered for a few seconds, as documented"
    later = time.monotonic() + api_keys.REMEMBERED_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert (answer := shop.get("purchases/")).status_code == 401
    assert code(answer) == "authentication_failed"
    assert code(call("authorisePurchase", shop)) == "authentication_failed"


def test_only_a_hash_of_a_key_is_kept_and_its_use_is_noted(world: World) -> None:
    token = a_key(world.shop.pk)
    key = ApiKey.objects.get(prefix=token[4:16])
    assert token[17:].encode() not in bytes(key.secret_hash)
    assert key.last_used_at is None
    Api(token).get("purchases/")
    key.refresh_from_db()
    assert key.last_used_at is not None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE customers_apikey SET scopes = '{purchases:write}'",
        "UPDATE customers_apikey SET shop_id = NULL",
        "UPDATE customers_apikey SET secret_hash = ''",
        "UPDATE customers_apikey SET revoked_at = NULL",
        "DELETE FROM customers_apikey",
    ],
)
def test_what_a_key_may_is_never_changed_and_a_revoked_one_stays_so(world: World, change: str) -> None:
    token = a_key(world.shop.pk, "purchases:read")
    revoke_key(prefix=token[4:16], at=AT + timedelta(seconds=1))
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"shop_id": UUID(int=1)}, "shop"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["lines:read"]}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"per_minute": 0}, "per_minute"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(world: World, given: dict[str, Any], field: str) -> None:
    sound = {"name": "n", "shop_id": world.shop.pk, "scopes": ["purchases:read"], "made_by": "t", "at": AT}
    with pytest.raises(KeyRefused) as refused:
        create_key(**{**sound, **given})
    assert refused.value.field == field


def test_keys_are_made_listed_and_revoked_on_the_command_line(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("api_key", "create", "checkout", "--shop", "晨光便利店", "--scope", "purchases:read")
    token = capsys.readouterr().out.strip()
    assert Api(token).get("purchases/").status_code == 200
    call_command("api_key", "create", "ledger export")
    assert Api(capsys.readouterr().out.strip()).get("lines/").status_code == 200
    call_command("api_key", "revoke", token[4:16])
    call_command("api_key", "list")
    listed = capsys.readouterr().out
    assert "checkout  (晨光便利店)  purchases:read  revoked" in listed
    assert token[17:] not in listed
    for wrong in (["create", "x", "--shop", "nobody"], ["revoke", "000000000000"]):
        with pytest.raises(CommandError):
            call_command("api_key", *wrong)
    with pytest.raises(KeyNotFound):
        revoke_key(prefix="000000000000", at=AT)


def test_who_calls_too_often_is_told_when_to_come_back(world: World) -> None:
    token = a_key(world.shop.pk, per_minute=2)
    shop = Api(token)
    answers = [shop.get("purchases/"), call("authorisePurchase", shop), shop.get("purchases/")]
    assert [answer.status_code for answer in answers] == [200, 404, 429]
    assert code(answers[-1]) == "throttled"
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert code(call("authorisePurchase", shop)) == "throttled"
    throttle.forget(f"key:{token[4:16]}")
    assert shop.get("purchases/").status_code == 200


def test_nothing_was_made_by_those_who_may_not(world: World) -> None:
    before = (Purchase.objects.count(), Repayment.objects.count(), Line.objects.count())
    for operation in OPERATIONS:
        call(operation, Api())
    assert (Purchase.objects.count(), Repayment.objects.count(), Line.objects.count()) == before
