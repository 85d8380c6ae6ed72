"""Many lines are frozen as one act, looked at before, and thawed as one: exactly those that the act froze."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from customers.models import Login
from huabei.choosing import Chosen, named_lines, preview_freeze
from huabei.errors import RequestConflict
from huabei.models import BulkFreeze, BulkThaw, Freeze, Line
from huabei.services.bulk import (
    AlreadyUndone,
    BulkFreezeNotFound,
    BulkThawNotFound,
    NothingChosen,
    freeze_again,
    freeze_lines,
    thaw_chosen,
    thaw_lines,
)
from huabei.services.causes import CUSTOMER, CauseRefused, Why, staff
from huabei.services.lifecycle import close, freeze, thaw
from ledger.audit import verify
from operations import audit
from operations.models import BusinessDay
from operations.staff import SERVICER, UNDERWRITER
from tests.line_world import a_line, a_merchant, authorised, bought
from tests.services.test_borrower_pages import text
from tests.services.test_line_console import signed_in

pytestmark = pytest.mark.django_db
ON = date(2026, 6, 5)
BY = staff(7)
PAGE = "/console/huabei/bulkfreeze/freeze/"


@pytest.fixture
def lines() -> list[Line]:
    """Active with 300.00 drawn and 50.00 held; frozen for a lost phone; frozen for fraud; closed; active."""
    drawn, lost, fraud, closed, idle = (a_line() for _ in range(5))
    shop = a_merchant()
    bought(drawn, shop, 300_00, ON)
    authorised(drawn, shop, 50_00, ON)
    freeze(line_id=lost.pk, why=Why("phone_lost", CUSTOMER, "lost"), on=ON)
    freeze(line_id=fraud.pk, why=Why("fraud", BY, "fraud"), on=ON)
    close(line_id=closed.pk, why=Why("deceased", BY, "dead"), on=ON)
    return [drawn, lost, fraud, closed, idle]


def ids(lines: list[Line]) -> list[int]:
    return [line.pk for line in lines]


def states(lines: list[Line]) -> list[str]:
    found = dict(Line.objects.values_list("pk", "status"))
    return [found[line.pk] for line in lines]


def holds() -> bool:
    return all(finding.holds for finding in verify(audit.CHECKS))


def frozen(lines: list[Line], *, reference: str = "bulk", cause: str = "fraud") -> BulkFreeze:
    return freeze_lines(line_ids=ids(lines), why=Why(cause, BY, reference, "ring"), on=ON)


def test_lines_are_frozen_as_one_act_once(lines: list[Line]) -> None:
    first, drawn, lost, idle = frozen(lines), lines[0], lines[1], lines[4]
    assert frozen(list(reversed(lines))) == first
    assert (first.asked, first.by, first.note) == (5, BY, "ring")
    assert set(first.freezes.values_list("line_id", flat=True)) == {drawn.pk, lost.pk, idle.pk}
    assert states(lines) == ["frozen", "frozen", "frozen", "closed", "frozen"]
    with pytest.raises(RequestConflict):
        frozen(lines[:2])
    with pytest.raises(RequestConflict):
        frozen(lines, cause="cash_out")
    assert BulkFreeze.objects.count() == 1
    assert holds()


def test_undoing_an_act_thaws_what_it_froze_and_nothing_else(lines: list[Line]) -> None:
    bulk, drawn, lost, idle = frozen(lines), lines[0], lines[1], lines[4]
    thaw(freeze_id=bulk.freezes.get(line=idle).pk, why=Why("goodwill", BY, "t"), on=ON)
    other = frozen([idle], reference="other")
    why = Why("mistake", staff(8), "undo", "wrong list")
    assert thaw_lines(bulk_id=bulk.pk, why=why, on=ON) == [drawn.pk, lost.pk]
    assert thaw_lines(bulk_id=bulk.pk, why=why, on=ON) == []
    assert states(lines) == ["active", "frozen", "frozen", "closed", "frozen"]
    assert other.freezes.get().thawed_on is None
    ended = set(bulk.freezes.values_list("thaw_cause", "thawed_by", "thaw_note"))
    assert ended == {("mistake", "staff:8", "wrong list"), ("goodwill", BY, "")}
    assert holds()


def test_what_cannot_be_frozen_at_once_is_refused(lines: list[Line]) -> None:
    with pytest.raises(NothingChosen):
        frozen([])
    with pytest.raises(CauseRefused):
        frozen(lines, cause="overdue")
    with pytest.raises(BulkFreezeNotFound):
        thaw_lines(bulk_id=0, why=Why("mistake", BY, "x"), on=ON)
    assert not BulkFreeze.objects.exists()


def test_a_preview_says_what_the_act_then_does(lines: list[Line]) -> None:
    drawn, lost, fraud, closed, idle = lines
    preview = preview_freeze(Chosen(tuple(ids(lines)), ("nobody",)), "fraud")
    assert (preview.meant.lines, preview.meant.drawn_fen, preview.meant.held_fen) == (3, 300_00, 50_00)
    assert (preview.held.lines, preview.left_out.lines, preview.unknown) == (1, 2, ("nobody",))
    assert [line.line_id for line in preview.sample] == [drawn.pk, lost.pk, idle.pk]
    assert {(line.line_id, str(line.why)) for line in preview.refused} == {
        (fraud.pk, "the line is frozen for this cause already"),
        (closed.pk, "the line is closed"),
    }
    assert frozen(lines).freezes.count() == preview.meant.lines


def test_lines_are_named_by_number_or_identifier(lines: list[Line]) -> None:
    drawn, lost, fraud, *_rest = lines
    named = named_lines(f"#{drawn.pk}, {lost.uuid}；{fraud.pk}\n{drawn.uuid} {uuid4()} #0 x")
    assert named.line_ids == tuple(sorted([drawn.pk, lost.pk, fraud.pk]))
    assert (len(named.unknown), named.unknown[1:]) == (3, ("#0", "x"))


@pytest.fixture
def page(client: Client) -> Client:
    BusinessDay.objects.create(business_on=ON, first_on=ON)
    return signed_in(client, SERVICER)


def post(page: Client, button: str, query: str = "", **given: Any) -> Any:
    return page.post(PAGE + query, {"key": str(uuid4()), "cause": "fraud", button: "", **given})


def seen(answer: Any) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]+)"', answer.content.decode())
    assert found
    return found[1]


def test_the_list_of_lines_is_frozen_as_it_is_narrowed(page: Client, lines: list[Line]) -> None:
    query = "?status__exact=active"
    assert f"{PAGE}{query}" in page.get(f"/console/huabei/line/{query}").content.decode()
    assert "The list shows 2 lines. status: active" in text(page.get(PAGE + query))
    key = str(uuid4())
    preview = post(page, "preview", query, key=key)
    assert "Would be frozen 2 Drawn on them" in text(preview)
    assert "Drawn on them ¥300.00 ¥50.00 held" in text(preview)
    assert not BulkFreeze.objects.exists()
    for _again in range(2):
        done = post(page, "confirm", query, key=key, seen=seen(preview))
        bulk = BulkFreeze.objects.get()
        assert done["Location"] == f"/console/huabei/bulkfreeze/{bulk.pk}/change/"
    assert states(lines) == ["frozen", "frozen", "frozen", "closed", "frozen"]
    assert bulk.by == f"staff:{LogEntry.objects.get().user_id}"
    shown = text(page.get(done["Location"]))
    assert "Lines frozen: 2" in shown
    assert "this reference was used before" in text(post(page, "confirm", query, key=key, seen="other"))


def test_what_is_confirmed_is_what_was_seen(page: Client, lines: list[Line]) -> None:
    query = "?status__exact=active"
    stale = seen(post(page, "preview", query))
    a_line()
    again = post(page, "confirm", query, seen=stale)
    assert "These are other lines than you looked at." in text(again)
    assert "Would be frozen 3" in text(again)
    assert "other lines" in text(post(page, "confirm", lines=str(lines[0].pk)))
    assert not BulkFreeze.objects.exists()


def test_named_lines_are_frozen_and_thawed_from_the_page_of_the_act(page: Client, lines: list[Line]) -> None:
    drawn, _lost, fraud, *_rest = lines
    named = f"{drawn.uuid} #{fraud.pk} nobody"
    preview = post(page, "preview", lines=named)
    assert "nobody – – – – there is no such line" in text(preview)
    assert "frozen for this cause already" in text(preview)
    assert post(page, "confirm", lines=named, seen=seen(preview)).status_code == 302
    bulk = BulkFreeze.objects.get()
    undo = f"/console/huabei/bulkfreeze/{bulk.pk}/act/thaw/"
    assert undo in page.get(f"/console/huabei/bulkfreeze/{bulk.pk}/change/").content.decode()
    given = {"key": str(uuid4()), "cause": "mistake"}
    assert "Freezes that are open 1 0" in text(page.post(undo, {**given, "preview": ""}))
    assert Freeze.objects.filter(bulk=bulk, thawed_on__isnull=True).count() == 1
    for _again in range(2):
        assert page.post(undo, {**given, "confirm": ""}).status_code == 302
    assert states([drawn, fraud]) == ["active", "frozen"]
    assert f"?bulk={bulk.pk}" not in text(page.get("/console/huabei/bulkfreeze/"))
    assert "1 freeze" in text(page.get(f"/console/huabei/freeze/?bulk={bulk.pk}"))


def test_no_lines_or_no_cause_say_what_would_be_right(page: Client, lines: list[Line]) -> None:
    assert "name lines here, or narrow the list" in text(post(page, "preview"))
    assert "This field is required." in text(post(page, "preview", "?status__exact=active", cause=""))
    assert page.get(PAGE + "?nonsense=1").status_code == 404
    assert "No line would be frozen." in text(post(page, "preview", lines="nobody"))


def test_only_who_may_freeze_does(client: Client, lines: list[Line]) -> None:
    BusinessDay.objects.create(business_on=ON, first_on=ON)
    assert "/login/" in client.get(PAGE)["Location"]
    assert signed_in(client, UNDERWRITER).get(PAGE).status_code == 200
    login = Login.objects.get(username=UNDERWRITER.lower())
    group = login.groups.get()
    group.permissions.remove(group.permissions.get(codename="freeze_line"))
    assert client.get(PAGE).status_code == 403
    assert post(client, "confirm", lines=str(lines[0].pk)).status_code == 403
    bulk = frozen(lines)
    assert client.get(f"/console/huabei/bulkfreeze/{bulk.pk}/act/thaw/").status_code == 403
    assert PAGE not in client.get("/console/huabei/line/").content.decode()


THAW = "/console/huabei/bulkthaw/thaw/"


def thawed(lines: list[Line], *, reference: str = "thaw", freeze_cause: str = "fraud") -> BulkThaw:
    why = Why("cleared", BY, reference, "all clear")
    return thaw_chosen(line_ids=ids(lines), freeze_cause=freeze_cause, why=why, on=ON)


def test_freezes_for_one_cause_end_as_one_act_once(lines: list[Line]) -> None:
    drawn, lost, fraud, _closed, idle = lines
    frozen([drawn, lost], reference="a")
    frozen([drawn, idle], reference="b", cause="cash_out")
    first = thawed(lines)
    assert thawed(list(reversed(lines))) == first
    assert set(first.freezes.values_list("line_id", flat=True)) == {drawn.pk, lost.pk, fraud.pk}
    # One is suspected of cash-out as well, one lost their phone.
    assert states([drawn, lost, fraud, idle]) == ["frozen", "frozen", "active", "frozen"]
    still_open = set(Freeze.objects.filter(thawed_on__isnull=True).values_list("line_id", "cause"))
    assert {(drawn.pk, "cash_out"), (lost.pk, "phone_lost"), (idle.pk, "cash_out")} <= still_open
    assert (first.asked, first.by, first.note) == (5, BY, "all clear")
    with pytest.raises(RequestConflict):
        thawed(lines, freeze_cause="cash_out")
    with pytest.raises(RequestConflict):
        thawed(lines[:1])
    assert holds()


@pytest.mark.parametrize("cause", ["overdue", "phone_lost", "customer_wish", "whim"])
def test_what_staff_did_not_begin_does_not_end_for_many(lines: list[Line], cause: str) -> None:
    with pytest.raises(CauseRefused) as refused:
        thawed(lines, freeze_cause=cause)
    assert refused.value.field == "freeze_cause"
    with pytest.raises(NothingChosen):
        thawed([])
    assert not BulkThaw.objects.exists()


def test_freezes_of_chosen_lines_are_looked_at_and_ended(page: Client, lines: list[Line]) -> None:
    drawn, lost, fraud, *_rest = lines
    frozen([lost], reference="a")
    query = "?status__exact=frozen"
    assert f"{THAW}{query}" in page.get(f"/console/huabei/line/{query}").content.decode()
    sent = {"key": str(uuid4()), "cause": "cleared", "freeze_cause": "fraud"}
    preview = page.post(THAW + query, {**sent, "preview": ""})
    shown = text(preview)
    assert "Freezes that would end 2 1 of them stays frozen for another cause" in shown
    named = page.post(THAW, {**sent, "lines": f"{drawn.pk} {fraud.pk}", "preview": ""})
    assert "the line is not frozen for this cause" in text(named)
    assert not BulkThaw.objects.exists()
    for _again in range(2):
        done = page.post(THAW + query, {**sent, "confirm": "", "seen": seen(preview)})
        bulk = BulkThaw.objects.get()
        assert done["Location"] == f"/console/huabei/bulkthaw/{bulk.pk}/change/"
    assert states([lost, fraud]) == ["frozen", "active"]
    assert "Freezes ended: 2" in text(page.get(done["Location"]))
    assert "End freezes of lines" in text(page.get("/console/huabei/bulkthaw/"))
    refused = page.post(THAW + query, {**sent, "freeze_cause": "overdue", "preview": ""})
    assert "Select a valid choice" in text(refused)


def again(bulk: BulkThaw, *, reference: str = "again", note: str = "not clear at all") -> BulkFreeze:
    return freeze_again(bulk_thaw_id=bulk.pk, by=staff(8), note=note, reference=reference, on=ON)


def test_the_end_of_many_freezes_is_undone_for_the_lines_that_are_as_it_left_them(lines: list[Line]) -> None:
    drawn, lost, fraud, _closed, idle = lines
    gone = a_line()
    frozen([drawn, lost, idle, gone])
    ended = thawed([drawn, lost, fraud, idle, gone])
    # Frozen for it since, and that has ended again; frozen for another cause; closed.
    since = freeze(line_id=idle.pk, why=Why("fraud", BY, "since"), on=ON)
    thaw(freeze_id=since.pk, why=Why("cleared", BY, "t"), on=ON)
    freeze(line_id=fraud.pk, why=Why("cash_out", BY, "other"), on=ON)
    close(line_id=gone.pk, why=Why("deceased", BY, "gone"), on=ON)
    first = again(ended)
    assert again(ended) == first
    assert set(first.freezes.values_list("line_id", "cause", "by", "note")) == {
        (line.pk, "fraud", "staff:8", "not clear at all") for line in (drawn, lost, fraud)
    }
    assert (first.asked, first.undoes) == (3, ended)
    assert states([drawn, lost, fraud, idle, gone]) == ["frozen", "frozen", "frozen", "active", "closed"]
    with pytest.raises(AlreadyUndone):
        again(ended, reference="twice")
    with pytest.raises(RequestConflict):
        again(thawed([drawn], reference="later"))
    # It is a freeze of many lines, and undone like one.
    assert thaw_lines(bulk_id=first.pk, why=Why("mistake", BY, "undo"), on=ON) == [lost.pk, fraud.pk]
    assert holds()


def test_where_nothing_is_as_it_was_left_nothing_is_undone(lines: list[Line]) -> None:
    ended = thawed(lines)
    freeze(line_id=lines[2].pk, why=Why("fraud", BY, "since"), on=ON)
    with pytest.raises(NothingChosen):
        again(ended)
    with pytest.raises(BulkThawNotFound):
        freeze_again(bulk_thaw_id=0, by=BY, note="", reference="x", on=ON)
    with pytest.raises(CauseRefused):
        again(ended, note="a\x00b")
    assert not BulkFreeze.objects.exists()


def test_the_end_of_freezes_is_undone_from_its_page(page: Client, lines: list[Line]) -> None:
    drawn, _lost, fraud, *_rest = lines
    frozen([drawn])
    bulk = thawed([drawn, fraud])
    shown = f"/console/huabei/bulkthaw/{bulk.pk}/change/"
    undo = f"/console/huabei/bulkthaw/{bulk.pk}/act/again/"
    assert undo in page.get(shown).content.decode()
    sent = {"key": str(uuid4()), "note": "wrong\r\nlist"}
    preview = text(page.post(undo, {**sent, "preview": ""}))
    assert "Freezes that are open 0 2 Lines: active 2 0 Lines: frozen 0 2" in preview
    assert states([drawn, fraud]) == ["active", "active"]
    for _again in range(2):
        assert page.post(undo, {**sent, "confirm": ""}).status_code == 302
    made = BulkFreeze.objects.get(undoes=bulk)
    assert (made.note, states([drawn, fraud])) == ("wrong\nlist", ["frozen", "frozen"])
    after = page.get(shown).content.decode()
    assert f"/console/huabei/bulkfreeze/{made.pk}/change/" in after
    assert undo not in after
    late = page.post(undo, {"key": str(uuid4()), "note": "", "confirm": ""})
    assert "this was undone already" in text(late)


def test_only_who_may_freeze_ends_freezes(client: Client, lines: list[Line]) -> None:
    BusinessDay.objects.create(business_on=ON, first_on=ON)
    signed_in(client, UNDERWRITER)
    group = Login.objects.get(username=UNDERWRITER.lower()).groups.get()
    group.permissions.remove(group.permissions.get(codename="freeze_line"))
    sent = {"key": str(uuid4()), "cause": "cleared", "freeze_cause": "fraud", "lines": str(lines[2].pk)}
    assert client.get(THAW).status_code == 403
    assert client.post(THAW, {**sent, "confirm": ""}).status_code == 403
    undo = f"/console/huabei/bulkthaw/{thawed(lines).pk}/act/again/"
    assert client.post(undo, {"key": str(uuid4()), "note": "", "confirm": ""}).status_code == 403
