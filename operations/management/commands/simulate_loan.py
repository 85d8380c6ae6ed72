"""./manage.py simulate_loan: a story of a loan in, as JSON on stdin; its schedule, allocations and standing out, as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand

from finance.errors import DomainError
from finance.quote import error_answer
from operations.services.loan_simulation import simulate_loan
from operations.services.loan_story import LARGEST_STORY_BYTES, read_story

REFUSED = 2


class Command(BaseCommand):
    help = (
        "Reads the terms of a quote and what happens to the loan from stdin, lives through it on the real services and the "
        "real close, prints the schedule, the allocations and what stands, and keeps nothing. "
        'Example: {"principal": "10000.00", "rate": {"daily": "0.0006"}, "method": "one_off", "periods": 1, '
        '"frequency": {"months": 1}, "day_count": "actual/365", "disbursed_on": "2026-06-01", "transactions": '
        '[{"type": "repayment", "date": "2026-06-06", "amount": "2000.00"}, {"type": "payoff", "date": "2026-06-16"}], '
        '"as_of": "2026-06-16"}'
    )
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        request = sys.stdin.buffer.read(LARGEST_STORY_BYTES + 1)
        try:
            answer = simulate_loan(read_story(request))
        except DomainError as error:
            self.stdout.write(json.dumps(error_answer(error), indent=2))
            sys.exit(REFUSED)
        self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
