"""A statement's document over the API: whose it is, in which language, and that it never changes."""

from __future__ import annotations

from typing import Any

import pytest

from huabei.models import Statement, StatementDocument
from tests.api.world import World
from web.api.identifiers import public_id


@pytest.fixture
def address(world: World) -> str:
    number = Statement.objects.get(line=world.line).pk
    return f"me/statements/{public_id('statement', number)}/document/"


def raw(world: World, address: str, **headers: str) -> Any:
    """GET with headers of one's own."""
    return world.as_borrower()._client.get(f"/api/v1/{address}", headers=headers)


def test_the_owner_gets_the_file_with_its_hash(world: World, address: str) -> None:
    answer = world.as_borrower().get(address, language="zh-hans")
    kept = StatementDocument.objects.get()
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer.content == bytes(kept.content)
    assert (kept.language, answer["ETag"]) == ("zh-hans", f'"{kept.fingerprint}"')
    assert answer["Cache-Control"] == "no-store"
    assert world.as_borrower().get(address, language="zh-hans").content == answer.content
    assert StatementDocument.objects.count() == 1


def test_who_has_it_already_is_not_sent_it_again(world: World, address: str) -> None:
    first = raw(world, address)
    again = raw(world, address, **{"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert raw(world, address, **{"If-None-Match": '"another"'}).content == first.content


@pytest.mark.parametrize(("asked", "language"), [("en", "en"), ("zh-CN", "zh-hans"), ("fr", "zh-hans")])
def test_it_speaks_the_language_of_the_caller(world: World, address: str, asked: str, language: str) -> None:
    assert raw(world, address, **{"Accept-Language": asked}).status_code == 200
    assert StatementDocument.objects.get().language == language


def test_it_may_be_asked_for_by_its_media_type_and_refusals_are_problems_all_the_same(
    world: World, address: str
) -> None:
    assert raw(world, address, Accept="application/pdf").status_code == 200
    nothing = raw(world, f"me/statements/{world.line.uuid}/document/", Accept="application/pdf")
    assert (nothing.status_code, nothing["Content-Type"]) == (404, "application/problem+json")
    assert nothing.json()["code"] == "not_found"
    assert world.as_borrower().get(address, language="fr").status_code == 400


def test_nobody_else_gets_it(world: World, address: str) -> None:
    for api, status in ((world.as_stranger(), 404), (world.as_shop(), 403), (world.as_lender(), 403)):
        assert api.get(address).status_code == status
    assert not StatementDocument.objects.exists()
