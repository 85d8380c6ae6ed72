"""What several management commands read from their command line."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import date


def iso_date(text: str) -> date:
    """A date written like 2026-07-01; argparse names the option when it is not one."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date, such as 2026-07-01") from None
