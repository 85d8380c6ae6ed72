"""A line is shared: its owner invites and changes the cap, the other person accepts and looks; phone and desk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from uuid import uuid4

import pytest

from customers.models import Login
from huabei.models import Line, SharedLine
from huabei.services import purchases
from huabei.services.invitations import invite_by_phone
from huabei.services.shares import accept, authorise_shared
from tests.borrowers import borrower, lived_until, opened_line, shop
from tests.browser.conftest import WIDTHS, Site, Visitor, in_database

Visit = Callable[..., Visitor]
ON = date(2026, 7, 4)


@pytest.fixture(scope="module", autouse=True)
def share(site: Site) -> SharedLine:
    """Shared with the stranger, who has spent 128.50 of 500.00; somebody else is invited."""
    line: Line = opened_line(site.customer)
    friend = borrower("stranger")
    lived_until(ON)
    invite_by_phone(line_id=line.pk, full_name="李雷", phone="13700137000", monthly_cap_fen=800_00, on=ON)
    made = invite_by_phone(
        line_id=line.pk, full_name=friend.full_name, phone="13900139000", monthly_cap_fen=500_00, on=ON
    )
    assert made.share is not None
    accept(share_id=made.share.pk, beneficiary_id=friend.pk, on=ON)
    held = authorise_shared(
        share_uuid=made.share.uuid,
        merchant_id=shop("南门菜市场").pk,
        amount_fen=128_50,
        reference=str(uuid4()),
        on=ON,
    )
    purchases.capture(purchase_id=held.purchase_id, amount_fen=128_50, on=ON)
    return made.share


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("width", WIDTHS.values())
def test_both_see_their_pages(visit: Visit, site: Site, share: SharedLine, language: str, width: int) -> None:
    friend_login = in_database(lambda: Login.objects.get(username="stranger"))
    for who, login in (("owner", site.borrower), ("friend", friend_login)):
        visitor = visit(language=language, width=width)
        visitor.sign_in(login)
        visitor.page.wait_for_load_state("networkidle")
        for name, address in (("home", "/"), ("shared", "/shared/"), ("share", f"/shared/{share.uuid}/")):
            visitor.open(address)
            visitor.shot(f"{name}-{who}-{language}-{width}")


def test_inviting_on_a_phone_without_script(visit: Visit, site: Site) -> None:
    visitor = visit(language="en", script=False)
    page = visitor.page
    visitor.sign_in(site.borrower)
    visitor.open("/shared/")
    page.get_by_label("Their full name").fill("韩梅梅")
    page.get_by_label("Their mobile number").fill("13600136000")
    page.get_by_label("Monthly cap in yuan").fill("99.00")
    page.get_by_role("button", name="Invite").click()
    visitor.check()
    assert page.get_by_text("From ¥100.00 to ¥20,000.00.").count()
    page.get_by_label("Monthly cap in yuan").fill("300.00")
    page.get_by_role("button", name="Invite").click()
    visitor.check()
    assert "136****6000" in page.inner_text("main")
