"""The demo world's logins: borrower, seller, shop, underwriter and administrator, with passwords of this installation."""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import Group

from customers.models import Login
from customers.services import create_login
from customers.services.shop_logins import create_shop_login
from operations.staff import ADMINISTRATOR, UNDERWRITER, set_up_roles

ROLES = ("borrower", "seller", "merchant", "underwriter", "administrator")


def _path() -> Path:
    return Path(settings.VAR_DIR) / "demo_logins.json"


def passwords() -> dict[str, str]:
    """Login name → password, as generated for this installation; empty before the demo world is built."""
    path = _path()
    return dict(json.loads(path.read_text())) if path.exists() else {}


def create_demo_logins(*, borrower_id: UUID, seller_id: UUID, shop_id: UUID, at: datetime) -> dict[str, str]:
    """Makes the five logins and keeps their passwords, readable by the owner only. Repeating keeps the passwords."""
    kept = {role: secrets.token_urlsafe(9) for role in ROLES} | passwords()
    path = _path()
    path.touch(mode=0o600)
    path.write_text(json.dumps(kept, indent=2))
    for name, customer_id in (("borrower", borrower_id), ("seller", seller_id)):
        if not Login.objects.filter(username=name).exists():
            create_login(customer_id=customer_id, username=name, password=kept[name], at=at)
    create_shop_login(shop_id=shop_id, username="merchant", password=kept["merchant"], at=at)
    set_up_roles()
    for name, group in (("underwriter", UNDERWRITER), ("administrator", ADMINISTRATOR)):
        staff, _created = Login.objects.get_or_create(username=name, defaults={"is_staff": True})
        staff.set_password(kept[name])
        staff.is_superuser = group == ADMINISTRATOR
        staff.save()
        staff.groups.add(Group.objects.get(name=group))
    return kept
