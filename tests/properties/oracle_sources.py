"""A customer's own sources and what is collected from them on due days, told a second time for the oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Try:
    """One try to collect: what was asked of a source, and what it had of that."""

    on: date
    source: str
    asked: int
    collected: int


@dataclass
class Sources:
    """What is behind each source, in the order in which they were added, and what of a bill the customer has collected."""

    behind: dict[str, int] = field(default_factory=dict)
    choice: str = "full"
    tries: list[Try] = field(default_factory=list)

    def has(self, name: str, fen: int) -> None:
        """A source is added, or what is behind it changes."""
        self.behind[name] = fen

    def collect(self, on: date, asked: Callable[[str], int], repay: Callable[[int], None]) -> None:
        """Asks one source after the other for what is left of the first asking, and for no more than is still asked then."""
        left = asked(self.choice)
        for name, fen in self.behind.items():
            wanted = min(left, asked(self.choice))
            if wanted <= 0:
                return
            moved = min(wanted, fen)
            self.behind[name] -= moved
            left -= moved
            self.tries.append(Try(on, name, wanted, moved))
            if moved:
                repay(moved)
