"""What an owner shares of a line, told a second time for the oracle: whom, up to which cap, and what of a month is spent."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from tests.properties.oracle_rules import Refused, Rules


@dataclass
class Share:
    """
    One person's share of the line, and what they hold or have bought and kept by the month in which they bought it, through
    earlier shares of theirs too.
    """

    ref: str
    cap: int
    status: str = "invited"
    spent: dict[date, int] = field(default_factory=lambda: defaultdict(int))


@dataclass
class Shares:
    """All shares of a line, those that ended too."""

    every: list[Share] = field(default_factory=list)

    def last(self, ref: str) -> Share:
        for share in reversed(self.every):
            if share.ref == ref:
                return share
        raise Refused("share_not_found")

    def invite(self, ref: str, cap: int, rules: Rules, line_status: str) -> None:
        self._require_cap(cap, rules)
        if line_status != "active":
            raise Refused("line_not_active")
        if any(share.ref == ref and share.status != "closed" for share in self.every):
            raise Refused("share_refused")
        # What the person spent of a month through a share that ended counts on: one account of it for all their shares.
        earlier = [share.spent for share in self.every if share.ref == ref]
        self.every.append(Share(ref, cap, spent=earlier[0] if earlier else defaultdict(int)))

    def accept(self, ref: str) -> None:
        self._open(ref).status = "active"

    def change_cap(self, ref: str, cap: int, rules: Rules) -> None:
        self._require_cap(cap, rules)
        self._open(ref).cap = cap

    def end(self, ref: str) -> None:
        self.last(ref).status = "closed"

    def to_spend(self, ref: str) -> Share:
        """The share through which somebody buys."""
        share = self.last(ref)
        if share.status != "active":
            raise Refused("share_not_active")
        return share

    def _open(self, ref: str) -> Share:
        share = self.last(ref)
        if share.status == "closed":
            raise Refused("share_not_active")
        return share

    def _require_cap(self, cap: int, rules: Rules) -> None:
        if not rules.smallest_cap <= cap <= rules.largest_cap:
            raise Refused("cap_refused")
