"""Inviting by name and phone tells nobody who is a customer; the pages and the API of shared lines show each their own."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client

from customers.identity import InvalidIdentity
from customers.models import Customer, Notice
from huabei.errors import LineNotActive
from huabei.models import Line, SharedLine, ShareInvitation, ShareStatus
from huabei.services import lifecycle, purchases
from huabei.services.causes import Why
from huabei.services.invitations import (
    MOST_A_DAY,
    InvitationNotFound,
    TooManyInvitations,
    invite_by_phone,
    withdraw_invitation,
)
from huabei.services.shares import (
    CapRefused,
    ShareNotActive,
    ShareRefused,
    accept,
    authorise_shared,
    end,
)
from tests.api.world import Api
from tests.borrowers import borrower, buys, lived_until, login_of, opened_line, shop
from tests.services.test_borrower_pages import signed_in, text

pytestmark = pytest.mark.django_db

ON = date(2026, 7, 5)
FRIEND = {"full_name": "王强", "phone": "13900139000"}
NOBODY = {"full_name": "李雷", "phone": "13700137000"}


@pytest.fixture
def owner() -> Customer:
    return borrower()


@pytest.fixture
def friend() -> Customer:
    return borrower("stranger")


@pytest.fixture
def line(owner: Customer) -> Line:
    """1,000.00 billed on 1 July; the bank is on 5 July."""
    line = opened_line(owner)
    lived_until(date(2026, 6, 30))
    buys(line, shop(), "1000.00", on=date(2026, 6, 30))
    lived_until(ON)
    return line


def invited(line: Line, **given: Any) -> ShareInvitation:
    return invite_by_phone(line_id=line.pk, on=ON, **{**FRIEND, "monthly_cap_fen": 500_00, **given})


@pytest.fixture
def share(line: Line, friend: Customer) -> SharedLine:
    share = invited(line).share
    assert share is not None
    return accept(share_id=share.pk, beneficiary_id=friend.pk, on=ON)


def spend(share: SharedLine, fen: int) -> None:
    made = authorise_shared(
        share_uuid=share.uuid,
        merchant_id=shop("山海电器").pk,
        amount_fen=fen,
        reference=str(uuid4()),
        on=ON,
    )
    purchases.capture(purchase_id=made.purchase_id, amount_fen=fen, on=ON)


def test_whoever_has_the_name_and_the_phone_is_told(line: Line, friend: Customer) -> None:
    invitation = invited(line, phone="+86 139-0013-9000")
    assert invitation.share is not None
    assert (invitation.share.beneficiary_id, invitation.share.status) == (friend.pk, ShareStatus.INVITED)
    told = Notice.objects.get(customer=friend, kind="line.share_invited")
    assert told.figures == {
        "share": str(invitation.share.uuid),
        "owner": "林晓燕",
        "monthly_cap_fen": 500_00,
    }


def seen(answer: Any, given: dict[str, str]) -> str:
    """What a page says, without the name, the number and what is made anew each time."""
    said = text(answer).replace(given["full_name"], "NAME")
    return re.sub(r"\d{3}\*{4}\d{4}", "PHONE", said)


def test_an_invitation_that_reaches_nobody_looks_like_one_that_does(
    client: Client, owner: Customer, line: Line, friend: Customer
) -> None:
    page = signed_in(client, owner)
    said = []
    for given in (FRIEND, NOBODY, {**FRIEND, "full_name": "王小强"}):
        answer = page.post("/shared/", {**given, "cap": "500.00"}, follow=True)
        said.append(seen(answer, given))
        again = page.post("/shared/", {**given, "cap": "500.00"})
        said[-1] += seen(again, given)
        made = ShareInvitation.objects.get(ended_on__isnull=True)
        if made.share:  # declined: the owner sees it wait as before
            end(share_id=made.share.pk, customer_id=friend.pk, on=ON)
        said[-1] += seen(page.get("/shared/"), given)
        page.post(f"/shared/invitations/{made.uuid}/withdraw/", follow=True)
    assert said[0] == said[1] == said[2]
    assert "waits for an answer" in said[0]


def test_the_api_answers_alike_too(owner: Customer, line: Line, friend: Customer) -> None:
    api = Api(login=login_of(owner))
    answers = [
        api.post("me/share-invitations/", {"name": n, "phone": p, "monthly_cap": "500.00"}).json()
        for n, p in (FRIEND.values(), NOBODY.values())
    ]
    assert answers[0].keys() == answers[1].keys()
    different = {name for name in answers[0] if answers[0][name] != answers[1][name]}
    assert different == {"id", "name", "phone"}
    refused = [
        api.post("me/share-invitations/", {"name": n, "phone": p, "monthly_cap": "500.00"})
        for n, p in (FRIEND.values(), NOBODY.values())
    ]
    assert refused[0].json() == refused[1].json()


def test_somebody_who_is_not_verified_is_not_reached(line: Line) -> None:
    borrower("stranger", verified=False)
    assert invited(line).share is None


def test_oneself_and_nonsense_are_refused(line: Line, owner: Customer) -> None:
    with pytest.raises(ShareRefused):
        invited(line, full_name="林晓燕", phone="13800138000")
    with pytest.raises(InvalidIdentity):
        invited(line, phone="12345")
    for cap in (99_99, 20_000_01):
        with pytest.raises(CapRefused):
            invited(line, monthly_cap_fen=cap)
    lifecycle.freeze(line_id=line.pk, why=Why("customer_wish", "customer", "f"), on=ON)
    with pytest.raises(LineNotActive):
        invited(line)
    assert not ShareInvitation.objects.exists()


def test_a_day_has_so_many_invitations_whether_they_reach_anybody_or_not(line: Line) -> None:
    for n in range(MOST_A_DAY):
        made = invited(line, **NOBODY | {"phone": f"1370013700{n}"})
        withdraw_invitation(invitation=made.uuid, owner_id=line.customer_id, on=ON)
    with pytest.raises(TooManyInvitations):
        invited(line)


def test_what_was_taken_back_cannot_be_accepted(line: Line, friend: Customer) -> None:
    made = invited(line)
    assert made.share is not None
    with pytest.raises(InvitationNotFound):
        withdraw_invitation(invitation=made.uuid, owner_id=friend.pk, on=ON)
    for _again in range(2):
        assert withdraw_invitation(invitation=made.uuid, owner_id=line.customer_id, on=ON).ended_on == ON
    with pytest.raises(ShareNotActive):
        accept(share_id=made.share.pk, beneficiary_id=friend.pk, on=ON)
    assert invited(line).share is not None


def test_an_invitation_that_was_accepted_is_none_any_more(line: Line, share: SharedLine) -> None:
    invitation = ShareInvitation.objects.get()
    assert invitation.ended_on == ON
    withdraw_invitation(invitation=invitation.uuid, owner_id=line.customer_id, on=ON)
    share.refresh_from_db()
    assert share.status == ShareStatus.ACTIVE
    with pytest.raises(ShareRefused):
        invited(line)


def test_the_database_keeps_invitations(line: Line) -> None:
    made = invited(line, **NOBODY)
    copy = ShareInvitation.objects.get(pk=made.pk)
    copy.pk, copy.uuid = None, uuid4()
    with pytest.raises(IntegrityError, match="share_invitation_one_live_per_person"), transaction.atomic():
        copy.save()
    with pytest.raises(DatabaseError), transaction.atomic():
        ShareInvitation.objects.update(full_name="other")
    with pytest.raises(DatabaseError), transaction.atomic():
        ShareInvitation.objects.all()._raw_delete("default")
    ShareInvitation.objects.update(ended_on=ON)
    with pytest.raises(DatabaseError), transaction.atomic():
        ShareInvitation.objects.update(ended_on=None)


def test_the_other_person_sees_the_cap_and_what_they_bought_and_nothing_of_the_debt(
    client: Client, line: Line, share: SharedLine, friend: Customer
) -> None:
    spend(share, 128_50)
    page = signed_in(client, friend)
    said = text(page.get("/shared/")) + text(page.get(f"/shared/{share.uuid}/"))
    assert "Left this month ¥371.50" in said
    assert "Monthly cap ¥500.00" in said
    assert "山海电器 ¥128.50" in said
    api = Api(login=login_of(friend))
    said += str(api.get("me/shared-with-me/").json())
    said += str(api.get(f"me/shared-with-me/{share.uuid}/purchases/").json())
    assert "晨光便利店" not in said
    for figure in ("8,000.00", "8000.00", "1,000.00", "1000.00", "6,871.50", "1,128.50", "1128.50"):
        assert figure not in said
    assert str(line.uuid) not in said


def test_others_find_nothing(client: Client, owner: Customer, share: SharedLine) -> None:
    pair = (owner, share.beneficiary)
    acts = {"cap": {"cap": "600.00"}, "accept": {}, "end": {}}
    someone = Customer.objects.create(
        full_name="x",
        born_on=date(1990, 1, 1),
        registered_on=ON,
        national_id_encrypted=b"",
        national_id_index=b"x",
        login=login_of(owner).__class__.objects.create_user("someone"),
    )
    page = signed_in(client, someone)
    assert page.get(f"/shared/{share.uuid}/").status_code == 404
    for act, given in acts.items():
        assert page.post(f"/shared/{share.uuid}/{act}/", given).status_code == 404, act
    invitation = ShareInvitation.objects.get()
    assert page.post(f"/shared/invitations/{invitation.uuid}/withdraw/").status_code == 404
    # Each of the two has only their own part of it.
    assert signed_in(client, pair[1]).post(f"/shared/{share.uuid}/cap/", acts["cap"]).status_code == 404
    assert signed_in(client, pair[0]).post(f"/shared/{share.uuid}/accept/").status_code == 404
    for who, part in ((pair[1], "shares"), (pair[0], "shared-with-me")):
        assert Api(login=login_of(who)).post(f"me/{part}/{share.uuid}/end/").status_code == 404
    share.refresh_from_db()
    assert (share.status, share.monthly_cap_fen) == (ShareStatus.ACTIVE, 500_00)


def test_the_owner_changes_the_cap_and_ends_it(client: Client, owner: Customer, share: SharedLine) -> None:
    spend(share, 128_50)
    page = signed_in(client, owner)
    assert "spent this month, of ¥500.00" in text(page.get("/shared/"))
    refused = text(page.post(f"/shared/{share.uuid}/cap/", {"cap": "99.99"}))
    assert "From ¥100.00 to ¥20,000.00." in refused
    done = text(page.post(f"/shared/{share.uuid}/cap/", {"cap": "600.00"}, follow=True))
    assert "Left this month ¥471.50" in done
    assert "Ended." in text(page.post(f"/shared/{share.uuid}/end/", follow=True))
    share.refresh_from_db()
    assert share.status == ShareStatus.CLOSED
    assert page.get(f"/shared/{share.uuid}/").status_code == 404


def test_an_invitation_is_accepted_or_declined_on_its_page(
    client: Client, line: Line, friend: Customer
) -> None:
    share = invited(line).share
    assert share is not None
    page = signed_in(client, friend)
    assert "林晓燕 invites you to spend up to ¥500.00 a month" in text(page.get(f"/shared/{share.uuid}/"))
    assert "Accepted." in text(page.post(f"/shared/{share.uuid}/accept/", follow=True))
    page.post(f"/shared/{share.uuid}/end/")
    share.refresh_from_db()
    assert share.status == ShareStatus.CLOSED
