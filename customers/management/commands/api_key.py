"""./manage.py api_key: makes a key to the API and shows it once, lists keys, or revokes one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from customers.models import ApiKey, Shop
from customers.services.api_keys import create_key, revoke_key
from finance.errors import DomainError
from web.api.callers import Who, scopes_of


class Command(BaseCommand):
    help = (
        "create: a key of a shop (--shop, by its identifier or its name) or of the lender's own systems, with every scope "
        "that such an owner may have or those that are named; its token is shown once. list: what keys there are. revoke: "
        "ends a key."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create")
        create.add_argument("name", help="what the key is for")
        create.add_argument(
            "--shop",
            help="the shop that it is for: its identifier, its name, or `first`; without it, the lender's own systems",
        )
        create.add_argument("--scope", action="append", dest="scopes", help="may be given several times")
        create.add_argument("--per-minute", type=int, default=6000, help="requests a minute")
        actions.add_parser("list")
        actions.add_parser("revoke").add_argument("prefix", help="the twelve characters after cbx_")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(**options)
        except DomainError as error:
            raise CommandError(f"{error.field}: {error}" if error.field else str(error)) from error

    def _create(
        self, *, name: str, shop: str | None, scopes: list[str] | None, per_minute: int, **_: Any
    ) -> None:
        shop_id = self._shop(shop).pk if shop else None
        new = create_key(
            name=name,
            shop_id=shop_id,
            scopes=scopes or scopes_of(Who.SHOP if shop_id else Who.LENDER),
            made_by="./manage.py api_key",
            at=timezone.now(),
            per_minute=per_minute,
        )
        self.stderr.write(f"Key {new.key.prefix} for {', '.join(new.key.scopes)}. It is shown only now:")
        self.stdout.write(new.token)

    def _shop(self, given: str) -> Shop:
        if given == "first":
            found = list(Shop.objects.order_by("registered_on", "name")[:1])
            return self._one(found, given)
        try:
            found = list(Shop.objects.filter(pk=UUID(given)))
        except ValueError:
            found = list(Shop.objects.filter(name=given)[:2])
        return self._one(found, given)

    def _one(self, found: list[Shop], given: str) -> Shop:
        if len(found) != 1:
            names = ", ".join(Shop.objects.order_by("name").values_list("name", flat=True)[:10])
            raise CommandError(f"{len(found) or 'no'} shops are called {given!r}. Some there are: {names}")
        return found[0]

    def _list(self, **_: Any) -> None:
        for key in ApiKey.objects.select_related("shop").order_by("created_at"):
            owner = key.shop.name if key.shop else "the lender"
            state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "in use"
            used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
            self.stdout.write(
                f"{key.prefix}  {key.name}  ({owner})  {', '.join(key.scopes)}  {state}, last used {used}"
            )

    def _revoke(self, *, prefix: str, **_: Any) -> None:
        key = revoke_key(prefix=prefix.removeprefix("cbx_")[:12], at=timezone.now())
        self.stdout.write(f"{key.prefix} ({key.name}) is revoked.")
