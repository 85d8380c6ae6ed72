"""./manage.py set_business_date: the first business date of an empty bank."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from operations.arguments import iso_date
from operations.management.terminal import TerminalCommand
from operations.services.closing import set_business_date


class Command(TerminalCommand):
    help = "Sets the first business date of an empty bank. Afterwards only a close moves it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("on", type=iso_date, metavar="YYYY-MM-DD")

    def handle(self, *args: Any, on: date, **options: Any) -> None:
        set_business_date(on=on)
        self.stdout.write(f"{on}")
