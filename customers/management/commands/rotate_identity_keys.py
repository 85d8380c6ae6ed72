"""`./manage.py rotate_identity_keys`: seal every national ID and phone with the newest key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers import services


class Command(BaseCommand):
    help = _(
        "Seals national IDs and phones with the first of IDENTITY_KEYS wherever an older one sealed them. "
        "An older key may be taken out of the settings when this has ended. It may be interrupted and run again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        resealed = services.rotate_identity_keys()
        self.stdout.write(
            ngettext(
                "%(count)d customer's numbers sealed anew; all are under the newest key.",
                "%(count)d customers' numbers sealed anew; all are under the newest key.",
                resealed,
            )
            % {"count": resealed}
        )
