"""./manage.py close_day: ends business days, printing what each step of the close did."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date, timedelta
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from operations.arguments import iso_date
from operations.management.terminal import TerminalCommand
from operations.services import closing


class Command(TerminalCommand):
    help = (
        "Moves the business date to the next day and closes the day that ended, step by step. Safe to repeat: an "
        "interrupted close is finished first, a finished one is not done again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        several = parser.add_mutually_exclusive_group()
        several.add_argument("--days", type=int, default=1, help="how many days to close (default 1)")
        several.add_argument(
            "--until", type=iso_date, metavar="YYYY-MM-DD", help="close until this is the business date"
        )

    def handle(self, *args: Any, days: int, until: date | None, **options: Any) -> None:
        today = closing.business_date()
        if until is not None and until < today:
            raise CommandError(f"the business date is {today}, after {until}: days are not reopened")
        if days < 0:
            raise CommandError("--days must not be negative")
        for result in closing.close_until(on=until or today + timedelta(days=days)):
            done = (
                _("done before") if result.done_before else _("%(rows)s rows") % {"rows": f"{result.rows:,}"}
            )
            self.stdout.write(f"{result.closed_on}  {result.step:<40} {done}")
        self.stdout.write(_("The business date is %(date)s.") % {"date": closing.business_date()})
