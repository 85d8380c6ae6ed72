"""./manage.py simulate_line: a story of a line in, as JSON on stdin; its statements and standing out, as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import translation
from django.utils.decorators import method_decorator

from finance.errors import DomainError
from operations.services.line_story import EVENT_TYPES, parse_story
from operations.services.simulation import simulate


def shape(type_: str) -> str:
    """What events of a type have beside their day, type and ref: what they need, and in brackets what they may have."""
    needed, allowed = (", ".join(sorted(fields)) for fields in EVENT_TYPES[type_])
    return " ".join(filter(None, (f"{type_}:", needed, f"[{allowed}]" if allowed else "")))


class Command(BaseCommand):
    help = (
        "Reads a line and its events from stdin, lives through them on the real services and the real close, prints the "
        "statements and what stands on the line, and keeps nothing. "
        'Example: {"line": {"limit": "8000.00", "statement_day": 1, "due_day": 10, "opened_on": "2026-05-20"}, '
        '"events": [{"on": "2026-06-05", "type": "purchase", "amount": "1000.00", "ref": "p1"}], "until": "2026-08-01"}. '
        "Every event has on, type and ref; by type: " + "; ".join(map(shape, EVENT_TYPES)) + "."
    )
    requires_system_checks = []

    @method_decorator(translation.override("en"))
    def handle(self, *args: Any, **options: Any) -> None:
        # What it says is read by programs, and by people who read English.
        try:
            text = sys.stdin.buffer.read().decode("utf-8-sig")
            answer = simulate(parse_story(text))
        except UnicodeDecodeError:
            self._refuse("", "not UTF-8 text")
        except DomainError as refusal:
            self._refuse(getattr(refusal, "field", None) or "", str(refusal))
        self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))

    def _refuse(self, field: str, message: str) -> None:
        # Escaped, since what is wrong may be a character that cannot be written.
        self.stdout.write(json.dumps({"error": {"field": field, "message": message}}))
        sys.exit(2)
