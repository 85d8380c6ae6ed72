"""Freezing, thawing and closing one's own line over the API, and having a person look at a refusal again."""

from __future__ import annotations

from huabei.models import Closure, DecisionReview, Freeze, Line, Repayment
from huabei.services.causes import Why
from huabei.services.hearings import Ruling, restore, uphold
from huabei.services.lifecycle import freeze
from huabei.services.limits import change_limit
from tests.api.test_callers import code
from tests.api.world import TODAY, World
from tests.borrowers import opened_line, repays
from web.api.identifiers import public_id


def status(world: World) -> str:
    return Line.objects.get(pk=world.line.pk).status


def test_a_borrower_freezes_and_thaws_their_line(world: World) -> None:
    api = world.as_borrower()
    first, again = (api.post("me/line/freezes/", {"cause": "phone_lost"}, key="k") for _ in range(2))
    assert (first.status_code, first.json(), status(world)) == (201, again.json(), "frozen")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert code(api.post("me/line/freezes/", {"cause": "customer_wish"}, key="k")) == "request_conflict"
    assert code(api.post("me/line/freezes/", {"cause": "phone_lost"})) == "already_frozen"
    assert code(api.post("me/line/freezes/", {"cause": "fraud"})) == "cause_refused"
    assert code(api.post("me/line/freezes/", {})) == "invalid_request"
    assert api.get("me/line/freezes/").json()["items"] == [first.json()]
    ended = [api.post(f"me/line/freezes/{first.json()['id']}/end/") for _ in range(2)]
    assert [each.json()["ended_on"] for each in ended] == [TODAY.isoformat()] * 2
    assert (status(world), api.get("me/line/freezes/").json()["items"]) == ("active", [])


def test_the_lenders_freeze_is_not_the_borrowers_to_end_nor_is_a_suspicion_told(world: World) -> None:
    made = freeze(line_id=world.line.pk, why=Why("cash_out", "staff:1", "f"), on=TODAY)
    api = world.as_borrower()
    (shown,) = api.get("me/line/freezes/").json()["items"]
    assert (shown["cause"], shown["own"]) == ("under review", False)
    refused = api.post(f"me/line/freezes/{shown['id']}/end/")
    assert (refused.status_code, code(refused)) == (422, "cause_refused")
    own = api.post("me/line/freezes/", {"cause": "customer_wish"}).json()
    theirs = world.as_stranger().post(f"me/line/freezes/{own['id']}/end/")
    assert (theirs.status_code, code(theirs)) == (404, "not_found")
    assert api.post(f"me/line/freezes/{own['id']}/end/").status_code == 200
    assert Freeze.objects.get(thawed_on__isnull=True) == made
    assert status(world) == "frozen"


def test_a_line_is_closed_once_nothing_is_owed(world: World) -> None:
    api = world.as_borrower()
    owes = api.post("me/line/closure/")
    assert (owes.status_code, code(owes)) == (422, "still_owes")
    repays(world.line, "1000.00", on=TODAY)
    held = world.authorised()
    assert code(api.post("me/line/closure/")) == "still_owes"
    api.post("me/line/freezes/", {"cause": "phone_lost"})
    world.as_shop().post(f"purchases/{public_id('purchase', held.pk)}/void/")
    first, again = (api.post("me/line/closure/", key="k") for _ in range(2))
    assert (first.status_code, first.json(), Closure.objects.count()) == (201, again.json(), 1)
    assert code(api.post("me/line/closure/")) == "line_not_active"
    assert api.get("me/line/freezes/").json()["items"] == []
    assert code(api.post("me/line/freezes/", {"cause": "phone_lost"})) == "line_not_active"
    assert world.as_stranger().post("me/line/closure/").status_code == 404


def test_what_was_asked_of_a_closed_line_is_not_done_to_the_next(world: World) -> None:
    api = world.as_borrower()
    repaid = api.post("me/repayments/", {"amount": "1000.00"}, key="r")
    assert repaid.status_code == 201
    frozen = api.post("me/line/freezes/", {"cause": "phone_lost"}, key="f")
    closed = api.post("me/line/closure/", key="c")
    following = opened_line(world.customer, on=TODAY)
    again = {
        "me/repayments/": (repaid, api.post("me/repayments/", {"amount": "1000.00"}, key="r")),
        "me/line/closure/": (closed, api.post("me/line/closure/", key="c")),
        "me/line/freezes/": (frozen, api.post("me/line/freezes/", {"cause": "phone_lost"}, key="f")),
    }
    for address, (first, replayed) in again.items():
        assert (replayed.status_code, replayed.headers["Idempotency-Replayed"]) == (201, "true"), address
        assert replayed.json() == first.json(), address
    other = api.post("me/line/freezes/", {"cause": "customer_wish"}, key="f")
    assert code(other) == "request_conflict"
    following.refresh_from_db()
    assert not Repayment.objects.filter(line=following).exists()
    assert (following.status, Closure.objects.get().line) == ("active", world.line)


