"""What the commands for people share: the language of the terminal, and refusals said without a traceback."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from finance.errors import DomainError


class TerminalCommand(BaseCommand):
    """
    A command that talks to a person: in Chinese where the terminal's locale is Chinese, in English elsewhere.

    A DomainError becomes a CommandError: its message, and exit code 1.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
        with translation.override("zh-hans" if locale.startswith("zh") else "en"):
            try:
                return super().execute(*args, **options)
            except DomainError as refusal:
                raise CommandError(str(refusal)) from refusal
            except BrokenPipeError:
                # Whoever reads has read enough (`… | head`); what Python would still flush goes nowhere.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                sys.exit(1)
