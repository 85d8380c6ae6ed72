"""./manage.py set_business_date: the first business date of an empty bank."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from finance.errors import DomainError
from operations.management.commands.close_day import iso_date
from operations.services.closing import set_business_date


class Command(BaseCommand):
    help = "Sets the first business date of an empty bank. Afterwards only a close moves it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("on", type=iso_date, metavar="YYYY-MM-DD")

    def handle(self, *args: Any, on: date, **options: Any) -> None:
        try:
            set_business_date(on=on)
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{on}")
