"""`manage.py staff_roles`: the roles of staff, as operations/staff.py defines them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from operations.staff import ROLES, set_up_roles


class Command(BaseCommand):
    help = "Create or reset the staff roles. Run after migrating; repeating it changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        set_up_roles()
        for role, permissions in ROLES.items() if options["verbosity"] else ():
            self.stdout.write(f"{role}: {len(permissions)} permissions")
