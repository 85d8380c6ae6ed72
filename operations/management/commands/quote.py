"""`manage.py quote`: one JSON request on stdin, the schedule and the annual rate, or a named error, on stdout."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand

from finance.errors import DomainError
from finance.quote import error_answer, quote_json
from finance.reading import LARGEST_REQUEST_BYTES

REFUSED = 2
"""Exit code of a request that cannot be quoted."""


class Command(BaseCommand):
    help = "Prices a loan: reads one JSON request from stdin, prints its schedule and annual rate as JSON."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        # One byte more than is allowed is enough to know that it is too much.
        request = sys.stdin.buffer.read(LARGEST_REQUEST_BYTES + 1)
        try:
            answer = quote_json(request)
        except DomainError as error:
            self.stdout.write(json.dumps(error_answer(error), indent=2))
            sys.exit(REFUSED)
        self.stdout.write(json.dumps(answer, indent=2))
