"""Every step of a close, in their order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import creditscore.closing
import huabei.closing
import huabei.telling
import lending.closing
import lending.telling

# A name, and what is done about the day that ended; returns the rows it wrote.
Step = tuple[str, Callable[[date], int]]

# Every step of a close, in order. People are told last, of what stands once the books are written.
STEPS: tuple[Step, ...] = (
    *huabei.closing.STEPS,
    *lending.closing.STEPS,
    *creditscore.closing.STEPS,
    *huabei.telling.STEPS,
    *lending.telling.STEPS,
)
