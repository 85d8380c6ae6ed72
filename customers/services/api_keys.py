"""
API keys: made, shown once, found again by whoever sends one, revoked.

A token is `cbx_` + prefix + `_` + secret. The secret has 192 random bits, so a plain hash of it is enough. A key that
was found is remembered for a few seconds in each process that serves: revoking takes effect within that time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from customers.models import ApiKey, Shop
from finance.errors import DomainError, Kind
from web.api.callers import Caller, Who, scopes_of

REMEMBERED_SECONDS = 5
USE_NOTED_SECONDS = 60
MOST_REMEMBERED = 10_000

_TOKEN = re.compile(r"cbx_([0-9a-f]{12})_([0-9a-f]{48})")


class KeyRefused(DomainError):
    """A key that cannot be made: the field says why."""

    code = "api_key_refused"


class KeyNotFound(DomainError):
    """There is no such key."""

    code = "api_key_not_found"
    kind = Kind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made, with its token, which nothing can show again."""

    key: ApiKey
    token: str


def create_key(
    *,
    name: str,
    shop_id: UUID | None,
    scopes: Sequence[str],
    made_by: str,
    at: datetime,
    per_minute: int = 6000,
) -> NewKey:
    """
    A new key of a shop, or of the lender's own systems.

    Errors: KeyRefused naming the field: no name, an unknown shop, no scope or one that such an owner cannot have.
    """
    if not name.strip() or len(name) > 80:
        raise KeyRefused(_("Give the key a name of 1 to 80 characters."), field="name")
    if shop_id is not None and not Shop.objects.filter(pk=shop_id).exists():
        raise KeyRefused(_("There is no such shop."), field="shop")
    known = scopes_of(Who.SHOP if shop_id else Who.LENDER)
    if not scopes or set(scopes) - {str(scope) for scope in known}:
        raise KeyRefused(
            _("Give at least one of these scopes: %(scopes)s.") % {"scopes": ", ".join(known)}, field="scopes"
        )
    if per_minute < 1:
        raise KeyRefused(_("Allow at least one request a minute."), field="per_minute")
    prefix, secret = secrets.token_hex(6), secrets.token_hex(24)
    key = ApiKey.objects.create(
        prefix=prefix,
        secret_hash=_hash(secret),
        name=name.strip(),
        shop_id=shop_id,
        scopes=sorted(set(scopes)),
        per_minute=per_minute,
        created_at=at,
        created_by=made_by,
    )
    return NewKey(key, f"cbx_{prefix}_{secret}")


@transaction.atomic
def revoke_key(*, prefix: str, at: datetime) -> ApiKey:
    """Ends a key, within seconds for those who use it. Revoking it again changes nothing. Error: KeyNotFound."""
    key = ApiKey.objects.select_for_update().filter(prefix=prefix).first()
    if key is None:
        raise KeyNotFound(
            _("There is no key that begins with %(prefix)s.") % {"prefix": prefix}, field="prefix"
        )
    if key.revoked_at is None:
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])
    return key


_remembered: dict[bytes, tuple[float, Caller]] = {}


def caller_of(*, token: str, at: datetime) -> Caller | None:
    """Whom a token stands for, None for one that is none or was revoked; notes the use at most once a minute."""
    digest, now = _hash(token), time.monotonic()
    remembered = _remembered.get(digest)
    if remembered and remembered[0] > now:
        return remembered[1]
    caller = _found(token, at)
    if caller is None:
        _remembered.pop(digest, None)
        return None
    if len(_remembered) >= MOST_REMEMBERED:
        _remembered.clear()
    _remembered[digest] = (now + REMEMBERED_SECONDS, caller)
    return caller


def forget() -> None:
    """Forgets what this process remembers."""
    _remembered.clear()


def _found(token: str, at: datetime) -> Caller | None:
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        return None
    key = ApiKey.objects.filter(prefix=parts[1], revoked_at__isnull=True).first()
    if key is None or not hmac.compare_digest(bytes(key.secret_hash), _hash(parts[2])):
        return None
    if key.last_used_at is None or (at - key.last_used_at).total_seconds() > USE_NOTED_SECONDS:
        # Only the first of many at once writes.
        ApiKey.objects.filter(pk=key.pk, last_used_at=key.last_used_at).update(last_used_at=at)
    return Caller(
        who=Who.SHOP if key.shop_id else Who.LENDER,
        name=f"key:{key.prefix}",
        owner=key.shop_id,
        scopes=frozenset(key.scopes),
        per_minute=key.per_minute,
    )


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
