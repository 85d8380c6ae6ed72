"""What is done to a line itself, told a second time for the oracle: its limit, its freezes, its end."""

from __future__ import annotations

from datetime import date

from tests.properties.oracle_rules import Refused

LARGEST_LIMIT = 50_000_00


class Changes:
    """The part of the oracle that says how much may be drawn, and whether anything may be bought."""

    limit: int
    temporary: list[tuple[int, date]]
    late_minimum: bool
    freezes: dict[str, str]
    ended_freezes: set[str]
    closed: bool

    @property
    def drawn(self) -> int:
        """Principal owed."""
        raise NotImplementedError

    @property
    def held(self) -> int:
        """What purchases under way reserve."""
        raise NotImplementedError

    @property
    def owed(self) -> int:
        """All that is owed but instalments to come."""
        raise NotImplementedError

    @property
    def limit_now(self) -> int:
        return 0 if self.closed else self.limit + sum(fen for fen, _last_day in self.temporary)

    @property
    def available(self) -> int:
        return max(self.limit_now - self.drawn - self.held, 0)

    @property
    def status(self) -> str:
        return "closed" if self.closed else "frozen" if self.late_minimum or self.freezes else "active"

    def change_limit(self, fen: int) -> None:
        self._still_open()
        if fen == self.limit or (fen > self.limit and fen - self.limit + self.limit_now > LARGEST_LIMIT):
            raise Refused("limit_refused")
        self.limit = fen

    def raise_temporarily(self, on: date, fen: int, last_day: date) -> None:
        self._still_open()
        if last_day < on or self.limit_now + fen > LARGEST_LIMIT:
            raise Refused("limit_refused")
        self.temporary.append((fen, last_day))

    def freeze(self, ref: str, cause: str) -> None:
        self._still_open()
        if cause in self.freezes.values():
            raise Refused("already_frozen")
        self.freezes[ref] = cause

    def thaw(self, ref: str) -> None:
        if ref not in self.freezes and ref not in self.ended_freezes:
            raise Refused("not_frozen")
        self.freezes.pop(ref, None)
        self.ended_freezes.add(ref)

    def close(self) -> None:
        self._still_open()
        if self.owed or self.drawn or self.held:
            raise Refused("still_owes")
        self.closed = True

    def _still_open(self) -> None:
        if self.closed:
            raise Refused("line_not_active")

    def close_when_late(self, oldest: date, morning: date) -> None:
        """Overdue for more than two months, the line is closed."""
        months = oldest.month + 1
        if oldest.replace(year=oldest.year + months // 12, month=months % 12 + 1) < morning:
            self.closed = True