def test_decisions_are_listed_for_the_lender_page_by_page(world: World) -> None:
    world.as_borrower().post("me/application/", {})
    world.as_stranger().post("me/application/", {})
    lender = world.as_lender()
    whole = lender.get("decisions/").json()["items"]
    assert [each["outcome"] for each in whole] == ["granted", "refused"]
    assert [reason["code"] for reason in whole[1]["reasons"]] == ["has_line"]
    assert {"rule": "has_line", "outcome": "failed"} in whole[1]["rules"]
    page = lender.get("decisions/", limit=1).json()
    rest = lender.get("decisions/", limit=1, cursor=page["next_cursor"]).json()
    assert (page["items"] + rest["items"], rest["next_cursor"]) == (whole, None)
    for query, count in (
        ({"outcome": "refused"}, 1),
        ({"reason": "has_line"}, 1),
        ({"reason": "overdue"}, 0),
        ({"from": "2026-07-05", "to": "2026-07-05"}, 2),
        ({"to": "2026-07-04"}, 0),
        ({"customer": str(world.stranger.pk)}, 1),
    ):
        assert len(lender.get("decisions/", **query).json()["items"]) == count, query
    for nonsense in ({"reason": "whim"}, {"outcome": "x"}, {"from": "soon"}, {"score": "600"}):
        assert lender.get("decisions/", **nonsense).status_code == 400, nonsense


def test_a_person_looks_at_a_refusal_again(world: World) -> None:
    api = world.as_borrower()
    api.post("me/application/", {})
    (refused,) = api.get("me/decisions/").json()["items"]
    address = f"me/decisions/{refused['id']}/review/"
    assert api.get(address).status_code == 404
    first, again = (
        api.post(address, {"statement": "我涨薪了。\u3000\r\n谢谢👨‍👩‍👧"}, key="k") for _ in range(2)
    )
    assert first.json()["statement"] == "我涨薪了。\u3000\n谢谢👨‍👩‍👧"
    assert (first.status_code, first.json(), again.headers["Idempotency-Replayed"]) == (
        201,
        again.json(),
        "true",
    )
    assert code(api.post(address, {"statement": "Something else."})) == "request_conflict"
    for nonsense in ("", "a\x00b", "x" * 1001, 1):
        assert code(api.post(address, {"statement": nonsense})) == "invalid_request"
    for call in (world.as_stranger().get, world.as_stranger().post):
        assert call(address).status_code == 404
    uphold(review_id=DecisionReview.objects.get().pk, ruling=Ruling("staff:1", "No.", "v"), on=TODAY)
    decided = api.get(address).json()
    assert (decided["state"], decided["reason"], decided["line"]) == ("upheld", "No.", None)


def test_a_person_looks_at_a_cut_of_the_limit_again(world: World) -> None:
    api = world.as_borrower()
    for reference, limit_fen in (("raised", 9_000_00), ("cut", 6_000_00)):
        why = Why("mistake", "staff:1", reference)
        change_limit(line_id=world.line.pk, limit_fen=limit_fen, why=why, on=TODAY)
    cut, raised = api.get("me/line/limit-changes/").json()["items"]
    assert [(each["before"], each["after"], each["is_cut"]) for each in (cut, raised)] == [
        ("9000.00", "6000.00", True),
        ("8000.00", "9000.00", False),
    ]
    address = f"me/line/limit-changes/{cut['id']}/review/"
    assert api.get(address).status_code == 404
    first, again = (api.post(address, {"statement": "为什么？"}, key="k") for _ in range(2))
    assert (first.status_code, first.json()) == (201, again.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert code(api.post(address, {"statement": "Something else."})) == "request_conflict"
    no_cut = f"me/line/limit-changes/{raised['id']}/review/"
    assert code(api.post(no_cut, {"statement": "Why?"})) == "review_refused"
    for call in (world.as_stranger().get, world.as_stranger().post):
        assert call(address).status_code == 404
    ruling = Ruling("staff:1", "Yes.", "v")
    restore(review_id=DecisionReview.objects.get().pk, limit_fen=7_500_00, ruling=ruling, on=TODAY)
    decided = api.get(address).json()
    assert (decided["state"], decided["reason"], decided["limit"]) == ("overturned", "Yes.", "7500.00")
