"""What was learned late, over the API: money from an earlier day, what bounced, what should not have been bought."""

from __future__ import annotations

from huabei.models import Correction, Repayment
from operations.services.closing import close_day
from tests.api.test_callers import code
from tests.api.world import TODAY, World, pid
from tests.borrowers import repays
from web.api.identifiers import public_id


def test_money_counts_from_the_day_on_which_it_came(world: World) -> None:
    address = f"lines/{world.line.uuid}/repayments/"
    made = world.as_lender().post(address, {"amount": "300.00", "value_on": "2026-07-03"})
    assert (made.status_code, made.json()["value_on"], made.json()["received_on"]) == (
        201,
        "2026-07-03",
        "2026-07-05",
    )
    corrections = world.as_lender().get(f"lines/{world.line.uuid}/corrections/").json()["items"]
    assert [(each["cause"], each["amount"], each["interest"]) for each in corrections] == [
        ("backdated", "300.00", "0.00")
    ]


def test_a_key_is_answered_again_only_for_the_day_it_was_said_with(world: World) -> None:
    api, address = world.as_lender(), f"lines/{world.line.uuid}/repayments/"
    late = {"amount": "300.00", "value_on": "2026-07-03"}
    first, again = (api.post(address, late, key="late") for _ in range(2))
    assert (again.status_code, again.json()) == (201, first.json())
    assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")
    for other in (
        {"amount": "300.00"},
        {**late, "value_on": "2026-07-04"},
        {**late, "value_on": "2026-07-05"},
    ):
        answer = api.post(address, other, key="late")
        assert (answer.status_code, code(answer)) == (409, "request_conflict")
        assert [error["field"] for error in answer.json()["errors"]] == ["value_on"]
    assert api.post(address, {"amount": "1.00"}, key="now").status_code == 201
    list(close_day(closed_on=TODAY))
    assert api.post(address, {"amount": "1.00"}, key="now")["Idempotency-Replayed"] == "true"
    assert Repayment.objects.count() == 2


def test_a_day_before_the_opening_or_to_come_is_refused_by_name(world: World) -> None:
    for value_on in ("2026-05-01", "2026-07-06"):
        answer = world.as_lender().post(
            f"lines/{world.line.uuid}/repayments/", {"amount": "300.00", "value_on": value_on}
        )
        assert (answer.status_code, code(answer)) == (422, "date_refused")
        assert [error["field"] for error in answer.json()["errors"]] == ["value_on"]
    assert not Repayment.objects.exists()


def test_a_repayment_bounces_once(world: World) -> None:
    repays(world.line, "300.00", on=TODAY)
    repayment = Repayment.objects.get()
    address = f"lines/{world.line.uuid}/repayments/{public_id('repayment', repayment.pk)}/reversal/"
    first, again = (world.as_lender().post(address, {"reason": "no funds"}) for _ in range(2))
    assert (first.status_code, again.json()) == (200, first.json())
    assert Correction.objects.count() == 1
    assert world.as_borrower().get("me/line/").json()["position"]["billed"] == "1000.00"


def test_a_purchase_of_which_something_was_refunded_is_not_taken_back(world: World) -> None:
    world.as_shop().post(f"purchases/{pid(world.bought)}/refunds/", {"amount": "1.00"})
    address = f"lines/{world.line.uuid}/purchases/{pid(world.bought)}/reversal/"
    answer = world.as_lender().post(address, {"reason": "charged twice"})
    assert (answer.status_code, code(answer)) == (409, "purchase_not_reversible")
    assert not Correction.objects.exists()


def test_nothing_is_corrected_while_a_close_is_under_way(world: World) -> None:
    repays(world.line, "300.00", on=TODAY)
    repayment = Repayment.objects.get()
    steps = close_day(closed_on=TODAY)
    next(steps)
    address = f"lines/{world.line.uuid}/repayments/{public_id('repayment', repayment.pk)}/reversal/"
    answer = world.as_lender().post(address, {"reason": "no funds"})
    assert (answer.status_code, code(answer)) == (409, "close_under_way")
    list(steps)
    assert world.as_lender().post(address, {"reason": "no funds"}).status_code == 200


def test_the_statement_day_moves_once_in_twelve_months(world: World) -> None:
    moved = world.as_borrower().post("me/line/calendar/", {"statement_day": 15})
    assert (moved.json()["statement_day"], moved.json()["due_day"]) == (15, 25)
    answer = world.as_borrower().post("me/line/calendar/", {"statement_day": 5})
    assert (answer.status_code, code(answer)) == (422, "calendar_change_refused")
    unknown = world.as_borrower().post("me/line/calendar/", {"statement_day": 7})
    assert [error["field"] for error in unknown.json()["errors"]] == ["statement_day"]
