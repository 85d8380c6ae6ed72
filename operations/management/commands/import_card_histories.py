"""./manage.py import_card_histories: people and their card histories from another lender's file, all or nothing."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from creditscore.services.import_histories import UCI, import_histories
from finance.errors import DomainError
from operations.management.terminal import TerminalCommand


def month(text: str) -> date:
    """The first day of a month written like 2005-09; argparse names the option when it is not one."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a month, such as 2005-09") from None


def source_name(text: str) -> str:
    """A source's name: lower-case letters, digits and hyphens, at most 24."""
    if not (
        0 < len(text) <= 24 and text.isascii() and text.replace("-", "").isalnum() and text == text.lower()
    ):
        raise ArgumentTypeError(f"{text!r} is not a name of up to 24 lower-case letters, digits and hyphens")
    return text


class Command(TerminalCommand):
    help = (
        "Imports people with six months of card history each from a CSV file in the format of UCI's 'Default of Credit Card "
        "Clients', plain or gzipped: all of it or, when anything is wrong, nothing. Safe to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the CSV file, or CSV compressed with gzip")
        parser.add_argument(
            "--last-month",
            type=month,
            metavar="YYYY-MM",
            help="the newest of the six months (default: as imported before, else 2005-09)",
        )
        parser.add_argument(
            "--source", type=source_name, default=UCI, help=f"the lender's short name (default {UCI})"
        )
        parser.add_argument("--json", dest="as_json", action="store_true", help="print the result as JSON")

    def handle(
        self, *args: Any, file: Path, last_month: date | None, source: str, as_json: bool, **options: Any
    ) -> None:
        started = time.monotonic()
        try:
            imported = import_histories(
                file=file,
                source=source,
                newest_month=last_month,
                on_progress=self._show_progress if sys.stderr.isatty() else None,
            )
        except DomainError as refusal:
            raise CommandError(_("Nothing was imported: %(why)s") % {"why": refusal.message}) from refusal
        seconds = time.monotonic() - started
        if as_json:
            self.stdout.write(_as_json(asdict(imported), seconds))
            return
        counts = {
            "people": f"{imported.people:,}",
            "months": f"{imported.account_months:,}",
            "new_people": f"{imported.new_people:,}",
            "new_months": f"{imported.new_account_months:,}",
            "seconds": f"{seconds:.1f}",
            "newest": f"{imported.newest_month:%Y-%m}",
            "share": f"{imported.defaulted / imported.people:.2%}",
            "national_id": imported.first_national_id,
        }
        self.stdout.write(
            _(
                "%(people)s people with %(months)s months of history up to %(newest)s; "
                "%(share)s defaulted in the month after."
            )
            % counts
        )
        if imported.nothing_new:
            self.stdout.write(_("All of it was known before: nothing was recorded (%(seconds)s s).") % counts)
        else:
            self.stdout.write(
                _("New: %(new_people)s people, %(new_months)s months (%(seconds)s s).") % counts
            )
        self.stdout.write(_("The first of them has the national ID %(national_id)s.") % counts)

    def _show_progress(self, people: int, share: float) -> None:
        line = _("%(people)s people, %(share)s of the file") % {
            "people": f"{people:,}",
            "share": f"{share:.0%}",
        }
        self.stderr.write(f"\r{line}", ending="\n" if share >= 1 else "")
        self.stderr.flush()


def _as_json(result: dict[str, Any], seconds: float) -> str:
    result["newest_month"] = f"{result['newest_month']:%Y-%m}"
    result["nothing_new"] = not (result["new_people"] or result["new_account_months"])
    result["seconds"] = round(seconds, 2)
    return json.dumps(result, ensure_ascii=False, indent=2)
