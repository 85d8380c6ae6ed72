"""The logins of shops: who signs in for a shop, and whether they may only look."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from customers.models import Login, Shop, ShopLogin, ShopRole
from customers.services import LoginRefused


def create_shop_login(
    *, shop_id: UUID, username: str, password: str, role: str = ShopRole.MANAGER, at: datetime
) -> ShopLogin:
    """
    A login that signs in for a shop, or the one made before under the same user name, unchanged.

    Error: LoginRefused, with the field: no such shop or role, a user name that is taken or malformed, a weak password.
    """
    if not Shop.objects.filter(pk=shop_id).exists():
        raise LoginRefused(_("There is no such shop."), field="shop_id")
    if role not in ShopRole.values:
        raise LoginRefused(_("There is no such role."), field="role")
    known = ShopLogin.objects.filter(login__username=username, shop_id=shop_id).first()
    if known is not None:
        return known
    login = Login(username=username, date_joined=at)
    try:
        login.clean_fields(exclude=["password"])
        validate_password(password, login)
    except ValidationError as error:
        field = "username" if hasattr(error, "error_dict") else "password"
        raise LoginRefused(" ".join(error.messages), field=field) from error
    login.set_password(password)
    try:
        with transaction.atomic():
            login.save(force_insert=True)
            return ShopLogin.objects.create(login=login, shop_id=shop_id, role=role)
    except IntegrityError as error:
        raise LoginRefused(_("This user name is taken: choose another."), field="username") from error
