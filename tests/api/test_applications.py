"""Applying for a line over the API: every reason of a refusal, one decision per key, and one's own decisions only."""

from __future__ import annotations

from tests.api.test_callers import code
from tests.api.world import TODAY, Api, World
from tests.borrowers import borrower, lived_until, login_of


def test_a_line_that_is_refused_names_every_reason(db: None) -> None:
    lived_until(TODAY)
    answer = Api(login=login_of(borrower(is_student=True, verified=False))).post("me/application/", {})
    assert (answer.status_code, code(answer)) == (422, "line_refused")
    errors = {error["code"]: error["message"] for error in answer.json()["errors"]}
    assert errors.keys() == {"not_verified", "student", "no_score"}
    assert errors["not_verified"] == (
        "identity not verified yet: Have your identity verified, then apply again."
    )


def test_an_application_is_decided_once_per_key_and_its_decision_is_the_applicants_own(world: World) -> None:
    api = world.as_stranger()
    refused = Api(login=login_of(world.customer)).post("me/application/", {}, key="k")
    assert (refused.status_code, code(refused)) == (422, "line_refused")
    first, again = (api.post("me/application/", {"statement_day": 5}, key="k") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.json(), again.headers["Idempotency-Replayed"]) == (again.json(), "true")
    assert code(api.post("me/application/", {"statement_day": 10}, key="k")) == "request_conflict"
    assert code(api.post("me/application/", {"statement_day": 2})) == "calendar_refused"
    later = api.post("me/application/", {})
    assert [error["code"] for error in later.json()["errors"]] == ["has_line"]
    kept = api.get("me/decisions/").json()["items"]
    assert [(each["outcome"], each["limit"]) for each in kept] == [
        ("refused", "0.00"),
        ("granted", "4000.00"),
    ]
    assert kept[1]["line"] == first.json()["id"]
    assert kept[0]["reasons"] == [
        {
            "code": "has_line",
            "message": "has a line already",
            "advice": "Everybody has one line at most: use the one you have.",
        }
    ]
    assert api.get("me/decisions/", outcome="refused").json()["items"] == kept[:1]
    assert api.get(f"me/decisions/{kept[1]['id']}/").json() == kept[1]
    theirs = world.as_borrower()
    assert theirs.get(f"me/decisions/{kept[1]['id']}/").status_code == 404
    assert [each["outcome"] for each in theirs.get("me/decisions/").json()["items"]] == ["refused"]
