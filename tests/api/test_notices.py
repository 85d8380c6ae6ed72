"""A borrower's notices over the API: their own, in their language, read once, and told as they wish."""

from __future__ import annotations

from uuid import uuid4

import pytest

from customers.models import Notice
from tests.api.world import Api, World
from tests.borrowers import login_of


def listed(api: Api, **query: str) -> list[dict[str, object]]:
    answer = api.get("me/notices/", **query)
    assert answer.status_code == 200, answer.content
    items: list[dict[str, object]] = answer.json()["items"]
    return items


@pytest.mark.django_db
def test_notices_are_listed_in_the_language_asked_for_and_read(world: World) -> None:
    api = world.as_borrower()
    [statement] = [item for item in listed(api) if item["kind"] == "line.statement_issued"]
    assert statement["title"] == "Your statement: ¥1,000.00 due by July 10, 2026"
    assert statement["told_on"] == "2026-07-01"
    assert statement["is_read"] is False
    chinese = Api(login=login_of(world.customer), language="zh-hans").get(f"me/notices/{statement['id']}/")
    assert chinese.json()["title"] == "您的账单：应还 ¥1,000.00，2026年7月10日到期"
    assert api.get(f"me/notices/{statement['id']}/").json()["is_read"] is False
    assert api.post(f"me/notices/{statement['id']}/read/").json()["is_read"] is True
    first_read = Notice.objects.get(kind="line.statement_issued").read_at
    assert api.post(f"me/notices/{statement['id']}/read/").json()["is_read"] is True
    assert Notice.objects.get(kind="line.statement_issued").read_at == first_read
    assert statement["id"] in [item["id"] for item in listed(api, state="read")]
    assert statement["id"] not in [item["id"] for item in listed(api, state="unread")]


@pytest.mark.django_db
def test_all_are_marked_read_up_to_one_of_ones_own(world: World) -> None:
    api = world.as_borrower()
    newest = listed(api)[0]["id"]
    assert world.as_stranger().post("me/notices/read/", {"up_to": newest}).status_code == 404
    assert api.post("me/notices/read/", {"up_to": str(uuid4())}).status_code == 404
    assert api.post("me/notices/read/", {"up_to": newest}).json()["read"] == len(listed(api))
    assert listed(api, state="unread") == []


@pytest.mark.django_db
def test_nobody_reads_what_somebody_else_was_told(world: World) -> None:
    notice = listed(world.as_borrower())[0]["id"]
    stranger = world.as_stranger()
    assert listed(stranger) == []
    assert stranger.get(f"me/notices/{notice}/").status_code == 404
    assert stranger.post(f"me/notices/{notice}/read/").status_code == 404
    assert world.as_shop().get("me/notices/").status_code == 403


@pytest.mark.django_db
def test_preferences_are_kept_and_mandatory_ones_refused(world: World) -> None:
    api = world.as_borrower()
    said = {"kind": "line.payment_received", "in_app": False, "email": True}
    assert api.post("me/notice-preferences/", said).json()["in_app"] is False
    rows = {row["kind"]: row for row in api.get("me/notice-preferences/").json()["preferences"]}
    assert rows["line.payment_received"]["email"] is True
    assert rows["line.overdue"]["is_mandatory"] is True
    refused = api.post("me/notice-preferences/", {**said, "kind": "line.overdue"})
    assert (refused.status_code, refused.json()["code"]) == (422, "preference_refused")
    unknown = api.post("me/notice-preferences/", {**said, "kind": "nonsense"})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unreadable_notice")
