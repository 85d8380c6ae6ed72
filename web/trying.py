"""Trying out what would be done: it is really done, looked at, and rolled back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import transaction

Looked = TypeVar("Looked")
Made = TypeVar("Made")
Shown = TypeVar("Shown")


def tried(
    *, look: Callable[[], Looked], act: Callable[[], Made], show: Callable[[Looked, Looked, Made], Shown]
) -> Shown:
    """
    What `show` makes of a look before an act, one after it, and what the act made, while all of it is there. Nothing of it is
    written. Errors: those of the act.
    """
    with transaction.atomic():
        before = look()
        made = act()
        shown = show(before, look(), made)
        transaction.set_rollback(True)
    return shown
