"""./manage.py publish_scores: publishes the month's scores for everybody; the close of a day does the same by itself."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from creditscore.selectors import distribution_by_band
from creditscore.services.publishing import publish_scores
from finance.errors import DomainError
from operations.arguments import iso_date
from operations.management.terminal import TerminalCommand


class Command(TerminalCommand):
    help = (
        "Publishes the scores of a publication day (the 6th) for everybody registered by then, from what was known the day "
        "before. Published scores never change; repeating it publishes only who is not in the publication yet."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--on", type=iso_date, required=True, metavar="YYYY-MM-DD", help="the publication day"
        )

    def handle(self, *args: Any, on: date, **options: Any) -> None:
        started = time.monotonic()
        try:
            published = publish_scores(on=on, on_progress=self._show if sys.stderr.isatty() else None)
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        seconds = time.monotonic() - started
        self.stdout.write(
            _("%(people)s scores published on %(on)s (%(seconds)s s).")
            % {"people": f"{published:,}", "on": on, "seconds": f"{seconds:.1f}"}
        )
        for band in distribution_by_band(on):
            self.stdout.write(f"  {band.people:>9,}  {band.label}")

    def _show(self, done: int, of: int) -> None:
        self.stderr.write(f"\r{done:,} / {of:,}", ending="\n" if done >= of else "")
        self.stderr.flush()
